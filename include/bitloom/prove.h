// SPDX-License-Identifier: MIT
#ifndef BITLOOM_PROVE_H
#define BITLOOM_PROVE_H

// Which signals of a graph are always equal.
//
// Random patterns, 512 at a time, find what may be equal; small windows of gates are tried
// exhaustively, the rest goes to a SAT solver, in topological order, so that what was found
// equal makes the next question small. Builds without the solver (CaDiCaL) prove what small
// windows show and leave the rest open.

#include <bitloom/logic.h>

BL_BEGIN_DECLS

// False where the library was built without a SAT solver.
BL_API bool bl_prove_has_solver(void);

typedef struct bl_prove_progress {
    const char *step;         // "combinational", "induction", "frames", ...
    uint64_t n_done, n_total; // nodes of this round, or frames
    uint64_t n_merged;        // nodes found equal to others so far
} bl_prove_progress;

typedef struct bl_prove_params {
    double seconds; // after which what is open stays open; 0: no bound
    // Conflicts of the solver for one question, at most; 0: 100 to sweep nodes, 4000 to sweep
    // latches, no bound to prove. Questions begin with few and get more from round to round.
    uint32_t max_conflicts;
    uint32_t n_frames; // of bl_prove_equivalent: how far from reset, 0: 16
    uint64_t seed;     // of the patterns
    void (*progress)(void *context, const bl_prove_progress *progress); // NULL: none
    void *context;
} bl_prove_params;

// What params of all zero mean is what NULL means, in each function below. Without a bound of
// seconds the results depend on nothing but the arguments.

// -------------------------------------------------------------------------------- sweeping

typedef struct bl_sweep_facts {
    uint32_t n_ands_before, n_ands;
    uint32_t n_latches_before, n_latches;
    uint32_t n_merged;    // nodes, or latches, replaced by an equal, complementary or constant one
    uint32_t n_undecided; // where the bounds did not suffice
} bl_sweep_facts;

// A graph with the same ports in the same order, in which nodes that are equal for all values of
// inputs and latches, or complementary or constant, are one. `facts` may be NULL. Memory: about 160
// bytes a node. BL_ERR_MEMORY, BL_ERR_LIMIT.
BL_API BL_MUST_USE bl_status bl_graph_sweep(bl_graph **swept, bl_sweep_facts *facts,
                                            const bl_graph *graph, const bl_prove_params *params,
                                            const bl_allocator *allocator);

// A graph with the same inputs and outputs, in which latches are one that are equal, complementary
// or constant in all states that can be reached from reset, as far as induction over one step
// shows it. Latches that are never read remain. Latches of unknown reset may begin as anything.
BL_API BL_MUST_USE bl_status bl_graph_sweep_latches(bl_graph **swept, bl_sweep_facts *facts,
                                                    const bl_graph *graph,
                                                    const bl_prove_params *params,
                                                    const bl_allocator *allocator);

BL_END_DECLS
#endif
