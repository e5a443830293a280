// SPDX-License-Identifier: MIT
#include "base/options.h"
#include "../limited_memory.h"
#include "../test.h"

#include <bitloom/base.h>
#include <stdatomic.h>

static void diagnostics_name_the_place(void)
{
    bl_diag d = {0};
    char text[600];
    CHECK(bl_diag_set(&d, BL_ERR_FORMAT, "a.aig", 17, 4, "literal %d", 912) == BL_ERR_FORMAT);
    bl_diag_format(text, sizeof text, &d);
    CHECK(strcmp(text, "a.aig:17:4: literal 912") == 0);
    bl_diag_set_offset(&d, BL_ERR_IO, "b", 9, "x");
    bl_diag_format(text, sizeof text, &d);
    CHECK(strcmp(text, "b: byte 9: x") == 0);
    bl_diag_set(&d, BL_ERR_IO, NULL, 0, 0, "x");
    bl_diag_format(text, sizeof text, &d);
    CHECK(strcmp(text, "x") == 0);
    CHECK(bl_diag_set(NULL, BL_ERR_LIMIT, "b", 0, 0, "x") == BL_ERR_LIMIT);
}

static void utf8_sequences_are_told_from_others(void)
{
    const struct {
        const char *text;
        size_t sequence, whole; // of the whole text
    } cases[] = {{"a", 1, 1},
                 {"\xC3\xA9", 2, 2},
                 {"\xE2\x82\xAC", 3, 3},
                 {"\xF0\x9F\x98\x80", 4, 4},
                 {"\xC3", 0, 0},
                 {"\xE2\x82", 0, 0},
                 {"\xF0\x9F\x98", 0, 0},
                 {"\xE0\x80", 0, 2},
                 {"\xED\xA0", 0, 2},
                 {"\xF4\x90", 0, 2},
                 {"\xC1", 0, 1},
                 {"\xFF", 0, 1},
                 {"\x80\x80\x80\x80", 0, 4},
                 {"ab\xE2\x82", 1, 2},
                 {"\xE2\x82\xAC\xF0", 3, 3}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const uint8_t *text = (const uint8_t *)cases[i].text;
        size_t n = strlen(cases[i].text);
        CHECK(bl_utf8_sequence(text, n) == cases[i].sequence);
        CHECK(bl_utf8_whole(text, n) == cases[i].whole);
    }
    CHECK(bl_utf8_whole(NULL, 0) == 0);
}

static void json_escapes_and_repairs_text(void)
{
    bl_buffer out = {0};
    bl_json j;
    bl_json_begin(&j, &out, false);
    bl_json_object(&j, NULL);
    bl_json_text(&j, "a", "q\"\\\n\x01");
    bl_json_bytes(&j, "b", "\xC3\xA9\xC3\xFF\xED\xA0\x80", 7);
    bl_json_array(&j, "c");
    bl_json_real(&j, NULL, 0.1);
    bl_json_int(&j, NULL, -7);
    bl_json_bool(&j, NULL, true);
    bl_json_null(&j, NULL);
    bl_json_end(&j);
    bl_json_base64(&j, "d", "abcd", 4);
    bl_json_end(&j);
    CHECK(out.status == BL_OK);
    CHECK(strcmp((char *)out.data,
                 "{\"a\":\"q\\\"\\\\\\n\\u0001\",\"b\":\"\xC3\xA9\xEF\xBF\xBD\xEF\xBF"
                 "\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\",\"c\":[0.1,-7,true,null],"
                 "\"d\":\"YWJjZA==\"}")
          == 0);
    bl_buffer_clear(&out);
}

static void base64_round_trips_and_rejects(void)
{
    bl_random r;
    bl_random_seed(&r, 1);
    for (size_t n = 0; n < 70; n++) {
        uint8_t in[70], back[72];
        char text[97];
        size_t m = 0;
        for (size_t i = 0; i < n; i++)
            in[i] = (uint8_t)bl_random_next(&r);
        bl_base64_encode(text, in, n);
        CHECK(bl_base64_decode(back, &m, text, strlen(text)));
        CHECK(m == n && memcmp(in, back, n) == 0);
    }
    uint8_t dst[16];
    size_t m;
    CHECK(!bl_base64_decode(dst, &m, "YW!j", 4));
    CHECK(!bl_base64_decode(dst, &m, "YWJ", 3));
    CHECK(!bl_base64_decode(dst, &m, "Y=Jj", 4));
    CHECK(!bl_base64_decode(dst, &m, "YWI=YWJj", 8));
}

static void buffers_grow_and_failure_sticks(void)
{
    bl_buffer b = {0};
    for (int i = 0; i < 1000; i++)
        bl_buffer_print(&b, "%d,", i);
    CHECK(b.status == BL_OK && b.bytes == 3890 && b.data[b.bytes] == 0);
    bl_buffer_clear(&b);
    int left = 1;
    bl_allocator a = {limited_resize, &left};
    bl_buffer c = {.allocator = &a};
    for (int i = 0; i < 1000; i++)
        bl_buffer_append(&c, "0123456789", 10);
    CHECK(c.status == BL_ERR_MEMORY && c.bytes < 1000);
    bl_buffer_clear(&c);
}

static void random_numbers_are_the_published_ones(void)
{
    bl_random r = {{1, 2, 3, 4}}; // reference outputs of xoshiro256** for this state
    CHECK(bl_random_next(&r) == 11520);
    CHECK(bl_random_next(&r) == 0);
    CHECK(bl_random_next(&r) == 1509978240);
    bl_random_seed(&r, 7);
    for (int i = 0; i < 1000; i++)
        CHECK(bl_random_below(&r, 10) < 10);
}

