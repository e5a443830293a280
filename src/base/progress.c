// SPDX-License-Identifier: MIT

#include "progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

enum { BAR = 30 };
static const uint64_t INTERVAL_NS = 100 * UINT64_C(1000000);

static void show(const bl_progress *p, uint64_t done, const char *end)
{
    double seconds = (double)(bl_time_ns() - p->begun_ns) * 1e-9;
    double fraction = p->total ? (double)done / (double)p->total : 0;
    char bar[BAR + 1];
    for (int i = 0; i < BAR; i++)
        bar[i] = i < fraction * BAR ? '#' : '.';
    bar[BAR] = 0;
    double rate = seconds > 0 ? (double)done / seconds : 0;
    if (p->total)
        fprintf(stderr, "\r%s [%s] %3.0f %%  %.3g %s/s  %.0f s left   %s", p->label, bar,
                100 * fraction, rate, p->unit, rate > 0 ? (double)(p->total - done) / rate : 0,
                end);
    else
        fprintf(stderr, "\r%s  %" PRIu64 " %s  %.3g %s/s   %s", p->label, done, p->unit, rate,
                p->unit, end);
}

void bl_progress_begin(bl_progress *p, const char *label, uint64_t total, const char *unit,
                       bool is_quiet)
{
    *p = (bl_progress){.label = label,
                       .unit = unit,
                       .total = total,
                       .begun_ns = bl_time_ns(),
                       .is_visible = !is_quiet && isatty(STDERR_FILENO)};
}

void bl_progress_update(bl_progress *p, uint64_t done)
{
    if (!p->is_visible || bl_time_ns() - p->shown_ns < INTERVAL_NS)
        return;
    p->shown_ns = bl_time_ns();
    show(p, done, "");
}

void bl_progress_end(bl_progress *p, uint64_t done)
{
    if (p->is_visible)
        show(p, done, "\n");
}
