// SPDX-License-Identifier: MIT
// Ties planes of a program's state to constants and leaves out what is then of no use.
//
// For each entry: one pass forward that knows which slots hold constants and takes them out of
// operations; one pass backward that drops operations whose results nobody reads. Live at the end
// of an entry are the state and the outputs; no entry reads a temporary that it has not written.

#include "program_private.h"
#include "table.h"

#include "base/try.h"

#include <assert.h>
#include <string.h>

enum { UNKNOWN = 2, TABLE_A = 0xF0, TABLE_C = 0xAA, MUX_TABLE = 0xCA };

typedef struct kept_operation {
    uint32_t kind, dst, second_dst; // second_dst: the carry of an adder
    uint32_t operands[3];
    uint32_t n_dst, n_planes, n_digits;
    int64_t constant; // threshold of a COUNT_GE, base of a SUM
    size_t lists;     // first word in `literals`: for each digit two lengths, then slots
    bool is_live;
} kept_operation;

typedef struct tying {
    const bl_program *p;
    bl_assembler *a;
    uint32_t first_state;
    uint8_t *forced;    // of each plane of the state: constant or UNKNOWN
    uint8_t *select;    // constant select of the multiplexer that writes it, or UNKNOWN
    uint8_t *candidate; // constant that it writes, or UNKNOWN
    uint8_t *known;     // of each slot: 0, 1 or UNKNOWN
    uint8_t *live;      // of each slot
    bl_buffer operations, literals;
    size_t *ends; // of each entry's operations
} tying;

static kept_operation *operation_at(const tying *t, size_t i)
{
    return (kept_operation *)(void *)t->operations.data + i;
}
static size_t n_operations(const tying *t) { return t->operations.bytes / sizeof(kept_operation); }

static void keep(tying *t, const kept_operation *op)
{
    bl_buffer_append(&t->operations, op, sizeof *op);
}

// A result becomes known, and is written in case somebody outside reads it.
static void set_constant(tying *t, uint32_t dst, bool value)
{
    t->known[dst] = value;
    kept_operation op = {.kind = TABLE_A, .dst = dst, .operands = {value, 0, 0}};
    keep(t, &op);
}

static uint8_t *forced_of(const tying *t, uint32_t slot)
{
    uint32_t k = slot - t->first_state;
    return k < t->p->header->n_state && t->forced[k] != UNKNOWN ? &t->forced[k] : NULL;
}

