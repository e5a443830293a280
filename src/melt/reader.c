// SPDX-License-Identifier: MIT
// Readers: one text, many bytes at a time, by a timeline of the model's program.

#include "loom_private.h"

#include <bitloom/timeline.h>

#include <assert.h>

struct bl_reader {
    const bl_model *model;
    bl_timeline *timeline;
    const bl_bits *bits;
    int16_t *logits; // [512][n_symbols]
    const bl_allocator *allocator;
};

bl_status bl_reader_create(bl_reader **result, const bl_model *model, bl_cpu level,
                           const bl_allocator *allocator)
{
    assert(result && model);
    bl_reader *r = bl_alloc(allocator, sizeof *r);
    if (!r)
        return BL_ERR_MEMORY;
    *r = (bl_reader){.model = model, .bits = bl_bits_get(level), .allocator = allocator};
    bl_status status = bl_timeline_create(&r->timeline, model->program, level, allocator);
    r->logits =
        bl_alloc_array(allocator, (size_t)model->info.n_symbols * BL_LANES, sizeof(int16_t));
    if (!r->logits)
        status = BL_ERR_MEMORY;
    if (status == BL_OK)
        *result = r;
    else
        bl_reader_destroy(&r);
    return status;
}

void bl_reader_destroy(bl_reader **handle)
{
    bl_reader *r = handle ? *handle : NULL;
    if (!r)
        return;
    bl_timeline_destroy(&r->timeline);
    bl_free(r->allocator, r->logits, (size_t)r->model->info.n_symbols * BL_LANES * sizeof(int16_t));
    bl_free(r->allocator, r, sizeof *r);
    *handle = NULL;
}

void bl_reader_read(bl_reader *r, uint8_t *state, const uint8_t *text, size_t n, bool wants_logits)
{
    assert(n >= 1 && n <= BL_LANES);
    bl_slice(r->bits, bl_timeline_input(r->timeline), text, 1, n, 8);
    bl_timeline_run(r->timeline, state, n);
    if (!wants_logits)
        return;
    bl_timeline_run_entry(r->timeline, BL_ENTRY_HEAD);
    size_t n_symbols = r->model->info.n_symbols;
    bl_unslice(r->bits, r->logits, n_symbols * sizeof *r->logits, bl_timeline_output(r->timeline),
               BL_LANES, n_symbols * BL_LOGIT_BITS);
}

void bl_reader_states(uint8_t *states, const bl_reader *r, size_t n)
{
    bl_timeline_states(states, r->timeline, n);
}

void bl_reader_costs(uint32_t *costs, const bl_reader *r, size_t i)
{
    assert(i < BL_LANES);
    model_costs(costs, r->model, r->logits + i * r->model->info.n_symbols);
}
