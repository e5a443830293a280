// SPDX-License-Identifier: MIT
// The passes in order, for each effort.
//
//     0        strash that looks at two levels
//     1        strash that looks further, balance
//     2        resubstitution on ANDs and XORs, then on LUT3s
//     3        the same from two beginnings, balanced or not, and with don't-cares
//     4 to 9   rounds of neutral resubstitution, which wanders among networks of equal size until
//              one has a gate too many; in between other views of the same logic
//
// The current graph may become worse for a while; the best one seen is kept, and returned to when
// the current one strays too far. What counts is the number of LUT3s after mapping.

#include "script.h"

#include "base/try.h"

#include <string.h>

enum {
    STRASH_NEAR = 8,
    STRASH_FAR = 256,
    N_LEAVES_2 = 8,
    N_LEAVES_3 = 10,
    N_LEAVES_WANDER = 12,
    N_STEPS = 300,
    N_SWEEP_EFFORT = 5,
    N_WANDER = 4,    // rounds of resubstitution in one round of the script
    SLOW = 700,      // a round that frees less than this part of all LUT3s
    MAX_PENALTY = 7, // turns that a view waits
    MAX_IDLE = 100   // rounds without progress
};

const char *pass_name(pass_kind kind)
{
    static const char *const names[PASS_COUNT] = {"strash",   "balance", "rewrite",
                                                  "refactor", "resub2",  "resub3"};
    return names[kind];
}

bl_status pass_run(bl_graph **result, const bl_graph *g, const pass *p, const deadline *d,
                   const bl_allocator *allocator)
{
    bool is_wide = p->kind == PASS_RESUB3;
    window_limits limits = {
        .n_leaves = p->size, .n_readers = p->has_dont_cares ? 4 : 0, .n_levels = 2};
    refactoring cones = {.limits = limits, .allows_neutral = p->is_neutral};
    resubstitution windows = {.limits = limits,
                              .n_fanins = is_wide ? 3 : 2,
                              .n_support = is_wide ? 5 : 3,
                              .n_steps = N_STEPS,
                              .n_rounds = p->n_rounds,
                              .allows_neutral = p->is_neutral,
                              .salt = p->salt};
    switch (p->kind) {
    case PASS_STRASH: return graph_strash(result, g, p->size, allocator);
    case PASS_BALANCE: return graph_balance(result, g, allocator);
    case PASS_REWRITE: return graph_rewrite(result, g, p->is_neutral, p->salt, d, allocator);
    case PASS_REFACTOR: return graph_refactor(result, g, &cones, d, allocator);
    default: return graph_resubstitute(result, g, &windows, d, allocator);
    }
}

// ------------------------------------------------------------------------------ bookkeeping

static void report(const simplification *s, const char *name, uint64_t pass_ns)
{
    if (!s->params->progress)
        return;
    bl_simplify_step step = {.pass = name,
                             .round = s->round,
                             .n_ands = s->now->n_ands,
                             .n_luts = s->now_luts,
                             .pass_ns = pass_ns,
                             .elapsed_ns = bl_time_ns() - s->begun_ns};
    if (bl_graph_count_levels(&step.n_levels, s->now) == BL_OK) // else it stays 0
        s->params->progress(s->params->progress_context, &step);
}

static const char *port_name(const simplification *s, uint32_t port, uint32_t *index)
{
    bool is_output = port < s->source->n_outputs;
    *index = is_output ? port : port - s->source->n_outputs;
    return is_output ? "output" : "latch";
}

// The patterns always, the proof where it is wanted.
static bl_status check(simplification *s, const char *name, const bl_graph *next)
{
    uint32_t port, index;
    TRY(answers_compare_graph(&port, &s->expected, next));
    if (port != UINT32_MAX) {
        const char *kind = port_name(s, port, &index);
        return bl_diag_set(s->diag, BL_ERR_UNSUPPORTED, NULL, 0, 0,
                           "pass %s changed %s %u, which is a bug of it; a lower effort may do",
                           name, kind, index);
    }
    return s->params->verify ? s->params->verify(s->params->verify_context, s->now, next, s->diag)
                             : BL_OK;
}

