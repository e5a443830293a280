// SPDX-License-Identifier: MIT
// SAT sweeping (Kuehlmann, Krohm: "Equivalence checking using cuts and heaps", 1997; Mishchenko et
// al.: "FRAIGs", 2005). Random patterns sort the nodes of g into classes that may be equal. Then,
// in rounds, the nodes are copied in topological order; a copy that is proved equal to that of
// its head is replaced by it, so that what lies above becomes the same node without a proof:
//
//     g         n = AND(a, b), head h         patterns ── classes ──> n may equal ~h
//                   │                                                     │
//     merged    AND(lit a, lit b)  ── is it lit h? window? solver? ──> lit n = ~lit h
//
// A proof that takes too many conflicts waits for the next round, which allows more of them. A
// counterexample and its neighbours, each with one input flipped, become 32 lanes of the next
// patterns; these are simulated once there are enough of them for the size of the graph.

#include "sweeper.h"

#include "node.h"
#include "patterns.h"

#include "base/try.h"

#include <assert.h>

enum {
    LANES_PER_PATTERN = 32,
    MAX_PENDING = BL_LANES / LANES_PER_PATTERN,
    NODES_PER_PATTERN = 5000, // simulated for each counterexample
    MAX_BATCHES = 64,
    MAX_IDLE_BATCHES = 6,
    SMALL_WINDOW = 9,   // leaves: one batch
    LARGE_WINDOW = 12,  // where there is no solver
    SMALL_SUPPORT = 10, // free nodes below both
    LARGE_SUPPORT = 16, // where there is no solver
    CONFLICT_GROWTH = 8,
    PAIR_CONFLICTS = 4, // times those of an inner node
    NODES_PER_REPORT = 4096
};

uint64_t deadline_after(double seconds)
{
    return seconds > 0 ? bl_time_ns() + (uint64_t)(seconds * 1e9) : 0;
}

bool is_past(uint64_t deadline_ns) { return deadline_ns != 0 && bl_time_ns() > deadline_ns; }

// ------------------------------------------------------------------------------- patterns

static void note_difference(sweeper *s, uint32_t pair, size_t lane)
{
    s->task.pairs[pair].state = PAIR_DIFFERENT;
    s->n_open_pairs--;
    if (s->has_difference)
        return;
    s->has_difference = true;
    s->different_pair = pair;
    for (uint32_t i = 0; i < s->n_free; i++)
        s->different_at[i] = bl_lane_get(&s->planes[s->free_nodes[i]], lane);
}

// The planes of the free nodes are set.
static bl_status use_patterns(uint32_t *n_new, sweeper *s)
{
    simulate_planes(s->planes, s->task.g, 0);
    for (uint32_t i = 0; i < s->task.n_pairs; i++) {
        const sweep_pair *p = &s->task.pairs[i];
        size_t lane = p->state == PAIR_OPEN ? first_difference(s->planes, p->a, p->b) : BL_LANES;
        if (lane < BL_LANES)
            note_difference(s, i, lane);
    }
    if (s->task.on_patterns)
        TRY(s->task.on_patterns(s->task.context, s->planes));
    if (!s->classes.head)
        TRY(classes_create(&s->classes, s->task.g->n_nodes, s->planes, s->task.allocator));
    return classes_refine(n_new, &s->classes, s->planes);
}

static bool is_done(const sweeper *s)
{
    return (s->task.n_pairs > 0 && s->n_open_pairs == 0)
           || (s->has_difference && s->task.stops_at_difference) || is_past(s->task.deadline_ns);
}

// Fair bits in every second batch, otherwise each free node has a bias of its own, so that wide
// ANDs come true now and then.
static bl_status use_random_patterns(sweeper *s)
{
    uint32_t n_idle = 0;
    for (uint32_t b = 0; b < MAX_BATCHES && n_idle < MAX_IDLE_BATCHES && !is_done(s); b++) {
        for (uint32_t i = 0; i < s->n_free; i++)
            random_plane(&s->planes[s->free_nodes[i]], &s->random,
                         b % 2 == 0 ? 4 : 1 + (unsigned)bl_random_below(&s->random, 7));
        uint32_t n_new;
        TRY(use_patterns(&n_new, s));
        n_idle = n_new == 0 ? n_idle + 1 : 0;
    }
    return BL_OK;
}

