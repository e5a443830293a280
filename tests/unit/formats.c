// SPDX-License-Identifier: MIT
#include "../limited_memory.h"
#include "../plain_graph.h"

#include <bitloom/netlist.h>

typedef bl_status graph_reader(bl_graph **g, const uint8_t *data, size_t bytes, const char *name,
                               const bl_allocator *allocator, bl_diag *diag);
typedef bl_status graph_writer(bl_buffer *out, const bl_graph *g);

static bl_status write_blif(bl_buffer *out, const bl_graph *g)
{
    bl_netlist *n = NULL;
    bl_status status = bl_netlist_map(&n, g, &(bl_map_params){.max_inputs = 6}, out->allocator);
    if (status == BL_OK)
        status = bl_netlist_write_blif(out, n, "top");
    bl_netlist_destroy(&n);
    return status;
}

static bl_status write_plain_blif(bl_buffer *out, const bl_graph *g)
{
    bl_netlist *n = NULL;
    bl_status status = bl_netlist_from_graph(&n, g, out->allocator);
    if (status == BL_OK)
        status = bl_netlist_write_blif(out, n, "top");
    bl_netlist_destroy(&n);
    return status;
}

static bl_status write_aig(bl_buffer *out, const bl_graph *g)
{
    return bl_graph_write_aiger(out, g, false);
}

static bl_status write_aag(bl_buffer *out, const bl_graph *g)
{
    return bl_graph_write_aiger(out, g, true);
}

static const struct {
    const char *name;
    graph_reader *read;
    graph_writer *write;
} formats[] = {{"blif", bl_graph_read_blif, write_blif},
               {"plain blif", bl_graph_read_blif, write_plain_blif},
               {"bench", bl_graph_read_bench, bl_graph_write_bench},
               {"aig", bl_graph_read_aiger, write_aig},
               {"aag", bl_graph_read_aiger, write_aag}};
enum { N_FORMATS = sizeof formats / sizeof *formats };

static bl_reset any_reset(void) { return (bl_reset)bl_random_below(&rng, 3); }
static bl_reset zero_reset(void) { return BL_RESET_ZERO; }

// Every port has a name of its own, or none has one.
static bl_graph *ports_graph(uint32_t n_ands, bool has_names, bl_reset (*reset)(void))
{
    bl_graph *g;
    REQUIRE(bl_graph_create(&g, NULL) == BL_OK);
    char name[32];
    uint32_t n_inputs = (uint32_t)bl_random_below(&rng, 12);
    uint32_t n_latches = (uint32_t)bl_random_below(&rng, 5);
    for (uint32_t i = 0; i < n_inputs; i++) {
        snprintf(name, sizeof name, "in[%u]", i);
        bl_graph_input(g, has_names ? name : NULL);
    }
    for (uint32_t i = 0; i < n_latches; i++) {
        snprintf(name, sizeof name, "_n%u", i); // what writers like to call nodes
        bl_graph_latch(g, reset(), has_names ? name : NULL);
    }
    for (uint32_t i = 0; i < n_ands; i++)
        bl_graph_and(g, (bl_lit)bl_random_below(&rng, 2ull * g->n_nodes),
                     (bl_lit)bl_random_below(&rng, 2ull * g->n_nodes));
    for (uint32_t i = 0; i < n_latches; i++)
        bl_graph_set_next(g, i, (bl_lit)bl_random_below(&rng, 2ull * g->n_nodes));
    for (uint32_t i = 0; i < 6; i++) {
        snprintf(name, sizeof name, "y%u", i);
        bl_graph_output(g, (bl_lit)bl_random_below(&rng, 2ull * g->n_nodes),
                        has_names ? name : NULL);
    }
    REQUIRE(g->status == BL_OK);
    return g;
}

