// SPDX-License-Identifier: MIT
// Gates in one array, their readers in doubly linked lists of edges, a hash over fanins and table.
//
//     gate 7: fanin [2, 5, 0]   edge 21 = 3*7+0 in the list of gate 2, edge 22 in that of gate 5
//
// Complements live in the tables: an edge carries none, and a gate is found by its table or the
// complement of it. So a gate that becomes the complement of another one is replaced by a literal,
// and what it reads is never asked for its polarity.

#include "network.h"
#include "lut.h"

#include <assert.h>
#include <string.h>

enum { FIRST_CAPACITY = 256, MAX_EXCLUSIVE = 128 };

static const uint32_t MAX_GATES = UINT32_MAX / 3 - 1; // edges are 32-bit numbers

static bool fail(network *net, bl_status status)
{
    if (net->status == BL_OK)
        net->status = status;
    return false;
}

// ------------------------------------------------------------------------------------- hash

static uint32_t bucket_of(const network *net, uint8_t table, const uint32_t *fanin)
{
    uint8_t positive = table & 1 ? (uint8_t)~table : table;
    uint64_t key = (uint64_t)fanin[0] << 32 | fanin[1];
    key = (key ^ (uint64_t)fanin[2] << 20 ^ positive) * UINT64_C(0x9e3779b97f4a7c15);
    return (uint32_t)(key >> 32 ^ key >> 51) & (net->n_buckets - 1);
}

static bool is_same_gate(const gate *g, uint8_t table, const uint32_t *fanin)
{
    return g->fanin[0] == fanin[0] && g->fanin[1] == fanin[1] && g->fanin[2] == fanin[2]
           && (g->table == table || (g->table ^ table) == 0xFF);
}

// 0: none.
static uint32_t find_gate(const network *net, uint8_t table, const uint32_t *fanin)
{
    uint32_t id = net->buckets[bucket_of(net, table, fanin)];
    while (id && !is_same_gate(&net->gates[id], table, fanin))
        id = net->gates[id].next_in_bucket;
    return id;
}

static void hash_insert(network *net, uint32_t id)
{
    gate *g = &net->gates[id];
    uint32_t *bucket = &net->buckets[bucket_of(net, g->table, g->fanin)];
    g->next_in_bucket = *bucket;
    *bucket = id;
}

static void hash_remove(network *net, uint32_t id)
{
    gate *g = &net->gates[id];
    uint32_t *at = &net->buckets[bucket_of(net, g->table, g->fanin)];
    while (*at != id) {
        assert(*at);
        at = &net->gates[*at].next_in_bucket;
    }
    *at = g->next_in_bucket;
}

static bool grow_hash(network *net)
{
    uint32_t n = net->n_buckets ? 2 * net->n_buckets : FIRST_CAPACITY;
    uint32_t *buckets = bl_alloc_array(net->allocator, n, sizeof *buckets);
    if (!buckets)
        return fail(net, BL_ERR_MEMORY);
    bl_free(net->allocator, net->buckets, net->n_buckets * sizeof *buckets);
    net->buckets = buckets;
    net->n_buckets = n;
    for (uint32_t id = 1; id < net->n; id++)
        if (network_is_gate(net, id))
            hash_insert(net, id);
    return true;
}

// ------------------------------------------------------------------------------------ gates

static bool reserve_gate(network *net)
{
    if (net->status != BL_OK)
        return false;
    if (net->n < net->capacity)
        return true;
    if (net->n >= MAX_GATES)
        return fail(net, BL_ERR_LIMIT);
    uint64_t wish = (uint64_t)net->capacity + net->capacity / 4 + FIRST_CAPACITY;
    uint32_t next = wish > MAX_GATES ? MAX_GATES : (uint32_t)wish;
    void *p = bl_resize(net->allocator, net->gates, net->capacity * sizeof *net->gates,
                        next * sizeof *net->gates);
    if (!p)
        return fail(net, BL_ERR_MEMORY);
    net->gates = p;
    net->capacity = next;
    return true;
}

bl_status network_create(network *net, uint32_t n_sources, uint32_t n_ports,
                         const bl_allocator *allocator)
{
    *net = (network){.n_sources = n_sources, .n_ports = n_ports, .allocator = allocator};
    net->ports = bl_alloc_array(allocator, n_ports, sizeof *net->ports);
    if (!net->ports)
        return BL_ERR_MEMORY;
    for (uint32_t i = 0; i <= n_sources; i++) {
        if (!reserve_gate(net))
            return net->status;
        net->gates[net->n++] = (gate){.kind = GATE_SOURCE};
    }
    return grow_hash(net) ? BL_OK : net->status;
}

