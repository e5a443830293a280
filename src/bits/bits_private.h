// SPDX-License-Identifier: MIT
#ifndef BITLOOM_BITS_PRIVATE_H
#define BITLOOM_BITS_PRIVATE_H

#include <bitloom/bits.h>

enum { N_WIDTHS = 4 }; // 8, 16, 32, 64 bits

// n_blocks whole blocks of 512 records without gaps; width / 8 * 512 bytes each, any alignment.
typedef void slice_kernel(bl_plane *planes, const uint8_t *records, size_t n_blocks);
typedef void unslice_kernel(uint8_t *records, const bl_plane *planes, size_t n_blocks);

struct bl_bits {
    bl_cpu level;
    slice_kernel *slice[N_WIDTHS];
    unslice_kernel *unslice[N_WIDTHS];
};

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
        level, {slice8, slice16, slice32, slice64}, {unslice8, unslice16, unslice32, unslice64}};

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
