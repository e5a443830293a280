// SPDX-License-Identifier: MIT
// Neurons that come back from plain gates as counts.
#include "../limited_memory.h"
#include "../plain_graph.h"

#include <bitloom/netlist.h>

// How literals are added up, column by column.
typedef enum order { FIRST_IN, LAST_IN, ANY, N_ORDERS } order;

enum { MAX_LITERALS = 700, MAX_COLUMNS = 12 };

typedef struct column {
    bl_lit lits[MAX_LITERALS];
    uint32_t n;
} column;

static bl_lit take(column *c, order how)
{
    uint32_t at = how == LAST_IN ? c->n - 1
                  : how == ANY   ? (uint32_t)bl_random_below(&rng, c->n)
                                 : 0;
    bl_lit x = c->lits[at];
    for (c->n--; at < c->n; at++)
        c->lits[at] = c->lits[at + 1];
    return x;
}

// Carries as a majority of ANDs, or over the sum of two: 7 ANDs for a full adder.
static bl_lit carry_of(bl_graph *g, bl_lit a, bl_lit b, bl_lit c, bool is_majority)
{
    if (is_majority)
        return bl_graph_maj3(g, a, b, c);
    return bl_graph_or(g, bl_graph_and(g, a, b), bl_graph_and(g, bl_graph_xor(g, a, b), c));
}

// The planes of the number of true literals.
static uint32_t build_sum(bl_graph *g, bl_lit *sum, const bl_lit *x, uint32_t n, order how)
{
    static column columns[MAX_COLUMNS];
    memset(columns, 0, sizeof columns);
    for (uint32_t i = 0; i < n; i++)
        columns[0].lits[columns[0].n++] = x[i];
    uint32_t k = 0;
    for (; k < MAX_COLUMNS && columns[k].n > 0; k++) {
        column *c = &columns[k];
        while (c->n > 1) {
            bl_lit a = take(c, how), b = take(c, how), d = c->n > 0 ? take(c, how) : BL_LIT_FALSE;
            bl_lit carry = carry_of(g, a, b, d, how == ANY && bl_random_below(&rng, 2));
            c->lits[c->n++] = bl_graph_xor(g, bl_graph_xor(g, a, b), d);
            columns[k + 1].lits[columns[k + 1].n++] = carry;
        }
        sum[k] = c->lits[0];
    }
    return k;
}

static bl_lit compare(bl_graph *g, const bl_lit *sum, uint32_t n_bits, uint32_t threshold)
{
    bl_lit greater = BL_LIT_FALSE;
    for (uint32_t k = 0; k < n_bits; k++)
        greater = (threshold - 1) >> k & 1 ? bl_graph_and(g, sum[k], greater)
                                           : bl_graph_or(g, sum[k], greater);
    return greater;
}

// `first` literals of all inputs, shuffled, each plain or complemented.
static void pick(bl_lit *x, uint32_t n, const bl_lit *from, uint32_t n_from)
{
    static uint32_t at[4096];
    for (uint32_t i = 0; i < n_from; i++)
        at[i] = i;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t other = i + (uint32_t)bl_random_below(&rng, n_from - i), t = at[i];
        at[i] = at[other];
        at[other] = t;
        x[i] = from[at[i]] ^ (bl_lit)bl_random_below(&rng, 2);
    }
}

static bl_graph *create(void)
{
    bl_graph *g;
    REQUIRE(bl_graph_create(&g, NULL) == BL_OK);
    return g;
}

// One layer; the inputs become the outputs of the next one.
static void add_layer(bl_graph *g, bl_lit *signals, uint32_t *n_signals, uint32_t n_neurons,
                      uint32_t fan_in, order how)
{
    bl_lit x[MAX_LITERALS], sum[MAX_COLUMNS], next[64];
    for (uint32_t i = 0; i < n_neurons; i++) {
        pick(x, fan_in, signals, *n_signals);
        uint32_t n_bits = build_sum(g, sum, x, fan_in, how);
        uint32_t threshold = fan_in / 4 + (uint32_t)bl_random_below(&rng, fan_in / 2 + 1);
        next[i] = compare(g, sum, n_bits, threshold);
    }
    memcpy(signals, next, n_neurons * sizeof *next);
    *n_signals = n_neurons;
}

