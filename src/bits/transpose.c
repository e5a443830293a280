// SPDX-License-Identifier: MIT
// Transposes of any size. Four ways, by shape:
//
//     small      up to twelve blocks of 64 x 64: a block is 64 words, loaded, transposed, stored;
//                8 x 8 bits are one word
//     thin       up to 128 columns: 512 rows are a block of records to slice; up to 128 rows: the
//                reverse
//     tiles      of 512 x 512 bits, one after the other, whole ones in the result itself where that
//                lies well, others through 34 KiB of scratch
//     panels     of 32 x 4 tiles from 8 MiB on: four lines of each row of src are read together, 32
//                lines of each row of dst written together, past the caches. Memory likes long
//                runs: 8 x 2 tiles, whose scratch fits into L2, are a third slower than these,
//                whose 4.3 MiB do not.

#include "slice.h"

#include <assert.h>
#include <string.h>

enum {
    BLOCK = 64,
    MAX_SMALL_BLOCKS = 12,
    MAX_THIN = 128,
    PANEL_ROWS = 32, // tiles
    PANEL_COLS = 4,
};
static const size_t THREADS_BYTES = 512 << 10; // results from here on are shared by the threads
static const size_t PANEL_BYTES = 8 << 20;     // and from here on go by panels

typedef struct matrix_pair {
    const bl_bits *bits;
    uint8_t *dst;
    const uint8_t *src;
    ptrdiff_t dst_stride, src_stride;
    size_t rows, cols; // of src
} matrix_pair;

static size_t least(size_t a, size_t b) { return a < b ? a : b; }
static size_t pieces(size_t n, size_t of) { return (n + of - 1) / of; }

static const uint8_t *src_at(const matrix_pair *m, size_t row, size_t col)
{
    return m->src + (ptrdiff_t)row * m->src_stride + col / 8;
}
static uint8_t *dst_at(const matrix_pair *m, size_t row, size_t col)
{
    return m->dst + (ptrdiff_t)row * m->dst_stride + col / 8;
}

// ------------------------------------------------------------------------------------- small

// 1..8 bytes, no others touched: two moves that may overlap.
static uint64_t load_bytes(const uint8_t *p, size_t n)
{
    uint64_t x = 0;
    if (n == 8)
        memcpy(&x, p, 8);
    else if (n >= 4) {
        uint32_t low, high;
        memcpy(&low, p, 4);
        memcpy(&high, p + n - 4, 4);
        x = low | (uint64_t)high << (8 * n - 32);
    } else if (n >= 2) {
        uint16_t low, high;
        memcpy(&low, p, 2);
        memcpy(&high, p + n - 2, 2);
        x = low | (uint64_t)high << (8 * n - 16);
    } else
        x = *p;
    return x;
}

static void store_bytes(uint8_t *p, uint64_t x, size_t n)
{
    if (n == 8)
        memcpy(p, &x, 8);
    else if (n >= 4) {
        uint32_t low = (uint32_t)x, high = (uint32_t)(x >> (8 * n - 32));
        memcpy(p, &low, 4);
        memcpy(p + n - 4, &high, 4);
    } else if (n >= 2) {
        uint16_t low = (uint16_t)x, high = (uint16_t)(x >> (8 * n - 16));
        memcpy(p, &low, 2);
        memcpy(p + n - 2, &high, 2);
    } else
        *p = (uint8_t)x;
}

// Up to 8 x 8 bits: byte i of the word is row i (Hacker's Delight 7-3).
static void transpose_word(const matrix_pair *m)
{
    uint64_t x = 0, t;
    const uint8_t *from = m->src;
    for (size_t i = 0; i < m->rows; i++, from += m->src_stride)
        x |= (uint64_t)*from << 8 * i;
    t = (x ^ x >> 7) & UINT64_C(0x00AA00AA00AA00AA);
    x ^= t ^ t << 7;
    t = (x ^ x >> 14) & UINT64_C(0x0000CCCC0000CCCC);
    x ^= t ^ t << 14;
    t = (x ^ x >> 28) & UINT64_C(0x00000000F0F0F0F0);
    x ^= t ^ t << 28;
    uint8_t *to = m->dst;
    for (size_t i = 0; i < m->cols; i++, to += m->dst_stride)
        *to = (uint8_t)(x >> 8 * i);
}

// Up to 64 x 64 bits; rows of src that do not exist are zero.
static void transpose_block(const matrix_pair *m, size_t row, size_t col)
{
    _Alignas(64) uint64_t block[BLOCK];
    size_t n_rows = least(m->rows - row, BLOCK), n_cols = least(m->cols - col, BLOCK);
    size_t src_bytes = (n_cols + 7) / 8, dst_bytes = (n_rows + 7) / 8;
    const uint8_t *from = src_at(m, row, col);
    for (size_t i = 0; i < n_rows; i++, from += m->src_stride)
        block[i] = load_bytes(from, src_bytes);
    memset(&block[n_rows], 0, (BLOCK - n_rows) * sizeof *block);
    m->bits->transpose64(block, block, 1);
    uint8_t *to = dst_at(m, col, row);
    for (size_t i = 0; i < n_cols; i++, to += m->dst_stride)
        store_bytes(to, block[i], dst_bytes);
}

