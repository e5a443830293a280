// SPDX-License-Identifier: MIT
// Two graphs over the same inputs. Structural hashing makes one of what both have; outputs that
// become the same literal need no proof.
//
//     inputs of a ──┬── copy of a ── output i          pairs[i] = {output i of a,
//                   └── copy of b ── output b_output[i]            its partner of b}

#include "joint.h"

#include "copy.h"
#include "match.h"

#include "base/try.h"

#include <string.h>

static bl_status check_counts(const bl_graph *a, const bl_graph *b, bl_diag *diag)
{
    if (a->n_inputs != b->n_inputs)
        return bl_diag_set(diag, BL_ERR_ARGUMENT, NULL, 0, 0,
                           "the first graph has %u inputs and the second %u; expected as many",
                           a->n_inputs, b->n_inputs);
    if (a->n_outputs != b->n_outputs)
        return bl_diag_set(diag, BL_ERR_ARGUMENT, NULL, 0, 0,
                           "the first graph has %u outputs and the second %u; expected as many",
                           a->n_outputs, b->n_outputs);
    return BL_OK;
}

static size_t max_pairs(const joint *j) { return (size_t)j->a->n_outputs + j->a->n_latches + 1; }

static bl_status allocate(joint *j)
{
    const bl_allocator *m = j->allocator;
    const bl_graph *a = j->a, *b = j->b;
    j->b_input = bl_alloc_array(m, a->n_inputs + 1, sizeof *j->b_input);
    j->b_output = bl_alloc_array(m, a->n_outputs + 1, sizeof *j->b_output);
    j->lit_a = bl_alloc_array(m, a->n_nodes, sizeof *j->lit_a);
    j->lit_b = bl_alloc_array(m, b->n_nodes, sizeof *j->lit_b);
    j->pairs = bl_alloc_array(m, max_pairs(j), sizeof *j->pairs);
    if (!j->b_input || !j->b_output || !j->lit_a || !j->lit_b || !j->pairs)
        return BL_ERR_MEMORY;
    if (a->n_latches != b->n_latches)
        return BL_OK;
    j->b_latch = bl_alloc_array(m, a->n_latches + 1, sizeof *j->b_latch);
    return j->b_latch ? BL_OK : BL_ERR_MEMORY;
}

static bl_status match_all(joint *j)
{
    TRY(match_ports(j->b_input, j->a, j->b, MATCH_INPUTS, j->allocator));
    TRY(match_ports(j->b_output, j->a, j->b, MATCH_OUTPUTS, j->allocator));
    return j->b_latch ? match_ports(j->b_latch, j->a, j->b, MATCH_LATCHES, j->allocator) : BL_OK;
}

bl_status joint_create(joint *j, const bl_graph *a, const bl_graph *b,
                       const bl_allocator *allocator, bl_diag *diag)
{
    *j = (joint){.a = a, .b = b, .allocator = allocator};
    TRY(check_counts(a, b, diag));
    bl_status status = allocate(j);
    if (status == BL_OK)
        status = match_all(j);
    if (status != BL_OK)
        joint_destroy(j);
    return status;
}

static void add_inputs(joint *j)
{
    for (uint32_t i = 0; i < j->a->n_inputs; i++) {
        const bl_graph_input_info *x = &j->a->inputs[i];
        bl_lit l = bl_graph_input(j->g, bl_graph_name(j->a, x->name));
        j->lit_a[x->node] = l;
        j->lit_b[j->b->inputs[j->b_input[i]].node] = l;
    }
}

static void add_latches(bl_graph *to, bl_lit *lit, const bl_graph *from)
{
    for (uint32_t i = 0; i < from->n_latches; i++)
        lit[from->latches[i].node] = bl_graph_latch(to, from->latches[i].reset, NULL);
}

static void share_latches(joint *j)
{
    for (uint32_t i = 0; i < j->a->n_latches; i++)
        j->lit_b[j->b->latches[j->b_latch[i]].node] = j->lit_a[j->a->latches[i].node];
}

static void set_next_states(joint *j)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < j->a->n_latches; i++)
        bl_graph_set_next(j->g, n++, copied(j->lit_a, j->a->latches[i].next));
    for (uint32_t i = 0; i < j->b->n_latches; i++)
        bl_graph_set_next(j->g, n++, copied(j->lit_b, j->b->latches[i].next));
}

static void list_pairs(joint *j, bool shares_latches)
{
    j->n_pairs = 0;
    for (uint32_t i = 0; i < j->a->n_outputs; i++)
        j->pairs[j->n_pairs++] =
            (sweep_pair){.a = copied(j->lit_a, j->a->outputs[i].lit),
                         .b = copied(j->lit_b, j->b->outputs[j->b_output[i]].lit)};
    for (uint32_t i = 0; shares_latches && i < j->a->n_latches; i++)
        j->pairs[j->n_pairs++] =
            (sweep_pair){.a = copied(j->lit_a, j->a->latches[i].next),
                         .b = copied(j->lit_b, j->b->latches[j->b_latch[i]].next)};
}

