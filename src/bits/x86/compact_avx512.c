// SPDX-License-Identifier: MIT
// Selections with AVX-512: VPCOMPRESS and VPEXPAND, 64 bytes of records at a time.
//
// Two traps of Zen 4 and 5: the form with zeroing waits for the old value of its result, so the
// merging form is used with the records themselves to merge into; and the form that writes to
// memory is microcoded, so whole registers are stored. A word with few records is walked over
// instead. 0.3 cycles a record of 64 bits where many stay, 0.06 where one in fifty does.

#include "../bits_private.h"
#include "lanes_avx512.h"

#include <string.h>

enum { FEW = 7 }; // of 64

// The mask of the records n * i .. n * i + n - 1 of a word, for records of `bytes`.
INLINE uint64_t mask_of(uint64_t word, int i, int bytes)
{
    if (bytes == 16) // both halves of each
        return _pdep_u64(word >> 4 * i & 15, 0x55) * 3;
    return bytes == 1 ? word : word >> 64 / bytes * i & ((UINT64_C(1) << 64 / bytes % 64) - 1);
}

INLINE __m512i compress(__m512i x, uint64_t mask, int bytes)
{
    return bytes == 1   ? _mm512_mask_compress_epi8(x, mask, x)
           : bytes == 2 ? _mm512_mask_compress_epi16(x, (__mmask32)mask, x)
           : bytes == 4 ? _mm512_mask_compress_epi32(x, (__mmask16)mask, x)
                        : _mm512_mask_compress_epi64(x, (__mmask8)mask, x);
}

INLINE size_t compact(uint8_t *dst, const uint8_t *src, const uint64_t *keep, size_t n_words,
                      int bytes)
{
    uint8_t *to = dst;
    for (size_t w = 0; w < n_words; w++, src += 64 * bytes) {
        uint64_t word = keep[w];
        if (_mm_popcnt_u64(word) <= FEW) {
            for (; word; word &= word - 1, to += bytes)
                memmove(to, src + (size_t)_tzcnt_u64(word) * (size_t)bytes, (size_t)bytes);
            continue;
        }
#pragma GCC unroll 16
        for (int i = 0; i < bytes; i++) {
            uint64_t mask = mask_of(word, i, bytes);
            _mm512_storeu_si512((void *)to, compress(load(src + 64 * i), mask, bytes));
            to += (size_t)_mm_popcnt_u64(mask) * (size_t)(bytes == 16 ? 8 : bytes);
        }
    }
    return (size_t)(to - dst) / (size_t)bytes;
}

// Elements [0, n) of src, no more, spread to where the mask says.
INLINE void expand_part(uint8_t *dst, const uint8_t *src, uint64_t mask, int bytes)
{
    uint64_t first = _bzhi_u64(~UINT64_C(0), (unsigned)_mm_popcnt_u64(mask));
    if (bytes == 1)
        _mm512_mask_storeu_epi8(
            dst, mask, _mm512_maskz_expand_epi8(mask, _mm512_maskz_loadu_epi8(first, src)));
    else if (bytes == 2)
        _mm512_mask_storeu_epi16(
            dst, (__mmask32)mask,
            _mm512_maskz_expand_epi16((__mmask32)mask,
                                      _mm512_maskz_loadu_epi16((__mmask32)first, src)));
    else if (bytes == 4)
        _mm512_mask_storeu_epi32(
            dst, (__mmask16)mask,
            _mm512_maskz_expand_epi32((__mmask16)mask,
                                      _mm512_maskz_loadu_epi32((__mmask16)first, src)));
    else
        _mm512_mask_storeu_epi64(
            dst, (__mmask8)mask,
            _mm512_maskz_expand_epi64((__mmask8)mask,
                                      _mm512_maskz_loadu_epi64((__mmask8)first, src)));
}

INLINE size_t expand(uint8_t *dst, const uint8_t *src, const uint64_t *where, size_t n_words,
                     int bytes)
{
    const uint8_t *from = src;
    for (size_t w = 0; w < n_words; w++, dst += 64 * bytes) {
        uint64_t word = where[w];
        if (_mm_popcnt_u64(word) <= FEW) {
            for (; word; word &= word - 1, from += bytes)
                memcpy(dst + (size_t)_tzcnt_u64(word) * (size_t)bytes, from, (size_t)bytes);
            continue;
        }
#pragma GCC unroll 16
        for (int i = 0; i < bytes; i++) {
            uint64_t mask = mask_of(word, i, bytes);
            expand_part(dst + 64 * i, from, mask, bytes);
            from += (size_t)_mm_popcnt_u64(mask) * (size_t)bytes;
        }
    }
    return (size_t)(from - src) / (size_t)bytes;
}

#define COMPACT(n)                                                                                 \
    size_t bits_compact##n##_avx512(uint8_t *dst, const uint8_t *src, const uint64_t *keep,        \
                                    size_t n_words)                                                \
    {                                                                                              \
        return compact(dst, src, keep, n_words, n);                                                \
    }
#define EXPAND(n)                                                                                  \
    size_t bits_expand##n##_avx512(uint8_t *dst, const uint8_t *src, const uint64_t *where,        \
                                   size_t n_words)                                                 \
    {                                                                                              \
        return expand(dst, src, where, n_words, n);                                                \
    }
COMPACT(1)
COMPACT(2)
COMPACT(4)
COMPACT(8)
COMPACT(16)
EXPAND(1)
EXPAND(2)
EXPAND(4)
EXPAND(8) // 16 bytes: walking over the set bits is faster

size_t bits_indices_avx512(uint32_t *dst, uint32_t first, const uint64_t *keep, size_t n_words)
{
    const __m512i sixteen = _mm512_set1_epi32(16);
    const __m512i steps = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    uint32_t *to = dst;
    for (size_t w = 0; w < n_words; w++, first += 64) {
        uint64_t word = keep[w];
        if (_mm_popcnt_u64(word) <= FEW) {
            for (; word; word &= word - 1)
                *to++ = first + (uint32_t)_tzcnt_u64(word);
            continue;
        }
        __m512i index = _mm512_add_epi32(_mm512_set1_epi32((int)first), steps);
#pragma GCC unroll 4
        for (int i = 0; i < 4; i++, word >>= 16) {
            __mmask16 mask = (__mmask16)word;
            _mm512_storeu_si512((void *)to, _mm512_mask_compress_epi32(index, mask, index));
            to += _mm_popcnt_u32(mask);
            index = _mm512_add_epi32(index, sixteen);
        }
    }
    return (size_t)(to - dst);
}

size_t bits_count_avx512(const uint64_t *words, size_t n_words)
{
    __m512i sum = _mm512_setzero_si512();
    for (size_t i = 0; i < n_words; i += 8) {
        __mmask8 mask = (__mmask8)(n_words - i < 8 ? (1u << (n_words - i)) - 1 : 0xFF);
        sum = _mm512_add_epi64(sum, _mm512_popcnt_epi64(_mm512_maskz_loadu_epi64(mask, words + i)));
    }
    return (size_t)_mm512_reduce_add_epi64(sum);
}
