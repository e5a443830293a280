// SPDX-License-Identifier: MIT

#include "body.h"

// Counted before parsing, which would go 2,048 deep. Brackets in strings do not count.
static bool is_shallow(const uint8_t *text, size_t bytes)
{
    size_t depth = 0;
    bool is_string = false;
    for (size_t i = 0; i < bytes; i++) {
        if (is_string) {
            if (text[i] == '\\')
                i++;
            else
                is_string = text[i] != '"';
        } else if (text[i] == '"')
            is_string = true;
        else if (text[i] == '[' || text[i] == '{') {
            if (++depth > MAX_JSON_DEPTH)
                return false;
        } else if ((text[i] == ']' || text[i] == '}') && depth > 0)
            depth--;
    }
    return true;
}

void body_drop_nulls(json_t *object)
{
    const char *key;
    json_t *value;
    void *next;
    json_object_foreach_safe(object, next, key, value)
    {
        if (json_is_null(value))
            json_object_del(object, key);
    }
}

json_t *body_parse(const uint8_t *text, size_t bytes, request_error *e)
{
    json_error_t where;
    if (!is_shallow(text, bytes)) {
        request_fail(e, "bad_request", NULL, "the body's JSON is nested deeper than %d",
                     MAX_JSON_DEPTH);
        return NULL;
    }
    json_t *body =
        json_loadb((const char *)text, bytes, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &where);
    if (!json_is_object(body)) {
        request_fail(e, "bad_request", NULL,
                     body ? "the body must be a JSON object" : "the body's JSON, byte %d: %.160s",
                     where.position, where.text);
        json_decref(body);
        return NULL;
    }
    body_drop_nulls(body);
    return body;
}

bool body_is_byte(const json_t *value)
{
    return json_is_integer(value) && json_integer_value(value) >= 0
           && json_integer_value(value) <= 255;
}
