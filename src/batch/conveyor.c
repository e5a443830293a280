// SPDX-License-Identifier: MIT
// Every thread claims, works and then delivers what is complete at the front, unless another thread
// is doing that; what becomes complete meanwhile is seen by the one that delivers. Claiming and
// delivering happen outside the lock, but each by one thread at a time.

#include "conveyor.h"

#include <assert.h>
#include <string.h>

enum { SLOTS_PER_THREAD = 4 };

size_t conveyor_n_slots(const bl_pool *pool)
{
    size_t n = bl_pool_n_threads(pool);
    return n > 1 ? n * SLOTS_PER_THREAD : 1;
}

bl_status conveyor_create(conveyor *c, const conveyor_steps *steps, void *context, bl_pool *pool,
                          const bl_allocator *allocator)
{
    *c = (conveyor){.steps = *steps,
                    .context = context,
                    .pool = pool,
                    .allocator = allocator,
                    .n_slots = conveyor_n_slots(pool)};
    c->is_complete = bl_alloc_array(allocator, c->n_slots, sizeof *c->is_complete);
    if (!c->is_complete)
        return BL_ERR_MEMORY;
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->changed, NULL);
    return BL_OK;
}

void conveyor_destroy(conveyor *c)
{
    if (!c->is_complete)
        return;
    pthread_mutex_destroy(&c->lock);
    pthread_cond_destroy(&c->changed);
    bl_free(c->allocator, c->is_complete, c->n_slots * sizeof *c->is_complete);
    c->is_complete = NULL;
}

static size_t slot_of(const conveyor *c, uint64_t piece) { return (size_t)(piece % c->n_slots); }

// Waits for its turn and for a free slot; false when there is nothing more to do. Under the lock.
static bool claim(size_t *slot, conveyor *c)
{
    while (!c->is_full && !c->is_at_end) {
        if (c->is_claiming || c->next - c->oldest == c->n_slots) {
            pthread_cond_wait(&c->changed, &c->lock);
            continue;
        }
        *slot = slot_of(c, c->next);
        c->is_claiming = true;
        pthread_mutex_unlock(&c->lock);
        bool is_claimed = c->steps.claim(c->context, *slot);
        pthread_mutex_lock(&c->lock);
        c->is_claiming = false;
        c->is_complete[*slot] = false;
        c->next += is_claimed;
        c->is_at_end = !is_claimed;
        pthread_cond_broadcast(&c->changed);
        return is_claimed;
    }
    return false;
}

// Under the lock.
static void deliver(conveyor *c)
{
    if (c->is_delivering)
        return;
    c->is_delivering = true;
    while (c->oldest < c->next && !c->is_full && c->is_complete[slot_of(c, c->oldest)]) {
        pthread_mutex_unlock(&c->lock);
        bool is_delivered = c->steps.deliver(c->context, slot_of(c, c->oldest));
        pthread_mutex_lock(&c->lock);
        c->is_full = !is_delivered;
        c->oldest += is_delivered;
        pthread_cond_broadcast(&c->changed);
    }
    c->is_delivering = false;
}

static void work(void *context, size_t thread)
{
    conveyor *c = context;
    size_t slot;
    (void)thread;
    pthread_mutex_lock(&c->lock);
    while (claim(&slot, c)) {
        pthread_mutex_unlock(&c->lock);
        c->steps.work(c->context, slot);
        pthread_mutex_lock(&c->lock);
        c->is_complete[slot] = true;
        deliver(c);
    }
    pthread_mutex_unlock(&c->lock);
}

bool conveyor_run(conveyor *c)
{
    pthread_mutex_lock(&c->lock);
    c->is_full = c->is_at_end = false;
    deliver(c);
    pthread_mutex_unlock(&c->lock);
    if (!c->is_full)
        bl_pool_for(c->pool, c->n_slots > 1 ? bl_pool_n_threads(c->pool) : 1, work, c);
    assert(c->is_full || c->oldest == c->next);
    return !c->is_full;
}
