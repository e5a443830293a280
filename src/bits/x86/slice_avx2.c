// SPDX-License-Identifier: MIT
// Slicing with AVX2, 32 records at a time.
//
//   slice    split W bytes apart with packs (even and odd bytes, log2 W levels), then VPMOVMSKB
//            gives the top bit of 32 records at once; doubling a register brings up the next
//   unslice  spread 32 bits over 32 bytes (broadcast, VPSHUFB, test one bit each), collect eight
//            planes, then merge bytes with unpacks
//
// Per 32 records and byte: 8 movemasks and 7 additions, or 8 x 4 operations backwards.

#include "../bits_private.h"

#include <immintrin.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))

INLINE __m256i even_bytes(__m256i a, __m256i b)
{
    __m256i mask = _mm256_set1_epi16(0xFF);
    __m256i packed = _mm256_packus_epi16(_mm256_and_si256(a, mask), _mm256_and_si256(b, mask));
    return _mm256_permute4x64_epi64(packed, 0xD8); // packs work within 128-bit halves
}

INLINE __m256i odd_bytes(__m256i a, __m256i b)
{
    __m256i packed = _mm256_packus_epi16(_mm256_srli_epi16(a, 8), _mm256_srli_epi16(b, 8));
    return _mm256_permute4x64_epi64(packed, 0xD8);
}

// One level: 2 * half registers become half with the even bytes and half with the odd ones.
INLINE void split_level(__m256i *p, const int half)
{
    __m256i t[8];
#pragma GCC unroll 4
    for (int i = 0; i < half; i++) {
        t[i] = even_bytes(p[2 * i], p[2 * i + 1]);
        t[half + i] = odd_bytes(p[2 * i], p[2 * i + 1]);
    }
#pragma GCC unroll 8
    for (int i = 0; i < 2 * half; i++)
        p[i] = t[i];
}

INLINE void merge_level(__m256i *p, const int half)
{
    __m256i t[8];
#pragma GCC unroll 4
    for (int i = 0; i < half; i++) {
        __m256i lo = _mm256_unpacklo_epi8(p[i], p[half + i]);
        __m256i hi = _mm256_unpackhi_epi8(p[i], p[half + i]);
        t[2 * i] = _mm256_permute2x128_si256(lo, hi, 0x20);
        t[2 * i + 1] = _mm256_permute2x128_si256(lo, hi, 0x31);
    }
#pragma GCC unroll 8
    for (int i = 0; i < 2 * half; i++)
        p[i] = t[i];
}

INLINE void split(__m256i *r, const int n_bytes)
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

INLINE void merge(__m256i *r, const int n_bytes)
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
    for (; n_blocks > 0; n_blocks--, planes += 8 * n_bytes, records += 512 * n_bytes)
        for (int g = 0; g < 16; g++) {
            __m256i r[8];
#pragma GCC unroll 8
            for (int i = 0; i < n_bytes; i++)
                r[i] = _mm256_loadu_si256(
                    (const __m256i *)(const void *)(records + (g * n_bytes + i) * 32));
            split(r, n_bytes);
#pragma GCC unroll 8
            for (int i = 0; i < n_bytes; i++) {
                bl_plane *p = planes + 8 * bits_split_order(i, n_bytes);
                for (int k = 7; k >= 0; k--) {
                    int bits = _mm256_movemask_epi8(r[i]);
                    memcpy((uint8_t *)&p[k] + 4 * g, &bits, sizeof bits);
                    r[i] = _mm256_add_epi8(r[i], r[i]);
                }
            }
        }
}

// Byte b of the result is all ones where bit b of `bits` is set.
INLINE __m256i spread(uint32_t bits)
{
    const __m256i which =
        _mm256_setr_epi64x(0, 0x0101010101010101, 0x0202020202020202, 0x0303030303030303);
    const __m256i one_hot = _mm256_set1_epi64x((int64_t)0x8040201008040201u);
    __m256i bytes = _mm256_shuffle_epi8(_mm256_set1_epi32((int)bits), which);
    return _mm256_cmpeq_epi8(_mm256_and_si256(bytes, one_hot), one_hot);
}

INLINE void unslice(uint8_t *records, const bl_plane *planes, size_t n_blocks, const int n_bytes)
{
    for (; n_blocks > 0; n_blocks--, planes += 8 * n_bytes, records += 512 * n_bytes)
        for (int g = 0; g < 16; g++) {
            __m256i r[8];
#pragma GCC unroll 8
            for (int i = 0; i < n_bytes; i++) {
                const bl_plane *p = planes + 8 * bits_split_order(i, n_bytes);
                r[i] = _mm256_setzero_si256();
                for (int k = 0; k < 8; k++) {
                    uint32_t bits;
                    memcpy(&bits, (const uint8_t *)&p[k] + 4 * g, sizeof bits);
                    __m256i bit = _mm256_set1_epi8((char)(1u << k));
                    r[i] = _mm256_or_si256(r[i], _mm256_and_si256(spread(bits), bit));
                }
            }
            merge(r, n_bytes);
#pragma GCC unroll 8
            for (int i = 0; i < n_bytes; i++)
                _mm256_storeu_si256((__m256i *)(void *)(records + (g * n_bytes + i) * 32), r[i]);
        }
}

BITS_TABLE(bits_avx2, BL_CPU_AVX2)
