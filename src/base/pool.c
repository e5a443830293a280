// SPDX-License-Identifier: MIT
// The thread pool: workers sleep until a round of tasks begins, then all of them, the caller too,
// draw task numbers from one counter. A round ends when its last task is done.

#include <bitloom/base.h>

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

struct bl_pool {
    const bl_allocator *allocator;
    size_t n_threads; // with the caller
    size_t n_started; // workers that run
    pthread_t *workers;
    pthread_mutex_t lock;
    pthread_cond_t has_round, is_done;
    uint64_t round; // rises by one per bl_pool_for
    size_t n_working;
    bool is_closing;
    void (*task)(void *context, size_t index);
    void *context;
    size_t n_tasks;
    atomic_size_t next;
};

static void draw_tasks(bl_pool *p)
{
    for (;;) {
        size_t i = atomic_fetch_add_explicit(&p->next, 1, memory_order_relaxed);
        if (i >= p->n_tasks)
            return;
        p->task(p->context, i);
    }
}

static void *work(void *argument)
{
    bl_pool *p = argument;
    uint64_t seen = 0;
    pthread_mutex_lock(&p->lock);
    for (;;) {
        while (p->round == seen && !p->is_closing)
            pthread_cond_wait(&p->has_round, &p->lock);
        if (p->is_closing)
            break;
        seen = p->round;
        pthread_mutex_unlock(&p->lock);
        draw_tasks(p);
        pthread_mutex_lock(&p->lock);
        if (--p->n_working == 0)
            pthread_cond_signal(&p->is_done);
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

size_t bl_thread_count(size_t wanted)
{
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    return wanted > 0 ? wanted : online > 0 ? (size_t)online : 1;
}

bl_status bl_pool_create(bl_pool **result, size_t n_threads, const bl_allocator *allocator)
{
    n_threads = bl_thread_count(n_threads);
    bl_pool *p = bl_alloc(allocator, sizeof *p);
    if (!p)
        return BL_ERR_MEMORY;
    p->allocator = allocator;
    p->n_threads = n_threads;
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->has_round, NULL);
    pthread_cond_init(&p->is_done, NULL);
    p->workers = bl_alloc_array(allocator, n_threads, sizeof *p->workers);
    while (p->workers && p->n_started + 1 < n_threads
           && pthread_create(&p->workers[p->n_started], NULL, work, p) == 0)
        p->n_started++;
    if (!p->workers || p->n_started + 1 < n_threads) {
        bl_pool_destroy(&p);
        return BL_ERR_MEMORY;
    }
    *result = p;
    return BL_OK;
}

void bl_pool_destroy(bl_pool **handle)
{
    bl_pool *p = handle ? *handle : NULL;
    if (!p)
        return;
    pthread_mutex_lock(&p->lock);
    p->is_closing = true;
    pthread_cond_broadcast(&p->has_round);
    pthread_mutex_unlock(&p->lock);
    for (size_t i = 0; i < p->n_started; i++)
        pthread_join(p->workers[i], NULL);
    pthread_mutex_destroy(&p->lock);
    pthread_cond_destroy(&p->has_round);
    pthread_cond_destroy(&p->is_done);
    bl_free(p->allocator, p->workers, p->n_threads * sizeof *p->workers);
    bl_free(p->allocator, p, sizeof *p);
    *handle = NULL;
}

size_t bl_pool_n_threads(const bl_pool *pool) { return pool ? pool->n_threads : 1; }

void bl_pool_for(bl_pool *p, size_t n_tasks, void (*task)(void *context, size_t index),
                 void *context)
{
    assert(task);
    if (!p || p->n_started == 0 || n_tasks < 2) {
        for (size_t i = 0; i < n_tasks; i++)
            task(context, i);
        return;
    }
    pthread_mutex_lock(&p->lock);
    assert(p->n_working == 0); // not from within a task
    p->task = task;
    p->context = context;
    p->n_tasks = n_tasks;
    atomic_store_explicit(&p->next, 0, memory_order_relaxed);
    p->n_working = p->n_started;
    p->round++;
    pthread_cond_broadcast(&p->has_round);
    pthread_mutex_unlock(&p->lock);
    draw_tasks(p);
    pthread_mutex_lock(&p->lock);
    while (p->n_working > 0)
        pthread_cond_wait(&p->is_done, &p->lock);
    pthread_mutex_unlock(&p->lock);
}
