// SPDX-License-Identifier: MIT
// Covers a graph with few LUT3s: cuts of at most three leaves, chosen by area flow.
//
// A cut of a node is a set of nodes that decides it. The cuts of an AND are the unions of a cut of
// each fanin that have at most three leaves, and the node itself. Area flow (Mishchenko et al.,
// "Improvements to technology mapping for LUT-based FPGAs", 2007) is what a cut costs when each
// leaf shares its cost among its readers:
//
//     flow(node) = (1 + sum of flow(leaf)) / readers(node)           over the node's best cut
//
// Who reads what is guessed from the graph first and then known from the cover before: three
// rounds. A full adder, 14 ANDs, becomes two LUT3s: sum and carry both have the cut {a, b, c}.

#include "cover.h"

#include <assert.h>
#include <string.h>

enum { MAX_CUTS = 8, N_ROUNDS = 3, NO_LEAF = 0 }; // node 0 is no leaf: constants fold away

// Unused leaves are NO_LEAF and come last; the others rise. Bit i of the row of `table` is leaf i.
typedef struct cut {
    uint32_t leaf[3];
    uint8_t n, table;
} cut;

typedef struct node_cuts {
    cut cuts[MAX_CUTS]; // the best first; the cut {node} is understood
    uint32_t n;
} node_cuts;

typedef struct coverer {
    const bl_graph *g;
    node_cuts *cuts;   // of each node
    double *flow;      // of each node
    uint32_t *readers; // of each node
} coverer;

static bool is_and(const bl_graph *g, uint32_t id)
{
    return id > 0 && g->fanin0[id] < BL_NODE_LATCH;
}

// The union of the leaves; false for more than three.
static bool unite(cut *result, const cut *x, const cut *y)
{
    uint32_t i = 0, k = 0, n = 0;
    while (i < x->n || k < y->n) {
        if (n == 3)
            return false;
        bool takes_x = k == y->n || (i < x->n && x->leaf[i] <= y->leaf[k]);
        uint32_t leaf = takes_x ? x->leaf[i] : y->leaf[k];
        i += i < x->n && x->leaf[i] == leaf;
        k += k < y->n && y->leaf[k] == leaf;
        result->leaf[n++] = leaf;
    }
    result->n = (uint8_t)n;
    return true;
}

// The table of `from` over the leaves of `to`, which contain its own.
static uint8_t stretch(const cut *from, const cut *to)
{
    uint8_t table = 0;
    for (uint32_t row = 0; row < 8; row++) {
        uint32_t old = 0;
        for (uint32_t i = 0, k = 0; i < from->n; i++) {
            while (k < 2 && to->leaf[k] != from->leaf[i])
                k++;
            old |= (row >> k & 1) << i;
        }
        table |= (uint8_t)((from->table >> old & 1) << row);
    }
    return table;
}

static cut trivial_cut(uint32_t id) { return (cut){.leaf = {id}, .n = 1, .table = 0xAA}; }

static double cost_of(const coverer *c, const cut *x)
{
    double cost = 1;
    for (uint32_t i = 0; i < x->n; i++)
        cost += c->flow[x->leaf[i]];
    return cost;
}

static bool is_same_cut(const cut *x, const cut *y)
{
    return x->n == y->n && memcmp(x->leaf, y->leaf, x->n * sizeof *x->leaf) == 0;
}

// Keeps the list sorted by cost, then by the number of leaves; the dearest falls out.
static void keep_cut(const coverer *c, node_cuts *list, double *costs, const cut *x)
{
    double cost = cost_of(c, x);
    for (uint32_t i = 0; i < list->n; i++)
        if (is_same_cut(&list->cuts[i], x))
            return;
    uint32_t at = list->n;
    while (at > 0
           && (costs[at - 1] > cost || (costs[at - 1] == cost && list->cuts[at - 1].n > x->n)))
        at--;
    if (at == MAX_CUTS)
        return;
    uint32_t n_moved = (list->n < MAX_CUTS ? list->n : MAX_CUTS - 1) - at;
    memmove(&list->cuts[at + 1], &list->cuts[at], n_moved * sizeof *list->cuts);
    memmove(&costs[at + 1], &costs[at], n_moved * sizeof *costs);
    list->cuts[at] = *x;
    costs[at] = cost;
    list->n += list->n < MAX_CUTS;
}

static uint8_t table_of(const cut *x, const cut *united, bl_lit fanin)
{
    return stretch(x, united) ^ (uint8_t)(bl_lit_is_complemented(fanin) ? 0xFF : 0);
}

