// SPDX-License-Identifier: MIT
// What one LSTM or GRU cell does with its sums, as a graph. The formulas are those of reference.c,
// in the same order.

#include "gated_private.h"

#include "logic/number.h"

#include "base/try.h"

#include <bitloom/simplify.h>

#include <stdlib.h>

enum { EFFORT = 2 }; // of its simplification

static number input(bl_graph *g, uint32_t n)
{
    bl_lit bits[32];
    for (uint32_t k = 0; k < n; k++)
        bits[k] = bl_graph_input(g, NULL);
    return number_of_bits(bits, n, true);
}

// x * 2^n, or x / 2^-n to the nearest integer, halves upwards.
static number scaled(bl_graph *g, const number *x, int n)
{
    number amount = number_of_constant((uint64_t)abs(n));
    if (n >= 0)
        return number_shift_left(g, x, &amount);
    number half = number_of_constant(UINT64_C(1) << (-n - 1)), sum = number_add(g, x, &half);
    return number_shift_right(g, &sum, &amount);
}

// A gate's table at a sum, which has SUM_BITS.
static number look_up(bl_graph *g, const bl_quantised *q, const int16_t *table, bool is_signed,
                      const number *sum)
{
    bl_lit index[SUM_BITS];
    for (uint32_t k = 0; k < SUM_BITS; k++)
        index[k] = number_bit(sum, k);
    return number_look_up(g, table, q->gate_bits + 1, is_signed, index, SUM_BITS);
}

// Bits `first` to `first` + n.
static void output(bl_graph *g, const number *x, uint32_t first, uint32_t n)
{
    for (uint32_t k = 0; k < n; k++)
        bl_graph_output(g, number_bit(x, first + k), NULL);
}

static void build_lstm(bl_graph *g, const bl_quantised *q, const number *s, const number *c)
{
    int a = (int)q->gate_bits, fraction = (int)q->cell_bits - 1 - CELL_FRACTION;
    int m = a > fraction ? a : fraction;
    number i = look_up(g, q, q->sigmoid, false, &s[0]), f = look_up(g, q, q->sigmoid, false, &s[1]);
    number j = look_up(g, q, q->tanh, true, &s[2]), o = look_up(g, q, q->sigmoid, false, &s[3]);
    number kept = number_multiply(g, c, &f), written = number_multiply(g, &j, &i);
    kept = scaled(g, &kept, m - fraction);
    written = scaled(g, &written, m - a);
    number total = number_add(g, &kept, &written);
    total = scaled(g, &total, fraction - a - m);
    number cell = number_clamp(g, &total, q->cell_bits);
    number looked = scaled(g, &cell, TANH_FRACTION - fraction);
    looked = number_clamp(g, &looked, SUM_BITS);
    number t = look_up(g, q, q->tanh_cell, true, &looked), h = number_multiply(g, &t, &o);
    output(g, &cell, 0, q->cell_bits);
    output(g, &h, 2 * q->gate_bits - q->hidden_bits + 1, q->hidden_bits);
}

static void build_gru(bl_graph *g, const bl_quantised *q, const number *s, const number *h)
{
    int a = (int)q->gate_bits, fraction = (int)q->cell_bits - 1, m = a > fraction ? a : fraction;
    int16_t rest[1 << SUM_BITS]; // 1 - z
    for (int k = 0; k < 1 << SUM_BITS; k++)
        rest[k] = (int16_t)((1 << a) - q->sigmoid[k]);
    number r = look_up(g, q, q->sigmoid, false, &s[0]), z = look_up(g, q, q->sigmoid, false, &s[1]);
    number not_z = look_up(g, q, rest, false, &s[1]), own = number_multiply(g, &s[3], &r);
    own = scaled(g, &own, -a);
    number sum = number_add(g, &s[2], &own);
    sum = number_clamp(g, &sum, SUM_BITS);
    number n = look_up(g, q, q->tanh, true, &sum);
    number kept = number_multiply(g, h, &z), written = number_multiply(g, &n, &not_z);
    kept = scaled(g, &kept, m - fraction);
    written = scaled(g, &written, m - a);
    number total = number_add(g, &kept, &written);
    total = scaled(g, &total, fraction - a - m);
    number state = number_clamp(g, &total, q->cell_bits);
    output(g, &state, 0, q->cell_bits);
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
