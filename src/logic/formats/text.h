// SPDX-License-Identifier: MIT
#ifndef BITLOOM_LOGIC_TEXT_H
#define BITLOOM_LOGIC_TEXT_H

#include <bitloom/logic.h>

#include <string.h>

// A piece of a file, not terminated.
typedef struct slice {
    const char *at;
    uint32_t n;
} slice;

static inline bool slice_is(slice s, const char *other)
{
    return strlen(other) == s.n && memcmp(s.at, other, s.n) == 0;
}

// Where a reader stands in a file of lines.
typedef struct text {
    const char *data;
    size_t bytes, at;
    uint64_t line; // from 1
    size_t line_start;
    const char *name; // for messages
    bl_diag *diag;
} text;

#define TEXT_FAIL(t, status, ...)                                                                  \
    bl_diag_set((t)->diag, status, (t)->name, (t)->line, (t)->at - (t)->line_start + 1, __VA_ARGS__)

// Steps over one character, if it is this one.
static inline bool text_take(text *t, char c)
{
    if (t->at >= t->bytes || t->data[t->at] != c)
        return false;
    t->at++;
    if (c == '\n') {
        t->line++;
        t->line_start = t->at;
    }
    return true;
}

static inline bool text_is_at_digit(const text *t)
{
    return t->at < t->bytes && t->data[t->at] >= '0' && t->data[t->at] <= '9';
}

// A decimal number; the end of a line, LF or CRLF. `what` is expected, or what the line holds.
BL_MUST_USE bl_status text_number(uint32_t *value, text *t, const char *what);
BL_MUST_USE bl_status text_end_line(text *t, const char *what);

// How a slice goes into a message: printf("%.*s", SLICE(s)), at most 200 characters of it.
#define SLICE(s) (int)((s).n < 200 ? (s).n : 200), (s).at

#endif
