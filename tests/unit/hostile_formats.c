// SPDX-License-Identifier: MIT
#include "../graph_formats.h"
#include "../limited_memory.h"

typedef struct refusal {
    const char *text;
    uint64_t line;
    const char *message;
} refusal;

static void check_refusals(const refusal *refusals, size_t n, graph_reader *read)
{
    for (size_t i = 0; i < n; i++) {
        const char *text = refusals[i].text;
        bl_graph *g = NULL;
        bl_diag d = {0};
        bl_status status = read(&g, (const uint8_t *)text, strlen(text), "t", NULL, &d);
        bool is_good = status != BL_OK && !g && d.line == refusals[i].line
                       && strstr(d.message, refusals[i].message);
        if (!is_good)
            fprintf(stderr, "line %llu, \"%s\" instead of line %llu, \"%s\" for\n%s\n",
                    (unsigned long long)d.line, d.message, (unsigned long long)refusals[i].line,
                    refusals[i].message, text);
        CHECK(is_good);
        bl_graph_destroy(&g);
    }
}

#define HEAD ".model m\n.inputs a b\n.outputs y\n"

static void malformed_blif_gets_a_line_and_a_reason(void)
{
    static const refusal refusals[] = {
        {"", 1, "not BLIF: expected .model NAME"},
        {".inputs a\n", 1, "not BLIF: expected .model NAME"},
        {HEAD ".names a b y\n1 1\n", 5, "expected 2 columns of 0, 1 or - and a value, 0 or 1"},
        {HEAD ".names a b y\n12 1\n", 5, "expected 2 columns"},
        {HEAD ".names a b y\n11 2\n", 5, "expected 2 columns"},
        {HEAD ".names a b y # here\n\n# there\n11 1 # and\n1 1 # here\n", 8, "expected 2 columns"},
        {HEAD ".names a b y\n11 1\n00 0\n", 6, "either ones or zeros, not both"},
        {HEAD ".names y\n11\n", 5, "expected 0 columns"},
        {HEAD ".names\n", 4, "expected .names INPUTS OUTPUT"},
        {HEAD ".latch a\n", 4, "expected .latch INPUT OUTPUT [TYPE CONTROL] [INIT]"},
        {HEAD ".latch a y re c 0 0\n", 4, "expected .latch"},
        {HEAD ".latch a y 4\n", 4, "initial value \"4\"; expected 0, 1, 2 or 3"},
        {HEAD ".latch a y re c 01 # x\n", 4, "initial value \"01\""},
        {HEAD ".subckt\n", 4, "expected .subckt MODEL FORMAL=ACTUAL"},
        {HEAD ".subckt p x=a\n", 4, "no model \"p\" in this file"},
        {HEAD ".subckt m x=y\n", 4, "more than 100 models within each other"},
        {HEAD ".subckt p x\n.model p\n", 4, "\"x\": expected FORMAL=ACTUAL"},
        {HEAD ".subckt p x=a x=b\n.model p\n", 4, "\"x\" is connected twice"},
        {HEAD ".end\n.model p\n.end\n.model p\n", 7, "model \"p\" stands here and in line 5"},
        {HEAD ".gate and2 a=a b=b o=y\n", 4, ".gate needs a library of gates"},
        {HEAD ".mlatch d a=a b=b o=y\n", 4, ".mlatch needs a library of gates"},
        {HEAD ".what\n", 4, "unknown statement \".what\""},
        {HEAD "11 1\n", 4, "unknown statement \"11\""},
        {HEAD ".names a y\n1 1\n.names b y\n1 1\n", 6, "\"y\" is driven twice, first in line 4"},
        {HEAD ".latch a b 0\n", 4, "\"b\" is driven twice, first in line 2"},
        {".model m\n.inputs a a\n", 2, "\"a\" is driven twice, first in line 2"},
        {HEAD ".end\n", 3, "\"y\" is used, but nothing drives it"},
        {HEAD ".names a w y\n11 1\n", 4, "\"w\" is used, but nothing drives it"},
        {HEAD ".names a w y\n11 1\n.names y w\n1 1\n", 4, "\"y\" depends on itself"},
        {HEAD ".names y y\n1 1\n", 4, "\"y\" depends on itself"},
        // in a part, with the part's line
        {HEAD ".subckt p x=a z=y\n.end\n.model p\n.inputs x\n.outputs z\n.names x q z\n11 1\n", 9,
         "\"q\" is used, but nothing drives it"},
    };
    check_refusals(refusals, sizeof refusals / sizeof *refusals, bl_graph_read_blif);
}

