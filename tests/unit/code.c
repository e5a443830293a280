// SPDX-License-Identifier: MIT
// Every way to run a program gives the same planes: interpreters of all levels, machine code of all
// levels, one chunk and several.
#include "../limited_memory.h"
#include "../plain_graph.h"

#include <bitloom/code.h>
#include <bitloom/netlist.h>

enum { MAX_CHUNKS = 3, N_STEPS = 4 };

static bl_pool *pool;

static void fill(bl_plane *planes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < 8; k++)
            planes[i].word[k] = bl_random_next(&rng);
}

// A few steps from a random state; the outputs and states of all chunks, step by step.
static void run(bl_buffer *result, const bl_program *p, bl_cpu level, bl_run how, size_t n_chunks,
                uint64_t seed)
{
    bl_machine *m;
    bl_program_info info;
    bl_program_get_info(&info, p);
    bl_machine_params params = {.level = level, .n_chunks = n_chunks, .run = how};
    REQUIRE(bl_machine_create_as(&m, p, &params, NULL) == BL_OK);
    CHECK(how == BL_RUN_AUTO || bl_machine_get_run(m) == how);
    bl_random_seed(&rng, seed);
    size_t stride = bl_machine_stride(m);
    for (size_t c = 0; c < n_chunks; c++)
        fill(bl_machine_state(m) + c * stride, info.n_state);
    for (int step = 0; step < N_STEPS; step++) {
        for (size_t c = 0; c < n_chunks; c++)
            fill(bl_machine_input(m) + c * stride, info.n_inputs);
        for (uint32_t e = 0; e < info.n_entries; e++)
            if (step == 0)
                bl_machine_run_on(m, e, n_chunks, pool);
            else if (n_chunks == 1)
                bl_machine_run(m, e);
            else
                bl_machine_run_many(m, e, n_chunks);
        for (size_t c = 0; c < n_chunks; c++) {
            bl_buffer_append(result, bl_machine_output(m) + c * stride,
                             info.n_outputs * sizeof(bl_plane));
            bl_buffer_append(result, bl_machine_state(m) + c * stride,
                             info.n_state * sizeof(bl_plane));
        }
    }
    REQUIRE(result->status == BL_OK);
    bl_machine_destroy(&m);
}

static void expect_same_everywhere(const bl_program *p)
{
    for (size_t n_chunks = 1; n_chunks <= MAX_CHUNKS; n_chunks += 2) {
        bl_buffer expected = {0};
        uint64_t seed = bl_random_next(&rng);
        run(&expected, p, BL_CPU_C, BL_RUN_INTERPRETER, n_chunks, seed);
        for (int level = 0; level < BL_CPU_COUNT; level++)
            for (int how = BL_RUN_AUTO; how <= BL_RUN_CODE; how++) {
                bool is_code = how == BL_RUN_CODE;
                if (!bl_cpu_is_supported((bl_cpu)level)
                    || (is_code && !bl_code_is_possible((bl_cpu)level)))
                    continue;
                bl_buffer result = {0};
                run(&result, p, (bl_cpu)level, (bl_run)how, n_chunks, seed);
                CHECK(result.bytes == expected.bytes
                      && memcmp(result.data, expected.data, result.bytes) == 0);
                bl_buffer_clear(&result);
            }
        bl_buffer_clear(&expected);
    }
}

static void random_graphs_run_the_same_everywhere(void)
{
    for (uint32_t i = 0; i < test_cases(60); i++) {
        bl_graph *g = random_graph(1 + i % 40, i % 9, i * i, 1 + i % 50);
        bl_program *direct, *covered;
        REQUIRE(bl_program_from_graph(&direct, g, NULL) == BL_OK);
        REQUIRE(bl_program_cover_graph(&covered, g, NULL) == BL_OK);
        expect_same_everywhere(direct);
        expect_same_everywhere(covered);
        bl_program_destroy(&direct);
        bl_program_destroy(&covered);
        bl_graph_destroy(&g);
    }
}

// Wide, so that values are spilled, and of more than one segment and many slots.
static void large_graphs_run_the_same_everywhere(void)
{
    for (uint32_t n_inputs = 100; n_inputs <= 5000; n_inputs *= 50) {
        bl_graph *g = random_graph(n_inputs, 300, 12000, 3000);
        bl_program *p;
        REQUIRE(bl_program_cover_graph(&p, g, NULL) == BL_OK);
        expect_same_everywhere(p);
        bl_program_destroy(&p);
        bl_graph_destroy(&g);
    }
}

