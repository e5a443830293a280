// SPDX-License-Identifier: MIT
#include "../proofs.h"

// --------------------------------------------------------------------------- combinational

static void disguised_copies_are_equal(void)
{
    for (int round = 0; round < 150; round++) {
        uint32_t n_inputs = 6 + (uint32_t)bl_random_below(&rng, 5);
        bl_graph *a = random_graph(n_inputs, 20 + (uint32_t)bl_random_below(&rng, 200), 7);
        bl_graph *b = copy_of(a, true, 0);
        REQUIRE(is_same_truth(a, b));
        CHECK(verdict_of(a, b, NULL) == BL_VERDICT_EQUAL);
        bl_graph_destroy(&a);
        bl_graph_destroy(&b);
    }
}

static void mutations_are_told_apart_exactly(void)
{
    int n_different = 0;
    for (int round = 0; round < 300; round++) {
        uint32_t n_inputs = 6 + (uint32_t)bl_random_below(&rng, 5);
        bl_graph *a = random_graph(n_inputs, 20 + (uint32_t)bl_random_below(&rng, 150), 4);
        uint32_t mutated = n_inputs + 1 + (uint32_t)bl_random_below(&rng, a->n_ands);
        bl_graph *b = copy_of(a, round % 2, mutated);
        bl_verdict expected = is_same_truth(a, b) ? BL_VERDICT_EQUAL : BL_VERDICT_DIFFERENT;
        n_different += expected == BL_VERDICT_DIFFERENT;
        CHECK(verdict_of(a, b, NULL) == expected);
        bl_graph_destroy(&a);
        bl_graph_destroy(&b);
    }
    CHECK(n_different > 50);
}

// One row of 2^24 differs: no random pattern finds it.
static void a_needle_is_found(void)
{
    enum { WIDTH = 24 };
    bl_graph *a = new_graph(), *b = new_graph();
    for (int k = 0; k < 2; k++) {
        bl_graph *g = k ? b : a;
        bl_lit all = BL_LIT_TRUE, some = BL_LIT_FALSE;
        for (int i = 0; i < WIDTH; i++) {
            bl_lit x = bl_graph_input(g, NULL);
            all = bl_graph_and(g, all, x ^ (0xA53C96u >> i & 1));
            some = bl_graph_xor(g, some, x);
        }
        bl_graph_output(g, k ? bl_graph_xor(g, some, all) : some, "parity");
    }
    CHECK(verdict_of(a, b, NULL)
          == (bl_prove_has_solver() ? BL_VERDICT_DIFFERENT : BL_VERDICT_UNDECIDED));
    bl_graph_destroy(&a);
    bl_graph_destroy(&b);
}

// The product of two numbers, row by row; with is_swapped of y and x instead.
static bl_graph *multiplier(uint32_t width, bool is_swapped)
{
    bl_graph *g = new_graph();
    bl_lit x[32], y[32], sum[64] = {0};
    for (uint32_t i = 0; i < width; i++)
        x[i] = bl_graph_input(g, NULL);
    for (uint32_t i = 0; i < width; i++)
        y[i] = bl_graph_input(g, NULL);
    const bl_lit *p = is_swapped ? y : x, *q = is_swapped ? x : y;
    for (uint32_t i = 0; i < width; i++) {
        bl_lit carry = 0;
        for (uint32_t k = 0; k < width; k++) {
            bl_lit bit = bl_graph_and(g, p[i], q[k]), old = sum[i + k];
            sum[i + k] = bl_graph_xor(g, bl_graph_xor(g, old, bit), carry);
            carry = bl_graph_maj3(g, old, bit, carry);
        }
        sum[i + width] = carry;
    }
    for (uint32_t i = 0; i < 2 * width; i++)
        bl_graph_output(g, sum[i], NULL);
    return g;
}

static void factors_may_be_swapped(void)
{
    bl_graph *a = multiplier(5, false), *b = multiplier(5, true);
    CHECK(verdict_of(a, b, NULL) == BL_VERDICT_EQUAL); // 10 inputs need no solver
    bl_graph_destroy(&a);
    bl_graph_destroy(&b);
}

static void few_conflicts_leave_questions_open(void)
{
    bl_graph *a = multiplier(12, false), *b = multiplier(12, true);
    CHECK(verdict_of(a, b, &(bl_prove_params){.max_conflicts = 10}) == BL_VERDICT_UNDECIDED);
    bl_graph_destroy(&a);
    bl_graph_destroy(&b);
}

static void constants_and_empty_graphs_are_compared(void)
{
    bl_graph *a = new_graph(), *b = new_graph();
    CHECK(verdict_of(a, b, NULL) == BL_VERDICT_EQUAL);
    bl_lit x = bl_graph_input(a, NULL), y = bl_graph_input(b, NULL);
    bl_graph_output(a, BL_LIT_FALSE, NULL);
    bl_graph_output(b, bl_graph_and(b, y, y ^ 1), NULL);
    CHECK(verdict_of(a, b, NULL) == BL_VERDICT_EQUAL);
    bl_graph_output(a, x, NULL);
    bl_graph_output(b, y ^ 1, NULL);
    CHECK(verdict_of(a, b, NULL) == BL_VERDICT_DIFFERENT);
    bl_graph_destroy(&a);
    bl_graph_destroy(&b);
    a = new_graph();
    b = new_graph();
    bl_graph_output(a, BL_LIT_FALSE, NULL);
    bl_graph_output(b, BL_LIT_TRUE, NULL);
    CHECK(verdict_of(a, b, NULL) == BL_VERDICT_DIFFERENT);
    bl_graph_destroy(&a);
    bl_graph_destroy(&b);
}

