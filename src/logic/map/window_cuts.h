// SPDX-License-Identifier: MIT
// Maps one window. Compiled once for cuts of at most three leaves and once for six; the including
// file defines window_map and what cut.h asks for.
//
// A cut of a node is a set of nodes, its leaves, that decides it, and the function by which they
// do. The cuts of an AND are the unions of a cut of each fanin, and the node itself (understood).
// A node keeps its N_CUTS best ("priority cuts"). What a cut costs is guessed by area flow first,
// where each leaf shares its cost among its readers,
//
//     flow(node) = (cost of the LUT + sum of flow(leaf)) / readers(node)
//
// with readers guessed from the graph and then from the cover so far; and then known exactly, node
// by node: take the node's LUT and all that only it needs out of the cover, and put in the cut that
// needs least. (Mishchenko, Cho, Chatterjee, Brayton: Combinational and sequential mapping with
// priority cuts, 2007.)

#include "logic/map/cut.h"
#include "logic/map/window.h"

#include <assert.h>
#include <string.h>

enum {
    N_CUTS = 7,
    N_FLOW_ROUNDS = 3,
    N_EXACT_ROUNDS = 2,
    MAX_VISITS = 512, // of one exact choice: chains would make them quadratic
};

typedef struct window {
    window_job job;
    uint32_t n;        // nodes
    cut *cuts;         // N_CUTS of each node
    uint8_t *n_cuts;   // 0: an input or latch
    uint8_t *best;     // index of the chosen cut
    float *flow;       // of each node
    float *readers;    // of each node, a guess
    uint32_t *refs;    // LUTs of the cover that read the node, and 1 for a root
    uint32_t *visited; // nodes whose refs were changed
    uint32_t n_visited;
    uint32_t *stack;
} window;

// Nodes outside and those without cuts are free.
static inline bool is_inside(const window *w, uint32_t id)
{
    return id >= w->job.first && w->n_cuts[id - w->job.first] > 0;
}

static inline float flow_of(const window *w, uint32_t id)
{
    return id >= w->job.first ? w->flow[id - w->job.first] : 0;
}

static inline const cut *best_cut(const window *w, uint32_t id)
{
    uint32_t i = id - w->job.first;
    return &w->cuts[(size_t)i * N_CUTS + w->best[i]];
}

static inline uint8_t cost_of(const window *w, const cut *x)
{
    return x->n <= 1 ? 0 : x->n <= 3 ? w->job.costs[(uint8_t)x->table] : 1;
}

typedef struct cut_list { // the cheapest first
    cut cuts[N_CUTS + 1];
    float flows[N_CUTS + 1];
    uint32_t n;
} cut_list;

static inline void keep_cut(cut_list *list, const cut *x, float flow)
{
    for (uint32_t i = 0; i < list->n; i++)
        if (list->cuts[i].n <= x->n && is_subset(&list->cuts[i], x))
            return;
    uint32_t at = list->n;
    while (at > 0
           && (list->flows[at - 1] > flow
               || (list->flows[at - 1] == flow && list->cuts[at - 1].n > x->n))) {
        list->cuts[at] = list->cuts[at - 1];
        list->flows[at] = list->flows[at - 1];
        at--;
    }
    list->cuts[at] = *x;
    list->flows[at] = flow;
    list->n += list->n < N_CUTS;
}

static inline void try_union(const window *w, cut_list *list, const cut *x, const cut *y,
                             table_t flip_x, table_t flip_y)
{
    cut both = {.n = 0};
    unsigned mask_x, mask_y;
    if (!unite(&both, x, y, w->job.max_inputs, &mask_x, &mask_y))
        return;
    float flow = 0;
    for (uint32_t k = 0; k < both.n; k++)
        flow += flow_of(w, both.leaf[k]);
    if (list->n == N_CUTS && flow >= list->flows[N_CUTS - 1])
        return;
    both.table =
        (table_t)((stretch(x->table, mask_x) ^ flip_x) & (stretch(y->table, mask_y) ^ flip_y));
    uint32_t n = both.n;
    shrink(&both);
    both.cost = cost_of(w, &both);
    if (both.n < n) {
        flow = 0;
        for (uint32_t k = 0; k < both.n; k++)
            flow += flow_of(w, both.leaf[k]);
    }
    keep_cut(list, &both, flow + both.cost);
}