static void transpose_small(const matrix_pair *m)
{
    for (size_t row = 0; row < m->rows; row += BLOCK)
        for (size_t col = 0; col < m->cols; col += BLOCK)
            transpose_block(m, row, col);
}

// -------------------------------------------------------------------------------------- thin
// Both walk from block `first` to before `end` of 512 rows or columns.

static void transpose_few_cols(const matrix_pair *m, size_t first, size_t end)
{
    bl_plane planes[MAX_THIN];
    for (size_t row = first * BL_LANES; row < least(end * BL_LANES, m->rows); row += BL_LANES) {
        size_t n = least(m->rows - row, BL_LANES), bytes = (n + 7) / 8;
        bits_slice_block(m->bits, planes, src_at(m, row, 0), m->src_stride, n, m->cols);
        uint8_t *to = dst_at(m, 0, row);
        if (bytes == sizeof *planes)
            for (size_t i = 0; i < m->cols; i++, to += m->dst_stride)
                memcpy(to, &planes[i], sizeof *planes); // a few moves, no call
        else
            for (size_t i = 0; i < m->cols; i++, to += m->dst_stride)
                memcpy(to, &planes[i], bytes);
    }
}

static void transpose_few_rows(const matrix_pair *m, size_t first, size_t end)
{
    bl_plane planes[MAX_THIN];
    for (size_t col = first * BL_LANES; col < least(end * BL_LANES, m->cols); col += BL_LANES) {
        size_t n = least(m->cols - col, BL_LANES), bytes = (n + 7) / 8;
        const uint8_t *from = src_at(m, 0, col);
        if (bytes == sizeof *planes)
            for (size_t i = 0; i < m->rows; i++, from += m->src_stride)
                memcpy(&planes[i], from, sizeof *planes);
        else
            for (size_t i = 0; i < m->rows; i++, from += m->src_stride)
                memcpy(&planes[i], from, bytes); // lanes behind n are not looked at
        bits_unslice_block(m->bits, dst_at(m, col, 0), m->dst_stride, planes, n, m->rows);
    }
}

// ----------------------------------------------------------------------------- tiles, panels

typedef struct panels {
    matrix_pair m;
    size_t panel_rows, panel_cols; // bits
    size_t n_across, n_panels;
    size_t n_tasks;
    bool is_streamed;
} panels;

static void transpose_panel(const panels *p, size_t index, bl_plane *scratch)
{
    const matrix_pair *m = &p->m;
    size_t row = index / p->n_across * p->panel_rows, col = index % p->n_across * p->panel_cols;
    size_t n_rows = least(m->rows - row, p->panel_rows),
           n_cols = least(m->cols - col, p->panel_cols);
    size_t n_wide = pieces(n_cols, BL_LANES), step = n_wide * BITS_TILE_LINES;
    if (!p->is_streamed && n_rows == BL_LANES && n_cols == BL_LANES
        && bits_turn_tile(m->bits, dst_at(m, col, row), m->dst_stride, src_at(m, row, col),
                          m->src_stride))
        return;
    for (size_t r = 0; r < n_rows; r += BL_LANES)
        m->bits->tile_in(scratch + r / BL_LANES * step, src_at(m, row + r, col), m->src_stride,
                         least(n_rows - r, BL_LANES), n_cols);
    for (size_t c = 0; c < n_cols; c += BL_LANES)
        m->bits->tile_out(dst_at(m, col + c, row), m->dst_stride,
                          scratch + c / BL_LANES * BITS_TILE_LINES, step, n_rows,
                          least(n_cols - c, BL_LANES), p->is_streamed);
}

// Task i of n does its share of the panels; without memory for a panel's scratch, tile by tile.
static void run_panels(void *context, size_t task)
{
    panels p = *(const panels *)context;
    size_t first = task * p.n_panels / p.n_tasks, end = (task + 1) * p.n_panels / p.n_tasks;
    size_t n_lines = p.panel_rows / BL_LANES * (p.panel_cols / BL_LANES) * BITS_TILE_LINES;
    bl_plane tile[BITS_TILE_LINES], *scratch = tile;
    if (n_lines > BITS_TILE_LINES)
        scratch = bl_resize(NULL, NULL, 0, n_lines * sizeof *scratch);
    for (size_t i = first; scratch && i < end; i++)
        transpose_panel(&p, i, scratch);
    if (scratch && scratch != tile)
        bl_free(NULL, scratch, n_lines * sizeof *scratch);
    for (size_t i = first; !scratch && i < end; i++) {
        panels one = p;
        one.m.src = src_at(&p.m, i / p.n_across * p.panel_rows, i % p.n_across * p.panel_cols);
        one.m.dst = dst_at(&p.m, i % p.n_across * p.panel_cols, i / p.n_across * p.panel_rows);
        one.m.rows = least(p.m.rows - i / p.n_across * p.panel_rows, p.panel_rows);
        one.m.cols = least(p.m.cols - i % p.n_across * p.panel_cols, p.panel_cols);
        one.panel_rows = one.panel_cols = BL_LANES;
        one.n_across = pieces(one.m.cols, BL_LANES);
        for (size_t k = 0; k < one.n_across * pieces(one.m.rows, BL_LANES); k++)
            transpose_panel(&one, k, tile);
    }
}

