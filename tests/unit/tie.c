// SPDX-License-Identifier: MIT
// Programs with ties against the plainest interpreter there is, which forces planes as it goes.
#include "../limited_memory.h"
#include "../test.h"

#include <bitloom/logic.h>

static bl_random rng;

enum { N_INPUTS = 5, N_STATE = 9, N_OUTPUTS = 6, N_TEMPORARIES = 12, MAX_OPERATIONS = 60 };
enum { FIRST_INPUT = 2, FIRST_STATE = FIRST_INPUT + N_INPUTS };
enum { FIRST_OUTPUT = FIRST_STATE + N_STATE, FIRST_TEMPORARY = FIRST_OUTPUT + N_OUTPUTS };
enum { N_SLOTS = FIRST_TEMPORARY + N_TEMPORARIES };

typedef enum kind { LUT3, ADDER, COUNT_GE, SUM } kind;

typedef struct step {
    kind kind;
    uint32_t table_or_adder, dst, carry, operands[3];
    uint32_t n_planes, n_plain[2], n_complemented[2], plain[2][20], complemented[2][20];
    int64_t constant;
} step;

typedef struct sketch { // a program of two entries, as the test sees it
    step steps[2][MAX_OPERATIONS];
    size_t n[2];
} sketch;

// Temporaries can only be read once they are written.
static bool is_written[N_SLOTS];
static uint32_t any_slot(void)
{
    uint32_t slot = (uint32_t)bl_random_below(&rng, N_SLOTS);
    return slot < FIRST_TEMPORARY || is_written[slot] ? slot : 0;
}
static uint32_t any_result(uint32_t n)
{
    return FIRST_STATE + (uint32_t)bl_random_below(&rng, N_SLOTS - FIRST_STATE - n + 1);
}

static step any_step(void)
{
    step s = {.kind = (kind)bl_random_below(&rng, 4)};
    for (int i = 0; i < 3; i++)
        s.operands[i] = any_slot();
    s.dst = any_result(s.kind == SUM ? 5 : 1);
    s.table_or_adder = (uint32_t)bl_random_below(&rng, s.kind == LUT3 ? 256 : BL_ADDER_COUNT);
    if (s.kind == LUT3 && bl_random_below(&rng, 3) == 0) { // a multiplexer that writes the state
        s.dst = FIRST_STATE + (uint32_t)bl_random_below(&rng, N_STATE);
        s.operands[2] = s.dst;
        s.table_or_adder = 0xCA;
    }
    do
        s.carry = any_result(1);
    while (s.carry == s.dst);
    if (s.kind == ADDER && s.table_or_adder != BL_ADD && s.table_or_adder != BL_SUBTRACT)
        s.operands[0] = 0;
    s.n_planes = 4;
    for (int d = 0; d < 2; d++) {
        s.n_plain[d] = (uint32_t)bl_random_below(&rng, 20);
        s.n_complemented[d] = (uint32_t)bl_random_below(&rng, 20);
        for (int i = 0; i < 20; i++) {
            s.plain[d][i] = any_slot();
            s.complemented[d][i] = any_slot();
            if (s.kind == SUM) { // must not read its own result
                s.plain[d][i] -= s.plain[d][i] - s.dst < 5 ? s.dst : 0;
                s.complemented[d][i] -= s.complemented[d][i] - s.dst < 5 ? s.dst : 0;
            }
        }
    }
    s.constant = (int64_t)bl_random_below(&rng, 40) - (s.kind == SUM ? 20 : 0);
    for (uint32_t i = 0; i < (s.kind == SUM ? 5 : 1); i++)
        is_written[s.dst + i] = true;
    if (s.kind == ADDER)
        is_written[s.carry] = true;
    return s;
}

static bl_program *assemble(const sketch *k)
{
    bl_record records[3] = {{0}};
    const uint32_t widths[3] = {N_INPUTS, N_STATE, N_OUTPUTS};
    bl_assembler *a;
    bl_program *p;
    for (int r = 0; r < 3; r++)
        REQUIRE(bl_record_add(&records[r], "x", widths[r], false) == BL_OK);
    REQUIRE(bl_assembler_create(&a, &records[0], &records[1], &records[2], NULL) == BL_OK);
    (void)bl_assembler_temporaries(a, N_TEMPORARIES);
    for (int e = 0; e < 2; e++) {
        bl_assembler_begin_entry(a, e ? "b" : "a");
        for (size_t i = 0; i < k->n[e]; i++) {
            const step *s = &k->steps[e][i];
            bl_literal_list lists[2];
            for (int d = 0; d < 2; d++)
                lists[d] = (bl_literal_list){s->plain[d], s->complemented[d], s->n_plain[d],
                                             s->n_complemented[d]};
            if (s->kind == LUT3)
                bl_assembler_lut3(a, (uint8_t)s->table_or_adder, s->dst, s->operands[0],
                                  s->operands[1], s->operands[2]);
            else if (s->kind == ADDER)
                bl_assembler_adder(a, (bl_adder)s->table_or_adder, s->dst, s->carry, s->operands[0],
                                   s->operands[1], s->operands[2]);
            else if (s->kind == COUNT_GE)
                bl_assembler_count_ge(a, s->dst, &lists[0], s->constant);
            else
                bl_assembler_sum(a, s->dst, 5, s->n_planes, s->constant, lists, 2);
        }
    }
    REQUIRE(bl_assembler_finish(&p, a) == BL_OK);
    bl_assembler_destroy(&a);
    for (int r = 0; r < 3; r++)
        bl_record_clear(&records[r]);
    return p;
}