// Mapping is too slow for graphs that only strash is meant for.
static bl_status count_luts(uint32_t *n_luts, const simplification *s, const bl_graph *g)
{
    *n_luts = 0;
    if (s->params->effort < 2)
        return BL_OK;
    bl_netlist *luts;
    TRY(bl_netlist_map(&luts, g, NULL, s->allocator));
    *n_luts = luts->n_luts;
    bl_netlist_destroy(&luts);
    return BL_OK;
}

static bool is_better(const simplification *s, uint32_t n_luts, uint32_t n_ands)
{
    uint32_t best_ands = s->best->n_ands;
    return n_luts < s->best_luts || (n_luts == s->best_luts && n_ands < best_ands);
}

// Checks the graph and makes it the current one; it is ours, whatever happens.
static bl_status take(simplification *s, const char *name, bl_graph *next, uint64_t begun_ns)
{
    uint32_t n_luts;
    uint64_t pass_ns = bl_time_ns() - begun_ns;
    bl_status status = check(s, name, next);
    if (status == BL_OK)
        status = count_luts(&n_luts, s, next);
    if (status != BL_OK) {
        bl_graph_destroy(&next);
        return status;
    }
    if (s->now != s->best)
        bl_graph_destroy(&s->now);
    s->now = next;
    s->now_luts = n_luts;
    if (is_better(s, n_luts, next->n_ands)) {
        bl_graph_destroy(&s->best);
        s->best = next;
        s->best_luts = n_luts;
    }
    report(s, name, pass_ns);
    return BL_OK;
}

static void go_back(simplification *s)
{
    if (s->now != s->best)
        bl_graph_destroy(&s->now);
    s->now = s->best;
    s->now_luts = s->best_luts;
}

static bl_status run(simplification *s, pass p)
{
    if (deadline_is_over(&s->end))
        return BL_OK;
    bl_graph *next;
    uint64_t begun_ns = bl_time_ns();
    TRY(pass_run(&next, s->now, &p, &s->end, s->allocator));
    return take(s, pass_name(p.kind), next, begun_ns);
}

static bl_status sweep(simplification *s)
{
    const bl_simplify_params *p = s->params;
    if (!p->sweep || p->effort < N_SWEEP_EFFORT || deadline_is_over(&s->end))
        return BL_OK;
    bl_graph *next;
    uint64_t begun_ns = bl_time_ns(), left_ns = s->end.at_ns ? s->end.at_ns - begun_ns : 0;
    TRY(p->sweep(p->sweep_context, &next, s->now, left_ns / 8, s->allocator));
    return take(s, "sweep", next, begun_ns);
}

// --------------------------------------------------------------------------------- the script

static bl_status strash(simplification *s, uint32_t n_implied)
{
    return run(s, (pass){.kind = PASS_STRASH, .size = n_implied});
}

static bl_status balance(simplification *s)
{
    TRY(run(s, (pass){.kind = PASS_BALANCE}));
    return strash(s, STRASH_FAR);
}

static bl_status rewrite(simplification *s, bool is_neutral)
{
    return run(s, (pass){.kind = PASS_REWRITE, .is_neutral = is_neutral, .salt = s->round});
}

static bl_status refactor(simplification *s, bool is_neutral)
{
    return run(s, (pass){.kind = PASS_REFACTOR,
                         .size = N_LEAVES_3,
                         .is_neutral = is_neutral,
                         .has_dont_cares = true});
}

static bl_status resub2(simplification *s, bool has_dont_cares)
{
    return run(s, (pass){.kind = PASS_RESUB2,
                         .size = N_LEAVES_2,
                         .n_rounds = 3,
                         .has_dont_cares = has_dont_cares});
}

static bl_status resub3(simplification *s, bool has_dont_cares)
{
    return run(s, (pass){.kind = PASS_RESUB3,
                         .size = N_LEAVES_3,
                         .n_rounds = 3,
                         .has_dont_cares = has_dont_cares});
}

// Windows without don't-cares reach deeper with the same leaves: some circuits need one kind, some
// the other.
static bl_status wander(simplification *s, uint32_t n_rounds)
{
    return run(s, (pass){.kind = PASS_RESUB3,
                         .size = N_LEAVES_WANDER,
                         .n_rounds = n_rounds,
                         .has_dont_cares = s->round % 2 == 1,
                         .is_neutral = true,
                         .salt = s->round * 64});
}

