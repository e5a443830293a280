// SPDX-License-Identifier: MIT
#ifndef BITLOOM_RECORD_H
#define BITLOOM_RECORD_H

// Records: named bit fields, declared once, that give every bit of a group of planes its name.
//
//     record "state":   layer0   layer1   past1 ...        a field has `width` bits; its bit k
//     planes:           0..319   320..639 640..895 ...     lies in plane `first` + k, LSB first
//
//     bl_record state = {0};
//     bl_record_add(&state, "hp", 7, false);      // planes 0..6
//     bl_record_add(&state, "vx", 6, true);       // planes 7..12
//
// The descriptor names the inputs, outputs and state registers of programs and graphs.

#include <bitloom/base.h>

BL_BEGIN_DECLS

enum { BL_FIELD_NAME_BYTES = 32 }; // with the final zero

typedef struct bl_field {
    char name[BL_FIELD_NAME_BYTES]; // letters, digits, _ and -; unique, except "_": padding
    uint32_t first;                 // plane of bit 0
    uint32_t width;                 // planes, at least 1
    bool is_signed;                 // two's complement
} bl_field;

// All zero: an empty record on the C heap. Copying the struct does not copy the fields.
typedef struct bl_record {
    bl_field *fields;
    uint32_t n_fields;
    uint32_t n_planes; // sum of the widths
    const bl_allocator *allocator;
} bl_record;

// Appends a field behind the last one. BL_ERR_ARGUMENT for a bad or repeated name or no width,
// BL_ERR_LIMIT past 2^31 planes, BL_ERR_MEMORY; the record is unchanged on failure. A field named
// "_" is padding: it takes its bits, any number of times, but is neither found nor printed.
BL_API BL_MUST_USE bl_status bl_record_add(bl_record *record, const char *name, uint32_t width,
                                           bool is_signed);

// Fills an empty record with the fields of a text, one behind the other from bit 0 on:
//
//     kind:3, hp:7         # name:bits; fields end with a comma or the line, # begins a comment
//     vx:s6                # s or i before the bits: signed; u or nothing: unsigned
//     _:5                  # padding
//
// Each field has 1 to 64 bits, all together at most 4096. `name` is what the diagnostic calls the
// text. BL_ERR_FORMAT with line and column, BL_ERR_LIMIT, BL_ERR_MEMORY; the record stays empty on
// failure. Quadratic in the number of fields.
enum { BL_RECORD_TEXT_BITS = 4096 };
BL_API BL_MUST_USE bl_status bl_record_parse(bl_record *record, const char *text, const char *name,
                                             bl_diag *diag);

// The field of that name, or NULL. Linear in the number of fields.
BL_API const bl_field *bl_record_find(const bl_record *record, const char *name);

// Writes the name of one plane: "vx[3]", or "alive" for a field of one bit.
BL_API void bl_record_plane_name(char *dst, size_t dst_bytes, const bl_record *record,
                                 uint32_t plane);

// Frees the fields and empties the record.
BL_API void bl_record_clear(bl_record *record);

BL_END_DECLS
#endif
