// SPDX-License-Identifier: MIT
// Two comparisons and two masks for 64 bytes; bound by the masks, one a cycle.

#include "../bits_private.h"

#include <immintrin.h>

void bits_match_avx2(uint64_t *found, const uint8_t *text, size_t n_blocks, const uint8_t *wanted,
                     size_t n_wanted)
{
    for (size_t b = 0; b < n_blocks; b++, text += 64, found += n_wanted) {
        __m256i low = _mm256_loadu_si256((const __m256i *)(const void *)text);
        __m256i high = _mm256_loadu_si256((const __m256i *)(const void *)(text + 32));
        for (size_t k = 0; k < n_wanted; k++) {
            __m256i w = _mm256_set1_epi8((char)wanted[k]);
            uint32_t l = (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(low, w));
            uint32_t h = (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(high, w));
            found[k] = l | (uint64_t)h << 32;
        }
    }
}