static bool have_same_ports(const bl_graph *a, const bl_graph *b, bool with_names)
{
    bool is_same =
        a->n_inputs == b->n_inputs && a->n_latches == b->n_latches && a->n_outputs == b->n_outputs;
    for (uint32_t i = 0; i < a->n_latches && is_same; i++)
        is_same = a->latches[i].reset == b->latches[i].reset;
    for (uint32_t i = 0; i < a->n_inputs && is_same && with_names; i++)
        is_same = !strcmp(bl_graph_name(a, a->inputs[i].name), bl_graph_name(b, b->inputs[i].name));
    for (uint32_t i = 0; i < a->n_latches && is_same && with_names; i++)
        is_same =
            !strcmp(bl_graph_name(a, a->latches[i].name), bl_graph_name(b, b->latches[i].name));
    for (uint32_t i = 0; i < a->n_outputs && is_same && with_names; i++)
        is_same =
            !strcmp(bl_graph_name(a, a->outputs[i].name), bl_graph_name(b, b->outputs[i].name));
    return is_same;
}

// Three steps of 64 random lanes.
static bool compute_the_same(const bl_graph *a, const bl_graph *b)
{
    const bl_graph *g[2] = {a, b};
    plain p[2];
    uint64_t *in = calloc(a->n_inputs + 1, 8), *out[2], differences = 0;
    for (int k = 0; k < 2; k++) {
        p[k] = (plain){calloc(g[k]->n_nodes, 8), calloc(g[k]->n_latches + 1, 8)};
        out[k] = calloc(g[k]->n_outputs + 1, 8);
        for (uint32_t i = 0; i < g[k]->n_latches; i++)
            p[k].state[i] = g[k]->latches[i].reset == BL_RESET_ONE ? ~0ull : 0;
    }
    uint64_t *next = calloc(a->n_latches + 1, 8);
    for (int step = 0; step < 3; step++) {
        for (uint32_t i = 0; i < a->n_inputs; i++)
            in[i] = bl_random_next(&rng);
        for (int k = 0; k < 2; k++)
            plain_step(&p[k], g[k], in, out[k]);
        for (uint32_t i = 0; i < a->n_outputs; i++)
            differences |= out[0][i] ^ out[1][i];
        for (uint32_t i = 0; i < a->n_latches; i++)
            differences |= p[0].state[i] ^ p[1].state[i];
    }
    for (int k = 0; k < 2; k++) {
        free(p[k].value);
        free(p[k].state);
        free(out[k]);
    }
    free(in);
    free(next);
    return differences == 0;
}

static void round_trip(const bl_graph *g, size_t format, bool has_names)
{
    bl_buffer file = {0};
    bl_graph *back = NULL;
    bl_diag d = {0};
    REQUIRE(formats[format].write(&file, g) == BL_OK);
    bl_status status = formats[format].read(&back, file.data, file.bytes, "t", NULL, &d);
    if (status != BL_OK)
        fprintf(stderr, "%s: %llu: %s\n", formats[format].name, (unsigned long long)d.line,
                d.message);
    REQUIRE(status == BL_OK);
    CHECK(have_same_ports(g, back, has_names));
    CHECK(compute_the_same(g, back));
    bl_graph_destroy(&back);
    bl_buffer_clear(&file);
}

static void graphs_come_back_from_every_format(void)
{
    for (uint32_t n = 0; n < 150; n++)
        for (size_t f = 0; f < N_FORMATS; f++) {
            bl_graph *g = ports_graph(n, n % 3 > 0, f == 2 ? zero_reset : any_reset);
            round_trip(g, f, n % 3 > 0);
            bl_graph_destroy(&g);
        }
}

static void names_that_cannot_be_written_are_replaced(void)
{
    static const char *const odd[] = {"a b", "#", "_i0",  "__i1", "x\\",
                                      "a",   "a", "f(x)", "a=b",  ""};
    enum { N = sizeof odd / sizeof *odd };
    for (size_t f = 0; f < 3; f++) {
        bl_graph *g;
        REQUIRE(bl_graph_create(&g, NULL) == BL_OK);
        bl_lit all = BL_LIT_TRUE;
        for (int i = 0; i < N; i++)
            all = bl_graph_and(g, all, bl_graph_input(g, odd[i]) ^ (bl_lit)(i & 1));
        for (int i = 0; i < N; i++)
            bl_graph_output(g, all ^ (bl_lit)(i & 1), odd[i]);
        round_trip(g, f, false);
        bl_graph_destroy(&g);
    }
}

