// SPDX-License-Identifier: MIT
// What one LSTM or GRU cell does with its sums, as a graph: tables as trees of multiplexers,
// products as rows of additions. The formulas are those of reference.c, in the same order.

#include "gated_private.h"

#include "base/try.h"

#include <bitloom/simplify.h>

#include <assert.h>

enum { MAX_NUMBER_BITS = 40, EFFORT = 2 };

typedef struct number { // two's complement
    bl_lit bit[MAX_NUMBER_BITS];
    uint32_t n;
} number;

static bl_lit bit_of(const number *x, uint32_t k) { return x->bit[k < x->n ? k : x->n - 1]; }

static number input(bl_graph *g, uint32_t n)
{
    number x = {.n = n};
    for (uint32_t k = 0; k < n; k++)
        x.bit[k] = bl_graph_input(g, NULL);
    return x;
}

static number constant(int64_t value, uint32_t n)
{
    number x = {.n = n};
    for (uint32_t k = 0; k < n; k++)
        x.bit[k] = (bl_lit)(value >> k & 1);
    return x;
}

static number add(bl_graph *g, const number *a, const number *b)
{
    number sum = {.n = (a->n > b->n ? a->n : b->n) + 1};
    bl_lit carry = BL_LIT_FALSE;
    assert(sum.n <= MAX_NUMBER_BITS);
    for (uint32_t k = 0; k < sum.n; k++) {
        bl_lit x = bit_of(a, k), y = bit_of(b, k);
        sum.bit[k] = bl_graph_xor(g, bl_graph_xor(g, x, y), carry);
        carry = bl_graph_maj3(g, x, y, carry);
    }
    return sum;
}

// x * 2^n, or x / 2^-n to the nearest integer, halves upwards.
static number scaled(bl_graph *g, const number *x, int n)
{
    number y = {0};
    if (n >= 0) {
        for (int k = 0; k < n; k++)
            y.bit[y.n++] = BL_LIT_FALSE;
        for (uint32_t k = 0; k < x->n; k++)
            y.bit[y.n++] = x->bit[k];
        return y;
    }
    number half = constant(INT64_C(1) << (-n - 1), (uint32_t)-n + 1), sum = add(g, x, &half);
    for (uint32_t k = (uint32_t)-n; k < sum.n; k++)
        y.bit[y.n++] = sum.bit[k];
    if (y.n == 0)
        y = constant(0, 1);
    return y;
}

static number clamped(bl_graph *g, const number *x, uint32_t n)
{
    number y = {.n = n};
    bl_lit sign = bit_of(x, x->n - 1), is_outside = BL_LIT_FALSE;
    for (uint32_t k = n - 1; k < x->n; k++)
        is_outside = bl_graph_or(g, is_outside, bl_graph_xor(g, x->bit[k], sign));
    for (uint32_t k = 0; k < n; k++)
        y.bit[k] = k == n - 1 ? sign : bl_graph_mux(g, is_outside, bl_lit_not(sign), bit_of(x, k));
    return y;
}

// `factor` is not negative although its last bit may be set.
static number multiply(bl_graph *g, const number *x, const number *factor)
{
    number product = constant(0, 1);
    for (uint32_t k = 0; k < factor->n; k++) {
        number row = {.n = x->n + k};
        for (uint32_t i = 0; i < row.n; i++)
            row.bit[i] = i < k ? BL_LIT_FALSE : bl_graph_and(g, x->bit[i - k], factor->bit[k]);
        product = add(g, &product, &row);
        product.n = x->n + k + 1; // a partial product needs no more
    }
    return product;
}

// Bit `bit` of values[0 .. 2^n), chosen by index[0 .. n).
static bl_lit select_bit(bl_graph *g, const int16_t *values, uint32_t bit, const bl_lit *index,
                         uint32_t n)
{
    if (n == 0)
        return (bl_lit)(values[0] >> bit & 1);
    bl_lit low = select_bit(g, values, bit, index, n - 1);
    bl_lit high = select_bit(g, values + ((size_t)1 << (n - 1)), bit, index, n - 1);
    return low == high ? low : bl_graph_mux(g, index[n - 1], high, low);
}

