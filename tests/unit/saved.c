// SPDX-License-Identifier: MIT
// Kept lanes and sequences in a file, and back. Usage: test-saved MODEL.safetensors
#include "lanes_client.h"

#include "serve/http/sequences.h"
#include "serve/saved.h"

#include <unistd.h>

static http_host http;
static char path[] = "/tmp/bitloom-saved-XXXXXX";

static void send_frame(lanes **l, frame_op op, const void *payload, size_t bytes)
{
    uint8_t frame[FRAME_HEAD_BYTES + 64];
    const frame_head head = {.bytes = (uint32_t)bytes, .op = (uint8_t)op, .sequence = 5};
    memcpy(frame, &head, sizeof head);
    memcpy(frame + sizeof head, payload, bytes);
    lanes_receive(l, frame, sizeof head + bytes);
}

static void park_lanes(lanes *l)
{
    lanes_close(l);
    for (int i = 0; i < 100000 && host.n_connections > 0; i++)
        wait_a_little();
    REQUIRE(host.n_connections == 0);
}

static void clear(void)
{
    lanes_host_clear(&host);
    http_host_clear(&http);
    for (int i = 0; i < 100000 && host.n_connections > 0; i++)
        wait_a_little();
    CHECK(host.n_connections == 0 && host.n_stored == 0 && host.n_parked == 0);
}

typedef struct lanes_kept {
    uint8_t token[TOKEN_BYTES];
    uint64_t name;
} lanes_kept;

// A session with two lanes, masks and a pattern, two names in the store, and a second session.
static lanes_kept keep_some(const char *text)
{
    lanes_kept kept;
    lanes *l = connect_to(3);
    const uint16_t from[2] = {0};
    uint64_t masks[2][4] = {{0}};
    masks[0]['a' / 64] = masks[1]['a' / 64] = UINT64_C(7) << ('a' % 64);
    ask(l, OP_KEEP, 0, NULL, 0, 0);
    memcpy(kept.token, answer, TOKEN_BYTES);
    ask(l, OP_STORE, 0, NULL, 0, 0);
    ask(l, OP_STORE, 0, NULL, 0, 0);
    ask(l, OP_READ, 1, text, strlen(text), 0);
    ask(l, OP_STORE, 0, NULL, 0, 0);
    memcpy(&kept.name, answer, sizeof kept.name);
    ask(l, OP_PERMUTE, 2, from, sizeof from, 0);
    ask(l, OP_MASK, 2, masks, sizeof masks, 0);
    ask(l, OP_PATTERN, 0, "[ab]+c", 6, 0);
    send_frame(&l, OP_OPEN, &(uint32_t){1}, 4); // session 0, in the background
    CHECK(next_frame(l, answer).op == (OP_ANSWER | OP_OPEN));
    park_lanes(l);
    return kept;
}

// What the session answers to requests that take everything it has: parts and answer of a rollout.
static size_t roll(uint8_t *dst, const lanes_kept *kept)
{
    const frame_rollout p = {.n_steps = 30, .temperature = 1, .top_p = 1, .seed = 3};
    size_t bytes = 0;
    lanes *l = greet_nobody();
    (void)next_frame(l, answer);
    send_frame(&l, OP_RESUME, kept->token, TOKEN_BYTES);
    frame_head head = next_frame(l, dst);
    CHECK(head.op == (OP_ANSWER | OP_RESUME) && head.bytes == 8 + 2 * 16);
    bytes += head.bytes;
    memcpy(dst + bytes, exported(l, kept->name), state_bytes);
    bytes += state_bytes;
    send_to(l, OP_ROLLOUT, 5, 0, &p, sizeof p, 0);
    do {
        head = next_frame(l, answer); // its parts are cut where the clock wants it
    } while (head.op != (OP_ANSWER | OP_ROLLOUT));
    memcpy(dst + bytes, answer, head.bytes);
    bytes += head.bytes;
    CHECK(ask(l, OP_STORE, 0, NULL, 0, 0).n_lanes == 2);
    memcpy(dst + bytes, answer, 16);
    park_lanes(l);
    return bytes + 16;
}

static bl_file whole(void)
{
    bl_file file;
    REQUIRE(bl_file_open(&file, path, NULL) == BL_OK);
    return file;
}

static void write_some(lanes_kept kept[2])
{
    kept[0] = keep_some("It was ");
    kept[1] = keep_some("the best");
    sequence *s = sequences_begin(&http, 4, "7");
    memset(s->state, 3, state_bytes);
    REQUIRE(sequences_begin(&http, 0, "\"seven"));
    REQUIRE(saved_write(path, &host, &http, NULL) == BL_OK);
}

