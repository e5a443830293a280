// SPDX-License-Identifier: MIT
#ifndef BITLOOM_BATCH_PIECES_H
#define BITLOOM_BATCH_PIECES_H

#include <bitloom/batch.h>

// The bytes of a record that a stage needs, as words that the slicing kernels know.
typedef struct piece {
    uint32_t byte, width_bits; // 8, 16, 32 or 64
} piece;

typedef struct pieces {
    const bl_allocator *allocator;
    size_t record_bytes;
    piece *list;
    uint32_t n, capacity;
    bool is_dense; // one piece is the whole record
} pieces;

// is_needed has one flag for each bit of the record.
BL_MUST_USE bl_status pieces_create(pieces *p, const uint8_t *is_needed, size_t record_bytes,
                                    const bl_allocator *allocator);
void pieces_destroy(pieces *p);

// Rows to planes: plane 8 * record_bytes * c + k is bit k of the rows of chunk c.
void pieces_slice(const pieces *p, const bl_bits *bits, bl_plane *planes, const uint8_t *rows,
                  size_t n_rows);
// One chunk into only n_planes planes, the first of the record.
void pieces_slice_first(const pieces *p, const bl_bits *bits, bl_plane *planes, uint32_t n_planes,
                        const uint8_t *rows, size_t n_rows);
// Planes to rows; bytes outside the pieces stay.
void pieces_unslice(const pieces *p, const bl_bits *bits, uint8_t *rows, const bl_plane *planes,
                    size_t n_rows);

#endif
