// SPDX-License-Identifier: MIT
#ifndef BITLOOM_CODE_H
#define BITLOOM_CODE_H

// Programs as machine code, and how a machine runs them.
//
//     bl_machine *m;                                   // 8 x 512 lanes, by whatever is fastest
//     bl_machine_params params = {.level = bl_cpu_best(), .n_chunks = 8, .n_runs = 1000};
//     if (bl_machine_create_as(&m, program, &params, NULL) != BL_OK) return 1;
//     bl_machine_run_many(m, 0, 8);
//
// Machine code is made in memory, 0.2 to 0.5 us for each LUT3. Its instructions lie in pages of
// their own that the allocator does not give, never writable and executable at the same time. It
// has no loops and no branches: one instruction for each LUT3, its operands in 32 registers as far
// as they fit. It is bound by how fast instructions can be fetched: from the innermost caches it is
// 5 to 12 times as fast as the interpreter, from memory about twice. Several chunks (512 lanes
// each) let it stay in the innermost cache, piece by piece, whatever its size.

#include <bitloom/logic.h>

BL_BEGIN_DECLS

typedef struct bl_code bl_code;

typedef struct bl_code_params {
    bl_cpu level;    // BL_CPU_AVX512 or BL_CPU_AVX2
    size_t n_chunks; // that will run at a time: 1 (or 0) makes one piece, more make small ones
} bl_code_params;

typedef struct bl_code_info {
    size_t bytes;               // of instructions
    uint32_t n_pieces, n_slots; // n_slots: planes of a chunk, at least those of the program
    uint64_t n_operations;      // LUT3s and LUT2s that are left
    uint64_t n_loads, n_stores; // instructions that only load or store
    uint64_t n_memory_operands; // operations that read one operand from memory
    uint64_t n_copies;          // from register to register
    uint64_t compile_ns;
} bl_code_info;

// Whether this build, CPU and system can make and run code for a level.
BL_API bool bl_code_is_possible(bl_cpu level);

// Compiles all entries. Macro-operations are expanded to LUT3s first. BL_ERR_UNSUPPORTED if code is
// not possible or the system allows no executable memory. Any number of machines and threads may
// use the code at a time; it does not refer to the program any more.
BL_API BL_MUST_USE bl_status bl_code_compile(bl_code **code, const bl_program *program,
                                             const bl_code_params *params,
                                             const bl_allocator *allocator);
BL_API void bl_code_destroy(bl_code **code);
BL_API void bl_code_get_info(bl_code_info *info, const bl_code *code);
BL_API const uint8_t *bl_code_bytes(const bl_code *code); // the instructions, to look at

typedef enum bl_run {
    BL_RUN_AUTO,        // whichever is faster: where code may pay, both are made and race
    BL_RUN_INTERPRETER, // the program as data
    BL_RUN_CODE         // machine code; BL_ERR_UNSUPPORTED where it is not possible
} bl_run;

typedef struct bl_machine_params {
    bl_cpu level;    // must be supported
    size_t n_chunks; // 0 = 1
    bl_run run;
    uint64_t n_runs;     // about how often it will run, for BL_RUN_AUTO; 0 = very often
    const bl_code *code; // made for this program and level, used by BL_RUN_CODE; NULL: make it
    size_t n_threads;    // of the pool that bl_machine_run_on will get; 0 = 1, above 256 as 256
} bl_machine_params;

// As bl_machine_create_many. A given code must outlive the machine. BL_RUN_AUTO takes the
// interpreter where less than 400 chunks will run or macro-operations are most of the work, and
// otherwise times a few runs of both; results do not depend on what it takes.
BL_API BL_MUST_USE bl_status bl_machine_create_as(bl_machine **machine, const bl_program *program,
                                                  const bl_machine_params *params,
                                                  const bl_allocator *allocator);
// With more threads than chunks, one evaluation is split among the threads where that pays: the
// program into stages of cones that do not need each other, in equal parts. All wait for each other
// between stages, which costs 0.2 us where each has a core of its own (measured on Zen 5) and more
// than 25 us where others want the cores; the pool takes some 10 us to begin and end. So an
// evaluation should take 50 us or more, and cones should be wide: a layer of neurons is one stage,
// a carry chain gains nothing. Where planes outgrow the caches threads may not help. So
// bl_machine_run_on runs each entry six times by all and six times by one thread, in turns, and
// goes on with what was faster. It uses n_threads threads while it has fewer chunks than its pool
// has threads. Making it is linear and takes the planes and operations once more, or fails with
// BL_ERR_MEMORY. Whether it was done:
BL_API bool bl_machine_is_split(const bl_machine *machine);
// BL_RUN_INTERPRETER or BL_RUN_CODE, and the code or NULL.
BL_API bl_run bl_machine_get_run(const bl_machine *machine);
BL_API const bl_code *bl_machine_get_code(const bl_machine *machine);

// Appends the program as C for a compiler ahead of time: for each entry a function NAME_ENTRY,
// which the head of the file describes. `name` must be an identifier, otherwise BL_ERR_ARGUMENT.
// Macro-operations are expanded. Needs vector extensions (gcc, clang) and no header of bitloom.
BL_API BL_MUST_USE bl_status bl_program_emit_c(bl_buffer *out, const bl_program *program,
                                               const char *name, const bl_allocator *allocator);

BL_END_DECLS
#endif
