// SPDX-License-Identifier: MIT
#ifndef BITLOOM_BENCH_NAIVE_H
#define BITLOOM_BENCH_NAIVE_H

#include <bitloom/logic.h>

// What one would write first: a plane for each node, and for each AND its two literals, complements
// by XOR with a mask. `planes` has n_nodes of them, those of inputs and latches filled in.
typedef void naive_run(bl_plane *planes, const bl_graph *graph);
naive_run naive_run_c, naive_run_avx2, naive_run_avx512;

// As aigsim does it: one pattern at a time, a byte for each node.
void naive_one_pattern(uint8_t *values, const bl_graph *graph);

#endif
