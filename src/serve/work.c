// SPDX-License-Identifier: MIT
// Phases of STEP: 0 asks for the costs before the byte, 1 takes the byte. FEED with cost the same
// for each byte; BEAM reads its text (0, 1), grows, and may step its last lanes once more (2).

#include "work.h"

#include <assert.h>
#include <string.h>

enum { MIN_READ_BYTES = 8 };

bool work_wants_logits(const activity *a)
{
    switch (a->kind) {
    case ACTIVITY_FEED: return a->wants_cost && a->at < a->n_text;
    case ACTIVITY_STEP: return (a->phase == 0 && !a->is_bare) || a->n_top > 0 || a->byte_costs;
    case ACTIVITY_TOP:
    case ACTIVITY_ROLLOUT: return true;
    case ACTIVITY_BEAM:
    case ACTIVITY_PATTERN: break;
    }
    return a->at == a->n_text && a->phase < 2; // reading needs none, growing does
}

size_t work_n_lanes(const activity *a)
{
    uint8_t *states;
    const int16_t *bytes;
    return a->beam      ? bl_beam_lanes(a->beam, &states, &bytes)
           : a->rollout ? a->rollout->n_live
           : a->kind == ACTIVITY_STEP || a->kind == ACTIVITY_TOP ? a->n_lanes
                                                                 : 1;
}

static size_t lanes_of(activity *a, uint8_t **states, const int16_t **bytes)
{
    if (a->beam)
        return bl_beam_lanes(a->beam, states, bytes);
    *states = a->states;
    *bytes = a->bytes;
    bool reads_text = a->kind == ACTIVITY_FEED || a->kind == ACTIVITY_BEAM;
    if (reads_text)
        a->bytes[0] = a->phase == 0 ? BL_KEEP : a->text[a->at - 1];
    return reads_text ? 1 : a->n_lanes;
}

void work_gather(uint8_t *states, int16_t *bytes, activity *a, size_t state_bytes)
{
    if (a->rollout) {
        for (uint32_t k = 0; k < a->rollout->n_live; k++) {
            size_t lane = a->rollout->live[k];
            memcpy(states + k * state_bytes, a->states + lane * state_bytes, state_bytes);
            bytes[k] = a->bytes[lane];
        }
        return;
    }
    uint8_t *own;
    const int16_t *next;
    bool keeps =
        (a->kind == ACTIVITY_STEP && a->phase == 0 && !a->is_bare) || a->kind == ACTIVITY_TOP;
    size_t n = lanes_of(a, &own, &next);
    memcpy(states, own, n * state_bytes);
    for (size_t k = 0; k < n; k++)
        bytes[k] = keeps ? BL_KEEP : next[k];
}

void work_scatter(activity *a, const uint8_t *states, size_t state_bytes)
{
    if (a->rollout) {
        for (uint32_t k = 0; k < a->rollout->n_live; k++)
            memcpy(a->states + a->rollout->live[k] * state_bytes, states + k * state_bytes,
                   state_bytes);
        return;
    }
    uint8_t *own;
    const int16_t *bytes;
    size_t n = lanes_of(a, &own, &bytes);
    memcpy(own, states, n * state_bytes);
}

void predict_top(prediction *top, uint32_t n_top, const uint32_t *costs, const bl_model_info *info)
{
    assert(n_top <= 256);
    prediction all[256];
    for (int b = 0; b < 256; b++)
        all[b] = (prediction){(uint8_t)b, costs[info->byte_symbol[b]]};
    for (uint32_t i = 0; i < n_top; i++) { // n_top is small: selection sort
        uint32_t best = i;
        for (uint32_t k = i + 1; k < 256; k++)
            if (all[k].cost < all[best].cost)
                best = k;
        prediction t = all[i];
        all[i] = all[best];
        all[best] = t;
        top[i] = all[i];
    }
}

static void predict(activity *a, size_t lane, const uint32_t *costs, const bl_model_info *info)
{
    if (a->n_top)
        predict_top(a->top + lane * a->n_top, a->n_top, costs, info);
    for (int b = 0; b < 256 && a->byte_costs; b++) {
        a->byte_costs[lane][b] = short_cost(costs[info->byte_symbol[b]]);
    }
}

