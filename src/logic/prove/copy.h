// SPDX-License-Identifier: MIT
#ifndef BITLOOM_LOGIC_PROVE_COPY_H
#define BITLOOM_LOGIC_PROVE_COPY_H

// Parts of one graph built in another: lit[id] is what node id of `from` became in `to`.

#include <bitloom/logic.h>

static inline bl_lit copied(const bl_lit *lit, bl_lit l)
{
    return bl_lit_not_if(lit[bl_lit_node(l)], bl_lit_is_complemented(l));
}

// Marks all that the marked nodes depend on, latches not followed.
void mark_cones(uint8_t *is_needed, const bl_graph *g);

// Copies the ANDs (is_needed NULL: all); lit is set for the constant, inputs and latches. Failures
// stick in `to`.
void copy_ands(bl_graph *to, bl_lit *lit, const bl_graph *from, const uint8_t *is_needed);

// Copies everything that ports and latches depend on. `g` gives the ports, `lit` says what its
// nodes are in `nodes`, whose inputs and latches are those of g, in order.
BL_MUST_USE bl_status copy_needed(bl_graph **result, const bl_graph *g, const bl_lit *lit,
                                  const bl_graph *nodes, const bl_allocator *allocator);

#endif
