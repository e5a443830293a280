// SPDX-License-Identifier: MIT
// Patterns against a matcher that tries everything, gates against the automaton's table.
#include "../limited_memory.h"
#include "../test.h"

#include <bitloom/pattern.h>

static bl_random rng;

static uint32_t below(uint32_t n) { return (uint32_t)bl_random_below(&rng, n); }

static bl_pattern *parse(const char *text)
{
    bl_pattern *p = NULL;
    bl_diag diag = {0};
    bl_status status = bl_pattern_parse(&p, text, strlen(text), "pattern", NULL, &diag);
    if (status != BL_OK)
        fprintf(stderr, "%s: %s\n", text, diag.message);
    REQUIRE(status == BL_OK);
    return p;
}

static uint32_t state_after(const bl_pattern *p, const char *text)
{
    uint32_t s = BL_PATTERN_START;
    for (; *text; text++)
        s = bl_pattern_next(p, s, (uint8_t)*text);
    return s;
}

// ------------------------------------------------------------- random patterns and what they mean

typedef struct sketch { // SET: letters as bits; others: children
    enum { SET, SEQUENCE, CHOICE, REPEAT } kind;
    uint32_t letters, a, b, at_least, at_most;
} sketch;

enum { N_LETTERS = 3, MAX_TEXT = 6, N_SKETCHES = 64 };
static sketch sketches[N_SKETCHES];
static uint32_t n_sketches;

static uint32_t any_sketch(int depth)
{
    uint32_t me = n_sketches++;
    sketch s = {.kind = depth == 0 || n_sketches > N_SKETCHES - 8 ? SET : below(4)};
    if (s.kind == SET)
        s.letters = 1 + below((1 << N_LETTERS) - 1);
    else {
        s.a = any_sketch(depth - 1);
        s.b = s.kind == REPEAT ? 0 : any_sketch(depth - 1);
        s.at_least = below(3);
        s.at_most = below(3) == 0 ? 99 : s.at_least + below(3);
    }
    sketches[me] = s;
    return me;
}

static void print_sketch(bl_buffer *out, uint32_t i)
{
    const sketch *s = &sketches[i];
    if (s->kind == SET) {
        bl_buffer_print(out, "[");
        for (int c = 0; c < N_LETTERS; c++)
            if (s->letters >> c & 1)
                bl_buffer_print(out, "%c", 'a' + c);
        bl_buffer_print(out, "]");
        return;
    }
    bl_buffer_print(out, "(");
    print_sketch(out, s->a);
    if (s->kind == REPEAT) {
        bl_buffer_print(out, s->at_most == 99 ? "){%u,}" : "){%u,%u}", s->at_least, s->at_most);
        return;
    }
    bl_buffer_print(out, s->kind == CHOICE ? "|" : "");
    print_sketch(out, s->b);
    bl_buffer_print(out, ")");
}

// From each place of the text in `places`, where a match may end.
static uint32_t ends(uint32_t i, uint32_t places, const char *text)
{
    const sketch *s = &sketches[i];
    uint32_t result = 0;
    switch (s->kind) {
    case SET:
        for (int k = 0; text[k]; k++)
            if (places >> k & 1 && s->letters >> (text[k] - 'a') & 1)
                result |= 2u << k;
        return result;
    case SEQUENCE: return ends(s->b, ends(s->a, places, text), text);
    case CHOICE: return ends(s->a, places, text) | ends(s->b, places, text);
    case REPEAT:
        for (uint32_t n = 0; n <= s->at_most && n < 40; n++) {
            result |= n >= s->at_least ? places : 0;
            places = ends(s->a, places, text);
        }
    }
    return result;
}

