// SPDX-License-Identifier: MIT
// Holds every kernel of every CPU level to the reference in C, in the manner of dav1d's checkasm:
//
//   guard pages   inputs and outputs end where an unreadable page begins
//   canaries      bytes before the output, and between records, must not change
//   sizes         0, 1, around 64 and 512, several blocks, random ones
//   strides       dense, and with gaps; any alignment
//   patterns      zeros, ones, one-hot, sparse, dense, random
//
// bl-check [--seed S] [--rounds N]; a failure prints the seed that repeats it.

#define _DEFAULT_SOURCE // MAP_ANONYMOUS
#include "../test.h"

#include <bitloom/bits.h>
#include <sys/mman.h>
#include <unistd.h>

typedef struct guarded {
    uint8_t *map, *end;
    size_t map_bytes;
} guarded;

static guarded guard_alloc(size_t bytes)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), n = (bytes / page + 2) * page;
    guarded g = {.map_bytes = n + page};
    g.map = mmap(NULL, g.map_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    REQUIRE(g.map != MAP_FAILED);
    REQUIRE(mprotect(g.map + n, page, PROT_NONE) == 0);
    g.end = g.map + n;
    memset(g.map, 0xA5, n);
    return g;
}

static void guard_free(guarded *g) { munmap(g->map, g->map_bytes); }

enum { N_PATTERNS = 6 };

static void fill(uint8_t *data, size_t bytes, int pattern, bl_random *r)
{
    for (size_t i = 0; i < bytes; i++) {
        uint64_t x = bl_random_next(r);
        data[i] = (uint8_t)(pattern == 0   ? 0
                            : pattern == 1 ? 0xFF
                            : pattern == 2 ? 0
                            : pattern == 3 ? x & x >> 8 & x >> 16 & x >> 24
                            : pattern == 4 ? x | x >> 8 | x >> 16 | x >> 24
                                           : x);
    }
    if (pattern == 2 && bytes)
        data[bl_random_below(r, bytes)] = (uint8_t)(1u << bl_random_below(r, 8));
}

static size_t pick_count(bl_random *r)
{
    static const size_t usual[] = {0, 1, 2, 63, 64, 65, 511, 512, 513, 1023, 1024, 1536};
    uint64_t k = bl_random_below(r, 16);
    return k < 12 ? usual[k] : (size_t)bl_random_below(r, 2100);
}

typedef struct trial {
    size_t n, width, stride, span, n_planes;
    int pattern;
} trial;

static trial pick_trial(bl_random *r)
{
    static const size_t widths[] = {8, 16, 32, 64};
    trial t = {.n = pick_count(r),
               .width = widths[bl_random_below(r, 4)],
               .pattern = (int)bl_random_below(r, N_PATTERNS)};
    t.stride = t.width / 8 + (bl_random_below(r, 2) ? bl_random_below(r, 40) : 0);
    t.span = t.n ? (t.n - 1) * t.stride + t.width / 8 : 0;
    t.n_planes = (t.n + BL_LANES - 1) / BL_LANES * t.width;
    return t;
}

static bool slice_agrees(const bl_bits *bits, const trial *t, bl_random *r)
{
    const bl_bits *reference = bl_bits_get(BL_CPU_C);
    guarded in = guard_alloc(t->span), out = guard_alloc(t->n_planes * 64 + 64);
    guarded expected = guard_alloc(t->n_planes * 64);
    uint8_t *records = in.end - t->span;
    bl_plane *planes = (bl_plane *)(void *)(out.end - t->n_planes * 64);
    bl_plane *right = (bl_plane *)(void *)(expected.end - t->n_planes * 64);
    fill(records, t->span, t->pattern, r);
    bl_slice(reference, right, records, t->stride, t->n, t->width);
    bl_slice(bits, planes, records, t->stride, t->n, t->width);
    bool is_equal = memcmp(planes, right, t->n_planes * 64) == 0;
    for (size_t i = 1; i <= 64; i++)
        is_equal &= ((uint8_t *)planes)[-(ptrdiff_t)i] == 0xA5;
    guard_free(&in);
    guard_free(&out);
    guard_free(&expected);
    return is_equal;
}

static bool unslice_agrees(const bl_bits *bits, const trial *t, bl_random *r)
{
    const bl_bits *reference = bl_bits_get(BL_CPU_C);
    guarded in = guard_alloc(t->n_planes * 64), out = guard_alloc(t->span + 64);
    guarded expected = guard_alloc(t->span + 64);
    bl_plane *planes = (bl_plane *)(void *)(in.end - t->n_planes * 64);
    uint8_t *records = out.end - t->span, *right = expected.end - t->span;
    fill((uint8_t *)planes, t->n_planes * 64, t->pattern, r);
    bl_unslice(reference, right, t->stride, planes, t->n, t->width);
    bl_unslice(bits, records, t->stride, planes, t->n, t->width);
    bool is_equal = memcmp(records - 64, right - 64, t->span + 64) == 0; // gaps and canaries too
    for (size_t i = 0; i < t->n && is_equal; i++) // and the reference against the definition
        for (size_t k = 0; k < t->width; k += 7)
            is_equal &= (right[i * t->stride + k / 8] >> k % 8 & 1)
                        == bl_lane_get(&planes[i / BL_LANES * t->width + k], i % BL_LANES);
    guard_free(&in);
    guard_free(&out);
    guard_free(&expected);
    return is_equal;
}

