// SPDX-License-Identifier: MIT
#ifndef BITLOOM_GATED_H
#define BITLOOM_GATED_H

// LSTMs and GRUs that were trained elsewhere, as logic.
//
//     m.safetensors --bl_gated_read--> bl_gated --bl_gated_quantise--> bl_quantised
//     (PyTorch's names, float32)       (floating point)                (integers: the reference)
//                                                                          |
//                                              bl_program  <--bl_quantised_weave
//
// Quantising happens after training: weights become integers with one power of two a row, rounded
// one input at a time, where each later weight makes up for the errors before it (Frantar et al.,
// "GPTQ", 2022); what the inputs of a row have in common is measured on a text, the calibration.
// The gates' functions become tables. docs/formats/gated.md defines the arithmetic to the last bit.

#include <bitloom/base.h>
#include <bitloom/logic.h>
#include <bitloom/melt.h>

BL_BEGIN_DECLS

enum { BL_GATED_MAX_LAYERS = 8, BL_GATED_MAX_HIDDEN = 2048, BL_GATED_MAX_EMBEDDING = 4096 };

typedef struct bl_gated bl_gated;

typedef struct bl_gated_info {
    bool is_gru;        // an LSTM otherwise
    uint32_t n_symbols; // of the alphabet
    uint32_t n_hidden, n_layers, n_embedding;
    uint64_t n_weights;       // of the layers
    int16_t byte_symbol[256]; // -1: a byte that the alphabet lacks
    const char *card;         // the file's metadata as a JSON object; lives as long as the network
} bl_gated_info;

// Reads float32 tensors under PyTorch's names, with any prefix: *weight_ih_l0, *weight_hh_l0,
// *bias_ih_l0, *bias_hh_l0 (biases may be absent) and so on; gates in PyTorch's order (LSTM: i f g
// o; GRU: r z n); an embedding (a matrix without a bias; absent: one-hot inputs) and an output
// layer (*weight with its *bias). `alphabet` is JSON, either a list of characters or an object from
// character to number; NULL: the metadata "alphabet" of the file. Each character must be one byte
// in `encoding`, a name that iconv knows; NULL: the metadata "encoding", else windows-1252.
BL_API BL_MUST_USE bl_status bl_gated_read(bl_gated **network, const uint8_t *data, size_t bytes,
                                           const char *name, const char *alphabet,
                                           const char *encoding, const bl_allocator *allocator,
                                           bl_diag *diag);
BL_API void bl_gated_destroy(bl_gated **network);
BL_API void bl_gated_get_info(bl_gated_info *info, const bl_gated *network);

// Mean cost of a byte in bits, in floating point: the text in 64 streams that start cold, up to 512
// bytes each, of which the first 32 are not counted. BL_ERR_ARGUMENT: less than 8,192 bytes.
// A byte outside the alphabet is read as one that adds nothing; its cost is not counted.
BL_API BL_MUST_USE bl_status bl_gated_score(double *bits, const bl_gated *network,
                                            const uint8_t *text, size_t bytes,
                                            const bl_allocator *allocator);

typedef struct bl_quantised bl_quantised;

typedef struct bl_quantise_params { // 0 = the usual value
    uint32_t weight_bits;           // 2..8, usually 6
    uint32_t hidden_bits;           // of what layers tell each other: 2..8, usually 6
    uint32_t
        cell_bits; // of an LSTM's cell or a GRU's state: 6..14, not below hidden_bits, usually 10
    uint32_t gate_bits;  // of the gates: 4..10, usually 7
    uint32_t head_bits;  // of the output weights: 2..8, usually 7
    const uint8_t *text; // calibration: at least 8,192 bytes of what the network is for
    size_t text_bytes;
} bl_quantise_params;

typedef struct bl_quantised_info {
    uint32_t n_symbols; // the alphabet's and, where it lacks bytes, one more for those
    uint32_t n_state_bits;
    uint64_t n_nonzeros; // weights
    uint64_t n_terms;    // one-bit products: digits of weights x bits of their inputs
    double logit_unit_nats;
    uint8_t byte_symbol[256];
    const char *card;
} bl_quantised_info;

// BL_ERR_ARGUMENT: parameters out of range or too little text. About (4 layers + 8) * hidden^2
// doubles; seconds for 300,000 weights. One thread; the result may differ in last bits between
// compilers.
BL_API BL_MUST_USE bl_status bl_gated_quantise(bl_quantised **quantised, const bl_gated *network,
                                               const bl_quantise_params *params,
                                               const bl_allocator *allocator, bl_diag *diag);
BL_API void bl_quantised_destroy(bl_quantised **quantised);
BL_API void bl_quantised_get_info(bl_quantised_info *info, const bl_quantised *quantised);
BL_API void bl_quantised_get_loom_facts(bl_loom_facts *facts, const bl_quantised *quantised);

// One step of one text, evaluated the obvious way: what the logic must equal. state: n_state_bits
// bytes of 0 or 1, all zero at the beginning; logits[n_symbols].
BL_API void bl_quantised_step(uint8_t *state, const bl_quantised *quantised, uint8_t byte);
BL_API void bl_quantised_logits(int32_t *logits, const bl_quantised *quantised,
                                const uint8_t *state);

// As bl_gated_score, by the integer reference.
BL_API BL_MUST_USE bl_status bl_quantised_score(double *bits, const bl_quantised *quantised,
                                                const uint8_t *text, size_t bytes,
                                                const bl_allocator *allocator);

// Inputs, state, outputs and entries as bl_muxrnn_weave (melt.h) makes them.
BL_API BL_MUST_USE bl_status bl_quantised_weave(bl_program **program, const bl_quantised *quantised,
                                                const bl_allocator *allocator);

BL_END_DECLS
#endif
