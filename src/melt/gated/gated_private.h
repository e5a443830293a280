// SPDX-License-Identifier: MIT
#ifndef BITLOOM_MELT_GATED_GATED_PRIVATE_H
#define BITLOOM_MELT_GATED_GATED_PRIVATE_H

#include <bitloom/gated.h>

// Both kinds of network have four sums a neuron, so that all that follows has one shape:
//     LSTM  i, f, g, o
//     GRU   r, z, n_x (of the inputs), n_h (of the own hidden values)
enum { N_SUMS = 4 };

// Row 4 * neuron + k of a matrix holds sum k; its columns are the hidden values of the layer below
// (layer 0: none), then those of the layer itself.
typedef struct gated_layer {
    uint32_t n_inputs;
    float *weight; // [row][input]
    float *bias;   // [row]; layer 0 has them in `table`
} gated_layer;

struct bl_gated {
    const bl_allocator *allocator;
    bl_gated_info info;
    float *table; // [symbol][row of layer 0]: what a symbol adds to the sums, bias included
    gated_layer layers[BL_GATED_MAX_LAYERS];
    float *head, *head_bias; // [symbol][neuron of the last layer], [symbol]
    char *card;
    size_t card_bytes;
};

static inline uint32_t gated_rows(const bl_gated *n) { return N_SUMS * n->info.n_hidden; }

// The network in floating point for several streams at a time.
typedef struct float_run {
    const bl_gated *network;
    uint32_t n_streams;
    float *hidden; // [layer][stream][neuron]
    float *cell;
    float *sums;   // scratch [row]
    float *inputs; // scratch: of one layer and stream
    const bl_allocator *allocator;
} float_run;

BL_MUST_USE bl_status float_run_begin(float_run *run, const bl_gated *network, uint32_t n_streams,
                                      const bl_allocator *allocator);
void float_run_end(float_run *run);
// Moves one stream on. `see`, where not NULL, is called with each layer's inputs before its step
// and, as layer n_layers, with the head's.
void float_run_step(float_run *run, uint32_t stream, uint32_t symbol,
                    void (*see)(void *context, uint32_t layer, const float *inputs), void *context);
void float_run_logits(float *logits, const float_run *run, uint32_t stream);

// How a text is cut for scores and calibration.
enum { SCORE_STREAMS = 64, SCORE_STEPS = 512, SCORE_WARM = 32, SCORE_MIN_BYTES = 8192 };
static inline size_t score_steps(size_t bytes)
{
    size_t n = bytes / SCORE_STREAMS;
    return n < SCORE_STEPS ? n : SCORE_STEPS;
}
// Stream s begins here.
static inline size_t score_begin(size_t bytes, uint32_t s) { return bytes / SCORE_STREAMS * s; }
double cost_in_bits(const float *logits, uint32_t n, uint32_t target);

// Rounds the rows of `weight` [n_rows][n] to integers of the size of `limit` times 2^-exponent.
// `moments` [n][n]: the sum of x x^T over the inputs x that the rows will see.
// Exponents differ by `span` at most and are not above `most_exponent`.
BL_MUST_USE bl_status round_rows(int16_t *rounded, int8_t *exponents, const float *weight,
                                 uint32_t n_rows, uint32_t n, const double *moments, int limit,
                                 int span, int most_exponent, const bl_allocator *allocator);

// ------------------------------------------------------------------------------ as integers

enum {
    SUM_BITS = 8,      // of a sum on its way into a gate's table,
    SUM_FRACTION = 4,  // of which so many are behind the point
    CELL_FRACTION = 3, // a cell holds -8 to 8
    FINEST = 15,       // units of a sum are 2^-15 or coarser, so that a bias may be 32
    MAX_SPAN = 6,      // of exponents: how much finer one row may be told than another
    MAX_SUM = 24,      // planes of a sum
    TANH_FRACTION = 5  // behind the point of what the tanh of a cell looks at, 8 bits in all
};

typedef struct quantised_layer {
    uint32_t n_inputs;
    int16_t *weight;  // [row][input]
    int32_t *bias;    // [row], in units of the sum; layer 0 has them in `table`
    int8_t *exponent; // [row]: a weight is worth 2^-exponent
} quantised_layer;

struct bl_quantised {
    const bl_allocator *allocator;
    bl_quantised_info info;
    bool is_gru;
    uint32_t n_hidden, n_layers, n_known; // n_known: symbols of the alphabet
    uint32_t hidden_bits, cell_bits, gate_bits;
    int32_t *table; // [symbol][row of layer 0], in units of the sum
    quantised_layer layers[BL_GATED_MAX_LAYERS];
    int16_t *head;
    int32_t *head_bias;
    uint32_t head_shift;
    int32_t other_logit; // of the symbol for bytes that the alphabet lacks
    int16_t sigmoid[1 << SUM_BITS], tanh[1 << SUM_BITS], tanh_cell[1 << SUM_BITS];
    char *card;
    size_t card_bytes;
};

static inline uint32_t quantised_rows(const bl_quantised *q) { return N_SUMS * q->n_hidden; }
// Bits of one neuron's state: an LSTM's hidden value, then its cell; a GRU's state.
static inline uint32_t neuron_bits(const bl_quantised *q)
{
    return q->is_gru ? q->cell_bits : q->hidden_bits + q->cell_bits;
}
// A sum S counts in units of 2^-(exponent + hidden_bits); this turns it into sixteenths.
static inline int sum_shift(const bl_quantised *q, const quantised_layer *layer, uint32_t row)
{
    return layer->exponent[row] + (int)q->hidden_bits - SUM_FRACTION;
}

// A weight as few powers of two with signs: no two neighbouring ones ("canonical signed digits").
enum { MAX_DIGITS = 8 };
typedef struct signed_digit {
    uint8_t exponent;
    bool is_negative;
} signed_digit;
static inline uint32_t signed_digits(signed_digit digits[MAX_DIGITS], int weight)
{
    uint32_t n = 0;
    for (uint8_t k = 0; weight != 0; k++, weight /= 2)
        if (weight & 1) {
            int digit = (weight & 3) == 3 ? -1 : 1; // ...11 is ...100 - 1
            digits[n++] = (signed_digit){k, digit < 0};
            weight -= digit;
        }
    return n;
}

// What a cell does with its four sums and its state, as a graph. Inputs: sums of SUM_BITS planes
// each, then the state's cell_bits. Outputs: the new cell_bits, then (LSTM) hidden_bits.
BL_MUST_USE bl_status cell_graph(bl_graph **graph, const bl_quantised *q,
                                 const bl_allocator *allocator, bl_diag *diag);

#endif
