// SPDX-License-Identifier: MIT
// What stands above an adder tree: few bits, each of a weight, and a function that may be whether
// their sum reaches a constant.
//
// The function is tabulated over the bits. Each bit must raise it or lower it; what lowers it
// counts as its complement. Weights follow from adders alone: a carry has twice the weight of the
// sum and of the inputs of its adder. From all bits at once a search goes down through adders until
// what it reaches from one bit it has reached from the others. Last, the sum is compared for every
// assignment; carries that cannot occur, because fewer literals are counted, are left out.

#include "logic/map/comparison.h"

#include "logic/table.h"

#include <assert.h>
#include <string.h>

enum {
    MAX_WORDS = 1 << (MAX_TERMS - 6),
    MAX_LINKS = 1 << 14, // nodes that one search for weights visits
    MAX_RANGE = 40,      // of exponents
};

bl_status comparer_create(comparer *c, const bl_graph *g, const adder_list *adders,
                          const uint8_t *is_stop, const bl_allocator *allocator)
{
    *c = (comparer){.graph = g, .adders = adders, .is_stop = is_stop, .allocator = allocator};
    c->place = bl_alloc_array(allocator, g->n_nodes, sizeof *c->place);
    c->links = bl_alloc_array(allocator, g->n_nodes, sizeof *c->links);
    c->queue = bl_alloc_array(allocator, MAX_LINKS, sizeof *c->queue);
    c->tables =
        bl_alloc_array(allocator, (size_t)(MAX_TERMS + MAX_CONE) * MAX_WORDS, sizeof *c->tables);
    c->sums = bl_alloc_array(allocator, (size_t)64 * MAX_WORDS, sizeof *c->sums);
    if (c->place && c->links && c->queue && c->tables && c->sums)
        return BL_OK;
    comparer_destroy(c);
    return BL_ERR_MEMORY;
}

void comparer_destroy(comparer *c)
{
    size_t n = c->graph ? c->graph->n_nodes : 0;
    bl_free(c->allocator, c->place, n * sizeof *c->place);
    bl_free(c->allocator, c->links, n * sizeof *c->links);
    bl_free(c->allocator, c->queue, MAX_LINKS * sizeof *c->queue);
    bl_free(c->allocator, c->tables,
            (size_t)(MAX_TERMS + MAX_CONE) * MAX_WORDS * sizeof *c->tables);
    bl_free(c->allocator, c->sums, (size_t)64 * MAX_WORDS * sizeof *c->sums);
    *c = (comparer){0};
}

// -------------------------------------------------------------------------------- the cone

// place: 1 + index of a bit, or MAX_TERMS + 1 + index of a node of the cone.
static bool visit(comparison *x, comparer *c, uint32_t node, bool is_stop)
{
    if (c->place[node])
        return true;
    if (is_stop) {
        if (x->n == MAX_TERMS)
            return false;
        x->bits[x->n++] = node;
        c->place[node] = x->n;
        return true;
    }
    if (x->n_cone == MAX_CONE)
        return false;
    x->cone[x->n_cone++] = node;
    c->place[node] = MAX_TERMS + 1;
    return true;
}

// Both results of an adder are there. (A majority without the sum may be a step of a comparison.)
static bool is_result(const adder_list *l, uint32_t node)
{
    for (uint32_t i = l->first_of_carry[node]; i < l->first_of_carry[node + 1]; i++)
        if (l->adders[i].sum != BL_LIT_FALSE)
            return true;
    return l->first_of_sum[node] < l->first_of_sum[node + 1];
}

static bool collect(comparison *x, comparer *c, uint32_t root)
{
    bool is_ok = visit(x, c, root, c->is_stop[root] && is_result(c->adders, root));
    for (uint32_t i = 0; i < x->n_cone && is_ok; i++) {
        uint32_t a = bl_lit_node(c->graph->fanin0[x->cone[i]]);
        uint32_t b = bl_lit_node(c->graph->fanin1[x->cone[i]]);
        is_ok = visit(x, c, a, c->is_stop[a]) && visit(x, c, b, c->is_stop[b]);
    }
    c->n_steps += x->n_cone + x->n;
    return is_ok;
}

static void sort_rising(uint32_t *list, uint32_t n)
{
    for (uint32_t i = 1; i < n; i++) {
        uint32_t value = list[i], k = i;
        for (; k > 0 && list[k - 1] > value; k--)
            list[k] = list[k - 1];
        list[k] = value;
    }
}

// ----------------------------------------------------------------------------- the function