static bl_graph *half_adder(const char *first, const char *second, bool is_swapped)
{
    bl_graph *g = new_graph();
    bl_lit x = bl_graph_input(g, first), y = bl_graph_input(g, second);
    bl_lit difference = bl_graph_and(g, is_swapped ? y : x, is_swapped ? x ^ 1 : y ^ 1);
    bl_graph_output(g, difference, "d");
    return g;
}

static void ports_correspond_by_name_or_else_by_position(void)
{
    bl_graph *a = half_adder("x", "y", false), *by_name = half_adder("y", "x", true);
    bl_graph *by_position = half_adder("p", "q", false), *twice = half_adder("x", "x", false);
    CHECK(verdict_of(a, by_name, NULL) == BL_VERDICT_EQUAL);
    CHECK(verdict_of(a, by_position, NULL) == BL_VERDICT_EQUAL);
    CHECK(verdict_of(a, twice, NULL) == BL_VERDICT_EQUAL);
    CHECK(verdict_of(by_position, by_name, NULL) == BL_VERDICT_DIFFERENT);
    bl_graph_input(twice, NULL);
    bl_proof *proof;
    bl_diag diag = {0};
    CHECK(bl_prove_equivalent(&proof, a, twice, NULL, NULL, &diag) == BL_ERR_ARGUMENT);
    CHECK(strstr(diag.message, "has 2 inputs and the second 3") != NULL);
    bl_graph_output(by_name, 0, NULL);
    CHECK(bl_prove_equivalent(&proof, a, by_name, NULL, NULL, &diag) == BL_ERR_ARGUMENT);
    CHECK(strstr(diag.message, "has 1 outputs and the second 2") != NULL);
    bl_graph_destroy(&a);
    bl_graph_destroy(&by_name);
    bl_graph_destroy(&by_position);
    bl_graph_destroy(&twice);
}

// --------------------------------------------------------------------------------- sweeping

// Outputs of g and of a disguised copy of it, over the same inputs.
static bl_graph *doubled(const bl_graph *g)
{
    bl_graph *to = copy_of(g, false, 0);
    bl_lit *inputs = calloc(g->n_inputs + 1, sizeof *inputs);
    bl_lit *lit = calloc(g->n_nodes, sizeof *lit);
    for (uint32_t i = 0; i < g->n_inputs; i++)
        inputs[i] = 2 * to->inputs[i].node;
    rebuild(lit, to, g, inputs, true, 0);
    for (uint32_t i = 0; i < g->n_outputs; i++)
        bl_graph_output(to, mapped(lit, g->outputs[i].lit) ^ 1, "twin");
    free(inputs);
    free(lit);
    return to;
}

static void sweeping_merges_what_is_equal_and_changes_nothing(void)
{
    for (int round = 0; round < 60; round++) {
        bl_graph *g = random_graph(10, 150, 6), *both = doubled(g), *swept;
        bl_sweep_facts facts;
        REQUIRE(bl_graph_sweep(&swept, &facts, both, NULL, NULL) == BL_OK);
        CHECK(is_same_truth(both, swept));
        CHECK(facts.n_undecided == 0 && facts.n_ands == swept->n_ands);
        CHECK(swept->n_ands <= g->n_ands);
        for (uint32_t i = 0; i < g->n_outputs; i++)
            CHECK(swept->outputs[i].lit == (swept->outputs[i + g->n_outputs].lit ^ 1));
        CHECK(strcmp(bl_graph_name(swept, swept->outputs[g->n_outputs].name), "twin") == 0);
        bl_graph_destroy(&g);
        bl_graph_destroy(&both);
        bl_graph_destroy(&swept);
    }
}

static void sweeping_twice_gives_the_same_bytes(void)
{
    bl_graph *g = random_graph(40, 3000, 50), *both = doubled(g);
    bl_buffer text[2] = {{0}};
    for (int k = 0; k < 2; k++) {
        bl_graph *swept;
        REQUIRE(bl_graph_sweep(&swept, NULL, both, NULL, NULL) == BL_OK);
        REQUIRE(bl_graph_write_aiger(&text[k], swept, false) == BL_OK);
        bl_graph_destroy(&swept);
    }
    CHECK(text[0].bytes == text[1].bytes && memcmp(text[0].data, text[1].data, text[0].bytes) == 0);
    bl_buffer_clear(&text[0]);
    bl_buffer_clear(&text[1]);
    bl_graph_destroy(&g);
    bl_graph_destroy(&both);
}

// ------------------------------------------------------------------------------- sequential
int main(void)
{
    bl_random_seed(&rng, 4);
    if (!bl_prove_has_solver())
        printf("built without a SAT solver: only what small windows show is proved\n");
    RUN(disguised_copies_are_equal);
    RUN(mutations_are_told_apart_exactly);
    RUN(a_needle_is_found);
    RUN(factors_may_be_swapped);
    RUN(few_conflicts_leave_questions_open);
    RUN(constants_and_empty_graphs_are_compared);
    RUN(ports_correspond_by_name_or_else_by_position);
    RUN(sweeping_merges_what_is_equal_and_changes_nothing);
    RUN(sweeping_twice_gives_the_same_bytes);
    return test_summary();
}
