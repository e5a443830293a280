// SPDX-License-Identifier: MIT
// The order in which units run. The interpreter decides once per run of units of one kind, and a
// wrong guess of the CPU there costs as much as several LUTs; so runs should be long. In windows of
// 1024 units, where operands stay near, units that are ready wait in one line per kind: the kind
// goes on as long as its line has somebody, and units that have become ready meanwhile join it;
// then the longest line is next. The carry chain of an adder becomes one run of full adders.

#include "logic/map/unit.h"

#include <string.h>

enum { WINDOW = 1024 };
static const uint16_t NOBODY = UINT16_MAX;

typedef struct line {
    uint16_t first, last, n;
} line;

typedef struct window {
    const unit *units;
    uint32_t n;
    uint16_t n_missing[WINDOW];     // operands that have not run yet
    uint16_t behind[WINDOW];        // the next one in the line
    uint16_t readers[WINDOW];       // the first edge to a reader
    uint16_t next_edge[3 * WINDOW]; // edge 3 * reader + operand
    line lines[N_KINDS];
} window;

static void join_line(window *w, uint16_t i)
{
    line *l = &w->lines[w->units[i].kind];
    w->behind[i] = NOBODY;
    if (l->n++ == 0)
        l->first = i;
    else
        w->behind[l->last] = i;
    l->last = i;
}

static uint32_t longest_line(const window *w)
{
    uint32_t best = 0;
    for (uint32_t t = 1; t < N_KINDS; t++)
        if (w->lines[t].n > w->lines[best].n)
            best = t;
    return best;
}

// position[node] is 1 + the place in the window of the unit whose result is the node, otherwise 0.
static void connect(window *w, const uint32_t *position)
{
    memset(w->readers, 0xFF, sizeof w->readers);
    memset(w->lines, 0, sizeof w->lines);
    for (uint16_t i = 0; i < w->n; i++) {
        w->n_missing[i] = 0;
        for (uint16_t k = 0; k < 3; k++) {
            uint32_t source = position[w->units[i].leaf[k]];
            if (source == 0)
                continue;
            uint16_t edge = (uint16_t)(3 * i + k);
            w->next_edge[edge] = w->readers[source - 1];
            w->readers[source - 1] = edge;
            w->n_missing[i]++;
        }
    }
    for (uint16_t i = 0; i < w->n; i++)
        if (w->n_missing[i] == 0)
            join_line(w, i);
}

static void schedule_window(uint32_t *order, window *w)
{
    uint32_t kind = 0;
    for (uint32_t n = 0; n < w->n; n++) {
        if (w->lines[kind].n == 0)
            kind = longest_line(w);
        line *l = &w->lines[kind];
        uint16_t i = l->first;
        l->first = w->behind[i];
        l->n--;
        order[n] = i;
        for (uint16_t edge = w->readers[i]; edge != NOBODY; edge = w->next_edge[edge])
            if (--w->n_missing[edge / 3] == 0)
                join_line(w, (uint16_t)(edge / 3));
    }
}

static void note_results(uint32_t *position, const unit *u, uint32_t value)
{
    position[u->result] = value;
    if (u->second != NO_RESULT)
        position[u->second] = value;
}

// Units from `first` on that are put in order together: counts, which stay as they are, or others.
static uint32_t window_length(const unit_list *list, uint32_t first)
{
    uint32_t n = 1;
    bool is_count = list->units[first].kind == COUNT_KIND;
    while (n < WINDOW && first + n < list->n
           && (list->units[first + n].kind == COUNT_KIND) == is_count)
        n++;
    return n;
}

void units_schedule(uint32_t *order, const unit_list *list, uint32_t *position)
{
    window w;
    for (uint32_t first = 0; first < list->n; first += w.n) {
        w.units = list->units + first;
        w.n = window_length(list, first);
        for (uint32_t i = 0; i < w.n; i++)
            note_results(position, &w.units[i], i + 1);
        connect(&w, position);
        schedule_window(order + first, &w);
        for (uint32_t i = 0; i < w.n; i++) {
            note_results(position, &w.units[i], 0);
            order[first + i] += first;
        }
    }
}
