// SPDX-License-Identifier: MIT
// Who is in the next tick.

#include "engine_private.h"

#include <stdlib.h>

enum {
    MAX_LOOKED_AT = 1024, // activities of a client in a tick; the others come nearer each time
    BACKGROUND_PRICE = 8
};

void schedule_add(engine *e, activity *a)
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

void schedule_remove(engine *e, activity *a)
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

static bool is_runnable(const activity *a)
{
    return !a->is_running && !a->is_waiting && (a->is_cancelled || a->n_unsent < MAX_UNSENT_FRAMES);
}

bool schedule_reads_alone(const activity *a, const ticker *k)
{
    return k->reader && work_reads_alone(a);
}

size_t schedule_lanes(const activity *a, const ticker *k)
{
    return schedule_reads_alone(a, k) ? BL_LANES : work_n_lanes(a);
}

bool schedule_has_tick(const engine *e)
{
    size_t n_lanes = e->stats.n_lanes_busy, full = e->n_running * (size_t)BL_LANES;
    for (const client *c = e->clients; c; c = c->next) {
        const activity *a = c->first;
        for (int i = 0; a && i < MAX_LOOKED_AT; i++, a = a->next) {
            if (!is_runnable(a))
                continue;
            if (a->is_cancelled && e->n_running == 0)
                return true;
            n_lanes += a->is_cancelled ? 0 : schedule_lanes(a, e->tickers[0]);
            if (n_lanes > full)
                return true;
        }
    }
    return false;
}

static size_t bytes_of_tick(const activity *a, const ticker *k)
{
    size_t left = a->n_text - a->at + 1;
    return a->is_skipped                 ? 0
           : !schedule_reads_alone(a, k) ? work_n_lanes(a)
           : left < (size_t)BL_LANES     ? left
                                         : BL_LANES;
}

// Each activity pays for its share of the tick.
static void charge(const ticker *k)
{
    engine *e = k->engine;
    for (size_t i = 0; i < k->n_chosen; i++) {
        activity *a = k->chosen[i];
        if (a->is_skipped)
            continue;
        uint64_t share = (schedule_lanes(a, k) * BL_LANES + k->n_lanes - 1) / k->n_lanes;
        a->client->clock += share * (a->is_background ? BACKGROUND_PRICE : 1);
        if (e->clock < a->client->clock)
            e->clock = a->client->clock;
    }
}

static void take(ticker *k, activity *a, size_t n_lanes)
{
    a->is_skipped = a->is_cancelled;
    a->is_running = true;
    a->first_lane = k->n_lanes;
    k->n_lanes += n_lanes;
    k->chosen[k->n_chosen++] = a;
    schedule_remove(k->engine, a);
    schedule_add(k->engine, a);
}

// Takes of one client's activities what fits, each of which then goes behind the others of it.
// True: one that is not in the background did not fit.
static bool choose_of(ticker *k, client *c, bool with_background)
{
    activity *a = c->first, *next;
    const activity *last = c->last;
    bool is_left_out = false;
    for (int i = 0; a && i < MAX_LOOKED_AT && k->n_chosen < MAX_CHOSEN; i++, a = next) {
        bool is_last = a == last; // as it was before they changed places
        next = is_last ? NULL : a->next;
        if (!is_runnable(a) || (a->is_background && !with_background))
            continue;
        size_t n_lanes = a->is_cancelled ? 0 : schedule_lanes(a, k);
        if (k->n_lanes + n_lanes <= BL_LANES)
            take(k, a, n_lanes);
        else
            is_left_out |= !a->is_background;
    }
    return is_left_out;
}

static int by_clock(const void *x, const void *y)
{
    const client *a = *(client *const *)x, *b = *(client *const *)y;
    return a->clock < b->clock ? -1 : a->clock > b->clock;
}

static bool has_background(const ticker *k)
{
    for (size_t i = 0; i < k->n_chosen; i++)
        if (k->chosen[i]->is_background)
            return true;
    return false;
}

// Whose client had least goes first; what does not fit any more waits for the next tick. If the
// background kept somebody out of the tick before, it comes last in this one.
void schedule_choose(ticker *k)
{
    engine *e = k->engine;
    client *ready[MAX_CLIENTS];
    uint32_t n = 0;
    bool is_left_out = false;
    k->n_chosen = k->n_lanes = 0;
    for (client *c = e->clients; c; c = c->next)
        ready[n++] = c;
    qsort(ready, n, sizeof *ready, by_clock);
    for (uint32_t i = 0; e->is_owed && i < n; i++)
        (void)choose_of(k, ready[i], false);
    for (uint32_t i = 0; i < n; i++)
        is_left_out |= choose_of(k, ready[i], true);
    e->is_owed = is_left_out && has_background(k);
    charge(k);
    e->n_running++;
    e->stats.n_lanes_busy += (uint32_t)k->n_lanes;
    for (size_t i = 0; i < k->n_chosen; i++)
        e->stats.n_lane_steps += bytes_of_tick(k->chosen[i], k);
}

void schedule_end(ticker *k)
{
    engine *e = k->engine;
    e->n_running--;
    e->stats.n_lanes_busy -= (uint32_t)k->n_lanes;
    for (size_t i = 0; i < k->n_chosen; i++)
        k->chosen[i]->is_running = false;
}
