// SPDX-License-Identifier: MIT
// The engine's thread. A tick:
//
//   with the lock     choose activities by their clients' clocks, until 512 lanes are full
//   without           gather their lanes, run the model, scatter, advance each activity
//   with the lock     hand back what has ended and the frames that were made
//
// An activity in a tick belongs to the engine alone; a cancel only leaves a note on it.

#include "engine.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

// Time had, in lanes of a full tick: whoever has a tick alone pays for all of it.
struct client {
    uint64_t clock;
};

enum { MAX_CHOSEN = BL_LANES };

struct engine {
    const bl_model *model;
    size_t state_bytes;
    bl_runner *runner;
    void (*wake)(void *context);
    void *context;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t has_work;
    bool is_closing;
    activity *activities;
    engine_event *first_event, **last_event;
    engine_stats stats;
    uint64_t clock; // of the client served last: newcomers begin here

    // the tick under way
    activity *chosen[MAX_CHOSEN];
    size_t n_chosen;
    uint8_t *states; // [512][state_bytes]
    int16_t bytes[BL_LANES];
};

// ------------------------------------------------------------- what an activity does in a tick

// Phases of STEP: 0 asks for the costs before the byte, 1 takes the byte. FEED with cost the same
// for each byte; BEAM reads its text (0, 1), grows, and may step its last lanes once more (2).

static bool wants_logits(const activity *a)
{
    switch (a->kind) {
    case ACTIVITY_FEED: return a->wants_cost && a->at < a->n_text;
    case ACTIVITY_STEP: return a->phase == 0 || a->n_top > 0;
    case ACTIVITY_TOP: return true;
    default: return a->at == a->n_text && a->phase < 2; // reading needs none, growing does
    }
}

static size_t lanes_of(activity *a, uint8_t **states, const int16_t **bytes)
{
    if (a->beam)
        return bl_beam_lanes(a->beam, states, bytes);
    *states = a->states;
    *bytes = a->bytes;
    bool reads_text = a->kind == ACTIVITY_FEED || a->kind == ACTIVITY_BEAM;
    if (reads_text)
        a->bytes[0] = a->phase == 0 ? BL_KEEP : a->text[a->at - 1];
    return reads_text ? 1 : a->n_lanes;
}

static void store_top(activity *a, size_t lane, const uint32_t *costs, const bl_model_info *info)
{
    prediction all[256];
    for (int b = 0; b < 256; b++)
        all[b] = (prediction){(uint8_t)b, (float)costs[info->byte_symbol[b]] / (float)BL_COST_BIT};
    for (uint32_t i = 0; i < a->n_top; i++) { // n_top is small: selection sort
        uint32_t best = i;
        for (uint32_t k = i + 1; k < 256; k++)
            if (all[k].bits < all[best].bits)
                best = k;
        prediction t = all[i];
        all[i] = all[best];
        all[best] = t;
        a->top[lane * a->n_top + i] = all[i];
    }
}

static bool advance_step(activity *a, const engine *e)
{
    const bl_model_info *info = bl_model_facts(e->model);
    uint32_t costs[256];
    for (size_t i = 0; i < a->n_lanes && wants_logits(a); i++) {
        bl_runner_costs(costs, e->runner, a->first_lane + i);
        if (a->kind == ACTIVITY_TOP || a->phase == 1)
            store_top(a, i, costs, info);
    }
    return a->kind == ACTIVITY_TOP || a->phase == 1;
}

// Reading: each byte of text is charged its cost before it is taken.
static bool advance_text(activity *a, const engine *e)
{
    const bl_model_info *info = bl_model_facts(e->model);
    if (a->at > 0 && a->trail)
        memcpy(a->trail + (a->at - 1) * e->state_bytes, a->states, e->state_bytes);
    if (a->at == a->n_text)
        return true;
    if (a->wants_cost) {
        uint32_t costs[256];
        bl_runner_costs(costs, e->runner, a->first_lane);
        a->cost_bits[0] += (double)costs[info->byte_symbol[a->text[a->at]]] / BL_COST_BIT;
    }
    return false;
}