static bl_netlist *find_counts(const bl_graph *g)
{
    bl_netlist *n;
    REQUIRE(bl_netlist_map(&n, g, &(bl_map_params){.finds_counts = true}, NULL) == BL_OK);
    return n;
}

// Netlist, graph of the netlist and program, on every level of this CPU.
static void expect_same(const bl_graph *g, const bl_netlist *n)
{
    bl_program *p, *expanded;
    bl_graph *back;
    REQUIRE(bl_program_from_netlist(&p, n, NULL) == BL_OK);
    REQUIRE(bl_program_expand(&expanded, p, NULL) == BL_OK);
    REQUIRE(bl_graph_from_netlist(&back, n, NULL) == BL_OK);
    for (int level = 0; level < BL_CPU_COUNT; level++)
        if (bl_cpu_is_supported((bl_cpu)level)) {
            expect_same_as_plain(g, p, (bl_cpu)level);
            expect_same_as_plain(back, p, (bl_cpu)level);
        }
    expect_same_as_plain(g, expanded, BL_CPU_C);
    bl_program_destroy(&p);
    bl_program_destroy(&expanded);
    bl_graph_destroy(&back);
}

static void neurons_come_back_in_whatever_order_they_add(void)
{
    for (uint32_t i = 0; i < 60; i++) {
        bl_graph *g = create();
        bl_lit signals[512];
        uint32_t n_signals = 100 + i, fan_in = 10 + i;
        for (uint32_t k = 0; k < n_signals; k++)
            signals[k] = bl_graph_input(g, NULL);
        add_layer(g, signals, &n_signals, 8, fan_in, (order)(i % N_ORDERS));
        for (uint32_t k = 0; k < n_signals; k++)
            bl_graph_output(g, signals[k] ^ (k & 1), NULL);
        bl_netlist *n = find_counts(g);
        CHECK(n->n_counts == 8 && n->n_literals == 8 * (size_t)fan_in && n->n_luts <= 8 + 4);
        expect_same(g, n);
        bl_netlist_destroy(&n);
        bl_graph_destroy(&g);
    }
}

static void every_threshold_of_a_count_is_found(void)
{
    for (uint32_t threshold = 1; threshold <= 40; threshold++) {
        bl_graph *g = create();
        bl_lit x[40], sum[MAX_COLUMNS];
        for (uint32_t k = 0; k < 40; k++)
            x[k] = bl_graph_input(g, NULL);
        uint32_t n_bits = build_sum(g, sum, x, 40, FIRST_IN);
        bl_graph_output(g, compare(g, sum, n_bits, threshold), NULL);
        bl_netlist *n = find_counts(g);
        if (threshold > 1 && threshold < 40) // one or all of them are chains, and few LUTs too
            CHECK(n->n_counts == 1 && n->n_literals == 40);
        expect_same(g, n);
        bl_netlist_destroy(&n);
        bl_graph_destroy(&g);
    }
}

static void layers_become_counts_of_counts(void)
{
    bl_graph *g = create();
    bl_lit signals[512];
    uint32_t n_signals = 64;
    for (uint32_t k = 0; k < 48; k++)
        signals[k] = bl_graph_input(g, NULL);
    for (uint32_t k = 48; k < 64; k++)
        signals[k] = bl_graph_latch(g, BL_RESET_ZERO, NULL);
    for (int layer = 0; layer < 4; layer++)
        add_layer(g, signals, &n_signals, 32, 24, FIRST_IN);
    for (uint32_t k = 0; k < 16; k++)
        bl_graph_set_next(g, k, signals[k]);
    for (uint32_t k = 16; k < 32; k++)
        bl_graph_output(g, bl_graph_and(g, signals[k], signals[k - 1]), NULL);
    bl_netlist *n = find_counts(g);
    CHECK(n->n_counts >= 4 * 32 * 95 / 100);
    uint32_t n_levels;
    CHECK(bl_netlist_count_levels(&n_levels, n) == BL_OK && n_levels >= 5);
    expect_same(g, n);
    bl_netlist_destroy(&n);
    bl_graph_destroy(&g);
}

