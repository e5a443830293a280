// SPDX-License-Identifier: MIT
#ifndef BITLOOM_LOGIC_BARRIER_H
#define BITLOOM_LOGIC_BARRIER_H

#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>

// Where n threads wait for each other. The last one to come opens the next round; the others spin
// for some microseconds and then give their core away, since it may be what the last one waits for.
// What a thread wrote before is seen by all behind it.
typedef struct barrier {
    _Alignas(64) atomic_uint n_here;
    _Alignas(64) atomic_uint round;
    _Alignas(64) unsigned n;
} barrier;

static inline void barrier_pause(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static inline void barrier_wait(barrier *b)
{
    enum { SPINS = 500 };
    unsigned round = atomic_load_explicit(&b->round, memory_order_relaxed);
    if (atomic_fetch_add_explicit(&b->n_here, 1, memory_order_acq_rel) + 1 == b->n) {
        atomic_store_explicit(&b->n_here, 0, memory_order_relaxed);
        atomic_store_explicit(&b->round, round + 1, memory_order_release);
        return;
    }
    for (unsigned i = 0; atomic_load_explicit(&b->round, memory_order_acquire) == round; i++)
        if (i < SPINS)
            barrier_pause();
        else
            sched_yield();
}

#endif
