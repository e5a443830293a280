// SPDX-License-Identifier: MIT
// Transposes of tiles of 512 x 512 bits with AVX-512, in two passes over 34 KiB of scratch. Index
// bits of a row R8..R0, of a column the byte b5..b0 and the bit k2..k0 in it:
//
//     pass 1, 16 rows:   load        register R3..R0    lane b5 b4    byte b3 b2 b1 b0   bit k
//                        unpack x 3, reversed: R2 R1 R0 come into the byte, transpose8x8 puts
//                        them into the bit, one more unpack brings in R3:
//                        store       register b3..b0    lane b5 b4    byte k2 k1 k0 R3   bit R2..R0
//     scratch:           [R8..R4][b3..b0], 16 lines and one line of gap, so that the 32 lines that
//                        pass 2 reads together lie in different sets of the cache
//     pass 2, 32 lines:  load        R8..R4  of one b3..b0
//                        lanes b5 b4 against R8 R7, unpack x 3 brings in R4 R5 R6:
//                        store       row b k            lane R8 R7    byte R6 R5 R4 R3   bit R2..R0
//
// Per register 3 operations on two ports and 7 on four: 2.5 cycles; measured 1.5 + 1.6 from L1,
// about 5.8 from L2, where each line of scratch crosses the way between L1 and L2 twice more.
// Tiles side by side (pass 1) and above each other (pass 2) are worked on together, because large
// memories like long runs. One whole tile needs no scratch: its result serves, see
// bits_tile_avx512.

#include "../bits_private.h"
#include "lanes_avx512.h"

enum { GROUPS = BL_LANES / 16, PITCH = 17 };
_Static_assert(GROUPS *PITCH == BITS_TILE_LINES, "room for a tile");

// ------------------------------------------------------------------------------------ pass 1

// Line k goes to `to` + k * step.
INLINE void finish_group(uint8_t *to, ptrdiff_t step, __m512i r[16], int k)
{
    int i = reversed4(k);
    __m512i a = transpose8x8(r[i]), b = transpose8x8(r[i + 8]);
    unpack(&a, &b, 1, false);
    store(to + k * step, a);
    store(to + (k + 1) * step, b);
}

// Rows and bytes of a row that do not exist are zero.
static void edge_group(bl_plane *lines, const uint8_t *src, ptrdiff_t stride, size_t n_rows,
                       size_t n_bytes)
{
    __mmask64 mask = n_bytes < 64 ? (UINT64_C(1) << n_bytes) - 1 : ~UINT64_C(0);
    __m512i r[16];
    UNROLL16 for (int i = 0; i < 16; i++)
    {
        r[i] = (size_t)i < n_rows ? _mm512_maskz_loadu_epi8(mask, src + i * stride)
                                  : _mm512_setzero_si512();
        unpack3(r, i, true);
    }
    UNROLL16 for (int k = 0; k < 16; k += 2) finish_group((uint8_t *)lines, sizeof *lines, r, k);
}

// Whole groups of 16 rows and 64 bytes.
static void whole_groups(bl_plane *lines, const uint8_t *src, ptrdiff_t stride, size_t n_groups)
{
    PIPELINE(n_groups, load(src + k_ * stride), true, src += 16 * stride,
             finish_group((uint8_t *)lines, sizeof *lines, r_, k_), lines += PITCH);
}

