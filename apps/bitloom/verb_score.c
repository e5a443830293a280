// SPDX-License-Identifier: MIT
// bitloom score MODEL.loom --text FILE: bits per byte of the logic itself.
//
// The text is cut into 512 pieces, one a lane. Each lane but the first is warmed up on the bytes
// before its piece; every byte of the text but the very first is scored exactly once.

#include "verbs.h"

#include <stdlib.h>
#include <string.h>

typedef struct settings {
    const char *text;
    int64_t n_warm;
    bool by_class;
} settings;

enum { N_CLASSES = 8 };
static const char *const class_names[N_CLASSES] = {"space", "newline", "lower",       "upper",
                                                   "digit", "quote",   "punctuation", "other"};

static int class_of(uint8_t b)
{
    return b == ' '                 ? 0
           : b == '\n' || b == '\r' ? 1
           : b >= 'a' && b <= 'z'   ? 2
           : b >= 'A' && b <= 'Z'   ? 3
           : b >= '0' && b <= '9'   ? 4
           : b == '"' || b == '\''  ? 5
           : b > ' ' && b < 127     ? 6
                                    : 7;
}

typedef struct scoring {
    const bl_model_info *info;
    bl_runner *runner;
    const uint8_t *text;
    size_t bytes;
    size_t piece, n_warm;
    uint8_t *states;
    uint64_t cost[N_CLASSES]; // in BL_COST_BIT
    uint64_t n_bytes[N_CLASSES];
    uint64_t step_ns;
} scoring;

// Lane i scores text[begin .. end); returns false for an empty piece.
static bool piece_of(const scoring *s, size_t lane, size_t *begin, size_t *end)
{
    *begin = lane * s->piece < 1 ? 1 : lane * s->piece; // the first byte has nothing before it
    *end = (lane + 1) * s->piece < s->bytes ? (lane + 1) * s->piece : s->bytes;
    return *begin < *end;
}

// Time t: lane i reads the byte at begin - n_warm - 1 + t and, once warm, predicts the next one.
static void score_step(scoring *s, size_t t)
{
    int16_t bytes[BL_LANES];
    bool is_scored[BL_LANES] = {false}, is_any = false;
    uint8_t target[BL_LANES];
    for (size_t lane = 0; lane < BL_LANES; lane++) {
        size_t begin, end;
        bytes[lane] = BL_KEEP;
        if (!piece_of(s, lane, &begin, &end))
            continue;
        size_t next = begin + t;
        if (next < s->n_warm + 1 || next - s->n_warm >= end)
            continue; // before the text, or done
        next -= s->n_warm;
        bytes[lane] = s->text[next - 1];
        is_scored[lane] = next >= begin;
        is_any |= is_scored[lane];
        target[lane] = s->text[next];
    }
    uint64_t now = bl_time_ns();
    bl_runner_step(s->runner, s->states, bytes, BL_LANES, is_any);
    s->step_ns += bl_time_ns() - now;
    uint32_t costs[256];
    for (size_t lane = 0; lane < BL_LANES; lane++) {
        if (!is_scored[lane])
            continue;
        bl_runner_costs(costs, s->runner, lane);
        int class = class_of(target[lane]);
        s->cost[class] += costs[s->info->byte_symbol[target[lane]]];
        s->n_bytes[class]++;
    }
}

static void print_result(const scoring *s, const bl_command *c, uint64_t n_steps)
{
    const settings *o = c->settings;
    uint64_t cost = 0, n = 0;
    for (int k = 0; k < N_CLASSES; k++) {
        cost += s->cost[k];
        n += s->n_bytes[k];
    }
    double bits = (double)cost / BL_COST_BIT / (double)n,
           step_ns = (double)s->step_ns / (double)n_steps;
    bl_buffer out = {0};
    bl_json json;
    bl_json_begin(&json, &out, !c->common.is_json);
    bl_json_object(&json, NULL);
    bl_json_real(&json, "bits_per_byte", bits);
    bl_json_uint(&json, "n_bytes", n);
    bl_json_uint(&json, "n_warm_bytes", s->n_warm);
    bl_json_uint(&json, "n_luts", s->info->n_lut3);
    bl_json_uint(&json, "n_nodes", s->info->n_ands);
    bl_json_uint(&json, "n_nonzeros", s->info->n_nonzeros);
    bl_json_real(&json, "step_ns", step_ns);
    if (o->by_class) {
        bl_json_array(&json, "classes");
        for (int k = 0; k < N_CLASSES; k++) {
            if (!s->n_bytes[k])
                continue;
            bl_json_object(&json, NULL);
            bl_json_text(&json, "class", class_names[k]);
            bl_json_uint(&json, "n_bytes", s->n_bytes[k]);
            bl_json_real(&json, "bits_per_byte",
                         (double)s->cost[k] / BL_COST_BIT / (double)s->n_bytes[k]);
            bl_json_end(&json);
        }
        bl_json_end(&json);
    }
    bl_json_end(&json);
    if (c->common.is_json)
        bl_buffer_append(&out, "\n", 1);
    (void)print_buffer(&out);
}

