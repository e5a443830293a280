// SPDX-License-Identifier: MIT
// AVX-512 code: one vpternlogq for a function of three values, vpandq and its kin for two, 32
// registers, planes of 64 bytes that a displacement counts in planes.

#include "logic/code/x86/encode.h"
#include "logic/table.h"

#include <assert.h>

enum { MAP_0F = 1, MAP_0F3A = 3 };
enum { LOAD = 0x6F, STORE = 0x7F, TERNARY = 0x25, AND = 0xDB, ANDN = 0xDF, OR = 0xEB, XOR = 0xEF };

// EVEX.512.66.map.W1 opcode; reg, vvvv and rm are numbers of zmm registers.
static inline void put_registers(writer *w, unsigned map, unsigned opcode, unsigned reg,
                                 unsigned vvvv, unsigned rm)
{
    put(w, 0x62);
    put(w, (uint8_t)((~reg >> 3 & 1) << 7 | (~rm >> 4 & 1) << 6 | (~rm >> 3 & 1) << 5
                     | (~reg >> 4 & 1) << 4 | map));
    put(w, (uint8_t)(0x85 | (~vvvv & 15) << 3));
    put(w, (uint8_t)(0x40 | (~vvvv >> 4 & 1) << 3));
    put(w, (uint8_t)opcode);
    put(w, (uint8_t)(0xC0 | (reg & 7) << 3 | (rm & 7)));
}

static inline void put_memory(writer *w, unsigned map, unsigned opcode, unsigned reg, unsigned vvvv,
                              place m)
{
    bool is_near = m.planes >= -128 && m.planes < 128;
    put(w, 0x62);
    put(w, (uint8_t)((~reg >> 3 & 1) << 7 | 1 << 6 | (~(unsigned)m.base >> 3 & 1) << 5
                     | (~reg >> 4 & 1) << 4 | map));
    put(w, (uint8_t)(0x85 | (~vvvv & 15) << 3));
    put(w, (uint8_t)(0x40 | (~vvvv >> 4 & 1) << 3));
    put(w, (uint8_t)opcode);
    put(w, (uint8_t)((is_near ? 0x40 : 0x80) | (reg & 7) << 3 | (m.base & 7)));
    if (is_near)
        put(w, (uint8_t)(int8_t)m.planes);
    else
        put_int32(w, m.planes * (int32_t)sizeof(bl_plane));
}

static void load(writer *w, const addressing *a, uint8_t dst, uint32_t slot)
{
    put_memory(w, MAP_0F, LOAD, dst, 0, place_of(a, slot));
}

static void store(writer *w, const addressing *a, uint32_t slot, uint8_t src)
{
    put_memory(w, MAP_0F, STORE, src, 0, place_of(a, slot));
}

// The last operand is a register or, for NO_REGISTER, the slot.
static void put_op(writer *w, const addressing *a, unsigned map, unsigned opcode, unsigned reg,
                   unsigned vvvv, uint8_t rm, uint32_t slot)
{
    if (rm == NO_REGISTER)
        put_memory(w, map, opcode, reg, vvvv, place_of(a, slot));
    else
        put_registers(w, map, opcode, reg, vvvv, rm);
}

static void copy(writer *w, const addressing *a, const placed_op *p)
{
    if (p->op->table == 0xF0) {
        put_op(w, a, MAP_0F, LOAD, p->result, 0, p->source[0], p->memory_slot);
        return;
    }
    assert(p->op->table == 0x0F);
    put_op(w, a, MAP_0F3A, TERNARY, p->result, p->result, p->source[0], p->memory_slot);
    put(w, 0x55); // not the last operand
}

// b and c; vpandnq complements its first operand, which cannot be in memory.
static void compute2(writer *w, const addressing *a, const placed_op *p)
{
    uint8_t x = p->source[1], y = p->source[2];
    uint8_t table = p->op->table;
    unsigned opcode = table == 0x88 ? AND : table == 0x66 ? XOR : table == 0xEE ? OR : ANDN;
    bool swaps = opcode == ANDN ? table == 0x44 : x == NO_REGISTER;
    if (swaps) {
        uint8_t t = x;
        x = y;
        y = t;
    }
    assert(opcode != ANDN || table == 0x22 || table == 0x44);
    if (x != NO_REGISTER) {
        put_op(w, a, MAP_0F, opcode, p->result, x, y, p->memory_slot);
        return;
    }
    // ~memory & y, with the first operand of vpternlogq not used: y & ~memory
    put_op(w, a, MAP_0F3A, TERNARY, p->result, y, NO_REGISTER, p->memory_slot);
    put(w, 0x44);
}

// The first operand is replaced: a source that dies, or a copy of one. Memory comes last.
static void compute3(writer *w, const addressing *a, const placed_op *p)
{
    uint8_t first = 0;
    while (first < 3 && !p->result_is_source[first])
        first++;
    if (first == 3) {
        first = p->source[0] == NO_REGISTER;
        put_registers(w, MAP_0F, LOAD, p->result, 0, p->source[first]);
    }
    uint8_t last = first == 2 ? 1 : 2;
    for (uint8_t k = 0; k < 3; k++)
        if (p->source[k] == NO_REGISTER)
            last = k;
    uint8_t order[3] = {first, (uint8_t)(3 - first - last), last};
    put_op(w, a, MAP_0F3A, TERNARY, p->result, p->source[order[1]], p->source[last],
           p->memory_slot);
    put(w, table_permute(p->op->table, order));
}

static void compute(writer *w, const addressing *a, const placed_op *p)
{
    if (p->op->n == 3)
        compute3(w, a, p);
    else if (p->op->n == 2)
        compute2(w, a, p);
    else
        copy(w, a, p);
}

const code_target code_target_avx512 = {.n_registers = 32,
                                        .n_passes = 1,
                                        .pass_bytes = 64,
                                        .can_read_memory = true,
                                        .is_destructive = true,
                                        .max_op_bytes = 128,
                                        .begin = put_bases,
                                        .end = put_return,
                                        .prefetch = put_prefetch,
                                        .load = load,
                                        .store = store,
                                        .compute = compute};
