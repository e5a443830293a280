// SPDX-License-Identifier: MIT
// bitloom simulate IN: runs a graph or a program on patterns, 512 at a time, one lane each.

#include "verbs.h"

#include <stdlib.h>
#include <string.h>

typedef struct settings {
    const char *stimulus;
    int64_t n_random, seed, n_steps;
} settings;

typedef struct simulation {
    bl_machine *machine;
    bl_program_info p;
    bl_file stimulus; // lines of 0 and 1
    size_t at;
    uint64_t line;
    const char *name;
    bl_random random;
    uint64_t n_random_left;
    uint64_t n_patterns;
    const bl_plane *initial;
} simulation;

// One pattern into one lane: n_inputs digits, blanks ignored. Returns false at the end.
static bl_status read_line(bool *is_end, simulation *s, size_t lane, bl_diag *diag)
{
    const bl_file *f = &s->stimulus;
    uint32_t n = 0;
    while (s->at < f->bytes && (f->data[s->at] == '\n' || f->data[s->at] == '\r')) {
        s->line += f->data[s->at] == '\n';
        s->at++;
    }
    *is_end = s->at >= f->bytes;
    size_t start = s->at;
    for (; s->at < f->bytes && f->data[s->at] != '\n' && f->data[s->at] != '\r'; s->at++) {
        char c = (char)f->data[s->at];
        if (c == ' ' || c == '\t')
            continue;
        if ((c != '0' && c != '1') || n == s->p.n_inputs)
            return bl_diag_set(diag, BL_ERR_FORMAT, s->name, s->line, s->at - start + 1,
                               n == s->p.n_inputs ? "more than %u digits, one for each input"
                                                  : "expected %u digits 0 or 1, one for each input",
                               s->p.n_inputs);
        bl_lane_set(&bl_machine_input(s->machine)[n++], lane, c == '1');
    }
    if (!*is_end && n < s->p.n_inputs)
        return bl_diag_set(diag, BL_ERR_FORMAT, s->name, s->line, s->at - start + 1,
                           "%u digits; expected %u, one for each input", n, s->p.n_inputs);
    return BL_OK;
}

static bl_status fill_lanes(size_t *n_lanes, simulation *s, bl_diag *diag)
{
    size_t n = 0;
    if (!s->name) {
        n = s->n_random_left < BL_LANES ? (size_t)s->n_random_left : BL_LANES;
        s->n_random_left -= n;
        for (uint32_t i = 0; i < s->p.n_inputs; i++)
            for (size_t k = 0; k < 8; k++)
                bl_machine_input(s->machine)[i].word[k] = bl_random_next(&s->random);
    } else
        for (bool is_end = false; n < BL_LANES && !is_end;) {
            bl_status status = read_line(&is_end, s, n, diag);
            if (status != BL_OK)
                return status;
            n += !is_end;
        }
    *n_lanes = n;
    return BL_OK;
}

static void print_lane(bl_buffer *out, const simulation *s, size_t lane)
{
    const bl_plane *output = bl_machine_output(s->machine);
    char digits[4096];
    for (uint32_t i = 0; i < s->p.n_outputs;) {
        size_t n = 0;
        for (; n < sizeof digits && i < s->p.n_outputs; i++)
            digits[n++] = bl_lane_get(&output[i], lane) ? '1' : '0';
        bl_buffer_append(out, digits, n);
    }
    bl_buffer_append(out, "\n", 1);
}

// Steps run with the same inputs; each pattern prints one line per step.
static bl_status run_block(simulation *s, size_t n_lanes, int64_t n_steps, bl_buffer *lines)
{
    memcpy(bl_machine_state(s->machine), s->initial, s->p.n_state * sizeof(bl_plane));
    bl_buffer *per_lane = bl_alloc_array(NULL, BL_LANES, sizeof *per_lane);
    if (!per_lane)
        return BL_ERR_MEMORY;
    for (int64_t t = 0; t < n_steps; t++) {
        for (uint32_t e = 0; e < s->p.n_entries; e++)
            bl_machine_run(s->machine, e);
        for (size_t lane = 0; lane < n_lanes; lane++)
            print_lane(n_steps == 1 ? lines : &per_lane[lane], s, lane);
    }
    for (size_t lane = 0; lane < n_lanes; lane++) {
        bl_buffer_append(lines, per_lane[lane].data, per_lane[lane].bytes);
        bl_buffer_clear(&per_lane[lane]);
    }
    bl_free(NULL, per_lane, BL_LANES * sizeof *per_lane);
    s->n_patterns += n_lanes;
    return lines->status;
}

