// SPDX-License-Identifier: MIT
// Structural hashing with rules: a graph is built anew, AND by AND, and nothing is built that
// follows from what its two sides say already.
//
// If a & b is true, so is everything that a implies: if a is the AND of x and y, both are true; if
// a is the complement of such an AND and x is true, y is false; and so on, to a limit. With what a
// implies, b may be true (a remains), false (nothing remains), or an AND or a complement of one
// with a side that is known, of which only the other side remains. Limited to a few literals these
// are the one- and two-level rules of Brummayer and Biere ("Local two-level And-Inverter graph
// minimization without blowup", 2006); without a small limit they see that the upper bits of a
// divider's remainder are zero. One AND becomes at most one AND.

#include "passes.h"

#include "base/try.h"

#include <assert.h>

enum { MAX_IMPLIED = 256, MAX_REWRITES = 6, NEAR = 16 };

typedef struct builder {
    bl_graph *g;    // that is built
    uint32_t *mark; // of its nodes: 2 * stamp + value
    uint32_t stamp;
    uint32_t limit; // of implied literals
    uint32_t depth; // of evaluation
    bl_lit implied[MAX_IMPLIED];
    uint32_t n_implied;
} builder;

typedef enum value { VALUE_FALSE, VALUE_TRUE, VALUE_OPEN } value;

static bool is_and(const bl_graph *g, uint32_t id)
{
    return id > 0 && g->fanin0[id] < BL_NODE_LATCH;
}

static value value_of(const builder *b, bl_lit lit)
{
    uint32_t mark = b->mark[bl_lit_node(lit)];
    if (bl_lit_node(lit) == 0)
        return bl_lit_is_complemented(lit) ? VALUE_TRUE : VALUE_FALSE;
    return mark / 2 == b->stamp ? (value)((mark & 1) ^ (lit & 1)) : VALUE_OPEN;
}

// False: a contradiction.
static bool assume(builder *b, bl_lit lit)
{
    value v = value_of(b, lit);
    if (v != VALUE_OPEN || b->n_implied == b->limit)
        return v != VALUE_FALSE;
    b->mark[bl_lit_node(lit)] = 2 * b->stamp + !bl_lit_is_complemented(lit);
    b->implied[b->n_implied++] = lit;
    return true;
}

static bool imply_from(builder *b, bl_lit lit)
{
    uint32_t id = bl_lit_node(lit);
    if (!is_and(b->g, id))
        return true;
    bl_lit x = b->g->fanin0[id], y = b->g->fanin1[id];
    if (!bl_lit_is_complemented(lit))
        return assume(b, x) && assume(b, y);
    if (value_of(b, x) == VALUE_TRUE)
        return assume(b, bl_lit_not(y));
    return value_of(b, y) != VALUE_TRUE || assume(b, bl_lit_not(x));
}

// Marks what follows from the literal; false: nothing, it is false itself.
static bool imply(builder *b, bl_lit lit)
{
    if (++b->stamp == UINT32_MAX / 2) {
        b->stamp = 1;
        for (uint32_t id = 0; id < b->g->n_nodes; id++)
            b->mark[id] = 0;
    }
    b->n_implied = 0;
    if (!assume(b, lit))
        return false;
    for (uint32_t round = 0, n_before = 0; round < 3 && n_before < b->n_implied; round++) {
        n_before = b->n_implied;
        for (uint32_t i = 0; i < b->n_implied; i++)
            if (!imply_from(b, b->implied[i]))
                return false;
    }
    return true;
}

// The value with that of what lies up to `depth` ANDs below: an XOR has two.
static value evaluate(const builder *b, bl_lit lit, uint32_t depth)
{
    uint32_t id = bl_lit_node(lit);
    value v = value_of(b, lit);
    if (v != VALUE_OPEN || depth == 0 || !is_and(b->g, id))
        return v;
    value x = evaluate(b, b->g->fanin0[id], depth - 1);
    value y = x == VALUE_FALSE ? x : evaluate(b, b->g->fanin1[id], depth - 1);
    if (x == VALUE_FALSE || y == VALUE_FALSE)
        v = VALUE_FALSE;
    else
        v = x == VALUE_OPEN ? x : y;
    return v == VALUE_OPEN ? v : (value)(v ^ (lit & 1));
}

// What is left of `lit` where `a` is true.
static bl_lit given(builder *b, bl_lit lit, bl_lit a)
{
    if (!imply(b, a))
        return BL_LIT_FALSE;
    value v = evaluate(b, lit, b->depth);
    if (v != VALUE_OPEN)
        return v == VALUE_TRUE ? BL_LIT_TRUE : BL_LIT_FALSE;
    uint32_t id = bl_lit_node(lit);
    if (!is_and(b->g, id))
        return lit;
    bl_lit x = b->g->fanin0[id], y = b->g->fanin1[id];
    value vx = evaluate(b, x, b->depth), vy = evaluate(b, y, b->depth);
    if (vx == VALUE_TRUE)
        return bl_lit_not_if(y, bl_lit_is_complemented(lit));
    return vy == VALUE_TRUE ? bl_lit_not_if(x, bl_lit_is_complemented(lit)) : lit;
}

