// SPDX-License-Identifier: MIT
#ifndef BITLOOM_LOGIC_WIRES_H
#define BITLOOM_LOGIC_WIRES_H

// Signals that a file may use before it says what drives them. A reader collects the drivers, then
// wires_build makes a graph of what ports need, depth first.

#include "logic/formats/text.h"

typedef enum wire_kind {
    WIRE_NONE,  // nothing drives it
    WIRE_GIVEN, // lit: an input or latch
    WIRE_ALIAS, // its operand
    WIRE_AND,   // of all operands; with flips[] none
    WIRE_OR,
    WIRE_XOR,
    WIRE_MUX,   // operand 0 ? operand 1 : operand 2
    WIRE_COVER, // lines of a BLIF cover over the operands
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
    slice cover;
} wire;

typedef struct wires {
    bl_graph *graph;
    bl_buffer all;      // wire
    bl_buffer operands; // uint32_t
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

BL_MUST_USE bl_status wires_add(uint32_t *id, wires *w, slice name);
static inline wire *wires_at(const wires *w, uint32_t id)
{
    return (wire *)(void *)w->all.data + id;
}
BL_MUST_USE bl_status wires_add_operand(wires *w, uint32_t id);
static inline uint64_t wires_n_operands(const wires *w) { return w->operands.bytes / 4; }

// Says what drives a wire; fails if something does already. The operands were added from `first` on.
BL_MUST_USE bl_status wires_drive(wires *w, uint32_t id, wire_kind kind, bool is_complemented,
                                  uint64_t first);

// The literal of a wire and of all that it needs.
BL_MUST_USE bl_status wires_build(bl_lit *lit, wires *w, uint32_t id);
void wires_clear(wires *w);

// The wire of a name, a new one if the scope does not know it.
BL_MUST_USE bl_status scope_find(uint32_t *id, scope *s, wires *w, slice name);
// Makes a name mean a wire that exists; fails with BL_ERR_ARGUMENT if it means one already.
BL_MUST_USE bl_status scope_bind(scope *s, slice name, uint32_t id);
void scope_clear(scope *s);

#endif
