// SPDX-License-Identifier: MIT
#include "../limited_memory.h"
#include "../test.h"

#include <bitloom/prove.h>

static bl_random rng;

static bl_graph *new_graph(void)
{
    bl_graph *g;
    REQUIRE(bl_graph_create(&g, NULL) == BL_OK);
    return g;
}

static bl_lit random_lit(const bl_graph *g)
{
    return (bl_lit)bl_random_below(&rng, 2ull * g->n_nodes);
}

static bl_graph *random_graph(uint32_t n_inputs, uint32_t n_ands, uint32_t n_outputs)
{
    bl_graph *g = new_graph();
    for (uint32_t i = 0; i < n_inputs; i++)
        bl_graph_input(g, NULL);
    for (uint32_t i = 0; i < n_ands; i++)
        bl_graph_and(g, random_lit(g), random_lit(g));
    for (uint32_t i = 0; i < n_outputs; i++)
        bl_graph_output(g, random_lit(g), NULL);
    REQUIRE(g->status == BL_OK);
    return g;
}

static bl_lit mapped(const bl_lit *lit, bl_lit l) { return lit[l >> 1] ^ (l & 1); }

// a & b in one of several ways that hashing does not see through.
static bl_lit disguised_and(bl_graph *g, bl_lit a, bl_lit b)
{
    switch (bl_random_below(&rng, 4)) {
    case 0:
        return bl_graph_and(g, a, b ^ 1) == 0 ? a
                                              : bl_graph_and(g, a, bl_graph_and(g, a, b ^ 1) ^ 1);
    case 1: return bl_graph_and(g, b, bl_graph_xor(g, a, b) ^ 1);
    case 2: return bl_graph_xor(g, a, bl_graph_and(g, a, b ^ 1));
    default: return bl_graph_and(g, a, b);
    }
}

// Builds g again in `to`; input i is inputs[i]. AND number `mutated` is negated.
static void rebuild(bl_lit *lit, bl_graph *to, const bl_graph *g, const bl_lit *inputs,
                    bool is_disguised, uint32_t mutated)
{
    lit[0] = 0;
    for (uint32_t id = 1; id < g->n_nodes; id++) {
        if (g->fanin0[id] == BL_NODE_INPUT) {
            lit[id] = inputs[g->fanin1[id]];
            continue;
        }
        bl_lit a = mapped(lit, g->fanin0[id]), b = mapped(lit, g->fanin1[id]);
        lit[id] = is_disguised ? disguised_and(to, a, b) : bl_graph_and(to, a, b);
        lit[id] ^= id == mutated;
    }
}

static bl_graph *copy_of(const bl_graph *g, bool is_disguised, uint32_t mutated)
{
    bl_graph *to = new_graph();
    bl_lit *inputs = calloc(g->n_inputs + 1, sizeof *inputs);
    bl_lit *lit = calloc(g->n_nodes, sizeof *lit);
    for (uint32_t i = 0; i < g->n_inputs; i++)
        inputs[i] = bl_graph_input(to, NULL);
    rebuild(lit, to, g, inputs, is_disguised, mutated);
    for (uint32_t i = 0; i < g->n_outputs; i++)
        bl_graph_output(to, mapped(lit, g->outputs[i].lit), NULL);
    REQUIRE(to->status == BL_OK);
    free(inputs);
    free(lit);
    return to;
}

// ------------------------------------------------------------------------ plain evaluation

typedef struct plain {
    const bl_graph *g;
    uint64_t *value, *state;
} plain;

static plain plain_begin(const bl_graph *g)
{
    plain p = {g, calloc(g->n_nodes, 8), calloc(g->n_latches + 1, 8)};
    for (uint32_t i = 0; i < g->n_latches; i++)
        p.state[i] = g->latches[i].reset == BL_RESET_ONE ? ~0ull : 0;
    return p;
}

static void plain_end(plain *p)
{
    free(p->value);
    free(p->state);
}

static uint64_t plain_lit(const plain *p, bl_lit l)
{
    return p->value[l >> 1] ^ (l & 1 ? ~0ull : 0);
}

static void plain_step(plain *p, const uint64_t *in)
{
    const bl_graph *g = p->g;
    for (uint32_t id = 1; id < g->n_nodes; id++)
        p->value[id] = g->fanin0[id] == BL_NODE_INPUT ? in[g->fanin1[id]]
                       : g->fanin0[id] == BL_NODE_LATCH
                           ? p->state[g->fanin1[id]]
                           : plain_lit(p, g->fanin0[id]) & plain_lit(p, g->fanin1[id]);
    for (uint32_t i = 0; i < g->n_latches; i++)
        p->state[i] = plain_lit(p, g->latches[i].next);
}

