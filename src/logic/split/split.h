// SPDX-License-Identifier: MIT
#ifndef BITLOOM_LOGIC_SPLIT_H
#define BITLOOM_LOGIC_SPLIT_H

#include <bitloom/logic.h>

// A program as one program for each thread, over the same planes. Inputs, state and outputs have
// the slots of the original; behind them lie planes that threads share, then those of each thread:
//
//     constants | inputs | state | outputs | shared | of thread 0 | of thread 1 | ...
//
// Entry e is the entries first_entry[e] .. first_entry[e + 1] - 1 of each thread's program, its
// stages: a barrier between two of them, and within one any order.
typedef struct split {
    uint32_t n_threads, n_entries;
    bl_program **programs;
    uint32_t *first_entry;
    const bl_allocator *allocator;
} split;

// Called with each thread's program as soon as it is made: raises *n_slots where the thread needs
// more planes than the program has.
typedef bl_status split_end(void *context, size_t *n_slots, uint32_t thread,
                            const bl_program *program);

// *result stays NULL where the threads would not gain a quarter of the time. `end` may be NULL.
// Linear, some 100 bytes for each operation while it works.
BL_MUST_USE bl_status split_create(split **result, const bl_program *program, uint32_t n_threads,
                                   split_end *end, void *context, const bl_allocator *allocator);
void split_destroy(split **s);

#endif
