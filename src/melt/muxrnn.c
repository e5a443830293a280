// SPDX-License-Identifier: MIT
// The integer reference of a MuxRNN: what the logic must equal, bit for bit. Reading checks every
// value; the step is written to be read.

#include "muxrnn_private.h"

#include "safetensors.h"

#include "base/try.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_DIMENSION = 16384, MAX_INPUTS = 65528, MAX_HEAD_WEIGHT = 127 };

static const char FORMAT[] = "bitloom.muxrnn.1";

#define FAIL(f, ...) bl_diag_set(diag, BL_ERR_FORMAT, (f)->name, 0, 0, __VA_ARGS__)

static bl_status read_config(bl_muxrnn_info *info, const safetensors *f, bl_diag *diag)
{
    const char *format = safetensors_metadata(f, "format");
    if (!format || strcmp(format, FORMAT) != 0)
        return FAIL(f, "metadata \"format\" is \"%s\"; expected %s", format ? format : "", FORMAT);
    const char *text = safetensors_metadata(f, "config");
    json_t *config = json_loads(text ? text : "", 0, NULL);
    struct {
        const char *key;
        uint32_t *value;
        json_int_t low, high;
    } fields[] = {{"n_symbols", &info->n_symbols, 2, 256},
                  {"n_code", &info->n_code, 1, MAX_DIMENSION},
                  {"n_window", &info->n_window, 1, 64},
                  {"n_state", &info->n_state, 1, MAX_DIMENSION},
                  {"n_layers", &info->n_layers, 1, MAX_LAYERS}};
    bl_status status = BL_OK;
    for (size_t i = 0; i < sizeof fields / sizeof *fields && status == BL_OK; i++) {
        const json_t *v = json_object_get(config, fields[i].key);
        if (!json_is_integer(v) || json_integer_value(v) < fields[i].low
            || json_integer_value(v) > fields[i].high)
            status = FAIL(f, "metadata \"config\": expected \"%s\", %lld to %lld", fields[i].key,
                          (long long)fields[i].low, (long long)fields[i].high);
        else
            *fields[i].value = (uint32_t)json_integer_value(v);
    }
    json_decref(config);
    if (status != BL_OK)
        return status;
    info->n_features = info->n_state * info->n_layers;
    if (info->n_features > MAX_INPUTS)
        return FAIL(f, "%u state bits; at most %d are possible", info->n_features, MAX_INPUTS);
    info->n_state_bits = info->n_features + (info->n_window - 1) * info->n_code;
    const char *unit = safetensors_metadata(f, "logit_unit_nats");
    char *end = NULL;
    info->logit_unit_nats = unit ? strtod(unit, &end) : 0;
    if (!unit || end == unit || *end
        || !(info->logit_unit_nats > 1e-6 && info->logit_unit_nats < 16))
        return FAIL(f, "metadata \"logit_unit_nats\" is \"%s\"; expected a number from 1e-6 to 16",
                    unit ? unit : "");
    return BL_OK;
}

static bl_status read_bytes(uint8_t *dst, const safetensors *f, const char *tensor,
                            const size_t *shape, size_t n_dimensions, uint32_t limit, bl_diag *diag)
{
    const uint8_t *data;
    TRY(safetensors_tensor(&data, f, tensor, "U8", shape, n_dimensions, diag));
    size_t n = shape[0] * (n_dimensions > 1 ? shape[1] : 1);
    for (size_t i = 0; i < n; i++) {
        if (data[i] >= limit)
            return FAIL(f, "tensor \"%s\", element %zu is %u; expected 0 to %u", tensor, i, data[i],
                        limit - 1);
        dst[i] = data[i];
    }
    return BL_OK;
}

static bl_status read_weights(int16_t *dst, const safetensors *f, const char *tensor,
                              const uint8_t *data, size_t n, int limit, bl_diag *diag)
{
    for (size_t i = 0; i < n; i++) {
        dst[i] = (int8_t)data[i];
        if (dst[i] < -limit || dst[i] > limit)
            return FAIL(f, "tensor \"%s\", element %zu is %d; expected %d to %d", tensor, i, dst[i],
                        -limit, limit);
    }
    return BL_OK;
}

