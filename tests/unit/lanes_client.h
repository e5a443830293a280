// SPDX-License-Identifier: MIT
#ifndef BITLOOM_TESTS_LANES_CLIENT_H
#define BITLOOM_TESTS_LANES_CLIENT_H

// The lanes protocol without a connection: frames in, frames out, and a runner to compare with.

#include "tiny_model.h"

#include "serve/lanes/lanes.h"

#include <time.h>

static tiny_model tiny;
static engine *under_test;
static lanes_host host;
static size_t state_bytes;
static bl_runner *runner;
static bl_random rng;

static inline uint32_t below(uint32_t n) { return (uint32_t)bl_random_below(&rng, n); }

// ------------------------------------------------------------------------------- a connection

static inline void wait_a_little(void)
{
    engine_deliver(under_test);
    nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL);
}

static inline void send_to(lanes *l, frame_op op, uint32_t sequence, size_t n_lanes,
                           const void *payload, size_t bytes, uint8_t flags)
{
    uint8_t *frame = malloc(FRAME_HEAD_BYTES + bytes);
    frame_head head = {(uint32_t)bytes, (uint8_t)op, flags, (uint16_t)n_lanes, sequence, 7};
    memcpy(frame, &head, sizeof head);
    if (bytes)
        memcpy(frame + sizeof head, payload, bytes);
    lanes *after = l; // only RESUME may change it, which is sent otherwise
    lanes_receive(&after, frame, sizeof head + bytes);
    REQUIRE(after == l);
    free(frame);
}

// The next frame out, of at most 1 MiB; waits for it.
static inline frame_head next_frame(lanes *l, uint8_t *payload)
{
    size_t bytes = 0;
    uint8_t *frame = lanes_next(l, &bytes);
    frame_head head;
    for (int i = 0; i < 100000 && !frame; i++) {
        wait_a_little();
        frame = lanes_next(l, &bytes);
    }
    REQUIRE(frame && bytes >= sizeof head);
    memcpy(&head, frame, sizeof head);
    REQUIRE(head.bytes == bytes - sizeof head && head.bytes <= MAX_FRAME_PAYLOAD);
    memcpy(payload, frame + sizeof head, head.bytes);
    lanes_sent(l);
    return head;
}

static uint8_t answer[MAX_FRAME_PAYLOAD];

// Sends a request and takes its answer, which must be one of its op.
static inline frame_head ask(lanes *l, frame_op op, size_t n_lanes, const void *payload,
                             size_t bytes, uint8_t flags)
{
    send_to(l, op, 5, n_lanes, payload, bytes, flags);
    frame_head head = next_frame(l, answer);
    if (head.op == OP_ERROR)
        fprintf(stderr, "op %d: %.*s\n", op, (int)head.bytes - 4, (char *)answer + 4);
    CHECK(head.op == (OP_ANSWER | op) && head.sequence == 5 && head.session == 7);
    return head;
}

static inline void must_fail(lanes *l, frame_op op, size_t n_lanes, const void *payload,
                             size_t bytes)
{
    send_to(l, op, 6, n_lanes, payload, bytes, 0);
    frame_head head = next_frame(l, answer);
    CHECK(head.op == OP_ERROR && head.sequence == 6 && answer[0] == op && answer[1] > 0);
    CHECK(head.bytes > 4);
}

static inline void wake(void *context) { (void)context; }

static inline lanes *greet_nobody(void) // a connection that has only said hello
{
    return lanes_create(&host, &(const lanes_owner){&host, wake, wake}, NULL);
}

static inline lanes *connect_to(uint32_t credit)
{
    lanes *l = greet_nobody();
    REQUIRE(l);
    frame_head head = next_frame(l, answer);
    frame_hello hello;
    memcpy(&hello, answer, sizeof hello);
    CHECK(head.op == (OP_ANSWER | OP_HELLO) && hello.version == 2
          && hello.state_bytes == state_bytes);
    uint32_t open[2] = {0, credit};
    ask(l, OP_OPEN, 0, open, sizeof open, 0);
    return l;
}

static inline void disconnect(lanes *l)
{
    lanes_close(l);
    engine_stats stats;
    for (int i = 0; i < 100000 && host.n_connections > 0; i++)
        wait_a_little();
    engine_get_stats(&stats, under_test);
    CHECK(host.n_connections == 0 && stats.n_activities == 0);
}

static inline void read_text(uint8_t *state, const char *text)
{
    memset(state, 0, state_bytes);
    for (; *text; text++)
        bl_runner_step(runner, state, &(int16_t){(uint8_t)*text}, 1, false);
}

static inline uint8_t *exported(lanes *l, uint64_t name) // behind the model's hash
{
    ask(l, OP_EXPORT, 1, &name, sizeof name, 0);
    return answer + 32;
}

static inline void start(int argc, char **argv)
{
    REQUIRE(argc == 2);
    tiny = tiny_model_open(argv[1]);
    state_bytes = bl_model_facts(tiny.model)->state_bytes;
    bl_random_seed(&rng, 2);
    REQUIRE(engine_create(&under_test, tiny.model, bl_cpu_best(), 1, wake, NULL) == BL_OK);
    REQUIRE(bl_runner_create(&runner, tiny.model, bl_cpu_best(), NULL) == BL_OK);
    host = (lanes_host){.engine = under_test, .model = tiny.model, .room = 24};
}

static inline int finish(void)
{
    bl_runner_destroy(&runner);
    engine_destroy(&under_test);
    tiny_model_close(&tiny);
    return test_summary();
}

#endif
