// SPDX-License-Identifier: MIT
#ifndef BITLOOM_LOGIC_SIMPLIFY_CUBES_H
#define BITLOOM_LOGIC_SIMPLIFY_CUBES_H

// Sums of products for tables of up to WINDOW_LEAVES inputs.

#include "window.h"

enum { MAX_CUBES = 128 };

// A product of literals: bit 2i is input i, bit 2i + 1 its complement. 0 is true.
typedef struct cubes {
    uint32_t cube[MAX_CUBES], n;
} cubes;

// Irredundant products whose sum is true on the rows `on` and false on `off`, which are disjoint;
// 2^n_inputs rows, at least 64 of them given (a smaller table is repeated). False if that takes
// more than MAX_CUBES.
bool cubes_of_table(cubes *c, const uint64_t *on, const uint64_t *off, uint32_t n_inputs);

#endif
