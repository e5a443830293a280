// SPDX-License-Identifier: MIT
// Growing byte buffers. One byte is always kept for the final zero.

#include <bitloom/base.h>

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static bool reserve(bl_buffer *b, size_t more)
{
    if (b->status != BL_OK)
        return false;
    if (more >= SIZE_MAX / 2 - b->bytes) {
        b->status = BL_ERR_MEMORY;
        return false;
    }
    size_t need = b->bytes + more + 1;
    if (need <= b->capacity)
        return true;
    size_t capacity = b->capacity + b->capacity / 2 + 256;
    if (capacity < need)
        capacity = need;
    uint8_t *data = bl_resize(b->allocator, b->data, b->capacity, capacity);
    if (!data) {
        b->status = BL_ERR_MEMORY;
        return false;
    }
    b->data = data;
    b->capacity = capacity;
    return true;
}

void bl_buffer_append(bl_buffer *b, const void *data, size_t bytes)
{
    if (!reserve(b, bytes))
        return;
    if (bytes)
        memcpy(b->data + b->bytes, data, bytes);
    b->bytes += bytes;
    b->data[b->bytes] = 0;
}

void bl_buffer_print(bl_buffer *b, const char *format, ...)
{
    va_list arguments;
    char text[256];
    va_start(arguments, format);
    int n = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (n < 0)
        return;
    if ((size_t)n < sizeof text) {
        bl_buffer_append(b, text, (size_t)n);
        return;
    }
    if (!reserve(b, (size_t)n))
        return;
    va_start(arguments, format);
    vsnprintf((char *)b->data + b->bytes, (size_t)n + 1, format, arguments);
    va_end(arguments);
    b->bytes += (size_t)n;
}

void bl_buffer_clear(bl_buffer *b)
{
    bl_free(b->allocator, b->data, b->capacity);
    *b = (bl_buffer){.allocator = b->allocator};
}
