// SPDX-License-Identifier: MIT
// The lanes protocol without a connection: frames in, frames out, against a runner.
// Usage: test-lanes MODEL.safetensors
#include "tiny_model.h"

#include "serve/lanes/lanes.h"
#include "serve/lanes/store.h"

#include <time.h>

static tiny_model tiny;
static engine *under_test;
static lanes_host host;
static size_t state_bytes;
static bl_runner *runner;
static bl_random rng;

static uint32_t below(uint32_t n) { return (uint32_t)bl_random_below(&rng, n); }

// ------------------------------------------------------------------------------- a connection

static void pause(void)
{
    engine_deliver(under_test);
    nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL);
}

static void send_to(lanes *l, frame_op op, uint32_t sequence, size_t n_lanes, const void *payload,
                    size_t bytes, uint8_t flags)
{
    uint8_t *frame = malloc(FRAME_HEAD_BYTES + bytes);
    frame_head head = {(uint32_t)bytes, (uint8_t)op, flags, (uint16_t)n_lanes, sequence, 7};
    memcpy(frame, &head, sizeof head);
    if (bytes)
        memcpy(frame + sizeof head, payload, bytes);
    lanes_receive(l, frame, sizeof head + bytes);
    free(frame);
}

// The next frame out, of at most 1 MiB; waits for it.
static frame_head next_frame(lanes *l, uint8_t *payload)
{
    size_t bytes = 0;
    uint8_t *frame = lanes_next(l, &bytes);
    frame_head head;
    for (int i = 0; i < 100000 && !frame; i++) {
        pause();
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
static frame_head ask(lanes *l, frame_op op, size_t n_lanes, const void *payload, size_t bytes,
                      uint8_t flags)
{
    send_to(l, op, 5, n_lanes, payload, bytes, flags);
    frame_head head = next_frame(l, answer);
    if (head.op == OP_ERROR)
        fprintf(stderr, "op %d: %.*s\n", op, (int)head.bytes - 4, (char *)answer + 4);
    CHECK(head.op == (OP_ANSWER | op) && head.sequence == 5 && head.session == 7);
    return head;
}

static void must_fail(lanes *l, frame_op op, size_t n_lanes, const void *payload, size_t bytes)
{
    send_to(l, op, 6, n_lanes, payload, bytes, 0);
    frame_head head = next_frame(l, answer);
    CHECK(head.op == OP_ERROR && head.sequence == 6 && answer[0] == op && answer[1] > 0);
    CHECK(head.bytes > 4);
}

static lanes *connect_to(uint32_t credit)
{
    lanes *l = lanes_create(&host, &host, NULL);
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

static void disconnect(lanes *l)
{
    lanes_close(l);
    engine_stats stats;
    for (int i = 0; i < 100000 && host.n_connections > 0; i++)
        pause();
    engine_get_stats(&stats, under_test);
    CHECK(host.n_connections == 0 && stats.n_activities == 0);
}

static void read_text(uint8_t *state, const char *text)
{
    memset(state, 0, state_bytes);
    for (; *text; text++)
        bl_runner_step(runner, state, &(int16_t){(uint8_t)*text}, 1, false);
}

static uint8_t *exported(lanes *l, uint64_t name) // behind the model's hash
{
    ask(l, OP_EXPORT, 1, &name, sizeof name, 0);
    return answer + 32;
}

// ------------------------------------------------------------------------------------- tests

static void vectors_are_stored_loaded_and_permuted(void)
{
    static const char *const texts[] = {"It was ", "the best", ""};
    lanes *l = connect_to(UINT32_MAX);
    uint64_t names[3];
    uint8_t *state = calloc(1, state_bytes);
    for (int i = 0; i < 3; i++) {
        uint64_t empty = 0;
        ask(l, OP_LOAD, 1, &empty, sizeof empty, 0);
        ask(l, OP_READ, 1, texts[i], strlen(texts[i]), 0);
        CHECK(ask(l, OP_STORE, 1, NULL, 0, 0).bytes == sizeof *names);
        memcpy(&names[i], answer, sizeof *names);
        read_text(state, texts[i]);
        CHECK(memcmp(exported(l, names[i]), state, state_bytes) == 0);
    }
    ask(l, OP_LOAD, 3, names, sizeof names, 0);
    const uint16_t from[5] = {2, 0, 1, 1, 0};
    ask(l, OP_PERMUTE, 5, from, sizeof from, 0);
    CHECK(ask(l, OP_STORE, 5, NULL, 0, 0).n_lanes == 5);
    uint64_t stored[5];
    memcpy(stored, answer, sizeof stored);
    for (int i = 0; i < 5; i++)
        CHECK(stored[i] == names[from[i]]); // one content, one name
    ask(l, OP_DROP, 5, stored, sizeof stored, 0);
    ask(l, OP_DROP, 3, names, sizeof names, 0);
    must_fail(l, OP_LOAD, 1, names, sizeof *names);
    must_fail(l, OP_DROP, 1, names, sizeof *names);
    free(state);
    disconnect(l);
}

static void steps_are_those_of_a_runner(void)
{
    enum { N = 300 };
    lanes *l = connect_to(UINT32_MAX);
    const bl_model_info *info = bl_model_facts(tiny.model);
    uint8_t *states = calloc(N, state_bytes), request[sizeof(frame_step) + N];
    uint16_t from[N] = {0};
    int16_t bytes[N];
    ask(l, OP_PERMUTE, N, from, sizeof from, 0);
    for (int t = 0; t < 3; t++) {
        frame_step step = {.wants = WANTS_COSTS};
        memcpy(request, &step, sizeof step);
        for (size_t i = 0; i < N; i++)
            bytes[i] = request[sizeof step + i] = (uint8_t)('a' + below(26));
        frame_head head = ask(l, OP_STEP, N, request, sizeof request, 0);
        CHECK(head.n_lanes == N && head.bytes == N * 512);
        bl_runner_step(runner, states, bytes, N, true);
        bool same = true;
        for (size_t i = 0; i < N; i++) {
            uint32_t costs[256];
            bl_runner_costs(costs, runner, i);
            for (int b = 0; b < 256; b++) {
                uint16_t cost;
                uint32_t expected = costs[info->byte_symbol[b]] >> 16;
                memcpy(&cost, answer + 512 * i + 2 * (size_t)b, sizeof cost);
                same &= cost == (expected < UINT16_MAX ? expected : UINT16_MAX);
            }
        }
        CHECK(same);
    }
    frame_step look = {.wants = WANTS_TOP, .n_top = 2};
    CHECK(ask(l, OP_STEP, N, &look, sizeof look, STEP_KEEP).bytes == N * 2 * sizeof(frame_top));
    frame_top top[2];
    memcpy(top, answer, sizeof top);
    CHECK(top[0].cost <= top[1].cost && top[0].byte != top[1].byte);
    ask(l, OP_STORE, N, NULL, 0, 0);
    uint64_t name;
    memcpy(&name, answer + 8 * 123, sizeof name);
    CHECK(memcmp(exported(l, name), states + 123 * state_bytes, state_bytes) == 0);
    free(states);
    disconnect(l);
}

// Takes the parts of a rollout up to its answer; texts as far as they were told.
static void collect_rollout(lanes *l, char texts[][64], uint32_t *n_parts)
{
    uint32_t next_step = 1;
    memset(texts, 0, 4 * sizeof *texts);
    for (*n_parts = 0;; ++*n_parts) {
        frame_head head = next_frame(l, answer);
        if (head.op == (OP_ANSWER | OP_ROLLOUT))
            return;
        REQUIRE(head.op == (OP_ANSWER | OP_PART | OP_ROLLOUT));
        uint32_t first;
        uint16_t n_steps, n;
        memcpy(&first, answer, 4);
        memcpy(&n_steps, answer + 4, 2);
        CHECK(first == next_step);
        next_step += n_steps;
        size_t at = 8;
        for (uint32_t t = 0; t < n_steps; t++) {
            memcpy(&n, answer + at, 2);
            at += 4;
            for (uint32_t i = 0; i < n; i++, at += sizeof(frame_drawn)) {
                frame_drawn d;
                memcpy(&d, answer + at, sizeof d);
                if (d.end != 3)
                    texts[d.lane][strlen(texts[d.lane])] = (char)d.byte;
            }
        }
        CHECK(at == head.bytes);
    }
}

static void rollouts_write_and_leave_the_vector_behind_them(void)
{
    static char texts[2][4][64];
    uint8_t *state = calloc(1, state_bytes);
    for (int credit = 0; credit < 2; credit++) {
        lanes *l = connect_to(credit ? UINT32_MAX : 0);
        const uint16_t from[4] = {0};
        const char *pattern = "([a-z]+ ){3}stop";
        frame_rollout p = {.n_steps = 40, .temperature = 1, .top_p = 1, .seed = 9};
        uint32_t n_parts;
        ask(l, OP_READ, 1, "It was ", 7, 0);
        ask(l, OP_PERMUTE, 4, from, sizeof from, 0);
        ask(l, OP_PATTERN, 0, pattern, strlen(pattern), 0);
        send_to(l, OP_ROLLOUT, 5, 0, &p, sizeof p, 0);
        collect_rollout(l, texts[credit], &n_parts);
        CHECK(credit || n_parts == 1); // all in one, because nobody asked for less
        ask(l, OP_STORE, 0, NULL, 0, 0);
        uint64_t names[4];
        memcpy(names, answer, sizeof names);
        bl_pattern *compiled = NULL;
        REQUIRE(bl_pattern_parse(&compiled, pattern, strlen(pattern), "p", NULL, NULL) == BL_OK);
        for (int i = 0; i < 4; i++) {
            char whole[600];
            uint32_t s = BL_PATTERN_START;
            snprintf(whole, sizeof whole, "It was %s", texts[credit][i]);
            for (const char *c = texts[credit][i]; *c; c++)
                s = bl_pattern_next(compiled, s, (uint8_t)*c);
            CHECK(texts[credit][i][0] && s != BL_PATTERN_DEAD);
            read_text(state, whole);
            CHECK(memcmp(exported(l, names[i]), state, state_bytes) == 0);
        }
        bl_pattern_destroy(&compiled);
        disconnect(l);
    }
    CHECK(memcmp(texts[0], texts[1], sizeof texts[0]) == 0); // credit changes nothing but parts
    free(state);
}

static void masks_hold_for_rollouts(void)
{
    static char texts[4][64];
    lanes *l = connect_to(UINT32_MAX);
    const uint16_t from[2] = {0};
    uint64_t masks[2][4] = {{0}};
    uint32_t n_parts;
    masks[0]['a' / 64] = UINT64_C(1) << ('a' % 64);
    masks[1]['b' / 64] = UINT64_C(3) << ('b' % 64);
    ask(l, OP_PERMUTE, 2, from, sizeof from, 0);
    ask(l, OP_MASK, 2, masks, sizeof masks, 0);
    frame_rollout p = {.n_steps = 20, .temperature = 1, .top_p = 1};
    send_to(l, OP_ROLLOUT, 5, 0, &p, sizeof p, 0);
    collect_rollout(l, texts, &n_parts);
    CHECK(strspn(texts[0], "a") == 20 && strspn(texts[1], "bc") == 20);
    must_fail(l, OP_MASK, 1, masks, sizeof *masks);
    disconnect(l);
}

// The texts of a beam's last lanes, put together from however many parts there were.
static uint32_t grow(lanes *l, uint32_t n_steps, char texts[][64], uint32_t *n_parts)
{
    static char next[BL_LANES][64];
    frame_beam p = {.n_steps = n_steps, .width = BL_LANES, .temperature = 0.7F, .seed = 4};
    uint32_t n_done = 0, n_lanes = 1;
    memset(texts, 0, BL_LANES * 64);
    send_to(l, OP_BEAM, 5, 0, &p, sizeof p, 0);
    for (*n_parts = 0;; ++*n_parts) {
        frame_head head = next_frame(l, answer);
        if (head.op == (OP_ANSWER | OP_BEAM)) {
            CHECK(head.n_lanes == n_lanes && n_done == n_steps);
            return n_lanes;
        }
        REQUIRE(head.op == (OP_ANSWER | OP_PART | OP_BEAM));
        uint32_t first;
        uint16_t counts[2];
        memcpy(&first, answer, 4);
        memcpy(counts, answer + 4, 4);
        CHECK(first == n_done + 1 && head.bytes == 8 + counts[1] * (2 + 3u * counts[0]));
        const uint8_t *bytes = answer + 8 + 2u * counts[1] + 2u * counts[0] * counts[1];
        for (uint32_t i = 0; i < counts[1]; i++) {
            uint16_t parent;
            memcpy(&parent, answer + 8 + 2 * i, 2);
            REQUIRE(parent < n_lanes);
            memcpy(next[i], texts[parent], 64);
            for (uint32_t t = 0; t < counts[0]; t++)
                next[i][n_done + t] = (char)bytes[t * counts[1] + i];
        }
        memcpy(texts, next, sizeof next);
        n_lanes = counts[1];
        n_done += counts[0];
    }
}

static void beams_are_the_same_however_they_are_read(void)
{
    static char texts[2][BL_LANES][64];
    uint8_t *state = calloc(1, state_bytes);
    uint32_t n_parts;
    for (int credit = 0; credit < 2; credit++) {
        lanes *l = connect_to(credit ? UINT32_MAX : 0);
        CHECK(grow(l, 30, texts[credit], &n_parts) == BL_LANES);
        CHECK(credit || n_parts == 1);
        ask(l, OP_STORE, 0, NULL, 0, 0);
        uint64_t name;
        memcpy(&name, answer + 8 * 200, sizeof name);
        read_text(state, texts[credit][200]);
        CHECK(memcmp(exported(l, name), state, state_bytes) == 0);
        disconnect(l);
    }
    CHECK(memcmp(texts[0], texts[1], sizeof texts[0]) == 0);
    free(state);
}

static void states_go_out_and_come_back(void)
{
    lanes *l = connect_to(UINT32_MAX);
    uint64_t name, again;
    size_t bytes = 32 + state_bytes;
    uint8_t *file = malloc(bytes);
    ask(l, OP_READ, 1, "a text", 6, 0);
    ask(l, OP_STORE, 1, NULL, 0, 0);
    memcpy(&name, answer, sizeof name);
    exported(l, name);
    memcpy(file, answer, bytes);
    ask(l, OP_DROP, 1, &name, sizeof name, 0);
    ask(l, OP_IMPORT, 1, file, bytes, 0);
    memcpy(&again, answer, sizeof again);
    CHECK(again == name);
    must_fail(l, OP_IMPORT, 1, file, bytes - 1);
    must_fail(l, OP_IMPORT, 2, file, bytes);
    file[0] ^= 1;
    must_fail(l, OP_IMPORT, 1, file, bytes);
    file[0] ^= 1;
    for (size_t i = 32; i < bytes; i++) // any bits are a state
        file[i] = (uint8_t)below(256);
    ask(l, OP_IMPORT, 1, file, bytes, 0);
    memcpy(&name, answer, sizeof name);
    ask(l, OP_LOAD, 1, &name, sizeof name, 0);
    ask(l, OP_READ, 1, "and on", 6, 0);
    free(file);
    disconnect(l);
}

static void requests_wait_for_each_other(void)
{
    lanes *l = connect_to(UINT32_MAX);
    for (uint32_t i = 0; i < 50; i++)
        send_to(l, i % 2 ? OP_STORE : OP_READ, i, 1, "some text", i % 2 ? 0 : 9, 0);
    for (uint32_t i = 0; i < 50; i++)
        CHECK(next_frame(l, answer).sequence == i);
    frame_rollout p = {.n_steps = 1000, .temperature = 1, .top_p = 1};
    send_to(l, OP_ROLLOUT, 1, 0, &p, sizeof p, 0);
    send_to(l, OP_CANCEL, 2, 0, NULL, 0, 0);
    bool has_ended = false, is_confirmed = false;
    while (!has_ended || !is_confirmed) {
        frame_head head = next_frame(l, answer);
        has_ended |= head.sequence == 1 && head.op == (OP_ANSWER | OP_ROLLOUT);
        is_confirmed |= head.sequence == 2;
    }
    send_to(l, OP_ROLLOUT, 1, 0, &p, sizeof p, 0); // under way when the connection goes
    disconnect(l);
}

// Steps that are sent before the ones before them are answered, with others between them.
static void steps_follow_each_other(void)
{
    enum { N = 60 };
    lanes *l = connect_to(UINT32_MAX);
    uint8_t *state = calloc(1, state_bytes), request[sizeof(frame_step) + 1] = {0};
    uint64_t name;
    for (uint32_t i = 0; i < N; i++) {
        request[sizeof(frame_step)] = (uint8_t)('a' + i % 26);
        bool is_step = i % 7 != 6;
        send_to(l, is_step ? OP_STEP : OP_STORE, i, 1, request, is_step ? sizeof request : 0, 0);
        int16_t byte = is_step ? request[sizeof(frame_step)] : BL_KEEP;
        bl_runner_step(runner, state, &byte, 1, false);
    }
    for (uint32_t i = 0; i < N; i++) {
        frame_head head = next_frame(l, answer);
        CHECK(head.sequence == i && head.op != OP_ERROR);
    }
    ask(l, OP_STORE, 1, NULL, 0, 0);
    memcpy(&name, answer, sizeof name);
    CHECK(memcmp(exported(l, name), state, state_bytes) == 0);
    for (uint32_t i = 0; i < 5; i++)
        send_to(l, OP_STEP, i, 1, request, sizeof request, 0);
    free(state);
    disconnect(l);
}

// However often it is cancelled, and whenever: the vector is behind all that was told.
static void cancelled_rollouts_leave_the_vector_behind_what_they_wrote(void)
{
    static char texts[4][64];
    uint8_t *state = calloc(1, state_bytes);
    for (int round = 0; round < 40; round++) {
        lanes *l = connect_to(UINT32_MAX);
        frame_rollout p = {.n_steps = 12, .temperature = 1, .top_p = 1, .seed = (uint64_t)round};
        uint64_t name;
        send_to(l, OP_ROLLOUT, 5, 1, &p, sizeof p, 0);
        for (uint32_t i = below(14); i > 0; i--)
            pause();
        for (int i = 0; i < 3; i++)
            send_to(l, OP_CANCEL, 100, 0, NULL, 0, 0);
        uint32_t n_confirmed = 0;
        bool has_ended = false;
        memset(texts, 0, sizeof texts);
        while (!has_ended || n_confirmed < 3) {
            frame_head head = next_frame(l, answer);
            n_confirmed += head.sequence == 100;
            has_ended |= head.op == (OP_ANSWER | OP_ROLLOUT);
            if (head.op != (OP_ANSWER | OP_PART | OP_ROLLOUT))
                continue;
            uint16_t counts[2];
            memcpy(counts, answer + 4, 4);
            CHECK(counts[1] == 1); // lanes
            for (uint32_t t = 0; t < counts[0]; t++) {
                frame_drawn d;
                memcpy(&d, answer + 8 + 4 + t * (4 + sizeof d), sizeof d);
                texts[0][strlen(texts[0])] = (char)d.byte;
            }
        }
        ask(l, OP_STORE, 0, NULL, 0, 0);
        memcpy(&name, answer, sizeof name);
        read_text(state, texts[0]);
        CHECK(memcmp(exported(l, name), state, state_bytes) == 0);
        disconnect(l);
    }
    free(state);
}

// All or none, and as often as there are references.
static void names_are_dropped_together_or_not(void)
{
    lanes *l = connect_to(UINT32_MAX);
    uint64_t names[2];
    ask(l, OP_READ, 1, "one", 3, 0);
    ask(l, OP_STORE, 0, NULL, 0, 0);
    memcpy(&names[0], answer, sizeof *names);
    names[1] = names[0];
    must_fail(l, OP_DROP, 2, names, sizeof names);
    names[1] ^= 1;
    must_fail(l, OP_DROP, 2, names, sizeof names);
    ask(l, OP_LOAD, 1, names, sizeof *names, 0);
    CHECK(host.n_stored == 1);
    ask(l, OP_DROP, 1, names, sizeof *names, 0);
    CHECK(host.n_stored == 0);
    disconnect(l);
}

static void no_frame_is_longer_than_the_limit(void)
{
    lanes *l = connect_to(0);
    const uint16_t from[BL_LANES] = {0};
    frame_rollout p = {.n_steps = 1000, .temperature = 1, .top_p = 1};
    uint32_t n_steps = 0;
    ask(l, OP_PERMUTE, BL_LANES, from, sizeof from, 0);
    send_to(l, OP_ROLLOUT, 5, 0, &p, sizeof p, 0);
    for (frame_head head; (head = next_frame(l, answer)).op != (OP_ANSWER | OP_ROLLOUT);) {
        uint16_t counts[2];
        memcpy(counts, answer + 4, 4); // next_frame has looked at the length
        n_steps += counts[0];
    }
    CHECK(n_steps == 1000);
    disconnect(l);
}

static void lies_are_answered(void)
{
    lanes *l = connect_to(UINT32_MAX);
    uint8_t junk[64] = {0};
    must_fail(l, OP_LOAD, 1, junk, 7);
    must_fail(l, OP_LOAD, 513, junk, 8);
    must_fail(l, OP_PERMUTE, 1, (const uint16_t[]){1}, 2);
    must_fail(l, OP_STEP, 1, junk, 4);
    must_fail(l, OP_STEP, 2, junk, 6);
    must_fail(l, OP_ROLLOUT, 0, junk, 24);
    must_fail(l, OP_BEAM, 0, junk, 24);
    must_fail(l, OP_PATTERN, 0, "(a", 2);
    must_fail(l, OP_PATTERN, 0, "[ab]*a[ab]{15}", 14);
    must_fail(l, OP_OPEN, 0, NULL, 0); // it is open
    must_fail(l, OP_COUNT, 0, NULL, 0);
    lanes_receive(l, junk, 3);
    CHECK(next_frame(l, answer).op == OP_ERROR);
    frame_head head = {.bytes = 100, .op = OP_STORE, .session = 7};
    lanes_receive(l, (const uint8_t *)&head, sizeof head);
    CHECK(next_frame(l, answer).op == OP_ERROR);
    for (unsigned i = 0; i < test_cases(20000); i++) {
        uint8_t frame[64];
        size_t bytes = below(sizeof frame - FRAME_HEAD_BYTES), out;
        for (size_t k = 0; k < sizeof frame; k++)
            frame[k] = (uint8_t)(below(3) ? below(4) : below(256));
        head = (frame_head){(uint32_t)bytes,   (uint8_t)below(OP_COUNT + 1),
                            (uint8_t)below(2), (uint16_t)below(3),
                            (uint32_t)i,       below(9) ? 7 : 8};
        memcpy(frame, &head, sizeof head);
        lanes_receive(l, frame, sizeof head + bytes);
        while (lanes_next(l, &out))
            lanes_sent(l);
        if (lanes_is_full(l) || i % 64 == 0)
            pause();
    }
    disconnect(l);
}

static void streams_may_be_cut_anywhere(void)
{
    uint8_t stream[3 * FRAME_HEAD_BYTES + 9];
    frame_head heads[3] = {
        {0, OP_OPEN, 0, 0, 1, 3}, {9, OP_READ, 0, 1, 2, 3}, {0, OP_STORE, 0, 1, 3, 3}};
    memcpy(stream, &heads[0], 16);
    memcpy(stream + 16, &heads[1], 16);
    memcpy(stream + 32, "some text", 9);
    memcpy(stream + 41, &heads[2], 16);
    for (size_t cut = 0; cut <= sizeof stream; cut++) {
        lanes *l = lanes_create(&host, &host, NULL);
        CHECK(lanes_receive_stream(l, stream, cut));
        CHECK(lanes_receive_stream(l, stream + cut, sizeof stream - cut));
        for (uint32_t i = 0; i < 4; i++) {
            frame_head head = next_frame(l, answer);
            CHECK(head.sequence == i && head.op != OP_ERROR);
        }
        disconnect(l);
    }
    lanes *l = lanes_create(&host, &host, NULL);
    frame_head too_long = {.bytes = MAX_FRAME_PAYLOAD + 1, .op = OP_READ};
    CHECK(!lanes_receive_stream(l, (const uint8_t *)&too_long, sizeof too_long));
    disconnect(l);
}

static void stores_keep_one_of_each(void)
{
    enum { N = 5000, BYTES = 37 };
    static uint8_t states[N][BYTES];
    static uint64_t names[N];
    store s;
    store_init(&s, BYTES, N - 1);
    for (int i = 0; i < N; i++)
        memcpy(states[i], &i, sizeof i);
    for (int i = 0; i < N; i++)
        names[i] = store_add(&s, states[i]);
    CHECK(names[N - 1] == 0 && s.n_kept == N - 1);
    for (int i = 0; i < N - 1; i++) {
        CHECK(names[i] != 0 && memcmp(store_get(&s, names[i]), states[i], BYTES) == 0);
        CHECK(store_add(&s, states[i]) == names[i]);
    }
    for (int i = 0; i < N - 1; i += 2) {
        CHECK(store_release(&s, names[i]) && store_get(&s, names[i]));
        CHECK(store_release(&s, names[i]) && !store_get(&s, names[i]));
        CHECK(!store_release(&s, names[i]) && !store_retain(&s, names[i]));
    }
    for (int i = 0; i < N - 1; i += 2)
        CHECK(store_add(&s, states[i]) == names[i]);
    CHECK(s.n_kept == N - 1 && s.n_places == N - 1);
    store_clear(&s);
}

static void wake(void *context) { (void)context; }

int main(int argc, char **argv)
{
    REQUIRE(argc == 2);
    tiny = tiny_model_open(argv[1]);
    state_bytes = bl_model_facts(tiny.model)->state_bytes;
    bl_random_seed(&rng, 2);
    REQUIRE(engine_create(&under_test, tiny.model, bl_cpu_best(), wake, NULL) == BL_OK);
    REQUIRE(bl_runner_create(&runner, tiny.model, bl_cpu_best(), NULL) == BL_OK);
    host = (lanes_host){.engine = under_test, .model = tiny.model, .room = 24, .want_write = wake};
    RUN(vectors_are_stored_loaded_and_permuted);
    RUN(steps_are_those_of_a_runner);
    RUN(rollouts_write_and_leave_the_vector_behind_them);
    RUN(masks_hold_for_rollouts);
    RUN(beams_are_the_same_however_they_are_read);
    RUN(states_go_out_and_come_back);
    RUN(requests_wait_for_each_other);
    RUN(steps_follow_each_other);
    RUN(cancelled_rollouts_leave_the_vector_behind_what_they_wrote);
    RUN(names_are_dropped_together_or_not);
    RUN(no_frame_is_longer_than_the_limit);
    RUN(lies_are_answered);
    RUN(streams_may_be_cut_anywhere);
    RUN(stores_keep_one_of_each);
    bl_runner_destroy(&runner);
    engine_destroy(&under_test);
    tiny_model_close(&tiny);
    return test_summary();
}
