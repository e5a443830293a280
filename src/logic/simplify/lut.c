// SPDX-License-Identifier: MIT
// Tables of three inputs as bytes: complements, constants, equal and idle inputs leave by shifts.
//
//     rows where input 0, 1, 2 is true: 0xAA, 0xCC, 0xF0; the row without bit k lies 1 << k below

#include "lut.h"
#include "network.h"

static const uint8_t input_rows[MAX_FANINS] = {0xAA, 0xCC, 0xF0}; // where the input is true

static uint8_t table_flip(uint8_t table, uint32_t input)
{
    uint32_t m = input_rows[input], s = 1u << input;
    return (uint8_t)((table & m) >> s | (uint32_t)(table & ~m) << s);
}

static uint8_t table_cofactor(uint8_t table, uint32_t input, bool to)
{
    uint32_t m = input_rows[input], s = 1u << input;
    return to ? (uint8_t)((table & m) | (table & m) >> s)
              : (uint8_t)((table & ~m & 0xFF) | (table & ~m) << s);
}

// Exchanges inputs k and k + 1.
static uint8_t table_swap(uint8_t table, uint32_t k)
{
    unsigned t = table;
    return (uint8_t)(k == 0 ? (t & 0x99) | (t & 0x22) << 1 | (t & 0x44) >> 1
                            : (t & 0xC3) | (t & 0x0C) << 2 | (t & 0x30) >> 2);
}

static void drop_input(uint8_t *table, uint32_t *fanin, uint32_t k, bool value)
{
    *table = table_cofactor(*table, k, value);
    fanin[k] = 0;
}

// Inputs 0 and 1, or 1 and 2, are the same gate: only rows where both are equal count.
static void merge_inputs(uint8_t *table, uint32_t *fanin, uint32_t k)
{
    uint8_t both = table_cofactor(table_cofactor(*table, k, true), k + 1, true);
    uint8_t none = table_cofactor(table_cofactor(*table, k, false), k + 1, false);
    *table = (uint8_t)((both & input_rows[k]) | (none & ~input_rows[k]));
    fanin[k + 1] = 0;
}

static void sort_inputs(uint8_t *table, uint32_t *fanin)
{
    static const uint32_t order[3] = {0, 1, 0};
    for (uint32_t i = 0; i < 3; i++) {
        uint32_t k = order[i], a = fanin[k] - 1, b = fanin[k + 1] - 1; // unused ones go last
        if (a <= b)
            continue;
        fanin[k] = b + 1;
        fanin[k + 1] = a + 1;
        *table = table_swap(*table, k);
    }
}

uint32_t lut_normalise(uint8_t *table, uint32_t *fanin)
{
    for (uint32_t k = 0; k < MAX_FANINS; k++) {
        if (bl_lit_is_complemented(fanin[k]))
            *table = table_flip(*table, k);
        fanin[k] = bl_lit_node(fanin[k]);
        if (fanin[k] == 0)
            drop_input(table, fanin, k, false);
    }
    sort_inputs(table, fanin);
    for (uint32_t k = 2; k-- > 0;)
        if (fanin[k] != 0 && fanin[k] == fanin[k + 1])
            merge_inputs(table, fanin, k);
    for (uint32_t k = 0; k < MAX_FANINS; k++)
        if (table_cofactor(*table, k, false) == *table)
            fanin[k] = 0;
    sort_inputs(table, fanin);
    return (fanin[0] != 0) + (uint32_t)(fanin[1] != 0) + (fanin[2] != 0);
}
