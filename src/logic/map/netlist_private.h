// SPDX-License-Identifier: MIT
#ifndef BITLOOM_LOGIC_NETLIST_PRIVATE_H
#define BITLOOM_LOGIC_NETLIST_PRIVATE_H

#include <bitloom/netlist.h>

// What stands behind the public facts, which come first so that one pointer serves as both.
typedef struct netlist {
    bl_netlist facts;
    const bl_allocator *allocator;
    bl_graph *ports;
    uint32_t *leaves;
    uint64_t *tables;
    size_t leaf_capacity, table_capacity; // in LUTs
    bl_netlist_count *counts;
    bl_lit *literals;
    size_t count_capacity, literal_capacity;
    bl_lit *outputs, *nexts;
} netlist;

// Room for n_more LUTs behind the last one; false, and a sticky status, without it.
bool netlist_reserve(netlist *n, uint32_t n_more);

// The count that LUT i is, or NULL; `at` begins at 0 and walks along with rising i.
static inline const bl_netlist_count *netlist_count_at(const bl_netlist *n, uint32_t *at,
                                                       uint32_t i)
{
    bool is_count = *at < n->n_counts && n->counts[*at].node == n->first_lut + i;
    return is_count ? &n->counts[(*at)++] : NULL;
}

#endif
