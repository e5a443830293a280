// SPDX-License-Identifier: MIT
#ifndef BITLOOM_MELT_LOOM_PRIVATE_H
#define BITLOOM_MELT_LOOM_PRIVATE_H

#include <bitloom/melt.h>

// The .loom file: header, section table, sections, each at a multiple of 8 (docs/formats/loom.md).
typedef struct loom_header {
    char magic[8]; // "bitloom\n"
    uint32_t version, n_sections;
    uint64_t bytes;
    uint8_t sha256[BL_SHA256_BYTES]; // of all that follows the header
} loom_header;

typedef struct loom_section {
    char kind[8];
    uint64_t offset, bytes;
} loom_section;

// Section "model".
typedef struct loom_model {
    char name[64];
    uint32_t n_symbols, logit_unit_cost;
    uint64_t n_ands, n_nonzeros;
    uint8_t byte_symbol[256];
} loom_model;

_Static_assert(sizeof(loom_header) == 56 && sizeof(loom_section) == 24 && sizeof(loom_model) == 344,
               "the file form has no holes");

enum { LOOM_VERSION = 1, LOOM_SECTIONS = 3 }; // "model", "program", "card"

struct bl_model {
    bl_model_info info;
    bl_program *program;
    char *card;
    size_t card_bytes;
    uint32_t *weights;  // fixed_exp2_negative of 0, 1, 2 ... logit units
    uint32_t n_weights; // from here on 0
    const bl_allocator *allocator;
};

struct bl_runner {
    const bl_model *model;
    bl_machine *machine;
    const bl_bits *bits;
    int16_t *logits; // [512][n_symbols]
    uint8_t *kept;   // states of lanes with BL_KEEP
    size_t kept_bytes;
    const bl_allocator *allocator;
};

// What all symbols of a lane cost, in two numbers: symbol s costs base + unit * (most - its logit),
// for bytes that share no symbol. logits: [n][n_symbols].
void model_forecast(uint64_t *base, int16_t *most, const bl_model *model, const int16_t *logits,
                    size_t n);
// Costs of all symbols of one lane.
void model_costs(uint32_t *costs, const bl_model *model, const int16_t *logits);

#endif
