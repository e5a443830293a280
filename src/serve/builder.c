// SPDX-License-Identifier: MIT
// The thread in which patterns are built. An activity with a job waits here before it is scheduled;
// the one whose client has had least goes first, and pays for the time in ticks.

#include "engine_private.h"

#include <assert.h>

void builder_add(engine *e, activity *a)
{
    a->next = e->unbuilt;
    e->unbuilt = a;
    pthread_cond_signal(&e->has_job);
}

static activity *take_next(engine *e)
{
    activity **best = &e->unbuilt; // later ones stand before: of equals the last, who came first
    for (activity **at = &e->unbuilt; *at; at = &(*at)->next)
        if ((*at)->client->clock <= (*best)->client->clock)
            best = at;
    activity *a = *best;
    *best = a->next;
    return a;
}

static void charge(engine *e, activity *a, uint64_t elapsed_ns)
{
    const engine_stats *s = &e->stats;
    uint64_t tick_ns = s->n_ticks ? s->tick_ns / s->n_ticks : 0;
    a->client->clock += tick_ns ? elapsed_ns * BL_LANES / tick_ns : 0;
}

// Without the lock.
static bool build(engine *e, activity *a)
{
    uint32_t state;
    if (!pattern_cache_build(&a->pattern, &state, &e->cache, a->job))
        return false;
    if (a->kind == ACTIVITY_BEAM) {
        a->beam_params.pattern = shared_pattern_get(a->pattern);
        a->beam_params.pattern_state = state;
    }
    if (a->rollout)
        a->rollout->pattern = shared_pattern_get(a->pattern);
    return true;
}

void *builder_run(void *argument)
{
    engine *e = argument;
    pthread_mutex_lock(&e->lock);
    while (!e->is_closing) {
        if (!e->unbuilt) {
            pthread_cond_wait(&e->has_job, &e->lock);
            continue;
        }
        activity *a = take_next(e);
        bool is_cancelled = a->is_cancelled;
        pthread_mutex_unlock(&e->lock);
        uint64_t begun = bl_time_ns();
        bool is_built = is_cancelled || build(e, a);
        pthread_mutex_lock(&e->lock);
        charge(e, a, bl_time_ns() - begun);
        if (engine_begin(e, a, is_built ? NULL : &a->job->error)) {
            pthread_mutex_unlock(&e->lock);
            engine_tell(e);
            pthread_mutex_lock(&e->lock);
        }
    }
    pthread_mutex_unlock(&e->lock);
    return NULL;
}
