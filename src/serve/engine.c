// SPDX-License-Identifier: MIT
// The life of the engine; activities coming in, events going out.

#include "engine_private.h"

#include <assert.h>

void engine_push_event(engine *e, engine_event *event)
{
    *e->last_event = event;
    e->last_event = &event->next;
}

// What waited for an activity goes on where that one has come to.
static void follow(engine *e, activity *a, const activity *first)
{
    memcpy(a->states, first->states, a->n_lanes * e->state_bytes);
    a->is_waiting = false;
}

void engine_end_activity(engine *e, activity *a)
{
    schedule_remove(e, a);
    e->stats.n_activities--;
    a->has_ended = true;
    if (a->then)
        follow(e, a->then, a);
    a->end_event = (engine_event){.activity = a};
    engine_push_event(e, &a->end_event);
}

static void stop_threads(engine *e)
{
    pthread_mutex_lock(&e->lock);
    e->is_closing = true;
    atomic_fetch_add(&e->n_calls, 1);
    pthread_cond_broadcast(&e->has_work);
    pthread_cond_signal(&e->has_job);
    pthread_mutex_unlock(&e->lock);
    if (e->has_builder)
        pthread_join(e->builder, NULL);
    pattern_cache_clear(&e->cache);
    for (uint32_t i = 0; i < e->n_tickers; i++) {
        pthread_join(e->tickers[i]->thread, NULL);
        ticker_destroy(e->tickers[i]);
    }
    pthread_mutex_destroy(&e->wake_lock);
    pthread_mutex_destroy(&e->lock);
    pthread_cond_destroy(&e->has_work);
    pthread_cond_destroy(&e->has_job);
    bl_free(NULL, e, sizeof *e);
}

bl_status engine_create(engine **result, const bl_model *model, bl_cpu cpu, size_t n_threads,
                        void (*wake)(void *context), void *context)
{
    assert(n_threads >= 1);
    engine *e = bl_alloc(NULL, sizeof *e);
    if (!e)
        return BL_ERR_MEMORY;
    *e = (engine){.model = model,
                  .state_bytes = bl_model_facts(model)->state_bytes,
                  .wake = wake,
                  .context = context};
    e->last_event = &e->first_event;
    pthread_mutex_init(&e->lock, NULL);
    pthread_mutex_init(&e->wake_lock, NULL);
    pthread_cond_init(&e->has_work, NULL);
    pthread_cond_init(&e->has_job, NULL);
    pthread_mutex_lock(&e->lock); // until all threads are there
    e->has_builder = pthread_create(&e->builder, NULL, builder_run, e) == 0;
    bl_status status = e->has_builder ? BL_OK : BL_ERR_MEMORY;
    while (e->n_tickers < n_threads && e->n_tickers < MAX_TICKERS && status == BL_OK) {
        ticker *k;
        status = ticker_create(&k, e, cpu);
        if (status == BL_OK && pthread_create(&k->thread, NULL, ticker_run, k) != 0) {
            ticker_destroy(k);
            status = BL_ERR_MEMORY;
        }
        if (status == BL_OK)
            e->tickers[e->n_tickers++] = k;
    }
    pthread_mutex_unlock(&e->lock);
    if (status == BL_OK)
        *result = e;
    else
        stop_threads(e);
    return status;
}

void engine_set_wake(engine *e, void (*wake)(void *context))
{
    if (!e)
        return;
    pthread_mutex_lock(&e->wake_lock);
    e->wake = wake;
    pthread_mutex_unlock(&e->wake_lock);
}

void engine_destroy(engine **handle)
{
    engine *e = *handle;
    if (!e)
        return;
    assert(!e->clients && !e->first_event);
    stop_threads(e);
    *handle = NULL;
}

client *engine_add_client(engine *e)
{
    client *c = bl_alloc(NULL, sizeof *c);
    pthread_mutex_lock(&e->lock);
    bool is_ok = c && e->n_clients < MAX_CLIENTS;
    if (is_ok) {
        c->clock = e->clock;
        e->n_clients++;
    }
    pthread_mutex_unlock(&e->lock);
    if (is_ok)
        return c;
    bl_free(NULL, c, sizeof *c);
    return NULL;
}

void engine_remove_client(engine *e, client *c)
{
    if (!c)
        return;
    pthread_mutex_lock(&e->lock);
    assert(!c->first);
    e->n_clients--;
    pthread_mutex_unlock(&e->lock);
    bl_free(NULL, c, sizeof *c);
}

// Whoever spins hears the call; only where nobody does, one is woken.
static void call_ticker(engine *e)
{
    atomic_fetch_add(&e->n_calls, 1);
    if (!e->has_spinner)
        pthread_cond_signal(&e->has_work);
}

void engine_tell(engine *e) // without the lock, for on a virtual machine this takes 50 us
{
    pthread_mutex_lock(&e->wake_lock);
    e->wake(e->context);
    pthread_mutex_unlock(&e->wake_lock);
}

bool engine_begin(engine *e, activity *a, const request_error *refusal)
{
    bool is_known = e->first_event;
    schedule_add(e, a);
    if (refusal) {
        a->refusal = refusal;
        a->reason = END_FAILED;
    }
    if (!refusal && a->kind == ACTIVITY_PATTERN && a->is_cancelled)
        a->reason = a->cancel_reason;
    if (refusal || a->kind == ACTIVITY_PATTERN)
        engine_end_activity(e, a);
    else
        call_ticker(e);
    return e->first_event && !is_known;
}

void engine_submit(engine *e, activity *a)
{
    bool is_news = false;
    pthread_mutex_lock(&e->lock);
    e->stats.n_activities++;
    // a client that was idle gets no credit for it
    if (!a->client->first && a->client->clock + BL_LANES < e->clock)
        a->client->clock = e->clock - BL_LANES;
    if (a->after && a->after->has_ended)
        follow(e, a, a->after);
    else if (a->after) {
        a->after->then = a;
        a->is_waiting = true;
    }
    if (a->job)
        builder_add(e, a);
    else
        is_news = engine_begin(e, a, NULL);
    pthread_mutex_unlock(&e->lock);
    if (is_news)
        engine_tell(e);
}

void engine_cancel(engine *e, activity *a, end_reason reason)
{
    pthread_mutex_lock(&e->lock);
    if (!a->is_cancelled) {
        a->is_cancelled = true;
        a->cancel_reason = reason;
    }
    call_ticker(e);
    pthread_mutex_unlock(&e->lock);
}

void engine_frame_sent(engine *e, activity *a)
{
    pthread_mutex_lock(&e->lock);
    assert(a->n_unsent > 0);
    a->n_unsent--;
    call_ticker(e);
    pthread_mutex_unlock(&e->lock);
}

engine_event *engine_take_events(engine *e)
{
    pthread_mutex_lock(&e->lock);
    engine_event *events = e->first_event;
    e->first_event = NULL;
    e->last_event = &e->first_event;
    pthread_mutex_unlock(&e->lock);
    return events;
}

void event_destroy(engine_event *event)
{
    bl_free(NULL, event->frame, sizeof *event->frame);
    rollout_frame_destroy(event->rollout);
    bl_free(NULL, event, sizeof *event);
}

void engine_deliver(engine *e)
{
    for (engine_event *event = engine_take_events(e), *next; event; event = next) {
        next = event->next; // handling the last event of an activity may free it
        event->activity->receive(event);
    }
}

void engine_get_stats(engine_stats *stats, engine *e)
{
    pthread_mutex_lock(&e->lock);
    *stats = e->stats;
    pthread_mutex_unlock(&e->lock);
}
