// SPDX-License-Identifier: MIT
// Two gates for a function of four or five inputs (Ashenhurst, 1957).
//
// The outer gate reads two inputs directly. For each assignment of the inner inputs the function
// is a column of four entries, one for each value of the two. The inner gate has one bit to say
// which column it is, so the columns must fall into two groups without a conflict (true in one,
// false in the other): the graph of conflicts must be bipartite. With four inputs the inner gate
// has room for one that the outer reads as well; then half of each column does not matter.

#include "decompose.h"

typedef struct columns {
    uint32_t on[8], off[8]; // bit 2 * second + first
    uint32_t n;
} columns;

static columns make_columns(const decomposition *d, uint32_t on, uint32_t off)
{
    columns c = {.n = 1u << d->n_inner_inputs};
    for (uint32_t x = 0; x < c.n; x++)
        for (uint32_t y = 0; y < 4; y++) {
            uint32_t row = 0, known = 0;
            for (uint32_t i = 0; i < d->n_inner_inputs; i++) {
                row |= (x >> i & 1) << d->inner_input[i];
                known |= 1u << d->inner_input[i];
            }
            bool is_possible = true;
            for (uint32_t i = 0; i < 2; i++) {
                uint32_t bit = 1u << d->outer_input[i], value = y >> i & 1;
                is_possible &= !(known & bit) || ((row & bit) != 0) == (value != 0);
                row |= value ? bit : 0;
            }
            c.on[x] |= is_possible ? (on >> row & 1) << y : 0;
            c.off[x] |= is_possible ? (off >> row & 1) << y : 0;
        }
    return c;
}

static bool conflict(const columns *c, uint32_t x, uint32_t y)
{
    return (c->on[x] & c->off[y]) != 0 || (c->off[x] & c->on[y]) != 0;
}

// Columns of group 1; false where two groups do not do.
static bool group(uint8_t *table, const columns *c)
{
    uint32_t seen = 0, group1 = 0;
    for (uint32_t first = 0; first < c->n; first++) {
        if (seen >> first & 1)
            continue;
        seen |= 1u << first;
        for (uint32_t todo = 1u << first; todo;) {
            uint32_t x = (uint32_t)__builtin_ctz(todo);
            todo &= todo - 1;
            for (uint32_t y = 0; y < c->n; y++) {
                if (!conflict(c, x, y))
                    continue;
                bool is_other = (group1 >> y & 1) != (group1 >> x & 1);
                if (seen >> y & 1) {
                    if (!is_other)
                        return false;
                    continue;
                }
                seen |= 1u << y;
                todo |= 1u << y;
                group1 |= (~(group1 >> x) & 1) << y;
            }
        }
    }
    *table = (uint8_t)group1;
    return true;
}

static bool try_one(decomposition *d, uint32_t on, uint32_t off)
{
    columns c = make_columns(d, on, off);
    uint8_t group1;
    if (!group(&group1, &c))
        return false;
    d->inner_table = d->outer_table = 0;
    for (uint32_t x = 0; x < 8; x++)
        d->inner_table |= (uint8_t)((group1 >> (x & (c.n - 1)) & 1) << x);
    for (uint32_t x = 0; x < c.n; x++)
        d->outer_table |= (uint8_t)(c.on[x] << (group1 >> x & 1 ? 4 : 0));
    return true;
}

static bool decompose_three(uint32_t on, uint32_t off,
                            bool (*accept)(void *context, const decomposition *d), void *context)
{
    for (uint32_t p = 0; p < 3; p++) {
        decomposition d = {
            .outer_input = {p, p}, .inner_input = {p == 0, p == 2 ? 1 : 2}, .n_inner_inputs = 2};
        if (try_one(&d, on, off) && accept(context, &d))
            return true;
    }
    return false;
}

bool decompose(uint32_t on, uint32_t off, uint32_t n_inputs,
               bool (*accept)(void *context, const decomposition *d), void *context)
{
    if (n_inputs == 3)
        return decompose_three(on, off, accept, context);
    for (uint32_t p = 0; p < n_inputs; p++)
        for (uint32_t q = p + 1; q < n_inputs; q++) {
            decomposition d = {.outer_input = {p, q}};
            for (uint32_t i = 0; i < n_inputs; i++)
                if (i != p && i != q)
                    d.inner_input[d.n_inner_inputs++] = i;
            uint32_t n_ways = n_inputs == 4 ? 2 : 1; // which one the inner gate reads as well
            for (uint32_t way = 0; way < n_ways; way++) {
                if (n_inputs == 4) {
                    d.inner_input[2] = d.outer_input[way];
                    d.n_inner_inputs = 3;
                }
                if (try_one(&d, on, off) && accept(context, &d))
                    return true;
            }
        }
    return false;
}
