// SPDX-License-Identifier: MIT
#ifndef BITLOOM_BITS_H
#define BITLOOM_BITS_H

// The door between ordinary data and bit planes.
//
//     512 records of `width` bits                 `width` planes of 512 bits
//     record 0:  b7 b6 .. b1 b0                   plane 0:  b0 of record 511 .. record 1, record 0
//     record 1:  b7 b6 .. b1 b0     -- slice -->  plane 1:  b1 of record 511 .. record 1, record 0
//     ...                          <- unslice --  ...
//
//     uint32_t values[512];                       // lane i holds values[i]
//     bl_plane planes[32];
//     bl_slice(bl_bits_best(), planes, values, sizeof *values, 512, 32);
//
// Everywhere: LSB first; bit i of a plane, that is bit i % 8 of byte i / 8, is lane i.

#include <bitloom/base.h>

BL_BEGIN_DECLS

enum { BL_LANES = 512 }; // on every machine

// One bit of 512 lanes: one AVX-512 register, two AVX2, four NEON.
typedef struct bl_plane {
#ifdef __cplusplus
    alignas(64)
#else
    _Alignas(64)
#endif
        uint64_t word[BL_LANES / 64];
} bl_plane;

static inline bool bl_lane_get(const bl_plane *plane, size_t lane)
{
    return (plane->word[lane / 64] >> lane % 64 & 1) != 0;
}

static inline void bl_lane_set(bl_plane *plane, size_t lane, bool value)
{
    uint64_t bit = UINT64_C(1) << lane % 64;
    plane->word[lane / 64] = value ? plane->word[lane / 64] | bit : plane->word[lane / 64] & ~bit;
}

static inline void bl_plane_fill(bl_plane *plane, bool value)
{
    for (size_t i = 0; i < BL_LANES / 64; i++)
        plane->word[i] = value ? ~UINT64_C(0) : 0;
}

// The kernels of one CPU level. Static tables: nothing to free, any thread.
typedef struct bl_bits bl_bits;
BL_API const bl_bits *bl_bits_get(bl_cpu level); // NULL where the level is not supported
BL_API const bl_bits *bl_bits_best(void);

// ---------------------------------------------------------------------- records and planes

// Slices n_records records of width_bits (1 and up), which begin at any address and lie
// record_stride_bytes apart (at least (width_bits + 7) / 8). Block b, records 512 b and following,
// fills planes[b * width_bits ...]; lanes that a short last block lacks become zero. Reads the
// (width_bits + 7) / 8 bytes of each record, writes only the planes; they must not overlap. Cost:
// one pass. Records of 8, 16, 32, 64 and 128 bits without gaps take about the time of copying
// them, others some times that; most per record for less than 512 records.
BL_API void bl_slice(const bl_bits *bits, bl_plane *planes, const void *records,
                     size_t record_stride_bytes, size_t n_records, size_t width_bits);

// The reverse. Writes (width_bits + 7) / 8 bytes of each of n_records records and nothing
// between; the bits that the last byte of a record has too many become zero.
BL_API void bl_unslice(const bl_bits *bits, void *records, size_t record_stride_bytes,
                       const bl_plane *planes, size_t n_records, size_t width_bits);

// -------------------------------------------------------------------------------- matrices

// Transposes a matrix of rows x cols bits, any size, LSB first: row r lies at src + r * src_stride
// (bytes, may be negative), its column c is bit c % 8 of byte c / 8. dst gets cols rows of rows
// bits. Writes exactly (rows + 7) / 8 bytes of each row of dst, the last bits zero, and reads
// exactly (cols + 7) / 8 bytes of each row of src. src and dst must not overlap. 40 KiB of stack.
// Results of 8 MiB and more go by panels past the caches; each thread then takes up to 4.3 MiB of
// memory while it runs (and is slower where there is none). With a pool the threads share results
// of 512 KiB and more; pool NULL: the caller alone.
BL_API void bl_transpose(const bl_bits *bits, void *dst, ptrdiff_t dst_stride, const void *src,
                         ptrdiff_t src_stride, size_t rows, size_t cols, bl_pool *pool);

// The same for a square matrix of n x n bits in place. The bits behind column n - 1 in the last
// byte of a row become zero. 70 KiB of stack.
BL_API void bl_transpose_in_place(const bl_bits *bits, void *matrix, ptrdiff_t stride, size_t n);

// n_blocks matrices of 64 x 64 bits, one word a row. dst and src are equal or do not overlap.
BL_API void bl_transpose64(const bl_bits *bits, uint64_t *dst, const uint64_t *src,
                           size_t n_blocks);

// A good distance between the rows of a matrix with that many columns: a power of two up to 32
// bytes, then multiples of 64, odd ones from 2 KiB on, so that the rows of a tile do not compete
// for the same sets of the cache (bitloom bench bits).
BL_API size_t bl_matrix_stride(size_t cols);

// Bit k of each byte becomes bit 7 - k: for matrices and planes that count from the MSB. dst and
// src are equal or do not overlap.
BL_API void bl_reverse_bits(const bl_bits *bits, uint8_t *dst, const uint8_t *src, size_t n_bytes);

// ----------------------------------------------------------------------------- selections

// Here a run of planes says for each record whether it is meant: bit i of keep[i / 512] for
// record i. Bits at and behind n_records do not count.

// How many of the first n_records are set.
BL_API size_t bl_count_set(const bl_bits *bits, const bl_plane *keep, size_t n_records);

// Moves the records that `keep` names to the front of dst, in order, without gaps; returns how
// many. record_bytes is at least 1; 1, 2, 4, 8 and 16 are fast: a third of a cycle for a record of
// 8 bytes at any share. dst has room for n_records records; what lies there behind the kept ones is
// undefined. dst may be src (in place); otherwise they must not overlap.
BL_API size_t bl_compact(const bl_bits *bits, void *dst, const void *src, size_t record_bytes,
                         const bl_plane *keep, size_t n_records);

// The numbers first, first + 1, ... of the records that `keep` names; dst has room for n_records.
BL_API size_t bl_compact_indices(const bl_bits *bits, uint32_t *dst, uint32_t first,
                                 const bl_plane *keep, size_t n_records);

// The reverse of bl_compact: the records that `where` names are replaced by src[0], src[1], ... in
// order, the others stay; returns how many were replaced. Reads only so many of src. dst and src
// must not overlap. This is how lanes that are done get new work.
BL_API size_t bl_expand(const bl_bits *bits, void *dst, const void *src, size_t record_bytes,
                        const bl_plane *where, size_t n_records);

// Looks for n_wanted bytes in a text: bit i % 64 of found[i / 64 * n_wanted + k] says whether byte
// i is wanted[k]. Writes n_wanted words for each 64 bytes that have begun; bits behind the text are
// zero.
BL_API void bl_match(const bl_bits *bits, uint64_t *found, const void *text, size_t n_bytes,
                     const uint8_t *wanted, size_t n_wanted);

BL_END_DECLS
#endif
