// SPDX-License-Identifier: MIT
// Slicing records of any stride and count with kernels that know only whole, dense blocks: gaps
// are closed and short blocks filled up in a block of scratch on the stack (at most 4 KiB).

#include "bits_private.h"

#include <assert.h>
#include <string.h>

static size_t width_index(size_t width_bits)
{
    assert(width_bits == 8 || width_bits == 16 || width_bits == 32 || width_bits == 64);
    return width_bits == 8 ? 0 : width_bits == 16 ? 1 : width_bits == 32 ? 2 : 3;
}

// memcpy with a constant size becomes one move.
#define COPY_ROWS(dst, dst_stride, src, src_stride, n, bytes)                                      \
    for (size_t r_ = 0; r_ < (n); r_++)                                                            \
    memcpy((dst) + r_ * (dst_stride), (src) + r_ * (src_stride), bytes)

static void gather(uint8_t *dst, const uint8_t *src, size_t stride, size_t n, size_t bytes)
{
    switch (bytes) {
    case 1: COPY_ROWS(dst, 1, src, stride, n, 1); break;
    case 2: COPY_ROWS(dst, 2, src, stride, n, 2); break;
    case 4: COPY_ROWS(dst, 4, src, stride, n, 4); break;
    default: COPY_ROWS(dst, 8, src, stride, n, 8); break;
    }
}

static void scatter(uint8_t *dst, size_t stride, const uint8_t *src, size_t n, size_t bytes)
{
    switch (bytes) {
    case 1: COPY_ROWS(dst, stride, src, 1, n, 1); break;
    case 2: COPY_ROWS(dst, stride, src, 2, n, 2); break;
    case 4: COPY_ROWS(dst, stride, src, 4, n, 4); break;
    default: COPY_ROWS(dst, stride, src, 8, n, 8); break;
    }
}

void bl_slice(const bl_bits *bits, bl_plane *planes, const void *records, size_t stride,
              size_t n_records, size_t width_bits)
{
    size_t w = width_index(width_bits), bytes = width_bits / 8, done = 0;
    assert(bits && stride >= bytes && (planes || n_records == 0));
    const uint8_t *at = records;
    if (stride == bytes) {
        size_t n_blocks = n_records / BL_LANES;
        bits->slice[w](planes, at, n_blocks);
        done = n_blocks * BL_LANES;
    }
    for (; done < n_records; done += BL_LANES) {
        _Alignas(64) uint8_t block[BL_LANES * 8];
        size_t n = n_records - done < BL_LANES ? n_records - done : BL_LANES;
        gather(block, at + done * stride, stride, n, bytes);
        memset(block + n * bytes, 0, (BL_LANES - n) * bytes);
        bits->slice[w](planes + done / BL_LANES * width_bits, block, 1);
    }
}

void bl_unslice(const bl_bits *bits, void *records, size_t stride, const bl_plane *planes,
                size_t n_records, size_t width_bits)
{
    size_t w = width_index(width_bits), bytes = width_bits / 8, done = 0;
    assert(bits && stride >= bytes && (planes || n_records == 0));
    uint8_t *at = records;
    if (stride == bytes) {
        size_t n_blocks = n_records / BL_LANES;
        bits->unslice[w](at, planes, n_blocks);
        done = n_blocks * BL_LANES;
    }
    for (; done < n_records; done += BL_LANES) {
        _Alignas(64) uint8_t block[BL_LANES * 8];
        size_t n = n_records - done < BL_LANES ? n_records - done : BL_LANES;
        bits->unslice[w](block, planes + done / BL_LANES * width_bits, 1);
        scatter(at + done * stride, stride, block, n, bytes);
    }
}

const bl_bits *bl_bits_get(bl_cpu level)
{
    if (!bl_cpu_is_supported(level))
        return NULL;
    switch (level) {
#if defined(__x86_64__)
    case BL_CPU_AVX2: return &bits_avx2;
    case BL_CPU_AVX512: return &bits_avx512;
#endif
    default: return &bits_c; // neon has no kernels of its own yet and inherits these
    }
}

const bl_bits *bl_bits_best(void) { return bl_bits_get(bl_cpu_best()); }
