// SPDX-License-Identifier: MIT
#ifndef BITLOOM_LOGIC_ADDERS_H
#define BITLOOM_LOGIC_ADDERS_H

#include <bitloom/logic.h>

// Adders that a graph contains. As numbers, whatever the inputs:
//
//     in[0] + in[1] + in[2] = 2 carry + sum        half adders: in[2] is false
//     the complements add up to the complements    half adders: and 1 more on the left
//
// A full adder whose sum no node computes is listed too: its carry is a majority. (A half adder
// without its sum is any AND, so it is not.)
typedef struct adder {
    bl_lit in[3];
    bl_lit sum;     // BL_LIT_FALSE: no node
    uint32_t carry; // a node
} adder;

static inline bool is_half(const adder *a) { return a->in[2] == BL_LIT_FALSE; }

typedef struct adder_list {
    adder *adders; // by rising carries
    uint32_t n;
    uint32_t n_nodes;
    uint32_t
        *first_of_carry;    // of each node, and one behind: the range of adders it is the carry of
    uint32_t *first_of_sum; // the same for sums, of indices in of_sum
    uint32_t *of_sum;
    size_t capacity;
    const bl_allocator *allocator;
} adder_list;

// Finds them as pairs of cuts of the same leaves. Linear, some 0.5 us for each AND. Into fanins
// that lie more than 2^18 nodes back it looks less deep. Nodes without readers are not looked at.
BL_MUST_USE bl_status adders_find(adder_list *list, const bl_graph *graph, const uint32_t *readers,
                                  const bl_allocator *allocator);
void adders_destroy(adder_list *list);

#endif
