// SPDX-License-Identifier: MIT
#ifndef BITLOOM_LOGIC_EXPAND_H
#define BITLOOM_LOGIC_EXPAND_H

#include "program_private.h"

// The number of LUT3s of the program with its macro-operations expanded.
BL_MUST_USE bl_status program_count_lut3(uint64_t *n, const bl_program *program);

#endif
