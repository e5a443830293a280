// SPDX-License-Identifier: MIT
// bitloom sample MODEL.loom: writes texts, one a lane. Lane i draws from a generator of its own,
// so the first L texts are the same however many are asked for.

#include "verbs.h"

#include <string.h>

typedef struct settings {
    const char *prompt, *pattern;
    int64_t n_bytes, n_lanes, seed;
    double temperature;
    bool is_inside;
} settings;

typedef struct sampling {
    bl_runner *runner;
    bl_sampler *sampler;
    bl_gumbel *gumbel; // instead of it
    bl_pattern *pattern;
    bl_constraint *constraint; // or NULL: anything may be written
    bl_draw draw;              // with it, instead of the sampler
    uint32_t places[BL_LANES]; // of the lanes in the pattern
    bool is_over[BL_LANES];    // nothing may follow
    uint8_t *states;
    size_t state_bytes;
    bl_buffer texts[BL_LANES];
} sampling;

static void draw_freely(sampling *s, int16_t *bytes, bl_random *random, size_t n_lanes)
{
    for (size_t i = 0; i < n_lanes; i++)
        bytes[i] = bl_sampler_draw(s->sampler, s->runner, i, &random[i]);
}

// What the pattern allows; a lane that may write nothing more is over.
static void draw_from_pattern(sampling *s, int16_t *bytes, bl_random *random, size_t n_lanes)
{
    uint64_t allowed[BL_LANES][4];
    uint8_t drawn[BL_LANES] = {0};
    bl_constraint_allowed(allowed, NULL, s->constraint, s->places, n_lanes);
    for (size_t i = 0; i < n_lanes; i++) {
        uint32_t costs[256];
        bl_runner_costs(costs, s->runner, i);
        bytes[i] = (int16_t)bl_draw_byte(&s->draw, costs, allowed[i], &random[i]);
        s->is_over[i] = bytes[i] == BL_KEEP;
        drawn[i] = (uint8_t)bytes[i];
    }
    bl_constraint_step(s->constraint, s->places, drawn, n_lanes);
}

static void sample_all(sampling *s, const settings *o, bool is_quiet)
{
    size_t n_lanes = (size_t)o->n_lanes, n_prompt = strlen(o->prompt);
    int16_t bytes[BL_LANES];
    bl_random random[BL_LANES];
    for (size_t i = 0; i < n_lanes; i++) {
        bl_random_seed(&random[i], bl_mix64((uint64_t)o->seed) + i);
        bytes[i] = BL_KEEP;
    }
    bl_progress progress;
    uint64_t n_steps = n_prompt + (uint64_t)o->n_bytes;
    bl_progress_begin(&progress, "sampling", n_steps, "bytes", is_quiet);
    for (uint64_t t = 0; t < n_steps; t++) {
        bool is_prompt = t < n_prompt;
        if (is_prompt)
            for (size_t i = 0; i < n_lanes; i++)
                bytes[i] = (uint8_t)o->prompt[t];
        bool is_last_of_prompt = t + 1 == n_prompt;
        if (is_prompt) {
            bl_runner_step(s->runner, s->states, bytes, n_lanes, is_last_of_prompt);
            continue;
        }
        if (t == 0) // no prompt: predictions of the empty text
            bl_runner_step(s->runner, s->states, bytes, n_lanes, true);
        if (s->constraint)
            draw_from_pattern(s, bytes, random, n_lanes);
        else
            draw_freely(s, bytes, random, n_lanes);
        for (size_t i = 0; i < n_lanes; i++)
            if (!s->is_over[i])
                bl_buffer_append(&s->texts[i], &(uint8_t){(uint8_t)bytes[i]}, 1);
        if (t + 1 < n_steps)
            bl_runner_step(s->runner, s->states, bytes, n_lanes, true);
        bl_progress_update(&progress, t);
    }
    bl_progress_end(&progress, n_steps);
}

