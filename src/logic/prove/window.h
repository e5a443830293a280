// SPDX-License-Identifier: MIT
#ifndef BITLOOM_LOGIC_PROVE_WINDOW_H
#define BITLOOM_LOGIC_PROVE_WINDOW_H

// Small questions answered by trying everything: the gates between two nodes and a few leaves
// below them, for all values of the leaves.

#include "cone.h"

enum { WINDOW_MAX_LEAVES = 16, WINDOW_MAX_NODES = 600 };

typedef struct window {
    const bl_graph *g;
    const bl_allocator *allocator;
    uint32_t *visit; // of each node: n_visits where it is a leaf or inside
    uint32_t visit_capacity, n_visits;
    uint32_t leaf[WINDOW_MAX_LEAVES], n_leaves;
    uint32_t inside[WINDOW_MAX_NODES], n_inside; // rising
    bl_plane plane[WINDOW_MAX_LEAVES + WINDOW_MAX_NODES];
    uint32_t *place; // of each visited node in `plane`
    uint32_t place_capacity;
    uint32_t pattern; // after CONE_DIFFERENT: bit i is the value of leaf i, a free node
} window;

// Tries a window of at most max_leaves leaves and then, where these are not more than max_free, all
// gates down to the free nodes. CONE_EQUAL where the gates show it, CONE_DIFFERENT only where the
// leaves are free nodes, CONE_UNDECIDED otherwise. n leaves above 9 take 2^(n - 9) walks over at
// most WINDOW_MAX_NODES planes.
BL_MUST_USE bl_status window_compare(cone_answer *answer, window *w, bl_lit a, bl_lit b,
                                     uint32_t max_leaves, uint32_t max_free);

void window_clear(window *w);

#endif
