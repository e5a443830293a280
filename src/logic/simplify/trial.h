// SPDX-License-Identifier: MIT
#ifndef BITLOOM_LOGIC_SIMPLIFY_TRIAL_H
#define BITLOOM_LOGIC_SIMPLIFY_TRIAL_H

// Building something else for a gate, and looking whether it is worth it. What is built is in the
// network at once, so gates that exist cost nothing; what does not pay is taken back.

#include "network.h"

typedef struct trial {
    network *net;
    uint32_t root;     // that is to be replaced
    uint32_t n_before; // gates
    uint32_t n_luts;   // living gates
    bool is_circular;  // the new logic would read the root
    bool allows_neutral;
} trial;

trial trial_begin(network *net, uint32_t root, bool allows_neutral);

// A gate of two inputs, bit 0 of the row is a.
bl_lit trial_gate(trial *t, uint8_t table, bl_lit a, bl_lit b);

// Replaces the root if fewer gates remain (or as many, with allows_neutral); else undoes all.
bool trial_end(trial *t, bl_lit by);

#endif