static void bench_knows_no_reset_but_zero(void)
{
    bl_graph *g;
    bl_buffer out = {0};
    REQUIRE(bl_graph_create(&g, NULL) == BL_OK);
    bl_graph_latch(g, BL_RESET_ONE, "q");
    CHECK(bl_graph_write_bench(&out, g) == BL_ERR_UNSUPPORTED);
    bl_graph_destroy(&g);
    bl_buffer_clear(&out);
}

// ------------------------------------------------------------------------------- by hand

// The outputs of a combinational text for all rows of up to six inputs, output o in table[o].
static void read_tables(uint64_t *table, graph_reader *read, const char *text, uint32_t n_inputs,
                        uint32_t n_outputs)
{
    static const uint64_t rows[6] = {0xAAAAAAAAAAAAAAAA, 0xCCCCCCCCCCCCCCCC, 0xF0F0F0F0F0F0F0F0,
                                     0xFF00FF00FF00FF00, 0xFFFF0000FFFF0000, 0xFFFFFFFF00000000};
    bl_graph *g = NULL;
    bl_diag d = {0};
    bl_status status = read(&g, (const uint8_t *)text, strlen(text), "t", NULL, &d);
    if (status != BL_OK)
        fprintf(stderr, "%llu: %s\n%s\n", (unsigned long long)d.line, d.message, text);
    REQUIRE(status == BL_OK && g->n_inputs == n_inputs && g->n_outputs == n_outputs);
    plain p = {calloc(g->n_nodes, 8), calloc(g->n_latches + 1, 8)};
    plain_step(&p, g, rows, table);
    uint64_t mask = n_inputs == 6 ? ~0ull : (1ull << (1u << n_inputs)) - 1;
    for (uint32_t i = 0; i < n_outputs; i++)
        table[i] &= mask;
    free(p.value);
    free(p.state);
    bl_graph_destroy(&g);
}

typedef struct claim {
    const char *text;
    uint32_t n_inputs, n_outputs;
    uint64_t table[3]; // input 0 is the lowest bit of a row's number
} claim;

static void check_claims(const claim *claims, size_t n, graph_reader *read)
{
    for (size_t i = 0; i < n; i++) {
        uint64_t table[3];
        read_tables(table, read, claims[i].text, claims[i].n_inputs, claims[i].n_outputs);
        for (uint32_t o = 0; o < claims[i].n_outputs; o++)
            if (table[o] != claims[i].table[o]) {
                fprintf(stderr, "output %u is %llx in\n%s\n", o, (unsigned long long)table[o],
                        claims[i].text);
                CHECK(table[o] == claims[i].table[o]);
            }
    }
}

static void blif_means_what_it_says(void)
{
    static const claim claims[] = {
        // constants: no line is false, one is true
        {".model m\n.outputs f t z\n.names f\n.names t\n1\n.names z\n0\n.end\n", 0, 3, {0, 1, 0}},
        {".model m\n.inputs a b c\n.outputs y\n.names a b c y\n1-0 1\n011 1\n.end\n", 3, 1, {0x4A}},
        // a cover of zeros, and one of no line
        {".model m\n.inputs a b\n.outputs y z\n.names a b y\n11 0\n.names a b z\n.end",
         2,
         2,
         {7, 0}},
        // lines that go on, in the ports, the names and the cover; a comment in each place
        {".model m # one\n.inputs a \\\n b # two\n# three\n.outputs \\\ny\n.names a\\  \n b y # "
         "four\n# five\n\\\n11 \\\n 1 # six\n\n  # seven\n00 1\n# eight\n.end # nine\n",
         2,
         1,
         {9}},
        // carriage returns, tabs, no end
        {".model m\r\n.inputs\ta b\r\n.outputs y\r\n\r\n.names a b y\r\n1-\t1\r\n-1  1 \r\n",
         2,
         1,
         {14}},
        // used before it is driven, an output that is an input, an input nobody reads
        {".model m\n.inputs a b\n.outputs y a\n.names w y\n0 1\n.names a w\n0 1\n.end\n",
         2,
         2,
         {0xA, 0xA}},
        // names that look like other things
        {".model m\n.inputs a=b .names2 0\n.outputs 1\n.names a=b .names2 0 1\n111 1\n.end",
         3,
         1,
         {0x80}},
        {"\n\n# no model yet\n.model m\n.inputs a\n.input b\n.outputs y\n.output z\n.clock "
         "c\n.area 3\n"
         ".names a b y\n11 1\n.names b z\n1 1\n.exdc\n.names a z\n1 1\n.end\n",
         2,
         2,
         {8, 12}},
    };
    check_claims(claims, sizeof claims / sizeof *claims, bl_graph_read_blif);
}

