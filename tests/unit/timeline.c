// SPDX-License-Identifier: MIT
// Timelines against machines that take one step after the other.
#include "../limited_memory.h"
#include "../test.h"

#include <bitloom/timeline.h>

static bl_random rng;

enum { N_INPUTS = 4, N_STATE = 14, N_OUTPUTS = 5, N_TEMPORARIES = 8 };
enum { FIRST_STATE = 2 + N_INPUTS, FIRST_OUTPUT = FIRST_STATE + N_STATE };
enum { FIRST_TEMPORARY = FIRST_OUTPUT + N_OUTPUTS };
enum { STATE_BYTES = (N_STATE + 7) / 8, N_STEPS = 1500 };

static uint32_t below(uint32_t n) { return (uint32_t)bl_random_below(&rng, n); }

// What may be read by now: constants, inputs, what is written.
typedef struct readable {
    uint32_t slots[64];
    uint32_t n;
} readable;

static void add(readable *r, uint32_t slot)
{
    REQUIRE(r->n < sizeof r->slots / sizeof *r->slots);
    r->slots[r->n++] = slot;
}
static uint32_t any(const readable *r) { return r->slots[below(r->n)]; }

static bl_assembler *begin(void)
{
    bl_record records[3] = {{0}};
    const uint32_t widths[3] = {N_INPUTS, N_STATE, N_OUTPUTS};
    bl_assembler *a;
    for (int i = 0; i < 3; i++)
        REQUIRE(bl_record_add(&records[i], "x", widths[i], false) == BL_OK);
    REQUIRE(bl_assembler_create(&a, &records[0], &records[1], &records[2], NULL) == BL_OK);
    for (int i = 0; i < 3; i++)
        bl_record_clear(&records[i]);
    (void)bl_assembler_temporaries(a, N_TEMPORARIES);
    bl_assembler_begin_entry(a, "step");
    return a;
}

static void emit_any(bl_assembler *a, uint32_t dst, const readable *r)
{
    uint32_t plain[6], complemented[6];
    for (int i = 0; i < 6; i++)
        plain[i] = any(r), complemented[i] = any(r);
    bl_literal_list list = {plain, complemented, below(6), below(6)};
    if (below(2))
        bl_assembler_count_ge(a, dst, &list, 1 + below(5));
    else
        bl_assembler_lut3(a, (uint8_t)below(256), dst, any(r), any(r), any(r));
}

static uint8_t any_monotone_table(void) // in operand c, never falling
{
    uint8_t without = (uint8_t)below(256) & 0x55, with = (uint8_t)below(256) & 0x55;
    return (uint8_t)((without & with) | (with << 1) | ((without & with) << 1));
}

// Planes 0-4 are delayed copies of temporaries and of each other, 5-10 set, reset or hold, 11 and
// 12 follow from the step alone, 13 is never written. Delayed planes may be read from the
// beginning.
static bl_program *feed_forward_program(void)
{
    bl_assembler *a = begin();
    bl_program *p;
    readable r = {0};
    for (uint32_t i = 0; i < FIRST_STATE; i++)
        add(&r, i);
    add(&r, FIRST_STATE + 13);
    for (uint32_t i = 0; i < N_TEMPORARIES / 2; i++) {
        emit_any(a, FIRST_TEMPORARY + i, &r);
        add(&r, FIRST_TEMPORARY + i);
    }
    uint32_t source[5];
    for (uint32_t i = 0; i < 5; i++)
        source[i] = i > 0 && below(2) ? FIRST_STATE + i - 1 : FIRST_TEMPORARY + below(4);
    for (uint32_t i = 0; i < 5; i++)
        add(&r, FIRST_STATE + i);
    for (uint32_t i = N_TEMPORARIES / 2; i < N_TEMPORARIES; i++) {
        emit_any(a, FIRST_TEMPORARY + i, &r);
        add(&r, FIRST_TEMPORARY + i);
    }
    for (uint32_t i = 5; i < 11; i++) {
        uint32_t slot = FIRST_STATE + i;
        bl_assembler_lut3(a, any_monotone_table(), slot, any(&r), any(&r), slot);
        if (below(2)) // otherwise only later ones may read it, once it is written
            add(&r, slot);
    }
    for (uint32_t i = 11; i < 13; i++)
        emit_any(a, FIRST_STATE + i, &r);
    for (uint32_t i = 5; i-- > 0;)
        bl_assembler_lut3(a, 0xF0, FIRST_STATE + i, source[i], 0, 0);
    bl_assembler_begin_entry(a, "look");
    readable states = {0};
    for (uint32_t i = 0; i < FIRST_OUTPUT; i++)
        add(&states, i);
    for (uint32_t i = 0; i < N_OUTPUTS; i++)
        emit_any(a, FIRST_OUTPUT + i, &states);
    REQUIRE(bl_assembler_finish(&p, a) == BL_OK);
    bl_assembler_destroy(&a);
    return p;
}

