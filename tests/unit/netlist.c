// SPDX-License-Identifier: MIT
#include "../limited_memory.h"
#include "../plain_graph.h"

#include <bitloom/netlist.h>

// Both graphs for five steps from the same state.
static void expect_same_graphs(const bl_graph *x, const bl_graph *y)
{
    REQUIRE(x->n_inputs == y->n_inputs && x->n_latches == y->n_latches
            && x->n_outputs == y->n_outputs);
    const bl_graph *graphs[2] = {x, y};
    plain p[2];
    uint64_t *in = calloc(x->n_inputs + 1, 8), *out[2];
    for (int k = 0; k < 2; k++) {
        p[k] = (plain){calloc(graphs[k]->n_nodes, 8), calloc(x->n_latches + 1, 8)};
        out[k] = calloc(x->n_outputs + 1, 8);
    }
    for (uint32_t i = 0; i < x->n_latches; i++)
        p[0].state[i] = p[1].state[i] = bl_random_next(&rng);
    for (int t = 0; t < 5; t++) {
        for (uint32_t i = 0; i < x->n_inputs; i++)
            in[i] = bl_random_next(&rng);
        for (int k = 0; k < 2; k++)
            plain_step(&p[k], graphs[k], in, out[k]);
        CHECK(memcmp(out[0], out[1], 8 * x->n_outputs) == 0);
        CHECK(memcmp(p[0].state, p[1].state, 8 * x->n_latches) == 0);
    }
    for (int k = 0; k < 2; k++) {
        free(p[k].value);
        free(p[k].state);
        free(out[k]);
    }
    free(in);
}

static void expect_well_formed(const bl_netlist *n)
{
    for (uint32_t i = 0; i < n->n_luts; i++) {
        uint32_t n_leaves = bl_netlist_n_leaves(n, i);
        const uint32_t *leaves = &n->leaves[(size_t)i * n->max_inputs];
        for (uint32_t k = 0; k < n->max_inputs; k++) {
            CHECK(leaves[k] < n->first_lut + i && (leaves[k] != 0) == (k < n_leaves));
            for (uint32_t j = 0; j < k && k < n_leaves; j++)
                CHECK(leaves[j] != leaves[k]);
        }
    }
}

static void mapped_graphs_compute_the_graph(void)
{
    for (uint32_t i = 0; i < test_cases(80); i++) {
        bl_graph *g = random_graph(1 + i % 9, i % 7, i * i, 1 + i % 11), *back;
        for (uint32_t k = 3; k <= 6; k++) {
            bl_map_params params = {
                .max_inputs = k, .target = (bl_target)(i % BL_TARGET_COUNT), .effort = i % 3};
            bl_netlist *n;
            REQUIRE(bl_netlist_map(&n, g, &params, NULL) == BL_OK);
            expect_well_formed(n);
            REQUIRE(bl_graph_from_netlist(&back, n, NULL) == BL_OK);
            expect_same_graphs(g, back);
            CHECK(n->n_luts <= g->n_ands);
            bl_program *p;
            bl_status status = bl_program_from_netlist(&p, n, NULL);
            CHECK(status == (k == 3 ? BL_OK : BL_ERR_ARGUMENT));
            if (status == BL_OK)
                bl_program_destroy(&p);
            bl_graph_destroy(&back);
            bl_netlist_destroy(&n);
        }
        bl_graph_destroy(&g);
    }
}

static void ports_keep_their_names_and_kinds(void)
{
    bl_graph *g = random_graph(5, 4, 50, 9), *back;
    bl_netlist *n;
    REQUIRE(bl_netlist_map(&n, g, NULL, NULL) == BL_OK);
    REQUIRE(bl_graph_from_netlist(&back, n, NULL) == BL_OK);
    for (uint32_t i = 0; i < g->n_inputs; i++)
        CHECK(!strcmp(bl_graph_name(g, g->inputs[i].name),
                      bl_graph_name(back, back->inputs[i].name)));
    for (uint32_t i = 0; i < g->n_outputs; i++) {
        CHECK(g->outputs[i].kind == back->outputs[i].kind);
        CHECK(!strcmp(bl_graph_name(g, g->outputs[i].name),
                      bl_graph_name(back, back->outputs[i].name)));
    }
    for (uint32_t i = 0; i < g->n_latches; i++)
        CHECK(g->latches[i].reset == back->latches[i].reset);
    bl_graph_destroy(&g);
    bl_graph_destroy(&back);
    bl_netlist_destroy(&n);
}

