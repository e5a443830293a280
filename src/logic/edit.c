// SPDX-License-Identifier: MIT
// Taking programs apart and putting operations together again.

#include "edit.h"
#include "table.h"

#include <string.h>

void edit_append(edits *e, const edit_operation *op)
{
    bl_buffer_append(&e->operations, op, sizeof *op);
}

static void put(bl_buffer *out, uint32_t word) { bl_buffer_append(out, &word, sizeof word); }

edit_operation edit_begin_macro(const edits *e, const operation *op)
{
    bool is_sum = op->kind == OP_SUM;
    return (edit_operation){.kind = op->kind,
                            .dst = op->dst,
                            .n_dst = is_sum ? op->n_dst : 1,
                            .n_planes = is_sum ? op->n_planes : 1,
                            .n_digits = is_sum ? op->n_digits : 1,
                            .constant = is_sum ? op->base : (int64_t)op->threshold,
                            .lists = e->literals.bytes / sizeof(uint32_t)};
}

uint32_t edit_append_list(edits *e, const bl_program *p, const literal_span *span,
                          const uint8_t *known)
{
    uint32_t n_true = 0, n[2] = {0};
    size_t head = e->literals.bytes;
    put(&e->literals, 0);
    put(&e->literals, 0);
    for (uint32_t c = 0; c < 2; c++) {
        uint64_t at = c ? span->complemented : span->plain;
        uint32_t length = c ? span->n_complemented : span->n_plain;
        for (uint32_t i = 0; i < length; i++) {
            uint32_t slot = program_word(p, at + i);
            if (!known || known[slot] == EDIT_UNKNOWN) {
                put(&e->literals, slot);
                n[c]++;
            } else
                n_true += known[slot] != c;
        }
    }
    if (e->literals.status == BL_OK)
        memcpy(e->literals.data + head, n, sizeof n);
    return n_true;
}

static void read_run(edits *e, const bl_program *p, const operation *op)
{
    uint32_t width = op->n_results + 3;
    for (uint32_t i = 0; i < op->n; i++) {
        uint64_t at = op->first + (uint64_t)i * width;
        edit_operation one = {.kind = op->kind, .dst = program_word(p, at), .n_dst = 1};
        if (op->n_results == 2)
            one.second_dst = program_word(p, at + 1);
        for (uint32_t k = 0; k < 3; k++)
            one.operands[k] = program_word(p, at + op->n_results + k);
        edit_append(e, &one);
    }
}

void edit_read(edits *e, const bl_program *p, uint32_t entry)
{
    uint64_t at = p->entries[entry].first_word;
    for (operation op = {0}; op.kind != OP_END;) {
        at = program_next(&op, p, at);
        if (op.n_results)
            read_run(e, p, &op);
        else if (op.kind != OP_END) {
            edit_operation macro = edit_begin_macro(e, &op);
            uint64_t list = op.first;
            for (uint32_t k = 0; k < macro.n_digits; k++) {
                literal_span span;
                list = program_list(&span, p, list);
                edit_append_list(e, p, &span, NULL);
            }
            edit_append(e, &macro);
        }
    }
}

static uint32_t *list_of(const edits *e, size_t at)
{
    return (uint32_t *)(void *)e->literals.data + at;
}

void edit_for_reads(const edits *e, edit_operation *op, void (*see)(void *context, uint32_t *slot),
                    void *context)
{
    if (op->kind != OP_COUNT_GE && op->kind != OP_SUM) {
        for (uint32_t i = 0; i < 3; i++)
            if (op->kind >= OP_ADDER || table_needs((uint8_t)op->kind, i))
                see(context, &op->operands[i]);
        return;
    }
    uint32_t *list = list_of(e, op->lists);
    for (uint32_t k = 0; k < op->n_digits; k++) {
        uint32_t n = list[0] + list[1];
        for (uint32_t i = 0; i < n; i++)
            see(context, &list[2 + i]);
        list += 2 + n;
    }
}

void edit_emit(bl_assembler *a, const edits *e, const edit_operation *op)
{
    const uint32_t *o = op->operands;
    if (op->kind < 256) {
        bl_assembler_lut3(a, (uint8_t)op->kind, op->dst, o[0], o[1], o[2]);
        return;
    }
    if (op->kind >= OP_ADDER) {
        bl_assembler_adder(a, (bl_adder)(op->kind - OP_ADDER), op->dst, op->second_dst, o[0], o[1],
                           o[2]);
        return;
    }
    bl_literal_list digits[MAX_SUM_PLANES];
    const uint32_t *list = list_of(e, op->lists);
    for (uint32_t k = 0; k < op->n_digits; k++) {
        digits[k] = (bl_literal_list){.plain = list + 2,
                                      .complemented = list + 2 + list[0],
                                      .n_plain = list[0],
                                      .n_complemented = list[1]};
        list += 2 + list[0] + list[1];
    }
    if (op->kind == OP_COUNT_GE)
        bl_assembler_count_ge(a, op->dst, &digits[0], op->constant);
    else
        bl_assembler_sum(a, op->dst, op->n_dst, op->n_planes, op->constant, digits, op->n_digits);
}

void edit_clear(edits *e)
{
    bl_buffer_clear(&e->operations);
    bl_buffer_clear(&e->literals);
}
