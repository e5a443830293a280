// SPDX-License-Identifier: MIT
#ifndef BITLOOM_LOGIC_INTERPRET_H
#define BITLOOM_LOGIC_INTERPRET_H

#include <bitloom/bits.h>

// Slots in 16-bit words are multiplied by this, see running.c.
enum { NARROW_SCALE = 8 };

// Runs one entry: `code` at its first word, 16 or 32 bits each. The code was validated.
typedef void interpret16(bl_plane *slots, const uint16_t *code);
typedef void interpret32(bl_plane *slots, const uint32_t *code);

// The same for n_chunks at a time, whose slots lie `stride` planes apart: what one operation costs
// to find and to decode, it costs once, and operations that wait for each other do so side by side.
typedef void interpret16_many(bl_plane *slots, const uint16_t *code, size_t n_chunks,
                              size_t stride);
typedef void interpret32_many(bl_plane *slots, const uint32_t *code, size_t n_chunks,
                              size_t stride);

typedef struct interpreter {
    interpret16 *narrow;
    interpret16_many *narrow_many;
    interpret32 *wide;
    interpret32_many *wide_many;
} interpreter;

// Compiled from interpret_lanes.h, once per level; only the levels of this machine's family.
extern const interpreter interpreter_c, interpreter_avx2, interpreter_avx512, interpreter_neon;

#endif
