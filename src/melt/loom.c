// SPDX-License-Identifier: MIT
// Writing and opening .loom files.

#include "loom_private.h"

#include "fixed.h"

#include "base/try.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static const double LN2 = 0.69314718055994530942;

static void pad(bl_buffer *out)
{
    static const uint8_t zeros[8];
    bl_buffer_append(out, zeros, (8 - out->bytes % 8) % 8);
}

// Appends to `body`, whose first byte comes right behind the header in the file.
static void add_section(bl_buffer *body, loom_section *section, const char *kind, const void *data,
                        size_t bytes)
{
    pad(body);
    snprintf(section->kind, sizeof section->kind, "%s", kind);
    section->offset = sizeof(loom_header) + body->bytes;
    section->bytes = bytes;
    bl_buffer_append(body, data, bytes);
}

bl_status bl_loom_write(bl_buffer *out, const bl_loom_facts *facts, const bl_program *program)
{
    double unit = facts->logit_unit_nats / LN2 * BL_COST_BIT;
    if (!(unit >= 0.5 && unit < UINT32_MAX))
        return BL_ERR_LIMIT; // one logit unit would be worth nothing, or 256 bits
    loom_model model = {.n_symbols = facts->n_symbols,
                        .logit_unit_cost = (uint32_t)(unit + 0.5),
                        .n_ands = facts->n_ands,
                        .n_nonzeros = facts->n_nonzeros};
    snprintf(model.name, sizeof model.name, "%s", facts->name);
    memcpy(model.byte_symbol, facts->byte_symbol, sizeof model.byte_symbol);

    loom_section table[LOOM_SECTIONS] = {0};
    bl_buffer code = {.allocator = out->allocator}, body = {.allocator = out->allocator};
    bl_status status = bl_program_write(&code, program);
    bl_buffer_append(&body, table, sizeof table);
    add_section(&body, &table[0], "model", &model, sizeof model);
    add_section(&body, &table[1], "program", code.data, code.bytes);
    add_section(&body, &table[2], "card", facts->card, strlen(facts->card));
    pad(&body);
    if (status == BL_OK)
        status = body.status;
    if (status == BL_OK) {
        memcpy(body.data, table, sizeof table);
        loom_header header = {.magic = "bitloom\n",
                              .version = LOOM_VERSION,
                              .n_sections = LOOM_SECTIONS,
                              .bytes = sizeof(loom_header) + body.bytes};
        bl_sha256(header.sha256, body.data, body.bytes);
        bl_buffer_append(out, &header, sizeof header);
        bl_buffer_append(out, body.data, body.bytes);
        status = out->status;
    }
    bl_buffer_clear(&code);
    bl_buffer_clear(&body);
    return status;
}

void bl_model_get_loom_facts(bl_loom_facts *facts, const bl_model *model)
{
    const bl_model_info *info = &model->info;
    *facts = (bl_loom_facts){.name = info->name,
                             .card = info->card,
                             .n_symbols = info->n_symbols,
                             .logit_unit_nats = info->logit_unit_cost * LN2 / BL_COST_BIT,
                             .n_nonzeros = info->n_nonzeros,
                             .n_ands = info->n_ands,
                             .byte_symbol = info->byte_symbol};
}

typedef struct loom_reader {
    const uint8_t *data;
    size_t bytes;
    const char *name;
    bl_diag *diag;
} loom_reader;

#define FAIL(r, offset, ...)                                                                       \
    bl_diag_set_offset((r)->diag, BL_ERR_FORMAT, (r)->name, offset, __VA_ARGS__)

static bl_status check_file(const loom_reader *r)
{
    loom_header h;
    uint8_t digest[BL_SHA256_BYTES];
    if (r->bytes < sizeof h || memcmp(r->data, "bitloom\n", 8) != 0)
        return FAIL(r, 0, "not a melted model; expected a .loom file (made by bitloom melt)");
    memcpy(&h, r->data, sizeof h);
    if (h.version != LOOM_VERSION)
        return FAIL(r, 8, "version %u; this bitloom reads version %d: melt the model again",
                    h.version, LOOM_VERSION);
    if (h.bytes != r->bytes)
        return FAIL(r, 16, "the file has %zu bytes, its header says %llu: truncated?", r->bytes,
                    (unsigned long long)h.bytes);
    if (h.n_sections > (r->bytes - sizeof h) / sizeof(loom_section))
        return FAIL(r, 12, "%u sections do not fit the file", h.n_sections);
    bl_sha256(digest, r->data + sizeof h, r->bytes - sizeof h);
    if (memcmp(digest, h.sha256, sizeof digest) != 0)
        return FAIL(r, 24, "the hash does not match: the file is damaged; melt the model again");
    return BL_OK;
}

static bl_status find_section(const uint8_t **data, size_t *bytes, const loom_reader *r,
                              const char *kind)
{
    loom_header h;
    memcpy(&h, r->data, sizeof h);
    for (uint32_t i = 0; i < h.n_sections; i++) {
        loom_section s;
        uint64_t at = sizeof h + i * sizeof s;
        memcpy(&s, r->data + at, sizeof s);
        if (strncmp(s.kind, kind, sizeof s.kind) != 0)
            continue;
        if (s.offset > r->bytes || s.bytes > r->bytes - s.offset || s.offset % 8)
            return FAIL(r, at, "section \"%s\" does not lie in the file", kind);
        *data = r->data + s.offset;
        *bytes = (size_t)s.bytes;
        return BL_OK;
    }
    return FAIL(r, sizeof h, "no section \"%s\"", kind);
}