static bl_status read_layer(bl_muxrnn *n, uint32_t l, const safetensors *f, bl_diag *diag)
{
    mux_layer *layer = &n->layers[l];
    const bl_muxrnn_info *info = &n->info;
    uint64_t n_inputs = l == 0 ? (uint64_t)info->n_window * info->n_code
                               : (uint64_t)info->n_state * l + info->n_code;
    if (n_inputs > MAX_INPUTS)
        return FAIL(f, "layer %u has %llu inputs; at most %d are possible", l,
                    (unsigned long long)n_inputs, MAX_INPUTS);
    char name[64];
    const uint8_t *weight, *threshold;
    size_t cells = info->n_state, shape[3] = {2, cells, (size_t)n_inputs};
    snprintf(name, sizeof name, "layers.%u.threshold", l);
    TRY(safetensors_tensor(&threshold, f, name, "I32", shape, 2, diag));
    snprintf(name, sizeof name, "layers.%u.weight", l);
    TRY(safetensors_tensor(&weight, f, name, "I8", shape, 3, diag));
    layer->n_inputs = (uint32_t)n_inputs;
    for (int k = 0; k < 2; k++) {
        size_t count = cells * (size_t)n_inputs;
        layer->weight[k] = bl_alloc_array(n->allocator, count, sizeof(int16_t));
        layer->threshold[k] = bl_alloc_array(n->allocator, cells, sizeof(int32_t));
        if (!layer->weight[k] || !layer->threshold[k])
            return BL_ERR_MEMORY;
        TRY(read_weights(layer->weight[k], f, name, weight + (size_t)k * count, count, 1, diag));
        memcpy(layer->threshold[k], threshold + (size_t)k * cells * 4, cells * 4);
        for (size_t i = 0; i < count; i++)
            n->info.n_nonzeros += layer->weight[k][i] != 0;
    }
    return BL_OK;
}

// Every logit must fit BL_LOGIT_BITS, whatever the state.
static bl_status check_logits(const bl_muxrnn *n, const safetensors *f, bl_diag *diag)
{
    for (uint32_t s = 0; s < n->info.n_symbols; s++) {
        int64_t most = llabs((long long)n->head_bias[s]);
        for (uint32_t i = 0; i < n->info.n_features; i++)
            most += abs(n->head_weight[(size_t)s * n->info.n_features + i]);
        if (most >= INT16_MAX)
            return FAIL(f, "the logit of symbol %u can reach %lld; at most %d is possible", s,
                        (long long)most, INT16_MAX - 1);
    }
    return BL_OK;
}

static bl_status read_head(bl_muxrnn *n, const safetensors *f, bl_diag *diag)
{
    const uint8_t *weight, *bias;
    size_t shape[2] = {n->info.n_symbols, n->info.n_features}, count = shape[0] * shape[1];
    TRY(safetensors_tensor(&weight, f, "head.weight", "I8", shape, 2, diag));
    TRY(safetensors_tensor(&bias, f, "head.bias", "I32", shape, 1, diag));
    n->head_weight = bl_alloc_array(n->allocator, count, sizeof(int16_t));
    n->head_bias = bl_alloc_array(n->allocator, shape[0], sizeof(int32_t));
    if (!n->head_weight || !n->head_bias)
        return BL_ERR_MEMORY;
    TRY(read_weights(n->head_weight, f, "head.weight", weight, count, MAX_HEAD_WEIGHT, diag));
    memcpy(n->head_bias, bias, shape[0] * sizeof(int32_t));
    return check_logits(n, f, diag);
}

static bl_status keep_card(bl_muxrnn *n, const safetensors *f)
{
    char *text =
        json_dumps(json_object_get(f->header, "__metadata__"), JSON_COMPACT | JSON_SORT_KEYS);
    if (!text)
        return BL_ERR_MEMORY;
    n->card_bytes = strlen(text) + 1;
    n->card = bl_alloc(n->allocator, n->card_bytes);
    if (n->card)
        memcpy(n->card, text, n->card_bytes);
    free(text);
    n->info.card = n->card;
    return n->card ? BL_OK : BL_ERR_MEMORY;
}

static bl_status read_network(bl_muxrnn *n, const safetensors *f, bl_diag *diag)
{
    TRY(read_config(&n->info, f, diag));
    size_t shape[2] = {256, n->info.n_code};
    TRY(read_bytes(n->info.byte_symbol, f, "byte_symbol", shape, 1, n->info.n_symbols, diag));
    shape[0] = n->info.n_symbols;
    n->code = bl_alloc_array(n->allocator, shape[0], shape[1]);
    if (!n->code)
        return BL_ERR_MEMORY;
    TRY(read_bytes(n->code, f, "code", shape, 2, 2, diag));
    for (uint32_t l = 0; l < n->info.n_layers; l++)
        TRY(read_layer(n, l, f, diag));
    TRY(read_head(n, f, diag));
    return keep_card(n, f);
}

