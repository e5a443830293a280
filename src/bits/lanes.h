// SPDX-License-Identifier: MIT
// Transposes for vectors of 16 bytes (VECTOR_BYTES 16: SSE2, NEON, whatever the compiler has) and
// of twice 16 (32: AVX2, whose unpacks work within 16 bytes too). One source, compiled per level:
//
//     #define LEVEL avx2
//     #define VECTOR_BYTES 32
//     #include "lanes.h"
//
// Two steps suffice for everything. swap_bits: eight registers are eight rows of bits; afterwards
// register k holds bit k of all of them, three rounds of exchanging half bytes, pairs, single bits
// (Hacker's Delight 7-3, on whole vectors). unpack: one bit of the register's number goes to the
// lowest place of the byte's number, the top bit of that comes out:
//
//     register x, byte [b3 b2 b1 b0]  ->  register b3, byte [b2 b1 b0 x]
//
// Records of w bytes: address [r6 .. r0 j] of 128 records, its low four bits the byte in a vector.
// Inserting r6, r5, r4, r3 brings out whatever was there; r2 r1 r0 are then in the register's
// number, which is what swap_bits needs, and a plane's 16 bytes come out in order. Backwards the
// four low bits of the address are inserted. In a vector of 32 bytes the second half is the next
// 128 records.
//
// Per 16 bytes 4 unpacks and 9 operations of swap_bits.

#include "bits_private.h"

#include <assert.h>
#include <string.h>

#define PASTE2(a, b) a##b
#define PASTE(a, b) PASTE2(a, b)
#define KERNEL(name) PASTE(bits_##name##_, LEVEL)
#define INLINE static inline __attribute__((always_inline))

enum { HALVES = VECTOR_BYTES / 16 };

typedef uint8_t vec __attribute__((vector_size(VECTOR_BYTES)));
typedef uint64_t words __attribute__((vector_size(VECTOR_BYTES)));
typedef uint8_t half __attribute__((vector_size(16)));

INLINE vec load(const uint8_t *p)
{
    vec x;
    memcpy(&x, p, sizeof x);
    return x;
}
INLINE void store(uint8_t *p, vec x) { memcpy(p, &x, sizeof x); }

// 16 bytes at p and, in the second half, 16 bytes at p + step.
#if VECTOR_BYTES == 16
INLINE vec load_halves(const uint8_t *p, size_t step)
{
    (void)step;
    return load(p);
}
INLINE void store_halves(uint8_t *p, size_t step, vec x)
{
    (void)step;
    store(p, x);
}
#define UNPACK_LOW(n, a, b) UNPACK_LOW_##n(a, b)
#define UNPACK_HIGH(n, a, b) UNPACK_HIGH_##n(a, b)
#define UNPACK_LOW_1(a, b)                                                                         \
    __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
#define UNPACK_HIGH_1(a, b)                                                                        \
    __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)
#define UNPACK_LOW_2(a, b)                                                                         \
    __builtin_shufflevector(a, b, 0, 1, 16, 17, 2, 3, 18, 19, 4, 5, 20, 21, 6, 7, 22, 23)
#define UNPACK_HIGH_2(a, b)                                                                        \
    __builtin_shufflevector(a, b, 8, 9, 24, 25, 10, 11, 26, 27, 12, 13, 28, 29, 14, 15, 30, 31)
#define UNPACK_LOW_8(a, b)                                                                         \
    __builtin_shufflevector(a, b, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23)
#define UNPACK_HIGH_8(a, b)                                                                        \
    __builtin_shufflevector(a, b, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31)
#else
INLINE vec load_halves(const uint8_t *p, size_t step)
{
    half a, b;
    memcpy(&a, p, sizeof a);
    memcpy(&b, p + step, sizeof b);
    return __builtin_shufflevector(a, b, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16,
                                   17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31);
}
INLINE void store_halves(uint8_t *p, size_t step, vec x)
{
    memcpy(p, &x, 16);
    memcpy(p + step, (const uint8_t *)&x + 16, 16);
}
#define UNPACK_LOW(n, a, b) UNPACK_LOW_##n(a, b)
#define UNPACK_HIGH(n, a, b) UNPACK_HIGH_##n(a, b)
#define UNPACK_LOW_1(a, b)                                                                         \
    __builtin_shufflevector(a, b, 0, 32, 1, 33, 2, 34, 3, 35, 4, 36, 5, 37, 6, 38, 7, 39, 16, 48,  \
                            17, 49, 18, 50, 19, 51, 20, 52, 21, 53, 22, 54, 23, 55)