static bool bit_of(uint32_t table, bool a, bool b, bool c)
{
    return table >> (4 * a + 2 * b + c) & 1;
}

static int64_t count(const bool *slot, const step *s, int d)
{
    int64_t n = 0;
    for (uint32_t i = 0; i < s->n_plain[d]; i++)
        n += slot[s->plain[d][i]];
    for (uint32_t i = 0; i < s->n_complemented[d]; i++)
        n += !slot[s->complemented[d][i]];
    return n;
}

static void force(bool *slot, const bl_tie *ties, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (ties[i].what == BL_TIE_BIT)
            slot[FIRST_STATE + ties[i].plane] = ties[i].value;
}

// One entry in one lane.
static void run_plainly(bool *slot, const sketch *k, int entry, const bl_tie *ties, size_t n_ties)
{
    static const uint32_t carries[BL_ADDER_COUNT] = {0xE8, 0x8E, 0x88, 0x22};
    force(slot, ties, n_ties);
    for (size_t i = 0; i < k->n[entry]; i++) {
        const step *s = &k->steps[entry][i];
        bool o[3] = {slot[s->operands[0]], slot[s->operands[1]], slot[s->operands[2]]};
        if (s->kind == LUT3) {
            bool is_mux = s->table_or_adder == 0xCA && s->operands[2] == s->dst;
            for (size_t t = 0; t < n_ties && is_mux; t++)
                if (ties[t].what != BL_TIE_BIT && FIRST_STATE + ties[t].plane == s->dst)
                    o[ties[t].what == BL_TIE_CANDIDATE] = ties[t].value;
            slot[s->dst] = bit_of(s->table_or_adder, o[0], o[1], o[2]);
        } else if (s->kind == ADDER) {
            slot[s->dst] = o[0] ^ o[1] ^ o[2];
            slot[s->carry] = bit_of(carries[s->table_or_adder], o[0], o[1], o[2]);
        } else if (s->kind == COUNT_GE)
            slot[s->dst] = count(slot, s, 0) >= s->constant;
        else {
            int64_t sum = s->constant + count(slot, s, 0) + 2 * count(slot, s, 1);
            for (uint32_t p = 0; p < 5; p++)
                slot[s->dst + p] = sum >> (p < 4 ? p : 3) & 1;
        }
        force(slot, ties, n_ties);
    }
}

static bool has_mux(const sketch *k, uint32_t plane)
{
    for (int e = 0; e < 2; e++)
        for (size_t i = 0; i < k->n[e]; i++) {
            const step *s = &k->steps[e][i];
            if (s->kind == LUT3 && s->table_or_adder == 0xCA && s->dst == FIRST_STATE + plane
                && s->operands[2] == s->dst)
                return true;
        }
    return false;
}

// State and outputs after a few runs of both entries.
static bool is_same(const sketch *k, const bl_program *tied, const bl_tie *ties, size_t n_ties)
{
    enum { LANES = 8 };
    bl_machine *m;
    bool slot[LANES][N_SLOTS] = {{0}}, same = true;
    REQUIRE(bl_machine_create(&m, tied, bl_cpu_best(), NULL) == BL_OK);
    for (int t = 0; t < 6; t++) {
        for (size_t lane = 0; lane < LANES; lane++) {
            slot[lane][1] = true;
            for (uint32_t i = 0; i < N_INPUTS; i++) {
                slot[lane][FIRST_INPUT + i] = bl_random_next(&rng) & 1;
                bl_lane_set(&bl_machine_input(m)[i], lane, slot[lane][FIRST_INPUT + i]);
            }
            run_plainly(slot[lane], k, t % 2, ties, n_ties);
        }
        bl_machine_run(m, (uint32_t)t % 2);
        for (size_t lane = 0; lane < LANES; lane++) {
            for (uint32_t i = 0; i < N_STATE; i++)
                same &= bl_lane_get(&bl_machine_state(m)[i], lane) == slot[lane][FIRST_STATE + i];
            for (uint32_t i = 0; i < N_OUTPUTS; i++)
                same &= bl_lane_get(&bl_machine_output(m)[i], lane) == slot[lane][FIRST_OUTPUT + i];
        }
    }
    bl_machine_destroy(&m);
    return same;
}

static sketch any_sketch(void)
{
    sketch k = {
        .n = {bl_random_below(&rng, MAX_OPERATIONS), bl_random_below(&rng, MAX_OPERATIONS)}};
    for (int e = 0; e < 2; e++) {
        memset(is_written, 0, sizeof is_written);
        for (size_t i = 0; i < k.n[e]; i++)
            k.steps[e][i] = any_step();
    }
    return k;
}

