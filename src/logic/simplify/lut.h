// SPDX-License-Identifier: MIT
#ifndef BITLOOM_LOGIC_SIMPLIFY_LUT_H
#define BITLOOM_LOGIC_SIMPLIFY_LUT_H

#include <bitloom/base.h>

// Three literals become distinct gates that matter to the table, ids rising, unused ones 0 and
// last; the table follows. Returns how many there are.
uint32_t lut_normalise(uint8_t *table, uint32_t *fanin);

#endif
