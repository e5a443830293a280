// SPDX-License-Identifier: MIT
// Arithmetic on numbers of literals. A column at a time from the lowest; a result is one or two
// columns wider than its operands, and trimming takes back what was not needed: the literals of a
// constant column are constants, and a column equal to the sign says nothing new.

#include "number.h"

#include <assert.h>

bl_lit number_bit(const number *x, uint32_t k) { return k < x->n ? x->bit[k] : x->sign; }

static uint32_t wider(const number *x, const number *y) { return x->n > y->n ? x->n : y->n; }

static void trim(number *x)
{
    while (x->n > 0 && x->bit[x->n - 1] == x->sign)
        x->n--;
}

static void push(number *x, bl_lit lit)
{
    assert(x->n < NUMBER_CAPACITY);
    x->bit[x->n++] = lit;
}

number number_of_constant(uint64_t value)
{
    number x = {.sign = BL_LIT_FALSE};
    for (; value; value >>= 1)
        push(&x, value & 1 ? BL_LIT_TRUE : BL_LIT_FALSE);
    return x;
}

number number_of_bits(const bl_lit *bits, uint32_t n, bool is_signed)
{
    assert(n > 0 && n <= NUMBER_BITS);
    number x = {.sign = is_signed ? bits[n - 1] : BL_LIT_FALSE};
    for (uint32_t k = 0; k < n; k++)
        push(&x, bits[k]);
    trim(&x);
    return x;
}

number number_of_bool(bl_lit truth)
{
    number x = {.sign = BL_LIT_FALSE};
    push(&x, truth);
    trim(&x);
    return x;
}

bool number_is_constant(const number *x)
{
    bool is_constant = bl_lit_node(x->sign) == 0;
    for (uint32_t k = 0; k < x->n; k++)
        is_constant &= bl_lit_node(x->bit[k]) == 0;
    return is_constant;
}

bool number_get_small(uint32_t *value, const number *x)
{
    if (!number_is_constant(x) || x->sign != BL_LIT_FALSE || x->n > 32)
        return false;
    *value = 0;
    for (uint32_t k = 0; k < x->n; k++)
        *value |= (uint32_t)(x->bit[k] == BL_LIT_TRUE) << k;
    return true;
}

// One full adder; both results are functions of the same three literals, one LUT3 each.
static bl_lit add_column(bl_graph *g, bl_lit *carry, bl_lit x, bl_lit y)
{
    bl_lit half = bl_graph_xor(g, x, y), c = *carry;
    *carry = bl_graph_or(g, bl_graph_and(g, x, y), bl_graph_and(g, half, c));
    return bl_graph_xor(g, half, c);
}

static number add(bl_graph *g, const number *x, const number *y, bl_lit carry)
{
    number sum = {0};
    uint32_t n = wider(x, y);
    for (uint32_t k = 0; k <= n; k++)
        push(&sum, add_column(g, &carry, number_bit(x, k), number_bit(y, k)));
    sum.sign = add_column(g, &carry, x->sign, y->sign);
    trim(&sum);
    return sum;
}

number number_add(bl_graph *g, const number *x, const number *y)
{
    return add(g, x, y, BL_LIT_FALSE);
}

number number_not(const number *x)
{
    number r = {.n = x->n, .sign = bl_lit_not(x->sign)};
    for (uint32_t k = 0; k < x->n; k++)
        r.bit[k] = bl_lit_not(x->bit[k]);
    return r;
}

number number_subtract(bl_graph *g, const number *x, const number *y)
{
    number minus = number_not(y); // x - y = x + ~y + 1
    return add(g, x, &minus, BL_LIT_TRUE);
}

// x << k where `condition` holds, otherwise 0.
static number partial_product(bl_graph *g, const number *x, uint32_t k, bl_lit condition)
{
    number r = {.sign = bl_graph_and(g, x->sign, condition)};
    for (uint32_t i = 0; i < k; i++)
        push(&r, BL_LIT_FALSE);
    for (uint32_t i = 0; i < x->n; i++)
        push(&r, bl_graph_and(g, x->bit[i], condition));
    trim(&r);
    return r;
}

number number_multiply(bl_graph *g, const number *x, const number *y)
{
    assert(x->n <= NUMBER_BITS && y->n <= NUMBER_BITS);
    if (number_is_constant(x)) { // few rows, and none for its zeros
        const number *t = x;
        x = y;
        y = t;
    }
    number sum = {.sign = BL_LIT_FALSE};
    for (uint32_t k = 0; k <= y->n; k++) { // the sign of y counts -2^n
        bl_lit bit = number_bit(y, k);
        if (bit == BL_LIT_FALSE)
            continue;
        number row = partial_product(g, x, k, bit);
        sum = k < y->n ? number_add(g, &sum, &row) : number_subtract(g, &sum, &row);
    }
    return sum;
}

