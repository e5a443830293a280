// SPDX-License-Identifier: MIT
#include "../plain_graph.h"

static void aiger_round_trips_in_both_forms(void)
{
    for (uint32_t i = 0; i < 40; i++) {
        bl_graph *g = random_graph(1 + i % 6, i % 5, 3 * i, 1 + i % 7), *back = NULL;
        bl_buffer first = {0}, second = {0};
        bl_diag d = {0};
        bl_graph_set_comment(g, "a comment\nof two lines\n");
        bool is_ascii = i % 2;
        REQUIRE(bl_graph_write_aiger(&first, g, is_ascii) == BL_OK);
        bl_status status = bl_graph_read_aiger(&back, first.data, first.bytes, "t", NULL, &d);
        if (status != BL_OK)
            fprintf(stderr, "%s\n", d.message);
        REQUIRE(status == BL_OK);
        REQUIRE(bl_graph_write_aiger(&second, back, is_ascii) == BL_OK);
        CHECK(first.bytes == second.bytes && memcmp(first.data, second.data, first.bytes) == 0);
        bl_program *p;
        REQUIRE(bl_program_from_graph(&p, back, NULL) == BL_OK);
        expect_same_as_plain(g, p, bl_cpu_best());
        bl_program_destroy(&p);
        bl_graph_destroy(&g);
        bl_graph_destroy(&back);
        bl_buffer_clear(&first);
        bl_buffer_clear(&second);
    }
}

static bl_status read_text(bl_graph **g, const char *text, bl_diag *d)
{
    return bl_graph_read_aiger(g, (const uint8_t *)text, strlen(text), "t.aag", NULL, d);
}

static void aiger_accepts_the_1_9_sections(void)
{
    bl_graph *g = NULL;
    bl_diag d = {0};
    const char *text =
        "aag 7 2 2 1 3 1 1 1 1\n2\n4\n6 8 1\n8 12 8\n14\n10\n3\n2\n10\n13\n7\n"
        "14 12 10\n12 2 4\n10 6 9\ni0 req\nl1 q\no0 ack\nb0 oops\nj0 live\nc\nhello\n";
    bl_status status = read_text(&g, text, &d);
    if (status != BL_OK)
        fprintf(stderr, "%llu:%llu %s\n", (unsigned long long)d.line, (unsigned long long)d.column,
                d.message);
    REQUIRE(status == BL_OK);
    CHECK(g->n_inputs == 2 && g->n_latches == 2 && g->n_ands == 3 && g->n_outputs == 6);
    CHECK(g->latches[0].reset == BL_RESET_ONE && g->latches[1].reset == BL_RESET_UNKNOWN);
    CHECK(g->outputs[3].kind == BL_PORT_JUSTICE && g->outputs[5].kind == BL_PORT_FAIRNESS);
    CHECK(strcmp(bl_graph_name(g, g->inputs[0].name), "req") == 0);
    CHECK(strcmp(bl_graph_name(g, g->latches[1].name), "q") == 0);
    CHECK(strcmp(g->comment, "hello\n") == 0);
    bl_graph_destroy(&g);
}

static void malformed_aiger_gets_a_place_and_a_reason(void)
{
    static const struct {
        const char *text, *reason;
    } cases[] = {
        {"", "not AIGER"},
        {"aag", "not AIGER"},
        {"aag 1 1", "blank and L"},
        {"aag x 0 0 0 0\n", "expected M"},
        {"aag 99999999999 0 0 0 0\n", "above"},
        {"aag 1 1 0 1 0\n2\n", "expected output"},
        {"aag 9 9 0 9 0\n2\n", "the header declares more"},
        {"aag 1 1 0 1 0\n2\n9\n", "above the maximum 3"},
        {"aag 1 1 0 1 0\n3\n2\n", "must be even"},
        {"aag 2 1 0 1 1\n2\n4\n4 4 2\n", "depends on itself"},
        {"aag 2 1 0 1 1\n2\n4\n2 4 2\n", "defined twice"},
        {"aag 3 1 0 1 1\n2\n4\n4 6 2\n", "never defined"},
        {"aag 1 1 0 1 0\n2\n2\nq0 x\n", "expected a symbol"},
        {"aag 1 1 0 1 0\n2\n2\ni7 x\n", "names nothing"},
        {"aag 1 0 1 0 0\n2 2 5\n", "above the maximum"},
        {"aig 2 1 0 1 1\n4\n", "ends within the ANDs"},
        {"aig 2 1 0 1 1\n4\n\x7f\x01", "no earlier literal"},
        {"aig 3 1 0 1 1\n4\n\x01\x01", "I + L + A"},
        {"aig 4000000 4000000000 0 0 0\n", "I + L + A"},
        {"aig 2000000000 2000000000 0 0 0\n", "variables in a file"},
        {"aag 1 1 0 0 0 0 0 1\n2\n4000000000\n", "can hold"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bl_graph *g = NULL;
        bl_diag d = {0};
        bl_status status = read_text(&g, cases[i].text, &d);
        if (status == BL_OK || !strstr(d.message, cases[i].reason))
            fprintf(stderr, "case %zu: \"%s\"\n", i, d.message);
        CHECK(status != BL_OK && g == NULL && strstr(d.message, cases[i].reason));
    }
}

// Truncations and changes of single bytes: an error with a message, or a graph that holds together.
static void damaged_aiger_is_refused_or_read(void)
{
    for (int is_ascii = 0; is_ascii < 2; is_ascii++) {
        bl_graph *source = random_graph(5, 4, 60, 6);
        bl_buffer file = {0};
        REQUIRE(bl_graph_write_aiger(&file, source, is_ascii) == BL_OK);
        for (size_t i = 0; i < 4000; i++) {
            uint8_t *copy = malloc(file.bytes); // of its exact size, for the sanitizers
            size_t bytes = i % 3 ? file.bytes : bl_random_below(&rng, file.bytes);
            bl_graph *g = NULL;
            bl_diag d = {0};
            memcpy(copy, file.data, file.bytes);
            copy[bl_random_below(&rng, file.bytes)] =
                (uint8_t)(i % 2 ? bl_random_next(&rng) : '0' + bl_random_below(&rng, 10));
            if (bl_graph_read_aiger(&g, copy, bytes, "damaged", NULL, &d) == BL_OK) {
                for (uint32_t id = 1; id < g->n_nodes; id++)
                    if (g->fanin0[id] < BL_NODE_LATCH)
                        CHECK(g->fanin0[id] / 2 < id && g->fanin1[id] / 2 < id);
                bl_graph_destroy(&g);
            } else
                CHECK(d.message[0]);
            free(copy);
        }
        bl_buffer_clear(&file);
        bl_graph_destroy(&source);
    }
}

// Every truncation and many single-byte changes of a program file are refused or harmless.
int main(void)
{
    bl_random_seed(&rng, 1);
    RUN(aiger_round_trips_in_both_forms);
    RUN(aiger_accepts_the_1_9_sections);
    RUN(malformed_aiger_gets_a_place_and_a_reason);
    RUN(damaged_aiger_is_refused_or_read);
    return test_summary();
}
