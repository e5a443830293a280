// SPDX-License-Identifier: MIT
// Slicing with AVX-512 (Ice Lake set). Records of W bytes, 512 at a time:
//
//   1. split   W zmm = 64 records; log2 W levels of VPERMT2B take even and odd bytes apart, until
//              one zmm holds byte j of 64 records, eight records a qword, bytes reversed
//   2. GF2P8AFFINEQB with the data as the *matrix* and one-hot bytes as the vector: its result
//              byte k, bit i is bit k of matrix byte 7 - i: eight 8x8 transposes at once. The
//              reversal that it needs is folded into the shuffle before it.
//   3. VPERMB  byte k of each qword into qword k: qword k = plane k, lanes of these 64 records
//   4. an 8x8 transpose of qwords over the zmm of the eight groups of 64 records: whole planes
//
// Unslicing runs the same steps backwards. Per zmm: log2 W + 1 + 1 + 3 operations.

#include "../bits_private.h"

#include <immintrin.h>

#define INLINE static inline __attribute__((always_inline))

// Byte i of a table of 64 is f(i), written by rows of eight.
#define ROW8(f, i) f(i), f(i + 1), f(i + 2), f(i + 3), f(i + 4), f(i + 5), f(i + 6), f(i + 7)
#define TABLE64(f)                                                                                 \
    {                                                                                              \
        ROW8(f, 0), ROW8(f, 8), ROW8(f, 16), ROW8(f, 24), ROW8(f, 32), ROW8(f, 40), ROW8(f, 48),   \
            ROW8(f, 56)                                                                            \
    }

#define REVERSED(i) ((i) ^ 7)             // bytes within a qword
#define TURNED(i) (((i)&7) * 8 + (i) / 8) // 8x8 bytes transposed
#define TURNED_REVERSED(i) TURNED(REVERSED(i))
#define EVEN(i) (2 * (i)) // of 128 bytes in two registers
#define ODD(i) (2 * (i) + 1)
#define LOW(i) ((i) / 2 + ((i)&1) * 64) // merges two registers again
#define HIGH(i) ((i) / 2 + 32 + ((i)&1) * 64)

static const _Alignas(64) uint8_t reversed[64] = TABLE64(REVERSED), turned[64] = TABLE64(TURNED),
                                  turned_reversed[64] = TABLE64(TURNED_REVERSED),
                                  even[64] = TABLE64(EVEN), odd[64] = TABLE64(ODD),
                                  low[64] = TABLE64(LOW), high[64] = TABLE64(HIGH);

INLINE __m512i table(const uint8_t *bytes) { return _mm512_load_si512(bytes); }

INLINE __m512i transpose8x8(__m512i bytes_reversed)
{
    return _mm512_gf2p8affine_epi64_epi8(_mm512_set1_epi64((int64_t)0x8040201008040201u),
                                         bytes_reversed, 0);
}

// r[i] qword j <-> r[j] qword i
INLINE void transpose_qwords(__m512i r[8])
{
    __m512i a[8], b[8];
    for (int i = 0; i < 8; i += 2) { // 2x2 within 128 bits
        a[i] = _mm512_unpacklo_epi64(r[i], r[i + 1]);
        a[i + 1] = _mm512_unpackhi_epi64(r[i], r[i + 1]);
    }
    for (int i = 0; i < 8; i += 4) // 128-bit lanes 0, 2 and 1, 3
        for (int k = 0; k < 2; k++) {
            b[i + k] = _mm512_shuffle_i64x2(a[i + k], a[i + k + 2], 0x88);
            b[i + k + 2] = _mm512_shuffle_i64x2(a[i + k], a[i + k + 2], 0xDD);
        }
    for (int k = 0; k < 4; k++) {
        r[k] = _mm512_shuffle_i64x2(b[k], b[k + 4], 0x88);
        r[k + 4] = _mm512_shuffle_i64x2(b[k], b[k + 4], 0xDD);
    }
}

