// SPDX-License-Identifier: MIT
// The streaming JSON writer (reading is jansson's business, in the layers that read).

#include <bitloom/base.h>

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void bl_json_begin(bl_json *json, bl_buffer *out, bool is_pretty)
{
    *json = (bl_json){.out = out, .is_pretty = is_pretty};
}

static void new_line(bl_json *j)
{
    if (!j->is_pretty)
        return;
    bl_buffer_append(j->out, "\n", 1);
    for (uint32_t i = 0; i < j->depth; i++)
        bl_buffer_append(j->out, "  ", 2);
}

static void quote(bl_json *j, const uint8_t *s, size_t bytes)
{
    bl_buffer_append(j->out, "\"", 1);
    for (size_t i = 0; i < bytes;) {
        size_t n = bl_utf8_sequence(s + i, bytes - i);
        if (n == 0)
            bl_buffer_append(j->out, "\xEF\xBF\xBD", 3);
        else if (s[i] == '"' || s[i] == '\\')
            bl_buffer_print(j->out, "\\%c", s[i]);
        else if (s[i] == '\n')
            bl_buffer_append(j->out, "\\n", 2);
        else if (s[i] < 0x20)
            bl_buffer_print(j->out, "\\u%04x", s[i]);
        else
            bl_buffer_append(j->out, s + i, n);
        i += n ? n : 1;
    }
    bl_buffer_append(j->out, "\"", 1);
}

static void begin_value(bl_json *j, const char *key)
{
    assert(j->depth == 0 || (key == NULL) == (j->is_array >> (j->depth - 1) & 1));
    if (j->needs_comma)
        bl_buffer_append(j->out, ",", 1);
    if (j->depth > 0)
        new_line(j);
    j->needs_comma = true;
    if (key) {
        quote(j, (const uint8_t *)key, strlen(key));
        bl_buffer_append(j->out, j->is_pretty ? ": " : ":", j->is_pretty ? 2 : 1);
    }
}

static void open(bl_json *j, const char *key, bool is_array)
{
    assert(j->depth < 64);
    begin_value(j, key);
    bl_buffer_append(j->out, is_array ? "[" : "{", 1);
    uint64_t bit = UINT64_C(1) << j->depth++;
    j->is_array = is_array ? j->is_array | bit : j->is_array & ~bit;
    j->needs_comma = false;
}

void bl_json_object(bl_json *j, const char *key) { open(j, key, false); }
void bl_json_array(bl_json *j, const char *key) { open(j, key, true); }

void bl_json_end(bl_json *j)
{
    assert(j->depth > 0);
    bool is_array = j->is_array >> --j->depth & 1, is_empty = !j->needs_comma;
    if (!is_empty)
        new_line(j);
    bl_buffer_append(j->out, is_array ? "]" : "}", 1);
    j->needs_comma = true;
    if (j->depth == 0 && j->is_pretty)
        bl_buffer_append(j->out, "\n", 1);
}

void bl_json_bytes(bl_json *j, const char *key, const void *text, size_t bytes)
{
    begin_value(j, key);
    quote(j, text, bytes);
}

void bl_json_text(bl_json *j, const char *key, const char *value)
{
    bl_json_bytes(j, key, value, strlen(value));
}

void bl_json_int(bl_json *j, const char *key, int64_t value)
{
    begin_value(j, key);
    bl_buffer_print(j->out, "%" PRId64, value);
}

void bl_json_uint(bl_json *j, const char *key, uint64_t value)
{
    begin_value(j, key);
    bl_buffer_print(j->out, "%" PRIu64, value);
}

void bl_json_real(bl_json *j, const char *key, double value)
{
    assert(isfinite(value));
    char text[32];
    for (int digits = 6; digits <= 17; digits++) { // the fewest that read back exactly
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    begin_value(j, key);
    bl_buffer_append(j->out, text, strlen(text));
}

void bl_json_bool(bl_json *j, const char *key, bool value)
{
    begin_value(j, key);
    bl_buffer_print(j->out, value ? "true" : "false");
}

void bl_json_null(bl_json *j, const char *key)
{
    begin_value(j, key);
    bl_buffer_append(j->out, "null", 4);
}

void bl_json_base64(bl_json *j, const char *key, const void *data, size_t bytes)
{
    begin_value(j, key);
    bl_buffer_append(j->out, "\"", 1);
    for (size_t i = 0; i < bytes; i += 48) { // whole groups of three
        char text[65];
        bl_base64_encode(text, (const uint8_t *)data + i, bytes - i < 48 ? bytes - i : 48);
        bl_buffer_append(j->out, text, strlen(text));
    }
    bl_buffer_append(j->out, "\"", 1);
}
