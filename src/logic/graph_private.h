// SPDX-License-Identifier: MIT
#ifndef BITLOOM_LOGIC_GRAPH_PRIVATE_H
#define BITLOOM_LOGIC_GRAPH_PRIVATE_H

#include <bitloom/logic.h>

// One cache line of the hash table: nodes in the order of their arrival, each with eight bits of
// its hash, so that a pair that is not there is seldom compared with the fanins of another.
enum { BUCKET_NODES = 12, REGION_BUCKETS = 64, MEAN_NODES = 8 };
typedef struct bucket {
    uint8_t tags[BUCKET_NODES]; // 0: free
    uint32_t n;                 // of nodes
    uint32_t nodes[BUCKET_NODES];
} bucket;

// What stands behind the public facts, which come first so that one pointer serves as both.
typedef struct graph {
    bl_graph facts;
    const bl_allocator *allocator;
    uint32_t *fanin0, *fanin1;
    uint32_t fanin0_capacity, fanin1_capacity;
    bucket *buckets; // NULL until the next AND
    uint32_t n_regions;
    uint32_t n_hashed_limit; // ANDs that the buckets are meant for
    bl_graph_input_info *inputs;
    uint32_t input_capacity;
    bl_graph_latch_info *latches;
    uint32_t latch_capacity;
    bl_graph_output_info *outputs;
    uint32_t output_capacity;
    char *names; // zero-terminated texts; offset 0 is the empty one
    uint32_t n_name_bytes, name_capacity;
    char *comment;
    size_t comment_bytes;
} graph;

// Copies of texts that need not end in a zero. On failure nothing changes.
BL_MUST_USE bl_status bl_graph_keep_name(uint32_t *name, graph *g, const char *text,
                                         size_t n_chars);
BL_MUST_USE bl_status bl_graph_keep_comment(graph *g, const char *text, size_t n_chars);

// Room for so many nodes in all, and buckets for so many ANDs; failure sticks.
void bl_graph_reserve(graph *g, uint32_t n_nodes, uint32_t n_ands);
// Gives the buckets back; the next AND makes them again.
void bl_graph_drop_hash(graph *g);

static inline uint64_t bl_graph_hash(bl_lit a, bl_lit b)
{
    uint64_t key = (uint64_t)(a > b ? a : b) << 32 | (a > b ? b : a);
    return key * UINT64_C(0x9e3779b97f4a7c15);
}

// The bucket of a pair lies in the region of the greater fanin, chosen by six bits of the hash.
static inline bucket *bl_graph_home(const graph *g, uint64_t hash, bl_lit a, bl_lit b)
{
    uint32_t region = bl_lit_node(a > b ? a : b) / (REGION_BUCKETS * MEAN_NODES);
    if (__builtin_expect(region >= g->n_regions, 0))
        region %= g->n_regions;
    return &g->buckets[(size_t)region * REGION_BUCKETS + (hash >> 58)];
}

// The first bucket anywhere to take what a full one cannot: the high half of the hash, scaled.
static inline bucket *bl_graph_overflow(const graph *g, uint64_t hash)
{
    return &g->buckets[(hash >> 32) * g->n_regions * REGION_BUCKETS >> 32];
}

// Fetches what bl_graph_and will look at, some calls ahead. There must be buckets.
static inline void bl_graph_prefetch_and(const graph *g, bl_lit a, bl_lit b)
{
    uint64_t hash = bl_graph_hash(a, b);
    const bucket *home = bl_graph_home(g, hash, a, b);
    __builtin_prefetch(home->n < BUCKET_NODES ? home : bl_graph_overflow(g, hash), 1);
}

#endif