#define UNPACK_HIGH_1(a, b)                                                                        \
    __builtin_shufflevector(a, b, 8, 40, 9, 41, 10, 42, 11, 43, 12, 44, 13, 45, 14, 46, 15, 47,    \
                            24, 56, 25, 57, 26, 58, 27, 59, 28, 60, 29, 61, 30, 62, 31, 63)
#define UNPACK_LOW_2(a, b)                                                                         \
    __builtin_shufflevector(a, b, 0, 1, 32, 33, 2, 3, 34, 35, 4, 5, 36, 37, 6, 7, 38, 39, 16, 17,  \
                            48, 49, 18, 19, 50, 51, 20, 21, 52, 53, 22, 23, 54, 55)
#define UNPACK_HIGH_2(a, b)                                                                        \
    __builtin_shufflevector(a, b, 8, 9, 40, 41, 10, 11, 42, 43, 12, 13, 44, 45, 14, 15, 46, 47,    \
                            24, 25, 56, 57, 26, 27, 58, 59, 28, 29, 60, 61, 30, 31, 62, 63)
#define UNPACK_LOW_8(a, b)                                                                         \
    __builtin_shufflevector(a, b, 0, 1, 2, 3, 4, 5, 6, 7, 32, 33, 34, 35, 36, 37, 38, 39, 16, 17,  \
                            18, 19, 20, 21, 22, 23, 48, 49, 50, 51, 52, 53, 54, 55)
#define UNPACK_HIGH_8(a, b)                                                                        \
    __builtin_shufflevector(a, b, 8, 9, 10, 11, 12, 13, 14, 15, 40, 41, 42, 43, 44, 45, 46, 47,    \
                            24, 25, 26, 27, 28, 29, 30, 31, 56, 57, 58, 59, 60, 61, 62, 63)
#endif

INLINE void unpack(vec *a, vec *b)
{
    vec low = UNPACK_LOW(1, *a, *b);
    *b = UNPACK_HIGH(1, *a, *b);
    *a = low;
}

// The same with pairs of bytes: the place above the lowest.
INLINE void unpack_pairs(vec *a, vec *b)
{
    vec low = UNPACK_LOW(2, *a, *b);
    *b = UNPACK_HIGH(2, *a, *b);
    *a = low;
}

// Inserts the bits of the register's number with the weights first, first / 2 ... last.
INLINE void insert(vec *r, int n_registers, int first, int last)
{
#pragma GCC unroll 4
    for (int bit = first; bit >= last; bit /= 2)
#pragma GCC unroll 16
        for (int i = 0; i < n_registers; i++)
            if (!(i & bit))
                unpack(&r[i], &r[i | bit]);
}

#ifndef SWAP_BITS // the bits of a that `mask << shift` names against those of b that mask names
#define SWAP_BITS(a, b, shift, mask)                                                               \
    do {                                                                                           \
        words x_ = (words)(a), y_ = (words)(b),                                                    \
              t_ = ((x_ >> (shift)) ^ y_) & ((words){0} + (mask));                                 \
        (a) = (vec)(x_ ^ t_ << (shift));                                                           \
        (b) = (vec)(y_ ^ t_);                                                                      \
    } while (0)
#endif

// r[0], r[step], ... r[7 step]
INLINE void swap_bits(vec *r, int step)
{
#pragma GCC unroll 8
    for (int i = 0; i < 8; i++)
        if (!(i & 4))
            SWAP_BITS(r[i * step], r[(i + 4) * step], 4, UINT64_C(0x0F0F0F0F0F0F0F0F));
#pragma GCC unroll 8
    for (int i = 0; i < 8; i++)
        if (!(i & 2))
            SWAP_BITS(r[i * step], r[(i + 2) * step], 2, UINT64_C(0x3333333333333333));
#pragma GCC unroll 8
    for (int i = 0; i < 8; i++)
        if (!(i & 1))
            SWAP_BITS(r[i * step], r[(i + 1) * step], 1, UINT64_C(0x5555555555555555));
}

