// SPDX-License-Identifier: MIT
// From floating point to integers: looks at a text, rounds the weights, tabulates the functions.

#include "gated_private.h"

#include "base/try.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

// How much less likely than the likeliest symbol a byte is that the alphabet lacks, in nats.
static const double OTHER_BELOW = 14;

// -------------------------------------------------------------------------- looking at a text

typedef struct view { // sum of x x^T of the inputs of each layer and of the head
    const bl_gated *network;
    double *of[BL_GATED_MAX_LAYERS + 1];
    double top_logit; // mean of the greatest
} view;

static uint32_t inputs_of(const bl_gated *n, uint32_t layer)
{
    return layer < n->info.n_layers ? n->layers[layer].n_inputs : n->info.n_hidden;
}

static void see_inputs(void *context, uint32_t layer, const float *x)
{
    view *m = context;
    uint32_t n = inputs_of(m->network, layer);
    for (uint32_t i = 0; i < n; i++) {
        double *row = m->of[layer] + (size_t)i * n, xi = x[i];
        for (uint32_t j = 0; j < n; j++)
            row[j] += xi * x[j];
    }
}

static void clear_view(view *m, const bl_allocator *allocator)
{
    for (uint32_t l = 0; l <= m->network->info.n_layers; l++) {
        size_t n = inputs_of(m->network, l);
        bl_free(allocator, m->of[l], n * n * sizeof(double));
    }
}

// Every fourth step is looked at: neighbours tell nearly the same.
static bl_status look_at_text(view *m, const bl_quantise_params *p, const bl_allocator *allocator)
{
    const bl_gated *n = m->network;
    float_run run;
    float logits[256];
    uint64_t n_seen = 0;
    for (uint32_t l = 0; l <= n->info.n_layers; l++) {
        size_t inputs = inputs_of(n, l);
        m->of[l] = bl_alloc_array(allocator, inputs * inputs, sizeof(double));
        if (!m->of[l])
            return BL_ERR_MEMORY;
    }
    TRY(float_run_begin(&run, n, SCORE_STREAMS, allocator));
    for (uint32_t s = 0; s < SCORE_STREAMS; s++)
        for (size_t t = 0; t < score_steps(p->text_bytes); t++) {
            int symbol = n->info.byte_symbol[p->text[score_begin(p->text_bytes, s) + t]];
            bool is_seen = t >= SCORE_WARM && t % 4 == 0;
            float_run_step(&run, s, symbol < 0 ? n->info.n_symbols : (uint32_t)symbol,
                           is_seen ? see_inputs : NULL, m);
            if (!is_seen)
                continue;
            float_run_logits(logits, &run, s);
            float most = logits[0];
            for (uint32_t k = 1; k < n->info.n_symbols; k++)
                most = logits[k] > most ? logits[k] : most;
            m->top_logit += (double)most;
            n_seen++;
        }
    float_run_end(&run);
    m->top_logit /= (double)n_seen;
    return BL_OK;
}

// ------------------------------------------------------------------------------------ layers

typedef struct block { // rows of the sums in `is_row` and a range of their inputs
    bool is_row[N_SUMS];
    uint32_t first, n;
} block;

// Copies a block out, rounds it, and puts it in place.
static bl_status round_block(bl_quantised *q, const bl_gated *n, uint32_t l, const block *b,
                             const double *all_moments, int limit)
{
    const gated_layer *from = &n->layers[l];
    quantised_layer *to = &q->layers[l];
    uint32_t rows = 0, n_rows = gated_rows(n), *row_of = NULL;
    size_t most = (size_t)n_rows * b->n, square = (size_t)b->n * b->n;
    float *weight = bl_alloc_array(q->allocator, most, sizeof *weight);
    int16_t *rounded = bl_alloc_array(q->allocator, most, sizeof *rounded);
    int8_t *exponents = bl_alloc_array(q->allocator, n_rows, sizeof *exponents);
    double *moments = bl_alloc_array(q->allocator, square, sizeof *moments);
    row_of = bl_alloc_array(q->allocator, n_rows, sizeof *row_of);
    bl_status status = BL_ERR_MEMORY;
    if (weight && rounded && exponents && moments && row_of) {
        for (uint32_t row = 0; row < n_rows; row++)
            if (b->is_row[row % N_SUMS]) {
                memcpy(weight + (size_t)rows * b->n,
                       from->weight + (size_t)row * from->n_inputs + b->first,
                       b->n * sizeof(float));
                row_of[rows++] = row;
            }
        for (uint32_t i = 0; i < b->n; i++)
            memcpy(moments + (size_t)i * b->n,
                   all_moments + (size_t)(b->first + i) * from->n_inputs + b->first,
                   b->n * sizeof *moments);
        status = round_rows(rounded, exponents, weight, rows, b->n, moments, limit, MAX_SPAN,
                            FINEST - (int)q->hidden_bits, q->allocator);
    }
    for (uint32_t r = 0; status == BL_OK && r < rows; r++) {
        to->exponent[row_of[r]] = exponents[r];
        memcpy(to->weight + (size_t)row_of[r] * to->n_inputs + b->first, rounded + (size_t)r * b->n,
               b->n * sizeof *rounded);
    }
    bl_free(q->allocator, weight, most * sizeof *weight);
    bl_free(q->allocator, rounded, most * sizeof *rounded);
    bl_free(q->allocator, exponents, n_rows * sizeof *exponents);
    bl_free(q->allocator, moments, square * sizeof *moments);
    bl_free(q->allocator, row_of, n_rows * sizeof *row_of);
    return status;
}

