// SPDX-License-Identifier: MIT
// LUT netlists: tables and leaves in two arrays, and a graph without ANDs that keeps the ports.

#include "logic/map/netlist_private.h"

#include <assert.h>
#include <string.h>

static const uint32_t MAX_NODES = (UINT32_MAX - 1) / 2;

static bool fail(netlist *n, bl_status status)
{
    if (n->facts.status == BL_OK)
        n->facts.status = status;
    return false;
}

// A graph with the inputs and latches of another one, nodes 1, 2, ... in that order.
static bl_status copy_sources(bl_graph **result, const bl_graph *from,
                              const bl_allocator *allocator)
{
    bl_status status = bl_graph_create(result, allocator);
    if (status != BL_OK)
        return status;
    for (uint32_t i = 0; i < from->n_inputs; i++)
        bl_graph_input(*result, bl_graph_name(from, from->inputs[i].name));
    for (uint32_t i = 0; i < from->n_latches; i++)
        bl_graph_latch(*result, from->latches[i].reset, bl_graph_name(from, from->latches[i].name));
    bl_graph_set_comment(*result, from->comment);
    return BL_OK;
}

static void copy_output(bl_graph *g, const bl_graph *from, uint32_t i, bl_lit lit)
{
    const bl_graph_output_info *o = &from->outputs[i];
    bl_graph_port(g, lit, o->kind, o->group, bl_graph_name(from, o->name));
}

// The graph, or what went wrong on the way.
static bl_status hand_over(bl_graph **result, bl_graph *g)
{
    bl_status status = g->status;
    if (status == BL_OK)
        *result = g;
    else
        bl_graph_destroy(&g);
    return status;
}

static bl_status copy_ports(bl_graph **result, const bl_graph *from, const bl_allocator *allocator)
{
    bl_graph *g;
    bl_status status = copy_sources(&g, from, allocator);
    if (status != BL_OK)
        return status;
    for (uint32_t i = 0; i < from->n_outputs; i++)
        copy_output(g, from, i, BL_LIT_FALSE);
    return hand_over(result, g);
}

bl_status bl_netlist_create(bl_netlist **result, const bl_graph *ports, uint32_t max_inputs,
                            const bl_allocator *allocator)
{
    assert(result && ports && max_inputs >= 2 && max_inputs <= BL_NETLIST_MAX_INPUTS);
    netlist *n = bl_alloc(allocator, sizeof *n);
    if (!n)
        return BL_ERR_MEMORY;
    n->allocator = allocator;
    bl_netlist *handle = &n->facts;
    bl_status status = copy_ports(&n->ports, ports, allocator);
    if (status == BL_OK) {
        n->outputs = bl_alloc_array(allocator, ports->n_outputs, sizeof *n->outputs);
        n->nexts = bl_alloc_array(allocator, ports->n_latches, sizeof *n->nexts);
        if (!n->outputs || !n->nexts)
            status = BL_ERR_MEMORY;
    }
    if (status != BL_OK) {
        bl_netlist_destroy(&handle);
        return status;
    }
    uint32_t first = n->ports->n_nodes;
    n->facts = (bl_netlist){.max_inputs = max_inputs,
                            .n_nodes = first,
                            .first_lut = first,
                            .outputs = n->outputs,
                            .nexts = n->nexts,
                            .ports = n->ports};
    *result = handle;
    return BL_OK;
}

void bl_netlist_destroy(bl_netlist **handle)
{
    netlist *n = handle ? (netlist *)*handle : NULL;
    if (!n)
        return;
    const bl_allocator *a = n->allocator;
    size_t n_outputs = n->ports ? n->ports->n_outputs : 0;
    size_t n_latches = n->ports ? n->ports->n_latches : 0;
    bl_free(a, n->outputs, n_outputs * sizeof *n->outputs);
    bl_free(a, n->nexts, n_latches * sizeof *n->nexts);
    bl_free(a, n->leaves, n->leaf_capacity * n->facts.max_inputs * sizeof *n->leaves);
    bl_free(a, n->tables, n->table_capacity * sizeof *n->tables);
    bl_free(a, n->counts, n->count_capacity * sizeof *n->counts);
    bl_free(a, n->literals, n->literal_capacity * sizeof *n->literals);
    bl_graph_destroy(&n->ports);
    bl_free(a, n, sizeof *n);
    *handle = NULL;
}