// Anything that writes the state in any order; what it reads may be of the step before.
static bl_program *any_program(void)
{
    bl_assembler *a = begin();
    bl_program *p;
    readable r = {0};
    for (uint32_t i = 0; i < FIRST_STATE; i++)
        add(&r, i);
    for (uint32_t i = 0; i < 2; i++)
        add(&r, FIRST_STATE + below(N_STATE));
    for (uint32_t i = 0; i < 12; i++) {
        bool is_temporary = below(2);
        uint32_t dst =
            is_temporary ? FIRST_TEMPORARY + below(N_TEMPORARIES) : FIRST_STATE + below(N_STATE);
        if (below(3) == 0)
            bl_assembler_lut3(a, 0xCC, dst, 0, any(&r), 0);
        else if (!is_temporary && below(2))
            bl_assembler_lut3(a, (uint8_t)below(256), dst, any(&r), any(&r), dst);
        else
            emit_any(a, dst, &r);
        if (r.n < 40)
            add(&r, dst);
    }
    bl_assembler_begin_entry(a, "look");
    REQUIRE(bl_assembler_finish(&p, a) == BL_OK);
    bl_assembler_destroy(&a);
    return p;
}

// The same inputs to both, in runs of many lengths; states after every step and outputs are equal.
static bool is_same(bl_timeline *t, const bl_program *p)
{
    static bool inputs[N_INPUTS][BL_LANES];
    static uint8_t states[BL_LANES][STATE_BYTES];
    uint8_t expected[STATE_BYTES] = {(uint8_t)below(256), (uint8_t)(below(256) & 0x3F)};
    uint8_t state[STATE_BYTES];
    memcpy(state, expected, sizeof state);
    bl_machine *m;
    bool same = true;
    REQUIRE(bl_machine_create(&m, p, bl_cpu_best(), NULL) == BL_OK);
    bl_machine_load_lanes(m, expected, 1);
    for (size_t done = 0, n; done < N_STEPS; done += n) {
        n = below(3) ? 1 + below(BL_LANES) : BL_LANES;
        for (size_t k = 0; k < N_INPUTS; k++)
            for (size_t i = 0; i < n; i++)
                bl_lane_set(&bl_timeline_input(t)[k], i, inputs[k][i] = below(2));
        bl_timeline_run(t, state, n);
        bl_timeline_states(states[0], t, n);
        bl_timeline_run_entry(t, 1);
        for (size_t i = 0; i < n; i++) {
            for (size_t k = 0; k < N_INPUTS; k++)
                bl_lane_set(&bl_machine_input(m)[k], 0, inputs[k][i]);
            bl_machine_run(m, 0);
            bl_machine_run(m, 1);
            bl_machine_store_lanes(expected, m, 1);
            same &= memcmp(expected, states[i], STATE_BYTES) == 0;
            for (size_t k = 0; k < N_OUTPUTS; k++)
                same &= bl_lane_get(&bl_machine_output(m)[k], 0)
                        == bl_lane_get(&bl_timeline_output(t)[k], i);
        }
        same &= memcmp(expected, state, STATE_BYTES) == 0;
    }
    bl_machine_destroy(&m);
    return same;
}

