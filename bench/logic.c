// SPDX-License-Identifier: MIT
// What share of the core's peak does the interpreter reach? Anchor: LUT3s on registers alone, as
// many of them, with nothing to load, store or decide.

#include "bench.h"

#include <stdlib.h>
#include <string.h>

enum { N_INPUTS = 256, N_ANDS = 20000 };

#if defined(__x86_64__)
#include <immintrin.h>

// Twelve independent chains cover the latency. Inline assembly, because a compiler would see
// through the loop.
__attribute__((target("avx512f"))) static void peak_avx512(uint64_t n)
{
    __m512i a = _mm512_set1_epi64(0x5555), b = _mm512_set1_epi64(0x3333);
    __m512i r0 = a, r1 = a, r2 = a, r3 = a, r4 = a, r5 = a, r6 = a, r7 = a, r8 = a, r9 = a, rA = a,
            rB = a;
#define T(k) "vpternlogq $0xE8, %13, %12, %" #k "\n\t"
    for (uint64_t i = 0; i < n; i += 12)
        __asm__ volatile(T(0) T(1) T(2) T(3) T(4) T(5) T(6) T(7) T(8) T(9) T(10) T(11)
                         : "+v"(r0), "+v"(r1), "+v"(r2), "+v"(r3), "+v"(r4), "+v"(r5), "+v"(r6),
                           "+v"(r7), "+v"(r8), "+v"(r9), "+v"(rA), "+v"(rB)
                         : "v"(a), "v"(b));
#undef T
}
#endif

typedef uint64_t word4 __attribute__((vector_size(32), aligned(8)));

// Other levels have no LUT3: an AND, an OR and a XOR stand for one.
static void peak_other(uint64_t n, size_t words)
{
    word4 x[8], a = {1, 2, 3, 4}, b = {5, 6, 7, 8};
    for (int k = 0; k < 8; k++)
        x[k] = a + (uint64_t)k;
    for (uint64_t i = 0; i < n * (512 / 64) / words; i += 8)
        for (int k = 0; k < 8; k++) {
            x[k] = ((x[k] & a) | b) ^ x[k];
            __asm__ volatile("" : "+m"(x[k]));
        }
}

typedef struct running {
    bl_machine *machine;
    uint64_t n_luts;
    bl_cpu cpu;
} running;

static void run_machine(void *context)
{
    running *r = context;
    bl_machine_run(r->machine, 0);
}

static void run_peak(void *context)
{
    running *r = context;
#if defined(__x86_64__)
    if (r->cpu == BL_CPU_AVX512) {
        peak_avx512(r->n_luts);
        return;
    }
#endif
    peak_other(r->n_luts, 4);
}

// A random graph in which most fanins are near, as in real circuits.
static bl_graph *random_graph(void)
{
    bl_graph *g;
    bl_random random;
    bl_random_seed(&random, 1);
    if (bl_graph_create(&g, NULL) != BL_OK)
        return NULL;
    for (int i = 0; i < N_INPUTS; i++)
        bl_graph_input(g, NULL);
    while (g->n_ands < N_ANDS && g->status == BL_OK) {
        uint32_t n = g->n_nodes, near = n < 400 ? n - 1 : 400;
        uint32_t a = n - 1 - (uint32_t)bl_random_below(&random, near);
        uint32_t b = n - 1 - (uint32_t)bl_random_below(&random, near);
        bl_graph_and(g, 2 * a + (uint32_t)bl_random_below(&random, 2),
                     2 * b + (uint32_t)bl_random_below(&random, 2));
    }
    for (uint32_t i = 0; i < 64; i++)
        bl_graph_output(g, 2 * (g->n_nodes - 1 - i), NULL);
    return g;
}

// One lane against a plain walk over the graph.
static bool is_right(bl_machine *m, const bl_graph *g)
{
    bool *value = bl_alloc_array(NULL, g->n_nodes, sizeof *value), is_equal = value != NULL;
    bl_random random;
    bl_random_seed(&random, 2);
    for (uint32_t i = 0; i < g->n_inputs; i++)
        for (size_t k = 0; k < 8; k++)
            bl_machine_input(m)[i].word[k] = bl_random_next(&random);
    bl_machine_run(m, 0);
    for (size_t lane = 0; lane < BL_LANES && is_equal; lane += 101) {
        for (uint32_t id = 1; id < g->n_nodes; id++) {
            uint32_t f0 = g->fanin0[id], f1 = g->fanin1[id];
            value[id] = f0 == BL_NODE_INPUT
                            ? bl_lane_get(&bl_machine_input(m)[f1], lane)
                            : (value[f0 / 2] ^ (f0 & 1)) && (value[f1 / 2] ^ (f1 & 1));
        }
        for (uint32_t i = 0; i < g->n_outputs; i++)
            is_equal &= bl_lane_get(&bl_machine_output(m)[i], lane)
                        == (value[g->outputs[i].lit / 2] ^ (g->outputs[i].lit & 1));
    }
    bl_free(NULL, value, g->n_nodes * sizeof *value);
    return is_equal;
}

static void report_line(const bench_context *c, running *r, const char *name, const char *question)
{
    bench_line line = {.group = "logic",
                       .name = name,
                       .units = (double)r->n_luts * BL_LANES,
                       .unit = "LUT3 x lanes",
                       .anchor = "the same number of LUT3s on registers",
                       .question = question};
    bench_pair(&line, run_machine, run_peak, r, r, c->settings->seconds);
    c->sink->report(c->sink, &line);
}

bool bench_logic(const bench_context *c)
{
    bl_graph *g = random_graph();
    bl_program *p = NULL;
    running r = {.cpu = c->cpu};
    bool is_ok = g && bl_program_from_graph(&p, g, NULL) == BL_OK
                 && bl_machine_create(&r.machine, p, c->cpu, NULL) == BL_OK
                 && is_right(r.machine, g);
    if (is_ok) {
        bl_program_info info;
        bl_program_get_info(&info, p);
        r.n_luts = info.n_lut3;
        report_line(c, &r, "interpreter",
                    "20,000 random ANDs, one LUT3 each: what share of the peak?");
    } else
        fprintf(stderr,
                "bitloom: bench logic: the interpreter computes the wrong bits; nothing was "
                "timed\n");
    bl_machine_destroy(&r.machine);
    bl_program_destroy(&p);
    bl_graph_destroy(&g);
    return is_ok;
}
