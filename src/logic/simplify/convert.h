// SPDX-License-Identifier: MIT
#ifndef BITLOOM_LOGIC_SIMPLIFY_CONVERT_H
#define BITLOOM_LOGIC_SIMPLIFY_CONVERT_H

// Between graphs and networks. Ports, names and the comment stay with the graph that was read.

#include "network.h"

#include <bitloom/netlist.h>

// An empty graph with the inputs, latches and comment of another one. lit_of[node] becomes the
// literal of each of these and of the constant.
BL_MUST_USE bl_status graph_begin_like(bl_graph **result, bl_lit *lit_of, const bl_graph *like,
                                       const bl_allocator *allocator);
// The outputs and next states: port i reads ports[i], outputs first.
void graph_finish_like(bl_graph *result, const bl_lit *ports, const bl_graph *like);

// The literal that port i reads, outputs first, then next states.
static inline bl_lit graph_port(const bl_graph *g, uint32_t i)
{
    return i < g->n_outputs ? g->outputs[i].lit : g->latches[i - g->n_outputs].next;
}

// ANDs for gates: as few as one function of three inputs takes, shared where they are equal. Ids of
// the network must be topological (network_copy).
BL_MUST_USE bl_status graph_from_network(bl_graph **result, const network *net,
                                         const bl_graph *like, const bl_allocator *allocator);

// A gate of two inputs for each AND that a port needs; an XOR of three ANDs is one gate.
BL_MUST_USE bl_status network_from_graph(network *net, const bl_graph *g,
                                         const bl_allocator *allocator);

// A gate for each LUT of a netlist with three inputs.
BL_MUST_USE bl_status network_from_netlist(network *net, const bl_netlist *n,
                                           const bl_allocator *allocator);

#endif
