// SPDX-License-Identifier: MIT
// Programs: opening one checks every word, so that the interpreters need no checks.
//
// Checked: all sizes against the file, entries behind each other, slots against n_slots, results
// only in state, outputs and temporaries, list lengths, that a temporary is written before it is
// read within its entry, and that a SUM reads none of its own results.

#include "program_private.h"

#include "expand.h"

#include "base/try.h"

#include <assert.h>
#include <string.h>

typedef struct checker {
    bl_program *p;
    const char *name;
    bl_diag *diag;
    uint64_t at;         // word being read
    uint8_t *is_written; // of each temporary, in this entry
    uint32_t first_temporary;
} checker;

static uint64_t word_offset(const checker *c)
{
    size_t word = c->p->header->is_wide ? 4 : 2;
    return (uint64_t)((const uint8_t *)c->p->code - c->p->data) + c->at * word;
}

#define FAIL(c, ...)                                                                               \
    bl_diag_set_offset((c)->diag, BL_ERR_FORMAT, (c)->name, word_offset(c), __VA_ARGS__)

static bl_status next_word(uint32_t *value, checker *c)
{
    if (c->at >= c->p->header->n_code_words)
        return FAIL(c, "the code ends without END");
    *value = program_word(c->p, c->at++);
    return BL_OK;
}

static bl_status check_source(checker *c, uint32_t slot)
{
    if (slot >= c->p->header->n_slots)
        return FAIL(c, "slot %u, but there are only %u", slot, c->p->header->n_slots);
    if (slot >= c->first_temporary && !c->is_written[slot - c->first_temporary])
        return FAIL(c, "temporary slot %u is read before it is written", slot);
    return BL_OK;
}

static bl_status check_result(checker *c, uint32_t first, uint32_t n)
{
    const program_header *h = c->p->header;
    if (first < c->p->info.first_state || first > h->n_slots || n > h->n_slots - first)
        return FAIL(c, "result slots %u to %llu; expected %u to %u", first,
                    (unsigned long long)first + n - 1, c->p->info.first_state, h->n_slots - 1);
    for (uint32_t i = 0; i < n; i++)
        if (first + i >= c->first_temporary)
            c->is_written[first + i - c->first_temporary] = 1;
    return BL_OK;
}

static bl_status check_run(checker *c, uint32_t n_results)
{
    uint32_t n, slot, results[2];
    TRY(next_word(&n, c));
    for (uint32_t i = 0; i < n; i++) {
        for (uint32_t k = 0; k < n_results; k++)
            TRY(next_word(&results[k], c));
        for (uint32_t k = 0; k < 3; k++) {
            TRY(next_word(&slot, c));
            TRY(check_source(c, slot));
        }
        for (uint32_t k = 0; k < n_results; k++)
            TRY(check_result(c, results[k], 1));
    }
    c->p->info.n_lut3_operations += (uint64_t)n * n_results;
    return BL_OK;
}

static bl_status check_list(checker *c, uint32_t *n_literals, uint32_t dst, uint32_t n_dst)
{
    uint32_t n[2], slot;
    TRY(next_word(&n[0], c));
    TRY(next_word(&n[1], c));
    if (n[0] % LIST_MULTIPLE || n[1] % LIST_MULTIPLE)
        return FAIL(c, "lists of %u and %u slots; expected multiples of %d", n[0], n[1],
                    LIST_MULTIPLE);
    if (n[0] > MAX_LITERALS || n[1] > MAX_LITERALS || n[0] + n[1] > MAX_LITERALS)
        return FAIL(c, "%u + %u literals; at most %d are possible", n[0], n[1], MAX_LITERALS);
    for (uint32_t i = 0; i < n[0] + n[1]; i++) {
        TRY(next_word(&slot, c));
        TRY(check_source(c, slot));
        if (n_dst > 1 && slot >= dst && slot - dst < n_dst)
            return FAIL(c, "a SUM reads its own result slot %u", slot);
        *n_literals += slot >= FIRST_FREE_SLOT;
    }
    return BL_OK;
}

