// SPDX-License-Identifier: MIT
// A MuxRNN as a program.
//
//   step   byte -> one-hot planes -> code planes        LUT3s
//          per layer: z and c of all neurons            two COUNT_GE per cell
//                     h = z ? c : h                     one LUT3 per state bit, in place
//          the codes move one byte into the past        copies
//   head   logit = base + 2 * (weighted count)          one SUM per symbol
//
// Sums over x = -1, 1 become counts of true literals: a literal is x for a weight > 0 and its
// complement for a weight < 0. With n weights and P true literals the sum is 2 P - n, so
// sum >= t is P >= ceil((t + n) / 2). A layer may write its state in place, because its gates
// read only the layers below.
//
// Neighbours with equal weights, the bits of a cell of several levels, are counted once:
//
//     equal thresholds      one COUNT_GE, its result used by all
//     other thresholds      one SUM, and a comparison of its planes a bit: a LUT3 for two planes

#include "muxrnn_private.h"
#include "weave_private.h"

#include "logic/table.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COUNT_PLANES = 24 }; // as many as a SUM has

typedef struct weaver {
    const bl_muxrnn *n;
    bl_assembler *a;
    uint32_t byte, state, past, logits; // first slots
    uint32_t code, fires, count;        // temporaries: code, gates and candidates, one count
    uint32_t *gates, *candidates;       // slot of each neuron's result
    uint32_t *plain, *complemented;     // scratch for lists
    uint32_t *sources;                  // scratch: slot of each input of a layer
} weaver;

// Code bit e = default ^ (one of the bytes whose symbol has the other bit). The bytes are OR-ed
// two at a time, all code bits in each round, so that neighbouring operations are independent.
static void emit_code(weaver *w)
{
    const bl_muxrnn_info *info = &w->n->info;
    // a byte without a one-hot plane gets the code of the usual symbol
    uint32_t usual = usual_symbol(info->byte_symbol, info->n_symbols), one_hot[256], n_hot = 0;
    uint8_t hot_byte[256];
    bool is_hot[256];
    for (uint32_t b = 0; b < 256; b++)
        if ((is_hot[b] = info->byte_symbol[b] != usual))
            hot_byte[n_hot++] = (uint8_t)b;
    weave_one_hots(w->a, one_hot, w->byte, is_hot);
    const uint8_t *code = w->n->code;
    uint32_t n_code = info->n_code;
    uint32_t *next = w->plain; // per code bit: the first byte that was not OR-ed yet
    memset(next, 0, n_code * sizeof *next);
    for (bool is_first = true, is_busy = true; is_busy; is_first = false) {
        is_busy = false;
        for (uint32_t e = 0; e < n_code; e++) {
            uint32_t pick[2] = {0, 0}, n = 0;
            while (n < 2 && next[e] < n_hot) {
                uint32_t i = next[e]++;
                uint32_t symbol = info->byte_symbol[hot_byte[i]];
                if (code[(size_t)symbol * n_code + e] != code[(size_t)usual * n_code + e])
                    pick[n++] = one_hot[hot_byte[i]];
            }
            is_busy |= n > 0;
            if (n > 0 || is_first)
                bl_assembler_lut3(w->a, TABLE_OR3, w->code + e, pick[0], pick[1],
                                  is_first ? 0 : w->code + e);
        }
    }
    for (uint32_t e = 0; e < n_code; e++)
        if (code[(size_t)usual * n_code + e])
            bl_assembler_lut3(w->a, TABLE_NOT_A, w->code + e, w->code + e, 0, 0);
}

static void list_sources(weaver *w, uint32_t l)
{
    const bl_muxrnn_info *info = &w->n->info;
    uint32_t *at = w->sources;
    for (uint32_t i = 0; l > 0 && i < l * info->n_state; i++)
        *at++ = w->state + i;
    for (uint32_t i = 0; i < info->n_code; i++)
        *at++ = w->code + i;
    for (uint32_t i = 0; l == 0 && i < (info->n_window - 1) * info->n_code; i++)
        *at++ = w->past + i;
}

static bl_literal_list list_literals(weaver *w, const int16_t *weights, uint32_t n)
{
    bl_literal_list list = {.plain = w->plain, .complemented = w->complemented};
    for (uint32_t i = 0; i < n; i++) {
        if (weights[i] > 0)
            w->plain[list.n_plain++] = w->sources[i];
        else if (weights[i] < 0)
            w->complemented[list.n_complemented++] = w->sources[i];
    }
    return list;
}

// The least count of true literals with which a neuron fires.
static int64_t least_count(int32_t threshold, uint32_t n_literals)
{
    int64_t sum = (int64_t)threshold + n_literals;
    return sum <= 0 ? 0 : (sum + 1) / 2;
}

