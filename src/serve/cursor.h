// SPDX-License-Identifier: MIT
#ifndef BITLOOM_SERVE_CURSOR_H
#define BITLOOM_SERVE_CURSOR_H

// A place in foreign bytes. Failure sticks, with its reason: read freely, check once.

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <bitloom/base.h>

typedef struct cursor {
    const uint8_t *data;
    size_t bytes, at;
    bool has_failed;
    bool lacks_memory;
    char reason[160];
} cursor;

BL_PRINTF(2, 3) static inline bool cursor_fail(cursor *c, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    if (!c->has_failed)
        vsnprintf(c->reason, sizeof c->reason, format, list);
    va_end(list);
    c->has_failed = true;
    return false;
}

static inline bool cursor_fail_memory(cursor *c)
{
    c->lacks_memory = true;
    return cursor_fail(c, "out of memory");
}

// NULL: there are not so many left.
static inline const uint8_t *cursor_take(cursor *c, size_t bytes)
{
    if (c->has_failed || c->bytes - c->at < bytes) {
        (void)cursor_fail(c, "%zu bytes are expected here, and %zu are left", bytes,
                          c->bytes - c->at);
        return NULL;
    }
    c->at += bytes;
    return c->data + c->at - bytes;
}

static inline bool cursor_read(void *dst, cursor *c, size_t bytes)
{
    const uint8_t *data = cursor_take(c, bytes);
    if (data && bytes > 0)
        memcpy(dst, data, bytes);
    return data;
}

#endif
