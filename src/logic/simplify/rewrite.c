// SPDX-License-Identifier: MIT
// Rewriting: small cones over four leaves become the best known gates for their function.
//
// The cuts of a gate are found when it is looked at: its fanins, then each cut with a leaf replaced
// by the fanins of that leaf, as long as there are at most four leaves. No cut is stored, so none
// is ever out of date, and a million gates need no more memory than one. Every way of functions.h
// to make the function at the top is tried in the network itself, where gates that exist are free
// (Mishchenko, Chatterjee, Brayton, "DAG-aware AIG rewriting", 2006).

#include "functions.h"
#include "passes.h"
#include "trial.h"

#include "base/try.h"

#include <assert.h>
#include <string.h>

enum { N_LEAVES = 4, MAX_CUTS = 20, MAX_CONE = 24, TIME_CHECK = 64 };

typedef struct cut {
    uint32_t leaf[N_LEAVES], n; // rising
} cut;

typedef struct rewriter {
    network *net;
    const functions *functions;
    bool allows_neutral;
    uint32_t first_way;
    cut cuts[MAX_CUTS];
    uint32_t n_cuts;
    uint32_t cone[MAX_CONE]; // of one cut, leaves first
    uint16_t table[MAX_CONE];
    uint32_t n_cone;
} rewriter;

static bool add_leaf(cut *c, uint32_t id)
{
    uint32_t at = 0;
    while (at < c->n && c->leaf[at] < id)
        at++;
    if (at < c->n && c->leaf[at] == id)
        return true;
    if (c->n == N_LEAVES)
        return false;
    memmove(&c->leaf[at + 1], &c->leaf[at], (c->n - at) * sizeof id);
    c->leaf[at] = id;
    c->n++;
    return true;
}

static void keep_cut(rewriter *r, const cut *c)
{
    for (uint32_t i = 0; i < r->n_cuts; i++)
        if (r->cuts[i].n == c->n && memcmp(r->cuts[i].leaf, c->leaf, c->n * sizeof *c->leaf) == 0)
            return;
    if (r->n_cuts < MAX_CUTS)
        r->cuts[r->n_cuts++] = *c;
}

static void open_leaf(rewriter *r, const cut *c, uint32_t which)
{
    const gate *g = &r->net->gates[c->leaf[which]];
    cut next = {0};
    for (uint32_t i = 0; i < c->n; i++)
        if (i != which)
            add_leaf(&next, c->leaf[i]);
    for (uint32_t k = 0; k < g->n_fanins; k++)
        if (!add_leaf(&next, g->fanin[k]))
            return;
    keep_cut(r, &next);
}

static void find_cuts(rewriter *r, uint32_t root)
{
    const gate *g = &r->net->gates[root];
    cut first = {0};
    r->n_cuts = 0;
    for (uint32_t k = 0; k < g->n_fanins; k++)
        add_leaf(&first, g->fanin[k]);
    keep_cut(r, &first);
    for (uint32_t i = 0; i < r->n_cuts; i++) {
        cut c = r->cuts[i];
        for (uint32_t k = 0; k < c.n; k++)
            if (network_is_gate(r->net, c.leaf[k]))
                open_leaf(r, &c, k);
    }
}

static bool find_in_cone(const rewriter *r, uint32_t id, uint16_t *table)
{
    for (uint32_t i = 0; i < r->n_cone; i++)
        if (r->cone[i] == id) {
            *table = r->table[i];
            return true;
        }
    return false;
}

static bool add_to_cone(rewriter *r, uint32_t id, uint16_t table)
{
    if (r->n_cone == MAX_CONE)
        return false;
    r->cone[r->n_cone] = id;
    r->table[r->n_cone++] = table;
    return true;
}

