// SPDX-License-Identifier: MIT
#ifndef BITLOOM_LOGIC_PROVE_NODE_H
#define BITLOOM_LOGIC_PROVE_NODE_H

#include <bitloom/logic.h>

// The others are the constant, inputs and latches.
static inline bool is_and(const bl_graph *g, uint32_t id)
{
    return id > 0 && g->fanin0[id] < BL_NODE_LATCH;
}

#endif
