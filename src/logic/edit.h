// SPDX-License-Identifier: MIT
#ifndef BITLOOM_LOGIC_EDIT_H
#define BITLOOM_LOGIC_EDIT_H

// Operations of a program taken apart, one by one, to be changed and assembled again.

#include "program_private.h"

typedef struct edit_operation {
    uint32_t kind, dst, second_dst; // as in `operation`; second_dst: the carry of an adder, or 0
    uint32_t operands[3];
    uint32_t n_dst, n_planes, n_digits; // n_dst of a LUT3, an adder or a COUNT_GE is 1
    int64_t constant;                   // threshold of a COUNT_GE, base of a SUM
    size_t lists; // first word in `literals`: for each digit two lengths, then slots
    bool is_live; // the user's
} edit_operation;

typedef struct edits {
    bl_buffer operations, literals; // both report a lack of memory by their status
} edits;

static inline edit_operation *edit_at(const edits *e, size_t i)
{
    return (edit_operation *)(void *)e->operations.data + i;
}
static inline size_t edit_count(const edits *e)
{
    return e->operations.bytes / sizeof(edit_operation);
}

// Appends an operation as it is.
void edit_append(edits *e, const edit_operation *op);

// Begins an operation of kind COUNT_GE or SUM like `op`, without lists, which lie at the end of
// e->literals.
edit_operation edit_begin_macro(const edits *e, const operation *op);
// Appends one list of it without slots whose value is known (known[slot] 0 or 1, EDIT_UNKNOWN for
// the others; NULL: none is); returns how many of the literals left out are true.
enum { EDIT_UNKNOWN = 2 };
uint32_t edit_append_list(edits *e, const bl_program *program, const literal_span *span,
                          const uint8_t *known);

// Appends all operations of an entry.
void edit_read(edits *e, const bl_program *program, uint32_t entry);

// Calls for each slot that an operation reads, which it may change. Operands that the table of a
// LUT3 does not need are no reads.
void edit_for_reads(const edits *e, edit_operation *op, void (*see)(void *context, uint32_t *slot),
                    void *context);

void edit_emit(bl_assembler *a, const edits *e, const edit_operation *op);

void edit_clear(edits *e);

#endif