static bl_graph *adder_graph(uint32_t n_bits)
{
    bl_graph *g;
    REQUIRE(bl_graph_create(&g, NULL) == BL_OK);
    bl_lit carry = BL_LIT_FALSE;
    for (uint32_t i = 0; i < n_bits; i++) {
        bl_lit a = bl_graph_input(g, NULL), b = bl_graph_input(g, NULL);
        bl_graph_output(g, bl_graph_xor(g, bl_graph_xor(g, a, b), carry), NULL);
        carry = bl_graph_maj3(g, a, b, carry);
    }
    bl_graph_output(g, carry, NULL);
    return g;
}

static void an_adder_takes_two_lut3s_a_bit_and_one_operation(void)
{
    bl_graph *g = adder_graph(64);
    bl_netlist *n;
    uint32_t n_levels;
    REQUIRE(bl_netlist_map(&n, g, NULL, NULL) == BL_OK);
    CHECK(n->n_luts == 128);
    REQUIRE(bl_netlist_count_levels(&n_levels, n) == BL_OK);
    CHECK(n_levels == 64);
    bl_program *p;
    bl_program_info info;
    REQUIRE(bl_program_from_netlist(&p, n, NULL) == BL_OK);
    bl_program_get_info(&info, p);
    CHECK(info.n_lut3_operations == 128 && info.n_temporaries <= 3);
    CHECK(info.bytes < 64 * 10 + 400); // 10 bytes for both
    bl_program_destroy(&p);
    bl_netlist_destroy(&n);
    bl_graph_destroy(&g);
}

// A chain in which every node has one reader, the longest that exact area could walk down.
static void long_chains_are_mapped_in_linear_time(void)
{
    bl_graph *g;
    REQUIRE(bl_graph_create(&g, NULL) == BL_OK);
    bl_lit x = bl_graph_input(g, NULL);
    for (uint32_t i = 0; i < 200000; i++)
        x = bl_graph_and(g, bl_lit_not_if(x, i % 3 == 0), bl_graph_input(g, NULL));
    bl_graph_output(g, x, NULL);
    bl_netlist *n;
    REQUIRE(bl_netlist_map(&n, g, NULL, NULL) == BL_OK);
    CHECK(n->n_luts == 100000);
    bl_netlist_destroy(&n);
    bl_graph_destroy(&g);
}

static void constants_and_inputs_need_no_lut(void)
{
    bl_graph *g, *back;
    bl_netlist *n;
    REQUIRE(bl_graph_create(&g, NULL) == BL_OK);
    bl_lit a = bl_graph_input(g, "a"), b = bl_graph_input(g, "b");
    bl_lit ab = bl_graph_and(g, a, b), a_not_b = bl_graph_and(g, a, bl_lit_not(b));
    bl_graph_output(g, bl_graph_or(g, ab, a_not_b), "is a");
    bl_graph_output(g, bl_graph_and(g, ab, a_not_b), "is false");
    bl_graph_output(g, bl_graph_and(g, bl_graph_or(g, a, b), a), "is a too");
    bl_graph_output(g, BL_LIT_TRUE, "is true");
    REQUIRE(bl_netlist_map(&n, g, NULL, NULL) == BL_OK);
    CHECK(n->n_luts == 0);
    CHECK(n->outputs[0] == 2 && n->outputs[1] == BL_LIT_FALSE && n->outputs[2] == 2
          && n->outputs[3] == BL_LIT_TRUE);
    REQUIRE(bl_graph_from_netlist(&back, n, NULL) == BL_OK);
    expect_same_graphs(g, back);
    bl_graph_destroy(&back);
    bl_graph_destroy(&g);
    bl_netlist_destroy(&n);
}