// ---------------------------------------------------------------------- slicing and unslicing

// 128 records (256 with two halves) of w bytes at `records` to 16 (32) bytes of 8 w planes.
INLINE void slice_piece(bl_plane *planes, size_t at, const uint8_t *records, const int w)
{
    vec r[128];
    uint8_t *to = (uint8_t *)planes + at;
    if (w == 1) {
#pragma GCC unroll 8
        for (int i = 0; i < 8; i++)
            r[i] = load_halves(records + 16 * i, 128);
        insert(r, 8, 4, 1); // r6, r5, r4; r3 came out where r6 was
        insert(r, 8, 4, 4); // bits of the register's number now: r0 r2 r1
        vec t[8];
#pragma GCC unroll 8
        for (int i = 0; i < 8; i++)
            t[(i & 3) << 1 | i >> 2] = r[i];
        swap_bits(t, 1);
#pragma GCC unroll 8
        for (int k = 0; k < 8; k++)
            store(to + 64 * k, t[k]);
        return;
    }
    // vector v holds the address bits above four; v = [r6 r5 r4 r3 | low], low: w / 2 vectors
    const int n_low = w / 2;
    for (int low = 0; low < n_low; low++) {
        vec g[16];
#pragma GCC unroll 16
        for (int i = 0; i < 16; i++)
            g[i] = load_halves(records + 16 * (i * n_low + low), 128 * (size_t)w);
        insert(g, 16, 8, 1);
        // register [o3 o2 o1 o0] = what was the byte in a vector
#pragma GCC unroll 16
        for (int i = 0; i < 16; i++)
            r[low * 16 + i] = g[i];
    }
    // register number: low * 16 + o = record * w + j, with three bits of the record
    for (int j = 0; j < w; j++) {
        vec t[8];
#pragma GCC unroll 8
        for (int i = 0; i < 8; i++)
            t[i] = r[i * w + j];
        swap_bits(t, 1);
#pragma GCC unroll 8
        for (int k = 0; k < 8; k++)
            store(to + 64 * (8 * j + k), t[k]);
    }
}

INLINE void unslice_piece(uint8_t *records, const bl_plane *planes, size_t at, const int w)
{
    vec r[128];
    const uint8_t *from = (const uint8_t *)planes + at;
    if (w == 1) {
#pragma GCC unroll 8
        for (int k = 0; k < 8; k++)
            r[k] = load(from + 64 * k);
        swap_bits(r, 1);
        insert(r, 8, 4, 1); // r2, r1, r0; out came r6, r5, r4
#pragma GCC unroll 8
        for (int i = 0; i < 8; i++)
            store_halves(records + 16 * i, 128, r[i]);
        return;
    }
    for (int j = 0; j < w; j++) {
        vec t[8];
#pragma GCC unroll 8
        for (int k = 0; k < 8; k++)
            t[k] = load(from + 64 * (8 * j + k));
        swap_bits(t, 1);
#pragma GCC unroll 8
        for (int i = 0; i < 8; i++)
            r[i * w + j] = t[i];
    }
    const int n_low = w / 2;
    for (int low = 0; low < n_low; low++) {
        vec g[16];
#pragma GCC unroll 16
        for (int i = 0; i < 16; i++)
            g[i] = r[low * 16 + i];
        insert(g, 16, 8, 1); // the byte in the vector; out come r6 r5 r4 r3
#pragma GCC unroll 16
        for (int i = 0; i < 16; i++)
            store_halves(records + 16 * (i * n_low + low), 128 * (size_t)w, g[i]);
    }
}

