// SPDX-License-Identifier: MIT
// The one file that knows CaDiCaL (Biere, Fazekas, Fleury, Heisinger: "CaDiCaL, Kissat, Paracooba,
// Plingeling and Treengeling entering the SAT Competition 2020").

#include "sat.h"

#ifdef BITLOOM_CADICAL

#include <assert.h>
#include <ccadical.h>
#include <limits.h>

struct sat {
    CCaDiCaL *cadical;
    uint64_t deadline_ns;
    const bl_allocator *allocator;
};

bool sat_is_available(void) { return true; }

static int is_late(void *context)
{
    const sat *s = context;
    return s->deadline_ns != 0 && bl_time_ns() > s->deadline_ns;
}

bl_status sat_create(sat **solver, bool is_quick, const bl_allocator *allocator)
{
    sat *s = bl_alloc(allocator, sizeof *s);
    if (!s)
        return BL_ERR_MEMORY;
    s->allocator = allocator;
    s->cadical = ccadical_init();
    // Variables that were eliminated come back with the next question, at a cost. Questions of a
    // hundred conflicts do not repay any other cleaning up either.
    ccadical_set_option(s->cadical, is_quick ? "inprocessing" : "elim", 0);
    ccadical_set_terminate(s->cadical, s, is_late);
    *solver = s;
    return BL_OK;
}

void sat_destroy(sat **solver)
{
    if (!*solver)
        return;
    ccadical_release((*solver)->cadical);
    bl_free((*solver)->allocator, *solver, sizeof **solver);
    *solver = NULL;
}

void sat_add_clause(sat *s, const int *literals, size_t n)
{
    for (size_t i = 0; i < n; i++)
        ccadical_add(s->cadical, literals[i]);
    ccadical_add(s->cadical, 0);
}

sat_answer sat_solve(sat *s, const int *assumed, size_t n, uint32_t max_conflicts,
                     uint64_t deadline_ns)
{
    enum { SATISFIABLE = 10, UNSATISFIABLE = 20 }; // IPASIR
    s->deadline_ns = deadline_ns;
    for (size_t i = 0; i < n; i++)
        ccadical_assume(s->cadical, assumed[i]);
    ccadical_limit(s->cadical, "conflicts", max_conflicts < INT_MAX ? (int)max_conflicts : INT_MAX);
    int answer = ccadical_solve(s->cadical);
    assert(answer == 0 || answer == SATISFIABLE || answer == UNSATISFIABLE);
    return answer == SATISFIABLE ? SAT_YES : answer == UNSATISFIABLE ? SAT_NO : SAT_GAVE_UP;
}

bool sat_value(sat *s, int variable) { return ccadical_val(s->cadical, variable) > 0; }

#else

struct sat {
    const bl_allocator *allocator;
};

bool sat_is_available(void) { return false; }

bl_status sat_create(sat **solver, bool is_quick, const bl_allocator *allocator)
{
    (void)is_quick;
    sat *s = bl_alloc(allocator, sizeof *s);
    if (!s)
        return BL_ERR_MEMORY;
    s->allocator = allocator;
    *solver = s;
    return BL_OK;
}

void sat_destroy(sat **solver)
{
    if (*solver)
        bl_free((*solver)->allocator, *solver, sizeof **solver);
    *solver = NULL;
}

void sat_add_clause(sat *s, const int *literals, size_t n) { (void)s, (void)literals, (void)n; }

sat_answer sat_solve(sat *s, const int *assumed, size_t n, uint32_t max_conflicts,
                     uint64_t deadline_ns)
{
    (void)s, (void)assumed, (void)n, (void)max_conflicts, (void)deadline_ns;
    return SAT_GAVE_UP;
}

bool sat_value(sat *s, int variable)
{
    (void)s, (void)variable;
    return false;
}

#endif
