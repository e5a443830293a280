// SPDX-License-Identifier: MIT
#ifndef BITLOOM_TESTS_PROOFS_H
#define BITLOOM_TESTS_PROOFS_H

// Graphs and disguised copies of them, what they compute, and verdicts whose counterexamples hold.

#include "test.h"

#include <bitloom/prove.h>

static bl_random rng;

static inline bl_graph *new_graph(void)
{
    bl_graph *g;
    REQUIRE(bl_graph_create(&g, NULL) == BL_OK);
    return g;
}

static inline bl_lit random_lit(const bl_graph *g)
{
    return (bl_lit)bl_random_below(&rng, 2ull * g->n_nodes);
}

static inline bl_graph *random_graph(uint32_t n_inputs, uint32_t n_ands, uint32_t n_outputs)
{
    bl_graph *g = new_graph();
    for (uint32_t i = 0; i < n_inputs; i++)
        bl_graph_input(g, NULL);
    for (uint32_t i = 0; i < n_ands; i++)
        bl_graph_and(g, random_lit(g), random_lit(g));
    for (uint32_t i = 0; i < n_outputs; i++)
        bl_graph_output(g, random_lit(g), NULL);
    REQUIRE(g->status == BL_OK);
    return g;
}

static inline bl_lit mapped(const bl_lit *lit, bl_lit l) { return lit[l >> 1] ^ (l & 1); }

// a & b in one of several ways that hashing does not see through.
static inline bl_lit disguised_and(bl_graph *g, bl_lit a, bl_lit b)
{
    switch (bl_random_below(&rng, 4)) {
    case 0:
        return bl_graph_and(g, a, b ^ 1) == 0 ? a
                                              : bl_graph_and(g, a, bl_graph_and(g, a, b ^ 1) ^ 1);
    case 1: return bl_graph_and(g, b, bl_graph_xor(g, a, b) ^ 1);
    case 2: return bl_graph_xor(g, a, bl_graph_and(g, a, b ^ 1));
    default: return bl_graph_and(g, a, b);
    }
}

// Builds g again in `to`; input i is inputs[i]. AND number `mutated` is negated.
static inline void rebuild(bl_lit *lit, bl_graph *to, const bl_graph *g, const bl_lit *inputs,
                           bool is_disguised, uint32_t mutated)
{
    lit[0] = 0;
    for (uint32_t id = 1; id < g->n_nodes; id++) {
        if (g->fanin0[id] == BL_NODE_INPUT) {
            lit[id] = inputs[g->fanin1[id]];
            continue;
        }
        bl_lit a = mapped(lit, g->fanin0[id]), b = mapped(lit, g->fanin1[id]);
        lit[id] = is_disguised ? disguised_and(to, a, b) : bl_graph_and(to, a, b);
        lit[id] ^= id == mutated;
    }
}

static inline bl_graph *copy_of(const bl_graph *g, bool is_disguised, uint32_t mutated)
{
    bl_graph *to = new_graph();
    bl_lit *inputs = calloc(g->n_inputs + 1, sizeof *inputs);
    bl_lit *lit = calloc(g->n_nodes, sizeof *lit);
    for (uint32_t i = 0; i < g->n_inputs; i++)
        inputs[i] = bl_graph_input(to, NULL);
    rebuild(lit, to, g, inputs, is_disguised, mutated);
    for (uint32_t i = 0; i < g->n_outputs; i++)
        bl_graph_output(to, mapped(lit, g->outputs[i].lit), NULL);
    REQUIRE(to->status == BL_OK);
    free(inputs);
    free(lit);
    return to;
}

// ------------------------------------------------------------------------ plain evaluation

typedef struct plain {
    const bl_graph *g;
    uint64_t *value, *state;
} plain;

static inline plain plain_begin(const bl_graph *g)
{
    plain p = {g, calloc(g->n_nodes, 8), calloc(g->n_latches + 1, 8)};
    for (uint32_t i = 0; i < g->n_latches; i++)
        p.state[i] = g->latches[i].reset == BL_RESET_ONE ? ~0ull : 0;
    return p;
}

static inline void plain_end(plain *p)
{
    free(p->value);
    free(p->state);
}

static inline uint64_t plain_lit(const plain *p, bl_lit l)
{
    return p->value[l >> 1] ^ (l & 1 ? ~0ull : 0);
}

static inline void plain_step(plain *p, const uint64_t *in)
{
    const bl_graph *g = p->g;
    for (uint32_t id = 1; id < g->n_nodes; id++)
        p->value[id] = g->fanin0[id] == BL_NODE_INPUT ? in[g->fanin1[id]]
                       : g->fanin0[id] == BL_NODE_LATCH
                           ? p->state[g->fanin1[id]]
                           : plain_lit(p, g->fanin0[id]) & plain_lit(p, g->fanin1[id]);
    for (uint32_t i = 0; i < g->n_latches; i++)
        p->state[i] = plain_lit(p, g->latches[i].next);
}

static inline uint64_t plain_output(const plain *p, uint32_t i)
{
    return plain_lit(p, p->g->outputs[i].lit);
}

// All rows of all outputs, 6 to 12 inputs, no latches.
static inline bool is_same_truth(const bl_graph *a, const bl_graph *b)
{
    static const uint64_t rows[] = {0xAAAAAAAAAAAAAAAA, 0xCCCCCCCCCCCCCCCC, 0xF0F0F0F0F0F0F0F0,
                                    0xFF00FF00FF00FF00, 0xFFFF0000FFFF0000, 0xFFFFFFFF00000000};
    plain x = plain_begin(a), y = plain_begin(b);
    uint64_t in[12];
    bool is_same = true;
    for (uint64_t k = 0; k < 1ull << (a->n_inputs - 6); k++) {
        for (uint32_t i = 0; i < a->n_inputs; i++)
            in[i] = i < 6 ? rows[i] : 0 - (k >> (i - 6) & 1);
        plain_step(&x, in);
        plain_step(&y, in);
        for (uint32_t i = 0; i < a->n_outputs; i++)
            is_same &= plain_output(&x, i) == plain_output(&y, i);
    }
    plain_end(&x);
    plain_end(&y);
    return is_same;
}

// Ports by position.
static inline bool is_replayed(const bl_proof *p, const bl_graph *a, const bl_graph *b)
{
    plain x = plain_begin(a), y = plain_begin(b);
    uint64_t *in = calloc(a->n_inputs + 1, 8);
    for (uint32_t i = 0; i < a->n_latches; i++)
        x.state[i] = p->first_a[i];
    for (uint32_t i = 0; i < b->n_latches; i++)
        y.state[i] = p->first_b[i];
    for (uint32_t f = 0; f < p->n_frames; f++) {
        for (uint32_t i = 0; i < a->n_inputs; i++)
            in[i] = p->inputs[f * a->n_inputs + i];
        plain_step(&x, in);
        plain_step(&y, in);
    }
    bool differs = ((plain_output(&x, p->output_a) ^ plain_output(&y, p->output_b)) & 1) != 0;
    plain_end(&x);
    plain_end(&y);
    free(in);
    return differs;
}

// The verdict; a counterexample must hold.
static inline bl_verdict verdict_of(const bl_graph *a, const bl_graph *b,
                                    const bl_prove_params *params)
{
    bl_proof *proof;
    REQUIRE(bl_prove_equivalent(&proof, a, b, params, NULL, NULL) == BL_OK);
    bl_verdict verdict = proof->verdict;
    if (verdict == BL_VERDICT_DIFFERENT)
        CHECK(is_replayed(proof, a, b));
    bl_proof_destroy(&proof);
    return verdict;
}

#endif
