// SPDX-License-Identifier: MIT
#ifndef BITLOOM_MELT_MUXRNN_PRIVATE_H
#define BITLOOM_MELT_MUXRNN_PRIVATE_H

#include <bitloom/melt.h>

enum { MAX_LAYERS = 16 };

// [0] gates, [1] candidates; row j of a matrix holds the weights of neuron j.
typedef struct mux_layer {
    uint32_t n_inputs;
    int16_t *weight[2]; // -1, 0, 1; wide, because products of 16 bits add up fast
    int32_t *threshold[2];
} mux_layer;

struct bl_muxrnn {
    const bl_allocator *allocator;
    bl_muxrnn_info info;
    uint8_t *code; // [symbol][bit]
    mux_layer layers[MAX_LAYERS];
    int16_t *head_weight; // [symbol][feature]
    int32_t *head_bias;
    char *card;
    size_t card_bytes;
};

#endif