static void tie_lut3(tying *t, uint8_t table, uint32_t dst, const uint32_t operands[3])
{
    kept_operation op = {.dst = dst};
    uint32_t plane = dst - t->first_state;
    // dst = select ? candidate : dst
    bool is_mux = table == MUX_TABLE && operands[2] == dst && plane < t->p->header->n_state;
    for (uint32_t i = 0; i < 3; i++) {
        uint8_t value = t->known[operands[i]];
        if (is_mux && i == 0 && t->select[plane] != UNKNOWN)
            value = t->select[plane];
        if (is_mux && i == 1 && t->candidate[plane] != UNKNOWN)
            value = t->candidate[plane];
        op.operands[i] = value == UNKNOWN ? operands[i] : 0;
        if (value != UNKNOWN)
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
    t->known[dst] = UNKNOWN;
    if (table != TABLE_C || operands[2] != dst) // otherwise it keeps what it was
        keep(t, &op);
}

// Adders keep their form; constants become slots 0 and 1.
static void tie_adder(tying *t, uint32_t kind, const uint32_t words[5])
{
    kept_operation op = {.kind = kind, .dst = words[0], .second_dst = words[1]};
    for (uint32_t i = 0; i < 3; i++) {
        uint8_t value = t->known[words[2 + i]];
        op.operands[i] = value == UNKNOWN || words[2 + i] < 2 ? words[2 + i] : value;
    }
    bool is_half = kind == OP_ADDER + BL_HALF_ADD || kind == OP_ADDER + BL_HALF_SUBTRACT;
    if (is_half)
        op.operands[0] = 0;
    keep(t, &op);
    for (int k = 0; k < 2; k++) {
        const uint8_t *forced = forced_of(t, words[k]);
        t->known[words[k]] = UNKNOWN;
        if (forced)
            set_constant(t, words[k], *forced);
    }
}

static void put(bl_buffer *out, uint32_t word) { bl_buffer_append(out, &word, sizeof word); }

// Copies a list without its constants; returns how many of its literals are true.
static uint32_t tie_list(tying *t, const literal_span *span)
{
    uint32_t n_true = 0, n[2] = {0};
    size_t head = t->literals.bytes;
    put(&t->literals, 0);
    put(&t->literals, 0);
    for (uint32_t c = 0; c < 2; c++) {
        uint64_t at = c ? span->complemented : span->plain;
        uint32_t length = c ? span->n_complemented : span->n_plain;
        for (uint32_t i = 0; i < length; i++) {
            uint32_t slot = program_word(t->p, at + i);
            if (t->known[slot] == UNKNOWN) {
                put(&t->literals, slot);
                n[c]++;
            } else
                n_true += t->known[slot] != c;
        }
    }
    if (t->literals.status == BL_OK)
        memcpy(t->literals.data + head, n, sizeof n);
    return n_true;
}

static void tie_count_ge(tying *t, const operation *op)
{
    literal_span span;
    kept_operation out = {.kind = OP_COUNT_GE,
                          .dst = op->dst,
                          .n_dst = 1,
                          .n_digits = 1,
                          .lists = t->literals.bytes / sizeof(uint32_t)};
    program_list(&span, t->p, op->first);
    out.constant = (int64_t)op->threshold - tie_list(t, &span);
    int64_t most = 0;
    if (t->literals.status == BL_OK) {
        uint32_t n[2];
        memcpy(n, t->literals.data + out.lists * sizeof(uint32_t), sizeof n);
        most = (int64_t)n[0] + n[1];
    }
    const uint8_t *forced = forced_of(t, op->dst);
    if (forced || out.constant <= 0 || out.constant > most) {
        set_constant(t, op->dst, forced ? *forced : out.constant <= 0);
        return;
    }
    t->known[op->dst] = UNKNOWN;
    keep(t, &out);
}

static void tie_sum(tying *t, const operation *op)
{
    literal_span span;
    kept_operation out = {.kind = OP_SUM,
                          .dst = op->dst,
                          .n_dst = op->n_dst,
                          .n_planes = op->n_planes,
                          .n_digits = op->n_digits,
                          .constant = op->base,
                          .lists = t->literals.bytes / sizeof(uint32_t)};
    uint64_t at = op->first;
    for (uint32_t k = 0; k < op->n_digits; k++) {
        at = program_list(&span, t->p, at);
        out.constant += (int64_t)tie_list(t, &span) << k;
    }
    // the sum is taken modulo 2^n_planes, and so may the constant be
    int64_t size = INT64_C(1) << op->n_planes;
    out.constant = ((out.constant % size) + size) % size;
    keep(t, &out);
    for (uint32_t k = 0; k < op->n_dst; k++) {
        const uint8_t *forced = forced_of(t, op->dst + k);
        t->known[op->dst + k] = UNKNOWN;
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
    memset(t->known, UNKNOWN, h->n_slots);
    t->known[0] = 0;
    t->known[1] = 1;
    for (uint32_t k = 0; k < h->n_state; k++)
        if (t->forced[k] != UNKNOWN)
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

static const uint32_t *list_of(const tying *t, size_t at)
{
    return (const uint32_t *)(const void *)t->literals.data + at;
}

// Calls for each slot that an operation reads.
static void for_reads(tying *t, const kept_operation *op, void (*see)(tying *t, uint32_t slot))
{
    if (op->kind != OP_COUNT_GE && op->kind != OP_SUM) {
        for (int i = 0; i < 3; i++)
            see(t, op->operands[i]);
        return;
    }
    const uint32_t *list = list_of(t, op->lists);
    for (uint32_t k = 0; k < op->n_digits; k++) {
        uint32_t n = list[0] + list[1];
        for (uint32_t i = 0; i < n; i++)
            see(t, list[2 + i]);
        list += 2 + n;
    }
}

static uint32_t n_results(const kept_operation *op) { return op->kind == OP_SUM ? op->n_dst : 1; }

static void set_live(tying *t, uint32_t slot) { t->live[slot] = 1; }

static void backward(tying *t, size_t first, size_t end)
{
    const program_header *h = t->p->header;
    memset(t->live, 0, h->n_slots);
    memset(t->live + t->first_state, 1, h->n_state + (size_t)h->n_outputs);
    for (size_t i = end; i-- > first;) {
        kept_operation *op = operation_at(t, i);
        for (uint32_t k = 0; k < n_results(op); k++)
            op->is_live |= t->live[op->dst + k];
        op->is_live |= op->second_dst && t->live[op->second_dst];
        if (!op->is_live)
            continue;
        for (uint32_t k = 0; k < n_results(op); k++)
            t->live[op->dst + k] = 0;
        if (op->second_dst)
            t->live[op->second_dst] = 0;
        for_reads(t, op, set_live);
    }
}

static void emit(tying *t, const kept_operation *op)
{
    const uint32_t *o = op->operands;
    if (op->kind < 256) {
        bl_assembler_lut3(t->a, (uint8_t)op->kind, op->dst, o[0], o[1], o[2]);
        return;
    }
    if (op->kind >= OP_ADDER) {
        bl_assembler_adder(t->a, (bl_adder)(op->kind - OP_ADDER), op->dst, op->second_dst, o[0],
                           o[1], o[2]);
        return;
    }
    bl_literal_list digits[MAX_SUM_PLANES];
    const uint32_t *list = list_of(t, op->lists);
    for (uint32_t k = 0; k < op->n_digits; k++) {
        digits[k] = (bl_literal_list){.plain = list + 2,
                                      .complemented = list + 2 + list[0],
                                      .n_plain = list[0],
                                      .n_complemented = list[1]};
        list += 2 + list[0] + list[1];
    }
    if (op->kind == OP_COUNT_GE)
        bl_assembler_count_ge(t->a, op->dst, &digits[0], op->constant);
    else
        bl_assembler_sum(t->a, op->dst, op->n_dst, op->n_planes, op->constant, digits,
                         op->n_digits);
}

static bl_status rebuild(tying *t)
{
    const bl_program *p = t->p;
    TRY(bl_assembler_create(&t->a, &p->records[0], &p->records[1], &p->records[2],
                            t->literals.allocator));
    (void)bl_assembler_temporaries(t->a, p->header->n_temporaries);
    for (uint32_t e = 0; e < p->header->n_entries; e++) {
        forward(t, e);
        if (t->operations.status != BL_OK || t->literals.status != BL_OK)
            return BL_ERR_MEMORY;
        t->ends[e] = n_operations(t);
    }
    for (uint32_t e = 0; e < p->header->n_entries; e++) {
        size_t first = e > 0 ? t->ends[e - 1] : 0;
        backward(t, first, t->ends[e]);
        bl_assembler_begin_entry(t->a, p->entries[e].name);
        for (size_t i = first; i < t->ends[e]; i++)
            if (operation_at(t, i)->is_live)
                emit(t, operation_at(t, i));
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
    memset(t->forced, UNKNOWN, t->p->header->n_state);
    memset(t->select, UNKNOWN, t->p->header->n_state);
    memset(t->candidate, UNKNOWN, t->p->header->n_state);
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
    tying t = {.p = p,
               .first_state = FIRST_FREE_SLOT + h->n_inputs,
               .operations = {.allocator = allocator},
               .literals = {.allocator = allocator}};
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
    bl_buffer_clear(&t.operations);
    bl_buffer_clear(&t.literals);
    return status;
}