static bl_status run_all(simulation *s, const settings *o, uint64_t *elapsed_ns, bool is_json,
                         bl_diag *diag)
{
    for (;;) {
        size_t n_lanes;
        bl_status status = fill_lanes(&n_lanes, s, diag);
        if (status != BL_OK || n_lanes == 0)
            return status;
        bl_buffer lines = {0};
        uint64_t begun = bl_time_ns();
        status = run_block(s, n_lanes, o->n_steps, &lines);
        *elapsed_ns += bl_time_ns() - begun;
        if (status == BL_OK && !is_json)
            status = bl_file_write("-", lines.data, lines.bytes, diag);
        bl_buffer_clear(&lines);
        if (status != BL_OK)
            return status == BL_ERR_MEMORY ? bl_diag_set(diag, status, NULL, 0, 0, "out of memory")
                                           : status;
    }
}

// Latches that begin as one; unknown resets begin as zero.
static void set_resets(bl_plane *initial, const bl_graph *g)
{
    for (uint32_t i = 0; g && i < g->n_latches; i++)
        bl_plane_fill(&initial[i], g->latches[i].reset == BL_RESET_ONE);
}

static int run(const bl_command *c)
{
    const settings *o = c->settings;
    bl_diag diag = {0};
    if ((o->stimulus != NULL) == (o->n_random > 0)) {
        bl_diag_set(&diag, BL_ERR_ARGUMENT, NULL, 0, 0,
                    "expected either --stimulus FILE or --random N");
        return report(&diag, EXIT_USAGE);
    }
    logic_file logic;
    if (logic_file_open(&logic, c->operands[0], &diag) != BL_OK)
        return report(&diag, EXIT_NO);
    simulation s = {.line = 1, .name = o->stimulus, .n_random_left = (uint64_t)o->n_random};
    bl_random_seed(&s.random, (uint64_t)o->seed);
    uint64_t elapsed_ns = 0;
    bl_plane *initial = NULL;
    bl_status status = BL_OK;
    if (!logic.program)
        status = bl_program_from_graph(&logic.program, logic.graph, NULL);
    if (status == BL_OK) {
        bl_program_get_info(&s.p, logic.program);
        status = bl_machine_create(&s.machine, logic.program, c->common.cpu, NULL);
        s.initial = initial = bl_alloc_array(NULL, s.p.n_state, sizeof *initial);
        if (!initial)
            status = BL_ERR_MEMORY;
    }
    if (status != BL_OK)
        bl_diag_set(&diag, status, c->operands[0], 0, 0, "%s", bl_status_text(status));
    else if (o->stimulus)
        status = bl_file_open(&s.stimulus, o->stimulus, &diag);
    if (status == BL_OK) {
        set_resets(initial, logic.graph);
        status = run_all(&s, o, &elapsed_ns, c->common.is_json, &diag);
    }
    if (status == BL_OK && c->common.is_json)
        printf("{\"n_patterns\":%llu,\"n_steps\":%lld,\"n_luts\":%llu,\"elapsed_ns\":%llu}\n",
               (unsigned long long)s.n_patterns, (long long)o->n_steps,
               (unsigned long long)s.p.n_lut3, (unsigned long long)elapsed_ns);
    bl_free(NULL, initial, s.p.n_state * sizeof *initial);
    bl_machine_destroy(&s.machine);
    bl_file_close(&s.stimulus);
    logic_file_close(&logic);
    return status == BL_OK ? EXIT_YES : report(&diag, EXIT_NO);
}

static const settings defaults = {.seed = 1, .n_steps = 1};
static const bl_option options[] = {
    {"stimulus", 0, BL_OPTION_TEXT, offsetof(settings, stimulus), "FILE", 0, 0,
     "patterns, one line of 0 and 1 each; - is standard input"},
    {"random", 0, BL_OPTION_INT, offsetof(settings, n_random), "N", 1, 1e15, "N random patterns"},
    {"seed", 0, BL_OPTION_INT, offsetof(settings, seed), "S", 0, 9e18, "of --random; default 1"},
    {"steps", 0, BL_OPTION_INT, offsetof(settings, n_steps), "T", 1, 1e9,
     "clock steps for each pattern, inputs held; default 1"},
};

const bl_verb bl_verb_simulate = {
    .name = "simulate",
    .operands = "FILE",
    .summary = "run a graph or program on patterns",
    .details = "Prints one line of 0 and 1, the outputs, for each pattern and step. Latches begin\n"
               "at their reset value, unknown ones at 0. With --json only counts and time.",
    .example = "printf '01\\n11\\n' | bitloom simulate half_adder.aag --stimulus -",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .min_operands = 1,
    .max_operands = 1,
    .settings_bytes = sizeof(settings),
    .defaults = &defaults,
    .run = run};
