// SPDX-License-Identifier: MIT
// Lanes that have ended leave the tick; those that go on close up, in order.

#include "rollout.h"

#include "work.h"

#include <assert.h>
#include <string.h>

rollout *rollout_create(size_t n_lanes, bool has_masks)
{
    assert(n_lanes <= BL_LANES);
    rollout *r = bl_alloc(NULL, sizeof *r);
    if (!r)
        return NULL;
    r->n_lanes = n_lanes;
    r->seeds = bl_alloc_array(NULL, n_lanes, sizeof *r->seeds);
    r->progress = bl_alloc_array(NULL, n_lanes, sizeof *r->progress);
    r->allowed = has_masks ? bl_alloc_array(NULL, n_lanes, sizeof *r->allowed) : NULL;
    r->n_live = (uint32_t)n_lanes;
    for (uint32_t i = 0; i < r->n_live; i++)
        r->live[i] = (uint16_t)i;
    if (r->seeds && r->progress && (r->allowed || !has_masks))
        return r;
    rollout_destroy(r);
    return NULL;
}

void rollout_destroy(rollout *r)
{
    if (!r)
        return;
    bl_constraint_destroy(&r->constraint);
    bl_free(NULL, r->seeds, r->n_lanes * sizeof *r->seeds);
    bl_free(NULL, r->progress, r->n_lanes * sizeof *r->progress);
    bl_free(NULL, r->allowed, r->n_lanes * sizeof *r->allowed);
    bl_free(NULL, r, sizeof *r);
}

static size_t frame_bytes(uint32_t n) { return sizeof(rollout_frame) + n * sizeof(rollout_byte); }

static rollout_frame *create_frame(uint32_t n, uint32_t n_top)
{
    rollout_frame *frame = bl_alloc(NULL, frame_bytes(n));
    if (!frame)
        return NULL;
    frame->n = frame->capacity = n;
    frame->n_top = n_top;
    frame->top = bl_alloc_array(NULL, (size_t)n * n_top, sizeof *frame->top);
    if (frame->top)
        return frame;
    bl_free(NULL, frame, frame_bytes(n));
    return NULL;
}

void rollout_frame_destroy(rollout_frame *frame)
{
    if (!frame)
        return;
    bl_free(NULL, frame->top, (size_t)frame->capacity * frame->n_top * sizeof *frame->top);
    bl_free(NULL, frame, frame_bytes(frame->capacity));
}

// Draws the next byte of one lane.
static void write_byte(rollout_byte *out, const activity *a, size_t lane, const uint32_t *costs,
                       const uint64_t *allowed, const bl_model_info *info)
{
    rollout *r = a->rollout;
    bl_random random;
    bl_random_seed(&random, bl_mix64(r->seeds[lane]) + a->n_steps_done);
    int byte = bl_draw_byte(&r->draw, costs, allowed, &random);
    *out = (rollout_byte){.lane = (uint16_t)lane, .end = LANE_STUCK};
    a->bytes[lane] = (int16_t)byte; // BL_KEEP, too: what was drawn before is taken by now
    if (byte == BL_KEEP)
        return;
    size_t n_stop = stops_advance(&r->progress[lane], &r->stops, (uint8_t)byte);
    out->byte = (uint8_t)byte;
    out->cost = costs[info->byte_symbol[byte]];
    out->n_held = (uint16_t)(n_stop ? n_stop : stops_held(&r->progress[lane], &r->stops));
    out->end = n_stop > 0                          ? LANE_STOPPED
               : a->n_steps_done + 1 >= a->n_steps ? LANE_FULL
                                                   : LANE_GOES_ON;
}

// What each lane that goes on may write: its mask, and what the pattern lets follow.
static void find_allowed(uint64_t (*allowed)[4], rollout *r)
{
    uint32_t states[BL_LANES];
    for (uint32_t k = 0; k < r->n_live; k++)
        states[k] = r->pattern_states[r->live[k]];
    if (r->constraint)
        bl_constraint_allowed(allowed, NULL, r->constraint, states, r->n_live);
    else
        memset(allowed, 255, r->n_live * sizeof *allowed);
    for (uint32_t k = 0; k < r->n_live && r->allowed; k++)
        for (int w = 0; w < 4; w++)
            allowed[k][w] &= r->allowed[r->live[k]][w];
}

static bool begin_pattern(rollout *r)
{
    for (size_t i = 0; i < r->n_lanes; i++)
        r->pattern_states[i] = BL_PATTERN_START;
    return bl_constraint_create(&r->constraint, r->pattern, bl_cpu_best(), NULL) == BL_OK;
}

static void move_pattern(rollout *r, const rollout_frame *frame)
{
    uint32_t states[BL_LANES];
    uint8_t bytes[BL_LANES];
    for (uint32_t k = 0; k < frame->n; k++) {
        states[k] = r->pattern_states[frame->bytes[k].lane];
        bytes[k] = frame->bytes[k].byte;
    }
    bl_constraint_step(r->constraint, states, bytes, frame->n);
    for (uint32_t k = 0; k < frame->n; k++)
        r->pattern_states[frame->bytes[k].lane] = states[k];
}

bool rollout_advance(engine_event **event, activity *a, const tick *t)
{
    rollout *r = a->rollout;
    rollout_frame *frame = create_frame(r->n_live, a->n_top);
    engine_event *made = bl_alloc(NULL, sizeof *made);
    bool has_pattern = !r->pattern || r->constraint || begin_pattern(r);
    if (!frame || !made || !has_pattern) {
        rollout_frame_destroy(frame);
        bl_free(NULL, made, sizeof *made);
        a->reason = END_FAILED;
        return true;
    }
    uint32_t n_live = 0, costs[256];
    uint64_t allowed[BL_LANES][4];
    find_allowed(allowed, r);
    for (uint32_t k = 0; k < r->n_live; k++) {
        uint16_t lane = r->live[k];
        bl_runner_costs(costs, t->runner, a->first_lane + k);
        write_byte(&frame->bytes[k], a, lane, costs, allowed[k], t->info);
        predict_top(frame->top + (size_t)k * a->n_top, a->n_top, costs, t->info);
        if (frame->bytes[k].end == LANE_GOES_ON)
            r->live[n_live++] = lane;
    }
    if (r->constraint)
        move_pattern(r, frame);
    r->n_live = n_live;
    a->n_steps_done++;
    *made = (engine_event){.activity = a, .rollout = frame, .step = a->n_steps_done};
    *event = made;
    return n_live == 0;
}
