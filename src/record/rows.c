// SPDX-License-Identifier: MIT
// Packed rows of a record to planes and back: a row is what bl_slice calls a record.

#include <bitloom/record.h>

void bl_record_load(const bl_bits *bits, bl_plane *planes, const bl_record *record,
                    const void *rows, size_t stride, size_t n_rows)
{
    bl_slice(bits, planes, rows, stride, n_rows, record->n_planes);
}

void bl_record_store(const bl_bits *bits, void *rows, size_t stride, const bl_record *record,
                     const bl_plane *planes, size_t n_rows)
{
    bl_unslice(bits, rows, stride, planes, n_rows, record->n_planes);
}
