// SPDX-License-Identifier: MIT
// bitloom convert IN OUT: between graph and program files, by the suffix of OUT.

#include "verbs.h"

#include <bitloom/netlist.h>

typedef bl_status graph_writer(bl_buffer *out, const bl_graph *g, const char *model);

static bl_status write_aig(bl_buffer *out, const bl_graph *g, const char *model)
{
    (void)model;
    return bl_graph_write_aiger(out, g, false);
}

static bl_status write_aag(bl_buffer *out, const bl_graph *g, const char *model)
{
    (void)model;
    return bl_graph_write_aiger(out, g, true);
}

static bl_status write_bench(bl_buffer *out, const bl_graph *g, const char *model)
{
    (void)model;
    return bl_graph_write_bench(out, g);
}

static bl_status write_blif(bl_buffer *out, const bl_graph *g, const char *model)
{
    bl_netlist *n = NULL;
    bl_status status = bl_netlist_from_graph(&n, g, NULL);
    if (status == BL_OK)
        status = bl_netlist_write_blif(out, n, model);
    bl_netlist_destroy(&n);
    return status;
}

static const struct {
    const char *suffix;
    graph_writer *write; // NULL: a program
} formats[] = {{".aig", write_aig},
               {".aag", write_aag},
               {".blif", write_blif},
               {".bench", write_bench},
               {".v", bl_graph_write_verilog},
               {".blp", NULL}};
enum { N_FORMATS = sizeof formats / sizeof *formats };

static bl_status convert(bl_buffer *out, logic_file *logic, size_t format, const char *model)
{
    bl_status status = BL_OK;
    if (formats[format].write) {
        if (!logic->graph)
            status = bl_graph_from_program(&logic->graph, logic->program, NULL);
        return status == BL_OK ? formats[format].write(out, logic->graph, model) : status;
    }
    if (!logic->program)
        status = bl_program_from_graph(&logic->program, logic->graph, NULL);
    return status == BL_OK ? bl_program_write(out, logic->program) : status;
}

static int run(const bl_command *c)
{
    const char *from = c->operands[0], *to = c->operands[1];
    bl_diag diag = {0};
    size_t format = 0;
    while (format < N_FORMATS && !ends_with(to, formats[format].suffix))
        format++;
    if (format == N_FORMATS) {
        bl_diag_set(&diag, BL_ERR_ARGUMENT, to, 0, 0,
                    "the suffix names the format; expected .aig, .aag, .blif, .bench, .v or .blp");
        return report(&diag, EXIT_USAGE);
    }
    logic_file logic;
    if (logic_file_open(&logic, from, &diag) != BL_OK)
        return report(&diag, EXIT_NO);
    char model[64];
    bl_buffer out = {0};
    name_from_path(model, sizeof model, from);
    bl_status status = convert(&out, &logic, format, model);
    if (status == BL_ERR_UNSUPPORTED)
        bl_diag_set(&diag, status, from, 0, 0,
                    "has a latch that does not begin as 0, which .bench cannot say; use .blif");
    else if (status != BL_OK)
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
    .summary = "between .aig, .aag, .blif, .bench, .blp and to .v",
    .details =
        "IN is AIGER (both forms), BLIF, .bench or a program, told apart by its first words;\n"
        "the suffix of OUT chooses the format. Macro-operations of a program become gates in\n"
        "a graph.",
    .example = "bitloom convert adder.blif adder.aig",
    .min_operands = 2,
    .max_operands = 2,
    .run = run};
