// SPDX-License-Identifier: MIT
#ifndef BITLOOM_LOGIC_TREE_H
#define BITLOOM_LOGIC_TREE_H

#include "logic/map/counts.h"

#include <bitloom/bits.h>

// The ANDs between a root and its leaves, and what they compute. Scratch for many trees.
typedef struct tree {
    const bl_graph *graph;
    uint32_t *place; // of each node: 1 + index of its plane, 0 between calls
    uint32_t *nodes; // leaves, then ANDs, each behind what it reads; room for every node
    uint32_t n_leaves, n;
    uint64_t n_steps; // of all trees so far
    uint32_t *stack;
    bl_plane *planes;
    size_t n_planes;
    bl_random random;
    const bl_allocator *allocator;
} tree;

BL_MUST_USE bl_status tree_create(tree *t, const bl_graph *graph, const bl_allocator *allocator);
void tree_destroy(tree *t);

// Collects the tree of a root whose leaves are the nodes of the literals. False where it reads
// anything else.
bool tree_collect(tree *t, uint32_t root, const bl_lit *literals, uint32_t n);

// Whether the root of the collected tree counts as it should for 512 random assignments, many of
// them near the threshold. A wrong one is BL_ERR_ARGUMENT.
BL_MUST_USE bl_status tree_check(tree *t, uint32_t root, const bl_lit *literals, uint32_t n,
                                 int64_t threshold);

#endif
