// SPDX-License-Identifier: MIT
// Who is in a tick: the scheduler alone, on activities that nothing runs; then threads that do run.
#include "tiny_model.h"

#include "serve/engine_private.h"

static tiny_model tiny;
static bl_random rng;

static size_t below(size_t n) { return bl_random_below(&rng, n); }

// ----------------------------------------------------------------------------------- a simulation

enum { MAX_CROWD = 64, MAX_QUEUE = 64, MAX_UNFAIR = 1024 };

// A client that always has work: when a piece of it is done, another comes behind the others.
typedef struct backlog {
    client client;
    activity pieces[MAX_QUEUE];
    size_t n_pieces;
    uint64_t n_done;          // lane-steps
    uint32_t n_waited, worst; // ticks begun since it was last in one
} backlog;

static engine crowd_engine;
static backlog crowd[MAX_CROWD];
static ticker tickers[3];

static void begin_crowd(size_t n_tickers)
{
    crowd_engine = (engine){.n_tickers = (uint32_t)n_tickers};
    memset(crowd, 0, sizeof crowd);
    for (size_t i = 0; i < n_tickers; i++) {
        tickers[i] = (ticker){.engine = &crowd_engine};
        crowd_engine.tickers[i] = &tickers[i];
    }
}

static void add_piece(backlog *b, size_t n_lanes)
{
    activity *a = &b->pieces[b->n_pieces++];
    *a = (activity){.kind = ACTIVITY_STEP, .n_lanes = n_lanes, .is_bare = true, .owner = b};
    a->client = &b->client;
    schedule_add(&crowd_engine, a);
}

static bool begin_tick(ticker *k)
{
    if (!schedule_has_tick(&crowd_engine))
        return false;
    schedule_choose(k);
    for (size_t i = 0; i < MAX_CROWD; i++)
        crowd[i].n_waited++;
    for (size_t i = 0; i < k->n_chosen; i++) {
        backlog *b = k->chosen[i]->owner;
        b->worst = b->n_waited > b->worst ? b->n_waited : b->worst;
        b->n_waited = 0;
        b->n_done += k->chosen[i]->n_lanes;
    }
    return true;
}

static void end_tick(ticker *k)
{
    schedule_end(k);
    for (size_t i = 0; i < k->n_chosen; i++) {
        schedule_remove(&crowd_engine, k->chosen[i]);
        schedule_add(&crowd_engine, k->chosen[i]);
    }
}

// Pieces of all sizes, each client always with more than a tick's share of it waiting.
static void check_fairness(size_t n_clients, size_t max_log, size_t n_tickers)
{
    enum { N_TICKS = 1000 };
    uint64_t least = UINT64_MAX, most = 0, n_lanes = 0;
    bool is_under_way[3] = {0};
    begin_crowd(n_tickers);
    for (size_t i = 0; i < n_clients; i++) {
        size_t n = (size_t)1 << below(max_log + 1);
        for (size_t total = 0; total < 2 * BL_LANES && crowd[i].n_pieces < MAX_QUEUE; total += n)
            add_piece(&crowd[i], n);
    }
    for (size_t t = 0; t < N_TICKS; t++) {
        size_t at = below(n_tickers);
        if (is_under_way[at])
            end_tick(&tickers[at]);
        REQUIRE((is_under_way[at] = begin_tick(&tickers[at])));
        n_lanes += tickers[at].n_lanes;
    }
    for (size_t i = 0; i < n_clients; i++) {
        least = crowd[i].n_done < least ? crowd[i].n_done : least;
        most = crowd[i].n_done > most ? crowd[i].n_done : most;
    }
    CHECK(most - least <= MAX_UNFAIR);
    CHECK(n_lanes >= N_TICKS * (uint64_t)BL_LANES * 97 / 100);
}

static void everybody_gets_a_fair_share_of_full_ticks(void)
{
    for (size_t max_log = 0; max_log <= 9; max_log++)
        for (size_t n_tickers = 1; n_tickers <= 3; n_tickers++)
            check_fairness(MAX_CROWD, max_log, n_tickers);
}

static void a_second_tick_begins_only_for_what_the_first_cannot_hold(void)
{
    begin_crowd(3);
    for (size_t i = 0; i < 8; i++)
        add_piece(&crowd[i], 32);
    CHECK(begin_tick(&tickers[0]) && tickers[0].n_lanes == 256);
    for (size_t i = 8; i < 16; i++) { // would have fitted
        CHECK(!schedule_has_tick(&crowd_engine));
        add_piece(&crowd[i], 32);
    }
    CHECK(!schedule_has_tick(&crowd_engine));
    add_piece(&crowd[16], 1);
    CHECK(begin_tick(&tickers[1]) && tickers[1].n_lanes == 257);
    CHECK(!schedule_has_tick(&crowd_engine));
    add_piece(&crowd[17], BL_LANES);
    CHECK(begin_tick(&tickers[2]) && tickers[2].n_lanes == BL_LANES);
    for (size_t i = 0; i < 3; i++)
        end_tick(&tickers[i]);
    CHECK(crowd_engine.stats.n_lanes_busy == 0 && crowd_engine.n_running == 0);
}

