// SPDX-License-Identifier: MIT
#ifndef BITLOOM_LOGIC_UNFOLD_H
#define BITLOOM_LOGIC_UNFOLD_H

#include "logic/map/adders.h"

typedef struct term { // 2^exponent times a literal; exponents count from anywhere
    bl_lit lit;
    int exponent;
} term;

// A sum of terms, unfolded through adders until all literals have one weight:
//
//     sum of terms + s = 2^exponent (sum of literals + constant),  0 <= s <= 2^exponent slack
//
// s stands for sums of full adders that no term has: at most one for each power of two, all below
// the lowest term.
typedef struct unfolding {
    const bl_lit *literals; // in `now`; one that counts twice is there twice
    uint32_t n;
    int exponent;
    int64_t constant, slack;
} unfolding;

// Scratch that serves many sums.
typedef struct unfolder {
    const bl_graph *graph;
    const adder_list *adders;
    uint32_t *consumed, stamp;   // of each node: the last column in which adders add it
    uint8_t *now_has, *next_has; // of each literal: how often the column has it
    bl_lit *now, *next;          // columns of weight 2^exponent and half that, MAX_COLUMN each
    uint32_t n_now, n_next;
    uint32_t n_left; // of `now`, not unfolded yet
    uint32_t n_seen; // of `next`, already offered to its adders
    int64_t constant;
    bool is_full;     // more than fits
    uint64_t n_steps; // of all sums so far
    const bl_allocator *allocator;
} unfolder;

enum { MAX_TERMS = 16, MAX_COLUMN = 1 << 18 };

BL_MUST_USE bl_status unfolder_create(unfolder *u, const bl_graph *graph, const adder_list *adders,
                                      const bl_allocator *allocator);
void unfolder_destroy(unfolder *u);

// False where there would be too many literals.
bool unfold(unfolding *result, unfolder *u, const term *terms, uint32_t n);

#endif