static void begin_pending(sweeper *s)
{
    s->n_pending = 0;
    for (uint32_t i = 0; i < s->n_free; i++)
        random_plane(&s->pending[i], &s->random, 4);
}

static bl_status flush_pending(sweeper *s)
{
    if (s->n_pending == 0)
        return BL_OK;
    for (uint32_t i = 0; i < s->n_free; i++)
        s->planes[s->free_nodes[i]] = s->pending[i];
    uint32_t n_new;
    TRY(use_patterns(&n_new, s));
    begin_pending(s);
    return BL_OK;
}

// The place of a free node of `merged` among those of g.
static uint32_t free_index(const sweeper *s, uint32_t node)
{
    const bl_graph *m = s->merged;
    assert(!is_and(m, node));
    return m->fanin1[node] + (m->fanin0[node] == BL_NODE_LATCH ? s->task.g->n_inputs : 0);
}

// The lanes of the next counterexample get a value of a free node; nodes that do not matter keep
// their random ones.
static void set_pending(sweeper *s, uint32_t node, bool value)
{
    uint32_t lane = s->n_pending * LANES_PER_PATTERN;
    uint64_t *word = &s->pending[free_index(s, node)].word[lane / 64];
    uint64_t lanes = UINT64_C(0xFFFFFFFF) << lane % 64;
    *word = value ? *word | lanes : *word & ~lanes;
}

// All lanes of the counterexample but the first flip one of the n nodes.
static void close_pending(sweeper *s, const uint32_t *nodes, uint32_t n)
{
    uint32_t lane = s->n_pending++ * LANES_PER_PATTERN;
    for (uint32_t k = 1; k < LANES_PER_PATTERN && n > 0; k++) {
        uint32_t flipped = n < LANES_PER_PATTERN ? k % n : (uint32_t)bl_random_below(&s->random, n);
        s->pending[free_index(s, nodes[flipped])].word[lane / 64] ^= UINT64_C(1) << (lane + k) % 64;
    }
}

// ------------------------------------------------------------------------------- questions

// Are two literals of `merged` equal? A counterexample joins the pending ones.
static bl_status compare(cone_answer *answer, sweeper *s, bl_lit a, bl_lit b, uint32_t n_conflicts)
{
    window *w = s->window;
    TRY(window_compare(answer, w, a, b, sat_is_available() ? SMALL_WINDOW : LARGE_WINDOW,
                       sat_is_available() ? SMALL_SUPPORT : LARGE_SUPPORT));
    if (*answer == CONE_DIFFERENT) {
        for (uint32_t i = 0; i < w->n_leaves; i++)
            set_pending(s, w->leaf[i], w->pattern >> i & 1);
        close_pending(s, w->leaf, w->n_leaves);
    }
    if (*answer != CONE_UNDECIDED)
        return BL_OK;
    TRY(cone_compare(answer, &s->cone, a, b, n_conflicts, s->task.deadline_ns));
    if (*answer == CONE_DIFFERENT) {
        for (uint32_t i = 0; i < s->cone.n_support; i++)
            set_pending(s, s->cone.support[i], cone_value(&s->cone, s->cone.support[i]));
        close_pending(s, s->cone.support, s->cone.n_support);
    }
    return BL_OK;
}

static bool is_worth_simulating(const sweeper *s)
{
    return s->n_pending == MAX_PENDING
           || (uint64_t)s->n_pending * NODES_PER_PATTERN >= s->task.g->n_nodes;
}

static void merge(sweeper *s, uint32_t id, bl_lit lit)
{
    s->same_as[id] = bl_lit_not_if(2 * s->classes.head[id], classes_differ(&s->classes, id));
    s->lit[id] = lit;
    s->n_merged++;
    classes_remove(&s->classes, id);
}

// Compares a copied node with the head of its class, and after a counterexample with that of its
// new class.
static bl_status settle_node(sweeper *s, uint32_t id, uint32_t n_conflicts)
{
    while (s->classes.head[id] != id) {
        uint32_t head = s->classes.head[id];
        bl_lit wanted = bl_lit_not_if(s->lit[head], classes_differ(&s->classes, id));
        cone_answer answer = CONE_EQUAL;
        if (s->lit[id] != wanted) {
            if (s->tried[id] >= n_conflicts || is_past(s->task.deadline_ns)) {
                s->n_undecided++;
                return BL_OK;
            }
            TRY(compare(&answer, s, s->lit[id], wanted, n_conflicts));
        }
        if (answer == CONE_EQUAL) {
            merge(s, id, wanted);
            return BL_OK;
        }
        if (answer == CONE_UNDECIDED) {
            s->tried[id] = n_conflicts;
            s->n_undecided++;
            return BL_OK;
        }
        s->tried[id] = 0;
        if (!is_worth_simulating(s)) {
            s->n_deferred++;
            return BL_OK;
        }
        TRY(flush_pending(s));
        assert(s->classes.head[id] != head);
    }
    return BL_OK;
}