static inline const cut *cuts_of(const window *w, uint32_t id, uint32_t *n)
{
    bool inside = is_inside(w, id);
    *n = inside ? w->n_cuts[id - w->job.first] : 0;
    return inside ? &w->cuts[(size_t)(id - w->job.first) * N_CUTS] : NULL;
}

static void find_cuts(window *w, uint32_t id)
{
    bl_lit f0 = w->job.graph->fanin0[id], f1 = w->job.graph->fanin1[id];
    uint32_t n_x, n_y, i = id - w->job.first;
    const cut *xs = cuts_of(w, bl_lit_node(f0), &n_x), *ys = cuts_of(w, bl_lit_node(f1), &n_y);
    cut own_x = trivial_cut(bl_lit_node(f0)), own_y = trivial_cut(bl_lit_node(f1));
    table_t flip_x = (table_t)(f0 & 1 ? ~UINT64_C(0) : 0);
    table_t flip_y = (table_t)(f1 & 1 ? ~UINT64_C(0) : 0);
    cut_list list;
    list.n = 0;
    try_union(w, &list, &own_x, &own_y, flip_x, flip_y);
    for (uint32_t k = 0; k < n_y; k++)
        try_union(w, &list, &own_x, &ys[k], flip_x, flip_y);
    for (uint32_t k = 0; k < n_x; k++) {
        try_union(w, &list, &xs[k], &own_y, flip_x, flip_y);
        for (uint32_t m = 0; m < n_y; m++)
            try_union(w, &list, &xs[k], &ys[m], flip_x, flip_y);
    }
    memcpy(&w->cuts[(size_t)i * N_CUTS], list.cuts, list.n * sizeof(cut));
    w->n_cuts[i] = (uint8_t)list.n;
    w->best[i] = 0;
    w->flow[i] = list.flows[0] / w->readers[i];
}

static void find_all_cuts(window *w)
{
    memset(w->n_cuts, 0, w->n);
    for (uint32_t id = w->job.first; id < w->job.end; id++)
        if (id > 0 && w->job.graph->fanin0[id] < BL_NODE_LATCH)
            find_cuts(w, id);
}

static void choose_by_flow(window *w)
{
    for (uint32_t i = 0; i < w->n; i++) {
        float least = 0;
        for (uint32_t k = 0; k < w->n_cuts[i]; k++) {
            const cut *x = &w->cuts[(size_t)i * N_CUTS + k];
            float flow = x->cost;
            for (uint32_t j = 0; j < x->n; j++)
                flow += flow_of(w, x->leaf[j]);
            if (k == 0 || flow < least) {
                least = flow;
                w->best[i] = (uint8_t)k;
            }
        }
        w->flow[i] = least / w->readers[i];
    }
}

// Readers come behind what they read, so one pass from the end finds the cover.
static void count_refs(window *w)
{
    for (uint32_t i = 0; i < w->n; i++)
        w->refs[i] = w->job.is_root[w->job.first + i];
    for (uint32_t i = w->n; i-- > 0;) {
        if (w->refs[i] == 0 || w->n_cuts[i] == 0)
            continue;
        const cut *x = best_cut(w, w->job.first + i);
        for (uint32_t k = 0; k < x->n; k++)
            if (x->leaf[k] >= w->job.first)
                w->refs[x->leaf[k] - w->job.first]++;
    }
}

static void guess_readers(window *w)
{
    for (uint32_t i = 0; i < w->n; i++) {
        float mean = (w->readers[i] + 2 * (float)w->refs[i]) / 3;
        w->readers[i] = mean < 1 ? 1 : mean;
    }
}

// Puts a cut and all that it needs into the cover (step = 1), or takes it out with all that nobody
// else needs (step = -1). What that costs or saves; more than `bound` once it cannot be less. Gives
// up, with UINT32_MAX, after many visits, but never with that bound: what was taken out goes back
// in by another order, in which the limit may be met earlier.
static uint32_t change_cover(window *w, const cut *x, int step, uint32_t bound)
{
    uint32_t area = x->cost, depth = 0;
    w->n_visited = 0;
    for (;;) {
        for (uint32_t k = 0; k < x->n; k++) {
            if (!is_inside(w, x->leaf[k]))
                continue;
            uint32_t *refs = &w->refs[x->leaf[k] - w->job.first];
            w->visited[w->n_visited++] = x->leaf[k];
            *refs += (uint32_t)step;
            if (*refs == (step > 0 ? 1 : 0))
                w->stack[depth++] = x->leaf[k];
        }
        if (depth == 0 || area > bound)
            return area;
        if (w->n_visited > MAX_VISITS && bound != UINT32_MAX)
            return UINT32_MAX;
        x = best_cut(w, w->stack[--depth]);
        area += x->cost;
    }
}

