// SPDX-License-Identifier: MIT
#ifndef BITLOOM_LOGIC_PROVE_CONE_H
#define BITLOOM_LOGIC_PROVE_CONE_H

// Questions about two signals of one graph, put to the solver: only their cones become clauses,
// and what one question loaded serves the next. The graph may grow in between.
//
// Inputs and latches are "free": they may have any value.

#include "sat.h"

#include <bitloom/logic.h>

typedef struct cone_node {
    int variable;   // 0: not loaded
    uint32_t visit; // the walk it was met in last
} cone_node;

typedef struct cone {
    const bl_graph *g;
    const bl_allocator *allocator;
    sat *solver;
    bool is_quick; // the solver
    // After a question that was given up: what the solver learned and prefers since then makes it
    // give up the next ones too, but loading large cones again takes long.
    bool starts_afresh;
    cone_node *nodes;
    uint32_t node_capacity;
    uint32_t *loaded; // nodes with a variable, in the order of the variables
    uint32_t n_loaded, n_loaded_capacity;
    uint32_t *stack;
    uint32_t stack_capacity;
    uint32_t *support; // the free nodes that the last CONE_DIFFERENT depends on
    uint32_t n_support, support_capacity;
    uint32_t n_visits;
    uint32_t n_first; // n_loaded after the first question to this solver
} cone;

typedef enum cone_answer { CONE_EQUAL, CONE_DIFFERENT, CONE_UNDECIDED } cone_answer;

// Are two literals equal for all values of the free nodes? After CONE_DIFFERENT `support` lists
// the free nodes that matter and cone_value tells the value of each.
BL_MUST_USE bl_status cone_compare(cone_answer *answer, cone *c, bl_lit a, bl_lit b,
                                   uint32_t max_conflicts, uint64_t deadline_ns);
bool cone_value(cone *c, uint32_t node);

void cone_clear(cone *c); // frees; all zero but g and allocator is an empty one

#endif
