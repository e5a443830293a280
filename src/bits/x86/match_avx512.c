// SPDX-License-Identifier: MIT
// One comparison into a mask register for 64 bytes.

#include "../bits_private.h"

#include <immintrin.h>

void bits_match_avx512(uint64_t *found, const uint8_t *text, size_t n_blocks, const uint8_t *wanted,
                       size_t n_wanted)
{
    for (size_t b = 0; b < n_blocks; b++, text += 64, found += n_wanted) {
        __m512i x = _mm512_loadu_si512(text);
        for (size_t k = 0; k < n_wanted; k++)
            found[k] = _mm512_cmpeq_epi8_mask(x, _mm512_set1_epi8((char)wanted[k]));
    }
}
