// SPDX-License-Identifier: MIT
// The integer reference of a quantised LSTM or GRU: what the logic must equal, bit for bit.
// docs/formats/gated.md says the same in formulas.

#include "gated_private.h"

#include "base/try.h"

#include <assert.h>
#include <string.h>

static int64_t clamp(int64_t x, uint32_t bits)
{
    int64_t most = (INT64_C(1) << (bits - 1)) - 1;
    return x > most ? most : x < -most - 1 ? -most - 1 : x;
}

// x / 2^n to the nearest integer, halves upwards; a negative n multiplies.
static int64_t scaled(int64_t x, int n)
{
    return n > 0 ? (x + (INT64_C(1) << (n - 1))) >> n : x * (INT64_C(1) << -n);
}

static int64_t read_number(const uint8_t *bits, uint32_t n)
{
    int64_t x = 0;
    for (uint32_t k = 0; k < n; k++)
        x += (int64_t)bits[k] << k;
    return bits[n - 1] ? x - (INT64_C(1) << n) : x;
}

static void write_number(uint8_t *bits, int64_t x, uint32_t n)
{
    for (uint32_t k = 0; k < n; k++)
        bits[k] = x >> k & 1;
}

static uint8_t *bits_of(const bl_quantised *q, uint8_t *state, uint32_t layer, uint32_t neuron)
{
    return state + ((size_t)layer * q->n_hidden + neuron) * neuron_bits(q);
}

// What the others see of a neuron: 2 h + 1, an odd number, in units of 2^-hidden_bits.
static int16_t seen_value(const bl_quantised *q, const uint8_t *bits)
{
    if (q->is_gru) // the leading bits of its state
        bits += q->cell_bits - q->hidden_bits;
    return (int16_t)(2 * read_number(bits, q->hidden_bits) + 1);
}

static int64_t look_up(const int16_t *table, int64_t sum)
{
    return table[(uint64_t)sum & ((1u << SUM_BITS) - 1)];
}

static void step_lstm(const bl_quantised *q, uint8_t *bits, const int64_t *s)
{
    int a = (int)q->gate_bits, fraction = (int)q->cell_bits - 1 - CELL_FRACTION;
    int m = a > fraction ? a : fraction;
    int64_t i = look_up(q->sigmoid, s[0]), f = look_up(q->sigmoid, s[1]);
    int64_t g = look_up(q->tanh, s[2]), o = look_up(q->sigmoid, s[3]);
    int64_t c = read_number(bits + q->hidden_bits, q->cell_bits);
    int64_t total = f * c * (1 << (m - fraction)) + i * g * (1 << (m - a));
    c = clamp(scaled(total, a + m - fraction), q->cell_bits);
    int64_t looked = clamp(scaled(c, fraction - TANH_FRACTION), SUM_BITS);
    int64_t h = o * look_up(q->tanh_cell, looked) >> (2 * a - (int)q->hidden_bits + 1);
    write_number(bits, h, q->hidden_bits);
    write_number(bits + q->hidden_bits, c, q->cell_bits);
}

static void step_gru(const bl_quantised *q, uint8_t *bits, const int64_t *s)
{
    int a = (int)q->gate_bits, fraction = (int)q->cell_bits - 1, m = a > fraction ? a : fraction;
    int64_t r = look_up(q->sigmoid, s[0]), z = look_up(q->sigmoid, s[1]);
    int64_t n = look_up(q->tanh, clamp(s[2] + scaled(r * s[3], a), SUM_BITS));
    int64_t h = read_number(bits, q->cell_bits);
    int64_t total = z * h * (1 << (m - fraction)) + ((1 << a) - z) * n * (1 << (m - a));
    write_number(bits, clamp(scaled(total, a + m - fraction), q->cell_bits), q->cell_bits);
}

void bl_quantised_step(uint8_t *state, const bl_quantised *q, uint8_t byte)
{
    int16_t x[2 * BL_GATED_MAX_HIDDEN];
    uint32_t rows = quantised_rows(q), n = q->n_hidden;
    for (uint32_t l = 0; l < q->n_layers; l++) {
        const quantised_layer *layer = &q->layers[l];
        const int32_t *base =
            l > 0 ? layer->bias : q->table + (size_t)q->info.byte_symbol[byte] * rows;
        uint32_t below = layer->n_inputs - n;
        for (uint32_t j = 0; j < below; j++)
            x[j] = seen_value(q, bits_of(q, state, l - 1, j));
        for (uint32_t j = 0; j < n; j++)
            x[below + j] = seen_value(q, bits_of(q, state, l, j));
        for (uint32_t j = 0; j < n; j++) {
            int64_t s[N_SUMS];
            for (uint32_t k = 0; k < N_SUMS; k++) {
                uint32_t row = N_SUMS * j + k;
                const int16_t *w = layer->weight + (size_t)row * layer->n_inputs;
                int32_t sum = base[row];
                for (uint32_t i = 0; i < layer->n_inputs; i++)
                    sum += w[i] * x[i];
                s[k] = clamp(scaled(sum, sum_shift(q, layer, row)), SUM_BITS);
            }
            (q->is_gru ? step_gru : step_lstm)(q, bits_of(q, state, l, j), s);
        }
    }
}

void bl_quantised_logits(int32_t *logits, const bl_quantised *q, const uint8_t *state)
{
    int16_t x[BL_GATED_MAX_HIDDEN];
    const uint8_t *last = state + (size_t)(q->n_layers - 1) * q->n_hidden * neuron_bits(q);
    for (uint32_t j = 0; j < q->n_hidden; j++)
        x[j] = seen_value(q, last + (size_t)j * neuron_bits(q));
    for (uint32_t s = 0; s < q->n_known; s++) {
        const int16_t *w = q->head + (size_t)s * q->n_hidden;
        int64_t sum = q->head_bias[s];
        for (uint32_t i = 0; i < q->n_hidden; i++)
            sum += w[i] * x[i];
        logits[s] = (int32_t)(sum >> q->head_shift);
    }
    if (q->info.n_symbols > q->n_known)
        logits[q->n_known] = q->other_logit;
}

bl_status bl_quantised_score(double *bits, const bl_quantised *q, const uint8_t *text, size_t bytes,
                             const bl_allocator *allocator)
{
    assert(bits && q);
    if (bytes < SCORE_MIN_BYTES)
        return BL_ERR_ARGUMENT;
    uint8_t *state = bl_alloc(allocator, q->info.n_state_bits);
    if (!state)
        return BL_ERR_MEMORY;
    int32_t logits[256];
    float nats[256];
    double total = 0;
    uint64_t n_scored = 0;
    for (uint32_t s = 0; s < SCORE_STREAMS; s++) {
        const uint8_t *at = text + score_begin(bytes, s);
        memset(state, 0, q->info.n_state_bits);
        for (size_t t = 0; t + 1 < score_steps(bytes); t++) {
            uint8_t next = q->info.byte_symbol[at[t + 1]];
            bl_quantised_step(state, q, at[t]);
            if (t < SCORE_WARM || next == q->n_known)
                continue;
            bl_quantised_logits(logits, q, state);
            for (uint32_t k = 0; k < q->info.n_symbols; k++)
                nats[k] = (float)(logits[k] * q->info.logit_unit_nats);
            total += cost_in_bits(nats, q->info.n_symbols, next);
            n_scored++;
        }
    }
    bl_free(allocator, state, q->info.n_state_bits);
    *bits = n_scored ? total / (double)n_scored : 0;
    return BL_OK;
}
