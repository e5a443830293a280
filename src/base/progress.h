// SPDX-License-Identifier: MIT
#ifndef BITLOOM_BASE_PROGRESS_H
#define BITLOOM_BASE_PROGRESS_H

// A progress line on standard error: only on a terminal, at most ten times a second.

#include <bitloom/base.h>

typedef struct bl_progress {
    const char *label, *unit;
    uint64_t total; // 0: unknown
    uint64_t begun_ns, shown_ns;
    bool is_visible;
} bl_progress;

void bl_progress_begin(bl_progress *p, const char *label, uint64_t total, const char *unit,
                       bool is_quiet);
void bl_progress_update(bl_progress *p, uint64_t done);
void bl_progress_end(bl_progress *p, uint64_t done); // the last line stays

#endif
