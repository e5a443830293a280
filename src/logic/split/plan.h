// SPDX-License-Identifier: MIT
#ifndef BITLOOM_LOGIC_PLAN_H
#define BITLOOM_LOGIC_PLAN_H

#include "logic/program_private.h"

// One entry of a program, its operations divided among threads and stages. Within a stage no thread
// reads what another one writes; between stages all wait for each other.
//
// Values instead of slots: value v below n_ports is what slot v holds when the entry begins, the
// others are results in the order of the operations.
typedef struct plan_op {
    uint64_t at; // word of the record, or of the macro-operation's first list
    uint32_t kind;
    uint32_t first_result, first_source; // value; index into sources
} plan_op;

typedef struct plan {
    uint32_t n_threads, n_stages;
    uint32_t n_ports;  // slots before the temporaries
    plan_op *ops;      // and one behind them
    operation *macros; // of operations that are no records: index in `at`
    uint32_t n_ops, n_macros, n_values;
    uint64_t n_sources;
    uint32_t *sources;       // values
    uint32_t *port_values;   // of each port in the end
    uint32_t *order;         // of operations: stage by stage, in each thread by thread
    uint64_t *first_of_part; // of part stage * n_threads + thread in `order`, and one behind
    uint32_t *part;          // of each operation; NO_PART where nobody needs it
    size_t sizes[3];         // of the arrays: operations, macros, sources
    uint64_t cost, longest;  // of all operations; of the busiest threads of all stages
    const bl_allocator *allocator;
} plan;

static const uint32_t NO_PART = UINT32_MAX;

// Costs are in units of about 65 ps.
BL_MUST_USE bl_status plan_create(plan *p, const bl_program *program, uint32_t entry,
                                  uint32_t n_threads, const bl_allocator *allocator);
void plan_destroy(plan *p);

#endif
