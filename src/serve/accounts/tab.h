// SPDX-License-Identifier: MIT
#ifndef BITLOOM_SERVE_ACCOUNTS_TAB_H
#define BITLOOM_SERVE_ACCOUNTS_TAB_H

// What a connection with many small requests has reserved: some 65,536 lane-steps at a time, so
// that a step need not wait for the disk. Activities pass through it on their way to the engine;
// without accounts it lets all pass.
//
//     tab_submit(t, a) ──> engine       when what is left covers activity_max_lane_steps(a)
//                     └──> waits        until the ledger has more, or else a->refusal is set and
//                                       a->receive is called as for its end
//     tab_end(t, a)                     in that call, always: returns what a did not use

#include "../engine.h"
#include "accounts.h"

enum { TAB_LANE_STEPS = 1 << 16, TAB_MAX_PARTS = 128 };

typedef struct tab {
    accounts *accounts; // NULL: off
    engine *engine;
    visitor visitor;
    const char *work_kind;
    uint64_t n_lane_steps; // of all that has ended
    // its own, all zero at the beginning
    uint64_t left;                   // of the parts, promised to nobody
    uint64_t used;                   // of the first part
    admission *parts[TAB_MAX_PARTS]; // granted, oldest first
    size_t n_parts;
    admission *pending;     // or NULL
    activity *first, *last; // wait, linked by next
} tab;

void tab_submit(tab *t, activity *a);
// Submits `next` at once, of what `a`, which has ended and is ended here next, was promised and did
// not use: that covers it.
void tab_hand_on(tab *t, activity *next, activity *a);
void tab_end(tab *t, const activity *a);
void tab_close(tab *t); // no activity is left: settles everything; it may be used again

#endif
