// SPDX-License-Identifier: MIT
// Unfolds a sum from the top: a carry of weight 2w and the sum of weight w of the same adder are
// what the adder's inputs are, of weight w.
//
//     now, weight 2w    c1 c2 c3         ->   empty
//     next, weight w    s                ->   the inputs of all three adders
//
// Sums come into `next` as inputs of other adders of the column, so that one unfolds the other.
// Where nobody has the sum of the last one (a comparison that needs no low bits lets it vanish), it
// is made
// up: one bit of weight w, once in a column, cannot change whether a multiple of 2w is at least
// another one. A column that does not unfold is the end; single literals that do not, among others
// that do or beside smaller weights, count twice: each is two of weight w.

#include "logic/map/unfold.h"

#include <assert.h>
#include <string.h>

enum { MAX_COUNT = 255, MAX_EXPONENTS = 40 };

bl_status unfolder_create(unfolder *u, const bl_graph *g, const adder_list *adders,
                          const bl_allocator *allocator)
{
    *u = (unfolder){.graph = g, .adders = adders, .allocator = allocator};
    size_t n = 2 * (size_t)g->n_nodes;
    u->now_has = bl_alloc_array(allocator, n, sizeof *u->now_has);
    u->next_has = bl_alloc_array(allocator, n, sizeof *u->next_has);
    u->consumed = bl_alloc_array(allocator, g->n_nodes, sizeof *u->consumed);
    u->now = bl_alloc_array(allocator, MAX_COLUMN, sizeof *u->now);
    u->next = bl_alloc_array(allocator, MAX_COLUMN, sizeof *u->next);
    if (u->now_has && u->next_has && u->consumed && u->now && u->next)
        return BL_OK;
    unfolder_destroy(u);
    return BL_ERR_MEMORY;
}

void unfolder_destroy(unfolder *u)
{
    size_t n = u->graph ? 2 * (size_t)u->graph->n_nodes : 0;
    bl_free(u->allocator, u->now_has, n * sizeof *u->now_has);
    bl_free(u->allocator, u->next_has, n * sizeof *u->next_has);
    bl_free(u->allocator, u->consumed, n / 2 * sizeof *u->consumed);
    bl_free(u->allocator, u->now, MAX_COLUMN * sizeof *u->now);
    bl_free(u->allocator, u->next, MAX_COLUMN * sizeof *u->next);
    *u = (unfolder){0};
}

static void add_next(unfolder *u, bl_lit lit)
{
    if (u->n_next == MAX_COLUMN || u->next_has[lit] == MAX_COUNT) {
        u->is_full = true;
        return;
    }
    u->next_has[lit]++;
    u->next[u->n_next++] = lit;
    u->n_steps++;
}

static void take_inputs(unfolder *u, const adder *a, bool is_complemented)
{
    uint32_t n = is_half(a) ? 2 : 3;
    for (uint32_t k = 0; k < n; k++)
        add_next(u, bl_lit_not_if(a->in[k], is_complemented));
    u->constant += n == 2 && is_complemented;
}

// The adder's carry and sum, if both are there, become its inputs.
static void try_adder(unfolder *u, const adder *a)
{
    if (a->sum == BL_LIT_FALSE)
        return;
    for (uint32_t complement = 0; complement < 2; complement++) {
        bl_lit carry = 2 * a->carry + complement, sum = a->sum ^ complement;
        while (u->now_has[carry] && u->next_has[sum] && !u->is_full) {
            u->now_has[carry]--;
            u->next_has[sum]--;
            u->n_left--;
            take_inputs(u, a, complement);
        }
    }
}

static void settle(unfolder *u)
{
    const adder_list *l = u->adders;
    while (u->n_seen < u->n_next && !u->is_full && u->n_left > 0) {
        uint32_t node = bl_lit_node(u->next[u->n_seen++]);
        for (uint32_t i = l->first_of_sum[node]; i < l->first_of_sum[node + 1]; i++)
            try_adder(u, &l->adders[l->of_sum[i]]);
    }
}

// Nodes that adders of the column add up: what unfolds one of these carries may give the sum that
// unfolds another one.
static void mark_consumed(unfolder *u)
{
    const adder_list *l = u->adders;
    u->stamp++;
    for (uint32_t i = 0; i < u->n_now; i++) {
        uint32_t node = bl_lit_node(u->now[i]), first = l->first_of_carry[node];
        if (!u->now_has[u->now[i]])
            continue;
        for (uint32_t k = first; k < l->first_of_carry[node + 1]; k++)
            for (uint32_t m = 0; m < (is_half(&l->adders[k]) ? 2 : 3); m++)
                u->consumed[bl_lit_node(l->adders[k].in[m])] = u->stamp;
        if (first == l->first_of_carry[node + 1] && u->graph->fanin0[node] < BL_NODE_LATCH) {
            u->consumed[bl_lit_node(u->graph->fanin0[node])] = u->stamp;
            u->consumed[bl_lit_node(u->graph->fanin1[node])] = u->stamp;
        }
    }
}

