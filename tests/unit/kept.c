// SPDX-License-Identifier: MIT
// Lanes that outlive their connection: kept, parked, resumed, expired. Usage: test-kept
// MODEL.safetensors
#include "lanes_client.h"

#include "serve/lanes/lanes_private.h"

static int n_lost; // connections whose lanes were resumed elsewhere

static void lose(void *object)
{
    (void)object;
    n_lost++;
}

static lanes *connect_as(int64_t account)
{
    visitor who = {.account = account};
    lanes *l = lanes_create(&host, &(const lanes_owner){&host, wake, lose}, &who);
    REQUIRE(l && next_frame(l, answer).op == (OP_ANSWER | OP_HELLO));
    return l;
}

static void open_session(lanes *l) { ask(l, OP_OPEN, 0, NULL, 0, 0); }

static frame_keep keep(lanes *l)
{
    frame_keep kept;
    CHECK(ask(l, OP_KEEP, 0, NULL, 0, 0).bytes == sizeof kept);
    memcpy(&kept, answer, sizeof kept);
    return kept;
}

static void send_resume(lanes **l, const uint8_t *token)
{
    uint8_t frame[FRAME_HEAD_BYTES + TOKEN_BYTES];
    const frame_head head = {.bytes = TOKEN_BYTES, .op = OP_RESUME, .sequence = 77};
    memcpy(frame, &head, sizeof head);
    memcpy(frame + sizeof head, token, TOKEN_BYTES);
    lanes_receive(l, frame, sizeof frame);
}

static frame_resumed told;
static frame_session told_session;

static bool resume(lanes **l, const uint8_t *token)
{
    send_resume(l, token);
    frame_head head = next_frame(*l, answer);
    if (head.op == OP_ERROR) {
        CHECK(answer[0] == OP_RESUME && answer[1] == 8);
        return false;
    }
    CHECK(head.op == (OP_ANSWER | OP_RESUME) && head.sequence == 77);
    memcpy(&told, answer, sizeof told);
    CHECK(head.bytes == sizeof told + told.n_sessions * sizeof told_session);
    memcpy(&told_session, answer + sizeof told, sizeof told_session);
    return true;
}

// The end of a connection, of which `n_left` and what they had stored stay.
static void lose_connection(lanes *l, uint32_t n_left)
{
    lanes_close(l);
    for (int i = 0; i < 100000 && host.n_connections > 0; i++)
        wait_a_little();
    CHECK(host.n_connections == 0 && host.n_parked == n_left);
}

static void forget_all(void)
{
    lanes_host_clear(&host);
    for (int i = 0; i < 100000 && host.n_connections > 0; i++)
        wait_a_little();
    CHECK(host.n_connections == 0 && host.n_parked == 0 && host.n_stored == 0 && !host.first_kept);
}

static void names_and_vectors_are_there_again(void)
{
    lanes *l = connect_as(0);
    uint8_t *state = calloc(1, state_bytes);
    uint64_t names[2];
    const uint16_t from[3] = {0};
    open_session(l);
    frame_keep kept = keep(l);
    CHECK(kept.seconds == 600);
    frame_keep again = keep(l);
    CHECK(memcmp(kept.token, again.token, TOKEN_BYTES) == 0);
    ask(l, OP_READ, 1, "It was ", 7, 0);
    ask(l, OP_STORE, 1, NULL, 0, 0);
    memcpy(&names[0], answer, sizeof *names);
    ask(l, OP_PERMUTE, 3, from, sizeof from, 0);
    send_to(l, OP_PATTERN, 41, 0, "[a-z]+", 6, 0);
    CHECK(next_frame(l, answer).op == (OP_ANSWER | OP_PATTERN));
    lose_connection(l, 1);
    CHECK(host.n_stored == 1);
    for (int i = 0; i < 2; i++) { // as often as one likes
        l = connect_as(0);
        REQUIRE(resume(&l, kept.token));
        CHECK(told.n_sessions == 1 && told.n_stored == 1 && told_session.id == 7
              && told_session.n_lanes == 3 && told_session.flags == SESSION_PATTERN);
        CHECK(told_session.sequence == (i ? 5 : 41));
        ask(l, OP_STORE, 3, NULL, 0, 0);
        memcpy(&names[1], answer + 16, sizeof *names);
        read_text(state, "It was ");
        CHECK(names[0] == names[1] && memcmp(exported(l, names[0]), state, state_bytes) == 0);
        lose_connection(l, 1);
    }
    free(state);
    forget_all();
}

