// SPDX-License-Identifier: MIT
// REST without a network: hostile bodies get errors, never a crash; replies closed at any time
// leave nothing behind. Usage: test-http MODEL.safetensors
#include "tiny_model.h"

#include "serve/http/http.h"

#include <time.h>

static tiny_model tiny;
static http_host host;
static const uint32_t n_sessions = 0;
static bl_random rng;

static uint32_t below(uint32_t n) { return (uint32_t)bl_random_below(&rng, n); }

static void want_write(void *owner) { *(bool *)owner = true; }
static void wake(void *context) { (void)context; }

static void pause_a_little(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL);
    engine_deliver(host.engine);
}

// Sends a request and pulls its reply to the end, or for `patience` rounds; returns the status.
static unsigned send(bl_buffer *answer, const char *method, const char *path, const void *body,
                     size_t bytes, const char *json_bytes, int patience)
{
    bool has_news = true, is_last = false;
    http_head head = {0};
    const http_request request = {
        .method = method, .path = path, .body = body, .bytes = bytes, .json_bytes = json_bytes};
    http_reply *r = http_answer(&host, &request);
    REQUIRE(r);
    http_reply_set_owner(r, &has_news);
    while (!is_last && patience-- > 0) { // asks only when told to, or when its time has come
        bool is_due = has_news;
        has_news = false;
        if (!is_due || !http_reply_head(&head, r)) {
            pause_a_little();
            continue;
        }
        has_news = true;
        if (http_reply_wait_us(r) > 0) {
            pause_a_little();
            continue;
        }
        uint8_t piece[1000];
        size_t n = http_reply_pull(piece, r, sizeof piece, &is_last);
        if (answer)
            bl_buffer_append(answer, piece, n);
        has_news = n > 0;
    }
    http_reply_close(r);
    return head.status;
}

static unsigned post(const char *path, const char *body)
{
    return send(NULL, "POST", path, body, strlen(body), NULL, 100000);
}

static void wait_until_idle(void)
{
    for (int i = 0; i < 20000 && host.n_running > 0; i++)
        pause_a_little();
    engine_stats stats;
    engine_get_stats(&stats, host.engine);
    REQUIRE(host.n_running == 0 && host.n_units == 0 && stats.n_activities == 0);
}

static const char *const paths[] = {"/v1/completions", "/v1/chat/completions", "/tokenize",
                                    "/detokenize", "/v2/models/tiny/infer"};
enum { N_PATHS = sizeof paths / sizeof *paths };

// Values of every type, some of them what some field wants.
static void append_value(bl_buffer *out, int depth)
{
    static const char *const values[] = {"null",
                                         "true",
                                         "false",
                                         "0",
                                         "1",
                                         "-1",
                                         "255",
                                         "256",
                                         "1e300",
                                         "0.5",
                                         "9223372036854775807",
                                         "9223372036854775808",
                                         "\"\"",
                                         "\"a\"",
                                         "\"text\"",
                                         "\"\\u0000\\u00e9\"",
                                         "\"user\"",
                                         "\"bytes\"",
                                         "\"UINT8\"",
                                         "\"tiny\"",
                                         "\"logprobs\"",
                                         "[]",
                                         "{}",
                                         "3",
                                         "\"system\""};
    enum { N_VALUES = sizeof values / sizeof *values };
    static const char *const keys[] = {"prompt",
                                       "messages",
                                       "role",
                                       "content",
                                       "type",
                                       "text",
                                       "tokens",
                                       "model",
                                       "max_tokens",
                                       "n",
                                       "best_of",
                                       "temperature",
                                       "top_p",
                                       "stop",
                                       "logit_bias",
                                       "65",
                                       "300",
                                       "seed",
                                       "echo",
                                       "stream",
                                       "stream_options",
                                       "include_usage",
                                       "logprobs",
                                       "top_logprobs",
                                       "suffix",
                                       "inputs",
                                       "outputs",
                                       "name",
                                       "datatype",
                                       "shape",
                                       "data",
                                       "parameters",
                                       "sequence_id",
                                       "sequence_start",
                                       "sequence_end",
                                       "binary_data_size",
                                       "binary_data",
                                       "binary_data_output",
                                       "id",
                                       "tools",
                                       "response_format",
                                       "presence_penalty",
                                       "max_completion_tokens"};
    enum { N_KEYS = sizeof keys / sizeof *keys };
    uint32_t kind = depth > 3 ? 0 : below(4), n = below(5);
    if (depth > 0 && kind < 2) {
        const char *v = values[below(N_VALUES)];
        bl_buffer_append(out, v, strlen(v));
        return;
    }
    bool is_list = depth > 0 && kind == 2;
    bl_buffer_append(out, is_list ? "[" : "{", 1);
    for (uint32_t i = 0, at = below(N_KEYS); i < n + (depth == 0 ? 4 : 0); i++, at++) {
        if (i > 0)
            bl_buffer_append(out, ",", 1);
        if (!is_list)
            bl_buffer_print(out, "\"%s\":", keys[at % N_KEYS]);
        append_value(out, depth + 1);
    }
    bl_buffer_append(out, is_list ? "]" : "}", 1);
}

