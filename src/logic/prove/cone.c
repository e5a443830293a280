// SPDX-License-Identifier: MIT
// Cones of a graph as clauses, loaded where a question needs them.
//
// An AND n = a b becomes (~n a) (~n b) (n ~a ~b). Where both fanins are complemented ANDs that
// share a literal in both phases, n is a multiplexer (or an XOR), which takes four clauses and
// leaves out the two ANDs between:
//
//     n = ~(s t) ~(~s e) = s ? ~t : ~e       (~s t' ~n) (~s ~t' n) (s e' ~n) (s ~e' n)
//
// A question about a and b is two questions to the solver: a without b, b without a. Its time
// grows with everything loaded, so the solver starts afresh when that is much more than the cone
// of one question.

#include "cone.h"

#include "grow.h"
#include "node.h"

#include "base/try.h"

#include <assert.h>

enum { FEW_LOADED = 2000, MANY_CONES = 4, QUICK_CONFLICTS = 100 };

typedef struct mux {
    bl_lit s, then_, else_;
} mux;

static bool find_mux(mux *m, const bl_graph *g, uint32_t id)
{
    bl_lit x = g->fanin0[id], y = g->fanin1[id];
    if (!bl_lit_is_complemented(x) || !bl_lit_is_complemented(y) || !is_and(g, bl_lit_node(x))
        || !is_and(g, bl_lit_node(y)))
        return false;
    const bl_lit of_x[] = {g->fanin0[bl_lit_node(x)], g->fanin1[bl_lit_node(x)]};
    const bl_lit of_y[] = {g->fanin0[bl_lit_node(y)], g->fanin1[bl_lit_node(y)]};
    for (int i = 0; i < 2; i++)
        for (int k = 0; k < 2; k++)
            if (of_x[i] == bl_lit_not(of_y[k])) {
                *m = (mux){of_x[i], bl_lit_not(of_x[1 - i]), bl_lit_not(of_y[1 - k])};
                return true;
            }
    return false;
}

static void restart(cone *c)
{
    for (uint32_t i = 0; i < c->n_loaded; i++)
        c->nodes[c->loaded[i]].variable = 0;
    c->n_loaded = c->n_first = 0;
    sat_destroy(&c->solver);
}

void cone_clear(cone *c)
{
    sat_destroy(&c->solver);
    bl_free(c->allocator, c->nodes, c->node_capacity * sizeof *c->nodes);
    bl_free(c->allocator, c->loaded, c->n_loaded_capacity * sizeof *c->loaded);
    bl_free(c->allocator, c->stack, c->stack_capacity * sizeof *c->stack);
    bl_free(c->allocator, c->support, c->support_capacity * sizeof *c->support);
    *c = (cone){.g = c->g, .allocator = c->allocator};
}

// The variable of a node, which joins those whose clauses are still to be written.
static bl_status variable_of(int *variable, cone *c, uint32_t node, uint32_t *n_stack)
{
    if (c->nodes[node].variable == 0) {
        TRY(GROW(c->loaded, c->n_loaded_capacity, c->n_loaded + 1, c->allocator));
        TRY(GROW(c->stack, c->stack_capacity, *n_stack + 1, c->allocator));
        c->loaded[c->n_loaded++] = node;
        c->nodes[node].variable = (int)c->n_loaded;
        c->stack[(*n_stack)++] = node;
    }
    *variable = c->nodes[node].variable;
    return BL_OK;
}

static bl_status literal_of(int *literal, cone *c, bl_lit l, uint32_t *n_stack)
{
    int variable;
    TRY(variable_of(&variable, c, bl_lit_node(l), n_stack));
    *literal = bl_lit_is_complemented(l) ? -variable : variable;
    return BL_OK;
}

// (if_ then n == to)
static void add_implied_equality(sat *solver, int if_, int n, int to)
{
    sat_add_clause(solver, (const int[]){-if_, -to, n}, 3);
    sat_add_clause(solver, (const int[]){-if_, to, -n}, 3);
}

static bl_status write_clauses(cone *c, uint32_t id, uint32_t *n_stack)
{
    int n = c->nodes[id].variable, a, b, s;
    mux m;
    if (id == 0)
        sat_add_clause(c->solver, (const int[]){-n}, 1);
    else if (!is_and(c->g, id))
        return BL_OK;
    else if (find_mux(&m, c->g, id)) {
        TRY(literal_of(&s, c, m.s, n_stack));
        TRY(literal_of(&a, c, m.then_, n_stack));
        TRY(literal_of(&b, c, m.else_, n_stack));
        add_implied_equality(c->solver, s, n, a);
        add_implied_equality(c->solver, -s, n, b);
        if (a != -b) { // follow from the others, but propagate more
            sat_add_clause(c->solver, (const int[]){-a, -b, n}, 3);
            sat_add_clause(c->solver, (const int[]){a, b, -n}, 3);
        }
    } else {
        TRY(literal_of(&a, c, c->g->fanin0[id], n_stack));
        TRY(literal_of(&b, c, c->g->fanin1[id], n_stack));
        sat_add_clause(c->solver, (const int[]){-n, a}, 2);
        sat_add_clause(c->solver, (const int[]){-n, b}, 2);
        sat_add_clause(c->solver, (const int[]){n, -a, -b}, 3);
    }
    return BL_OK;
}

