// SPDX-License-Identifier: MIT
#ifndef BITLOOM_NETLIST_H
#define BITLOOM_NETLIST_H

// Networks of lookup tables (LUTs) with up to six inputs, and the mapping of graphs to them.
//
//     bl_netlist *n;                                        // a graph in as few LUT3s as possible
//     bl_program *p;
//     if (bl_netlist_map(&n, graph, &(bl_map_params){.max_inputs = 3}, NULL) != BL_OK) return 1;
//     if (bl_program_from_netlist(&p, n, NULL) != BL_OK) return 1;
//
// Nodes are numbered like those of a graph, constant first:
//
//     0 = false | inputs | latches | LUTs, each behind the nodes that it reads
//
// and a literal is 2 * node + complement. A LUT is a table of 2^k bits over k leaves: leaf j is bit
// j of the row number. With three leaves (c, b, a) the table is the byte of a program's LUT3.

#include <bitloom/logic.h>

BL_BEGIN_DECLS

enum { BL_NETLIST_MAX_INPUTS = 6 };

// A node that counts: true where at least `threshold` of its literals are. It takes the place of a
// LUT, one without leaves, and becomes a COUNT_GE in a program.
typedef struct bl_netlist_count {
    uint32_t node, n_literals;
    size_t first_literal; // of `literals`
    int64_t threshold;
} bl_netlist_count;

// Facts to read; change them only through the functions. 8 bytes and 4 for each leaf a LUT.
typedef struct bl_netlist {
    uint32_t max_inputs; // leaves of each LUT: 2..6
    uint32_t n_nodes, first_lut, n_luts;
    const uint32_t *leaves; // max_inputs of each LUT, nodes; unused ones are node 0 and come last
    const uint64_t *tables; // of each LUT; rows that differ in unused leaves only are equal
    const bl_netlist_count *counts; // by rising nodes
    const bl_lit *literals;         // of all counts
    uint32_t n_counts;              // among n_luts
    size_t n_literals;
    const bl_lit *outputs;  // as many as ports->n_outputs
    const bl_lit *nexts;    // as many as ports->n_latches
    const bl_graph *ports;  // names, kinds and resets of the ports; its literals mean nothing
    bl_status status;       // BL_OK, or the first failure, as in a graph
} bl_netlist;

// A netlist without LUTs that has the ports of a graph; outputs and next states are false until
// they are set. Failures of the functions below stick in `status`. One thread at a time.
BL_API BL_MUST_USE bl_status bl_netlist_create(bl_netlist **netlist, const bl_graph *ports,
                                               uint32_t max_inputs, const bl_allocator *allocator);
BL_API void bl_netlist_destroy(bl_netlist **netlist);

// Appends a LUT of n_leaves (0..max_inputs) different nodes; of `table` the lowest 2^n_leaves bits
// count. Its node.
BL_API uint32_t bl_netlist_lut(bl_netlist *netlist, uint64_t table, const uint32_t *leaves,
                               uint32_t n_leaves);
// Appends a count of literals, each as often as it is there. Its node.
BL_API uint32_t bl_netlist_add_count(bl_netlist *netlist, const bl_lit *literals, uint32_t n,
                                     int64_t threshold);
BL_API void bl_netlist_set_output(bl_netlist *netlist, uint32_t index, bl_lit lit);
BL_API void bl_netlist_set_next(bl_netlist *netlist, uint32_t latch_index, bl_lit next);

// How many leaves LUT i uses, and the longest path in LUTs to an output or a next state.
BL_API uint32_t bl_netlist_n_leaves(const bl_netlist *netlist, uint32_t lut);
BL_API BL_MUST_USE bl_status bl_netlist_count_levels(uint32_t *n_levels, const bl_netlist *netlist);

// -------------------------------------------------------------------------------- mapping

// What a function of three inputs costs as instructions of a target.
typedef enum bl_target {
    BL_TARGET_LUT,   // 1, whatever it computes: AVX-512, LOP3 of NVIDIA, FPGAs
    BL_TARGET_AVX2,  // and, andn, or, xor
    BL_TARGET_NEON,  // the same, orn and select
    BL_TARGET_RDNA3, // and, or, xor, or3, and-or, xor3, select; complements cost one more
    BL_TARGET_COUNT
} bl_target;

// The cost of each of the 256 tables; 0 for constants and single inputs, also complemented.
BL_API void bl_target_costs(uint8_t costs[256], bl_target target);

typedef struct bl_map_params { // all zero is a sensible choice
    uint32_t max_inputs;       // 3..6; 0 = 3
    bl_target target;          // for functions of up to three inputs; larger ones cost 1
    uint32_t effort;           // 0 = the usual one; up to 4 more rounds, each as long again
    bl_pool *pool;             // for graphs of more than a million ANDs
    bool finds_counts;         // adder trees under a comparison become counts, see below
} bl_map_params;

// Covers a graph with LUTs of small cost. Priority cuts (Mishchenko et al. 2007), chosen by area
// flow and then by exact area: the cost of what a choice alone keeps alive. The order of ports is
// kept; ANDs that no port needs vanish. Graphs above 2^20 ANDs are mapped in pieces of that size,
// which bounds the memory: about 110 bytes per AND of a piece and thread, 250 with max_inputs > 3.
// Linear; the result does not depend on the pool.
//
// With finds_counts, neurons come back from plain gates: wherever a node is true just where a sum
// of at least 8 literals reaches a constant, and the full and half adders of that sum are needed
// for little else, it becomes one count. In whatever order the literals were added; literals may be
// complemented and may count several times. Adders are known by their functions, the comparison by
// its table over at most 16 results of adders, and each count is run against what it replaces on
// 512 random inputs. About 1 us more for each AND, and some 60 bytes for each node and 32 MiB while
// it looks.
BL_API BL_MUST_USE bl_status bl_netlist_map(bl_netlist **netlist, const bl_graph *graph,
                                            const bl_map_params *params,
                                            const bl_allocator *allocator);

// One LUT of two inputs for each AND, in the order of the graph.
BL_API BL_MUST_USE bl_status bl_netlist_from_graph(bl_netlist **netlist, const bl_graph *graph,
                                                   const bl_allocator *allocator);

// The functions of the LUTs and counts as ANDs, structurally hashed.
BL_API BL_MUST_USE bl_status bl_graph_from_netlist(bl_graph **graph, const bl_netlist *netlist,
                                                   const bl_allocator *allocator);

// A program of one entry, "step": one LUT3 for each LUT, one COUNT_GE for each count. Linear.
// BL_ERR_ARGUMENT if LUTs have more than three inputs.
BL_API BL_MUST_USE bl_status bl_program_from_netlist(bl_program **program,
                                                     const bl_netlist *netlist,
                                                     const bl_allocator *allocator);

// Appends the netlist as BLIF. Ports that have no name, or one that is taken or cannot be written,
// get one. Kinds of outputs are lost: BLIF has only one. BL_ERR_UNSUPPORTED if there are counts.
BL_API BL_MUST_USE bl_status bl_netlist_write_blif(bl_buffer *out, const bl_netlist *netlist,
                                                   const char *model);

BL_END_DECLS
#endif