// Words of random adders and subtractors: pairs of LUT3s that replace each other's operands.
static void arithmetic_runs_the_same_everywhere(void)
{
    enum { N = 24, WORDS = 12 };
    for (int round = 0; round < 10; round++) {
        bl_graph *g;
        bl_lit word[WORDS + 30][N];
        REQUIRE(bl_graph_create(&g, NULL) == BL_OK);
        for (int w = 0; w < WORDS; w++)
            for (int i = 0; i < N; i++)
                word[w][i] = bl_graph_input(g, NULL);
        for (int w = WORDS; w < WORDS + 30; w++) {
            const bl_lit *x = word[bl_random_below(&rng, (uint64_t)w)];
            const bl_lit *y = word[bl_random_below(&rng, (uint64_t)w)];
            bl_lit flip = (bl_lit)bl_random_below(&rng, 2), carry = flip;
            for (int i = 0; i < N; i++) {
                bl_lit a = x[i], b = y[i] ^ flip, sum = bl_graph_xor(g, a, b);
                word[w][i] = bl_graph_xor(g, sum, carry);
                carry = bl_graph_maj3(g, a, b, carry);
            }
        }
        for (int w = WORDS + 20; w < WORDS + 30; w++)
            for (int i = 0; i < N; i++)
                bl_graph_output(g, word[w][i], NULL);
        bl_program *p;
        REQUIRE(bl_program_cover_graph(&p, g, NULL) == BL_OK);
        expect_same_everywhere(p);
        bl_program_destroy(&p);
        bl_graph_destroy(&g);
    }
}

// States that change places, and results that are inputs, constants, or each other's complement.
static void copies_between_ports_do_not_overwrite_each_other(void)
{
    bl_graph *g;
    bl_program *p;
    REQUIRE(bl_graph_create(&g, NULL) == BL_OK);
    bl_lit x = bl_graph_input(g, "x"), s[6];
    for (int i = 0; i < 6; i++)
        s[i] = bl_graph_latch(g, BL_RESET_ZERO, NULL);
    bl_graph_set_next(g, 0, s[1]);
    bl_graph_set_next(g, 1, s[0]);
    bl_graph_set_next(g, 2, bl_lit_not(s[3]));
    bl_graph_set_next(g, 3, bl_graph_and(g, s[2], x));
    bl_graph_set_next(g, 4, bl_lit_not(bl_graph_and(g, s[2], x)));
    bl_graph_set_next(g, 5, x);
    const bl_lit outputs[] = {s[0], bl_lit_not(s[0]), x, BL_LIT_TRUE, BL_LIT_FALSE, s[5]};
    for (int i = 0; i < 6; i++)
        bl_graph_output(g, outputs[i], NULL);
    REQUIRE(bl_program_cover_graph(&p, g, NULL) == BL_OK);
    expect_same_everywhere(p);
    bl_program_destroy(&p);
    bl_graph_destroy(&g);
}

// All operations that a program can have, among them macros, in two entries.
static void macro_operations_are_compiled_too(void)
{
    bl_record in = {0}, state = {0}, out = {0};
    bl_assembler *a;
    bl_program *p;
    REQUIRE(bl_record_add(&in, "in", 90, false) == BL_OK);
    REQUIRE(bl_record_add(&state, "s", 4, false) == BL_OK);
    REQUIRE(bl_record_add(&out, "out", 40, false) == BL_OK);
    REQUIRE(bl_assembler_create(&a, &in, &state, &out, NULL) == BL_OK);
    uint32_t x = bl_assembler_input(a), s = bl_assembler_state(a), y = bl_assembler_output(a);
    uint32_t counted[60], complemented[30];
    for (uint32_t i = 0; i < 60; i++)
        counted[i] = x + i;
    for (uint32_t i = 0; i < 30; i++)
        complemented[i] = x + 60 + i;
    bl_literal_list list = {counted, complemented, 60, 30};
    bl_assembler_begin_entry(a, "step");
    for (uint32_t i = 0; i < 4; i++)
        bl_assembler_count_ge(a, s + i, &list, 30 + 10 * i);
    bl_assembler_begin_entry(a, "head");
    bl_assembler_sum(a, y, 12, 9, -100, (bl_literal_list[]){list, list}, 2);
    for (bl_adder k = BL_ADD; k < BL_ADDER_COUNT; k++) {
        uint32_t first = k < BL_HALF_ADD ? s : 0; // results that are operands too
        bl_assembler_adder(a, k, y + 12, y + 13, first, s + 1, x + 7);
        bl_assembler_adder(a, k, y + 12, y + 13, k < BL_HALF_ADD ? y + 12 : 0, y + 13, x + 8);
        bl_assembler_adder(a, k, y + 14 + 2 * k, y + 15 + 2 * k, first, y + 12, y + 13);
    }
    for (uint32_t i = 22; i < 40; i++)
        bl_assembler_lut3(a, (uint8_t)(i * 37), y + i, x + i, i % 3 ? s + i % 4 : y + i - 1, x + i);
    REQUIRE(bl_assembler_finish(&p, a) == BL_OK);
    expect_same_everywhere(p);
    bl_program *expanded;
    bl_buffer one = {0}, two = {0};
    REQUIRE(bl_program_expand(&expanded, p, NULL) == BL_OK);
    run(&one, p, BL_CPU_C, BL_RUN_INTERPRETER, 1, 3);
    run(&two, expanded, BL_CPU_C, BL_RUN_INTERPRETER, 1, 3);
    CHECK(one.bytes == two.bytes && memcmp(one.data, two.data, one.bytes) == 0);
    bl_buffer_clear(&one);
    bl_buffer_clear(&two);
    bl_program_destroy(&expanded);
    bl_program_destroy(&p);
    bl_assembler_destroy(&a);
    bl_record_clear(&in);
    bl_record_clear(&state);
    bl_record_clear(&out);
}