static void report_progress(const sweeper *s, uint32_t n_done)
{
    const bl_prove_params *p = s->task.params;
    if (p->progress)
        p->progress(p->context, &(bl_prove_progress){.step = s->task.step,
                                                     .n_done = n_done,
                                                     .n_total = s->task.g->n_nodes,
                                                     .n_merged = s->n_merged});
}

static bl_status copy_nodes(sweeper *s, uint32_t n_conflicts)
{
    const bl_graph *g = s->task.g;
    s->n_undecided = s->n_deferred = 0;
    for (uint32_t id = 1; id < g->n_nodes; id++) {
        if (id % NODES_PER_REPORT == 0)
            report_progress(s, id);
        if (!is_and(g, id))
            continue;
        if (s->same_as[id] != 2 * id) {
            bl_lit same = s->same_as[id];
            s->lit[id] = bl_lit_not_if(s->lit[bl_lit_node(same)], bl_lit_is_complemented(same));
            continue;
        }
        bl_lit a = s->lit[bl_lit_node(g->fanin0[id])], b = s->lit[bl_lit_node(g->fanin1[id])];
        s->lit[id] =
            bl_graph_and(s->merged, bl_lit_not_if(a, bl_lit_is_complemented(g->fanin0[id])),
                         bl_lit_not_if(b, bl_lit_is_complemented(g->fanin1[id])));
        if (s->merged->status != BL_OK)
            return s->merged->status;
        TRY(settle_node(s, id, n_conflicts));
        if (s->has_difference && s->task.stops_at_difference)
            return BL_OK;
    }
    s->is_complete = true;
    return flush_pending(s);
}

static bl_lit merged_lit(const sweeper *s, bl_lit l)
{
    return bl_lit_not_if(s->lit[bl_lit_node(l)], bl_lit_is_complemented(l));
}

static void close_pair(sweeper *s, sweep_pair *p)
{
    p->state = PAIR_EQUAL;
    s->n_open_pairs--;
}

static bl_status settle_pairs(sweeper *s, uint32_t n_conflicts)
{
    for (uint32_t i = 0; i < s->task.n_pairs; i++) // those that are equal already need no solver
        if (s->task.pairs[i].state == PAIR_OPEN
            && merged_lit(s, s->task.pairs[i].a) == merged_lit(s, s->task.pairs[i].b))
            close_pair(s, &s->task.pairs[i]);
    for (uint32_t i = 0; i < s->task.n_pairs && !is_done(s); i++) {
        sweep_pair *p = &s->task.pairs[i];
        if (p->state != PAIR_OPEN || p->tried >= n_conflicts)
            continue;
        cone_answer answer;
        TRY(compare(&answer, s, merged_lit(s, p->a), merged_lit(s, p->b), n_conflicts));
        if (answer == CONE_EQUAL)
            close_pair(s, p);
        else if (answer == CONE_DIFFERENT)
            TRY(flush_pending(s));
        else
            p->tried = n_conflicts;
    }
    return BL_OK;
}

// ---------------------------------------------------------------------------------- rounds

static bl_status copy_free_nodes(sweeper *s)
{
    const bl_graph *g = s->task.g;
    for (uint32_t i = 0; i < g->n_inputs; i++) {
        s->free_nodes[s->n_free++] = g->inputs[i].node;
        s->lit[g->inputs[i].node] = bl_graph_input(s->merged, bl_graph_name(g, g->inputs[i].name));
    }
    for (uint32_t i = 0; i < g->n_latches; i++) {
        const bl_graph_latch_info *l = &g->latches[i];
        s->free_nodes[s->n_free++] = l->node;
        s->lit[l->node] = bl_graph_latch(s->merged, l->reset, bl_graph_name(g, l->name));
    }
    return s->merged->status;
}

