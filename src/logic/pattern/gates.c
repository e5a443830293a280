// SPDX-License-Identifier: MIT
// Automata as graphs. DEAD is the number 0, so what leads nowhere needs no gates.
//
//     at[s]     = state bits are s                                one AND each, over shared halves
//     class[c]  = byte is in class c                              by halving the 256 bytes
//     reach[t]  = OR over s of at[s] and the classes from s to t
//     next bit  = OR over t that have it of reach[t]
//     allowed   = OR over s that go on with class c of at[s]

#include "pattern_private.h"

#include "base/try.h"

#include <stdio.h>
#include <string.h>

typedef struct weaving {
    const bl_pattern *p;
    bl_graph *g;
    uint32_t n_bits;
    bl_lit byte[8], bits[32];
    bl_lit classes[256];
    bl_lit *at, *reach, *halves[2];
} weaving;

// The bytes first .. first + 2^n_bits - 1 that are in class c, as a function of the low bits.
static bl_lit class_of_low_bits(weaving *w, uint32_t c, uint32_t first, uint32_t n_bits)
{
    uint32_t n = 0;
    for (uint32_t b = first; b < first + (1u << n_bits); b++)
        n += w->p->class_of[b] == c;
    if (n == 0 || n == 1u << n_bits)
        return n ? BL_LIT_TRUE : BL_LIT_FALSE;
    bl_lit low = class_of_low_bits(w, c, first, n_bits - 1);
    bl_lit high = class_of_low_bits(w, c, first + (1u << (n_bits - 1)), n_bits - 1);
    return bl_graph_mux(w->g, w->byte[n_bits - 1], high, low);
}

// out[k] = the n bits are k, for all k.
static void decode(bl_graph *g, bl_lit *out, const bl_lit *bits, uint32_t n)
{
    out[0] = BL_LIT_TRUE;
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t k = 0; k < 1u << i; k++) {
            out[k | 1u << i] = bl_graph_and(g, out[k], bits[i]);
            out[k] = bl_graph_and(g, out[k], bl_lit_not(bits[i]));
        }
}

static void find_states(weaving *w)
{
    uint32_t low = w->n_bits / 2, high = w->n_bits - low;
    decode(w->g, w->halves[0], w->bits, low);
    decode(w->g, w->halves[1], w->bits + low, high);
    for (uint32_t s = 1; s < w->p->n_states; s++)
        w->at[s] = bl_graph_and(w->g, w->halves[1][s >> low], w->halves[0][s & ((1u << low) - 1)]);
}

// Classes of a state one after the other, those that lead to the same state together.
static void find_reached(weaving *w)
{
    const bl_pattern *p = w->p;
    for (uint32_t t = 0; t < p->n_states; t++)
        w->reach[t] = BL_LIT_FALSE;
    for (uint32_t s = 1; s < p->n_states; s++) {
        const uint32_t *next = p->next + (size_t)s * p->n_classes;
        bool is_done[256] = {false};
        for (uint32_t c = 0; c < p->n_classes; c++) {
            bl_lit on = BL_LIT_FALSE;
            for (uint32_t d = c; d < p->n_classes && next[c] && !is_done[c]; d++)
                if (next[d] == next[c]) {
                    on = bl_graph_or(w->g, on, w->classes[d]);
                    is_done[d] = d != c;
                }
            on = bl_graph_and(w->g, w->at[s], on);
            w->reach[next[c]] = bl_graph_or(w->g, w->reach[next[c]], on);
        }
    }
}

static void set_next(weaving *w)
{
    for (uint32_t i = 0; i < w->n_bits; i++) {
        bl_lit next = BL_LIT_FALSE;
        for (uint32_t t = 1; t < w->p->n_states; t++)
            if (t >> i & 1)
                next = bl_graph_or(w->g, next, w->reach[t]);
        bl_graph_set_next(w->g, i, next);
    }
}

static void set_outputs(weaving *w)
{
    const bl_pattern *p = w->p;
    char name[24];
    for (uint32_t c = 0; c < p->n_classes; c++) {
        bl_lit allowed = BL_LIT_FALSE;
        for (uint32_t s = 1; s < p->n_states; s++)
            if (p->next[(size_t)s * p->n_classes + c])
                allowed = bl_graph_or(w->g, allowed, w->at[s]);
        snprintf(name, sizeof name, "allowed[%u]", c);
        bl_graph_output(w->g, allowed, name);
    }
    bl_lit complete = BL_LIT_FALSE;
    for (uint32_t s = 1; s < p->n_states; s++)
        if (p->is_complete[s])
            complete = bl_graph_or(w->g, complete, w->at[s]);
    bl_graph_output(w->g, complete, "complete");
}

static void set_inputs(weaving *w, pattern_graph what)
{
    char name[24];
    for (uint32_t i = 0; i < 8 && what != PATTERN_ALLOWED; i++) {
        snprintf(name, sizeof name, "byte[%u]", i);
        w->byte[i] = bl_graph_input(w->g, name);
    }
    for (uint32_t i = 0; i < w->n_bits; i++) {
        snprintf(name, sizeof name, "state[%u]", i);
        bl_reset reset = BL_PATTERN_START >> i & 1 ? BL_RESET_ONE : BL_RESET_ZERO;
        w->bits[i] = what == PATTERN_ALLOWED ? bl_graph_input(w->g, name)
                                             : bl_graph_latch(w->g, reset, name);
    }
    for (uint32_t c = 0; c < w->p->n_classes && what != PATTERN_ALLOWED; c++)
        w->classes[c] = class_of_low_bits(w, c, 0, 8);
}

bl_status pattern_graph_create(bl_graph **graph, const bl_pattern *p, pattern_graph what,
                               const bl_allocator *allocator)
{
    weaving w = {.p = p, .n_bits = pattern_bits(p)};
    size_t half = (size_t)1 << (w.n_bits - w.n_bits / 2);
    TRY(bl_graph_create(&w.g, allocator));
    w.at = bl_alloc_array(allocator, p->n_states, sizeof *w.at);
    w.reach = bl_alloc_array(allocator, p->n_states, sizeof *w.reach);
    w.halves[0] = bl_alloc_array(allocator, half, sizeof *w.halves[0]);
    w.halves[1] = bl_alloc_array(allocator, half, sizeof *w.halves[1]);
    bl_status status = w.at && w.reach && w.halves[0] && w.halves[1] ? BL_OK : BL_ERR_MEMORY;
    if (status == BL_OK) {
        set_inputs(&w, what);
        find_states(&w);
        if (what != PATTERN_ALLOWED) {
            find_reached(&w);
            set_next(&w);
        }
        if (what != PATTERN_STEP)
            set_outputs(&w);
        status = w.g->status;
    }
    bl_free(allocator, w.at, p->n_states * sizeof *w.at);
    bl_free(allocator, w.reach, p->n_states * sizeof *w.reach);
    bl_free(allocator, w.halves[0], half * sizeof *w.halves[0]);
    bl_free(allocator, w.halves[1], half * sizeof *w.halves[1]);
    if (status == BL_OK)
        *graph = w.g;
    else
        bl_graph_destroy(&w.g);
    return status;
}

bl_status bl_pattern_to_graph(bl_graph **graph, const bl_pattern *pattern,
                              const bl_allocator *allocator)
{
    return pattern_graph_create(graph, pattern, PATTERN_BOTH, allocator);
}
