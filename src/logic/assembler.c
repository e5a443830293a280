// SPDX-License-Identifier: MIT
// Builds programs: collects 32-bit words, then writes the file form with the narrowest words
// that hold every slot. Neighbouring operations of one table, or of one adder, become one run.

#include "program_private.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

struct bl_assembler {
    const bl_allocator *allocator;
    bl_status status;
    bl_record records[3];
    uint32_t first[3], n_slots;
    bl_buffer code;    // uint32_t words
    bl_buffer entries; // program_entry
    size_t run_at;     // word that holds the length of the open LUT3 run, 0 = none open
    uint32_t run_kind;
};

// An entry was begun, or would have been had there been memory.
static bool is_open(const bl_assembler *a)
{
    return a->entries.bytes > 0 || a->entries.status != BL_OK;
}

static uint32_t *words(const bl_assembler *a) { return (uint32_t *)(void *)a->code.data; }
static size_t n_words(const bl_assembler *a) { return a->code.bytes / sizeof(uint32_t); }

static void put(bl_assembler *a, uint32_t word) { bl_buffer_append(&a->code, &word, sizeof word); }

static void fail(bl_assembler *a, bl_status status)
{
    if (a->status == BL_OK)
        a->status = status;
}

static bl_status copy_record(bl_record *dst, const bl_record *src, const bl_allocator *allocator)
{
    dst->allocator = allocator;
    for (uint32_t i = 0; i < src->n_fields; i++) {
        const bl_field *f = &src->fields[i];
        bl_status status = bl_record_add(dst, f->name, f->width, f->is_signed);
        if (status != BL_OK)
            return status;
    }
    return BL_OK;
}

bl_status bl_assembler_create(bl_assembler **result, const bl_record *inputs,
                              const bl_record *state, const bl_record *outputs,
                              const bl_allocator *allocator)
{
    assert(result && inputs && state && outputs);
    bl_assembler *a = bl_alloc(allocator, sizeof *a);
    if (!a)
        return BL_ERR_MEMORY;
    a->allocator = a->code.allocator = a->entries.allocator = allocator;
    a->n_slots = FIRST_FREE_SLOT;
    const bl_record *records[3] = {inputs, state, outputs};
    for (int r = 0; r < 3; r++) {
        bl_status status = copy_record(&a->records[r], records[r], allocator);
        if (status == BL_OK && records[r]->n_planes > INT32_MAX - a->n_slots)
            status = BL_ERR_LIMIT;
        if (status != BL_OK) {
            bl_assembler_destroy(&a);
            return status;
        }
        a->first[r] = a->n_slots;
        a->n_slots += records[r]->n_planes;
    }
    *result = a;
    return BL_OK;
}

void bl_assembler_destroy(bl_assembler **handle)
{
    bl_assembler *a = handle ? *handle : NULL;
    if (!a)
        return;
    for (int r = 0; r < 3; r++)
        bl_record_clear(&a->records[r]);
    bl_buffer_clear(&a->code);
    bl_buffer_clear(&a->entries);
    bl_free(a->allocator, a, sizeof *a);
    *handle = NULL;
}

uint32_t bl_assembler_input(const bl_assembler *a) { return a->first[0]; }
uint32_t bl_assembler_state(const bl_assembler *a) { return a->first[1]; }
uint32_t bl_assembler_output(const bl_assembler *a) { return a->first[2]; }

uint32_t bl_assembler_temporaries(bl_assembler *a, uint32_t n)
{
    if (n > INT32_MAX - a->n_slots) {
        fail(a, BL_ERR_LIMIT);
        return FIRST_FREE_SLOT;
    }
    a->n_slots += n;
    return a->n_slots - n;
}

static void end_entry(bl_assembler *a)
{
    if (a->entries.bytes > 0)
        put(a, OP_END);
    a->run_at = 0;
}

void bl_assembler_begin_entry(bl_assembler *a, const char *name)
{
    end_entry(a);
    program_entry entry = {.first_word = n_words(a)};
    snprintf(entry.name, sizeof entry.name, "%s", name);
    bl_buffer_append(&a->entries, &entry, sizeof entry);
}

// One record of a run: results, then three operands.
static void put_record(bl_assembler *a, uint32_t kind, uint32_t n_results, const uint32_t *slots)
{
    assert(is_open(a));
    for (uint32_t k = 0; k < n_results + 3; k++)
        assert(slots[k] < a->n_slots && (k >= n_results || slots[k] >= a->first[1]));
    if (a->code.status != BL_OK)
        return;
    if (a->run_at == 0 || a->run_kind != kind || words(a)[a->run_at] == MAX_RUN) {
        put(a, kind);
        a->run_at = n_words(a);
        a->run_kind = kind;
        put(a, 0);
    }
    for (uint32_t k = 0; k < n_results + 3; k++)
        put(a, slots[k]);
    if (a->code.status == BL_OK)
        words(a)[a->run_at]++;
}

void bl_assembler_lut3(bl_assembler *a, uint8_t table, uint32_t dst, uint32_t x, uint32_t y,
                       uint32_t z)
{
    const uint32_t slots[4] = {dst, x, y, z};
    put_record(a, table, 1, slots);
}

