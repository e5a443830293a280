// SPDX-License-Identifier: MIT
// When do planes pay? Anchors: the same tasks in plain C on packed rows, on structs and on arrays
// of numbers, compiled with the flags of the same CPU level.

#include "bench.h"
#include "record_lanes.h"

#include <string.h>

enum { N_BLOCKS = 64, N = N_BLOCKS * BL_LANES, REPEAT = 8, FAST_REPEAT = 64 };

typedef struct cells {
    const record_kernels *kernels;
    const bl_bits *bits;
    uint32_t rows[N], row_anchor[N]; // 128 KiB each: L2
    cell_planes planes[N_BLOCKS];
    small_cell small[N];
    cell structs[N];
} cells;

typedef struct numbers { // in L1: one block of each, N_BLOCKS times
    const record_kernels *kernels;
    _Alignas(64) uint64_t a[BL_LANES], b[BL_LANES], dst[BL_LANES];
    bl_plane a_planes[64], b_planes[64], dst_planes[64];
} numbers;

static void fill(void *data, size_t bytes, uint64_t seed)
{
    bl_random random;
    bl_random_seed(&random, seed);
    for (size_t i = 0; i < bytes; i++)
        ((uint8_t *)data)[i] = (uint8_t)bl_random_next(&random);
}

// --- one step of cells

static void to_small(small_cell *dst, const uint32_t *rows)
{
    for (size_t i = 0; i < N; i++) {
        cell c;
        cell_unpack(&c, &rows[i]);
        dst[i] = (small_cell){(uint8_t)c.kind, (uint8_t)c.hp, (int8_t)c.vx, (int8_t)c.vy,
                              (uint16_t)c.timer};
    }
}

static void restart(cells *c)
{
    fill(c->rows, sizeof c->rows, 1);
    memcpy(c->row_anchor, c->rows, sizeof c->rows);
    cell_load(c->bits, c->planes, c->rows, N);
    cell_store_structs(c->bits, c->structs, c->planes, N);
    to_small(c->small, c->rows);
}

static void run_sliced(void *context)
{
    cells *c = context;
    for (int i = 0; i < REPEAT; i++)
        c->kernels->step_sliced(c->bits, c->rows, N_BLOCKS);
}

static void run_planes(void *context)
{
    cells *c = context;
    for (int i = 0; i < REPEAT; i++)
        c->kernels->step_planes(c->planes, N_BLOCKS);
}

static void run_rows(void *context)
{
    cells *c = context;
    for (int i = 0; i < REPEAT; i++)
        c->kernels->step_rows(c->row_anchor, N);
}

static void run_small(void *context)
{
    cells *c = context;
    for (int i = 0; i < REPEAT; i++)
        c->kernels->step_small(c->small, N);
}

static void run_structs(void *context)
{
    cells *c = context;
    cell_load_structs(c->bits, c->planes, c->structs, N);
    cell_store_structs(c->bits, c->structs, c->planes, N);
}

// All ways after the same number of steps.
static bool cells_are_right(cells *c)
{
    static uint32_t rows[N];
    static small_cell small[N];
    restart(c);
    run_structs(c);
    run_sliced(c);
    run_planes(c);
    run_rows(c);
    run_small(c);
    cell_store(c->bits, rows, c->planes, N);
    to_small(small, rows);
    for (size_t i = 0; i < N; i++)
        if (memcmp(&small[i], &c->small[i], sizeof *small) != 0)
            return false;
    return memcmp(rows, c->row_anchor, sizeof rows) == 0 && memcmp(rows, c->rows, sizeof rows) == 0;
}

// --- arithmetic alone

#define RUN_NUMBERS(name, call)                                                                    \
    static void name(void *context)                                                                \
    {                                                                                              \
        numbers *x = context;                                                                      \
        for (int i = 0; i < FAST_REPEAT; i++) {                                                    \
            x->kernels->call;                                                                      \
            __asm__ volatile("" : : : "memory");                                                   \
        }                                                                                          \
    }
RUN_NUMBERS(run_add32_planes, add32_planes(x->dst_planes, x->a_planes, x->b_planes, 1))
RUN_NUMBERS(run_mul16_planes, mul16_planes(x->dst_planes, x->a_planes, x->b_planes, 1))
RUN_NUMBERS(run_count64_planes, count64_planes(x->dst_planes, x->a_planes, 1))
RUN_NUMBERS(run_max5_planes, max5_planes(x->dst_planes, x->a_planes, x->b_planes, 1))
RUN_NUMBERS(run_add32, add32((uint32_t *)x->dst, (uint32_t *)x->a, (uint32_t *)x->b, BL_LANES))
RUN_NUMBERS(run_mul16, mul16((uint16_t *)x->dst, (uint16_t *)x->a, (uint16_t *)x->b, BL_LANES))
RUN_NUMBERS(run_count64, count64((uint8_t *)x->dst, x->a, BL_LANES))
RUN_NUMBERS(run_max5, max5((uint8_t *)x->dst, (uint8_t *)x->a, (uint8_t *)x->b, BL_LANES))

