// SPDX-License-Identifier: MIT
// The And-Inverter Graph: two literals per node in two arrays, and a hash table over them.
//
//     node        0       1         2         3
//     fanin0   [  0  ][ INPUT ][ LATCH ][ literal ] >= fanin1
//     fanin1   [  0  ][ index ][ index ][ literal ]
//
// Ids are topological because an AND can only name nodes that exist.
//
// The hash table consists of buckets, a cache line each (graph_private.h). Nodes are made near
// their fanins, so a pair goes into the region of 64 buckets that belongs to the neighbourhood of
// its greater fanin: the lines of the last few regions are in the cache. Where a bucket is full,
// because a node has many readers, the pair goes to a bucket by its hash alone, and on from there
// to the first that is not full. Nothing is ever taken out, so a search may stop at a bucket with
// room. There are 8 ANDs or less to a bucket on average, and 12 places.

#include "graph_private.h"

#include <assert.h>
#include <string.h>

enum { AHEAD = 16 };

static const uint32_t MAX_NODES = (UINT32_MAX - 1) / 2;

static bool fail(graph *g, bl_status status)
{
    if (g->facts.status == BL_OK)
        g->facts.status = status;
    return false;
}

// Makes room for `more` elements behind the first n; false, and a sticky status, without it.
static bool reserve(graph *g, void **array, uint32_t *capacity, uint32_t n, uint32_t more,
                    size_t element_bytes)
{
    if (g->facts.status != BL_OK)
        return false;
    if (more <= *capacity - n)
        return true;
    if (more > MAX_NODES - n)
        return fail(g, BL_ERR_LIMIT);
    uint64_t wish = (uint64_t)*capacity + *capacity / 2 + 64;
    if (wish < (uint64_t)n + more)
        wish = (uint64_t)n + more;
    uint32_t next = wish > MAX_NODES ? MAX_NODES : (uint32_t)wish;
    void *p = bl_resize(g->allocator, *array, *capacity * element_bytes, next * element_bytes);
    if (!p)
        return fail(g, BL_ERR_MEMORY);
    *array = p;
    *capacity = next;
    return true;
}

static bool reserve_exactly(graph *g, uint32_t **array, uint32_t *capacity, uint32_t n)
{
    if (g->facts.status != BL_OK || n <= *capacity)
        return g->facts.status == BL_OK;
    if (n > MAX_NODES)
        return fail(g, BL_ERR_LIMIT);
    void *p = bl_resize(g->allocator, *array, *capacity * sizeof **array, n * sizeof **array);
    if (!p)
        return fail(g, BL_ERR_MEMORY);
    *array = p;
    *capacity = n;
    return true;
}

#define RESERVE(g, array, capacity, n)                                                             \
    reserve(g, (void **)&(g)->array, &(g)->capacity, n, 1, sizeof *(g)->array)

bl_status bl_graph_keep_name(uint32_t *name, graph *g, const char *text, size_t n_chars)
{
    if (n_chars == 0)
        return BL_OK;
    if (n_chars >= MAX_NODES)
        return BL_ERR_LIMIT;
    if (!reserve(g, (void **)&g->names, &g->name_capacity, g->n_name_bytes, (uint32_t)n_chars + 1,
                 1))
        return g->facts.status;
    *name = g->n_name_bytes;
    memcpy(g->names + *name, text, n_chars);
    g->names[*name + n_chars] = 0;
    g->n_name_bytes += (uint32_t)n_chars + 1;
    return BL_OK;
}

static uint32_t keep_name(graph *g, const char *text)
{
    uint32_t name = 0;
    bl_status status = bl_graph_keep_name(&name, g, text ? text : "", text ? strlen(text) : 0);
    if (status != BL_OK)
        fail(g, status);
    return name;
}

