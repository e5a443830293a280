// SPDX-License-Identifier: MIT
// Resubstitution: each gate is asked what else could compute it.
//
//     gain = gates that only it has read - gates that must be made
//
// In the window of the gate: no divisors (a constant), one (a copy), up to three (any new gate),
// four or five (two gates, if the function decomposes). Divisors that only this gate has read may
// be used too, they and what they read then stay and count for less. Because a gate is any function
// of three inputs, one search covers AND, XOR, multiplexer and majority resubstitution.

#include "dependence.h"
#include "decompose.h"
#include "passes.h"

#include "base/try.h"

#include <string.h>

enum { MAX_GATES_FREED = 100, TIME_CHECK = 64, ENOUGH = 2000 };

typedef struct attempt {
    network *net;
    const window *w;
    const resubstitution *r;
    uint32_t n_freed; // if nothing that only the root reads is kept
    const support *s; // of the decompositions that are tried
    bl_lit by;        // the result
} attempt;

static bool is_gain(const attempt *a, uint32_t n_freed, uint32_t n_made)
{
    return n_freed > n_made || (n_freed == n_made && a->r->allows_neutral);
}

// Gates that go if the support is kept, and one more gate if it is not NO_LIT.
static uint32_t count_freed(attempt *a, const support *s, bl_lit inner)
{
    uint32_t kept[MAX_SUPPORT + 1], n = 0;
    for (uint32_t i = 0; i < s->n; i++)
        kept[n++] = a->w->divisor[s->divisor[i]];
    if (inner != NO_LIT)
        kept[n++] = bl_lit_node(inner);
    return network_count_exclusive(a->net, a->w->root, NULL, MAX_GATES_FREED, kept, n);
}

static bl_lit divisor_lit(const attempt *a, const support *s, uint32_t i)
{
    return i < s->n ? 2 * a->w->divisor[s->divisor[i]] : BL_LIT_FALSE;
}

// Rows without input i are those of the others: the table is repeated.
static uint8_t table_of(const support *s)
{
    uint32_t table = s->on;
    for (uint32_t n = s->n; n < MAX_FANINS; n++)
        table |= table << (1u << n);
    return (uint8_t)table;
}

static bool accept_one_gate(void *context, const support *s)
{
    attempt *a = context;
    bl_lit fanin[MAX_FANINS];
    for (uint32_t i = 0; i < MAX_FANINS; i++)
        fanin[i] = divisor_lit(a, s, i);
    bl_lit known = network_find(a->net, table_of(s), fanin);
    if (known != NO_LIT && bl_lit_node(known) == a->w->root)
        return false;
    if (!is_gain(a, count_freed(a, s, known), known == NO_LIT))
        return false;
    a->by = network_lut(a->net, table_of(s), fanin);
    return true;
}

static bool accept_decomposition(void *context, const decomposition *d)
{
    attempt *a = context;
    bl_lit fanin[MAX_FANINS] = {0};
    for (uint32_t i = 0; i < d->n_inner_inputs; i++)
        fanin[i] = divisor_lit(a, a->s, d->inner_input[i]);
    bl_lit inner = network_find(a->net, d->inner_table, fanin);
    if (inner != NO_LIT && bl_lit_node(inner) == a->w->root)
        return false;
    if (!is_gain(a, count_freed(a, a->s, inner), inner == NO_LIT ? 2 : 1))
        return false;
    inner = network_lut(a->net, d->inner_table, fanin);
    bl_lit outer[MAX_FANINS] = {divisor_lit(a, a->s, d->outer_input[0]),
                                divisor_lit(a, a->s, d->outer_input[1]), inner};
    a->by = network_lut(a->net, d->outer_table, outer);
    network_release(a->net, bl_lit_node(inner)); // where the outer gate does without
    return true;
}

static bool accept_two_gates(void *context, const support *s)
{
    attempt *a = context;
    if (s->n <= a->r->n_fanins)
        return accept_one_gate(context, s);
    a->s = s;
    if (!is_gain(a, count_freed(a, s, NO_LIT), 1)) // one of the two may exist
        return false;
    return decompose(s->on, s->off, s->n, accept_decomposition, a);
}

