// SPDX-License-Identifier: MIT
// Which cells are needed and as what. The predicate says which columns and whether as text or
// number; --fields says what kind of number:
//
//     price:.2, kind:3, delta:s16.1        name [ : [u|s|i][bits][.decimals] ]
//
// A column without a type is s64, with as many decimals as the first rows of the table show.
//
// In the record each column takes whole words of 64 bits; the bits that a number lacks are padding.

#include "filter_columns.h"

#include <stdlib.h>
#include <string.h>

typedef struct declaration {
    char name[256];
    uint32_t width, decimals;
    bool is_signed, has_type;
} declaration;

typedef struct declarations {
    bl_buffer list; // declaration
    const char *name;
} declarations;

static uint32_t n_declarations(const declarations *d)
{
    return (uint32_t)(d->list.bytes / sizeof(declaration));
}

static const declaration *declaration_at(const declarations *d, uint32_t i)
{
    return (const declaration *)(const void *)d->list.data + i;
}

// ----------------------------------------------------------------------------- --fields

static bool read_type(declaration *d, const char *type)
{
    char *end = NULL;
    const char *at = type;
    bool has_sign = *at == 's' || *at == 'i' || *at == 'u', has_bits = false;
    d->is_signed = *at != 'u' && has_sign;
    at += has_sign;
    if (*at >= '0' && *at <= '9') {
        d->width = (uint32_t)strtoul(at, &end, 10);
        has_bits = true;
        at = end;
    }
    if (!has_bits) {
        d->width = 64;
        d->is_signed |= !has_sign;
    }
    if (*at == '.' && at[1] >= '0' && at[1] <= '9') {
        d->decimals = (uint32_t)strtoul(at + 1, &end, 10);
        at = end;
    }
    return *at == 0 && at > type && d->width >= 1 && d->width <= 64
           && d->decimals <= BL_EXPRESSION_DECIMALS;
}

static void trim(const char **begin, const char **end)
{
    while (*begin < *end && strchr(" \t\r", **begin))
        ++*begin;
    while (*end > *begin && strchr(" \t\r", (*end)[-1]))
        --*end;
}

// One declaration, without its comma or comment; nothing for an empty one.
static bl_status read_declaration(declarations *all, const char *begin, const char *end,
                                  uint64_t line, uint64_t column_number, bl_diag *diag)
{
    declaration d = {.width = 64, .is_signed = true};
    char type[32] = "";
    trim(&begin, &end);
    if (begin == end)
        return BL_OK;
    const char *colon = memchr(begin, ':', (size_t)(end - begin)), *name_end = colon ? colon : end;
    trim(&begin, &name_end);
    size_t n = (size_t)(name_end - begin);
    if (n == 0 || n >= sizeof d.name)
        return bl_diag_set(diag, BL_ERR_FORMAT, all->name, line, column_number,
                           "expected the name of a column with at most 255 bytes");
    memcpy(d.name, begin, n);
    d.has_type = colon != NULL;
    if (colon) {
        const char *type_begin = colon + 1;
        trim(&type_begin, &end);
        if ((size_t)(end - type_begin) < sizeof type)
            memcpy(type, type_begin, (size_t)(end - type_begin));
        if (!read_type(&d, type))
            return bl_diag_set(diag, BL_ERR_FORMAT, all->name, line, column_number,
                               "%s: expected bits and decimals like :16, :s20, :.2 or :s32.2, at "
                               "most 64 and %d",
                               d.name, BL_EXPRESSION_DECIMALS);
    }
    bl_buffer_append(&all->list, &d, sizeof d);
    return all->list.status;
}

static bl_status read_declarations(declarations *all, const char *text, bl_diag *diag)
{
    uint64_t line = 1;
    bl_status status = BL_OK;
    for (const char *line_begin = text; status == BL_OK; line++) {
        const char *line_end = line_begin + strcspn(line_begin, "\n");
        const char *comment = line_begin + strcspn(line_begin, "#\n");
        for (const char *at = line_begin; at < comment && status == BL_OK;) {
            const char *comma = memchr(at, ',', (size_t)(comment - at));
            const char *end = comma ? comma : comment;
            status = read_declaration(all, at, end, line, (uint64_t)(at - line_begin) + 1, diag);
            at = end + 1;
        }
        if (*line_end == 0)
            break;
        line_begin = line_end + 1;
    }
    return status;
}

static bl_status load_declarations(declarations *all, filter_job *job)
{
    char *text = NULL;
    all->name = "--fields";
    if (!job->settings->fields)
        return BL_OK;
    bl_status status = filter_load_fields(&text, &all->name, job);
    if (status == BL_OK)
        status = read_declarations(all, text, job->diag);
    filter_free_text(text);
    return status;
}

// -------------------------------------------------------------------------- names of columns

