// SPDX-License-Identifier: MIT
#ifndef BITLOOM_LOGIC_COUNTS_H
#define BITLOOM_LOGIC_COUNTS_H

#include <bitloom/logic.h>

// Nodes that are true where at least `threshold` of some literals are: adder trees under a
// comparison, which one macro-operation can replace.
typedef struct count {
    uint32_t root;
    uint32_t n;
    size_t first; // of `literals`
    int64_t threshold;
} count;

typedef struct count_list {
    count *counts; // by rising roots
    bl_lit *literals;
    uint32_t n;
    size_t n_literals, capacity, literal_capacity;
    const bl_allocator *allocator;
} count_list;

enum { MIN_COUNT = 8, MAX_COUNT_LITERALS = 65000 }; // literals; fewer are better off as LUTs

// Finds those whose trees are needed for little else. Linear, about 1 us for each AND: after 64
// steps for each node the rest stays as it is.
BL_MUST_USE bl_status counts_find(count_list *list, const bl_graph *graph,
                                  const bl_allocator *allocator);
void counts_destroy(count_list *list);

#endif