static uint64_t plain_output(const plain *p, uint32_t i)
{
    return plain_lit(p, p->g->outputs[i].lit);
}

// All rows of all outputs, 6 to 12 inputs, no latches.
static bool is_same_truth(const bl_graph *a, const bl_graph *b)
{
    static const uint64_t rows[] = {0xAAAAAAAAAAAAAAAA, 0xCCCCCCCCCCCCCCCC, 0xF0F0F0F0F0F0F0F0,
                                    0xFF00FF00FF00FF00, 0xFFFF0000FFFF0000, 0xFFFFFFFF00000000};
    plain x = plain_begin(a), y = plain_begin(b);
    uint64_t in[12];
    bool is_same = true;
    for (uint64_t k = 0; k < 1ull << (a->n_inputs - 6); k++) {
        for (uint32_t i = 0; i < a->n_inputs; i++)
            in[i] = i < 6 ? rows[i] : 0 - (k >> (i - 6) & 1);
        plain_step(&x, in);
        plain_step(&y, in);
        for (uint32_t i = 0; i < a->n_outputs; i++)
            is_same &= plain_output(&x, i) == plain_output(&y, i);
    }
    plain_end(&x);
    plain_end(&y);
    return is_same;
}

// Ports by position.
static bool is_replayed(const bl_proof *p, const bl_graph *a, const bl_graph *b)
{
    plain x = plain_begin(a), y = plain_begin(b);
    uint64_t *in = calloc(a->n_inputs + 1, 8);
    for (uint32_t i = 0; i < a->n_latches; i++)
        x.state[i] = p->first_a[i];
    for (uint32_t i = 0; i < b->n_latches; i++)
        y.state[i] = p->first_b[i];
    for (uint32_t f = 0; f < p->n_frames; f++) {
        for (uint32_t i = 0; i < a->n_inputs; i++)
            in[i] = p->inputs[f * a->n_inputs + i];
        plain_step(&x, in);
        plain_step(&y, in);
    }
    bool differs = ((plain_output(&x, p->output_a) ^ plain_output(&y, p->output_b)) & 1) != 0;
    plain_end(&x);
    plain_end(&y);
    free(in);
    return differs;
}

// The verdict; a counterexample must hold.
static bl_verdict verdict_of(const bl_graph *a, const bl_graph *b, const bl_prove_params *params)
{
    bl_proof *proof;
    REQUIRE(bl_prove_equivalent(&proof, a, b, params, NULL, NULL) == BL_OK);
    bl_verdict verdict = proof->verdict;
    if (verdict == BL_VERDICT_DIFFERENT)
        CHECK(is_replayed(proof, a, b));
    bl_proof_destroy(&proof);
    return verdict;
}

// --------------------------------------------------------------------------- combinational

static void disguised_copies_are_equal(void)
{
    for (int round = 0; round < 150; round++) {
        uint32_t n_inputs = 6 + (uint32_t)bl_random_below(&rng, 5);
        bl_graph *a = random_graph(n_inputs, 20 + (uint32_t)bl_random_below(&rng, 200), 7);
        bl_graph *b = copy_of(a, true, 0);
        REQUIRE(is_same_truth(a, b));
        CHECK(verdict_of(a, b, NULL) == BL_VERDICT_EQUAL);
        bl_graph_destroy(&a);
        bl_graph_destroy(&b);
    }
}

static void mutations_are_told_apart_exactly(void)
{
    int n_different = 0;
    for (int round = 0; round < 300; round++) {
        uint32_t n_inputs = 6 + (uint32_t)bl_random_below(&rng, 5);
        bl_graph *a = random_graph(n_inputs, 20 + (uint32_t)bl_random_below(&rng, 150), 4);
        uint32_t mutated = n_inputs + 1 + (uint32_t)bl_random_below(&rng, a->n_ands);
        bl_graph *b = copy_of(a, round % 2, mutated);
        bl_verdict expected = is_same_truth(a, b) ? BL_VERDICT_EQUAL : BL_VERDICT_DIFFERENT;
        n_different += expected == BL_VERDICT_DIFFERENT;
        CHECK(verdict_of(a, b, NULL) == expected);
        bl_graph_destroy(&a);
        bl_graph_destroy(&b);
    }
    CHECK(n_different > 50);
}

