// SPDX-License-Identifier: MIT
// bitloom melt MODEL.safetensors -o MODEL.loom: a trained network becomes logic, and the logic is
// held against the integer reference before it is written.

#include "verbs.h"

#include <stdlib.h>
#include <string.h>

typedef struct settings {
    const char *output, *aig;
    int64_t n_check_steps;
} settings;

typedef struct melting {
    const char *path;
    bl_file file;
    bl_muxrnn *network;
    bl_muxrnn_info info;
    bl_program *program;
    bl_graph *graph;
} melting;

// Compares every state bit and logit of a few lanes after random bytes; BL_ERR_FORMAT and a
// diagnostic at the first difference.
static bl_status compare(const melting *m, bl_machine *machine, uint8_t *state, int64_t n_steps,
                         bl_diag *diag)
{
    enum { N_LANES = 4 };
    int32_t logits[256];
    bl_random random;
    bl_random_seed(&random, 1);
    for (int64_t t = 0; t < n_steps; t++) {
        for (size_t lane = 0; lane < N_LANES; lane++) {
            uint8_t byte = (uint8_t)bl_random_next(&random);
            for (size_t k = 0; k < 8; k++)
                bl_lane_set(&bl_machine_input(machine)[k], lane, byte >> k & 1);
            bl_muxrnn_step(state + lane * m->info.n_state_bits, m->network, byte);
        }
        bl_machine_run(machine, BL_ENTRY_STEP);
        bl_machine_run(machine, BL_ENTRY_HEAD);
        for (size_t lane = 0; lane < N_LANES; lane++) {
            const uint8_t *s = state + lane * m->info.n_state_bits;
            bl_muxrnn_logits(logits, m->network, s);
            bool is_equal = true;
            for (uint32_t i = 0; i < m->info.n_state_bits; i++)
                is_equal &= bl_lane_get(&bl_machine_state(machine)[i], lane) == (s[i] != 0);
            for (uint32_t i = 0; i < m->info.n_symbols * BL_LOGIT_BITS; i++)
                is_equal &= bl_lane_get(&bl_machine_output(machine)[i], lane)
                            == (logits[i / BL_LOGIT_BITS] >> i % BL_LOGIT_BITS & 1);
            if (!is_equal)
                return bl_diag_set(diag, BL_ERR_FORMAT, m->path, 0, 0,
                                   "the logic differs from the reference in step %lld, lane %zu; "
                                   "please report this",
                                   (long long)t, lane);
        }
    }
    return BL_OK;
}

static bl_status check(const melting *m, const bl_command *c, bl_diag *diag)
{
    const settings *o = c->settings;
    size_t bytes = 4 * (size_t)m->info.n_state_bits;
    bl_machine *machine = NULL;
    uint8_t *state = bl_alloc(NULL, bytes);
    bl_status status = bl_machine_create(&machine, m->program, c->common.cpu, NULL);
    if (!state)
        status = BL_ERR_MEMORY;
    if (status == BL_OK)
        status = compare(m, machine, state, o->n_check_steps, diag);
    bl_machine_destroy(&machine);
    bl_free(NULL, state, bytes);
    return status;
}

// "models/classics.safetensors" -> "classics"
static void model_name(char *dst, size_t dst_bytes, const char *path)
{
    const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
    snprintf(dst, dst_bytes, "%s", base);
    char *dot = strrchr(dst, '.');
    if (dot)
        *dot = 0;
}

static bl_status write_files(const melting *m, const settings *o, bl_diag *diag)
{
    bl_buffer out = {0};
    char name[64];
    model_name(name, sizeof name, m->path);
    bl_status status = bl_loom_write(&out, m->network, m->program, m->graph->n_ands, name);
    if (status == BL_OK)
        status = bl_file_write(o->output, out.data, out.bytes, diag);
    bl_buffer_clear(&out);
    if (status == BL_OK && o->aig) {
        status = bl_graph_write_aiger(&out, m->graph, false);
        if (status == BL_OK)
            status = bl_file_write(o->aig, out.data, out.bytes, diag);
        bl_buffer_clear(&out);
    }
    return status;
}

