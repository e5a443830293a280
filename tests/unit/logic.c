// SPDX-License-Identifier: MIT
#include "../plain_graph.h"

static void trivial_ands_are_not_built(void)
{
    bl_graph *g;
    REQUIRE(bl_graph_create(&g, NULL) == BL_OK);
    bl_lit a = bl_graph_input(g, "a"), b = bl_graph_input(g, "b");
    CHECK(bl_graph_and(g, a, BL_LIT_FALSE) == BL_LIT_FALSE);
    CHECK(bl_graph_and(g, BL_LIT_TRUE, a) == a);
    CHECK(bl_graph_and(g, a, a) == a && bl_graph_and(g, a, bl_lit_not(a)) == BL_LIT_FALSE);
    CHECK(bl_graph_and(g, a, b) == bl_graph_and(g, b, a));
    CHECK(g->n_ands == 1);
    bl_graph_destroy(&g);
}

// All 256 functions of three inputs, all eight rows: in a graph and on every level.
static void every_lut3_is_its_table(void)
{
    bl_record in = {0}, none = {0}, out = {0};
    bl_assembler *a;
    bl_program *p;
    REQUIRE(bl_record_add(&in, "x", 3, false) == BL_OK
            && bl_record_add(&out, "y", 256, false) == BL_OK);
    REQUIRE(bl_assembler_create(&a, &in, &none, &out, NULL) == BL_OK);
    bl_assembler_begin_entry(a, "step");
    for (uint32_t t = 0; t < 256; t++)
        bl_assembler_lut3(a, (uint8_t)t, bl_assembler_output(a) + t, bl_assembler_input(a),
                          bl_assembler_input(a) + 1, bl_assembler_input(a) + 2);
    REQUIRE(bl_assembler_finish(&p, a) == BL_OK);
    for (int level = 0; level < BL_CPU_COUNT; level++) {
        if (!bl_cpu_is_supported((bl_cpu)level))
            continue;
        bl_machine *m;
        REQUIRE(bl_machine_create(&m, p, (bl_cpu)level, NULL) == BL_OK);
        for (size_t lane = 0; lane < BL_LANES; lane++)
            for (size_t k = 0; k < 3; k++)
                bl_lane_set(&bl_machine_input(m)[k], lane, lane * 5 / 7 >> (2 - k) & 1);
        bl_machine_run(m, 0);
        bool is_right = true;
        for (size_t lane = 0; lane < BL_LANES; lane++)
            for (uint32_t t = 0; t < 256; t++)
                is_right &=
                    bl_lane_get(&bl_machine_output(m)[t], lane) == (t >> (lane * 5 / 7 & 7) & 1);
        CHECK(is_right);
        bl_machine_destroy(&m);
    }
    bl_graph *g;
    REQUIRE(bl_graph_from_program(&g, p, NULL) == BL_OK);
    expect_same_as_plain(g, p, BL_CPU_C);
    bl_graph_destroy(&g);
    bl_program_destroy(&p);
    bl_assembler_destroy(&a);
    bl_record_clear(&in);
    bl_record_clear(&out);
}

static void programs_of_random_graphs_compute_the_graph(void)
{
    for (uint32_t i = 0; i < 60; i++) {
        bl_graph *g = random_graph(1 + i % 9, i % 7, i * i, 1 + i % 11);
        bl_program *direct, *covered;
        bl_program_info direct_info, covered_info;
        REQUIRE(bl_program_from_graph(&direct, g, NULL) == BL_OK);
        REQUIRE(bl_program_cover_graph(&covered, g, NULL) == BL_OK);
        bl_program_get_info(&direct_info, direct);
        bl_program_get_info(&covered_info, covered);
        CHECK(covered_info.n_lut3_operations <= direct_info.n_lut3_operations);
        for (int level = 0; level < BL_CPU_COUNT; level++)
            if (bl_cpu_is_supported((bl_cpu)level)) {
                expect_same_as_plain(g, direct, (bl_cpu)level);
                expect_same_as_plain(g, covered, (bl_cpu)level);
            }
        bl_program_destroy(&direct);
        bl_program_destroy(&covered);
        bl_graph_destroy(&g);
    }
}