static atomic_int sum;
static void add_index(void *context, size_t i)
{
    (void)context;
    atomic_fetch_add(&sum, (int)i);
}

static void a_pool_does_every_task_once(void)
{
    bl_pool *pool;
    REQUIRE(bl_pool_create(&pool, 4, NULL) == BL_OK);
    for (int round = 0; round < 200; round++) {
        atomic_store(&sum, 0);
        bl_pool_for(pool, 100, add_index, NULL);
        CHECK(atomic_load(&sum) == 4950);
    }
    bl_pool_destroy(&pool);
    atomic_store(&sum, 0);
    bl_pool_for(NULL, 10, add_index, NULL);
    CHECK(atomic_load(&sum) == 45);
}

static void files_are_written_whole_and_read_back(void)
{
    char path[] = "/tmp/bitloom-test-XXXXXX";
    bl_diag d = {0};
    bl_file f;
    int fd = mkstemp(path);
    REQUIRE(fd >= 0);
    CHECK(bl_file_write(path, "hello", 5, &d) == BL_OK);
    REQUIRE(bl_file_open(&f, path, &d) == BL_OK);
    CHECK(f.bytes == 5 && memcmp(f.data, "hello", 5) == 0);
    bl_file_close(&f);
    CHECK(bl_file_write(path, "", 0, &d) == BL_OK);
    REQUIRE(bl_file_open(&f, path, &d) == BL_OK);
    CHECK(f.bytes == 0);
    bl_file_close(&f);
    remove(path);
    CHECK(bl_file_open(&f, path, &d) == BL_ERR_IO);
    CHECK(bl_file_open(&f, "/tmp", &d) == BL_ERR_IO);
    CHECK(bl_file_write("/nowhere/x", "", 0, &d) == BL_ERR_IO);
}

static void sha256_of_abc(void)
{
    uint8_t digest[BL_SHA256_BYTES];
    char hex[65];
    bl_sha256(digest, "abc", 3);
    bl_hex(hex, digest, sizeof digest);
    CHECK(strcmp(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad") == 0);
}

typedef struct settings {
    bool is_loud;
    int64_t n;
    double x;
    const char *name;
} settings;
static const settings defaults = {.n = 3, .x = 0.5};
static const bl_option options[] = {
    {"loud", 'l', BL_OPTION_FLAG, offsetof(settings, is_loud), NULL, 0, 0, ""},
    {"number", 'n', BL_OPTION_INT, offsetof(settings, n), "N", 1, 9, ""},
    {"factor", 0, BL_OPTION_REAL, offsetof(settings, x), "X", 0, 1, ""},
    {"name", 0, BL_OPTION_TEXT, offsetof(settings, name), "TEXT", 0, 0, ""},
};
static const bl_verb verb = {.name = "v",
                             .operands = "FILE",
                             .options = options,
                             .n_options = 4,
                             .min_operands = 1,
                             .max_operands = 2,
                             .settings_bytes = sizeof(settings),
                             .defaults = &defaults};

static bl_status parse(bl_command *c, settings *s, bl_diag *d, int n, const char **words)
{
    return bl_options_parse(c, s, &verb, n, (char **)(uintptr_t)words, d);
}

static void options_are_read_in_any_order(void)
{
    bl_command c;
    settings s;
    bl_diag d;
    const char *words[] = {"in", "-l", "--number=4", "--name", "x", "--", "-out"};
    REQUIRE(parse(&c, &s, &d, 7, words) == BL_OK);
    CHECK(s.is_loud && s.n == 4 && s.x > 0.4 && strcmp(s.name, "x") == 0);
    CHECK(c.n_operands == 2 && strcmp(c.operands[1], "-out") == 0);
}

static void wrong_options_get_a_way_out(void)
{
    static const struct {
        const char *words[3];
        int n;
        const char *expected;
    } cases[] = {
        {{"in", "--nubmer", "3"}, 3, "unknown option --nubmer; did you mean --number?"},
        {{"in", "--number", "30"}, 3, "--number 30: expected 1 to 9"},
        {{"in", "--number", "3x"}, 3, "--number 3x: expected an integer"},
        {{"in", "--factor", "nan"}, 3, "--factor nan: expected 0 to 1"},
        {{"in", "--number"}, 2, "--number: expected a value, N"},
        {{"in", "--loud=1"}, 2, "--loud takes no value"},
        {{"a", "b", "c"}, 3, "unexpected \"c\"; expected: bitloom v FILE"},
        {{"--quiet"}, 1, "expected: bitloom v FILE"},
        {{"in", "--cpu", "z80"}, 3, "CPU level \"z80\"; expected c, avx2, avx512 or neon"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bl_command c;
        settings s;
        bl_diag d = {0};
        CHECK(parse(&c, &s, &d, cases[i].n, (const char **)(uintptr_t)cases[i].words) != BL_OK);
        if (strcmp(d.message, cases[i].expected) != 0)
            fprintf(stderr, "got \"%s\"\n", d.message);
        CHECK(strcmp(d.message, cases[i].expected) == 0);
    }
}

int main(void)
{
    RUN(diagnostics_name_the_place);
    RUN(utf8_sequences_are_told_from_others);
    RUN(json_escapes_and_repairs_text);
    RUN(base64_round_trips_and_rejects);
    RUN(buffers_grow_and_failure_sticks);
    RUN(random_numbers_are_the_published_ones);
    RUN(a_pool_does_every_task_once);
    RUN(files_are_written_whole_and_read_back);
    RUN(sha256_of_abc);
    RUN(options_are_read_in_any_order);
    RUN(wrong_options_get_a_way_out);
    return test_summary();
}
