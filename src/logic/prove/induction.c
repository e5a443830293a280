// SPDX-License-Identifier: MIT
// Equal latches by induction over one step (van Eijk: "Sequential equivalence checking based on
// structural similarities", 2000). Classes of latches that agree in random runs from reset are a
// guess. Replace each latch by the head of its class: if then the next states of each class agree
// for all inputs and states, the guess holds for ever, because it holds at reset. Otherwise every
// pattern that tells two next states of a class apart splits the class, and so on until the guess
// is right; the largest right one is found, up to questions that the solver gives up.
//
// The guess needs no clauses: it is in the graph, where constants fold as they are copied. What
// ternary simulation from reset finds constant therefore takes no question at all.

#include "induction.h"

#include "copy.h"
#include "patterns.h"
#include "runs.h"

#include "base/try.h"

#include <assert.h>

enum {
    N_RUNS = 4,
    MAX_FRAMES = 64,
    MAX_IDLE_FRAMES = 12,
    FIRST_CONFLICTS = 200,
    MAX_CONFLICTS = 4000
};

static uint32_t n_things(const induction *n) { return n->g->n_latches + 1; }

static void take_states(induction *n, const runs *r)
{
    bl_plane_fill(&n->planes[0], false);
    for (uint32_t i = 0; i < n->g->n_latches; i++)
        n->planes[i + 1] = r->planes[n->g->latches[i].node];
}

static bl_status refine_by_run(induction *n, runs *r)
{
    uint32_t n_idle = 0;
    for (uint32_t f = 0; f < MAX_FRAMES && n_idle < MAX_IDLE_FRAMES; f++) {
        take_states(n, r);
        if (!n->things.head)
            TRY(classes_create(&n->things, n_things(n), n->planes, n->allocator));
        uint32_t n_new;
        TRY(classes_refine(&n_new, &n->things, n->planes));
        n_idle = n_new == 0 ? n_idle + 1 : 0;
        runs_simulate(r);
        runs_step(r);
    }
    return BL_OK;
}

bl_lit induction_representative(const induction *n, uint32_t i)
{
    return bl_lit_not_if(2 * n->things.head[i + 1], classes_differ(&n->things, i + 1));
}

// Random planes of different unknown values are never equal in all likelihood; this makes it sure.
static void separate_unknowns(induction *n)
{
    for (uint32_t i = 0; i < n->g->n_latches; i++) {
        bl_lit r = induction_representative(n, i);
        bl_lit first = bl_lit_node(r) ? n->first[bl_lit_node(r) - 1] : BL_LIT_FALSE;
        if (n->first[i] != bl_lit_not_if(first, bl_lit_is_complemented(r)))
            classes_remove(&n->things, i + 1);
    }
}

static bl_status guess(induction *n)
{
    runs r;
    TRY(runs_create(&r, n->g, n->allocator));
    bl_status status = BL_OK;
    for (uint32_t k = 0; k < N_RUNS && status == BL_OK; k++) {
        runs_reset(&r, n->first, n->params->seed, k);
        status = refine_by_run(n, &r);
    }
    runs_destroy(&r);
    if (status == BL_OK)
        separate_unknowns(n);
    return status;
}

static void add_free_nodes(bl_graph *to, bl_lit *lit, const induction *n)
{
    const bl_graph *g = n->g;
    for (uint32_t i = 0; i < g->n_inputs; i++)
        lit[g->inputs[i].node] = bl_graph_input(to, bl_graph_name(g, g->inputs[i].name));
    for (uint32_t i = 0; i < g->n_latches; i++)
        lit[g->latches[i].node] =
            bl_graph_latch(to, g->latches[i].reset, bl_graph_name(g, g->latches[i].name));
    if (to->status != BL_OK)
        return;
    for (uint32_t i = 0; i < g->n_latches; i++) {
        bl_lit r = induction_representative(n, i);
        bl_lit head = bl_lit_node(r) ? 2 * to->latches[bl_lit_node(r) - 1].node : BL_LIT_FALSE;
        lit[g->latches[i].node] = bl_lit_not_if(head, bl_lit_is_complemented(r));
    }
}

bl_status induction_copy(bl_graph **copy, bl_lit *lit, const induction *n)
{
    bl_graph *to;
    TRY(bl_graph_create(&to, n->allocator));
    lit[0] = BL_LIT_FALSE;
    add_free_nodes(to, lit, n);
    copy_ands(to, lit, n->g, NULL);
    bl_status status = to->status;
    if (status == BL_OK)
        *copy = to;
    else
        bl_graph_destroy(&to);
    return status;
}

