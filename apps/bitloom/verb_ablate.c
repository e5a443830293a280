// SPDX-License-Identifier: MIT
// bitloom ablate MODEL.loom --bit layer1[16]=0 -o NEW.loom: ties bits of the state or neurons to
// constants, leaves out the logic that is then of no use, and says what that does to a text's cost.

#include "ablation.h"
#include "verbs.h"

#include <stdlib.h>
#include <string.h>

typedef struct settings {
    const char *output, *bits, *text, *find, *remove;
    int64_t n_warm, n_sample, max_ties;
    double raise, keep;
} settings;

enum { MAX_TIES = 64, N_BEST = 10 };

typedef struct ablation {
    const bl_model *model;
    const settings *o;
    const bl_command *c;
    bl_pool *pool;
    bl_tie ties[MAX_TIES];
    size_t n_ties;
    bl_file text;
    bl_score before, after;
    uint64_t n_luts_after;
    removal removed;
    bit_quality best[N_BEST];
    double base_rate;
} ablation;

// ----------------------------------------------------------------------------------- names

static void name_of(char *dst, size_t dst_bytes, const ablation *a, uint32_t plane)
{
    const bl_record *state = bl_program_state(bl_model_facts(a->model)->program);
    uint32_t first = 0, f = 0;
    while (f + 1 < state->n_fields && plane >= first + state->fields[f].width)
        first += state->fields[f++].width;
    snprintf(dst, dst_bytes, "%s[%u]", state->fields[f].name, plane - first);
}

static bl_status fail(bl_diag *diag, const char *text, size_t n, const char *reason)
{
    return bl_diag_set(diag, BL_ERR_ARGUMENT, NULL, 0, 0, "--bit %.*s: %s", (int)n, text, reason);
}

// "layer1[16]=0", "layer1[16].gate=1" or "layer1[16].candidate=0".
static bl_status parse_tie(bl_tie *tie, const ablation *a, const char *text, size_t n,
                           bl_diag *diag)
{
    const bl_record *state = bl_program_state(bl_model_facts(a->model)->program);
    static const char *const parts[BL_TIE_COUNT] = {"", ".gate", ".candidate"};
    char field[BL_FIELD_NAME_BYTES] = "", part[16] = "";
    unsigned index, value;
    int end = -1;
    char copy[128];
    if (n >= sizeof copy)
        return fail(diag, text, n, "too long");
    memcpy(copy, text, n);
    copy[n] = 0;
    if (sscanf(copy, "%31[^[][%u]%n", field, &index, &end) < 2 || end < 0)
        return fail(diag, text, n, "expected NAME[N]=0 or =1, as in layer1[16]=0");
    const char *rest = copy + end, *equals = strchr(rest, '=');
    if (!equals || (size_t)(equals - rest) >= sizeof part
        || sscanf(equals, "=%u%n", &value, &end) < 1 || equals[end] || value > 1)
        return fail(diag, text, n, "expected =0 or =1 behind the bit");
    memcpy(part, rest, (size_t)(equals - rest));
    tie->value = value == 1;
    for (tie->what = 0; tie->what < BL_TIE_COUNT && strcmp(part, parts[tie->what]) != 0;)
        tie->what++;
    if (tie->what == BL_TIE_COUNT)
        return fail(diag, text, n, "after the bit only .gate or .candidate may stand");
    tie->plane = 0;
    for (uint32_t f = 0; f < state->n_fields; f++) {
        if (strcmp(state->fields[f].name, field) == 0 && index < state->fields[f].width) {
            tie->plane += index;
            return BL_OK;
        }
        tie->plane += state->fields[f].width;
    }
    char known[96] = "";
    for (uint32_t f = 0; f < state->n_fields && strlen(known) < 64; f++)
        snprintf(known + strlen(known), sizeof known - strlen(known), " %.24s[0..%u]",
                 state->fields[f].name, state->fields[f].width - 1);
    return bl_diag_set(diag, BL_ERR_ARGUMENT, NULL, 0, 0, "--bit %.*s: no such bit; there are%s%s",
                       (int)n, text, known, strlen(known) < 64 ? "" : " ...");
}

