// SPDX-License-Identifier: MIT
// Packed rows of any width to planes and back: pieces of 64, 32, 16 and 8 bits of each row go
// through the slicing kernels; a last piece of fewer than 8 bits goes through eight scratch planes.
//
//     a row of 93 bits:   | 64 bits | 16 | 8 | 5 |      12 bytes, 3 bits of the last one unused

#include <bitloom/record.h>

#include <assert.h>

typedef struct piece {
    size_t first_bit, width, n_bits; // n_bits of the width belong to the row
} piece;

static bool next_piece(piece *p, size_t width_bits)
{
    p->first_bit += p->n_bits;
    size_t left = width_bits - p->first_bit;
    p->width = left >= 64 ? 64 : left >= 32 ? 32 : left >= 16 ? 16 : 8;
    p->n_bits = left < p->width ? left : p->width;
    return left > 0;
}

void bl_rows_load(const bl_bits *bits, bl_plane *planes, const void *rows, size_t stride,
                  size_t n_rows, size_t width_bits)
{
    assert(bits && width_bits > 0 && stride >= (width_bits + 7) / 8);
    const uint8_t *at = rows;
    for (; n_rows > 0; planes += width_bits) {
        size_t n = n_rows < BL_LANES ? n_rows : BL_LANES;
        for (piece p = {0}; next_piece(&p, width_bits);) {
            bl_plane scratch[8], *to = planes + p.first_bit;
            bool is_whole = p.n_bits == p.width;
            bl_slice(bits, is_whole ? to : scratch, at + p.first_bit / 8, stride, n, p.width);
            if (!is_whole)
                memcpy(to, scratch, p.n_bits * sizeof *to);
        }
        at += n * stride;
        n_rows -= n;
    }
}

void bl_rows_store(const bl_bits *bits, void *rows, size_t stride, const bl_plane *planes,
                   size_t n_rows, size_t width_bits)
{
    assert(bits && width_bits > 0 && stride >= (width_bits + 7) / 8);
    uint8_t *at = rows;
    for (; n_rows > 0; planes += width_bits) {
        size_t n = n_rows < BL_LANES ? n_rows : BL_LANES;
        for (piece p = {0}; next_piece(&p, width_bits);) {
            bl_plane scratch[8] = {0};
            const bl_plane *from = planes + p.first_bit;
            bool is_whole = p.n_bits == p.width;
            if (!is_whole)
                memcpy(scratch, from, p.n_bits * sizeof *from);
            bl_unslice(bits, at + p.first_bit / 8, stride, is_whole ? from : scratch, n, p.width);
        }
        at += n * stride;
        n_rows -= n;
    }
}

void bl_record_load(const bl_bits *bits, bl_plane *planes, const bl_record *record,
                    const void *rows, size_t stride, size_t n_rows)
{
    bl_rows_load(bits, planes, rows, stride, n_rows, record->n_planes);
}

void bl_record_store(const bl_bits *bits, void *rows, size_t stride, const bl_record *record,
                     const bl_plane *planes, size_t n_rows)
{
    bl_rows_store(bits, rows, stride, planes, n_rows, record->n_planes);
}
