// SPDX-License-Identifier: MIT
#ifndef BITLOOM_PROVE_H
#define BITLOOM_PROVE_H

// Which signals of a graph are always equal, and whether two graphs are.
//
//     bl_proof *proof;
//     if (bl_prove_equivalent(&proof, a, b, NULL, NULL, &diag) != BL_OK) return 1;
//     if (proof->verdict == BL_VERDICT_DIFFERENT)                // and these inputs show it
//         for (uint32_t i = 0; i < proof->n_inputs; i++)
//             putchar('0' + proof->inputs[i]);
//     bl_proof_destroy(&proof);
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

// ------------------------------------------------------------------------------ equivalence

typedef enum bl_verdict {
    BL_VERDICT_EQUAL,
    BL_VERDICT_DIFFERENT,
    BL_VERDICT_EQUAL_FOR_FRAMES, // from reset; beyond that nothing is known
    BL_VERDICT_UNDECIDED
} bl_verdict;

typedef struct bl_proof {
    bl_verdict verdict;
    const char *method; // that decided: "simulation", "combinational", "induction", "frames"
    uint32_t n_frames;  // of the counterexample, or for which the graphs are known to be equal
    // A counterexample, empty without one; 0 or 1 in each byte.
    uint32_t n_inputs;
    const uint8_t *inputs; // n_inputs for each frame, in the order of the first graph
    uint32_t n_first_a, n_first_b;
    const uint8_t *first_a, *first_b; // where the latches of the graphs begin
    uint32_t output_a, output_b;      // which differ in the last frame
    uint32_t n_open;                  // UNDECIDED without latches: outputs that are
} bl_proof;

// Do two graphs compute the same? Inputs, outputs and latches correspond by name where both
// graphs have the same names, each once; otherwise by position. Ports of every kind count as
// outputs. Graphs with latches start from reset; latches that correspond and are of unknown reset
// begin with the same, unknown, value.
//
// Latches that correspond are tried as inputs and outputs first; then induction looks for latches
// of both that are equal; then the graphs are compared frame by frame, n_frames long. A
// counterexample was simulated on both graphs before it is reported. BL_ERR_ARGUMENT and a
// message where the numbers of inputs or outputs differ; BL_ERR_MEMORY, BL_ERR_LIMIT.
BL_API BL_MUST_USE bl_status bl_prove_equivalent(bl_proof **proof, const bl_graph *a,
                                                 const bl_graph *b, const bl_prove_params *params,
                                                 const bl_allocator *allocator, bl_diag *diag);
BL_API void bl_proof_destroy(bl_proof **proof);

BL_END_DECLS
#endif
