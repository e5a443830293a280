// SPDX-License-Identifier: MIT
// Compaction with AVX2 and BMI2. PEXT picks the numbers of the kept ones of eight elements out of
// 0x0706050403020100, a shuffle moves the elements accordingly: no tables. Eight bytes need no
// shuffle, PEXT takes them directly. Whole vectors are stored; a word with few records is walked.

#include "../bits_private.h"

#include <immintrin.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))

enum { FEW = 10 }; // of 64

INLINE uint64_t bytes_of(uint64_t mask) { return _pdep_u64(mask, 0x0101010101010101) * 0xFF; }
INLINE __m128i numbers(uint64_t mask)
{
    return _mm_cvtsi64_si128((int64_t)_pext_u64(0x0706050403020100, bytes_of(mask)));
}

// Eight elements of `bytes`, four of 8.
INLINE void compact_part(uint8_t *to, const uint8_t *from, uint64_t mask, int bytes)
{
    if (bytes == 1) {
        uint64_t x;
        memcpy(&x, from, sizeof x);
        x = _pext_u64(x, bytes_of(mask));
        memcpy(to, &x, sizeof x);
    } else if (bytes == 2) {
        __m128i i = numbers(mask), pairs = _mm_unpacklo_epi8(i, i);
        pairs = _mm_add_epi8(_mm_add_epi8(pairs, pairs), _mm_set1_epi16(0x0100));
        __m128i x = _mm_loadu_si128((const __m128i *)(const void *)from);
        _mm_storeu_si128((__m128i *)(void *)to, _mm_shuffle_epi8(x, pairs));
    } else {
        uint64_t dwords = bytes == 4 ? mask : _pdep_u64(mask, 0x55) * 3;
        __m256i x = _mm256_loadu_si256((const __m256i *)(const void *)from);
        x = _mm256_permutevar8x32_epi32(x, _mm256_cvtepu8_epi32(numbers(dwords)));
        _mm256_storeu_si256((__m256i *)(void *)to, x);
    }
}

INLINE size_t compact(uint8_t *dst, const uint8_t *src, const uint64_t *keep, size_t n_words,
                      int bytes)
{
    const int n = bytes == 8 ? 4 : 8;
    uint8_t *to = dst;
    for (size_t w = 0; w < n_words; w++, src += 64 * bytes) {
        uint64_t word = keep[w];
        if (_mm_popcnt_u64(word) <= FEW) {
            for (; word; word &= word - 1, to += bytes)
                memmove(to, src + (size_t)_tzcnt_u64(word) * (size_t)bytes, (size_t)bytes);
            continue;
        }
#pragma GCC unroll 16
        for (int i = 0; i < 64; i += n) {
            uint64_t mask = word >> i & ((1u << n) - 1);
            compact_part(to, src + i * bytes, mask, bytes);
            to += (size_t)_mm_popcnt_u64(mask) * (size_t)bytes;
        }
    }
    return (size_t)(to - dst) / (size_t)bytes;
}

#define SIZE(n)                                                                                    \
    size_t bits_compact##n##_avx2(uint8_t *dst, const uint8_t *src, const uint64_t *keep,          \
                                  size_t n_words)                                                  \
    {                                                                                              \
        return compact(dst, src, keep, n_words, n);                                                \
    }
SIZE(1)
SIZE(2)
SIZE(4)
SIZE(8)

size_t bits_indices_avx2(uint32_t *dst, uint32_t first, const uint64_t *keep, size_t n_words)
{
    uint32_t *to = dst;
    for (size_t w = 0; w < n_words; w++, first += 64) {
        uint64_t word = keep[w];
        if (_mm_popcnt_u64(word) <= FEW) {
            for (; word; word &= word - 1)
                *to++ = first + (uint32_t)_tzcnt_u64(word);
            continue;
        }
#pragma GCC unroll 8
        for (uint32_t i = 0; i < 64; i += 8, word >>= 8) {
            __m256i index = _mm256_cvtepu8_epi32(numbers(word & 0xFF));
            index = _mm256_add_epi32(index, _mm256_set1_epi32((int)(first + i)));
            _mm256_storeu_si256((__m256i *)(void *)to, index);
            to += _mm_popcnt_u32((uint32_t)word & 0xFF);
        }
    }
    return (size_t)(to - dst);
}

size_t bits_count_avx2(const uint64_t *words, size_t n_words)
{
    size_t n = 0;
    for (size_t i = 0; i < n_words; i++)
        n += (size_t)_mm_popcnt_u64(words[i]);
    return n;
}