// A random program of all operations over `n_inputs` inputs.
// Spare temporaries that nobody uses make slots enough for wide code words.
static bl_program *random_program(uint32_t n_inputs, uint32_t n_operations, uint32_t n_spare)
{
    bl_record in = {0}, state = {0}, out = {0};
    bl_assembler *a;
    bl_program *p;
    REQUIRE(bl_record_add(&in, "in", n_inputs, false) == BL_OK);
    REQUIRE(bl_record_add(&state, "s", 5, false) == BL_OK);
    REQUIRE(bl_record_add(&out, "out", 24 + n_operations, true) == BL_OK);
    REQUIRE(bl_assembler_create(&a, &in, &state, &out, NULL) == BL_OK);
    uint32_t first_out = bl_assembler_output(a), n_ready = first_out; // slots that may be read
    uint32_t first_temporary = bl_assembler_temporaries(a, n_operations), n_written = 0;
    bl_assembler_temporaries(a, n_spare);
    bl_assembler_begin_entry(a, "step");
    for (uint32_t i = 0; i < n_operations; i++) {
        uint32_t counted[700], complemented[700];
        bl_literal_list list[3];
        for (uint32_t k = 0; k < 3; k++) {
            uint64_t most = i % 5 ? 20 : 200;
            list[k] = (bl_literal_list){counted + 200 * k, complemented + 200 * k,
                                        (uint32_t)bl_random_below(&rng, most),
                                        (uint32_t)bl_random_below(&rng, most)};
            for (uint32_t j = 0; j < 200; j++) {
                uint32_t n = n_ready + n_written;
                uint32_t x = (uint32_t)bl_random_below(&rng, n),
                         y = (uint32_t)bl_random_below(&rng, n);
                counted[200 * k + j] = x < n_ready ? x : first_temporary + x - n_ready;
                complemented[200 * k + j] = y < n_ready ? y : first_temporary + y - n_ready;
            }
        }
        uint32_t dst = first_temporary + n_written;
        uint64_t kind = bl_random_below(&rng, 4);
        if (kind == 0)
            bl_assembler_sum(a, first_out, 24, 11, (int64_t)bl_random_below(&rng, 2000) - 1000,
                             list, 3);
        if (kind <= 1)
            bl_assembler_count_ge(
                a, dst, list,
                (int64_t)bl_random_below(&rng, list->n_plain + list->n_complemented + 3) - 1);
        else
            bl_assembler_lut3(a, (uint8_t)bl_random_next(&rng), dst, counted[0], counted[1],
                              complemented[2]);
        bl_assembler_lut3(a, 0xF0, first_out + 24 + i, dst, 0, 0);
        if (kind == 3)
            bl_assembler_lut3(a, 0x96, bl_assembler_state(a) + i % 5, counted[3], counted[4], dst);
        n_written++;
    }
    REQUIRE(bl_assembler_finish(&p, a) == BL_OK);
    bl_assembler_destroy(&a);
    bl_record_clear(&in);
    bl_record_clear(&state);
    bl_record_clear(&out);
    return p;
}

// Chunks of one machine against machines of their own: the same inputs, states and outputs.
static void wide_code_computes_what_narrow_code_does(void)
{
    enum { N = 2, SPARE = 70000 };
    bl_random before = rng;
    bl_program *narrow = random_program(9, 20, 0), *wide;
    rng = before;
    wide = random_program(9, 20, SPARE);
    bl_program_info info, wide_info;
    bl_program_get_info(&info, narrow);
    bl_program_get_info(&wide_info, wide);
    CHECK(!info.is_wide && wide_info.is_wide);
    for (int level = 0; level < BL_CPU_COUNT; level++) {
        bl_machine *a, *b;
        if (!bl_cpu_is_supported((bl_cpu)level))
            continue;
        REQUIRE(bl_machine_create_many(&a, narrow, N, (bl_cpu)level, NULL) == BL_OK);
        REQUIRE(bl_machine_create_many(&b, wide, N, (bl_cpu)level, NULL) == BL_OK);
        size_t a_stride = bl_machine_stride(a), b_stride = bl_machine_stride(b);
        for (size_t c = 0; c < N; c++)
            for (uint32_t k = 0; k < info.n_inputs; k++)
                for (size_t w = 0; w < 8; w++)
                    bl_machine_input(a)[c * a_stride + k].word[w] =
                        bl_machine_input(b)[c * b_stride + k].word[w] = bl_random_next(&rng);
        bl_machine_run_many(a, 0, N);
        bl_machine_run_many(b, 0, N);
        bl_machine_run(a, 0); // of chunk 0 alone, from its new state
        bl_machine_run(b, 0);
        for (size_t c = 0; c < N; c++) {
            CHECK(memcmp(bl_machine_output(a) + c * a_stride, bl_machine_output(b) + c * b_stride,
                         info.n_outputs * sizeof(bl_plane))
                  == 0);
            CHECK(memcmp(bl_machine_state(a) + c * a_stride, bl_machine_state(b) + c * b_stride,
                         info.n_state * sizeof(bl_plane))
                  == 0);
        }
        bl_machine_destroy(&a);
        bl_machine_destroy(&b);
    }
    bl_program_destroy(&narrow);
    bl_program_destroy(&wide);
}

