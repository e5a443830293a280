// SPDX-License-Identifier: MIT
// bl_graph_simplify: what comes before and after the script.

#include "script.h"

#include "base/try.h"

#include <assert.h>

// A copy without what no port reads: even a simplification without time gives a graph.
static bl_status begin(simplification *s)
{
    TRY(answers_of_graph(&s->expected, s->source, s->allocator));
    TRY(graph_strash(&s->now, s->source, 0, s->allocator));
    s->best = s->now;
    if (s->params->effort < 2)
        return BL_OK;
    bl_netlist *luts;
    TRY(bl_netlist_map(&luts, s->now, NULL, s->allocator));
    s->now_luts = s->best_luts = luts->n_luts;
    bl_netlist_destroy(&luts);
    return BL_OK;
}

bl_status bl_graph_simplify(bl_graph **result, const bl_graph *g, const bl_simplify_params *params,
                            const bl_allocator *allocator, bl_diag *diag)
{
    static const bl_simplify_params none;
    assert(result && g && g->status == BL_OK);
    simplification s = {.source = g,
                        .params = params ? params : &none,
                        .allocator = allocator,
                        .diag = diag,
                        .begun_ns = bl_time_ns()};
    if (s.params->effort > BL_SIMPLIFY_MAX_EFFORT)
        return bl_diag_set(diag, BL_ERR_ARGUMENT, NULL, 0, 0, "effort %u; expected 0 to %d",
                           s.params->effort, BL_SIMPLIFY_MAX_EFFORT);
    if (s.params->budget_ns)
        s.end.at_ns = s.begun_ns + s.params->budget_ns;
    bl_status status = begin(&s);
    if (status == BL_OK)
        status = script_run(&s);
    if (status == BL_ERR_MEMORY)
        bl_diag_set(diag, status, NULL, 0, 0, "out of memory");
    bl_graph_destroy(&s.start);
    if (s.now != s.best)
        bl_graph_destroy(&s.now);
    if (status == BL_OK)
        *result = s.best;
    else
        bl_graph_destroy(&s.best);
    answers_clear(&s.expected);
    return status;
}