// One row of 2^24 differs: no random pattern finds it.
static void a_needle_is_found(void)
{
    enum { WIDTH = 24 };
    bl_graph *a = new_graph(), *b = new_graph();
    for (int k = 0; k < 2; k++) {
        bl_graph *g = k ? b : a;
        bl_lit all = BL_LIT_TRUE, some = BL_LIT_FALSE;
        for (int i = 0; i < WIDTH; i++) {
            bl_lit x = bl_graph_input(g, NULL);
            all = bl_graph_and(g, all, x ^ (0xA53C96u >> i & 1));
            some = bl_graph_xor(g, some, x);
        }
        bl_graph_output(g, k ? bl_graph_xor(g, some, all) : some, "parity");
    }
    CHECK(verdict_of(a, b, NULL)
          == (bl_prove_has_solver() ? BL_VERDICT_DIFFERENT : BL_VERDICT_UNDECIDED));
    bl_graph_destroy(&a);
    bl_graph_destroy(&b);
}

// The product of two numbers, row by row; with is_swapped of y and x instead.
static bl_graph *multiplier(uint32_t width, bool is_swapped)
{
    bl_graph *g = new_graph();
    bl_lit x[32], y[32], sum[64] = {0};
    for (uint32_t i = 0; i < width; i++)
        x[i] = bl_graph_input(g, NULL);
    for (uint32_t i = 0; i < width; i++)
        y[i] = bl_graph_input(g, NULL);
    const bl_lit *p = is_swapped ? y : x, *q = is_swapped ? x : y;
    for (uint32_t i = 0; i < width; i++) {
        bl_lit carry = 0;
        for (uint32_t k = 0; k < width; k++) {
            bl_lit bit = bl_graph_and(g, p[i], q[k]), old = sum[i + k];
            sum[i + k] = bl_graph_xor(g, bl_graph_xor(g, old, bit), carry);
            carry = bl_graph_maj3(g, old, bit, carry);
        }
        sum[i + width] = carry;
    }
    for (uint32_t i = 0; i < 2 * width; i++)
        bl_graph_output(g, sum[i], NULL);
    return g;
}

static void factors_may_be_swapped(void)
{
    bl_graph *a = multiplier(5, false), *b = multiplier(5, true);
    CHECK(verdict_of(a, b, NULL) == BL_VERDICT_EQUAL); // 10 inputs need no solver
    bl_graph_destroy(&a);
    bl_graph_destroy(&b);
}

static void few_conflicts_leave_questions_open(void)
{
    bl_graph *a = multiplier(12, false), *b = multiplier(12, true);
    CHECK(verdict_of(a, b, &(bl_prove_params){.max_conflicts = 10}) == BL_VERDICT_UNDECIDED);
    bl_graph_destroy(&a);
    bl_graph_destroy(&b);
}

static void constants_and_empty_graphs_are_compared(void)
{
    bl_graph *a = new_graph(), *b = new_graph();
    CHECK(verdict_of(a, b, NULL) == BL_VERDICT_EQUAL);
    bl_lit x = bl_graph_input(a, NULL), y = bl_graph_input(b, NULL);
    bl_graph_output(a, BL_LIT_FALSE, NULL);
    bl_graph_output(b, bl_graph_and(b, y, y ^ 1), NULL);
    CHECK(verdict_of(a, b, NULL) == BL_VERDICT_EQUAL);
    bl_graph_output(a, x, NULL);
    bl_graph_output(b, y ^ 1, NULL);
    CHECK(verdict_of(a, b, NULL) == BL_VERDICT_DIFFERENT);
    bl_graph_destroy(&a);
    bl_graph_destroy(&b);
    a = new_graph();
    b = new_graph();
    bl_graph_output(a, BL_LIT_FALSE, NULL);
    bl_graph_output(b, BL_LIT_TRUE, NULL);
    CHECK(verdict_of(a, b, NULL) == BL_VERDICT_DIFFERENT);
    bl_graph_destroy(&a);
    bl_graph_destroy(&b);
}

static bl_graph *half_adder(const char *first, const char *second, bool is_swapped)
{
    bl_graph *g = new_graph();
    bl_lit x = bl_graph_input(g, first), y = bl_graph_input(g, second);
    bl_lit difference = bl_graph_and(g, is_swapped ? y : x, is_swapped ? x ^ 1 : y ^ 1);
    bl_graph_output(g, difference, "d");
    return g;
}

