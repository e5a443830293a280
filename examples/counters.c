// SPDX-License-Identifier: MIT
// 1000 counters in two groups of 512 lanes: failures in a row count up to 7 and no further, a
// success clears them, 5 or more raise an alarm that stays; a balance goes up and down and stops at
// -32 and 31. The same is done with structs one by one and compared.

#include <bitloom/planes.h>
#include <bitloom/record.h>

#include <stdio.h>

#define COUNTER_FIELDS(F) F(id, 10, 0) F(failures, 3, 0) F(alarm, 1, 0) F(balance, 6, 1)
BL_RECORD(counter, COUNTER_FIELDS)

enum { N = 1000, N_GROUPS = 2, N_ROUNDS = 100 };

// has_failed: one bit for each lane. About 35 operations for 512 counters.
static void step(counter_planes *p, const bl_plane *has_failed)
{
    bl_plane one[3], change[6], is_many;
    bl_planes_resize_u(one, has_failed, 3, 1); // 1 or 0
    bl_planes_add_sat_u(p->failures, p->failures, one, 3);
    bl_planes_mask(p->failures, has_failed, p->failures, 3); // a success clears
    bl_planes_ge_constant_u(&is_many, p->failures, 5, 3);
    bl_planes_or(p->alarm, p->alarm, &is_many, 1);

    bl_planes_resize_s(change, has_failed, 6, 1); // -1 or 0
    bl_planes_constant(change, 1, 1);             // bit 0 set: -1 or +1
    bl_planes_add_sat_s(p->balance, p->balance, change, 6);
}

// The same for one struct.
static void step_struct(counter *c, bool has_failed)
{
    c->failures = !has_failed ? 0 : c->failures < 7 ? c->failures + 1 : 7;
    c->alarm |= c->failures >= 5;
    c->balance += has_failed ? -(c->balance > -32) : c->balance < 31;
}

int main(void)
{
    static counter counters[N], expected[N];
    static counter_planes planes[N_GROUPS];
    const bl_bits *bits = bl_bits_best();
    bl_record record = {0};
    bl_buffer text = {0};
    bl_random random;
    bl_random_seed(&random, 1);
    if (counter_describe(&record) != BL_OK)
        return 1;
    for (uint64_t i = 0; i < N; i++)
        counters[i] = expected[i] = (counter){.id = i};

    counter_load_structs(bits, planes, counters, N);
    for (size_t i = 0; i < N_ROUNDS * N_GROUPS; i++) {
        bl_plane has_failed; // half of the lanes below 256, a quarter above
        for (size_t k = 0; k < 8; k++)
            has_failed.word[k] =
                bl_random_next(&random) & (k < 4 ? UINT64_MAX : bl_random_next(&random));
        step(&planes[i % N_GROUPS], &has_failed);
        for (size_t lane = 0; lane < BL_LANES && i % N_GROUPS * BL_LANES + lane < N; lane++)
            step_struct(&expected[i % N_GROUPS * BL_LANES + lane], bl_lane_get(&has_failed, lane));
    }
    counter_store_structs(bits, counters, planes, N);

    for (size_t lane = 252; lane < 260; lane++) {
        bl_record_print(&text, &record, planes[0].id, lane);
        bl_buffer_print(&text, "\n");
    }
    printf("%s", text.status == BL_OK ? (char *)text.data : "no memory\n");
    bool is_right = text.status == BL_OK;
    for (int i = 0; i < N; i++)
        is_right = is_right && counters[i].id == expected[i].id
                   && counters[i].failures == expected[i].failures
                   && counters[i].alarm == expected[i].alarm
                   && counters[i].balance == expected[i].balance;
    bl_buffer_clear(&text);
    bl_record_clear(&record);
    return !is_right;
}