static bl_status parse_ties(ablation *a, bl_diag *diag)
{
    for (const char *at = a->o->bits; at && *at;) {
        size_t n = strcspn(at, ",");
        if (a->n_ties == MAX_TIES)
            return bl_diag_set(diag, BL_ERR_ARGUMENT, NULL, 0, 0, "more than %d bits", MAX_TIES);
        bl_status status = parse_tie(&a->ties[a->n_ties++], a, at, n, diag);
        if (status != BL_OK)
            return status;
        at += n + (at[n] == ',');
    }
    return BL_OK;
}

static bl_status class_named(uint32_t *byte_class, const char *name, bl_diag *diag)
{
    for (*byte_class = 0; *byte_class < BL_BYTE_CLASSES; ++*byte_class)
        if (strcmp(bl_byte_class_name(*byte_class), name) == 0)
            return BL_OK;
    return bl_diag_set(diag, BL_ERR_ARGUMENT, NULL, 0, 0,
                       "--remove %s: no class of bytes; there are space, newline, lower, upper, "
                       "digit, quote, punctuation, other",
                       name);
}

// ----------------------------------------------------------------------------------- doing

static bl_score_params score_params(const ablation *a)
{
    return (bl_score_params){.n_warm = (size_t)a->o->n_warm,
                             .n_sample_bytes = (size_t)a->o->n_sample,
                             .level = a->c->common.cpu};
}

static bl_status search_removal(ablation *a, bl_diag *diag)
{
    bl_progress progress;
    removal_params p = {.raise = a->o->raise,
                        .keep = a->o->keep,
                        .max_ties = (size_t)a->o->max_ties,
                        .score = score_params(a),
                        .pool = a->pool,
                        .progress = &progress,
                        .is_quiet = a->c->common.is_quiet};
    bl_status status = class_named(&p.byte_class, a->o->remove, diag);
    if (status != BL_OK)
        return status;
    status = find_removal(&a->removed, a->model, a->text.data, a->text.bytes, &p);
    if (status == BL_ERR_ARGUMENT)
        return bl_diag_set(diag, status, a->o->text, 0, 0,
                           "fewer than 100 bytes of class %s in the sample; give a text with more, "
                           "or a larger --sample",
                           a->o->remove);
    memcpy(a->ties, a->removed.ties, sizeof a->ties);
    a->n_ties = a->removed.n_ties;
    return status;
}

static bl_status search_quotes(ablation *a, bl_diag *diag)
{
    bl_status status = find_quote_bits(a->best, N_BEST, &a->base_rate, a->model, a->text.data,
                                       a->text.bytes, (size_t)a->o->n_sample, a->c->common.cpu);
    if (status == BL_ERR_ARGUMENT)
        return bl_diag_set(diag, status, a->o->text, 0, 0, "too short; expected at least 600 kB");
    return status;
}

static bl_status write_tied(const ablation *a, tied_model *tied, bl_diag *diag)
{
    const bl_model_info *info = bl_model_facts(tied->model);
    bl_graph *graph = NULL;
    bl_buffer out = {0};
    bl_status status = bl_graph_from_program(&graph, info->program, NULL);
    if (status != BL_OK)
        return status;
    bl_loom_facts facts;
    bl_model_get_loom_facts(&facts, tied->model);
    facts.n_ands = graph->n_ands;
    bl_graph_destroy(&graph);
    status = bl_loom_write(&out, &facts, info->program);
    if (status == BL_OK)
        status = bl_file_write(a->o->output, out.data, out.bytes, diag);
    bl_buffer_clear(&out);
    return status;
}

static bl_status tie(ablation *a, bl_diag *diag)
{
    tied_model tied;
    bl_status status = tied_model_open(&tied, a->model, a->ties, a->n_ties);
    if (status == BL_ERR_ARGUMENT)
        return bl_diag_set(diag, status, NULL, 0, 0,
                           "--bit: .gate and .candidate need a bit of a MuxRNN's layer");
    if (status != BL_OK)
        return status;
    a->n_luts_after = bl_model_facts(tied.model)->n_lut3;
    if (a->o->text) {
        bl_score_params params = score_params(a);
        params.pool = a->pool;
        status = bl_model_score(&a->before, a->model, a->text.data, a->text.bytes, &params, NULL);
        if (status == BL_OK)
            status =
                bl_model_score(&a->after, tied.model, a->text.data, a->text.bytes, &params, NULL);
    }
    if (status == BL_OK && a->o->output)
        status = write_tied(a, &tied, diag);
    tied_model_close(&tied);
    return status;
}

