// SPDX-License-Identifier: MIT
#ifndef BITLOOM_TIMELINE_H
#define BITLOOM_TIMELINE_H

// Time in the lanes: 512 consecutive steps of one sequence in one run of a sequential program.
//
//     bl_timeline *t;
//     if (bl_timeline_create(&t, program, bl_cpu_best(), NULL) != BL_OK) return 1;
//     bl_slice(bits, bl_timeline_input(t), text, 1, 512, 8);  // lane i: what step i reads
//     bl_timeline_run(t, state, 512);                         // state: before step 0, then after 511
//
// It works where steps hang together in two ways only: a plane of the state that is written as a
// function of itself and of what does not depend on it, never falling where the old value rises
// (set, reset, hold: z ? c : h), and a plane that is a copy of another signal and so shows it one
// step late. Everything else is then the same for all steps at once. The first kind is a scan over
// the
// lanes: hold is the propagation of a carry, so an addition of 512-bit numbers does it. The second
// is a shift by one lane. A scan of a bit costs about ten times a LUT3 operation, so a run costs
// little more than a step of a machine, and does 512 of them.

#include <bitloom/logic.h>

BL_BEGIN_DECLS

typedef struct bl_timeline bl_timeline;

// For entry 0 of the program. BL_ERR_UNSUPPORTED where its steps hang together in another way (an
// LSTM, a toggle, an arbitrary state machine). Linear; the program may go afterwards.
BL_API BL_MUST_USE bl_status bl_timeline_create(bl_timeline **timeline, const bl_program *program,
                                                bl_cpu level, const bl_allocator *allocator);
BL_API void bl_timeline_destroy(bl_timeline **timeline);

// Planes of the program's inputs and outputs: lane i belongs to step i.
BL_API bl_plane *bl_timeline_input(bl_timeline *timeline);
BL_API const bl_plane *bl_timeline_output(const bl_timeline *timeline);

// n_steps (1 to 512) steps from `state` on, which is packed as bl_machine_store_lanes does it, and
// becomes the state after the last one.
BL_API void bl_timeline_run(bl_timeline *timeline, uint8_t *state, size_t n_steps);
// The state after each of the first n_steps of the last run, one behind the other.
BL_API void bl_timeline_states(uint8_t *states, const bl_timeline *timeline, size_t n_steps);

// Another entry, for all steps of the last run at once. It must not write the state.
BL_API void bl_timeline_run_entry(bl_timeline *timeline, uint32_t entry);

// How often lanes must be combined on the way through a step.
typedef struct bl_timeline_info {
    uint32_t n_runs, n_scans, n_shifts; // stretches of operations between them
} bl_timeline_info;
BL_API void bl_timeline_get_info(bl_timeline_info *info, const bl_timeline *timeline);

BL_END_DECLS
#endif
