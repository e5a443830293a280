// SPDX-License-Identifier: MIT
// Rollouts and beams of the lanes protocol. Usage: test-lanes-runs MODEL.safetensors
#include "lanes_client.h"

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
            wait_a_little();
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

// A step that is wrong, sent behind one that is under way, is refused in its turn.
static void requests_are_answered_in_their_order(void)
{
    static const uint8_t step[6] = {0, 0, 0, 0, 'e', 'f'};
    lanes *l = connect_to(UINT32_MAX);
    for (uint32_t i = 0; i < 3; i++)
        send_to(l, OP_STEP, i, 1 + i % 2, step, 5 + i % 2, 0);
    for (uint32_t i = 0; i < 3; i++) {
        frame_head head = next_frame(l, answer);
        CHECK(head.sequence == i && head.op == (i == 1 ? OP_ERROR : (OP_ANSWER | OP_STEP)));
    }
    disconnect(l);
}

// To build a pattern takes long, and nobody who steps lanes waits for it.
static void slow_patterns_keep_nobody_waiting(void)
{
    static const char slow[] = ".*a.{12}", too_large[] = ".*a.{14}";
    static const uint8_t step[5] = {0, 0, 0, 0, 'e'};
    lanes *builder = connect_to(UINT32_MAX), *other = connect_to(UINT32_MAX);
    size_t n_steps = 0, bytes;
    send_to(builder, OP_PATTERN, 5, 0, slow, strlen(slow), 0);
    while (!lanes_next(builder, &bytes)) {
        ask(other, OP_STEP, 1, step, sizeof step, 0);
        n_steps++;
    }
    frame_head head = next_frame(builder, answer);
    CHECK(head.op == (OP_ANSWER | OP_PATTERN) && head.bytes == 0 && n_steps >= 2);
    ask(other, OP_PATTERN, 0, slow, strlen(slow), 0); // which is known now
    must_fail(builder, OP_PATTERN, 0, too_large, strlen(too_large));
    CHECK(answer[1] == 4); // TOO_MANY
    must_fail(builder, OP_PATTERN, 0, "a(b", 3);
    must_fail(builder, OP_PATTERN, 0, "[^\\s\\S]", 7); // well written, but no text fits it
    CHECK(answer[1] == 1);                             // BAD_FRAME
    send_to(builder, OP_PATTERN, 8, 0, too_large, strlen(too_large), 0);
    lanes_close(builder); // while it is built
    disconnect(other);
}

int main(int argc, char **argv)
{
    start(argc, argv);
    RUN(rollouts_write_and_leave_the_vector_behind_them);
    RUN(masks_hold_for_rollouts);
    RUN(beams_are_the_same_however_they_are_read);
    RUN(cancelled_rollouts_leave_the_vector_behind_what_they_wrote);
    RUN(no_frame_is_longer_than_the_limit);
    RUN(requests_are_answered_in_their_order);
    RUN(slow_patterns_keep_nobody_waiting);
    return finish();
}