static void ports_correspond_by_name_or_else_by_position(void)
{
    bl_graph *a = half_adder("x", "y", false), *by_name = half_adder("y", "x", true);
    bl_graph *by_position = half_adder("p", "q", false), *twice = half_adder("x", "x", false);
    CHECK(verdict_of(a, by_name, NULL) == BL_VERDICT_EQUAL);
    CHECK(verdict_of(a, by_position, NULL) == BL_VERDICT_EQUAL);
    CHECK(verdict_of(a, twice, NULL) == BL_VERDICT_EQUAL);
    CHECK(verdict_of(by_position, by_name, NULL) == BL_VERDICT_DIFFERENT);
    bl_graph_input(twice, NULL);
    bl_proof *proof;
    bl_diag diag = {0};
    CHECK(bl_prove_equivalent(&proof, a, twice, NULL, NULL, &diag) == BL_ERR_ARGUMENT);
    CHECK(strstr(diag.message, "has 2 inputs and the second 3") != NULL);
    bl_graph_output(by_name, 0, NULL);
    CHECK(bl_prove_equivalent(&proof, a, by_name, NULL, NULL, &diag) == BL_ERR_ARGUMENT);
    CHECK(strstr(diag.message, "has 1 outputs and the second 2") != NULL);
    bl_graph_destroy(&a);
    bl_graph_destroy(&by_name);
    bl_graph_destroy(&by_position);
    bl_graph_destroy(&twice);
}

// --------------------------------------------------------------------------------- sweeping

// Outputs of g and of a disguised copy of it, over the same inputs.
static bl_graph *doubled(const bl_graph *g)
{
    bl_graph *to = copy_of(g, false, 0);
    bl_lit *inputs = calloc(g->n_inputs + 1, sizeof *inputs);
    bl_lit *lit = calloc(g->n_nodes, sizeof *lit);
    for (uint32_t i = 0; i < g->n_inputs; i++)
        inputs[i] = 2 * to->inputs[i].node;
    rebuild(lit, to, g, inputs, true, 0);
    for (uint32_t i = 0; i < g->n_outputs; i++)
        bl_graph_output(to, mapped(lit, g->outputs[i].lit) ^ 1, "twin");
    free(inputs);
    free(lit);
    return to;
}

static void sweeping_merges_what_is_equal_and_changes_nothing(void)
{
    for (int round = 0; round < 60; round++) {
        bl_graph *g = random_graph(10, 150, 6), *both = doubled(g), *swept;
        bl_sweep_facts facts;
        REQUIRE(bl_graph_sweep(&swept, &facts, both, NULL, NULL) == BL_OK);
        CHECK(is_same_truth(both, swept));
        CHECK(facts.n_undecided == 0 && facts.n_ands == swept->n_ands);
        CHECK(swept->n_ands <= g->n_ands);
        for (uint32_t i = 0; i < g->n_outputs; i++)
            CHECK(swept->outputs[i].lit == (swept->outputs[i + g->n_outputs].lit ^ 1));
        CHECK(strcmp(bl_graph_name(swept, swept->outputs[g->n_outputs].name), "twin") == 0);
        bl_graph_destroy(&g);
        bl_graph_destroy(&both);
        bl_graph_destroy(&swept);
    }
}

static void sweeping_twice_gives_the_same_bytes(void)
{
    bl_graph *g = random_graph(40, 3000, 50), *both = doubled(g);
    bl_buffer text[2] = {{0}};
    for (int k = 0; k < 2; k++) {
        bl_graph *swept;
        REQUIRE(bl_graph_sweep(&swept, NULL, both, NULL, NULL) == BL_OK);
        REQUIRE(bl_graph_write_aiger(&text[k], swept, false) == BL_OK);
        bl_graph_destroy(&swept);
    }
    CHECK(text[0].bytes == text[1].bytes && memcmp(text[0].data, text[1].data, text[0].bytes) == 0);
    bl_buffer_clear(&text[0]);
    bl_buffer_clear(&text[1]);
    bl_graph_destroy(&g);
    bl_graph_destroy(&both);
}

// ------------------------------------------------------------------------------- sequential