static bool grow(netlist *n, void **array, size_t *capacity, size_t wish, size_t element_bytes)
{
    void *p = bl_resize(n->allocator, *array, *capacity * element_bytes, wish * element_bytes);
    if (!p)
        return fail(n, BL_ERR_MEMORY);
    *array = p;
    *capacity = wish;
    return true;
}

bool netlist_reserve(netlist *n, uint32_t n_more)
{
    if (n->facts.status != BL_OK)
        return false;
    if (n_more > MAX_NODES - n->facts.n_nodes)
        return fail(n, BL_ERR_LIMIT);
    size_t least = (size_t)n->facts.n_luts + n_more, wish = n->table_capacity * 3 / 2 + 64;
    wish = wish > least ? wish : least;
    size_t leaf_bytes = n->facts.max_inputs * sizeof *n->leaves;
    if (least > n->leaf_capacity
        && !grow(n, (void **)&n->leaves, &n->leaf_capacity, wish, leaf_bytes))
        return false;
    if (least > n->table_capacity
        && !grow(n, (void **)&n->tables, &n->table_capacity, wish, sizeof *n->tables))
        return false;
    n->facts.leaves = n->leaves;
    n->facts.tables = n->tables;
    return true;
}

// Repeats the lowest 2^n_leaves rows, so that unused leaves do not matter.
static uint64_t repeat_rows(uint64_t table, uint32_t n_leaves)
{
    for (uint32_t k = n_leaves; k < BL_NETLIST_MAX_INPUTS; k++) {
        uint32_t rows = 1u << k;
        uint64_t low = table & ((UINT64_C(1) << rows) - 1);
        table = low | low << rows;
    }
    return table;
}

uint32_t bl_netlist_lut(bl_netlist *handle, uint64_t table, const uint32_t *leaves,
                        uint32_t n_leaves)
{
    netlist *n = (netlist *)handle;
    assert(n_leaves <= n->facts.max_inputs);
    if (!netlist_reserve(n, 1))
        return 0;
    uint32_t *own = &n->leaves[(size_t)n->facts.n_luts * n->facts.max_inputs];
    for (uint32_t k = 0; k < n->facts.max_inputs; k++) {
        own[k] = k < n_leaves ? leaves[k] : 0;
        assert(own[k] < n->facts.n_nodes);
    }
    n->tables[n->facts.n_luts++] = repeat_rows(table, n_leaves);
    return n->facts.n_nodes++;
}

static bool reserve_count(netlist *n, uint32_t n_literals)
{
    size_t least = n->facts.n_literals + n_literals, n_counts = (size_t)n->facts.n_counts + 1;
    if (n_counts > n->count_capacity
        && !grow(n, (void **)&n->counts, &n->count_capacity, n_counts * 3 / 2 + 16,
                 sizeof *n->counts))
        return false;
    if (least > n->literal_capacity
        && !grow(n, (void **)&n->literals, &n->literal_capacity, least * 3 / 2 + 64,
                 sizeof *n->literals))
        return false;
    n->facts.counts = n->counts;
    n->facts.literals = n->literals;
    return true;
}

uint32_t bl_netlist_add_count(bl_netlist *handle, const bl_lit *literals, uint32_t n_literals,
                              int64_t threshold)
{
    netlist *n = (netlist *)handle;
    if (!netlist_reserve(n, 1) || !reserve_count(n, n_literals))
        return 0;
    uint32_t node = bl_netlist_lut(handle, 0, NULL, 0);
    bl_lit *own = n->literals + n->facts.n_literals;
    for (uint32_t i = 0; i < n_literals; i++) {
        assert(bl_lit_node(literals[i]) < node);
        own[i] = literals[i];
    }
    n->counts[n->facts.n_counts++] = (bl_netlist_count){
        .node = node,
        .n_literals = n_literals,
        .first_literal = n->facts.n_literals,
        .threshold = threshold,
    };
    n->facts.n_literals += n_literals;
    return node;
}

void bl_netlist_set_output(bl_netlist *handle, uint32_t index, bl_lit lit)
{
    netlist *n = (netlist *)handle;
    assert(index < n->ports->n_outputs);
    if (n->facts.status != BL_OK)
        return;
    assert(bl_lit_node(lit) < n->facts.n_nodes);
    n->outputs[index] = lit;
}