static void run_few_cols(void *context, size_t task)
{
    const panels *p = context;
    transpose_few_cols(&p->m, task * p->n_panels / p->n_tasks,
                       (task + 1) * p->n_panels / p->n_tasks);
}
static void run_few_rows(void *context, size_t task)
{
    const panels *p = context;
    transpose_few_rows(&p->m, task * p->n_panels / p->n_tasks,
                       (task + 1) * p->n_panels / p->n_tasks);
}

static void transpose_large(const matrix_pair *m, bl_pool *pool)
{
    panels p = {.m = *m};
    size_t rows = m->rows, cols = m->cols;
    size_t row_tiles = pieces(rows, BL_LANES), col_tiles = pieces(cols, BL_LANES);
    size_t bytes = cols * ((rows + 7) / 8);
    p.n_tasks = bytes >= THREADS_BYTES ? bl_pool_n_threads(pool) : 1;
    if (cols <= MAX_THIN || rows <= MAX_THIN) {
        p.n_panels = cols <= MAX_THIN ? row_tiles : col_tiles;
        bl_pool_for(pool, p.n_tasks, cols <= MAX_THIN ? run_few_cols : run_few_rows, &p);
        return;
    }
    p.is_streamed = bytes >= PANEL_BYTES;
    p.panel_rows = p.is_streamed ? least(PANEL_ROWS, row_tiles) * BL_LANES : BL_LANES;
    p.panel_cols = p.is_streamed ? least(PANEL_COLS, col_tiles) * BL_LANES : BL_LANES;
    p.n_across = pieces(cols, p.panel_cols);
    p.n_panels = p.n_across * pieces(rows, p.panel_rows);
    bl_pool_for(pool, p.n_tasks, run_panels, &p);
}

void bl_transpose(const bl_bits *bits, void *dst, ptrdiff_t dst_stride, const void *src,
                  ptrdiff_t src_stride, size_t rows, size_t cols, bl_pool *pool)
{
    assert(bits && ((dst && src) || rows == 0 || cols == 0));
    matrix_pair m = {.bits = bits,
                     .dst = dst,
                     .src = src,
                     .dst_stride = dst_stride,
                     .src_stride = src_stride,
                     .rows = rows,
                     .cols = cols};
    if (rows == 0 || cols == 0)
        return;
    if (rows <= 8 && cols <= 8)
        transpose_word(&m);
    else if (pieces(rows, BLOCK) * pieces(cols, BLOCK) <= MAX_SMALL_BLOCKS)
        transpose_small(&m);
    else
        transpose_large(&m, pool);
}

// ----------------------------------------------------------------------------- other squares

void bl_transpose_in_place(const bl_bits *bits, void *matrix, ptrdiff_t stride, size_t n)
{
    assert(bits && (matrix || n == 0));
    matrix_pair m = {.bits = bits,
                     .dst = matrix,
                     .src = matrix,
                     .dst_stride = stride,
                     .src_stride = stride,
                     .rows = n,
                     .cols = n};
    if (n > 0 && n <= BLOCK) {
        transpose_block(&m, 0, 0);
        return;
    }
    bl_plane upper[BITS_TILE_LINES], lower[BITS_TILE_LINES];
    for (size_t i = 0; i < n; i += BL_LANES)
        for (size_t j = i; j < n; j += BL_LANES) {
            size_t n_rows = least(n - i, BL_LANES), n_cols = least(n - j, BL_LANES);
            bits->tile_in(upper, src_at(&m, i, j), stride, n_rows, n_cols);
            if (i != j) {
                bits->tile_in(lower, src_at(&m, j, i), stride, n_cols, n_rows);
                bits->tile_out(dst_at(&m, i, j), stride, lower, 0, n_cols, n_rows, false);
            }
            bits->tile_out(dst_at(&m, j, i), stride, upper, 0, n_rows, n_cols, false);
        }
}

void bl_transpose64(const bl_bits *bits, uint64_t *dst, const uint64_t *src, size_t n_blocks)
{
    assert(bits && ((dst && src) || n_blocks == 0));
    bits->transpose64(dst, src, n_blocks);
}

void bl_reverse_bits(const bl_bits *bits, uint8_t *dst, const uint8_t *src, size_t n_bytes)
{
    assert(bits && ((dst && src) || n_bytes == 0));
    bits->reverse(dst, src, n_bytes);
}

size_t bl_matrix_stride(size_t cols)
{
    size_t bytes = (cols + 7) / 8, narrow = 1, lines = pieces(bytes, 64);
    while (narrow < bytes && narrow < 64)
        narrow *= 2;
    return bytes <= 32 ? narrow : 64 * (lines >= 32 ? lines | 1 : lines);
}
