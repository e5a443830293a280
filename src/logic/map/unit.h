// SPDX-License-Identifier: MIT
#ifndef BITLOOM_LOGIC_UNIT_H
#define BITLOOM_LOGIC_UNIT_H

#include <bitloom/netlist.h>

// LUTs on their way into a program. A unit is one operation: a LUT3, or two LUT3s of the same three
// leaves that an adder operation computes together. Leaves are nodes of the netlist in the order a,
// b, c of the table. The kind is a table, N_TABLES + a bl_adder, or COUNT_KIND: a count, whose
// operands are those of its node.
enum { N_TABLES = 256, COUNT_KIND = N_TABLES + BL_ADDER_COUNT, N_KINDS };
static const uint32_t NO_RESULT = UINT32_MAX;

typedef struct unit {
    uint32_t leaf[3];
    uint32_t result, second; // nodes: the LUT or the sum; the carry or NO_RESULT
    uint32_t kind;
} unit;

typedef struct unit_list {
    unit *units;
    uint32_t n, capacity;
    uint8_t *is_flipped; // of each node: its plane holds the complement
    const bl_allocator *allocator;
} unit_list;

// The LUTs of a netlist of at most three inputs, topological. Polarities and the order of leaves
// are chosen so that few tables occur; nodes that ports read keep the polarity of the first such
// port, counts their own. Counts that do not need each other stand together.
BL_MUST_USE bl_status units_create(unit_list *list, const bl_netlist *netlist,
                                   const bl_allocator *allocator);
void units_destroy(unit_list *list, const bl_netlist *netlist);

// Indices of units in running order: long runs of one kind. `position` is scratch for each node,
// zero before and after.
void units_schedule(uint32_t *order, const unit_list *list, uint32_t *position);

#endif
