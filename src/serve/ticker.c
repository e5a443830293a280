// SPDX-License-Identifier: MIT
// A ticker's thread. A tick:
//
//   with the lock     choose activities by their clients' clocks, until 512 lanes are full
//   without           gather their lanes, run the model, scatter, advance each activity
//   with the lock     hand back what has ended and the frames that were made
//
// An activity in a tick belongs to its ticker alone; a cancel only leaves a note on it.

#include "engine_private.h"

#include <assert.h>
#include <sched.h>

// To sleep and be woken takes longer than many a client needs for its next request.
enum { MAX_SPIN_NS = 200 * 1000 };

static size_t gather(ticker *k, bool *logits)
{
    size_t n = 0, state_bytes = k->engine->state_bytes;
    *logits = false;
    for (size_t i = 0; i < k->n_chosen; i++) {
        activity *a = k->chosen[i];
        if (a->is_skipped || schedule_reads_alone(a, k))
            continue;
        assert(a->first_lane == n);
        *logits |= work_wants_logits(a);
        work_gather(k->states + n * state_bytes, k->bytes + n, a, state_bytes);
        n += work_n_lanes(a);
    }
    return n;
}

static bool advance(engine_event **event, activity *a, ticker *k, const tick *t)
{
    size_t state_bytes = k->engine->state_bytes;
    if (schedule_reads_alone(a, k)) {
        size_t left = a->n_text - a->at + 1;
        a->n_lane_steps += left < BL_LANES ? left : BL_LANES;
        return work_read(a, t);
    }
    a->n_lane_steps += work_n_lanes(a);
    work_scatter(a, k->states + a->first_lane * state_bytes, state_bytes);
    return work_advance(event, a, t);
}

// True: there is news for who takes the events, of which it has not been told yet.
static bool run_tick(ticker *k) // with the lock held, which it gives up in between
{
    engine *e = k->engine;
    bool has_ended[MAX_CHOSEN], logits;
    engine_event *events[MAX_CHOSEN] = {0};
    pthread_mutex_unlock(&e->lock);

    uint64_t begun = bl_time_ns();
    size_t n_lanes = gather(k, &logits);
    if (n_lanes > 0)
        bl_runner_step(k->runner, k->states, k->bytes, n_lanes, logits);
    const tick t = {.model = e->model,
                    .info = bl_model_facts(e->model),
                    .runner = k->runner,
                    .reader = k->reader};
    for (size_t i = 0; i < k->n_chosen; i++) {
        activity *a = k->chosen[i];
        has_ended[i] = a->is_skipped || advance(&events[i], a, k, &t);
    }

    uint64_t elapsed = bl_time_ns() - begun;
    pthread_mutex_lock(&e->lock);
    bool is_known = e->first_event;
    schedule_end(k);
    if (k->n_lanes > 0) {
        e->stats.n_ticks++;
        e->stats.tick_ns += elapsed;
    }
    for (size_t i = 0; i < k->n_chosen; i++) {
        activity *a = k->chosen[i];
        if (events[i]) {
            a->n_unsent++;
            engine_push_event(e, events[i]);
        }
        if (a->is_skipped)
            a->reason = a->cancel_reason;
        if (has_ended[i])
            engine_end_activity(e, a);
    }
    return e->first_event && !is_known;
}

// Waits for calls, for a moment without sleeping. With the lock held, given up in between.
static void wait_for_work(engine *e, uint64_t spin_ns)
{
    unsigned known = atomic_load(&e->n_calls);
    if (spin_ns > 0 && !e->has_spinner) {
        e->has_spinner = true;
        pthread_mutex_unlock(&e->lock);
        uint64_t end = bl_time_ns() + spin_ns;
        while (atomic_load(&e->n_calls) == known && bl_time_ns() < end)
            sched_yield(); // to whoever makes the call
        pthread_mutex_lock(&e->lock);
        e->has_spinner = false;
    }
    if (atomic_load(&e->n_calls) == known)
        pthread_cond_wait(&e->has_work, &e->lock);
}

void *ticker_run(void *argument)
{
    ticker *k = argument;
    engine *e = k->engine;
    uint64_t spin_ns = 0;
    pthread_mutex_lock(&e->lock);
    while (!e->is_closing) {
        if (!schedule_has_tick(e)) {
            wait_for_work(e, spin_ns);
            spin_ns = 0;
            continue;
        }
        schedule_choose(k);
        if (schedule_has_tick(e))
            pthread_cond_signal(&e->has_work); // for another ticker
        uint64_t begun = bl_time_ns();
        bool is_news = run_tick(k);
        spin_ns = (bl_time_ns() - begun) / 4;
        spin_ns = spin_ns < MAX_SPIN_NS ? spin_ns : MAX_SPIN_NS;
        if (!is_news)
            continue;
        pthread_mutex_unlock(&e->lock);
        engine_tell(e);
        pthread_mutex_lock(&e->lock);
    }
    pthread_mutex_unlock(&e->lock);
    return NULL;
}

bl_status ticker_create(ticker **result, engine *e, bl_cpu cpu)
{
    ticker *k = bl_alloc(NULL, sizeof *k);
    if (!k)
        return BL_ERR_MEMORY;
    *k = (ticker){.engine = e};
    k->states = bl_alloc_array(NULL, BL_LANES, e->state_bytes);
    bl_status status =
        k->states ? bl_runner_create(&k->runner, e->model, cpu, NULL) : BL_ERR_MEMORY;
    if (status == BL_OK) {
        status = bl_reader_create(&k->reader, e->model, cpu, NULL);
        status = status == BL_ERR_UNSUPPORTED ? BL_OK : status;
    }
    if (status == BL_OK)
        *result = k;
    else
        ticker_destroy(k);
    return status;
}

void ticker_destroy(ticker *k)
{
    if (!k)
        return;
    bl_runner_destroy(&k->runner);
    bl_reader_destroy(&k->reader);
    bl_free(NULL, k->states, BL_LANES * k->engine->state_bytes);
    bl_free(NULL, k, sizeof *k);
}
