// SPDX-License-Identifier: MIT
// A set of divisors decides the root if and only if it tells every row where the root is true from
// every row where it is false: each such pair of rows is a demand, the set of divisors that differ
// in it, and a support is a set that hits all demands.
//
// There are far too many pairs, so they are learned: sets that hit the known ones are checked
// against the whole tables, and a set that fails gives a pair that none of its members tells apart.
// A few dozen pairs are enough for 64 divisors and 4096 rows. The last divisor is never searched
// for: it is in the intersection of all demands that are still open.

#include "dependence.h"

#include <assert.h>

static uint32_t count_bits(uint64_t x) { return (uint32_t)__builtin_popcountll(x); }
static uint32_t first_bit(uint64_t x) { return (uint32_t)__builtin_ctzll(x); }

static uint32_t next_bit(const dependence *d, uint64_t x)
{
    uint64_t behind = x >> d->first << d->first;
    return first_bit(behind ? behind : x);
}

// Demands that few divisors meet come first.
static void insert_pair(dependence *d, uint64_t demand)
{
    uint32_t size = count_bits(demand), at = d->n_pairs++;
    for (; at > 0 && d->size[at - 1] > size; at--) {
        d->pair[at] = d->pair[at - 1];
        d->size[at] = d->size[at - 1];
    }
    d->pair[at] = demand;
    d->size[at] = (uint8_t)size;
}

static void add_pair(dependence *d, uint32_t row_on, uint32_t row_off)
{
    const window *w = d->w;
    uint64_t demand = 0;
    for (uint32_t i = 0; i < w->n_divisors; i++)
        demand |=
            (w->table[i][row_on / 64] >> row_on % 64 ^ w->table[i][row_off / 64] >> row_off % 64)
                % 2
            << i;
    if (d->n_pairs < MAX_PAIRS)
        insert_pair(d, demand);
    else
        d->n_steps = 0; // rather give up than search without knowledge
}

// Four words of rows, 256 at a time.
typedef uint64_t rows4 __attribute__((vector_size(32), aligned(8)));

static bool has_rows(const rows4 *x, const rows4 *y)
{
    rows4 both = *x & *y;
    return (both[0] | both[1] | both[2] | both[3]) != 0;
}

// Splits the rows from a word on by the divisors: cell r holds the rows whose values are r.
static void split(rows4 *cell, const dependence *d, const support *s, uint32_t word)
{
    cell[0] = (rows4){~UINT64_C(0), ~UINT64_C(0), ~UINT64_C(0), ~UINT64_C(0)};
    for (uint32_t i = 0, n = 1; i < s->n; i++, n *= 2) {
        rows4 t = *(const rows4 *)&d->w->table[s->divisor[i]][word];
        for (uint32_t r = 0; r < n; r++) {
            cell[n + r] = cell[r] & t;
            cell[r] &= ~t;
        }
    }
}

static uint32_t first_row(const rows4 *x, const rows4 *y)
{
    rows4 both = *x & *y;
    uint32_t i = 0;
    while (both[i] == 0)
        i++;
    return 64 * i + first_bit(both[i]);
}

static uint32_t find_row(const dependence *d, const support *s, uint32_t wanted, const uint64_t *of)
{
    for (uint32_t k = 0;; k += 4) {
        rows4 cell[1 << MAX_SUPPORT];
        assert(k < d->w->n_words);
        split(cell, d, s, k);
        const rows4 *rows = (const rows4 *)&of[k];
        if (has_rows(&cell[wanted], rows))
            return 64 * k + first_row(&cell[wanted], rows);
    }
}

// Fills in what the root is on each cell; a cell with both becomes a pair, and the answer no.
static bool check(dependence *d, support *s)
{
    s->on = s->off = 0;
    for (uint32_t k = 0; k < d->w->n_words; k += 4) {
        rows4 cell[1 << MAX_SUPPORT];
        const rows4 *on = (const rows4 *)&d->w->on[k], *off = (const rows4 *)&d->w->off[k];
        split(cell, d, s, k);
        for (uint32_t r = 0; r < 1u << s->n; r++) {
            s->on |= (uint32_t)has_rows(&cell[r], on) << r;
            s->off |= (uint32_t)has_rows(&cell[r], off) << r;
        }
        if (s->on & s->off) {
            uint32_t r = first_bit(s->on & s->off);
            add_pair(d, find_row(d, s, r, d->w->on), find_row(d, s, r, d->w->off));
            return false;
        }
    }
    return true;
}

// Whether a demand is open, and if so the first one; `common` is what all open ones share.
static bool find_open(const dependence *d, uint64_t chosen, uint64_t allowed, uint64_t *first,
                      uint64_t *common)
{
    bool is_open = false;
    *common = allowed;
    for (uint32_t i = 0; i < d->n_pairs; i++) {
        uint64_t demand = d->pair[i];
        if (demand & chosen)
            continue;
        if (!is_open)
            *first = demand & allowed;
        is_open = true;
        *common &= demand;
        if (*common == 0)
            break;
    }
    return is_open;
}

static uint64_t bits_of(const support *s)
{
    uint64_t bits = 0;
    for (uint32_t i = 0; i < s->n; i++)
        bits |= UINT64_C(1) << s->divisor[i];
    return bits;
}

static bool search(dependence *d, support *s, uint64_t allowed);

static bool search_with(dependence *d, support *s, uint64_t allowed, uint32_t divisor)
{
    s->divisor[s->n++] = divisor;
    bool is_accepted = search(d, s, allowed & ~(UINT64_C(1) << divisor));
    s->n--;
    return is_accepted;
}

// Divisors that were tried at this place are not tried again below their later siblings.
static bool search(dependence *d, support *s, uint64_t allowed)
{
    uint64_t first, common;
    if (d->n_steps == 0)
        return false;
    d->n_steps--;
    if (!find_open(d, bits_of(s), allowed, &first, &common)) {
        if (check(d, s)) {
            support found = *s;
            return d->accept(d->context, &found);
        }
        if (!find_open(d, bits_of(s), allowed, &first, &common))
            return false; // no room for the new pair
    }
    if (s->n == d->limit)
        return false;
    for (uint64_t left = s->n + 1 == d->limit ? common : first; left && d->n_steps;) {
        uint32_t divisor = next_bit(d, left);
        if (search_with(d, s, allowed, divisor))
            return true;
        allowed &= ~(UINT64_C(1) << divisor);
        left &= ~(UINT64_C(1) << divisor);
        if (s->n + 1 == d->limit) {
            find_open(d, bits_of(s), allowed, &first, &common);
            left &= common;
        }
    }
    return false;
}

void dependence_begin(dependence *d, const window *w, uint32_t first)
{
    *d = (dependence){.w = w, .first = first % WINDOW_DIVISORS};
}

bool dependence_search(dependence *d, uint64_t allowed, uint32_t limit, uint32_t n_steps,
                       bool (*accept)(void *context, const support *s), void *context)
{
    support s = {0};
    assert(limit <= MAX_SUPPORT);
    d->limit = limit;
    d->n_steps = n_steps;
    d->accept = accept;
    d->context = context;
    return search(d, &s, allowed);
}