static bl_status check_count_ge(checker *c)
{
    uint32_t dst, threshold, n = 0;
    TRY(next_word(&dst, c));
    TRY(next_word(&threshold, c));
    TRY(check_list(c, &n, dst, 1));
    TRY(check_result(c, dst, 1));
    c->p->info.n_macro_operations++;
    c->p->info.n_counted += n;
    c->p->info.n_literals += n;
    return BL_OK;
}

static bl_status check_sum(checker *c)
{
    uint32_t dst, n_dst, n_planes, n_digits, base[2], n = 0;
    TRY(next_word(&dst, c));
    TRY(next_word(&n_dst, c));
    TRY(next_word(&n_planes, c));
    TRY(next_word(&n_digits, c));
    TRY(next_word(&base[0], c));
    TRY(next_word(&base[1], c));
    if (n_planes < 1 || n_planes > MAX_SUM_PLANES || n_dst < n_planes || n_digits > n_planes)
        return FAIL(c,
                    "a SUM of %u planes, %u results, %u digits; expected 1 to %d planes, as many "
                    "results or more, at most as many digits",
                    n_planes, n_dst, n_digits, MAX_SUM_PLANES);
    if (base[0] > 0xFFFF || base[1] > 0xFFFF)
        return FAIL(c, "the base of a SUM has halves above 65535");
    for (uint32_t k = 0; k < n_digits; k++)
        TRY(check_list(c, &n, dst, n_dst));
    TRY(check_result(c, dst, n_dst));
    c->p->info.n_macro_operations++;
    c->p->info.n_literals += n;
    return BL_OK;
}

static bl_status check_entry(checker *c)
{
    memset(c->is_written, 0, c->p->header->n_temporaries);
    for (;;) {
        uint32_t kind;
        TRY(next_word(&kind, c));
        if (kind == OP_END)
            return BL_OK;
        if (run_results(kind))
            TRY(check_run(c, run_results(kind)));
        else if (kind == OP_COUNT_GE)
            TRY(check_count_ge(c));
        else if (kind == OP_SUM)
            TRY(check_sum(c));
        else
            return FAIL(c, "unknown operation %u", kind);
    }
}

static bl_status check_code(bl_program *p, const char *name, bl_diag *diag)
{
    checker c = {.p = p,
                 .name = name,
                 .diag = diag,
                 .first_temporary = p->header->n_slots - p->header->n_temporaries};
    c.is_written = bl_alloc(p->allocator, (size_t)p->header->n_temporaries + 1);
    if (!c.is_written)
        return BL_ERR_MEMORY;
    bl_status status = BL_OK;
    for (uint32_t e = 0; e < p->header->n_entries && status == BL_OK; e++) {
        if (p->entries[e].first_word < c.at)
            status = bl_diag_set_offset(diag, BL_ERR_FORMAT, name,
                                        (uint64_t)((const uint8_t *)&p->entries[e] - p->data),
                                        "entry %u begins at word %llu, within the one before", e,
                                        (unsigned long long)p->entries[e].first_word);
        c.at = p->entries[e].first_word;
        if (status == BL_OK)
            status = check_entry(&c);
    }
    bl_free(p->allocator, c.is_written, (size_t)p->header->n_temporaries + 1);
    return status;
}

static bl_status check_header(const program_header *h, size_t bytes, const char *name,
                              bl_diag *diag)
{
    uint64_t tables = (uint64_t)h->n_fields[0] + h->n_fields[1] + h->n_fields[2] + h->n_entries;
    uint64_t code = sizeof *h + tables * sizeof(program_entry);
    uint64_t word = h->is_wide ? 4 : 2;
    if (memcmp(h->magic, "BLP1", 4) != 0)
        return bl_diag_set_offset(diag, BL_ERR_FORMAT, name, 0,
                                  "not a bitloom program: expected BLP1");
    if (h->version < 1 || h->version > PROGRAM_VERSION || h->is_wide > 1)
        return bl_diag_set_offset(diag, BL_ERR_FORMAT, name, 4,
                                  "version %u, width %u; this bitloom reads versions 1 and 2",
                                  h->version, h->is_wide);
    if (h->bytes != bytes || code > bytes || h->n_code_words > (bytes - code) / word)
        return bl_diag_set_offset(diag, BL_ERR_FORMAT, name, 56,
                                  "the header declares more than the %zu bytes there are", bytes);
    uint64_t slots =
        (uint64_t)FIRST_FREE_SLOT + h->n_inputs + h->n_state + h->n_outputs + h->n_temporaries;
    if (slots != h->n_slots || h->n_slots > INT32_MAX || (!h->is_wide && h->n_slots > 65536))
        return bl_diag_set_offset(diag, BL_ERR_FORMAT, name, 12,
                                  "%u slots, but the groups have %llu", h->n_slots,
                                  (unsigned long long)slots);
    if (h->n_entries == 0)
        return bl_diag_set_offset(diag, BL_ERR_FORMAT, name, 44, "a program without an entry");
    return BL_OK;
}