static bool add_node(uint32_t *id, graph *g, uint32_t fanin0, uint32_t fanin1)
{
    uint32_t n = g->facts.n_nodes;
    if (!RESERVE(g, fanin0, fanin0_capacity, n) || !RESERVE(g, fanin1, fanin1_capacity, n))
        return false;
    g->fanin0[n] = fanin0;
    g->fanin1[n] = fanin1;
    g->facts.fanin0 = g->fanin0;
    g->facts.fanin1 = g->fanin1;
    g->facts.n_nodes = n + 1;
    *id = n;
    return true;
}

// Bytes of `word` that equal the tag, as their highest bits; a byte above such a one may be among
// them by mistake, which a look at the node corrects: (x - 0x01..) & ~x has the highest bit of each
// byte that is 0, or 1 above a borrow.
static uint64_t equal_bytes(uint64_t word, uint64_t tag)
{
    uint64_t x = word ^ tag * UINT64_C(0x0101010101010101);
    return (x - UINT64_C(0x0101010101010101)) & ~x & UINT64_C(0x8080808080808080);
}

// Bits that do not choose the bucket; 0 marks a free place.
static uint8_t tag_of(uint64_t hash)
{
    uint8_t tag = (uint8_t)(hash >> 24);
    return tag ? tag : 1;
}

static uint32_t find_among(const graph *g, const uint32_t *nodes, uint64_t equal, uint32_t fanin0,
                           uint32_t fanin1)
{
    for (; equal; equal &= equal - 1) {
        uint32_t id = nodes[__builtin_ctzll(equal) / 8];
        if (g->fanin0[id] == fanin0 && g->fanin1[id] == fanin1)
            return id; // never node 0, whose fanins are equal
    }
    return 0;
}

// Where a search goes on after `n_seen` full buckets.
static bucket *next_bucket(const graph *g, bucket *b, uint32_t n_seen, uint64_t hash)
{
    if (n_seen == 1)
        return bl_graph_overflow(g, hash);
    return ++b < g->buckets + (size_t)g->n_regions * REGION_BUCKETS ? b : g->buckets;
}

static uint32_t find_in(const graph *g, const bucket *b, uint64_t tag, uint32_t fanin0,
                        uint32_t fanin1)
{
    uint64_t low, high;
    memcpy(&low, b->tags, sizeof low);
    memcpy(&high, b->tags + sizeof low, sizeof high); // four tags and n
    low = equal_bytes(low, tag);
    high = equal_bytes(high, tag) & UINT32_MAX;
    if (__builtin_expect((low | high) == 0, 1))
        return 0;
    uint32_t id = find_among(g, b->nodes, low, fanin0, fanin1);
    return id ? id : find_among(g, b->nodes + sizeof low, high, fanin0, fanin1);
}

// The AND of this pair, or 0 and the bucket that has room for it.
static uint32_t find_and(bucket **place, const graph *g, uint64_t hash, uint32_t fanin0,
                         uint32_t fanin1)
{
    bucket *b = bl_graph_home(g, hash, fanin0, fanin1);
    uint64_t tag = tag_of(hash);
    for (uint32_t n_seen = 1;; n_seen++) {
        uint32_t id = find_in(g, b, tag, fanin0, fanin1);
        if (id || b->n < BUCKET_NODES) {
            *place = b;
            return id;
        }
        b = next_bucket(g, b, n_seen, hash);
    }
}

static void put(bucket *b, uint64_t hash, uint32_t id)
{
    b->tags[b->n] = tag_of(hash);
    b->nodes[b->n++] = id;
}

// Into buckets that hold no equal pair.
static void hash_again(graph *g, uint32_t id)
{
    uint64_t hash = bl_graph_hash(g->fanin0[id], g->fanin1[id]);
    bucket *b = bl_graph_home(g, hash, g->fanin0[id], g->fanin1[id]);
    for (uint32_t n_seen = 1; b->n == BUCKET_NODES; n_seen++)
        b = next_bucket(g, b, n_seen, hash);
    put(b, hash, id);
}

