// SPDX-License-Identifier: MIT
#ifndef BITLOOM_SERVE_ROLLOUT_H
#define BITLOOM_SERVE_ROLLOUT_H

// A rollout: up to 512 lanes, each of which draws one byte a tick from what the model predicts,
// until it has written enough or a stop string. What lane i draws in step t follows from its
// state, the parameters, seeds[i] and t alone, so that it is the same beside any other work.

#include "stops.h"

#include <bitloom/melt.h>

typedef enum lane_end {
    LANE_GOES_ON,
    LANE_STOPPED, // its last n_held bytes are a stop string
    LANE_FULL,    // it has written what was asked for
    LANE_STUCK    // nothing may be drawn; this entry has no byte
} lane_end;

typedef struct prediction {
    uint8_t byte;
    uint32_t cost; // in BL_COST_BIT
} prediction;

// In 1/256 bit, 65535: or more.
static inline uint16_t short_cost(uint32_t cost)
{
    return cost >> 16 < UINT16_MAX ? (uint16_t)(cost >> 16) : UINT16_MAX;
}

// What one lane wrote in a step.
typedef struct rollout_byte {
    uint16_t lane;
    uint16_t n_held; // so many of the last bytes may belong to a stop string
    uint8_t byte;
    uint8_t end; // lane_end
    uint32_t cost;
} rollout_byte;

typedef struct rollout_frame {
    uint32_t n, n_top, capacity;
    prediction *top; // [n][n_top], the likeliest first
    rollout_byte bytes[];
} rollout_frame;

typedef struct rollout {
    // the submitter's
    bl_draw draw;
    stop_set stops;
    uint64_t *seeds;           // [n_lanes]
    uint64_t (*allowed)[4];    // [n_lanes], bit b: byte b may be drawn; NULL: all may
    const bl_pattern *pattern; // what all lanes keep to, from its beginning; NULL: any text

    // the engine's
    size_t n_lanes;
    bl_constraint *constraint; // of the pattern
    uint32_t pattern_states[BL_LANES];
    stop_progress *progress; // [n_lanes]
    uint16_t live[BL_LANES]; // lanes that go on, ascending
    uint32_t n_live;
} rollout;

rollout *rollout_create(size_t n_lanes, bool has_masks); // NULL: out of memory
void rollout_destroy(rollout *r);
void rollout_frame_destroy(rollout_frame *frame);

#endif