static size_t any_ties(bl_tie *ties, const sketch *k, size_t n)
{
    size_t n_ties = 0;
    bool is_tied[N_STATE] = {false};
    for (size_t i = 0; i < n; i++) {
        bl_tie t = {(uint32_t)bl_random_below(&rng, N_STATE),
                    (bl_tie_what)bl_random_below(&rng, BL_TIE_COUNT), bl_random_next(&rng) & 1};
        if (is_tied[t.plane] || (t.what != BL_TIE_BIT && !has_mux(k, t.plane)))
            continue;
        is_tied[t.plane] = true;
        ties[n_ties++] = t;
    }
    return n_ties;
}

static void tied_programs_compute_what_forcing_says(void)
{
    bool has_shrunk = false;
    for (int i = 0; i < 2000; i++) {
        sketch k = any_sketch();
        bl_tie ties[4];
        size_t n_ties = any_ties(ties, &k, (size_t)i % 5);
        bl_program *p = assemble(&k), *tied;
        REQUIRE(bl_program_tie(&tied, p, ties, n_ties, NULL) == BL_OK);
        bool same = is_same(&k, tied, ties, n_ties);
        if (!same)
            fprintf(stderr, "case %d, %zu ties\n", i, n_ties);
        CHECK(same);
        bl_program_info before, after;
        bl_program_get_info(&before, p);
        bl_program_get_info(&after, tied);
        CHECK(after.n_literals <= before.n_literals && after.n_slots == before.n_slots);
        has_shrunk |= n_ties > 0 && after.n_literals < before.n_literals;
        bl_program_destroy(&p);
        bl_program_destroy(&tied);
    }
    CHECK(has_shrunk);
}

// A plane with a known select or candidate: dst = i1 ? i2 : dst, tied; LUT3s that are left.
static size_t left_of_mux(bl_tie_what what, bool value)
{
    step mux = {.kind = LUT3, .table_or_adder = 0xCA, .dst = FIRST_STATE};
    mux.operands[0] = FIRST_INPUT, mux.operands[1] = FIRST_INPUT + 1, mux.operands[2] = mux.dst;
    sketch k = {.n = {1, 0}, .steps = {{mux}}};
    bl_tie tie = {0, what, value};
    bl_program *p = assemble(&k), *tied;
    bl_program_info info;
    REQUIRE(bl_program_tie(&tied, p, &tie, 1, NULL) == BL_OK);
    CHECK(is_same(&k, tied, &tie, 1));
    bl_program_get_info(&info, tied);
    bl_program_destroy(&p);
    bl_program_destroy(&tied);
    return (size_t)info.n_lut3_operations;
}

static void multiplexers_shrink_to_what_is_left(void)
{
    CHECK(left_of_mux(BL_TIE_SELECT, false) == 0); // it keeps its plane for ever
    CHECK(left_of_mux(BL_TIE_SELECT, true) == 1);  // a copy of the candidate
    CHECK(left_of_mux(BL_TIE_CANDIDATE, false) == 1);
    CHECK(left_of_mux(BL_TIE_CANDIDATE, true) == 1);
}

static void ties_that_name_nothing_are_refused(void)
{
    sketch k = {.n = {1, 0},
                .steps = {{{.kind = LUT3, .table_or_adder = 0xE8, .dst = FIRST_STATE}}}};
    bl_program *p = assemble(&k), *tied = NULL;
    CHECK(bl_program_tie(&tied, p, &(bl_tie){N_STATE, BL_TIE_BIT, true}, 1, NULL)
          == BL_ERR_ARGUMENT);
    CHECK(bl_program_tie(&tied, p, &(bl_tie){0, BL_TIE_SELECT, true}, 1, NULL) == BL_ERR_ARGUMENT);
    CHECK(tied == NULL);
    bl_program_destroy(&p);
}

static void failing_allocations_are_reported(void)
{
    sketch k = any_sketch();
    bl_program *p = assemble(&k);
    bool is_done = false;
    for (int limit = 0; !is_done; limit++) {
        int left = limit;
        bl_allocator limited = {limited_resize, &left};
        bl_program *tied = NULL;
        bl_status status = bl_program_tie(&tied, p, &(bl_tie){1, BL_TIE_BIT, true}, 1, &limited);
        CHECK(status == BL_OK || (status == BL_ERR_MEMORY && !tied));
        is_done = status == BL_OK;
        left = 1 << 30;
        bl_program_destroy(&tied);
        REQUIRE(limit < 10000);
    }
    bl_program_destroy(&p);
}

int main(void)
{
    bl_random_seed(&rng, 11);
    RUN(tied_programs_compute_what_forcing_says);
    RUN(multiplexers_shrink_to_what_is_left);
    RUN(ties_that_name_nothing_are_refused);
    RUN(failing_allocations_are_reported);
    return test_summary();
}
