// SPDX-License-Identifier: MIT
#ifndef BITLOOM_LOGIC_PROVE_SWEEPER_H
#define BITLOOM_LOGIC_PROVE_SWEEPER_H

// The engine of everything that is proved here: it finds equal nodes of one graph, latches taken as
// inputs, and decides pairs of literals on the way.

#include "classes.h"
#include "window.h"

#include <bitloom/prove.h>

typedef enum pair_state { PAIR_OPEN, PAIR_EQUAL, PAIR_DIFFERENT } pair_state;

typedef struct sweep_pair {
    bl_lit a, b; // in the graph that is swept
    pair_state state;
    uint32_t tried; // with that many conflicts
} sweep_pair;

typedef struct sweep_task {
    const bl_graph *g;
    sweep_pair *pairs; // to decide; the sweeper stops when all are
    uint32_t n_pairs;
    bool stops_at_difference;                // of the first pair that differs
    uint32_t first_conflicts, max_conflicts; // of one question, growing from round to round
    uint64_t deadline_ns;                    // 0: none
    // Called with the planes of g's nodes after each simulation; NULL: not.
    bl_status (*on_patterns)(void *context, const bl_plane *planes);
    void *context;
    const bl_prove_params *params; // for the seed and the progress
    const char *step;
    const bl_allocator *allocator;
} sweep_task;

typedef struct sweeper {
    sweep_task task;
    bl_graph *merged; // grows; has the free nodes of g in the same order, no ports
    bl_lit *lit;      // of each node of g, in `merged`
    bl_lit *same_as;  // of each node of g: an earlier literal it was proved equal to, or itself
    uint32_t *tried;  // of each node of g: undecided with that many conflicts
    bl_plane *planes; // of each node of g
    classes classes;
    cone cone;
    window *window;
    uint32_t *free_nodes; // of g: the inputs, then the latches
    uint32_t n_free;
    bl_plane *pending; // of each free node: counterexamples that were not simulated yet
    uint32_t n_pending;
    bl_random random;
    uint32_t n_merged, n_undecided, n_deferred; // the latter two of this round
    uint32_t n_open_pairs;
    uint32_t different_pair; // the first that was found, with the values of the free nodes
    uint8_t *different_at;
    bool has_difference;
    bool is_complete; // `lit` tells of all nodes; not so where the pairs were decided before
} sweeper;

// All zero but for the task.
BL_MUST_USE bl_status sweeper_run(sweeper *s);
void sweeper_clear(sweeper *s);

// The time that many seconds from now; 0, never, for 0.
uint64_t deadline_after(double seconds);
bool is_past(uint64_t deadline_ns);

#endif
