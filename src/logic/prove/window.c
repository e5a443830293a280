// SPDX-License-Identifier: MIT
// Windows grow downwards from the two nodes: the leaf that brings the fewest new leaves is replaced
// by its fanins, the latest node first, while there is room. Two nodes that agree for all values
// of the leaves are equal; where they do not, the leaves may still have values that never occur
// together, unless they are free.

#include "window.h"

#include "grow.h"
#include "node.h"

#include "logic/table.h"

#include "base/try.h"

#include <assert.h>
#include <stdlib.h>

static bool is_visited(const window *w, uint32_t id)
{
    return id == 0 || w->visit[id] == w->n_visits;
}

static uint32_t count_new(const window *w, uint32_t id)
{
    uint32_t a = bl_lit_node(w->g->fanin0[id]), b = bl_lit_node(w->g->fanin1[id]);
    return (uint32_t)!is_visited(w, a) + (uint32_t)(a != b && !is_visited(w, b));
}

static void add_leaf(window *w, uint32_t id)
{
    if (is_visited(w, id))
        return;
    w->visit[id] = w->n_visits;
    w->leaf[w->n_leaves++] = id;
}

// The place of the leaf to replace, or n_leaves where the window must stay as it is.
static uint32_t choose_leaf(const window *w, uint32_t max_leaves)
{
    uint32_t best = w->n_leaves, fewest = 3;
    for (uint32_t i = 0; i < w->n_leaves; i++) {
        if (!is_and(w->g, w->leaf[i]))
            continue;
        uint32_t n = count_new(w, w->leaf[i]);
        if (n < fewest || (n == fewest && w->leaf[i] > w->leaf[best])) {
            best = i;
            fewest = n;
        }
    }
    return best < w->n_leaves && w->n_leaves - 1 + fewest <= max_leaves ? best : w->n_leaves;
}

static int by_id(const void *x, const void *y)
{
    uint32_t a = *(const uint32_t *)x, b = *(const uint32_t *)y;
    return (a > b) - (a < b);
}

static void grow_window(window *w, uint32_t a, uint32_t b, uint32_t max_leaves)
{
    w->n_visits++;
    w->n_leaves = w->n_inside = 0;
    add_leaf(w, a);
    add_leaf(w, b);
    while (w->n_inside < WINDOW_MAX_NODES) {
        uint32_t i = choose_leaf(w, max_leaves);
        if (i == w->n_leaves)
            break;
        uint32_t id = w->leaf[i];
        w->leaf[i] = w->leaf[--w->n_leaves];
        w->inside[w->n_inside++] = id;
        add_leaf(w, bl_lit_node(w->g->fanin0[id]));
        add_leaf(w, bl_lit_node(w->g->fanin1[id]));
    }
    qsort(w->inside, w->n_inside, sizeof *w->inside, by_id);
}

// False where there is no room.
static bool add_to_cone(window *w, uint32_t id, uint32_t max_leaves)
{
    if (is_visited(w, id))
        return true;
    if (is_and(w->g, id) ? w->n_inside == WINDOW_MAX_NODES : w->n_leaves == max_leaves)
        return false;
    w->visit[id] = w->n_visits;
    if (is_and(w->g, id))
        w->inside[w->n_inside++] = id;
    else
        w->leaf[w->n_leaves++] = id;
    return true;
}

// All gates down to the free nodes; false where they are too many.
static bool grow_cone(window *w, uint32_t a, uint32_t b, uint32_t max_leaves)
{
    w->n_visits++;
    w->n_leaves = w->n_inside = 0;
    if (!add_to_cone(w, a, max_leaves) || !add_to_cone(w, b, max_leaves))
        return false;
    for (uint32_t i = 0; i < w->n_inside; i++) // grows meanwhile
        if (!add_to_cone(w, bl_lit_node(w->g->fanin0[w->inside[i]]), max_leaves)
            || !add_to_cone(w, bl_lit_node(w->g->fanin1[w->inside[i]]), max_leaves))
            return false;
    qsort(w->inside, w->n_inside, sizeof *w->inside, by_id);
    return true;
}

