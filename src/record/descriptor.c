// SPDX-License-Identifier: MIT
// Record descriptors: a growing array of fields; a field begins where the one before it ends.

#include <bitloom/record.h>

#include <assert.h>
#include <stdio.h>
#include <string.h>

static bool is_field_name(const char *name)
{
    size_t n = strlen(name);
    if (n == 0 || n >= BL_FIELD_NAME_BYTES)
        return false;
    for (size_t i = 0; i < n; i++) {
        char c = name[i];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!is_letter && !(c >= '0' && c <= '9') && c != '_' && c != '-')
            return false;
    }
    return true;
}

bl_status bl_record_add(bl_record *record, const char *name, uint32_t width, bool is_signed)
{
    assert(record && name);
    if (width == 0 || !is_field_name(name) || bl_record_find(record, name))
        return BL_ERR_ARGUMENT;
    if (width > INT32_MAX - record->n_planes)
        return BL_ERR_LIMIT;
    size_t bytes = record->n_fields * sizeof(bl_field);
    bl_field *fields =
        bl_resize(record->allocator, record->fields, bytes, bytes + sizeof(bl_field));
    if (!fields)
        return BL_ERR_MEMORY;
    bl_field *field = &fields[record->n_fields++];
    *field = (bl_field){.first = record->n_planes, .width = width, .is_signed = is_signed};
    memcpy(field->name, name, strlen(name));
    record->fields = fields;
    record->n_planes += width;
    return BL_OK;
}

bl_status bl_record_describe(bl_record *record, const bl_field *fields, size_t n_fields)
{
    assert(record && record->n_fields == 0 && fields);
    bl_status status = BL_OK;
    for (size_t i = 0; i < n_fields && status == BL_OK; i++)
        status = bl_record_add(record, fields[i].name, fields[i].width, fields[i].is_signed);
    if (status != BL_OK)
        bl_record_clear(record);
    return status;
}

const bl_field *bl_record_find(const bl_record *record, const char *name)
{
    if (strcmp(name, "_") == 0)
        return NULL;
    for (uint32_t i = 0; i < record->n_fields; i++)
        if (strcmp(record->fields[i].name, name) == 0)
            return &record->fields[i];
    return NULL;
}

void bl_record_plane_name(char *dst, size_t dst_bytes, const bl_record *record, uint32_t plane)
{
    assert(plane < record->n_planes);
    const bl_field *f = record->fields;
    while (plane - f->first >= f->width)
        f++;
    if (f->width == 1)
        snprintf(dst, dst_bytes, "%s", f->name);
    else
        snprintf(dst, dst_bytes, "%s[%u]", f->name, (unsigned)(plane - f->first));
}

void bl_record_clear(bl_record *record)
{
    bl_free(record->allocator, record->fields, record->n_fields * sizeof(bl_field));
    *record = (bl_record){.allocator = record->allocator};
}
