// SPDX-License-Identifier: MIT
// Slicing records of any width, stride and count with kernels that know whole blocks without gaps:
//
//     8, 16, 32, 64, 128 bits, no gaps   the kernel of that width, block by block
//     up to 128 bits                     filled up to the next such width in a block of scratch
//     wider                              512 records x 512 bits, a tile: each record is read once

#include "slice.h"

#include <assert.h>
#include <string.h>

typedef struct dense_block { // records without gaps, at most 16 bytes each
    _Alignas(64) uint8_t bytes[BL_LANES * 16];
} dense_block;

// The kernel for records of up to 16 bytes: their size becomes 1 << index.
static size_t width_index(size_t n_bytes)
{
    size_t index = 0;
    while ((size_t)1 << index < n_bytes)
        index++;
    assert(index < N_WIDTHS);
    return index;
}

// memcpy with a constant size becomes one or two moves.
#define COPY_RECORDS(dst, dst_stride, src, src_stride, n, bytes)                                   \
    for (size_t r_ = 0; r_ < (n); r_++, dst += dst_stride, src += src_stride)                      \
    memcpy(dst, src, bytes)

// Bytes from afar, eight to a word: single bytes stored would make the kernel's wide loads wait.
static void gather_bytes(uint8_t *dst, const uint8_t *src, ptrdiff_t stride, size_t n)
{
    for (; n >= 8; n -= 8, dst += 8) {
        uint64_t x = 0;
#pragma GCC unroll 8
        for (int i = 0; i < 8; i++, src += stride)
            x |= (uint64_t)*src << 8 * i;
        memcpy(dst, &x, sizeof x);
    }
    for (; n > 0; n--, src += stride)
        *dst++ = *src;
}

static void copy_records(uint8_t *dst, ptrdiff_t dst_stride, const uint8_t *src,
                         ptrdiff_t src_stride, size_t n, size_t bytes)
{
    switch (bytes) {
    case 1: COPY_RECORDS(dst, dst_stride, src, src_stride, n, 1); break;
    case 2: COPY_RECORDS(dst, dst_stride, src, src_stride, n, 2); break;
    case 4: COPY_RECORDS(dst, dst_stride, src, src_stride, n, 4); break;
    case 8: COPY_RECORDS(dst, dst_stride, src, src_stride, n, 8); break;
    case 16: COPY_RECORDS(dst, dst_stride, src, src_stride, n, 16); break;
    default: COPY_RECORDS(dst, dst_stride, src, src_stride, n, bytes); break;
    }
}

static void slice_narrow(const bl_bits *bits, bl_plane *planes, const uint8_t *records,
                         ptrdiff_t stride, size_t n, size_t width)
{
    size_t bytes = (width + 7) / 8, index = width_index(bytes), filled = (size_t)1 << index;
    dense_block block;
    if (n < BL_LANES || bytes < filled)
        memset(block.bytes, 0, BL_LANES * filled);
    if (bytes == 1)
        gather_bytes(block.bytes, records, stride, n);
    else
        copy_records(block.bytes, (ptrdiff_t)filled, records, stride, n, bytes);
    if (width == 8 * filled) {
        bits->slice[index](planes, block.bytes, 1);
        return;
    }
    bl_plane all[128];
    bits->slice[index](all, block.bytes, 1);
    memcpy(planes, all, width * sizeof *planes);
}

static void unslice_narrow(const bl_bits *bits, uint8_t *records, ptrdiff_t stride,
                           const bl_plane *planes, size_t n, size_t width)
{
    size_t bytes = (width + 7) / 8, index = width_index(bytes), filled = (size_t)1 << index;
    dense_block block;
    bl_plane all[128];
    if (width < 8 * filled) {
        memcpy(all, planes, width * sizeof *planes);
        memset(&all[width], 0, (8 * filled - width) * sizeof *planes);
        planes = all;
    }
    bits->unslice[index](block.bytes, planes, 1);
    const uint8_t *from = block.bytes;
    copy_records(records, stride, from, (ptrdiff_t)filled, n, bytes);
}