static bool every_state_leads_to_an_end(const bl_pattern *p)
{
    bl_pattern_info info;
    bl_pattern_get_info(&info, p);
    uint8_t *leads = calloc(info.n_states + 1, 1);
    bool is_changed = true, all = true;
    for (uint32_t s = 1; s <= info.n_states; s++)
        leads[s] = bl_pattern_is_complete(p, s);
    while (is_changed) {
        is_changed = false;
        for (uint32_t s = 1; s <= info.n_states; s++)
            for (int b = 0; b < 256 && !leads[s]; b++)
                if (leads[bl_pattern_next(p, s, (uint8_t)b)])
                    leads[s] = is_changed = true;
    }
    for (uint32_t s = 1; s <= info.n_states; s++)
        all &= leads[s];
    free(leads);
    return all;
}

static void patterns_mean_what_a_plain_matcher_finds(void)
{
    int n_matches = 0, n_misses = 0;
    for (unsigned i = 0; i < test_cases(400); i++) {
        bl_buffer text = {0};
        n_sketches = 0;
        uint32_t root = any_sketch(4);
        print_sketch(&text, root);
        bl_buffer_append(&text, "", 1);
        bl_pattern *p = parse((const char *)text.data);
        bool same = true;
        for (int n = 0; n < 729; n++) { // all texts of a, b, c with 0 to 6 letters
            char word[MAX_TEXT + 1] = "";
            int length = n < 1 ? 0 : 1 + n % MAX_TEXT;
            for (int k = 0, rest = n; k < length; k++, rest /= 3)
                word[k] = (char)('a' + rest % 3);
            bool expected = ends(root, 1, word) >> length & 1;
            same &= bl_pattern_is_complete(p, state_after(p, word)) == expected;
            n_matches += expected;
            n_misses += !expected;
        }
        if (!same)
            fprintf(stderr, "%s\n", (const char *)text.data);
        CHECK(same);
        CHECK(every_state_leads_to_an_end(p));
        bl_pattern_destroy(&p);
        bl_buffer_clear(&text);
    }
    CHECK(n_matches > 1000 && n_misses > 1000);
}

// --------------------------------------------------------------------------------- by hand

