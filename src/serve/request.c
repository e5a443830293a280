// SPDX-License-Identifier: MIT

#include "request.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool request_fail(request_error *e, const char *code, const char *field, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(e->message, sizeof e->message, format, arguments);
    va_end(arguments);
    e->code = code;
    e->field = field;
    return false;
}

bool request_integer(int64_t *value, const json_t *request, const char *field, int64_t low,
                     int64_t high, request_error *e)
{
    const json_t *v = json_object_get(request, field);
    if (!v)
        return true;
    if (!json_is_integer(v))
        return request_fail(e, "bad_request", field,
                            "%s must be an integer, %" PRId64 " to %" PRId64, field, low, high);
    if (json_integer_value(v) < low || json_integer_value(v) > high)
        return request_fail(e, "bad_request", field,
                            "%s is %" PRId64 "; expected %" PRId64 " to %" PRId64, field,
                            (int64_t)json_integer_value(v), low, high);
    *value = json_integer_value(v);
    return true;
}

bool request_real(double *value, const json_t *request, const char *field, double low, double high,
                  request_error *e)
{
    const json_t *v = json_object_get(request, field);
    if (!v)
        return true;
    if (!json_is_number(v) || !(json_number_value(v) >= low && json_number_value(v) <= high))
        return request_fail(e, "bad_request", field, "%s must be a number, %g to %g", field, low,
                            high);
    *value = json_number_value(v);
    return true;
}

bool request_flag(bool *value, const json_t *request, const char *field, request_error *e)
{
    const json_t *v = json_object_get(request, field);
    if (!v)
        return true;
    if (!json_is_boolean(v))
        return request_fail(e, "bad_request", field, "%s must be true or false", field);
    *value = json_is_true(v);
    return true;
}

static bool copy_text(uint8_t **data, size_t *bytes, const json_t *value, size_t max_bytes,
                      request_error *e)
{
    if (!json_is_string(value))
        return request_fail(e, "bad_request", "text", "text must be a string");
    size_t n = json_string_length(value);
    if (n > max_bytes)
        return request_fail(e, "too_many", "text",
                            "text has %zu bytes; the limit text_bytes is %zu", n, max_bytes);
    uint8_t *copy = bl_alloc(NULL, n);
    if (!copy)
        return request_fail(e, "internal", NULL, "out of memory");
    memcpy(copy, json_string_value(value), n);
    *data = copy;
    *bytes = n;
    return true;
}

bool request_base64(uint8_t **data, size_t *bytes, const json_t *value, const char *field,
                    size_t max_bytes, request_error *e)
{
    if (!json_is_string(value))
        return request_fail(e, "bad_request", field, "%s must be base64 in a string", field);
    size_t n_chars = json_string_length(value), n = 0, capacity = n_chars / 4 * 3;
    if (capacity > max_bytes + 2)
        return request_fail(e, "too_many", field, "%s is longer than %zu bytes", field, max_bytes);
    uint8_t *decoded = bl_alloc(NULL, capacity);
    if (!decoded)
        return request_fail(e, "internal", NULL, "out of memory");
    bool is_valid = bl_base64_decode(decoded, &n, json_string_value(value), n_chars);
    uint8_t *exact = is_valid && n <= max_bytes ? bl_alloc(NULL, n) : NULL;
    if (exact)
        memcpy(exact, decoded, n);
    bl_free(NULL, decoded, capacity);
    if (!is_valid)
        return request_fail(e, "bad_request", field, "%s is not base64 (RFC 4648, with padding)",
                            field);
    if (n > max_bytes)
        return request_fail(e, "too_many", field, "%s is longer than %zu bytes", field, max_bytes);
    if (!exact)
        return request_fail(e, "internal", NULL, "out of memory");
    *data = exact;
    *bytes = n;
    return true;
}

bool request_text(uint8_t **data, size_t *bytes, bool *has_text, const json_t *request,
                  size_t max_bytes, request_error *e)
{
    const json_t *text = json_object_get(request, "text");
    const json_t *base64 = json_object_get(request, "text_base64");
    *has_text = text || base64;
    if (text && base64)
        return request_fail(e, "bad_request", "text", "give text or text_base64, not both");
    if (text)
        return copy_text(data, bytes, text, max_bytes, e);
    return !base64 || request_base64(data, bytes, base64, "text_base64", max_bytes, e);
}