static void random_json_gets_an_answer(void)
{
    uint32_t n_ok = 0, n_bad = 0;
    for (unsigned i = 0; i < test_cases(20000); i++) {
        bl_buffer body = {0};
        append_value(&body, 0);
        unsigned status = send(NULL, "POST", paths[below(N_PATHS)], body.data, body.bytes, NULL,
                               below(20) ? 50 : 2);
        n_ok += status == 200;
        n_bad += status == 400 || status == 404;
        CHECK(status == 200 || (status >= 400 && status < 500) || status == 0); // 0: left before
        bl_buffer_clear(&body);
    }
    CHECK(n_ok > test_cases(20) && n_bad > test_cases(10000));
    wait_until_idle();
}

// Each byte of a good request changed, removed or doubled.
static void damaged_requests_get_an_answer(void)
{
    static const struct {
        const char *path, *body;
    } good[] = {
        {"/v1/completions",
         "{\"prompt\":[[1,2],[3]],\"max_tokens\":2,\"n\":2,\"best_of\":3,\"stop\":[\"ab\",\"c\"],"
         "\"logit_bias\":{\"65\":1.5},\"logprobs\":2,\"echo\":true,\"seed\":7,\"temperature\":0."
         "5}"},
        {"/v1/chat/completions",
         "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"hi\"}]}],"
         "\"max_tokens\":2,\"logprobs\":true,\"top_logprobs\":2,\"stream\":true,"
         "\"stream_options\":{\"include_usage\":true}}"},
        {"/v2/models/tiny/infer",
         "{\"id\":\"a\",\"parameters\":{\"sequence_id\":5,\"sequence_start\":true},\"inputs\":[{"
         "\"name\":\"bytes\",\"datatype\":\"UINT8\",\"shape\":[1,3],\"data\":[[1,2,3]]}],"
         "\"outputs\":[{\"name\":\"logprobs\",\"parameters\":{\"binary_data\":true}}]}"}};
    for (size_t k = 0; k < sizeof good / sizeof *good; k++) {
        size_t n = strlen(good[k].body);
        CHECK(post(good[k].path, good[k].body) == 200);
        for (size_t i = 0; i < 6 * n; i++) {
            char body[1024];
            size_t at = i % n, bytes = n;
            memcpy(body, good[k].body, n);
            if (i < 4 * n)
                body[at] = "\"0{\xff[,]}9"[below(9)];
            else if (i < 5 * n)
                memmove(body + at, body + at + 1, --bytes - at);
            else
                memmove(body + at + 1, body + at, bytes++ - at);
            unsigned status = send(NULL, "POST", good[k].path, body, bytes, NULL, 100000);
            CHECK(status == 200 || (status >= 400 && status < 500));
        }
    }
    wait_until_idle();
}

// Whether its log-likelihoods are asked for or not.
static void nothing_may_be_written(void)
{
    CHECK(post(paths[0], "{\"prompt\":\"ab\",\"max_tokens\":0,\"logprobs\":0}") == 200);
    CHECK(post(paths[0], "{\"prompt\":\"\",\"max_tokens\":0,\"logprobs\":2,\"n\":2}") == 200);
    CHECK(post(paths[0], "{\"prompt\":\"\",\"max_tokens\":0,\"echo\":true,\"logprobs\":1}") == 200);
    wait_until_idle();
}