static void syntax_by_example(void)
{
    static const struct {
        const char *pattern, *matches, *does_not;
    } cases[] = {
        {"", "", "a"},
        {"abc", "abc", "ab"},
        {"^a$", "a", "b"},
        {"a|", "", "b"},
        {".*", "any sign\t but", "a\nb"},
        {"\\d{2,3}-\\d+", "123-4", "1-4"},
        {"[^a-c]+", "xyz", "xbz"},
        {"[]x]", "]", "["},
        {"[a\\]-]+", "]a-", "b"},
        {"\\w+\\s\\W", "a_9 -", "a-9 -"},
        {"\\x41\\.\\(", "A.(", "A.)"},
        {"(?:ab){2}", "abab", "ab"},
        {"(a*)*b", "aab", "aa"},
        {"(\xc3\xa4|\xc3\xb6)+", "\xc3\xb6\xc3\xa4", "\xc3"},
        {"a{0}", "", "a"},
        {"((){1000}){1000}", "", "a"},
        {"[\\d.]+", "3.14", "x"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bl_pattern *p = parse(cases[i].pattern);
        CHECK(bl_pattern_is_complete(p, state_after(p, cases[i].matches)));
        CHECK(!bl_pattern_is_complete(p, state_after(p, cases[i].does_not)));
        bl_pattern_destroy(&p);
    }
}

static void mistakes_are_named(void)
{
    static const struct {
        const char *pattern;
        uint32_t column;
    } cases[] = {{"a(b", 2},    {"a)", 2},        {"[a", 1},      {"*a", 1},   {"a**", 3},
                 {"a{3,2}", 6}, {"a{x}", 3},      {"a{2001}", 7}, {"\\q", 2},  {"a\\", 3},
                 {"(?=a)", 3},  {"[b-a]", 5},     {"a^b", 2},     {"\\x4", 3}, {"\\1", 2},
                 {"a$b", 2},    {"[\xc3\xa4]", 2}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bl_pattern *p = NULL;
        bl_diag diag = {0};
        bl_status status =
            bl_pattern_parse(&p, cases[i].pattern, strlen(cases[i].pattern), "p", NULL, &diag);
        CHECK(status == BL_ERR_FORMAT && !p && diag.message[0]);
        if (diag.column != cases[i].column)
            fprintf(stderr, "%s: column %d: %s\n", cases[i].pattern, (int)diag.column,
                    diag.message);
        CHECK(diag.column == cases[i].column);
        bl_pattern_destroy(&p);
    }
    bl_pattern *p = NULL;
    CHECK(bl_pattern_parse(&p, "[^\\s\\S]", 7, "p", NULL, NULL) == BL_ERR_FORMAT); // nothing fits
    CHECK(bl_pattern_parse(&p, "(a|b)*a(a|b){20}", 16, "p", NULL, NULL) == BL_ERR_LIMIT);
    CHECK(bl_pattern_parse(&p, "((a{1000}){1000}){1000}", 23, "p", NULL, NULL) == BL_ERR_LIMIT);
    bl_buffer empty = {0}; // thousands of empty groups, a million times
    bl_buffer_print(&empty, "((a|");
    for (int i = 0; i < 5000; i++)
        bl_buffer_print(&empty, "()");
    bl_buffer_print(&empty, "){0,1000}){0,1000}");
    CHECK(bl_pattern_parse(&p, (const char *)empty.data, empty.bytes, "p", NULL, NULL)
          == BL_ERR_LIMIT);
    bl_buffer_clear(&empty);
}

static void noise_is_refused_or_read(void)
{
    static const char signs[] = "ab()[]{}*+?|\\^$.-,0129dwsxn\n";
    for (unsigned i = 0; i < test_cases(20000); i++) {
        char text[16];
        size_t n = below(sizeof text);
        for (size_t k = 0; k < n; k++)
            text[k] = below(20) ? signs[below(sizeof signs - 1)] : (char)below(256);
        bl_pattern *p = NULL;
        bl_status status = bl_pattern_parse(&p, text, n, "p", NULL, NULL);
        CHECK((status == BL_OK) == (p != NULL));
        CHECK(status != BL_OK || bl_pattern_check(text, n, "p", NULL, NULL) == BL_OK);
        bl_pattern_destroy(&p);
    }
}

static void automata_are_small(void)
{
    static const struct {
        const char *pattern;
        uint32_t n_states;
    } cases[] = {{".*", 1}, {"abc", 4}, {"(a|b|c)+", 2}, {"(aa|ab|ba|bb)*", 2}, {"a{100}", 101}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bl_pattern *p = parse(cases[i].pattern);
        bl_pattern_info info;
        bl_pattern_get_info(&info, p);
        CHECK(info.n_states == cases[i].n_states);
        bl_pattern_destroy(&p);
    }
}

static void words_and_nothing_else(void)
{
    static const char *const words[] = {"the", "ship", "ships", "don't", "Paris"};
    static const char *const good[] = {"", "The ships", "  don't, the: ship!\n", "Paris"};
    static const char *const bad[] = {"Thes", "paris",         "shipthe", "dont",
                                      "'the", "the 1984 ship", "the7ship"};
    bl_pattern *p = NULL;
    bl_diag diag = {0};
    REQUIRE(bl_pattern_from_words(&p, words, 5, NULL, &diag) == BL_OK);
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        CHECK(bl_pattern_is_complete(p, state_after(p, good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CHECK(!bl_pattern_is_complete(p, state_after(p, bad[i])));
    CHECK(state_after(p, "The sh") != BL_PATTERN_DEAD);
    bl_pattern_destroy(&p);
    CHECK(bl_pattern_from_words(&p, (const char *const[]){"a b"}, 1, NULL, &diag) == BL_ERR_FORMAT);
    CHECK(strstr(diag.message, "a b") != NULL);
    CHECK(bl_pattern_from_words(&p, words, 0, NULL, NULL) == BL_ERR_FORMAT);
}

// --------------------------------------------------------------------------------- as gates

static void gates_do_what_the_table_says(void)
{
    static const char *const patterns[] = {".*",
                                           "(ab|c)*d?",
                                           "[a-z]+( [a-z]+)*[.!?]",
                                           "\\d{3}-\\d{2,4}|x[0-9a-f]*",
                                           "(\"[^\"]*\"|[^\"])*",
                                           "a{300}",
                                           "(a|b)*a(a|b){7}"};
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++)
        for (bl_cpu cpu = 0; cpu < BL_CPU_COUNT; cpu++) {
            bl_constraint *c;
            uint32_t states[BL_LANES], expected[BL_LANES];
            static uint64_t allowed[BL_LANES][4];
            uint8_t bytes[BL_LANES], complete[BL_LANES];
            if (!bl_cpu_is_supported(cpu))
                continue;
            bl_pattern *p = parse(patterns[i]);
            REQUIRE(i % 2 == 0 || bl_pattern_prepare(p) == BL_OK);
            REQUIRE(bl_constraint_create(&c, p, cpu, NULL) == BL_OK);
            for (size_t k = 0; k < BL_LANES; k++)
                states[k] = expected[k] = BL_PATTERN_START;
            bool same = true;
            for (int t = 0; t < 40; t++) {
                size_t n = 1 + below(BL_LANES);
                bl_constraint_allowed(allowed, complete, c, states, n);
                for (size_t k = 0; k < n; k++) {
                    same &= complete[k] == bl_pattern_is_complete(p, states[k]);
                    for (uint32_t b = 0; b < 256; b++) {
                        uint32_t next = bl_pattern_next(p, states[k], (uint8_t)b);
                        same &= (allowed[k][b / 64] >> (b % 64) & 1) == (next != BL_PATTERN_DEAD);
                    }
                    bytes[k] = (uint8_t)below(256);
                    for (int tries = 0; tries < 2000 && t % 8 != 7; tries++) // mostly allowed ones
                        if (bl_pattern_next(p, states[k], bytes[k]) == BL_PATTERN_DEAD)
                            bytes[k] = (uint8_t)below(256);
                    expected[k] = bl_pattern_next(p, states[k], bytes[k]);
                }
                bl_constraint_step(c, states, bytes, n);
                same &= memcmp(states, expected, n * sizeof *states) == 0;
                for (size_t k = 0; k < n; k++)
                    if (states[k] == BL_PATTERN_DEAD)
                        states[k] = expected[k] = BL_PATTERN_START;
            }
            CHECK(same);
            bl_constraint_destroy(&c);
            bl_pattern_destroy(&p);
        }
}

static void failing_allocations_are_reported(void)
{
    bool is_done = false;
    for (int limit = 0; !is_done; limit++) {
        int left = limit;
        bl_allocator limited = {limited_resize, &left};
        bl_pattern *p = NULL;
        bl_constraint *c = NULL;
        bl_status status = bl_pattern_parse(&p, "(ab|c)*d?", 9, "p", &limited, NULL);
        CHECK(status == BL_OK || (status == BL_ERR_MEMORY && !p));
        if (status == BL_OK && limit % 2)
            status = bl_pattern_prepare(p);
        if (status == BL_OK) {
            status = bl_constraint_create(&c, p, bl_cpu_best(), &limited);
            CHECK(status == BL_OK || (status == BL_ERR_MEMORY && !c));
        }
        is_done = status == BL_OK;
        left = 1 << 30;
        bl_constraint_destroy(&c);
        bl_pattern_destroy(&p);
        REQUIRE(limit < 10000);
    }
}

int main(void)
{
    bl_random_seed(&rng, 3);
    RUN(patterns_mean_what_a_plain_matcher_finds);
    RUN(syntax_by_example);
    RUN(mistakes_are_named);
    RUN(noise_is_refused_or_read);
    RUN(automata_are_small);
    RUN(words_and_nothing_else);
    RUN(gates_do_what_the_table_says);
    RUN(failing_allocations_are_reported);
    return test_summary();
}