bl_status joint_build(joint *j, bool shares_latches)
{
    bl_graph_destroy(&j->g);
    TRY(bl_graph_create(&j->g, j->allocator));
    add_inputs(j);
    add_latches(j->g, j->lit_a, j->a);
    if (shares_latches)
        share_latches(j);
    else
        add_latches(j->g, j->lit_b, j->b);
    copy_ands(j->g, j->lit_a, j->a, NULL);
    copy_ands(j->g, j->lit_b, j->b, NULL);
    if (j->g->status != BL_OK)
        return j->g->status;
    if (!shares_latches)
        set_next_states(j);
    list_pairs(j, shares_latches);
    return BL_OK;
}

void joint_destroy(joint *j)
{
    const bl_allocator *m = j->allocator;
    bl_graph_destroy(&j->g);
    bl_free(m, j->b_input, (j->a->n_inputs + 1) * sizeof *j->b_input);
    bl_free(m, j->b_output, (j->a->n_outputs + 1) * sizeof *j->b_output);
    bl_free(m, j->b_latch, (j->a->n_latches + 1) * sizeof *j->b_latch);
    bl_free(m, j->lit_a, j->a->n_nodes * sizeof *j->lit_a);
    bl_free(m, j->lit_b, j->b->n_nodes * sizeof *j->lit_b);
    bl_free(m, j->pairs, max_pairs(j) * sizeof *j->pairs);
    j->b_input = j->b_output = j->b_latch = NULL;
    j->lit_a = j->lit_b = NULL;
    j->pairs = NULL;
}

// -------------------------------------------------------------------------------- replaying

static uint8_t value_of(const uint8_t *values, bl_lit l)
{
    return values[bl_lit_node(l)] ^ bl_lit_is_complemented(l);
}

// input_of[i] is where input i stands among those of the trace; NULL: at i.
static void evaluate(uint8_t *values, const bl_graph *g, const uint8_t *inputs,
                     const uint32_t *input_of, const uint8_t *state)
{
    for (uint32_t i = 0; i < g->n_inputs; i++)
        values[g->inputs[input_of ? input_of[i] : i].node] = inputs[i];
    for (uint32_t i = 0; i < g->n_latches; i++)
        values[g->latches[i].node] = state[i];
    for (uint32_t id = 1; id < g->n_nodes; id++)
        if (g->fanin0[id] < BL_NODE_LATCH)
            values[id] = value_of(values, g->fanin0[id]) & value_of(values, g->fanin1[id]);
}

static void step(uint8_t *state, const uint8_t *values, const bl_graph *g)
{
    for (uint32_t i = 0; i < g->n_latches; i++)
        state[i] = value_of(values, g->latches[i].next);
}

bl_status trace_replay(bool *is_different, uint32_t *frame, uint32_t *output_a, const joint *j,
                       const trace *t)
{
    const bl_graph *a = j->a, *b = j->b;
    const bl_allocator *m = j->allocator;
    uint8_t *values_a = bl_alloc(m, a->n_nodes), *values_b = bl_alloc(m, b->n_nodes);
    uint8_t *state_a = bl_alloc(m, a->n_latches + 1), *state_b = bl_alloc(m, b->n_latches + 1);
    bl_status status = values_a && values_b && state_a && state_b ? BL_OK : BL_ERR_MEMORY;
    *is_different = false;
    if (status == BL_OK) {
        memcpy(state_a, t->first_a, a->n_latches);
        memcpy(state_b, t->first_b, b->n_latches);
    }
    for (uint32_t f = 0; status == BL_OK && f < t->n_frames && !*is_different; f++) {
        const uint8_t *inputs = t->inputs + (size_t)f * a->n_inputs;
        evaluate(values_a, a, inputs, NULL, state_a);
        evaluate(values_b, b, inputs, j->b_input, state_b);
        for (uint32_t i = 0; i < a->n_outputs && !*is_different; i++) {
            *is_different = value_of(values_a, a->outputs[i].lit)
                            != value_of(values_b, b->outputs[j->b_output[i]].lit);
            *frame = f;
            *output_a = i;
        }
        step(state_a, values_a, a);
        step(state_b, values_b, b);
    }
    bl_free(m, values_a, a->n_nodes);
    bl_free(m, values_b, b->n_nodes);
    bl_free(m, state_a, a->n_latches + 1);
    bl_free(m, state_b, b->n_latches + 1);
    return status;
}
