// SPDX-License-Identifier: MIT
// How much dearer than copying is slicing? Anchor: memcpy of the same bytes, from L2.

#include "bench.h"

#include <bitloom/bits.h>

#include <stdlib.h>
#include <string.h>

enum { BYTES = 192 * 1024, REPEAT = 16 };

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

static void run_copy(void *context)
{
    slicing *s = context;
    for (int i = 0; i < REPEAT; i++) {
        memcpy(s->planes, s->records, BYTES);
        __asm__ volatile("" : : "r"(s->planes) : "memory"); // each copy happens
    }
}

// Every bit of a few records against the definition.
static bool is_right(slicing *s)
{
    bl_slice(s->bits, s->planes, s->records, s->width / 8, n_records(s), s->width);
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

typedef struct turning {
    const bl_bits *bits;
    uint8_t *src, *dst;
    size_t rows, cols, src_stride, dst_stride;
} turning;

static void run_transpose(void *context)
{
    turning *t = context;
    bl_transpose(t->bits, t->dst, (ptrdiff_t)t->dst_stride, t->src, (ptrdiff_t)t->src_stride,
                 t->rows, t->cols, NULL);
}

static void run_matrix_copy(void *context)
{
    turning *t = context;
    memcpy(t->dst, t->src, t->rows * t->src_stride);
    __asm__ volatile("" : : "r"(t->dst) : "memory");
}

static bool transpose_is_right(turning *t)
{
    bl_random random;
    bl_random_seed(&random, 3);
    for (size_t i = 0; i < t->rows * t->src_stride; i++)
        t->src[i] = (uint8_t)bl_random_next(&random);
    run_transpose(t);
    for (int i = 0; i < 10000; i++) {
        size_t r = bl_random_below(&random, t->rows), c = bl_random_below(&random, t->cols);
        if ((t->src[r * t->src_stride + c / 8] >> c % 8 & 1)
            != (t->dst[c * t->dst_stride + r / 8] >> r % 8 & 1))
            return false;
    }
    return true;
}

static bool bench_transpose(const bench_context *c, const char *name, size_t rows, size_t cols)
{
    turning t = {.bits = bl_bits_get(c->cpu),
                 .rows = rows,
                 .cols = cols,
                 .src_stride = (cols + 7) / 8,
                 .dst_stride = (rows + 7) / 8};
    size_t bytes = t.rows * t.src_stride + t.cols * t.dst_stride; // either is enough for the copy
    t.src = bl_alloc(NULL, bytes);
    t.dst = bl_alloc(NULL, bytes);
    bool is_ok = t.src && t.dst && transpose_is_right(&t);
    if (is_ok) {
        bench_line line = {.group = "bits",
                           .name = name,
                           .units = (double)(t.rows * t.src_stride),
                           .unit = "bytes",
                           .anchor = "memcpy of the matrix",
                           .question = "how much dearer than copying is a transpose?"};
        bench_pair(&line, run_transpose, run_matrix_copy, &t, &t, c->settings->seconds);
        c->sink->report(c->sink, &line);
    }
    bl_free(NULL, t.src, bytes);
    bl_free(NULL, t.dst, bytes);
    return is_ok;
}

bool bench_bits(const bench_context *c)
{
    static const char *const names[][2] = {{"slice 8", "unslice 8"},
                                           {"slice 16", "unslice 16"},
                                           {"slice 32", "unslice 32"},
                                           {"slice 64", "unslice 64"}};
    slicing s = {.bits = bl_bits_get(c->cpu),
                 .records = bl_alloc(NULL, BYTES),
                 .planes = bl_alloc(NULL, BYTES)};
    bool is_ok = s.records && s.planes;
    bl_random random;
    bl_random_seed(&random, 1);
    for (size_t i = 0; is_ok && i < BYTES; i++)
        s.records[i] = (uint8_t)bl_random_next(&random);
    for (size_t i = 0; is_ok && i < 4; i++) {
        s.width = (size_t)8 << i;
        is_ok = is_right(&s);
        for (int k = 0; k < 2 && is_ok; k++) {
            bench_line line = {.group = "bits",
                               .name = names[i][k],
                               .units = (double)BYTES * REPEAT,
                               .unit = "bytes",
                               .anchor = "memcpy of the same bytes",
                               .question = "how much dearer than copying is slicing, in L2?"};
            bench_pair(&line, k ? run_unslice : run_slice, run_copy, &s, &s, c->settings->seconds);
            c->sink->report(c->sink, &line);
        }
    }
    bl_free(NULL, s.records, BYTES);
    bl_free(NULL, s.planes, BYTES);
    is_ok = is_ok && bench_transpose(c, "512 x 512", 512, 512)
            && bench_transpose(c, "1000 x 3001", 1000, 3001)
            && bench_transpose(c, "4096 x 4096", 4096, 4096);
    if (!is_ok)
        fprintf(stderr,
                "bitloom: bench bits: a kernel computes the wrong bits; nothing was timed\n");
    return is_ok;
}
