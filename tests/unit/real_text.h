// SPDX-License-Identifier: MIT
#ifndef BITLOOM_TESTS_REAL_TEXT_H
#define BITLOOM_TESTS_REAL_TEXT_H

// Bytes for lanes: of a text, each lane somewhere else in it, or any.

#include <bitloom/base.h>

static bl_random rng;

static const char real_text[] =
    "It was the best of times, it was the worst of times, it was the age of wisdom, it was the age "
    "of foolishness, it was the epoch of belief, it was the epoch of incredulity, it was the "
    "season of Light, it was the season of Darkness, it was the spring of hope, it was the winter "
    "of despair.\n";

static inline uint8_t next_byte(size_t lane, int t, bool is_real)
{
    return is_real ? (uint8_t)real_text[(lane * 7 + (size_t)t) % (sizeof real_text - 1)]
                   : (uint8_t)bl_random_next(&rng);
}

#endif
