// SPDX-License-Identifier: MIT
#ifndef BITLOOM_SERVE_STOPS_H
#define BITLOOM_SERVE_STOPS_H

// Stop strings: a text that grows byte by byte ends where one of them is complete. Each is followed
// by the automaton of Knuth, Morris and Pratt ("Fast pattern matching in strings", 1977), which
// also says how many of the last bytes may turn out to belong to one, so must not be shown yet.

#include <bitloom/base.h>

enum { MAX_STOPS = 5, MAX_STOP_BYTES = 256 };

typedef struct stop_string {
    uint16_t bytes;
    uint8_t text[MAX_STOP_BYTES];
    uint16_t fallback[MAX_STOP_BYTES]; // [i]: the longest beginning that ends text[0 .. i]
} stop_string;

typedef struct stop_set {
    uint32_t n;
    stop_string strings[MAX_STOPS];
} stop_set;

typedef struct stop_progress { // all zero at the beginning
    uint16_t at[MAX_STOPS];    // bytes of each string that the text ends with
} stop_progress;

// False: there are MAX_STOPS already, or bytes is not 1 to MAX_STOP_BYTES.
bool stops_add(stop_set *set, const uint8_t *text, size_t bytes);
// The length of the longest string that this byte completes, or 0.
size_t stops_advance(stop_progress *progress, const stop_set *set, uint8_t byte);
// How many of the last bytes may still belong to one.
size_t stops_held(const stop_progress *progress, const stop_set *set);

#endif
