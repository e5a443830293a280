// SPDX-License-Identifier: MIT
// The network in floating point: what quantising is measured against, and where calibration looks.

#include "gated_private.h"

#include "base/try.h"

#include <assert.h>
#include <math.h>
#include <string.h>

static size_t n_values(const float_run *run)
{
    const bl_gated_info *info = &run->network->info;
    return (size_t)info->n_layers * run->n_streams * info->n_hidden;
}

bl_status float_run_begin(float_run *run, const bl_gated *network, uint32_t n_streams,
                          const bl_allocator *allocator)
{
    *run = (float_run){.network = network, .n_streams = n_streams, .allocator = allocator};
    run->hidden = bl_alloc_array(allocator, n_values(run), sizeof(float));
    run->cell = bl_alloc_array(allocator, n_values(run), sizeof(float));
    run->sums = bl_alloc_array(allocator, gated_rows(network), sizeof(float));
    run->inputs = bl_alloc_array(allocator, 2 * (size_t)network->info.n_hidden, sizeof(float));
    if (run->hidden && run->cell && run->sums && run->inputs)
        return BL_OK;
    float_run_end(run);
    return BL_ERR_MEMORY;
}

void float_run_end(float_run *run)
{
    bl_free(run->allocator, run->hidden, n_values(run) * sizeof(float));
    bl_free(run->allocator, run->cell, n_values(run) * sizeof(float));
    bl_free(run->allocator, run->sums, gated_rows(run->network) * sizeof(float));
    bl_free(run->allocator, run->inputs, 2 * (size_t)run->network->info.n_hidden * sizeof(float));
}

static float *hidden_of(const float_run *run, uint32_t layer, uint32_t stream)
{
    return run->hidden + ((size_t)layer * run->n_streams + stream) * run->network->info.n_hidden;
}

static float sigmoid(float x) { return 1 / (1 + expf(-x)); }

// Sums 16 products side by side, so that the compiler need not keep the order of one sum.
static float dot(const float *a, const float *b, uint32_t n)
{
    float part[16] = {0}, sum = 0;
    uint32_t i = 0;
    for (; i + 16 <= n; i += 16)
        for (uint32_t k = 0; k < 16; k++)
            part[k] += a[i + k] * b[i + k];
    for (; i < n; i++)
        sum += a[i] * b[i];
    for (uint32_t k = 0; k < 16; k++)
        sum += part[k];
    return sum;
}

static void step_layer(const float_run *run, uint32_t l, uint32_t stream, const float *base)
{
    const bl_gated *n = run->network;
    const gated_layer *layer = &n->layers[l];
    float *hidden = hidden_of(run, l, stream), *cell = run->cell + (hidden - run->hidden);
    for (uint32_t row = 0; row < gated_rows(n); row++)
        run->sums[row] =
            base[row]
            + dot(layer->weight + (size_t)row * layer->n_inputs, run->inputs, layer->n_inputs);
    for (uint32_t j = 0; j < n->info.n_hidden; j++) {
        const float *s = run->sums + (size_t)N_SUMS * j;
        if (n->info.is_gru) {
            float z = sigmoid(s[1]);
            hidden[j] = (1 - z) * tanhf(s[2] + sigmoid(s[0]) * s[3]) + z * hidden[j];
        } else {
            cell[j] = sigmoid(s[1]) * cell[j] + sigmoid(s[0]) * tanhf(s[2]);
            hidden[j] = sigmoid(s[3]) * tanhf(cell[j]);
        }
    }
}

void float_run_step(float_run *run, uint32_t stream, uint32_t symbol,
                    void (*see)(void *context, uint32_t layer, const float *inputs), void *context)
{
    const bl_gated *n = run->network;
    uint32_t n_hidden = n->info.n_hidden;
    for (uint32_t l = 0; l < n->info.n_layers; l++) {
        float *at = run->inputs;
        if (l > 0) {
            memcpy(at, hidden_of(run, l - 1, stream), n_hidden * sizeof *at);
            at += n_hidden;
        }
        memcpy(at, hidden_of(run, l, stream), n_hidden * sizeof *at);
        if (see)
            see(context, l, run->inputs);
        step_layer(run, l, stream,
                   l > 0 ? n->layers[l].bias : n->table + (size_t)symbol * gated_rows(n));
    }
    if (see)
        see(context, n->info.n_layers, hidden_of(run, n->info.n_layers - 1, stream));
}

void float_run_logits(float *logits, const float_run *run, uint32_t stream)
{
    const bl_gated *n = run->network;
    const float *hidden = hidden_of(run, n->info.n_layers - 1, stream);
    for (uint32_t s = 0; s < n->info.n_symbols; s++)
        logits[s] =
            n->head_bias[s] + dot(n->head + (size_t)s * n->info.n_hidden, hidden, n->info.n_hidden);
}

double cost_in_bits(const float *logits, uint32_t n, uint32_t target)
{
    float most = logits[0];
    for (uint32_t s = 1; s < n; s++)
        most = logits[s] > most ? logits[s] : most;
    double sum = 0;
    for (uint32_t s = 0; s < n; s++)
        sum += exp((double)(logits[s] - most));
    return (log(sum) + (double)(most - logits[target])) / log(2.0);
}

bl_status bl_gated_score(double *bits, const bl_gated *n, const uint8_t *text, size_t bytes,
                         const bl_allocator *allocator)
{
    assert(bits && n);
    if (bytes < SCORE_MIN_BYTES)
        return BL_ERR_ARGUMENT;
    float_run run;
    float logits[256];
    double total = 0;
    uint64_t n_scored = 0;
    TRY(float_run_begin(&run, n, SCORE_STREAMS, allocator));
    for (uint32_t s = 0; s < SCORE_STREAMS; s++) {
        const uint8_t *at = text + score_begin(bytes, s);
        for (size_t t = 0; t + 1 < score_steps(bytes); t++) {
            int symbol = n->info.byte_symbol[at[t]], next = n->info.byte_symbol[at[t + 1]];
            float_run_step(&run, s, symbol < 0 ? n->info.n_symbols : (uint32_t)symbol, NULL, NULL);
            if (t < SCORE_WARM || next < 0)
                continue;
            float_run_logits(logits, &run, s);
            total += cost_in_bits(logits, n->info.n_symbols, (uint32_t)next);
            n_scored++;
        }
    }
    float_run_end(&run);
    *bits = n_scored ? total / (double)n_scored : 0;
    return BL_OK;
}
