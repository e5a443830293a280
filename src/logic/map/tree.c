// SPDX-License-Identifier: MIT
// What a count replaces, walked from the root down to the literals that it counts, and run on 512
// random assignments. Each group of 64 lanes has its own share of true literals, around the one at
// which the threshold is met.

#include "logic/map/tree.h"

#include <string.h>

enum { MAX_BITS = 17, WORDS = BL_LANES / 64, SHARES = 32 };

bl_status tree_create(tree *t, const bl_graph *g, const bl_allocator *allocator)
{
    *t = (tree){.graph = g, .allocator = allocator};
    bl_random_seed(&t->random, 1);
    t->place = bl_alloc_array(allocator, g->n_nodes, sizeof *t->place);
    t->nodes = bl_alloc_array(allocator, g->n_nodes, sizeof *t->nodes);
    t->stack = bl_alloc_array(allocator, 2 * (size_t)g->n_nodes, sizeof *t->stack);
    if (t->place && t->nodes && t->stack)
        return BL_OK;
    tree_destroy(t);
    return BL_ERR_MEMORY;
}

void tree_destroy(tree *t)
{
    size_t n = t->graph ? t->graph->n_nodes : 0;
    bl_free(t->allocator, t->place, n * sizeof *t->place);
    bl_free(t->allocator, t->nodes, n * sizeof *t->nodes);
    bl_free(t->allocator, t->stack, 2 * n * sizeof *t->stack);
    bl_free(t->allocator, t->planes, t->n_planes * sizeof *t->planes);
    *t = (tree){0};
}

static void add_node(tree *t, uint32_t node)
{
    t->nodes[t->n++] = node;
    t->place[node] = t->n;
}

static bool is_and(const tree *t, uint32_t node)
{
    return node > 0 && t->graph->fanin0[node] < BL_NODE_LATCH;
}

// Depth first; a node is on the stack until both fanins have a place.
static bool walk(tree *t, uint32_t root)
{
    size_t depth = 0;
    t->stack[depth++] = root;
    while (depth > 0) {
        uint32_t node = t->stack[depth - 1];
        uint32_t a = bl_lit_node(t->graph->fanin0[node]), b = bl_lit_node(t->graph->fanin1[node]);
        if (t->place[node] == 0 && t->place[a] && t->place[b])
            add_node(t, node);
        if (t->place[node]) {
            depth--;
            continue;
        }
        uint32_t missing = t->place[a] ? b : a;
        if (!is_and(t, missing))
            return false;
        t->stack[depth++] = missing;
    }
    return true;
}

bool tree_collect(tree *t, uint32_t root, const bl_lit *literals, uint32_t n)
{
    t->n = 0;
    for (uint32_t i = 0; i < n; i++)
        if (!t->place[bl_lit_node(literals[i])])
            add_node(t, bl_lit_node(literals[i]));
    t->n_leaves = t->n;
    bool is_ok = !t->place[root] && is_and(t, root) && walk(t, root);
    t->n_steps += t->n;
    for (uint32_t i = 0; i < t->n; i++)
        t->place[t->nodes[i]] = 0;
    return is_ok;
}

// Each bit is true with a probability of share / SHARES: a comparison of random numbers, from the
// lowest bit on.
static uint64_t random_word(bl_random *random, uint32_t share)
{
    uint64_t word = 0;
    if (share >= SHARES)
        return ~UINT64_C(0);
    for (uint32_t bit = 1; bit < SHARES; bit *= 2)
        word = share & bit ? word | bl_random_next(random) : word & bl_random_next(random);
    return word;
}

static uint32_t share_of(uint32_t word, uint32_t n, int64_t threshold)
{
    static const int offsets[WORDS] = {0, 0, 0, 1, -1, 2, -2, 0};
    int64_t share = (threshold * SHARES + n / 2) / n + offsets[word];
    return word == WORDS - 1    ? SHARES / 2
           : share < 1          ? 1
           : share > SHARES - 1 ? SHARES - 1
                                : (uint32_t)share;
}

