// SPDX-License-Identifier: MIT
// Ties planes of a program's state to constants and leaves out what is then of no use.
//
// For each entry: one pass forward that knows which slots hold constants and takes them out of
// operations; one pass backward that drops operations whose results nobody reads. Live at the end
// of an entry are the state and the outputs; no entry reads a temporary that it has not written.

#include "edit.h"
#include "table.h"

#include "base/try.h"

#include <assert.h>
#include <string.h>

enum { TABLE_A = 0xF0, TABLE_C = 0xAA, MUX_TABLE = 0xCA };

typedef struct tying {
    const bl_program *p;
    bl_assembler *a;
    uint32_t first_state;
    uint8_t *forced;    // of each plane of the state: constant or EDIT_UNKNOWN
    uint8_t *select;    // constant select of the multiplexer that writes it, or EDIT_UNKNOWN
    uint8_t *candidate; // constant that it writes, or EDIT_UNKNOWN
    uint8_t *known;     // of each slot: 0, 1 or EDIT_UNKNOWN
    uint8_t *live;      // of each slot
    edits edits;
    size_t *ends; // of each entry's operations
} tying;

// A result becomes known, and is written in case somebody outside reads it.
static void set_constant(tying *t, uint32_t dst, bool value)
{
    t->known[dst] = value;
    edit_operation op = {.kind = TABLE_A, .dst = dst, .n_dst = 1, .operands = {value, 0, 0}};
    edit_append(&t->edits, &op);
}

static uint8_t *forced_of(const tying *t, uint32_t slot)
{
    uint32_t k = slot - t->first_state;
    return k < t->p->header->n_state && t->forced[k] != EDIT_UNKNOWN ? &t->forced[k] : NULL;
}

static void tie_lut3(tying *t, uint8_t table, uint32_t dst, const uint32_t operands[3])
{
    edit_operation op = {.dst = dst, .n_dst = 1};
    uint32_t plane = dst - t->first_state;
    // dst = select ? candidate : dst
    bool is_mux = table == MUX_TABLE && operands[2] == dst && plane < t->p->header->n_state;
    for (uint32_t i = 0; i < 3; i++) {
        uint8_t value = t->known[operands[i]];
        if (is_mux && i == 0 && t->select[plane] != EDIT_UNKNOWN)
            value = t->select[plane];
        if (is_mux && i == 1 && t->candidate[plane] != EDIT_UNKNOWN)
            value = t->candidate[plane];
        op.operands[i] = value == EDIT_UNKNOWN ? operands[i] : 0;
        if (value != EDIT_UNKNOWN)
            table = table_fix(table, i, value);
    }
    const uint8_t *forced = forced_of(t, dst);
    if (forced || table == 0 || table == 255) {
        set_constant(t, dst, forced ? *forced : table == 255);
        return;
    }
    for (uint32_t i = 0; i < 3; i++)
        if (!table_needs(table, i))
            op.operands[i] = 0;
    op.kind = table;
    t->known[dst] = EDIT_UNKNOWN;
    if (table != TABLE_C || operands[2] != dst) // otherwise it keeps what it was
        edit_append(&t->edits, &op);
}

// Adders keep their form; constants become slots 0 and 1.
static void tie_adder(tying *t, uint32_t kind, const uint32_t words[5])
{
    edit_operation op = {.kind = kind, .dst = words[0], .second_dst = words[1], .n_dst = 1};
    for (uint32_t i = 0; i < 3; i++) {
        uint8_t value = t->known[words[2 + i]];
        op.operands[i] = value == EDIT_UNKNOWN || words[2 + i] < 2 ? words[2 + i] : value;
    }
    bool is_half = kind == OP_ADDER + BL_HALF_ADD || kind == OP_ADDER + BL_HALF_SUBTRACT;
    if (is_half)
        op.operands[0] = 0;
    edit_append(&t->edits, &op);
    for (int k = 0; k < 2; k++) {
        const uint8_t *forced = forced_of(t, words[k]);
        t->known[words[k]] = EDIT_UNKNOWN;
        if (forced)
            set_constant(t, words[k], *forced);
    }
}

