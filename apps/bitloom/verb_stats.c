// SPDX-License-Identifier: MIT
// bitloom stats FILE: the size of a graph or a program.

#include "verbs.h"

static void graph_stats(bl_json *json, const bl_graph *g, uint32_t n_levels)
{
    uint32_t n_of_kind[5] = {0};
    for (uint32_t i = 0; i < g->n_outputs; i++)
        n_of_kind[g->outputs[i].kind]++;
    bl_json_text(json, "kind", "graph");
    bl_json_uint(json, "n_inputs", g->n_inputs);
    bl_json_uint(json, "n_outputs", n_of_kind[BL_PORT_OUTPUT]);
    bl_json_uint(json, "n_latches", g->n_latches);
    bl_json_uint(json, "n_nodes", g->n_ands);
    bl_json_uint(json, "n_levels", n_levels);
    static const char *const rare[] = {"n_bad", "n_constraints", "n_justice_literals",
                                       "n_fairness"};
    for (int k = 1; k < 5; k++)
        if (n_of_kind[k])
            bl_json_uint(json, rare[k - 1], n_of_kind[k]);
}

static void program_stats(bl_json *json, const bl_program *program)
{
    bl_program_info p;
    bl_program_get_info(&p, program);
    bl_json_text(json, "kind", "program");
    bl_json_uint(json, "n_inputs", p.n_inputs);
    bl_json_uint(json, "n_outputs", p.n_outputs);
    bl_json_uint(json, "n_latches", p.n_state);
    bl_json_uint(json, "n_luts", p.n_lut3);
    bl_json_uint(json, "n_lut3_operations", p.n_lut3_operations);
    bl_json_uint(json, "n_macro_operations", p.n_macro_operations);
    bl_json_uint(json, "n_literals", p.n_literals);
    bl_json_uint(json, "n_slots", p.n_slots);
    bl_json_uint(json, "bytes", p.bytes);
}

static int run(const bl_command *c)
{
    bl_diag diag = {0};
    logic_file logic;
    if (logic_file_open(&logic, c->operands[0], &diag) != BL_OK)
        return report(&diag, EXIT_NO);
    uint32_t n_levels = 0;
    if (logic.graph && bl_graph_count_levels(&n_levels, logic.graph) != BL_OK) {
        logic_file_close(&logic);
        bl_diag_set(&diag, BL_ERR_MEMORY, c->operands[0], 0, 0, "out of memory");
        return report(&diag, EXIT_NO);
    }
    bl_buffer out = {0};
    bl_json json;
    bl_json_begin(&json, &out, !c->common.is_json);
    bl_json_object(&json, NULL);
    if (logic.graph)
        graph_stats(&json, logic.graph, n_levels);
    else
        program_stats(&json, logic.program);
    bl_json_end(&json);
    if (c->common.is_json)
        bl_buffer_append(&out, "\n", 1);
    logic_file_close(&logic);
    return print_buffer(&out);
}

const bl_verb bl_verb_stats = {
    .name = "stats",
    .operands = "FILE",
    .summary = "sizes of an AIGER graph or a program",
    .details =
        "Counts inputs, outputs, latches, AND nodes and levels of a graph (.aig, .aag), or\n"
        "operations, literals, LUTs and slots of a program (.blp). Redundant nodes of a file\n"
        "disappear on reading (structural hashing).",
    .example = "bitloom stats adder.aig --json",
    .min_operands = 1,
    .max_operands = 1,
    .run = run};
