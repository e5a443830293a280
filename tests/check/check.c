// SPDX-License-Identifier: MIT
// Holds every kernel of every CPU level to the reference in C, in the manner of dav1d's checkasm:
//
//   guard pages   before and behind every buffer; a trial lies against one of the two, or up to
//                 63 bytes away from it
//   canaries      bytes around the output, and between records, must not change
//   sizes         0, 1, around 64 and 512, several blocks, random ones
//   strides       dense, and with gaps; any alignment
//   patterns      zeros, ones, one-hot, sparse, dense, random
//
// bl-check [--seed S] [--rounds N]; a failure, a fault too, prints the seed that repeats it.

#define _DEFAULT_SOURCE // MAP_ANONYMOUS
#include "../test.h"

#include <bitloom/bits.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <unistd.h>

enum { CANARY = 0xA5 };

// guard page | canaries | data | canaries | guard page; either run of canaries may be empty
typedef struct guarded {
    uint8_t *map, *data;
    size_t map_bytes, page, bytes;
} guarded;

static guarded guard_alloc(size_t bytes, size_t max_gap, bl_random *r)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), room = ((bytes + max_gap) / page + 1) * page;
    guarded g = {.map_bytes = room + 2 * page, .page = page, .bytes = bytes};
    g.map = mmap(NULL, g.map_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    REQUIRE(g.map != MAP_FAILED);
    memset(g.map, CANARY, g.map_bytes);
    REQUIRE(mprotect(g.map, page, PROT_NONE) == 0);
    REQUIRE(mprotect(g.map + page + room, page, PROT_NONE) == 0);
    size_t gap = bl_random_below(r, 2) ? bl_random_below(r, max_gap + 1) : 0;
    g.data = g.map + page + (bl_random_below(r, 2) ? gap : room - bytes - gap);
    return g;
}

static bool guard_is_intact(const guarded *g)
{
    for (const uint8_t *p = g->map + g->page; p < g->map + g->map_bytes - g->page; p++)
        if ((p < g->data || p >= g->data + g->bytes) && *p != CANARY)
            return false;
    return true;
}

static void guard_free(guarded *g) { munmap(g->map, g->map_bytes); }

// What is wrong with the trial that runs, "" while nothing is; the first finding stays.
static char finding[160];

static void BL_PRINTF(1, 2) find(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    if (!finding[0])
        vsnprintf(finding, sizeof finding, format, arguments);
    va_end(arguments);
}

// Of two runs of n bytes; n where they are equal.
static size_t first_difference(const uint8_t *a, const uint8_t *b, size_t n)
{
    size_t i = 0;
    while (i < n && a[i] == b[i])
        i++;
    return i;
}

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

// The definition, bit by bit: what every kernel is held to.
static void slice_reference(bl_plane *planes, const uint8_t *records, size_t stride, size_t n,
                            size_t width)
{
    memset(planes, 0, (n + BL_LANES - 1) / BL_LANES * width * sizeof *planes);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < width; k++)
            if (records[i * stride + k / 8] >> k % 8 & 1)
                bl_lane_set(&planes[i / BL_LANES * width + k], i % BL_LANES, true);
}

static void unslice_reference(uint8_t *records, size_t stride, const bl_plane *planes, size_t n,
                              size_t width)
{
    for (size_t i = 0; i < n; i++) {
        memset(records + i * stride, 0, (width + 7) / 8);
        for (size_t k = 0; k < width; k++)
            if (bl_lane_get(&planes[i / BL_LANES * width + k], i % BL_LANES))
                records[i * stride + k / 8] |= (uint8_t)(1u << k % 8);
    }
}

static size_t pick_width(bl_random *r)
{
    static const size_t usual[] = {8, 16, 32, 64, 128, 1, 7, 9, 24, 127, 129, 192, 511, 512, 513};
    uint64_t k = bl_random_below(r, 20);
    return k < 15 ? usual[k] : 1 + (size_t)bl_random_below(r, k < 19 ? 140 : 1800);
}

typedef struct trial {
    size_t n, width, stride, span, n_planes;
    int pattern;
} trial;

