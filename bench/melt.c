// SPDX-License-Identifier: MIT
// How long is one step of the model for 512 lanes, and what share of the core's logic peak is
// that? Anchor: the same program expanded to single LUT3 operations, so the ratio says what the
// macro-operations are worth.

#include "bench.h"

#include <string.h>

typedef struct stepping {
    bl_machine *machine;
} stepping;

static void run_step(void *context)
{
    bl_machine_run(((stepping *)context)->machine, BL_ENTRY_STEP);
}
static void run_head(void *context)
{
    bl_machine_run(((stepping *)context)->machine, BL_ENTRY_HEAD);
}

typedef struct texts {
    bl_runner *runner;
    uint8_t *states;
    int16_t bytes[BL_LANES];
} texts;

static void run_texts(void *context)
{
    texts *t = context;
    bl_runner_step(t->runner, t->states, t->bytes, BL_LANES, true);
}

typedef struct reading { // one text, 512 bytes at a time
    bl_reader *reader;
    uint8_t *state;
    uint8_t text[BL_LANES];
} reading;

static void read_text(void *context)
{
    reading *r = context;
    bl_reader_read(r->reader, r->state, r->text, BL_LANES, true);
}

// Tested to leave the same states and costs by tests/unit/melt.c.
static bool report_reading(const bench_context *c, const bl_model *model, texts *t)
{
    size_t state_bytes = bl_model_facts(model)->state_bytes;
    reading r = {.state = bl_alloc(NULL, state_bytes)};
    bl_status status = r.state ? bl_reader_create(&r.reader, model, c->cpu, NULL) : BL_ERR_MEMORY;
    if (status == BL_OK) {
        for (int i = 0; i < BL_LANES; i++)
            r.text[i] = (uint8_t) "bitloom reads a text. "[i % 22];
        bench_line line = {.group = "melt",
                           .name = "reading one text",
                           .units = BL_LANES,
                           .unit = "bytes of text",
                           .anchor = "a whole step for 512 texts",
                           .question = "512 consecutive bytes of one text, states and logits"};
        bench_pair(&line, read_text, run_texts, &r, t, c->settings->seconds);
        c->sink->report(c->sink, &line);
    } else if (status != BL_ERR_UNSUPPORTED)
        fprintf(stderr, "bitloom: bench melt: reading: %s\n", bl_status_text(status));
    bl_reader_destroy(&r.reader);
    bl_free(NULL, r.state, state_bytes);
    return status == BL_OK || status == BL_ERR_UNSUPPORTED;
}

typedef struct writing { // texts, by logic or by exact draws
    texts *texts;
    bl_gumbel *gumbel;
    bl_sampler *sampler;
    bl_random random;
    uint8_t bytes[BL_LANES];
} writing;

static void write_inside(void *context)
{
    writing *w = context;
    bl_gumbel_write(w->bytes, w->gumbel, w->texts->runner, w->texts->states, 1, &w->random);
}

static void write_outside(void *context)
{
    writing *w = context;
    run_texts(w->texts);
    for (size_t i = 0; i < BL_LANES; i++)
        w->texts->bytes[i] = bl_sampler_draw(w->sampler, w->texts->runner, i, &w->random);
}

// Tested to draw from the same distribution by tests/unit/melt.c.
static bool report_writing(const bench_context *c, const bl_model *model, texts *t)
{
    writing w = {.texts = t};
    bl_random_seed(&w.random, 1);
    bool is_ok = bl_gumbel_create(&w.gumbel, model, 1, c->cpu, NULL) == BL_OK
                 && bl_sampler_create(&w.sampler, model, 1, NULL) == BL_OK;
    if (!is_ok)
        fprintf(stderr, "bitloom: bench melt: sampling: out of memory, or a model whose logits "
                        "cannot be drawn from inside\n");
    if (is_ok) {
        bench_line line = {.group = "melt",
                           .name = "sampling inside",
                           .units = BL_LANES,
                           .unit = "bytes of text",
                           .anchor = "step, logits out, exact draws",
                           .question = "a step and a draw for 512 texts, all of it logic"};
        bench_pair(&line, write_inside, write_outside, &w, &w, c->settings->seconds);
        c->sink->report(c->sink, &line);
    }
    bl_gumbel_destroy(&w.gumbel);
    bl_sampler_destroy(&w.sampler);
    return is_ok;
}

