// SPDX-License-Identifier: MIT
#ifndef BITLOOM_SERVE_WORK_H
#define BITLOOM_SERVE_WORK_H

// What activities do in a tick: which lanes they want run, and how they move on by what the model
// says. From the ticker's thread that has the activity, and what is const also with the engine's
// lock held.

#include "engine.h"

typedef struct tick {
    const bl_model *model;
    const bl_model_info *info;
    bl_runner *runner;
    bl_reader *reader; // NULL: the model cannot be read that way
} tick;

// Whether an activity has so much to read that it is worth a tick of its own with the reader.
bool work_reads_alone(const activity *a);
bool work_wants_logits(const activity *a);
size_t work_n_lanes(const activity *a);
// Copies the lanes to where the tick runs them, and back.
void work_gather(uint8_t *states, int16_t *bytes, activity *a, size_t state_bytes);
void work_scatter(activity *a, const uint8_t *states, size_t state_bytes);
// Moves an activity on after its lanes have run; true: it has ended. *event: what there is to tell.
bool work_advance(engine_event **event, activity *a, const tick *t);
// Instead, in a tick of its own: reads on, up to 512 bytes.
bool work_read(activity *a, const tick *t);

// The same for a rollout; and the likeliest bytes by what one lane's symbols cost.
bool rollout_advance(engine_event **event, activity *a, const tick *t);
void predict_top(prediction *top, uint32_t n_top, const uint32_t *costs, const bl_model_info *info);

#endif
