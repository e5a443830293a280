// SPDX-License-Identifier: MIT
#ifndef BITLOOM_LOGIC_SIMPLIFY_SCRIPT_H
#define BITLOOM_LOGIC_SIMPLIFY_SCRIPT_H

// Which passes in which order, and what is made of their results.

#include "passes.h"
#include "simulation.h"

#include <bitloom/simplify.h>

typedef enum pass_kind {
    PASS_STRASH,
    PASS_BALANCE,
    PASS_REWRITE,
    PASS_REFACTOR,
    PASS_RESUB2, // on ANDs and XORs
    PASS_RESUB3, // on LUT3s
    PASS_COUNT
} pass_kind;

typedef struct pass {
    pass_kind kind;
    uint32_t size;       // implied literals of strash, leaves of windows
    uint32_t n_rounds;   // of resubstitution
    bool is_neutral;     // replaces also where nothing is gained
    bool has_dont_cares; // of refactoring and resubstitution
    uint32_t salt;       // of neutral passes
} pass;

const char *pass_name(pass_kind kind);

BL_MUST_USE bl_status pass_run(bl_graph **result, const bl_graph *g, const pass *p,
                               const deadline *d, const bl_allocator *allocator);

// Where the network is wandered from.
typedef enum script_view {
    VIEW_PLAIN,
    VIEW_REWRITTEN,
    VIEW_BALANCED,
    VIEW_REFACTORED,
    VIEW_COUNT
} script_view;

// One simplification from begin to end.
typedef struct simplification {
    const bl_graph *source;
    const bl_simplify_params *params;
    const bl_allocator *allocator;
    bl_diag *diag;
    answers expected;
    bl_graph *now, *best; // may be the same one
    bl_graph *start;      // what several beginnings begin with
    uint32_t now_luts, best_luts;
    uint64_t begun_ns;
    deadline end;
    uint32_t round;
    script_view view;
    uint32_t luts_at_view;                          // the best before it
    uint32_t penalty[VIEW_COUNT], wait[VIEW_COUNT]; // turns
} simplification;

// The result is s->best.
BL_MUST_USE bl_status script_run(simplification *s);

#endif