static void many_chunks_are_so_many_machines(void)
{
    enum { N = 3 };
    for (uint32_t i = 0; i < 12; i++) {
        bl_program *p = random_program(9, 3 + 2 * i, 0);
        bl_program_info info;
        bl_program_get_info(&info, p);
        for (int level = 0; level < BL_CPU_COUNT; level++) {
            bl_machine *all, *one[N];
            if (!bl_cpu_is_supported((bl_cpu)level))
                continue;
            REQUIRE(bl_machine_create_many(&all, p, N, (bl_cpu)level, NULL) == BL_OK);
            size_t stride = bl_machine_stride(all);
            for (size_t c = 0; c < N; c++) {
                REQUIRE(bl_machine_create(&one[c], p, (bl_cpu)level, NULL) == BL_OK);
                for (uint32_t k = 0; k < info.n_inputs; k++)
                    for (size_t w = 0; w < 8; w++)
                        bl_machine_input(all)[c * stride + k].word[w] =
                            bl_machine_input(one[c])[k].word[w] = bl_random_next(&rng);
            }
            for (int t = 0; t < 3; t++)
                bl_machine_run_many(all, 0, N);
            for (size_t c = 0; c < N; c++) {
                for (int t = 0; t < 3; t++)
                    bl_machine_run(one[c], 0);
                CHECK(memcmp(bl_machine_output(all) + c * stride, bl_machine_output(one[c]),
                             info.n_outputs * 64)
                      == 0);
                CHECK(memcmp(bl_machine_state(all) + c * stride, bl_machine_state(one[c]),
                             info.n_state * 64)
                      == 0);
                bl_machine_destroy(&one[c]);
            }
            bl_machine_destroy(&all);
        }
        bl_program_destroy(&p);
    }
}

// Exhaustive over nine inputs (512 lanes), several steps of state.
static bool same_outputs(const bl_program *p, const bl_program *q, bl_cpu level_p, bl_cpu level_q)
{
    bl_machine *m, *n;
    bl_program_info info;
    bl_program_get_info(&info, p);
    REQUIRE(bl_machine_create(&m, p, level_p, NULL) == BL_OK);
    REQUIRE(bl_machine_create(&n, q, level_q, NULL) == BL_OK);
    bool is_same = true;
    for (int t = 0; t < 4; t++) {
        for (uint32_t i = 0; i < info.n_inputs; i++)
            for (size_t lane = 0; lane < BL_LANES; lane++) {
                bl_lane_set(&bl_machine_input(m)[i], lane, (lane + (size_t)t * 37) >> i % 9 & 1);
                bl_lane_set(&bl_machine_input(n)[i], lane, (lane + (size_t)t * 37) >> i % 9 & 1);
            }
        bl_machine_run(m, 0);
        bl_machine_run(n, 0);
        is_same &= memcmp(bl_machine_output(m), bl_machine_output(n), info.n_outputs * 64) == 0;
        is_same &= memcmp(bl_machine_state(m), bl_machine_state(n), info.n_state * 64) == 0;
    }
    bl_machine_destroy(&m);
    bl_machine_destroy(&n);
    return is_same;
}

