// SPDX-License-Identifier: MIT
#ifndef BITLOOM_APPS_ABLATION_H
#define BITLOOM_APPS_ABLATION_H

// Searches over the bits of a model's state (bitloom ablate).

#include "base/progress.h"

#include <bitloom/melt.h>

// A model with ties, as a model of its own.
typedef struct tied_model {
    bl_buffer file;
    bl_model *model;
} tied_model;
BL_MUST_USE bl_status tied_model_open(tied_model *tied, const bl_model *model, const bl_tie *ties,
                                      size_t n_ties);
void tied_model_close(tied_model *tied);

// How well a bit tells whether a byte stands inside quotation marks.
typedef struct bit_quality {
    uint32_t plane;
    double accuracy;    // of the better of "bit" and "not bit"
    double information; // mutual information, bits
} bit_quality;

// Quotation marks alternate and a blank line ends a quotation. best: the n bits of the layers with
// the most information, best first; *base_rate: the accuracy of always saying the same.
BL_MUST_USE bl_status find_quote_bits(bit_quality *best, size_t n, double *base_rate,
                                      const bl_model *model, const uint8_t *text, size_t bytes,
                                      size_t n_sample_bytes, bl_cpu level);

typedef struct removal_params {
    uint32_t byte_class;
    double raise,
        keep; // bits per byte: at least so much for the class, at most for all others; > 0
    size_t max_ties;
    bl_score_params score;
    bl_pool *pool;
    bl_progress *progress;
    bool is_quiet;
} removal_params;

typedef struct removal {
    bl_tie ties[64];
    size_t n_ties;
    double change[BL_BYTE_CLASSES]; // of bits per byte
    bool is_found;
} removal;

// A small set of ties that takes a class of bytes away from a model: all bits of the layers are
// tied one by one, the best are added greedily, and those that turn out not to be needed leave
// again.
BL_MUST_USE bl_status find_removal(removal *result, const bl_model *model, const uint8_t *text,
                                   size_t bytes, const removal_params *params);

#endif
