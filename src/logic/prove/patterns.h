// SPDX-License-Identifier: MIT
#ifndef BITLOOM_LOGIC_PROVE_PATTERNS_H
#define BITLOOM_LOGIC_PROVE_PATTERNS_H

// A plane for each node of a graph: 512 random patterns at a time.

#include <bitloom/logic.h>

// A random plane whose lanes are true with a probability of about eighths / 8 (0 < eighths < 8).
void random_plane(bl_plane *plane, bl_random *random, unsigned eighths);

// Sets the planes of the ANDs with ids first..g->n_nodes - 1, and of the constant. Those of inputs
// and latches are the caller's.
void simulate_planes(bl_plane *planes, const bl_graph *g, uint32_t first);

// planes[node of l], complemented as l says.
bl_plane plane_of(const bl_plane *planes, bl_lit l);

// The first lane where two literals differ, or BL_LANES.
size_t first_difference(const bl_plane *planes, bl_lit a, bl_lit b);

#endif
