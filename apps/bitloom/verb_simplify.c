// SPDX-License-Identifier: MIT
// bitloom simplify IN -o OUT: a graph with the same ports that takes fewer LUT3s.

#include "verbs.h"

#include <bitloom/netlist.h>
#include <bitloom/prove.h>
#include <bitloom/simplify.h>

#include <string.h>

typedef struct settings {
    const char *output;
    int64_t effort;
    double seconds;
    bool verifies, sweeps_latches;
} settings;

typedef struct watcher {
    bl_progress bar;
    bool is_verbose;
} watcher;

static void watch(void *context, const bl_simplify_step *step)
{
    watcher *w = context;
    bl_progress_update(&w->bar, step->round);
    if (!w->is_verbose)
        return;
    fprintf(stderr, "%8.2f s  %-8s %9u nodes  %7u levels", (double)step->elapsed_ns * 1e-9,
            step->pass, step->n_ands, step->n_levels);
    if (step->n_luts)
        fprintf(stderr, "  %9u luts", step->n_luts);
    fprintf(stderr, "  in %.2f s\n", (double)step->pass_ns * 1e-9);
}

typedef struct size {
    uint32_t n_nodes, n_levels, n_luts;
} size;

static bl_status measure(size *result, const bl_graph *g)
{
    bl_netlist *luts;
    bl_status status = bl_graph_count_levels(&result->n_levels, g);
    if (status == BL_OK)
        status = bl_netlist_map(&luts, g, NULL, NULL);
    if (status != BL_OK)
        return status;
    result->n_nodes = g->n_ands;
    result->n_luts = luts->n_luts;
    bl_netlist_destroy(&luts);
    return BL_OK;
}

static void print_size(bl_json *json, const char *key, const size *s)
{
    bl_json_object(json, key);
    bl_json_uint(json, "n_nodes", s->n_nodes);
    bl_json_uint(json, "n_levels", s->n_levels);
    bl_json_uint(json, "n_luts", s->n_luts);
    bl_json_end(json);
}

static int print_json(const size *before, const size *after, uint64_t elapsed_ns)
{
    bl_buffer out = {0};
    bl_json json;
    bl_json_begin(&json, &out, false);
    bl_json_object(&json, NULL);
    print_size(&json, "before", before);
    print_size(&json, "after", after);
    bl_json_uint(&json, "elapsed_ns", elapsed_ns);
    bl_json_end(&json);
    bl_buffer_append(&out, "\n", 1);
    return print_buffer(&out);
}

static bl_status verify(void *context, const bl_graph *before, const bl_graph *after, bl_diag *diag)
{
    (void)context;
    bl_proof *proof = NULL;
    bl_status status = bl_prove_equivalent(&proof, before, after, NULL, NULL, diag);
    if (status != BL_OK)
        return status;
    if (proof->verdict == BL_VERDICT_DIFFERENT)
        status = bl_diag_set(diag, BL_ERR_ARGUMENT, NULL, 0, 0,
                             "the graphs before and after a pass differ; nothing was written");
    else if (proof->verdict != BL_VERDICT_EQUAL)
        status = bl_diag_set(diag, BL_ERR_LIMIT, NULL, 0, 0,
                             "the graphs before and after a pass were not proved equal%s",
                             bl_prove_has_solver() ? "" : ": this build has no SAT solver");
    bl_proof_destroy(&proof);
    return status;
}

static bl_status sweep(void *context, bl_graph **result, const bl_graph *graph, uint64_t budget_ns,
                       const bl_allocator *allocator)
{
    (void)context;
    bl_prove_params params = {.seconds = (double)budget_ns * 1e-9};
    return bl_graph_sweep(result, NULL, graph, &params, allocator);
}

// Latches that are equal in all states that can be reached become one, before all else.
static bl_status sweep_latches(bl_graph **g, double seconds)
{
    bl_graph *swept;
    bl_prove_params params = {.seconds = seconds};
    bl_status status = bl_graph_sweep_latches(&swept, NULL, *g, &params, NULL);
    if (status != BL_OK)
        return status;
    bl_graph_destroy(g);
    *g = swept;
    return BL_OK;
}

