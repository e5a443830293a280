// SPDX-License-Identifier: MIT
#include "../limited_memory.h"
#include "../test.h"

#include "logic/simplify/decompose.h"
#include "logic/simplify/script.h"

#include <bitloom/simplify.h>

enum { MAX_SOURCES = 14 };

static bl_random rng;

static bl_lit random_lit(const bl_graph *g)
{
    return (bl_lit)bl_random_below(&rng, 2ull * g->n_nodes);
}

// ANDs, XORs, multiplexers and majorities over near and far signals: much of it is redundant.
static void add_random_logic(bl_graph *g, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        bl_lit a = random_lit(g), b = random_lit(g), c = random_lit(g);
        switch (bl_random_below(&rng, 6)) {
        case 0: bl_graph_xor(g, a, b); break;
        case 1: bl_graph_mux(g, a, b, c); break;
        case 2: bl_graph_maj3(g, a, b, c); break;
        default: bl_graph_and(g, a, b); break;
        }
    }
}

static bl_graph *random_graph(uint32_t n_inputs, uint32_t n_latches, uint32_t n, uint32_t n_outputs)
{
    bl_graph *g;
    REQUIRE(bl_graph_create(&g, NULL) == BL_OK);
    char name[16];
    for (uint32_t i = 0; i < n_inputs; i++) {
        snprintf(name, sizeof name, "x[%u]", i);
        bl_graph_input(g, i % 3 ? name : NULL);
    }
    for (uint32_t i = 0; i < n_latches; i++)
        bl_graph_latch(g, (bl_reset)(i % 3), i % 2 ? "" : "state");
    add_random_logic(g, n);
    for (uint32_t i = 0; i < n_latches; i++)
        bl_graph_set_next(g, i, random_lit(g));
    for (uint32_t i = 0; i < n_outputs; i++)
        bl_graph_port(g, i == 0 ? i : random_lit(g), (bl_port_kind)(5 * i / n_outputs), i / 4,
                      i % 4 ? NULL : "out");
    bl_graph_set_comment(g, "made by chance");
    REQUIRE(g->status == BL_OK);
    return g;
}

// The value of each port on 64 rows of the truth table over inputs and latches.
static void evaluate(uint64_t *ports, const bl_graph *g, uint64_t first_row)
{
    uint64_t *value = calloc(g->n_nodes, sizeof *value);
    for (uint32_t id = 1; id < g->n_nodes; id++) {
        uint32_t f0 = g->fanin0[id], f1 = g->fanin1[id];
        if (f0 >= BL_NODE_LATCH) {
            uint32_t source = f1 + (f0 == BL_NODE_LATCH ? g->n_inputs : 0);
            for (uint64_t k = 0; k < 64; k++)
                value[id] |= ((first_row + k) >> source & 1) << k;
        } else
            value[id] =
                (value[f0 >> 1] ^ (f0 & 1 ? ~0ull : 0)) & (value[f1 >> 1] ^ (f1 & 1 ? ~0ull : 0));
    }
    for (uint32_t i = 0; i < g->n_outputs + g->n_latches; i++) {
        bl_lit lit = graph_port(g, i);
        ports[i] = value[lit >> 1] ^ (lit & 1 ? ~0ull : 0);
    }
    free(value);
}

static bool is_equivalent(const bl_graph *a, const bl_graph *b)
{
    uint32_t n_ports = a->n_outputs + a->n_latches, n_sources = a->n_inputs + a->n_latches;
    uint64_t *x = calloc(n_ports + 1, 8), *y = calloc(n_ports + 1, 8);
    bool is_same = n_sources <= MAX_SOURCES;
    for (uint64_t row = 0; row < 1ull << n_sources && is_same; row += 64) {
        evaluate(x, a, row);
        evaluate(y, b, row);
        is_same = memcmp(x, y, n_ports * 8) == 0;
    }
    free(x);
    free(y);
    return is_same;
}

static bool has_same_ports(const bl_graph *a, const bl_graph *b)
{
    bool is_same = a->n_inputs == b->n_inputs && a->n_latches == b->n_latches
                   && a->n_outputs == b->n_outputs && strcmp(a->comment, b->comment) == 0;
    for (uint32_t i = 0; is_same && i < a->n_inputs; i++)
        is_same =
            strcmp(bl_graph_name(a, a->inputs[i].name), bl_graph_name(b, b->inputs[i].name)) == 0;
    for (uint32_t i = 0; is_same && i < a->n_latches; i++)
        is_same =
            a->latches[i].reset == b->latches[i].reset
            && strcmp(bl_graph_name(a, a->latches[i].name), bl_graph_name(b, b->latches[i].name))
                   == 0;
    for (uint32_t i = 0; is_same && i < a->n_outputs; i++)
        is_same =
            a->outputs[i].kind == b->outputs[i].kind && a->outputs[i].group == b->outputs[i].group
            && strcmp(bl_graph_name(a, a->outputs[i].name), bl_graph_name(b, b->outputs[i].name))
                   == 0;
    return is_same;
}

