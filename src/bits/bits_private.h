// SPDX-License-Identifier: MIT
#ifndef BITLOOM_BITS_PRIVATE_H
#define BITLOOM_BITS_PRIVATE_H

// The kernels that a CPU level may have. src/bits/levels.c says who has which.

#include <bitloom/bits.h>

enum {
    N_WIDTHS = 5,              // 8, 16, 32, 64, 128 bits
    N_SIZES = 5,               // 1, 2, 4, 8, 16 bytes
    BITS_TILE_LINES = 32 * 17, // scratch of a tile, 64 bytes each
};

// n_blocks whole blocks of 512 records without gaps; width / 8 * 512 bytes each. Planes and records
// may lie at any address: a matrix of the right shape is taken for planes.
typedef void slice_kernel(bl_plane *planes, const uint8_t *records, size_t n_blocks);
typedef void unslice_kernel(uint8_t *records, const bl_plane *planes, size_t n_blocks);

// A tile of 512 x 512 bits goes through scratch of BITS_TILE_LINES lines, whose layout is the
// level's own. tile_in reads n_rows (at most 512) x n_cols bits: (n_cols + 511) / 512 tiles side by
// side into scratch[0], scratch[BITS_TILE_LINES] ... What does not exist is zero. tile_out writes
// n_cols (at most 512) rows of n_rows bits: (n_rows + 511) / 512 tiles, scratch_step lines apart;
// exactly (n_rows + 7) / 8 bytes of each row. is_streamed: past the caches, where that is possible.
typedef void tile_in_kernel(bl_plane *scratch, const uint8_t *src, ptrdiff_t stride, size_t n_rows,
                            size_t n_cols);
typedef void tile_out_kernel(uint8_t *dst, ptrdiff_t stride, const bl_plane *scratch,
                             size_t scratch_step, size_t n_rows, size_t n_cols, bool is_streamed);
// A whole tile, its result serving as the scratch; src and dst do not overlap.
typedef void tile_kernel(uint8_t *dst, ptrdiff_t dst_stride, const uint8_t *src,
                         ptrdiff_t src_stride);

typedef void transpose64_kernel(uint64_t *dst, const uint64_t *src, size_t n_blocks);
typedef void reverse_kernel(uint8_t *dst, const uint8_t *src, size_t n_bytes);

// Selections over n_words whole words of 64 records each; return how many records moved. A compact
// kernel may be given dst = src; it may write all of dst[0 .. 64 * n_words) records.
typedef size_t compact_kernel(uint8_t *dst, const uint8_t *src, const uint64_t *keep,
                              size_t n_words);
typedef size_t expand_kernel(uint8_t *dst, const uint8_t *src, const uint64_t *where,
                             size_t n_words);
typedef size_t indices_kernel(uint32_t *dst, uint32_t first, const uint64_t *keep, size_t n_words);
typedef size_t count_kernel(const uint64_t *words, size_t n_words);

// n_blocks whole blocks of 64 bytes; found[n_wanted * b + k] is the word of wanted[k] in block b.
typedef void match_kernel(uint64_t *found, const uint8_t *text, size_t n_blocks,
                          const uint8_t *wanted, size_t n_wanted);

struct bl_bits {
    bl_cpu level;
    slice_kernel *slice[N_WIDTHS];
    unslice_kernel *unslice[N_WIDTHS];
    tile_in_kernel *tile_in;
    tile_out_kernel *tile_out;
    tile_kernel *tile; // NULL: there is none, and the two above do it
    transpose64_kernel *transpose64;
    reverse_kernel *reverse;
    compact_kernel *compact[N_SIZES];
    expand_kernel *expand[N_SIZES];
    indices_kernel *indices;
    count_kernel *count;
    match_kernel *match;
};

#define BITS_LANES_KERNELS(level)                                                                  \
    slice_kernel bits_slice8_##level, bits_slice16_##level, bits_slice32_##level,                  \
        bits_slice64_##level, bits_slice128_##level;                                               \
    unslice_kernel bits_unslice8_##level, bits_unslice16_##level, bits_unslice32_##level,          \
        bits_unslice64_##level, bits_unslice128_##level;                                           \
    tile_in_kernel bits_tile_in_##level;                                                           \
    tile_out_kernel bits_tile_out_##level;                                                         \
    transpose64_kernel bits_transpose64_##level;                                                   \
    reverse_kernel bits_reverse_##level;
#define BITS_COMPACT_KERNELS(level)                                                                \
    compact_kernel bits_compact1_##level, bits_compact2_##level, bits_compact4_##level,            \
        bits_compact8_##level, bits_compact16_##level;                                             \
    expand_kernel bits_expand1_##level, bits_expand2_##level, bits_expand4_##level,                \
        bits_expand8_##level, bits_expand16_##level;                                               \
    indices_kernel bits_indices_##level;                                                           \
    count_kernel bits_count_##level;

BITS_LANES_KERNELS(c)
BITS_LANES_KERNELS(avx2)
BITS_LANES_KERNELS(avx512)
BITS_LANES_KERNELS(neon)
tile_kernel bits_tile_avx512;
BITS_COMPACT_KERNELS(c)
BITS_COMPACT_KERNELS(avx2)
BITS_COMPACT_KERNELS(avx512)
match_kernel bits_match_c, bits_match_avx2, bits_match_avx512;

#endif