static trial pick_trial(bl_random *r)
{
    trial t = {
        .width = pick_width(r), .n = pick_count(r), .pattern = (int)bl_random_below(r, N_PATTERNS)};
    if (t.width > 200)
        t.n %= 700;
    t.stride = (t.width + 7) / 8 + (bl_random_below(r, 2) ? bl_random_below(r, 40) : 0);
    t.span = t.n ? (t.n - 1) * t.stride + (t.width + 7) / 8 : 0;
    t.n_planes = (t.n + BL_LANES - 1) / BL_LANES * t.width;
    return t;
}

static void check_slice(const bl_bits *bits, const trial *t, bl_random *r)
{
    size_t bytes = t->n_planes * sizeof(bl_plane);
    guarded in = guard_alloc(t->span, 63, r), out = guard_alloc(bytes, 0, r);
    guarded right = guard_alloc(bytes, 0, r);
    fill(in.data, t->span, t->pattern, r);
    slice_reference((bl_plane *)(void *)right.data, in.data, t->stride, t->n, t->width);
    bl_slice(bits, (bl_plane *)(void *)out.data, in.data, t->stride, t->n, t->width);
    size_t i = first_difference(out.data, right.data, bytes);
    if (i < bytes)
        find("slice: plane %zu, lanes %zu..: 0x%02x, expected 0x%02x", i / sizeof(bl_plane),
             i % sizeof(bl_plane) * 8, out.data[i], right.data[i]);
    if (!guard_is_intact(&out))
        find("slice: wrote outside the planes");
    guard_free(&in);
    guard_free(&out);
    guard_free(&right);
}

static void check_unslice(const bl_bits *bits, const trial *t, bl_random *r)
{
    size_t bytes = t->n_planes * sizeof(bl_plane);
    guarded in = guard_alloc(bytes, 0, r), out = guard_alloc(t->span, 63, r);
    guarded right = guard_alloc(t->span, 63, r);
    const bl_plane *planes = (const bl_plane *)(const void *)in.data;
    fill(in.data, bytes, t->pattern, r);
    unslice_reference(right.data, t->stride, planes, t->n, t->width);
    bl_unslice(bits, out.data, t->stride, planes, t->n, t->width);
    size_t i = first_difference(out.data, right.data, t->span); // the gaps hold canaries in both
    if (i < t->span)
        find("unslice: record %zu, byte %zu: 0x%02x, expected 0x%02x", i / t->stride, i % t->stride,
             out.data[i], right.data[i]);
    if (!guard_is_intact(&out))
        find("unslice: wrote outside the records");
    guard_free(&in);
    guard_free(&out);
    guard_free(&right);
}

// Every bit against the definition, pad bits zero, nothing else touched.
static void check_transpose(const bl_bits *bits, bl_random *r)
{
    static const size_t usual[] = {0, 1, 7, 8, 9, 63, 64, 65, 128, 129, 511, 512, 513};
    size_t rows = bl_random_below(r, 3) ? usual[bl_random_below(r, 13)] : bl_random_below(r, 700);
    size_t cols = bl_random_below(r, 3) ? usual[bl_random_below(r, 13)] : bl_random_below(r, 700);
    size_t src_row = (cols + 7) / 8, dst_row = (rows + 7) / 8;
    size_t src_stride = src_row + bl_random_below(r, 20),
           dst_stride = dst_row + bl_random_below(r, 20);
    if (bl_random_below(r, 3) == 0) // whole lines, which some kernels treat apart
        dst_stride = (dst_row + 63) / 64 * 64 * (1 + bl_random_below(r, 3));
    size_t src_span = rows && cols ? (rows - 1) * src_stride + src_row : 0;
    size_t dst_span = rows && cols ? (cols - 1) * dst_stride + dst_row : 0;
    bool is_flipped = bl_random_below(r, 2); // negative strides
    guarded in = guard_alloc(src_span, 63, r), out = guard_alloc(dst_span, 63, r);
    uint8_t *src = in.data, *dst = out.data;
    fill(src, src_span, (int)bl_random_below(r, N_PATTERNS), r);
    if (is_flipped && rows && cols)
        bl_transpose(bits, dst + (cols - 1) * dst_stride, -(ptrdiff_t)dst_stride,
                     src + (rows - 1) * src_stride, -(ptrdiff_t)src_stride, rows, cols, NULL);
    else
        bl_transpose(bits, dst, (ptrdiff_t)dst_stride, src, (ptrdiff_t)src_stride, rows, cols,
                     NULL);
    for (size_t c = 0; c < cols && rows; c++) {
        const uint8_t *row = dst + (is_flipped ? cols - 1 - c : c) * dst_stride;
        for (size_t k = 0; k < 8 * dst_row; k++) {
            const uint8_t *from = src + (is_flipped ? rows - 1 - k : k) * src_stride;
            if ((row[k / 8] >> k % 8 & 1) != (k < rows ? from[c / 8] >> c % 8 & 1 : 0))
                find("transpose: %zu x %zu, row %zu, column %zu", rows, cols, k, c);
        }
        for (size_t k = dst_row; k < dst_stride && row + k < dst + dst_span; k++)
            if (row[k] != CANARY)
                find("transpose: %zu x %zu: wrote between the rows", rows, cols);
    }
    if (!guard_is_intact(&out))
        find("transpose: %zu x %zu: wrote outside the matrix", rows, cols);
    guard_free(&in);
    guard_free(&out);
}