void network_destroy(network *net)
{
    const bl_allocator *a = net->allocator;
    bl_free(a, net->gates, net->capacity * sizeof *net->gates);
    bl_free(a, net->ports, net->n_ports * sizeof *net->ports);
    bl_free(a, net->buckets, net->n_buckets * sizeof *net->buckets);
    bl_free(a, net->stack, net->stack_capacity * sizeof *net->stack);
    *net = (network){0};
}

void network_set_port(network *net, uint32_t port, bl_lit lit)
{
    assert(port < net->n_ports && net->ports[port] == 0);
    net->ports[port] = lit;
    net->gates[bl_lit_node(lit)].n_readers++;
}

bl_lit network_resolve(const network *net, bl_lit lit)
{
    while (net->gates[bl_lit_node(lit)].kind == GATE_FORWARD)
        lit = bl_lit_not_if(net->gates[bl_lit_node(lit)].fanin[0], bl_lit_is_complemented(lit));
    return lit;
}

static void link_fanins(network *net, uint32_t id)
{
    gate *g = &net->gates[id];
    for (uint32_t k = 0; k < g->n_fanins; k++) {
        gate *f = &net->gates[g->fanin[k]];
        uint32_t edge = 3 * id + k;
        g->previous_edge[k] = 0;
        g->next_edge[k] = f->first_edge;
        if (f->first_edge)
            net->gates[f->first_edge / 3].previous_edge[f->first_edge % 3] = edge;
        f->first_edge = edge;
        f->n_readers++;
    }
}

static void unlink_fanins(network *net, uint32_t id)
{
    gate *g = &net->gates[id];
    for (uint32_t k = 0; k < g->n_fanins; k++) {
        gate *f = &net->gates[g->fanin[k]];
        uint32_t next = g->next_edge[k], previous = g->previous_edge[k];
        if (previous)
            net->gates[previous / 3].next_edge[previous % 3] = next;
        else
            f->first_edge = next;
        if (next)
            net->gates[next / 3].previous_edge[next % 3] = previous;
        assert(f->n_readers > 0);
        f->n_readers--;
    }
}

static uint32_t level_above(const network *net, const uint32_t *fanin)
{
    uint32_t level = 0;
    for (uint32_t k = 0; k < MAX_FANINS; k++) // the constant's level is 0
        if (net->gates[fanin[k]].level > level)
            level = net->gates[fanin[k]].level;
    return level + 1;
}

// The literal of what needs no gate or has one; else NO_LIT, and table and fanins normalised.
static bl_lit find_lut(const network *net, uint8_t *table, uint32_t *fanin, uint32_t *n_fanins)
{
    uint32_t n = *n_fanins = lut_normalise(table, fanin);
    if (n == 0)
        return *table & 1;
    if (n == 1)
        return 2 * fanin[0] + (*table & 1);
    uint32_t id = find_gate(net, *table, fanin);
    return id ? 2 * id + (net->gates[id].table != *table) : NO_LIT;
}

bl_lit network_find(const network *net, uint8_t table, const bl_lit lits[MAX_FANINS])
{
    uint32_t fanin[MAX_FANINS] = {lits[0], lits[1], lits[2]}, n;
    return find_lut(net, &table, fanin, &n);
}

bl_lit network_lut(network *net, uint8_t table, const bl_lit lits[MAX_FANINS])
{
    uint32_t fanin[MAX_FANINS] = {lits[0], lits[1], lits[2]}, n_fanins;
    bl_lit found = find_lut(net, &table, fanin, &n_fanins);
    if (found != NO_LIT)
        return found;
    if (!reserve_gate(net) || (net->n >= net->n_buckets && !grow_hash(net)))
        return BL_LIT_FALSE;
    uint32_t id = net->n++;
    net->gates[id] = (gate){.kind = GATE_LUT,
                            .table = table,
                            .n_fanins = (uint8_t)n_fanins,
                            .fanin = {fanin[0], fanin[1], fanin[2]},
                            .level = level_above(net, fanin)};
    link_fanins(net, id);
    hash_insert(net, id);
    net->n_luts++;
    return 2 * id;
}

// --------------------------------------------------------------------------- removal, change

// Gates to remove are linked through next_in_bucket, which they need no more.
void network_release(network *net, uint32_t id)
{
    if (!network_is_gate(net, id) || net->gates[id].n_readers > 0)
        return;
    hash_remove(net, id);
    net->gates[id].kind = GATE_GONE;
    net->gates[id].next_in_bucket = 0;
    for (uint32_t first = id; first;) {
        uint32_t at = first;
        first = net->gates[at].next_in_bucket;
        unlink_fanins(net, at);
        net->n_luts--;
        for (uint32_t k = 0; k < net->gates[at].n_fanins; k++) {
            uint32_t f = net->gates[at].fanin[k];
            if (!network_is_gate(net, f) || net->gates[f].n_readers > 0)
                continue;
            hash_remove(net, f);
            net->gates[f].kind = GATE_GONE;
            net->gates[f].next_in_bucket = first;
            first = f;
        }
    }
}