static bl_status ablate(ablation *a, bl_diag *diag)
{
    bl_status status = parse_ties(a, diag);
    if (status == BL_OK && a->o->text)
        status = bl_file_open(&a->text, a->o->text, diag);
    if (status == BL_OK && a->o->text && a->text.bytes < 2)
        status = bl_diag_set(diag, BL_ERR_FORMAT, a->o->text, 0, 0, "no text");
    if (status == BL_OK)
        status = bl_pool_create(&a->pool, (size_t)a->c->common.n_threads, NULL);
    if (status == BL_OK && a->o->find)
        status = search_quotes(a, diag);
    if (status == BL_OK && a->o->remove)
        status = search_removal(a, diag);
    if (status == BL_OK && a->n_ties > 0)
        status = tie(a, diag);
    bl_pool_destroy(&a->pool);
    return status;
}

// --------------------------------------------------------------------------------- telling

static void tell_quotes(bl_json *json, const ablation *a)
{
    char name[64];
    bl_json_real(json, "base_rate", a->base_rate);
    bl_json_array(json, "bits");
    for (int i = 0; i < N_BEST; i++) {
        bl_json_object(json, NULL);
        name_of(name, sizeof name, a, a->best[i].plane);
        bl_json_text(json, "bit", name);
        bl_json_real(json, "accuracy", a->best[i].accuracy);
        bl_json_real(json, "information", a->best[i].information);
        bl_json_end(json);
    }
    bl_json_end(json);
}

static void tell_classes(bl_json *json, const ablation *a)
{
    bl_json_real(json, "bits_per_byte_before", bl_score_bits_per_byte(&a->before));
    bl_json_real(json, "bits_per_byte_after", bl_score_bits_per_byte(&a->after));
    bl_json_array(json, "classes");
    for (uint32_t k = 0; k < BL_BYTE_CLASSES; k++) {
        double n = (double)a->before.n_bytes[k];
        if (n == 0)
            continue;
        bl_json_object(json, NULL);
        bl_json_text(json, "class", bl_byte_class_name(k));
        bl_json_uint(json, "n_bytes", a->before.n_bytes[k]);
        bl_json_real(json, "before", a->before.bits[k] / n);
        bl_json_real(json, "change", (a->after.bits[k] - a->before.bits[k]) / n);
        bl_json_end(json);
    }
    bl_json_end(json);
}

static void tell_ties(bl_json *json, const ablation *a)
{
    static const char *const parts[] = {"", ".gate", ".candidate"};
    char name[64], text[96];
    bl_json_array(json, "ties");
    for (size_t i = 0; i < a->n_ties; i++) {
        name_of(name, sizeof name, a, a->ties[i].plane);
        snprintf(text, sizeof text, "%s%s=%d", name, parts[a->ties[i].what], a->ties[i].value);
        bl_json_text(json, NULL, text);
    }
    bl_json_end(json);
    bl_json_uint(json, "n_luts_before", bl_model_facts(a->model)->n_lut3);
    bl_json_uint(json, "n_luts_after", a->n_luts_after);
}

static int tell(const ablation *a)
{
    bl_buffer out = {0};
    bl_json json;
    bl_json_begin(&json, &out, !a->c->common.is_json);
    bl_json_object(&json, NULL);
    if (a->o->find)
        tell_quotes(&json, a);
    if (a->o->remove)
        bl_json_bool(&json, "is_found", a->removed.is_found);
    if (a->n_ties > 0)
        tell_ties(&json, a);
    if (a->n_ties > 0 && a->o->text)
        tell_classes(&json, a);
    bl_json_end(&json);
    if (a->c->common.is_json)
        bl_buffer_append(&out, "\n", 1);
    return print_buffer(&out);
}