// A bias, or what a symbol adds, in units of the row's sum.
static int32_t in_units(const bl_quantised *q, double x, int exponent)
{
    double r = floor(ldexp(x, exponent + (int)q->hidden_bits) + 0.5), limit = 1 << 20;
    return (int32_t)(r > limit ? limit : r < -limit ? -limit : r);
}

// The same for a symbol's share, to the nearest 1/256: fewer planes, and sums are looked at in
// 1/16.
static int32_t in_coarse_units(const bl_quantised *q, double x, int exponent)
{
    int drop = exponent + (int)q->hidden_bits - 2 * SUM_FRACTION;
    return drop > 0 ? in_units(q, floor(ldexp(x, 2 * SUM_FRACTION) + 0.5) / 256, exponent)
                    : in_units(q, x, exponent);
}

// Every sum, whatever the state, must fit MAX_SUM planes.
static bl_status check_sums(const bl_quantised *q, uint32_t l)
{
    const quantised_layer *layer = &q->layers[l];
    for (uint32_t row = 0; row < quantised_rows(q); row++) {
        int64_t most = INT64_C(1) << 22; // of what is added to the products, and to round
        for (uint32_t i = 0; i < layer->n_inputs; i++)
            most += (int64_t)abs(layer->weight[(size_t)row * layer->n_inputs + i])
                    << q->hidden_bits;
        if (most >> (MAX_SUM - 1))
            return BL_ERR_LIMIT;
    }
    return BL_OK;
}

static bl_status quantise_layer(bl_quantised *q, const bl_gated *n, uint32_t l,
                                const double *moments, int limit)
{
    uint32_t rows = gated_rows(n), n_inputs = n->layers[l].n_inputs, own = n_inputs - q->n_hidden;
    quantised_layer *to = &q->layers[l];
    to->n_inputs = n_inputs;
    to->weight = bl_alloc_array(q->allocator, (size_t)rows * n_inputs, sizeof *to->weight);
    to->exponent = bl_alloc_array(q->allocator, rows, sizeof *to->exponent);
    to->bias = bl_alloc_array(q->allocator, rows, sizeof *to->bias);
    if (!to->weight || !to->exponent || !to->bias)
        return BL_ERR_MEMORY;
    const block lstm = {{true, true, true, true}, 0, n_inputs};
    const block gru[] = {{{true, true, false, false}, 0, n_inputs},
                         {{false, false, true, false}, 0, own},
                         {{false, false, false, true}, own, q->n_hidden}};
    for (uint32_t row = 0; row < rows; row++) // of a row without weights
        to->exponent[row] = SUM_FRACTION + 2;
    if (!q->is_gru)
        TRY(round_block(q, n, l, &lstm, moments, limit));
    else
        for (int b = 0; b < 3; b++)
            if (gru[b].n > 0)
                TRY(round_block(q, n, l, &gru[b], moments, limit));
    for (uint32_t row = 0; row < rows; row++) {
        to->bias[row] = l > 0 ? in_units(q, n->layers[l].bias[row], to->exponent[row]) : 0;
        for (uint32_t s = 0; l == 0 && s <= n->info.n_symbols; s++)
            q->table[(size_t)s * rows + row] =
                in_coarse_units(q, n->table[(size_t)s * rows + row], to->exponent[row]);
    }
    return check_sums(q, l);
}

// -------------------------------------------------------------------------------------- head

// Tells rows that were rounded to units of their own in the finest of them, whose exponent is
// returned; *most: no logit is greater.
static int to_one_unit(bl_quantised *q, const bl_gated *n, const int8_t *exponents, int64_t *most)
{
    int finest = exponents[0];
    for (uint32_t s = 1; s < n->info.n_symbols; s++)
        finest = exponents[s] > finest ? exponents[s] : finest;
    *most = 0;
    for (uint32_t s = 0; s < n->info.n_symbols; s++) {
        q->head_bias[s] = in_units(q, n->head_bias[s], finest);
        int64_t sum = llabs((long long)q->head_bias[s]);
        for (uint32_t i = 0; i < q->n_hidden; i++) {
            int16_t *w = &q->head[(size_t)s * q->n_hidden + i];
            *w = (int16_t)(*w * (1 << (finest - exponents[s])));
            sum += (int64_t)abs(*w) << q->hidden_bits;
        }
        *most = sum > *most ? sum : *most;
    }
    return finest;
}