static bl_graph *random_graph_number(uint32_t i)
{
    uint32_t n_inputs = i % 11, n_latches = i % 4 + (n_inputs == 0);
    return random_graph(n_inputs, n_latches, i % 7 * i % 400, 1 + i % 13);
}

// ------------------------------------------------------------------------------------ passes

static const pass passes[] = {
    {.kind = PASS_STRASH},
    {.kind = PASS_STRASH, .size = 8},
    {.kind = PASS_STRASH, .size = 256},
    {.kind = PASS_BALANCE},
    {.kind = PASS_REWRITE},
    {.kind = PASS_REWRITE, .is_neutral = true},
    {.kind = PASS_REFACTOR, .size = 6},
    {.kind = PASS_REFACTOR, .size = 12, .has_dont_cares = true},
    {.kind = PASS_REFACTOR, .size = 9, .is_neutral = true, .has_dont_cares = true},
    {.kind = PASS_RESUB2, .size = 6, .n_rounds = 1},
    {.kind = PASS_RESUB2, .size = 8, .n_rounds = 3, .has_dont_cares = true},
    {.kind = PASS_RESUB2, .size = 9, .n_rounds = 3, .has_dont_cares = true, .is_neutral = true},
    {.kind = PASS_RESUB3, .size = 7, .n_rounds = 2},
    {.kind = PASS_RESUB3, .size = 10, .n_rounds = 2, .has_dont_cares = true},
    {.kind = PASS_RESUB3, .size = 12, .n_rounds = 4, .has_dont_cares = true, .is_neutral = true},
};
enum { N_PASSES = sizeof passes / sizeof *passes };

static void every_pass_keeps_the_function(void)
{
    const deadline none = {0};
    for (uint32_t i = 0; i < test_cases(300); i++) {
        bl_graph *g = random_graph_number(i);
        for (uint32_t k = 0; k < N_PASSES; k++) {
            bl_graph *result;
            pass p = passes[k];
            p.salt = i * k;
            if (p.kind == PASS_REWRITE && i % 6)
                continue; // makes its table of functions each time
            REQUIRE(pass_run(&result, g, &p, &none, NULL) == BL_OK);
            CHECK(is_equivalent(g, result) && has_same_ports(g, result));
            bl_graph_destroy(&result);
        }
        bl_graph_destroy(&g);
    }
}

static void passes_after_one_another_keep_the_function(void)
{
    const deadline none = {0};
    for (uint32_t i = 0; i < test_cases(60); i++) {
        bl_graph *g = random_graph(5 + i % 6, i % 4, 300, 9), *now = NULL;
        REQUIRE(pass_run(&now, g, &passes[0], &none, NULL) == BL_OK);
        for (uint32_t k = 0; k < 12; k++) {
            bl_graph *next;
            pass p = passes[bl_random_below(&rng, N_PASSES)];
            p.salt = k;
            REQUIRE(pass_run(&next, now, &p, &none, NULL) == BL_OK);
            CHECK(is_equivalent(g, next));
            bl_graph_destroy(&now);
            now = next;
        }
        bl_graph_destroy(&now);
        bl_graph_destroy(&g);
    }
}

static void a_pass_out_of_time_keeps_the_function(void)
{
    const deadline over = {.at_ns = 1};
    bl_graph *g = random_graph(9, 2, 600, 20);
    for (uint32_t k = 0; k < N_PASSES; k++) {
        bl_graph *result;
        REQUIRE(pass_run(&result, g, &passes[k], &over, NULL) == BL_OK);
        CHECK(is_equivalent(g, result));
        bl_graph_destroy(&result);
    }
    bl_graph_destroy(&g);
}

static uint32_t count_ands_of(bl_graph *g, uint32_t n_implied)
{
    bl_graph *result;
    REQUIRE(graph_strash(&result, g, n_implied, NULL) == BL_OK);
    uint32_t n = result->n_ands;
    bl_graph_destroy(&result);
    return n;
}

