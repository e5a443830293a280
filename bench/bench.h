// SPDX-License-Identifier: MIT
#ifndef BITLOOM_BENCH_BENCH_H
#define BITLOOM_BENCH_BENCH_H

// Measuring on a shared, noisy machine: two contenders run in turns, a pair gives one ratio, and
// the median of the ratios is what counts.

#include "../apps/bitloom/verbs.h"

typedef void bench_run(void *context);

typedef struct bench_line {
    const char *group, *name, *question, *anchor; // anchor: what the ratio compares with
    double ratio, low, high;        // median and quartiles of contender time / anchor time
    double contender_ns, anchor_ns; // medians, per run
    double units;                   // work in one run of the contender
    const char *unit;               // "bytes", "LUT3 x lanes", ...
    double at_most;                 // the goal for the ratio, 0: none
    double cycles;                  // a unit, 0: not asked
} bench_line;

// Runs both for about `seconds`, in turns; fills ratio, low, high and the two times.
void bench_pair(bench_line *line, bench_run *contender, bench_run *anchor, void *contender_context,
                void *anchor_context, double seconds);

// Nanoseconds of one clock cycle now: a chain of dependent additions. 0 where it is not known how
// to keep the compiler from shortening it.
double bench_cycle_ns(void);

typedef struct bench_settings {
    const char *model, *simplified;
    double seconds;
    bool only_list;
} bench_settings;

// Each group reports its lines one by one; false after printing an error.
typedef struct bench_sink {
    void (*report)(struct bench_sink *sink, const bench_line *line);
} bench_sink;
typedef struct bench_context {
    bench_sink *sink;
    const bench_settings *settings;
    bl_cpu cpu;
} bench_context;

bool bench_batch(const bench_context *c);
bool bench_bits(const bench_context *c);
bool bench_gate(const bench_context *c);
bool bench_record(const bench_context *c);
bool bench_logic(const bench_context *c);
bool bench_melt(const bench_context *c);
bool bench_serve(const bench_context *c);

// Parts of the groups logic (counts, builds) and melt (dense).
bool bench_counts(const bench_context *c);
bool bench_builds(const bench_context *c);
bool bench_dense(const bench_context *c);
bool bench_sizes(const bench_context *c);

#endif
