// SPDX-License-Identifier: MIT
#ifndef BITLOOM_MELT_WEAVE_PRIVATE_H
#define BITLOOM_MELT_WEAVE_PRIVATE_H

#include <bitloom/logic.h>

// What programs of all kinds of networks have in common.

enum {
    TABLE_A = 0xF0,
    TABLE_NOT_A = 0x0F,
    TABLE_AND = 0xC0,
    TABLE_NOR = 0x03,
    TABLE_AND_NOT = 0x30,
    TABLE_OR3 = 0xFE,
    TABLE_MUX = 0xCA
};

// One-hot planes of the byte values whose `is_wanted` holds: one_hot[b] is a slot, 0 for the rest.
void weave_one_hots(bl_assembler *assembler, uint32_t one_hot[256], uint32_t byte,
                    const bool is_wanted[256]);

// The symbol that most bytes share.
uint32_t usual_symbol(const uint8_t byte_symbol[256], uint32_t n_symbols);

// A logit field for each symbol, named after its byte.
BL_MUST_USE bl_status describe_logits(bl_record *record, const uint8_t byte_symbol[256],
                                      uint32_t n_symbols);

#endif
