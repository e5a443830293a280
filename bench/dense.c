// SPDX-License-Identifier: MIT
// Ternary neurons for 512 lanes: lists of planes (COUNT_GE) against the best dense kernels, by
// density. A layer of 1,024 neurons over 2,048 inputs, planes in L2 and words in L1; all three give
// the same bits before they are timed.

#include "bench.h"

#include "dense.h"

#include <stdlib.h>
#include <string.h>

#if defined __x86_64__

enum { N_INPUTS = 2048, N_NEURONS = 1024 };

typedef struct contest {
    dense_layer dense;
    int8_t *weight;
    int32_t *threshold;
    uint64_t n_nonzeros;
    bl_program *program;
    bl_machine *machine;
    bl_plane *outputs;
} contest;

static void run_lists(void *context) { bl_machine_run(((contest *)context)->machine, 0); }
static void run_popcount(void *context)
{
    contest *t = context;
    dense_run_popcount(t->outputs, &t->dense);
}
static void run_vnni(void *context)
{
    contest *t = context;
    dense_run_vnni(t->outputs, &t->dense);
}

static bl_status assemble(contest *t)
{
    bl_record records[3] = {{0}};
    bl_assembler *a = NULL;
    uint32_t plain[N_INPUTS], complemented[N_INPUTS];
    bl_status status = bl_record_add(&records[0], "x", N_INPUTS, false);
    if (status == BL_OK)
        status = bl_record_add(&records[2], "y", N_NEURONS, false);
    if (status == BL_OK)
        status = bl_assembler_create(&a, &records[0], &records[1], &records[2], NULL);
    if (status == BL_OK)
        bl_assembler_begin_entry(a, "step");
    for (uint32_t j = 0; status == BL_OK && j < N_NEURONS; j++) {
        bl_literal_list list = {.plain = plain, .complemented = complemented};
        for (uint32_t i = 0; i < N_INPUTS; i++) {
            int8_t w = t->weight[(size_t)j * N_INPUTS + i];
            if (w > 0)
                plain[list.n_plain++] = bl_assembler_input(a) + i;
            else if (w < 0)
                complemented[list.n_complemented++] = bl_assembler_input(a) + i;
        }
        bl_assembler_count_ge(a, bl_assembler_output(a) + j, &list, t->threshold[j]);
    }
    if (status == BL_OK)
        status = bl_assembler_finish(&t->program, a);
    bl_assembler_destroy(&a);
    for (int r = 0; r < 3; r++)
        bl_record_clear(&records[r]);
    return status;
}

static bool begin(contest *t, double density, bl_cpu level)
{
    bl_random random;
    bl_random_seed(&random, 1);
    *t = (contest){.weight = malloc((size_t)N_INPUTS * N_NEURONS),
                   .threshold = malloc(N_NEURONS * sizeof(int32_t)),
                   .outputs = aligned_alloc(64, N_NEURONS * sizeof(bl_plane))};
    if (!t->weight || !t->threshold || !t->outputs)
        return false;
    for (size_t j = 0; j < N_NEURONS; j++) {
        int32_t n = 0;
        for (size_t i = 0; i < N_INPUTS; i++) {
            double r = (double)bl_random_below(&random, 1 << 20) / (1 << 20);
            int8_t w = (int8_t)(r >= density ? 0 : r < density / 2 ? 1 : -1);
            t->weight[j * N_INPUTS + i] = w;
            n += w != 0;
        }
        t->threshold[j] = n / 2;
        t->n_nonzeros += (uint64_t)n;
    }
    t->dense = (dense_layer){N_INPUTS, N_NEURONS, t->weight, t->threshold, 0, 0, 0, 0, 0, 0};
    if (!dense_prepare(&t->dense) || assemble(t) != BL_OK
        || bl_machine_create(&t->machine, t->program, level, NULL) != BL_OK)
        return false;
    for (size_t i = 0; i < N_INPUTS; i++)
        for (size_t k = 0; k < 8; k++)
            bl_machine_input(t->machine)[i].word[k] = bl_random_next(&random);
    dense_set_inputs(&t->dense, bl_machine_input(t->machine));
    return true;
}

static void end(contest *t)
{
    bl_machine_destroy(&t->machine);
    bl_program_destroy(&t->program);
    dense_clear(&t->dense);
    free(t->weight);
    free(t->threshold);
    free(t->outputs);
}

static bool gives_the_same(contest *t, bench_run *run)
{
    memset(t->outputs, 0, N_NEURONS * sizeof *t->outputs);
    run(t);
    run_lists(t);
    return memcmp(t->outputs, bl_machine_output(t->machine), N_NEURONS * sizeof *t->outputs) == 0;
}

static bool measure(const bench_context *c, double density)
{
    contest t;
    char name[48];
    bool is_ok = begin(&t, density, c->cpu) && gives_the_same(&t, run_popcount)
                 && gives_the_same(&t, run_vnni);
    for (int k = 0; k < 2 && is_ok; k++) {
        snprintf(name, sizeof name, "%.0f %% dense, %s", 100 * density, k ? "int8" : "popcount");
        bench_line line = {.group = "melt",
                           .name = name,
                           .units = (double)t.n_nonzeros,
                           .unit = "non-zeros x 512 lanes",
                           .anchor = k ? "dense layer, vpdpbusd" : "dense ternary layer, vpopcntq",
                           .question = "lists of planes against dense kernels, by density",
                           .at_most = density == 0.15 ? (k ? 1.0 / 20 : 1.0 / 3) : 0};
        bench_pair(&line, run_lists, k ? run_vnni : run_popcount, &t, &t, c->settings->seconds);
        c->sink->report(c->sink, &line);
    }
    end(&t);
    return is_ok;
}

bool bench_dense(const bench_context *c)
{
    static const double densities[] = {0.06, 0.15, 0.3, 0.5};
    if (c->cpu != BL_CPU_AVX512 || !dense_is_supported()) {
        fprintf(stderr, "bitloom: bench melt: no dense kernels here (they need AVX-512 with VNNI "
                        "and VPOPCNTDQ)\n");
        return true;
    }
    for (size_t i = 0; i < sizeof densities / sizeof *densities; i++)
        if (!measure(c, densities[i])) {
            fprintf(stderr, "bitloom: bench melt: dense and sparse neurons differ\n");
            return false;
        }
    return true;
}

#else

bool bench_dense(const bench_context *c)
{
    (void)c;
    return true; // the dense kernels are x86
}

#endif
