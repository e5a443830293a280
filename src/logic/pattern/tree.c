// SPDX-License-Identifier: MIT
// Trees of patterns, and what they become: an NFA, built from its end to its beginning, so that
// every part is made with the place where it leads to at hand.

#include "pattern_private.h"

#include <string.h>

uint32_t tree_add(pattern_tree *t, tree_kind kind)
{
    tree_node node = {.kind = kind};
    if (t->nodes.bytes == 0)
        bl_buffer_append(&t->nodes, &node, sizeof node);
    bl_buffer_append(&t->nodes, &node, sizeof node);
    return t->nodes.status == BL_OK ? (uint32_t)(t->nodes.bytes / sizeof node) - 1 : NO_NODE;
}

void tree_add_child(pattern_tree *t, uint32_t parent, uint32_t child)
{
    if (parent == NO_NODE || child == NO_NODE)
        return;
    tree_at(t, child)->previous = tree_at(t, parent)->last_child;
    tree_at(t, parent)->last_child = child;
}

typedef struct builder {
    nfa *n;
    const pattern_tree *t;
    uint32_t n_visits; // of nodes of the tree; not all of them make one of the NFA
    bool is_too_large;
} builder;

static uint32_t add_node(builder *b, const nfa_node *node)
{
    size_t i = b->n->nodes.bytes / sizeof *node;
    if (i >= MAX_NFA_NODES)
        b->is_too_large = true;
    else
        bl_buffer_append(&b->n->nodes, node, sizeof *node);
    return i >= MAX_NFA_NODES || b->n->nodes.status != BL_OK ? NFA_MATCH : (uint32_t)i;
}

static uint32_t add_fork(builder *b, uint32_t one, uint32_t other)
{
    return add_node(b, &(nfa_node){.is_fork = true, .next = {one, other}});
}

static uint32_t build(builder *b, uint32_t tree, uint32_t next);

static uint32_t build_repeat(builder *b, const tree_node *node, uint32_t next)
{
    uint32_t behind = next;
    if (node->at_most == WITHOUT_END) {
        uint32_t loop = add_fork(b, next, next);
        uint32_t body = build(b, node->last_child, loop);
        if (loop != NFA_MATCH && !b->is_too_large && b->n->nodes.status == BL_OK)
            ((nfa_node *)(void *)b->n->nodes.data)[loop].next[0] = body;
        next = loop;
    } else
        for (uint32_t i = node->at_least; i < node->at_most && !b->is_too_large; i++) {
            uint32_t one_more = build(b, node->last_child, next);
            if (one_more == next)
                break; // nothing, however often
            next = add_fork(b, one_more, behind);
        }
    for (uint32_t i = 0; i < node->at_least && !b->is_too_large; i++) {
        uint32_t one_more = build(b, node->last_child, next);
        if (one_more == next)
            break; // nothing, however often
        next = one_more;
    }
    return next;
}

// The recursion is as deep as the parentheses of the text.
static uint32_t build(builder *b, uint32_t tree, uint32_t next)
{
    const tree_node *node = tree_at(b->t, tree);
    uint32_t start = next;
    if (b->is_too_large || ++b->n_visits > 4 * MAX_NFA_NODES) {
        b->is_too_large = true;
        return next;
    }
    switch (node->kind) {
    case TREE_SET: return add_node(b, &(nfa_node){.set = node->set, .next = {next}});
    case TREE_REPEAT: return build_repeat(b, node, next);
    case TREE_SEQUENCE:
        for (uint32_t c = node->last_child; c != NO_NODE; c = tree_at(b->t, c)->previous)
            start = build(b, c, start);
        return start;
    case TREE_CHOICE:
        start = build(b, node->last_child, next);
        for (uint32_t c = tree_at(b->t, node->last_child)->previous; c != NO_NODE;
             c = tree_at(b->t, c)->previous)
            start = add_fork(b, build(b, c, next), start);
        return start;
    }
    return start;
}

bl_status nfa_from_tree(nfa *n, const pattern_tree *t, uint32_t root)
{
    builder b = {.n = n, .t = t};
    bl_buffer_append(&n->nodes, &(nfa_node){0}, sizeof(nfa_node));
    n->start = build(&b, root, NFA_MATCH);
    return n->nodes.status != BL_OK ? n->nodes.status : b.is_too_large ? BL_ERR_LIMIT : BL_OK;
}
