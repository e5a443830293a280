// SPDX-License-Identifier: MIT
#include "../graph_formats.h"

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
    return test_summary();
}
