// SPDX-License-Identifier: MIT
// Maps a graph to LUTs, window by window: each is covered by itself (window_cuts.h), several at a
// time on the pool, and their LUTs are appended to the netlist in order. A node that a later window
// reads is a root of its own, so windows do not depend on each other.
//
// Where counts are wanted they are found first. The root of one is then an input to its readers,
// and what it counts are ports.

#include "logic/map/counts.h"
#include "logic/map/netlist_private.h"
#include "logic/map/window.h"

#include <assert.h>
#include <string.h>

enum { WINDOW_NODES = 1 << 20 };

typedef struct covered { // one window
    bl_buffer luts;      // window_lut
    bl_status status;
} covered;

typedef struct mapping {
    const bl_graph *g; // roots of counts are inputs in it
    count_list counts;
    uint32_t n_appended; // counts that are in the netlist, or that nobody needs
    bl_graph view;
    uint32_t *fanin0; // of the view
    const bl_allocator *allocator;
    window_job job; // but for its range
    uint32_t *fanouts;
    uint8_t *is_root;
    bl_lit *image; // of each node of the graph: a literal of the netlist
    covered *covered;
    uint32_t first_window;
    bl_netlist *netlist;
} mapping;

static void add_fanout(mapping *m, uint32_t reader, bl_lit fanin)
{
    uint32_t id = bl_lit_node(fanin);
    m->fanouts[id]++;
    m->is_root[id] |= id / WINDOW_NODES != reader / WINDOW_NODES;
}

static void add_port(mapping *m, bl_lit lit)
{
    m->fanouts[bl_lit_node(lit)]++;
    m->is_root[bl_lit_node(lit)] = 1;
}

static void add_literals(mapping *m, const count *c)
{
    for (uint32_t i = 0; i < c->n; i++)
        add_port(m, m->counts.literals[c->first + i]);
}

// Nodes that nobody reads do not count as readers.
static void count_fanouts(mapping *m)
{
    const bl_graph *g = m->g;
    for (uint32_t i = 0; i < g->n_outputs; i++)
        add_port(m, g->outputs[i].lit);
    for (uint32_t i = 0; i < g->n_latches; i++)
        add_port(m, g->latches[i].next);
    uint32_t k = m->counts.n;
    for (uint32_t id = g->n_nodes; id-- > 1;) {
        bool is_count = k > 0 && m->counts.counts[k - 1].root == id;
        k -= is_count;
        if (is_count && m->fanouts[id] > 0)
            add_literals(m, &m->counts.counts[k]);
        if (g->fanin0[id] >= BL_NODE_LATCH || m->fanouts[id] == 0)
            continue;
        add_fanout(m, id, g->fanin0[id]);
        add_fanout(m, id, g->fanin1[id]);
    }
}

static void keep_lut(void *context, const window_lut *lut)
{
    covered *c = context;
    bl_buffer_append(&c->luts, lut, sizeof *lut);
}

static void map_one(void *context, size_t index)
{
    mapping *m = context;
    covered *c = &m->covered[index];
    window_job job = m->job;
    job.first = (uint32_t)(m->first_window + index) * WINDOW_NODES;
    job.end = m->g->n_nodes - job.first < WINDOW_NODES ? m->g->n_nodes : job.first + WINDOW_NODES;
    c->luts = (bl_buffer){.allocator = job.allocator};
    c->status = (job.max_inputs <= 3 ? window_map3 : window_map6)(&job, keep_lut, c);
    if (c->status == BL_OK)
        c->status = c->luts.status;
}

// Leaf k does not matter: its rows of 1 leave the table.
static uint64_t remove_leaf(uint64_t table, uint32_t *leaves, uint32_t n, uint32_t k)
{
    uint64_t rest = 0;
    for (uint32_t row = 0; row < 1u << (n - 1); row++) {
        uint32_t low = row & ((1u << k) - 1);
        rest |= (table >> ((row ^ low) << 1 | low) & 1) << row;
    }
    for (; k + 1 < n; k++)
        leaves[k] = leaves[k + 1];
    return rest;
}

static bool matters(uint64_t table, uint32_t n, uint32_t k)
{
    for (uint32_t row = 0; row < 1u << n; row++)
        if ((table >> row & 1) != (table >> (row ^ 1u << k) & 1))
            return true;
    return false;
}