void bits_tile_in_avx512(bl_plane *scratch, const uint8_t *src, ptrdiff_t stride, size_t n_rows,
                         size_t n_cols)
{
    size_t n_bytes = (n_cols + 7) / 8;
    if (n_cols == BL_LANES) { // one tile wide
        size_t n_whole = n_rows / 16;
        whole_groups(scratch, src, stride, n_whole);
        for (size_t g = n_whole; g < GROUPS; g++)
            edge_group(scratch + PITCH * g, src + (ptrdiff_t)(16 * g) * stride, stride,
                       n_rows > 16 * g ? n_rows - 16 * g : 0, 64);
        return;
    }
    for (size_t g = 0; g < GROUPS; g++) {
        size_t left = n_rows > 16 * g ? n_rows - 16 * g : 0;
        const uint8_t *rows = src + (ptrdiff_t)(16 * g) * stride;
        for (int i = 0; left >= 32 && i < 16; i++) // the next group, while this one works
            for (size_t at = 0; at < n_bytes; at += 64)
                _mm_prefetch((const char *)rows + (16 + i) * stride + at, _MM_HINT_T0);
        for (size_t at = 0; at < n_bytes; at += 64) {
            bl_plane *lines = scratch + at / 64 * BITS_TILE_LINES + PITCH * g;
            if (left >= 16 && n_bytes - at >= 64)
                whole_groups(lines, rows + at, stride, 1);
            else
                edge_group(lines, rows + at, stride, left, n_bytes - at);
        }
    }
}

// ------------------------------------------------------------------------------------ pass 2

// Levels of 2, 4 and 8 bytes over eight registers, as soon as their registers exist.
INLINE void unpack_wide(__m512i *r, int i)
{
    if (i % 2 == 1)
        unpack(&r[i - 1], &r[i], 2, false);
    if (i % 4 == 3)
#pragma GCC unroll 2
        for (int k = 0; k < 2; k++)
            unpack(&r[i - 3 + k], &r[i - 1 + k], 4, false);
    if (i == 7)
#pragma GCC unroll 4
        for (int k = 0; k < 4; k++)
            unpack(&r[k], &r[k + 4], 8, false);
}

// Lanes b5 b4 = s and s + 2 of the four lines R8 R7 of one R6..R4.
INLINE void fetch_lanes(__m512i r[16], const bl_plane *line, int s, int i)
{
    const int quarter = 8 * PITCH;
    line += PITCH * i;
    __m512i a, b;
    if (s == 0) {
        a = _mm512_shuffle_i64x2(load(line), load(line + quarter), 0x88);
        b = _mm512_shuffle_i64x2(load(line + 2 * quarter), load(line + 3 * quarter), 0x88);
    } else {
        a = _mm512_shuffle_i64x2(load(line), load(line + quarter), 0xDD);
        b = _mm512_shuffle_i64x2(load(line + 2 * quarter), load(line + 3 * quarter), 0xDD);
    }
    r[i] = _mm512_shuffle_i64x2(a, b, 0x88);
    r[i + 8] = _mm512_shuffle_i64x2(a, b, 0xDD);
}

typedef enum stores { WHOLE, STREAMED, MASKED } stores;

INLINE void store_row(uint8_t *to, __mmask64 mask, __m512i x, stores how)
{
    if (how == WHOLE)
        store(to, x);
    else if (how == STREAMED)
        _mm512_stream_si512((void *)to, x);
    else
        _mm512_mask_storeu_epi8(to, mask, x);
}

// The 32 rows of one b3..b0, of which `to` is the first and n_cols, if MASKED, exist.
INLINE void finish_rows(uint8_t *to, ptrdiff_t stride, const bl_plane *line, ptrdiff_t n_cols,
                        __mmask64 mask, stores how)
{
#pragma GCC unroll 2
    for (int s = 0; s < 2; s++) {
        __m512i r[16];
#pragma GCC unroll 8
        for (int i = 0; i < 8; i++) {
            fetch_lanes(r, line, s, i);
            unpack_wide(r, i);
            unpack_wide(r + 8, i);
        }
#pragma GCC unroll 2
        for (int half = 0; half < 2; half++)
#pragma GCC unroll 8
            for (int k = 0; k < 8; k++) {
                const int row = 128 * (s + 2 * half) + k;
                store_row(to + row * stride, row < n_cols ? mask : 0, r[8 * half + reversed3(k)],
                          how);
            }
    }
}