static number look_up(bl_graph *g, const int16_t *table, const number *index, uint32_t n_bits)
{
    number y = {.n = n_bits};
    for (uint32_t k = 0; k < n_bits; k++)
        y.bit[k] = select_bit(g, table, k, index->bit, SUM_BITS);
    return y;
}

static void output(bl_graph *g, const number *x, uint32_t n)
{
    for (uint32_t k = 0; k < n; k++)
        bl_graph_output(g, bit_of(x, k), NULL);
}

static void build_lstm(bl_graph *g, const bl_quantised *q, const number *s, const number *c)
{
    uint32_t bits = q->gate_bits + 1;
    int a = (int)q->gate_bits, fraction = (int)q->cell_bits - 1 - CELL_FRACTION;
    int m = a > fraction ? a : fraction;
    number i = look_up(g, q->sigmoid, &s[0], bits), f = look_up(g, q->sigmoid, &s[1], bits);
    number j = look_up(g, q->tanh, &s[2], bits), o = look_up(g, q->sigmoid, &s[3], bits);
    number kept = multiply(g, c, &f), written = multiply(g, &j, &i);
    kept = scaled(g, &kept, m - fraction);
    written = scaled(g, &written, m - a);
    number total = add(g, &kept, &written);
    total = scaled(g, &total, fraction - a - m);
    number cell = clamped(g, &total, q->cell_bits);
    number looked = scaled(g, &cell, TANH_FRACTION - fraction);
    looked = clamped(g, &looked, SUM_BITS);
    number t = look_up(g, q->tanh_cell, &looked, bits), h = multiply(g, &t, &o);
    uint32_t dropped = 2 * q->gate_bits - q->hidden_bits + 1;
    output(g, &cell, q->cell_bits);
    for (uint32_t k = 0; k < q->hidden_bits; k++)
        bl_graph_output(g, bit_of(&h, k + dropped), NULL);
}

static void build_gru(bl_graph *g, const bl_quantised *q, const number *s, const number *h)
{
    uint32_t bits = q->gate_bits + 1;
    int a = (int)q->gate_bits, fraction = (int)q->cell_bits - 1, m = a > fraction ? a : fraction;
    int16_t rest[1 << SUM_BITS]; // 1 - z
    for (int k = 0; k < 1 << SUM_BITS; k++)
        rest[k] = (int16_t)((1 << a) - q->sigmoid[k]);
    number r = look_up(g, q->sigmoid, &s[0], bits), z = look_up(g, q->sigmoid, &s[1], bits);
    number not_z = look_up(g, rest, &s[1], bits), own = multiply(g, &s[3], &r);
    own = scaled(g, &own, -a);
    number sum = add(g, &s[2], &own);
    sum = clamped(g, &sum, SUM_BITS);
    number n = look_up(g, q->tanh, &sum, bits);
    number kept = multiply(g, h, &z), written = multiply(g, &n, &not_z);
    kept = scaled(g, &kept, m - fraction);
    written = scaled(g, &written, m - a);
    number total = add(g, &kept, &written);
    total = scaled(g, &total, fraction - a - m);
    number state = clamped(g, &total, q->cell_bits);
    output(g, &state, q->cell_bits);
}

bl_status cell_graph(bl_graph **result, const bl_quantised *q, const bl_allocator *allocator,
                     bl_diag *diag)
{
    bl_graph *g;
    number s[N_SUMS];
    TRY(bl_graph_create(&g, allocator));
    for (int k = 0; k < N_SUMS; k++)
        s[k] = input(g, SUM_BITS);
    number state = input(g, q->cell_bits);
    (q->is_gru ? build_gru : build_lstm)(g, q, s, &state);
    bl_status status = g->status;
    if (status == BL_OK)
        status =
            bl_graph_simplify(result, g, &(bl_simplify_params){.effort = EFFORT}, allocator, diag);
    bl_graph_destroy(&g);
    return status;
}