static bl_status load(int *literal, cone *c, bl_lit l)
{
    uint32_t n_stack = 0;
    TRY(literal_of(literal, c, l, &n_stack));
    while (n_stack > 0)
        TRY(write_clauses(c, c->stack[--n_stack], &n_stack));
    return BL_OK;
}

static bl_status load_both(int literals[2], cone *c, bl_lit a, bl_lit b, bool is_quick)
{
    if (c->n_loaded > FEW_LOADED + MANY_CONES * c->n_first || c->is_quick != is_quick)
        restart(c);
    if (!c->solver)
        TRY(sat_create(&c->solver, is_quick, c->allocator));
    c->is_quick = is_quick;
    TRY(load(&literals[0], c, a));
    TRY(load(&literals[1], c, b));
    if (c->n_first == 0)
        c->n_first = c->n_loaded;
    return BL_OK;
}

static bl_status walk_to(cone *c, uint32_t node, uint32_t *n_stack)
{
    if (c->nodes[node].visit == c->n_visits)
        return BL_OK;
    c->nodes[node].visit = c->n_visits;
    TRY(GROW(c->stack, c->stack_capacity, *n_stack + 1, c->allocator));
    c->stack[(*n_stack)++] = node;
    return BL_OK;
}

static bl_status find_support(cone *c, bl_lit a, bl_lit b)
{
    uint32_t n_stack = 0;
    c->n_visits++;
    c->n_support = 0;
    TRY(walk_to(c, bl_lit_node(a), &n_stack));
    TRY(walk_to(c, bl_lit_node(b), &n_stack));
    while (n_stack > 0) {
        uint32_t id = c->stack[--n_stack];
        if (is_and(c->g, id)) {
            TRY(walk_to(c, bl_lit_node(c->g->fanin0[id]), &n_stack));
            TRY(walk_to(c, bl_lit_node(c->g->fanin1[id]), &n_stack));
        } else if (id > 0) {
            TRY(GROW(c->support, c->support_capacity, c->n_support + 1, c->allocator));
            c->support[c->n_support++] = id;
        }
    }
    return BL_OK;
}

// Two questions, or one where b is constant; a is then not the same constant.
static sat_answer ask(cone *c, int a, int b, bool is_constant, uint32_t max_conflicts,
                      uint64_t deadline_ns)
{
    sat_answer first = sat_solve(c->solver, (const int[]){a, -b}, 2, max_conflicts, deadline_ns);
    if (first != SAT_NO || is_constant)
        return first;
    return sat_solve(c->solver, (const int[]){-a, b}, 2, max_conflicts, deadline_ns);
}

bl_status cone_compare(cone_answer *answer, cone *c, bl_lit a, bl_lit b, uint32_t max_conflicts,
                       uint64_t deadline_ns)
{
    assert(bl_lit_node(a) < c->g->n_nodes && bl_lit_node(b) < c->g->n_nodes && a != b);
    *answer = CONE_UNDECIDED;
    if (!sat_is_available())
        return BL_OK;
    if (bl_lit_node(a) == 0 || b == BL_LIT_TRUE) { // so that a constant is b, and false
        bl_lit other = bl_lit_node(a) == 0 ? b : a;
        b = BL_LIT_FALSE;
        a = bl_lit_not_if(other, bl_lit_node(a) == 0 ? a == BL_LIT_TRUE : true);
    }
    TRY(GROW(c->nodes, c->node_capacity, c->g->n_nodes, c->allocator));
    int literals[2];
    TRY(load_both(literals, c, a, b, max_conflicts <= QUICK_CONFLICTS));
    switch (ask(c, literals[0], literals[1], b == BL_LIT_FALSE, max_conflicts, deadline_ns)) {
    case SAT_NO: *answer = CONE_EQUAL; return BL_OK;
    case SAT_YES: *answer = CONE_DIFFERENT; return find_support(c, a, b);
    case SAT_GAVE_UP:
        if (c->starts_afresh)
            restart(c);
        break;
    }
    return BL_OK;
}

bool cone_value(cone *c, uint32_t node)
{
    assert(c->nodes[node].variable != 0);
    return sat_value(c->solver, c->nodes[node].variable);
}
