// SPDX-License-Identifier: MIT
#ifndef BITLOOM_TESTS_PLAIN_GRAPH_H
#define BITLOOM_TESTS_PLAIN_GRAPH_H

// Random graphs with ports and latches of all kinds, and what they compute, by the plainest means.

#include "test.h"

#include <bitloom/logic.h>

static bl_random rng;

static inline bl_graph *random_graph(uint32_t n_inputs, uint32_t n_latches, uint32_t n_ands,
                                     uint32_t n_outputs)
{
    bl_graph *g;
    REQUIRE(bl_graph_create(&g, NULL) == BL_OK);
    char name[16];
    for (uint32_t i = 0; i < n_inputs; i++) {
        snprintf(name, sizeof name, "x[%u]", i);
        bl_graph_input(g, name);
    }
    for (uint32_t i = 0; i < n_latches; i++)
        bl_graph_latch(g, (bl_reset)bl_random_below(&rng, 2), i % 2 ? "" : "lat");
    for (uint32_t i = 0; i < n_ands; i++)
        bl_graph_and(g, (bl_lit)bl_random_below(&rng, 2ull * g->n_nodes),
                     (bl_lit)bl_random_below(&rng, 2ull * g->n_nodes));
    for (uint32_t i = 0; i < n_latches; i++)
        bl_graph_set_next(g, i, (bl_lit)bl_random_below(&rng, 2ull * g->n_nodes));
    for (uint32_t i = 0; i < n_outputs; i++)
        bl_graph_port(g, (bl_lit)bl_random_below(&rng, 2ull * g->n_nodes),
                      (bl_port_kind)(3 * i / n_outputs), 0, i % 4 ? NULL : "out");
    REQUIRE(g->status == BL_OK);
    return g;
}

// The plainest evaluation there is: 64 lanes in a word per node.
typedef struct plain {
    uint64_t *value, *state;
} plain;

static inline uint64_t plain_lit(const plain *p, bl_lit l)
{
    return p->value[l >> 1] ^ (l & 1 ? ~0ull : 0);
}

static inline void plain_step(plain *p, const bl_graph *g, const uint64_t *in, uint64_t *out)
{
    p->value[0] = 0;
    for (uint32_t id = 1; id < g->n_nodes; id++)
        p->value[id] = g->fanin0[id] == BL_NODE_INPUT ? in[g->fanin1[id]]
                       : g->fanin0[id] == BL_NODE_LATCH
                           ? p->state[g->fanin1[id]]
                           : plain_lit(p, g->fanin0[id]) & plain_lit(p, g->fanin1[id]);
    for (uint32_t i = 0; i < g->n_outputs; i++)
        out[i] = plain_lit(p, g->outputs[i].lit);
    for (uint32_t i = 0; i < g->n_latches; i++)
        p->state[i] = plain_lit(p, g->latches[i].next);
}

static inline void expect_same_as_plain(const bl_graph *g, const bl_program *program, bl_cpu level)
{
    bl_machine *m;
    REQUIRE(bl_machine_create(&m, program, level, NULL) == BL_OK);
    plain p = {calloc(g->n_nodes, 8), calloc(g->n_latches + 1, 8)};
    uint64_t *in = calloc(g->n_inputs + 1, 8), *out = calloc(g->n_outputs + 1, 8);
    for (uint32_t i = 0; i < g->n_latches; i++) {
        p.state[i] = bl_random_next(&rng);
        bl_machine_state(m)[i].word[3] = p.state[i];
    }
    bool is_same = true;
    for (int t = 0; t < 5; t++) {
        for (uint32_t i = 0; i < g->n_inputs; i++)
            bl_machine_input(m)[i].word[3] = in[i] = bl_random_next(&rng);
        plain_step(&p, g, in, out);
        bl_machine_run(m, 0);
        for (uint32_t i = 0; i < g->n_outputs; i++)
            is_same &= bl_machine_output(m)[i].word[3] == out[i];
        for (uint32_t i = 0; i < g->n_latches; i++)
            is_same &= bl_machine_state(m)[i].word[3] == p.state[i];
    }
    CHECK(is_same);
    free(p.value);
    free(p.state);
    free(in);
    free(out);
    bl_machine_destroy(&m);
}

#endif
