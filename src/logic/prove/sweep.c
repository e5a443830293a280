// SPDX-License-Identifier: MIT
// Sweeping a graph for its own sake.

#include "copy.h"
#include "sweeper.h"

#include <assert.h>

enum { FIRST_CONFLICTS = 100, MAX_CONFLICTS = 100 };

bool bl_prove_has_solver(void) { return sat_is_available(); }

bl_status bl_graph_sweep(bl_graph **swept, bl_sweep_facts *facts, const bl_graph *g,
                         const bl_prove_params *params, const bl_allocator *allocator)
{
    static const bl_prove_params defaults = {0};
    assert(swept && g && g->status == BL_OK);
    if (!params)
        params = &defaults;
    uint32_t max = params->max_conflicts ? params->max_conflicts : MAX_CONFLICTS;
    sweeper s = {.task = {.g = g,
                          .first_conflicts = max < FIRST_CONFLICTS ? max : FIRST_CONFLICTS,
                          .max_conflicts = max,
                          .deadline_ns = deadline_after(params->seconds),
                          .params = params,
                          .step = "sweep",
                          .allocator = allocator}};
    bl_graph *result = NULL;
    bl_status status = sweeper_run(&s);
    if (status == BL_OK)
        status = copy_needed(&result, g, s.lit, s.merged, allocator);
    if (status == BL_OK) {
        *swept = result;
        if (facts)
            *facts = (bl_sweep_facts){.n_ands_before = g->n_ands,
                                      .n_ands = result->n_ands,
                                      .n_latches_before = g->n_latches,
                                      .n_latches = g->n_latches,
                                      .n_merged = s.n_merged,
                                      .n_undecided = s.n_undecided};
    }
    sweeper_clear(&s);
    return status;
}