// Every bit against the definition, pad bits zero, nothing else touched.
static bool transpose_is_right(const bl_bits *bits, bl_random *r)
{
    static const size_t usual[] = {0, 1, 7, 8, 9, 63, 64, 65, 511, 512, 513};
    size_t rows = bl_random_below(r, 3) ? usual[bl_random_below(r, 11)] : bl_random_below(r, 700);
    size_t cols = bl_random_below(r, 3) ? usual[bl_random_below(r, 11)] : bl_random_below(r, 700);
    size_t src_row = (cols + 7) / 8, dst_row = (rows + 7) / 8;
    size_t src_stride = src_row + bl_random_below(r, 20),
           dst_stride = dst_row + bl_random_below(r, 20);
    size_t src_span = rows && cols ? (rows - 1) * src_stride + src_row : 0;
    size_t dst_span = rows && cols ? (cols - 1) * dst_stride + dst_row : 0;
    bool is_flipped = bl_random_below(r, 2); // negative strides
    guarded in = guard_alloc(src_span), out = guard_alloc(dst_span);
    uint8_t *src = in.end - src_span, *dst = out.end - dst_span;
    fill(src, src_span, (int)bl_random_below(r, N_PATTERNS), r);
    if (is_flipped && rows && cols)
        bl_transpose(bits, dst + (cols - 1) * dst_stride, -(ptrdiff_t)dst_stride,
                     src + (rows - 1) * src_stride, -(ptrdiff_t)src_stride, rows, cols);
    else
        bl_transpose(bits, dst, (ptrdiff_t)dst_stride, src, (ptrdiff_t)src_stride, rows, cols);
    bool is_right = true;
    for (size_t c = 0; c < cols && rows; c++) {
        const uint8_t *row = dst + (is_flipped ? cols - 1 - c : c) * dst_stride;
        for (size_t k = 0; k < 8 * dst_row; k++) {
            const uint8_t *from = src + (is_flipped ? rows - 1 - k : k) * src_stride;
            is_right &= (row[k / 8] >> k % 8 & 1) == (k < rows ? from[c / 8] >> c % 8 & 1 : 0);
        }
        for (size_t k = dst_row; k < dst_stride && row + k < out.end; k++)
            is_right &= row[k] == 0xA5;
    }
    guard_free(&in);
    guard_free(&out);
    return is_right;
}

static void check_level(bl_cpu level, uint64_t seed, int n_rounds)
{
    const bl_bits *bits = bl_bits_get(level);
    if (!bits) {
        printf("ok # SKIP %s: not on this machine\n", bl_cpu_name(level));
        return;
    }
    for (int i = 0; i < n_rounds; i++) {
        bl_random r;
        bl_random_seed(&r, seed + (uint64_t)i);
        trial t = pick_trial(&r);
        bool is_sliced = slice_agrees(bits, &t, &r), is_unsliced = unslice_agrees(bits, &t, &r);
        if (!transpose_is_right(bits, &r)) {
            test_n_failed++;
            printf("not ok %s transpose; repeat with --seed %llu --rounds 1\n", bl_cpu_name(level),
                   (unsigned long long)(seed + (uint64_t)i));
        }
        test_n_run++;
        if (is_sliced && is_unsliced)
            continue;
        test_n_failed++;
        printf("not ok %s %s: %zu records of %zu bits, stride %zu, pattern %d; repeat with --seed "
               "%llu --rounds 1\n",
               bl_cpu_name(level), is_sliced ? "unslice" : "slice", t.n, t.width, t.stride,
               t.pattern, (unsigned long long)(seed + (uint64_t)i));
    }
    printf("ok %s: %d trials\n", bl_cpu_name(level), n_rounds);
}

int main(int n, char **words)
{
    uint64_t seed = 1;
    int n_rounds = 500;
    for (int i = 1; i + 1 < n; i += 2) {
        if (strcmp(words[i], "--seed") == 0)
            seed = strtoull(words[i + 1], NULL, 10);
        else if (strcmp(words[i], "--rounds") == 0)
            n_rounds = atoi(words[i + 1]);
    }
    printf("seed %llu\n", (unsigned long long)seed);
    for (int level = 0; level < BL_CPU_COUNT; level++)
        check_level((bl_cpu)level, seed, n_rounds);
    return test_summary();
}
