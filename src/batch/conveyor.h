// SPDX-License-Identifier: MIT
#ifndef BITLOOM_BATCH_CONVEYOR_H
#define BITLOOM_BATCH_CONVEYOR_H

// Work in order: pieces are claimed one after the other, worked on by all threads at once, and
// delivered one after the other in the order of the claims. Piece k lies in slot k mod n_slots, so
// at most n_slots are under way, and claiming waits for delivery.
//
//     pieces   ... | 17 delivered | 18 complete | 19 under way | 20 complete | 21 unclaimed ...
//                                  ^ oldest                                   ^ next

#include <bitloom/base.h>

#include <pthread.h>

typedef struct conveyor_steps {
    bool (*claim)(void *context, size_t slot); // false: nothing more for now
    void (*work)(void *context, size_t slot);
    bool (*deliver)(void *context, size_t slot); // false: full; the same piece is offered again
} conveyor_steps;

typedef struct conveyor {
    conveyor_steps steps;
    void *context;
    bl_pool *pool;
    const bl_allocator *allocator;
    size_t n_slots;
    bool *is_complete; // of each slot
    uint64_t next, oldest;
    bool is_claiming, is_delivering, is_at_end, is_full;
    pthread_mutex_t lock;
    pthread_cond_t changed;
} conveyor;

// One slot for a single thread, several for each thread otherwise.
size_t conveyor_n_slots(const bl_pool *pool);

BL_MUST_USE bl_status conveyor_create(conveyor *c, const conveyor_steps *steps, void *context,
                                      bl_pool *pool, const bl_allocator *allocator);
void conveyor_destroy(conveyor *c);

// Goes on until nothing is left to claim and all is delivered, true, or until delivery is full,
// false: then call it again.
bool conveyor_run(conveyor *c);

#endif