// Texts with a final zero, one behind the other.
static void read_header(bl_buffer *names, const uint8_t *header, size_t bytes, table_format format)
{
    static const uint8_t byte_order_mark[3] = {0xEF, 0xBB, 0xBF};
    const uint8_t *at = header, *end = header + bytes;
    while (end > at && (end[-1] == '\n' || end[-1] == '\r'))
        end--;
    if (end - at >= 3 && memcmp(at, byte_order_mark, 3) == 0)
        at += 3;
    for (bool is_last = false; !is_last;) {
        const uint8_t *cell = at;
        for (bool is_inside = false; at < end && (is_inside || *at != format.separator); at++)
            is_inside ^= format.has_quotes && *at == '"';
        is_last = at == end;
        uint8_t name[256];
        cell_read_text(name, sizeof name - 1, cell, at, format);
        name[sizeof name - 1] = 0;
        bl_buffer_append(names, name, strlen((char *)name) + 1);
        at++;
    }
}

static void names_of_declarations(bl_buffer *names, const declarations *all)
{
    for (uint32_t i = 0; i < n_declarations(all); i++) {
        const char *name = declaration_at(all, i)->name;
        bl_buffer_append(names, name, strlen(name) + 1);
    }
}

// The position of a name among the texts; false if it is not there.
static bool find_name(uint32_t *index, const bl_buffer *names, const char *name)
{
    *index = 0;
    for (size_t at = 0; at < names->bytes; ++*index) {
        const char *here = (const char *)names->data + at;
        if (strcmp(here, name) == 0)
            return true;
        at += strlen(here) + 1;
    }
    return false;
}

static bl_status unknown_column(const bl_buffer *names, const char *name, const char *file,
                                uint64_t line, uint64_t place, bl_diag *diag)
{
    const char *list[256] = {NULL}, *nearest;
    size_t n = 0;
    for (size_t at = 0; at < names->bytes && n < 256; n++) {
        list[n] = (const char *)names->data + at;
        at += strlen(list[n]) + 1;
    }
    nearest = bl_nearest_name(name, list, n);
    if (nearest)
        return bl_diag_set(diag, BL_ERR_FORMAT, file, line, place,
                           "no column \"%s\"; did you mean %s?", name, nearest);
    return bl_diag_set(diag, BL_ERR_FORMAT, file, line, place,
                       "no column \"%s\"; the table has %s%s%s%s", name, n ? list[0] : "none",
                       n > 1 ? ", " : "", n > 1 ? list[1] : "", n > 2 ? ", ..." : "");
}

static bl_status check_declarations(const columns *c, const declarations *all, bl_diag *diag)
{
    uint32_t index;
    for (uint32_t i = 0; i < n_declarations(all); i++)
        if (!find_name(&index, &c->names, declaration_at(all, i)->name))
            return unknown_column(&c->names, declaration_at(all, i)->name, all->name, 0, 0, diag);
    return BL_OK;
}

// ------------------------------------------------------------------------------- the record

static const declaration *declaration_of(const declarations *all, const char *name)
{
    for (uint32_t i = 0; i < n_declarations(all); i++)
        if (strcmp(declaration_at(all, i)->name, name) == 0)
            return declaration_at(all, i);
    return NULL;
}

// Adds the field of column i, and its padding, to the record.
static bl_status add_field(columns *c, uint32_t i, uint32_t width, bool is_signed)
{
    char name[BL_FIELD_NAME_BYTES];
    uint32_t padding = 8 * c->list[i].n_bytes - width;
    snprintf(name, sizeof name, "column%u", (unsigned)i);
    bl_status status = bl_record_add(&c->record, name, width, is_signed);
    if (status == BL_OK && padding)
        status = bl_record_add(&c->record, "_", padding, false);
    return status;
}

// The value of --empty in this column.
static bl_status read_empty(column *c, const char *text, bl_diag *diag)
{
    uint8_t padded[TABLE_SLACK + 64] = {0};
    size_t n = text ? strlen(text) : 0;
    if (!text || c->is_text)
        return BL_OK;
    memcpy(padded + TABLE_SLACK, text, n < 64 ? n : 64);
    c->has_empty = true;
    if (n < 64
        && cell_read_number(&c->empty, padded + TABLE_SLACK, padded + TABLE_SLACK + n,
                            (table_format){.separator = ','}, c->decimals)
               == CELL_OK)
        return BL_OK;
    return bl_diag_set(diag, BL_ERR_ARGUMENT, NULL, 0, 0,
                       "--empty %s: expected a number with at most %u decimals, as column %s has",
                       text, (unsigned)c->decimals, c->name);
}