void bits_tile_out_avx512(uint8_t *dst, ptrdiff_t stride, const bl_plane *scratch,
                          size_t scratch_step, size_t n_rows, size_t n_cols, bool is_streamed)
{
    bool is_aligned = ((uintptr_t)dst | (uintptr_t)stride) % 64 == 0;
    for (size_t b = 0; b < 16 && 8 * b < n_cols; b++)
        for (size_t row = 0; row < n_rows; row += BL_LANES) {
            const bl_plane *line = scratch + row / BL_LANES * scratch_step + b;
            uint8_t *to = dst + (ptrdiff_t)(8 * b) * stride + row / 8;
            size_t n_bytes = (n_rows - row + 7) / 8;
            if (n_cols < BL_LANES || n_bytes < 64)
                finish_rows(to, stride, line, (ptrdiff_t)(n_cols - 8 * b),
                            n_bytes < 64 ? (UINT64_C(1) << n_bytes) - 1 : ~UINT64_C(0), MASKED);
            else if (is_streamed && is_aligned)
                finish_rows(to, stride, line, 0, 0, STREAMED);
            else
                finish_rows(to, stride, line, 0, 0, WHOLE);
        }
    if (is_streamed)
        _mm_sfence();
}

// -------------------------------------------------------------------- a tile without scratch
// Where pass 1 puts line b3..b0 of group R8..R4 to row [R8 R7 | b3..b0 | R6 R5 R4] of the result,
// the 32 lines that pass 2 reads together are the rows [b5 b4 | b3..b0 | k2 k1 k0] that it writes:
// sixteen closed sets of rows. That spares scratch its ways between L1 and L2: a line takes 0.7 of
// the time for one tile alone, 0.81 to 0.87 for many that come from L2.

// Two runs of eight registers, finished, to the rows k and 256 + k from `at` on.
INLINE void store_runs(uint8_t *at, ptrdiff_t stride, __m512i r[2][8])
{
#pragma GCC unroll 2
    for (int half = 0; half < 2; half++)
#pragma GCC unroll 8
        for (int k = 0; k < 8; k++)
            store(at + (256 * half + k) * stride, r[half][reversed3(k)]);
}

// The set that begins at row b3..b0 0 0 0. All 32 lines have to be read before the first is
// written, and registers for temporaries are wanted too: half of the lines wait in L1.
INLINE void turn_set(uint8_t *at, ptrdiff_t stride, bl_plane waiting[16])
{
    __m512i r[2][8];
#pragma GCC unroll 8
    for (int i = 0; i < 8; i++) {
        __m512i lanes[4];
#pragma GCC unroll 4
        for (int h = 0; h < 4; h++)
            lanes[h] = load(at + (128 * h + i) * stride);
        transpose_lanes(lanes);
        store(&waiting[i], lanes[1]);
        store(&waiting[i + 8], lanes[3]);
        r[0][i] = lanes[0];
        r[1][i] = lanes[2];
        unpack_wide(r[0], i);
        unpack_wide(r[1], i);
    }
    store_runs(at, stride, r);
#pragma GCC unroll 8
    for (int i = 0; i < 8; i++) {
        r[0][i] = load(&waiting[i]);
        r[1][i] = load(&waiting[i + 8]);
        unpack_wide(r[0], i);
        unpack_wide(r[1], i);
    }
    store_runs(at + 128 * stride, stride, r);
}

void bits_tile_avx512(uint8_t *dst, ptrdiff_t dst_stride, const uint8_t *src, ptrdiff_t src_stride)
{
    size_t g = 0;
    uint8_t *to = dst;
    PIPELINE(GROUPS, load(src + k_ * src_stride), true, src += 16 * src_stride,
             finish_group(to, 8 * dst_stride, r_, k_),
             (g++, to = dst + (ptrdiff_t)(g / 8 * 128 + g % 8) * dst_stride));
    bl_plane waiting[16];
    for (int b = 0; b < 16; b++)
        turn_set(dst + 8 * b * dst_stride, dst_stride, waiting);
}

