// SPDX-License-Identifier: MIT
#ifndef BITLOOM_LOGIC_PROGRAM_PRIVATE_H
#define BITLOOM_LOGIC_PROGRAM_PRIVATE_H

// The file form of a program, which is also its form in memory (docs/formats/blp.md):
//
//     header | fields of inputs, state, outputs | entries | code
//
// Code is a run of words of 16 bits (32 where a slot number needs more), little endian:
//
//     t n (dst a b c) x n                           LUT3 run, t = truth table 0..255
//     ADDER + k n (sum carry a b c) x n             run of adders, k = a bl_adder
//     COUNT_GE dst threshold p c  p slots, c slots  literals: p plain, c complemented
//     SUM dst n_dst n_planes n_digits base_lo base_hi (p c  p slots, c slots) x n_digits
//     END
//
// p and c are multiples of 8: lists are filled up with slot 0 (never true) and slot 1 (its
// complement is never true), so that kernels need no tails.

#include <bitloom/logic.h>

enum {
    PROGRAM_VERSION = 2, // 2 has adders; what 1 has means the same
    OP_COUNT_GE = 256,
    OP_SUM = 257,
    OP_END = 258,
    OP_ADDER = 259, // and BL_ADDER_COUNT - 1 more
    LIST_MULTIPLE = 8,
    MAX_LITERALS = 65528, // of one operation: counts stay below 2^16
    MAX_SUM_PLANES = 24,
    MAX_RUN = 65535,
    ENTRY_NAME_BYTES = 32,
    FIRST_FREE_SLOT = 2
};

typedef struct program_header {
    char magic[4]; // "BLP1"
    uint32_t version;
    uint32_t is_wide;
    uint32_t n_slots, n_inputs, n_state, n_outputs, n_temporaries;
    uint32_t n_fields[3]; // inputs, state, outputs
    uint32_t n_entries;
    uint64_t n_code_words;
    uint64_t bytes;
} program_header;

typedef struct program_field {
    char name[BL_FIELD_NAME_BYTES];
    uint32_t width, is_signed;
} program_field;
typedef struct program_entry {
    char name[ENTRY_NAME_BYTES];
    uint64_t first_word;
} program_entry;

_Static_assert(sizeof(program_header) == 64, "the header has no holes");
_Static_assert(sizeof(program_field) == 40 && sizeof(program_entry) == 40, "tables have no holes");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "programs are little endian in memory");

struct bl_program {
    const uint8_t *data;
    uint8_t *owned; // data, where the program made it itself
    size_t bytes;
    const program_header *header;
    const program_entry *entries;
    const void *code; // uint16_t or uint32_t words
    bl_record records[3];
    bl_program_info info;
    const bl_allocator *allocator;
};

// One operation, or one run of LUT3 or adder operations, as found in the code.
typedef struct operation {
    uint32_t kind;         // truth table, OP_ADDER + k, OP_COUNT_GE, OP_SUM or OP_END
    uint64_t first;        // word behind the head: the records of a run, or the first list
    uint32_t n, n_results; // records of a run; results come first in each, three operands follow
    uint32_t dst, n_dst, n_planes, n_digits;
    uint32_t threshold;
    int32_t base;
} operation;

typedef struct literal_span {
    uint32_t n_plain, n_complemented;
    uint64_t plain, complemented;
} literal_span;

// Results of each record of a run; 0: the operation is none.
static inline uint32_t run_results(uint32_t kind)
{
    return kind < 256 ? 1 : kind >= OP_ADDER && kind < OP_ADDER + BL_ADDER_COUNT ? 2 : 0;
}

// What an adder computes beside the sum, 0x96 of its operands.
static inline uint8_t adder_carry_table(uint32_t kind)
{
    static const uint8_t tables[BL_ADDER_COUNT] = {
        [BL_ADD] = 0xE8, [BL_SUBTRACT] = 0x8E, [BL_HALF_ADD] = 0x88, [BL_HALF_SUBTRACT] = 0x22};
    return tables[kind - OP_ADDER];
}
enum { SUM_TABLE = 0x96 };

static inline uint32_t program_word(const bl_program *p, uint64_t at)
{
    return p->header->is_wide ? ((const uint32_t *)p->code)[at] : ((const uint16_t *)p->code)[at];
}

// Reads the operation at `at` of a validated program; returns where the next one begins.
uint64_t program_next(operation *op, const bl_program *p, uint64_t at);
// Reads one list of a macro-operation; returns where the next one begins.
uint64_t program_list(literal_span *span, const bl_program *p, uint64_t at);

// Takes over `data` (allocated with `allocator`, `bytes` long), also on failure.
BL_MUST_USE bl_status program_adopt(bl_program **program, uint8_t *data, size_t bytes,
                                    const bl_allocator *allocator);

#endif
