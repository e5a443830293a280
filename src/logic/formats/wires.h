// SPDX-License-Identifier: MIT
#ifndef BITLOOM_LOGIC_WIRES_H
#define BITLOOM_LOGIC_WIRES_H

// Signals that a file may use before it says what drives them. A reader collects the drivers, then
// wires_finish makes a graph of what ports need, depth first.

#include "logic/formats/text.h"

typedef enum wire_kind {
    WIRE_NONE,  // nothing drives it
    WIRE_GIVEN, // lit: an input or latch
    WIRE_ALIAS, // its operand
    WIRE_AND,   // of all operands; true if there is none
    WIRE_OR,
    WIRE_XOR,
    WIRE_MUX,   // operand 0 ? operand 1 : operand 2
    WIRE_COVER, // lines of a BLIF cover over the operands
    WIRE_TABLE, // row of the table, operand 0 is the lowest bit of its number
    WIRE_DONE   // lit is known
} wire_kind;

typedef struct wire {
    uint8_t kind;
    bool is_complemented; // of the whole
    bool is_open;         // being built
    uint32_t n_operands;
    uint64_t first_operand;
    bl_lit lit;
    uint64_t line; // that says what drives it, or where it is used first
    slice name;
    union {
        slice cover;
        uint64_t table;
    };
} wire;

typedef struct wires {
    bl_graph *graph;
    bl_buffer all;      // wire
    bl_buffer operands; // uint32_t
    bl_buffer nexts;    // uint32_t, of each latch
    bl_buffer outputs;  // uint32_t, of each output
    uint64_t limit;     // of their number: parts that hold parts could make any number of them
    text *text;
    const bl_allocator *allocator;
} wires;

// Names of one scope: a table by hash, open addressing.
typedef struct scope {
    uint32_t *ids; // 1 + wire
    slice *names;
    uint32_t n, capacity;
    const bl_allocator *allocator;
} scope;

// An empty graph, and room for as many signals as the text can name, or parts within reason make.
BL_MUST_USE bl_status wires_create(wires *w, text *t, const bl_allocator *allocator);
// Builds what the outputs and next states need, and nothing else, unless reading has failed. Clears
// all but the graph, which is handed over or, after a failure, destroyed.
BL_MUST_USE bl_status wires_finish(bl_graph **result, wires *w, bl_status status);

BL_MUST_USE bl_status wires_add(uint32_t *id, wires *w, slice name);
static inline wire *wires_at(const wires *w, uint32_t id)
{
    return (wire *)(void *)w->all.data + id;
}
BL_MUST_USE bl_status wires_add_operand(wires *w, uint32_t id);
static inline uint64_t wires_n_operands(const wires *w) { return w->operands.bytes / 4; }

// Says what drives a wire; fails if something does already. The operands were added from `first`
// on.
BL_MUST_USE bl_status wires_drive(wires *w, uint32_t id, wire_kind kind, bool is_complemented,
                                  uint64_t first);

// A wire is an input of the graph from now on, or a latch with wire `next` for its next state. A
// slice of no characters is no name. An output has the wire's name.
BL_MUST_USE bl_status wires_input(wires *w, uint32_t id, slice name);
BL_MUST_USE bl_status wires_latch(wires *w, uint32_t id, uint32_t next, bl_reset reset, slice name);
BL_MUST_USE bl_status wires_output(wires *w, uint32_t id);

// The wire of a name, a new one if the scope does not know it.
BL_MUST_USE bl_status scope_find(uint32_t *id, scope *s, wires *w, slice name);
// Makes a name mean a wire that exists; fails with BL_ERR_ARGUMENT if it means one already.
BL_MUST_USE bl_status scope_bind(scope *s, slice name, uint32_t id);
void scope_clear(scope *s);

#endif