// How well a carry is one whose sum nobody has: 0 is best. A majority without a sum; an adder whose
// sum no other one of the column adds, full or half; an AND that is no half adder; any other carry.
enum { NO_RANK = 5 };
static uint32_t rank_of(const unfolder *u, bl_lit lit, adder *best)
{
    const adder_list *l = u->adders;
    uint32_t node = bl_lit_node(lit), rank = NO_RANK;
    bool is_consumed = false;
    for (uint32_t i = l->first_of_carry[node]; i < l->first_of_carry[node + 1]; i++) {
        const adder *a = &l->adders[i];
        uint32_t r = a->sum == BL_LIT_FALSE ? 0 : is_half(a) ? 2 : 1;
        is_consumed |= a->sum != BL_LIT_FALSE && u->consumed[bl_lit_node(a->sum)] == u->stamp;
        if (r < rank) {
            rank = r;
            *best = *a;
        }
    }
    if (is_consumed)
        return 4;
    if (rank == NO_RANK && u->graph->fanin0[node] < BL_NODE_LATCH) {
        rank = 3;
        *best = (adder){.in = {u->graph->fanin1[node], u->graph->fanin0[node]}, .carry = node};
    }
    return rank;
}

static bool make_up_sum(unfolder *u)
{
    uint32_t least = NO_RANK;
    bl_lit chosen = 0;
    adder best = {.carry = 0}, a = best;
    mark_consumed(u);
    for (uint32_t i = 0; i < u->n_now && least > 0; i++) {
        bl_lit lit = u->now[i];
        uint32_t rank = u->now_has[lit] ? rank_of(u, lit, &a) : NO_RANK;
        if (rank < least) {
            least = rank;
            chosen = lit;
            best = a;
        }
    }
    if (least == NO_RANK)
        return false;
    u->now_has[chosen]--;
    u->n_left--;
    take_inputs(u, &best, bl_lit_is_complemented(chosen));
    return true;
}

// What is left of a list, which the counts know, moves to its front.
static uint32_t compact(bl_lit *list, uint32_t n, uint8_t *has)
{
    uint32_t n_left = 0;
    for (uint32_t i = 0; i < n; i++)
        if (has[list[i]]) {
            has[list[i]]--;
            list[n_left++] = list[i];
        }
    return n_left;
}

static void forget(const bl_lit *list, uint32_t n, uint8_t *has)
{
    for (uint32_t i = 0; i < n; i++)
        has[list[i]] = 0;
}

typedef enum verdict { GOES_ON, IS_END, IS_TOO_LARGE } verdict;

// Unfolds the column `now`. At the end the column is as it was. `is_lowest`: no term is below it.
static verdict unfold_column(unfolder *u, bool is_lowest, bool *has_made_up)
{
    u->n_left = u->n_now;
    u->n_seen = 0;
    *has_made_up = false;
    for (uint32_t i = 0; i < u->n_now; i++)
        if (u->now_has[u->now[i]]++ == MAX_COUNT)
            u->is_full = true;
    settle(u);
    if (is_lowest && u->n_left > 0 && !u->is_full && make_up_sum(u)) {
        *has_made_up = true;
        settle(u);
    }
    if (is_lowest && u->n_left > u->n_now / 2)
        return IS_END;
    for (uint32_t i = 0; i < u->n_now && !u->is_full; i++) {
        if (!u->now_has[u->now[i]])
            continue;
        u->now_has[u->now[i]]--;
        add_next(u, u->now[i]);
        add_next(u, u->now[i]);
    }
    return u->is_full ? IS_TOO_LARGE : GOES_ON;
}

static void swap_columns(unfolder *u)
{
    u->n_next = compact(u->next, u->n_next, u->next_has);
    bl_lit *t = u->now;
    u->now = u->next;
    u->next = t;
    u->n_now = u->n_next;
    u->n_next = 0;
}

static void add_terms(unfolder *u, const term *terms, uint32_t n, int exponent)
{
    for (uint32_t i = 0; i < n; i++)
        if (terms[i].exponent == exponent)
            add_next(u, terms[i].lit);
}

bool unfold(unfolding *result, unfolder *u, const term *terms, uint32_t n)
{
    assert(n > 0);
    int high = terms[0].exponent, low = high;
    for (uint32_t i = 1; i < n; i++) {
        high = terms[i].exponent > high ? terms[i].exponent : high;
        low = terms[i].exponent < low ? terms[i].exponent : low;
    }
    int64_t constant = 0, slack = 0;
    verdict v = GOES_ON;
    int e = high;
    u->is_full = false;
    u->n_next = 0;
    add_terms(u, terms, n, e);
    swap_columns(u);
    for (;; e--) {
        bool has_made_up;
        u->constant = 0;
        add_terms(u, terms, n, e - 1);
        v = high - e < MAX_EXPONENTS ? unfold_column(u, e <= low, &has_made_up) : IS_TOO_LARGE;
        forget(u->now, u->n_now, u->now_has);
        if (v != GOES_ON)
            break;
        constant = 2 * constant + u->constant;
        slack = 2 * slack + has_made_up;
        swap_columns(u);
    }
    forget(u->next, u->n_next, u->next_has);
    *result = (unfolding){
        .literals = u->now, .n = u->n_now, .exponent = e, .constant = constant, .slack = slack};
    return v == IS_END;
}