bool bits_turn_tile(const bl_bits *bits, uint8_t *dst, ptrdiff_t dst_stride, const uint8_t *src,
                    ptrdiff_t src_stride)
{
    bool is_aligned = ((uintptr_t)dst | (uintptr_t)dst_stride) % 64 == 0;
    if (!bits->tile || (dst_stride != 64 && (!is_aligned || dst_stride % 512 == 0)))
        return false;
    bits->tile(dst, dst_stride, src, src_stride);
    return true;
}

static void slice_wide(const bl_bits *bits, bl_plane *planes, const uint8_t *records,
                       ptrdiff_t stride, size_t n, size_t width)
{
    bl_plane scratch[BITS_TILE_LINES];
    for (size_t at = 0; at < width; at += BL_LANES) {
        size_t n_cols = width - at < BL_LANES ? width - at : BL_LANES;
        if (n == BL_LANES && n_cols == BL_LANES
            && bits_turn_tile(bits, (uint8_t *)(planes + at), sizeof *planes, records + at / 8,
                              stride))
            continue;
        bits->tile_in(scratch, records + at / 8, stride, n, n_cols);
        bits->tile_out((uint8_t *)(planes + at), sizeof *planes, scratch, 0, BL_LANES, n_cols,
                       false);
    }
}

static void unslice_wide(const bl_bits *bits, uint8_t *records, ptrdiff_t stride,
                         const bl_plane *planes, size_t n, size_t width)
{
    bl_plane scratch[BITS_TILE_LINES];
    for (size_t at = 0; at < width; at += BL_LANES) {
        size_t n_rows = width - at < BL_LANES ? width - at : BL_LANES;
        if (n == BL_LANES && n_rows == BL_LANES
            && bits_turn_tile(bits, records + at / 8, stride, (const uint8_t *)(planes + at),
                              sizeof *planes))
            continue;
        bits->tile_in(scratch, (const uint8_t *)(planes + at), sizeof *planes, n_rows, n);
        bits->tile_out(records + at / 8, stride, scratch, 0, n_rows, n, false);
    }
}

void bits_slice_block(const bl_bits *bits, bl_plane *planes, const uint8_t *records,
                      ptrdiff_t stride, size_t n, size_t width)
{
    assert(n <= BL_LANES);
    if (n == 0)
        memset(planes, 0, width * sizeof *planes);
    else if (width <= 128)
        slice_narrow(bits, planes, records, stride, n, width);
    else
        slice_wide(bits, planes, records, stride, n, width);
}

void bits_unslice_block(const bl_bits *bits, uint8_t *records, ptrdiff_t stride,
                        const bl_plane *planes, size_t n, size_t width)
{
    assert(n <= BL_LANES);
    if (width <= 128)
        unslice_narrow(bits, records, stride, planes, n, width);
    else
        unslice_wide(bits, records, stride, planes, n, width);
}

static bool is_dense(size_t stride, size_t width)
{
    return 8 * stride == width && width <= 128 && (width & (width - 1)) == 0;
}

void bl_slice(const bl_bits *bits, bl_plane *planes, const void *records, size_t stride,
              size_t n_records, size_t width)
{
    assert(bits && width >= 1 && stride >= (width + 7) / 8);
    assert((planes && records) || n_records == 0);
    const uint8_t *at = records;
    size_t done = 0;
    if (is_dense(stride, width)) {
        bits->slice[width_index(stride)](planes, at, n_records / BL_LANES);
        done = n_records / BL_LANES * BL_LANES;
    }
    for (; done < n_records; done += BL_LANES)
        bits_slice_block(bits, planes + done / BL_LANES * width, at + done * stride,
                         (ptrdiff_t)stride,
                         n_records - done < BL_LANES ? n_records - done : BL_LANES, width);
}

void bl_unslice(const bl_bits *bits, void *records, size_t stride, const bl_plane *planes,
                size_t n_records, size_t width)
{
    assert(bits && width >= 1 && stride >= (width + 7) / 8);
    assert((planes && records) || n_records == 0);
    uint8_t *at = records;
    size_t done = 0;
    if (is_dense(stride, width)) {
        bits->unslice[width_index(stride)](at, planes, n_records / BL_LANES);
        done = n_records / BL_LANES * BL_LANES;
    }
    for (; done < n_records; done += BL_LANES)
        bits_unslice_block(bits, at + done * stride, (ptrdiff_t)stride,
                           planes + done / BL_LANES * width,
                           n_records - done < BL_LANES ? n_records - done : BL_LANES, width);
}
