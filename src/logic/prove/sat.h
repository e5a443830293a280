// SPDX-License-Identifier: MIT
#ifndef BITLOOM_LOGIC_PROVE_SAT_H
#define BITLOOM_LOGIC_PROVE_SAT_H

// A solver of clauses that remembers what it learned from one question to the next. Literals are
// as in DIMACS: variables count from 1, a negative number is a complement.
//
// The solver is CaDiCaL where the build found it. Elsewhere every question ends in SAT_GAVE_UP.
// Its memory comes from the C++ heap, not from the caller's allocator.

#include <bitloom/base.h>

typedef enum sat_answer { SAT_YES, SAT_NO, SAT_GAVE_UP } sat_answer;

typedef struct sat sat;

bool sat_is_available(void);

// is_quick: for questions of few conflicts.
BL_MUST_USE bl_status sat_create(sat **solver, bool is_quick, const bl_allocator *allocator);
void sat_destroy(sat **solver);

void sat_add_clause(sat *solver, const int *literals, size_t n);

// Can all clauses and the assumed literals be true at once? Gives up after max_conflicts, or soon
// after bl_time_ns() has passed deadline_ns (0: never).
sat_answer sat_solve(sat *solver, const int *assumed, size_t n, uint32_t max_conflicts,
                     uint64_t deadline_ns);

// After SAT_YES: the value of a variable.
bool sat_value(sat *solver, int variable);

#endif