// ----------------------------------------------------------------------------- 64 x 64 bits
// Register g holds the rows 8 g .. 8 g + 7. A first shuffle puts byte column q ^ g into qword q,
// reversed; after transpose8x8 three levels of masked moves bring (register g, qword q) to register
// g ^ q, the column, and a last shuffle puts the bytes into order. 3 (2) + 3 (4) operations a
// register: 12 cycles for a block.

#define TURN(g, i) (8 * (7 - (i) % 8) + ((i) / 8 ^ (g)))
#define COLLECT(c, i) (8 * ((c) ^ ((i) % 8)) + (i) / 8)
#define TURN_0(i) TURN(0, i)
#define TURN_1(i) TURN(1, i)
#define TURN_2(i) TURN(2, i)
#define TURN_3(i) TURN(3, i)
#define TURN_4(i) TURN(4, i)
#define TURN_5(i) TURN(5, i)
#define TURN_6(i) TURN(6, i)
#define TURN_7(i) TURN(7, i)
#define COLLECT_0(i) COLLECT(0, i)
#define COLLECT_1(i) COLLECT(1, i)
#define COLLECT_2(i) COLLECT(2, i)
#define COLLECT_3(i) COLLECT(3, i)
#define COLLECT_4(i) COLLECT(4, i)
#define COLLECT_5(i) COLLECT(5, i)
#define COLLECT_6(i) COLLECT(6, i)
#define COLLECT_7(i) COLLECT(7, i)
static const permutation turn[8] = {{TABLE64(TURN_0)}, {TABLE64(TURN_1)}, {TABLE64(TURN_2)},
                                    {TABLE64(TURN_3)}, {TABLE64(TURN_4)}, {TABLE64(TURN_5)},
                                    {TABLE64(TURN_6)}, {TABLE64(TURN_7)}};
static const permutation collect[8] = {
    {TABLE64(COLLECT_0)}, {TABLE64(COLLECT_1)}, {TABLE64(COLLECT_2)}, {TABLE64(COLLECT_3)},
    {TABLE64(COLLECT_4)}, {TABLE64(COLLECT_5)}, {TABLE64(COLLECT_6)}, {TABLE64(COLLECT_7)}};

INLINE void swap64(__m512i r[8], int g)
{
    if (g % 2 == 1)
        swap_words(0xAA, &r[g - 1], &r[g]);
    if (g % 4 == 3)
#pragma GCC unroll 2
        for (int k = 0; k < 2; k++)
            swap_words(0xCC, &r[g - 3 + k], &r[g - 1 + k]);
    if (g == 7)
#pragma GCC unroll 4
        for (int k = 0; k < 4; k++)
            swap_words(0xF0, &r[k], &r[k + 4]);
}

void bits_transpose64_avx512(uint64_t *dst, const uint64_t *src, size_t n_blocks)
{
    PIPELINE8(n_blocks, transpose8x8(permute(&turn[k_], load(src + 8 * k_))), swap64, src += 64,
              store(dst + 8 * k_, permute(&collect[k_], r_[k_])), dst += 64);
}

void bits_reverse_avx512(uint8_t *dst, const uint8_t *src, size_t n_bytes)
{
    const __m512i mirror = _mm512_set1_epi64((int64_t)0x8040201008040201u);
    for (size_t i = 0; i < n_bytes; i += 64) {
        __mmask64 mask = n_bytes - i < 64 ? (UINT64_C(1) << (n_bytes - i)) - 1 : ~UINT64_C(0);
        __m512i x = _mm512_maskz_loadu_epi8(mask, src + i);
        _mm512_mask_storeu_epi8(dst + i, mask, _mm512_gf2p8affine_epi64_epi8(x, mirror, 0));
    }
}
