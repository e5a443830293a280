// SPDX-License-Identifier: MIT
#ifndef BITLOOM_BITS_SLICE_H
#define BITLOOM_BITS_SLICE_H

// One block of at most 512 records of any width, at any distance, a negative one too.

#include "bits_private.h"

// Lanes n and up become zero.
void bits_slice_block(const bl_bits *bits, bl_plane *planes, const uint8_t *records,
                      ptrdiff_t stride, size_t n, size_t width);
void bits_unslice_block(const bl_bits *bits, uint8_t *records, ptrdiff_t stride,
                        const bl_plane *planes, size_t n, size_t width);

// A whole tile without scratch; false, and nothing done, where the level has no kernel for that or
// the rows of dst would serve badly: across cache lines, or all in a few sets of L1.
bool bits_turn_tile(const bl_bits *bits, uint8_t *dst, ptrdiff_t dst_stride, const uint8_t *src,
                    ptrdiff_t src_stride);

#endif
