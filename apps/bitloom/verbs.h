// SPDX-License-Identifier: MIT
#ifndef BITLOOM_APPS_VERBS_H
#define BITLOOM_APPS_VERBS_H

#include "base/options.h"
#include "base/progress.h"

#include <bitloom/logic.h>
#include <bitloom/melt.h>

enum { EXIT_YES = 0, EXIT_NO = 1, EXIT_USAGE = 2, EXIT_UNDECIDED = 3 };

extern const bl_verb bl_verb_account, bl_verb_ablate, bl_verb_bench, bl_verb_convert, bl_verb_emit,
    bl_verb_filter, bl_verb_map, bl_verb_simplify, bl_verb_prove, bl_verb_melt, bl_verb_sample,
    bl_verb_score, bl_verb_load, bl_verb_serve, bl_verb_transpose, bl_verb_simulate, bl_verb_stats;

// Prints "bitloom: <diagnostic>" on standard error and returns `exit_status`.
int report(const bl_diag *diag, int exit_status);

bool ends_with(const char *text, const char *suffix);
// "dir/8-bit adder.aig" -> "n8_bit_adder", an identifier for what is written.
void name_from_path(char *name, size_t name_bytes, const char *path);

// A graph or a program, whichever the file holds: told apart by its first bytes.
typedef struct logic_file {
    bl_file file; // a program lives in it
    bl_graph *graph;
    bl_program *program;
} logic_file;
BL_MUST_USE bl_status logic_file_open(logic_file *logic, const char *path, bl_diag *diag);
void logic_file_close(logic_file *logic);

typedef struct model_file {
    bl_file file;
    bl_model *model;
} model_file;
BL_MUST_USE bl_status model_file_open(model_file *model, const char *path, bl_diag *diag);
void model_file_close(model_file *model);

// Writes the buffer to standard output and frees it; the exit status.
int print_buffer(bl_buffer *out);

#endif