typedef struct arithmetic {
    const char *name, *anchor;
    bench_run *planes, *plain;
    size_t width, number_bytes, dst_width, dst_bytes;
} arithmetic;

static const arithmetic lines[] = {
    {"add 32", "the same in a loop over uint32_t", run_add32_planes, run_add32, 32, 4, 32, 4},
    {"mul 16", "the same in a loop over uint16_t", run_mul16_planes, run_mul16, 16, 2, 16, 2},
    {"popcount 64", "the same in a loop over uint64_t", run_count64_planes, run_count64, 64, 8, 7,
     1},
    {"max 5", "the same in a loop over uint8_t", run_max5_planes, run_max5, 5, 1, 5, 1},
};

static bool numbers_are_right(numbers *x, const bl_bits *bits, const arithmetic *l)
{
    fill(x->a, sizeof x->a, 2);
    fill(x->b, sizeof x->b, 3);
    if (l->width < 8 * l->number_bytes)
        for (size_t i = 0; i < BL_LANES; i++) {
            ((uint8_t *)x->a)[i] &= (uint8_t)((1 << l->width) - 1);
            ((uint8_t *)x->b)[i] &= (uint8_t)((1 << l->width) - 1);
        }
    bl_slice(bits, x->a_planes, x->a, l->number_bytes, BL_LANES, l->width);
    bl_slice(bits, x->b_planes, x->b, l->number_bytes, BL_LANES, l->width);
    l->planes(x);
    l->plain(x);
    uint64_t result[BL_LANES] = {0};
    bl_unslice(bits, result, l->dst_bytes, x->dst_planes, BL_LANES, l->dst_width);
    return memcmp(result, x->dst, BL_LANES * l->dst_bytes) == 0;
}

// --- the group

static const record_kernels *find_kernels(bl_cpu level)
{
    switch (level) {
#if defined(__x86_64__)
    case BL_CPU_AVX512: return &record_kernels_avx512;
    case BL_CPU_AVX2: return &record_kernels_avx2;
#endif
    default: return &record_kernels_c;
    }
}

static void report_pair(const bench_context *c, const bench_line *line, bench_run *contender,
                        bench_run *anchor, void *context)
{
    bench_line l = *line;
    l.group = "record";
    bench_pair(&l, contender, anchor, context, context, c->settings->seconds);
    c->sink->report(c->sink, &l);
}

static bool bench_cells(const bench_context *c, cells *x)
{
    if (!cells_are_right(x))
        return false;
    bench_line line = {.units = (double)N * REPEAT, .unit = "records"};
    line.name = "step, sliced";
    line.question = "does a small update pay for slicing 32-bit records, in L2?";
    line.anchor = "the same in a loop over packed rows";
    report_pair(c, &line, run_sliced, run_rows, x);
    line.anchor = "the same in a loop over structs of 6 bytes";
    report_pair(c, &line, run_sliced, run_small, x);
    line.name = "step, planes";
    line.question = "what does the update cost where records stay planes?";
    line.anchor = "the same in a loop over packed rows";
    report_pair(c, &line, run_planes, run_rows, x);
    line = (bench_line){.name = "structs", .units = N, .unit = "records"};
    line.question = "what does it cost to load and store structs of five 64-bit fields?";
    line.anchor = "eight sliced steps of as many packed rows";
    report_pair(c, &line, run_structs, run_sliced, x);
    return true;
}

static bool bench_numbers(const bench_context *c, numbers *x)
{
    bool is_ok = true;
    for (size_t i = 0; i < sizeof lines / sizeof *lines && is_ok; i++) {
        is_ok = numbers_are_right(x, bl_bits_get(c->cpu), &lines[i]);
        bench_line line = {.name = lines[i].name,
                           .question = "arithmetic alone, in L1: planes or numbers?",
                           .anchor = lines[i].anchor,
                           .units = (double)BL_LANES * FAST_REPEAT,
                           .unit = "numbers"};
        if (is_ok)
            report_pair(c, &line, lines[i].planes, lines[i].plain, x);
    }
    return is_ok;
}

bool bench_record(const bench_context *c)
{
    static cells x;
    static numbers y;
    x.kernels = y.kernels = find_kernels(c->cpu);
    x.bits = bl_bits_get(c->cpu);
    bool is_ok = bench_cells(c, &x) && bench_numbers(c, &y);
    if (!is_ok)
        fprintf(stderr, "bitloom: bench record: planes and plain C differ; nothing was timed\n");
    return is_ok;
}
