// SPDX-License-Identifier: MIT
// An order for few loads and stores. List scheduling over the order that is there (trace_reorder's
// makes a good one): among the units that are ready, near in that order and touched by values used
// lately, the next one is that which
//
//     lets most values die          a register is free again
//     uses values used lately       they are still in registers
//     is early in the old order     nothing is forgotten
//
// It takes a fifth to a third off the code of arithmetic circuits.

#include "logic/code/trace.h"

#include <string.h>

enum {
    MAX_READY = 40,   // units that are looked at
    MAX_READERS = 24, // of one value that are looked at
    DEATH_OF_RESULT = 40,
    DEATH_OF_SOURCE = 20,
    NEW_SOURCE = 25,
    LATENESS = 20, // at the far end of the window
    OLDEST = 20    // the most that age counts
};

typedef struct scheduler {
    trace *t;
    uint32_t window;
    uint32_t *first_reader, *readers; // of each value; units, by the op they begin with
    uint32_t *n_left;                 // of each value: readers that have not run
    uint32_t *touched;                // of each value: when it was used last, 0 = never
    uint8_t *n_missing;               // of each unit: operands that have not been computed
    uint8_t *is_done, *is_ready;      // of each unit; ready: in the list
    uint32_t ready[MAX_READY], n_ready;
    uint32_t clock, lowest; // the first unit of the old order that has not run
    trace_op *ops;
    uint32_t *place;
    uint32_t n;
} scheduler;

static uint32_t unit_ops(const scheduler *s, uint32_t unit) { return 1 + s->t->ops[unit].has_mate; }

// Source 0 is the constant, which no operation reads.
static void count_readers(scheduler *s)
{
    const trace *t = s->t;
    for (uint32_t i = 0; i < t->n_ops; i += unit_ops(s, i))
        for (uint32_t k = 0; k < 3; k++) {
            uint32_t v = t->ops[i].source[k];
            s->first_reader[v + 1] += v != 0;
            s->n_left[v]++;
            s->n_missing[i] = (uint8_t)(s->n_missing[i] + (v >= t->n_sources));
        }
    uint32_t n_values = t->n_sources + t->n_ops;
    for (uint32_t v = 0; v < n_values; v++)
        s->first_reader[v + 1] += s->first_reader[v];
    for (uint32_t i = 0; i < t->n_ops; i += unit_ops(s, i))
        for (uint32_t k = 0; k < 3; k++) {
            uint32_t v = t->ops[i].source[k];
            if (v != 0)
                s->readers[s->first_reader[v]++] = i;
        }
    for (uint32_t v = n_values; v > 0; v--)
        s->first_reader[v] = s->first_reader[v - 1];
    s->first_reader[0] = 0;
}

static void offer(scheduler *s, uint32_t unit)
{
    if (s->n_missing[unit] == 0 && !s->is_done[unit] && !s->is_ready[unit] && s->n_ready < MAX_READY
        && unit - s->lowest < s->window) {
        s->ready[s->n_ready++] = unit;
        s->is_ready[unit] = 1;
    }
}

static void offer_readers(scheduler *s, uint32_t value)
{
    uint32_t first = s->first_reader[value], end = s->first_reader[value + 1];
    if (end - first > MAX_READERS)
        end = first + MAX_READERS;
    for (uint32_t i = first; i < end; i++)
        offer(s, s->readers[i]);
}

static int score(const scheduler *s, uint32_t unit)
{
    const trace_op *op = &s->t->ops[unit];
    int points = -(int)((uint64_t)(unit - s->lowest) * LATENESS / s->window);
    for (uint32_t k = 0; k < 3; k++) {
        uint32_t v = op->source[k];
        if (v == 0)
            continue;
        bool is_source = v < s->t->n_sources;
        if (s->n_left[v] == 1)
            points += is_source ? DEATH_OF_SOURCE : DEATH_OF_RESULT;
        uint32_t age = (s->clock - s->touched[v]) / 2;
        points -= s->touched[v] == 0 ? NEW_SOURCE : age < OLDEST ? (int)age : OLDEST;
    }
    return points;
}

