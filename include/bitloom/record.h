// SPDX-License-Identifier: MIT
#ifndef BITLOOM_RECORD_H
#define BITLOOM_RECORD_H

// Records: named bit fields that give every bit of a group of planes its name. Three forms hold the
// same numbers:
//
//     a struct        {kind = 3, hp = 100, vx = -2}       an integer for each field; plain C
//     a packed row    kkk hhhhhhh vvvvvv                  the fields bit after bit, LSB first, in
//                     ^bit 0     ^bit 10                  as many whole bytes as that takes
//     planes          kind[0] kind[1] kind[2] hp[0] ..    512 records; bit k of a row in plane k
//
// Declared when the program is written, a record is a list of F(name, bits, is_signed):
//
//     #define CELL_FIELDS(F) F(kind, 3, 0) F(hp, 7, 0) F(vx, 6, 1)
//     BL_RECORD(cell, CELL_FIELDS)
//
//     cell cells[512];                            // .kind and .hp: uint64_t, .vx: int64_t
//     cell_planes p;                              // bl_plane kind[3], hp[7], vx[6]
//     cell_load_structs(bl_bits_best(), &p, cells, 512);
//     bl_planes_add_sat_u(p.hp, p.hp, bonus, BL_WIDTH(p.hp));        // bitloom/planes.h
//     cell_store_structs(bl_bits_best(), cells, &p, 512);
//
// Declared while it runs, a record is a descriptor, bl_record: built field by field, read from a
// text, or filled by cell_describe. Descriptors name the inputs, outputs and state registers of
// programs and graphs, and print lanes as structs.

#include <bitloom/bits.h>

#include <string.h>

BL_BEGIN_DECLS

// ------------------------------------------------------------------------------ descriptors

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

// Fills an empty record with n fields; their `first` does not count. Statuses as bl_record_add;
// the record stays empty on failure.
BL_API BL_MUST_USE bl_status bl_record_describe(bl_record *record, const bl_field *fields,
                                                size_t n_fields);

// The field of that name, or NULL. Linear in the number of fields.
BL_API const bl_field *bl_record_find(const bl_record *record, const char *name);

// Writes the name of one plane: "vx[3]", or "alive" for a field of one bit.
BL_API void bl_record_plane_name(char *dst, size_t dst_bytes, const bl_record *record,
                                 uint32_t plane);

// Frees the fields and empties the record.
BL_API void bl_record_clear(bl_record *record);

// --------------------------------------------------------------------- rows, planes, values

// Bytes of a packed row.
static inline size_t bl_record_bytes(const bl_record *record)
{
    return ((size_t)record->n_planes + 7) / 8;
}

// Packed rows to planes and back, as bl_slice and bl_unslice: row i lies at rows + i * stride_bytes
// (at least bl_record_bytes), its field f in planes[i / 512 * n_planes + f.first ...]. Any
// alignment of rows; no overlap. Loading makes the lanes that a last block lacks zero and ignores
// what stands in the unused bits of a row's last byte; storing makes these zero, and writes nothing
// between the rows. One pass.
BL_API void bl_record_load(const bl_bits *bits, bl_plane *planes, const bl_record *record,
                           const void *rows, size_t stride_bytes, size_t n_rows);
BL_API void bl_record_store(const bl_bits *bits, void *rows, size_t stride_bytes,
                            const bl_record *record, const bl_plane *planes, size_t n_rows);

// One field of one lane (0..511) in the planes of a record. A field has at most 64 bits here;
// signed ones are sign-extended, an unsigned one of 64 bits is cast. Setting takes the low bits of
// value. A loop over the bits: for looking at lanes, not for moving them.
BL_API int64_t bl_field_get(const bl_field *field, const bl_plane *planes, size_t lane);
BL_API void bl_field_set(bl_plane *planes, const bl_field *field, size_t lane, int64_t value);

// Appends one lane as a struct: {kind = 3, hp = 100, vx = -2}. Fields of more than 64 bits are
// printed in hexadecimal.
BL_API void bl_record_print(bl_buffer *out, const bl_record *record, const bl_plane *planes,
                            size_t lane);

