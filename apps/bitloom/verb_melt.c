// SPDX-License-Identifier: MIT
// bitloom melt MODEL.safetensors -o MODEL.loom: a trained network becomes logic, and the logic is
// held against the integer reference before it is written.

#include "verbs.h"

#include <bitloom/gated.h>

#include <stdlib.h>
#include <string.h>

typedef struct settings {
    const char *output, *aig, *calibrate, *alphabet, *encoding;
    int64_t n_check_steps;
    int64_t weight_bits, hidden_bits, cell_bits, gate_bits, head_bits;
} settings;

// A MuxRNN or, quantised, an LSTM or GRU.
typedef struct melting {
    const char *path;
    bl_file file;
    bl_muxrnn *mux;
    bl_quantised *quantised;
    uint32_t n_state_bits;
    bl_loom_facts facts;
    bl_program *program;
    bl_graph *graph;
    double float_bits, logic_bits; // per byte of the calibration text
} melting;

static void reference_step(uint8_t *state, const melting *m, uint8_t byte)
{
    if (m->mux)
        bl_muxrnn_step(state, m->mux, byte);
    else
        bl_quantised_step(state, m->quantised, byte);
}

static void reference_logits(int32_t *logits, const melting *m, const uint8_t *state)
{
    if (m->mux)
        bl_muxrnn_logits(logits, m->mux, state);
    else
        bl_quantised_logits(logits, m->quantised, state);
}

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
            reference_step(state + lane * m->n_state_bits, m, byte);
        }
        bl_machine_run(machine, BL_ENTRY_STEP);
        bl_machine_run(machine, BL_ENTRY_HEAD);
        for (size_t lane = 0; lane < N_LANES; lane++) {
            const uint8_t *s = state + lane * m->n_state_bits;
            reference_logits(logits, m, s);
            bool is_equal = true;
            for (uint32_t i = 0; i < m->n_state_bits; i++)
                is_equal &= bl_lane_get(&bl_machine_state(machine)[i], lane) == (s[i] != 0);
            for (uint32_t i = 0; i < m->facts.n_symbols * BL_LOGIT_BITS; i++)
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
    size_t bytes = 4 * (size_t)m->n_state_bits;
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

static bl_status read_mux(melting *m, bl_diag *diag)
{
    bl_status status = bl_muxrnn_read(&m->mux, m->file.data, m->file.bytes, m->path, NULL, diag);
    if (status != BL_OK)
        return status;
    bl_muxrnn_info info;
    bl_muxrnn_get_info(&info, m->mux);
    bl_muxrnn_get_loom_facts(&m->facts, m->mux);
    m->n_state_bits = info.n_state_bits;
    return bl_muxrnn_weave(&m->program, m->mux, NULL);
}

static bl_status read_calibration(bl_file *text, const settings *o, const melting *m, bl_diag *diag)
{
    if (!o->calibrate)
        return bl_diag_set(
            diag, BL_ERR_ARGUMENT, m->path, 0, 0,
            "an LSTM or GRU is quantised on a text of the kind it is for: name one with "
            "--calibrate FILE");
    return bl_file_open(text, o->calibrate, diag);
}

// The alphabet's file as a string; NULL without --alphabet.
static bl_status read_alphabet(char **text, const settings *o, bl_diag *diag)
{
    bl_file file = {0};
    *text = NULL;
    if (!o->alphabet)
        return BL_OK;
    bl_status status = bl_file_open(&file, o->alphabet, diag);
    if (status == BL_OK) {
        *text = malloc(file.bytes + 1);
        status = *text ? BL_OK : BL_ERR_MEMORY;
    }
    if (status == BL_OK) {
        memcpy(*text, file.data, file.bytes);
        (*text)[file.bytes] = 0;
    }
    bl_file_close(&file);
    return status;
}

static bl_status quantise(melting *m, const bl_gated *network, const bl_file *text,
                          const settings *o, bl_diag *diag)
{
    bl_quantise_params params = {.weight_bits = (uint32_t)o->weight_bits,
                                 .hidden_bits = (uint32_t)o->hidden_bits,
                                 .cell_bits = (uint32_t)o->cell_bits,
                                 .gate_bits = (uint32_t)o->gate_bits,
                                 .head_bits = (uint32_t)o->head_bits,
                                 .text = text->data,
                                 .text_bytes = text->bytes};
    bl_status status = bl_gated_quantise(&m->quantised, network, &params, NULL, diag);
    if (status == BL_OK)
        status = bl_gated_score(&m->float_bits, network, text->data, text->bytes, NULL);
    if (status == BL_OK)
        status = bl_quantised_score(&m->logic_bits, m->quantised, text->data, text->bytes, NULL);
    if (status != BL_OK)
        return status;
    bl_quantised_info info;
    bl_quantised_get_info(&info, m->quantised);
    bl_quantised_get_loom_facts(&m->facts, m->quantised);
    m->n_state_bits = info.n_state_bits;
    return bl_quantised_weave(&m->program, m->quantised, NULL);
}

static bl_status read_gated(melting *m, const settings *o, bl_diag *diag)
{
    bl_gated *network = NULL;
    bl_file text = {0};
    char *alphabet = NULL;
    bl_status status = read_alphabet(&alphabet, o, diag);
    if (status == BL_OK)
        status = bl_gated_read(&network, m->file.data, m->file.bytes, m->path, alphabet,
                               o->encoding, NULL, diag);
    if (status == BL_OK)
        status = read_calibration(&text, o, m, diag);
    if (status == BL_OK)
        status = quantise(m, network, &text, o, diag);
    bl_gated_destroy(&network);
    bl_file_close(&text);
    free(alphabet);
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

static bl_status write_files(melting *m, const settings *o, bl_diag *diag)
{
    bl_buffer out = {0};
    char name[64];
    model_name(name, sizeof name, m->path);
    m->facts.name = name;
    m->facts.n_ands = m->graph->n_ands;
    bl_status status = bl_loom_write(&out, &m->facts, m->program);
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
        status = bl_muxrnn_is(m->file.data, m->file.bytes) ? read_mux(m, diag)
                                                           : read_gated(m, c->settings, diag);
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
    if (c->common.is_json) {
        printf("{\"n_state_bits\":%u,\"n_symbols\":%u,\"n_nonzeros\":%llu,\"n_luts\":%llu,"
               "\"n_nodes\":%u",
               m->n_state_bits, m->facts.n_symbols, (unsigned long long)m->facts.n_nonzeros,
               (unsigned long long)p.n_lut3, m->graph->n_ands);
        if (m->quantised)
            printf(",\"float_bits_per_byte\":%.4f,\"bits_per_byte\":%.4f", m->float_bits,
                   m->logic_bits);
        printf("}\n");
        return;
    }
    if (c->common.is_quiet)
        return;
    fprintf(stderr, "melted %s: %u state bits, %llu non-zero weights, %llu LUT3, %u AND nodes\n",
            m->path, m->n_state_bits, (unsigned long long)m->facts.n_nonzeros,
            (unsigned long long)p.n_lut3, m->graph->n_ands);
    if (m->quantised)
        fprintf(stderr,
                "%.4f bits per byte of the calibration text in floating point, %.4f as logic\n",
                m->float_bits, m->logic_bits);
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
    bl_muxrnn_destroy(&m.mux);
    bl_quantised_destroy(&m.quantised);
    bl_file_close(&m.file);
    return status == BL_OK ? EXIT_YES : report(&diag, EXIT_NO);
}

static const settings defaults = {.n_check_steps = 16,
                                  .weight_bits = 6,
                                  .hidden_bits = 6,
                                  .cell_bits = 10,
                                  .gate_bits = 7,
                                  .head_bits = 7};
static const bl_option options[] = {
    {"output", 'o', BL_OPTION_TEXT, offsetof(settings, output), "FILE", 0, 0, "the .loom file"},
    {"aig", 0, BL_OPTION_TEXT, offsetof(settings, aig), "FILE", 0, 0,
     "also write the step as binary AIGER with latches and symbols"},
    {"check", 0, BL_OPTION_INT, offsetof(settings, n_check_steps), "N", 0, 1e9,
     "steps to compare with the integer reference; default 16"},
    {"calibrate", 0, BL_OPTION_TEXT, offsetof(settings, calibrate), "FILE", 0, 0,
     "LSTM, GRU: a text of the kind that the network is for"},
    {"alphabet", 0, BL_OPTION_TEXT, offsetof(settings, alphabet), "FILE", 0, 0,
     "LSTM, GRU: its characters, JSON; default: metadata \"alphabet\""},
    {"encoding", 0, BL_OPTION_TEXT, offsetof(settings, encoding), "NAME", 0, 0,
     "LSTM, GRU: in which a character is a byte; default windows-1252"},
    {"weight-bits", 0, BL_OPTION_INT, offsetof(settings, weight_bits), "N", 2, 8,
     "LSTM, GRU: of a weight; default 6"},
    {"hidden-bits", 0, BL_OPTION_INT, offsetof(settings, hidden_bits), "N", 2, 8,
     "LSTM, GRU: of what layers tell each other; default 6"},
    {"cell-bits", 0, BL_OPTION_INT, offsetof(settings, cell_bits), "N", 6, 14,
     "LSTM, GRU: of a cell, or of a GRU's state; default 10"},
    {"gate-bits", 0, BL_OPTION_INT, offsetof(settings, gate_bits), "N", 4, 10,
     "LSTM, GRU: of a gate; default 7"},
    {"head-bits", 0, BL_OPTION_INT, offsetof(settings, head_bits), "N", 2, 8,
     "LSTM, GRU: of a weight of the output layer; default 7"},
};

const bl_verb bl_verb_melt = {
    .name = "melt",
    .operands = "MODEL.safetensors",
    .summary = "a trained network becomes logic",
    .details =
        "Reads a MuxRNN (docs/formats/muxrnn.md, made by train/train.py) or a plain LSTM or GRU\n"
        "with PyTorch's names (docs/formats/gated.md), which is quantised first, builds its\n"
        "step as logic, compares that with the integer reference and writes a .loom file.",
    .example = "bitloom melt models/classics.safetensors -o classics.loom",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .min_operands = 1,
    .max_operands = 1,
    .settings_bytes = sizeof(settings),
    .defaults = &defaults,
    .run = run};
