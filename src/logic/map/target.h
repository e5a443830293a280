// SPDX-License-Identifier: MIT
#ifndef BITLOOM_LOGIC_TARGET_H
#define BITLOOM_LOGIC_TARGET_H

#include <bitloom/netlist.h>

// One instruction of a target without LUT3s. Operands are values: 0, 1, 2 are inputs a, b, c of the
// table, 3 and up the results of earlier gates.
typedef enum gate_kind {
    GATE_AND,    // x & y
    GATE_ANDN,   // x & ~y
    GATE_OR,     // x | y
    GATE_XOR,    // x ^ y
    GATE_SELECT, // x ? y : z
    GATE_AND_OR, // (x & y) | z
    GATE_OR3,    // x | y | z
    GATE_XOR3    // x ^ y ^ z
} gate_kind;

typedef struct gate {
    uint8_t kind, x, y, z;
} gate;

enum { MAX_GATES = 4 }; // every function of three bits that maps 0 to 0 has such a sequence

typedef struct gate_sequence {
    uint8_t n;      // gates; the last one gives the result
    uint8_t result; // the value that is the result where n = 0
    gate gates[MAX_GATES];
} gate_sequence;

// The shortest sequence for each table whose row 0 is 0; `sequences` has 256 entries, those of
// other tables stay empty. A few milliseconds.
void target_find_sequences(gate_sequence *sequences, bl_target target);

// The one for AVX2, found at the first call; any thread.
const gate_sequence *target_sequence_avx2(uint8_t table);

#endif
