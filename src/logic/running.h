// SPDX-License-Identifier: MIT
#ifndef BITLOOM_LOGIC_RUNNING_H
#define BITLOOM_LOGIC_RUNNING_H

#include "program_private.h"

// Code words as the interpreters want them. Word numbers stay those of the program.
typedef struct running_code {
    const void *words; // uint32_t if is_wide, otherwise uint16_t
    bool is_wide;
    void *owned; // where a copy was needed
    size_t owned_bytes;
} running_code;

BL_MUST_USE bl_status running_code_create(running_code *code, const bl_program *program,
                                          const bl_allocator *allocator);
void running_code_destroy(running_code *code, const bl_allocator *allocator);

#endif
