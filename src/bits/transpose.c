// SPDX-License-Identifier: MIT
// Transposes of any size, in tiles of 512 rows x 64 columns. A tile is 512 records of 64 bits, so
// the slicing kernel of the level does the work:
//
//     512 rows x 8 bytes  -- gather -->  4 KiB  -- slice -->  64 planes  -- copy -->  64 rows
//
// Eight tiles side by side use the same 64-byte lines of src, so tiles go along the rows first.
// Edges: missing rows are zero records, missing bytes zero bytes; only what exists is copied out.

#include "bits_private.h"

#include <assert.h>
#include <string.h>

enum { TILE_ROWS = BL_LANES, TILE_COLS = 64, TILE_BYTES = TILE_COLS / 8, WIDTH_64 = 3 };

typedef struct tile {
    size_t n_rows, n_cols; // that exist
    const uint8_t *src;
    uint8_t *dst;
    ptrdiff_t src_stride, dst_stride;
} tile;

static void gather(uint8_t *records, const tile *t)
{
    size_t bytes = (t->n_cols + 7) / 8;
    const uint8_t *row = t->src;
    if (bytes == TILE_BYTES)
        for (size_t r = 0; r < t->n_rows; r++, row += t->src_stride)
            memcpy(records + r * TILE_BYTES, row, TILE_BYTES); // one move
    else {
        memset(records, 0, t->n_rows * TILE_BYTES);
        for (size_t r = 0; r < t->n_rows; r++, row += t->src_stride)
            memcpy(records + r * TILE_BYTES, row, bytes);
    }
    memset(records + t->n_rows * TILE_BYTES, 0, (TILE_ROWS - t->n_rows) * TILE_BYTES);
}

static void scatter(const tile *t, const bl_plane *planes)
{
    size_t bytes = (t->n_rows + 7) / 8;
    uint8_t *row = t->dst;
    if (bytes == sizeof *planes)
        for (size_t c = 0; c < t->n_cols; c++, row += t->dst_stride)
            memcpy(row, &planes[c], sizeof *planes); // a few moves, no call
    else
        for (size_t c = 0; c < t->n_cols; c++, row += t->dst_stride)
            memcpy(row, &planes[c], bytes);
}

void bl_transpose(const bl_bits *bits, void *dst, ptrdiff_t dst_stride, const void *src,
                  ptrdiff_t src_stride, size_t rows, size_t cols)
{
    assert(bits && ((dst && src) || rows == 0 || cols == 0));
    _Alignas(64) uint8_t records[TILE_ROWS * TILE_BYTES];
    bl_plane planes[TILE_COLS];
    for (size_t r = 0; r < rows; r += TILE_ROWS)
        for (size_t c = 0; c < cols; c += TILE_COLS) {
            tile t = {.n_rows = rows - r < TILE_ROWS ? rows - r : TILE_ROWS,
                      .n_cols = cols - c < TILE_COLS ? cols - c : TILE_COLS,
                      .src = (const uint8_t *)src + (ptrdiff_t)r * src_stride + c / 8,
                      .dst = (uint8_t *)dst + (ptrdiff_t)c * dst_stride + r / 8,
                      .src_stride = src_stride,
                      .dst_stride = dst_stride};
            gather(records, &t);
            bits->slice[WIDTH_64](planes, records, 1);
            scatter(&t, planes);
        }
}