static bool advance_beam(engine_event **event, activity *a, engine *e)
{
    if (a->phase == 2)
        return true;
    bl_beam_frame *frame = bl_alloc(NULL, sizeof *frame);
    engine_event *made = bl_alloc(NULL, sizeof *made);
    if (frame && made)
        bl_beam_select(frame, a->beam, e->runner, a->first_lane);
    if (!frame || !made || frame->n_lanes == 0) {
        a->reason = frame && made ? END_EXHAUSTED : END_FAILED;
        bl_free(NULL, frame, sizeof *frame);
        bl_free(NULL, made, sizeof *made);
        return true;
    }
    a->n_steps_done++;
    *made = (engine_event){.activity = a, .frame = frame, .step = a->n_steps_done};
    *event = made;
    if (a->n_steps_done < a->n_steps)
        return false;
    a->phase = 2;
    return !a->keeps_lanes;
}

// Moves an activity on after its lanes have run; true: it has ended.
static bool advance(engine_event **event, activity *a, engine *e)
{
    if (a->beam)
        return advance_beam(event, a, e);
    if (a->kind == ACTIVITY_STEP && a->phase == 0) {
        const bl_model_info *info = bl_model_facts(e->model);
        uint32_t costs[256];
        for (size_t i = 0; i < a->n_lanes; i++) {
            bl_runner_costs(costs, e->runner, a->first_lane + i);
            a->cost_bits[i] = (double)costs[info->byte_symbol[a->bytes[i] & 255]] / BL_COST_BIT;
        }
        a->phase = 1;
        return false;
    }
    if (a->kind == ACTIVITY_STEP || a->kind == ACTIVITY_TOP)
        return advance_step(a, e);
    if (!advance_text(a, e)) {
        a->at++;
        a->phase = 1;
        return false;
    }
    if (a->kind == ACTIVITY_FEED)
        return true;
    bool is_made = bl_beam_create(&a->beam, e->model, a->states, &a->beam_params, NULL) == BL_OK;
    a->reason = is_made ? END_DONE : END_FAILED;
    return !is_made;
}

// ---------------------------------------------------------------------------------- the tick

static bool is_runnable(const activity *a)
{
    return a->is_cancelled || a->n_unsent < MAX_UNSENT_FRAMES;
}

static size_t demand(activity *a)
{
    uint8_t *states;
    const int16_t *bytes;
    return a->beam ? bl_beam_lanes(a->beam, &states, &bytes)
           : a->kind == ACTIVITY_STEP || a->kind == ACTIVITY_TOP ? a->n_lanes
                                                                 : 1;
}

static int by_clock(const void *x, const void *y)
{
    const activity *a = *(activity *const *)x, *b = *(activity *const *)y;
    if (a->client->clock != b->client->clock)
        return a->client->clock < b->client->clock ? -1 : 1;
    return a->id < b->id ? -1 : a->id > b->id;
}

// Each activity pays for its share of the tick.
static void charge(engine *e, size_t n_lanes)
{
    for (size_t i = 0; i < e->n_chosen; i++) {
        activity *a = e->chosen[i];
        if (a->is_skipped)
            continue;
        a->client->clock += (demand(a) * BL_LANES + n_lanes - 1) / n_lanes;
        if (e->clock < a->client->clock)
            e->clock = a->client->clock;
    }
}

// Who had least goes first; whoever does not fit any more waits for the next tick.
static void choose(engine *e)
{
    activity *ready[4 * MAX_CHOSEN];
    size_t n = 0, n_lanes = 0;
    e->n_chosen = 0;
    for (activity *a = e->activities; a && n < sizeof ready / sizeof *ready; a = a->next)
        if (is_runnable(a))
            ready[n++] = a;
    qsort(ready, n, sizeof *ready, by_clock);
    for (size_t i = 0; i < n && e->n_chosen < MAX_CHOSEN; i++) {
        activity *a = ready[i];
        a->is_skipped = a->is_cancelled;
        size_t lanes = a->is_skipped ? 0 : demand(a);
        if (n_lanes + lanes > BL_LANES)
            continue;
        a->first_lane = n_lanes;
        n_lanes += lanes;
        e->chosen[e->n_chosen++] = a;
    }
    charge(e, n_lanes);
    e->stats.n_lanes_busy = (uint32_t)n_lanes;
    e->stats.n_lane_steps += n_lanes;
}