void network_roll_back(network *net, uint32_t n)
{
    for (uint32_t id = net->n; id-- > n;)
        network_release(net, id);
    while (net->n > n && net->gates[net->n - 1].kind == GATE_GONE)
        net->n--;
}

static void push(network *net, uint32_t value)
{
    if (net->n_stack == net->stack_capacity) {
        uint32_t next = 2 * net->stack_capacity + FIRST_CAPACITY;
        void *p = bl_resize(net->allocator, net->stack, net->stack_capacity * sizeof *net->stack,
                            next * sizeof *net->stack);
        if (!p) {
            fail(net, BL_ERR_MEMORY);
            return;
        }
        net->stack = p;
        net->stack_capacity = next;
    }
    net->stack[net->n_stack++] = value;
}

// While it waits, the literal counts as read, so that it does not disappear.
static void push_replacement(network *net, uint32_t id, bl_lit by)
{
    net->gates[bl_lit_node(by)].n_readers++;
    push(net, id);
    push(net, by);
}

// Levels of the readers rise where they must; they never fall before the next network_copy.
static void raise_levels(network *net, uint32_t id)
{
    uint32_t bottom = net->n_stack;
    push(net, id);
    while (net->n_stack > bottom && net->status == BL_OK) {
        uint32_t at = net->stack[--net->n_stack], level = net->gates[at].level;
        for (uint32_t e = net->gates[at].first_edge; e; e = net->gates[e / 3].next_edge[e % 3]) {
            gate *reader = &net->gates[e / 3];
            if (reader->level > level)
                continue;
            reader->level = level + 1;
            push(net, e / 3);
        }
    }
}

static void release_fanins(network *net, const uint32_t *fanin)
{
    for (uint32_t k = 0; k < MAX_FANINS; k++)
        network_release(net, fanin[k]);
}

// The reader reads `by` instead of `old`: it stays, or waits, reading nothing, to be replaced.
static void change_reader(network *net, uint32_t reader, uint32_t old, bl_lit by)
{
    gate *g = &net->gates[reader];
    uint32_t before[MAX_FANINS], fanin[MAX_FANINS], n_fanins;
    uint8_t table = g->table;
    memcpy(before, g->fanin, sizeof before);
    for (uint32_t k = 0; k < MAX_FANINS; k++)
        fanin[k] = g->fanin[k] == old ? by : 2 * g->fanin[k];
    hash_remove(net, reader);
    unlink_fanins(net, reader);
    bl_lit found = find_lut(net, &table, fanin, &n_fanins);
    if (found != NO_LIT) {
        g->kind = GATE_WAITING;
        push_replacement(net, reader, found);
    } else {
        memcpy(g->fanin, fanin, sizeof fanin);
        g->n_fanins = (uint8_t)n_fanins;
        g->table = table;
        link_fanins(net, reader);
        hash_insert(net, reader);
        uint32_t level = level_above(net, fanin);
        if (level > g->level) {
            g->level = level;
            raise_levels(net, reader);
        }
    }
    release_fanins(net, before);
}

static void replace_one(network *net, uint32_t id, bl_lit by)
{
    gate *g = &net->gates[id], *other = &net->gates[bl_lit_node(by)];
    bool has_fanins = g->kind == GATE_LUT;
    uint32_t fanin[MAX_FANINS];
    memcpy(fanin, g->fanin, sizeof fanin);
    if (has_fanins) {
        hash_remove(net, id);
        unlink_fanins(net, id);
    }
    g->kind = GATE_WAITING;
    while (g->first_edge && net->status == BL_OK)
        change_reader(net, g->first_edge / 3, id, by);
    other->n_readers += g->n_readers; // ports
    g->n_readers = 0;
    g->kind = GATE_FORWARD;
    g->fanin[0] = by;
    net->n_luts--;
    if (has_fanins)
        release_fanins(net, fanin);
}

void network_replace(network *net, uint32_t id, bl_lit by)
{
    assert(network_is_gate(net, id) && bl_lit_node(by) != id && net->n_stack == 0);
    push_replacement(net, id, by);
    while (net->n_stack > 0 && net->status == BL_OK) {
        by = network_resolve(net, net->stack[--net->n_stack]);
        id = net->stack[--net->n_stack];
        if (net->gates[id].kind <= GATE_WAITING && bl_lit_node(by) != id)
            replace_one(net, id, by);
        net->gates[bl_lit_node(by)].n_readers--;
        network_release(net, bl_lit_node(by));
    }
}