// The first time it is asked what the bytes cost, the second time it takes them.
static bool advance_lanes(activity *a, const tick *t)
{
    bool is_last = a->kind == ACTIVITY_TOP || a->phase == 1 || a->is_bare;
    uint32_t costs[256];
    for (size_t i = 0; i < a->n_lanes && work_wants_logits(a); i++) {
        bl_runner_costs(costs, t->runner, a->first_lane + i);
        if (is_last)
            predict(a, i, costs, t->info);
        else
            a->cost_bits[i] = (double)costs[t->info->byte_symbol[a->bytes[i] & 255]] / BL_COST_BIT;
    }
    a->phase = 1;
    return is_last;
}

// costs: of all symbols where the byte at a->at is expected.
static void charge_byte(activity *a, const tick *t, const uint32_t *costs)
{
    uint32_t cost = costs[t->info->byte_symbol[a->text[a->at]]];
    a->cost_bits[0] += (double)cost / BL_COST_BIT;
    if (a->text_costs)
        a->text_costs[a->at] = cost;
    if (a->top)
        predict_top(a->top + a->at * a->n_top, a->n_top, costs, t->info);
}

// Reading: each byte of text is charged its cost before it is taken. True: all is read.
static bool advance_text(activity *a, const tick *t)
{
    size_t state_bytes = t->info->state_bytes;
    if (a->at > 0 && a->trail)
        memcpy(a->trail + (a->at - 1) * state_bytes, a->states, state_bytes);
    if (a->at == a->n_text)
        return true;
    if (a->wants_cost) {
        uint32_t costs[256];
        bl_runner_costs(costs, t->runner, a->first_lane);
        charge_byte(a, t, costs);
    }
    a->at++;
    a->phase = 1;
    return false;
}

static bool advance_beam(engine_event **event, activity *a, const tick *t)
{
    if (a->phase == 2)
        return true;
    bl_beam_frame *frame = bl_alloc(NULL, sizeof *frame);
    engine_event *made = bl_alloc(NULL, sizeof *made);
    if (frame && made)
        bl_beam_select(frame, a->beam, t->runner, a->first_lane);
    if (!frame || !made || frame->n_lanes == 0) {
        a->reason = frame && made ? END_EXHAUSTED : END_FAILED;
        bl_free(NULL, frame, sizeof *frame);
        bl_free(NULL, made, sizeof *made);
        return true;
    }
    a->n_steps_done++;
    *made = (engine_event){.activity = a, .frame = frame, .step = a->n_steps_done};
    *event = made;
    if (a->n_steps_done < a->n_steps)
        return false;
    a->phase = 2;
    return !a->keeps_lanes;
}

// What follows when the text is read. True: nothing, it has ended.
static bool finish_text(activity *a, const tick *t)
{
    if (a->kind == ACTIVITY_FEED)
        return true;
    bool is_made = bl_beam_create(&a->beam, t->model, a->states, &a->beam_params, NULL) == BL_OK;
    a->reason = is_made ? END_DONE : END_FAILED;
    return !is_made;
}

bool work_reads_alone(const activity *a)
{
    bool reads_text = a->kind == ACTIVITY_FEED || (a->kind == ACTIVITY_BEAM && !a->beam);
    return reads_text && a->phase == 1 && a->n_text - a->at + 1 >= MIN_READ_BYTES;
}

// The byte before a->at is charged and not yet taken, as after advance_text.
bool work_read(activity *a, const tick *t)
{
    size_t first = a->at - 1, left = a->n_text - first, n = left < BL_LANES ? left : BL_LANES;
    bl_reader_read(t->reader, a->states, a->text + first, n, a->wants_cost);
    if (a->trail)
        bl_reader_states(a->trail + first * t->info->state_bytes, t->reader, n);
    for (size_t i = 0; i < n && a->at < a->n_text; i++, a->at++)
        if (a->wants_cost) {
            uint32_t costs[256];
            bl_reader_costs(costs, t->reader, i);
            charge_byte(a, t, costs);
        }
    return n == left && finish_text(a, t);
}

bool work_advance(engine_event **event, activity *a, const tick *t)
{
    if (a->beam)
        return advance_beam(event, a, t);
    if (a->rollout)
        return rollout_advance(event, a, t);
    if (a->kind == ACTIVITY_STEP || a->kind == ACTIVITY_TOP)
        return advance_lanes(a, t);
    return advance_text(a, t) && finish_text(a, t);
}
