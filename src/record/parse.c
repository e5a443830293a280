// SPDX-License-Identifier: MIT
// Reads the text of a declaration into a record:
//
//     text   = { [ field ] ( "," | end of line ) }     a field may be missing only at a line's end
//     field  = name ":" [ "u" | "s" | "i" ] bits
//
// Blanks may stand between any two of these; # begins a comment that ends with the line.

#include <bitloom/record.h>

#include "base/try.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum { MAX_WIDTH = 64 };

typedef struct scanner {
    const char *at, *line_begin;
    uint64_t line; // from 1
    const char *name;
    bl_diag *diag;
} scanner;

#define FAIL_AT(s, place, status, ...)                                                             \
    bl_diag_set((s)->diag, status, (s)->name, (s)->line,                                           \
                (uint64_t)((place) - (s)->line_begin) + 1, __VA_ARGS__)

// What stands at the scanner, for messages.
static const char *describe(char dst[static 16], const scanner *s)
{
    unsigned char c = (unsigned char)*s->at;
    if (c == 0 || c == '\n')
        return "the end of the line";
    snprintf(dst, 16, c > ' ' && c < 127 ? "'%c'" : "byte 0x%02x", c);
    return dst;
}

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

static bool is_name_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '_' || c == '-';
}

static void skip_blanks(scanner *s)
{
    while (*s->at == ' ' || *s->at == '\t' || *s->at == '\r')
        s->at++;
    if (*s->at == '#')
        s->at += strcspn(s->at, "\n");
}

static bl_status read_name(char name[static BL_FIELD_NAME_BYTES], scanner *s)
{
    char found[16];
    size_t n = 0;
    while (is_name_letter(s->at[n]))
        n++;
    if (n == 0)
        return FAIL_AT(s, s->at, BL_ERR_FORMAT, "expected the name of a field, found %s",
                       describe(found, s));
    if (n >= BL_FIELD_NAME_BYTES)
        return FAIL_AT(s, s->at, BL_ERR_FORMAT, "this name has %zu letters; at most %d are allowed",
                       n, BL_FIELD_NAME_BYTES - 1);
    memcpy(name, s->at, n);
    name[n] = 0;
    s->at += n;
    return BL_OK;
}

static bl_status read_type(bl_field *field, scanner *s)
{
    char found[16];
    skip_blanks(s);
    field->is_signed = *s->at == 's' || *s->at == 'i';
    if (field->is_signed || *s->at == 'u')
        s->at++;
    const char *digits = s->at;
    if (!is_digit(*digits))
        return FAIL_AT(s, digits, BL_ERR_FORMAT, "expected the width of \"%s\", 1 to %d, found %s",
                       field->name, MAX_WIDTH, describe(found, s));
    for (; is_digit(*s->at); s->at++) // 1000 stands for all that is too much
        field->width = field->width < 100 ? field->width * 10 + (uint32_t)(*s->at - '0') : 1000;
    if (field->width == 0 || field->width > MAX_WIDTH)
        return FAIL_AT(s, digits, BL_ERR_FORMAT, "\"%s\" has %.*s bits; expected 1 to %d",
                       field->name, (int)(s->at - digits < 20 ? s->at - digits : 20), digits,
                       MAX_WIDTH);
    return BL_OK;
}

static bl_status read_field(bl_record *record, scanner *s)
{
    char found[16];
    bl_field field = {0};
    const char *begin = s->at;
    TRY(read_name(field.name, s));
    skip_blanks(s);
    if (*s->at != ':')
        return FAIL_AT(s, s->at, BL_ERR_FORMAT,
                       "expected a colon and a width behind \"%s\", as in %s:7 or %s:s7, found %s",
                       field.name, field.name, field.name, describe(found, s));
    s->at++;
    TRY(read_type(&field, s));
    const bl_field *twin = bl_record_find(record, field.name);
    if (twin)
        return FAIL_AT(s, begin, BL_ERR_FORMAT, "\"%s\" is there already, from bit %u on",
                       field.name, (unsigned)twin->first);
    if (field.width > BL_RECORD_TEXT_BITS - record->n_planes)
        return FAIL_AT(s, begin, BL_ERR_LIMIT, "with \"%s\" the record exceeds %d bits", field.name,
                       BL_RECORD_TEXT_BITS);
    bl_status status = bl_record_add(record, field.name, field.width, field.is_signed);
    return status == BL_OK ? BL_OK : FAIL_AT(s, begin, status, "%s", bl_status_text(status));
}

static bl_status read_separator(scanner *s)
{
    char found[16];
    skip_blanks(s);
    if (*s->at == ',')
        s->at++;
    else if (*s->at != '\n' && *s->at != 0)
        return FAIL_AT(s, s->at, BL_ERR_FORMAT, "expected a comma or the end of the line, found %s",
                       describe(found, s));
    return BL_OK;
}

static bl_status read_text(bl_record *record, scanner *s)
{
    for (;;) {
        skip_blanks(s);
        if (*s->at == '\n') {
            s->line_begin = ++s->at;
            s->line++;
        } else if (*s->at) {
            TRY(read_field(record, s));
            TRY(read_separator(s));
        } else if (record->n_fields == 0) {
            return FAIL_AT(s, s->at, BL_ERR_FORMAT, "no field; expected some, as in hp:7,vx:s6");
        } else
            return BL_OK;
    }
}

bl_status bl_record_parse(bl_record *record, const char *text, const char *name, bl_diag *diag)
{
    assert(record && record->n_fields == 0 && text && name);
    scanner s = {.at = text, .line_begin = text, .line = 1, .name = name, .diag = diag};
    bl_status status = read_text(record, &s);
    if (status != BL_OK)
        bl_record_clear(record);
    return status;
}
