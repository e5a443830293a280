// SPDX-License-Identifier: MIT
// The engine's thread. A tick:
//
//   with the lock     choose activities by their clients' clocks, until 512 lanes are full
//   without           gather their lanes, run the model, scatter, advance each activity
//   with the lock     hand back what has ended and the frames that were made
//
// An activity in a tick belongs to the engine alone; a cancel only leaves a note on it.

#include "engine.h"

#include "work.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

// Time had, in lanes of a full tick: whoever has a tick alone pays for all of it.
struct client {
    uint64_t clock;
    activity *first, *last;  // its activities, in the order in which they take turns
    client *next, *previous; // of those that have any
};

enum {
    MAX_CHOSEN = BL_LANES,
    MAX_LOOKED_AT = 1024, // activities of a client in a tick; the others come nearer each time
    BACKGROUND_PRICE = 8
};

struct engine {
    const bl_model *model;
    size_t state_bytes;
    bl_runner *runner;
    bl_reader *reader; // NULL: the model's gates read what it remembers
    void (*wake)(void *context);
    void *context;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t has_work;
    bool is_closing;
    client *clients;    // that have activities
    uint32_t n_clients; // of all
    engine_event *first_event, **last_event;
    engine_stats stats;
    uint64_t clock; // of the client served last: newcomers begin here

    // the tick under way
    activity *chosen[MAX_CHOSEN];
    size_t n_chosen;
    uint8_t *states; // [512][state_bytes]
    int16_t bytes[BL_LANES];
};

// ---------------------------------------------------------------------------------- the tick

static bool is_runnable(const activity *a)
{
    return !a->is_waiting && (a->is_cancelled || a->n_unsent < MAX_UNSENT_FRAMES);
}

static int by_clock(const void *x, const void *y)
{
    const client *a = *(client *const *)x, *b = *(client *const *)y;
    return a->clock < b->clock ? -1 : a->clock > b->clock;
}

static bool reads_alone(const engine *e, const activity *a)
{
    return e->reader && work_reads_alone(a);
}

static size_t lanes_wanted(const engine *e, activity *a)
{
    return reads_alone(e, a) ? BL_LANES : work_n_lanes(a);
}

static size_t bytes_of_tick(const engine *e, activity *a)
{
    size_t left = a->n_text - a->at + 1;
    return a->is_skipped             ? 0
           : !reads_alone(e, a)      ? work_n_lanes(a)
           : left < (size_t)BL_LANES ? left
                                     : BL_LANES;
}

// Each activity pays for its share of the tick.
static void charge(engine *e, size_t n_lanes)
{
    for (size_t i = 0; i < e->n_chosen; i++) {
        activity *a = e->chosen[i];
        if (a->is_skipped)
            continue;
        uint64_t share = (lanes_wanted(e, a) * BL_LANES + n_lanes - 1) / n_lanes;
        a->client->clock += share * (a->is_background ? BACKGROUND_PRICE : 1);
        if (e->clock < a->client->clock)
            e->clock = a->client->clock;
    }
}

static void link_last(engine *e, activity *a)
{
    client *c = a->client;
    a->next = NULL;
    a->previous = c->last;
    if (c->last)
        c->last->next = a;
    else
        c->first = a;
    c->last = a;
    if (c->first != a)
        return;
    c->previous = NULL;
    c->next = e->clients;
    if (e->clients)
        e->clients->previous = c;
    e->clients = c;
}

static void unlink_activity(engine *e, activity *a)
{
    client *c = a->client;
    *(a->previous ? &a->previous->next : &c->first) = a->next;
    *(a->next ? &a->next->previous : &c->last) = a->previous;
    if (c->first)
        return;
    *(c->previous ? &c->previous->next : &e->clients) = c->next;
    if (c->next)
        c->next->previous = c->previous;
}

