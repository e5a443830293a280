// SPDX-License-Identifier: MIT
// bitloom emit IN -o FILE.c: a graph or program as C.

#include "verbs.h"

#include <bitloom/code.h>

typedef struct settings {
    const char *output, *name;
} settings;

static int run(const bl_command *c)
{
    const settings *o = c->settings;
    const char *path = c->operands[0];
    bl_diag diag = {0};
    char name[64];
    if (o->name)
        snprintf(name, sizeof name, "%s", o->name);
    else
        name_from_path(name, sizeof name, path);
    logic_file logic;
    if (logic_file_open(&logic, path, &diag) != BL_OK)
        return report(&diag, EXIT_NO);
    bl_status status = BL_OK;
    if (!logic.program)
        status = bl_program_cover_graph(&logic.program, logic.graph, NULL);
    bl_buffer out = {0};
    if (status == BL_OK)
        status = bl_program_emit_c(&out, logic.program, name, NULL);
    if (status == BL_ERR_ARGUMENT)
        bl_diag_set(&diag, status, NULL, 0, 0,
                    "\"%s\" is no name for a C function; expected letters, digits and _", name);
    else if (status != BL_OK)
        bl_diag_set(&diag, status, path, 0, 0, "%s", bl_status_text(status));
    else
        status = bl_file_write(o->output, out.data, out.bytes, &diag);
    bl_buffer_clear(&out);
    logic_file_close(&logic);
    return status == BL_OK ? EXIT_YES
                           : report(&diag, status == BL_ERR_ARGUMENT ? EXIT_USAGE : EXIT_NO);
}

static const settings defaults = {.output = "-"};
static const bl_option options[] = {
    {"output", 'o', BL_OPTION_TEXT, offsetof(settings, output), "FILE", 0, 0,
     "where the C goes; default standard output"},
    {"name", 0, BL_OPTION_TEXT, offsetof(settings, name), "NAME", 0, 0,
     "functions are NAME_step and so on; default: from the name of the file"},
};

const bl_verb bl_verb_emit = {
    .name = "emit",
    .operands = "FILE",
    .summary = "write a graph or program as C",
    .details =
        "Each entry becomes a function over arrays of words, lane i of a word is an input of\n"
        "its own. The head of the file says how the arrays are laid out. Words have 64\n"
        "bytes with AVX-512, otherwise 32, or what -DWORD_BYTES says.",
    .example = "bitloom emit adder.aig -o adder.c && cc -O2 -march=native -c adder.c",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .min_operands = 1,
    .max_operands = 1,
    .settings_bytes = sizeof(settings),
    .defaults = &defaults,
    .run = run};
