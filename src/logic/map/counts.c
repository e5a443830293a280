// SPDX-License-Identifier: MIT
// Finds counts against a threshold in three steps, each of which leaves nothing to belief:
//
//     comparison   the function of a node over few results of adders is tabulated
//     unfolding    their weighted sum becomes a sum of literals, adder by adder: an identity
//     threshold    the table is true just where the sum reaches it, for all assignments
//
// and a run of 512 random assignments through what is replaced compares the outcome with it. Then
// those stay that pay: whose trees vanish, alone or shared by few.

#include "logic/map/counts.h"

#include "logic/map/comparison.h"
#include "logic/map/tree.h"

#include "base/try.h"

#include <assert.h>
#include <string.h>

enum {
    IS_STOP = 1,    // no AND, or a result or operand of an adder
    IS_OPERAND = 2, // of an adder
    IS_RESULT = 4,  // of one
    IS_CARRY = 8,
    IS_COVERED = 16,          // within a comparison that was found
    IS_USED = 32,             // by a port or by an AND that is no stop
    MAX_SIZE = 3 * MAX_TERMS, // bits below a node, counted once for each path
    N_ROUNDS = 4,
    ANDS_TO_PAY = 3, // that vanish, for each literal; a full adder has 7 or more
};

typedef struct search {
    const bl_graph *g;
    adder_list adders;
    uint32_t *readers; // of each node that is needed
    uint8_t *marks, *is_stop;
    uint8_t *sizes; // of each AND that is no result of an adder: bits below it
    unfolder unfolder;
    comparer comparer;
    tree tree;
    count_list *list;
    uint64_t max_steps;
} search;

static void count_readers(search *s)
{
    const bl_graph *g = s->g;
    for (uint32_t i = 0; i < g->n_outputs; i++)
        s->readers[bl_lit_node(g->outputs[i].lit)]++;
    for (uint32_t i = 0; i < g->n_latches; i++)
        s->readers[bl_lit_node(g->latches[i].next)]++;
    for (uint32_t id = g->n_nodes; id-- > 1;) {
        if (s->readers[id] == 0 || g->fanin0[id] >= BL_NODE_LATCH)
            continue;
        s->readers[bl_lit_node(g->fanin0[id])]++;
        s->readers[bl_lit_node(g->fanin1[id])]++;
    }
}

static void mark_nodes(search *s)
{
    for (uint32_t id = 0; id < s->g->n_nodes; id++)
        s->marks[id] = id == 0 || s->g->fanin0[id] >= BL_NODE_LATCH ? IS_STOP : 0;
    for (uint32_t i = 0; i < s->adders.n; i++) {
        const adder *a = &s->adders.adders[i];
        s->marks[a->carry] |= IS_STOP;
        if (a->sum == BL_LIT_FALSE)
            continue; // perhaps a step of a comparison
        s->marks[a->carry] |= IS_RESULT | IS_CARRY;
        s->marks[bl_lit_node(a->sum)] |= IS_STOP | IS_RESULT;
        for (uint32_t k = 0; k < (is_half(a) ? 2 : 3); k++)
            s->marks[bl_lit_node(a->in[k])] |= IS_STOP | IS_OPERAND;
    }
    for (uint32_t id = 0; id < s->g->n_nodes; id++) {
        s->is_stop[id] = s->marks[id] & IS_STOP;
        if (s->is_stop[id] || s->readers[id] == 0)
            continue;
        s->marks[bl_lit_node(s->g->fanin0[id])] |= IS_USED;
        s->marks[bl_lit_node(s->g->fanin1[id])] |= IS_USED;
    }
    for (uint32_t i = 0; i < s->g->n_outputs; i++)
        s->marks[bl_lit_node(s->g->outputs[i].lit)] |= IS_USED;
    for (uint32_t i = 0; i < s->g->n_latches; i++)
        s->marks[bl_lit_node(s->g->latches[i].next)] |= IS_USED;
}

// How many bits the cone of a node has, at most; 0 where none is the result of an adder.
static void find_sizes(search *s)
{
    for (uint32_t id = 1; id < s->g->n_nodes; id++) {
        if (s->g->fanin0[id] >= BL_NODE_LATCH || (s->marks[id] & IS_RESULT))
            continue;
        uint32_t size = 0;
        bool has_result = false;
        const uint32_t fanins[2] = {bl_lit_node(s->g->fanin0[id]), bl_lit_node(s->g->fanin1[id])};
        for (int k = 0; k < 2; k++) {
            uint32_t own = s->is_stop[fanins[k]] ? 0 : s->sizes[fanins[k]];
            bool is_result = s->marks[fanins[k]] & IS_RESULT;
            has_result |= is_result || own > 0;
            size += own > 0 ? own : 1;
        }
        s->sizes[id] = (uint8_t)(!has_result ? 0 : size > MAX_SIZE ? MAX_SIZE + 1 : size);
    }
}

