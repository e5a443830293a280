// SPDX-License-Identifier: MIT
// Is every kernel at least as fast as the kernel of the CPU level below? A level whose kernel is
// not has no reason to keep it. Anchor: that kernel; 3 % tolerance. Fails where one is slower.

#include "bench.h"

#include <bitloom/bits.h>

#include <string.h>

enum { BYTES = 64 << 10, N_LEVELS = 3, TOLERANCE_PERCENT = 3 };

typedef struct gate_run {
    const bl_bits *bits;
    uint8_t *from, *to;
    bl_plane *keep;
    size_t width; // of a record in bits
} gate_run;

static void run_slice(void *context)
{
    gate_run *g = context;
    bl_slice(g->bits, (bl_plane *)(void *)g->to, g->from, g->width / 8, BYTES * 8 / g->width,
             g->width);
}
static void run_unslice(void *context)
{
    gate_run *g = context;
    bl_unslice(g->bits, g->to, g->width / 8, (const bl_plane *)(const void *)g->from,
               BYTES * 8 / g->width, g->width);
}
static void run_tile(void *context)
{
    gate_run *g = context;
    bl_transpose(g->bits, g->to, 64, g->from, 64, 512, 512, NULL);
}
static void run_transpose64(void *context)
{
    gate_run *g = context;
    bl_transpose64(g->bits, (uint64_t *)(void *)g->to, (const uint64_t *)(const void *)g->from,
                   BYTES / 512);
}
static void run_reverse(void *context)
{
    gate_run *g = context;
    bl_reverse_bits(g->bits, g->to, g->from, BYTES);
}
static void run_compact(void *context)
{
    gate_run *g = context;
    bl_compact(g->bits, g->to, g->from, g->width / 8, g->keep, BYTES * 8 / g->width);
}
static void run_expand(void *context)
{
    gate_run *g = context;
    bl_expand(g->bits, g->to, g->from, g->width / 8, g->keep, BYTES * 8 / g->width);
}
static void run_indices(void *context)
{
    gate_run *g = context;
    bl_compact_indices(g->bits, (uint32_t *)(void *)g->to, 0, g->keep, BYTES / 4);
}
static void run_count(void *context)
{
    gate_run *g = context;
    __asm__ volatile("" : : "r"(bl_count_set(g->bits, g->keep, BYTES)));
}

static const struct {
    const char *name;
    bench_run *run;
    size_t width;
} kernels[] = {
    {"slice 8", run_slice, 8},
    {"slice 16", run_slice, 16},
    {"slice 32", run_slice, 32},
    {"slice 64", run_slice, 64},
    {"slice 128", run_slice, 128},
    {"unslice 8", run_unslice, 8},
    {"unslice 16", run_unslice, 16},
    {"unslice 32", run_unslice, 32},
    {"unslice 64", run_unslice, 64},
    {"unslice 128", run_unslice, 128},
    {"512 x 512", run_tile, 8},
    {"64 x 64", run_transpose64, 8},
    {"reverse bits", run_reverse, 8},
    {"compact 1 byte", run_compact, 8},
    {"compact 2 bytes", run_compact, 16},
    {"compact 4 bytes", run_compact, 32},
    {"compact 8 bytes", run_compact, 64},
    {"compact 16 bytes", run_compact, 128},
    {"expand 1 byte", run_expand, 8},
    {"expand 2 bytes", run_expand, 16},
    {"expand 4 bytes", run_expand, 32},
    {"expand 8 bytes", run_expand, 64},
    {"expand 16 bytes", run_expand, 128},
    {"indices", run_indices, 8},
    {"count", run_count, 8},
};

static bool compare_levels(const bench_context *c, bl_cpu level, bl_cpu below, gate_run run)
{
    bool is_passed = true;
    for (size_t i = 0; i < sizeof kernels / sizeof *kernels; i++) {
        char name[64];
        snprintf(name, sizeof name, "%s %s", bl_cpu_name(level), kernels[i].name);
        gate_run ours = run, theirs = run;
        ours.width = theirs.width = kernels[i].width;
        ours.bits = bl_bits_get(level);
        theirs.bits = bl_bits_get(below);
        bench_line line = {.group = "gate",
                           .name = name,
                           .units = BYTES,
                           .unit = "bytes",
                           .anchor = bl_cpu_name(below),
                           .at_most = 1 + TOLERANCE_PERCENT / 100.0,
                           .question = "is the kernel faster than the level below?"};
        bench_pair(&line, kernels[i].run, kernels[i].run, &ours, &theirs,
                   c->settings->seconds / 10);
        c->sink->report(c->sink, &line);
        is_passed &= line.ratio <= line.at_most;
    }
    return is_passed;
}

bool bench_gate(const bench_context *c)
{
    static const bl_cpu order[N_LEVELS] = {BL_CPU_C, BL_CPU_AVX2, BL_CPU_AVX512};
    gate_run run = {.from = bl_alloc(NULL, BYTES),
                    .to = bl_alloc(NULL, BYTES),
                    .keep = bl_alloc(NULL, BYTES / 8)};
    bool is_ok = run.from && run.to && run.keep;
    bl_random random;
    bl_random_seed(&random, 5);
    for (size_t i = 0; is_ok && i < BYTES; i++)
        run.from[i] = (uint8_t)bl_random_next(&random);
    for (size_t i = 0; is_ok && i < BYTES / 64; i++)
        run.keep[i / 8].word[i % 8] = bl_random_next(&random); // every second record
    if (bl_cpu_is_supported(BL_CPU_NEON))
        is_ok = is_ok && compare_levels(c, BL_CPU_NEON, BL_CPU_C, run);
    bool is_passed = is_ok;
    for (int i = 1; is_ok && i < N_LEVELS; i++)
        if (bl_cpu_is_supported(order[i]))
            is_passed &= compare_levels(c, order[i], order[i - 1], run);
    bl_free(NULL, run.from, BYTES);
    bl_free(NULL, run.to, BYTES);
    bl_free(NULL, run.keep, BYTES / 8);
    if (!is_passed)
        fprintf(stderr, "bitloom: bench gate: a kernel is slower than the level below\n");
    return is_passed;
}
