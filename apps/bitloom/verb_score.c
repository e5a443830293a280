// SPDX-License-Identifier: MIT
// bitloom score MODEL.loom --text FILE: bits per byte of the logic itself.
//
// The text is cut into groups of 512 pieces, one piece a lane; how many groups depends on its
// length alone, so any number of threads finds the same result. Each piece but the first is warmed
// up on the bytes before it; every byte of the text but the very first is scored exactly once.

#include "verbs.h"

#include <stdatomic.h>

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

enum { PIECE_BYTES = 2048, MAX_GROUPS = 4096 };

typedef struct scoring {
    const bl_model *model;
    const bl_model_info *info;
    bl_cpu cpu;
    const uint8_t *text;
    size_t bytes;
    size_t n_groups, piece, n_warm;
    struct group *groups;
    bl_progress progress;
    atomic_uint_fast64_t n_done; // groups
} scoring;

typedef struct group {
    bl_runner *runner;
    uint8_t *states;
    uint64_t cost[N_CLASSES]; // in BL_COST_BIT
    uint64_t n_bytes[N_CLASSES];
    uint64_t step_ns, n_steps;
    bl_status status;
} group;

// Lane i of group g scores text[begin .. end); returns false for an empty piece.
static bool piece_of(const scoring *s, size_t g, size_t lane, size_t *begin, size_t *end)
{
    size_t at = (g * BL_LANES + lane) * s->piece;
    *begin = at < 1 ? 1 : at; // the first byte has nothing before it
    *end = at + s->piece < s->bytes ? at + s->piece : s->bytes;
    return *begin < *end;
}

