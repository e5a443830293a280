// SPDX-License-Identifier: MIT
#include "../limited_memory.h"
#include "../proofs.h"

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
    bl_random_seed(&rng, 5);
    if (!bl_prove_has_solver())
        printf("built without a SAT solver: only what small windows show is proved\n");
    RUN(machines_with_other_encodings_are_equal);
    RUN(a_late_difference_is_found_frame_by_frame);
    RUN(unknown_first_states_are_shared_and_reported);
    RUN(equal_and_constant_latches_become_one);
    RUN(only_what_induction_shows_is_merged);
    RUN(machines_are_compared_as_a_walk_over_all_states_says);
    RUN(failing_allocations_are_reported);
    return test_summary();
}
