// SPDX-License-Identifier: MIT

#include "bench.h"

#include <stdlib.h>

enum { MAX_PAIRS = 2001, WARM_UP = 2 };

static int compare(const void *x, const void *y)
{
    double a = *(const double *)x, b = *(const double *)y;
    return a < b ? -1 : a > b;
}

static double quantile(double *values, size_t n, double q)
{
    qsort(values, n, sizeof *values, compare);
    return values[(size_t)(q * (double)(n - 1) + 0.5)];
}

static double time_ns(bench_run *run, void *context)
{
    uint64_t begun = bl_time_ns();
    run(context);
    return (double)(bl_time_ns() - begun);
}

void bench_pair(bench_line *line, bench_run *contender, bench_run *anchor, void *contender_context,
                void *anchor_context, double seconds)
{
    static double ratios[MAX_PAIRS], ours[MAX_PAIRS], theirs[MAX_PAIRS];
    for (int i = 0; i < WARM_UP; i++) {
        contender(contender_context);
        anchor(anchor_context);
    }
    size_t n = 0;
    uint64_t begun = bl_time_ns();
    while (n < MAX_PAIRS && (n < 5 || (double)(bl_time_ns() - begun) < seconds * 1e9)) {
        bool is_first = n % 2; // whoever begins has no advantage
        double a = is_first ? time_ns(contender, contender_context) : 0;
        double b = time_ns(anchor, anchor_context);
        a = is_first ? a : time_ns(contender, contender_context);
        ours[n] = a;
        theirs[n] = b;
        ratios[n++] = a / b;
    }
    line->ratio = quantile(ratios, n, 0.5);
    line->low = quantile(ratios, n, 0.25);
    line->high = quantile(ratios, n, 0.75);
    line->contender_ns = quantile(ours, n, 0.5);
    line->anchor_ns = quantile(theirs, n, 0.5);
}

#if defined(__x86_64__) || defined(__aarch64__)
static void chain(uint64_t n)
{
    uint64_t x = 1;
    for (uint64_t i = 0; i < n; i += 8)
#if defined(__x86_64__)
#define STEP "add %0, %0\n\t"
        __asm__ volatile(STEP STEP STEP STEP STEP STEP STEP STEP : "+r"(x));
#else
#define STEP "add %0, %0, %0\n\t"
        __asm__ volatile(STEP STEP STEP STEP STEP STEP STEP STEP : "+r"(x));
#endif
}

double bench_cycle_ns(void)
{
    enum { N = 200000 };
    double best = 0;
    for (int i = 0; i < 20; i++) {
        uint64_t begun = bl_time_ns();
        chain(N);
        double ns = (double)(bl_time_ns() - begun) / N;
        best = best > 0 && best < ns ? best : ns;
    }
    return best;
}
#else
double bench_cycle_ns(void) { return 0; }
#endif
