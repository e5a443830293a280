// SPDX-License-Identifier: MIT
// bitloom prove A B: do two graphs compute the same?

#include "verbs.h"

#include <bitloom/prove.h>

#include <string.h>

typedef struct settings {
    double seconds;
    int64_t n_frames, seed;
} settings;

// The progress line: begins anew with each step.
typedef struct display {
    bl_progress line;
    const char *step;
    bool is_quiet;
    uint64_t n_done;
} display;

static void show(void *context, const bl_prove_progress *now)
{
    display *d = context;
    if (!d->step || strcmp(d->step, now->step) != 0) {
        bl_progress_begin(&d->line, now->step, now->n_total, "", d->is_quiet);
        d->step = now->step;
    }
    d->line.total = now->n_total;
    d->n_done = now->n_done;
    bl_progress_update(&d->line, now->n_done);
}

// Output i by its name, or its number where it has none.
static const char *output_name(char number[32], const bl_graph *g, uint32_t i)
{
    const char *name = bl_graph_name(g, g->outputs[i].name);
    if (*name)
        return name;
    snprintf(number, 32, "output %u", i);
    return number;
}

static void print_digits(bl_buffer *out, const uint8_t *values, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        bl_buffer_append(out, values[i] ? "1" : "0", 1);
}

static void print_counterexample(bl_buffer *out, const bl_proof *p, const bl_graph *a,
                                 const bl_graph *b)
{
    char number[32];
    for (uint32_t f = 0; f < p->n_frames; f++) {
        print_digits(out, p->inputs + (size_t)f * p->n_inputs, p->n_inputs);
        bl_buffer_print(out, "\n");
    }
    bl_buffer_print(out, "%s differs", output_name(number, a, p->output_a));
    if (p->n_first_a + p->n_first_b > 0)
        bl_buffer_print(out, " in frame %u", p->n_frames - 1);
    bl_buffer_print(out, "\n");
    for (int k = 0; k < 2; k++) {
        const bl_graph *g = k ? b : a;
        bool has_unknown = false;
        for (uint32_t i = 0; i < g->n_latches; i++)
            has_unknown |= g->latches[i].reset == BL_RESET_UNKNOWN;
        if (!has_unknown)
            continue;
        bl_buffer_print(out, "latches of the %s graph begin with ", k ? "second" : "first");
        print_digits(out, k ? p->first_b : p->first_a, g->n_latches);
        bl_buffer_print(out, "\n");
    }
}

static const char *verdict_name(bl_verdict verdict)
{
    switch (verdict) {
    case BL_VERDICT_EQUAL: return "equal";
    case BL_VERDICT_DIFFERENT: return "different";
    case BL_VERDICT_EQUAL_FOR_FRAMES: return "equal_for_frames";
    case BL_VERDICT_UNDECIDED: break;
    }
    return "undecided";
}

static void json_digits(bl_json *j, const char *key, const uint8_t *values, uint32_t n)
{
    bl_buffer digits = {0};
    print_digits(&digits, values, n);
    bl_json_bytes(j, key, digits.data, digits.bytes);
    if (digits.status != BL_OK)
        j->out->status = digits.status;
    bl_buffer_clear(&digits);
}

static void print_json(bl_buffer *out, const bl_proof *p, const bl_graph *a, uint64_t elapsed_ns)
{
    bl_json j;
    char number[32];
    bl_json_begin(&j, out, false);
    bl_json_object(&j, NULL);
    bl_json_text(&j, "verdict", verdict_name(p->verdict));
    bl_json_text(&j, "method", p->method);
    bl_json_uint(&j, "n_frames", p->n_frames);
    if (p->verdict == BL_VERDICT_DIFFERENT) {
        bl_json_text(&j, "output", output_name(number, a, p->output_a));
        bl_json_uint(&j, "output_index", p->output_a);
        bl_json_array(&j, "inputs");
        for (uint32_t f = 0; f < p->n_frames; f++)
            json_digits(&j, NULL, p->inputs + (size_t)f * p->n_inputs, p->n_inputs);
        bl_json_end(&j);
        json_digits(&j, "first_state_a", p->first_a, p->n_first_a);
        json_digits(&j, "first_state_b", p->first_b, p->n_first_b);
    }
    if (p->verdict == BL_VERDICT_UNDECIDED)
        bl_json_uint(&j, "n_open_outputs", p->n_open);
    bl_json_uint(&j, "elapsed_ns", elapsed_ns);
    bl_json_end(&j);
    bl_buffer_print(out, "\n");
}

