// SPDX-License-Identifier: MIT
#ifndef BITLOOM_LOGIC_SIMPLIFY_PASSES_H
#define BITLOOM_LOGIC_SIMPLIFY_PASSES_H

// The passes: each makes a new graph with the same ports that computes the same. On failure there
// is nothing to destroy.

#include "convert.h"
#include "window.h"

// A pass looks at the time between two gates.
typedef struct deadline {
    uint64_t at_ns; // 0: none
} deadline;

static inline bool deadline_is_over(const deadline *d)
{
    return d->at_ns != 0 && bl_time_ns() > d->at_ns;
}

// Builds the graph anew from what its ports read. With n_implied > 0 nothing is built that follows
// from up to so many literals (at most 256) which one side of an AND implies about the other.
BL_MUST_USE bl_status graph_strash(bl_graph **result, const bl_graph *g, uint32_t n_implied,
                                   const bl_allocator *allocator);

// Trees of ANDs and of XORs become shallow, and share pairs with what is there.
BL_MUST_USE bl_status graph_balance(bl_graph **result, const bl_graph *g,
                                    const bl_allocator *allocator);

// Cones over four leaves become the best gates of two inputs that are known for their function.
BL_MUST_USE bl_status graph_rewrite(bl_graph **result, const bl_graph *g, bool allows_neutral,
                                    uint32_t salt, const deadline *d,
                                    const bl_allocator *allocator);

typedef struct refactoring {
    window_limits limits;
    bool allows_neutral;
} refactoring;

// Cones over up to limits.n_leaves leaves are factored anew.
BL_MUST_USE bl_status graph_refactor(bl_graph **result, const bl_graph *g, const refactoring *r,
                                     const deadline *d, const bl_allocator *allocator);

typedef struct resubstitution {
    window_limits limits;
    uint32_t n_fanins;   // of gates: 2, the ANDs and XORs of the graph; 3, the LUT3s it maps to
    uint32_t n_support;  // divisors of the one or two gates that replace one: up to n_fanins + 2
    uint32_t n_steps;    // of each search
    uint32_t n_rounds;   // over all gates; without neutral ones until a round frees little
    uint32_t salt;       // where searches begin: other ones find other gates
    bool allows_neutral; // replaces also where nothing is gained: the way out of local optima
} resubstitution;

// Expresses gates by one or two new ones over others in their window, where fewer are needed then.
BL_MUST_USE bl_status graph_resubstitute(bl_graph **result, const bl_graph *g,
                                         const resubstitution *r, const deadline *d,
                                         const bl_allocator *allocator);

#endif