// Logits lose so many low bits that each fits BL_LOGIT_BITS = 16.
static bl_status quantise_head(bl_quantised *q, const bl_gated *n, const view *m, int limit)
{
    uint32_t n_symbols = n->info.n_symbols;
    int8_t exponents[256];
    int64_t most = INT64_MAX;
    int finest = 0;
    q->head = bl_alloc_array(q->allocator, (size_t)n_symbols * q->n_hidden, sizeof *q->head);
    q->head_bias = bl_alloc_array(q->allocator, n_symbols, sizeof *q->head_bias);
    if (!q->head || !q->head_bias)
        return BL_ERR_MEMORY;
    for (int span = MAX_SPAN; most >> (MAX_SUM - 1) && span >= 0; span--) {
        TRY(round_rows(q->head, exponents, n->head, n_symbols, q->n_hidden, m->of[n->info.n_layers],
                       limit, span, FINEST - (int)q->hidden_bits, q->allocator));
        finest = to_one_unit(q, n, exponents, &most);
    }
    if (most >> (MAX_SUM - 1))
        return BL_ERR_LIMIT;
    while (most >> q->head_shift >= INT16_MAX)
        q->head_shift++;
    q->info.logit_unit_nats = ldexp(1, (int)q->head_shift - finest - (int)q->hidden_bits);
    double other = floor((m->top_logit - OTHER_BELOW) / q->info.logit_unit_nats);
    q->other_logit = (int32_t)(other < -INT16_MAX ? -INT16_MAX : other > 0 ? 0 : other);
    return BL_OK;
}

// ---------------------------------------------------------------------------------- functions

static int16_t rounded(double x, int most)
{
    double r = floor(x * (1 << most) + 0.5);
    return (int16_t)r;
}

static void make_tables(bl_quantised *q)
{
    int most = (int)q->gate_bits, below_one = (1 << most) - 1;
    for (int i = 0; i < 1 << SUM_BITS; i++) {
        int v = i < 1 << (SUM_BITS - 1) ? i : i - (1 << SUM_BITS); // two's complement
        double x = ldexp(v, -SUM_FRACTION), c = ldexp(v, -TANH_FRACTION);
        q->sigmoid[i] = rounded(1 / (1 + exp(-x)), most);
        q->tanh[i] = rounded(tanh(x), most);
        q->tanh_cell[i] = rounded(tanh(c), most);
        int16_t *odd[] = {&q->tanh[i], &q->tanh_cell[i]};
        for (int k = 0; k < 2; k++) // never 1 or -1, so that products stay below 1
            if (abs(*odd[k]) > below_one)
                *odd[k] = (int16_t)(*odd[k] < 0 ? -below_one : below_one);
    }
}

// ------------------------------------------------------------------------------------- whole

// Symbols keep their numbers; bytes that the alphabet lacks share one more.
static void set_symbols(bl_quantised *q, const bl_gated *n)
{
    q->n_known = q->info.n_symbols = n->info.n_symbols;
    for (int b = 0; b < 256; b++) {
        int symbol = n->info.byte_symbol[b];
        q->info.byte_symbol[b] = (uint8_t)(symbol < 0 ? (int)q->n_known : symbol);
        if (symbol < 0)
            q->info.n_symbols = q->n_known + 1;
    }
}

static void count_terms(bl_quantised *q)
{
    signed_digit digits[MAX_DIGITS];
    for (uint32_t l = 0; l < q->n_layers; l++)
        for (size_t i = 0; i < (size_t)quantised_rows(q) * q->layers[l].n_inputs; i++) {
            q->info.n_nonzeros += q->layers[l].weight[i] != 0;
            q->info.n_terms += signed_digits(digits, q->layers[l].weight[i]) * q->hidden_bits;
        }
}

static bl_status quantise(bl_quantised *q, const bl_gated *n, const bl_quantise_params *p, view *m)
{
    TRY(look_at_text(m, p, q->allocator));
    q->card = bl_alloc(q->allocator, n->card_bytes);
    q->table = bl_alloc_array(q->allocator, ((size_t)n->info.n_symbols + 1) * gated_rows(n),
                              sizeof *q->table);
    if (!q->card || !q->table)
        return BL_ERR_MEMORY;
    memcpy(q->card, n->card, n->card_bytes);
    q->info.card = q->card;
    for (uint32_t l = 0; l < q->n_layers; l++)
        TRY(quantise_layer(q, n, l, m->of[l], (1 << (p->weight_bits - 1)) - 1));
    TRY(quantise_head(q, n, m, (1 << (p->head_bits - 1)) - 1));
    make_tables(q);
    count_terms(q);
    q->info.n_state_bits = q->n_layers * q->n_hidden * neuron_bits(q);
    return BL_OK;
}