static void malformed_bench_gets_a_line_and_a_reason(void)
{
    static const refusal refusals[] = {
        {"INPUT a\n", 1, "expected '='"},
        {"INPUT(a\nOUTPUT(b)", 2, "expected ')'"},
        {"INPUT()\n", 1, "expected a name"},
        {"= AND(a)\n", 1, "expected a name"},
        {"a =", 1, "expected a name"},
        {"a = FOO(b)", 1, "unknown gate \"FOO\""},
        {"a = AND b", 1, "expected '('"},
        {"INPUT(b)\n\na = AND(b b)", 3, "expected ','"},
        {"a = AND()", 1, "expected a name"},
        {"INPUT(b)\na = NOT(b, b)", 2, "NOT with 2 operands; expected 1"},
        {"INPUT(b)\na = MUX(b, b)", 2, "MUX with 2 operands; expected 3"},
        {"INPUT(b)\na = DFF(b, b)", 2, "a DFF has one operand"},
        {"a = LUT 12 (b)", 1, "expected a table of at most 16 digits, 0x..."},
        {"a = LUT 0x (b)", 1, "expected a table"},
        {"a = LUT 0x12345678123456780 (b)", 1, "expected a table"},
        {"a = LUT 0xfg (b)", 1, "expected a table"},
        {"a = LUT 0xff (b, c, d, e, f, g, h)", 1, "a LUT of more than 6 inputs"},
        {"INPUT(a)\na = vdd\n", 2, "\"a\" is driven twice, first in line 1"},
        {"INPUT(a)\nOUTPUT(y)\n", 2, "\"y\" is used, but nothing drives it"},
        {"OUTPUT(y)\ny = AND(y, y)\n", 2, "\"y\" depends on itself"},
        {"OUTPUT(y)\ny = NOT(z)\nz = NOT(y)\n", 2, "\"y\" depends on itself"},
    };
    check_refusals(refusals, sizeof refusals / sizeof *refusals, bl_graph_read_bench);
}

// --------------------------------------------------------------------------------- damage

// One of: bits flipped, the end cut off, a piece of the file once more behind itself.
static size_t damage(uint8_t *copy, const bl_buffer *file)
{
    size_t n = file->bytes, at = (size_t)bl_random_below(&rng, n);
    memcpy(copy, file->data, n);
    switch (bl_random_below(&rng, 4)) {
    case 0: return at;
    case 1: {
        size_t length = (size_t)bl_random_below(&rng, n - at + 1);
        memmove(copy + at + length, copy + at, n - at);
        return n + length;
    }
    default:
        for (uint64_t k = 1 + bl_random_below(&rng, 4); k > 0; k--)
            copy[bl_random_below(&rng, n)] ^= (uint8_t)(1u << bl_random_below(&rng, 8));
        return n;
    }
}

static void damaged_files_are_refused_or_read(void)
{
    uint32_t n_refused = 0, n_read = 0;
    for (uint32_t n = 0; n < 400; n++)
        for (size_t f = 0; f < N_FORMATS; f++) {
            bl_graph *g = ports_graph(n % 40, n % 2, f == 2 ? zero_reset : any_reset);
            bl_buffer file = {0};
            REQUIRE(formats[f].write(&file, g) == BL_OK);
            bl_graph_destroy(&g);
            uint8_t *copy = malloc(2 * file.bytes + 1);
            size_t bytes = damage(copy, &file);
            uint8_t *exact = malloc(bytes ? bytes : 1); // so that reading behind the end shows
            memcpy(exact, copy, bytes);
            bl_diag d = {0};
            if (formats[f].read(&g, exact, bytes, "damaged", NULL, &d) == BL_OK) {
                CHECK(g->status == BL_OK);
                n_read++;
            } else {
                CHECK(d.message[0] != 0);
                n_refused++;
            }
            bl_graph_destroy(&g);
            free(exact);
            free(copy);
            bl_buffer_clear(&file);
        }
    CHECK(n_refused > 500 && n_read > 50);
}

static void files_of_words_at_random_are_refused_or_read(void)
{
    static const char *const words[2][16] = {{".model", ".inputs", ".outputs", ".names", ".latch",
                                              ".subckt", ".end", "\n", "\n", "\n", "\\\n", "a",
                                              "b=a", "11", "1", "# x\n"},
                                             {"INPUT", "OUTPUT", "AND", "LUT", "0x8", "DFF", "MUX",
                                              "(", "(", ")", ")", ",", "=", "a", "b", "#"}};
    for (uint32_t n = 0; n < 4000; n++) {
        char text[512] = "";
        strcpy(text, n % 2 ? "" : ".model a\n");
        for (uint64_t k = bl_random_below(&rng, 40); k > 0; k--) {
            strcat(text, words[n % 2][bl_random_below(&rng, 16)]);
            strcat(text, " ");
        }
        bl_graph *g = NULL;
        bl_diag d = {0};
        graph_reader *read = n % 2 ? bl_graph_read_bench : bl_graph_read_blif;
        if (read(&g, (const uint8_t *)text, strlen(text), "t", NULL, &d) != BL_OK)
            CHECK(d.message[0] != 0);
        bl_graph_destroy(&g);
    }
}