// All lanes are drawn from one generator, in pieces of some steps.
static bl_status sample_inside(sampling *s, const settings *o, bool is_quiet)
{
    enum { PIECE = 64 };
    uint8_t *bytes = bl_alloc_array(NULL, PIECE, BL_LANES);
    int16_t prompt[BL_LANES];
    bl_random random;
    bl_progress progress;
    if (!bytes)
        return BL_ERR_MEMORY;
    bl_random_seed(&random, (uint64_t)o->seed);
    for (size_t t = 0; o->prompt[t]; t++) {
        for (size_t i = 0; i < BL_LANES; i++)
            prompt[i] = (uint8_t)o->prompt[t];
        bl_runner_step(s->runner, s->states, prompt, BL_LANES, false);
    }
    bl_progress_begin(&progress, "sampling", (uint64_t)o->n_bytes, "bytes", is_quiet);
    for (size_t done = 0, n; done < (size_t)o->n_bytes; done += n) {
        n = (size_t)o->n_bytes - done < PIECE ? (size_t)o->n_bytes - done : PIECE;
        bl_gumbel_write(bytes, s->gumbel, s->runner, s->states, n, &random);
        for (size_t t = 0; t < n; t++)
            for (size_t i = 0; i < (size_t)o->n_lanes; i++)
                bl_buffer_append(&s->texts[i], &bytes[t * BL_LANES + i], 1);
        bl_progress_update(&progress, done);
    }
    bl_progress_end(&progress, (uint64_t)o->n_bytes);
    bl_free(NULL, bytes, (size_t)PIECE * BL_LANES);
    return BL_OK;
}

static bl_status print_texts(sampling *s, const bl_command *c, bl_diag *diag)
{
    const settings *o = c->settings;
    bl_buffer out = {0};
    bl_json json;
    bl_json_begin(&json, &out, false);
    if (c->common.is_json) {
        bl_json_object(&json, NULL);
        bl_json_text(&json, "prompt", o->prompt);
        bl_json_array(&json, "texts");
    }
    for (size_t i = 0; i < (size_t)o->n_lanes; i++) {
        if (c->common.is_json)
            bl_json_bytes(&json, NULL, s->texts[i].data, s->texts[i].bytes);
        else {
            if (o->n_lanes > 1)
                bl_buffer_print(&out, "--- lane %zu\n", i);
            bl_buffer_append(&out, o->prompt, strlen(o->prompt));
            bl_buffer_append(&out, s->texts[i].data, s->texts[i].bytes);
            bl_buffer_append(&out, "\n", 1);
        }
    }
    if (c->common.is_json) {
        bl_json_end(&json);
        bl_json_end(&json);
        bl_buffer_append(&out, "\n", 1);
    }
    bl_status status = out.status;
    if (status == BL_OK)
        status = bl_file_write("-", out.data, out.bytes, diag);
    bl_buffer_clear(&out);
    return status;
}

static bl_status prepare_pattern(sampling *s, const bl_model *model, const bl_command *c,
                                 bl_diag *diag)
{
    const settings *o = c->settings;
    for (size_t i = 0; i < BL_LANES; i++)
        s->places[i] = BL_PATTERN_START;
    bl_draw_params params = {.temperature = o->temperature};
    bl_status status =
        bl_pattern_parse(&s->pattern, o->pattern, strlen(o->pattern), "--pattern", NULL, diag);
    if (status == BL_OK)
        status = bl_constraint_create(&s->constraint, s->pattern, c->common.cpu, NULL);
    return status == BL_OK ? bl_draw_set(&s->draw, model, &params) : status;
}

static bl_status sample(sampling *s, const bl_model *model, const bl_command *c, bl_diag *diag)
{
    const settings *o = c->settings;
    s->state_bytes = bl_model_facts(model)->state_bytes;
    s->states = bl_alloc(NULL, BL_LANES * s->state_bytes);
    if (!s->states)
        return BL_ERR_MEMORY;
    bl_status status = bl_runner_create(&s->runner, model, c->common.cpu, NULL);
    if (status == BL_OK)
        status = o->is_inside
                     ? bl_gumbel_create(&s->gumbel, model, o->temperature, c->common.cpu, NULL)
                     : bl_sampler_create(&s->sampler, model, o->temperature, NULL);
    if (status == BL_OK && o->pattern)
        status = prepare_pattern(s, model, c, diag);
    if (status == BL_OK && o->is_inside)
        status = sample_inside(s, o, c->common.is_quiet);
    else if (status == BL_OK)
        sample_all(s, o, c->common.is_quiet);
    if (status != BL_OK)
        return status;
    for (size_t i = 0; i < BL_LANES; i++)
        if (s->texts[i].status != BL_OK)
            return s->texts[i].status;
    return print_texts(s, c, diag);
}

