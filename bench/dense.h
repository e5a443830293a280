// SPDX-License-Identifier: MIT
#ifndef BITLOOM_BENCH_DENSE_H
#define BITLOOM_BENCH_DENSE_H

// A layer of ternary neurons over one-bit inputs for 512 lanes, by the best dense kernels that an
// AVX-512 core offers: what sparse lists of planes have to beat.

#include <bitloom/bits.h>

typedef struct dense_layer {
    uint32_t n_inputs, n_neurons; // multiples of 64 and of 8
    const int8_t *weight;         // [neuron][input]: -1, 0, 1
    const int32_t *threshold;     // on the number of literals that hold
    // what the kernels read, made by dense_prepare
    uint64_t *plus, *minus;  // [neuron][word] masks
    int32_t *quads;          // [neuron][input / 4]: four int8 weights
    int32_t *byte_threshold; // threshold minus the number of weights -1
    uint64_t *words;         // inputs: [word][lane]
    uint32_t *bytes;         // inputs: [input / 4][lane], four bytes of 0 or 1
} dense_layer;

bool dense_is_supported(void);
bool dense_prepare(dense_layer *layer);
void dense_clear(dense_layer *layer);
void dense_set_inputs(dense_layer *layer, const bl_plane *inputs);

// outputs: one plane a neuron.
void dense_run_popcount(bl_plane *outputs, const dense_layer *layer); // vpternlogq, vpopcntq
void dense_run_vnni(bl_plane *outputs, const dense_layer *layer);     // vpdpbusd

#endif
