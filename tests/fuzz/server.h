// SPDX-License-Identifier: MIT
#ifndef BITLOOM_TESTS_FUZZ_SERVER_H
#define BITLOOM_TESTS_FUZZ_SERVER_H

// An engine with the tiny model, for targets that speak to the server.

#include "../unit/tiny_model.h"
#include "fuzz.h"

#include "serve/engine.h"

#include <stdlib.h>
#include <time.h>

static tiny_model tiny;
static engine *under_test;

static inline void wake_nobody(void *context) { (void)context; }
static inline void ignore_news(void *owner) { (void)owner; }

static inline void start_engine(void)
{
    const char *path = getenv("BITLOOM_TINY");
    if (under_test)
        return;
    REQUIRE(path);
    tiny = tiny_model_open(path);
    REQUIRE(engine_create(&under_test, tiny.model, bl_cpu_best(), 1, wake_nobody, NULL) == BL_OK);
}

// Lets what is under way end.
static inline void settle(void)
{
    engine_stats stats;
    do {
        engine_deliver(under_test);
        engine_get_stats(&stats, under_test);
        nanosleep(&(struct timespec){.tv_nsec = 1000}, NULL);
    } while (stats.n_activities > 0);
    engine_deliver(under_test);
}

#endif
