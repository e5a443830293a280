// SPDX-License-Identifier: MIT
#ifndef BITLOOM_LOGIC_TEXT_H
#define BITLOOM_LOGIC_TEXT_H

#include <bitloom/logic.h>

// A piece of a file, not terminated.
typedef struct slice {
    const char *at;
    uint32_t n;
} slice;

bool slice_is(slice s, const char *text);

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

// How a slice goes into a message: printf("%.*s", SLICE(s)), at most 200 characters of it.
#define SLICE(s) (int)((s).n < 200 ? (s).n : 200), (s).at

#endif