// The next states of all things under patterns of the swept graph.
static bl_status refine_by_patterns(void *context, const bl_plane *planes)
{
    induction *n = context;
    bl_plane_fill(&n->planes[0], false);
    for (uint32_t i = 0; i < n->g->n_latches; i++)
        n->planes[i + 1] = plane_of(planes, n->next[i]);
    uint32_t n_new;
    return classes_refine(&n_new, &n->things, n->planes);
}

// Pairs of next states that must be equal; things[k] is the member that pair k is about.
static uint32_t list_pairs(sweep_pair *pairs, uint32_t *things, const induction *n)
{
    uint32_t n_pairs = 0;
    for (uint32_t i = 0; i < n->g->n_latches; i++) {
        bl_lit r = induction_representative(n, i);
        if (bl_lit_node(r) == i + 1)
            continue;
        bl_lit head = bl_lit_node(r) ? n->next[bl_lit_node(r) - 1] : BL_LIT_FALSE;
        bl_lit wanted = bl_lit_not_if(head, bl_lit_is_complemented(r));
        if (n->next[i] == wanted)
            continue;
        pairs[n_pairs] = (sweep_pair){.a = n->next[i], .b = wanted};
        things[n_pairs++] = i + 1;
    }
    return n_pairs;
}

// Splits what differs (refine_by_patterns did) and what was given up.
static bool settle(induction *n, const sweep_pair *pairs, const uint32_t *things, uint32_t n_pairs)
{
    bool is_right = true;
    for (uint32_t k = 0; k < n_pairs; k++) {
        is_right &= pairs[k].state == PAIR_EQUAL;
        if (pairs[k].state != PAIR_OPEN)
            continue;
        n->n_undecided += n->things.head[things[k]] != things[k];
        classes_remove(&n->things, things[k]);
    }
    return is_right;
}

static bl_status check_guess(bool *is_right, induction *n, bl_lit *lit, sweep_pair *pairs,
                             uint32_t *things)
{
    bl_graph *copy = NULL;
    TRY(induction_copy(&copy, lit, n));
    for (uint32_t i = 0; i < n->g->n_latches; i++)
        n->next[i] = copied(lit, n->g->latches[i].next);
    uint32_t n_pairs = list_pairs(pairs, things, n);
    *is_right = n_pairs == 0;
    if (n_pairs == 0) {
        bl_graph_destroy(&copy);
        return BL_OK;
    }
    uint32_t max = n->params->max_conflicts ? n->params->max_conflicts : MAX_CONFLICTS;
    sweeper s = {.task = {.g = copy,
                          .pairs = pairs,
                          .n_pairs = n_pairs,
                          .on_patterns = refine_by_patterns,
                          .context = n,
                          .first_conflicts = max < FIRST_CONFLICTS ? max : FIRST_CONFLICTS,
                          .max_conflicts = max,
                          .deadline_ns = n->deadline_ns,
                          .params = n->params,
                          .step = "induction",
                          .allocator = n->allocator}};
    bl_status status = sweeper_run(&s);
    if (status == BL_OK)
        *is_right = settle(n, pairs, things, n_pairs);
    sweeper_clear(&s);
    bl_graph_destroy(&copy);
    return status;
}

bl_status induction_run(induction *n)
{
    const bl_allocator *m = n->allocator;
    uint32_t n_latches = n->g->n_latches, n_nodes = n->g->n_nodes;
    n->planes = bl_alloc_array(m, n_things(n), sizeof *n->planes);
    n->next = bl_alloc_array(m, n_things(n), sizeof *n->next);
    bl_lit *lit = bl_alloc_array(m, n_nodes, sizeof *lit);
    sweep_pair *pairs = bl_alloc_array(m, n_things(n), sizeof *pairs);
    uint32_t *things = bl_alloc_array(m, n_things(n), sizeof *things);
    bl_status status = n->planes && n->next && lit && pairs && things ? guess(n) : BL_ERR_MEMORY;
    bool is_right = n_latches == 0;
    while (status == BL_OK && !is_right)
        status = check_guess(&is_right, n, lit, pairs, things);
    bl_free(m, lit, n_nodes * sizeof *lit);
    bl_free(m, pairs, n_things(n) * sizeof *pairs);
    bl_free(m, things, n_things(n) * sizeof *things);
    return status;
}

void induction_clear(induction *n)
{
    bl_free(n->allocator, n->planes, n_things(n) * sizeof *n->planes);
    bl_free(n->allocator, n->next, n_things(n) * sizeof *n->next);
    classes_clear(&n->things);
    n->planes = NULL;
    n->next = NULL;
}
