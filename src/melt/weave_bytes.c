// SPDX-License-Identifier: MIT
// Bytes at both ends of a program: their one-hot planes, the names of their logits.

#include "weave_private.h"

#include <bitloom/melt.h>

#include <stdio.h>

// One-hot planes of four bits, 16 slots: products of the two bits above and the two below.
static uint32_t decode_nibble(bl_assembler *a, uint32_t bits)
{
    uint32_t pair = bl_assembler_temporaries(a, 8), out = bl_assembler_temporaries(a, 16);
    for (uint32_t k = 0; k < 2; k++)
        for (uint32_t v = 0; v < 4; v++) {
            uint32_t low = bits + 2 * k, high = low + 1, dst = pair + 4 * k + v;
            if (v == 3)
                bl_assembler_lut3(a, TABLE_AND, dst, high, low, 0);
            else if (v == 2)
                bl_assembler_lut3(a, TABLE_AND_NOT, dst, high, low, 0);
            else if (v == 1)
                bl_assembler_lut3(a, TABLE_AND_NOT, dst, low, high, 0);
            else
                bl_assembler_lut3(a, TABLE_NOR, dst, high, low, 0);
        }
    for (uint32_t v = 0; v < 16; v++)
        bl_assembler_lut3(a, TABLE_AND, out + v, pair + 4 + v / 4, pair + v % 4, 0);
    return out;
}

void weave_one_hots(bl_assembler *a, uint32_t one_hot[256], uint32_t byte,
                    const bool is_wanted[256])
{
    uint32_t low = decode_nibble(a, byte), high = decode_nibble(a, byte + 4);
    for (uint32_t b = 0; b < 256; b++) {
        one_hot[b] = is_wanted[b] ? bl_assembler_temporaries(a, 1) : 0;
        if (is_wanted[b])
            bl_assembler_lut3(a, TABLE_AND, one_hot[b], high + b / 16, low + b % 16, 0);
    }
}

uint32_t usual_symbol(const uint8_t byte_symbol[256], uint32_t n_symbols)
{
    uint32_t n_bytes[256] = {0}, best = 0;
    for (int b = 0; b < 256; b++)
        n_bytes[byte_symbol[b]]++;
    for (uint32_t s = 1; s < n_symbols; s++)
        if (n_bytes[s] > n_bytes[best])
            best = s;
    return best;
}

bl_status describe_logits(bl_record *record, const uint8_t byte_symbol[256], uint32_t n_symbols)
{
    char name[BL_FIELD_NAME_BYTES];
    bl_status status = BL_OK;
    for (uint32_t s = 0; s < n_symbols && status == BL_OK; s++) {
        int first = -1, n_bytes = 0;
        for (int b = 255; b >= 0; b--)
            if (byte_symbol[b] == s) {
                first = b;
                n_bytes++;
            }
        if (n_bytes == 1)
            snprintf(name, sizeof name, "logit_%02x", (unsigned)first);
        else
            snprintf(name, sizeof name, "logit_symbol%u", s);
        status = bl_record_add(record, name, BL_LOGIT_BITS, true);
    }
    return status;
}