static uint32_t words_of(const comparison *x) { return x->n <= 6 ? 1 : 1u << (x->n - 6); }
static uint64_t *table_at(comparer *c, uint32_t place)
{
    return c->tables + (size_t)(place - 1) * MAX_WORDS;
}

static uint64_t *root_table(const comparison *x, comparer *c)
{
    return table_at(c, x->n_cone ? MAX_TERMS + x->n_cone : 1);
}

static void tabulate(const comparison *x, comparer *c)
{
    uint32_t n_words = words_of(x);
    for (uint32_t i = 0; i < x->n; i++) {
        uint64_t *t = table_at(c, 1 + i);
        for (uint32_t w = 0; w < n_words; w++)
            t[w] = i < 6 ? input_words[i] : w >> (i - 6) & 1 ? ~UINT64_C(0) : 0;
    }
    for (uint32_t i = 0; i < x->n_cone; i++) {
        c->place[x->cone[i]] = MAX_TERMS + 1 + i;
        bl_lit f0 = c->graph->fanin0[x->cone[i]], f1 = c->graph->fanin1[x->cone[i]];
        const uint64_t *a = table_at(c, c->place[bl_lit_node(f0)]);
        const uint64_t *b = table_at(c, c->place[bl_lit_node(f1)]);
        uint64_t *t = table_at(c, MAX_TERMS + 1 + i);
        uint64_t flip_a = f0 & 1 ? ~UINT64_C(0) : 0, flip_b = f1 & 1 ? ~UINT64_C(0) : 0;
        for (uint32_t w = 0; w < n_words; w++)
            t[w] = (a[w] ^ flip_a) & (b[w] ^ flip_b);
    }
}

// Whether the bit ever raises and ever lowers the function.
static void find_effect(bool *raises, bool *lowers, const uint64_t *t, uint32_t n_words,
                        uint32_t bit)
{
    uint64_t up = 0, down = 0;
    if (bit < 6) {
        for (uint32_t w = 0; w < n_words; w++) {
            uint64_t with = t[w] >> (1u << bit), mask = ~input_words[bit];
            up |= with & ~t[w] & mask;
            down |= ~with & t[w] & mask;
        }
    } else {
        uint32_t step = 1u << (bit - 6);
        for (uint32_t w = 0; w < n_words; w++)
            if (!(w & step)) {
                up |= t[w | step] & ~t[w];
                down |= ~t[w | step] & t[w];
            }
    }
    *raises = up != 0;
    *lowers = down != 0;
}

static bool orient(comparison *x, comparer *c)
{
    const uint64_t *t = root_table(x, c);
    for (uint32_t i = 0; i < x->n; i++) {
        bool raises, lowers;
        find_effect(&raises, &lowers, t, words_of(x), i);
        if (raises && lowers)
            return false;
        if (!raises && !lowers)
            continue;
        x->of_term[x->n_terms] = i;
        x->terms[x->n_terms++].lit = 2 * x->bits[i] + lowers;
    }
    return x->n_terms > 0;
}

// ------------------------------------------------------------------------------- the weights

// Groups of terms whose weights are known relative to each other: a small union-find.
typedef struct groups {
    uint32_t parent[MAX_TERMS];
    int offset[MAX_TERMS]; // exponent of the group in its parent's scale
    uint32_t n;
    uint32_t n_queued;
} groups;

static uint32_t find_group(const groups *s, uint32_t g, int *offset)
{
    *offset = 0;
    while (s->parent[g] != g) {
        *offset += s->offset[g];
        g = s->parent[g];
    }
    return g;
}

// A node has been reached from a group at an exponent, maybe not for the first time.
static void reach(groups *s, comparer *c, uint32_t node, uint32_t group, int exponent)
{
    link *l = &c->links[node];
    if (l->stamp != c->stamp) {
        if (s->n_queued < MAX_LINKS) {
            *l = (link){c->stamp, (uint16_t)group, (int16_t)exponent};
            c->queue[s->n_queued++] = node;
        }
        return;
    }
    int offset_a, offset_b;
    uint32_t a = find_group(s, l->group, &offset_a), b = find_group(s, group, &offset_b);
    if (a == b)
        return;
    s->parent[b] = a;
    s->offset[b] = l->exponent + offset_a - exponent - offset_b;
    s->n--;
}

static void reach_adder(groups *s, comparer *c, const adder *a, uint32_t group, int sum_exponent)
{
    reach(s, c, a->carry, group, sum_exponent + 1);
    if (a->sum != BL_LIT_FALSE)
        reach(s, c, bl_lit_node(a->sum), group, sum_exponent);
    for (uint32_t k = 0; k < (is_half(a) ? 2 : 3); k++)
        reach(s, c, bl_lit_node(a->in[k]), group, sum_exponent);
}