void bl_graph_drop_hash(graph *g)
{
    bl_free(g->allocator, g->buckets, g->n_regions * (REGION_BUCKETS * sizeof *g->buckets));
    g->buckets = NULL;
    g->n_regions = g->n_hashed_limit = 0;
}

static bool make_buckets(graph *g, uint32_t n_ands)
{
    if (g->facts.status != BL_OK)
        return false;
    uint32_t n_regions = n_ands / (REGION_BUCKETS * MEAN_NODES) + 1, n = g->facts.n_nodes;
    bl_graph_drop_hash(g); // what it holds is in the graph
    g->buckets = bl_alloc(g->allocator, n_regions * (REGION_BUCKETS * sizeof *g->buckets));
    if (!g->buckets)
        return fail(g, BL_ERR_MEMORY);
    g->n_regions = n_regions;
    g->n_hashed_limit = n_regions * REGION_BUCKETS * MEAN_NODES;
    for (uint32_t id = 1; id < n; id++) {
        uint32_t ahead = id + AHEAD < n ? id + AHEAD : id;
        if (g->fanin0[ahead] < BL_NODE_LATCH)
            bl_graph_prefetch_and(g, g->fanin0[ahead], g->fanin1[ahead]);
        if (g->fanin0[id] < BL_NODE_LATCH)
            hash_again(g, id);
    }
    return true;
}

static bool grow_buckets(graph *g)
{
    uint32_t n = g->facts.n_ands;
    return make_buckets(g, n > MAX_NODES / 2 ? MAX_NODES : 2 * n);
}

void bl_graph_reserve(graph *g, uint32_t n_nodes, uint32_t n_ands)
{
    if (reserve_exactly(g, &g->fanin0, &g->fanin0_capacity, n_nodes)
        && reserve_exactly(g, &g->fanin1, &g->fanin1_capacity, n_nodes)
        && n_ands > g->n_hashed_limit)
        make_buckets(g, n_ands);
    g->facts.fanin0 = g->fanin0;
    g->facts.fanin1 = g->fanin1;
}

bl_status bl_graph_create(bl_graph **result, const bl_allocator *allocator)
{
    assert(result);
    graph *g = bl_alloc(allocator, sizeof *g);
    if (!g)
        return BL_ERR_MEMORY;
    g->allocator = allocator;
    g->facts.comment = "";
    uint32_t constant;
    if (add_node(&constant, g, 0, 0) && RESERVE(g, names, name_capacity, 0)) {
        g->names[g->n_name_bytes++] = 0;
        *result = &g->facts;
        return BL_OK;
    }
    bl_graph *broken = &g->facts;
    bl_graph_destroy(&broken);
    return BL_ERR_MEMORY;
}

void bl_graph_destroy(bl_graph **handle)
{
    graph *g = handle ? (graph *)*handle : NULL;
    if (!g)
        return;
    const bl_allocator *a = g->allocator;
    bl_free(a, g->fanin0, g->fanin0_capacity * sizeof *g->fanin0);
    bl_free(a, g->fanin1, g->fanin1_capacity * sizeof *g->fanin1);
    bl_graph_drop_hash(g);
    bl_free(a, g->inputs, g->input_capacity * sizeof *g->inputs);
    bl_free(a, g->latches, g->latch_capacity * sizeof *g->latches);
    bl_free(a, g->outputs, g->output_capacity * sizeof *g->outputs);
    bl_free(a, g->names, g->name_capacity);
    bl_free(a, g->comment, g->comment_bytes);
    bl_free(a, g, sizeof *g);
    *handle = NULL;
}

const char *bl_graph_name(const bl_graph *handle, uint32_t name)
{
    const graph *g = (const graph *)handle;
    assert(name < g->n_name_bytes);
    return g->names + name;
}

bl_status bl_graph_keep_comment(graph *g, const char *text, size_t n_chars)
{
    char *copy = bl_resize(g->allocator, g->comment, g->comment_bytes, n_chars + 1);
    if (!copy)
        return BL_ERR_MEMORY;
    memcpy(copy, text, n_chars);
    copy[n_chars] = 0;
    g->facts.comment = g->comment = copy;
    g->comment_bytes = n_chars + 1;
    return BL_OK;
}