bl_status bl_muxrnn_read(bl_muxrnn **result, const uint8_t *data, size_t bytes, const char *name,
                         const bl_allocator *allocator, bl_diag *diag)
{
    assert(result && name);
    safetensors file;
    TRY(safetensors_open(&file, data, bytes, name, diag));
    bl_muxrnn *n = bl_alloc(allocator, sizeof *n);
    bl_status status = BL_ERR_MEMORY;
    if (n) {
        n->allocator = allocator;
        status = read_network(n, &file, diag);
    }
    if (status == BL_ERR_MEMORY)
        bl_diag_set(diag, status, name, 0, 0, "out of memory");
    safetensors_close(&file);
    if (status == BL_OK)
        *result = n;
    else
        bl_muxrnn_destroy(&n);
    return status;
}

bool bl_muxrnn_is(const uint8_t *data, size_t bytes)
{
    safetensors file;
    if (safetensors_open(&file, data, bytes, "", NULL) != BL_OK)
        return false;
    const char *format = safetensors_metadata(&file, "format");
    bool is_one = format && strcmp(format, FORMAT) == 0;
    safetensors_close(&file);
    return is_one;
}

void bl_muxrnn_destroy(bl_muxrnn **handle)
{
    bl_muxrnn *n = handle ? *handle : NULL;
    if (!n)
        return;
    const bl_muxrnn_info *i = &n->info;
    bl_free(n->allocator, n->code, (size_t)i->n_symbols * i->n_code);
    for (uint32_t l = 0; l < i->n_layers; l++)
        for (int k = 0; k < 2; k++) {
            bl_free(n->allocator, n->layers[l].weight[k],
                    (size_t)i->n_state * n->layers[l].n_inputs * sizeof(int16_t));
            bl_free(n->allocator, n->layers[l].threshold[k], i->n_state * sizeof(int32_t));
        }
    bl_free(n->allocator, n->head_weight, (size_t)i->n_symbols * i->n_features * sizeof(int16_t));
    bl_free(n->allocator, n->head_bias, i->n_symbols * sizeof(int32_t));
    bl_free(n->allocator, n->card, n->card_bytes);
    bl_free(n->allocator, n, sizeof *n);
    *handle = NULL;
}

void bl_muxrnn_get_info(bl_muxrnn_info *info, const bl_muxrnn *network) { *info = network->info; }

void bl_muxrnn_get_loom_facts(bl_loom_facts *facts, const bl_muxrnn *n)
{
    *facts = (bl_loom_facts){.card = n->info.card,
                             .n_symbols = n->info.n_symbols,
                             .logit_unit_nats = n->info.logit_unit_nats,
                             .n_nonzeros = n->info.n_nonzeros,
                             .byte_symbol = n->info.byte_symbol};
}

static int32_t dot(const int16_t *w, const int16_t *x, uint32_t n)
{
    int32_t sum = 0;
    for (uint32_t i = 0; i < n; i++)
        sum += w[i] * x[i];
    return sum;
}

static void append_signs(int16_t **x, const uint8_t *bits, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        *(*x)++ = bits[i] ? 1 : -1;
}

void bl_muxrnn_step(uint8_t *state, const bl_muxrnn *n, uint8_t byte)
{
    const bl_muxrnn_info *info = &n->info;
    const uint8_t *code = n->code + (size_t)info->byte_symbol[byte] * info->n_code;
    uint8_t *past = state + info->n_features;
    uint32_t n_past = (info->n_window - 1) * info->n_code;
    int16_t inputs[MAX_INPUTS];
    for (uint32_t l = 0; l < info->n_layers; l++) {
        const mux_layer *layer = &n->layers[l];
        int16_t *end = inputs;
        if (l > 0)
            append_signs(&end, state, l * info->n_state);
        append_signs(&end, code, info->n_code);
        if (l == 0)
            append_signs(&end, past, n_past);
        for (uint32_t j = 0; j < info->n_state; j++) {
            size_t row = (size_t)j * layer->n_inputs;
            bool z = dot(layer->weight[0] + row, inputs, layer->n_inputs) >= layer->threshold[0][j];
            bool c = dot(layer->weight[1] + row, inputs, layer->n_inputs) >= layer->threshold[1][j];
            uint8_t *h = &state[l * info->n_state + j];
            *h = z ? c : *h;
        }
    }
    if (n_past) {
        memmove(past + info->n_code, past, n_past - info->n_code);
        memcpy(past, code, info->n_code);
    }
}

void bl_muxrnn_logits(int32_t *logits, const bl_muxrnn *n, const uint8_t *state)
{
    int16_t bits[MAX_INPUTS];
    int16_t *end = bits;
    append_signs(&end, state, n->info.n_features);
    for (uint32_t s = 0; s < n->info.n_symbols; s++)
        logits[s] =
            n->head_bias[s]
            + dot(n->head_weight + (size_t)s * n->info.n_features, bits, n->info.n_features);
}
