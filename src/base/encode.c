// SPDX-License-Identifier: MIT
// Hexadecimal digits and base64 (RFC 4648, with padding).

#include <bitloom/base.h>

#include <string.h>

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void bl_hex(char *dst, const uint8_t *data, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        *dst++ = "0123456789abcdef"[data[i] >> 4];
        *dst++ = "0123456789abcdef"[data[i] & 15];
    }
    *dst = 0;
}

void bl_base64_encode(char *dst, const uint8_t *data, size_t bytes)
{
    for (size_t i = 0; i < bytes; i += 3, dst += 4) {
        size_t n = bytes - i;
        uint32_t v = (uint32_t)data[i] << 16;
        v |= n > 1 ? (uint32_t)data[i + 1] << 8 : 0;
        v |= n > 2 ? data[i + 2] : 0;
        dst[0] = digits[v >> 18];
        dst[1] = digits[v >> 12 & 63];
        dst[2] = n > 1 ? digits[v >> 6 & 63] : '=';
        dst[3] = n > 2 ? digits[v & 63] : '=';
    }
    *dst = 0;
}

bool bl_base64_decode(uint8_t *dst, size_t *bytes, const char *text, size_t n_chars)
{
    if (n_chars % 4 != 0)
        return false;
    size_t n = 0;
    for (size_t i = 0; i < n_chars; i += 4) {
        uint32_t v = 0, n_padding = 0;
        for (size_t k = 0; k < 4; k++) {
            char c = text[i + k];
            const char *digit = c ? memchr(digits, c, 64) : NULL;
            if (c == '=' && i + 4 == n_chars && k >= 2)
                n_padding++;
            else if (!digit || n_padding)
                return false;
            v = v << 6 | (digit && c != '=' ? (uint32_t)(digit - digits) : 0);
        }
        dst[n++] = (uint8_t)(v >> 16);
        if (n_padding < 2)
            dst[n++] = (uint8_t)(v >> 8);
        if (n_padding < 1)
            dst[n++] = (uint8_t)v;
    }
    *bytes = n;
    return true;
}
