// SPDX-License-Identifier: MIT
// Finds adders by their functions, not by how they are built. Each node has a few cuts of at most
// three leaves, with tables. A cut whose table is the exclusive or of its leaves makes the node a
// possible sum; a majority of the leaves, some of them complemented, makes it a possible carry:
//
//     carry = maj(a^p, b^q, c^r)   and   sum = a ^ b ^ c    of the same nodes a, b, c
//
// Then 2 carry + (sum ^ p ^ q ^ r) = (a^p) + (b^q) + (c^r). For two leaves the carry is the AND
// itself. Sums wait in a hash table of their leaves for their carries.

#include "logic/map/adders.h"

#include "logic/map/table3.h"

#include "logic/map/cut.h"

#include "base/try.h"

#include <assert.h>
#include <string.h>

enum {
    N_CUTS = 8,
    MAX_RING = 1 << 18, // nodes whose cuts are kept
    XOR3_TABLE = 0x96,
    XOR2_TABLE = 0x66,
    MAX_SUMS = 4, // that one carry is paired with
};

typedef struct half { // one of the two results of an adder
    uint32_t leaf[3]; // rising; the last one is 0 where there are two
    uint32_t node;
    uint32_t next; // of the same place of the hash table, 1 + index
    uint8_t table;
} half;

typedef struct half_list {
    bl_buffer buffer;
    uint32_t n;
} half_list;

typedef struct finder {
    const bl_graph *g;
    const uint32_t *readers;
    cut *cuts; // N_CUTS of each of the last nodes
    uint8_t *n_cuts;
    uint32_t ring_mask;
    half_list sums, carries;
    uint32_t *places; // of sums by leaves, 1 + index
    uint32_t n_places;
    uint8_t is_sum[256], majority[256]; // majority: 1 + mask of complemented leaves
    adder_list *list;
    const bl_allocator *allocator;
} finder;

static half *halves(const half_list *l) { return (half *)(void *)l->buffer.data; }

static void classify(finder *f)
{
    f->is_sum[XOR3_TABLE] = f->is_sum[XOR3_TABLE ^ 0xFF] = 1;
    for (unsigned mask = 0; mask < 8; mask++) {
        unsigned table = 0;
        for (unsigned row = 0; row < 8; row++)
            table |= (unsigned)(__builtin_popcount(row ^ mask) >= 2) << row;
        f->majority[table] = (uint8_t)(1 + mask);
    }
}

static void append_half(half_list *l, const cut *x, uint32_t node)
{
    half h = {.node = node, .table = x->table};
    memcpy(h.leaf, x->leaf, x->n * sizeof *x->leaf);
    bl_buffer_append(&l->buffer, &h, sizeof h);
    l->n += l->buffer.status == BL_OK;
}

static void note_functions(finder *f, uint32_t node, const cut *cuts, uint32_t n)
{
    for (uint32_t k = 0; k < n; k++) {
        const cut *x = &cuts[k];
        if (x->n == 3 ? f->is_sum[x->table]
                      : x->n == 2 && (x->table == XOR2_TABLE || x->table == (XOR2_TABLE ^ 0xFF)))
            append_half(&f->sums, x, node);
        if (x->n == 3 && f->majority[x->table])
            append_half(&f->carries, x, node);
    }
}

// A cut that contains another one says nothing new.
static uint32_t keep_cut(cut *cuts, uint32_t n, const cut *x)
{
    for (uint32_t k = 0; k < n; k++)
        if (cuts[k].n <= x->n && is_subset(&cuts[k], x))
            return n;
    uint32_t n_kept = 0;
    for (uint32_t k = 0; k < n; k++)
        if (cuts[k].n <= x->n || !is_subset(x, &cuts[k]))
            cuts[n_kept++] = cuts[k];
    if (n_kept < N_CUTS)
        cuts[n_kept++] = *x;
    return n_kept;
}

static bool is_and(const finder *f, uint32_t id)
{
    return f->g->fanin0[id] < BL_NODE_LATCH && id > 0;
}

// All unions of a cut of each fanin, those of x and y.
static uint32_t unite_all(cut *found, const finder *f, uint32_t id, const cut *xs, uint32_t n_x,
                          const cut *ys, uint32_t n_y)
{
    uint8_t flip_x = (f->g->fanin0[id] & 1) ? 0xFF : 0, flip_y = (f->g->fanin1[id] & 1) ? 0xFF : 0;
    uint32_t n = 0;
    for (uint32_t i = 0; i < n_x; i++)
        for (uint32_t k = 0; k < n_y; k++) {
            cut both = {.n = 0};
            unsigned mask_x, mask_y;
            if (!unite(&both, &xs[i], &ys[k], LEAVES, &mask_x, &mask_y))
                continue;
            both.table = (uint8_t)((stretch(xs[i].table, mask_x) ^ flip_x)
                                   & (stretch(ys[k].table, mask_y) ^ flip_y));
            shrink(&both);
            n = keep_cut(found, n, &both);
        }
    return n;
}