// The same function of the leaves' images: complements go into the table, and leaves that have
// become constant, or one and the same, vanish, with those that then do not matter any more.
static uint64_t rebase(uint32_t *leaves, uint32_t *n_leaves, const mapping *m,
                       const window_lut *lut)
{
    uint32_t place[BL_NETLIST_MAX_INPUTS], n = 0;
    for (uint32_t k = 0; k < lut->n_leaves; k++) {
        uint32_t node = bl_lit_node(m->image[lut->leaves[k]]);
        place[k] = 0;
        while (place[k] < n && leaves[place[k]] != node)
            place[k]++;
        if (place[k] == n && node != 0)
            leaves[n++] = node;
    }
    uint64_t table = 0;
    for (uint32_t row = 0; row < 1u << n; row++) {
        uint32_t old = 0;
        for (uint32_t k = 0; k < lut->n_leaves; k++) {
            bl_lit image = m->image[lut->leaves[k]];
            bool value = bl_lit_node(image) != 0 && (row >> place[k] & 1);
            old |= (uint32_t)(value ^ bl_lit_is_complemented(image)) << k;
        }
        table |= (lut->table >> old & 1) << row;
    }
    for (uint32_t k = n; k-- > 0;)
        if (!matters(table, n, k))
            table = remove_leaf(table, leaves, n--, k);
    *n_leaves = n;
    return table;
}

static void append_lut(mapping *m, const window_lut *lut)
{
    uint32_t leaves[BL_NETLIST_MAX_INPUTS], n = lut->n_leaves;
    bool is_plain = n > 1;
    for (uint32_t k = 0; k < n; k++) {
        bl_lit image = m->image[lut->leaves[k]];
        leaves[k] = bl_lit_node(image);
        is_plain &= image > BL_LIT_TRUE && !bl_lit_is_complemented(image);
        for (uint32_t j = 0; j < k; j++)
            is_plain &= leaves[j] != leaves[k];
    }
    uint64_t table = is_plain ? lut->table : rebase(leaves, &n, m, lut);
    if (n == 0)
        m->image[lut->root] = table & 1;
    else if (n == 1)
        m->image[lut->root] = 2 * leaves[0] + (table & 1);
    else
        m->image[lut->root] = 2 * bl_netlist_lut(m->netlist, table, leaves, n);
}

// The literals of a count become those of the netlist, in place.
static void append_count(mapping *m, const count *c)
{
    bl_lit *literals = m->counts.literals + c->first;
    int64_t threshold = c->threshold;
    uint32_t n = 0;
    for (uint32_t i = 0; i < c->n; i++) {
        bl_lit x = m->image[bl_lit_node(literals[i])] ^ (literals[i] & 1);
        threshold -= x == BL_LIT_TRUE;
        if (x > BL_LIT_TRUE)
            literals[n++] = x;
    }
    m->image[c->root] = 2 * bl_netlist_add_count(m->netlist, literals, n, threshold);
}

// Those whose roots come before a node, so before its readers.
static void append_counts(mapping *m, uint32_t node)
{
    for (; m->n_appended < m->counts.n && m->counts.counts[m->n_appended].root < node;
         m->n_appended++)
        if (m->fanouts[m->counts.counts[m->n_appended].root] > 0)
            append_count(m, &m->counts.counts[m->n_appended]);
}

static bl_status append_window(mapping *m, covered *c)
{
    const window_lut *luts = (const window_lut *)(const void *)c->luts.data;
    size_t n = c->luts.bytes / sizeof *luts;
    for (size_t i = 0; i < n && c->status == BL_OK; i++) {
        append_counts(m, luts[i].root);
        append_lut(m, &luts[i]);
    }
    bl_buffer_clear(&c->luts);
    return c->status != BL_OK ? c->status : m->netlist->status;
}

static bl_status map_windows(mapping *m, bl_pool *pool)
{
    uint32_t n_windows = (m->g->n_nodes - 1) / WINDOW_NODES + 1;
    uint32_t n_threads = (uint32_t)bl_pool_n_threads(pool);
    bl_status status = BL_OK;
    for (m->first_window = 0; m->first_window < n_windows && status == BL_OK;
         m->first_window += n_threads) {
        uint32_t n = n_windows - m->first_window;
        n = n < n_threads ? n : n_threads;
        bl_pool_for(pool, n, map_one, m);
        for (uint32_t i = 0; i < n; i++) {
            bl_status one = append_window(m, &m->covered[i]);
            status = status == BL_OK ? one : status;
        }
    }
    return status;
}