void bl_graph_set_comment(bl_graph *handle, const char *text)
{
    graph *g = (graph *)handle;
    if (bl_graph_keep_comment(g, text, strlen(text)) != BL_OK)
        fail(g, BL_ERR_MEMORY);
}

bl_lit bl_graph_input(bl_graph *handle, const char *name)
{
    graph *g = (graph *)handle;
    uint32_t n = g->facts.n_inputs, node;
    if (!RESERVE(g, inputs, input_capacity, n) || !add_node(&node, g, BL_NODE_INPUT, n))
        return BL_LIT_FALSE;
    g->inputs[n] = (bl_graph_input_info){.node = node, .name = keep_name(g, name)};
    g->facts.inputs = g->inputs;
    g->facts.n_inputs = n + 1;
    return 2 * node;
}

bl_lit bl_graph_latch(bl_graph *handle, bl_reset reset, const char *name)
{
    graph *g = (graph *)handle;
    uint32_t n = g->facts.n_latches, node;
    if (!RESERVE(g, latches, latch_capacity, n) || !add_node(&node, g, BL_NODE_LATCH, n))
        return BL_LIT_FALSE;
    g->latches[n] = (bl_graph_latch_info){.node = node, .reset = reset, .name = keep_name(g, name)};
    g->facts.latches = g->latches;
    g->facts.n_latches = n + 1;
    return 2 * node;
}

void bl_graph_set_next(bl_graph *handle, uint32_t latch_index, bl_lit next)
{
    graph *g = (graph *)handle;
    if (g->facts.status != BL_OK)
        return;
    assert(latch_index < g->facts.n_latches && bl_lit_node(next) < g->facts.n_nodes);
    g->latches[latch_index].next = next;
}

void bl_graph_port(bl_graph *handle, bl_lit lit, bl_port_kind kind, uint32_t group,
                   const char *name)
{
    graph *g = (graph *)handle;
    assert(bl_lit_node(lit) < g->facts.n_nodes);
    uint32_t n = g->facts.n_outputs;
    if (!RESERVE(g, outputs, output_capacity, n))
        return;
    g->outputs[n] = (bl_graph_output_info){
        .lit = lit, .kind = kind, .group = group, .name = keep_name(g, name)};
    g->facts.outputs = g->outputs;
    g->facts.n_outputs = n + 1;
}

void bl_graph_output(bl_graph *handle, bl_lit lit, const char *name)
{
    bl_graph_port(handle, lit, BL_PORT_OUTPUT, 0, name);
}

bl_lit bl_graph_and(bl_graph *handle, bl_lit a, bl_lit b)
{
    graph *g = (graph *)handle;
    assert(bl_lit_node(a) < g->facts.n_nodes && bl_lit_node(b) < g->facts.n_nodes);
    bl_lit hi = a > b ? a : b, lo = a > b ? b : a;
    if (lo == BL_LIT_FALSE || lo == bl_lit_not(hi))
        return BL_LIT_FALSE;
    if (lo == BL_LIT_TRUE || lo == hi)
        return hi;
    if (g->facts.n_ands >= g->n_hashed_limit && !grow_buckets(g))
        return BL_LIT_FALSE;
    bucket *place;
    uint64_t hash = bl_graph_hash(hi, lo);
    uint32_t id = find_and(&place, g, hash, hi, lo);
    if (id)
        return 2 * id;
    if (!add_node(&id, g, hi, lo))
        return BL_LIT_FALSE;
    put(place, hash, id);
    g->facts.n_ands++;
    return 2 * id;
}

bl_lit bl_graph_or(bl_graph *g, bl_lit a, bl_lit b)
{
    return bl_lit_not(bl_graph_and(g, bl_lit_not(a), bl_lit_not(b)));
}

