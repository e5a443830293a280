// SPDX-License-Identifier: MIT
// One evaluation by several threads.
#include "../limited_memory.h"
#include "../plain_graph.h"

#include <bitloom/code.h>
#include <bitloom/netlist.h>

enum { STEPS = 14 }; // more than the machine tries before it decides

// Layers of gates over neighbours, wide enough to be worth a split; latches among the first inputs.
static bl_graph *wide_graph(uint32_t n_inputs, uint32_t n_latches, uint32_t width,
                            uint32_t n_layers)
{
    bl_graph *g;
    REQUIRE(bl_graph_create(&g, NULL) == BL_OK);
    bl_lit *layer = calloc(width, sizeof *layer), *next = calloc(width, sizeof *next);
    for (uint32_t i = 0; i < n_inputs; i++)
        layer[i % width] = bl_graph_input(g, NULL);
    for (uint32_t i = 0; i < n_latches; i++)
        layer[(n_inputs + i) % width] = bl_graph_latch(g, BL_RESET_ZERO, NULL);
    for (uint32_t i = n_inputs + n_latches; i < width; i++)
        layer[i] = layer[bl_random_below(&rng, i)];
    for (uint32_t k = 0; k < n_layers; k++) {
        for (uint32_t i = 0; i < width; i++) {
            bl_lit x[6];
            for (uint32_t m = 0; m < 6; m++)
                x[m] = layer[(i + bl_random_below(&rng, 40)) % width]
                       ^ (bl_lit)bl_random_below(&rng, 2);
            bl_lit s = bl_graph_xor(g, bl_graph_xor(g, x[0], x[1]), x[2]);
            next[i] =
                bl_graph_mux(g, s, bl_graph_maj3(g, x[3], x[4], x[5]), bl_graph_and(g, x[0], x[4]));
        }
        bl_lit *t = layer;
        layer = next;
        next = t;
    }
    for (uint32_t i = 0; i < n_latches; i++) // some next states are other states
        bl_graph_set_next(
            g, i, i % 5 ? layer[(7 * i) % width] : 2 * g->latches[(i + 1) % n_latches].node);
    for (uint32_t i = 0; i < width / 2; i++)
        bl_graph_output(g, layer[i] ^ (i & 1), NULL);
    REQUIRE(g->status == BL_OK);
    free(layer);
    free(next);
    return g;
}

static void fill(bl_plane *planes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (size_t w = 0; w < 8; w++)
            planes[i].word[w] = bl_random_next(&rng);
}

// The same inputs and states for both; inputs, states and outputs must agree after each step.
static void expect_same_steps(bl_machine *one, bl_machine *many, const bl_program *p,
                              size_t n_chunks, bl_pool *pool)
{
    bl_program_info info;
    bl_program_get_info(&info, p);
    size_t a = bl_machine_stride(one), b = bl_machine_stride(many);
    bool is_same = true;
    for (size_t c = 0; c < n_chunks; c++) {
        fill(bl_machine_state(one) + c * a, info.n_state);
        memcpy(bl_machine_state(many) + c * b, bl_machine_state(one) + c * a,
               info.n_state * sizeof(bl_plane));
    }
    for (int t = 0; t < STEPS; t++) {
        for (size_t c = 0; c < n_chunks; c++) {
            fill(bl_machine_input(one) + c * a, info.n_inputs);
            memcpy(bl_machine_input(many) + c * b, bl_machine_input(one) + c * a,
                   info.n_inputs * sizeof(bl_plane));
        }
        for (uint32_t e = 0; e < info.n_entries; e++) {
            bl_machine_run_many(one, e, n_chunks);
            bl_machine_run_on(many, e, n_chunks, pool);
        }
        for (size_t c = 0; c < n_chunks; c++) { // the three groups are neighbours
            size_t n = info.n_inputs + info.n_state + info.n_outputs;
            is_same &= memcmp(bl_machine_input(one) + c * a, bl_machine_input(many) + c * b,
                              n * sizeof(bl_plane))
                       == 0;
        }
    }
    CHECK(is_same);
}

// With 1, 2, 3 and 7 threads, data and code; whether each but the first was split.
static void try_threads(const bl_program *p, size_t n_chunks, bool is_large)
{
    static const size_t n_threads[] = {1, 2, 3, 7};
    for (size_t i = 0; i < 4; i++)
        for (bl_run run = BL_RUN_INTERPRETER; run <= BL_RUN_CODE; run++) {
            bl_machine_params params = {.level = bl_cpu_best(), .n_chunks = n_chunks, .run = run};
            bl_machine *one, *many;
            bl_pool *pool;
            if (run == BL_RUN_CODE && !bl_code_is_possible(params.level))
                continue;
            REQUIRE(bl_machine_create_as(&one, p, &params, NULL) == BL_OK);
            params.n_threads = n_threads[i];
            REQUIRE(bl_machine_create_as(&many, p, &params, NULL) == BL_OK);
            REQUIRE(bl_pool_create(&pool, n_threads[i], NULL) == BL_OK);
            CHECK(bl_machine_is_split(many) == (is_large && n_threads[i] > n_chunks));
            expect_same_steps(one, many, p, n_chunks, pool);
            expect_same_steps(one, many, p, n_chunks, NULL);
            bl_pool_destroy(&pool);
            bl_machine_destroy(&one);
            bl_machine_destroy(&many);
        }
}

static void any_number_of_threads_computes_the_same(void)
{
    bl_graph *g = wide_graph(100, 0, 3000, 6);
    bl_program *p;
    REQUIRE(bl_program_cover_graph(&p, g, NULL) == BL_OK);
    try_threads(p, 1, true);
    try_threads(p, 2, true);
    bl_program_destroy(&p);
    bl_graph_destroy(&g);
}