static void expansion_to_luts_and_graph_keeps_the_function(void)
{
    for (uint32_t i = 0; i < 40; i++) {
        bl_program *p = random_program(9, 3 + i, 0), *luts, *again;
        bl_graph *g;
        REQUIRE(bl_program_expand(&luts, p, NULL) == BL_OK);
        REQUIRE(bl_graph_from_program(&g, p, NULL) == BL_OK);
        REQUIRE(bl_program_from_graph(&again, g, NULL) == BL_OK);
        bl_program_info info;
        bl_program_get_info(&info, luts);
        CHECK(info.n_macro_operations == 0);
        for (int level = 0; level < BL_CPU_COUNT; level++)
            if (bl_cpu_is_supported((bl_cpu)level)) {
                CHECK(same_outputs(p, p, BL_CPU_C, (bl_cpu)level));
                CHECK(same_outputs(p, luts, BL_CPU_C, (bl_cpu)level));
                CHECK(same_outputs(p, again, BL_CPU_C, (bl_cpu)level));
            }
        bl_program_destroy(&p);
        bl_program_destroy(&luts);
        bl_program_destroy(&again);
        bl_graph_destroy(&g);
    }
}

static void damaged_programs_are_refused_or_run(void)
{
    bl_program *p = random_program(9, 20, 0);
    bl_buffer file = {0};
    REQUIRE(bl_program_write(&file, p) == BL_OK);
    uint8_t *copy = bl_alloc(NULL, file.bytes);
    for (size_t i = 0; i < 3000; i++) {
        bl_program *q = NULL;
        bl_diag d = {0};
        memcpy(copy, file.data, file.bytes);
        size_t bytes = file.bytes;
        if (i % 3 == 0)
            bytes = bl_random_below(&rng, file.bytes);
        else
            copy[bl_random_below(&rng, file.bytes)] = (uint8_t)bl_random_next(&rng);
        if (bl_program_open(&q, copy, bytes, "t.blp", NULL, &d) == BL_OK) {
            bl_machine *m;
            REQUIRE(bl_machine_create(&m, q, bl_cpu_best(), NULL) == BL_OK);
            bl_machine_run(m, 0);
            bl_machine_destroy(&m);
            bl_program_destroy(&q);
        } else
            CHECK(d.message[0]);
        CHECK(i % 3 != 0 || !q);
    }
    bl_free(NULL, copy, file.bytes);
    bl_buffer_clear(&file);
    bl_program_destroy(&p);
}

static void lanes_load_and_store_any_width(void)
{
    for (uint32_t n_bits = 1; n_bits < 300; n_bits += n_bits < 20 ? 1 : 37) {
        bl_graph *g;
        bl_program *p;
        bl_machine *m;
        REQUIRE(bl_graph_create(&g, NULL) == BL_OK);
        for (uint32_t i = 0; i < n_bits; i++)
            bl_graph_set_next(g, i, bl_graph_latch(g, BL_RESET_ZERO, NULL));
        REQUIRE(bl_program_from_graph(&p, g, NULL) == BL_OK);
        REQUIRE(bl_machine_create(&m, p, bl_cpu_best(), NULL) == BL_OK);
        size_t bytes = bl_machine_state_bytes(m), n_lanes = 1 + n_bits % 512;
        uint8_t *in = calloc(n_lanes, bytes), *out = calloc(n_lanes, bytes);
        for (size_t i = 0; i < n_lanes * n_bits; i++)
            in[i / n_bits * bytes + i % n_bits / 8] |=
                (uint8_t)(bl_random_below(&rng, 2) << i % n_bits % 8);
        bl_machine_load_lanes(m, in, n_lanes);
        for (size_t i = 0; i < n_lanes; i++)
            CHECK(bl_lane_get(&bl_machine_state(m)[n_bits - 1], i)
                  == (in[i * bytes + (n_bits - 1) / 8] >> (n_bits - 1) % 8 & 1));
        bl_machine_run(m, 0);
        bl_machine_store_lanes(out, m, n_lanes);
        CHECK(memcmp(in, out, n_lanes * bytes) == 0);
        free(in);
        free(out);
        bl_machine_destroy(&m);
        bl_program_destroy(&p);
        bl_graph_destroy(&g);
    }
}

static int n_left;
static void *failing_resize(void *context, void *p, size_t old_bytes, size_t new_bytes)
{
    (void)context;
    if (new_bytes == 0) {
        bl_free(NULL, p, old_bytes);
        return NULL;
    }
    return n_left-- > 0 ? bl_resize(NULL, p, old_bytes, new_bytes) : NULL;
}