// Every path down from the root meets a leaf, so the recursion is no deeper than the cone is large.
static bool find_table(uint16_t *table, rewriter *r, uint32_t id)
{
    if (find_in_cone(r, id, table))
        return true;
    assert(network_is_gate(r->net, id));
    const gate *g = &r->net->gates[id];
    uint16_t a, b;
    if (!find_table(&a, r, g->fanin[0]) || !find_table(&b, r, g->fanin[1]))
        return false;
    uint32_t t = 0;
    for (uint32_t row = 0; row < 4; row++)
        if (g->table >> row & 1)
            t |= (uint32_t)(row & 1 ? a : ~a) & (row & 2 ? b : ~b);
    *table = (uint16_t)t;
    return add_to_cone(r, id, *table);
}

static bool cut_table(uint16_t *table, rewriter *r, const cut *c, uint32_t root)
{
    static const uint16_t inputs[N_LEAVES] = {0xAAAA, 0xCCCC, 0xF0F0, 0xFF00};
    r->n_cone = 0;
    for (uint32_t i = 0; i < c->n; i++)
        add_to_cone(r, c->leaf[i], inputs[i]);
    return find_table(table, r, root);
}

static bl_lit input_lit(const cut *c, uint16_t table)
{
    switch (table) {
    case 0xAAAA: return 2 * c->leaf[0];
    case 0xCCCC: return 2 * c->leaf[1];
    case 0xF0F0: return 2 * c->leaf[2];
    case 0xFF00: return 2 * c->leaf[3];
    default: return BL_LIT_FALSE;
    }
}

static bl_lit build(trial *t, const rewriter *r, const cut *c, uint16_t table, uint32_t which)
{
    uint16_t normal = table & 1 ? (uint16_t)~table : table;
    uint32_t n_ways = r->functions->n_ways[normal / 2];
    bl_lit lit;
    if (n_ways == 0) {
        lit = input_lit(c, normal);
    } else {
        const way *w = &r->functions->ways[normal / 2][which % n_ways];
        bl_lit left = build(t, r, c, w->left, r->first_way);
        lit = trial_gate(t, w->table, left, build(t, r, c, w->right, r->first_way));
    }
    return bl_lit_not_if(lit, table & 1);
}

static bool rewrite_cut(rewriter *r, const cut *c, uint32_t root)
{
    uint16_t table;
    if (!cut_table(&table, r, c, root))
        return false;
    uint16_t normal = table & 1 ? (uint16_t)~table : table;
    uint32_t n_ways = r->functions->n_ways[normal / 2];
    for (uint32_t i = 0; i < (n_ways ? n_ways : 1); i++) {
        trial t = trial_begin(r->net, root, r->allows_neutral);
        if (trial_end(&t, build(&t, r, c, table, i + r->first_way)))
            return true;
    }
    return false;
}

static void rewrite_all(rewriter *r, const deadline *d)
{
    network *net = r->net;
    uint32_t n = net->n;
    for (uint32_t id = net->n_sources + 1; id < n && net->status == BL_OK; id++) {
        if (id % TIME_CHECK == 0 && deadline_is_over(d))
            return;
        if (!network_is_gate(net, id))
            continue;
        find_cuts(r, id);
        for (uint32_t i = 0; i < r->n_cuts; i++)
            if (rewrite_cut(r, &r->cuts[i], id))
                break;
    }
}

bl_status graph_rewrite(bl_graph **result, const bl_graph *g, bool allows_neutral, uint32_t salt,
                        const deadline *d, const bl_allocator *allocator)
{
    network net, tidy;
    functions *f;
    TRY(functions_create(&f, allocator));
    bl_status status = network_from_graph(&net, g, allocator);
    if (status == BL_OK) {
        rewriter r = {.net = &net,
                      .functions = f,
                      .allows_neutral = allows_neutral,
                      .first_way = salt % N_WAYS};
        rewrite_all(&r, d);
        status = net.status == BL_OK ? network_copy(&tidy, &net) : net.status;
        network_destroy(&net);
    }
    functions_destroy(&f, allocator);
    if (status != BL_OK)
        return status;
    status = graph_from_network(result, &tidy, g, allocator);
    network_destroy(&tidy);
    return status;
}
