// SPDX-License-Identifier: MIT
// How much dearer than copying are slicing and transposing, and how do transposes compare with
// libm4ri's? Anchors: memcpy of the same bytes, a copy by vector loads and stores for comparison
// (what can be had without the string instructions that memcpy has), Hacker's Delight.

#include "bench.h"
#include "m4ri.h"

#include <bitloom/bits.h>

#include <stdlib.h>
#include <string.h>

enum { BYTES = 192 * 1024, REPEAT = 16, N_WIDTHS = 5, N_SQUARES = 32, SQUARES_REPEAT = 192 };

static void fill(uint8_t *data, size_t bytes)
{
    bl_random random;
    bl_random_seed(&random, 1);
    for (size_t i = 0; i + 8 <= bytes; i += 8) {
        uint64_t x = bl_random_next(&random);
        memcpy(data + i, &x, 8);
    }
}

// ----------------------------------------------------------------------------------- slicing

typedef struct slicing {
    const bl_bits *bits;
    uint8_t *records;
    bl_plane *planes;
    size_t width;
} slicing;

static size_t n_records(const slicing *s) { return BYTES * 8 / s->width; }

static void run_slice(void *context)
{
    slicing *s = context;
    for (int i = 0; i < REPEAT; i++)
        bl_slice(s->bits, s->planes, s->records, s->width / 8, n_records(s), s->width);
}

static void run_unslice(void *context)
{
    slicing *s = context;
    for (int i = 0; i < REPEAT; i++)
        bl_unslice(s->bits, s->records, s->width / 8, s->planes, n_records(s), s->width);
}

static void run_transpose64(void *context) // 16 KiB in, 16 KiB out
{
    slicing *s = context;
    for (int i = 0; i < SQUARES_REPEAT; i++)
        bl_transpose64(s->bits, s->planes->word, (const uint64_t *)(const void *)s->records,
                       N_SQUARES);
}

static void run_copy(void *context)
{
    slicing *s = context;
    for (int i = 0; i < REPEAT; i++) {
        memcpy(s->planes, s->records, BYTES);
        __asm__ volatile("" : : "r"(s->planes) : "memory"); // each copy happens
    }
}

typedef uint64_t copied_line __attribute__((vector_size(64), may_alias));

#if defined(__x86_64__)
__attribute__((target("avx512f"))) static void copy_avx512(copied_line *dst, const copied_line *src,
                                                           size_t n)
{
    for (size_t i = 0; i < n; i++) {
        dst[i] = src[i];
        __asm__ volatile("" : : : "memory"); // or else it becomes memcpy
    }
}
#endif

static void run_vector_copy(void *context)
{
    slicing *s = context;
    for (int i = 0; i < REPEAT; i++) {
        copied_line *dst = (copied_line *)(void *)s->planes;
        const copied_line *src = (const copied_line *)(const void *)s->records;
#if defined(__x86_64__)
        if (bl_cpu_is_supported(BL_CPU_AVX512)) {
            copy_avx512(dst, src, BYTES / sizeof *dst);
            continue;
        }
#endif
        for (size_t k = 0; k < BYTES / sizeof *dst; k++) {
            dst[k] = src[k];
            __asm__ volatile("" : : : "memory");
        }
    }
}

// Hacker's Delight 7-3, straightforwardly: six rounds of exchanging blocks of 32, 16 .. 1 bits.
static void hackers_delight(uint64_t *a)
{
    uint64_t mask = 0x00000000FFFFFFFF;
    for (int j = 32; j != 0; j >>= 1, mask ^= mask << j)
        for (int k = 0; k < 64; k = ((k | j) + 1) & ~j) {
            uint64_t t = (a[k] >> j ^ a[k | j]) & mask;
            a[k | j] ^= t;
            a[k] ^= t << j;
        }
}