static void take_names(lanes *l, uint64_t *names, uint32_t n)
{
    ask(l, OP_STORE, 0, NULL, 0, 0);
    memcpy(names, answer, n * sizeof *names);
}

static void run_to_end(lanes *l, frame_op op, const void *p, size_t bytes)
{
    send_to(l, op, 90, 0, p, bytes, 0);
    while (next_frame(l, answer).op != (OP_ANSWER | op)) {
    }
}

// Runs whose connection goes while they are under way have not happened: sent again, they give what
// a run gives that was left alone.
static void check_interrupted(frame_op op, const void *p, size_t bytes, uint32_t n_lanes)
{
    const uint16_t from[8] = {0};
    uint64_t left_alone[8], names[8];
    lanes *l = connect_as(0);
    open_session(l);
    frame_keep kept = keep(l);
    ask(l, OP_READ, 1, "It was ", 7, 0);
    if (op == OP_ROLLOUT)
        ask(l, OP_PERMUTE, 8, from, sizeof from, 0);
    send_to(l, OP_STORE, 50, 0, NULL, 0, 0);
    CHECK(next_frame(l, answer).sequence == 50);
    send_to(l, op, 51, 0, p, bytes, 0);
    send_to(l, OP_STORE, 52, 0, NULL, 0, 0); // waits, and is dropped
    CHECK(next_frame(l, answer).op == (OP_ANSWER | OP_PART | op));
    lose_connection(l, 1);
    l = connect_as(0);
    REQUIRE(resume(&l, kept.token));
    CHECK(told_session.sequence == 50 && told.n_stored == 1
          && told_session.n_lanes == (op == OP_ROLLOUT ? 8 : 1));
    run_to_end(l, op, p, bytes);
    take_names(l, names, n_lanes);
    const uint64_t empty = 0;
    ask(l, OP_LOAD, 1, &empty, sizeof empty, 0);
    ask(l, OP_READ, 1, "It was ", 7, 0);
    if (op == OP_ROLLOUT)
        ask(l, OP_PERMUTE, 8, from, sizeof from, 0);
    run_to_end(l, op, p, bytes);
    take_names(l, left_alone, n_lanes);
    CHECK(memcmp(names, left_alone, n_lanes * sizeof *names) == 0);
    ask(l, OP_KEEP, 0, NULL, 0, KEEP_NO_MORE);
    disconnect(l);
    CHECK(host.n_parked == 0 && host.n_stored == 0);
}

static void interrupted_beams_have_not_happened(void)
{
    const frame_beam p = {.n_steps = 1000, .width = 8, .temperature = 0.7F, .seed = 3};
    check_interrupted(OP_BEAM, &p, sizeof p, 8);
}

static void interrupted_rollouts_have_not_happened(void)
{
    const frame_rollout p = {.n_steps = 1000, .temperature = 1, .top_p = 1, .seed = 3};
    check_interrupted(OP_ROLLOUT, &p, sizeof p, 8);
}

// Steps that were sent before the connection went are done up to the one that the answer names.
static void steps_are_done_up_to_the_sequence_told(void)
{
    enum { N = 40, FIRST = 100 };
    uint8_t *state = calloc(1, state_bytes);
    const uint8_t request[sizeof(frame_step) + 1] = {[sizeof(frame_step)] = 'a'};
    for (int round = 0; round < 20; round++) {
        lanes *l = connect_as(0);
        open_session(l);
        frame_keep kept = keep(l);
        uint64_t name;
        for (uint32_t i = 0; i < N; i++)
            send_to(l, OP_STEP, FIRST + i, 1, request, sizeof request, 0);
        for (uint32_t i = below(N / 2); i-- > 0;)
            (void)next_frame(l, answer);
        lanes_close(l);
        l = connect_as(0);
        REQUIRE(resume(&l, kept.token));
        bool is_any = told_session.sequence >= FIRST; // else it is OPEN's
        uint32_t n_done = is_any ? told_session.sequence - FIRST + 1 : 0;
        memset(state, 0, state_bytes);
        for (uint32_t i = 0; i < n_done; i++)
            bl_runner_step(runner, state, &(int16_t){'a'}, 1, false);
        take_names(l, &name, 1);
        CHECK(memcmp(exported(l, name), state, state_bytes) == 0);
        lose_connection(l, 1);
        forget_all();
    }
    free(state);
}