// dst = count >= least, two planes a LUT3. -> the slot: constants need no LUT3.
static uint32_t emit_comparison(weaver *w, uint32_t dst, uint32_t n_planes, int64_t least)
{
    if (least <= 0 || least >> n_planes)
        return least <= 0; // slots 0 and 1 are the constants
    for (uint32_t k = 0; k < n_planes; k += 2) {
        bool has_high = k + 1 < n_planes;
        uint8_t table = table_compare((uint64_t)least - 1, k, has_high);
        bl_assembler_lut3(w->a, table, dst, has_high ? w->count + k + 1 : 0, w->count + k,
                          k > 0 ? dst : 0);
    }
    return dst;
}

static bool are_all_equal(const int32_t *values, uint32_t n)
{
    for (uint32_t i = 1; i < n; i++)
        if (values[i] != values[0])
            return false;
    return true;
}

// n neurons with the same weights: results[i] becomes the slot of the i-th, one of dst ...
static void emit_neurons(weaver *w, uint32_t *results, uint32_t dst, const bl_literal_list *list,
                         const int32_t *thresholds, uint32_t n)
{
    uint32_t n_literals = list->n_plain + list->n_complemented, n_planes = 1;
    if (are_all_equal(thresholds, n)) {
        bl_assembler_count_ge(w->a, dst, list, least_count(thresholds[0], n_literals));
        for (uint32_t i = 0; i < n; i++)
            results[i] = dst;
        return;
    }
    while (n_literals >> n_planes)
        n_planes++;
    bl_assembler_sum(w->a, w->count, n_planes, n_planes, 0, list, 1);
    for (uint32_t i = 0; i < n; i++)
        results[i] = emit_comparison(w, dst + i, n_planes, least_count(thresholds[i], n_literals));
}

// Neurons [first, result) have the same weights.
static uint32_t end_of_equals(const int16_t *weights, uint32_t first, uint32_t n_neurons, size_t n)
{
    uint32_t end = first + 1;
    const int16_t *row = weights + first * n;
    while (end < n_neurons && memcmp(row, weights + end * n, n * sizeof *row) == 0)
        end++;
    return end;
}

static void emit_layer(weaver *w, uint32_t l)
{
    const mux_layer *layer = &w->n->layers[l];
    uint32_t n_state = w->n->info.n_state, h = w->state + l * n_state;
    uint32_t *results[2] = {w->gates, w->candidates}, end[2] = {0, 0};
    list_sources(w, l);
    for (uint32_t j = 0; j < n_state; j++)
        for (uint32_t k = 0; k < 2; k++) {
            if (j < end[k])
                continue; // counted together with an earlier one
            const int16_t *row = layer->weight[k] + (size_t)j * layer->n_inputs;
            end[k] = end_of_equals(layer->weight[k], j, n_state, layer->n_inputs);
            bl_literal_list list = list_literals(w, row, layer->n_inputs);
            emit_neurons(w, results[k] + j, w->fires + k * n_state + j, &list,
                         layer->threshold[k] + j, end[k] - j);
        }
    for (uint32_t j = 0; j < n_state; j++)
        bl_assembler_lut3(w->a, TABLE_MUX, h + j, w->gates[j], w->candidates[j], h + j);
}

static void emit_step(weaver *w)
{
    const bl_muxrnn_info *info = &w->n->info;
    bl_assembler_begin_entry(w->a, "step");
    emit_code(w);
    for (uint32_t l = 0; l < info->n_layers; l++)
        emit_layer(w, l);
    uint32_t n_past = (info->n_window - 1) * info->n_code;
    for (uint32_t i = n_past; i-- > 0;) {
        uint32_t from = i < info->n_code ? w->code + i : w->past + i - info->n_code;
        bl_assembler_lut3(w->a, TABLE_A, w->past + i, from, 0, 0);
    }
}

// logit = bias + sum w x = bias - sum |w| + 2 * sum over digits of |w|. Digit k of the SUM has
// weight 2^k, so the lowest one is empty.
static void emit_logit(weaver *w, uint32_t s, uint32_t n_planes)
{
    const bl_muxrnn_info *info = &w->n->info;
    const int16_t *weights = w->n->head_weight + (size_t)s * info->n_features;
    bl_literal_list digits[8] = {{0}};
    int64_t base = w->n->head_bias[s];
    uint32_t n_digits = 0, *plain = w->plain, *complemented = w->complemented;
    for (uint32_t i = 0; i < info->n_features; i++)
        base -= abs(weights[i]);
    for (uint32_t k = 0; k < 7; k++) {
        bl_literal_list *d = &digits[k + 1];
        d->plain = plain;
        d->complemented = complemented;
        for (uint32_t i = 0; i < info->n_features; i++) {
            if (!(abs(weights[i]) >> k & 1))
                continue;
            if (weights[i] > 0)
                plain[d->n_plain++] = w->state + i;
            else
                complemented[d->n_complemented++] = w->state + i;
        }
        plain += d->n_plain;
        complemented += d->n_complemented;
        if (d->n_plain + d->n_complemented > 0)
            n_digits = k + 2;
    }
    bl_assembler_sum(w->a, w->logits + s * BL_LOGIT_BITS, BL_LOGIT_BITS, n_planes, base, digits,
                     n_digits);
}