// Leaves at random, each such that the literal that counts it is true as often as wanted.
static void fill_leaves(tree *t, const bl_lit *literals, uint32_t n, int64_t threshold)
{
    uint32_t shares[WORDS];
    for (uint32_t w = 0; w < WORDS; w++)
        shares[w] = share_of(w, n, threshold);
    for (uint32_t i = 0; i < n; i++) {
        bl_plane *x = &t->planes[t->place[bl_lit_node(literals[i])] - 1];
        uint64_t flip = literals[i] & 1 ? ~UINT64_C(0) : 0;
        for (uint32_t w = 0; w < WORDS; w++)
            x->word[w] = random_word(&t->random, shares[w]) ^ flip;
    }
}

static void run(tree *t)
{
    for (uint32_t i = t->n_leaves; i < t->n; i++) {
        bl_lit f0 = t->graph->fanin0[t->nodes[i]], f1 = t->graph->fanin1[t->nodes[i]];
        const bl_plane *a = &t->planes[t->place[bl_lit_node(f0)] - 1];
        const bl_plane *b = &t->planes[t->place[bl_lit_node(f1)] - 1];
        uint64_t flip_a = f0 & 1 ? ~UINT64_C(0) : 0, flip_b = f1 & 1 ? ~UINT64_C(0) : 0;
        for (uint32_t w = 0; w < WORDS; w++)
            t->planes[i].word[w] = (a->word[w] ^ flip_a) & (b->word[w] ^ flip_b);
    }
}

// Lanes in which at least `threshold` literals are true: counted in planes, compared from the
// lowest one on.
static bl_plane count_lanes(const tree *t, const bl_lit *literals, uint32_t n, int64_t threshold)
{
    bl_plane result = {{0}};
    for (uint32_t w = 0; w < WORDS; w++) {
        uint64_t sum[MAX_BITS] = {0}, greater = 0;
        for (uint32_t i = 0; i < n; i++) {
            uint64_t carry = t->planes[t->place[bl_lit_node(literals[i])] - 1].word[w];
            carry ^= literals[i] & 1 ? ~UINT64_C(0) : 0;
            for (uint32_t k = 0; carry; k++) {
                uint64_t next = sum[k] & carry;
                sum[k] ^= carry;
                carry = next;
            }
        }
        for (uint32_t k = 0; k < MAX_BITS; k++)
            greater = (threshold - 1) >> k & 1 ? sum[k] & greater : sum[k] | greater;
        result.word[w] = threshold <= 0 ? ~UINT64_C(0) : threshold > n ? 0 : greater;
    }
    return result;
}

static bool make_planes(tree *t)
{
    if (t->n <= t->n_planes)
        return true;
    size_t wish = t->n + t->n / 2;
    bl_plane *p = bl_resize(t->allocator, t->planes, t->n_planes * sizeof *p, wish * sizeof *p);
    if (!p)
        return false;
    t->planes = p;
    t->n_planes = wish;
    return true;
}

bl_status tree_check(tree *t, uint32_t root, const bl_lit *literals, uint32_t n, int64_t threshold)
{
    if (!make_planes(t))
        return BL_ERR_MEMORY;
    for (uint32_t i = 0; i < t->n; i++)
        t->place[t->nodes[i]] = i + 1;
    t->n_steps += 4 * (uint64_t)t->n + 8 * (uint64_t)n;
    fill_leaves(t, literals, n, threshold);
    run(t);
    bl_plane expected = count_lanes(t, literals, n, threshold);
    bool is_right = memcmp(&expected, &t->planes[t->place[root] - 1], sizeof expected) == 0;
    for (uint32_t i = 0; i < t->n; i++)
        t->place[t->nodes[i]] = 0;
    return is_right ? BL_OK : BL_ERR_ARGUMENT;
}