// A square in place against the same out of place, which is held to the definition.
static void check_in_place(const bl_bits *bits, bl_random *r)
{
    static const size_t usual[] = {1, 8, 63, 64, 65, 511, 512, 513, 1030};
    size_t n = bl_random_below(r, 3) ? usual[bl_random_below(r, 9)] : bl_random_below(r, 1100);
    size_t row = (n + 7) / 8, stride = row + bl_random_below(r, 20);
    size_t span = n ? (n - 1) * stride + row : 0;
    guarded at = guard_alloc(span, 63, r), right = guard_alloc(span, 63, r);
    fill(at.data, span, (int)bl_random_below(r, N_PATTERNS), r);
    memcpy(right.data, at.data, span); // the bytes between the rows stay
    bl_transpose(bits, right.data, (ptrdiff_t)stride, at.data, (ptrdiff_t)stride, n, n, NULL);
    bl_transpose_in_place(bits, at.data, (ptrdiff_t)stride, n);
    if (memcmp(at.data, right.data, span) != 0)
        find("transpose_in_place: %zu x %zu, stride %zu", n, n, stride);
    if (!guard_is_intact(&at))
        find("transpose_in_place: %zu x %zu: wrote outside the matrix", n, n);
    guard_free(&at);
    guard_free(&right);
}

static void check_blocks(const bl_bits *bits, bl_random *r)
{
    size_t n = bl_random_below(r, 6), n_bytes = n * 512;
    guarded in = guard_alloc(n_bytes, 0, r), out = guard_alloc(n_bytes, 0, r);
    const uint64_t *src = (const uint64_t *)(const void *)in.data;
    uint64_t *dst = (uint64_t *)(void *)out.data;
    fill(in.data, n_bytes, (int)bl_random_below(r, N_PATTERNS), r);
    for (int is_in_place = 0; is_in_place < 2; is_in_place++) {
        if (is_in_place)
            memcpy(dst, src, n_bytes);
        bl_transpose64(bits, dst, is_in_place ? dst : src, n);
        for (size_t i = 0; i < 64 * n; i++)
            for (size_t k = 0; k < 64; k++)
                if ((dst[i] >> k & 1) != (src[i / 64 * 64 + k] >> i % 64 & 1))
                    find("transpose64: block %zu of %zu, row %zu, bit %zu", i / 64, n, i % 64, k);
    }
    size_t n_reversed = bl_random_below(r, n_bytes + 1);
    bl_reverse_bits(bits, out.data, in.data, n_reversed);
    for (size_t i = 0; i < n_reversed; i++)
        for (size_t k = 0; k < 8; k++)
            if ((out.data[i] >> k & 1) != (in.data[i] >> (7 - k) & 1))
                find("reverse_bits: byte %zu of %zu", i, n_reversed);
    if (!guard_is_intact(&out))
        find("transpose64 or reverse_bits wrote outside: %zu blocks", n);
    guard_free(&in);
    guard_free(&out);
}