static void latches_keep_their_old_values_until_all_have_read_them(void)
{
    bl_graph *g = wide_graph(30, 700, 2500, 5);
    bl_program *p;
    REQUIRE(bl_program_cover_graph(&p, g, NULL) == BL_OK);
    try_threads(p, 1, true);
    bl_program_destroy(&p);
    bl_graph_destroy(&g);
}

static void small_and_narrow_networks_stay_whole(void)
{
    bl_program *p;
    bl_graph *g = wide_graph(20, 3, 60, 3);
    REQUIRE(bl_program_cover_graph(&p, g, NULL) == BL_OK);
    try_threads(p, 1, false);
    bl_program_destroy(&p);
    bl_graph_destroy(&g);
    REQUIRE(bl_graph_create(&g, NULL) == BL_OK);
    bl_lit x = bl_graph_input(g, NULL), y = bl_graph_input(g, NULL);
    for (uint32_t i = 0; i < 60000; i++) { // one long chain
        bl_lit t = bl_graph_and(g, x ^ 1, y ^ (i & 1));
        y = x;
        x = t;
    }
    bl_graph_output(g, x, NULL);
    REQUIRE(bl_program_from_graph(&p, g, NULL) == BL_OK);
    try_threads(p, 1, false);
    bl_program_destroy(&p);
    bl_graph_destroy(&g);
}

// Macro-operations whose results are read by others, go to ports, or to ports that are still read.
static bl_program *macro_program(void)
{
    enum { N = 600, FAN_IN = 200, N_SUMS = 40, PLANES = 10 };
    bl_record in = {0}, state = {0}, out = {0};
    bl_assembler *a;
    bl_program *p;
    REQUIRE(bl_record_add(&in, "in", N, false) == BL_OK);
    REQUIRE(bl_record_add(&state, "state", N, false) == BL_OK);
    REQUIRE(bl_record_add(&out, "out", N_SUMS * PLANES, false) == BL_OK);
    REQUIRE(bl_assembler_create(&a, &in, &state, &out, NULL) == BL_OK);
    uint32_t hidden = bl_assembler_temporaries(a, N),
             sums = bl_assembler_temporaries(a, N_SUMS * PLANES);
    uint32_t first_state = bl_assembler_state(a), slots[FAN_IN];
    for (int entry = 0; entry < 2; entry++) {
        bl_assembler_begin_entry(a, entry ? "second" : "first");
        for (int layer = 0; layer < 2; layer++)
            for (uint32_t i = 0; i < N; i++) {
                for (uint32_t k = 0; k < FAN_IN; k++)
                    slots[k] = (layer ? hidden : bl_assembler_input(a))
                               + (uint32_t)bl_random_below(&rng, layer ? N : 2 * N);
                bl_literal_list list = {slots, slots + FAN_IN / 2, FAN_IN / 2, FAN_IN / 2};
                bl_assembler_count_ge(a, layer ? first_state + i : hidden + i, &list, FAN_IN / 2);
            }
        for (uint32_t i = 0; i < N_SUMS; i++) {
            for (uint32_t k = 0; k < FAN_IN; k++)
                slots[k] = first_state + (uint32_t)bl_random_below(&rng, N);
            bl_literal_list digits[2] = {{slots, slots + 20, 20, 80},
                                         {slots + 100, slots + 150, 50, 50}};
            uint32_t dst = i % 2 ? bl_assembler_output(a) : sums;
            bl_assembler_sum(a, dst + i * PLANES, PLANES, PLANES - 1, 3, digits, 2);
            for (uint32_t k = 0; k < PLANES && i % 2 == 0; k++)
                bl_assembler_lut3(a, 0x96, bl_assembler_output(a) + i * PLANES + k,
                                  sums + i * PLANES + k, first_state + k, hidden + k);
        }
    }
    REQUIRE(bl_assembler_finish(&p, a) == BL_OK);
    bl_assembler_destroy(&a);
    bl_record_clear(&in);
    bl_record_clear(&state);
    bl_record_clear(&out);
    return p;
}

static void macro_operations_are_shared_out_too(void)
{
    bl_program *p = macro_program();
    try_threads(p, 1, true);
    bl_program_destroy(&p);
}

static void memory_that_ends_anywhere_is_reported(void)
{
    bl_graph *g = wide_graph(100, 20, 3000, 6);
    bl_program *p;
    REQUIRE(bl_program_cover_graph(&p, g, NULL) == BL_OK);
    bl_machine_params params = {.level = bl_cpu_best(), .run = BL_RUN_INTERPRETER, .n_threads = 2};
    int n_failures = 0;
    for (int limit = 0;; limit++) {
        int left = limit;
        bl_allocator limited = {limited_resize, &left};
        bl_machine *m = NULL;
        bl_status status = bl_machine_create_as(&m, p, &params, &limited);
        bool is_split = m && bl_machine_is_split(m);
        bl_machine_destroy(&m);
        if (status == BL_OK) {
            CHECK(is_split);
            break;
        }
        CHECK(status == BL_ERR_MEMORY);
        n_failures++;
    }
    CHECK(n_failures > 20);
    bl_program_destroy(&p);
    bl_graph_destroy(&g);
}

int main(void)
{
    bl_random_seed(&rng, 5);
    RUN(any_number_of_threads_computes_the_same);
    RUN(latches_keep_their_old_values_until_all_have_read_them);
    RUN(small_and_narrow_networks_stay_whole);
    RUN(macro_operations_are_shared_out_too);
    RUN(memory_that_ends_anywhere_is_reported);
    return test_summary();
}
