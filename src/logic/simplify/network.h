// SPDX-License-Identifier: MIT
#ifndef BITLOOM_LOGIC_SIMPLIFY_NETWORK_H
#define BITLOOM_LOGIC_SIMPLIFY_NETWORK_H

// A network of gates that can be edited in place: each gate is any function of two or three others.
//
// A bl_graph is compact and never changes; passes that replace logic by better logic need to know
// who reads a gate, how often, and whether the same gate exists already. One gate costs one LUT3,
// whatever its function, so the number of gates is what simplification is about. A network whose
// gates have two inputs serves as well: it is a graph in which XOR is one node.
//
//     gate 0      the constant false
//     1..n        sources: the inputs, then the latches of the graph
//     after that  gates; readers may have smaller ids than what they read, levels still rise

#include <bitloom/logic.h>

enum { MAX_FANINS = 3 };
#define NO_LIT UINT32_MAX

typedef enum gate_kind {
    GATE_SOURCE, // also the constant
    GATE_LUT,
    GATE_WAITING, // within network_replace: about to be replaced
    GATE_GONE,    // nobody read it
    GATE_FORWARD, // replaced: fanin[0] is the literal that took its place
} gate_kind;

// Fanins are distinct gates that matter to the table, ids rising, unused ones 0 and last. Bit i of
// the row number of the table is fanin i. An edge, 3 * id + k, is fanin k of gate id as an element
// of the list of readers of the gate that it reads; 0 ends a list.
typedef struct gate {
    uint32_t fanin[MAX_FANINS];
    uint32_t next_edge[MAX_FANINS], previous_edge[MAX_FANINS];
    uint32_t first_edge;
    uint32_t n_readers; // gates and ports; more readers than edges: a port reads it
    uint32_t level;     // above the levels of all fanins
    uint32_t next_in_bucket;
    uint32_t mark; // of passes: whether equal to network.stamp or not
    uint8_t table, n_fanins, kind;
} gate;

typedef struct network {
    gate *gates;
    uint32_t n, capacity;
    uint32_t n_sources; // without the constant
    uint32_t n_luts;    // living gates
    bl_lit *ports;      // what the outputs, then the latches, read; look through network_resolve
    uint32_t n_ports;
    uint32_t *buckets; // the structural hash
    uint32_t n_buckets;
    uint32_t *stack; // of network_replace: gates and literals
    uint32_t n_stack, stack_capacity;
    uint32_t stamp;
    bl_status status; // the first failure: nothing can be trusted then, destroy it
    const bl_allocator *allocator;
} network;

// Sources only. On failure and whenever all is done: network_destroy.
BL_MUST_USE bl_status network_create(network *net, uint32_t n_sources, uint32_t n_ports,
                                     const bl_allocator *allocator);
void network_destroy(network *net);

// Ports are set once.
void network_set_port(network *net, uint32_t port, bl_lit lit);

static inline bool network_is_gate(const network *net, uint32_t id)
{
    return net->gates[id].kind == GATE_LUT;
}

// The literal that stands for it now, after replacements.
bl_lit network_resolve(const network *net, bl_lit lit);

// The gate with that function, found or made; constants, copies and complements need none. Input 0
// is bit 0 of the row number. A new gate has no readers: read it or network_release it.
bl_lit network_lut(network *net, uint8_t table, const bl_lit fanin[MAX_FANINS]);
// The same, but NO_LIT where a gate would have to be made.
bl_lit network_find(const network *net, uint8_t table, const bl_lit fanin[MAX_FANINS]);

// Removes the gate if nobody reads it, and what only it has read.
void network_release(network *net, uint32_t id);

// Removes the unread gates from id `n` on, and forgets their ids if all are gone: what was made for
// a trial that failed.
void network_roll_back(network *net, uint32_t n);

// All readers of the gate read the literal instead, whose gate must not depend on it. Readers that
// become trivial or equal to others are replaced in turn.
void network_replace(network *net, uint32_t id, bl_lit by);

// How many gates would go with this one: those that only it reads, itself counted. Stops at
// `limit`; up to that many ids in `members` (may be NULL). `kept` gates are counted as read by
// others, as well as what they read.
uint32_t network_count_exclusive(network *net, uint32_t id, uint32_t *members, uint32_t limit,
                                 const uint32_t *kept, uint32_t n_kept);

// A copy with ids in topological order and without what is gone; levels are exact again. On failure
// there is nothing to destroy.
BL_MUST_USE bl_status network_copy(network *result, const network *net);

uint32_t network_count_levels(const network *net);

#endif
