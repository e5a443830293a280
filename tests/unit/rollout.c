// SPDX-License-Identifier: MIT
// Rollouts in the engine: what they write, when they end, and that nobody else matters to them.
// Usage: test-rollout MODEL.safetensors
#include "tiny_model.h"

#include "serve/engine.h"

#include <time.h>

enum { MAX_STEPS = 64, MAX_LANES = 8 };

static tiny_model tiny;
static engine *under_test;
static client *payer;
static size_t state_bytes;

// What a rollout has told so far.
typedef struct story {
    uint8_t text[MAX_LANES][MAX_STEPS];
    uint32_t n[MAX_LANES], n_held[MAX_LANES], n_frames;
    lane_end end[MAX_LANES];
    double bits[MAX_LANES];
    bool has_ended, keeps_frames;
    end_reason reason;
} story;

static void receive(engine_event *event)
{
    activity *a = event->activity;
    story *s = a->owner;
    if (!event->rollout) {
        s->has_ended = true;
        s->reason = a->reason;
        return;
    }
    s->n_frames++;
    for (uint32_t k = 0; k < event->rollout->n; k++) {
        const rollout_byte *b = &event->rollout->bytes[k];
        s->end[b->lane] = b->end;
        s->n_held[b->lane] = b->n_held;
        if (b->end == LANE_STUCK)
            continue;
        s->text[b->lane][s->n[b->lane]++] = b->byte;
        s->bits[b->lane] += (double)b->cost / BL_COST_BIT;
        if (a->n_top)
            CHECK(event->rollout->top[k * a->n_top].cost <= b->cost);
    }
    event_destroy(event);
    if (!s->keeps_frames)
        engine_frame_sent(under_test, a);
}

static activity *new_rollout(story *s, size_t n_lanes, uint32_t n_steps, bool has_masks)
{
    activity *a = activity_create(ACTIVITY_ROLLOUT, n_lanes, state_bytes);
    REQUIRE(a && (a->rollout = rollout_create(n_lanes, has_masks)));
    REQUIRE(bl_draw_set(&a->rollout->draw, tiny.model, &(bl_draw_params){.temperature = 1})
            == BL_OK);
    *s = (story){0};
    a->owner = s;
    a->receive = receive;
    a->client = payer;
    a->n_steps = n_steps;
    a->n_top = 3;
    for (size_t i = 0; i < n_lanes; i++)
        a->rollout->seeds[i] = 100 + i;
    return a;
}