static void run_hackers_delight(void *context)
{
    slicing *s = context;
    for (int i = 0; i < SQUARES_REPEAT; i++)
        for (size_t b = 0; b < N_SQUARES; b++) {
            uint64_t *block = (uint64_t *)(void *)s->planes + 64 * b;
            memcpy(block, s->records + 512 * b, 512);
            hackers_delight(block);
        }
}

// Every bit of a few records against the definition, and all of them back again.
static bool slicing_is_right(slicing *s)
{
    run_slice(s);
    for (size_t r = 0; r < n_records(s); r += 97)
        for (size_t k = 0; k < s->width; k++)
            if (bl_lane_get(&s->planes[r / 512 * s->width + k], r % 512)
                != (s->records[r * s->width / 8 + k / 8] >> k % 8 & 1))
                return false;
    uint8_t *back = bl_alloc(NULL, BYTES);
    if (!back)
        return false;
    bl_unslice(s->bits, back, s->width / 8, s->planes, n_records(s), s->width);
    bool is_same = memcmp(back, s->records, BYTES) == 0;
    bl_free(NULL, back, BYTES);
    return is_same;
}

static bool transpose64_is_right(slicing *s)
{
    uint64_t *right = bl_alloc(NULL, BYTES);
    if (!right)
        return false;
    run_hackers_delight(s);
    memcpy(right, s->planes, BYTES);
    run_transpose64(s);
    bool is_same = memcmp(right, s->planes, N_SQUARES * 512) == 0;
    bl_free(NULL, right, BYTES);
    return is_same;
}

static void report_slicing(const bench_context *c, const char *name, bench_run *run,
                           bench_run *anchor, const char *anchor_name, double at_most, slicing *s,
                           const char *unit, double units)
{
    bench_line line = {.group = "bits",
                       .name = name,
                       .units = units,
                       .unit = unit,
                       .anchor = anchor_name,
                       .at_most = at_most,
                       .question = "how much dearer than copying is slicing, in L2?"};
    bench_pair(&line, run, anchor, s, s, c->settings->seconds);
    line.cycles =
        strcmp(unit, "bytes") == 0 ? 0 : line.contender_ns / line.units / (bench_cycle_ns() + 1e-9);
    c->sink->report(c->sink, &line);
}

// The goals are those of AVX-512; other levels have none here.
static bool bench_slicing(const bench_context *c)
{
    static const char *const names[N_WIDTHS][2] = {{"slice 8", "unslice 8"},
                                                   {"slice 16", "unslice 16"},
                                                   {"slice 32", "unslice 32"},
                                                   {"slice 64", "unslice 64"},
                                                   {"slice 128", "unslice 128"}};
    static const double goals[N_WIDTHS] = {1.1, 1.3, 1.4, 1.4, 1.7};
    static const char memcpy_name[] = "memcpy of the same bytes";
    bool is_top = c->cpu == BL_CPU_AVX512;
    slicing s = {.bits = bl_bits_get(c->cpu),
                 .records = bl_alloc(NULL, BYTES),
                 .planes = bl_alloc(NULL, BYTES)};
    bool is_ok = s.records && s.planes;
    if (is_ok) {
        fill(s.records, BYTES);
        report_slicing(c, "vector copy", run_vector_copy, run_copy, memcpy_name, 0, &s, "bytes",
                       BYTES * REPEAT);
    }
    for (size_t i = 0; is_ok && i < N_WIDTHS; i++) {
        s.width = (size_t)8 << i;
        is_ok = slicing_is_right(&s);
        for (int k = 0; k < 2 && is_ok; k++)
            report_slicing(c, names[i][k], k ? run_unslice : run_slice, run_copy, memcpy_name,
                           is_top ? goals[i] : 0, &s, "bytes", BYTES * REPEAT);
    }
    is_ok = is_ok && transpose64_is_right(&s);
    if (is_ok)
        report_slicing(c, "64 x 64", run_transpose64, run_hackers_delight, "Hacker's Delight 7-3",
                       0.2, &s, "blocks", N_SQUARES * SQUARES_REPEAT);
    bl_free(NULL, s.records, BYTES);
    bl_free(NULL, s.planes, BYTES);
    return is_ok;
}