// A counter of n bits that counts where "go" is true. Bit i of `flipped`: latch i holds the
// complement. Every latch n_copies times; reader i takes copy i % n_copies. One output per bit,
// negated at the one count `wrong_at`.
static bl_graph *counter(uint32_t n, uint32_t flipped, uint32_t n_copies, uint32_t wrong_at)
{
    bl_graph *g = new_graph();
    bl_lit go = bl_graph_input(g, "go"), latch[64], bit[16], carry = go, is_wrong = BL_LIT_TRUE;
    for (uint32_t i = 0; i < n * n_copies; i++)
        latch[i] = bl_graph_latch(g, flipped >> i % n & 1 ? BL_RESET_ONE : BL_RESET_ZERO, NULL);
    for (uint32_t i = 0; i < n; i++)
        bit[i] = latch[i + n * (i % n_copies)] ^ (flipped >> i & 1);
    for (uint32_t i = 0; i < n; i++) {
        bl_lit next = bl_graph_xor(g, bit[i], carry) ^ (flipped >> i & 1);
        for (uint32_t k = 0; k < n_copies; k++)
            bl_graph_set_next(g, i + n * k, next);
        carry = bl_graph_and(g, carry, bit[i]);
        is_wrong = bl_graph_and(g, is_wrong, bit[i] ^ !(wrong_at >> i & 1));
    }
    if (wrong_at >> n)
        is_wrong = BL_LIT_FALSE;
    for (uint32_t i = 0; i < n; i++)
        bl_graph_output(g, bl_graph_xor(g, bit[i], is_wrong), NULL);
    return g;
}

enum { NEVER = 1 << 20 };

static void machines_with_other_encodings_are_equal(void)
{
    bl_graph *plain_counter = counter(5, 0, 1, NEVER), *other = counter(5, 0x15, 3, NEVER);
    bl_proof *proof;
    REQUIRE(bl_prove_equivalent(&proof, plain_counter, other, NULL, NULL, NULL) == BL_OK);
    CHECK(proof->verdict == BL_VERDICT_EQUAL && strcmp(proof->method, "induction") == 0);
    bl_proof_destroy(&proof);
    bl_graph *same = counter(5, 0, 1, NEVER);
    REQUIRE(bl_prove_equivalent(&proof, plain_counter, same, NULL, NULL, NULL) == BL_OK);
    CHECK(proof->verdict == BL_VERDICT_EQUAL && strcmp(proof->method, "combinational") == 0);
    bl_proof_destroy(&proof);
    bl_graph_destroy(&plain_counter);
    bl_graph_destroy(&other);
    bl_graph_destroy(&same);
}

// So deep that random runs do not meet it.
static void a_late_difference_is_found_frame_by_frame(void)
{
    bl_graph *good = counter(6, 0, 1, NEVER), *bad = counter(6, 5, 2, 20);
    bl_graph *slow = new_graph(); // differs only after go was true for 30 frames in a row
    bl_graph *never = new_graph();
    for (int k = 0; k < 2; k++) {
        bl_graph *g = k ? never : slow;
        bl_lit go = bl_graph_input(g, NULL), last = go;
        for (uint32_t i = 0; i < 30; i++) {
            bl_lit latch = bl_graph_latch(g, BL_RESET_ZERO, NULL);
            bl_graph_set_next(g, i, last);
            last = bl_graph_and(g, latch, go);
        }
        bl_graph_output(g, k ? BL_LIT_FALSE : last, NULL);
    }
    bl_proof *proof;
    REQUIRE(bl_prove_equivalent(&proof, good, bad, NULL, NULL, NULL) == BL_OK);
    CHECK(proof->verdict == BL_VERDICT_DIFFERENT && proof->n_frames >= 21);
    CHECK(is_replayed(proof, good, bad));
    bl_proof_destroy(&proof);
    REQUIRE(bl_prove_equivalent(&proof, slow, never, &(bl_prove_params){.n_frames = 30}, NULL, NULL)
            == BL_OK);
    CHECK(proof->verdict == BL_VERDICT_EQUAL_FOR_FRAMES && proof->n_frames == 30);
    bl_proof_destroy(&proof);
    REQUIRE(bl_prove_equivalent(&proof, slow, never, &(bl_prove_params){.n_frames = 31}, NULL, NULL)
            == BL_OK);
    if (bl_prove_has_solver()) {
        CHECK(proof->verdict == BL_VERDICT_DIFFERENT && proof->n_frames == 31);
        CHECK(is_replayed(proof, slow, never));
    } else
        CHECK(proof->verdict == BL_VERDICT_UNDECIDED && proof->n_frames == 30);
    bl_proof_destroy(&proof);
    bl_graph_destroy(&good);
    bl_graph_destroy(&bad);
    bl_graph_destroy(&slow);
    bl_graph_destroy(&never);
}

