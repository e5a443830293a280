// SPDX-License-Identifier: MIT
// Dense ternary layers with vpopcntq and with vpdpbusd, both in tiles of registers.

#include "../dense.h"

#include <immintrin.h>
#include <stdlib.h>
#include <string.h>

bool dense_is_supported(void)
{
    return __builtin_cpu_supports("avx512vpopcntdq") && __builtin_cpu_supports("avx512vnni");
}

static void *lines(size_t bytes) { return aligned_alloc(64, (bytes + 63) / 64 * 64); }

bool dense_prepare(dense_layer *l)
{
    size_t n_words = l->n_inputs / 64, n = l->n_neurons;
    l->plus = lines(n * n_words * 8);
    l->minus = lines(n * n_words * 8);
    l->quads = lines(n * l->n_inputs);
    l->byte_threshold = lines(n * 4);
    l->words = lines(n_words * BL_LANES * 8);
    l->bytes = lines((size_t)l->n_inputs * BL_LANES);
    if (!l->plus || !l->minus || !l->quads || !l->byte_threshold || !l->words || !l->bytes)
        return false;
    memset(l->plus, 0, n * n_words * 8);
    memset(l->minus, 0, n * n_words * 8);
    memcpy(l->quads, l->weight, n * l->n_inputs);
    for (size_t j = 0; j < n; j++) {
        int32_t n_minus = 0;
        for (size_t i = 0; i < l->n_inputs; i++) {
            int8_t w = l->weight[j * l->n_inputs + i];
            n_minus += w < 0;
            l->plus[j * n_words + i / 64] |= (uint64_t)(w > 0) << i % 64;
            l->minus[j * n_words + i / 64] |= (uint64_t)(w < 0) << i % 64;
        }
        l->byte_threshold[j] = l->threshold[j] - n_minus;
    }
    return true;
}

void dense_clear(dense_layer *l)
{
    free(l->plus);
    free(l->minus);
    free(l->quads);
    free(l->byte_threshold);
    free(l->words);
    free(l->bytes);
}

void dense_set_inputs(dense_layer *l, const bl_plane *inputs)
{
    memset(l->words, 0, l->n_inputs / 64 * (size_t)BL_LANES * 8);
    memset(l->bytes, 0, (size_t)l->n_inputs * BL_LANES);
    for (size_t i = 0; i < l->n_inputs; i++)
        for (size_t lane = 0; lane < BL_LANES; lane++) {
            uint64_t bit = inputs[i].word[lane / 64] >> lane % 64 & 1;
            l->words[i / 64 * BL_LANES + lane] |= bit << i % 64;
            l->bytes[i / 4 * BL_LANES + lane] |= (uint32_t)bit << 8 * (i % 4);
        }
}

enum { NEURONS = 4, VECTORS = 4 }; // of a tile

void dense_run_popcount(bl_plane *outputs, const dense_layer *l)
{
    size_t n_words = l->n_inputs / 64;
    for (size_t lane = 0; lane < BL_LANES; lane += 8 * VECTORS)
        for (size_t j = 0; j < l->n_neurons; j += NEURONS) {
            __m512i count[NEURONS][VECTORS];
            for (int p = 0; p < NEURONS; p++)
                for (int k = 0; k < VECTORS; k++)
                    count[p][k] = _mm512_setzero_si512();
            for (size_t w = 0; w < n_words; w++) {
                const uint64_t *x = l->words + w * BL_LANES + lane;
                for (int p = 0; p < NEURONS; p++) {
                    size_t at = (j + (size_t)p) * n_words + w;
                    __m512i plus = _mm512_set1_epi64((long long)l->plus[at]);
                    __m512i minus = _mm512_set1_epi64((long long)l->minus[at]);
                    for (int k = 0; k < VECTORS; k++) {
                        __m512i holds = _mm512_ternarylogic_epi64(_mm512_load_si512(x + 8 * k),
                                                                  plus, minus, 0xCA);
                        count[p][k] = _mm512_add_epi64(count[p][k], _mm512_popcnt_epi64(holds));
                    }
                }
            }
            for (int p = 0; p < NEURONS; p++) {
                __m512i least = _mm512_set1_epi64(l->threshold[j + (size_t)p]);
                uint8_t *out = (uint8_t *)outputs[j + (size_t)p].word + lane / 8;
                for (int k = 0; k < VECTORS; k++)
                    out[k] = _mm512_cmpge_epi64_mask(count[p][k], least);
            }
        }
}

void dense_run_vnni(bl_plane *outputs, const dense_layer *l)
{
    size_t n_quads = l->n_inputs / 4;
    for (size_t lane = 0; lane < BL_LANES; lane += 16 * VECTORS)
        for (size_t j = 0; j < l->n_neurons; j += NEURONS) {
            __m512i sum[NEURONS][VECTORS];
            for (int p = 0; p < NEURONS; p++)
                for (int k = 0; k < VECTORS; k++)
                    sum[p][k] = _mm512_setzero_si512();
            for (size_t i = 0; i < n_quads; i++) {
                const uint32_t *x = l->bytes + i * BL_LANES + lane;
                for (int p = 0; p < NEURONS; p++) {
                    __m512i w = _mm512_set1_epi32(l->quads[(j + (size_t)p) * n_quads + i]);
                    for (int k = 0; k < VECTORS; k++)
                        sum[p][k] =
                            _mm512_dpbusd_epi32(sum[p][k], _mm512_load_si512(x + 16 * k), w);
                }
            }
            for (int p = 0; p < NEURONS; p++) {
                __m512i least = _mm512_set1_epi32(l->byte_threshold[j + (size_t)p]);
                uint16_t *out = (uint16_t *)outputs[j + (size_t)p].word + lane / 16;
                for (int k = 0; k < VECTORS; k++)
                    out[k] = _mm512_cmpge_epi32_mask(sum[p][k], least);
            }
        }
}