static bl_status read_records(bl_program *p, const char *name, bl_diag *diag)
{
    const program_field *field = (const program_field *)(p->header + 1);
    const uint32_t planes[3] = {p->header->n_inputs, p->header->n_state, p->header->n_outputs};
    for (int r = 0; r < 3; r++) {
        p->records[r].allocator = p->allocator;
        for (uint32_t i = 0; i < p->header->n_fields[r]; i++, field++) {
            uint64_t offset = (uint64_t)((const uint8_t *)field - p->data);
            if (!memchr(field->name, 0, sizeof field->name))
                return bl_diag_set_offset(diag, BL_ERR_FORMAT, name, offset,
                                          "the name of a field does not end");
            bl_status status =
                bl_record_add(&p->records[r], field->name, field->width, field->is_signed != 0);
            if (status == BL_ERR_MEMORY)
                return status;
            if (status != BL_OK)
                return bl_diag_set_offset(
                    diag, BL_ERR_FORMAT, name, offset,
                    "field \"%s\" of %u planes: bad or repeated name or width", field->name,
                    field->width);
        }
        if (p->records[r].n_planes != planes[r])
            return bl_diag_set_offset(diag, BL_ERR_FORMAT, name, 16,
                                      "the fields of group %d have %u planes; expected %u", r,
                                      p->records[r].n_planes, planes[r]);
    }
    p->entries = (const program_entry *)field;
    p->code = p->entries + p->header->n_entries;
    for (uint32_t e = 0; e < p->header->n_entries; e++)
        if (!memchr(p->entries[e].name, 0, ENTRY_NAME_BYTES))
            return bl_diag_set_offset(diag, BL_ERR_FORMAT, name,
                                      (uint64_t)((const uint8_t *)&p->entries[e] - p->data),
                                      "the name of an entry does not end");
    return BL_OK;
}

static void set_facts(bl_program *p)
{
    const program_header *h = p->header;
    p->info = (bl_program_info){.n_inputs = h->n_inputs,
                                .n_state = h->n_state,
                                .n_outputs = h->n_outputs,
                                .n_temporaries = h->n_temporaries,
                                .n_slots = h->n_slots,
                                .first_input = FIRST_FREE_SLOT,
                                .first_state = FIRST_FREE_SLOT + h->n_inputs,
                                .first_output = FIRST_FREE_SLOT + h->n_inputs + h->n_state,
                                .n_entries = h->n_entries,
                                .bytes = p->bytes,
                                .is_wide = h->is_wide != 0};
}

static bl_status open_program(bl_program **result, const uint8_t *data, uint8_t *owned,
                              size_t bytes, const char *name, const bl_allocator *allocator,
                              bl_diag *diag)
{
    bl_program *p = bl_alloc(allocator, sizeof *p);
    if (!p) {
        bl_free(allocator, owned, bytes);
        return BL_ERR_MEMORY;
    }
    *p = (bl_program){.data = data, .owned = owned, .bytes = bytes, .allocator = allocator};
    p->header = (const program_header *)data;
    bl_status status = BL_OK;
    if (bytes < sizeof *p->header)
        status = bl_diag_set_offset(diag, BL_ERR_FORMAT, name, bytes,
                                    "not a bitloom program: shorter than its header");
    if (status == BL_OK)
        status = check_header(p->header, bytes, name, diag);
    if (status == BL_OK) {
        set_facts(p);
        status = read_records(p, name, diag);
    }
    if (status == BL_OK)
        status = check_code(p, name, diag);
    if (status == BL_OK)
        status = program_count_lut3(&p->info.n_lut3, p);
    if (status == BL_OK)
        *result = p;
    else
        bl_program_destroy(&p);
    return status;
}