static bl_status add_column(columns *c, const declarations *all, const bl_expression_name *name)
{
    uint32_t i = c->n++;
    column *self = &c->list[i];
    static const declaration standard = {.width = 64, .is_signed = true};
    const declaration *d = declaration_of(all, name->name);
    d = d ? d : &standard;
    uint64_t most = UINT64_MAX >> (64 - d->width);
    *self = (column){.is_text = name->is_text,
                     .is_declared = d->has_type,
                     .first_byte = c->record_bytes,
                     .n_bytes = name->is_text ? (name->text_bytes + 8) / 8 * 8 : 8,
                     .decimals = name->is_text ? 0 : d->decimals,
                     .most_positive = d->is_signed ? most / 2 : most,
                     .most_negative = d->is_signed ? most / 2 + 1 : 0};
    c->record_bytes += self->n_bytes;
    (void)find_name(&self->index, &c->names, name->name);
    const char *text = (const char *)c->names.data;
    for (uint32_t k = 0; k < self->index; k++)
        text += strlen(text) + 1;
    self->name = text;
    return add_field(c, i, name->is_text ? 8 * self->n_bytes : d->width,
                     !name->is_text && d->is_signed);
}

// One column for each name of the predicate, in that order.
static bl_status add_columns(columns *c, const declarations *all, const bl_expression *e,
                             filter_job *job)
{
    uint32_t n = bl_expression_n_names(e), index;
    bl_diag *diag = job->diag;
    c->capacity = n + 1; // there may be none
    c->list = bl_alloc_array(NULL, c->capacity, sizeof *c->list);
    bl_status status = c->list ? BL_OK : BL_ERR_MEMORY;
    for (uint32_t i = 0; i < n && status == BL_OK; i++) {
        const bl_expression_name *name = bl_expression_name_at(e, i);
        if (!find_name(&index, &c->names, name->name))
            return unknown_column(&c->names, name->name, "predicate", name->line, name->column,
                                  diag);
        status = add_column(c, all, name);
        if (status == BL_OK && c->record_bytes > BL_BATCH_RECORD_BYTES)
            return bl_diag_set(diag, BL_ERR_LIMIT, "predicate", name->line, name->column,
                               "the columns and texts of the predicate need more than %d bytes",
                               BL_BATCH_RECORD_BYTES);
    }
    if (status == BL_OK && n == 0) { // a predicate without names: a record all the same
        c->record_bytes = 8;
        status = bl_record_add(&c->record, "_", 64, false);
    }
    return status;
}

static bl_status finish_column(column *c, filter_job *job)
{
    c->scale = 1;
    for (uint32_t k = 0; k < c->decimals; k++)
        c->scale *= 10;
    return read_empty(c, job->settings->empty, job->diag);
}

bl_status columns_compile(bl_program **program, columns *c, filter_job *job)
{
    size_t n_fields = c->record.n_fields;
    uint8_t *decimals = bl_alloc(NULL, n_fields);
    uint32_t *field_of_name = bl_alloc_array(NULL, c->n + 1, sizeof *field_of_name);
    bl_status status = decimals && field_of_name ? BL_OK : BL_ERR_MEMORY;
    for (uint32_t i = 0; i < c->n && status == BL_OK; i++)
        status = finish_column(&c->list[i], job);
    for (uint32_t f = 0, i = 0; f < n_fields && status == BL_OK; f++)
        if (strcmp(c->record.fields[f].name, "_") != 0) {
            decimals[f] = (uint8_t)c->list[i].decimals;
            field_of_name[i++] = f;
        }
    bl_expression_fields fields = {
        .record = &c->record, .field_of_name = field_of_name, .decimals = decimals};
    if (status == BL_OK)
        status = filter_compile(program, job, &fields);
    bl_free(NULL, field_of_name, (c->n + 1) * sizeof *field_of_name);
    bl_free(NULL, decimals, n_fields);
    return status;
}

bl_status columns_create(columns *c, filter_job *job, const uint8_t *header, size_t header_bytes,
                         table_format format)
{
    declarations all = {0};
    bl_expression *e = NULL;
    *c = (columns){0};
    bl_status status = bl_expression_parse(&e, job->predicate, "predicate", NULL, job->diag);
    if (status == BL_OK)
        status = load_declarations(&all, job);
    if (status == BL_OK && header)
        read_header(&c->names, header, header_bytes, format);
    else if (status == BL_OK)
        names_of_declarations(&c->names, &all);
    if (status == BL_OK)
        status = c->names.status;
    if (status == BL_OK)
        status = check_declarations(c, &all, job->diag);
    if (status == BL_OK)
        status = add_columns(c, &all, e, job);
    bl_expression_destroy(&e);
    bl_buffer_clear(&all.list);
    return status;
}

void columns_destroy(columns *c)
{
    bl_free(NULL, c->list, c->capacity * sizeof *c->list);
    bl_record_clear(&c->record);
    bl_buffer_clear(&c->names);
}
