// SPDX-License-Identifier: MIT
// Replaces latches by what induction finds them equal to.

#include "copy.h"
#include "induction.h"

#include "base/try.h"

#include <assert.h>

static void list_first_states(bl_lit *first, const bl_graph *g)
{
    for (uint32_t i = 0; i < g->n_latches; i++)
        first[i] =
            g->latches[i].reset == BL_RESET_UNKNOWN ? 2 * (i + 1) : (bl_lit)g->latches[i].reset;
}

typedef struct rebuilding {
    const bl_graph *g;
    const induction *n;
    bl_graph *to;
    bl_lit *lit;
    uint8_t *is_needed;
} rebuilding;

static void copy_free_nodes(rebuilding *r)
{
    const bl_graph *g = r->g;
    for (uint32_t i = 0; i < g->n_inputs; i++)
        r->lit[g->inputs[i].node] = bl_graph_input(r->to, bl_graph_name(g, g->inputs[i].name));
    for (uint32_t i = 0; i < g->n_latches; i++) { // heads come first
        const bl_graph_latch_info *l = &g->latches[i];
        bl_lit same = induction_representative(r->n, i);
        bl_lit head = BL_LIT_FALSE;
        if (bl_lit_node(same) == i + 1)
            head = bl_graph_latch(r->to, l->reset, bl_graph_name(g, l->name));
        else if (bl_lit_node(same) > 0)
            head = r->lit[g->latches[bl_lit_node(same) - 1].node];
        r->lit[l->node] = bl_lit_not_if(head, bl_lit_is_complemented(same));
    }
}

static void mark_ports(rebuilding *r)
{
    for (uint32_t i = 0; i < r->g->n_outputs; i++)
        r->is_needed[bl_lit_node(r->g->outputs[i].lit)] = 1;
    for (uint32_t i = 0; i < r->g->n_latches; i++)
        if (bl_lit_node(induction_representative(r->n, i)) == i + 1)
            r->is_needed[bl_lit_node(r->g->latches[i].next)] = 1;
    mark_cones(r->is_needed, r->g);
}

static void copy_ports(rebuilding *r)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < r->g->n_latches; i++)
        if (bl_lit_node(induction_representative(r->n, i)) == i + 1)
            bl_graph_set_next(r->to, n++, copied(r->lit, r->g->latches[i].next));
    for (uint32_t i = 0; i < r->g->n_outputs; i++) {
        const bl_graph_output_info *o = &r->g->outputs[i];
        bl_graph_port(r->to, copied(r->lit, o->lit), o->kind, o->group,
                      bl_graph_name(r->g, o->name));
    }
    bl_graph_set_comment(r->to, r->g->comment);
}

static bl_status rebuild(bl_graph **swept, const bl_graph *g, const induction *n,
                         const bl_allocator *allocator)
{
    rebuilding r = {.g = g, .n = n};
    r.lit = bl_alloc_array(allocator, g->n_nodes, sizeof *r.lit);
    r.is_needed = bl_alloc(allocator, g->n_nodes);
    bl_status status = r.lit && r.is_needed ? bl_graph_create(&r.to, allocator) : BL_ERR_MEMORY;
    if (status == BL_OK) {
        mark_ports(&r);
        copy_free_nodes(&r);
        copy_ands(r.to, r.lit, g, r.is_needed);
        status = r.to->status;
    }
    if (status == BL_OK) {
        copy_ports(&r);
        status = r.to->status;
    }
    if (status == BL_OK)
        *swept = r.to;
    else
        bl_graph_destroy(&r.to);
    bl_free(allocator, r.lit, g->n_nodes * sizeof *r.lit);
    bl_free(allocator, r.is_needed, g->n_nodes);
    return status;
}

bl_status bl_graph_sweep_latches(bl_graph **swept, bl_sweep_facts *facts, const bl_graph *g,
                                 const bl_prove_params *params, const bl_allocator *allocator)
{
    static const bl_prove_params defaults = {0};
    assert(swept && g && g->status == BL_OK);
    if (!params)
        params = &defaults;
    bl_lit *first = bl_alloc_array(allocator, g->n_latches + 1, sizeof *first);
    if (!first)
        return BL_ERR_MEMORY;
    list_first_states(first, g);
    induction n = {.g = g,
                   .first = first,
                   .params = params,
                   .deadline_ns = deadline_after(params->seconds),
                   .allocator = allocator};
    bl_graph *result = NULL;
    bl_status status = induction_run(&n);
    if (status == BL_OK)
        status = rebuild(&result, g, &n, allocator);
    if (status == BL_OK) {
        *swept = result;
        if (facts)
            *facts = (bl_sweep_facts){.n_ands_before = g->n_ands,
                                      .n_ands = result->n_ands,
                                      .n_latches_before = g->n_latches,
                                      .n_latches = result->n_latches,
                                      .n_merged = g->n_latches - result->n_latches,
                                      .n_undecided = n.n_undecided};
    }
    induction_clear(&n);
    bl_free(allocator, first, (g->n_latches + 1) * sizeof *first);
    return status;
}
