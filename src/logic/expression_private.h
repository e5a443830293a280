// SPDX-License-Identifier: MIT
#ifndef BITLOOM_LOGIC_EXPRESSION_PRIVATE_H
#define BITLOOM_LOGIC_EXPRESSION_PRIVATE_H

#include <bitloom/logic.h>

// A parsed expression: nodes that name their operands by index, operands first. The root is last.
typedef enum node_kind {
    NODE_INTEGER, // value * 10^-decimals
    NODE_TEXT,    // text[first .. first + n)
    NODE_NAME,    // names[first]
    NODE_NEGATE,
    NODE_COMPLEMENT, // ~
    NODE_NOT,        // !
    NODE_ADD,
    NODE_SUBTRACT,
    NODE_MULTIPLY,
    NODE_DIVIDE,
    NODE_REMAINDER,
    NODE_SHIFT_LEFT,
    NODE_SHIFT_RIGHT,
    NODE_BIT_AND,
    NODE_BIT_OR,
    NODE_BIT_XOR,
    NODE_EQUAL,
    NODE_NOT_EQUAL,
    NODE_LESS,
    NODE_LESS_EQUAL,
    NODE_GREATER,
    NODE_GREATER_EQUAL,
    NODE_AND,
    NODE_OR,
    NODE_SELECT,  // a ? b : c
    NODE_BETWEEN, // a in b..c
    NODE_POPCOUNT,
    NODE_ABS,
    NODE_MIN,
    NODE_MAX,
    NODE_BIT, // bit(a, b)
    NODE_STARTS_WITH
} node_kind;

typedef struct node {
    node_kind kind;
    uint32_t line, column;
    uint32_t a, b, c; // operands
    uint64_t value;
    uint32_t decimals;
    uint32_t first, n;
} node;

enum { MAX_DEPTH = 100, MAX_TEXT_BYTES = 255 };

struct bl_expression {
    const bl_allocator *allocator;
    bl_buffer nodes;  // node
    bl_buffer names;  // named
    bl_buffer text;   // unescaped texts and names, each with a final zero
    bl_buffer source; // what messages call the expression
    uint32_t root;
};

typedef struct named {
    bl_expression_name facts;
    uint32_t offset; // of the name in `text`
} named;

static inline node *expression_node(const bl_expression *e, uint32_t i)
{
    return (node *)(void *)e->nodes.data + i;
}

static inline named *expression_named(const bl_expression *e, uint32_t i)
{
    return (named *)(void *)e->names.data + i;
}

static inline const char *expression_source(const bl_expression *e)
{
    return e->source.data ? (const char *)e->source.data : "";
}

// How messages call an operator: "+", "popcount".
const char *expression_spelling(node_kind kind);

#endif