static void print_talk(const bl_proof *p, bool is_quiet)
{
    if (is_quiet)
        return;
    if (p->verdict == BL_VERDICT_EQUAL)
        fprintf(stderr, "equal (%s)\n", p->method);
    else if (p->verdict == BL_VERDICT_EQUAL_FOR_FRAMES)
        fprintf(stderr, "equal for %u frames from reset\n", p->n_frames);
    else if (p->verdict == BL_VERDICT_DIFFERENT)
        fprintf(stderr, "different\n");
    else if (p->n_frames > 0)
        fprintf(stderr, "undecided; equal for %u frames from reset\n", p->n_frames);
    else
        fprintf(stderr, "undecided; %u outputs are open\n", p->n_open);
}

static int exit_status(const bl_proof *p, const settings *o)
{
    switch (p->verdict) {
    case BL_VERDICT_EQUAL: return EXIT_YES;
    case BL_VERDICT_DIFFERENT: return EXIT_NO;
    case BL_VERDICT_EQUAL_FOR_FRAMES: return o->n_frames > 0 ? EXIT_YES : EXIT_UNDECIDED;
    case BL_VERDICT_UNDECIDED: break;
    }
    return EXIT_UNDECIDED;
}

static bl_status open_graph(logic_file *logic, const char *path, bl_diag *diag)
{
    bl_status status = logic_file_open(logic, path, diag);
    if (status != BL_OK || logic->graph)
        return status;
    status = bl_graph_from_program(&logic->graph, logic->program, NULL);
    return status == BL_OK ? status
                           : bl_diag_set(diag, status, path, 0, 0, "%s", bl_status_text(status));
}

static int prove(const bl_command *c, const bl_graph *a, const bl_graph *b)
{
    const settings *o = c->settings;
    display d = {.is_quiet = c->common.is_quiet || c->common.is_json};
    bl_prove_params params = {.seconds = o->seconds,
                              .n_frames = (uint32_t)o->n_frames,
                              .seed = (uint64_t)o->seed,
                              .progress = show,
                              .context = &d};
    bl_diag diag = {0};
    bl_proof *proof;
    uint64_t begun = bl_time_ns();
    bl_status status = bl_prove_equivalent(&proof, a, b, &params, NULL, &diag);
    if (d.step)
        bl_progress_end(&d.line, d.n_done);
    if (status != BL_OK) {
        if (!*diag.message)
            bl_diag_set(&diag, status, NULL, 0, 0, "%s", bl_status_text(status));
        return report(&diag, status == BL_ERR_ARGUMENT ? EXIT_USAGE : EXIT_NO);
    }
    bl_buffer out = {0};
    if (c->common.is_json)
        print_json(&out, proof, a, bl_time_ns() - begun);
    else if (proof->verdict == BL_VERDICT_DIFFERENT)
        print_counterexample(&out, proof, a, b);
    print_talk(proof, d.is_quiet);
    int exit = exit_status(proof, o);
    bl_proof_destroy(&proof);
    int print_exit = print_buffer(&out);
    return print_exit == EXIT_YES ? exit : print_exit;
}

static int run(const bl_command *c)
{
    logic_file a, b;
    bl_diag diag = {0};
    if (open_graph(&a, c->operands[0], &diag) != BL_OK) {
        logic_file_close(&a);
        return report(&diag, EXIT_USAGE);
    }
    int exit = EXIT_USAGE;
    if (open_graph(&b, c->operands[1], &diag) != BL_OK)
        report(&diag, EXIT_USAGE);
    else
        exit = prove(c, a.graph, b.graph);
    logic_file_close(&b);
    logic_file_close(&a);
    return exit;
}

static const settings defaults = {.seconds = 120};
static const bl_option options[] = {
    {"seconds", 's', BL_OPTION_REAL, offsetof(settings, seconds), "S", 0.001, 1e9,
     "give up after S seconds; default 120"},
    {"frames", 'k', BL_OPTION_INT, offsetof(settings, n_frames), "K", 1, 1e6,
     "graphs with latches: be content with K frames from reset"},
    {"seed", 0, BL_OPTION_INT, offsetof(settings, seed), "N", 0, 9e18, "of the random patterns"},
};

const bl_verb bl_verb_prove = {
    .name = "prove",
    .operands = "A B",
    .summary = "whether two graphs or programs compute the same",
    .details =
        "Inputs, outputs and latches correspond by name where both have the same names, otherwise\n"
        "by position. Exit status 0: equal. 1: different; one line of 0 and 1, the inputs, for\n"
        "each frame, then the output that differs in the last one. 3: undecided.\n"
        "Graphs with latches start from reset. Without --frames they are compared for 16 frames\n"
        "where induction does not decide, and that is exit status 3; with --frames K, K frames\n"
        "are enough for 0. A file that cannot be read is exit status 2, as 1 means different.",
    .example = "bitloom prove before.aig after.aig && echo the same",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .min_operands = 2,
    .max_operands = 2,
    .settings_bytes = sizeof(settings),
    .defaults = &defaults,
    .run = run};
