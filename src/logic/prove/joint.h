// SPDX-License-Identifier: MIT
#ifndef BITLOOM_LOGIC_PROVE_JOINT_H
#define BITLOOM_LOGIC_PROVE_JOINT_H

// Two graphs in one, over the inputs of the first.

#include "sweeper.h"

typedef struct joint {
    const bl_graph *a, *b;
    uint32_t *b_input, *b_output; // of each one of a
    uint32_t *b_latch;            // NULL where the numbers differ
    bl_graph *g;
    bl_lit *lit_a, *lit_b; // of the nodes of a and b, in g
    sweep_pair *pairs;     // one for each output of a, then for each latch that is shared
    uint32_t n_pairs;
    const bl_allocator *allocator;
} joint;

// Matches the ports; BL_ERR_ARGUMENT and a message where their numbers differ.
BL_MUST_USE bl_status joint_create(joint *j, const bl_graph *a, const bl_graph *b,
                                   const bl_allocator *allocator, bl_diag *diag);

// Builds g and the pairs, anew. Latches that correspond are one (b_latch must be there), or g has
// the latches of a and then those of b, with their next states.
BL_MUST_USE bl_status joint_build(joint *j, bool shares_latches);

void joint_destroy(joint *j);

// Inputs for each frame and the first states of both graphs: 0 or 1 in each byte.
typedef struct trace {
    uint32_t n_frames;
    const uint8_t *inputs, *first_a, *first_b;
} trace;

// Simulates both graphs plainly. True with the first frame and the pair of outputs that differ.
BL_MUST_USE bl_status trace_replay(bool *is_different, uint32_t *frame, uint32_t *output_a,
                                   const joint *j, const trace *t);

#endif