static void strash_drops_what_the_other_side_implies(void)
{
    bl_graph *g;
    REQUIRE(bl_graph_create(&g, NULL) == BL_OK);
    bl_lit a = bl_graph_input(g, "a"), b = bl_graph_input(g, "b"), c = bl_graph_input(g, "c");
    bl_lit both = bl_graph_and(g, a, b);
    bl_graph_output(g, bl_graph_and(g, both, bl_graph_or(g, a, c)), "subsumed"); // a & b
    bl_graph_output(g, bl_graph_and(g, both, bl_graph_and(g, bl_lit_not(a), c)), "contradicts");
    bl_lit not_both = bl_graph_and(g, a, bl_lit_not(both)); // a & !b
    bl_graph_output(g, not_both, "substituted");
    bl_graph_output(g, bl_graph_and(g, bl_lit_not(both), bl_lit_not(not_both)), "resolved"); // !a
    CHECK(count_ands_of(g, 0) == g->n_ands);
    CHECK(count_ands_of(g, 8) == 2);
    bl_graph_destroy(&g);
}

static void balance_makes_chains_shallow(void)
{
    bl_graph *g, *result;
    uint32_t n_levels;
    REQUIRE(bl_graph_create(&g, NULL) == BL_OK);
    bl_lit all = BL_LIT_TRUE, odd = BL_LIT_FALSE;
    for (uint32_t i = 0; i < 32; i++) {
        bl_lit x = bl_graph_input(g, NULL);
        all = bl_graph_and(g, bl_lit_not_if(x, i % 3 == 0), all);
        odd = bl_graph_xor(g, odd, x);
    }
    bl_graph_output(g, all, NULL);
    REQUIRE(graph_balance(&result, g, NULL) == BL_OK);
    REQUIRE(bl_graph_count_levels(&n_levels, result) == BL_OK && n_levels == 5);
    bl_graph_destroy(&result);
    bl_graph_output(g, odd, NULL);
    REQUIRE(graph_balance(&result, g, NULL) == BL_OK);
    REQUIRE(bl_graph_count_levels(&n_levels, result) == BL_OK && n_levels == 10);
    bl_graph_destroy(&result);
    bl_graph_destroy(&g);
}

// ------------------------------------------------------------------------------- decomposition

typedef struct wanted {
    uint32_t on, off, n_inputs, n_found;
} wanted;

static bool compare_decomposition(void *context, const decomposition *d)
{
    wanted *w = context;
    bool is_right = true;
    for (uint32_t row = 0; row < 1u << w->n_inputs; row++) {
        uint32_t inner = 0, outer = 0;
        for (uint32_t i = 0; i < d->n_inner_inputs; i++)
            inner |= (row >> d->inner_input[i] & 1) << i;
        for (uint32_t i = 0; i < 2; i++)
            outer |= (row >> d->outer_input[i] & 1) << i;
        outer |= (uint32_t)(d->inner_table >> inner & 1) << 2;
        uint32_t value = d->outer_table >> outer & 1;
        is_right &= !((value ? w->off : w->on) >> row & 1);
    }
    CHECK(is_right);
    w->n_found++;
    return false;
}

static void decompositions_compute_the_function(void)
{
    uint32_t n_found = 0;
    for (uint32_t i = 0; i < test_cases(20000); i++) {
        wanted w = {.n_inputs = 3 + i % 3};
        uint32_t rows = w.n_inputs == 5 ? ~0u : (1u << (1u << w.n_inputs)) - 1;
        uint32_t care = (uint32_t)(bl_random_next(&rng) | bl_random_next(&rng));
        w.on = (uint32_t)bl_random_next(&rng) & care & rows;
        w.off = ~w.on & care & rows;
        decompose(w.on, w.off, w.n_inputs, compare_decomposition, &w);
        n_found += w.n_found;
    }
    CHECK(n_found > 1000);
}

static void every_function_that_decomposes_is_found_to(void)
{
    for (uint32_t i = 0; i < 2000; i++) { // outer(p, q, inner(r, s, t)), inputs in any order
        uint32_t inner = (uint32_t)bl_random_below(&rng, 256), order[5] = {0, 1, 2, 3, 4};
        uint32_t outer = (uint32_t)bl_random_below(&rng, 256);
        for (uint32_t k = 4; k > 0; k--) {
            uint32_t j = (uint32_t)bl_random_below(&rng, k + 1), t = order[k];
            order[k] = order[j];
            order[j] = t;
        }
        wanted w = {.n_inputs = 5};
        for (uint32_t row = 0; row < 32; row++) {
            uint32_t x = 0, y = 0;
            for (uint32_t k = 0; k < 3; k++)
                x |= (row >> order[k] & 1) << k;
            for (uint32_t k = 0; k < 2; k++)
                y |= (row >> order[3 + k] & 1) << k;
            y |= (inner >> x & 1) << 2;
            w.on |= (outer >> y & 1) << row;
        }
        w.off = ~w.on;
        decompose(w.on, w.off, 5, compare_decomposition, &w);
        CHECK(w.n_found > 0);
    }
}