void bl_netlist_set_next(bl_netlist *handle, uint32_t latch_index, bl_lit next)
{
    netlist *n = (netlist *)handle;
    assert(latch_index < n->ports->n_latches);
    if (n->facts.status != BL_OK)
        return;
    assert(bl_lit_node(next) < n->facts.n_nodes);
    n->nexts[latch_index] = next;
}

uint32_t bl_netlist_n_leaves(const bl_netlist *n, uint32_t lut)
{
    assert(lut < n->n_luts);
    const uint32_t *leaves = &n->leaves[(size_t)lut * n->max_inputs];
    uint32_t k = n->max_inputs;
    while (k > 0 && leaves[k - 1] == 0)
        k--;
    return k;
}

bl_status bl_netlist_count_levels(uint32_t *n_levels, const bl_netlist *handle)
{
    const netlist *n = (const netlist *)handle;
    uint32_t deepest = 0, at = 0;
    uint32_t *level = bl_alloc_array(n->allocator, handle->n_nodes, sizeof *level);
    if (!level)
        return BL_ERR_MEMORY;
    for (uint32_t i = 0; i < handle->n_luts; i++) {
        uint32_t below = 0;
        for (uint32_t k = 0; k < handle->max_inputs; k++) {
            uint32_t leaf = handle->leaves[(size_t)i * handle->max_inputs + k];
            below = level[leaf] > below ? level[leaf] : below;
        }
        const bl_netlist_count *count = netlist_count_at(handle, &at, i);
        for (uint32_t k = 0; count && k < count->n_literals; k++) {
            uint32_t node = bl_lit_node(handle->literals[count->first_literal + k]);
            below = level[node] > below ? level[node] : below;
        }
        level[handle->first_lut + i] = below + 1;
    }
    for (uint32_t i = 0; i < handle->ports->n_outputs; i++)
        if (level[bl_lit_node(handle->outputs[i])] > deepest)
            deepest = level[bl_lit_node(handle->outputs[i])];
    for (uint32_t i = 0; i < handle->ports->n_latches; i++)
        if (level[bl_lit_node(handle->nexts[i])] > deepest)
            deepest = level[bl_lit_node(handle->nexts[i])];
    bl_free(n->allocator, level, handle->n_nodes * sizeof *level);
    *n_levels = deepest;
    return BL_OK;
}

static bl_lit image_of(const bl_lit *image, bl_lit lit)
{
    return bl_lit_not_if(image[bl_lit_node(lit)], bl_lit_is_complemented(lit));
}

bl_status bl_netlist_from_graph(bl_netlist **result, const bl_graph *g,
                                const bl_allocator *allocator)
{
    assert(result && g && g->status == BL_OK);
    bl_netlist *n;
    bl_status status = bl_netlist_create(&n, g, 3, allocator);
    if (status != BL_OK)
        return status;
    bl_lit *image = bl_alloc_array(allocator, g->n_nodes, sizeof *image);
    if (!image || !netlist_reserve((netlist *)n, g->n_ands)) {
        bl_free(allocator, image, g->n_nodes * sizeof *image);
        bl_netlist_destroy(&n);
        return BL_ERR_MEMORY;
    }
    for (uint32_t i = 0; i < g->n_inputs; i++)
        image[g->inputs[i].node] = 2 * (1 + i);
    for (uint32_t i = 0; i < g->n_latches; i++)
        image[g->latches[i].node] = 2 * (1 + g->n_inputs + i);
    for (uint32_t id = 1; id < g->n_nodes; id++) {
        if (g->fanin0[id] >= BL_NODE_LATCH)
            continue;
        bl_lit a = g->fanin0[id], b = g->fanin1[id];
        uint32_t leaves[2] = {bl_lit_node(image[bl_lit_node(a)]),
                              bl_lit_node(image[bl_lit_node(b)])};
        unsigned row = 3u ^ ((a & 1) + 2 * (b & 1));
        image[id] = 2 * bl_netlist_lut(n, UINT64_C(1) << row, leaves, 2);
    }
    for (uint32_t i = 0; i < g->n_outputs; i++)
        bl_netlist_set_output(n, i, image_of(image, g->outputs[i].lit));
    for (uint32_t i = 0; i < g->n_latches; i++)
        bl_netlist_set_next(n, i, image_of(image, g->latches[i].next));
    bl_free(allocator, image, g->n_nodes * sizeof *image);
    *result = n;
    return BL_OK;
}