static int run(const bl_command *c)
{
    const settings *o = c->settings;
    bl_diag diag = {0};
    if ((o->find || o->remove) && !o->text)
        bl_diag_set(&diag, BL_ERR_ARGUMENT, NULL, 0, 0, "expected --text FILE to search with");
    else if (o->find && strcmp(o->find, "quotes") != 0)
        bl_diag_set(&diag, BL_ERR_ARGUMENT, NULL, 0, 0, "--find %s: expected quotes", o->find);
    else if (o->remove && o->bits)
        bl_diag_set(&diag, BL_ERR_ARGUMENT, NULL, 0, 0,
                    "--bit and --remove: name the bits, or have them searched");
    else if (o->output && !o->remove && !o->bits)
        bl_diag_set(&diag, BL_ERR_ARGUMENT, NULL, 0, 0,
                    "-o: nothing is tied; name bits with --bit or search them with --remove");
    else if (!o->find && !o->remove && !o->bits)
        bl_diag_set(&diag, BL_ERR_ARGUMENT, NULL, 0, 0,
                    "expected --bit NAME=VALUE, --find quotes or --remove CLASS");
    if (diag.message[0])
        return report(&diag, EXIT_USAGE);
    model_file model;
    if (model_file_open(&model, c->operands[0], &diag) != BL_OK)
        return report(&diag, EXIT_NO);
    ablation a = {.model = model.model, .o = o, .c = c};
    bl_status status = ablate(&a, &diag);
    int exit_status = EXIT_YES;
    if (status == BL_OK) {
        exit_status = tell(&a);
        if (o->remove && !a.removed.is_found)
            exit_status = EXIT_NO;
    } else {
        if (!diag.message[0])
            bl_diag_set(&diag, status, NULL, 0, 0, "%s", bl_status_text(status));
        exit_status = report(&diag, status == BL_ERR_ARGUMENT ? EXIT_USAGE : EXIT_NO);
    }
    bl_file_close(&a.text);
    model_file_close(&model);
    return exit_status;
}

static const settings defaults = {
    .n_warm = 64, .n_sample = 131072, .max_ties = 32, .raise = 2, .keep = 0.02};
static const bl_option options[] = {
    {"bit", 'b', BL_OPTION_TEXT, offsetof(settings, bits), "NAME=V,...", 0, 0,
     "bits to tie: layer1[16]=0; neurons: layer1[16].gate=1, layer1[16].candidate=0"},
    {"output", 'o', BL_OPTION_TEXT, offsetof(settings, output), "FILE", 0, 0,
     "the model with its ties"},
    {"text", 0, BL_OPTION_TEXT, offsetof(settings, text), "FILE", 0, 0,
     "a text whose cost is told before and after, by class of bytes"},
    {"find", 0, BL_OPTION_TEXT, offsetof(settings, find), "quotes", 0, 0,
     "the bits that best tell what stands inside quotation marks"},
    {"remove", 0, BL_OPTION_TEXT, offsetof(settings, remove), "CLASS", 0, 0,
     "search a small set of bits without which digit, upper or quote cannot be foreseen"},
    {"raise", 0, BL_OPTION_REAL, offsetof(settings, raise), "BITS", 0, 100,
     "--remove: how much dearer a byte of the class must become; default 2"},
    {"keep", 0, BL_OPTION_REAL, offsetof(settings, keep), "BITS", 0.001, 100,
     "--remove: how far any other class may move; default 0.02"},
    {"max-bits", 0, BL_OPTION_INT, offsetof(settings, max_ties), "N", 1, MAX_TIES,
     "--remove: at most so many; default 32"},
    {"sample", 0, BL_OPTION_INT, offsetof(settings, n_sample), "BYTES", 0, 1e12,
     "how much of the text is looked at, 0 all of it; default 131072"},
    {"warm", 0, BL_OPTION_INT, offsetof(settings, n_warm), "N", 0, 1e6,
     "bytes that each piece is warmed up on; default 64"},
};

const bl_verb bl_verb_ablate = {
    .name = "ablate",
    .operands = "MODEL.loom",
    .summary = "tie bits of a melted model to constants, or search which",
    .details =
        "Ties bits of the state, or the neurons that write them, and leaves out the logic that\n"
        "is then of no use. Tells the size and what a text costs, by class of bytes, before\n"
        "and after. Lanes of the two models can be exchanged: the state keeps its form. The\n"
        "searches try every bit of the layers. Exit status 1: --remove found no set.",
    .example = "bitloom ablate classics.loom --bit 'layer1[16]=0' --text book.txt -o without.loom",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .min_operands = 1,
    .max_operands = 1,
    .settings_bytes = sizeof(settings),
    .defaults = &defaults,
    .run = run};