// More than one window, with and without threads.
static void windows_do_not_depend_on_threads(void)
{
    bl_graph *g;
    bl_pool *pool;
    REQUIRE(bl_graph_create(&g, NULL) == BL_OK);
    for (uint32_t i = 0; i < 64; i++)
        bl_graph_input(g, NULL);
    while (g->n_ands < 1200000 && g->status == BL_OK) {
        uint32_t near = g->n_nodes < 500 ? g->n_nodes - 1 : 500;
        bl_lit a = 2 * (g->n_nodes - 1 - (uint32_t)bl_random_below(&rng, near));
        bl_lit b = 2 * (g->n_nodes - 1 - (uint32_t)bl_random_below(&rng, near));
        if (bl_random_below(&rng, 2)) // ANDs alone would soon be constant
            bl_graph_xor(g, a, b);
        else
            bl_graph_and(g, a ^ (uint32_t)bl_random_below(&rng, 2),
                         b ^ (uint32_t)bl_random_below(&rng, 2));
    }
    for (uint32_t i = 0; i < 200; i++)
        bl_graph_output(g, 2 * (g->n_nodes - 1 - i), NULL);
    REQUIRE(g->status == BL_OK && bl_pool_create(&pool, 3, NULL) == BL_OK);
    bl_netlist *one, *three;
    bl_map_params params = {.pool = pool};
    REQUIRE(bl_netlist_map(&one, g, NULL, NULL) == BL_OK);
    REQUIRE(bl_netlist_map(&three, g, &params, NULL) == BL_OK);
    REQUIRE(one->n_luts == three->n_luts && one->n_luts > 100000);
    CHECK(memcmp(one->leaves, three->leaves, 12 * (size_t)one->n_luts) == 0);
    CHECK(memcmp(one->tables, three->tables, 8 * (size_t)one->n_luts) == 0);
    bl_graph *back;
    REQUIRE(bl_graph_from_netlist(&back, three, NULL) == BL_OK);
    expect_same_graphs(g, back);
    bl_graph_destroy(&back);
    bl_netlist_destroy(&one);
    bl_netlist_destroy(&three);
    bl_pool_destroy(&pool);
    bl_graph_destroy(&g);
}

static void targets_price_functions(void)
{
    uint8_t lut[256], avx2[256], neon[256], rdna3[256];
    bl_target_costs(lut, BL_TARGET_LUT);
    bl_target_costs(avx2, BL_TARGET_AVX2);
    bl_target_costs(neon, BL_TARGET_NEON);
    bl_target_costs(rdna3, BL_TARGET_RDNA3);
    for (unsigned t = 0; t < 256; t++) {
        bool is_free = t == 0 || t == 0xFF || t == 0xF0 || t == 0x0F || t == 0xCC || t == 0x33
                       || t == 0xAA || t == 0x55;
        CHECK(lut[t] == !is_free && (avx2[t] == 0) == is_free);
        CHECK(neon[t] <= avx2[t] && rdna3[t] <= neon[t] && avx2[t] <= 4);
        CHECK(avx2[t] == avx2[~t & 0xFF]);
    }
    CHECK(avx2[0x96] == 2 && avx2[0xE8] == 4 && avx2[0xCA] == 3 && avx2[0x80] == 2);
    CHECK(neon[0xCA] == 1 && neon[0xE8] == 2 && rdna3[0x96] == 1 && rdna3[0xFE] == 1);
}

static void failing_memory_is_reported(void)
{
    bl_graph *g = random_graph(8, 3, 300, 5);
    for (int n = 0, is_done = 0; !is_done; n++) {
        int left = n;
        bl_allocator limited = {limited_resize, &left};
        bl_netlist *netlist = NULL;
        bl_status status = bl_netlist_map(&netlist, g, NULL, &limited);
        CHECK(status == BL_OK || (status == BL_ERR_MEMORY && !netlist));
        is_done = status == BL_OK;
        bl_netlist_destroy(&netlist);
    }
    bl_netlist *netlist;
    REQUIRE(bl_netlist_map(&netlist, g, NULL, NULL) == BL_OK);
    for (int n = 0, is_done = 0; !is_done; n++) {
        int left = n;
        bl_allocator limited = {limited_resize, &left};
        bl_program *p = NULL;
        bl_graph *back = NULL;
        bl_status status = bl_program_from_netlist(&p, netlist, &limited);
        CHECK(status == BL_OK || (status == BL_ERR_MEMORY && !p));
        is_done = status == BL_OK;
        left = n;
        status = bl_graph_from_netlist(&back, netlist, &limited);
        CHECK(status == BL_OK || (status == BL_ERR_MEMORY && !back));
        bl_program_destroy(&p);
        bl_graph_destroy(&back);
    }
    bl_netlist_destroy(&netlist);
    bl_graph_destroy(&g);
}

int main(void)
{
    bl_random_seed(&rng, 5);
    RUN(mapped_graphs_compute_the_graph);
    RUN(ports_keep_their_names_and_kinds);
    RUN(an_adder_takes_two_lut3s_a_bit_and_one_operation);
    RUN(long_chains_are_mapped_in_linear_time);
    RUN(constants_and_inputs_need_no_lut);
    RUN(windows_do_not_depend_on_threads);
    RUN(targets_price_functions);
    RUN(failing_memory_is_reported);
    return test_summary();
}