// ------------------------------------------------------------------------- questions, copies

static void count_as_read(network *net, const uint32_t *kept, uint32_t n_kept, bool is_read)
{
    for (uint32_t i = 0; i < n_kept; i++)
        net->gates[kept[i]].n_readers += is_read ? 1u : UINT32_MAX;
}

uint32_t network_count_exclusive(network *net, uint32_t id, uint32_t *members, uint32_t limit,
                                 const uint32_t *kept, uint32_t n_kept)
{
    uint32_t list[MAX_EXCLUSIVE] = {id}, n = 1;
    assert(network_is_gate(net, id) && limit > 0);
    if (limit > MAX_EXCLUSIVE)
        limit = MAX_EXCLUSIVE;
    count_as_read(net, kept, n_kept, true);
    for (uint32_t i = 0; i < n; i++) {
        const gate *g = &net->gates[list[i]];
        for (uint32_t k = 0; k < g->n_fanins; k++)
            if (--net->gates[g->fanin[k]].n_readers == 0 && network_is_gate(net, g->fanin[k])
                && n < limit)
                list[n++] = g->fanin[k];
    }
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t k = 0; k < net->gates[list[i]].n_fanins; k++)
            net->gates[net->gates[list[i]].fanin[k]].n_readers++;
    count_as_read(net, kept, n_kept, false);
    if (members)
        memcpy(members, list, n * sizeof *list);
    return n;
}

// Fanins first. The stack holds gates whose fanins may be missing; new literals are in `lit_of`.
static void copy_cone(network *to, const network *from, bl_lit *lit_of, uint32_t *stack,
                      uint32_t root)
{
    uint32_t n = 0;
    stack[n++] = root;
    while (n > 0 && to->status == BL_OK) {
        uint32_t id = stack[n - 1], n_before = n;
        const gate *g = &from->gates[id];
        if (lit_of[id] == NO_LIT)
            for (uint32_t k = g->n_fanins; k-- > 0;)
                if (lit_of[g->fanin[k]] == NO_LIT)
                    stack[n++] = g->fanin[k];
        if (n > n_before)
            continue;
        n--;
        if (lit_of[id] != NO_LIT)
            continue;
        bl_lit fanin[MAX_FANINS] = {0};
        for (uint32_t k = 0; k < g->n_fanins; k++)
            fanin[k] = lit_of[g->fanin[k]];
        lit_of[id] = network_lut(to, g->table, fanin);
    }
}

static bl_status copy_all(network *to, const network *from, bl_lit *lit_of, uint32_t *stack)
{
    for (uint32_t id = 0; id < from->n; id++)
        lit_of[id] = id <= from->n_sources ? 2 * id : NO_LIT;
    for (uint32_t i = 0; i < from->n_ports; i++) {
        bl_lit lit = network_resolve(from, from->ports[i]);
        copy_cone(to, from, lit_of, stack, bl_lit_node(lit));
        if (to->status != BL_OK)
            return to->status;
        network_set_port(to, i,
                         bl_lit_not_if(lit_of[bl_lit_node(lit)], bl_lit_is_complemented(lit)));
    }
    for (uint32_t id = to->n; id-- > 1;) // what became trivial on the way
        network_release(to, id);
    return to->status;
}

bl_status network_copy(network *to, const network *from)
{
    const bl_allocator *a = from->allocator;
    size_t n_stack = 3 * (size_t)from->n_luts + 4; // each gate once, its fanins at most
    bl_lit *lit_of = bl_alloc_array(a, from->n, sizeof *lit_of);
    uint32_t *stack = bl_alloc_array(a, n_stack, sizeof *stack);
    bl_status status = network_create(to, from->n_sources, from->n_ports, a);
    if (status == BL_OK)
        status = lit_of && stack ? copy_all(to, from, lit_of, stack) : BL_ERR_MEMORY;
    bl_free(a, lit_of, from->n * sizeof *lit_of);
    bl_free(a, stack, n_stack * sizeof *stack);
    if (status != BL_OK)
        network_destroy(to);
    return status;
}

uint32_t network_count_levels(const network *net)
{
    uint32_t deepest = 0;
    for (uint32_t i = 0; i < net->n_ports; i++) {
        bl_lit lit = network_resolve(net, net->ports[i]);
        if (net->gates[bl_lit_node(lit)].level > deepest)
            deepest = net->gates[bl_lit_node(lit)].level;
    }
    return deepest;
}