// Shannon's expansion by the last leaf; equal halves meet in the structural hash.
static bl_lit build_table(bl_graph *g, uint64_t table, const bl_lit *leaves, uint32_t n_leaves)
{
    if (n_leaves == 3)
        return bl_graph_lut3(g, (uint8_t)table, leaves[2], leaves[1], leaves[0]);
    uint32_t rows = 1u << (n_leaves - 1);
    uint64_t mask = (UINT64_C(1) << rows) - 1, low = table & mask, high = table >> rows & mask;
    if (low == high)
        return build_table(g, low, leaves, n_leaves - 1);
    if (low == (~high & mask))
        return bl_graph_xor(g, leaves[n_leaves - 1], build_table(g, low, leaves, n_leaves - 1));
    bl_lit then_ = build_table(g, high, leaves, n_leaves - 1);
    bl_lit else_ = build_table(g, low, leaves, n_leaves - 1);
    return bl_graph_mux(g, leaves[n_leaves - 1], then_, else_);
}

static uint32_t bits_of(uint32_t x) { return x ? 32 - (uint32_t)__builtin_clz(x) : 0; }

// The number of true literals into the planes of a sum that is zero: two halves, added with one
// more literal as the carry.
static void build_sum(bl_graph *g, bl_lit *sum, const bl_lit *image, const bl_lit *x, uint32_t n)
{
    bl_lit high[32] = {0};
    if (n == 0)
        return;
    uint32_t half = (n - 1) / 2;
    build_sum(g, sum, image, x, half);
    build_sum(g, high, image, x + half, n - 1 - half);
    bl_lit carry = image_of(image, x[n - 1]);
    for (uint32_t k = 0; k < bits_of(n); k++) {
        bl_lit differ = bl_graph_xor(g, sum[k], high[k]), both = bl_graph_and(g, sum[k], high[k]);
        sum[k] = bl_graph_xor(g, differ, carry);
        carry = bl_graph_or(g, both, bl_graph_and(g, differ, carry));
    }
}

static bl_lit build_count(bl_graph *g, const bl_lit *image, const bl_netlist *n,
                          const bl_netlist_count *c)
{
    bl_lit sum[32] = {0}, greater = BL_LIT_FALSE;
    if (c->threshold <= 0 || c->threshold > c->n_literals)
        return c->threshold <= 0;
    build_sum(g, sum, image, n->literals + c->first_literal, c->n_literals);
    for (uint32_t k = 0; k < bits_of(c->n_literals); k++)
        greater = (c->threshold - 1) >> k & 1 ? bl_graph_and(g, sum[k], greater)
                                              : bl_graph_or(g, sum[k], greater);
    return greater;
}

bl_status bl_graph_from_netlist(bl_graph **result, const bl_netlist *n,
                                const bl_allocator *allocator)
{
    assert(result && n && n->status == BL_OK);
    bl_graph *g;
    bl_status status = copy_sources(&g, n->ports, allocator);
    if (status != BL_OK)
        return status;
    bl_lit *image = bl_alloc_array(allocator, n->n_nodes, sizeof *image);
    if (!image) {
        bl_graph_destroy(&g);
        return BL_ERR_MEMORY;
    }
    for (uint32_t id = 0; id < n->first_lut; id++)
        image[id] = 2 * id;
    uint32_t at = 0;
    for (uint32_t i = 0; i < n->n_luts; i++) {
        bl_lit leaves[BL_NETLIST_MAX_INPUTS] = {0};
        uint32_t n_leaves = bl_netlist_n_leaves(n, i);
        const bl_netlist_count *count = netlist_count_at(n, &at, i);
        if (count) {
            image[count->node] = build_count(g, image, n, count);
            continue;
        }
        for (uint32_t k = 0; k < n_leaves; k++)
            leaves[k] = image[n->leaves[(size_t)i * n->max_inputs + k]];
        image[n->first_lut + i] = build_table(g, n->tables[i], leaves, n_leaves < 3 ? 3 : n_leaves);
    }
    for (uint32_t i = 0; i < n->ports->n_outputs; i++)
        copy_output(g, n->ports, i, image_of(image, n->outputs[i]));
    for (uint32_t i = 0; i < n->ports->n_latches; i++)
        bl_graph_set_next(g, i, image_of(image, n->nexts[i]));
    bl_free(allocator, image, n->n_nodes * sizeof *image);
    return hand_over(result, g);
}
