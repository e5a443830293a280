// SPDX-License-Identifier: MIT
#ifndef BITLOOM_LOGIC_COVER_H
#define BITLOOM_LOGIC_COVER_H

#include <bitloom/logic.h>

// LUT3s that compute a graph, roots in rising order of their ids. A leaf is an input, a latch, the
// constant (node 0) or the root of an earlier LUT; every literal of a port has its node among
// these. Leaves 0, 1, 2 are inputs a, b, c of the table.
typedef struct lut {
    uint32_t root, leaf[3];
    uint8_t table;
} lut;

typedef struct cover {
    lut *luts;
    uint32_t n;
} cover;

// Indices of LUTs in running order. `position` is scratch for each node.
void schedule_luts(uint32_t *order, const cover *c, uint32_t *position, uint32_t n_nodes);

BL_MUST_USE bl_status program_from_cover(bl_program **program, const bl_graph *g, const cover *c,
                                         const bl_allocator *allocator);

#endif