static bl_graph *holding(bl_reset reset, const char *name, bool is_negated)
{
    bl_graph *g = new_graph();
    bl_lit x = bl_graph_latch(g, reset, name);
    bl_graph_set_next(g, 0, x);
    bl_graph_output(g, x ^ is_negated, NULL);
    return g;
}

static void unknown_first_states_are_shared_and_reported(void)
{
    bl_graph *a = holding(BL_RESET_UNKNOWN, "x", false), *b = holding(BL_RESET_UNKNOWN, "x", false);
    bl_graph *negated = holding(BL_RESET_UNKNOWN, "x", true);
    bl_graph *zero = holding(BL_RESET_ZERO, "x", false);
    CHECK(verdict_of(a, b, NULL) == BL_VERDICT_EQUAL);
    CHECK(verdict_of(a, negated, NULL) == BL_VERDICT_DIFFERENT);
    CHECK(verdict_of(a, zero, NULL) == BL_VERDICT_DIFFERENT);
    CHECK(verdict_of(negated, zero, NULL) == BL_VERDICT_DIFFERENT);
    bl_graph_destroy(&a);
    bl_graph_destroy(&b);
    bl_graph_destroy(&negated);
    bl_graph_destroy(&zero);
}

static void equal_and_constant_latches_become_one(void)
{
    bl_graph *g = counter(5, 0x0A, 3, NEVER), *swept;
    bl_lit stuck = bl_graph_latch(g, BL_RESET_ONE, "stuck");
    bl_lit go = 2 * g->inputs[0].node;
    bl_graph_set_next(g, 15, bl_graph_or(g, stuck, go));
    for (uint32_t i = 0; i < 2; i++) { // equal if they begin equal, which nobody knows
        bl_graph_latch(g, BL_RESET_UNKNOWN, NULL);
        bl_graph_set_next(g, 16 + i, 2 * g->latches[16 + i].node);
    }
    bl_graph_output(g, bl_graph_and(g, stuck, go), "stuck");
    bl_graph_output(g, bl_graph_xor(g, 2 * g->latches[16].node, 2 * g->latches[17].node), "xor");
    REQUIRE(g->status == BL_OK);
    bl_sweep_facts facts;
    REQUIRE(bl_graph_sweep_latches(&swept, &facts, g, NULL, NULL) == BL_OK);
    CHECK(facts.n_latches_before == 18 && facts.n_latches == 7 && swept->n_latches == 7);
    CHECK(facts.n_merged == 11 && facts.n_undecided == 0);
    CHECK(swept->n_outputs == g->n_outputs);
    CHECK(swept->outputs[5].lit == 2 * swept->inputs[0].node); // stuck & go
    plain x = plain_begin(g), y = plain_begin(swept);
    bool is_same = true;
    for (int t = 0; t < 200; t++) {
        uint64_t in = bl_random_next(&rng);
        plain_step(&x, &in);
        plain_step(&y, &in);
        for (uint32_t i = 0; i < g->n_outputs; i++)
            is_same &= plain_output(&x, i) == plain_output(&y, i);
    }
    CHECK(is_same);
    plain_end(&x);
    plain_end(&y);
    bl_graph_destroy(&g);
    bl_graph_destroy(&swept);
}

static void only_what_induction_shows_is_merged(void)
{
    for (int round = 0; round < 60; round++) {
        bl_graph *g = new_graph(), *swept;
        for (uint32_t i = 0; i < 3; i++)
            bl_graph_input(g, NULL);
        for (uint32_t i = 0; i < 12; i++)
            bl_graph_latch(g, (bl_reset)bl_random_below(&rng, 2), NULL);
        for (uint32_t i = 0; i < 40; i++)
            bl_graph_and(g, random_lit(g), random_lit(g));
        for (uint32_t i = 0; i < 12; i++)
            bl_graph_set_next(g, i, random_lit(g));
        for (uint32_t i = 0; i < 12; i++)
            bl_graph_output(g, 2 * g->latches[i].node, NULL);
        REQUIRE(bl_graph_sweep_latches(&swept, NULL, g, NULL, NULL) == BL_OK);
        plain x = plain_begin(g), y = plain_begin(swept);
        bool is_same = true;
        for (int t = 0; t < 300; t++) {
            uint64_t in[3] = {bl_random_next(&rng), bl_random_next(&rng), bl_random_next(&rng)};
            plain_step(&x, in);
            plain_step(&y, in);
            for (uint32_t i = 0; i < g->n_outputs; i++)
                is_same &= plain_output(&x, i) == plain_output(&y, i);
        }
        CHECK(is_same);
        CHECK(verdict_of(g, swept, NULL) != BL_VERDICT_DIFFERENT);
        plain_end(&x);
        plain_end(&y);
        bl_graph_destroy(&g);
        bl_graph_destroy(&swept);
    }
}

