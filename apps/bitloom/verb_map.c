// SPDX-License-Identifier: MIT
// bitloom map IN -o OUT: covers a graph with LUTs of three to six inputs.

#include "verbs.h"

#include <bitloom/netlist.h>

#include <string.h>

typedef struct settings {
    const char *output, *target;
    int64_t n_inputs, effort;
    bool finds_counts;
} settings;

static const char *const target_names[BL_TARGET_COUNT] = {"lut", "avx2", "neon", "rdna3"};

static bool find_target(bl_target *target, const char *name)
{
    for (int i = 0; i < BL_TARGET_COUNT; i++)
        if (strcmp(name, target_names[i]) == 0) {
            *target = (bl_target)i;
            return true;
        }
    return false;
}

static bl_status write_result(const settings *o, const bl_netlist *n, const char *path,
                              bl_diag *diag)
{
    bl_buffer out = {0};
    bl_program *p = NULL;
    bl_status status;
    if (ends_with(o->output, ".blp")) {
        status = bl_program_from_netlist(&p, n, NULL);
        if (status == BL_OK)
            status = bl_program_write(&out, p);
    } else {
        char model[64];
        name_from_path(model, sizeof model, path);
        status = bl_netlist_write_blif(&out, n, model);
    }
    if (status != BL_OK)
        bl_diag_set(diag, status, path, 0, 0, "%s", bl_status_text(status));
    else
        status = bl_file_write(o->output, out.data, out.bytes, diag);
    bl_buffer_clear(&out);
    bl_program_destroy(&p);
    return status;
}

static uint64_t cost_of(const bl_netlist *n, bl_target target)
{
    uint8_t costs[256];
    uint64_t sum = 0;
    bl_target_costs(costs, target);
    for (uint32_t i = 0; i < n->n_luts; i++)
        sum += bl_netlist_n_leaves(n, i) > 3 ? 1 : costs[(uint8_t)n->tables[i]]; // counts: 0
    return sum;
}

static void print_result(const bl_command *c, const bl_netlist *n, uint32_t n_ands,
                         uint32_t n_levels, bl_target target, uint64_t elapsed_ns)
{
    uint64_t cost = cost_of(n, target);
    uint32_t n_luts = n->n_luts - n->n_counts;
    if (c->common.is_json)
        printf("{\"n_nodes\":%u,\"n_luts\":%u,\"n_counts\":%u,\"n_literals\":%zu,\"n_levels\":%u,"
               "\"cost\":%llu,\"elapsed_ns\":%llu}\n",
               n_ands, n_luts, n->n_counts, n->n_literals, n_levels, (unsigned long long)cost,
               (unsigned long long)elapsed_ns);
    else if (!c->common.is_quiet) {
        fprintf(stderr, "%u ANDs, %u LUTs of up to %u inputs, ", n_ands, n_luts, n->max_inputs);
        if (((const settings *)c->settings)->finds_counts)
            fprintf(stderr, "%u counts of %zu literals, ", n->n_counts, n->n_literals);
        fprintf(stderr, "%u levels, %.2f s\n", n_levels, (double)elapsed_ns * 1e-9);
    }
}

static bl_status map(const bl_command *c, bl_target target, bl_diag *diag)
{
    const settings *o = c->settings;
    const char *path = c->operands[0];
    logic_file logic;
    bl_pool *pool = NULL;
    bl_netlist *n = NULL;
    uint32_t n_levels = 0;
    bl_status status = logic_file_open(&logic, path, diag);
    if (status != BL_OK)
        return status;
    if (!logic.graph)
        status = bl_graph_from_program(&logic.graph, logic.program, NULL);
    if (status == BL_OK)
        status = bl_pool_create(&pool, (size_t)c->common.n_threads, NULL);
    uint64_t begun = bl_time_ns();
    bl_map_params params = {.max_inputs = (uint32_t)o->n_inputs,
                            .target = target,
                            .effort = (uint32_t)o->effort,
                            .finds_counts = o->finds_counts,
                            .pool = pool};
    if (status == BL_OK)
        status = bl_netlist_map(&n, logic.graph, &params, NULL);
    uint64_t elapsed_ns = bl_time_ns() - begun;
    if (status == BL_OK)
        status = bl_netlist_count_levels(&n_levels, n);
    if (status != BL_OK)
        bl_diag_set(diag, status, path, 0, 0, "%s", bl_status_text(status));
    else
        status = write_result(o, n, path, diag);
    if (status == BL_OK)
        print_result(c, n, logic.graph->n_ands, n_levels, target, elapsed_ns);
    bl_netlist_destroy(&n);
    bl_pool_destroy(&pool);
    logic_file_close(&logic);
    return status;
}

static int run(const bl_command *c)
{
    const settings *o = c->settings;
    bl_diag diag = {0};
    bl_target target = BL_TARGET_LUT;
    if (!o->output)
        bl_diag_set(&diag, BL_ERR_ARGUMENT, NULL, 0, 0, "expected -o FILE.blif or -o FILE.blp");
    else if (!ends_with(o->output, ".blp") && !ends_with(o->output, ".blif"))
        bl_diag_set(&diag, BL_ERR_ARGUMENT, o->output, 0, 0,
                    "the suffix names the format; expected .blif or .blp");
    else if (ends_with(o->output, ".blp") && o->n_inputs > 3)
        bl_diag_set(&diag, BL_ERR_ARGUMENT, o->output, 0, 0,
                    "a program has LUTs of three inputs; use --lut 3, or .blif for --lut %lld",
                    (long long)o->n_inputs);
    else if (o->finds_counts && !ends_with(o->output, ".blp"))
        bl_diag_set(&diag, BL_ERR_ARGUMENT, o->output, 0, 0,
                    "a netlist of LUTs cannot hold what --macros finds; use -o FILE.blp");
    else if (!find_target(&target, o->target))
        bl_diag_set(&diag, BL_ERR_ARGUMENT, NULL, 0, 0,
                    "no target \"%s\"; expected lut, avx2, neon or rdna3", o->target);
    else
        return map(c, target, &diag) == BL_OK ? EXIT_YES : report(&diag, EXIT_NO);
    return report(&diag, EXIT_USAGE);
}

static const settings defaults = {.n_inputs = 3, .target = "lut"};
static const bl_option options[] = {
    {"output", 'o', BL_OPTION_TEXT, offsetof(settings, output), "FILE", 0, 0,
     ".blif: a netlist, .blp: a program"},
    {"lut", 0, BL_OPTION_INT, offsetof(settings, n_inputs), "K", 3, 6,
     "inputs of a LUT, 3 to 6; default 3"},
    {"target", 0, BL_OPTION_TEXT, offsetof(settings, target), "NAME", 0, 0,
     "what functions of three inputs cost: lut (each 1), avx2, neon, rdna3"},
    {"effort", 0, BL_OPTION_INT, offsetof(settings, effort), "N", 0, 4,
     "0 to 4 more rounds, each as long again; default 0"},
    {"macros", 0, BL_OPTION_FLAG, offsetof(settings, finds_counts), NULL, 0, 0,
     "adder trees under a comparison become single operations that count"},
};

const bl_verb bl_verb_map = {
    .name = "map",
    .operands = "FILE",
    .summary = "cover a graph with lookup tables",
    .details = "Finds LUTs of up to K inputs that compute the graph, as few (or as cheap for a\n"
               "target) as priority cuts, area flow and exact area find.",
    .example = "bitloom map adder.aig --lut 6 -o adder.blif",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .min_operands = 1,
    .max_operands = 1,
    .settings_bytes = sizeof(settings),
    .defaults = &defaults,
    .run = run};