// The fewest planes that hold every logit with its sign.
static uint32_t logit_planes(const bl_muxrnn *n)
{
    int64_t most = 0;
    for (uint32_t s = 0; s < n->info.n_symbols; s++) {
        int64_t m = llabs((long long)n->head_bias[s]);
        for (uint32_t i = 0; i < n->info.n_features; i++)
            m += abs(n->head_weight[(size_t)s * n->info.n_features + i]);
        most = m > most ? m : most;
    }
    uint32_t planes = 8; // at least one for each digit of an 8-bit weight
    while ((INT64_C(1) << (planes - 1)) <= most)
        planes++;
    return planes;
}

static void emit_head(weaver *w)
{
    uint32_t n_planes = logit_planes(w->n);
    bl_assembler_begin_entry(w->a, "head");
    for (uint32_t s = 0; s < w->n->info.n_symbols; s++)
        emit_logit(w, s, n_planes);
}

static bl_status describe(bl_record records[3], const bl_muxrnn_info *info)
{
    char name[BL_FIELD_NAME_BYTES];
    bl_status status = bl_record_add(&records[0], "byte", 8, false);
    for (uint32_t l = 0; l < info->n_layers && status == BL_OK; l++) {
        snprintf(name, sizeof name, "layer%u", l);
        status = bl_record_add(&records[1], name, info->n_state, false);
    }
    for (uint32_t i = 1; i < info->n_window && status == BL_OK; i++) {
        snprintf(name, sizeof name, "code_%u_ago", i - 1);
        status = bl_record_add(&records[1], name, info->n_code, false);
    }
    if (status == BL_OK)
        status = describe_logits(&records[2], info->byte_symbol, info->n_symbols);
    return status;
}

static bl_status allocate(weaver *w, const bl_allocator *allocator, size_t n)
{
    w->plain = bl_alloc_array(allocator, n, sizeof(uint32_t));
    w->complemented = bl_alloc_array(allocator, n, sizeof(uint32_t));
    w->sources = bl_alloc_array(allocator, n, sizeof(uint32_t));
    w->gates = bl_alloc_array(allocator, w->n->info.n_state, sizeof(uint32_t));
    w->candidates = bl_alloc_array(allocator, w->n->info.n_state, sizeof(uint32_t));
    bool is_complete = w->plain && w->complemented && w->sources && w->gates && w->candidates;
    return is_complete ? BL_OK : BL_ERR_MEMORY;
}

static void clear(weaver *w, const bl_allocator *allocator, size_t n)
{
    bl_free(allocator, w->plain, n * sizeof(uint32_t));
    bl_free(allocator, w->complemented, n * sizeof(uint32_t));
    bl_free(allocator, w->sources, n * sizeof(uint32_t));
    bl_free(allocator, w->gates, w->n->info.n_state * sizeof(uint32_t));
    bl_free(allocator, w->candidates, w->n->info.n_state * sizeof(uint32_t));
}

bl_status bl_muxrnn_weave(bl_program **program, const bl_muxrnn *n, const bl_allocator *allocator)
{
    assert(program && n);
    const bl_muxrnn_info *info = &n->info;
    weaver w = {.n = n};
    // the longest list: a layer's inputs, or all digits of a head neuron
    size_t longest =
        (size_t)info->n_window * info->n_code + 8 * (size_t)info->n_features + info->n_code;
    bl_record records[3] = {
        {.allocator = allocator}, {.allocator = allocator}, {.allocator = allocator}};
    bl_status status = describe(records, info);
    if (status == BL_OK)
        status = allocate(&w, allocator, longest);
    if (status == BL_OK)
        status = bl_assembler_create(&w.a, &records[0], &records[1], &records[2], allocator);
    if (status == BL_OK) {
        w.byte = bl_assembler_input(w.a);
        w.state = bl_assembler_state(w.a);
        w.past = w.state + info->n_features;
        w.logits = bl_assembler_output(w.a);
        w.code = bl_assembler_temporaries(w.a, info->n_code);
        w.fires = bl_assembler_temporaries(w.a, 2 * info->n_state);
        w.count = bl_assembler_temporaries(w.a, COUNT_PLANES);
        emit_step(&w);
        emit_head(&w);
        status = bl_assembler_finish(program, w.a);
    }
    bl_assembler_destroy(&w.a);
    for (int r = 0; r < 3; r++)
        bl_record_clear(&records[r]);
    clear(&w, allocator, longest);
    return status;
}