// Compaction, indices, expansion and counting, each against its definition.
static void check_selection(const bl_bits *bits, bl_random *r)
{
    static const size_t sizes[] = {1, 2, 4, 8, 16, 3, 12, 40};
    size_t n = pick_count(r), bytes = sizes[bl_random_below(r, 8)], n_kept = 0;
    size_t n_planes = (n + BL_LANES - 1) / BL_LANES;
    guarded mask = guard_alloc(n_planes * sizeof(bl_plane), 0, r),
            in = guard_alloc(n * bytes, 63, r), out = guard_alloc(n * bytes, 63, r),
            right = guard_alloc(n * bytes, 63, r), indices = guard_alloc(n * 4, 0, r);
    const bl_plane *keep = (const bl_plane *)(const void *)mask.data;
    uint32_t *index = (uint32_t *)(void *)indices.data, first = (uint32_t)bl_random_next(r);
    fill(mask.data, mask.bytes, (int)bl_random_below(r, N_PATTERNS), r);
    fill(in.data, n * bytes, N_PATTERNS - 1, r);
    for (size_t i = 0; i < n; i++)
        if (bl_lane_get(&keep[i / BL_LANES], i % BL_LANES))
            memcpy(right.data + n_kept++ * bytes, in.data + i * bytes, bytes);
    if (bl_count_set(bits, keep, n) != n_kept)
        find("count_set: %zu records", n);
    if (bl_compact_indices(bits, index, first, keep, n) != n_kept)
        find("compact_indices: %zu records: the count", n);
    for (size_t i = 0; i < n_kept; i++)
        if (memcmp(in.data + (index[i] - first) * bytes, right.data + i * bytes, bytes) != 0)
            find("compact_indices: %zu records, index %zu", n, i);
    if (bl_compact(bits, out.data, in.data, bytes, keep, n) != n_kept
        || memcmp(out.data, right.data, n_kept * bytes) != 0)
        find("compact: %zu records of %zu bytes", n, bytes);
    memcpy(out.data, in.data, n * bytes);
    if (bl_compact(bits, out.data, out.data, bytes, keep, n) != n_kept
        || memcmp(out.data, right.data, n_kept * bytes) != 0)
        find("compact: %zu records of %zu bytes in place", n, bytes);
    // back to where they came from: the kept ones of `in`, canaries between them
    guarded kept = guard_alloc(n_kept * bytes, 63, r);
    memcpy(kept.data, right.data, n_kept * bytes);
    memset(out.data, CANARY, n * bytes);
    if (bl_expand(bits, out.data, kept.data, bytes, keep, n) != n_kept)
        find("expand: %zu records: the count", n);
    for (size_t i = 0; i < n * bytes; i++) {
        bool is_kept = bl_lane_get(&keep[i / bytes / BL_LANES], i / bytes % BL_LANES);
        if (out.data[i] != (is_kept ? in.data[i] : CANARY))
            find("expand: %zu records of %zu bytes: record %zu", n, bytes, i / bytes);
    }
    if (!guard_is_intact(&out) || !guard_is_intact(&indices))
        find("a selection of %zu records wrote outside its result", n);
    guard_free(&mask);
    guard_free(&in);
    guard_free(&out);
    guard_free(&right);
    guard_free(&indices);
    guard_free(&kept);
}

// Found bytes against their definition, in texts of few different bytes.
static void check_match(const bl_bits *bits, bl_random *r)
{
    size_t n = pick_count(r), n_wanted = 1 + bl_random_below(r, 4),
           n_words = (n + 63) / 64 * n_wanted;
    guarded text = guard_alloc(n, 63, r), found = guard_alloc(8 * n_words, 0, r);
    uint8_t wanted[4];
    fill(text.data, n, N_PATTERNS - 1, r);
    for (size_t k = 0; k < n_wanted; k++)
        wanted[k] = (uint8_t)(bl_random_next(r) & 0x81);
    for (size_t i = 0; i < n; i++)
        text.data[i] &= bl_random_below(r, 4) ? 0x81 : 0xFF;
    bl_match(bits, (uint64_t *)(void *)found.data, text.data, n, wanted, n_wanted);
    for (size_t i = 0; i < (n + 63) / 64 * 64; i++)
        for (size_t k = 0; k < n_wanted; k++) {
            uint64_t word;
            memcpy(&word, found.data + 8 * (i / 64 * n_wanted + k), sizeof word);
            if ((word >> i % 64 & 1) != (i < n && text.data[i] == wanted[k]))
                find("match: byte %zu of %zu", i, n);
        }
    if (!guard_is_intact(&found))
        find("match: wrote outside its result");
    guard_free(&text);
    guard_free(&found);
}

// The line that a fault leaves behind: written before the trial, since a handler may not format.
static char last_words[256];

static void say_last_words(int signal_number) // then the default action ends the program
{
    (void)signal_number;
    ssize_t n = write(STDERR_FILENO, last_words, strlen(last_words));
    (void)n;
}