// -------------------------------------------------------------------------------- transposes

typedef struct turning {
    const bl_bits *bits;
    uint8_t *src, *dst;
    size_t rows, cols, src_stride, dst_stride;
    size_t repeat;
} turning;

static void run_transpose(void *context)
{
    turning *t = context;
    for (size_t i = 0; i < t->repeat; i++)
        bl_transpose(t->bits, t->dst, (ptrdiff_t)t->dst_stride, t->src, (ptrdiff_t)t->src_stride,
                     t->rows, t->cols, NULL);
}

static void run_matrix_copy(void *context)
{
    turning *t = context;
    for (size_t i = 0; i < t->repeat; i++) {
        memcpy(t->dst, t->src, t->rows * ((t->cols + 7) / 8));
        __asm__ volatile("" : : "r"(t->dst) : "memory");
    }
}

static bool transpose_is_right(turning *t)
{
    bl_random random;
    bl_random_seed(&random, 3);
    t->bits = t->bits ? t->bits : bl_bits_best();
    bl_transpose(t->bits, t->dst, (ptrdiff_t)t->dst_stride, t->src, (ptrdiff_t)t->src_stride,
                 t->rows, t->cols, NULL);
    for (int i = 0; i < 100000; i++) {
        size_t r = bl_random_below(&random, t->rows), c = bl_random_below(&random, t->cols);
        if ((t->src[r * t->src_stride + c / 8] >> c % 8 & 1)
            != (t->dst[c * t->dst_stride + r / 8] >> r % 8 & 1))
            return false;
    }
    return true;
}

typedef enum strides { PACKED, LIBRARY } strides;

// 0: no memory, which is said but is no failure
static size_t open_matrix(turning *t, const bench_context *c, size_t rows, size_t cols,
                          strides kind)
{
    *t = (turning){.bits = bl_bits_get(c->cpu), .rows = rows, .cols = cols};
    t->src_stride = kind == PACKED ? (cols + 7) / 8 : bl_matrix_stride(cols);
    t->dst_stride = kind == PACKED ? (rows + 7) / 8 : bl_matrix_stride(rows);
    size_t a = rows * t->src_stride, b = cols * t->dst_stride, bytes = a > b ? a : b;
    t->repeat = bytes < 1 << 16 ? (1 << 16) / bytes : 1;
    t->src = bl_alloc(NULL, bytes);
    t->dst = bl_alloc(NULL, bytes);
    if (t->src && t->dst) {
        fill(t->src, bytes);
        return bytes;
    }
    fprintf(stderr, "bitloom: bench bits: no memory for %zu x %zu bits; left out\n", rows, cols);
    bl_free(NULL, t->src, bytes);
    bl_free(NULL, t->dst, bytes);
    return 0;
}

static void close_matrix(turning *t, size_t bytes)
{
    bl_free(NULL, t->src, bytes);
    bl_free(NULL, t->dst, bytes);
}

static bool bench_against_memcpy(const bench_context *c, const char *name, size_t rows, size_t cols,
                                 strides kind, double at_most)
{
    turning t;
    size_t bytes = open_matrix(&t, c, rows, cols, kind);
    if (bytes == 0)
        return true;
    bool is_ok = transpose_is_right(&t);
    if (is_ok) {
        bench_line line = {.group = "bits",
                           .name = name,
                           .units = (double)(t.rows * t.src_stride * t.repeat),
                           .unit = "bytes",
                           .anchor = "memcpy of the matrix",
                           .at_most = at_most,
                           .question = "how much dearer than copying is a transpose?"};
        bench_pair(&line, run_transpose, run_matrix_copy, &t, &t, c->settings->seconds);
        c->sink->report(c->sink, &line);
    }
    close_matrix(&t, bytes);
    return is_ok;
}

