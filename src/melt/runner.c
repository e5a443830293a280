// SPDX-License-Identifier: MIT
// Runners: states of lanes in, planes through the program, states and logits out.

#include "loom_private.h"

#include <assert.h>
#include <string.h>

bl_status bl_runner_create(bl_runner **result, const bl_model *model, bl_cpu level,
                           const bl_allocator *allocator)
{
    assert(result && model);
    bl_runner *r = bl_alloc(allocator, sizeof *r);
    if (!r)
        return BL_ERR_MEMORY;
    *r = (bl_runner){.model = model,
                     .bits = bl_bits_get(level),
                     .allocator = allocator,
                     .kept_bytes = BL_LANES * model->info.state_bytes};
    bl_status status = bl_machine_create(&r->machine, model->program, level, allocator);
    r->logits =
        bl_alloc_array(allocator, (size_t)model->info.n_symbols * BL_LANES, sizeof(int16_t));
    r->kept = bl_alloc(allocator, r->kept_bytes);
    if (status == BL_OK && r->logits && r->kept) {
        *result = r;
        return BL_OK;
    }
    bl_runner_destroy(&r);
    return BL_ERR_MEMORY;
}

void bl_runner_destroy(bl_runner **handle)
{
    bl_runner *r = handle ? *handle : NULL;
    if (!r)
        return;
    bl_machine_destroy(&r->machine);
    bl_free(r->allocator, r->logits, (size_t)r->model->info.n_symbols * BL_LANES * sizeof(int16_t));
    bl_free(r->allocator, r->kept, r->kept_bytes);
    bl_free(r->allocator, r, sizeof *r);
    *handle = NULL;
}

void bl_runner_step(bl_runner *r, uint8_t *states, const int16_t *bytes, size_t n_lanes,
                    bool wants_logits)
{
    assert(n_lanes <= BL_LANES);
    size_t state_bytes = r->model->info.state_bytes, n_kept = 0;
    uint8_t inputs[BL_LANES] = {0};
    for (size_t i = 0; i < n_lanes; i++) {
        if (bytes[i] == BL_KEEP)
            memcpy(r->kept + i * state_bytes, states + i * state_bytes, state_bytes), n_kept++;
        else
            inputs[i] = (uint8_t)bytes[i];
    }
    bl_machine_load_lanes(r->machine, states, n_lanes);
    if (n_kept < n_lanes) {
        bl_slice(r->bits, bl_machine_input(r->machine), inputs, 1, BL_LANES, 8);
        bl_machine_run(r->machine, BL_ENTRY_STEP);
        bl_machine_store_lanes(states, r->machine, n_lanes);
        for (size_t i = 0; n_kept > 0 && i < n_lanes; i++)
            if (bytes[i] == BL_KEEP)
                memcpy(states + i * state_bytes, r->kept + i * state_bytes, state_bytes);
        if (n_kept > 0 && wants_logits)
            bl_machine_load_lanes(r->machine, states, n_lanes);
    }
    if (!wants_logits)
        return;
    bl_machine_run(r->machine, BL_ENTRY_HEAD);
    size_t n_symbols = r->model->info.n_symbols;
    bl_unslice(r->bits, r->logits, n_symbols * sizeof *r->logits, bl_machine_output(r->machine),
               BL_LANES, n_symbols * BL_LOGIT_BITS);
}

const int16_t *bl_runner_logits(const bl_runner *r) { return r->logits; }