static bool same_step(bl_machine *a, bl_machine *b, const bl_program_info *p)
{
    bl_random random;
    bl_random_seed(&random, 1);
    for (int t = 0; t < 3; t++) {
        for (size_t i = 0; i < 8; i++)
            for (size_t k = 0; k < 8; k++)
                bl_machine_input(a)[i].word[k] = bl_machine_input(b)[i].word[k] =
                    bl_random_next(&random);
        for (uint32_t e = 0; e < p->n_entries; e++) {
            bl_machine_run(a, e);
            bl_machine_run(b, e);
        }
    }
    return memcmp(bl_machine_state(a), bl_machine_state(b), p->n_state * sizeof(bl_plane)) == 0
           && memcmp(bl_machine_output(a), bl_machine_output(b), p->n_outputs * sizeof(bl_plane))
                  == 0;
}

static void report_step(const bench_context *c, stepping *macro, stepping *luts, const char *name,
                        bench_run *run)
{
    bench_line line = {.group = "melt",
                       .name = name,
                       .units = BL_LANES,
                       .unit = "bytes of text",
                       .anchor = "the same as single LUT3 operations",
                       .question = "one step of the model for 512 lanes, on one core"};
    bench_pair(&line, run, run, macro, luts, c->settings->seconds);
    c->sink->report(c->sink, &line);
}

static bool bench_model(const bench_context *c, const bl_model *model)
{
    const bl_model_info *info = bl_model_facts(model);
    bl_program *expanded = NULL;
    stepping macro = {0}, luts = {0};
    texts t = {.states = bl_alloc_array(NULL, BL_LANES, info->state_bytes)};
    bl_program_info p;
    bl_program_get_info(&p, info->program);
    bool is_ok = t.states && bl_program_expand(&expanded, info->program, NULL) == BL_OK
                 && bl_machine_create(&macro.machine, info->program, c->cpu, NULL) == BL_OK
                 && bl_machine_create(&luts.machine, expanded, c->cpu, NULL) == BL_OK
                 && bl_runner_create(&t.runner, model, c->cpu, NULL) == BL_OK;
    if (!is_ok)
        fprintf(stderr, "bitloom: bench melt: %s\n", bl_status_text(BL_ERR_MEMORY));
    else if (!same_step(macro.machine, luts.machine, &p)) {
        fprintf(stderr, "bitloom: bench melt: the program and its expansion differ; nothing was "
                        "timed\n");
        is_ok = false;
    } else {
        report_step(c, &macro, &luts, "state step", run_step);
        report_step(c, &macro, &luts, "logits", run_head);
        bench_line line = {.group = "melt",
                           .name = "whole step",
                           .units = BL_LANES,
                           .unit = "bytes of text",
                           .anchor = "state step alone",
                           .question = "states in, step, logits, states out: what is added?"};
        bench_pair(&line, run_texts, run_step, &t, &macro, c->settings->seconds);
        c->sink->report(c->sink, &line);
        is_ok = report_reading(c, model, &t) && report_writing(c, model, &t);
    }
    bl_runner_destroy(&t.runner);
    bl_machine_destroy(&macro.machine);
    bl_machine_destroy(&luts.machine);
    bl_program_destroy(&expanded);
    bl_free(NULL, t.states, BL_LANES * info->state_bytes);
    return is_ok;
}

bool bench_melt(const bench_context *c)
{
    bl_diag diag = {0};
    model_file file;
    if (!c->settings->model) {
        fprintf(stderr,
                "bitloom: bench melt: needs --model MODEL.loom (make bench melts the shipped "
                "one)\n");
        return false;
    }
    if (model_file_open(&file, c->settings->model, &diag) != BL_OK) {
        report(&diag, EXIT_NO);
        return false;
    }
    bool is_ok = bench_model(c, file.model);
    model_file_close(&file);
    return is_ok && bench_dense(c);
}
