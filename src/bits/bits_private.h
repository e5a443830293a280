// SPDX-License-Identifier: MIT
#ifndef BITLOOM_BITS_PRIVATE_H
#define BITLOOM_BITS_PRIVATE_H

#include <bitloom/bits.h>

enum { N_WIDTHS = 4 }; // 8, 16, 32, 64 bits
enum { N_SIZES = 5 };  // 1, 2, 4, 8, 16 bytes

// n_blocks whole blocks of 512 records without gaps; width / 8 * 512 bytes each, any alignment.
typedef void slice_kernel(bl_plane *planes, const uint8_t *records, size_t n_blocks);
typedef void unslice_kernel(uint8_t *records, const bl_plane *planes, size_t n_blocks);

// Selections over n_words whole words of 64 records each; return how many records moved. A compact
// kernel may be given dst = src; it may write all of dst[0 .. 64 * n_words) records.
typedef size_t compact_kernel(uint8_t *dst, const uint8_t *src, const uint64_t *keep,
                              size_t n_words);
typedef size_t expand_kernel(uint8_t *dst, const uint8_t *src, const uint64_t *where,
                             size_t n_words);
typedef size_t indices_kernel(uint32_t *dst, uint32_t first, const uint64_t *keep, size_t n_words);
typedef size_t count_kernel(const uint64_t *words, size_t n_words);

struct bl_bits {
    bl_cpu level;
    slice_kernel *slice[N_WIDTHS];
    unslice_kernel *unslice[N_WIDTHS];
    compact_kernel *compact[N_SIZES];
    expand_kernel *expand[N_SIZES];
    indices_kernel *indices;
    count_kernel *count;
};

compact_kernel bits_compact1_c, bits_compact2_c, bits_compact4_c, bits_compact8_c, bits_compact16_c;
expand_kernel bits_expand1_c, bits_expand2_c, bits_expand4_c, bits_expand8_c, bits_expand16_c;
indices_kernel bits_indices_c;
count_kernel bits_count_c;

// The table of a level whose file defines slice(planes, records, n_blocks, n_bytes) and unslice:
// eight functions in which the record's size is a constant.
#define BITS_WIDTH(n)                                                                              \
    static void slice##n(bl_plane *planes, const uint8_t *records, size_t n_blocks)                \
    {                                                                                              \
        slice(planes, records, n_blocks, n / 8);                                                   \
    }                                                                                              \
    static void unslice##n(uint8_t *records, const bl_plane *planes, size_t n_blocks)              \
    {                                                                                              \
        unslice(records, planes, n_blocks, n / 8);                                                 \
    }
#define BITS_TABLE(table, level)                                                                   \
    BITS_WIDTH(8)                                                                                  \
    BITS_WIDTH(16)                                                                                 \
    BITS_WIDTH(32)                                                                                 \
    BITS_WIDTH(64)                                                                                 \
    const bl_bits table = {                                                                        \
        level,                                                                                     \
        {slice8, slice16, slice32, slice64},                                                       \
        {unslice8, unslice16, unslice32, unslice64},                                               \
        {bits_compact1_c, bits_compact2_c, bits_compact4_c, bits_compact8_c, bits_compact16_c},    \
        {bits_expand1_c, bits_expand2_c, bits_expand4_c, bits_expand8_c, bits_expand16_c},         \
        bits_indices_c,                                                                            \
        bits_count_c};

// The order in which a record's bytes leave a splitting network that takes even and odd bytes apart
// again and again: bit-reversed.
static inline __attribute__((always_inline)) int bits_split_order(int i, int n_bytes)
{
    return n_bytes == 8   ? (i & 1) * 4 + (i & 2) + (i >> 2 & 1)
           : n_bytes == 4 ? (i & 1) * 2 + (i >> 1)
                          : i;
}

extern const bl_bits bits_c, bits_avx2, bits_avx512;

#endif