// Back to what strash and sweep made of the source.
static bl_status start_over(simplification *s)
{
    bl_graph *copy;
    TRY(graph_strash(&copy, s->start, 0, s->allocator));
    if (s->now != s->best)
        bl_graph_destroy(&s->now);
    s->now = copy;
    return BL_OK;
}

// The beginning decides much, and what is best for one circuit is not for another. Several are
// tried; with a budget, as long as a fifth of it lasts.
static bool has_time_to_begin(const simplification *s)
{
    uint64_t budget_ns = s->params->budget_ns;
    return budget_ns == 0 || bl_time_ns() - s->begun_ns < budget_ns / 5;
}

static bl_status begin(simplification *s)
{
    TRY(strash(s, STRASH_FAR));
    TRY(sweep(s));
    TRY(graph_strash(&s->start, s->now, 0, s->allocator));
    TRY(resub2(s, false));
    TRY(resub3(s, false));
    if (s->params->effort >= 3 && has_time_to_begin(s)) {
        TRY(start_over(s));
        TRY(balance(s));
        TRY(resub2(s, true));
        TRY(resub3(s, true));
    }
    if (s->params->effort >= 3 && has_time_to_begin(s)) {
        TRY(start_over(s));
        TRY(rewrite(s, false));
        TRY(refactor(s, false));
        TRY(resub3(s, true));
    }
    go_back(s);
    return BL_OK;
}

// ---------------------------------------------------------------------------- improvement

// Other views of the same logic: gates of two inputs, made in other ways.
static bl_status look(simplification *s, script_view view)
{
    TRY(strash(s, STRASH_FAR));
    switch (view) {
    case VIEW_BALANCED: TRY(balance(s)); break;
    case VIEW_REWRITTEN: TRY(rewrite(s, true)); break;
    case VIEW_REFACTORED: TRY(refactor(s, true)); break;
    default: break;
    }
    return resub2(s, s->round % 2 == 0);
}

// A view that led to nothing better has to wait for twice as many turns of the others.
static void judge_view(simplification *s)
{
    bool was_good = s->best_luts < s->luts_at_view;
    uint32_t *penalty = &s->penalty[s->view];
    *penalty = was_good ? 0 : *penalty < MAX_PENALTY ? 2 * *penalty + 1 : *penalty;
    s->wait[s->view] = *penalty;
    s->luts_at_view = s->best_luts;
}

static bl_status look_elsewhere(simplification *s)
{
    judge_view(s);
    if (s->now_luts > s->best_luts + s->best_luts / 200)
        go_back(s);
    for (s->view = (s->view + 1) % VIEW_COUNT; s->wait[s->view] > 0;
         s->view = (s->view + 1) % VIEW_COUNT)
        s->wait[s->view]--;
    return look(s, s->view);
}

// A round gains much while a network is new; when two in a row did not, another view is due. After
// it the graph is worse for a while, and what has not recovered by the next one is given up.
static bl_status improve(simplification *s, uint32_t n_rounds)
{
    uint32_t n_idle = 0, n_slow = 0;
    s->luts_at_view = s->best_luts;
    for (s->round = 1; s->round <= n_rounds && n_idle < MAX_IDLE; s->round++) {
        uint32_t best = s->best_luts, now = s->now_luts;
        if (deadline_is_over(&s->end))
            break;
        TRY(wander(s, N_WANDER));
        n_idle = s->best_luts < best ? 0 : n_idle + 1;
        n_slow = now > s->now_luts + now / SLOW ? 0 : n_slow + 1;
        if (n_slow == 2) {
            TRY(look_elsewhere(s));
            n_slow = 0;
        }
    }
    return BL_OK;
}

bl_status script_run(simplification *s)
{
    static const uint32_t n_rounds[BL_SIMPLIFY_MAX_EFFORT + 1] = {0, 0, 0,  0,  2,
                                                                  4, 8, 16, 40, 1000};
    uint32_t effort = s->params->effort;
    if (effort == 0)
        return strash(s, STRASH_NEAR);
    if (effort == 1) {
        TRY(strash(s, STRASH_FAR));
        return run(s, (pass){.kind = PASS_BALANCE});
    }
    TRY(begin(s));
    return improve(s, n_rounds[effort]);
}
