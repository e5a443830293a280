// SPDX-License-Identifier: MIT
// The reference: bit by bit, the specification of every other level.

#include "bits_private.h"

#include <string.h>

static void slice(bl_plane *planes, const uint8_t *records, size_t n_blocks, size_t n_bytes)
{
    size_t width = 8 * n_bytes;
    memset(planes, 0, n_blocks * width * sizeof *planes);
    for (size_t r = 0; r < n_blocks * BL_LANES; r++)
        for (size_t k = 0; k < width; k++) {
            uint64_t bit = records[r * width / 8 + k / 8] >> k % 8 & 1;
            size_t lane = r % BL_LANES;
            planes[r / BL_LANES * width + k].word[lane / 64] |= bit << lane % 64;
        }
}

static void unslice(uint8_t *records, const bl_plane *planes, size_t n_blocks, size_t n_bytes)
{
    size_t width = 8 * n_bytes;
    memset(records, 0, n_blocks * BL_LANES * width / 8);
    for (size_t r = 0; r < n_blocks * BL_LANES; r++)
        for (size_t k = 0; k < width; k++)
            if (bl_lane_get(&planes[r / BL_LANES * width + k], r % BL_LANES))
                records[r * width / 8 + k / 8] |= (uint8_t)(1u << k % 8);
}

BITS_TABLE(bits_c, BL_CPU_C)