static void what_is_saved_comes_back_as_it_was(void)
{
    static uint8_t before[2][4096], after[4096];
    lanes_kept kept[2];
    size_t bytes[2];
    write_some(kept);
    for (int i = 0; i < 2; i++)
        bytes[i] = roll(before[i], &kept[i]);
    clear();
    REQUIRE(saved_read(path, &host, &http, NULL) == BL_OK);
    CHECK(host.n_parked == 2 && host.n_connections == 0 && host.n_stored == 4);
    for (int i = 0; i < 2; i++)
        CHECK(roll(after, &kept[i]) == bytes[i] && memcmp(before[i], after, bytes[i]) == 0);
    const sequence *s = sequences_find(&http, 4, "7");
    CHECK(s && s->state[0] == 3 && sequences_find(&http, 0, "\"seven"));
    clear();
    CHECK(saved_take(path, NULL) == BL_OK && access(path, F_OK) != 0);
    CHECK(saved_read(path, &host, &http, NULL) == BL_OK && host.n_parked == 0); // there is none
}

static void seal(uint8_t *data, size_t bytes)
{
    const uint64_t told = bytes;
    memcpy(data + 48, &told, sizeof told);
    bl_sha256(data + bytes - 32, data, bytes - 32);
}

// Damage of any byte is found by the checksum; what is sealed and wrong, by the reader.
static void damaged_files_are_refused_and_left_alone(void)
{
    lanes_kept kept[2];
    bl_diag diag;
    write_some(kept);
    clear();
    bl_file file = whole();
    size_t bytes = file.bytes;
    uint8_t *copy = malloc(bytes + 8);
    for (size_t i = 0; i < bytes; i += 1 + below(9)) {
        memcpy(copy, file.data, bytes);
        copy[i] ^= (uint8_t)(1u << below(8));
        CHECK(saved_parse(copy, bytes, path, &host, &http, &diag) == BL_ERR_FORMAT);
        CHECK(host.n_parked == 0 && diag.has_offset && diag.message[0]);
    }
    for (size_t n = 0; n < bytes; n += 1 + below(20)) { // with a seal, of any length
        memcpy(copy, file.data, n);
        if (n >= 96)
            seal(copy, n);
        CHECK(saved_parse(copy, n, path, &host, &http, NULL) == BL_ERR_FORMAT);
        clear();
    }
    for (unsigned i = 0; i < test_cases(3000); i++) {
        memcpy(copy, file.data, bytes);
        for (uint32_t k = 1 + below(4); k-- > 0;)
            copy[56 + below((uint32_t)bytes - 88)] = (uint8_t)(below(2) ? below(256) : 255);
        seal(copy, bytes);
        (void)!saved_parse(copy, bytes, path, &host, &http, NULL);
        clear();
    }
    memcpy(copy, file.data, bytes);
    copy[16] ^= 1;
    seal(copy, bytes);
    CHECK(saved_parse(copy, bytes, path, &host, &http, &diag) == BL_ERR_FORMAT);
    CHECK(strstr(diag.message, "another model"));
    CHECK(saved_parse(file.data, bytes, path, &host, &http, NULL) == BL_OK);
    clear();
    bl_file_close(&file);
    free(copy);
}

static void folders_that_cannot_be_written_are_found_at_the_start(void)
{
    bl_diag diag;
    CHECK(saved_check_folder("/nowhere/file", &diag) == BL_ERR_IO && diag.message[0]);
    CHECK(saved_check_folder("/tmp/file", NULL) == BL_OK);
    CHECK(saved_write("/nowhere/file", &host, &http, &diag) == BL_ERR_IO && diag.message[0]);
}

int main(int argc, char **argv)
{
    char taken[sizeof path + 10];
    start(argc, argv);
    host.keep_ns = UINT64_C(600000000000);
    http = (http_host){.engine = under_test, .model = tiny.model, .lanes = &host};
    REQUIRE(close(mkstemp(path)) == 0);
    snprintf(taken, sizeof taken, "%s.taken", path);
    RUN(what_is_saved_comes_back_as_it_was);
    RUN(damaged_files_are_refused_and_left_alone);
    RUN(folders_that_cannot_be_written_are_found_at_the_start);
    unlink(path);
    unlink(taken);
    return finish();
}