// Time t: a lane reads the byte at begin - n_warm - 1 + t and, once warm, predicts the next one.
static void score_step(group *out, const scoring *s, size_t g, size_t t)
{
    int16_t bytes[BL_LANES];
    bool is_scored[BL_LANES] = {false}, is_any = false;
    uint8_t target[BL_LANES];
    for (size_t lane = 0; lane < BL_LANES; lane++) {
        size_t begin, end;
        bytes[lane] = BL_KEEP;
        if (!piece_of(s, g, lane, &begin, &end))
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
    bl_runner_step(out->runner, out->states, bytes, BL_LANES, is_any);
    out->step_ns += bl_time_ns() - now;
    out->n_steps++;
    uint32_t costs[256];
    for (size_t lane = 0; lane < BL_LANES; lane++) {
        if (!is_scored[lane])
            continue;
        bl_runner_costs(costs, out->runner, lane);
        int class = class_of(target[lane]);
        out->cost[class] += costs[s->info->byte_symbol[target[lane]]];
        out->n_bytes[class]++;
    }
}

static void score_group(void *context, size_t g)
{
    scoring *s = context;
    group *out = &s->groups[g];
    out->states = bl_alloc(NULL, BL_LANES * s->info->state_bytes);
    out->status = bl_runner_create(&out->runner, s->model, s->cpu, NULL);
    if (!out->states)
        out->status = BL_ERR_MEMORY;
    for (size_t t = 0; out->status == BL_OK && t < s->piece + s->n_warm; t++) {
        score_step(out, s, g, t);
        if (g == 0) // one thread speaks for all
            bl_progress_update(&s->progress, atomic_load(&s->n_done) * s->piece + t);
    }
    atomic_fetch_add(&s->n_done, 1);
    bl_runner_destroy(&out->runner);
    bl_free(NULL, out->states, BL_LANES * s->info->state_bytes);
}

static void print_result(const scoring *s, const bl_command *c)
{
    const settings *o = c->settings;
    group all = {0};
    uint64_t cost = 0, n = 0;
    for (size_t g = 0; g < s->n_groups; g++) {
        all.step_ns += s->groups[g].step_ns;
        all.n_steps += s->groups[g].n_steps;
        for (int k = 0; k < N_CLASSES; k++) {
            all.cost[k] += s->groups[g].cost[k];
            all.n_bytes[k] += s->groups[g].n_bytes[k];
        }
    }
    for (int k = 0; k < N_CLASSES; k++) {
        cost += all.cost[k];
        n += all.n_bytes[k];
    }
    double bits = (double)cost / BL_COST_BIT / (double)n;
    double step_ns = (double)all.step_ns / (double)all.n_steps;
    bl_buffer out = {0};
    bl_json json;
    bl_json_begin(&json, &out, !c->common.is_json);
    bl_json_object(&json, NULL);
    bl_json_real(&json, "bits_per_byte", bits);
    bl_json_uint(&json, "n_bytes", n);
    bl_json_uint(&json, "n_pieces", s->n_groups * BL_LANES);
    bl_json_uint(&json, "n_warm_bytes", s->n_warm);
    bl_json_uint(&json, "n_luts", s->info->n_lut3);
    bl_json_uint(&json, "n_nodes", s->info->n_ands);
    bl_json_uint(&json, "n_nonzeros", s->info->n_nonzeros);
    bl_json_real(&json, "step_ns", step_ns);
    if (o->by_class) {
        bl_json_array(&json, "classes");
        for (int k = 0; k < N_CLASSES; k++) {
            if (!all.n_bytes[k])
                continue;
            bl_json_object(&json, NULL);
            bl_json_text(&json, "class", class_names[k]);
            bl_json_uint(&json, "n_bytes", all.n_bytes[k]);
            bl_json_real(&json, "bits_per_byte",
                         (double)all.cost[k] / BL_COST_BIT / (double)all.n_bytes[k]);
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
    bl_pool *pool = NULL;
    s->n_groups = s->bytes / (BL_LANES * PIECE_BYTES) + 1;
    if (s->n_groups > MAX_GROUPS)
        s->n_groups = MAX_GROUPS;
    s->piece = (s->bytes + s->n_groups * BL_LANES - 1) / (s->n_groups * BL_LANES);
    s->groups = bl_alloc_array(NULL, s->n_groups, sizeof *s->groups);
    bl_status status = s->groups ? BL_OK : BL_ERR_MEMORY;
    if (status == BL_OK)
        status = bl_pool_create(&pool, (size_t)c->common.n_threads, NULL);
    if (status == BL_OK) {
        bl_progress_begin(&s->progress, "scoring", s->n_groups * s->piece, "steps",
                          c->common.is_quiet);
        bl_pool_for(pool, s->n_groups, score_group, s);
        bl_progress_end(&s->progress, s->n_groups * s->piece);
    }
    for (size_t g = 0; status == BL_OK && g < s->n_groups; g++)
        status = s->groups[g].status;
    if (status == BL_OK)
        print_result(s, c);
    bl_pool_destroy(&pool);
    bl_free(NULL, s->groups, s->n_groups * sizeof *s->groups);
    return status;
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
    scoring s = {.model = model.model,
                 .info = bl_model_facts(model.model),
                 .cpu = c->common.cpu,
                 .n_warm = (size_t)o->n_warm};
    bl_status status = bl_file_open(&text, o->text, &diag);
    if (status == BL_OK && text.bytes < 2)
        status = bl_diag_set(&diag, BL_ERR_FORMAT, o->text, 0, 0,
                             "%zu bytes; at least 2 can be scored", text.bytes);
    if (status == BL_OK) {
        s.text = text.data;
        s.bytes = text.bytes;
        status = score(&s, c);
        if (status != BL_OK)
            bl_diag_set(&diag, status, NULL, 0, 0, "%s", bl_status_text(status));
    }
    bl_file_close(&text);
    model_file_close(&model);
    return status == BL_OK ? EXIT_YES : report(&diag, EXIT_NO);
}

static const settings defaults = {.n_warm = 256};
static const bl_option options[] = {
    {"text", 0, BL_OPTION_TEXT, offsetof(settings, text), "FILE", 0, 0,
     "the text; - is standard input"},
    {"warm", 0, BL_OPTION_INT, offsetof(settings, n_warm), "N", 0, 1e6,
     "bytes that each piece is warmed up on; default 256"},
    {"classes", 0, BL_OPTION_FLAG, offsetof(settings, by_class), NULL, 0, 0,
     "also per class of bytes"},
};

const bl_verb bl_verb_score = {
    .name = "score",
    .operands = "MODEL.loom",
    .summary = "bits per byte of a melted model on a text",
    .details =
        "The text is cut into pieces of about 2,048 bytes, 512 of them scored side by side.\n"
        "Each piece but the first is warmed up on the bytes before it (--warm); the first\n"
        "starts cold. Every byte but the first is scored once. The model does not learn\n"
        "while it scores. The number of threads does not change the result.",
    .example = "bitloom score classics.loom --text book.txt --classes",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .min_operands = 1,
    .max_operands = 1,
    .settings_bytes = sizeof(settings),
    .defaults = &defaults,
    .run = run};