static bl_status allocate(sweeper *s)
{
    const bl_graph *g = s->task.g;
    const bl_allocator *a = s->task.allocator;
    uint32_t n = g->n_nodes, n_free = g->n_inputs + g->n_latches;
    TRY(bl_graph_create(&s->merged, a));
    s->lit = bl_alloc_array(a, n, sizeof *s->lit);
    s->same_as = bl_alloc_array(a, n, sizeof *s->same_as);
    s->tried = bl_alloc_array(a, n, sizeof *s->tried);
    s->planes = bl_alloc_array(a, n, sizeof *s->planes);
    s->free_nodes = bl_alloc_array(a, n_free + 1, sizeof *s->free_nodes);
    s->pending = bl_alloc_array(a, n_free + 1, sizeof *s->pending);
    s->different_at = bl_alloc(a, n_free + 1);
    s->window = bl_alloc(a, sizeof *s->window);
    if (!s->lit || !s->same_as || !s->tried || !s->planes || !s->free_nodes || !s->pending
        || !s->different_at || !s->window)
        return BL_ERR_MEMORY;
    *s->window = (window){.g = s->merged, .allocator = a};
    s->cone = (cone){.g = s->merged, .allocator = a, .starts_afresh = s->task.n_pairs > 0};
    for (uint32_t id = 0; id < n; id++)
        s->same_as[id] = 2 * id;
    return copy_free_nodes(s);
}

static uint32_t grow_conflicts(uint32_t n_conflicts, uint32_t max_conflicts)
{
    return n_conflicts > max_conflicts / CONFLICT_GROWTH ? max_conflicts
                                                         : n_conflicts * CONFLICT_GROWTH;
}

// A round that merged nothing, learned nothing and cannot try harder is the last.
static bl_status run_rounds(sweeper *s)
{
    const sweep_task *t = &s->task;
    for (uint32_t n_conflicts = t->first_conflicts;;) {
        uint32_t n_merged = s->n_merged;
        TRY(copy_nodes(s, n_conflicts));
        uint32_t for_pairs =
            n_conflicts > UINT32_MAX / PAIR_CONFLICTS ? UINT32_MAX : n_conflicts * PAIR_CONFLICTS;
        TRY(settle_pairs(s, for_pairs));
        bool has_work = s->n_undecided + s->n_deferred + s->n_open_pairs > 0;
        bool has_news =
            s->n_merged > n_merged || s->n_deferred > 0 || n_conflicts < t->max_conflicts;
        if (is_done(s) || !has_work || !has_news)
            return BL_OK;
        if (s->n_deferred == 0)
            n_conflicts = grow_conflicts(n_conflicts, t->max_conflicts);
    }
}

bl_status sweeper_run(sweeper *s)
{
    const sweep_task *t = &s->task;
    assert(t->first_conflicts > 0 && t->first_conflicts <= t->max_conflicts);
    TRY(allocate(s));
    bl_random_seed(&s->random, t->params->seed);
    s->n_open_pairs = t->n_pairs;
    for (uint32_t i = 0; i < t->n_pairs; i++)
        if (t->pairs[i].a == t->pairs[i].b)
            close_pair(s, &t->pairs[i]);
    if (is_done(s) && t->n_pairs > 0)
        return BL_OK;
    TRY(use_random_patterns(s));
    if (is_done(s) && t->n_pairs > 0)
        return BL_OK;
    begin_pending(s);
    return run_rounds(s);
}

void sweeper_clear(sweeper *s)
{
    const bl_allocator *a = s->task.allocator;
    uint32_t n = s->task.g->n_nodes, n_free = s->task.g->n_inputs + s->task.g->n_latches;
    bl_graph_destroy(&s->merged);
    bl_free(a, s->lit, n * sizeof *s->lit);
    bl_free(a, s->same_as, n * sizeof *s->same_as);
    bl_free(a, s->tried, n * sizeof *s->tried);
    bl_free(a, s->planes, n * sizeof *s->planes);
    bl_free(a, s->free_nodes, (n_free + 1) * sizeof *s->free_nodes);
    bl_free(a, s->pending, (n_free + 1) * sizeof *s->pending);
    bl_free(a, s->different_at, n_free + 1);
    classes_clear(&s->classes);
    cone_clear(&s->cone);
    if (s->window)
        window_clear(s->window);
    bl_free(a, s->window, sizeof *s->window);
    *s = (sweeper){0};
}
