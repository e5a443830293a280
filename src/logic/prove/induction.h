// SPDX-License-Identifier: MIT
#ifndef BITLOOM_LOGIC_PROVE_INDUCTION_H
#define BITLOOM_LOGIC_PROVE_INDUCTION_H

// Latches that are equal, complementary or constant in all states that can be reached.
//
// "Things" are the constant, number 0, and latch i, number i + 1; a literal of a thing is twice
// its number, plus one for the complement.

#include "sweeper.h"

typedef struct induction {
    const bl_graph *g;
    const bl_lit *first; // what each latch begins with, as for runs
    const bl_prove_params *params;
    uint64_t deadline_ns;
    const bl_allocator *allocator;
    classes things;
    bl_plane *planes; // of the things
    uint32_t n_undecided;
    bl_lit *next; // of each latch, in the graph that is swept just now
} induction;

// All zero but for the first group. Afterwards induction_representative tells what was proved.
BL_MUST_USE bl_status induction_run(induction *n);
void induction_clear(induction *n);

// The literal of the first thing that is always equal to latch i.
bl_lit induction_representative(const induction *n, uint32_t i);

// A copy of the ANDs of g with all its inputs and latches in their order, in which each latch is
// replaced by its representative; lit tells what each node of g became.
BL_MUST_USE bl_status induction_copy(bl_graph **copy, bl_lit *lit, const induction *n);

#endif