static void blif_models_may_hold_each_other(void)
{
    // a full adder of two half adders; the models come behind and before the first
    static const claim claims[] = {
        {".model full\n.inputs a b c\n.outputs sum carry\n"
         ".subckt half x=a y=b s=t c=c1\n.subckt half y=c s=sum x=t c=c2\n.subckt or2 p=c1 q=c2 "
         "r=carry\n.end\n"
         ".model or2\n.inputs p q\n.outputs r\n.subckt nor2 a=p b=q y=t\n.names t r\n0 1\n.end\n"
         ".model half\n.inputs x y\n.outputs s c\n.names x y s\n10 1\n01 1\n.names x y c\n11 "
         "1\n.end\n"
         ".model nor2\n.inputs a b\n.outputs y\n.names a b y\n00 1\n",
         3,
         2,
         {0x96, 0xE8}},
        // an output left open, and a part whose inside has the names of the outside
        {".model m\n.inputs a b\n.outputs y\n.subckt two \\\n p=a q=b r=y\n.end\n.model two\n"
         ".inputs p q\n.outputs r s\n.names p q y\n11 1\n.names y r\n0 1\n.names y s\n1 1\n.end\n",
         2,
         1,
         {7}},
    };
    check_claims(claims, sizeof claims / sizeof *claims, bl_graph_read_blif);
}

static void blif_latches_have_all_forms(void)
{
    const char *text = ".model m\n.inputs a\n.outputs p\n.latch a p\n.latch p q 0\n.latch q r 1\n"
                       ".latch r s 2\n.latch s t 3\n.latch t u re clk\n.latch u v fe clk 1\n.end\n";
    static const bl_reset resets[] = {BL_RESET_UNKNOWN, BL_RESET_ZERO,    BL_RESET_ONE,
                                      BL_RESET_UNKNOWN, BL_RESET_UNKNOWN, BL_RESET_UNKNOWN,
                                      BL_RESET_ONE};
    bl_graph *g = NULL;
    REQUIRE(bl_graph_read_blif(&g, (const uint8_t *)text, strlen(text), "t", NULL, NULL) == BL_OK);
    REQUIRE(g->n_latches == 7);
    for (uint32_t i = 0; i < 7; i++) {
        CHECK(g->latches[i].reset == resets[i]);
        CHECK(bl_graph_name(g, g->latches[i].name)[0] == "pqrstuv"[i]);
        CHECK(g->latches[i].next == 2 * (i == 0 ? g->inputs[0].node : g->latches[i - 1].node));
    }
    bl_graph_destroy(&g);
}

