// SPDX-License-Identifier: MIT
#ifndef BITLOOM_LOGIC_PROVE_RUNS_H
#define BITLOOM_LOGIC_PROVE_RUNS_H

// 512 runs of a graph with latches from reset, with random inputs.
//
// What a latch begins with is given as a literal: BL_LIT_FALSE, BL_LIT_TRUE, or 2 * k for the
// unknown value number k >= 1. The same number and seed give the same values, in every graph.

#include <bitloom/logic.h>

typedef struct runs {
    const bl_graph *g;
    const bl_allocator *allocator;
    bl_plane *planes; // of each node
    bl_plane *next;   // of each latch
    bl_random random;
    bool is_biased;
} runs;

BL_MUST_USE bl_status runs_create(runs *r, const bl_graph *g, const bl_allocator *allocator);
void runs_destroy(runs *r);

// Sets the latches; number_of_run changes the inputs and, for odd ones, makes them unfair.
void runs_reset(runs *r, const bl_lit *first, uint64_t seed, uint32_t number_of_run);

void runs_simulate(runs *r); // one frame: new inputs, all nodes
void runs_step(runs *r);     // the latches take their next states

void set_unknown_plane(bl_plane *plane, uint64_t seed, uint32_t number);

#endif