// ------------------------------------------------------------------------------- BL_RECORD

// The first plane of a field, a constant: BL_FIRST(cell, hp) is 3.
#define BL_FIRST(name, field) (offsetof(name##_planes, field) / sizeof(bl_plane))

// BL_RECORD(cell, FIELDS), with fields of 1 to 64 bits each, at most 4096 in all, and is_signed a
// plain 0 or 1, declares:
//
//     cell_BITS, cell_BYTES           of a packed row
//     cell                            the struct: int64_t or uint64_t for each field
//     cell_planes                     the planes of 512 records; in memory, cell_BITS planes in a
//                                     row, so that &p.kind[0] is what bl_slice and programs take
//     void cell_pack(void *row, const cell *from)           takes the low bits of each field
//     void cell_unpack(cell *to, const void *row)
//     void cell_load(bits, cell_planes *p, const void *rows, size_t n)       dense packed rows
//     void cell_store(bits, void *rows, const cell_planes *p, size_t n)
//     void cell_load_structs(bits, cell_planes *p, const cell *cells, size_t n)
//     void cell_store_structs(bits, cell *cells, const cell_planes *p, size_t n)
//     bl_status cell_describe(bl_record *record)            see bl_record_describe
//
// n is any number of records, p has (n + 511) / 512 elements, `bits` is a const bl_bits *. Rows of
// another stride: bl_slice. The functions for structs pack blocks of 512 rows, on the stack, and
// cost a third of a nanosecond for each field of a record (bitloom bench record).
#define BL_RECORD(name, FIELDS)                                                                    \
    typedef struct name {                                                                          \
        FIELDS(BL_RECORD_MEMBER_)                                                                  \
    } name;                                                                                        \
    typedef struct name##_planes {                                                                 \
        FIELDS(BL_RECORD_PLANES_)                                                                  \
    } name##_planes;                                                                               \
    enum { name##_BITS = 0 FIELDS(BL_RECORD_SUM_), name##_BYTES = (name##_BITS + 7) / 8 };         \
    BL_STATIC_ASSERT_(sizeof(name##_planes) == name##_BITS * sizeof(bl_plane), "no gaps");         \
    BL_STATIC_ASSERT_(name##_BITS <= 4096, "a record has at most 4096 bits");                      \
    FIELDS(BL_RECORD_CHECK_)                                                                       \
                                                                                                   \
    BL_RECORD_FUNCTION_ void name##_pack(void *row, const name *from_)                             \
    {                                                                                              \
        typedef name##_planes planes_;                                                             \
        uint64_t words_[(name##_BITS + 63) / 64] = {0};                                            \
        FIELDS(BL_RECORD_PACK_)                                                                    \
        memcpy(row, words_, name##_BYTES);                                                         \
    }                                                                                              \
    BL_RECORD_FUNCTION_ void name##_unpack(name *to_, const void *row)                             \
    {                                                                                              \
        typedef name##_planes planes_;                                                             \
        uint64_t words_[(name##_BITS + 63) / 64] = {0};                                            \
        memcpy(words_, row, name##_BYTES);                                                         \
        FIELDS(BL_RECORD_UNPACK_)                                                                  \
    }                                                                                              \
    BL_RECORD_FUNCTION_ void name##_load(const bl_bits *bits, name##_planes *planes,               \
                                         const void *rows, size_t n)                               \
    {                                                                                              \
        bl_slice(bits, (bl_plane *)planes, rows, name##_BYTES, n, name##_BITS);                    \
    }                                                                                              \
    BL_RECORD_FUNCTION_ void name##_store(const bl_bits *bits, void *rows,                         \
                                          const name##_planes *planes, size_t n)                   \
    {                                                                                              \
        bl_unslice(bits, rows, name##_BYTES, (const bl_plane *)planes, n, name##_BITS);            \
    }                                                                                              \
    BL_RECORD_FUNCTION_ void name##_load_structs(const bl_bits *bits, name##_planes *planes,       \
                                                 const name *from, size_t n)                       \
    {                                                                                              \
        for (; n > 0; planes++) {                                                                  \
            uint8_t rows[BL_LANES][name##_BYTES];                                                  \
            size_t n_block = n < (size_t)BL_LANES ? n : (size_t)BL_LANES;                          \
            for (size_t i = 0; i < n_block; i++)                                                   \
                name##_pack(rows[i], from++);                                                      \
            name##_load(bits, planes, rows, n_block);                                              \
            n -= n_block;                                                                          \
        }                                                                                          \
    }                                                                                              \
    BL_RECORD_FUNCTION_ void name##_store_structs(const bl_bits *bits, name *to,                   \
                                                  const name##_planes *planes, size_t n)           \
    {                                                                                              \
        for (; n > 0; planes++) {                                                                  \
            uint8_t rows[BL_LANES][name##_BYTES];                                                  \
            size_t n_block = n < (size_t)BL_LANES ? n : (size_t)BL_LANES;                          \
            name##_store(bits, rows, planes, n_block);                                             \
            for (size_t i = 0; i < n_block; i++)                                                   \
                name##_unpack(to++, rows[i]);                                                      \
            n -= n_block;                                                                          \
        }                                                                                          \
    }                                                                                              \
    BL_RECORD_FUNCTION_ BL_MUST_USE bl_status name##_describe(bl_record *record)                   \
    {                                                                                              \
        static const bl_field fields[] = {FIELDS(BL_RECORD_FIELD_)};                               \
        return bl_record_describe(record, fields, sizeof fields / sizeof fields[0]);               \
    }

// ---------------------------------------------------------------------------- how it is done

// The list does not know its record, so offsets come from a local name for its planes.
#define BL_RECORD_TYPE_0_ uint64_t
#define BL_RECORD_TYPE_1_ int64_t
#define BL_RECORD_MEMBER_(field, bits, is_signed) BL_RECORD_TYPE_##is_signed##_ field;
#define BL_RECORD_PLANES_(field, bits, is_signed) bl_plane field[bits];
#define BL_RECORD_SUM_(field, bits, is_signed) +(bits)
#define BL_RECORD_CHECK_(field, bits, is_signed)                                                   \
    BL_STATIC_ASSERT_((bits) >= 1 && (bits) <= 64, "field " #field " has 1 to 64 bits");
#define BL_RECORD_PACK_(field, bits, is_signed)                                                    \
    bl_words_put_(words_, offsetof(planes_, field) / sizeof(bl_plane), bits,                       \
                  (uint64_t)from_->field);
#define BL_RECORD_UNPACK_(field, bits, is_signed)                                                  \
    to_->field = (BL_RECORD_TYPE_##is_signed##_)bl_words_get_(                                     \
        words_, offsetof(planes_, field) / sizeof(bl_plane), bits, is_signed);
#define BL_RECORD_FIELD_(field, bits, is_signed) {#field, 0, bits, is_signed},
#define BL_RECORD_FUNCTION_ static inline __attribute__((unused))
#ifdef __cplusplus
#define BL_STATIC_ASSERT_ static_assert
#else
#define BL_STATIC_ASSERT_ _Static_assert
#endif

// Bits first..first + width of a row of words, which must be zero before they are put.
static inline void bl_words_put_(uint64_t *words, size_t first, size_t width, uint64_t value)
{
    size_t shift = first % 64;
    value &= UINT64_MAX >> (64 - width);
    words[first / 64] |= value << shift;
    if (shift + width > 64)
        words[first / 64 + 1] |= value >> (64 - shift);
}
static inline uint64_t bl_extend_(uint64_t value, size_t width, bool is_signed)
{
    value <<= 64 - width; // to the top, and down again with or without the sign
    return is_signed ? (uint64_t)((int64_t)value >> (64 - width)) : value >> (64 - width);
}
static inline uint64_t bl_words_get_(const uint64_t *words, size_t first, size_t width,
                                     bool is_signed)
{
    size_t shift = first % 64;
    uint64_t value = words[first / 64] >> shift;
    if (shift + width > 64)
        value |= words[first / 64 + 1] << (64 - shift);
    return bl_extend_(value, width, is_signed);
}

BL_END_DECLS
#endif