void bl_assembler_adder(bl_assembler *a, bl_adder adder, uint32_t sum, uint32_t carry, uint32_t x,
                        uint32_t y, uint32_t z)
{
    assert(sum != carry && (x == 0 || adder == BL_ADD || adder == BL_SUBTRACT));
    const uint32_t slots[5] = {sum, carry, x, y, z};
    put_record(a, OP_ADDER + adder, 2, slots);
}

static uint32_t padded(uint32_t n)
{
    return (n + LIST_MULTIPLE - 1) / LIST_MULTIPLE * LIST_MULTIPLE;
}

static void put_slots(bl_assembler *a, const uint32_t *slots, uint32_t n, uint32_t filler)
{
    for (uint32_t i = 0; i < n; i++) {
        assert(slots[i] < a->n_slots);
        put(a, slots[i]);
    }
    for (uint32_t i = n; i < padded(n); i++)
        put(a, filler);
}

static void put_list(bl_assembler *a, const bl_literal_list *list)
{
    if (list->n_plain > MAX_LITERALS || list->n_complemented > MAX_LITERALS
        || padded(list->n_plain) + padded(list->n_complemented) > MAX_LITERALS) {
        fail(a, BL_ERR_LIMIT);
        return;
    }
    put(a, padded(list->n_plain));
    put(a, padded(list->n_complemented));
    put_slots(a, list->plain, list->n_plain, 0);
    put_slots(a, list->complemented, list->n_complemented, 1);
}

void bl_assembler_count_ge(bl_assembler *a, uint32_t dst, const bl_literal_list *list,
                           int64_t threshold)
{
    assert(is_open(a) && dst >= a->first[1] && dst < a->n_slots);
    int64_t never = (int64_t)list->n_plain + list->n_complemented + 1;
    a->run_at = 0;
    put(a, OP_COUNT_GE);
    put(a, dst);
    put(a, (uint32_t)(threshold < 0 ? 0 : threshold > never ? never : threshold));
    put_list(a, list);
}

void bl_assembler_sum(bl_assembler *a, uint32_t dst, uint32_t n_dst, uint32_t n_planes,
                      int64_t base, const bl_literal_list *digits, uint32_t n_digits)
{
    assert(is_open(a) && dst >= a->first[1] && n_dst <= a->n_slots - dst);
    assert(n_planes >= 1 && n_planes <= MAX_SUM_PLANES && n_dst >= n_planes);
    assert(n_digits <= n_planes && base >= INT32_MIN && base <= INT32_MAX);
    a->run_at = 0;
    put(a, OP_SUM);
    put(a, dst);
    put(a, n_dst);
    put(a, n_planes);
    put(a, n_digits);
    put(a, (uint32_t)base & 0xFFFF);
    put(a, (uint32_t)base >> 16);
    for (uint32_t k = 0; k < n_digits; k++)
        put_list(a, &digits[k]);
}

static uint8_t *write_tables(uint8_t *at, const bl_assembler *a)
{
    for (int r = 0; r < 3; r++)
        for (uint32_t i = 0; i < a->records[r].n_fields; i++) {
            const bl_field *f = &a->records[r].fields[i];
            program_field out = {.width = f->width, .is_signed = f->is_signed};
            memcpy(out.name, f->name, sizeof out.name);
            memcpy(at, &out, sizeof out);
            at += sizeof out;
        }
    memcpy(at, a->entries.data, a->entries.bytes);
    return at + a->entries.bytes;
}

bl_status bl_assembler_finish(bl_program **program, bl_assembler *a)
{
    assert(program && is_open(a));
    end_entry(a);
    bl_status status = a->status ? a->status : a->code.status ? a->code.status : a->entries.status;
    if (status != BL_OK)
        return status;
    bool is_wide = a->n_slots > 65536;
    size_t n_fields = 0, n = n_words(a), word = is_wide ? 4 : 2;
    for (int r = 0; r < 3; r++)
        n_fields += a->records[r].n_fields;
    size_t bytes = sizeof(program_header) + n_fields * sizeof(program_field) + a->entries.bytes;
    bytes = (bytes + n * word + 7) / 8 * 8;
    program_header h = {.magic = "BLP1",
                        .version = PROGRAM_VERSION,
                        .is_wide = is_wide,
                        .n_slots = a->n_slots,
                        .n_inputs = a->records[0].n_planes,
                        .n_state = a->records[1].n_planes,
                        .n_outputs = a->records[2].n_planes,
                        .n_code_words = n,
                        .bytes = bytes,
                        .n_entries = (uint32_t)(a->entries.bytes / sizeof(program_entry))};
    h.n_temporaries = a->n_slots - FIRST_FREE_SLOT - h.n_inputs - h.n_state - h.n_outputs;
    for (int r = 0; r < 3; r++)
        h.n_fields[r] = a->records[r].n_fields;
    uint8_t *data = bl_alloc(a->allocator, bytes);
    if (!data)
        return BL_ERR_MEMORY;
    memcpy(data, &h, sizeof h);
    uint8_t *at = write_tables(data + sizeof h, a);
    if (is_wide)
        memcpy(at, a->code.data, n * word);
    else
        for (size_t i = 0; i < n; i++) {
            uint16_t narrow = (uint16_t)words(a)[i];
            memcpy(at + 2 * i, &narrow, sizeof narrow);
        }
    return program_adopt(program, data, bytes, a->allocator);
}