// Takes of one client's activities what fits, each of which then goes behind the others of it.
static void choose_of(engine *e, client *c, size_t *n_lanes)
{
    activity *a = c->first, *next;
    const activity *last = c->last;
    for (int i = 0; a && i < MAX_LOOKED_AT && e->n_chosen < MAX_CHOSEN; i++, a = next) {
        bool is_last = a == last; // as it was before they changed places
        next = is_last ? NULL : a->next;
        a->is_skipped = a->is_cancelled;
        size_t lanes = a->is_skipped ? 0 : lanes_wanted(e, a);
        if (!is_runnable(a) || *n_lanes + lanes > BL_LANES)
            continue;
        a->first_lane = *n_lanes;
        *n_lanes += lanes;
        e->chosen[e->n_chosen++] = a;
        unlink_activity(e, a);
        link_last(e, a);
    }
}

// Whose client had least goes first; what does not fit any more waits for the next tick.
static void choose(engine *e)
{
    client *ready[MAX_CLIENTS];
    uint32_t n = 0;
    size_t n_lanes = 0;
    e->n_chosen = 0;
    for (client *c = e->clients; c; c = c->next)
        ready[n++] = c;
    qsort(ready, n, sizeof *ready, by_clock);
    for (uint32_t i = 0; i < n; i++)
        choose_of(e, ready[i], &n_lanes);
    charge(e, n_lanes);
    e->stats.n_lanes_busy = (uint32_t)n_lanes;
    for (size_t i = 0; i < e->n_chosen; i++)
        e->stats.n_lane_steps += bytes_of_tick(e, e->chosen[i]);
}

static size_t gather(engine *e, bool *logits)
{
    size_t n = 0;
    *logits = false;
    for (size_t i = 0; i < e->n_chosen; i++) {
        activity *a = e->chosen[i];
        if (a->is_skipped || reads_alone(e, a))
            continue;
        assert(a->first_lane == n);
        *logits |= work_wants_logits(a);
        work_gather(e->states + n * e->state_bytes, e->bytes + n, a, e->state_bytes);
        n += work_n_lanes(a);
    }
    return n;
}

static void push_event(engine *e, engine_event *event)
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

static void end_activity(engine *e, activity *a)
{
    unlink_activity(e, a);
    e->stats.n_activities--;
    a->has_ended = true;
    if (a->then)
        follow(e, a->then, a);
    a->end_event = (engine_event){.activity = a};
    push_event(e, &a->end_event);
}

static void run_tick(engine *e) // with the lock held, which it gives up in between
{
    bool has_ended[MAX_CHOSEN], logits;
    engine_event *events[MAX_CHOSEN] = {0};
    pthread_mutex_unlock(&e->lock);

    uint64_t begun = bl_time_ns();
    size_t n_lanes = gather(e, &logits);
    if (n_lanes > 0)
        bl_runner_step(e->runner, e->states, e->bytes, n_lanes, logits);
    const tick t = {.model = e->model,
                    .info = bl_model_facts(e->model),
                    .runner = e->runner,
                    .reader = e->reader};
    for (size_t i = 0; i < e->n_chosen; i++) {
        activity *a = e->chosen[i];
        has_ended[i] = a->is_skipped;
        if (a->is_skipped)
            continue;
        if (reads_alone(e, a)) {
            size_t left = a->n_text - a->at + 1;
            a->n_lane_steps += left < BL_LANES ? left : BL_LANES;
            has_ended[i] = work_read(a, &t);
            continue;
        }
        a->n_lane_steps += work_n_lanes(a);
        work_scatter(a, e->states + a->first_lane * e->state_bytes, e->state_bytes);
        has_ended[i] = work_advance(&events[i], a, &t);
    }

    uint64_t elapsed = bl_time_ns() - begun;
    pthread_mutex_lock(&e->lock);
    if (e->stats.n_lanes_busy > 0) {
        e->stats.n_ticks++;
        e->stats.tick_ns += elapsed;
    }
    for (size_t i = 0; i < e->n_chosen; i++) {
        activity *a = e->chosen[i];
        if (events[i]) {
            a->n_unsent++;
            push_event(e, events[i]);
        }
        if (a->is_skipped)
            a->reason = a->cancel_reason;
        if (has_ended[i])
            end_activity(e, a);
    }
}