// ------------------------------------------------------------------------------ the whole thing

static void every_effort_keeps_function_and_ports(void)
{
    for (uint32_t i = 0; i < test_cases(60); i++) {
        bl_graph *g = random_graph_number(37 * i), *small;
        bl_simplify_params params = {.effort = i % 10 < 9 ? i % 10 : 6};
        REQUIRE(bl_graph_simplify(&small, g, &params, NULL, NULL) == BL_OK);
        CHECK(is_equivalent(g, small) && has_same_ports(g, small));
        bl_graph_destroy(&small);
        bl_graph_destroy(&g);
    }
}

static uint32_t count_luts(const bl_graph *g)
{
    bl_netlist *luts;
    REQUIRE(bl_netlist_map(&luts, g, NULL, NULL) == BL_OK);
    uint32_t n = luts->n_luts;
    bl_netlist_destroy(&luts);
    return n;
}

static void more_effort_is_never_worse_than_mapping_alone(void)
{
    for (uint32_t i = 0; i < test_cases(20); i++) {
        bl_graph *g = random_graph(11, 2, 150 + 10 * i, 12), *small;
        bl_simplify_params params = {.effort = 2 + i % 4};
        REQUIRE(bl_graph_simplify(&small, g, &params, NULL, NULL) == BL_OK);
        CHECK(count_luts(small) <= count_luts(g));
        bl_graph_destroy(&small);
        bl_graph_destroy(&g);
    }
}

// Three times the same sum, each written in another way, is one sum.
static void redundant_adders_become_one(void)
{
    bl_graph *g, *small;
    REQUIRE(bl_graph_create(&g, NULL) == BL_OK);
    bl_lit x[16];
    for (uint32_t i = 0; i < 16; i++)
        x[i] = bl_graph_input(g, NULL);
    for (uint32_t way = 0; way < 3; way++) {
        bl_lit carry = BL_LIT_FALSE;
        for (uint32_t i = 0; i < 8; i++) {
            bl_lit a = x[i], b = x[8 + i], c = carry;
            bl_lit sum = way == 0   ? bl_graph_xor(g, bl_graph_xor(g, a, b), c)
                         : way == 1 ? bl_graph_xor(g, a, bl_graph_xor(g, b, c))
                                    : bl_graph_lut3(g, 0x96, c, b, a);
            carry = way == 0   ? bl_graph_maj3(g, a, b, c)
                    : way == 1 ? bl_graph_mux(g, bl_graph_xor(g, a, b), c, a)
                               : bl_graph_or(g, bl_graph_and(g, a, b),
                                             bl_graph_and(g, c, bl_graph_xor(g, a, b)));
            bl_graph_output(g, sum, NULL);
        }
        bl_graph_output(g, carry, NULL);
    }
    bl_simplify_params params = {.effort = 5};
    REQUIRE(bl_graph_simplify(&small, g, &params, NULL, NULL) == BL_OK);
    CHECK(count_luts(small) == 16);
    bl_graph_destroy(&small);
    bl_graph_destroy(&g);
}

static void the_same_call_gives_the_same_graph(void)
{
    bl_graph *g = random_graph(10, 3, 400, 15);
    bl_buffer files[2] = {{0}, {0}};
    for (uint32_t i = 0; i < 2; i++) {
        bl_graph *small;
        bl_simplify_params params = {.effort = 6};
        REQUIRE(bl_graph_simplify(&small, g, &params, NULL, NULL) == BL_OK);
        REQUIRE(bl_graph_write_aiger(&files[i], small, false) == BL_OK);
        bl_graph_destroy(&small);
    }
    CHECK(files[0].bytes == files[1].bytes
          && memcmp(files[0].data, files[1].data, files[0].bytes) == 0);
    bl_buffer_clear(&files[0]);
    bl_buffer_clear(&files[1]);
    bl_graph_destroy(&g);
}

static void a_budget_ends_it(void)
{
    bl_graph *g = random_graph(12, 2, 3000, 40), *small;
    bl_simplify_params params = {.effort = 9, .budget_ns = 1};
    REQUIRE(bl_graph_simplify(&small, g, &params, NULL, NULL) == BL_OK);
    CHECK(is_equivalent(g, small));
    bl_graph_destroy(&small);
    bl_graph_destroy(&g);
}

