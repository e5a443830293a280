// SPDX-License-Identifier: MIT
// Reads an LSTM or GRU by PyTorch's names. Tensors are found by how their names end, because what
// comes before depends on the program that trained them.

#include "gated_private.h"

#include "melt/safetensors.h"

#include "base/try.h"

#include <assert.h>
#include <iconv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

typedef struct reader {
    bl_gated *n;
    const safetensors *file;
    bl_diag *diag;
    float *embedding; // [symbol][n_embedding]; NULL: one-hot
    char prefix[200]; // of the layers' names
} reader;

#define FAIL(r, ...) bl_diag_set((r)->diag, BL_ERR_FORMAT, (r)->file->name, 0, 0, __VA_ARGS__)

static bool ends_in(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

static size_t dimension(const json_t *tensor, size_t i)
{
    json_int_t n = json_integer_value(json_array_get(json_object_get(tensor, "shape"), i));
    return n > 0 ? (size_t)n : 0;
}

static size_t n_dimensions(const json_t *tensor)
{
    return json_array_size(json_object_get(tensor, "shape"));
}

// A new array [n_rows][n_columns] of finite numbers; n_columns 0: a vector.
static bl_status read_floats(float **result, const reader *r, const char *tensor, size_t n_rows,
                             size_t n_columns)
{
    const uint8_t *data;
    size_t shape[2] = {n_rows, n_columns}, n = n_rows * (n_columns ? n_columns : 1);
    TRY(safetensors_tensor(&data, r->file, tensor, "F32", shape, n_columns ? 2 : 1, r->diag));
    float *numbers = bl_alloc_array(r->n->allocator, n, sizeof *numbers);
    if (!numbers)
        return BL_ERR_MEMORY;
    memcpy(numbers, data, n * sizeof *numbers);
    for (size_t i = 0; i < n; i++)
        if (!(numbers[i] > -1e6f && numbers[i] < 1e6f)) {
            float bad = numbers[i];
            bl_free(r->n->allocator, numbers, n * sizeof *numbers);
            return FAIL(r, "tensor \"%s\", element %zu is %g; expected -1e6 to 1e6", tensor, i,
                        (double)bad);
        }
    *result = numbers;
    return BL_OK;
}

// ---------------------------------------------------------------------------- the alphabet

// Windows-1252 needs no iconv, whose tables small systems lack: it is Latin-1 but for these.
static const char USUAL_ENCODING[] = "windows-1252";
static const uint16_t from_0x80[32] = {
    0x20AC, 0,      0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160,
    0x2039, 0x0152, 0,      0x017D, 0,      0,      0x2018, 0x2019, 0x201C, 0x201D, 0x2022,
    0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0,      0x017E, 0x0178};

// The one code point of a string of UTF-8 (which jansson has checked); -1 for more or fewer.
static int32_t code_point(const char *character)
{
    const uint8_t *at = (const uint8_t *)character;
    uint32_t n_more = *at < 0x80 ? 0 : *at < 0xE0 ? 1 : *at < 0xF0 ? 2 : 3;
    int32_t code = n_more == 0 ? *at : *at & (0x3F >> n_more);
    if (*at == 0)
        return -1;
    for (at++; n_more > 0; n_more--)
        code = code << 6 | (*at++ & 0x3F);
    return *at ? -1 : code;
}

static int windows_1252(int32_t code)
{
    if (code < 0x80 || (code >= 0xA0 && code <= 0xFF))
        return code;
    for (int i = 0; i < 32; i++)
        if (from_0x80[i] == code)
            return 0x80 + i;
    return -1;
}

// "é" -> 0xE9 in windows-1252; -1 if it is no single byte there. `encoding` 0: windows-1252.
static int byte_of(iconv_t encoding, const char *character)
{
    if (!encoding)
        return windows_1252(code_point(character));
    char out[8], *to = out, *from = (char *)(uintptr_t)character;
    size_t n_from = strlen(character), n_to = sizeof out;
    iconv(encoding, NULL, NULL, NULL, NULL);
    if (iconv(encoding, &from, &n_from, &to, &n_to) == (size_t)-1 || n_from > 0 || to != out + 1)
        return -1;
    return (uint8_t)out[0];
}

static bl_status set_symbol(reader *r, iconv_t encoding, const char *character, json_int_t symbol,
                            const char *encoding_name)
{
    bl_gated_info *info = &r->n->info;
    int byte = character ? byte_of(encoding, character) : -1;
    if (byte < 0)
        return FAIL(r, "alphabet: \"%s\" is not one byte in %s; choose another --encoding",
                    character ? character : "", encoding_name);
    if (symbol < 0 || symbol >= info->n_symbols)
        return FAIL(r, "alphabet: \"%s\" has number %lld; the network has %u symbols", character,
                    (long long)symbol, info->n_symbols);
    if (info->byte_symbol[byte] >= 0)
        return FAIL(r, "alphabet: byte %d stands in it twice", byte);
    for (int b = 0; b < 256; b++)
        if (info->byte_symbol[b] == symbol)
            return FAIL(r, "alphabet: two characters have number %lld", (long long)symbol);
    info->byte_symbol[byte] = (int16_t)symbol;
    return BL_OK;
}

static bl_status set_symbols(reader *r, const json_t *alphabet, iconv_t encoding, const char *name)
{
    const char *key;
    const json_t *value;
    size_t i;
    size_t n = json_is_array(alphabet) ? json_array_size(alphabet) : json_object_size(alphabet);
    if (n != r->n->info.n_symbols)
        return FAIL(r, "the alphabet has %zu characters, the network %u symbols", n,
                    r->n->info.n_symbols);
    json_array_foreach(alphabet, i, value)
        TRY(set_symbol(r, encoding, json_string_value(value), (json_int_t)i, name));
    if (json_is_object(alphabet))
        json_object_foreach((json_t *)(uintptr_t)alphabet, key, value) TRY(set_symbol(
            r, encoding, key, json_is_integer(value) ? json_integer_value(value) : -1, name));
    return BL_OK;
}

static bl_status read_alphabet(reader *r, const char *text, const char *encoding_name)
{
    text = text ? text : safetensors_metadata(r->file, "alphabet");
    encoding_name = encoding_name ? encoding_name : safetensors_metadata(r->file, "encoding");
    encoding_name = encoding_name ? encoding_name : USUAL_ENCODING;
    if (!text)
        return FAIL(r, "no metadata \"alphabet\"; name the characters with --alphabet FILE");
    json_error_t error;
    json_t *alphabet = json_loads(text, JSON_REJECT_DUPLICATES, &error);
    if (!alphabet)
        return FAIL(r, "the alphabet is no JSON: line %d: %s", error.line, error.text);
    bool is_usual = strcasecmp(encoding_name, USUAL_ENCODING) == 0;
    iconv_t encoding = is_usual ? 0 : iconv_open(encoding_name, "UTF-8");
    bl_status status = BL_OK;
    for (int b = 0; b < 256; b++)
        r->n->info.byte_symbol[b] = -1;
    if (encoding == (iconv_t)-1)
        status = FAIL(r, "unknown encoding \"%s\"; iconv --list names them", encoding_name);
    else {
        status = set_symbols(r, alphabet, encoding, encoding_name);
        if (encoding)
            iconv_close(encoding);
    }
    json_decref(alphabet);
    return status;
}

// ------------------------------------------------------------------------------ the layers

static bl_status find_layers(reader *r)
{
    bl_gated_info *info = &r->n->info;
    static const char first[] = "weight_hh_l0";
    const char *key;
    json_t *tensor;
    json_object_foreach(r->file->header, key, tensor)
    {
        size_t n = strlen(key);
        if (!ends_in(key, first) || n - strlen(first) >= sizeof r->prefix)
            continue;
        if (info->n_layers > 0)
            return FAIL(r, "two recurrent networks: \"%s%s\" and \"%s\"", r->prefix, first, key);
        snprintf(r->prefix, sizeof r->prefix, "%.*s", (int)(n - strlen(first)), key);
        size_t rows = dimension(tensor, 0), hidden = dimension(tensor, 1);
        if (hidden == 0 || hidden > BL_GATED_MAX_HIDDEN
            || (rows != 3 * hidden && rows != 4 * hidden))
            return FAIL(r,
                        "tensor \"%s\" is [%zu, %zu]; expected 4 (LSTM) or 3 (GRU) rows for "
                        "each of 1 to %d columns",
                        key, rows, hidden, BL_GATED_MAX_HIDDEN);
        info->n_hidden = (uint32_t)hidden;
        info->is_gru = rows == 3 * hidden;
        info->n_layers = 1;
    }
    if (info->n_layers == 0)
        return FAIL(r, "neither metadata \"format\" (bitloom.muxrnn.1) nor a tensor that ends in "
                       "weight_hh_l0: expected a MuxRNN, an LSTM or a GRU");
    char name[256];
    for (;; info->n_layers++) {
        snprintf(name, sizeof name, "%sweight_hh_l%u", r->prefix, info->n_layers);
        if (!json_object_get(r->file->header, name))
            break;
        if (info->n_layers == BL_GATED_MAX_LAYERS)
            return FAIL(r, "more than %d layers", BL_GATED_MAX_LAYERS);
    }
    static const char *const foreign[] = {"weight_ih_l0_reverse", "weight_hr_l0"};
    for (int i = 0; i < 2; i++) {
        snprintf(name, sizeof name, "%s%s", r->prefix, foreign[i]);
        if (json_object_get(r->file->header, name))
            return FAIL(r,
                        "tensor \"%s\": networks that read backwards or project their hidden "
                        "values cannot be melted",
                        name);
    }
    return BL_OK;
}

// The embedding and the output layer are the matrices beside the layers; the one with a bias of
// its own is the output layer.
static bl_status find_ends(reader *r)
{
    bl_gated *n = r->n;
    const char *key, *embedding = NULL, *head = NULL;
    char bias[256], head_bias[256] = "";
    json_t *tensor;
    json_object_foreach(r->file->header, key, tensor)
    {
        if (n_dimensions(tensor) != 2 || !ends_in(key, "weight")
            || strncmp(key, r->prefix, strlen(r->prefix) ? strlen(r->prefix) : 1) == 0)
            continue;
        snprintf(bias, sizeof bias, "%.*sbias", (int)(strlen(key) - 6), key);
        const char **slot = json_object_get(r->file->header, bias) ? &head : &embedding;
        if (*slot)
            return FAIL(r, "\"%s\" and \"%s\": expected one embedding and one output layer", *slot,
                        key);
        *slot = key;
        if (slot == &head)
            snprintf(head_bias, sizeof head_bias, "%s", bias);
    }
    if (!head)
        return FAIL(r, "no output layer: a matrix NAME.weight with NAME.bias");
    size_t symbols = dimension(json_object_get(r->file->header, head), 0);
    if (symbols < 2 || symbols > 256)
        return FAIL(r, "tensor \"%s\" has %zu rows; expected 2 to 256 symbols", head, symbols);
    n->info.n_symbols = (uint32_t)symbols;
    TRY(read_floats(&n->head, r, head, symbols, n->info.n_hidden));
    TRY(read_floats(&n->head_bias, r, head_bias, symbols, 0));
    n->info.n_embedding = n->info.n_symbols;
    if (!embedding)
        return BL_OK;
    size_t width = dimension(json_object_get(r->file->header, embedding), 1);
    if (width == 0 || width > BL_GATED_MAX_EMBEDDING)
        return FAIL(r, "tensor \"%s\" has %zu columns; expected 1 to %d", embedding, width,
                    BL_GATED_MAX_EMBEDDING);
    n->info.n_embedding = (uint32_t)width;
    return read_floats(&r->embedding, r, embedding, symbols, width);
}

typedef struct torch_layer { // as PyTorch keeps it
    float *input, *own, *bias[2];
    size_t n_gates, n_inputs;
} torch_layer;

static bl_status read_torch_layer(torch_layer *t, const reader *r, uint32_t l)
{
    const bl_gated_info *info = &r->n->info;
    char name[256];
    size_t rows = t->n_gates * info->n_hidden;
    snprintf(name, sizeof name, "%sweight_ih_l%u", r->prefix, l);
    TRY(read_floats(&t->input, r, name, rows, t->n_inputs));
    snprintf(name, sizeof name, "%sweight_hh_l%u", r->prefix, l);
    TRY(read_floats(&t->own, r, name, rows, info->n_hidden));
    for (int k = 0; k < 2; k++) {
        snprintf(name, sizeof name, "%sbias_%s_l%u", r->prefix, k ? "hh" : "ih", l);
        if (json_object_get(r->file->header, name))
            TRY(read_floats(&t->bias[k], r, name, rows, 0));
    }
    return BL_OK;
}

static void clear_torch_layer(torch_layer *t, const reader *r)
{
    size_t n_hidden = r->n->info.n_hidden, rows = t->n_gates * n_hidden;
    bl_free(r->n->allocator, t->input, rows * t->n_inputs * sizeof(float));
    bl_free(r->n->allocator, t->own, rows * n_hidden * sizeof(float));
    for (int k = 0; k < 2; k++)
        bl_free(r->n->allocator, t->bias[k], rows * sizeof(float));
}

static float dot(const float *a, const float *b, size_t n)
{
    float sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

// What symbol s adds to the sum that reads row `row` of the input weights.
static float from_symbol(const reader *r, const torch_layer *t, size_t row, uint32_t s)
{
    const float *w = t->input + row * t->n_inputs;
    return r->embedding ? dot(w, r->embedding + (size_t)s * t->n_inputs, t->n_inputs) : w[s];
}

// Sum k of a neuron reads the inputs by gate k; of a GRU's last two, n_x reads the inputs and n_h
// the own hidden values, both by gate 2.
static void place_row(reader *r, const torch_layer *t, uint32_t l, uint32_t neuron, uint32_t k)
{
    bl_gated *n = r->n;
    uint32_t n_hidden = n->info.n_hidden, row = N_SUMS * neuron + k;
    bool reads_inputs = !(n->info.is_gru && k == 3), reads_own = !(n->info.is_gru && k == 2);
    size_t gate = n->info.is_gru && k == 3 ? 2 : k, from = gate * n_hidden + neuron;
    gated_layer *layer = &n->layers[l];
    float *weight = layer->weight + (size_t)row * layer->n_inputs, bias = 0;
    if (reads_inputs && t->bias[0])
        bias += t->bias[0][from];
    if (reads_own && t->bias[1])
        bias += t->bias[1][from];
    uint32_t below = l > 0 ? n_hidden : 0;
    for (uint32_t i = 0; reads_inputs && i < below; i++)
        weight[i] = t->input[from * t->n_inputs + i];
    for (uint32_t i = 0; reads_own && i < n_hidden; i++)
        weight[below + i] = t->own[from * n_hidden + i];
    if (l > 0)
        layer->bias[row] = bias;
    else
        for (uint32_t s = 0; s <= n->info.n_symbols; s++) // the last one: a byte without a symbol
            n->table[(size_t)s * gated_rows(n) + row] =
                bias + (reads_inputs && s < n->info.n_symbols ? from_symbol(r, t, from, s) : 0);
}

static bl_status read_layer(reader *r, uint32_t l)
{
    bl_gated *n = r->n;
    gated_layer *layer = &n->layers[l];
    uint32_t rows = gated_rows(n);
    layer->n_inputs = (l > 0 ? 2 : 1) * n->info.n_hidden;
    layer->weight = bl_alloc_array(n->allocator, (size_t)rows * layer->n_inputs, sizeof(float));
    layer->bias = bl_alloc_array(n->allocator, rows, sizeof(float));
    if (!layer->weight || !layer->bias)
        return BL_ERR_MEMORY;
    torch_layer t = {.n_gates = n->info.is_gru ? 3 : 4,
                     .n_inputs = l > 0 ? n->info.n_hidden : n->info.n_embedding};
    bl_status status = read_torch_layer(&t, r, l);
    for (uint32_t j = 0; status == BL_OK && j < n->info.n_hidden; j++)
        for (uint32_t k = 0; k < N_SUMS; k++)
            place_row(r, &t, l, j, k);
    n->info.n_weights += t.n_gates * n->info.n_hidden * (t.n_inputs + n->info.n_hidden);
    clear_torch_layer(&t, r);
    return status;
}

static bl_status keep_card(bl_gated *n, const safetensors *f)
{
    const json_t *metadata = json_object_get(f->header, "__metadata__");
    char *text = metadata ? json_dumps(metadata, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    const char *card = text ? text : "{}";
    n->card_bytes = strlen(card) + 1;
    n->card = bl_alloc(n->allocator, n->card_bytes);
    if (n->card)
        memcpy(n->card, card, n->card_bytes);
    free(text);
    n->info.card = n->card;
    return n->card ? BL_OK : BL_ERR_MEMORY;
}

static bl_status read_network(reader *r, const char *alphabet, const char *encoding)
{
    bl_gated *n = r->n;
    TRY(find_layers(r));
    TRY(find_ends(r));
    TRY(read_alphabet(r, alphabet, encoding));
    n->table = bl_alloc_array(n->allocator, ((size_t)n->info.n_symbols + 1) * gated_rows(n),
                              sizeof *n->table);
    if (!n->table)
        return BL_ERR_MEMORY;
    for (uint32_t l = 0; l < n->info.n_layers; l++)
        TRY(read_layer(r, l));
    return keep_card(n, r->file);
}

bl_status bl_gated_read(bl_gated **result, const uint8_t *data, size_t bytes, const char *name,
                        const char *alphabet, const char *encoding, const bl_allocator *allocator,
                        bl_diag *diag)
{
    assert(result && name);
    safetensors file;
    TRY(safetensors_open(&file, data, bytes, name, diag));
    reader r = {.n = bl_alloc(allocator, sizeof *r.n), .file = &file, .diag = diag};
    bl_status status = BL_ERR_MEMORY;
    if (r.n) {
        r.n->allocator = allocator;
        status = read_network(&r, alphabet, encoding);
        bl_free(allocator, r.embedding,
                (size_t)r.n->info.n_symbols * r.n->info.n_embedding * sizeof(float));
    }
    if (status == BL_ERR_MEMORY)
        bl_diag_set(diag, status, name, 0, 0, "out of memory");
    safetensors_close(&file);
    if (status == BL_OK)
        *result = r.n;
    else
        bl_gated_destroy(&r.n);
    return status;
}

void bl_gated_destroy(bl_gated **handle)
{
    bl_gated *n = handle ? *handle : NULL;
    if (!n)
        return;
    const bl_gated_info *i = &n->info;
    size_t rows = gated_rows(n);
    bl_free(n->allocator, n->table, ((size_t)i->n_symbols + 1) * rows * sizeof(float));
    for (uint32_t l = 0; l < i->n_layers; l++) {
        bl_free(n->allocator, n->layers[l].weight, rows * n->layers[l].n_inputs * sizeof(float));
        bl_free(n->allocator, n->layers[l].bias, rows * sizeof(float));
    }
    bl_free(n->allocator, n->head, (size_t)i->n_symbols * i->n_hidden * sizeof(float));
    bl_free(n->allocator, n->head_bias, i->n_symbols * sizeof(float));
    bl_free(n->allocator, n->card, n->card_bytes);
    bl_free(n->allocator, n, sizeof *n);
    *handle = NULL;
}

void bl_gated_get_info(bl_gated_info *info, const bl_gated *network) { *info = network->info; }