static bl_graph *random_machine(uint32_t n_latches)
{
    bl_graph *g = new_graph();
    for (uint32_t i = 0; i < 2; i++)
        bl_graph_input(g, NULL);
    for (uint32_t i = 0; i < n_latches; i++)
        bl_graph_latch(g, (bl_reset)bl_random_below(&rng, 2), NULL);
    for (uint32_t i = 0; i < 24; i++)
        bl_graph_and(g, random_lit(g), random_lit(g));
    for (uint32_t i = 0; i < n_latches; i++)
        bl_graph_set_next(g, i, random_lit(g));
    for (uint32_t i = 0; i < 2; i++)
        bl_graph_output(g, random_lit(g), NULL);
    return g;
}

// The same machine, disguised: latch i is copied and, where its bit is set, complemented. One AND
// may be negated.
static bl_graph *disguised_machine(const bl_graph *g, uint32_t flipped, uint32_t mutated)
{
    bl_graph *to = new_graph();
    bl_lit lit[64] = {0};
    for (uint32_t i = 0; i < g->n_inputs; i++)
        lit[g->inputs[i].node] = bl_graph_input(to, NULL);
    for (uint32_t i = 0; i < g->n_latches; i++) {
        bl_reset reset = (bl_reset)(g->latches[i].reset ^ (flipped >> i & 1));
        lit[g->latches[i].node] = bl_graph_latch(to, reset, NULL) ^ (flipped >> i & 1);
    }
    for (uint32_t id = 1; id < g->n_nodes; id++)
        if (g->fanin0[id] < BL_NODE_LATCH)
            lit[id] = disguised_and(to, mapped(lit, g->fanin0[id]), mapped(lit, g->fanin1[id]))
                      ^ (id == mutated);
    for (uint32_t i = 0; i < g->n_latches; i++)
        bl_graph_set_next(to, i, mapped(lit, g->latches[i].next) ^ (flipped >> i & 1));
    for (uint32_t i = 0; i < g->n_outputs; i++)
        bl_graph_output(to, mapped(lit, g->outputs[i].lit), NULL);
    return to;
}

// The outputs and the next state of one state, for one input pattern.
static uint32_t machine_step(uint32_t *next, const bl_graph *g, uint32_t state, uint32_t input)
{
    plain p = plain_begin(g);
    uint64_t in[2] = {0 - (uint64_t)(input & 1), 0 - (uint64_t)(input >> 1)};
    uint32_t outputs = 0;
    for (uint32_t i = 0; i < g->n_latches; i++)
        p.state[i] = 0 - (uint64_t)(state >> i & 1);
    plain_step(&p, in);
    *next = 0;
    for (uint32_t i = 0; i < g->n_latches; i++)
        *next |= (uint32_t)(p.state[i] & 1) << i;
    for (uint32_t i = 0; i < g->n_outputs; i++)
        outputs |= (uint32_t)(plain_output(&p, i) & 1) << i;
    plain_end(&p);
    return outputs;
}

static uint32_t first_state(const bl_graph *g)
{
    uint32_t state = 0;
    for (uint32_t i = 0; i < g->n_latches; i++)
        state |= (uint32_t)g->latches[i].reset << i;
    return state;
}

enum {
    N_MACHINE_LATCHES = 4,
    N_JOINT_STATES = 1 << 2 * N_MACHINE_LATCHES,
    EQUAL_FOR_EVER = 100000
};

// How many frames two machines agree for, by visiting all joint states, nearest first.
static uint32_t frames_of_agreement(const bl_graph *a, const bl_graph *b)
{
    uint32_t depth[N_JOINT_STATES] = {0}, queue[N_JOINT_STATES], n = 0;
    queue[n++] = first_state(a) << N_MACHINE_LATCHES | first_state(b);
    depth[queue[0]] = 1;
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t input = 0; input < 4; input++) {
            uint32_t next_a, next_b, s = queue[i];
            if (machine_step(&next_a, a, s >> N_MACHINE_LATCHES, input)
                != machine_step(&next_b, b, s & (N_JOINT_STATES - 1) >> N_MACHINE_LATCHES, input))
                return depth[s] - 1;
            uint32_t next = next_a << N_MACHINE_LATCHES | next_b;
            if (depth[next] == 0) {
                depth[next] = depth[s] + 1;
                queue[n++] = next;
            }
        }
    return EQUAL_FOR_EVER;
}