// A node itself and, of an AND, its fanins.
static uint32_t nearest_cuts(cut *found, const finder *f, uint32_t id)
{
    found[0] = trivial_cut(id);
    if (!is_and(f, id))
        return 1;
    cut x = trivial_cut(bl_lit_node(f->g->fanin0[id])),
        y = trivial_cut(bl_lit_node(f->g->fanin1[id]));
    return 1 + unite_all(found + 1, f, id, &x, 1, &y, 1);
}

// Cuts of a fanin: the node itself, and those that are kept. Where the node lies too far back, what
// two levels of ANDs show, such as an exclusive or.
static uint32_t cuts_of(cut *found, const finder *f, uint32_t reader, uint32_t id)
{
    found[0] = trivial_cut(id);
    if (!is_and(f, id))
        return 1;
    if (reader - id <= f->ring_mask) {
        uint32_t place = id & f->ring_mask, n = f->n_cuts[place];
        memcpy(found + 1, &f->cuts[(size_t)place * N_CUTS], n * sizeof *found);
        return 1 + n;
    }
    cut xs[2], ys[2];
    uint32_t n_x = nearest_cuts(xs, f, bl_lit_node(f->g->fanin0[id]));
    uint32_t n_y = nearest_cuts(ys, f, bl_lit_node(f->g->fanin1[id]));
    return 1 + unite_all(found + 1, f, id, xs, n_x, ys, n_y);
}

static void find_cuts(finder *f, uint32_t id)
{
    cut xs[N_CUTS + 1], ys[N_CUTS + 1], found[N_CUTS];
    uint32_t n_x = cuts_of(xs, f, id, bl_lit_node(f->g->fanin0[id]));
    uint32_t n_y = cuts_of(ys, f, id, bl_lit_node(f->g->fanin1[id]));
    uint32_t n = unite_all(found, f, id, xs, n_x, ys, n_y), place = id & f->ring_mask;
    memcpy(&f->cuts[(size_t)place * N_CUTS], found, n * sizeof *found);
    f->n_cuts[place] = (uint8_t)n;
    note_functions(f, id, found, n);
}

// ----------------------------------------------------------------------------------- pairs

static uint32_t place_of(const finder *f, const uint32_t leaf[3])
{
    uint64_t key = ((uint64_t)leaf[0] << 32 | leaf[1]) * UINT64_C(0x9e3779b97f4a7c15) ^ leaf[2];
    return (uint32_t)(bl_mix64(key) >> 32) & (f->n_places - 1);
}

// From the last one on, so that each place lists its sums in order.
static bl_status hash_sums(finder *f)
{
    f->n_places = 16;
    while (f->n_places < f->sums.n)
        f->n_places *= 2;
    f->places = bl_alloc_array(f->allocator, f->n_places, sizeof *f->places);
    if (!f->places)
        return BL_ERR_MEMORY;
    for (uint32_t i = f->sums.n; i-- > 0;) {
        half *h = &halves(&f->sums)[i];
        uint32_t *place = &f->places[place_of(f, h->leaf)];
        h->next = *place;
        *place = i + 1;
    }
    return BL_OK;
}

static bl_status append_adder(adder_list *list, const adder *a)
{
    if (list->n == list->capacity) {
        size_t wish = list->capacity * 3 / 2 + 256;
        adder *p =
            bl_resize(list->allocator, list->adders, list->capacity * sizeof *p, wish * sizeof *p);
        if (!p)
            return BL_ERR_MEMORY;
        list->adders = p;
        list->capacity = wish;
    }
    list->adders[list->n++] = *a;
    return BL_OK;
}

// The adders of one carry: with each sum of the same leaves, or without one.
static bl_status pair(finder *f, const uint32_t leaf[3], const bl_lit in[3], uint32_t carry,
                      bool is_alone)
{
    adder a = {.in = {in[0], in[1], in[2]}, .carry = carry};
    bool parity = (in[0] ^ in[1] ^ in[2]) & 1;
    uint32_t n = 0;
    for (uint32_t i = f->places[place_of(f, leaf)]; i && n < MAX_SUMS;) {
        const half *h = &halves(&f->sums)[i - 1];
        i = h->next;
        if (memcmp(h->leaf, leaf, sizeof h->leaf) != 0 || h->node == carry)
            continue;
        a.sum = 2 * h->node + (parity ^ (h->table != XOR3_TABLE && h->table != XOR2_TABLE));
        TRY(append_adder(f->list, &a));
        n++;
    }
    return n == 0 && is_alone ? append_adder(f->list, &a) : BL_OK;
}

