// SPDX-License-Identifier: MIT
#ifndef BITLOOM_SERVE_ENGINE_PRIVATE_H
#define BITLOOM_SERVE_ENGINE_PRIVATE_H

// What engine.c (life, what comes and goes), schedule.c (who is next), ticker.c (ticks) and
// builder.c (patterns) share.

#include "engine.h"

#include "work.h"

#include <pthread.h>
#include <stdatomic.h>

// Time had, in lanes of a full tick: whoever has a tick alone pays for all of it.
struct client {
    uint64_t clock;
    activity *first, *last;  // its activities, in the order in which they take turns
    client *next, *previous; // of those that have any
};

enum { MAX_CHOSEN = BL_LANES, MAX_TICKERS = 64 };

// A thread that runs ticks, with a model machine of its own.
typedef struct ticker {
    engine *engine;
    pthread_t thread;
    bl_runner *runner;
    bl_reader *reader; // NULL: the model's gates read what it remembers
    // the tick under way
    activity *chosen[MAX_CHOSEN];
    size_t n_chosen, n_lanes;
    uint8_t *states; // [512][state_bytes]
    int16_t bytes[BL_LANES];
} ticker;

struct engine {
    const bl_model *model;
    size_t state_bytes;
    ticker *tickers[MAX_TICKERS];
    uint32_t n_tickers;
    pthread_mutex_t wake_lock;
    void (*wake)(void *context); // guarded by wake_lock
    void *context;
    // all that follows is guarded by the lock, but n_calls
    pthread_mutex_t lock;
    pthread_cond_t has_work;
    atomic_uint n_calls; // that may have made work
    bool is_closing;
    activity *unbuilt; // that have a job, the last one first
    pthread_cond_t has_job;
    uint32_t n_running; // ticks under way; n_lanes_busy of the stats are theirs
    bool has_spinner;   // a ticker that waits for calls without sleeping
    client *clients;    // that have activities
    uint32_t n_clients; // of all
    engine_event *first_event, **last_event;
    engine_stats stats;
    uint64_t clock; // of the client served last: newcomers begin here
    bool is_owed;   // the background has kept others out of the last tick
    // the builder's own
    pthread_t builder;
    bool has_builder;
    pattern_cache cache;
};

// schedule.c, with the lock held:

// Puts an activity behind the others of its client, or takes it away.
void schedule_add(engine *e, activity *a);
void schedule_remove(engine *e, activity *a);
// Whether a further tick should begin beside those under way: only if more waits than they could
// have taken, for a tick costs the same whatever is in it.
bool schedule_has_tick(const engine *e);
// Fills the ticker's next tick and charges those in it: they are running until it ends.
void schedule_choose(ticker *k);
void schedule_end(ticker *k);
// Whether the activity reads its text by itself, 512 bytes at a time.
bool schedule_reads_alone(const activity *a, const ticker *k);
size_t schedule_lanes(const activity *a, const ticker *k);

// ticker.c:
BL_MUST_USE bl_status ticker_create(ticker **k, engine *e, bl_cpu cpu);
void ticker_destroy(ticker *k); // its thread has ended; NULL: nothing
void *ticker_run(void *k);      // until the engine closes

// builder.c, the first with the lock held:
void builder_add(engine *e, activity *a);
void *builder_run(void *e); // until the engine closes

// engine.c, without the lock: there is news that nobody has been told of.
void engine_tell(engine *e);
// With the lock held: an activity that was submitted is ready to run, or is refused. True:
// engine_tell is due.
bool engine_begin(engine *e, activity *a, const request_error *refusal);
// With the lock held: hands an activity back that has ended.
void engine_end_activity(engine *e, activity *a);
void engine_push_event(engine *e, engine_event *event);

#endif