// Divisors that only the root has read; leaves among them count like the others.
static uint64_t find_exclusive(attempt *a)
{
    uint32_t members[MAX_GATES_FREED];
    uint64_t exclusive = 0;
    a->n_freed = network_count_exclusive(a->net, a->w->root, members, MAX_GATES_FREED, NULL, 0);
    for (uint32_t i = 0; i < a->n_freed; i++) {
        uint32_t mark = a->net->gates[members[i]].mark - a->net->stamp;
        if (mark < a->w->n_divisors)
            exclusive |= UINT64_C(1) << mark;
    }
    return exclusive;
}

static bool find_replacement(attempt *a)
{
    const resubstitution *r = a->r;
    uint64_t all = a->w->n_divisors == 64 ? ~UINT64_C(0) : (UINT64_C(1) << a->w->n_divisors) - 1;
    uint64_t others = all & ~find_exclusive(a);
    bool one_gains = is_gain(a, a->n_freed, 1);
    dependence d;
    dependence_begin(&d, a->w, (uint32_t)bl_mix64(r->salt ^ (uint64_t)a->w->root << 32));
    if (dependence_search(&d, others, one_gains ? r->n_fanins : 1, r->n_steps, accept_one_gate, a))
        return true;
    if (one_gains && dependence_search(&d, all, r->n_fanins, r->n_steps, accept_one_gate, a))
        return true;
    return r->n_support > r->n_fanins && is_gain(a, a->n_freed, 2)
           && dependence_search(&d, all, r->n_support, 4 * r->n_steps, accept_two_gates, a);
}

static void resubstitute_gate(network *net, const resubstitution *r, window *w, uint32_t id)
{
    window_open(w, net, id, &r->limits);
    attempt a = {.net = net, .w = w, .r = r};
    if (find_replacement(&a) && net->status == BL_OK) {
        if (bl_lit_node(a.by) == id)
            return;
        network_replace(net, id, a.by);
    }
}

static void resubstitute_all(network *net, const resubstitution *r, const deadline *d)
{
    window w;
    uint32_t n = net->n;
    for (uint32_t id = net->n_sources + 1; id < n && net->status == BL_OK; id++) {
        if (!network_is_gate(net, id))
            continue;
        if (id % TIME_CHECK == 0 && deadline_is_over(d))
            return;
        resubstitute_gate(net, r, &w, id);
    }
}

static bl_status open_network(network *net, const bl_graph *g, uint32_t n_fanins,
                              const bl_allocator *allocator)
{
    if (n_fanins == 2)
        return network_from_graph(net, g, allocator);
    bl_netlist *luts = NULL;
    bl_status status = bl_netlist_map(&luts, g, NULL, allocator);
    if (status == BL_OK)
        status = network_from_netlist(net, luts, allocator);
    bl_netlist_destroy(&luts);
    return status;
}

static bl_status tidy(network *net)
{
    network copy;
    if (net->status != BL_OK)
        return net->status;
    TRY(network_copy(&copy, net));
    network_destroy(net);
    *net = copy;
    return BL_OK;
}

static bl_status run_rounds(network *net, const resubstitution *r, const deadline *d)
{
    resubstitution now = *r; // another place to begin each time
    for (uint32_t round = 0; round < r->n_rounds; round++) {
        uint32_t n_before = net->n_luts;
        resubstitute_all(net, &now, d);
        TRY(tidy(net));
        bool is_done = !r->allows_neutral && n_before - net->n_luts <= n_before / ENOUGH;
        if (is_done || deadline_is_over(d))
            break;
        now.salt++;
    }
    return BL_OK;
}

bl_status graph_resubstitute(bl_graph **result, const bl_graph *g, const resubstitution *r,
                             const deadline *d, const bl_allocator *allocator)
{
    network net;
    TRY(open_network(&net, g, r->n_fanins, allocator));
    bl_status status = tidy(&net);
    if (status == BL_OK)
        status = run_rounds(&net, r, d);
    if (status == BL_OK)
        status = graph_from_network(result, &net, g, allocator);
    network_destroy(&net);
    return status;
}