static void tie_count_ge(tying *t, const operation *op)
{
    literal_span span;
    edit_operation out = edit_begin_macro(&t->edits, op);
    program_list(&span, t->p, op->first);
    out.constant -= edit_append_list(&t->edits, t->p, &span, t->known);
    int64_t most = 0;
    if (t->edits.literals.status == BL_OK) {
        uint32_t n[2];
        memcpy(n, t->edits.literals.data + out.lists * sizeof(uint32_t), sizeof n);
        most = (int64_t)n[0] + n[1];
    }
    const uint8_t *forced = forced_of(t, op->dst);
    if (forced || out.constant <= 0 || out.constant > most) {
        set_constant(t, op->dst, forced ? *forced : out.constant <= 0);
        return;
    }
    t->known[op->dst] = EDIT_UNKNOWN;
    edit_append(&t->edits, &out);
}

static void tie_sum(tying *t, const operation *op)
{
    literal_span span;
    edit_operation out = edit_begin_macro(&t->edits, op);
    uint64_t at = op->first;
    for (uint32_t k = 0; k < op->n_digits; k++) {
        at = program_list(&span, t->p, at);
        out.constant += (int64_t)edit_append_list(&t->edits, t->p, &span, t->known) << k;
    }
    // the sum is taken modulo 2^n_planes, and so may the constant be
    int64_t size = INT64_C(1) << op->n_planes;
    out.constant = ((out.constant % size) + size) % size;
    edit_append(&t->edits, &out);
    for (uint32_t k = 0; k < op->n_dst; k++) {
        const uint8_t *forced = forced_of(t, op->dst + k);
        t->known[op->dst + k] = EDIT_UNKNOWN;
        if (forced)
            set_constant(t, op->dst + k, *forced);
    }
}

static void tie_run(tying *t, const operation *op)
{
    uint32_t width = op->n_results + 3, words[5];
    for (uint32_t i = 0; i < op->n; i++) {
        for (uint32_t k = 0; k < width; k++)
            words[k] = program_word(t->p, op->first + (uint64_t)i * width + k);
        if (op->n_results == 1)
            tie_lut3(t, (uint8_t)op->kind, words[0], words + 1);
        else
            tie_adder(t, op->kind, words);
    }
}

static void forward(tying *t, uint32_t entry)
{
    const program_header *h = t->p->header;
    memset(t->known, EDIT_UNKNOWN, h->n_slots);
    t->known[0] = 0;
    t->known[1] = 1;
    for (uint32_t k = 0; k < h->n_state; k++)
        if (t->forced[k] != EDIT_UNKNOWN)
            set_constant(t, t->first_state + k, t->forced[k]);
    uint64_t at = t->p->entries[entry].first_word;
    for (operation op = {0}; op.kind != OP_END;) {
        at = program_next(&op, t->p, at);
        if (op.n_results)
            tie_run(t, &op);
        else if (op.kind == OP_COUNT_GE)
            tie_count_ge(t, &op);
        else if (op.kind == OP_SUM)
            tie_sum(t, &op);
    }
}

static void set_live(void *live, uint32_t *slot) { ((uint8_t *)live)[*slot] = 1; }

static void backward(tying *t, size_t first, size_t end)
{
    const program_header *h = t->p->header;
    memset(t->live, 0, h->n_slots);
    memset(t->live + t->first_state, 1, h->n_state + (size_t)h->n_outputs);
    for (size_t i = end; i-- > first;) {
        edit_operation *op = edit_at(&t->edits, i);
        for (uint32_t k = 0; k < op->n_dst; k++)
            op->is_live |= t->live[op->dst + k];
        op->is_live |= op->second_dst && t->live[op->second_dst];
        if (!op->is_live)
            continue;
        for (uint32_t k = 0; k < op->n_dst; k++)
            t->live[op->dst + k] = 0;
        if (op->second_dst)
            t->live[op->second_dst] = 0;
        edit_for_reads(&t->edits, op, set_live, t->live);
    }
}

