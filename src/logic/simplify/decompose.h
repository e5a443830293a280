// SPDX-License-Identifier: MIT
#ifndef BITLOOM_LOGIC_SIMPLIFY_DECOMPOSE_H
#define BITLOOM_LOGIC_SIMPLIFY_DECOMPOSE_H

#include <bitloom/base.h>

// outer(first, second, inner(...)): a function of three to five inputs as two gates, of three by
// gates of two inputs (then both outer inputs are the same). The numbers are those of inputs; rows
// as everywhere: bit i is input i of the gate, the inner gate is input 2.
typedef struct decomposition {
    uint32_t inner_input[3], n_inner_inputs, outer_input[2];
    uint8_t inner_table, outer_table;
} decomposition;

// The function is true on the rows `on`, false on `off`, anything elsewhere. Calls `accept` with
// each decomposition until one is accepted (true) or there are no more (false).
bool decompose(uint32_t on, uint32_t off, uint32_t n_inputs,
               bool (*accept)(void *context, const decomposition *d), void *context);

#endif
