// SPDX-License-Identifier: MIT
#ifndef BITLOOM_LOGIC_SIMPLIFY_FUNCTIONS_H
#define BITLOOM_LOGIC_SIMPLIFY_FUNCTIONS_H

// How to make each function of four inputs of few gates with two inputs.

#include <bitloom/base.h>

enum { N_NORMAL = 1 << 15, N_WAYS = 4 };

// One gate over two other functions; tables of four inputs, row 0 false in both.
typedef struct way {
    uint16_t left, right;
    uint8_t table; // of the gate: bit 2 * right + left
} way;

// By table / 2 of functions that are false in row 0; the others are complements of these.
typedef struct functions {
    uint8_t cost[N_NORMAL];   // gates, as a formula
    uint8_t n_ways[N_NORMAL]; // 0 for constants and inputs
    way ways[N_NORMAL][N_WAYS];
} functions;

BL_MUST_USE bl_status functions_create(functions **result, const bl_allocator *allocator);
void functions_destroy(functions **f, const bl_allocator *allocator);

#endif
