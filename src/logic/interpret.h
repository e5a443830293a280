// SPDX-License-Identifier: MIT
#ifndef BITLOOM_LOGIC_INTERPRET_H
#define BITLOOM_LOGIC_INTERPRET_H

#include <bitloom/bits.h>

// Runs one entry: `code` at its first word, 16 or 32 bits each. The code was validated.
typedef void interpret16(bl_plane *slots, const uint16_t *code);
typedef void interpret32(bl_plane *slots, const uint32_t *code);

typedef struct interpreter {
    interpret16 *narrow;
    interpret32 *wide;
} interpreter;

// Compiled from interpret_lanes.h, once per level; only the levels of this machine's family.
extern const interpreter interpreter_c, interpreter_avx2, interpreter_avx512, interpreter_neon;

#endif