static bl_status pair_full(finder *f, const half *carry)
{
    unsigned mask = f->majority[carry->table] - 1u;
    bl_lit in[3];
    for (unsigned k = 0; k < 3; k++)
        in[k] = 2 * carry->leaf[k] + (mask >> k & 1);
    return pair(f, carry->leaf, in, carry->node, true);
}

static bl_status pair_and(finder *f, uint32_t id)
{
    bl_lit a = f->g->fanin1[id], b = f->g->fanin0[id]; // b is the greater one
    const uint32_t leaf[3] = {bl_lit_node(a), bl_lit_node(b), 0};
    return pair(f, leaf, (const bl_lit[3]){a, b, BL_LIT_FALSE}, id, false);
}

static bl_status pair_all(finder *f)
{
    TRY(hash_sums(f));
    const half *carry = halves(&f->carries), *end = carry + f->carries.n;
    for (uint32_t id = 1; id < f->g->n_nodes; id++) {
        for (; carry < end && carry->node == id; carry++)
            TRY(pair_full(f, carry));
        if (f->readers[id] > 0 && is_and(f, id))
            TRY(pair_and(f, id));
    }
    return BL_OK;
}

static bl_status index_adders(adder_list *l)
{
    size_t n = (size_t)l->n_nodes + 2;
    l->first_of_carry = bl_alloc_array(l->allocator, n, sizeof *l->first_of_carry);
    l->first_of_sum = bl_alloc_array(l->allocator, n, sizeof *l->first_of_sum);
    l->of_sum = bl_alloc_array(l->allocator, (size_t)l->n + 1, sizeof *l->of_sum);
    if (!l->first_of_carry || !l->first_of_sum || !l->of_sum)
        return BL_ERR_MEMORY;
    for (uint32_t i = 0; i < l->n; i++) { // counted one and two places behind
        l->first_of_carry[l->adders[i].carry + 1]++;
        l->first_of_sum[bl_lit_node(l->adders[i].sum) + 2]++;
    }
    for (size_t i = 1; i < n; i++) {
        l->first_of_carry[i] += l->first_of_carry[i - 1];
        l->first_of_sum[i] += l->first_of_sum[i - 1];
    }
    for (uint32_t i = 0; i < l->n; i++)
        l->of_sum[l->first_of_sum[bl_lit_node(l->adders[i].sum) + 1]++] = i;
    return BL_OK;
}

static bl_status find(finder *f)
{
    for (uint32_t id = 1; id < f->g->n_nodes; id++)
        if (f->readers[id] > 0 && is_and(f, id))
            find_cuts(f, id);
    TRY(f->sums.buffer.status);
    TRY(f->carries.buffer.status);
    TRY(pair_all(f));
    return index_adders(f->list);
}

bl_status adders_find(adder_list *list, const bl_graph *g, const uint32_t *readers,
                      const bl_allocator *allocator)
{
    assert(list && g);
    *list = (adder_list){.allocator = allocator, .n_nodes = g->n_nodes};
    size_t n_ring = 1;
    while (n_ring < g->n_nodes && n_ring < MAX_RING)
        n_ring *= 2;
    finder f = {.g = g,
                .readers = readers,
                .list = list,
                .allocator = allocator,
                .ring_mask = (uint32_t)n_ring - 1};
    f.sums.buffer.allocator = f.carries.buffer.allocator = allocator;
    f.cuts = bl_alloc_array(allocator, n_ring * N_CUTS, sizeof *f.cuts);
    f.n_cuts = bl_alloc_array(allocator, n_ring, sizeof *f.n_cuts);
    classify(&f);
    bl_status status = f.cuts && f.n_cuts ? find(&f) : BL_ERR_MEMORY;
    bl_buffer_clear(&f.sums.buffer);
    bl_buffer_clear(&f.carries.buffer);
    bl_free(allocator, f.places, f.n_places * sizeof *f.places);
    bl_free(allocator, f.cuts, n_ring * N_CUTS * sizeof *f.cuts);
    bl_free(allocator, f.n_cuts, n_ring * sizeof *f.n_cuts);
    if (status != BL_OK)
        adders_destroy(list);
    return status;
}

void adders_destroy(adder_list *l)
{
    size_t n = (size_t)l->n_nodes + 2;
    bl_free(l->allocator, l->adders, l->capacity * sizeof *l->adders);
    bl_free(l->allocator, l->first_of_carry, n * sizeof *l->first_of_carry);
    bl_free(l->allocator, l->first_of_sum, n * sizeof *l->first_of_sum);
    bl_free(l->allocator, l->of_sum, ((size_t)l->n + 1) * sizeof *l->of_sum);
    *l = (adder_list){0};
}