// One level: 2 * half registers become half with the even bytes and half with the odd ones.
INLINE void split_level(__m512i *p, const int half)
{
    __m512i t[8];
#pragma GCC unroll 4
    for (int i = 0; i < half; i++) {
        t[i] = _mm512_permutex2var_epi8(p[2 * i], table(even), p[2 * i + 1]);
        t[half + i] = _mm512_permutex2var_epi8(p[2 * i], table(odd), p[2 * i + 1]);
    }
#pragma GCC unroll 8
    for (int i = 0; i < 2 * half; i++)
        p[i] = t[i];
}

INLINE void merge_level(__m512i *p, const int half)
{
    __m512i t[8];
#pragma GCC unroll 4
    for (int i = 0; i < half; i++) {
        t[2 * i] = _mm512_permutex2var_epi8(p[i], table(low), p[half + i]);
        t[2 * i + 1] = _mm512_permutex2var_epi8(p[i], table(high), p[half + i]);
    }
#pragma GCC unroll 8
    for (int i = 0; i < 2 * half; i++)
        p[i] = t[i];
}

// r[n_bytes] in: 64 records; out: r[i] = byte bits_split_order(i) of each record.
INLINE void split(__m512i *r, const int n_bytes)
{
    if (n_bytes == 8)
        split_level(r, 4);
    if (n_bytes >= 4)
        split_level(r, 2);
    if (n_bytes == 8)
        split_level(r + 4, 2);
#pragma GCC unroll 4
    for (int i = 0; i + 1 < n_bytes; i += 2)
        split_level(r + i, 1);
}

INLINE void merge(__m512i *r, const int n_bytes)
{
#pragma GCC unroll 4
    for (int i = 0; i + 1 < n_bytes; i += 2)
        merge_level(r + i, 1);
    if (n_bytes >= 4)
        merge_level(r, 2);
    if (n_bytes == 8)
        merge_level(r + 4, 2);
    if (n_bytes == 8)
        merge_level(r, 4);
}

INLINE void slice(bl_plane *planes, const uint8_t *records, size_t n_blocks, const int n_bytes)
{
    for (; n_blocks > 0; n_blocks--, planes += 8 * n_bytes, records += 512 * n_bytes) {
        __m512i bytes[8][8]; // [byte of a record][group of 64 records]
#pragma GCC unroll 8
        for (int g = 0; g < 8; g++) {
            __m512i r[8];
#pragma GCC unroll 8
            for (int i = 0; i < n_bytes; i++)
                r[i] = _mm512_loadu_si512(records + (g * n_bytes + i) * 64);
            split(r, n_bytes);
#pragma GCC unroll 8
            for (int i = 0; i < n_bytes; i++)
                bytes[bits_split_order(i, n_bytes)][g] = r[i];
        }
        for (int j = 0; j < n_bytes; j++) {
            __m512i r[8];
            for (int g = 0; g < 8; g++)
                r[g] = _mm512_permutexvar_epi8(table(turned), transpose8x8(_mm512_permutexvar_epi8(
                                                                  table(reversed), bytes[j][g])));
            transpose_qwords(r);
            for (int k = 0; k < 8; k++)
                _mm512_store_si512(&planes[8 * j + k], r[k]);
        }
    }
}

INLINE void unslice(uint8_t *records, const bl_plane *planes, size_t n_blocks, const int n_bytes)
{
    for (; n_blocks > 0; n_blocks--, planes += 8 * n_bytes, records += 512 * n_bytes) {
        __m512i bytes[8][8];
        for (int j = 0; j < n_bytes; j++) {
            __m512i r[8];
            for (int k = 0; k < 8; k++)
                r[k] = _mm512_load_si512(&planes[8 * j + k]);
            transpose_qwords(r);
            for (int g = 0; g < 8; g++)
                bytes[j][g] = transpose8x8(_mm512_permutexvar_epi8(table(turned_reversed), r[g]));
        }
#pragma GCC unroll 8
        for (int g = 0; g < 8; g++) {
            __m512i r[8];
#pragma GCC unroll 8
            for (int i = 0; i < n_bytes; i++)
                r[i] = bytes[bits_split_order(i, n_bytes)][g];
            merge(r, n_bytes);
#pragma GCC unroll 8
            for (int i = 0; i < n_bytes; i++)
                _mm512_storeu_si512(records + (g * n_bytes + i) * 64, r[i]);
        }
    }
}

BITS_TABLE(bits_avx512, BL_CPU_AVX512)
