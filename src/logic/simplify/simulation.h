// SPDX-License-Identifier: MIT
#ifndef BITLOOM_LOGIC_SIMPLIFY_SIMULATION_H
#define BITLOOM_LOGIC_SIMPLIFY_SIMULATION_H

// What the ports of a graph say to random patterns: no pass may change a bit of it.

#include "network.h"

enum { SIMULATION_ROUNDS = 24 }; // of 64 lanes: three times 512

typedef struct answers {
    uint64_t *words; // SIMULATION_ROUNDS for each port, round after round
    uint32_t n_ports;
    const bl_allocator *allocator;
} answers;

BL_MUST_USE bl_status answers_of_graph(answers *result, const bl_graph *g,
                                       const bl_allocator *allocator);
void answers_clear(answers *a);

// The first port with another answer, or UINT32_MAX. Of a network: ids must be topological.
BL_MUST_USE bl_status answers_compare_graph(uint32_t *port, const answers *a, const bl_graph *g);
BL_MUST_USE bl_status answers_compare_network(uint32_t *port, const answers *a, const network *net);

#endif