static bl_status check(const bl_quantise_params *p, bl_diag *diag)
{
    const struct {
        const char *name;
        uint32_t value, low, high;
    } ranges[] = {{"weight_bits", p->weight_bits, 2, 8},
                  {"hidden_bits", p->hidden_bits, 2, 8},
                  {"cell_bits", p->cell_bits, p->hidden_bits > 6 ? p->hidden_bits : 6, 14},
                  {"gate_bits", p->gate_bits, 4, 10},
                  {"head_bits", p->head_bits, 2, 8}};
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
        if (ranges[i].value < ranges[i].low || ranges[i].value > ranges[i].high)
            return bl_diag_set(diag, BL_ERR_ARGUMENT, NULL, 0, 0, "%s is %u; expected %u to %u",
                               ranges[i].name, ranges[i].value, ranges[i].low, ranges[i].high);
    if (!p->text || p->text_bytes < SCORE_MIN_BYTES)
        return bl_diag_set(diag, BL_ERR_ARGUMENT, NULL, 0, 0,
                           "%zu bytes of text to calibrate on; expected at least %d", p->text_bytes,
                           SCORE_MIN_BYTES);
    return BL_OK;
}

bl_status bl_gated_quantise(bl_quantised **result, const bl_gated *n,
                            const bl_quantise_params *params, const bl_allocator *allocator,
                            bl_diag *diag)
{
    assert(result && n && params);
    bl_quantise_params p = *params;
    p.weight_bits = p.weight_bits ? p.weight_bits : 6;
    p.hidden_bits = p.hidden_bits ? p.hidden_bits : 6;
    p.cell_bits = p.cell_bits ? p.cell_bits : 10;
    p.gate_bits = p.gate_bits ? p.gate_bits : 7;
    p.head_bits = p.head_bits ? p.head_bits : 7;
    TRY(check(&p, diag));
    bl_quantised *q = bl_alloc(allocator, sizeof *q);
    bl_status status = BL_ERR_MEMORY;
    if (q) {
        *q = (bl_quantised){.allocator = allocator,
                            .is_gru = n->info.is_gru,
                            .n_hidden = n->info.n_hidden,
                            .n_layers = n->info.n_layers,
                            .hidden_bits = p.hidden_bits,
                            .cell_bits = p.cell_bits,
                            .gate_bits = p.gate_bits,
                            .card_bytes = n->card_bytes};
        set_symbols(q, n);
        view m = {.network = n};
        status = quantise(q, n, &p, &m);
        clear_view(&m, allocator);
    }
    if (status != BL_OK)
        bl_diag_set(diag, status, NULL, 0, 0, "%s",
                    status == BL_ERR_MEMORY ? "out of memory"
                    : status == BL_ERR_LIMIT
                        ? "a sum needs more than 24 planes; fewer --weight-bits, "
                          "--hidden-bits or --head-bits make it smaller"
                        : "the network cannot be quantised");
    if (status == BL_OK)
        *result = q;
    else
        bl_quantised_destroy(&q);
    return status;
}

void bl_quantised_destroy(bl_quantised **handle)
{
    bl_quantised *q = handle ? *handle : NULL;
    if (!q)
        return;
    size_t rows = quantised_rows(q);
    bl_free(q->allocator, q->table, ((size_t)q->n_known + 1) * rows * sizeof *q->table);
    for (uint32_t l = 0; l < q->n_layers; l++) {
        quantised_layer *layer = &q->layers[l];
        bl_free(q->allocator, layer->weight, rows * layer->n_inputs * sizeof *layer->weight);
        bl_free(q->allocator, layer->exponent, rows * sizeof *layer->exponent);
        bl_free(q->allocator, layer->bias, rows * sizeof *layer->bias);
    }
    bl_free(q->allocator, q->head, (size_t)q->n_known * q->n_hidden * sizeof *q->head);
    bl_free(q->allocator, q->head_bias, q->n_known * sizeof *q->head_bias);
    bl_free(q->allocator, q->card, q->card_bytes);
    bl_free(q->allocator, q, sizeof *q);
    *handle = NULL;
}

void bl_quantised_get_info(bl_quantised_info *info, const bl_quantised *q) { *info = q->info; }

void bl_quantised_get_loom_facts(bl_loom_facts *facts, const bl_quantised *q)
{
    *facts = (bl_loom_facts){.card = q->info.card,
                             .n_symbols = q->info.n_symbols,
                             .logit_unit_nats = q->info.logit_unit_nats,
                             .n_nonzeros = q->info.n_nonzeros,
                             .byte_symbol = q->info.byte_symbol};
}