static bl_status rebuild(tying *t)
{
    const bl_program *p = t->p;
    TRY(bl_assembler_create(&t->a, &p->records[0], &p->records[1], &p->records[2],
                            t->edits.literals.allocator));
    (void)bl_assembler_temporaries(t->a, p->header->n_temporaries);
    for (uint32_t e = 0; e < p->header->n_entries; e++) {
        forward(t, e);
        if (t->edits.operations.status != BL_OK || t->edits.literals.status != BL_OK)
            return BL_ERR_MEMORY;
        t->ends[e] = edit_count(&t->edits);
    }
    for (uint32_t e = 0; e < p->header->n_entries; e++) {
        size_t first = e > 0 ? t->ends[e - 1] : 0;
        backward(t, first, t->ends[e]);
        bl_assembler_begin_entry(t->a, p->entries[e].name);
        for (size_t i = first; i < t->ends[e]; i++)
            if (edit_at(&t->edits, i)->is_live)
                edit_emit(t->a, &t->edits, edit_at(&t->edits, i));
    }
    return BL_OK;
}

// Marks in is_muxed[] the planes of the state that some multiplexer writes.
static void find_muxes(uint8_t *is_muxed, const tying *t)
{
    const bl_program *p = t->p;
    memset(is_muxed, 0, p->header->n_state);
    for (uint32_t e = 0; e < p->header->n_entries; e++) {
        uint64_t at = p->entries[e].first_word;
        for (operation op = {0}; op.kind != OP_END;) {
            at = program_next(&op, p, at);
            for (uint32_t i = 0; op.kind == MUX_TABLE && i < op.n; i++) {
                uint32_t dst = program_word(p, op.first + 4ull * i);
                if (dst == program_word(p, op.first + 4ull * i + 3)
                    && dst - t->first_state < p->header->n_state)
                    is_muxed[dst - t->first_state] = 1;
            }
        }
    }
}

static bl_status set_ties(tying *t, const bl_tie *ties, size_t n)
{
    memset(t->forced, EDIT_UNKNOWN, t->p->header->n_state);
    memset(t->select, EDIT_UNKNOWN, t->p->header->n_state);
    memset(t->candidate, EDIT_UNKNOWN, t->p->header->n_state);
    find_muxes(t->live, t); // live[] is not in use yet, and has room for all slots
    for (size_t i = 0; i < n; i++) {
        uint8_t *of[] = {t->forced, t->select, t->candidate};
        if (ties[i].plane >= t->p->header->n_state || ties[i].what >= BL_TIE_COUNT)
            return BL_ERR_ARGUMENT;
        if (ties[i].what != BL_TIE_BIT && !t->live[ties[i].plane])
            return BL_ERR_ARGUMENT;
        of[ties[i].what][ties[i].plane] = ties[i].value;
    }
    return BL_OK;
}

bl_status bl_program_tie(bl_program **result, const bl_program *p, const bl_tie *ties, size_t n,
                         const bl_allocator *allocator)
{
    assert(result && p && (ties || n == 0));
    const program_header *h = p->header;
    tying t = {
        .p = p,
        .first_state = FIRST_FREE_SLOT + h->n_inputs,
        .edits = {.operations = {.allocator = allocator}, .literals = {.allocator = allocator}}};
    size_t n_state = h->n_state + 1, n_slots = h->n_slots;
    uint8_t **arrays[] = {&t.forced, &t.select, &t.candidate, &t.known, &t.live};
    t.ends = bl_alloc_array(allocator, h->n_entries, sizeof *t.ends);
    bl_status status = t.ends ? BL_OK : BL_ERR_MEMORY;
    for (int i = 0; i < 5; i++) {
        *arrays[i] = bl_alloc(allocator, i < 3 ? n_state : n_slots);
        if (!*arrays[i])
            status = BL_ERR_MEMORY;
    }
    if (status == BL_OK)
        status = set_ties(&t, ties, n);
    if (status == BL_OK)
        status = rebuild(&t);
    if (status == BL_OK)
        status = bl_assembler_finish(result, t.a);
    bl_assembler_destroy(&t.a);
    for (int i = 0; i < 5; i++)
        bl_free(allocator, *arrays[i], i < 3 ? n_state : n_slots);
    bl_free(allocator, t.ends, h->n_entries * sizeof *t.ends);
    edit_clear(&t.edits);
    return status;
}