static void bench_means_what_it_says(void)
{
    static const claim claims[] = {
        {"INPUT(a)\nINPUT(b)\nOUTPUT(x)\nOUTPUT(y)\nOUTPUT(z)\nx = AND(a, b)\ny = NOR(a, b)\nz = "
         "XOR(a, b)\n",
         2,
         3,
         {8, 1, 6}},
        {"input(a)\ninput ( b )\noutput(x)\r\nOutput(y)\nOUTPUT(z)\nx=nand(a,b) # c\ny = or "
         "(a,b)\nz "
         "= xnor(a\n,\nb)",
         2,
         3,
         {7, 14, 9}},
        {"OUTPUT(x)\nOUTPUT(y)\nOUTPUT(z)\nINPUT(a)\nx = NOT(n)\nn = BUFF(a)\ny = INV(x)\nz = "
         "buf(y)",
         1,
         3,
         {1, 2, 2}},
        {"INPUT(a)\nINPUT(b)\nINPUT(c)\nOUTPUT(x)\nOUTPUT(y)\nOUTPUT(z)\nx = LUT 0xe8 (a, b, c)\n"
         "y = LUT 0xCA (a, b, c)\nz = MUX(a, b, c)\n",
         3,
         3,
         {0xE8, 0xCA, 0xD8}},
        {"INPUT(a)\nOUTPUT(x)\nOUTPUT(y)\nOUTPUT(z)\nx = vdd\ny = gnd\nz = AND(a, x, one)\none = "
         "VDD\n",
         1,
         3,
         {3, 0, 2}},
        {"INPUT(a)\nINPUT(b)\nINPUT(c)\nINPUT(d)\nINPUT(e)\nINPUT(f)\nOUTPUT(x)\nOUTPUT(y)\nx = "
         "LUT "
         "0x123456789abcdef0 (a, b, c, d, e, f)\ny = XOR(a, b, c, d, e, f)\n",
         6,
         2,
         {0x123456789abcdef0, 0x6996966996696996}},
        {"", 0, 0, {0}},
    };
    check_claims(claims, sizeof claims / sizeof *claims, bl_graph_read_bench);
}

static void bench_latches_begin_as_zero(void)
{
    const char *text = "OUTPUT(q)\nq = DFF(n)\nn = NOT(q)\n";
    bl_graph *g = NULL;
    REQUIRE(bl_graph_read_bench(&g, (const uint8_t *)text, strlen(text), "t", NULL, NULL) == BL_OK);
    CHECK(g->n_latches == 1 && g->latches[0].reset == BL_RESET_ZERO);
    CHECK(g->latches[0].next == (g->outputs[0].lit ^ 1));
    CHECK(strcmp(bl_graph_name(g, g->latches[0].name), "q") == 0);
    bl_graph_destroy(&g);
}

static void long_names_are_kept(void)
{
    enum { N = 5000 };
    char *name = malloc(N + 1), *text = malloc(8 * N);
    memset(name, 'n', N);
    name[N] = 0;
    for (int f = 0; f < 2; f++) {
        if (f == 0)
            sprintf(text, ".model m\n.inputs %s\n.outputs %s\n.end\n", name, name);
        else
            sprintf(text, "INPUT(%s)\nOUTPUT(%s)\n", name, name);
        bl_graph *g = NULL;
        graph_reader *read = f == 0 ? bl_graph_read_blif : bl_graph_read_bench;
        REQUIRE(read(&g, (const uint8_t *)text, strlen(text), "t", NULL, NULL) == BL_OK);
        CHECK(strcmp(bl_graph_name(g, g->inputs[0].name), name) == 0);
        CHECK(strcmp(bl_graph_name(g, g->outputs[0].name), name) == 0);
        bl_graph_destroy(&g);
    }
    free(name);
    free(text);
}

// ------------------------------------------------------------------------------- refusals

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
    bl_random_seed(&rng, 44);
    RUN(graphs_come_back_from_every_format);
    RUN(names_that_cannot_be_written_are_replaced);
    RUN(bench_knows_no_reset_but_zero);
    RUN(blif_means_what_it_says);
    RUN(blif_models_may_hold_each_other);
    RUN(blif_latches_have_all_forms);
    RUN(bench_means_what_it_says);
    RUN(bench_latches_begin_as_zero);
    RUN(long_names_are_kept);
    RUN(malformed_blif_gets_a_line_and_a_reason);
    RUN(malformed_bench_gets_a_line_and_a_reason);
    RUN(damaged_files_are_refused_or_read);
    RUN(files_of_words_at_random_are_refused_or_read);
    RUN(parts_within_parts_have_a_limit);
    RUN(large_files_take_linear_time);
    RUN(failing_allocations_are_reported);
    return test_summary();
}
