// SPDX-License-Identifier: MIT
#ifndef BITLOOM_LOGIC_SIMPLIFY_WINDOW_H
#define BITLOOM_LOGIC_SIMPLIFY_WINDOW_H

// The surroundings of one gate, small enough for truth tables: everything that could stand in for
// it as a function of at most WINDOW_LEAVES leaves.
//
//     leaves -> divisors -> root -> readers ... -> observers
//
// Divisors are what a new gate may read: the leaves, the cone below the root, and other gates that
// read nothing else. None depends on the root. The care set holds the rows in which an observer
// shows a change of the root; rows that no input can cause are missing from nobody's table, since
// all tables are in terms of the same leaves.

#include "network.h"

enum { WINDOW_LEAVES = 12, WINDOW_DIVISORS = 64, WINDOW_WORDS = 1 << (WINDOW_LEAVES - 6) };

typedef struct window_limits {
    uint32_t n_leaves;  // 6 to WINDOW_LEAVES
    uint32_t n_readers; // of a gate that is looked beyond; 0: the root itself is the observer
    uint32_t n_levels;  // of readers
} window_limits;

typedef struct window {
    uint32_t root, n_leaves, n_divisors;
    uint32_t n_words; // of tables, a multiple of 4: with few leaves the rows are repeated
    uint32_t divisor[WINDOW_DIVISORS]; // the leaves, then gates, fanins first
    uint64_t table[WINDOW_DIVISORS][WINDOW_WORDS];
    uint64_t on[WINDOW_WORDS], off[WINDOW_WORDS]; // rows where the root must be true, false
    uint64_t below;                               // divisors in the cone of the root, no leaves
} window;

void window_open(window *w, network *net, uint32_t root, const window_limits *limits);

#endif
