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
    bl_lit *outputs, *nexts;
} netlist;

// Room for n_more LUTs behind the last one; false, and a sticky status, without it.
bool netlist_reserve(netlist *n, uint32_t n_more);

#endif