static void noise_gets_an_answer(void)
{
    for (unsigned i = 0; i < test_cases(5000); i++) {
        uint8_t body[256];
        size_t n = below(sizeof body);
        for (size_t k = 0; k < n; k++)
            body[k] = (uint8_t)below(256);
        unsigned status = send(NULL, "POST", paths[below(N_PATHS)], body, n, NULL, 100000);
        CHECK(status == 400);
    }
}

static void lengths_of_binary_tensors_are_checked(void)
{
    static const char json[] =
        "{\"inputs\":[{\"name\":\"bytes\",\"datatype\":\"UINT8\",\"shape\":[4],"
        "\"parameters\":{\"binary_data_size\":4}}]}";
    enum { N = sizeof json - 1 };
    char body[N + 8], length[24];
    memcpy(body, json, N);
    memcpy(body + N, "abcdefgh", 8);
    for (size_t n_json = 0; n_json < N + 10; n_json++)
        for (size_t n_tail = 0; n_tail <= 8; n_tail += 2) {
            snprintf(length, sizeof length, "%zu", n_json);
            unsigned status = send(NULL, "POST", paths[4], body, N + n_tail, length, 100000);
            CHECK(status == (n_json == N && n_tail == 4 ? 200 : 400));
        }
    static const char *const lengths[] = {"", "-1", "1x", "99999999999999999999", " "};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
        CHECK(send(NULL, "POST", paths[4], body, N + 4, lengths[i], 100000) == 400);
}

static void replies_may_be_closed_at_any_time(void)
{
    static const char *const bodies[] = {
        "{\"prompt\":\"ab\",\"max_tokens\":4000,\"n\":4,\"stream\":true,\"logprobs\":3}",
        "{\"prompt\":[\"ab\",\"c\"],\"max_tokens\":4000,\"n\":4,\"best_of\":8,\"echo\":true}",
        "{\"prompt\":\"ab\",\"max_tokens\":3,\"stream\":true}"};
    for (unsigned i = 0; i < test_cases(300); i++) {
        const char *body = bodies[i % 3];
        send(NULL, "POST", paths[0], body, strlen(body), NULL, (int)below(40));
    }
    wait_until_idle();
    CHECK(host.counters.n_cancelled > test_cases(100));
}

static void busy_hosts_say_so(void)
{
    static const char body[] = "{\"prompt\":\"ab\",\"max_tokens\":60000,\"n\":16,\"stream\":true}";
    bool has_news;
    http_reply *replies[4];
    const http_request request = {.method = "POST",
                                  .path = paths[0],
                                  .body = (const uint8_t *)body,
                                  .bytes = sizeof body - 1};
    for (int i = 0; i < 4; i++) {
        REQUIRE((replies[i] = http_answer(&host, &request)));
        http_reply_set_owner(replies[i], &has_news);
    }
    CHECK(post(paths[0], body) == 429);
    CHECK(post("/tokenize", "{\"prompt\":\"a\"}") == 200);
    for (int i = 0; i < 4; i++)
        http_reply_close(replies[i]);
    wait_until_idle();
    CHECK(post(paths[0], "{\"prompt\":\"ab\"}") == 200);
}

static void sequences_make_room_for_new_ones(void)
{
    char body[200];
    static const char form[] = "{\"parameters\":{\"sequence_id\":%d%s},\"inputs\":[{\"name\":"
                               "\"bytes\",\"datatype\":\"UINT8\",\"shape\":[1],\"data\":[65]}]}";
    for (int i = 1; i <= 1100; i++) {
        snprintf(body, sizeof body, form, i, ",\"sequence_start\":true");
        CHECK(post(paths[4], body) == 200);
    }
    snprintf(body, sizeof body, form, 1100, "");
    CHECK(post(paths[4], body) == 200);
    snprintf(body, sizeof body, form, 2, "");
    CHECK(post(paths[4], body) == 400);
}

