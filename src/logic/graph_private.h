// SPDX-License-Identifier: MIT
#ifndef BITLOOM_LOGIC_GRAPH_PRIVATE_H
#define BITLOOM_LOGIC_GRAPH_PRIVATE_H

#include <bitloom/logic.h>

// What stands behind the public facts, which come first so that one pointer serves as both.
typedef struct graph {
    bl_graph facts;
    const bl_allocator *allocator;
    uint32_t *fanin0, *fanin1;
    uint32_t fanin0_capacity, fanin1_capacity;
    uint32_t *table; // node ids by hash of their fanins
    uint32_t table_capacity;
    bl_graph_input_info *inputs;
    uint32_t input_capacity;
    bl_graph_latch_info *latches;
    uint32_t latch_capacity;
    bl_graph_output_info *outputs;
    uint32_t output_capacity;
    char *names; // zero-terminated texts; offset 0 is the empty one
    uint32_t n_name_bytes, name_capacity;
    char *comment;
    size_t comment_bytes;
} graph;

// Copies of texts that need not end in a zero. On failure nothing changes.
BL_MUST_USE bl_status bl_graph_keep_name(uint32_t *name, graph *g, const char *text,
                                         size_t n_chars);
BL_MUST_USE bl_status bl_graph_keep_comment(graph *g, const char *text, size_t n_chars);

#endif
