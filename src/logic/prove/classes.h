// SPDX-License-Identifier: MIT
#ifndef BITLOOM_LOGIC_PROVE_CLASSES_H
#define BITLOOM_LOGIC_PROVE_CLASSES_H

// Things that have had the same value, or the complement, in all lanes so far: nodes of a graph,
// or latches. Thing 0 is the constant "false".

#include <bitloom/logic.h>

typedef struct classes {
    uint32_t n;
    uint32_t *head; // of each thing: the first of its class; itself where it is the first or alone
    uint32_t *next; // in the class, rising; 0 ends. Things whose head is another do not count
    uint8_t *is_complemented; // against the constant in lane 0 of the first planes
    uint32_t *left;           // scratch of refine
    uint32_t left_capacity;
    struct classes_place *table;
    uint32_t table_capacity;
    const bl_allocator *allocator;
} classes;

// All things in one class, each complemented as lane 0 of its plane says.
BL_MUST_USE bl_status classes_create(classes *c, uint32_t n, const bl_plane *planes,
                                     const bl_allocator *allocator);
void classes_clear(classes *c);

// Splits all classes by the planes of the things; n_new is how many classes were added.
BL_MUST_USE bl_status classes_refine(uint32_t *n_new, classes *c, const bl_plane *planes);

// Takes a thing that is not the head of others out of its class.
static inline void classes_remove(classes *c, uint32_t thing) { c->head[thing] = thing; }

// Whether `thing` is the complement of its head, as far as is known.
static inline bool classes_differ(const classes *c, uint32_t thing)
{
    return c->is_complemented[thing] != c->is_complemented[c->head[thing]];
}

#endif