bl_lit bl_graph_xor(bl_graph *g, bl_lit a, bl_lit b)
{
    bl_lit both = bl_graph_and(g, a, b), neither = bl_graph_and(g, bl_lit_not(a), bl_lit_not(b));
    return bl_graph_and(g, bl_lit_not(both), bl_lit_not(neither));
}

bl_lit bl_graph_mux(bl_graph *g, bl_lit s, bl_lit then_, bl_lit else_)
{
    if (then_ == else_)
        return then_;
    if (then_ == bl_lit_not(else_))
        return bl_lit_not(bl_graph_xor(g, s, then_));
    return bl_graph_or(g, bl_graph_and(g, s, then_), bl_graph_and(g, bl_lit_not(s), else_));
}

bl_lit bl_graph_maj3(bl_graph *g, bl_lit a, bl_lit b, bl_lit c)
{
    bl_lit both = bl_graph_and(g, a, b), neither = bl_graph_and(g, bl_lit_not(a), bl_lit_not(b));
    return bl_graph_or(g, both, bl_graph_and(g, bl_lit_not(neither), c));
}

// Two-input function by its table (bit 2*b + c), one AND or XOR at most.
static bl_lit lut2(bl_graph *g, unsigned table, bl_lit b, bl_lit c)
{
    switch (table & 15) {
    case 0x0: return BL_LIT_FALSE;
    case 0xF: return BL_LIT_TRUE;
    case 0xC: return b;
    case 0x3: return bl_lit_not(b);
    case 0xA: return c;
    case 0x5: return bl_lit_not(c);
    case 0x6: return bl_graph_xor(g, b, c);
    case 0x9: return bl_lit_not(bl_graph_xor(g, b, c));
    case 0x8: return bl_graph_and(g, b, c);
    case 0x4: return bl_graph_and(g, b, bl_lit_not(c));
    case 0x2: return bl_graph_and(g, bl_lit_not(b), c);
    case 0x1: return bl_graph_and(g, bl_lit_not(b), bl_lit_not(c));
    default: return bl_lit_not(lut2(g, ~table, b, c));
    }
}

bl_lit bl_graph_lut3(bl_graph *g, uint8_t table, bl_lit a, bl_lit b, bl_lit c)
{
    if (table == 0xE8)
        return bl_graph_maj3(g, a, b, c);
    if (table == 0x96)
        return bl_graph_xor(g, bl_graph_xor(g, a, b), c);
    unsigned hi = table >> 4, lo = table & 15;
    if (hi == (~lo & 15)) // a ^ f(b, c)
        return bl_graph_xor(g, a, lut2(g, lo, b, c));
    return bl_graph_mux(g, a, lut2(g, hi, b, c), lut2(g, lo, b, c));
}

bl_status bl_graph_count_levels(uint32_t *n_levels, const bl_graph *handle)
{
    const graph *g = (const graph *)handle;
    uint32_t n = g->facts.n_nodes, deepest = 0;
    uint32_t *level = bl_alloc(g->allocator, n * sizeof *level);
    if (!level)
        return BL_ERR_MEMORY;
    for (uint32_t id = 1; id < n; id++) {
        if (g->fanin0[id] >= BL_NODE_LATCH)
            continue;
        uint32_t a = level[bl_lit_node(g->fanin0[id])], b = level[bl_lit_node(g->fanin1[id])];
        level[id] = 1 + (a > b ? a : b);
    }
    for (uint32_t i = 0; i < g->facts.n_outputs; i++)
        if (level[bl_lit_node(g->outputs[i].lit)] > deepest)
            deepest = level[bl_lit_node(g->outputs[i].lit)];
    for (uint32_t i = 0; i < g->facts.n_latches; i++)
        if (level[bl_lit_node(g->latches[i].next)] > deepest)
            deepest = level[bl_lit_node(g->latches[i].next)];
    bl_free(g->allocator, level, n * sizeof *level);
    *n_levels = deepest;
    return BL_OK;
}