// Bodies of frames, of which some lie, and whose client leaves at any time: nothing stays behind
// but what was kept.
static void exchanges_may_be_closed_at_any_time(void)
{
    lanes_host hosts_lanes = {
        .engine = host.engine, .model = tiny.model, .keep_ns = UINT64_MAX / 2};
    host.lanes = &hosts_lanes;
    for (unsigned i = 0; i < test_cases(300); i++) {
        bl_buffer body = {0};
        for (uint32_t k = 0, n = below(30); k < n; k++) {
            uint8_t payload[64];
            for (size_t b = 0; b < sizeof payload; b++)
                payload[b] = (uint8_t)(below(3) ? below(4) : below(256));
            const frame_head head = {
                below(sizeof payload), k < 2 ? OP_OPEN : (uint8_t)below(OP_COUNT),
                (uint8_t)below(2),     (uint16_t)below(3),
                (uint32_t)k,           below(2)};
            bl_buffer_append(&body, &head, sizeof head);
            bl_buffer_append(&body, payload, head.bytes);
        }
        size_t bytes = body.bytes - (below(9) == 0 && body.bytes > 0);
        unsigned status = send(NULL, "POST", "/v1/lanes", body.data, bytes, NULL, (int)below(40));
        CHECK(status == 0 || status == (bytes == body.bytes ? 200 : 400));
        bl_buffer_clear(&body);
    }
    CHECK(post("/v1/lanes/00112233445566778899aabbccddeeff", "") == 404);
    CHECK(post("/v1/lanes/0011", "") == 404);
    lanes_host_clear(&hosts_lanes);
    for (int i = 0; i < 20000 && hosts_lanes.n_connections > 0; i++)
        pause_a_little();
    CHECK(hosts_lanes.n_connections == 0 && hosts_lanes.n_stored == 0);
    host.lanes = NULL;
    CHECK(post("/v1/lanes", "") == 404);
}

static void ignore_news(void *object) { (void)object; }

// Kept lanes under whose connection a beam runs are taken over by a request that waits for nothing
// of its own.
static void busy_lanes_can_be_taken_over(void)
{
    static const frame_beam beam = {.n_steps = 1000, .width = 512, .temperature = 1, .seed = 1};
    lanes_host hosts_lanes = {
        .engine = host.engine, .model = tiny.model, .keep_ns = UINT64_MAX / 2};
    const lanes_owner owner = {&hosts_lanes, ignore_news, ignore_news};
    host.lanes = &hosts_lanes;
    lanes *l = lanes_create(&hosts_lanes, &owner, NULL);
    REQUIRE(l);
    uint8_t frame[FRAME_HEAD_BYTES + sizeof beam];
    const frame_head heads[] = {
        {0, OP_KEEP, 0, 0, 1, 0}, {0, OP_OPEN, 0, 0, 2, 0}, {sizeof beam, OP_BEAM, 0, 0, 3, 0}};
    for (size_t i = 0; i < 3; i++) {
        memcpy(frame, &heads[i], sizeof heads[i]);
        memcpy(frame + sizeof heads[i], &beam, heads[i].bytes);
        lanes_receive(&l, frame, sizeof heads[i] + heads[i].bytes);
    }
    size_t bytes;
    char path[80] = "/v1/lanes/";
    lanes_sent(l); // HELLO
    const uint8_t *kept = lanes_next(l, &bytes);
    REQUIRE(kept && bytes >= FRAME_HEAD_BYTES + 16);
    for (size_t i = 0; i < 16; i++)
        snprintf(path + strlen(path), 3, "%02x", kept[FRAME_HEAD_BYTES + i]);
    CHECK(post(path, "") == 200);
    lanes_host_clear(&hosts_lanes);
    for (int i = 0; i < 20000 && hosts_lanes.n_connections > 0; i++)
        pause_a_little();
    CHECK(hosts_lanes.n_connections == 0);
    host.lanes = NULL;
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    tiny = tiny_model_open(argv[1]);
    bl_random_seed(&rng, 1);
    host = (http_host){.model = tiny.model, .n_sessions = &n_sessions, .want_write = want_write};
    REQUIRE(engine_create(&host.engine, tiny.model, bl_cpu_best(), 1, wake, NULL) == BL_OK);
    RUN(random_json_gets_an_answer);
    RUN(damaged_requests_get_an_answer);
    RUN(nothing_may_be_written);
    RUN(noise_gets_an_answer);
    RUN(lengths_of_binary_tensors_are_checked);
    RUN(replies_may_be_closed_at_any_time);
    RUN(busy_hosts_say_so);
    RUN(exchanges_may_be_closed_at_any_time);
    RUN(busy_lanes_can_be_taken_over);
    RUN(sequences_make_room_for_new_ones);
    http_host_clear(&host);
    engine_destroy(&host.engine);
    tiny_model_close(&tiny);
    return test_summary();
}
