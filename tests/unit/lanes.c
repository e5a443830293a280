// SPDX-License-Identifier: MIT
// Vectors, names, queues and lies. Usage: test-lanes MODEL.safetensors
#include "lanes_client.h"

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
    lanes_receive(&l, junk, 3);
    CHECK(next_frame(l, answer).op == OP_ERROR);
    frame_head head = {.bytes = 100, .op = OP_STORE, .session = 7};
    lanes_receive(&l, (const uint8_t *)&head, sizeof head);
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
        lanes_receive(&l, frame, sizeof head + bytes);
        while (lanes_next(l, &out))
            lanes_sent(l);
        if (lanes_is_full(l) || i % 64 == 0)
            wait_a_little();
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
        lanes *l = greet_nobody();
        CHECK(lanes_receive_stream(&l, stream, cut));
        CHECK(lanes_receive_stream(&l, stream + cut, sizeof stream - cut));
        for (uint32_t i = 0; i < 4; i++) {
            frame_head head = next_frame(l, answer);
            CHECK(head.sequence == i && head.op != OP_ERROR);
        }
        disconnect(l);
    }
    lanes *l = greet_nobody();
    frame_head too_long = {.bytes = MAX_FRAME_PAYLOAD + 1, .op = OP_READ};
    CHECK(!lanes_receive_stream(&l, (const uint8_t *)&too_long, sizeof too_long));
    disconnect(l);
}

int main(int argc, char **argv)
{
    start(argc, argv);
    RUN(vectors_are_stored_loaded_and_permuted);
    RUN(steps_are_those_of_a_runner);
    RUN(states_go_out_and_come_back);
    RUN(requests_wait_for_each_other);
    RUN(steps_follow_each_other);
    RUN(names_are_dropped_together_or_not);
    RUN(lies_are_answered);
    RUN(streams_may_be_cut_anywhere);
    return finish();
}