static void feed_forward_programs_run_in_the_lanes(void)
{
    uint32_t n_scans = 0, n_shifts = 0;
    for (int i = 0; i < 60; i++) {
        bl_program *p = feed_forward_program();
        bl_timeline *t;
        bl_timeline_info info;
        REQUIRE(bl_timeline_create(&t, p, bl_cpu_best(), NULL) == BL_OK);
        CHECK(is_same(t, p));
        bl_timeline_get_info(&info, t);
        n_scans += info.n_scans;
        n_shifts += info.n_shifts;
        bl_timeline_destroy(&t);
        bl_program_destroy(&p);
    }
    CHECK(n_scans > 60 && n_shifts > 60);
}

static void any_program_is_right_or_refused(void)
{
    int n_right = 0, n_refused = 0;
    for (int i = 0; i < 600; i++) {
        bl_program *p = any_program();
        bl_timeline *t = NULL;
        bl_status status = bl_timeline_create(&t, p, bl_cpu_best(), NULL);
        CHECK(status == BL_OK || (status == BL_ERR_UNSUPPORTED && !t));
        n_refused += status != BL_OK;
        if (t && n_right++ < 60)
            CHECK(is_same(t, p));
        bl_timeline_destroy(&t);
        bl_program_destroy(&p);
    }
    CHECK(n_right >= 60 && n_refused >= 60);
}

static void toggles_rings_and_feedback_are_refused(void)
{
    for (int kind = 0; kind < 3; kind++) {
        bl_assembler *a = begin();
        bl_program *p;
        bl_timeline *t = NULL;
        uint32_t s = FIRST_STATE;
        if (kind == 0)
            bl_assembler_lut3(a, 0x66, s, 0, 2, s); // s ^= input
        else if (kind == 1) {                       // two bits change places
            bl_assembler_lut3(a, 0xF0, FIRST_TEMPORARY, s, 0, 0);
            bl_assembler_lut3(a, 0xF0, s, s + 1, 0, 0);
            bl_assembler_lut3(a, 0xF0, s + 1, FIRST_TEMPORARY, 0, 0);
        } else { // reads what it is about to set
            bl_assembler_lut3(a, 0x80, FIRST_TEMPORARY, s, 2, 3);
            bl_assembler_lut3(a, 0xCA, s, 4, FIRST_TEMPORARY, s);
        }
        REQUIRE(bl_assembler_finish(&p, a) == BL_OK);
        CHECK(bl_timeline_create(&t, p, bl_cpu_best(), NULL) == BL_ERR_UNSUPPORTED && !t);
        bl_assembler_destroy(&a);
        bl_program_destroy(&p);
    }
}

static void failing_allocations_are_reported(void)
{
    bl_program *p = feed_forward_program();
    bool is_done = false;
    for (int limit = 0; !is_done; limit++) {
        int left = limit;
        bl_allocator limited = {limited_resize, &left};
        bl_timeline *t = NULL;
        bl_status status = bl_timeline_create(&t, p, bl_cpu_best(), &limited);
        CHECK(status == BL_OK || (status == BL_ERR_MEMORY && !t));
        is_done = status == BL_OK;
        left = 1 << 30;
        bl_timeline_destroy(&t);
        REQUIRE(limit < 10000);
    }
    bl_program_destroy(&p);
}

int main(void)
{
    bl_random_seed(&rng, 5);
    RUN(feed_forward_programs_run_in_the_lanes);
    RUN(any_program_is_right_or_refused);
    RUN(toggles_rings_and_feedback_are_refused);
    RUN(failing_allocations_are_reported);
    return test_summary();
}