// Schoolbook division of a number that is never negative, from the highest bit.
static number divide(bl_graph *g, const number *x, const number *divisor, number *remainder)
{
    number quotient = {.n = x->n, .sign = BL_LIT_FALSE};
    *remainder = (number){.sign = BL_LIT_FALSE};
    for (uint32_t k = x->n; k-- > 0;) {
        number next = {.sign = BL_LIT_FALSE};
        push(&next, x->bit[k]);
        for (uint32_t i = 0; i < remainder->n; i++)
            push(&next, remainder->bit[i]);
        bl_lit is_less = number_is_less(g, &next, divisor);
        number less = number_subtract(g, &next, divisor);
        less.sign = BL_LIT_FALSE; // where it is negative it is not chosen
        *remainder = number_select(g, is_less, &next, &less);
        while (remainder->n > divisor->n) // and below the divisor in any case
            remainder->n--;
        trim(remainder);
        quotient.bit[k] = bl_lit_not(is_less);
    }
    trim(&quotient);
    return quotient;
}

// For x < 0, with ~x = -x - 1 >= 0: floor(x / d) = ~(~x / d), x mod d = d - 1 - (~x mod d). So x is
// complemented where it is negative, and the quotient again.
static number magnitude(bl_graph *g, const number *x)
{
    number r = {.n = x->n, .sign = BL_LIT_FALSE};
    for (uint32_t k = 0; k < x->n; k++)
        r.bit[k] = bl_graph_xor(g, x->bit[k], x->sign);
    trim(&r);
    return r;
}

number number_divide(bl_graph *g, const number *x, const number *divisor)
{
    number m = magnitude(g, x), remainder, q = divide(g, &m, divisor, &remainder);
    for (uint32_t k = 0; k < q.n; k++)
        q.bit[k] = bl_graph_xor(g, q.bit[k], x->sign);
    q.sign = x->sign;
    trim(&q);
    return q;
}

number number_remainder(bl_graph *g, const number *x, const number *divisor)
{
    number m = magnitude(g, x), r, one = number_of_constant(1);
    (void)divide(g, &m, divisor, &r);
    number top = number_subtract(g, divisor, &one), other = number_subtract(g, &top, &r);
    number result = number_select(g, x->sign, &other, &r);
    result.sign = BL_LIT_FALSE; // it always is, which the graph cannot see
    trim(&result);
    return result;
}

static bl_lit lut2(bl_graph *g, unsigned table, bl_lit x, bl_lit y)
{
    return bl_graph_lut3(g, (uint8_t)(table * 17), BL_LIT_FALSE, x, y);
}

number number_bitwise(bl_graph *g, const number *x, const number *y, unsigned table)
{
    number r = {.sign = lut2(g, table, x->sign, y->sign)};
    uint32_t n = wider(x, y);
    for (uint32_t k = 0; k < n; k++)
        push(&r, lut2(g, table, number_bit(x, k), number_bit(y, k)));
    trim(&r);
    return r;
}

number number_shift_left(bl_graph *g, const number *x, const number *amount)
{
    number r = *x;
    for (uint32_t j = 0; j < amount->n; j++) {
        number moved = {.sign = r.sign};
        for (uint32_t i = 0; i < UINT32_C(1) << j; i++)
            push(&moved, BL_LIT_FALSE);
        for (uint32_t i = 0; i < r.n; i++)
            push(&moved, r.bit[i]);
        r = number_select(g, amount->bit[j], &moved, &r);
    }
    return r;
}

number number_shift_right(bl_graph *g, const number *x, const number *amount)
{
    number r = *x;
    for (uint32_t j = 0; j < amount->n; j++) {
        number moved = {.sign = r.sign};
        for (uint64_t i = j < 32 ? UINT64_C(1) << j : UINT32_MAX; i < r.n; i++)
            push(&moved, r.bit[i]);
        r = number_select(g, amount->bit[j], &moved, &r);
    }
    return r;
}

number number_select(bl_graph *g, bl_lit s, const number *then_, const number *else_)
{
    number r = {.sign = bl_graph_mux(g, s, then_->sign, else_->sign)};
    uint32_t n = wider(then_, else_);
    for (uint32_t k = 0; k < n; k++)
        push(&r, bl_graph_mux(g, s, number_bit(then_, k), number_bit(else_, k)));
    trim(&r);
    return r;
}