static void find_cuts(coverer *c, uint32_t id)
{
    bl_lit f0 = c->g->fanin0[id], f1 = c->g->fanin1[id];
    uint32_t a = bl_lit_node(f0), b = bl_lit_node(f1);
    node_cuts *list = &c->cuts[id];
    double costs[MAX_CUTS + 1];
    list->n = 0;
    for (uint32_t i = 0; i <= c->cuts[a].n; i++)
        for (uint32_t k = 0; k <= c->cuts[b].n; k++) {
            cut x = i < c->cuts[a].n ? c->cuts[a].cuts[i] : trivial_cut(a);
            cut y = k < c->cuts[b].n ? c->cuts[b].cuts[k] : trivial_cut(b);
            cut both = {0};
            if (!unite(&both, &x, &y))
                continue;
            both.table = table_of(&x, &both, f0) & table_of(&y, &both, f1);
            keep_cut(c, list, costs, &both);
        }
    uint32_t readers = c->readers[id] ? c->readers[id] : 1;
    c->flow[id] = costs[0] / (double)readers;
}

static void count_ports(coverer *c)
{
    for (uint32_t i = 0; i < c->g->n_outputs; i++)
        c->readers[bl_lit_node(c->g->outputs[i].lit)]++;
    for (uint32_t i = 0; i < c->g->n_latches; i++)
        c->readers[bl_lit_node(c->g->latches[i].next)]++;
}

static void count_readers_in_graph(coverer *c)
{
    count_ports(c);
    for (uint32_t id = 1; id < c->g->n_nodes; id++)
        if (is_and(c->g, id)) {
            c->readers[bl_lit_node(c->g->fanin0[id])]++;
            c->readers[bl_lit_node(c->g->fanin1[id])]++;
        }
}

// Only nodes with readers are in the cover; ids fall, so readers come before what they read.
static uint32_t count_readers_in_cover(coverer *c)
{
    uint32_t n = 0;
    memset(c->readers, 0, c->g->n_nodes * sizeof *c->readers);
    count_ports(c);
    for (uint32_t id = c->g->n_nodes; id-- > 1;) {
        if (!is_and(c->g, id) || c->readers[id] == 0)
            continue;
        const cut *best = &c->cuts[id].cuts[0];
        for (uint32_t i = 0; i < best->n; i++)
            c->readers[best->leaf[i]]++;
        n++;
    }
    return n;
}

// The order of the leaves is free: the one with the smallest table is taken, so that LUTs of one
// kind share a table and run together.
static lut lut_of_cut(uint32_t root, const cut *x)
{
    static const uint8_t orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                         {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    lut best = {.table = 0xFF};
    for (uint32_t o = 0; o < 6; o++) {
        lut l = {.root = root};
        for (uint32_t row = 0; row < 8; row++) { // bit 2 is a, bit 0 is c
            uint32_t old = 0;
            for (uint32_t k = 0; k < 3; k++)
                old |= (row >> (2 - k) & 1) << orders[o][k];
            l.table |= (uint8_t)((x->table >> old & 1) << row);
        }
        for (uint32_t k = 0; k < 3; k++)
            l.leaf[k] = orders[o][k] < x->n ? x->leaf[orders[o][k]] : 0;
        if (o == 0 || l.table < best.table)
            best = l;
    }
    return best;
}

static bl_status make_cover(cover *result, coverer *c, const bl_allocator *allocator)
{
    count_readers_in_graph(c);
    uint32_t n = 0;
    for (int round = 0; round < N_ROUNDS; round++) {
        for (uint32_t id = 1; id < c->g->n_nodes; id++)
            if (is_and(c->g, id))
                find_cuts(c, id);
        n = count_readers_in_cover(c);
    }
    *result = (cover){.luts = bl_alloc_array(allocator, n, sizeof(lut))};
    if (!result->luts)
        return BL_ERR_MEMORY;
    for (uint32_t id = 1; id < c->g->n_nodes; id++)
        if (is_and(c->g, id) && c->readers[id] > 0)
            result->luts[result->n++] = lut_of_cut(id, &c->cuts[id].cuts[0]);
    return BL_OK;
}

bl_status bl_program_cover_graph(bl_program **program, const bl_graph *g,
                                 const bl_allocator *allocator)
{
    assert(program && g && g->status == BL_OK);
    coverer c = {.g = g};
    cover result = {0};
    size_t n = g->n_nodes;
    c.cuts = bl_alloc_array(allocator, n, sizeof *c.cuts);
    c.flow = bl_alloc_array(allocator, n, sizeof *c.flow);
    c.readers = bl_alloc_array(allocator, n, sizeof *c.readers);
    bl_status status = BL_ERR_MEMORY;
    if (c.cuts && c.flow && c.readers)
        status = make_cover(&result, &c, allocator);
    bl_free(allocator, c.cuts, n * sizeof *c.cuts);
    bl_free(allocator, c.flow, n * sizeof *c.flow);
    bl_free(allocator, c.readers, n * sizeof *c.readers);
    if (status == BL_OK)
        status = program_from_cover(program, g, &result, allocator);
    bl_free(allocator, result.luts, result.n * sizeof *result.luts);
    return status;
}