static void reach_down(groups *s, comparer *c, uint32_t node)
{
    const adder_list *l = c->adders;
    const link from = c->links[node];
    for (uint32_t i = l->first_of_carry[node]; i < l->first_of_carry[node + 1]; i++)
        reach_adder(s, c, &l->adders[i], from.group, from.exponent - 1);
    for (uint32_t i = l->first_of_sum[node]; i < l->first_of_sum[node + 1]; i++)
        reach_adder(s, c, &l->adders[l->of_sum[i]], from.group, from.exponent);
}

// Bits that no adder links to the others weigh as little as the lightest of them.
static bool set_exponents(comparison *x, const groups *s)
{
    uint32_t n_members[MAX_TERMS] = {0}, largest = 0;
    int offset, low = INT32_MAX, high = INT32_MIN;
    for (uint32_t i = 0; i < x->n_terms; i++)
        n_members[find_group(s, i, &offset)]++;
    for (uint32_t i = 1; i < x->n_terms; i++)
        largest = n_members[i] > n_members[largest] ? i : largest;
    for (uint32_t i = 0; i < x->n_terms; i++)
        if (find_group(s, i, &offset) == largest) {
            low = offset < low ? offset : low;
            high = offset > high ? offset : high;
        }
    for (uint32_t i = 0; i < x->n_terms; i++) {
        bool is_linked = find_group(s, i, &offset) == largest;
        x->terms[i].exponent = is_linked ? offset : low;
    }
    return high - low < MAX_RANGE;
}

static bool weigh(comparison *x, comparer *c)
{
    groups s = {.n = x->n_terms};
    c->stamp++;
    for (uint32_t i = 0; i < x->n_terms; i++) {
        s.parent[i] = i;
        reach(&s, c, bl_lit_node(x->terms[i].lit), i, 0);
    }
    for (uint32_t i = 0; i < s.n_queued && s.n > 1; i++) {
        reach_down(&s, c, c->queue[i]);
        c->n_steps++;
    }
    return set_exponents(x, &s);
}

bool comparison_find(comparison *x, comparer *c, uint32_t root)
{
    *x = (comparison){.n = 0};
    bool is_ok = collect(x, c, root);
    if (is_ok) {
        sort_rising(x->cone, x->n_cone);
        tabulate(x, c);
        is_ok = orient(x, c) && weigh(x, c);
    }
    for (uint32_t i = 0; i < x->n; i++)
        c->place[x->bits[i]] = 0;
    for (uint32_t i = 0; i < x->n_cone; i++)
        c->place[x->cone[i]] = 0;
    return is_ok;
}

// ----------------------------------------------------------------------------- the threshold

// The sum of the terms for each assignment of the bits: what is there without any bit, and what
// each bit adds.
static bool find_sums(const comparison *x, comparer *c, int exponent)
{
    int64_t steps[MAX_TERMS] = {0}, base = 0;
    for (uint32_t i = 0; i < x->n_terms; i++) {
        int e = x->terms[i].exponent - exponent;
        if (e < 0 || e > MAX_RANGE)
            return false;
        int64_t weight = INT64_C(1) << e;
        bool is_complemented = bl_lit_is_complemented(x->terms[i].lit);
        base += is_complemented ? weight : 0;
        steps[x->of_term[i]] = is_complemented ? -weight : weight;
    }
    c->sums[0] = base;
    for (uint32_t a = 1; a < 1u << x->n; a++)
        c->sums[a] = c->sums[a & (a - 1)] + steps[__builtin_ctz(a)];
    return true;
}

bool comparison_threshold(int64_t *threshold, const comparison *x, comparer *c,
                          const unfolding *sum)
{
    const uint64_t *t = root_table(x, c);
    if (!find_sums(x, c, sum->exponent))
        return false;
    int64_t least = sum->constant - sum->slack, most = sum->constant + sum->n;
    int64_t highest_false = least - 1, lowest_true = most + 1;
    for (uint32_t a = 0; a < 1u << x->n; a++) {
        int64_t s = c->sums[a];
        if (s < least || s > most)
            continue;
        if (t[a >> 6] >> (a & 63) & 1)
            lowest_true = s < lowest_true ? s : lowest_true;
        else
            highest_false = s > highest_false ? s : highest_false;
    }
    c->n_steps += (1u << x->n) / 16;
    *threshold = lowest_true - sum->constant;
    return highest_false + sum->slack < lowest_true;
}
