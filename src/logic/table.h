// SPDX-License-Identifier: MIT
#ifndef BITLOOM_LOGIC_TABLE_H
#define BITLOOM_LOGIC_TABLE_H

// Tables. Those of three inputs: bit 4a + 2b + c, and what happens when its inputs change.

#include <stdbool.h>
#include <stdint.h>

// Of a table of six inputs, input 0 the fastest: the rows where each is true.
static const uint64_t input_words[6] = {UINT64_C(0xAAAAAAAAAAAAAAAA), UINT64_C(0xCCCCCCCCCCCCCCCC),
                                        UINT64_C(0xF0F0F0F0F0F0F0F0), UINT64_C(0xFF00FF00FF00FF00),
                                        UINT64_C(0xFFFF0000FFFF0000), UINT64_C(0xFFFFFFFF00000000)};

// Inputs of the mask (4: a, 2: b, 1: c) complemented.
static inline uint8_t table_complement_inputs(uint8_t table, unsigned mask)
{
    unsigned t = table;
    if (mask & 4)
        t = (t & 0x0F) << 4 | t >> 4;
    if (mask & 2)
        t = (t & 0x33) << 2 | (t & 0xCC) >> 2;
    if (mask & 1)
        t = (t & 0x55) << 1 | (t & 0xAA) >> 1;
    return (uint8_t)t;
}

// Two inputs exchanged: rows that differ in both change places, row r of the mask with r + shift.
static inline uint8_t table_exchange(uint8_t table, unsigned shift, unsigned mask)
{
    unsigned t = table, change = (t ^ t >> shift) & mask;
    return (uint8_t)(t ^ change ^ change << shift);
}

// The table over the inputs in another order: input k is input order[k] of the old one.
static inline uint8_t table_permute(uint8_t table, const uint8_t order[3])
{
    if (order[0] == 1)
        table = table_exchange(table, 2, 0x0C); // a, b
    else if (order[0] == 2)
        table = table_exchange(table, 3, 0x0A); // a, c
    uint8_t second = order[0] == 1 ? 0 : 1;     // what is in the middle now
    return order[1] == second ? table : table_exchange(table, 1, 0x22);
}

// One step of a comparison of planes with a constant c, from the lowest plane on: with g in input
// c, plane k in b and, where has_high, plane k + 1 in a, g becomes bit of c ? (plane and g) :
// (plane or g).
static inline uint8_t table_compare(uint64_t constant, uint32_t k, bool has_high)
{
    unsigned table = 0;
    for (unsigned row = 0; row < 8; row++) {
        unsigned g = row & 1, low = row >> 1 & 1, high = row >> 2;
        g = constant >> k & 1 ? g & low : g | low;
        if (has_high)
            g = constant >> (k + 1) & 1 ? g & high : g | high;
        table |= g << row;
    }
    return (uint8_t)table;
}

// Input i (0: a, 1: b, 2: c) fixed.
static inline uint8_t table_fix(uint8_t table, uint32_t i, bool value)
{
    static const uint8_t is_set[3] = {0xF0, 0xCC, 0xAA};
    unsigned shift = 4u >> i, t = value ? table & is_set[i] : table & (is_set[i] ^ 0xFFu);
    return (uint8_t)(value ? t | t >> shift : t | t << shift);
}

// Whether input i matters.
static inline bool table_needs(uint8_t table, uint32_t i)
{
    return table_fix(table, i, false) != table;
}

#endif