static bl_status simplify(bl_graph **result, const bl_graph *g, const bl_command *c,
                          uint64_t *elapsed_ns, bl_diag *diag)
{
    const settings *o = c->settings;
    watcher w = {.is_verbose = c->common.is_verbose};
    bl_simplify_params params = {.effort = (uint32_t)o->effort,
                                 .budget_ns = (uint64_t)(o->seconds * 1e9),
                                 .progress = watch,
                                 .progress_context = &w,
                                 .verify = o->verifies ? verify : NULL,
                                 .sweep = sweep};
    uint64_t begun_ns = bl_time_ns();
    bl_progress_begin(&w.bar, "simplify", 0, "rounds", c->common.is_quiet || w.is_verbose);
    bl_status status = bl_graph_simplify(result, g, &params, NULL, diag);
    bl_progress_end(&w.bar, w.bar.total);
    *elapsed_ns = bl_time_ns() - begun_ns;
    return status;
}

static bl_status write_graph(const char *path, const bl_graph *g, bl_diag *diag)
{
    size_t n = strlen(path);
    bl_buffer out = {0};
    bl_status status = bl_graph_write_aiger(&out, g, n >= 4 && strcmp(path + n - 4, ".aag") == 0);
    if (status == BL_OK)
        status = bl_file_write(path, out.data, out.bytes, diag);
    else
        bl_diag_set(diag, status, path, 0, 0, "%s", bl_status_text(status));
    bl_buffer_clear(&out);
    return status;
}

static int run(const bl_command *c)
{
    const settings *o = c->settings;
    bl_diag diag = {0};
    if (!o->output) {
        bl_diag_set(&diag, BL_ERR_ARGUMENT, NULL, 0, 0, "expected -o OUT.aig or -o OUT.aag");
        return report(&diag, EXIT_USAGE);
    }
    if (c->common.is_json && strcmp(o->output, "-") == 0) {
        bl_diag_set(&diag, BL_ERR_ARGUMENT, NULL, 0, 0,
                    "--json and -o - would both write to standard output");
        return report(&diag, EXIT_USAGE);
    }
    logic_file logic;
    if (logic_file_open(&logic, c->operands[0], &diag) != BL_OK)
        return report(&diag, EXIT_NO);
    bl_status status = BL_OK;
    bl_graph *small = NULL;
    size before = {0}, after = {0};
    uint64_t elapsed_ns = 0;
    if (!logic.graph)
        status = bl_graph_from_program(&logic.graph, logic.program, NULL);
    if (status == BL_OK && c->common.is_json)
        status = measure(&before, logic.graph);
    if (status == BL_OK && o->sweeps_latches)
        status = sweep_latches(&logic.graph, o->seconds / 2);
    if (status == BL_OK)
        status = simplify(&small, logic.graph, c, &elapsed_ns, &diag);
    if (status == BL_OK && c->common.is_json)
        status = measure(&after, small);
    if (status != BL_OK && diag.message[0] == 0)
        bl_diag_set(&diag, status, c->operands[0], 0, 0, "%s", bl_status_text(status));
    if (status == BL_OK)
        status = write_graph(o->output, small, &diag);
    bl_graph_destroy(&small);
    logic_file_close(&logic);
    if (status != BL_OK)
        return report(&diag, EXIT_NO);
    return c->common.is_json ? print_json(&before, &after, elapsed_ns) : EXIT_YES;
}

static const settings defaults = {.effort = BL_SIMPLIFY_DEFAULT_EFFORT};
static const bl_option options[] = {
    {"output", 'o', BL_OPTION_TEXT, offsetof(settings, output), "OUT", 0, 0,
     "the result, .aag for ASCII; - is standard output"},
    {"effort", 0, BL_OPTION_INT, offsetof(settings, effort), "E", 0, BL_SIMPLIFY_MAX_EFFORT,
     "0 linear, 1 seconds for 1e7 ANDs, up to 9; default 4"},
    {"seconds", 0, BL_OPTION_REAL, offsetof(settings, seconds), "S", 0.001, 1e6,
     "no pass begins after so long; without it, the effort decides"},
    {"verify", 0, BL_OPTION_FLAG, offsetof(settings, verifies), NULL, 0, 0,
     "prove every pass; what is not proved is an error"},
    {"latches", 0, BL_OPTION_FLAG, offsetof(settings, sweeps_latches), NULL, 0, 0,
     "first merge latches that are equal in all states that can be reached"},
};

const bl_verb bl_verb_simplify = {
    .name = "simplify",
    .operands = "IN",
    .summary = "the same ports with less logic in between",
    .details =
        "IN is AIGER (both forms) or a program. Every pass is compared with IN by random\n"
        "patterns. From effort 5 on, nodes that are proved equal become one. -v prints a line\n"
        "for each pass. --json counts LUT3s before and after.",
    .example = "bitloom simplify big.aig -o small.aig --effort 9 --seconds 60 -v",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .min_operands = 1,
    .max_operands = 1,
    .settings_bytes = sizeof(settings),
    .defaults = &defaults,
    .run = run};
