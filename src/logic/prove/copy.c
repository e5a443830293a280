// SPDX-License-Identifier: MIT
// Copies between graphs: two linear walks, one backwards to find what is needed, one forwards.

#include "copy.h"

#include "node.h"

#include <assert.h>

void mark_cones(uint8_t *is_needed, const bl_graph *g)
{
    for (uint32_t id = g->n_nodes; id-- > 1;) {
        if (!is_needed[id] || !is_and(g, id))
            continue;
        is_needed[bl_lit_node(g->fanin0[id])] = 1;
        is_needed[bl_lit_node(g->fanin1[id])] = 1;
    }
}

void copy_ands(bl_graph *to, bl_lit *lit, const bl_graph *from, const uint8_t *is_needed)
{
    for (uint32_t id = 1; id < from->n_nodes && to->status == BL_OK; id++)
        if (is_and(from, id) && (!is_needed || is_needed[id]))
            lit[id] =
                bl_graph_and(to, copied(lit, from->fanin0[id]), copied(lit, from->fanin1[id]));
}

static void mark_ports(uint8_t *is_needed, const bl_graph *g, const bl_lit *lit)
{
    for (uint32_t i = 0; i < g->n_outputs; i++)
        is_needed[bl_lit_node(copied(lit, g->outputs[i].lit))] = 1;
    for (uint32_t i = 0; i < g->n_latches; i++)
        is_needed[bl_lit_node(copied(lit, g->latches[i].next))] = 1;
}

static void copy_ports(bl_graph *to, bl_lit *final, const bl_graph *g, const bl_lit *lit,
                       const bl_graph *nodes, const uint8_t *is_needed)
{
    for (uint32_t i = 0; i < g->n_inputs; i++)
        final[nodes->inputs[i].node] = bl_graph_input(to, bl_graph_name(g, g->inputs[i].name));
    for (uint32_t i = 0; i < g->n_latches; i++)
        final[nodes->latches[i].node] =
            bl_graph_latch(to, g->latches[i].reset, bl_graph_name(g, g->latches[i].name));
    copy_ands(to, final, nodes, is_needed);
    if (to->status != BL_OK)
        return;
    for (uint32_t i = 0; i < g->n_outputs; i++) {
        const bl_graph_output_info *o = &g->outputs[i];
        bl_graph_port(to, copied(final, copied(lit, o->lit)), o->kind, o->group,
                      bl_graph_name(g, o->name));
    }
    for (uint32_t i = 0; i < g->n_latches; i++)
        bl_graph_set_next(to, i, copied(final, copied(lit, g->latches[i].next)));
    bl_graph_set_comment(to, g->comment);
}

bl_status copy_needed(bl_graph **result, const bl_graph *g, const bl_lit *lit,
                      const bl_graph *nodes, const bl_allocator *allocator)
{
    assert(nodes->n_inputs == g->n_inputs && nodes->n_latches == g->n_latches);
    bl_graph *to = NULL;
    uint32_t n = nodes->n_nodes;
    uint8_t *is_needed = bl_alloc(allocator, n);
    bl_lit *final = bl_alloc_array(allocator, n, sizeof *final);
    bl_status status = is_needed && final ? bl_graph_create(&to, allocator) : BL_ERR_MEMORY;
    if (status == BL_OK) {
        mark_ports(is_needed, g, lit);
        mark_cones(is_needed, nodes);
        copy_ports(to, final, g, lit, nodes, is_needed);
        status = to->status;
    }
    if (status == BL_OK)
        *result = to;
    else
        bl_graph_destroy(&to);
    bl_free(allocator, is_needed, n);
    bl_free(allocator, final, n * sizeof *final);
    return status;
}
