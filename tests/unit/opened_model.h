// SPDX-License-Identifier: MIT
#ifndef BITLOOM_TESTS_OPENED_MODEL_H
#define BITLOOM_TESTS_OPENED_MODEL_H

// A melted model at work: the tiny one, a runner and states of 512 lanes.

#include "tiny_model.h"

typedef struct opened {
    tiny_model tiny;
    bl_model *model;
    bl_runner *runner;
    uint8_t *states;
} opened;

static const char *opened_path; // of the network, set by main

static inline opened open_model(void)
{
    opened o = {.tiny = tiny_model_open(opened_path)};
    o.model = o.tiny.model;
    REQUIRE(bl_runner_create(&o.runner, o.model, bl_cpu_best(), NULL) == BL_OK);
    o.states = bl_alloc_array(NULL, BL_LANES, bl_model_facts(o.model)->state_bytes);
    return o;
}

static inline void close_model(opened *o)
{
    bl_free(NULL, o->states, BL_LANES * bl_model_facts(o->model)->state_bytes);
    bl_runner_destroy(&o->runner);
    tiny_model_close(&o->tiny);
}

static inline double probability(uint32_t cost) // 2^-cost, by squaring: no libm
{
    double p = 1, root = 0.5;
    for (uint32_t bit = BL_COST_BIT; bit > 0; bit >>= 1) {
        for (; cost >= bit; cost -= bit)
            p *= root;
        double x = root; // square root by Newton
        for (int i = 0; i < 60; i++)
            x = 0.5 * (x + root / x);
        root = x;
    }
    return p;
}

#endif