static void set_ports(mapping *m)
{
    const bl_graph *g = m->g;
    for (uint32_t i = 0; i < g->n_outputs; i++)
        bl_netlist_set_output(m->netlist, i,
                              m->image[bl_lit_node(g->outputs[i].lit)] ^ (g->outputs[i].lit & 1));
    for (uint32_t i = 0; i < g->n_latches; i++)
        bl_netlist_set_next(m->netlist, i,
                            m->image[bl_lit_node(g->latches[i].next)] ^ (g->latches[i].next & 1));
}

static bl_status run(mapping *m, bl_pool *pool)
{
    const bl_graph *g = m->g;
    for (uint32_t i = 0; i < g->n_inputs; i++)
        m->image[g->inputs[i].node] = 2 * (1 + i);
    for (uint32_t i = 0; i < g->n_latches; i++)
        m->image[g->latches[i].node] = 2 * (1 + g->n_inputs + i);
    count_fanouts(m);
    bl_status status = map_windows(m, pool);
    if (status != BL_OK)
        return status;
    append_counts(m, g->n_nodes);
    set_ports(m);
    return m->netlist->status;
}

static bl_status find_counts(mapping *m, const bl_graph *g)
{
    bl_status status = counts_find(&m->counts, g, m->allocator);
    if (status != BL_OK)
        return status;
    m->fanin0 = bl_alloc_array(m->allocator, g->n_nodes, sizeof *m->fanin0);
    if (!m->fanin0)
        return BL_ERR_MEMORY;
    memcpy(m->fanin0, g->fanin0, g->n_nodes * sizeof *m->fanin0);
    for (uint32_t i = 0; i < m->counts.n; i++)
        m->fanin0[m->counts.counts[i].root] = BL_NODE_INPUT;
    m->view = *g;
    m->view.fanin0 = m->fanin0;
    m->g = m->job.graph = &m->view;
    return BL_OK;
}

bl_status bl_netlist_map(bl_netlist **result, const bl_graph *g, const bl_map_params *params,
                         const bl_allocator *allocator)
{
    const bl_map_params none = {0}, *p = params ? params : &none;
    uint32_t max_inputs = p->max_inputs ? p->max_inputs : 3;
    assert(result && g && g->status == BL_OK && max_inputs >= 3 && max_inputs <= 6);
    mapping m = {
        .g = g,
        .allocator = allocator,
        .job = {.graph = g, .max_inputs = max_inputs, .effort = p->effort, .allocator = allocator}};
    bl_target_costs(m.job.costs, p->target);
    bl_status status = bl_netlist_create(&m.netlist, g, max_inputs, allocator);
    if (status != BL_OK)
        return status;
    size_t n = g->n_nodes, n_threads = bl_pool_n_threads(p->pool);
    m.fanouts = bl_alloc_array(allocator, n, sizeof *m.fanouts);
    m.is_root = bl_alloc_array(allocator, n, sizeof *m.is_root);
    m.image = bl_alloc_array(allocator, n, sizeof *m.image);
    m.covered = bl_alloc_array(allocator, n_threads, sizeof *m.covered);
    m.job.fanouts = m.fanouts;
    m.job.is_root = m.is_root;
    status = BL_ERR_MEMORY;
    if (m.fanouts && m.is_root && m.image && m.covered)
        status = p->finds_counts ? find_counts(&m, g) : BL_OK;
    if (status == BL_OK)
        status = run(&m, p->pool);
    bl_free(allocator, m.fanouts, n * sizeof *m.fanouts);
    bl_free(allocator, m.is_root, n * sizeof *m.is_root);
    bl_free(allocator, m.image, n * sizeof *m.image);
    bl_free(allocator, m.covered, n_threads * sizeof *m.covered);
    bl_free(allocator, m.fanin0, n * sizeof *m.fanin0);
    counts_destroy(&m.counts);
    if (status == BL_OK)
        *result = m.netlist;
    else
        bl_netlist_destroy(&m.netlist);
    return status;
}