static size_t gather(engine *e, bool *logits)
{
    size_t n = 0;
    *logits = false;
    for (size_t i = 0; i < e->n_chosen; i++) {
        activity *a = e->chosen[i];
        if (a->is_skipped)
            continue;
        uint8_t *states;
        const int16_t *bytes;
        bool keeps = (a->kind == ACTIVITY_STEP && a->phase == 0) || a->kind == ACTIVITY_TOP;
        size_t lanes = lanes_of(a, &states, &bytes);
        assert(a->first_lane == n);
        memcpy(e->states + n * e->state_bytes, states, lanes * e->state_bytes);
        for (size_t k = 0; k < lanes; k++)
            e->bytes[n + k] = keeps ? BL_KEEP : bytes[k];
        *logits |= wants_logits(a);
        n += lanes;
    }
    return n;
}

static void scatter(engine *e)
{
    for (size_t i = 0; i < e->n_chosen; i++) {
        activity *a = e->chosen[i];
        uint8_t *states;
        const int16_t *bytes;
        if (a->is_skipped)
            continue;
        size_t lanes = lanes_of(a, &states, &bytes);
        memcpy(states, e->states + a->first_lane * e->state_bytes, lanes * e->state_bytes);
    }
}

static void push_event(engine *e, engine_event *event)
{
    *e->last_event = event;
    e->last_event = &event->next;
}

static void unlink_activity(engine *e, const activity *a)
{
    activity **at = &e->activities;
    while (*at != a)
        at = &(*at)->next;
    *at = a->next;
}

static void end_activity(engine *e, activity *a)
{
    unlink_activity(e, a);
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
    uint64_t elapsed = bl_time_ns() - begun;
    scatter(e);
    for (size_t i = 0; i < e->n_chosen; i++)
        has_ended[i] = e->chosen[i]->is_skipped || advance(&events[i], e->chosen[i], e);

    pthread_mutex_lock(&e->lock);
    if (n_lanes > 0) {
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
    if (!e->states || (status == BL_OK && pthread_create(&e->thread, NULL, run_engine, e) != 0))
        status = BL_ERR_MEMORY;
    if (status == BL_OK) {
        *result = e;
        return BL_OK;
    }
    bl_runner_destroy(&e->runner);
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
    assert(!e->activities && !e->first_event);
    bl_runner_destroy(&e->runner);
    pthread_mutex_destroy(&e->lock);
    pthread_cond_destroy(&e->has_work);
    bl_free(NULL, e->states, BL_LANES * e->state_bytes);
    bl_free(NULL, e, sizeof *e);
    *handle = NULL;
}

client *engine_add_client(engine *e)
{
    client *c = bl_alloc(NULL, sizeof *c);
    if (c) {
        pthread_mutex_lock(&e->lock);
        *c = (client){.clock = e->clock};
        pthread_mutex_unlock(&e->lock);
    }
    return c;
}

void engine_remove_client(client *c) { bl_free(NULL, c, sizeof *c); }

void engine_submit(engine *e, activity *a)
{
    pthread_mutex_lock(&e->lock);
    // a client that was idle gets no credit for it
    bool is_busy = false;
    for (activity *b = e->activities; b; b = b->next)
        is_busy |= b->client == a->client;
    if (!is_busy && a->client->clock + BL_LANES < e->clock)
        a->client->clock = e->clock - BL_LANES;
    activity **end = &e->activities;
    while (*end)
        end = &(*end)->next;
    *end = a;
    a->next = NULL;
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

void engine_get_stats(engine_stats *stats, engine *e)
{
    pthread_mutex_lock(&e->lock);
    *stats = e->stats;
    pthread_mutex_unlock(&e->lock);
}
