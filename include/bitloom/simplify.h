// SPDX-License-Identifier: MIT
#ifndef BITLOOM_SIMPLIFY_H
#define BITLOOM_SIMPLIFY_H

// Graphs with the same ports and less in between: few LUT3s is the aim, since that is what runs.
//
//     bl_graph *small;
//     bl_simplify_params params = {.effort = 5, .budget_ns = 10 * 1000000000ull};
//     if (bl_graph_simplify(&small, big, &params, NULL, NULL) == BL_OK)
//         bl_graph_write_aiger(&file, small, false);
//
// Passes: strash (structural hashing with what one side of an AND implies about the other),
// balance, rewrite (cuts of four inputs), refactor (cones), resub (windows with don't-cares, on
// gates of two and of three inputs). Every pass is compared with the graph that came in, by
// 1,536 random patterns; what is kept is the graph with the fewest LUT3s seen.

#include <bitloom/logic.h>

BL_BEGIN_DECLS

enum { BL_SIMPLIFY_MAX_EFFORT = 9, BL_SIMPLIFY_DEFAULT_EFFORT = 4 };

// After a pass. n_luts: after mapping, 0 at efforts 0 and 1, which do not map. Levels in ANDs.
typedef struct bl_simplify_step {
    const char *pass;
    uint32_t round;
    uint32_t n_ands, n_luts, n_levels;
    uint64_t pass_ns, elapsed_ns;
} bl_simplify_step;

// All zero: effort 0, no budget.
typedef struct bl_simplify_params {
    // 0: strash alone, linear, about 10 s for 1e7 ANDs. 1: strash that looks further, balance.
    // 2: resubstitution. 3: all passes, from several beginnings. 4 to 9: after that 2, 4, 8, 16, 40
    // and 1,000 rounds that wander, fewer if 100 in a row find nothing better.
    uint32_t effort;

    // No pass begins after so long, and passes end early; 0: none. The result then depends on the
    // speed of the machine; without a budget it does not.
    uint64_t budget_ns;

    void (*progress)(void *context, const bl_simplify_step *step); // NULL: none
    void *progress_context;

    // Whether two graphs with the same ports are equivalent; called after every pass with the graph
    // before and the one after. Any status but BL_OK ends the simplification with that status.
    // NULL: simulation alone.
    bl_status (*verify)(void *context, const bl_graph *before, const bl_graph *after,
                        bl_diag *diag);
    void *verify_context;

    // Merges equivalent nodes, by proof, as far as a budget allows (0: none); called from effort 5
    // on, after the first strash. bl_graph_sweep of prove.h does it. NULL: not done.
    bl_status (*sweep)(void *context, bl_graph **result, const bl_graph *graph, uint64_t budget_ns,
                       const bl_allocator *allocator);
    void *sweep_context;
} bl_simplify_params;

// Inputs, latches with their resets, outputs of all kinds, names and the comment stay, in order.
// `graph` is not changed; *result is the caller's. params NULL: all zero. BL_ERR_MEMORY,
// BL_ERR_ARGUMENT (effort), BL_ERR_LIMIT, or what `verify` and `sweep` said; BL_ERR_UNSUPPORTED if
// a pass changed an answer, which is a bug: the diagnostic (may be NULL) names pass and port. One
// thread. About 80 bytes a node at effort 0, 200 at 1, 500 above. The same result for the same
// arguments on every machine, but for a budget.
BL_API BL_MUST_USE bl_status bl_graph_simplify(bl_graph **result, const bl_graph *graph,
                                               const bl_simplify_params *params,
                                               const bl_allocator *allocator, bl_diag *diag);

BL_END_DECLS
#endif
