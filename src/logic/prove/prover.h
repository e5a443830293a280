// SPDX-License-Identifier: MIT
#ifndef BITLOOM_LOGIC_PROVE_PROVER_H
#define BITLOOM_LOGIC_PROVE_PROVER_H

// One proof on its way: each step below may decide it.

#include "joint.h"

typedef struct prover {
    bl_proof facts; // first, so that one pointer serves as both
    joint joint;
    const bl_prove_params *params;
    uint64_t deadline_ns;
    uint8_t *inputs, *first_a, *first_b; // of the counterexample
    const bl_allocator *allocator;
} prover;

static inline bool is_decided(const prover *p) { return p->facts.verdict != BL_VERDICT_UNDECIDED; }

// Takes a counterexample if both graphs, simulated plainly, agree that it is one; it ends with the
// first frame that shows a difference.
BL_MUST_USE bl_status prover_take(prover *p, const trace *t, const char *method);

// What the latches of the joint graph begin with, as for runs. Latches of a and b that correspond
// and are both unknown begin with the same.
void joint_first_states(bl_lit *first, const joint *j);

// Random runs from reset. The joint graph has the latches of both.
BL_MUST_USE bl_status prove_by_simulation(prover *p, const bl_lit *first);

// Frame by frame from reset. Each latch is replaced by its representative, see induction.h.
BL_MUST_USE bl_status prove_by_frames(prover *p, const bl_lit *first, const bl_lit *representative);

#endif
