// SPDX-License-Identifier: MIT
// Activities: the memory of one piece of work.

#include "engine.h"

activity *activity_create(activity_kind kind, size_t n_lanes, size_t state_bytes)
{
    activity *a = bl_alloc(NULL, sizeof *a);
    if (!a)
        return NULL;
    *a = (activity){.kind = kind, .n_lanes = n_lanes};
    a->states = bl_alloc_array(NULL, n_lanes, state_bytes);
    a->bytes = bl_alloc_array(NULL, n_lanes, sizeof *a->bytes);
    a->cost_bits = bl_alloc_array(NULL, n_lanes, sizeof *a->cost_bits);
    if (a->states && a->bytes && a->cost_bits) {
        for (size_t i = 0; i < n_lanes; i++)
            a->bytes[i] = BL_KEEP;
        return a;
    }
    activity_destroy(a, state_bytes);
    return NULL;
}

uint64_t activity_max_lane_steps(const activity *a)
{
    uint64_t n_read = a->n_text + 1; // once more, to ask what comes first
    uint64_t width = a->beam_params.width ? a->beam_params.width : BL_LANES;
    switch (a->kind) {
    case ACTIVITY_FEED: return n_read;
    case ACTIVITY_STEP: return a->n_lanes * (a->is_bare ? 1 : 2);
    case ACTIVITY_TOP: return a->n_lanes;
    case ACTIVITY_BEAM: return n_read + ((uint64_t)a->n_steps + 1) * width;
    case ACTIVITY_PATTERN: return 0;
    case ACTIVITY_ROLLOUT: return a->n_lanes * ((uint64_t)a->n_steps + a->keeps_lanes);
    }
    return 0;
}

void activity_destroy(activity *a, size_t state_bytes)
{
    if (!a)
        return;
    bl_free(NULL, a->states, a->n_lanes * state_bytes);
    bl_free(NULL, a->bytes, a->n_lanes * sizeof *a->bytes);
    bl_free(NULL, a->cost_bits, a->n_lanes * sizeof *a->cost_bits);
    size_t n_predicted = a->kind == ACTIVITY_FEED ? a->n_text : a->n_lanes;
    bl_free(NULL, a->top, n_predicted * a->n_top * sizeof *a->top);
    bl_free(NULL, a->text_costs, a->n_text * sizeof *a->text_costs);
    bl_free(NULL, a->byte_costs, a->byte_costs ? a->n_lanes * sizeof *a->byte_costs : 0);
    bl_free(NULL, a->text, a->n_text);
    bl_free(NULL, a->trail, a->n_text * state_bytes);
    for (uint32_t i = 0; i < a->beam_params.n_avoid; i++)
        bl_free(NULL, (void *)(uintptr_t)a->beam_params.avoid[i].data,
                a->beam_params.avoid[i].bytes);
    bl_free(NULL, (void *)(uintptr_t)a->beam_params.avoid,
            a->beam_params.n_avoid * sizeof *a->beam_params.avoid);
    bl_beam_destroy(&a->beam);
    pattern_job_destroy(a->job);
    shared_pattern_release(a->pattern);
    rollout_destroy(a->rollout);
    bl_free(NULL, a, sizeof *a);
}

size_t activity_beam_states(activity *a, uint8_t **states)
{
    const int16_t *bytes;
    return a->beam ? bl_beam_lanes(a->beam, states, &bytes) : 0;
}
