// SPDX-License-Identifier: MIT
// The filter in row form, eight records a register, as one would write it without bit planes. The
// merging form of compress: the zeroing one waits for the old value of its result on Zen 4 and 5.

#include "../batch_rows.h"

#include <immintrin.h>

size_t filter_rows_avx512(uint64_t *dst, const uint64_t *records, size_t n);

size_t filter_rows_avx512(uint64_t *dst, const uint64_t *records, size_t n)
{
    const __m512i low12 = _mm512_set1_epi64(0xFFF), low16 = _mm512_set1_epi64(0xFFFF);
    uint64_t *to = dst;
    for (size_t i = 0; i < n; i += 8) {
        __m512i r = _mm512_loadu_si512(records + i);
        __m512i a = _mm512_and_si512(r, low12);
        __m512i b = _mm512_and_si512(_mm512_srli_epi64(r, 12), low12);
        __m512i c = _mm512_and_si512(_mm512_srli_epi64(r, 24), low16);
        __m512i d = _mm512_and_si512(_mm512_srli_epi64(r, 40), low12);
        __m512i e = _mm512_srli_epi64(r, 52);
        __mmask8 x = _mm512_cmplt_epu64_mask(a, b);
        x = _mm512_mask_cmpge_epu64_mask(x, _mm512_popcnt_epi64(c), _mm512_set1_epi64(9));
        __m512i differing = _mm512_and_si512(_mm512_xor_si512(d, e), _mm512_set1_epi64(0x33));
        x = _mm512_mask_cmpeq_epi64_mask(x, differing, _mm512_set1_epi64(0x11));
        __mmask8 y = _mm512_testn_epi64_mask(_mm512_add_epi64(a, b), _mm512_set1_epi64(0x800));
        y = _mm512_mask_cmpeq_epi64_mask(y, _mm512_and_si512(c, _mm512_set1_epi64(0xFF)),
                                         _mm512_srli_epi64(d, 4));
        __mmask8 keep = x | y;
        _mm512_storeu_si512(to, _mm512_mask_compress_epi64(r, keep, r));
        to += __builtin_popcount(keep);
    }
    return (size_t)(to - dst);
}
