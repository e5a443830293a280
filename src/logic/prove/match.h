// SPDX-License-Identifier: MIT
#ifndef BITLOOM_LOGIC_PROVE_MATCH_H
#define BITLOOM_LOGIC_PROVE_MATCH_H

// Which port of one graph is which of another: by name where both have the same names, each once,
// otherwise by position.

#include <bitloom/logic.h>

typedef enum match_kind { MATCH_INPUTS, MATCH_LATCHES, MATCH_OUTPUTS } match_kind;

// Sets b_of_a[i] for each port of that kind of a; b has as many.
BL_MUST_USE bl_status match_ports(uint32_t *b_of_a, const bl_graph *a, const bl_graph *b,
                                  match_kind kind, const bl_allocator *allocator);

#endif
