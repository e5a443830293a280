// SPDX-License-Identifier: MIT
#ifndef BITLOOM_LOGIC_WINDOW_H
#define BITLOOM_LOGIC_WINDOW_H

#include <bitloom/netlist.h>

// A piece of a graph that is mapped by itself: the nodes first..end-1. Earlier nodes are its
// inputs; nodes that later pieces or ports read are its roots and always get a LUT.
typedef struct window_job {
    const bl_graph *graph;
    const uint32_t *fanouts; // of each node of the graph: ANDs and ports that read it
    const uint8_t *is_root;  // of each node of the graph
    uint32_t first, end;
    uint32_t max_inputs;
    uint32_t effort;
    uint8_t costs[256]; // of tables of three inputs
    const bl_allocator *allocator;
} window_job;

// A chosen cut. Leaves are nodes of the graph; a node with one leaf or none needs no LUT.
typedef struct window_lut {
    uint32_t root;
    uint32_t n_leaves;
    uint32_t leaves[BL_NETLIST_MAX_INPUTS];
    uint64_t table;
} window_lut;

// Calls `take` for each node that the mapping needs, in rising order of the roots.
typedef void window_take(void *context, const window_lut *lut);

// With at most three leaves, and with at most six.
BL_MUST_USE bl_status window_map3(const window_job *job, window_take *take, void *context);
BL_MUST_USE bl_status window_map6(const window_job *job, window_take *take, void *context);

#endif
