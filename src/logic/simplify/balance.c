// SPDX-License-Identifier: MIT
// Trees of ANDs and of XORs are taken apart and built anew: shallow, and with pairs that exist.
//
// A tree is a gate and below it the gates of its kind that only it reads; what hangs on it are its
// operands. As long as there are two or more, two become one: a pair whose gate exists already if
// there is one, else the two of the lowest level, so that late operands pass few gates (Huffman's
// algorithm; Cortadella, "Timing-driven logic bi-decomposition", 2003).

#include "passes.h"

#include "base/try.h"

#include <assert.h>
#include <string.h>

enum { MAX_OPERANDS = 48, MAX_SHARING = 16, TABLE_AND = 0x88, TABLE_XOR = 0x66 };

typedef enum tree_kind { TREE_AND, TREE_XOR } tree_kind;

typedef struct balancer {
    const network *from;
    network to;
    bl_lit *lit_of; // of gates of `from`
    bl_lit operand[MAX_OPERANDS];
    uint32_t n;
} balancer;

// A gate of two inputs is an AND of literals or its complement, or an XOR or its complement.
typedef struct shape {
    tree_kind kind;
    bl_lit operand[2];
    bool is_complemented;
} shape;

static shape shape_of(const network *net, uint32_t id)
{
    const gate *g = &net->gates[id];
    uint32_t table = g->table & 15;
    shape s = {.operand = {2 * g->fanin[0], 2 * g->fanin[1]}};
    assert(g->n_fanins == 2);
    if (table == 0x6 || table == 0x9) {
        s.kind = TREE_XOR;
        s.is_complemented = table == 0x9;
        return s;
    }
    s.is_complemented = __builtin_popcount(table) == 3;
    uint32_t row = (uint32_t)__builtin_ctz(s.is_complemented ? ~table : table);
    for (uint32_t k = 0; k < 2; k++)
        s.operand[k] = bl_lit_not_if(s.operand[k], !(row >> k & 1));
    return s;
}

// Whether the operand of a tree is a gate that belongs to it. Complements pass through XORs.
static bool belongs(const network *net, bl_lit lit, tree_kind kind)
{
    uint32_t id = bl_lit_node(lit);
    if (!network_is_gate(net, id) || net->gates[id].n_readers != 1)
        return false;
    shape s = shape_of(net, id);
    return s.kind == kind && (kind == TREE_XOR || s.is_complemented == bl_lit_is_complemented(lit));
}

// Lists the operands; whether the tree above them is complemented. Those of a XOR end without
// complements, which are counted.
static bool collect(balancer *b, uint32_t root)
{
    shape top = shape_of(b->from, root);
    bool is_complemented = top.is_complemented;
    b->n = 0;
    b->operand[b->n++] = top.operand[0];
    b->operand[b->n++] = top.operand[1];
    for (uint32_t i = 0; i < b->n;) {
        if (b->n == MAX_OPERANDS || !belongs(b->from, b->operand[i], top.kind)) {
            i++;
            continue;
        }
        shape s = shape_of(b->from, bl_lit_node(b->operand[i]));
        if (top.kind == TREE_XOR)
            is_complemented ^= s.is_complemented ^ bl_lit_is_complemented(b->operand[i]);
        b->operand[i] = s.operand[0];
        b->operand[b->n++] = s.operand[1];
    }
    return is_complemented;
}

static uint32_t level_of(const balancer *b, uint32_t i)
{
    return b->to.gates[bl_lit_node(b->operand[i])].level;
}

// Highest level first.
static void insert_operand(balancer *b, bl_lit lit)
{
    uint32_t at = b->n++;
    uint32_t level = b->to.gates[bl_lit_node(lit)].level;
    for (; at > 0 && level_of(b, at - 1) < level; at--)
        b->operand[at] = b->operand[at - 1];
    b->operand[at] = lit;
}

static void sort_operands(balancer *b)
{
    uint32_t n = b->n;
    b->n = 0;
    for (uint32_t i = 0; i < n; i++)
        insert_operand(b, b->operand[i]);
}

static bl_lit take_operand(balancer *b, uint32_t i)
{
    bl_lit lit = b->operand[i];
    memmove(&b->operand[i], &b->operand[i + 1], (--b->n - i) * sizeof lit);
    return lit;
}