static bool may_compare(const search *s, uint32_t id)
{
    if (s->readers[id] == 0 || (s->marks[id] & IS_COVERED) || s->g->fanin0[id] >= BL_NODE_LATCH)
        return false;
    if (s->marks[id] & IS_RESULT)
        return (s->marks[id] & (IS_CARRY | IS_OPERAND | IS_USED)) == (IS_CARRY | IS_USED);
    return s->sizes[id] > 0 && s->sizes[id] <= MAX_SIZE;
}

// ----------------------------------------------------------------------------- one candidate

static bl_status append_literals(count_list *l, const bl_lit *literals, uint32_t n)
{
    if (l->n_literals + n > l->literal_capacity) {
        size_t wish = (l->n_literals + n) * 3 / 2;
        bl_lit *p =
            bl_resize(l->allocator, l->literals, l->literal_capacity * sizeof *p, wish * sizeof *p);
        if (!p)
            return BL_ERR_MEMORY;
        l->literals = p;
        l->literal_capacity = wish;
    }
    memcpy(l->literals + l->n_literals, literals, n * sizeof *literals);
    l->n_literals += n;
    return BL_OK;
}

static bl_status append_count(count_list *l, const count *x, const bl_lit *literals)
{
    if (l->n == l->capacity) {
        size_t wish = l->capacity * 3 / 2 + 64;
        count *p = bl_resize(l->allocator, l->counts, l->capacity * sizeof *p, wish * sizeof *p);
        if (!p)
            return BL_ERR_MEMORY;
        l->counts = p;
        l->capacity = wish;
    }
    size_t first = l->n_literals;
    TRY(append_literals(l, literals, x->n));
    l->counts[l->n] = *x;
    l->counts[l->n++].first = first;
    return BL_OK;
}

static bl_status try_root(search *s, uint32_t root)
{
    comparison x;
    unfolding sum;
    int64_t threshold;
    if (!comparison_find(&x, &s->comparer, root) || !unfold(&sum, &s->unfolder, x.terms, x.n_terms)
        || sum.n < MIN_COUNT || sum.n > MAX_COUNT_LITERALS
        || !comparison_threshold(&threshold, &x, &s->comparer, &sum)
        || !tree_collect(&s->tree, root, sum.literals, sum.n))
        return BL_OK;
    bl_status status = tree_check(&s->tree, root, sum.literals, sum.n, threshold);
    if (status != BL_OK)
        return status == BL_ERR_ARGUMENT ? BL_OK : status;
    for (uint32_t i = 0; i < x.n_cone; i++)
        s->marks[x.cone[i]] |= IS_COVERED;
    count found = {.root = root, .n = sum.n, .threshold = threshold};
    return append_count(s->list, &found, sum.literals);
}

static bl_status try_all(search *s)
{
    for (uint32_t id = s->g->n_nodes; id-- > 1;) {
        if (!may_compare(s, id))
            continue;
        if (s->comparer.n_steps + s->unfolder.n_steps + s->tree.n_steps > s->max_steps)
            break;
        TRY(try_root(s, id));
    }
    count *c = s->list->counts;
    for (uint32_t i = 0, k = s->list->n; i + 1 < k; i++) { // roots rise from now on
        count t = c[i];
        c[i] = c[--k];
        c[k] = t;
    }
    return BL_OK;
}

// ------------------------------------------------------------------------- those that pay

// Nodes that are still needed where counts take the places of their roots.
static void mark_needed(uint8_t *is_needed, const search *s)
{
    const bl_graph *g = s->g;
    memset(is_needed, 0, g->n_nodes);
    for (uint32_t i = 0; i < g->n_outputs; i++)
        is_needed[bl_lit_node(g->outputs[i].lit)] = 1;
    for (uint32_t i = 0; i < g->n_latches; i++)
        is_needed[bl_lit_node(g->latches[i].next)] = 1;
    uint32_t k = s->list->n;
    for (uint32_t id = g->n_nodes; id-- > 1;) {
        while (k > 0 && s->list->counts[k - 1].root > id)
            k--;
        if (!is_needed[id] || g->fanin0[id] >= BL_NODE_LATCH)
            continue;
        const count *c =
            k > 0 && s->list->counts[k - 1].root == id ? &s->list->counts[k - 1] : NULL;
        for (uint32_t i = 0; c && i < c->n; i++)
            is_needed[bl_lit_node(s->list->literals[c->first + i])] = 1;
        if (!c)
            is_needed[bl_lit_node(g->fanin0[id])] = is_needed[bl_lit_node(g->fanin1[id])] = 1;
    }
}

