// SPDX-License-Identifier: MIT
// Refactoring: the cone of a gate, up to ten leaves wide, is written as a sum of products,
// factored, and built anew if that takes fewer gates.
//
// Factoring divides by the literal that most products share, together with whatever else all of
// those share (Brayton, McMullen, "The decomposition and factorization of Boolean expressions",
// 1982). The complement of the function is tried as well, and rows that the readers of the gate do
// not care about may go either way.

#include "cubes.h"
#include "passes.h"
#include "trial.h"

#include "base/try.h"

enum { MIN_FREED = 3, TIME_CHECK = 64, MAX_LITERALS = 2 * WINDOW_LEAVES };

typedef struct factoring {
    trial *t;
    const window *w;
} factoring;

static bl_lit literal(const factoring *f, uint32_t bit)
{
    return 2 * f->w->divisor[bit / 2] + bit % 2;
}

static bl_lit add_or(factoring *f, bl_lit a, bl_lit b) { return trial_gate(f->t, 0xE, a, b); }
static bl_lit add_and(factoring *f, bl_lit a, bl_lit b) { return trial_gate(f->t, 0x8, a, b); }

static bl_lit build_cube(factoring *f, uint32_t cube)
{
    bl_lit result = BL_LIT_TRUE;
    for (; cube; cube &= cube - 1)
        result = add_and(f, result, literal(f, (uint32_t)__builtin_ctz(cube)));
    return result;
}

static uint32_t most_frequent(const uint32_t *cube, uint32_t n, uint32_t *n_with)
{
    uint32_t count[MAX_LITERALS] = {0}, best = 0;
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t rest = cube[i]; rest; rest &= rest - 1)
            count[__builtin_ctz(rest)]++;
    for (uint32_t i = 1; i < MAX_LITERALS; i++)
        if (count[i] > count[best])
            best = i;
    *n_with = count[best];
    return best;
}

// Cubes with the literal come first.
static void partition(uint32_t *cube, uint32_t n, uint32_t bit)
{
    for (uint32_t i = 0, end = 0; i < n; i++)
        if (cube[i] >> bit & 1) {
            uint32_t with = cube[i];
            cube[i] = cube[end];
            cube[end++] = with;
        }
}

// Each level of the recursion removes a literal from all cubes of one side or cubes from the other.
static bl_lit build_sum(factoring *f, uint32_t *cube, uint32_t n)
{
    if (n == 0)
        return BL_LIT_FALSE;
    if (n == 1)
        return build_cube(f, cube[0]);
    uint32_t n_with, bit = most_frequent(cube, n, &n_with), common = UINT32_MAX;
    if (n_with <= 1) {
        bl_lit first = build_cube(f, cube[0]);
        return add_or(f, first, build_sum(f, cube + 1, n - 1));
    }
    partition(cube, n, bit);
    for (uint32_t i = 0; i < n_with; i++)
        common &= cube[i];
    for (uint32_t i = 0; i < n_with; i++)
        cube[i] &= ~common;
    bl_lit quotient = build_sum(f, cube, n_with);
    bl_lit product = add_and(f, build_cube(f, common), quotient);
    return n_with == n ? product : add_or(f, product, build_sum(f, cube + n_with, n - n_with));
}

static bool try_polarity(network *net, const window *w, const refactoring *r, bool is_complemented)
{
    cubes c;
    const uint64_t *on = is_complemented ? w->off : w->on, *off = is_complemented ? w->on : w->off;
    if (!cubes_of_table(&c, on, off, w->n_leaves))
        return false;
    trial t = trial_begin(net, w->root, r->allows_neutral);
    factoring f = {.t = &t, .w = w};
    return trial_end(&t, bl_lit_not_if(build_sum(&f, c.cube, c.n), is_complemented));
}

static void refactor_all(network *net, const refactoring *r, const deadline *d)
{
    window w;
    uint32_t n = net->n;
    for (uint32_t id = net->n_sources + 1; id < n && net->status == BL_OK; id++) {
        if (id % TIME_CHECK == 0 && deadline_is_over(d))
            return;
        if (!network_is_gate(net, id)
            || network_count_exclusive(net, id, NULL, MIN_FREED, NULL, 0) < MIN_FREED)
            continue;
        window_open(&w, net, id, &r->limits);
        if (!try_polarity(net, &w, r, false) && network_is_gate(net, id))
            try_polarity(net, &w, r, true);
    }
}

bl_status graph_refactor(bl_graph **result, const bl_graph *g, const refactoring *r,
                         const deadline *d, const bl_allocator *allocator)
{
    network net, tidy;
    TRY(network_from_graph(&net, g, allocator));
    refactor_all(&net, r, d);
    bl_status status = net.status == BL_OK ? network_copy(&tidy, &net) : net.status;
    network_destroy(&net);
    if (status != BL_OK)
        return status;
    status = graph_from_network(result, &tidy, g, allocator);
    network_destroy(&tidy);
    return status;
}