static void a_sum_that_is_used_otherwise_stays(void)
{
    bl_graph *g = create();
    bl_lit x[30], sum[MAX_COLUMNS];
    for (uint32_t k = 0; k < 30; k++)
        x[k] = bl_graph_input(g, NULL);
    uint32_t n_bits = build_sum(g, sum, x, 30, FIRST_IN);
    bl_graph_output(g, compare(g, sum, n_bits, 13), NULL);
    for (uint32_t k = 0; k < n_bits; k++)
        bl_graph_output(g, sum[k], NULL);
    bl_netlist *n = find_counts(g);
    CHECK(n->n_counts == 0);
    expect_same(g, n);
    bl_netlist_destroy(&n);
    bl_graph_destroy(&g);
}

// The graph with one fanin changed: complemented, or another node.
static bl_graph *mutate(const bl_graph *g)
{
    bl_graph *m = create();
    bl_lit *image = calloc(g->n_nodes, sizeof *image);
    uint32_t victim = g->n_inputs + 1 + (uint32_t)bl_random_below(&rng, g->n_ands);
    for (uint32_t id = 1; id < g->n_nodes; id++) {
        if (g->fanin0[id] == BL_NODE_INPUT) {
            image[id] = bl_graph_input(m, NULL);
            continue;
        }
        bl_lit a = image[g->fanin0[id] >> 1] ^ (g->fanin0[id] & 1);
        bl_lit b = image[g->fanin1[id] >> 1] ^ (g->fanin1[id] & 1);
        if (id == victim)
            a = bl_random_below(&rng, 2) ? bl_lit_not(a) : image[1 + bl_random_below(&rng, id - 1)];
        image[id] = bl_graph_and(m, a, b);
    }
    for (uint32_t i = 0; i < g->n_outputs; i++)
        bl_graph_output(m, image[g->outputs[i].lit >> 1] ^ (g->outputs[i].lit & 1), NULL);
    free(image);
    return m;
}

// All assignments of up to 16 inputs.
static void expect_same_everywhere(const bl_graph *g, const bl_graph *back)
{
    static const uint64_t low[6] = {0xAAAAAAAAAAAAAAAA, 0xCCCCCCCCCCCCCCCC, 0xF0F0F0F0F0F0F0F0,
                                    0xFF00FF00FF00FF00, 0xFFFF0000FFFF0000, 0xFFFFFFFF00000000};
    plain p = {calloc(g->n_nodes, 8), NULL}, q = {calloc(back->n_nodes, 8), NULL};
    uint64_t in[16], x[4], y[4];
    bool is_same = true;
    for (uint32_t word = 0; word < 1u << (g->n_inputs - 6); word++) {
        for (uint32_t i = 0; i < g->n_inputs; i++)
            in[i] = i < 6 ? low[i] : word >> (i - 6) & 1 ? ~0ull : 0;
        plain_step(&p, g, in, x);
        plain_step(&q, back, in, y);
        is_same &= memcmp(x, y, 8 * g->n_outputs) == 0;
    }
    CHECK(is_same);
    free(p.value);
    free(q.value);
}

static void a_wrong_gate_never_becomes_a_wrong_count(void)
{
    uint32_t n_found = 0, n_changed = 0;
    for (uint32_t i = 0; i < test_cases(400); i++) {
        bl_graph *g = create();
        bl_lit signals[12];
        uint32_t n_signals = 12;
        for (uint32_t k = 0; k < 12; k++)
            signals[k] = bl_graph_input(g, NULL);
        add_layer(g, signals, &n_signals, 2, 12, (order)(i % N_ORDERS));
        for (uint32_t k = 0; k < 2; k++)
            bl_graph_output(g, signals[k], NULL);
        bl_graph *wrong = mutate(g), *back;
        bl_netlist *n = find_counts(wrong);
        REQUIRE(bl_graph_from_netlist(&back, n, NULL) == BL_OK);
        expect_same_everywhere(wrong, back);
        n_found += n->n_counts;
        n_changed += n->n_counts < 2;
        bl_netlist_destroy(&n);
        bl_graph_destroy(&g);
        bl_graph_destroy(&wrong);
        bl_graph_destroy(&back);
    }
    CHECK(n_found >= test_cases(400) && n_changed >= test_cases(200)); // one neuron of two is right
}