// The old connection still looks alive: the new one gets its lanes, and requests sent behind RESUME
// wait until the run of the old one has ended.
static void lanes_are_taken_over(void)
{
    const frame_beam p = {.n_steps = 1000, .width = 64, .temperature = 0.7F, .seed = 3};
    uint8_t *state = calloc(1, state_bytes);
    lanes *old = connect_as(3), *l = connect_as(3);
    uint64_t name;
    open_session(old);
    frame_keep kept = keep(old);
    ask(old, OP_READ, 1, "a text", 6, 0);
    send_to(old, OP_BEAM, 51, 0, &p, sizeof p, 0);
    int n_before = n_lost;
    send_resume(&l, kept.token);
    CHECK(n_lost == n_before + 1 && host.n_parked == 0);
    send_to(l, OP_READ, 1, 1, " and on", 7, 0);
    CHECK(next_frame(l, answer).op == (OP_ANSWER | OP_RESUME));
    memcpy(&told_session, answer + sizeof told, sizeof told_session);
    CHECK(told_session.sequence == 5 && told_session.n_lanes == 1);
    CHECK(next_frame(l, answer).op == (OP_ANSWER | OP_READ));
    take_names(l, &name, 1);
    read_text(state, "a text and on");
    CHECK(memcmp(exported(l, name), state, state_bytes) == 0);
    lose_connection(l, 1);
    free(state);
    forget_all();
}

static void strangers_learn_nothing(void)
{
    uint8_t junk[TOKEN_BYTES] = {0};
    lanes *l = connect_as(3), *other = connect_as(4);
    open_session(l);
    frame_keep kept = keep(l);
    lanes_close(l);
    CHECK(!resume(&other, kept.token)); // of another account
    char message[100] = "";
    memcpy(message, answer, 60);
    CHECK(!resume(&other, junk));
    CHECK(memcmp(message, answer, 60) == 0); // one cannot be told from the other
    open_session(other);
    CHECK(host.n_parked == 1);
    must_fail(other, OP_RESUME, 0, kept.token, TOKEN_BYTES); // too late
    must_fail(other, OP_RESUME, 0, kept.token, 3);
    must_fail(other, OP_KEEP, 0, junk, 1);
    lanes_close(other);
    l = connect_as(3);
    CHECK(resume(&l, kept.token));
    lose_connection(l, 1);
    forget_all();
}

static void lanes_expire_in_their_order(void)
{
    frame_keep kept[3];
    for (int i = 0; i < 3; i++) {
        lanes *l = connect_as(0);
        open_session(l);
        kept[i] = keep(l);
        lose_connection(l, (uint32_t)i + 1);
        host.last_kept->parked_ns = 1000 + 10 * (uint64_t)i;
    }
    CHECK(lanes_expire(&host, 1000) == host.keep_ns && host.n_parked == 3);
    CHECK(lanes_expire(&host, host.keep_ns + 1005) == 5 && host.n_parked == 2);
    CHECK(lanes_expire(&host, host.keep_ns + 1020) == 0 && host.n_parked == 0);
    lanes *l = connect_as(0);
    for (int i = 0; i < 3; i++)
        CHECK(!resume(&l, kept[i].token));
    disconnect(l);
}

// Too many: the oldest of whoever has most goes, and others stay.
static void the_oldest_go_first(void)
{
    uint8_t tokens[MAX_PARKED + 2][TOKEN_BYTES];
    for (int i = 0; i < MAX_PARKED + 2; i++) {
        lanes *l = connect_as(i == 0 ? 1 : 2);
        open_session(l);
        memcpy(tokens[i], keep(l).token, TOKEN_BYTES);
        lanes_close(l);
    }
    CHECK(host.n_parked == MAX_PARKED);
    lanes *one = connect_as(1), *two = connect_as(2);
    CHECK(!resume(&two, tokens[1]) && !resume(&two, tokens[2]) && resume(&two, tokens[3]));
    CHECK(resume(&one, tokens[0]));
    lanes_close(one);
    lanes_close(two);
    forget_all();
}

static void a_server_may_keep_nothing(void)
{
    lanes_host before = host;
    host.keep_ns = 0;
    lanes *l = connect_as(0);
    must_fail(l, OP_KEEP, 0, NULL, 0);
    disconnect(l);
    host.keep_ns = before.keep_ns;
}

int main(int argc, char **argv)
{
    start(argc, argv);
    host.keep_ns = UINT64_C(600000000000);
    RUN(names_and_vectors_are_there_again);
    RUN(interrupted_beams_have_not_happened);
    RUN(interrupted_rollouts_have_not_happened);
    RUN(steps_are_done_up_to_the_sequence_told);
    RUN(lanes_are_taken_over);
    RUN(strangers_learn_nothing);
    RUN(lanes_expire_in_their_order);
    RUN(the_oldest_go_first);
    RUN(a_server_may_keep_nothing);
    return finish();
}