static void wait_for(const bool *claim)
{
    for (int i = 0; i < 20000 && !*claim; i++) {
        engine_deliver(under_test);
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    REQUIRE(*claim);
}

static void run(activity *a)
{
    story *s = a->owner;
    engine_submit(under_test, a);
    wait_for(&s->has_ended);
    activity_destroy(a, state_bytes);
}

static void lanes_write_what_their_seeds_say(void)
{
    story together, alone, other;
    run(new_rollout(&together, 4, 40, false));
    CHECK(together.n_frames == 40 && together.reason == END_DONE);
    CHECK(memcmp(together.text[0], together.text[1], 40) != 0);
    activity *a = new_rollout(&alone, 1, 40, false), *b = new_rollout(&other, 8, 30, false);
    a->rollout->seeds[0] = 102;
    engine_submit(under_test, b);
    run(a);
    wait_for(&other.has_ended);
    activity_destroy(b, state_bytes);
    CHECK(memcmp(alone.text[0], together.text[2], 40) == 0 && alone.bits[0] == together.bits[2]);
    CHECK(alone.end[0] == LANE_FULL && alone.n[0] == 40);
}

static void masks_forbid_per_lane(void)
{
    story s;
    activity *a = new_rollout(&s, 3, 20, true);
    a->rollout->allowed[0][1] = UINT64_C(1) << ('x' - 64);
    memset(a->rollout->allowed[1], 0xFF, sizeof a->rollout->allowed[1]); // and lane 2 nothing
    run(a);
    CHECK(memcmp(s.text[0], "xxxxxxxxxxxxxxxxxxxx", 20) == 0);
    CHECK(s.n[1] == 20 && memcmp(s.text[1], s.text[0], 20) != 0);
    CHECK(s.n[2] == 0 && s.end[2] == LANE_STUCK && s.end[1] == LANE_FULL);
}

static void stop_strings_end_a_lane(void)
{
    story s;
    activity *a = new_rollout(&s, 2, 20, true);
    a->rollout->allowed[0][1] = UINT64_C(1) << ('x' - 64);
    a->rollout->allowed[1][1] = UINT64_C(1) << ('y' - 64);
    CHECK(stops_add(&a->rollout->stops, (const uint8_t *)"xxxz", 4));
    CHECK(stops_add(&a->rollout->stops, (const uint8_t *)"yyyyy", 5));
    CHECK(!stops_add(&a->rollout->stops, (const uint8_t *)"", 0));
    run(a);
    CHECK(s.n[1] == 5 && s.end[1] == LANE_STOPPED && s.n_held[1] == 5);
    CHECK(s.n[0] == 20 && s.end[0] == LANE_FULL && s.n_held[0] == 3);
    a = new_rollout(&s, 1, 20, true); // the longer one has begun when the shorter is complete
    a->rollout->allowed[0][1] = UINT64_C(1) << ('x' - 64);
    CHECK(stops_add(&a->rollout->stops, (const uint8_t *)"xx", 2));
    CHECK(stops_add(&a->rollout->stops, (const uint8_t *)"xxxz", 4));
    run(a);
    CHECK(s.n[0] == 2 && s.end[0] == LANE_STOPPED && s.n_held[0] == 2);
}

static void stop_strings_are_found_as_a_search_finds_them(void)
{
    bl_random random;
    bl_random_seed(&random, 3);
    for (int round = 0; round < 2000; round++) {
        stop_set set = {0};
        stop_progress progress = {0};
        char text[64] = "", stops[3][8] = {"", "", ""};
        size_t n_stops = 1 + bl_random_below(&random, 3), n = 0;
        for (size_t k = 0; k < n_stops; k++) {
            size_t bytes = 1 + bl_random_below(&random, 5);
            for (size_t i = 0; i < bytes; i++)
                stops[k][i] = (char)('a' + bl_random_below(&random, 2));
            CHECK(stops_add(&set, (const uint8_t *)stops[k], bytes));
        }
        for (size_t complete = 0; n < 40 && complete == 0;) {
            size_t longest = 0, held = 0;
            text[n] = (char)('a' + bl_random_below(&random, 2));
            complete = stops_advance(&progress, &set, (uint8_t)text[n++]);
            for (size_t k = 0; k < n_stops; k++) {
                size_t bytes = strlen(stops[k]), own = n < bytes ? n : bytes;
                while (memcmp(text + n - own, stops[k], own) != 0)
                    own--;
                held = own > held ? own : held;
                longest = own == bytes && bytes > longest ? bytes : longest;
            }
            CHECK(complete == longest && stops_held(&progress, &set) == held);
        }
    }
}

static void unread_frames_hold_a_rollout_back(void)
{
    story s;
    activity *a = new_rollout(&s, 1, 50, false);
    s.keeps_frames = true;
    engine_submit(under_test, a);
    for (int i = 0; i < 200; i++) {
        engine_deliver(under_test);
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    CHECK(s.n_frames == MAX_UNSENT_FRAMES && !s.has_ended);
    s.keeps_frames = false;
    for (int i = 0; i < MAX_UNSENT_FRAMES; i++)
        engine_frame_sent(under_test, a);
    wait_for(&s.has_ended);
    CHECK(s.n_frames == 50);
    activity_destroy(a, state_bytes);
}

static void cancelled_rollouts_end(void)
{
    story s;
    engine_stats stats;
    activity *a = new_rollout(&s, 8, 1000000, false);
    s.keeps_frames = true;
    engine_submit(under_test, a);
    engine_get_stats(&stats, under_test);
    CHECK(stats.n_activities == 1);
    engine_cancel(under_test, a, END_CANCELLED);
    wait_for(&s.has_ended);
    CHECK(s.reason == END_CANCELLED);
    engine_get_stats(&stats, under_test);
    CHECK(stats.n_activities == 0);
    activity_destroy(a, state_bytes);
}

// What a text of n bytes costs and leaves behind, against a runner that takes one byte at a time.
static void check_reading(size_t n)
{
    enum { TOP = 4 };
    story s = {0};
    activity *a = activity_create(ACTIVITY_FEED, 1, state_bytes);
    REQUIRE(a);
    a->owner = &s;
    a->receive = receive;
    a->client = payer;
    a->wants_cost = true;
    a->n_text = n;
    a->text = bl_alloc(NULL, n);
    for (size_t i = 0; i < n; i++)
        a->text[i] = (uint8_t) "It was the best of times"[i % 24];
    a->text_costs = bl_alloc_array(NULL, n, sizeof *a->text_costs);
    a->n_top = TOP;
    a->top = bl_alloc_array(NULL, n * TOP, sizeof *a->top);
    a->trail = bl_alloc_array(NULL, n, state_bytes);
    engine_submit(under_test, a);
    wait_for(&s.has_ended);
    bl_runner *runner;
    REQUIRE(bl_runner_create(&runner, tiny.model, bl_cpu_best(), NULL) == BL_OK);
    uint8_t *state = calloc(1, state_bytes);
    int16_t byte = BL_KEEP;
    double bits = 0;
    for (size_t i = 0; i < n; i++) {
        uint32_t costs[256];
        bl_runner_step(runner, state, &byte, 1, true);
        bl_runner_costs(costs, runner, 0);
        CHECK(a->text_costs[i] == costs[bl_model_facts(tiny.model)->byte_symbol[a->text[i]]]);
        CHECK(i == 0 || memcmp(a->trail + (i - 1) * state_bytes, state, state_bytes) == 0);
        bits += (double)a->text_costs[i] / BL_COST_BIT;
        for (int k = 0; k < TOP; k++) {
            const prediction *p = &a->top[i * TOP + (size_t)k];
            CHECK(p->byte != a->text[i] || p->cost == a->text_costs[i]);
            CHECK(k == 0 || p[-1].cost <= p->cost);
        }
        byte = a->text[i];
    }
    bl_runner_step(runner, state, &byte, 1, false);
    CHECK(memcmp(a->states, state, state_bytes) == 0);
    CHECK(memcmp(a->trail + (n - 1) * state_bytes, state, state_bytes) == 0);
    CHECK(bits == a->cost_bits[0]);
    bl_runner_destroy(&runner);
    free(state);
    activity_destroy(a, state_bytes);
}

static void reading_tells_what_each_byte_cost(void)
{
    static const size_t lengths[] = {1, 2, 7, 8, 9, 24, 511, 512, 513, 514, 1025, 3000};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
        check_reading(lengths[i]);
}

enum { N_CROWD = 3000 };
static story stories[N_CROWD];
static size_t n_left;

static void count_left(engine_event *event)
{
    receive(event);
    n_left = 0;
    for (size_t i = 0; i < N_CROWD; i++)
        n_left += !stories[i].has_ended;
}

// One client with more reading than the engine looks at in a tick; another comes later.
static void nobody_stands_behind_all_of_anothers(void)
{
    enum { N = N_CROWD, N_BYTES = 600 };
    static activity *crowd[N];
    story late = {0};
    engine_stats stats;
    client *other = engine_add_client(under_test);
    REQUIRE(other);
    for (size_t i = 0; i < N; i++) {
        activity *a = crowd[i] = activity_create(ACTIVITY_FEED, 1, state_bytes);
        REQUIRE(a && (a->text = bl_alloc(NULL, N_BYTES)));
        stories[i] = (story){0};
        a->owner = &stories[i];
        a->receive = receive;
        a->client = payer;
        a->n_text = N_BYTES;
        engine_submit(under_test, a);
    }
    activity *a = new_rollout(&late, 1, MAX_UNSENT_FRAMES - 1, false); // nobody need take them
    a->client = other;
    a->receive = count_left;
    engine_submit(under_test, a);
    engine_get_stats(&stats, under_test);
    wait_for(&late.has_ended);
    CHECK(n_left >= stats.n_activities / 2);
    activity_destroy(a, state_bytes);
    for (size_t i = 0; i < N; i++)
        engine_cancel(under_test, crowd[i], END_CANCELLED);
    for (size_t i = 0; i < N; i++) {
        wait_for(&stories[i].has_ended);
        activity_destroy(crowd[i], state_bytes);
    }
    engine_remove_client(under_test, other);
}

static void wake(void *context) { (void)context; }

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    tiny = tiny_model_open(argv[1]);
    state_bytes = bl_model_facts(tiny.model)->state_bytes;
    REQUIRE(engine_create(&under_test, tiny.model, bl_cpu_best(), 1, wake, NULL) == BL_OK);
    REQUIRE((payer = engine_add_client(under_test)));
    RUN(lanes_write_what_their_seeds_say);
    RUN(masks_forbid_per_lane);
    RUN(stop_strings_end_a_lane);
    RUN(stop_strings_are_found_as_a_search_finds_them);
    RUN(unread_frames_hold_a_rollout_back);
    RUN(cancelled_rollouts_end);
    RUN(reading_tells_what_each_byte_cost);
    RUN(nobody_stands_behind_all_of_anothers);
    engine_remove_client(under_test, payer);
    engine_destroy(&under_test);
    tiny_model_close(&tiny);
    return test_summary();
}
