// SPDX-License-Identifier: MIT
// What functions of three inputs cost on machines without LUT3 instructions: all short sequences of
// gates are tried, the shortest ones first. Complements cost nothing, since a program can choose
// the polarity of each signal so that 0, 0, 0 gives 0; every gate here does the same.

#include "logic/map/target.h"

#include <pthread.h>
#include <string.h>

enum { N_VALUES = 3 + MAX_GATES };

typedef struct search {
    gate_sequence *best;
    bl_target target;
    gate gates[MAX_GATES];
    uint8_t values[N_VALUES]; // tables of a, b, c and of the gates
    uint8_t length;           // of the sequences that are tried now
} search;

static uint8_t apply(gate_kind kind, uint8_t x, uint8_t y, uint8_t z)
{
    switch (kind) {
    case GATE_AND: return x & y;
    case GATE_ANDN: return x & (uint8_t)~y;
    case GATE_OR: return x | y;
    case GATE_XOR: return x ^ y;
    case GATE_SELECT: return (uint8_t)((x & y) | (~x & z));
    case GATE_AND_OR: return (uint8_t)((x & y) | z);
    case GATE_OR3: return x | y | z;
    default: return x ^ y ^ z;
    }
}

static bool has_gate(bl_target target, gate_kind kind)
{
    if (kind <= GATE_XOR)
        return true;
    return target == BL_TARGET_RDNA3 || (target == BL_TARGET_NEON && kind == GATE_SELECT);
}

static void try_gate(search *s, uint8_t n, gate g);

static void try_operands(search *s, uint8_t n, uint8_t kind)
{
    uint8_t n_values = (uint8_t)(3 + n);
    for (uint8_t x = 0; x < n_values; x++)
        for (uint8_t y = 0; y < n_values; y++) {
            if (x == y || (kind != GATE_ANDN && kind != GATE_SELECT && y < x))
                continue;
            if (kind <= GATE_XOR) {
                try_gate(s, n, (gate){.kind = kind, .x = x, .y = y});
                continue;
            }
            for (uint8_t z = 0; z < n_values; z++)
                if (z != x && z != y)
                    try_gate(s, n, (gate){.kind = kind, .x = x, .y = y, .z = z});
        }
}

static void extend(search *s, uint8_t n)
{
    for (uint8_t kind = GATE_AND; kind <= GATE_XOR3; kind++)
        if (has_gate(s->target, kind))
            try_operands(s, n, kind);
}

static void try_gate(search *s, uint8_t n, gate g)
{
    s->gates[n] = g;
    s->values[3 + n] = apply(g.kind, s->values[g.x], s->values[g.y], s->values[g.z]);
    if (n + 1 < s->length) {
        extend(s, (uint8_t)(n + 1));
        return;
    }
    gate_sequence *best = &s->best[s->values[3 + n]];
    if (best->n == 0 && best->result == 0) {
        *best = (gate_sequence){.n = s->length, .result = (uint8_t)(3 + n)};
        memcpy(best->gates, s->gates, s->length * sizeof *s->gates);
    }
}

static bool is_complete(const gate_sequence *sequences)
{
    for (unsigned t = 2; t < 256; t += 2)
        if (sequences[t].n == 0 && t != 0xAA && t != 0xCC && t != 0xF0)
            return false;
    return true;
}

void target_find_sequences(gate_sequence *sequences, bl_target target)
{
    memset(sequences, 0, 256 * sizeof *sequences);
    search s = {.best = sequences, .target = target, .values = {0xF0, 0xCC, 0xAA}};
    sequences[0xCC].result = 1; // an input is its own result; 0 stands for none found
    sequences[0xAA].result = 2;
    sequences[0xF0].result = 3; // marks it as found, corrected below
    for (s.length = 1; s.length <= MAX_GATES && !is_complete(sequences); s.length++)
        extend(&s, 0);
    sequences[0xF0].result = 0;
}

static gate_sequence avx2_sequences[256]; // constant once it is found
static pthread_once_t avx2_once = PTHREAD_ONCE_INIT;
static void find_avx2_sequences(void) { target_find_sequences(avx2_sequences, BL_TARGET_AVX2); }

const gate_sequence *target_sequence_avx2(uint8_t table)
{
    pthread_once(&avx2_once, find_avx2_sequences);
    return &avx2_sequences[table];
}

void bl_target_costs(uint8_t costs[256], bl_target target)
{
    gate_sequence sequences[256];
    if (target != BL_TARGET_LUT)
        target_find_sequences(sequences, target);
    for (unsigned t = 0; t < 256; t++) {
        unsigned normal = t & 1 ? ~t & 0xFF : t;
        bool is_free = normal == 0 || normal == 0xF0 || normal == 0xCC || normal == 0xAA;
        costs[t] = is_free ? 0 : target == BL_TARGET_LUT ? 1 : sequences[normal].n;
    }
}