static bl_status score(scoring *s, const bl_command *c)
{
    bl_progress progress;
    s->states = bl_alloc(NULL, BL_LANES * s->info->state_bytes);
    if (!s->states)
        return BL_ERR_MEMORY;
    s->piece = (s->bytes + BL_LANES - 1) / BL_LANES;
    size_t n_steps = s->piece + s->n_warm;
    bl_progress_begin(&progress, "scoring", n_steps, "steps", c->common.is_quiet);
    for (size_t t = 0; t < n_steps; t++) {
        score_step(s, t);
        bl_progress_update(&progress, t);
    }
    bl_progress_end(&progress, n_steps);
    print_result(s, c, n_steps);
    bl_free(NULL, s->states, BL_LANES * s->info->state_bytes);
    return BL_OK;
}

static int run(const bl_command *c)
{
    const settings *o = c->settings;
    bl_diag diag = {0};
    if (!o->text) {
        bl_diag_set(&diag, BL_ERR_ARGUMENT, NULL, 0, 0, "expected --text FILE");
        return report(&diag, EXIT_USAGE);
    }
    model_file model;
    bl_file text = {0};
    if (model_file_open(&model, c->operands[0], &diag) != BL_OK)
        return report(&diag, EXIT_NO);
    scoring s = {.info = bl_model_facts(model.model), .n_warm = (size_t)o->n_warm};
    bl_status status = bl_file_open(&text, o->text, &diag);
    if (status == BL_OK && text.bytes < 2)
        status = bl_diag_set(&diag, BL_ERR_FORMAT, o->text, 0, 0,
                             "%zu bytes; at least 2 can be scored", text.bytes);
    if (status == BL_OK) {
        s.text = text.data;
        s.bytes = text.bytes;
        status = bl_runner_create(&s.runner, model.model, c->common.cpu, NULL);
        if (status == BL_OK)
            status = score(&s, c);
        if (status != BL_OK)
            bl_diag_set(&diag, status, NULL, 0, 0, "%s", bl_status_text(status));
    }
    bl_runner_destroy(&s.runner);
    bl_file_close(&text);
    model_file_close(&model);
    return status == BL_OK ? EXIT_YES : report(&diag, EXIT_NO);
}

static const settings defaults = {.n_warm = 256};
static const bl_option options[] = {
    {"text", 0, BL_OPTION_TEXT, offsetof(settings, text), "FILE", 0, 0,
     "the text; - is standard input"},
    {"warm", 0, BL_OPTION_INT, offsetof(settings, n_warm), "N", 0, 1e6,
     "bytes that each of the 512 pieces is warmed up on; default 256"},
    {"classes", 0, BL_OPTION_FLAG, offsetof(settings, by_class), NULL, 0, 0,
     "also per class of bytes"},
};

const bl_verb bl_verb_score = {
    .name = "score",
    .operands = "MODEL.loom",
    .summary = "bits per byte of a melted model on a text",
    .details = "The text is cut into 512 pieces, scored side by side. Each piece but the first is\n"
               "warmed up on the bytes before it (--warm); the first starts cold. Every byte but\n"
               "the first is scored once. The model does not learn while it scores.",
    .example = "bitloom score classics.loom --text book.txt --classes",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .min_operands = 1,
    .max_operands = 1,
    .settings_bytes = sizeof(settings),
    .defaults = &defaults,
    .run = run};
