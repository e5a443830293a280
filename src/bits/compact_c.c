// SPDX-License-Identifier: MIT
// Selections without special instructions. Compacting is branchless: every record is stored, the
// place moves on where it is kept; an empty word costs nothing. Expanding walks over the set bits.

#include "bits_private.h"

#include <string.h>

#define INLINE static inline __attribute__((always_inline))

INLINE size_t compact(uint8_t *dst, const uint8_t *src, const uint64_t *keep, size_t n_words,
                      size_t bytes)
{
    size_t n = 0;
    for (size_t w = 0; w < n_words; w++) {
        uint64_t word = keep[w];
        for (size_t i = 0; word; i++, word >>= 1) {
            memmove(dst + n * bytes, src + (w * 64 + i) * bytes, bytes); // one move
            n += word & 1;
        }
    }
    return n;
}

INLINE size_t expand(uint8_t *dst, const uint8_t *src, const uint64_t *where, size_t n_words,
                     size_t bytes)
{
    size_t n = 0;
    for (size_t w = 0; w < n_words; w++)
        for (uint64_t left = where[w]; left; left &= left - 1)
            memcpy(dst + (w * 64 + (size_t)__builtin_ctzll(left)) * bytes, src + n++ * bytes,
                   bytes);
    return n;
}

#define SIZE(b)                                                                                    \
    size_t bits_compact##b##_c(uint8_t *dst, const uint8_t *src, const uint64_t *keep, size_t n)   \
    {                                                                                              \
        return compact(dst, src, keep, n, b);                                                      \
    }                                                                                              \
    size_t bits_expand##b##_c(uint8_t *dst, const uint8_t *src, const uint64_t *where, size_t n)   \
    {                                                                                              \
        return expand(dst, src, where, n, b);                                                      \
    }
SIZE(1)
SIZE(2)
SIZE(4)
SIZE(8)
SIZE(16)

size_t bits_indices_c(uint32_t *dst, uint32_t first, const uint64_t *keep, size_t n_words)
{
    size_t n = 0;
    for (size_t w = 0; w < n_words; w++)
        for (uint64_t left = keep[w]; left; left &= left - 1)
            dst[n++] = first + (uint32_t)(w * 64) + (uint32_t)__builtin_ctzll(left);
    return n;
}

size_t bits_count_c(const uint64_t *words, size_t n_words)
{
    size_t n = 0;
    for (size_t w = 0; w < n_words; w++)
        n += (size_t)__builtin_popcountll(words[w]);
    return n;
}
