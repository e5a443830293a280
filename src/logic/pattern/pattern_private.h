// SPDX-License-Identifier: MIT
#ifndef BITLOOM_LOGIC_PATTERN_PRIVATE_H
#define BITLOOM_LOGIC_PATTERN_PRIVATE_H

//     text --parse.c--> tree --tree.c--> nfa --automaton.c--> bl_pattern --gates.c--> graph

#include <bitloom/pattern.h>

typedef struct byte_set {
    uint64_t word[4];
} byte_set;

static inline bool set_has(const byte_set *s, uint8_t b) { return s->word[b / 64] >> (b % 64) & 1; }
static inline void set_add(byte_set *s, uint8_t b) { s->word[b / 64] |= UINT64_C(1) << (b % 64); }

// --------------------------------------------------------------------------------- the tree

typedef enum tree_kind { TREE_SET, TREE_SEQUENCE, TREE_CHOICE, TREE_REPEAT } tree_kind;

enum { NO_NODE = 0, REPEAT_MAX = 1000, WITHOUT_END = UINT32_MAX };

typedef struct tree_node {
    tree_kind kind;
    uint32_t last_child, previous; // children from the last to the first
    uint32_t at_least, at_most;    // of a repetition
    byte_set set;
} tree_node;

typedef struct pattern_tree {
    bl_buffer nodes; // tree_node; number 0 is not in use
} pattern_tree;

uint32_t tree_add(pattern_tree *t, tree_kind kind);
void tree_add_child(pattern_tree *t, uint32_t parent, uint32_t child);
static inline tree_node *tree_at(const pattern_tree *t, uint32_t i)
{
    return (tree_node *)(void *)t->nodes.data + i;
}

BL_MUST_USE bl_status pattern_read(pattern_tree *t, uint32_t *root, const char *text, size_t bytes,
                                   const char *name, bl_diag *diag);

// ---------------------------------------------------------------------------------- the NFA

enum { NFA_MATCH = 0, MAX_NFA_NODES = 1 << 20, MAX_DFA_STATES = 1 << 16 };

typedef struct nfa_node { // a set of bytes on the way to next[0], or a fork
    byte_set set;
    uint32_t next[2];
    bool is_fork;
} nfa_node;

typedef struct nfa {
    bl_buffer nodes; // nfa_node; number 0 is the match
    uint32_t start;
} nfa;

// BL_ERR_LIMIT: more than MAX_NFA_NODES.
BL_MUST_USE bl_status nfa_from_tree(nfa *n, const pattern_tree *t, uint32_t root);

// ---------------------------------------------------------------------------- the automaton

struct bl_pattern {
    uint8_t class_of[256];
    uint32_t n_classes, n_states, capacity; // states with DEAD; room in the tables
    uint32_t *next;                         // [state][class]
    uint8_t *is_complete;                   // [state]
    bl_program *programs[2];                // step, allowed; NULL: not prepared
    const bl_allocator *allocator;
};

BL_MUST_USE bl_status pattern_from_nfa(bl_pattern **pattern, const nfa *n, const char *name,
                                       const bl_allocator *allocator, bl_diag *diag);

// A graph of the step (byte and state to the next state), of what is allowed (state, as inputs, to
// outputs), or of both in one.
typedef enum pattern_graph { PATTERN_STEP, PATTERN_ALLOWED, PATTERN_BOTH } pattern_graph;
BL_MUST_USE bl_status pattern_graph_create(bl_graph **graph, const bl_pattern *pattern,
                                           pattern_graph what, const bl_allocator *allocator);

uint32_t pattern_bits(const bl_pattern *pattern); // of a state

#endif