#define SLICE(bits)                                                                                \
    void KERNEL(slice##bits)(bl_plane * planes, const uint8_t *records, size_t n_blocks)           \
    {                                                                                              \
        for (; n_blocks > 0; n_blocks--, planes += bits)                                           \
            for (size_t at = 0; at < 64; at += VECTOR_BYTES, records += VECTOR_BYTES * bits)       \
                slice_piece(planes, at, records, bits / 8);                                        \
    }                                                                                              \
    void KERNEL(unslice##bits)(uint8_t * records, const bl_plane *planes, size_t n_blocks)         \
    {                                                                                              \
        for (; n_blocks > 0; n_blocks--, planes += bits)                                           \
            for (size_t at = 0; at < 64; at += VECTOR_BYTES, records += VECTOR_BYTES * bits)       \
                unslice_piece(records, planes, at, bits / 8);                                      \
    }
SLICE(8)
SLICE(16)
SLICE(32)
SLICE(64)
SLICE(128)

// -------------------------------------------------------------------------------------- tiles
// Pass 1: sixteen rows to sixteen lines; bit k of all columns after swap_bits, then R3 goes into
// the place of the byte and b3 comes out. Pass 2: of one k, b3 and column of 16 bytes, eight lines
// R6 R5 R4 are unpacked in pairs of bytes: eight rows, 16 bytes of each, with two halves 32. No
// step needs more than eight registers and some temporaries; x86-64 has sixteen.
//
// The 64 rows of one b5 b4 b3 are written together, so that half lines find the other half, and the
// next row its page, while they are near: at wide strides that is four times faster than by k
// first.
//
//     scratch     [R8..R4] 17 lines apart, [k][b3] in them, byte [b5 b4][b2 b1 b0 R3]
//     result      row [b5 b4][b3][b2 b1 b0][k]

enum { ROWS = 16, PITCH = 17 };

INLINE void eight_rows(vec r[8], const uint8_t *src, ptrdiff_t stride)
{
#pragma GCC unroll 8
    for (int i = 0; i < 8; i++)
        r[i] = load(src + i * stride);
    swap_bits(r, 1);
}

// The first eight wait in the lines with b3 = 0.
static void sixteen_rows(bl_plane *lines, const uint8_t *src, ptrdiff_t stride)
{
    uint8_t *to = (uint8_t *)lines;
    for (size_t at = 0; at < 64; at += VECTOR_BYTES, to += VECTOR_BYTES) {
        vec r[8];
        eight_rows(r, src + at, stride);
#pragma GCC unroll 8
        for (int k = 0; k < 8; k++)
            store(to + 128 * k, r[k]);
        eight_rows(r, src + 8 * stride + at, stride);
#pragma GCC unroll 8
        for (int k = 0; k < 8; k++) {
            vec first = load(to + 128 * k);
            unpack(&first, &r[k]);
            store(to + 128 * k, first);
            store(to + 128 * k + 64, r[k]);
        }
    }
}

void KERNEL(tile_in)(bl_plane *scratch, const uint8_t *src, ptrdiff_t stride, size_t n_rows,
                     size_t n_cols)
{
    size_t n_bytes = (n_cols + 7) / 8;
    for (size_t group = 0; group < BL_LANES / ROWS; group++)
        for (size_t at = 0; at < n_bytes; at += 64) {
            bl_plane *lines = scratch + at / 64 * BITS_TILE_LINES + group * PITCH;
            const uint8_t *rows = src + (ptrdiff_t)(ROWS * group) * stride + at;
            if (n_rows >= ROWS * group + ROWS && n_bytes - at >= 64) {
                sixteen_rows(lines, rows, stride);
                continue;
            }
            bl_plane edge[ROWS] = {{{0}}};
            for (size_t i = 0; i < ROWS && ROWS * group + i < n_rows; i++)
                memcpy(&edge[i], rows + (ptrdiff_t)i * stride,
                       n_bytes - at < 64 ? n_bytes - at : 64);
            sixteen_rows(lines, (const uint8_t *)edge, 64);
        }
}

// `line`, at the column, is R6 R5 R4 = 0 of one k and b3.
INLINE void eight_lines(vec r[8], const uint8_t *line)
{
    const size_t pitch = PITCH * sizeof(bl_plane);
#pragma GCC unroll 8
    for (size_t i = 0; i < 8; i++)
        r[i] = load_halves(line + i * pitch, 8 * pitch);
#pragma GCC unroll 3
    for (int bit = 4; bit >= 1; bit /= 2)
#pragma GCC unroll 8
        for (int i = 0; i < 8; i++)
            if (!(i & bit))
                unpack_pairs(&r[i], &r[i | bit]);
}

// Eight rows, of which n_rows exist.
INLINE void store_rows(uint8_t *to, ptrdiff_t stride, const vec r[8], size_t n_rows, size_t n_bytes)
{
    if (n_bytes >= VECTOR_BYTES && n_rows >= 8) {
#pragma GCC unroll 8
        for (int i = 0; i < 8; i++)
            store(to + 8 * i * stride, r[i]);
        return;
    }
    uint8_t rows[8][VECTOR_BYTES];
#pragma GCC unroll 8
    for (int i = 0; i < 8; i++)
        store(rows[i], r[i]);
    for (size_t i = 0; i < 8 && i < n_rows; i++)
        memcpy(to + (ptrdiff_t)(8 * i) * stride, rows[i],
               n_bytes < VECTOR_BYTES ? n_bytes : VECTOR_BYTES);
}

void KERNEL(tile_out)(uint8_t *dst, ptrdiff_t stride, const bl_plane *scratch, size_t scratch_step,
                      size_t n_rows, size_t n_cols, bool is_streamed)
{
    (void)is_streamed;
    for (size_t eights = 0; eights < 8; eights++) // b5 b4 b3
        for (size_t k = 0; k < 8 && 64 * eights + k < n_cols; k++)
            for (size_t row = 0; row < n_rows; row += 8 * VECTOR_BYTES) {
                const bl_plane *lines = scratch + row / BL_LANES * scratch_step
                                        + row % BL_LANES / ROWS * PITCH + 2 * k + eights % 2;
                size_t first = 64 * eights + k;
                vec r[8];
                eight_lines(r, (const uint8_t *)lines + eights / 2 * 16);
                store_rows(dst + (ptrdiff_t)first * stride + row / 8, stride, r,
                           (n_cols - first + 7) / 8, (n_rows - row + 7) / 8);
            }
}

// ------------------------------------------------------------------------------ 64 x 64 bits
// Address [r5 .. r0 j2 j1 j0]: r5, r4, r3 are inserted, swap_bits works over r2 r1 r0, and a last
// unpack of eight bytes joins pairs of rows. Two halves are two blocks.

INLINE void transpose64(uint8_t *dst, const uint8_t *src, size_t step)
{
    vec r[32]; // [r5 r4 r3 | r2 r1]
    for (int low = 0; low < 4; low++) {
        vec g[8];
#pragma GCC unroll 8
        for (int i = 0; i < 8; i++)
            g[i] = load_halves(src + 16 * (4 * i + low), step);
        insert(g, 8, 4, 1); // [r0 j2 j1], byte [j0 r5 r4 r3]
#pragma GCC unroll 8
        for (int i = 0; i < 8; i++)
            r[i % 4 * 8 + low * 2 + i / 4] = g[i]; // [j2 j1 | r2 r1 r0]
    }
    for (int high = 0; high < 4; high++) {
        vec *t = r + 8 * high;
        swap_bits(t, 1);
#pragma GCC unroll 4
        for (int k = 0; k < 8; k += 2) {
            uint8_t *to = dst + 128 * high + 8 * k;
            store_halves(to, step, UNPACK_LOW(8, t[k], t[k + 1]));
            store_halves(to + 64, step, UNPACK_HIGH(8, t[k], t[k + 1]));
        }
    }
}

void KERNEL(transpose64)(uint64_t *dst, const uint64_t *src, size_t n_blocks)
{
    for (; n_blocks >= HALVES; n_blocks -= HALVES, dst += 64 * HALVES, src += 64 * HALVES)
        transpose64((uint8_t *)dst, (const uint8_t *)src, 512);
    if (n_blocks > 0) // both halves the same
        transpose64((uint8_t *)dst, (const uint8_t *)src, 0);
}