static void random_graphs_stay_what_they_are(void)
{
    for (uint32_t i = 0; i < 60; i++) {
        bl_graph *g = random_graph(2 + i % 9, i % 5, 20 * i, 1 + i % 11);
        bl_netlist *n = find_counts(g);
        expect_same(g, n);
        bl_netlist_destroy(&n);
        bl_graph_destroy(&g);
    }
}

static void a_netlist_takes_counts_by_hand(void)
{
    bl_graph *g = create(), *back;
    for (uint32_t i = 0; i < 5; i++)
        bl_graph_input(g, NULL);
    bl_graph_output(g, 0, "many");
    bl_graph_output(g, 0, "always");
    bl_graph_output(g, 0, "never");
    bl_netlist *n;
    REQUIRE(bl_netlist_create(&n, g, 3, NULL) == BL_OK);
    const bl_lit x[6] = {2, 2, 4, 7, 8, 10}; // input 0 counts twice, input 2 complemented
    bl_netlist_set_output(n, 0, 2 * bl_netlist_add_count(n, x, 6, 3));
    bl_netlist_set_output(n, 1, 2 * bl_netlist_add_count(n, x, 6, 0));
    bl_netlist_set_output(n, 2, 2 * bl_netlist_add_count(n, x, 6, 7));
    REQUIRE(n->status == BL_OK && n->n_counts == 3 && n->n_luts == 3);
    REQUIRE(bl_graph_from_netlist(&back, n, NULL) == BL_OK);
    for (uint32_t row = 0; row < 32; row++) {
        uint32_t sum =
            2 * (row & 1) + (row >> 1 & 1) + !(row >> 2 & 1) + (row >> 3 & 1) + (row >> 4);
        uint64_t in[5], out[3], value[128] = {0};
        for (uint32_t i = 0; i < 5; i++)
            in[i] = row >> i & 1;
        REQUIRE(back->n_nodes <= 128);
        plain_step(&(plain){value, NULL}, back, in, out);
        CHECK((out[0] & 1) == (sum >= 3) && (out[1] & 1) == 1 && (out[2] & 1) == 0);
    }
    bl_program *p;
    REQUIRE(bl_program_from_netlist(&p, n, NULL) == BL_OK);
    expect_same_as_plain(back, p, BL_CPU_C);
    bl_buffer text = {0};
    CHECK(bl_netlist_write_blif(&text, n, "counts") == BL_ERR_UNSUPPORTED && text.bytes == 0);
    bl_program_destroy(&p);
    bl_netlist_destroy(&n);
    bl_graph_destroy(&g);
    bl_graph_destroy(&back);
}

static void memory_that_ends_anywhere_is_reported(void)
{
    bl_graph *g = create();
    bl_lit signals[64];
    uint32_t n_signals = 40;
    for (uint32_t k = 0; k < 40; k++)
        signals[k] = bl_graph_input(g, NULL);
    add_layer(g, signals, &n_signals, 3, 20, FIRST_IN);
    for (uint32_t k = 0; k < 3; k++)
        bl_graph_output(g, signals[k], NULL);
    int n_failures = 0;
    for (int limit = 0;; limit++) {
        int left = limit;
        bl_allocator limited = {limited_resize, &left};
        bl_netlist *n = NULL;
        bl_program *p = NULL;
        bl_status status = bl_netlist_map(&n, g, &(bl_map_params){.finds_counts = true}, &limited);
        if (status == BL_OK)
            status = bl_program_from_netlist(&p, n, &limited);
        bl_program_destroy(&p);
        bl_netlist_destroy(&n);
        if (status == BL_OK)
            break;
        CHECK(status == BL_ERR_MEMORY);
        n_failures++;
    }
    CHECK(n_failures > 30);
    bl_graph_destroy(&g);
}

int main(void)
{
    bl_random_seed(&rng, 21);
    RUN(neurons_come_back_in_whatever_order_they_add);
    RUN(every_threshold_of_a_count_is_found);
    RUN(layers_become_counts_of_counts);
    RUN(a_sum_that_is_used_otherwise_stays);
    RUN(a_wrong_gate_never_becomes_a_wrong_count);
    RUN(random_graphs_stay_what_they_are);
    RUN(a_netlist_takes_counts_by_hand);
    RUN(memory_that_ends_anywhere_is_reported);
    return test_summary();
}
