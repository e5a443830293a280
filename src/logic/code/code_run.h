// SPDX-License-Identifier: MIT
#ifndef BITLOOM_LOGIC_CODE_RUN_H
#define BITLOOM_LOGIC_CODE_RUN_H

#include <bitloom/code.h>

// Runs one entry for n_chunks chunks, whose slots lie `stride` planes apart.
void code_run(const bl_code *code, uint32_t entry, bl_plane *slots, size_t n_chunks, size_t stride);

#endif