static void code_outlives_its_program_and_serves_many_machines(void)
{
    bl_cpu level = bl_cpu_best();
    if (!bl_code_is_possible(level)) {
        printf("# no machine code for level %s\n", bl_cpu_name(level));
        return;
    }
    bl_graph *g = random_graph(20, 5, 2000, 30);
    bl_program *p;
    bl_code *code;
    bl_code_params params = {.level = level};
    REQUIRE(bl_program_cover_graph(&p, g, NULL) == BL_OK);
    REQUIRE(bl_code_compile(&code, p, &params, NULL) == BL_OK);
    bl_code_info info;
    bl_program_info program_info;
    bl_code_get_info(&info, code);
    bl_program_get_info(&program_info, p);
    CHECK(info.n_operations <= program_info.n_lut3_operations + 35 && info.n_pieces == 1);
    CHECK(info.bytes >= 6 * info.n_operations && bl_code_bytes(code) != NULL);
    bl_machine *m[2];
    bl_machine_params with = {.level = level, .run = BL_RUN_CODE, .code = code};
    for (int k = 0; k < 2; k++) {
        REQUIRE(bl_machine_create_as(&m[k], p, &with, NULL) == BL_OK);
        CHECK(bl_machine_get_code(m[k]) == code);
        bl_random_seed(&rng, 9);
        fill(bl_machine_input(m[k]), program_info.n_inputs);
        bl_machine_run(m[k], 0);
    }
    CHECK(memcmp(bl_machine_output(m[0]), bl_machine_output(m[1]),
                 program_info.n_outputs * sizeof(bl_plane))
          == 0);
    bl_machine_destroy(&m[0]);
    bl_machine_destroy(&m[1]);
    bl_program_destroy(&p);
    bl_code_destroy(&code);
    bl_graph_destroy(&g);
}

static void failing_memory_is_reported(void)
{
    bl_cpu level = bl_cpu_best();
    if (!bl_code_is_possible(level))
        return;
    bl_graph *g = random_graph(20, 5, 500, 30);
    bl_program *p;
    REQUIRE(bl_program_cover_graph(&p, g, NULL) == BL_OK);
    for (int n = 0, is_done = 0; !is_done; n++) {
        int left = n;
        bl_allocator limited = {limited_resize, &left};
        bl_machine *m = NULL;
        bl_machine_params params = {.level = level, .n_chunks = 2, .run = BL_RUN_CODE};
        bl_status status = bl_machine_create_as(&m, p, &params, &limited);
        CHECK(status == BL_OK || (status == BL_ERR_MEMORY && !m));
        is_done = status == BL_OK;
        bl_machine_destroy(&m);
    }
    bl_program_destroy(&p);
    bl_graph_destroy(&g);
}

int main(void)
{
    bl_random_seed(&rng, 11);
    REQUIRE(bl_pool_create(&pool, 2, NULL) == BL_OK);
    RUN(random_graphs_run_the_same_everywhere);
    RUN(large_graphs_run_the_same_everywhere);
    RUN(arithmetic_runs_the_same_everywhere);
    RUN(copies_between_ports_do_not_overwrite_each_other);
    RUN(macro_operations_are_compiled_too);
    RUN(code_outlives_its_program_and_serves_many_machines);
    RUN(failing_memory_is_reported);
    bl_pool_destroy(&pool);
    return test_summary();
}
