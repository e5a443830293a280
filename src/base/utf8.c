// SPDX-License-Identifier: MIT
// UTF-8 (RFC 3629): no surrogates, no overlong forms, nothing above U+10FFFF. The second byte alone
// tells them: E0 wants A0.., ED ..9F, F0 90.., F4 ..8F, all others 80..BF.

#include <bitloom/base.h>

#include <assert.h>

static size_t length_of(uint8_t first)
{
    return first < 0x80                    ? 1
           : first >= 0xC2 && first < 0xE0 ? 2
           : first >= 0xE0 && first < 0xF0 ? 3
           : first >= 0xF0 && first < 0xF5 ? 4
                                           : 0;
}

// Whether the first n >= 1 bytes can begin a sequence.
static bool is_beginning(const uint8_t *s, size_t n)
{
    for (size_t i = 1; i < n; i++)
        if ((s[i] & 0xC0) != 0x80)
            return false;
    bool is_bad = n > 1
                  && ((s[0] == 0xE0 && s[1] < 0xA0) || (s[0] == 0xED && s[1] >= 0xA0)
                      || (s[0] == 0xF0 && s[1] < 0x90) || (s[0] == 0xF4 && s[1] >= 0x90));
    return !is_bad;
}

size_t bl_utf8_sequence(const uint8_t *text, size_t bytes)
{
    assert(bytes > 0);
    size_t n = length_of(text[0]);
    return n <= bytes && n > 0 && is_beginning(text, n) ? n : 0;
}

size_t bl_utf8_whole(const uint8_t *text, size_t bytes)
{
    for (size_t n = 1; n <= 3 && n <= bytes; n++) {
        const uint8_t *last = text + bytes - n;
        if (length_of(*last) > n && is_beginning(last, n))
            return bytes - n;
    }
    return bytes;
}
