// SPDX-License-Identifier: MIT
#ifndef BITLOOM_LOGIC_CODE_PRIVATE_H
#define BITLOOM_LOGIC_CODE_PRIVATE_H

#include "logic/code/trace.h"

#include <bitloom/code.h>

// Machine code while it is written. Positions are offsets, since the bytes may move.
typedef struct writer {
    uint8_t *bytes; // mapped, writable
    size_t n, capacity;
    bl_status status;
} writer;

// Room for `more` bytes; false, and a sticky status, without it.
bool writer_reserve(writer *w, size_t more);

enum { NO_REGISTER = 0xFF, MAX_REGISTERS = 32 };
static const uint32_t NO_SLOT = UINT32_MAX;

// Where the planes of one chunk are found: base register k holds the address of slot
// first + (k << shift) + half of that, so that short displacements reach the slots on both sides.
typedef struct addressing {
    uint32_t first; // slot
} addressing;

// An operation whose sources are in registers; `memory` of them (at most one) in a slot instead.
typedef struct placed_op {
    const trace_op *op;
    uint8_t result;    // register; may be that of a source that dies
    uint8_t source[3]; // register of source k, NO_REGISTER for the one in memory
    uint32_t memory_slot;
    bool result_is_source[3]; // source k dies and its register is the result
} placed_op;

// What the allocator of registers must know of an instruction set, and what writes it.
typedef struct code_target {
    uint32_t n_registers; // that values may live in
    uint32_t n_passes;    // calls of the code per plane: 1 for 64 bytes, 2 for 32
    uint32_t pass_bytes;
    bool can_read_memory; // an operation may take one source from a slot
    bool is_destructive;  // a result of three sources replaces one of them
    size_t max_op_bytes;  // of one operation with its loads and stores
    void (*begin)(writer *w, const addressing *a);
    void (*end)(writer *w);
    void (*prefetch)(writer *w, int32_t distance, bool is_far);
    void (*load)(writer *w, const addressing *a, uint8_t dst, uint32_t slot);
    void (*store)(writer *w, const addressing *a, uint32_t slot, uint8_t src);
    void (*compute)(writer *w, const addressing *a, const placed_op *op);
} code_target;

extern const code_target code_target_avx512, code_target_avx2;

typedef struct code_segment {
    size_t offset, bytes;
} code_segment;

typedef struct code_facts {
    uint32_t n_slots; // of a chunk
    uint64_t n_operations, n_loads, n_stores, n_memory_operands, n_copies;
} code_facts;

// Registers for a trace, and its code as segments that can run one after the other with nothing in
// registers between them. `segments` collects code_segment.
typedef struct compile_job {
    trace *t;
    const code_target *target;
    uint32_t first_spill;      // slot
    uint32_t segment_ops;      // operations of a segment
    int32_t prefetch_distance; // bytes; 0: none
    bool is_prefetch_far;
    const bl_allocator *allocator;
} compile_job;

BL_MUST_USE bl_status code_generate(writer *w, bl_buffer *segments, code_facts *facts,
                                    const compile_job *job);

#endif
