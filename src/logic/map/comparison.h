// SPDX-License-Identifier: MIT
#ifndef BITLOOM_LOGIC_COMPARISON_H
#define BITLOOM_LOGIC_COMPARISON_H

#include "logic/map/unfold.h"

enum { MAX_CONE = 128 };

// A node as a function of results of adders, and what weights these results have.
typedef struct comparison {
    uint32_t n;
    uint32_t bits[MAX_TERMS]; // nodes
    term terms[MAX_TERMS];    // the bits that matter, in the polarity in which they raise the node
    uint32_t of_term[MAX_TERMS]; // index into bits
    uint32_t n_terms;
    uint32_t cone[MAX_CONE]; // nodes between, rising; the last one is the root
    uint32_t n_cone;
} comparison;

typedef struct link { // of a node, while weights are found
    uint32_t stamp;
    uint16_t group; // the term from which it was reached first
    int16_t exponent;
} link;

typedef struct comparer {
    const bl_graph *graph;
    const adder_list *adders;
    const uint8_t *is_stop; // of each node: a result or an operand of an adder, or no AND
    uint32_t *place;        // of each node: scratch, 0 between calls
    link *links;            // of each node
    uint32_t *queue;
    uint32_t stamp;
    uint64_t *tables; // of bits and cone
    int64_t *sums;    // of each assignment of the bits
    uint64_t n_steps;
    const bl_allocator *allocator;
} comparer;

BL_MUST_USE bl_status comparer_create(comparer *c, const bl_graph *graph, const adder_list *adders,
                                      const uint8_t *is_stop, const bl_allocator *allocator);
void comparer_destroy(comparer *c);

// The cone of `root` down to stops (the root itself, where an adder gives it), and the terms of a
// sum that it may compare with a constant. False where it has too many bits or cannot be a
// comparison.
bool comparison_find(comparison *x, comparer *c, uint32_t root);

// Whether the root is true just where at least `threshold` of the literals are, that the terms were
// unfolded to. Tried for all assignments of the bits that can occur.
bool comparison_threshold(int64_t *threshold, const comparison *x, comparer *c,
                          const unfolding *sum);

#endif
