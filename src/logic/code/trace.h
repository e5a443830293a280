// SPDX-License-Identifier: MIT
#ifndef BITLOOM_LOGIC_TRACE_H
#define BITLOOM_LOGIC_TRACE_H

#include "logic/program_private.h"

// One entry of a program as values instead of slots: what a compiler works on. Value v below
// n_sources is what slot v holds when the entry begins (0 and 1 are the constants); value
// n_sources + i is the result of operation i, whose sources have smaller numbers.
typedef struct trace_op {
    uint32_t source[3]; // a, b, c of the table; those beyond n are 0
    uint8_t table;      // row 4a + 2b + c; row 0 is 0, but for copies with a complement
    uint8_t n;          // different sources that matter, none constant: 1 (a copy), 2 or 3
    bool has_mate;      // the next operation has the same three sources: an adder's other half
} trace_op;

// What the entry leaves behind: slots of state and outputs and the operations that give them.
typedef struct trace_store {
    uint32_t slot, op;
} trace_store;

typedef struct trace {
    trace_op *ops;
    uint32_t n_ops, op_capacity;
    trace_store *stores;
    uint32_t n_stores, store_capacity;
    uint32_t n_sources;
    const bl_allocator *allocator;
} trace;

// Of a program without macro-operations. Copies and complements vanish into the tables.
BL_MUST_USE bl_status trace_create(trace *t, const bl_program *program, uint32_t entry,
                                   const bl_allocator *allocator);
void trace_destroy(trace *t);

// The same operations in another order: depth first from the stores, the deeper operand first, so
// that values die soon. What no store needs is left out.
BL_MUST_USE bl_status trace_reorder(trace *t);

// The same once more: operations exchanged so that values stay in registers (order.c), none more
// than `window` places ahead of the first that waits.
BL_MUST_USE bl_status trace_schedule(trace *t, uint32_t window);

#endif
