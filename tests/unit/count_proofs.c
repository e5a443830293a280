// SPDX-License-Identifier: MIT
// COUNT_GE and SUM as graphs, proved equal to what they mean, built from the definition.
#include "../test.h"

#include <bitloom/prove.h>

static bl_random rng;

// One operation over n inputs, of which those in `complemented` count when false; as a graph.
static bl_graph *graph_of(uint32_t n, uint32_t complemented, int64_t threshold, uint32_t n_planes)
{
    bl_record records[3] = {{0}};
    bl_assembler *a;
    bl_program *p;
    bl_graph *g;
    uint32_t plain[16], other[16];
    bl_literal_list list = {.plain = plain, .complemented = other};
    REQUIRE(bl_record_add(&records[0], "x", n, false) == BL_OK);
    REQUIRE(bl_record_add(&records[2], "y", n_planes ? n_planes : 1, false) == BL_OK);
    REQUIRE(bl_assembler_create(&a, &records[0], &records[1], &records[2], NULL) == BL_OK);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t slot = bl_assembler_input(a) + i;
        if (complemented >> i & 1)
            other[list.n_complemented++] = slot;
        else
            plain[list.n_plain++] = slot;
    }
    bl_assembler_begin_entry(a, "step");
    if (n_planes)
        bl_assembler_sum(a, bl_assembler_output(a), n_planes, n_planes, threshold, &list, 1);
    else
        bl_assembler_count_ge(a, bl_assembler_output(a), &list, threshold);
    REQUIRE(bl_assembler_finish(&p, a) == BL_OK && bl_graph_from_program(&g, p, NULL) == BL_OK);
    bl_program_destroy(&p);
    bl_assembler_destroy(&a);
    for (int r = 0; r < 3; r++)
        bl_record_clear(&records[r]);
    return g;
}

// at[k]: exactly k of the inputs so far count.
static void exactly(bl_lit at[17], bl_graph *g, uint32_t n, uint32_t complemented)
{
    at[0] = BL_LIT_TRUE;
    for (uint32_t i = 0; i < n; i++) {
        bl_lit x = bl_graph_input(g, NULL) ^ (complemented >> i & 1);
        at[i + 1] = BL_LIT_FALSE;
        for (uint32_t k = i + 1; k > 0; k--)
            at[k] = bl_graph_mux(g, x, at[k - 1], at[k]);
        at[0] = bl_graph_and(g, at[0], bl_lit_not(x));
    }
}

static bl_graph *definition(uint32_t n, uint32_t complemented, int64_t threshold, uint32_t n_planes)
{
    bl_graph *g;
    bl_lit at[17];
    REQUIRE(bl_graph_create(&g, NULL) == BL_OK);
    exactly(at, g, n, complemented);
    for (uint32_t p = 0; p < (n_planes ? n_planes : 1); p++) {
        bl_lit y = BL_LIT_FALSE;
        for (uint32_t k = 0; k <= n; k++)
            if (n_planes ? ((int64_t)k + threshold) >> p & 1 : k >= threshold)
                y = bl_graph_or(g, y, at[k]);
        bl_graph_output(g, y, NULL);
    }
    REQUIRE(g->status == BL_OK);
    return g;
}

static bl_verdict verdict_of(bl_graph *a, bl_graph *b)
{
    bl_proof *proof;
    REQUIRE(bl_prove_equivalent(&proof, a, b, NULL, NULL, NULL) == BL_OK);
    bl_verdict verdict = proof->verdict;
    bl_proof_destroy(&proof);
    bl_graph_destroy(&a);
    bl_graph_destroy(&b);
    return verdict;
}

static uint32_t most_inputs(void) { return bl_prove_has_solver() ? 13 : 7; }

static void count_ge_is_its_definition(void)
{
    for (uint32_t n = 1; n <= most_inputs(); n++)
        for (uint32_t t = 0; t <= n + 1; t++) {
            uint32_t c = (uint32_t)bl_random_next(&rng);
            CHECK(verdict_of(graph_of(n, c, t, 0), definition(n, c, t, 0)) == BL_VERDICT_EQUAL);
        }
}

static void sum_is_its_definition(void)
{
    for (uint32_t n = 1; n <= most_inputs(); n++)
        for (uint32_t planes = 1; planes <= 6; planes++) {
            uint32_t c = (uint32_t)bl_random_next(&rng);
            int64_t base = (int64_t)bl_random_below(&rng, 200) - 100;
            CHECK(verdict_of(graph_of(n, c, base, planes), definition(n, c, base, planes))
                  == BL_VERDICT_EQUAL);
        }
}

static void other_thresholds_and_literals_are_told_apart(void)
{
    for (uint32_t n = 2; n <= most_inputs(); n++)
        for (uint32_t t = 1; t <= n; t++) {
            uint32_t c = (uint32_t)bl_random_next(&rng);
            CHECK(verdict_of(graph_of(n, c, t, 0), definition(n, c, t + 1, 0))
                  == BL_VERDICT_DIFFERENT);
            CHECK(verdict_of(graph_of(n, c, t, 0), definition(n, c ^ 1u << (t - 1), t, 0))
                  == BL_VERDICT_DIFFERENT);
        }
}

int main(void)
{
    bl_random_seed(&rng, 12);
    RUN(count_ge_is_its_definition);
    RUN(sum_is_its_definition);
    RUN(other_thresholds_and_literals_are_told_apart);
    return test_summary();
}