static void machines_are_compared_as_a_walk_over_all_states_says(void)
{
    uint32_t n_seen[4] = {0};
    for (int round = 0; round < 400; round++) {
        bl_graph *a = random_machine(N_MACHINE_LATCHES);
        bl_graph *b =
            disguised_machine(a, (uint32_t)bl_random_below(&rng, 16),
                              round % 2 ? (uint32_t)bl_random_below(&rng, a->n_nodes) : 0);
        uint32_t n_agree = frames_of_agreement(a, b);
        bl_proof *proof;
        REQUIRE(bl_prove_equivalent(&proof, a, b, &(bl_prove_params){.n_frames = 12}, NULL, NULL)
                == BL_OK);
        n_seen[proof->verdict]++;
        switch (proof->verdict) {
        case BL_VERDICT_EQUAL: CHECK(n_agree == EQUAL_FOR_EVER); break;
        case BL_VERDICT_DIFFERENT:
            CHECK(n_agree < proof->n_frames && is_replayed(proof, a, b));
            break;
        case BL_VERDICT_EQUAL_FOR_FRAMES: CHECK(proof->n_frames == 12 && n_agree >= 12); break;
        case BL_VERDICT_UNDECIDED: CHECK(false); break; // so small that windows show all
        }
        bl_proof_destroy(&proof);
        bl_graph_destroy(&a);
        bl_graph_destroy(&b);
    }
    CHECK(n_seen[BL_VERDICT_EQUAL] > 100 && n_seen[BL_VERDICT_DIFFERENT] > 20);
}

// ----------------------------------------------------------------------------------- memory

static void failing_allocations_are_reported(void)
{
    bl_graph *a = random_graph(20, 300, 8), *b = copy_of(a, true, 0),
             *wrong = copy_of(a, true, 300);
    bl_graph *good = counter(4, 0, 1, NEVER), *bad = counter(4, 3, 2, 9);
    const bl_graph *pairs[][2] = {{a, b}, {a, wrong}, {good, bad}};
    for (int k = 0; k < 5; k++) {
        bool is_done = false;
        for (int limit = 0; !is_done; limit++) {
            int left = limit;
            bl_allocator limited = {limited_resize, &left};
            bl_proof *proof = NULL;
            bl_graph *swept = NULL;
            bl_status status =
                k < 3 ? bl_prove_equivalent(&proof, pairs[k][0], pairs[k][1], NULL, &limited, NULL)
                : k == 3 ? bl_graph_sweep(&swept, NULL, a, NULL, &limited)
                         : bl_graph_sweep_latches(&swept, NULL, bad, NULL, &limited);
            CHECK(status == BL_OK || (status == BL_ERR_MEMORY && !proof && !swept));
            is_done = status == BL_OK;
            bl_proof_destroy(&proof);
            bl_graph_destroy(&swept);
            REQUIRE(limit < 100000);
        }
    }
    bl_graph_destroy(&a);
    bl_graph_destroy(&b);
    bl_graph_destroy(&wrong);
    bl_graph_destroy(&good);
    bl_graph_destroy(&bad);
}

int main(void)
{
    bl_random_seed(&rng, 4);
    if (!bl_prove_has_solver())
        printf("built without a SAT solver: only what small windows show is proved\n");
    RUN(disguised_copies_are_equal);
    RUN(mutations_are_told_apart_exactly);
    RUN(a_needle_is_found);
    RUN(factors_may_be_swapped);
    RUN(few_conflicts_leave_questions_open);
    RUN(constants_and_empty_graphs_are_compared);
    RUN(ports_correspond_by_name_or_else_by_position);
    RUN(sweeping_merges_what_is_equal_and_changes_nothing);
    RUN(sweeping_twice_gives_the_same_bytes);
    RUN(machines_with_other_encodings_are_equal);
    RUN(a_late_difference_is_found_frame_by_frame);
    RUN(unknown_first_states_are_shared_and_reported);
    RUN(equal_and_constant_latches_become_one);
    RUN(only_what_induction_shows_is_merged);
    RUN(machines_are_compared_as_a_walk_over_all_states_says);
    RUN(failing_allocations_are_reported);
    return test_summary();
}