// The n-th allocation fails, for every n until all succeed: an error each time, and no leak.
static void failing_allocations_are_reported(void)
{
    bl_graph *source = random_graph(6, 3, 200, 5);
    bl_buffer file = {0};
    REQUIRE(bl_graph_write_aiger(&file, source, true) == BL_OK);
    bl_allocator a = {failing_resize, NULL};
    bool is_done = false;
    for (int n = 0; !is_done && n < 1000; n++) {
        bl_graph *g = NULL, *back = NULL;
        bl_program *p = NULL, *luts = NULL;
        bl_machine *m = NULL;
        n_left = n;
        is_done = bl_graph_read_aiger(&g, file.data, file.bytes, "t", &a, NULL) == BL_OK
                  && bl_program_from_graph(&p, g, &a) == BL_OK
                  && bl_program_expand(&luts, p, &a) == BL_OK
                  && bl_graph_from_program(&back, p, &a) == BL_OK
                  && bl_machine_create(&m, p, bl_cpu_best(), &a) == BL_OK;
        bl_machine_destroy(&m);
        bl_graph_destroy(&g);
        bl_graph_destroy(&back);
        bl_program_destroy(&p);
        bl_program_destroy(&luts);
    }
    CHECK(is_done);
    bl_buffer_clear(&file);
    bl_graph_destroy(&source);
}

static void gate_layers_compute_their_kinds_and_count_votes(void)
{
    enum { N = 32 };
    uint32_t a[N], b[N], first[N], second[N];
    uint8_t kind[N], copy[N];
    for (uint32_t i = 0; i < N; i++) {
        a[i] = 0, b[i] = 1, kind[i] = i % 16;
        first[i] = i, second[i] = 31 - i, copy[i] = 3; // 3 gives its first operand
    }
    bl_gate_layer layers[2] = {{a, b, kind, N}, {first, second, copy, N}};
    bl_graph *g = NULL;
    for (uint32_t n_classes = 0; n_classes <= 2; n_classes++) {
        REQUIRE(bl_graph_from_gate_layers(&g, 2, layers, 2, n_classes, NULL, NULL) == BL_OK);
        CHECK(g->n_outputs == (n_classes == 0 ? N : n_classes == 1 ? 6 : 10));
        plain p = {calloc(g->n_nodes, 8), calloc(1, 8)};
        uint64_t in[2] = {0xC, 0xA}, out[N] = {0}; // lane 2a + b
        plain_step(&p, g, in, out);
        for (uint64_t lane = 0; lane < 4; lane++) {
            uint64_t votes = 0, score = 0;
            for (uint32_t i = 0; i < N; i++) {
                votes += kind[i] >> (3 - lane) & 1;
                if (n_classes == 0)
                    CHECK((out[i] >> lane & 1) == (kind[i] >> (3 - lane) & 1));
            }
            for (uint32_t i = 0; i < g->n_outputs && n_classes > 0; i++)
                score += (out[i] >> lane & 1) << i % (g->n_outputs / n_classes);
            CHECK(n_classes == 0 || score == votes);
        }
        free(p.value);
        free(p.state);
        bl_graph_destroy(&g);
    }
    bl_diag diag = {0};
    b[7] = 2;
    CHECK(bl_graph_from_gate_layers(&g, 2, layers, 2, 0, NULL, &diag) == BL_ERR_FORMAT);
    CHECK(!strcmp(diag.message, "layer 0, gate 7: operand 2, but there are only 2 before it"));
    b[7] = 1, copy[3] = 16;
    CHECK(bl_graph_from_gate_layers(&g, 2, layers, 2, 0, NULL, &diag) == BL_ERR_FORMAT);
    CHECK(!strcmp(diag.message, "layer 1, gate 3: kind 16; expected 0 to 15"));
    CHECK(bl_graph_from_gate_layers(&g, 2, layers, 2, 5, NULL, &diag) == BL_ERR_ARGUMENT && !g);
}

int main(void)
{
    bl_random_seed(&rng, 1);
    RUN(trivial_ands_are_not_built);
    RUN(every_lut3_is_its_table);
    RUN(programs_of_random_graphs_compute_the_graph);
    RUN(wide_code_computes_what_narrow_code_does);
    RUN(many_chunks_are_so_many_machines);
    RUN(expansion_to_luts_and_graph_keeps_the_function);
    RUN(damaged_programs_are_refused_or_run);
    RUN(lanes_load_and_store_any_width);
    RUN(failing_allocations_are_reported);
    RUN(gate_layers_compute_their_kinds_and_count_votes);
    return test_summary();
}
