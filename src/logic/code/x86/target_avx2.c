// SPDX-License-Identifier: MIT
// AVX2 code: a LUT3 is the shortest sequence of and, andn, or, xor that gives it (map/target.c); 13
// registers for values, 3 for what comes between; planes of 64 bytes in two passes of 32.

#include "logic/code/x86/encode.h"
#include "logic/map/target.h"

#include <assert.h>

enum { LOAD = 0x6F, STORE = 0x7F, N_VALUES = 13 };

// VEX.256.66.0F.WIG opcode (F3 would be the unaligned moves): reg, vvvv and rm are ymm registers.
static inline void put_prefix(writer *w, unsigned reg, unsigned vvvv, unsigned rm)
{
    put(w, 0xC4);
    put(w, (uint8_t)((~reg >> 3 & 1) << 7 | 1 << 6 | (~rm >> 3 & 1) << 5 | 1));
    put(w, (uint8_t)((~vvvv & 15) << 3 | 4 | 1));
}

static inline void put_registers(writer *w, unsigned opcode, unsigned reg, unsigned vvvv,
                                 unsigned rm)
{
    put_prefix(w, reg, vvvv, rm);
    put(w, (uint8_t)opcode);
    put(w, (uint8_t)(0xC0 | (reg & 7) << 3 | (rm & 7)));
}

static void put_move(writer *w, const addressing *a, unsigned opcode, unsigned reg, uint32_t slot)
{
    place m = place_of(a, slot);
    put_prefix(w, reg, 0, m.base);
    put(w, (uint8_t)opcode);
    int32_t bytes = m.planes * (int32_t)sizeof(bl_plane);
    bool is_near = bytes >= -128 && bytes < 128;
    put(w, (uint8_t)((is_near ? 0x40 : 0x80) | (reg & 7) << 3 | (m.base & 7)));
    if (is_near)
        put(w, (uint8_t)(int8_t)bytes);
    else
        put_int32(w, bytes);
}

static void load(writer *w, const addressing *a, uint8_t dst, uint32_t slot)
{
    put_move(w, a, LOAD, dst, slot);
}

static void store(writer *w, const addressing *a, uint32_t slot, uint8_t src)
{
    put_move(w, a, STORE, src, slot);
}

// Only the last gate writes the result, which may replace a source that dies.
static void compute(writer *w, const addressing *a, const placed_op *p)
{
    (void)a;
    static const uint8_t opcodes[] = {
        [GATE_AND] = 0xDB, [GATE_ANDN] = 0xDF, [GATE_OR] = 0xEB, [GATE_XOR] = 0xEF};
    if (p->op->n == 1) {
        if (p->op->table == 0xF0) {
            put_registers(w, LOAD, p->result, 0, p->source[0]);
            return;
        }
        put_registers(w, 0x76, N_VALUES, N_VALUES, N_VALUES); // vpcmpeqd: all ones
        put_registers(w, opcodes[GATE_XOR], p->result, p->source[0], N_VALUES);
        return;
    }
    const gate_sequence *s = target_sequence_avx2(p->op->table);
    assert(s->n > 0);
    uint8_t value[3 + MAX_GATES] = {p->source[0], p->source[1], p->source[2]};
    for (uint8_t k = 0; k < s->n; k++) {
        const gate *g = &s->gates[k];
        value[3 + k] = k + 1 == s->n ? p->result : (uint8_t)(N_VALUES + k);
        uint8_t x = value[g->x], y = value[g->y];
        bool is_andn = g->kind == GATE_ANDN; // vpandn complements its first operand
        put_registers(w, opcodes[g->kind], value[3 + k], is_andn ? y : x, is_andn ? x : y);
    }
}

const code_target code_target_avx2 = {.n_registers = N_VALUES,
                                      .n_passes = 2,
                                      .pass_bytes = 32,
                                      .max_op_bytes = 128,
                                      .begin = put_bases,
                                      .end = put_return,
                                      .prefetch = put_prefetch,
                                      .load = load,
                                      .store = store,
                                      .compute = compute};
