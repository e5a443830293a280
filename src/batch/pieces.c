// SPDX-License-Identifier: MIT
// Covers the needed bytes of a record with words of 8, 4, 2 and 1 bytes. A word may take in bytes
// that nobody needs, and may overlap the one before it, but lies within the record:
//
//     needed   . . x x x . . . . x . .          a record of 12 bytes
//     pieces       |8 bytes      |1|
//
// Slicing a word costs about the same for each byte, so a word is only as wide as its last needed
// byte asks for.

#include "pieces.h"

#include <assert.h>
#include <string.h>

// The narrowest word from `byte` on that reaches the last needed of the next eight bytes.
static uint32_t width_at(const bool *is_needed, size_t byte, size_t record_bytes)
{
    uint32_t last = 0;
    for (uint32_t i = 1; i < 8 && byte + i < record_bytes; i++)
        if (is_needed[byte + i])
            last = i;
    uint32_t width = last >= 4 ? 8 : last >= 2 ? 4 : last + 1;
    while (width > record_bytes)
        width /= 2;
    return width;
}

bl_status pieces_create(pieces *p, const uint8_t *is_needed, size_t record_bytes,
                        const bl_allocator *allocator)
{
    assert(record_bytes > 0 && record_bytes <= BL_BATCH_RECORD_BYTES);
    bool needs_byte[BL_BATCH_RECORD_BYTES] = {false};
    for (size_t k = 0; k < 8 * record_bytes; k++)
        needs_byte[k / 8] |= is_needed[k] != 0;
    *p = (pieces){
        .allocator = allocator, .record_bytes = record_bytes, .capacity = (uint32_t)record_bytes};
    p->list = bl_alloc_array(allocator, p->capacity, sizeof *p->list);
    if (!p->list)
        return BL_ERR_MEMORY;
    for (size_t byte = 0; byte < record_bytes;) {
        if (!needs_byte[byte]) {
            byte++;
            continue;
        }
        uint32_t width = width_at(needs_byte, byte, record_bytes);
        size_t first = byte + width > record_bytes ? record_bytes - width : byte;
        p->list[p->n++] = (piece){.byte = (uint32_t)first, .width_bits = 8 * width};
        byte = first + width;
    }
    p->is_dense = p->n == 1 && p->list[0].width_bits == 8 * record_bytes;
    return BL_OK;
}

void pieces_destroy(pieces *p)
{
    bl_free(p->allocator, p->list, p->capacity * sizeof *p->list);
    *p = (pieces){0};
}

void pieces_slice(const pieces *p, const bl_bits *bits, bl_plane *planes, const uint8_t *rows,
                  size_t n_rows)
{
    if (p->is_dense) {
        bl_slice(bits, planes, rows, p->record_bytes, n_rows, p->list[0].width_bits);
        return;
    }
    for (size_t done = 0; done < n_rows; done += BL_LANES) {
        size_t n = n_rows - done < BL_LANES ? n_rows - done : BL_LANES;
        for (uint32_t i = 0; i < p->n; i++)
            bl_slice(bits, planes + 8 * p->list[i].byte, rows + p->list[i].byte, p->record_bytes, n,
                     p->list[i].width_bits);
        rows += n * p->record_bytes;
        planes += 8 * p->record_bytes;
    }
}

void pieces_slice_first(const pieces *p, const bl_bits *bits, bl_plane *planes, uint32_t n_planes,
                        const uint8_t *rows, size_t n_rows)
{
    for (uint32_t i = 0; i < p->n; i++) {
        uint32_t first = 8 * p->list[i].byte, width = p->list[i].width_bits;
        const uint8_t *from = rows + p->list[i].byte;
        bl_plane scratch[64];
        if (first + width <= n_planes)
            bl_slice(bits, planes + first, from, p->record_bytes, n_rows, width);
        else if (first < n_planes) {
            bl_slice(bits, scratch, from, p->record_bytes, n_rows, width);
            memcpy(planes + first, scratch, (n_planes - first) * sizeof *planes);
        }
    }
}

void pieces_unslice(const pieces *p, const bl_bits *bits, uint8_t *rows, const bl_plane *planes,
                    size_t n_rows)
{
    for (size_t done = 0; done < n_rows; done += BL_LANES) {
        size_t n = n_rows - done < BL_LANES ? n_rows - done : BL_LANES;
        for (uint32_t i = 0; i < p->n; i++)
            bl_unslice(bits, rows + p->list[i].byte, p->record_bytes, planes + 8 * p->list[i].byte,
                       n, p->list[i].width_bits);
        rows += n * p->record_bytes;
        planes += 8 * p->record_bytes;
    }
}