static void undo(window *w, int step)
{
    for (uint32_t i = 0; i < w->n_visited; i++)
        w->refs[w->visited[i] - w->job.first] -= (uint32_t)step;
}

static void choose_exactly(window *w, uint32_t i)
{
    const cut *cuts = &w->cuts[(size_t)i * N_CUTS];
    uint32_t least = change_cover(w, &cuts[w->best[i]], -1, UINT32_MAX - 1);
    if (least == UINT32_MAX) {
        undo(w, -1);
        return;
    }
    uint32_t best = w->best[i];
    for (uint32_t k = 0; k < w->n_cuts[i]; k++) {
        if (k == w->best[i])
            continue;
        uint32_t area = change_cover(w, &cuts[k], 1, least);
        undo(w, 1);
        if (area < least || (area == least && cuts[k].n < cuts[best].n)) {
            least = area;
            best = k;
        }
    }
    w->best[i] = (uint8_t)best;
    (void)change_cover(w, &cuts[best], 1, UINT32_MAX);
}

static void choose_all_exactly(window *w)
{
    for (uint32_t i = 0; i < w->n; i++)
        if (w->refs[i] > 0 && w->n_cuts[i] > 1)
            choose_exactly(w, i);
}

static void give(const window *w, window_take *take, void *context)
{
    for (uint32_t i = 0; i < w->n; i++) {
        if (w->refs[i] == 0 || w->n_cuts[i] == 0)
            continue;
        const cut *x = best_cut(w, w->job.first + i);
        window_lut lut = {.root = w->job.first + i, .n_leaves = x->n, .table = x->table};
        for (uint32_t k = 0; k < x->n; k++)
            lut.leaves[k] = x->leaf[k];
        take(context, &lut);
    }
}

static void choose(window *w)
{
    for (uint32_t i = 0; i < w->n; i++) {
        uint32_t n = w->job.fanouts[w->job.first + i];
        w->readers[i] = n ? (float)n : 1;
    }
    for (uint32_t pass = 0; pass <= w->job.effort; pass++) {
        find_all_cuts(w);
        for (int round = 0; round < N_FLOW_ROUNDS; round++) {
            count_refs(w);
            guess_readers(w);
            choose_by_flow(w);
        }
        count_refs(w);
        for (int round = 0; round < N_EXACT_ROUNDS; round++)
            choose_all_exactly(w);
        guess_readers(w);
    }
}

bl_status window_map(const window_job *job, window_take *take, void *context)
{
    assert(job->first < job->end && job->max_inputs <= LEAVES);
    window w = {.job = *job, .n = job->end - job->first};
    const bl_allocator *a = job->allocator;
    size_t n_visits = MAX_VISITS + LEAVES;
    w.cuts = bl_alloc_array(a, (size_t)w.n * N_CUTS, sizeof *w.cuts);
    w.n_cuts = bl_alloc_array(a, w.n, sizeof *w.n_cuts);
    w.best = bl_alloc_array(a, w.n, sizeof *w.best);
    w.flow = bl_alloc_array(a, w.n, sizeof *w.flow);
    w.readers = bl_alloc_array(a, w.n, sizeof *w.readers);
    w.refs = bl_alloc_array(a, w.n, sizeof *w.refs);
    w.visited = bl_alloc_array(a, n_visits, sizeof *w.visited);
    w.stack = bl_alloc_array(a, n_visits, sizeof *w.stack);
    bl_status status = BL_ERR_MEMORY;
    if (w.cuts && w.n_cuts && w.best && w.flow && w.readers && w.refs && w.visited && w.stack) {
        choose(&w);
        give(&w, take, context);
        status = BL_OK;
    }
    bl_free(a, w.cuts, (size_t)w.n * N_CUTS * sizeof *w.cuts);
    bl_free(a, w.n_cuts, w.n * sizeof *w.n_cuts);
    bl_free(a, w.best, w.n * sizeof *w.best);
    bl_free(a, w.flow, w.n * sizeof *w.flow);
    bl_free(a, w.readers, w.n * sizeof *w.readers);
    bl_free(a, w.refs, w.n * sizeof *w.refs);
    bl_free(a, w.visited, n_visits * sizeof *w.visited);
    bl_free(a, w.stack, n_visits * sizeof *w.stack);
    return status;
}