// Whoever steps a few lanes beside backlogs of whole vectors that run in the background waits for
// one of their ticks at most.
static void the_background_keeps_nobody_waiting(void)
{
    enum { N_BACKGROUND = 5, N_TICKS = 1000 };
    uint64_t n_background = 0;
    begin_crowd(1);
    for (size_t i = 0; i < N_BACKGROUND; i++) {
        add_piece(&crowd[i], BL_LANES);
        crowd[i].pieces[0].is_background = true;
    }
    add_piece(&crowd[N_BACKGROUND], 8);
    for (size_t t = 0; t < N_TICKS; t++) {
        REQUIRE(begin_tick(&tickers[0]));
        end_tick(&tickers[0]);
    }
    CHECK(crowd[N_BACKGROUND].worst <= 2);
    for (size_t i = 0; i < N_BACKGROUND; i++) {
        CHECK(crowd[i].n_done > 0);
        n_background += crowd[i].n_done / BL_LANES;
    }
    CHECK(n_background >= N_TICKS / 10 && n_background <= N_TICKS / 2);
}

// ------------------------------------------------------------------------------- several threads

enum { N_WIDE = 3, N_STEPS = 200 };

static engine *under_test;
static size_t state_bytes;

typedef struct chain {
    client *client;
    uint32_t n_steps;
    uint8_t *states; // [512][state_bytes], after all steps
} chain;

static uint32_t n_chains;

static uint8_t byte_of(size_t which, size_t lane, uint32_t step)
{
    return (uint8_t)('a' + (which * 31 + lane * 7 + step) % 26);
}

static void next_step(chain *c, const uint8_t *states);

static void take_step(engine_event *event)
{
    activity *a = event->activity;
    chain *c = a->owner;
    CHECK(a->reason == END_DONE);
    if (++c->n_steps < N_STEPS)
        next_step(c, a->states);
    else {
        c->states = malloc(BL_LANES * state_bytes);
        memcpy(c->states, a->states, BL_LANES * state_bytes);
        n_chains--;
    }
    activity_destroy(a, state_bytes);
}

static chain chains[N_WIDE];

static void next_step(chain *c, const uint8_t *states)
{
    activity *a = activity_create(ACTIVITY_STEP, BL_LANES, state_bytes);
    REQUIRE(a);
    a->client = c->client;
    a->is_bare = true;
    a->receive = take_step;
    a->owner = c;
    if (states)
        memcpy(a->states, states, BL_LANES * state_bytes);
    else
        memset(a->states, 0, BL_LANES * state_bytes);
    for (size_t i = 0; i < BL_LANES; i++)
        a->bytes[i] = byte_of((size_t)(c - chains), i, c->n_steps);
    engine_submit(under_test, a);
}

static void check_chain(size_t which)
{
    bl_runner *runner;
    uint8_t *states = calloc(BL_LANES, state_bytes);
    int16_t bytes[BL_LANES];
    REQUIRE(states && bl_runner_create(&runner, tiny.model, bl_cpu_best(), NULL) == BL_OK);
    for (uint32_t t = 0; t < N_STEPS; t++) {
        for (size_t i = 0; i < BL_LANES; i++)
            bytes[i] = byte_of(which, i, t);
        bl_runner_step(runner, states, bytes, BL_LANES, false);
    }
    CHECK(memcmp(states, chains[which].states, BL_LANES * state_bytes) == 0);
    free(chains[which].states);
    free(states);
    bl_runner_destroy(&runner);
}

static void wake(void *context) { (void)context; }

// Vectors of three clients, each 512 lanes wide: ticks run side by side.
static void threads_do_not_change_what_comes_out(void)
{
    REQUIRE(engine_create(&under_test, tiny.model, bl_cpu_best(), N_WIDE, wake, NULL) == BL_OK);
    size_t n_at_work = 0;
    n_chains = N_WIDE;
    for (size_t i = 0; i < N_WIDE; i++) {
        chains[i] = (chain){.client = engine_add_client(under_test)};
        next_step(&chains[i], NULL);
    }
    while (n_chains > 0)
        engine_deliver(under_test);
    pthread_mutex_lock(&under_test->lock);
    for (size_t i = 0; i < N_WIDE; i++)
        n_at_work += under_test->tickers[i]->n_chosen > 0;
    pthread_mutex_unlock(&under_test->lock);
    CHECK(n_at_work > 1);
    for (size_t i = 0; i < N_WIDE; i++) {
        check_chain(i);
        engine_remove_client(under_test, chains[i].client);
    }
    engine_destroy(&under_test);
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    tiny = tiny_model_open(argv[1]);
    state_bytes = bl_model_facts(tiny.model)->state_bytes;
    bl_random_seed(&rng, 4);
    RUN(everybody_gets_a_fair_share_of_full_ticks);
    RUN(a_second_tick_begins_only_for_what_the_first_cannot_hold);
    RUN(the_background_keeps_nobody_waiting);
    RUN(threads_do_not_change_what_comes_out);
    tiny_model_close(&tiny);
    return test_summary();
}