// !(x & y) & !(x & !y) is !x; BL_LIT_TRUE where the pair is none such.
static bl_lit resolve(const bl_graph *g, bl_lit a, bl_lit b)
{
    uint32_t p = bl_lit_node(a), q = bl_lit_node(b);
    if (!bl_lit_is_complemented(a & b) || !is_and(g, p) || !is_and(g, q))
        return BL_LIT_TRUE;
    bl_lit x[2] = {g->fanin0[p], g->fanin1[p]}, y[2] = {g->fanin0[q], g->fanin1[q]};
    for (uint32_t i = 0; i < 2; i++)
        for (uint32_t k = 0; k < 2; k++)
            if (x[i] == y[k] && x[!i] == bl_lit_not(y[!k]))
                return bl_lit_not(x[i]);
    return BL_LIT_TRUE;
}

static bl_lit add_and(builder *b, bl_lit x, bl_lit y)
{
    for (uint32_t i = 0; i < MAX_REWRITES; i++) {
        bl_lit old_x = x, old_y = y;
        y = given(b, y, x);
        x = given(b, x, y);
        if (x == old_x && y == old_y)
            break;
    }
    bl_lit resolved = resolve(b->g, x, y);
    return resolved == BL_LIT_TRUE ? bl_graph_and(b->g, x, y) : resolved;
}

static void mark_read(uint8_t *is_read, const bl_graph *g)
{
    for (uint32_t i = 0; i < g->n_outputs + g->n_latches; i++)
        is_read[bl_lit_node(graph_port(g, i))] = 1;
    for (uint32_t id = g->n_nodes; id-- > 1;)
        if (is_read[id] && is_and(g, id)) {
            is_read[bl_lit_node(g->fanin0[id])] = 1;
            is_read[bl_lit_node(g->fanin1[id])] = 1;
        }
}

static bl_lit translate(const bl_lit *lit_of, bl_lit lit)
{
    return bl_lit_not_if(lit_of[bl_lit_node(lit)], bl_lit_is_complemented(lit));
}

static bl_status build(builder *b, const bl_graph *g, bl_lit *lit_of, bl_lit *ports,
                       const uint8_t *is_read, const bl_allocator *allocator)
{
    bl_status status = graph_begin_like(&b->g, lit_of, g, allocator);
    if (status != BL_OK)
        return status;
    for (uint32_t id = 1; id < g->n_nodes && b->g->status == BL_OK; id++)
        if (is_read[id] && is_and(g, id)) {
            bl_lit x = translate(lit_of, g->fanin0[id]), y = translate(lit_of, g->fanin1[id]);
            lit_of[id] = b->limit ? add_and(b, x, y) : bl_graph_and(b->g, x, y);
        }
    assert(b->g->n_nodes <= g->n_nodes);
    for (uint32_t i = 0; i < g->n_outputs + g->n_latches; i++)
        ports[i] = translate(lit_of, graph_port(g, i));
    graph_finish_like(b->g, ports, g);
    return b->g->status;
}

static bl_status build_anew(bl_graph **result, const bl_graph *g, uint32_t n_implied,
                            const bl_allocator *a)
{
    size_t n = g->n_nodes, n_ports = (size_t)g->n_outputs + g->n_latches;
    builder b = {.limit = n_implied < MAX_IMPLIED ? n_implied : MAX_IMPLIED,
                 .depth = n_implied > NEAR ? 3 : 1};
    bl_lit *lit_of = bl_alloc_array(a, n, sizeof *lit_of);
    bl_lit *ports = bl_alloc_array(a, n_ports, sizeof *ports);
    uint8_t *is_read = bl_alloc_array(a, n, 1);
    b.mark = bl_alloc_array(a, n, sizeof *b.mark);
    bl_status status = BL_ERR_MEMORY;
    if (lit_of && ports && is_read && b.mark) {
        mark_read(is_read, g);
        status = build(&b, g, lit_of, ports, is_read, a);
    }
    bl_free(a, lit_of, n * sizeof *lit_of);
    bl_free(a, ports, n_ports * sizeof *ports);
    bl_free(a, is_read, n);
    bl_free(a, b.mark, n * sizeof *b.mark);
    if (status != BL_OK)
        bl_graph_destroy(&b.g);
    else
        *result = b.g;
    return status;
}

// What was built may have lost its last reader to a rule: a second time, without rules.
bl_status graph_strash(bl_graph **result, const bl_graph *g, uint32_t n_implied,
                       const bl_allocator *allocator)
{
    if (n_implied == 0)
        return build_anew(result, g, 0, allocator);
    bl_graph *ruled;
    TRY(build_anew(&ruled, g, n_implied, allocator));
    bl_status status = build_anew(result, ruled, 0, allocator);
    bl_graph_destroy(&ruled);
    return status;
}