// The best of the list, which it leaves; the lowest unit if the list is empty.
static uint32_t choose(scheduler *s)
{
    offer(s, s->lowest);
    if (s->n_ready == 0)
        return s->lowest;
    uint32_t best = 0;
    int most = score(s, s->ready[0]);
    for (uint32_t i = 1; i < s->n_ready; i++) {
        int points = score(s, s->ready[i]);
        if (points > most || (points == most && s->ready[i] < s->ready[best])) {
            most = points;
            best = i;
        }
    }
    uint32_t unit = s->ready[best];
    s->ready[best] = s->ready[--s->n_ready];
    s->is_ready[unit] = 0;
    return unit;
}

static void run_unit(scheduler *s, uint32_t unit)
{
    const trace *t = s->t;
    uint32_t n = unit_ops(s, unit);
    s->is_done[unit] = 1;
    s->clock++;
    for (uint32_t k = 0; k < n; k++) {
        s->ops[s->n] = t->ops[unit + k];
        s->place[unit + k] = s->n++;
        uint32_t value = t->n_sources + unit + k;
        s->touched[value] = s->clock;
        for (uint32_t i = s->first_reader[value]; i < s->first_reader[value + 1]; i++)
            s->n_missing[s->readers[i]]--;
        offer_readers(s, value);
    }
    for (uint32_t k = 0; k < 3; k++) {
        uint32_t v = t->ops[unit].source[k];
        if (v == 0)
            continue;
        s->n_left[v]--;
        s->touched[v] = s->clock;
        offer_readers(s, v);
    }
    while (s->lowest < t->n_ops && s->is_done[s->lowest])
        s->lowest += unit_ops(s, s->lowest);
}

static void renumber(scheduler *s)
{
    uint32_t first = s->t->n_sources;
    for (uint32_t i = 0; i < s->n; i++)
        for (uint32_t k = 0; k < 3; k++)
            if (s->ops[i].source[k] >= first)
                s->ops[i].source[k] = first + s->place[s->ops[i].source[k] - first];
    for (uint32_t i = 0; i < s->t->n_stores; i++)
        s->t->stores[i].op = s->place[s->t->stores[i].op];
}

bl_status trace_schedule(trace *t, uint32_t window)
{
    scheduler s = {.t = t, .window = window};
    const bl_allocator *a = t->allocator;
    size_t n = t->n_ops, n_values = (size_t)t->n_sources + n, n_readers = 3 * n;
    s.first_reader = bl_alloc_array(a, n_values + 1, sizeof *s.first_reader);
    s.readers = bl_alloc_array(a, n_readers, sizeof *s.readers);
    s.n_left = bl_alloc_array(a, n_values, sizeof *s.n_left);
    s.touched = bl_alloc_array(a, n_values, sizeof *s.touched);
    s.n_missing = bl_alloc_array(a, n, sizeof *s.n_missing);
    s.is_done = bl_alloc_array(a, n, sizeof *s.is_done);
    s.is_ready = bl_alloc_array(a, n, sizeof *s.is_ready);
    s.place = bl_alloc_array(a, n, sizeof *s.place);
    s.ops = bl_alloc_array(a, t->op_capacity, sizeof *s.ops);
    bl_status status = BL_ERR_MEMORY;
    if (s.first_reader && s.readers && s.n_left && s.touched && s.n_missing && s.is_done
        && s.is_ready && s.place && s.ops) {
        count_readers(&s);
        while (s.n < t->n_ops)
            run_unit(&s, choose(&s));
        renumber(&s);
        trace_op *old = t->ops;
        t->ops = s.ops;
        s.ops = old;
        status = BL_OK;
    }
    bl_free(a, s.first_reader, (n_values + 1) * sizeof *s.first_reader);
    bl_free(a, s.readers, n_readers * sizeof *s.readers);
    bl_free(a, s.n_left, n_values * sizeof *s.n_left);
    bl_free(a, s.touched, n_values * sizeof *s.touched);
    bl_free(a, s.n_missing, n * sizeof *s.n_missing);
    bl_free(a, s.is_done, n * sizeof *s.is_done);
    bl_free(a, s.is_ready, n * sizeof *s.is_ready);
    bl_free(a, s.place, n * sizeof *s.place);
    bl_free(a, s.ops, t->op_capacity * sizeof *s.ops);
    return status;
}