static void *run_engine(void *argument)
{
    engine *e = argument;
    pthread_mutex_lock(&e->lock);
    while (!e->is_closing) {
        choose(e);
        if (e->n_chosen == 0) {
            pthread_cond_wait(&e->has_work, &e->lock);
            continue;
        }
        run_tick(e);
        if (e->first_event)
            e->wake(e->context); // only writes to a pipe: may be called with the lock held
    }
    pthread_mutex_unlock(&e->lock);
    return NULL;
}

bl_status engine_create(engine **result, const bl_model *model, bl_cpu cpu,
                        void (*wake)(void *context), void *context)
{
    engine *e = bl_alloc(NULL, sizeof *e);
    if (!e)
        return BL_ERR_MEMORY;
    *e = (engine){.model = model,
                  .state_bytes = bl_model_facts(model)->state_bytes,
                  .wake = wake,
                  .context = context};
    e->last_event = &e->first_event;
    pthread_mutex_init(&e->lock, NULL);
    pthread_cond_init(&e->has_work, NULL);
    e->states = bl_alloc_array(NULL, BL_LANES, e->state_bytes);
    bl_status status = bl_runner_create(&e->runner, model, cpu, NULL);
    if (status == BL_OK) {
        status = bl_reader_create(&e->reader, model, cpu, NULL);
        status = status == BL_ERR_UNSUPPORTED ? BL_OK : status;
    }
    if (!e->states || (status == BL_OK && pthread_create(&e->thread, NULL, run_engine, e) != 0))
        status = BL_ERR_MEMORY;
    if (status == BL_OK) {
        *result = e;
        return BL_OK;
    }
    bl_runner_destroy(&e->runner);
    bl_reader_destroy(&e->reader);
    bl_free(NULL, e->states, BL_LANES * e->state_bytes);
    bl_free(NULL, e, sizeof *e);
    return status;
}

void engine_set_wake(engine *e, void (*wake)(void *context))
{
    if (!e)
        return;
    pthread_mutex_lock(&e->lock);
    e->wake = wake;
    pthread_mutex_unlock(&e->lock);
}

void engine_destroy(engine **handle)
{
    engine *e = *handle;
    if (!e)
        return;
    pthread_mutex_lock(&e->lock);
    e->is_closing = true;
    pthread_cond_signal(&e->has_work);
    pthread_mutex_unlock(&e->lock);
    pthread_join(e->thread, NULL);
    assert(!e->clients && !e->first_event);
    bl_runner_destroy(&e->runner);
    bl_reader_destroy(&e->reader);
    pthread_mutex_destroy(&e->lock);
    pthread_cond_destroy(&e->has_work);
    bl_free(NULL, e->states, BL_LANES * e->state_bytes);
    bl_free(NULL, e, sizeof *e);
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

void engine_submit(engine *e, activity *a)
{
    pthread_mutex_lock(&e->lock);
    // a client that was idle gets no credit for it
    if (!a->client->first && a->client->clock + BL_LANES < e->clock)
        a->client->clock = e->clock - BL_LANES;
    link_last(e, a);
    if (a->after && a->after->has_ended)
        follow(e, a, a->after);
    else if (a->after) {
        a->after->then = a;
        a->is_waiting = true;
    }
    e->stats.n_activities++;
    pthread_cond_signal(&e->has_work);
    pthread_mutex_unlock(&e->lock);
}

void engine_cancel(engine *e, activity *a, end_reason reason)
{
    pthread_mutex_lock(&e->lock);
    if (!a->is_cancelled) {
        a->is_cancelled = true;
        a->cancel_reason = reason;
    }
    pthread_cond_signal(&e->has_work);
    pthread_mutex_unlock(&e->lock);
}

void engine_frame_sent(engine *e, activity *a)
{
    pthread_mutex_lock(&e->lock);
    assert(a->n_unsent > 0);
    a->n_unsent--;
    pthread_cond_signal(&e->has_work);
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