static const bl_lit *literals_of(const search *s, const count *c)
{
    return s->list->literals + c->first;
}

// ANDs that a count makes superfluous; those that several do belong to each in part.
static double gain_of(search *s, const count *c, const uint8_t *is_needed, const uint8_t *n_sharers)
{
    double gain = 0;
    (void)tree_collect(&s->tree, c->root, literals_of(s, c), c->n);
    for (uint32_t i = s->tree.n_leaves; i < s->tree.n; i++) {
        uint32_t id = s->tree.nodes[i];
        if ((!is_needed[id] || id == c->root) && n_sharers[id] > 0)
            gain += 1.0 / n_sharers[id];
    }
    return gain;
}

// Takes out counts that do not pay; whether there were any.
static bool drop_some(search *s, uint8_t *is_needed, uint8_t *n_sharers)
{
    count_list *l = s->list;
    mark_needed(is_needed, s);
    memset(n_sharers, 0, s->g->n_nodes);
    for (uint32_t i = 0; i < l->n; i++) {
        if (!is_needed[l->counts[i].root])
            continue;
        (void)tree_collect(&s->tree, l->counts[i].root, literals_of(s, &l->counts[i]),
                           l->counts[i].n);
        for (uint32_t k = s->tree.n_leaves; k < s->tree.n; k++)
            if (n_sharers[s->tree.nodes[k]] < UINT8_MAX)
                n_sharers[s->tree.nodes[k]]++;
    }
    uint32_t n_kept = 0;
    for (uint32_t i = 0; i < l->n; i++)
        if (is_needed[l->counts[i].root]
            && gain_of(s, &l->counts[i], is_needed, n_sharers)
                   >= (double)ANDS_TO_PAY * l->counts[i].n)
            l->counts[n_kept++] = l->counts[i];
    bool is_change = n_kept < l->n;
    l->n = n_kept;
    return is_change;
}

static bl_status keep_paying(search *s)
{
    size_t n = s->g->n_nodes;
    uint8_t *is_needed = bl_alloc(s->list->allocator, n),
            *n_sharers = bl_alloc(s->list->allocator, n);
    bl_status status = is_needed && n_sharers ? BL_OK : BL_ERR_MEMORY;
    for (int round = 0; round < N_ROUNDS && status == BL_OK && s->list->n > 0; round++)
        if (!drop_some(s, is_needed, n_sharers))
            break;
    bl_free(s->list->allocator, is_needed, n);
    bl_free(s->list->allocator, n_sharers, n);
    return status;
}

static bl_status create_tools(search *s, const bl_allocator *allocator)
{
    TRY(unfolder_create(&s->unfolder, s->g, &s->adders, allocator));
    TRY(comparer_create(&s->comparer, s->g, &s->adders, s->is_stop, allocator));
    return tree_create(&s->tree, s->g, allocator);
}

static bl_status find(search *s, const bl_allocator *allocator)
{
    mark_nodes(s);
    find_sizes(s);
    s->max_steps = 64 * (uint64_t)s->g->n_nodes + (1 << 20);
    bl_status status = create_tools(s, allocator);
    if (status == BL_OK)
        status = try_all(s);
    if (status == BL_OK)
        status = keep_paying(s);
    unfolder_destroy(&s->unfolder);
    comparer_destroy(&s->comparer);
    tree_destroy(&s->tree);
    return status;
}

bl_status counts_find(count_list *list, const bl_graph *g, const bl_allocator *allocator)
{
    assert(list && g && g->status == BL_OK);
    *list = (count_list){.allocator = allocator};
    search s = {.g = g, .list = list};
    size_t n = g->n_nodes;
    s.readers = bl_alloc_array(allocator, n, sizeof *s.readers);
    s.marks = bl_alloc(allocator, n);
    s.is_stop = bl_alloc(allocator, n);
    s.sizes = bl_alloc(allocator, n);
    bl_status status = BL_ERR_MEMORY;
    if (s.readers && s.marks && s.is_stop && s.sizes) {
        count_readers(&s);
        status = adders_find(&s.adders, g, s.readers, allocator);
        if (status == BL_OK)
            status = find(&s, allocator);
    }
    bl_free(allocator, s.readers, n * sizeof *s.readers);
    bl_free(allocator, s.marks, n);
    bl_free(allocator, s.is_stop, n);
    bl_free(allocator, s.sizes, n);
    adders_destroy(&s.adders);
    if (status != BL_OK)
        counts_destroy(list);
    return status;
}

void counts_destroy(count_list *l)
{
    bl_free(l->allocator, l->counts, l->capacity * sizeof *l->counts);
    bl_free(l->allocator, l->literals, l->literal_capacity * sizeof *l->literals);
    *l = (count_list){0};
}