static bl_status melt(melting *m, const bl_command *c, bl_diag *diag)
{
    bl_status status = bl_file_open(&m->file, m->path, diag);
    if (status == BL_OK)
        status = bl_muxrnn_read(&m->network, m->file.data, m->file.bytes, m->path, NULL, diag);
    if (status != BL_OK)
        return status;
    bl_muxrnn_get_info(&m->info, m->network);
    status = bl_muxrnn_weave(&m->program, m->network, NULL);
    if (status == BL_OK)
        status = check(m, c, diag);
    if (status == BL_OK)
        status = bl_graph_from_program(&m->graph, m->program, NULL);
    if (status == BL_OK) {
        bl_graph_set_comment(m->graph, "melted by bitloom: step, then head; outputs are the logits "
                                       "after the byte\n");
        status = m->graph->status;
    }
    return status == BL_OK ? write_files(m, c->settings, diag) : status;
}

static void tell(const melting *m, const bl_command *c)
{
    bl_program_info p;
    bl_program_get_info(&p, m->program);
    if (c->common.is_json)
        printf("{\"n_state_bits\":%u,\"n_symbols\":%u,\"n_nonzeros\":%llu,\"n_luts\":%llu,"
               "\"n_nodes\":%u}\n",
               m->info.n_state_bits, m->info.n_symbols, (unsigned long long)m->info.n_nonzeros,
               (unsigned long long)p.n_lut3, m->graph->n_ands);
    else if (!c->common.is_quiet)
        fprintf(stderr,
                "melted %s: %u state bits, %llu non-zero weights, %llu LUT3, %u AND nodes\n",
                m->path, m->info.n_state_bits, (unsigned long long)m->info.n_nonzeros,
                (unsigned long long)p.n_lut3, m->graph->n_ands);
}

static int run(const bl_command *c)
{
    const settings *o = c->settings;
    bl_diag diag = {0};
    if (!o->output) {
        bl_diag_set(&diag, BL_ERR_ARGUMENT, NULL, 0, 0, "expected -o MODEL.loom");
        return report(&diag, EXIT_USAGE);
    }
    melting m = {.path = c->operands[0]};
    bl_status status = melt(&m, c, &diag);
    if (status == BL_OK)
        tell(&m, c);
    else if (!diag.message[0])
        bl_diag_set(&diag, status, m.path, 0, 0, "%s", bl_status_text(status));
    bl_graph_destroy(&m.graph);
    bl_program_destroy(&m.program);
    bl_muxrnn_destroy(&m.network);
    bl_file_close(&m.file);
    return status == BL_OK ? EXIT_YES : report(&diag, EXIT_NO);
}

static const settings defaults = {.n_check_steps = 16};
static const bl_option options[] = {
    {"output", 'o', BL_OPTION_TEXT, offsetof(settings, output), "FILE", 0, 0, "the .loom file"},
    {"aig", 0, BL_OPTION_TEXT, offsetof(settings, aig), "FILE", 0, 0,
     "also write the step as binary AIGER with latches and symbols"},
    {"check", 0, BL_OPTION_INT, offsetof(settings, n_check_steps), "N", 0, 1e9,
     "steps to compare with the integer reference; default 16"},
};

const bl_verb bl_verb_melt = {
    .name = "melt",
    .operands = "MODEL.safetensors",
    .summary = "a trained network becomes logic",
    .details =
        "Reads a MuxRNN (docs/formats/muxrnn.md, made by train/train.py), builds its step as\n"
        "logic, compares that with the integer reference and writes a .loom file.",
    .example = "bitloom melt models/classics.safetensors -o classics.loom",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .min_operands = 1,
    .max_operands = 1,
    .settings_bytes = sizeof(settings),
    .defaults = &defaults,
    .run = run};