static bl_status read_facts(bl_model_info *info, const loom_reader *r)
{
    const uint8_t *data;
    size_t bytes;
    loom_model m;
    TRY(find_section(&data, &bytes, r, "model"));
    uint64_t offset = (uint64_t)(data - r->data);
    if (bytes != sizeof m)
        return FAIL(r, offset, "section \"model\" has %zu bytes; expected %zu", bytes, sizeof m);
    memcpy(&m, data, sizeof m);
    if (!memchr(m.name, 0, sizeof m.name) || m.n_symbols < 2 || m.n_symbols > 256
        || m.logit_unit_cost == 0)
        return FAIL(r, offset, "section \"model\" holds impossible values");
    memcpy(info->name, m.name, sizeof m.name);
    memcpy(info->byte_symbol, m.byte_symbol, sizeof m.byte_symbol);
    info->n_symbols = m.n_symbols;
    info->logit_unit_cost = m.logit_unit_cost;
    info->n_ands = m.n_ands;
    info->n_nonzeros = m.n_nonzeros;
    for (uint32_t s = 0; s < 256; s++)
        info->symbol_byte[s] = -1;
    for (int b = 255; b >= 0; b--) {
        uint8_t s = m.byte_symbol[b];
        if (s >= m.n_symbols)
            return FAIL(r, offset, "byte %d has symbol %u of %u", b, s, m.n_symbols);
        info->symbol_byte[s] = (int16_t)(++info->symbol_bytes_n[s] == 1 ? b : -1);
    }
    for (uint32_t s = 0; s < m.n_symbols; s++)
        if (info->symbol_byte[s] >= 0)
            return BL_OK;
    return FAIL(r, offset, "no symbol stands for one byte alone: nothing can be drawn");
}

static bl_status read_program(bl_model *model, const loom_reader *r)
{
    const uint8_t *data;
    size_t bytes;
    bl_program_info p;
    TRY(find_section(&data, &bytes, r, "program"));
    TRY(bl_program_open(&model->program, data, bytes, r->name, model->allocator, r->diag));
    bl_program_get_info(&p, model->program);
    uint64_t offset = (uint64_t)(data - r->data);
    if (p.n_inputs != 8 || p.n_outputs != model->info.n_symbols * BL_LOGIT_BITS || p.n_entries != 2
        || p.n_state == 0)
        return FAIL(r, offset,
                    "the program has %u inputs, %u state bits, %u outputs, %u entries; "
                    "expected 8 inputs, 16 outputs per symbol, 2 entries",
                    p.n_inputs, p.n_state, p.n_outputs, p.n_entries);
    model->info.program = model->program;
    model->info.n_state_bits = p.n_state;
    model->info.state_bytes = (p.n_state + 7) / 8;
    model->info.n_lut3 = p.n_lut3;
    return BL_OK;
}

static bl_status read_card(bl_model *model, const loom_reader *r)
{
    const uint8_t *data;
    size_t bytes;
    TRY(find_section(&data, &bytes, r, "card"));
    model->card_bytes = bytes + 1;
    model->card = bl_alloc(model->allocator, model->card_bytes);
    if (!model->card)
        return BL_ERR_MEMORY;
    memcpy(model->card, data, bytes);
    model->info.card = model->card;
    return BL_OK;
}

// 2^-(k units) for all k for which that is not 0 in 2^-30.
static bl_status make_weights(bl_model *model)
{
    uint64_t unit = model->info.logit_unit_cost, n = 32 * (uint64_t)BL_COST_BIT / unit + 1;
    if (n > UINT16_MAX + 1)
        n = UINT16_MAX + 1; // differences of 16-bit logits
    model->n_weights = (uint32_t)n;
    model->weights = bl_alloc_array(model->allocator, n, sizeof *model->weights);
    if (!model->weights)
        return BL_ERR_MEMORY;
    for (uint64_t k = 0; k < n; k++)
        model->weights[k] = (uint32_t)fixed_exp2_negative(k * unit);
    return BL_OK;
}

static bl_status read_model(bl_model *model, const loom_reader *r)
{
    TRY(check_file(r));
    TRY(read_facts(&model->info, r));
    TRY(read_program(model, r));
    TRY(read_card(model, r));
    TRY(make_weights(model));
    uint8_t digest[BL_SHA256_BYTES];
    bl_sha256(digest, r->data, r->bytes);
    bl_hex(model->info.sha256, digest, sizeof digest);
    return BL_OK;
}

bl_status bl_model_open(bl_model **result, const uint8_t *data, size_t bytes, const char *name,
                        const bl_allocator *allocator, bl_diag *diag)
{
    assert(result && name && (uintptr_t)data % 8 == 0);
    bl_model *model = bl_alloc(allocator, sizeof *model);
    bl_status status = BL_ERR_MEMORY;
    if (model) {
        model->allocator = allocator;
        status = read_model(model, &(loom_reader){data, bytes, name, diag});
    }
    if (status == BL_ERR_MEMORY)
        bl_diag_set(diag, status, name, 0, 0, "out of memory");
    if (status == BL_OK)
        *result = model;
    else
        bl_model_destroy(&model);
    return status;
}

void bl_model_destroy(bl_model **handle)
{
    bl_model *m = handle ? *handle : NULL;
    if (!m)
        return;
    bl_program_destroy(&m->program);
    bl_free(m->allocator, m->card, m->card_bytes);
    bl_free(m->allocator, m->weights, m->n_weights * sizeof *m->weights);
    bl_free(m->allocator, m, sizeof *m);
    *handle = NULL;
}

const bl_model_info *bl_model_facts(const bl_model *model) { return &model->info; }
