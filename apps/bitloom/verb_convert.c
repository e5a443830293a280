// SPDX-License-Identifier: MIT
// bitloom convert IN OUT: between graph and program files, by the suffix of OUT.

#include "verbs.h"

static bl_status to_graph(logic_file *logic)
{
    return logic->graph ? BL_OK : bl_graph_from_program(&logic->graph, logic->program, NULL);
}

static bl_status to_program(logic_file *logic)
{
    return logic->program ? BL_OK : bl_program_from_graph(&logic->program, logic->graph, NULL);
}

static int run(const bl_command *c)
{
    const char *from = c->operands[0], *to = c->operands[1];
    bl_diag diag = {0};
    bool is_ascii = ends_with(to, ".aag"), is_program = ends_with(to, ".blp");
    if (!is_ascii && !is_program && !ends_with(to, ".aig")) {
        bl_diag_set(&diag, BL_ERR_ARGUMENT, to, 0, 0,
                    "the suffix names the format; expected .aig, .aag or .blp");
        return report(&diag, EXIT_USAGE);
    }
    logic_file logic;
    if (logic_file_open(&logic, from, &diag) != BL_OK)
        return report(&diag, EXIT_NO);
    bl_buffer out = {0};
    bl_status status = is_program ? to_program(&logic) : to_graph(&logic);
    if (status == BL_OK)
        status = is_program ? bl_program_write(&out, logic.program)
                            : bl_graph_write_aiger(&out, logic.graph, is_ascii);
    if (status != BL_OK)
        bl_diag_set(&diag, status, from, 0, 0, "%s", bl_status_text(status));
    else
        status = bl_file_write(to, out.data, out.bytes, &diag);
    bl_buffer_clear(&out);
    logic_file_close(&logic);
    return status == BL_OK ? EXIT_YES : report(&diag, EXIT_NO);
}

const bl_verb bl_verb_convert = {
    .name = "convert",
    .operands = "IN OUT",
    .summary = "between .aig, .aag and .blp",
    .details = "IN is AIGER (both forms) or a program; the suffix of OUT chooses the format.\n"
               "Macro-operations of a program become gates in a graph.",
    .example = "bitloom convert adder.aig adder.aag",
    .min_operands = 2,
    .max_operands = 2,
    .run = run};
