// SPDX-License-Identifier: MIT
// Which kernels each CPU level has. A level inherits what it has no better kernel for.

#include "bits_private.h"

#define SLICES(level)                                                                              \
    {                                                                                              \
        bits_slice8_##level, bits_slice16_##level, bits_slice32_##level, bits_slice64_##level,     \
            bits_slice128_##level                                                                  \
    }
#define UNSLICES(level)                                                                            \
    {                                                                                              \
        bits_unslice8_##level, bits_unslice16_##level, bits_unslice32_##level,                     \
            bits_unslice64_##level, bits_unslice128_##level                                        \
    }
#define LANES(level, reverse_level)                                                                \
    .slice = SLICES(level), .unslice = UNSLICES(level), .tile_in = bits_tile_in_##level,           \
    .tile_out = bits_tile_out_##level, .transpose64 = bits_transpose64_##level,                    \
    .reverse = bits_reverse_##reverse_level
#define COMPACT(level, level16)                                                                    \
    .compact = {bits_compact1_##level, bits_compact2_##level, bits_compact4_##level,               \
                bits_compact8_##level, bits_compact16_##level16},                                  \
    .indices = bits_indices_##level, .count = bits_count_##level
#define EXPAND(level, level16)                                                                     \
    .expand = {bits_expand1_##level, bits_expand2_##level, bits_expand4_##level,                   \
               bits_expand8_##level, bits_expand16_##level16}

static const bl_bits level_c = {
    .level = BL_CPU_C, LANES(c, c), COMPACT(c, c), EXPAND(c, c), .match = bits_match_c};
#if defined(__x86_64__)
static const bl_bits level_avx2 = {
    .level = BL_CPU_AVX2, LANES(avx2, c), COMPACT(avx2, c), EXPAND(c, c), .match = bits_match_avx2};
static const bl_bits level_avx512 = {.level = BL_CPU_AVX512,
                                     LANES(avx512, avx512),
                                     .tile = bits_tile_avx512,
                                     COMPACT(avx512, avx512),
                                     EXPAND(avx512, c),
                                     .match = bits_match_avx512};
#elif defined(__aarch64__)
static const bl_bits level_neon = {
    .level = BL_CPU_NEON, LANES(neon, neon), COMPACT(c, c), EXPAND(c, c), .match = bits_match_c};
#endif

const bl_bits *bl_bits_get(bl_cpu level)
{
    if (!bl_cpu_is_supported(level))
        return NULL;
    switch (level) {
#if defined(__x86_64__)
    case BL_CPU_AVX2: return &level_avx2;
    case BL_CPU_AVX512: return &level_avx512;
#elif defined(__aarch64__)
    case BL_CPU_NEON: return &level_neon;
#endif
    default: return &level_c;
    }
}

const bl_bits *bl_bits_best(void) { return bl_bits_get(bl_cpu_best()); }