static void run_m4ri(void *context)
{
    turning *t = context;
    for (size_t i = 0; i < t->repeat; i++)
        m4ri_transpose(t->dst);
}

// One run of a large matrix takes libm4ri many seconds, so a pair is all it gets.
static bool bench_against_m4ri(const bench_context *c, const char *name, size_t rows, size_t cols,
                               double at_most)
{
    turning t;
    size_t bytes = open_matrix(&t, c, rows, cols, LIBRARY);
    m4ri_pair *pair = m4ri_pair_create((int)rows, (int)cols);
    bool is_ok = bytes == 0 || transpose_is_right(&t);
    if (is_ok && bytes > 0 && pair) {
        turning theirs = {.repeat = t.repeat, .dst = (uint8_t *)pair};
        bench_line line = {.group = "bits",
                           .name = name,
                           .units = (double)(t.rows * t.src_stride * t.repeat),
                           .unit = "bytes",
                           .anchor = "libm4ri mzd_transpose",
                           .at_most = at_most,
                           .question = "is a transpose faster than libm4ri's?"};
        bench_pair(&line, run_transpose, run_m4ri, &t, &theirs, c->settings->seconds);
        c->sink->report(c->sink, &line);
    }
    m4ri_pair_destroy(pair);
    if (bytes > 0)
        close_matrix(&t, bytes);
    return is_ok;
}

static bool bench_m4ri(const bench_context *c)
{
    static const struct {
        const char *name;
        size_t rows, cols;
    } shapes[] = {{"1 x 1, m4ri", 1, 1},
                  {"8 x 8, m4ri", 8, 8},
                  {"64 x 64, m4ri", 64, 64},
                  {"65 x 65, m4ri", 65, 65},
                  {"130 x 70, m4ri", 130, 70},
                  {"1 x 4096, m4ri", 1, 4096},
                  {"4096 x 1, m4ri", 4096, 1},
                  {"300 x 300, m4ri", 300, 300},
                  {"1000 x 3001, m4ri", 1000, 3001},
                  {"4096 x 4096, m4ri", 4096, 4096}};
    if (!m4ri_open()) {
        fprintf(stderr, "bitloom: bench bits: libm4ri is not installed (apt-get install "
                        "libm4ri-dev); its lines are left out\n");
        return true;
    }
    bool is_ok = true;
    for (size_t i = 0; is_ok && i < sizeof shapes / sizeof *shapes; i++)
        is_ok = bench_against_m4ri(c, shapes[i].name, shapes[i].rows, shapes[i].cols, 1);
    return is_ok && bench_against_m4ri(c, "65536 x 65536, m4ri", 65536, 65536, 0.01);
}

bool bench_bits(const bench_context *c)
{
    bool is_top = c->cpu == BL_CPU_AVX512;
    double tile_goal = is_top ? 2 : c->cpu == BL_CPU_AVX2 ? 4.5 : 0;
    bool is_ok =
        bench_slicing(c) && bench_against_memcpy(c, "512 x 512", 512, 512, PACKED, tile_goal)
        && bench_against_memcpy(c, "1000 x 3001", 1000, 3001, PACKED, is_top ? 2 : 0)
        && bench_against_memcpy(c, "4096 x 4096", 4096, 4096, LIBRARY, 0)
        && bench_against_memcpy(c, "128 x 100000", 128, 100000, PACKED, 0)
        && bench_against_memcpy(c, "100000 x 128", 100000, 128, PACKED, 0)
        && bench_against_memcpy(c, "65536 x 65536", 65536, 65536, LIBRARY, is_top ? 1.4 : 0)
        && bench_against_memcpy(c, "65536 x 65536, 8192", 65536, 65536, PACKED, is_top ? 1.75 : 0)
        && bench_m4ri(c);
    if (!is_ok)
        fprintf(stderr,
                "bitloom: bench bits: a kernel computes the wrong bits; the line that would "
                "come next was not timed\n");
    return is_ok;
}