static void an_effort_out_of_range_is_refused(void)
{
    bl_graph *g = random_graph(3, 0, 5, 2), *small = NULL;
    bl_diag diag = {0};
    bl_simplify_params params = {.effort = 10};
    CHECK(bl_graph_simplify(&small, g, &params, NULL, &diag) == BL_ERR_ARGUMENT && !small);
    CHECK(strstr(diag.message, "expected 0 to 9"));
    bl_graph_destroy(&g);
}

static void count_step(void *context, const bl_simplify_step *step)
{
    *(uint32_t *)context += step->pass[0] != 0;
}

static bl_status refuse_third(void *context, const bl_graph *before, const bl_graph *after,
                              bl_diag *diag)
{
    uint32_t *n = context;
    CHECK(is_equivalent(before, after));
    return ++*n == 3 ? bl_diag_set(diag, BL_ERR_UNSUPPORTED, NULL, 0, 0, "not proved") : BL_OK;
}

static void every_pass_is_reported_and_verified(void)
{
    uint32_t n_steps = 0, n_verified = 0;
    bl_graph *g = random_graph(9, 2, 200, 9), *small = NULL;
    bl_simplify_params params = {.effort = 3, .progress = count_step, .progress_context = &n_steps};
    bl_diag diag = {0};
    REQUIRE(bl_graph_simplify(&small, g, &params, NULL, NULL) == BL_OK);
    CHECK(n_steps > 4);
    bl_graph_destroy(&small);
    n_steps = 0;
    params.verify = refuse_third;
    params.verify_context = &n_verified;
    CHECK(bl_graph_simplify(&small, g, &params, NULL, &diag) == BL_ERR_UNSUPPORTED && !small);
    CHECK(n_steps == 2 && strcmp(diag.message, "not proved") == 0);
    bl_graph_destroy(&g);
}

// A sweep that is wrong: all ports become the first one's literal.
static bl_status break_graph(void *context, bl_graph **result, const bl_graph *g,
                             uint64_t budget_ns, const bl_allocator *allocator)
{
    (void)context, (void)budget_ns;
    REQUIRE(graph_strash(result, g, 0, allocator) == BL_OK);
    bl_graph_set_next(*result, 0, bl_lit_not((*result)->latches[0].next));
    return BL_OK;
}

static void a_wrong_pass_is_caught(void)
{
    bl_graph *g = random_graph(9, 2, 200, 9), *small = NULL;
    bl_simplify_params params = {.effort = 9, .sweep = break_graph};
    bl_diag diag = {0};
    CHECK(bl_graph_simplify(&small, g, &params, NULL, &diag) == BL_ERR_UNSUPPORTED && !small);
    CHECK(strstr(diag.message, "pass sweep changed latch 0"));
    bl_graph_destroy(&g);
}

static void failing_allocations_are_reported(void)
{
    bl_graph *g = random_graph(7, 2, 60, 6);
    bl_simplify_params params = {.effort = 4};
    bool is_done = false;
    int n = 0;
    for (; !is_done && n < 20000; n += 1 + n / 40) {
        int left = n;
        bl_allocator limited = {limited_resize, &left};
        bl_graph *small = NULL;
        bl_status status = bl_graph_simplify(&small, g, &params, &limited, NULL);
        is_done = status == BL_OK;
        CHECK(is_done ? is_equivalent(g, small) : status == BL_ERR_MEMORY && !small);
        bl_graph_destroy(&small);
    }
    CHECK(is_done && n > 100);
    bl_graph_destroy(&g);
}

int main(void)
{
    bl_random_seed(&rng, 4);
    RUN(every_pass_keeps_the_function);
    RUN(passes_after_one_another_keep_the_function);
    RUN(a_pass_out_of_time_keeps_the_function);
    RUN(strash_drops_what_the_other_side_implies);
    RUN(balance_makes_chains_shallow);
    RUN(decompositions_compute_the_function);
    RUN(every_function_that_decomposes_is_found_to);
    RUN(every_effort_keeps_function_and_ports);
    RUN(more_effort_is_never_worse_than_mapping_alone);
    RUN(redundant_adders_become_one);
    RUN(the_same_call_gives_the_same_graph);
    RUN(a_budget_ends_it);
    RUN(an_effort_out_of_range_is_refused);
    RUN(every_pass_is_reported_and_verified);
    RUN(a_wrong_pass_is_caught);
    RUN(failing_allocations_are_reported);
    return test_summary();
}