number number_clamp(bl_graph *g, const number *x, uint32_t n)
{
    bl_lit is_outside = BL_LIT_FALSE;
    for (uint32_t k = n - 1; k < x->n; k++)
        is_outside = bl_graph_or(g, is_outside, bl_graph_xor(g, x->bit[k], x->sign));
    number r = {.sign = x->sign};
    for (uint32_t k = 0; k + 1 < n; k++)
        push(&r, bl_graph_mux(g, is_outside, bl_lit_not(x->sign), number_bit(x, k)));
    trim(&r);
    return r;
}

static bl_lit look_up_bit(bl_graph *g, const int16_t *values, uint32_t bit, const bl_lit *index,
                          uint32_t n_index)
{
    if (n_index == 0)
        return (bl_lit)(values[0] >> bit & 1);
    const int16_t *upper = values + ((size_t)1 << (n_index - 1));
    bl_lit low = look_up_bit(g, values, bit, index, n_index - 1);
    bl_lit high = look_up_bit(g, upper, bit, index, n_index - 1);
    return low == high ? low : bl_graph_mux(g, index[n_index - 1], high, low);
}

number number_look_up(bl_graph *g, const int16_t *values, uint32_t n, bool is_signed,
                      const bl_lit *index, uint32_t n_index)
{
    bl_lit bits[16];
    assert(n > 0 && n <= 16);
    for (uint32_t k = 0; k < n; k++)
        bits[k] = look_up_bit(g, values, k, index, n_index);
    return number_of_bits(bits, n, is_signed);
}

// A tree of carry-save adders: three literals of a weight become one and a carry. Each adder takes
// away one literal, so n literals need about n of them, two LUT3s each.
number number_popcount(bl_graph *g, const number *x)
{
    assert(x->sign == BL_LIT_FALSE);
    bl_lit waiting[NUMBER_CAPACITY], carries[NUMBER_CAPACITY];
    uint32_t n_waiting = x->n;
    for (uint32_t k = 0; k < x->n; k++)
        waiting[k] = x->bit[k];
    number count = {.sign = BL_LIT_FALSE};
    while (n_waiting > 0) {
        uint32_t n_carries = 0, begin = 0, end = n_waiting;
        while (end - begin > 1) { // sums queue up behind: the tree is balanced
            bl_lit carry = BL_LIT_FALSE, y = waiting[begin + 1], x0 = waiting[begin];
            begin += 2;
            if (end > begin)
                carry = waiting[begin++];
            bl_lit sum = add_column(g, &carry, x0, y);
            carries[n_carries++] = carry;
            for (uint32_t i = begin; i < end; i++)
                waiting[i - begin] = waiting[i];
            end -= begin;
            begin = 0;
            waiting[end++] = sum;
        }
        push(&count, waiting[begin]);
        for (uint32_t i = 0; i < n_carries; i++)
            waiting[i] = carries[i];
        n_waiting = n_carries;
    }
    trim(&count);
    return count;
}

bl_lit number_all(bl_graph *g, bl_lit *lits, uint32_t n)
{
    if (n == 0)
        return BL_LIT_TRUE;
    for (uint32_t groups; n > 1; n = groups) {
        groups = (n + 2) / 3;
        for (uint32_t i = 0; i < groups; i++) {
            lits[i] = lits[3 * i];
            for (uint32_t k = 3 * i + 1; k < 3 * i + 3 && k < n; k++)
                lits[i] = bl_graph_and(g, lits[i], lits[k]);
        }
    }
    return lits[0];
}

bl_lit number_is_nonzero(bl_graph *g, const number *x)
{
    bl_lit zero[NUMBER_CAPACITY + 1];
    for (uint32_t k = 0; k <= x->n; k++)
        zero[k] = bl_lit_not(number_bit(x, k));
    return bl_lit_not(number_all(g, zero, x->n + 1));
}

// From the lowest column on: less = x differs from y here ? y : less so far; that is the majority
// of ~x, y and less. In the column of the signs the negative one is the smaller.
bl_lit number_is_less(bl_graph *g, const number *x, const number *y)
{
    bl_lit less = BL_LIT_FALSE;
    uint32_t n = wider(x, y);
    for (uint32_t k = 0; k < n; k++)
        less = bl_graph_maj3(g, bl_lit_not(number_bit(x, k)), number_bit(y, k), less);
    return bl_graph_maj3(g, x->sign, bl_lit_not(y->sign), less);
}

bl_lit number_is_equal(bl_graph *g, const number *x, const number *y)
{
    bl_lit same[NUMBER_CAPACITY + 1];
    uint32_t n = wider(x, y);
    for (uint32_t k = 0; k <= n; k++)
        same[k] = bl_lit_not(bl_graph_xor(g, number_bit(x, k), number_bit(y, k)));
    return number_all(g, same, n + 1);
}