// The pair that needs no new gate, of the last few; else the last two.
static void choose_pair(const balancer *b, tree_kind kind, uint32_t *x, uint32_t *y)
{
    uint32_t first = b->n > MAX_SHARING ? b->n - MAX_SHARING : 0;
    for (uint32_t i = b->n; i-- > first;)
        for (uint32_t k = i; k-- > first;) {
            bl_lit fanin[MAX_FANINS] = {b->operand[k], b->operand[i]};
            if (network_find(&b->to, kind == TREE_XOR ? TABLE_XOR : TABLE_AND, fanin) != NO_LIT) {
                *x = k;
                *y = i;
                return;
            }
        }
    *x = b->n - 2;
    *y = b->n - 1;
}

static void build_tree(balancer *b, uint32_t root)
{
    tree_kind kind = shape_of(b->from, root).kind;
    bool is_complemented = collect(b, root);
    for (uint32_t i = 0; i < b->n; i++)
        b->operand[i] = bl_lit_not_if(b->lit_of[bl_lit_node(b->operand[i])],
                                      bl_lit_is_complemented(b->operand[i]));
    sort_operands(b);
    while (b->n > 1 && b->to.status == BL_OK) {
        uint32_t x, y;
        choose_pair(b, kind, &x, &y);
        bl_lit fanin[MAX_FANINS] = {0};
        fanin[0] = take_operand(b, y); // the later one first: x < y
        fanin[1] = take_operand(b, x);
        insert_operand(b, network_lut(&b->to, kind == TREE_XOR ? TABLE_XOR : TABLE_AND, fanin));
    }
    b->lit_of[root] = bl_lit_not_if(b->operand[0], is_complemented);
}

// Ids of the old network are topological. Roots are what ports and operands of other trees need.
static void build_all(balancer *b, uint8_t *is_root)
{
    const network *net = b->from;
    for (uint32_t i = 0; i < net->n_ports; i++)
        is_root[bl_lit_node(network_resolve(net, net->ports[i]))] = 1;
    for (uint32_t id = net->n; id-- > net->n_sources + 1;) {
        if (!is_root[id])
            continue;
        collect(b, id);
        for (uint32_t i = 0; i < b->n; i++)
            is_root[bl_lit_node(b->operand[i])] = 1;
    }
    for (uint32_t i = 0; i <= net->n_sources; i++)
        b->lit_of[i] = 2 * i;
    for (uint32_t id = net->n_sources + 1; id < net->n && b->to.status == BL_OK; id++)
        if (is_root[id])
            build_tree(b, id);
    for (uint32_t i = 0; i < net->n_ports && b->to.status == BL_OK; i++) {
        bl_lit lit = network_resolve(net, net->ports[i]);
        network_set_port(&b->to, i,
                         bl_lit_not_if(b->lit_of[bl_lit_node(lit)], bl_lit_is_complemented(lit)));
    }
}

static bl_status balance(network *to, const network *from, const bl_allocator *a)
{
    balancer b = {.from = from};
    b.lit_of = bl_alloc_array(a, from->n, sizeof *b.lit_of);
    uint8_t *is_root = bl_alloc_array(a, from->n, 1);
    bl_status status = network_create(&b.to, from->n_sources, from->n_ports, a);
    if (status == BL_OK && (!b.lit_of || !is_root))
        status = BL_ERR_MEMORY;
    if (status == BL_OK) {
        build_all(&b, is_root);
        status = b.to.status;
    }
    bl_free(a, b.lit_of, from->n * sizeof *b.lit_of);
    bl_free(a, is_root, from->n);
    if (status != BL_OK)
        network_destroy(&b.to);
    else
        *to = b.to;
    return status;
}

// Ids of both networks are topological as they are made: no need to copy them.
bl_status graph_balance(bl_graph **result, const bl_graph *g, const bl_allocator *allocator)
{
    network net, to;
    TRY(network_from_graph(&net, g, allocator));
    bl_status status = balance(&to, &net, allocator);
    network_destroy(&net);
    if (status != BL_OK)
        return status;
    status = graph_from_network(result, &to, g, allocator);
    network_destroy(&to);
    return status;
}