static void catch_faults(void)
{
    static const int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGABRT};
    struct sigaction action = {.sa_handler = say_last_words, .sa_flags = (int)SA_RESETHAND};
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        sigaction(signals[i], &action, NULL);
}

static bool check_trial(bl_cpu level, uint64_t seed)
{
    const bl_bits *bits = bl_bits_get(level);
    bl_random r;
    bl_random_seed(&r, seed);
    trial t = pick_trial(&r);
    char name[200];
    snprintf(name, sizeof name,
             "%s, %zu records of %zu bits, stride %zu, pattern %d; repeat with --seed %llu "
             "--rounds 1",
             bl_cpu_name(level), t.n, t.width, t.stride, t.pattern, (unsigned long long)seed);
    snprintf(last_words, sizeof last_words, "not ok a fault: %s\n", name);
    finding[0] = 0;
    check_slice(bits, &t, &r);
    check_unslice(bits, &t, &r);
    check_transpose(bits, &r);
    check_in_place(bits, &r);
    check_blocks(bits, &r);
    check_selection(bits, &r);
    check_match(bits, &r);
    if (finding[0])
        printf("not ok %s: %s\n", finding, name);
    return !finding[0];
}

// Large enough for panels, past the caches, on threads; a few bits against the definition, the
// rest by transposing back.
static bool check_large(bl_cpu level, uint64_t seed)
{
    static const size_t shapes[][2] = {{4100, 2000}, {9000, 8200}, {70000, 100}, {90, 60001}};
    const bl_bits *bits = bl_bits_get(level);
    bl_random r;
    bl_random_seed(&r, seed);
    bl_pool *pool;
    REQUIRE(bl_pool_create(&pool, 3, NULL) == BL_OK);
    bool is_right = true;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        size_t rows = shapes[i][0], cols = shapes[i][1];
        size_t src_stride = bl_matrix_stride(cols), dst_stride = bl_matrix_stride(rows);
        uint8_t *src = bl_alloc_array(NULL, rows, src_stride),
                *dst = bl_alloc_array(NULL, cols, dst_stride),
                *back = bl_alloc_array(NULL, rows, src_stride);
        REQUIRE(src && dst && back);
        for (size_t row = 0; row < rows; row++) {
            fill(src + row * src_stride, (cols + 7) / 8, N_PATTERNS - 1, &r);
            src[row * src_stride + (cols - 1) / 8] &= (uint8_t)(0xFFu >> (7 - (cols - 1) % 8));
        }
        bl_transpose(bits, dst, (ptrdiff_t)dst_stride, src, (ptrdiff_t)src_stride, rows, cols,
                     pool);
        bl_transpose(bits, back, (ptrdiff_t)src_stride, dst, (ptrdiff_t)dst_stride, cols, rows,
                     NULL);
        is_right &= memcmp(src, back, rows * src_stride) == 0;
        for (int k = 0; k < 20000; k++) {
            size_t row = bl_random_below(&r, rows), col = bl_random_below(&r, cols);
            is_right &= (src[row * src_stride + col / 8] >> col % 8 & 1)
                        == (dst[col * dst_stride + row / 8] >> row % 8 & 1);
        }
        bl_free(NULL, src, rows * src_stride);
        bl_free(NULL, dst, cols * dst_stride);
        bl_free(NULL, back, rows * src_stride);
    }
    bl_pool_destroy(&pool);
    if (!is_right)
        printf("not ok %s: large transposes\n", bl_cpu_name(level));
    return is_right;
}

static void check_level(bl_cpu level, uint64_t seed, int n_rounds)
{
    if (!bl_bits_get(level)) {
        printf("ok # SKIP %s: not on this machine\n", bl_cpu_name(level));
        return;
    }
    int n_failed = !check_large(level, seed);
    for (int i = 0; i < n_rounds; i++)
        n_failed += !check_trial(level, seed + (uint64_t)i);
    test_n_run += n_rounds;
    test_n_failed += n_failed;
    printf("%s %s: %d trials, %d failed\n", n_failed ? "not ok" : "ok", bl_cpu_name(level),
           n_rounds, n_failed);
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
    catch_faults();
    printf("seed %llu\n", (unsigned long long)seed);
    for (int level = 0; level < BL_CPU_COUNT; level++)
        check_level((bl_cpu)level, seed, n_rounds);
    return test_summary();
}