static void parts_within_parts_have_a_limit(void)
{
    bl_buffer text = {0};
    for (int i = 0; i < 40; i++) // each holds the next twice: 2^39 of the last
        bl_buffer_print(&text, ".model m%d\n.subckt m%d\n.subckt m%d\n.end\n", i, i + 1, i + 1);
    bl_buffer_print(&text, ".model m40\n.end\n");
    bl_graph *g = NULL;
    bl_diag d = {0};
    CHECK(bl_graph_read_blif(&g, text.data, text.bytes, "t", NULL, &d) == BL_ERR_LIMIT);
    bl_buffer_clear(&text);
}

// Any of these took minutes if it took the square of its size.
static void large_files_take_linear_time(void)
{
    enum { N = 200000 };
    bl_buffer text = {0};
    bl_graph *g = NULL;
    bl_buffer_print(&text, ".model m\n.inputs a b\n.outputs y\n.names");
    for (uint32_t i = 0; i < N; i++)
        bl_buffer_print(&text, " %c", i % 2 ? 'a' : 'b');
    bl_buffer_print(&text, " y\n"); // a wide table, blanks, and comments that are looked at once
    for (uint32_t i = 0; i < N; i++)
        bl_buffer_print(&text, "     # %u\n", i);
    bl_buffer_print(&text, ".end\n");
    REQUIRE(bl_graph_read_blif(&g, text.data, text.bytes, "t", NULL, NULL) == BL_OK);
    bl_graph_destroy(&g);
    bl_buffer_clear(&text);

    bl_buffer_print(&text, "INPUT(a)\n"); // one wire with many readers, a deep chain, many ports
    for (uint32_t i = 0; i < N; i++)
        bl_buffer_print(&text, "OUTPUT(n%u)\nn%u = AND(a, n%u)\n", i, i, i + 1);
    bl_buffer_print(&text, "n%u = NOT(a)\n", N);
    REQUIRE(bl_graph_read_bench(&g, text.data, text.bytes, "t", NULL, NULL) == BL_OK);
    CHECK(g->n_outputs == N);
    bl_graph_destroy(&g);
    bl_buffer_clear(&text);

    bl_buffer_print(&text, "aag 0 0 0 0 0 %u 0 %u\n", N, N); // a symbol for each port
    for (uint32_t i = 0; i < N; i++)
        bl_buffer_print(&text, "0\n");
    for (uint32_t i = 0; i < N; i++)
        bl_buffer_print(&text, "1\n");
    for (uint32_t i = 0; i < N; i++)
        bl_buffer_print(&text, "1\n");
    for (uint32_t i = 0; i < N; i++)
        bl_buffer_print(&text, "b%u bad%u\nj%u justice%u\n", i, i, i, i);
    REQUIRE(bl_graph_read_aiger(&g, text.data, text.bytes, "t", NULL, NULL) == BL_OK);
    CHECK(strcmp(bl_graph_name(g, g->outputs[N - 1].name), "bad199999") == 0);
    CHECK(strcmp(bl_graph_name(g, g->outputs[2 * N - 1].name), "justice199999") == 0);
    bl_buffer again = {0};
    REQUIRE(bl_graph_write_aiger(&again, g, true) == BL_OK);
    CHECK(again.bytes == text.bytes);
    bl_graph_destroy(&g);
    bl_buffer_clear(&again);
    bl_buffer_clear(&text);
}

static void failing_allocations_are_reported(void)
{
    bl_graph *source = ports_graph(60, true, zero_reset);
    for (size_t f = 0; f < N_FORMATS; f++) {
        bl_buffer file = {0};
        REQUIRE(formats[f].write(&file, source) == BL_OK);
        bool is_done = false;
        for (int n = 0; n < 3000 && !is_done; n++) {
            int left = n;
            bl_allocator limited = {limited_resize, &left};
            bl_graph *g = NULL;
            bl_diag d = {0};
            bl_status status = formats[f].read(&g, file.data, file.bytes, "t", &limited, &d);
            CHECK(status == BL_OK || (status == BL_ERR_MEMORY && !g && d.message[0]));
            is_done = status == BL_OK;
            left = 1 << 30;
            bl_graph_destroy(&g);
        }
        CHECK(is_done);
        is_done = f > 2; // AIGER takes the allocator of the graph
        for (int n = 0; n < 3000 && !is_done; n++) {
            int left = n;
            bl_allocator limited = {limited_resize, &left};
            bl_buffer out = {.allocator = &limited};
            bl_status status = formats[f].write(&out, source);
            CHECK(status == BL_OK || status == BL_ERR_MEMORY);
            is_done = status == BL_OK;
            left = 1 << 30;
            bl_buffer_clear(&out);
        }
        CHECK(is_done);
        bl_buffer_clear(&file);
    }
    bl_graph_destroy(&source);
}

int main(void)
{
    bl_random_seed(&rng, 45);
    RUN(malformed_blif_gets_a_line_and_a_reason);
    RUN(malformed_bench_gets_a_line_and_a_reason);
    RUN(damaged_files_are_refused_or_read);
    RUN(files_of_words_at_random_are_refused_or_read);
    RUN(parts_within_parts_have_a_limit);
    RUN(large_files_take_linear_time);
    RUN(failing_allocations_are_reported);
    return test_summary();
}
