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

extern const bl_bits bits_c, bits_avx2, bits_avx512;

#endif
