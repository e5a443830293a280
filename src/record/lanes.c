// SPDX-License-Identifier: MIT
// Looking at single lanes: values of fields, and lanes printed as structs.

#include <bitloom/record.h>

#include <assert.h>
#include <inttypes.h>

int64_t bl_field_get(const bl_field *field, const bl_plane *planes, size_t lane)
{
    assert(field && planes && lane < BL_LANES && field->width <= 64);
    uint64_t value = 0;
    for (uint32_t k = 0; k < field->width; k++)
        value |= (uint64_t)bl_lane_get(&planes[field->first + k], lane) << k;
    return (int64_t)bl_extend_(value, field->width, field->is_signed);
}

void bl_field_set(bl_plane *planes, const bl_field *field, size_t lane, int64_t value)
{
    assert(field && planes && lane < BL_LANES && field->width <= 64);
    for (uint32_t k = 0; k < field->width; k++)
        bl_lane_set(&planes[field->first + k], lane, (uint64_t)value >> k & 1);
}

// Four planes a digit, the highest first.
static void print_hexadecimal(bl_buffer *out, const bl_field *field, const bl_plane *planes,
                              size_t lane)
{
    bl_buffer_print(out, "0x");
    for (uint32_t digit = (field->width + 3) / 4; digit-- > 0;) {
        unsigned value = 0;
        for (uint32_t k = 4 * digit; k < 4 * digit + 4 && k < field->width; k++)
            value |= (unsigned)bl_lane_get(&planes[field->first + k], lane) << k % 4;
        bl_buffer_print(out, "%x", value);
    }
}

void bl_record_print(bl_buffer *out, const bl_record *record, const bl_plane *planes, size_t lane)
{
    assert(out && record && planes && lane < BL_LANES);
    const char *separator = "{";
    for (uint32_t i = 0; i < record->n_fields; i++) {
        const bl_field *f = &record->fields[i];
        if (strcmp(f->name, "_") == 0)
            continue;
        bl_buffer_print(out, "%s%s = ", separator, f->name);
        if (f->width > 64)
            print_hexadecimal(out, f, planes, lane);
        else if (f->is_signed)
            bl_buffer_print(out, "%" PRId64, bl_field_get(f, planes, lane));
        else
            bl_buffer_print(out, "%" PRIu64, (uint64_t)bl_field_get(f, planes, lane));
        separator = ", ";
    }
    bl_buffer_print(out, "%s}", *separator == '{' ? "{" : "");
}