static int run(const bl_command *c)
{
    bl_diag diag = {0};
    model_file model;
    const settings *o = c->settings;
    if (o->is_inside && o->temperature > BL_GUMBEL_MAX_TEMPERATURE) {
        bl_diag_set(&diag, BL_ERR_ARGUMENT, NULL, 0, 0, "--inside: temperatures go up to %d",
                    BL_GUMBEL_MAX_TEMPERATURE);
        return report(&diag, EXIT_USAGE);
    }
    if (o->is_inside && o->pattern) {
        bl_diag_set(&diag, BL_ERR_ARGUMENT, NULL, 0, 0,
                    "--inside draws from all bytes; --pattern "
                    "needs draws outside");
        return report(&diag, EXIT_USAGE);
    }
    if (model_file_open(&model, c->operands[0], &diag) != BL_OK)
        return report(&diag, EXIT_NO);
    sampling s = {0};
    bl_status status = sample(&s, model.model, c, &diag);
    if (status != BL_OK && !diag.message[0])
        bl_diag_set(&diag, status, NULL, 0, 0, "%s", bl_status_text(status));
    for (size_t i = 0; i < BL_LANES; i++)
        bl_buffer_clear(&s.texts[i]);
    bl_free(NULL, s.states, BL_LANES * s.state_bytes);
    bl_sampler_destroy(&s.sampler);
    bl_gumbel_destroy(&s.gumbel);
    bl_constraint_destroy(&s.constraint);
    bl_pattern_destroy(&s.pattern);
    bl_runner_destroy(&s.runner);
    model_file_close(&model);
    return status == BL_OK ? EXIT_YES : report(&diag, EXIT_NO);
}

static const settings defaults = {
    .prompt = "", .n_bytes = 200, .n_lanes = 1, .seed = 1, .temperature = 0.8};
static const bl_option options[] = {
    {"prompt", 0, BL_OPTION_TEXT, offsetof(settings, prompt), "TEXT", 0, 0, "the beginning"},
    {"bytes", 0, BL_OPTION_INT, offsetof(settings, n_bytes), "N", 1, 1e9,
     "bytes to add; default 200"},
    {"lanes", 0, BL_OPTION_INT, offsetof(settings, n_lanes), "L", 1, 512, "texts; default 1"},
    {"seed", 0, BL_OPTION_INT, offsetof(settings, seed), "S", 0, 9e18, "of the draws; default 1"},
    {"temperature", 0, BL_OPTION_REAL, offsetof(settings, temperature), "T", 0.01, 100,
     "below 1 more predictable, above 1 more adventurous; default 0.8"},
    {"pattern", 0, BL_OPTION_TEXT, offsetof(settings, pattern), "REGEX", 0, 0,
     "write only beginnings of its texts (docs/guide/patterns.md)"},
    {"inside", 0, BL_OPTION_FLAG, offsetof(settings, is_inside), NULL, 0, 0,
     "draw by logic, inside the machine (Gumbel-max): fastest for many texts"},
};

const bl_verb bl_verb_sample = {.name = "sample",
                                .operands = "MODEL.loom",
                                .summary = "write texts with a melted model",
                                .details = "The same seed writes the same text on every machine.",
                                .example =
                                    "bitloom sample classics.loom --prompt 'It was a ' --lanes 8",
                                .options = options,
                                .n_options = sizeof options / sizeof *options,
                                .min_operands = 1,
                                .max_operands = 1,
                                .settings_bytes = sizeof(settings),
                                .defaults = &defaults,
                                .run = run};
