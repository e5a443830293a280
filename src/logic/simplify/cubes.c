// SPDX-License-Identifier: MIT
// Irredundant sums of products (Minato, Morreale; "Fast generation of irredundant sum-of-products
// forms from binary decision diagrams", 1992), on plain tables.
//
// On the topmost input x, what must be true only where x is false gets !x, what must be true only
// where x is true gets x, and what is then still missing gets neither. A table of n inputs is split
// in halves of its words; within a word, in halves of its bits.

#include "cubes.h"

#include "logic/table.h"

#include <string.h>

static bool add_cube(cubes *c, uint32_t cube)
{
    if (c->n == MAX_CUBES)
        return false;
    c->cube[c->n++] = cube;
    return true;
}

static uint64_t low(uint64_t t, uint32_t input)
{
    uint64_t half = t & ~input_words[input];
    return half | half << (1u << input);
}

static uint64_t high(uint64_t t, uint32_t input)
{
    uint64_t half = t & input_words[input];
    return half | half >> (1u << input);
}

// All cubes found from here on contain `cube`; `sum` is what they cover.
static bool cover_word(cubes *c, uint64_t *sum, uint64_t on, uint64_t off, uint32_t n,
                       uint32_t cube)
{
    *sum = on ? ~UINT64_C(0) : 0;
    if (on == 0)
        return true;
    if (off == 0)
        return add_cube(c, cube);
    uint32_t x = n - 1;
    uint64_t on0 = low(on, x), on1 = high(on, x), off0 = low(off, x), off1 = high(off, x);
    uint64_t sum0, sum1, rest;
    if (!cover_word(c, &sum0, on0 & off1, off0, x, cube | 2u << 2 * x)
        || !cover_word(c, &sum1, on1 & off0, off1, x, cube | 1u << 2 * x)
        || !cover_word(c, &rest, (on0 & ~sum0) | (on1 & ~sum1), off0 | off1, x, cube))
        return false;
    *sum = (sum0 & ~input_words[x]) | (sum1 & input_words[x]) | rest;
    return true;
}

static bool is_zero(const uint64_t *t, uint32_t n_words)
{
    for (uint32_t i = 0; i < n_words; i++)
        if (t[i])
            return false;
    return true;
}

static bool cover_words(cubes *c, uint64_t *sum, const uint64_t *on, const uint64_t *off,
                        uint32_t n, uint32_t cube)
{
    uint32_t n_words = n > 6 ? 1u << (n - 6) : 1, half = n_words / 2, x = n - 1;
    if (n_words == 1)
        return cover_word(c, sum, on[0], off[0], n, cube);
    memset(sum, is_zero(on, n_words) ? 0 : 0xFF, n_words * sizeof *sum);
    if (is_zero(on, n_words))
        return true;
    if (is_zero(off, n_words))
        return add_cube(c, cube);
    uint64_t must[WINDOW_WORDS / 2], never[WINDOW_WORDS / 2], rest[WINDOW_WORDS / 2];
    for (uint32_t i = 0; i < half; i++)
        must[i] = on[i] & off[half + i];
    if (!cover_words(c, sum, must, off, x, cube | 2u << 2 * x))
        return false;
    for (uint32_t i = 0; i < half; i++)
        must[i] = on[half + i] & off[i];
    if (!cover_words(c, sum + half, must, off + half, x, cube | 1u << 2 * x))
        return false;
    for (uint32_t i = 0; i < half; i++) {
        must[i] = (on[i] & ~sum[i]) | (on[half + i] & ~sum[half + i]);
        never[i] = off[i] | off[half + i];
    }
    if (!cover_words(c, rest, must, never, x, cube))
        return false;
    for (uint32_t i = 0; i < half; i++) {
        sum[i] |= rest[i];
        sum[half + i] |= rest[i];
    }
    return true;
}

bool cubes_of_table(cubes *c, const uint64_t *on, const uint64_t *off, uint32_t n_inputs)
{
    uint64_t sum[WINDOW_WORDS];
    c->n = 0;
    return cover_words(c, sum, on, off, n_inputs, 0);
}