// Lane k of batch number `batch` is row 512 * batch + k of the truth table over the leaves.
static void set_leaves(window *w, uint32_t batch)
{
    for (uint32_t i = 0; i < w->n_leaves; i++)
        for (uint32_t k = 0; k < BL_LANES / 64; k++)
            w->plane[i].word[k] = i < 6   ? input_words[i]
                                  : i < 9 ? 0 - (uint64_t)(k >> (i - 6) & 1)
                                          : 0 - (uint64_t)(batch >> (i - 9) & 1);
}

static uint64_t word_of(const window *w, bl_lit l, uint32_t k)
{
    uint64_t flip = bl_lit_is_complemented(l) ? ~UINT64_C(0) : 0;
    return flip ^ (bl_lit_node(l) ? w->plane[w->place[bl_lit_node(l)]].word[k] : 0);
}

static void run_gates(window *w)
{
    for (uint32_t i = 0; i < w->n_inside; i++) {
        uint32_t id = w->inside[i];
        for (uint32_t k = 0; k < BL_LANES / 64; k++)
            w->plane[w->n_leaves + i].word[k] =
                word_of(w, w->g->fanin0[id], k) & word_of(w, w->g->fanin1[id], k);
    }
}

static bool find_difference(window *w, bl_lit a, bl_lit b, uint32_t batch)
{
    for (uint32_t k = 0; k < BL_LANES / 64; k++) {
        uint64_t d = word_of(w, a, k) ^ word_of(w, b, k);
        if (d != 0) {
            w->pattern = batch * BL_LANES + 64 * k + (uint32_t)__builtin_ctzll(d);
            return true;
        }
    }
    return false;
}

static bool are_leaves_free(const window *w)
{
    for (uint32_t i = 0; i < w->n_leaves; i++)
        if (is_and(w->g, w->leaf[i]))
            return false;
    return true;
}

static cone_answer try_all(window *w, bl_lit a, bl_lit b)
{
    for (uint32_t i = 0; i < w->n_leaves; i++)
        w->place[w->leaf[i]] = i;
    for (uint32_t i = 0; i < w->n_inside; i++)
        w->place[w->inside[i]] = w->n_leaves + i;
    uint32_t n_batches = w->n_leaves > 9 ? 1u << (w->n_leaves - 9) : 1;
    for (uint32_t batch = 0; batch < n_batches; batch++) {
        set_leaves(w, batch);
        run_gates(w);
        if (find_difference(w, a, b, batch))
            return are_leaves_free(w) ? CONE_DIFFERENT : CONE_UNDECIDED;
    }
    return CONE_EQUAL;
}

bl_status window_compare(cone_answer *answer, window *w, bl_lit a, bl_lit b, uint32_t max_leaves,
                         uint32_t max_free)
{
    assert(max_leaves >= 2 && max_leaves <= WINDOW_MAX_LEAVES && max_free <= WINDOW_MAX_LEAVES);
    TRY(GROW(w->visit, w->visit_capacity, w->g->n_nodes, w->allocator));
    TRY(GROW(w->place, w->place_capacity, w->g->n_nodes, w->allocator));
    grow_window(w, bl_lit_node(a), bl_lit_node(b), max_leaves);
    *answer = try_all(w, a, b);
    if (*answer == CONE_UNDECIDED && grow_cone(w, bl_lit_node(a), bl_lit_node(b), max_free))
        *answer = try_all(w, a, b);
    return BL_OK;
}

void window_clear(window *w)
{
    bl_free(w->allocator, w->visit, w->visit_capacity * sizeof *w->visit);
    bl_free(w->allocator, w->place, w->place_capacity * sizeof *w->place);
    w->visit = w->place = NULL;
    w->visit_capacity = w->place_capacity = 0;
}
