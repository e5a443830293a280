// SPDX-License-Identifier: MIT
#ifndef BITLOOM_LOGIC_NUMBER_H
#define BITLOOM_LOGIC_NUMBER_H

// Integers as literals of a graph, in two's complement and without overflow:
//
//     value = bit[0] + 2 bit[1] + ... + 2^(n-1) bit[n-1] - 2^n sign
//
// Above its n bits a number goes on with its sign for ever; a number that is never negative has the
// sign BL_LIT_FALSE. Numbers are kept trimmed: bit[n-1] is another literal than the sign. Constants
// are numbers of constant literals, and the graph folds them away.

#include <bitloom/logic.h>

enum {
    NUMBER_BITS = 256,                    // of a result; the caller checks, operands obey
    NUMBER_CAPACITY = 2 * NUMBER_BITS + 8 // of any intermediate one
};

typedef struct number {
    uint32_t n;
    bl_lit sign;
    bl_lit bit[NUMBER_CAPACITY];
} number;

number number_of_constant(uint64_t value);
number number_of_bits(const bl_lit *bits, uint32_t n, bool is_signed); // n at least 1
number number_of_bool(bl_lit truth);

// Bit k, the sign where there are no more.
bl_lit number_bit(const number *x, uint32_t k);

// Whether all literals are constant.
bool number_is_constant(const number *x);
// The value of a constant in 0..UINT32_MAX; false if it lies outside.
bool number_get_small(uint32_t *value, const number *x);

number number_add(bl_graph *g, const number *x, const number *y);
number number_subtract(bl_graph *g, const number *x, const number *y);
number number_multiply(bl_graph *g, const number *x, const number *y);
// Towards minus infinity, as >> does; divisor > 0 and constant. 0 <= remainder < divisor.
number number_divide(bl_graph *g, const number *x, const number *divisor);
number number_remainder(bl_graph *g, const number *x, const number *divisor);

// Bit by bit, over the endless signs too; table is that of a LUT2, bit 2 * x + y.
number number_bitwise(bl_graph *g, const number *x, const number *y, unsigned table);
number number_not(const number *x);

// Amounts that are not negative. The left one needs x->n + 2^amount->n <= NUMBER_CAPACITY.
number number_shift_left(bl_graph *g, const number *x, const number *amount);
number number_shift_right(bl_graph *g, const number *x, const number *amount);

// The nearest number of n bits in two's complement.
number number_clamp(bl_graph *g, const number *x, uint32_t n);

// values[index]; index holds n_index literals, values 2^n_index numbers of n bits, as is_signed
// says.
number number_look_up(bl_graph *g, const int16_t *values, uint32_t n, bool is_signed,
                      const bl_lit *index, uint32_t n_index);

number number_select(bl_graph *g, bl_lit s, const number *then_, const number *else_);
number number_popcount(bl_graph *g, const number *x); // of a number that is never negative

bl_lit number_is_nonzero(bl_graph *g, const number *x);
bl_lit number_is_less(bl_graph *g, const number *x, const number *y);
bl_lit number_is_equal(bl_graph *g, const number *x, const number *y);

// The conjunction of n literals, a tree of three at a time (one LUT3); overwrites `lits`.
bl_lit number_all(bl_graph *g, bl_lit *lits, uint32_t n);

#endif