uint64_t program_next(operation *op, const bl_program *p, uint64_t at)
{
    *op = (operation){.kind = program_word(p, at++)};
    if (op->kind == OP_END)
        return at;
    op->n_results = run_results(op->kind);
    if (op->n_results) {
        op->n = program_word(p, at++);
        op->first = at;
        return at + (op->n_results + 3) * (uint64_t)op->n;
    }
    op->dst = program_word(p, at++);
    op->n_dst = op->n_digits = 1;
    if (op->kind == OP_COUNT_GE)
        op->threshold = program_word(p, at++);
    else {
        op->n_dst = program_word(p, at++);
        op->n_planes = program_word(p, at++);
        op->n_digits = program_word(p, at++);
        op->base = (int32_t)(program_word(p, at) | program_word(p, at + 1) << 16);
        at += 2;
    }
    op->first = at;
    literal_span span;
    for (uint32_t k = 0; k < op->n_digits; k++)
        at = program_list(&span, p, at);
    return at;
}

uint64_t program_list(literal_span *span, const bl_program *p, uint64_t at)
{
    span->n_plain = program_word(p, at);
    span->n_complemented = program_word(p, at + 1);
    span->plain = at + 2;
    span->complemented = span->plain + span->n_plain;
    return span->complemented + span->n_complemented;
}

static void mark(uint8_t *is_read, const bl_program *p, uint64_t at, uint64_t end, uint64_t step)
{
    for (; at < end; at += step) {
        uint32_t k = program_word(p, at) - p->info.first_input;
        if (k < p->info.n_inputs) // wraps around for the constant slots before them
            is_read[k] = 1;
    }
}

void bl_program_mark_inputs(uint8_t *is_read, const bl_program *p)
{
    for (uint32_t e = 0; e < p->header->n_entries; e++) {
        uint64_t at = p->entries[e].first_word;
        for (operation op = {0}; op.kind != OP_END;) {
            at = program_next(&op, p, at);
            if (op.n_results)
                for (uint64_t k = op.n_results; k < op.n_results + 3; k++)
                    mark(is_read, p, op.first + k, at, op.n_results + 3);
            else if (op.kind != OP_END) {
                literal_span span;
                uint64_t list = op.first;
                for (uint32_t d = 0; d < op.n_digits; d++) {
                    list = program_list(&span, p, list);
                    mark(is_read, p, span.plain, list, 1);
                }
            }
        }
    }
}

bl_status program_adopt(bl_program **program, uint8_t *data, size_t bytes,
                        const bl_allocator *allocator)
{
    bl_diag diag;
    bl_status status = open_program(program, data, data, bytes, "program", allocator, &diag);
    assert(status == BL_OK || status == BL_ERR_MEMORY); // what we wrote ourselves is valid
    return status;
}

bl_status bl_program_open(bl_program **program, const uint8_t *data, size_t bytes, const char *name,
                          const bl_allocator *allocator, bl_diag *diag)
{
    assert(program && name && (uintptr_t)data % 8 == 0);
    return open_program(program, data, NULL, bytes, name, allocator, diag);
}

void bl_program_destroy(bl_program **handle)
{
    bl_program *p = handle ? *handle : NULL;
    if (!p)
        return;
    for (int r = 0; r < 3; r++)
        bl_record_clear(&p->records[r]);
    bl_free(p->allocator, p->owned, p->bytes);
    bl_free(p->allocator, p, sizeof *p);
    *handle = NULL;
}

bl_status bl_program_write(bl_buffer *out, const bl_program *p)
{
    bl_buffer_append(out, p->data, p->bytes);
    return out->status;
}

void bl_program_get_info(bl_program_info *info, const bl_program *p) { *info = p->info; }
const bl_record *bl_program_inputs(const bl_program *p) { return &p->records[0]; }
const bl_record *bl_program_state(const bl_program *p) { return &p->records[1]; }
const bl_record *bl_program_outputs(const bl_program *p) { return &p->records[2]; }

const char *bl_program_entry_name(const bl_program *p, uint32_t entry)
{
    assert(entry < p->header->n_entries);
    return p->entries[entry].name;
}
