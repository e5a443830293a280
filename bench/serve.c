// SPDX-License-Identifier: MIT
// What a server does with lanes beside stepping them: states stored, loaded, permuted and shared,
// against copying their bytes; beams chosen and patterns followed, against a step of the model.

#include "bench.h"

#include "serve/accounts/ledger.h"
#include "serve/lanes/store.h"

#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { STATE_BYTES = 1024 }; // 8 Kibit

typedef struct storing {
    store store;
    uint8_t (*states)[STATE_BYTES], (*copy)[STATE_BYTES];
    uint64_t names[BL_LANES];
    uint16_t from[BL_LANES];
} storing;

static void copy_all(void *context)
{
    storing *s = context;
    memcpy(s->copy, s->states, BL_LANES * sizeof *s->states);
    __asm__ volatile("" : : "r"(s->copy) : "memory");
}

static void store_all(void *context) // new contents each time: nothing is found
{
    storing *s = context;
    for (size_t i = 0; i < BL_LANES; i++) {
        s->states[i][0]++;
        (void)store_release(&s->store, s->names[i]);
        s->names[i] = store_add(&s->store, s->states[i]);
    }
}

static void load_all(void *context)
{
    storing *s = context;
    for (size_t i = 0; i < BL_LANES; i++)
        memcpy(s->copy[i], store_get(&s->store, s->names[i]), STATE_BYTES);
    __asm__ volatile("" : : "r"(s->copy) : "memory");
}

static void permute_all(void *context)
{
    storing *s = context;
    for (size_t i = 0; i < BL_LANES; i++)
        memcpy(s->copy[i], s->states[s->from[i]], STATE_BYTES);
    __asm__ volatile("" : : "r"(s->copy) : "memory");
}

static void fork_all(void *context)
{
    storing *s = context;
    for (size_t i = 0; i < BL_LANES; i++)
        (void)store_retain(&s->store, s->names[i]);
    for (size_t i = 0; i < BL_LANES; i++)
        (void)store_release(&s->store, s->names[i]);
}

static bool is_kept(storing *s)
{
    store_all(s);
    load_all(s);
    return memcmp(s->copy, s->states, BL_LANES * sizeof *s->states) == 0;
}

static bool report_states(const bench_context *c)
{
    static const struct {
        const char *name, *question;
        bench_run *run;
    } lines[] = {{"store 512", "512 states of 8 Kibit that nobody has stored yet", store_all},
                 {"load 512", "and out again", load_all},
                 {"permute 512", "a vector of 512 lanes gathered in another order", permute_all},
                 {"fork 512", "a reference more to each of 512 states, and one less", fork_all}};
    storing s = {.states = bl_alloc_array(NULL, BL_LANES, sizeof *s.states),
                 .copy = bl_alloc_array(NULL, BL_LANES, sizeof *s.copy)};
    bl_random random;
    bool is_ok = s.states && s.copy;
    bl_random_seed(&random, 1);
    store_init(&s.store, STATE_BYTES, 1 << 20);
    for (size_t i = 0; i < BL_LANES && is_ok; i++) {
        for (size_t k = 0; k < STATE_BYTES; k++)
            s.states[i][k] = (uint8_t)bl_random_next(&random);
        s.from[i] = (uint16_t)bl_random_below(&random, BL_LANES);
    }
    if (!is_ok || !is_kept(&s)) {
        fprintf(stderr, "bitloom: bench serve: states are not kept; nothing was timed\n");
        is_ok = false;
    }
    for (size_t i = 0; i < sizeof lines / sizeof *lines && is_ok; i++) {
        bench_line line = {.group = "serve",
                           .name = lines[i].name,
                           .question = lines[i].question,
                           .anchor = "copying their bytes",
                           .units = BL_LANES,
                           .unit = "states"};
        bench_pair(&line, lines[i].run, copy_all, &s, &s, c->settings->seconds);
        c->sink->report(c->sink, &line);
    }
    store_clear(&s.store);
    bl_free(NULL, s.states, BL_LANES * sizeof *s.states);
    bl_free(NULL, s.copy, BL_LANES * sizeof *s.copy);
    return is_ok;
}

// ------------------------------------------------------------------------- the ledger, on a disk

enum { EVENTS = 64, PAGE_BYTES = 4096 };

typedef struct paying {
    ledger *ledger;
    int64_t account, now;
    uint64_t n;
    int file;
    bool is_ok;
} paying;

static void commit_events(void *context) // reservations and their settlements, in one group
{
    paying *p = context;
    bl_diag diag;
    ledger_refusal why;
    p->is_ok &= ledger_begin(p->ledger, p->now, &diag) == BL_OK;
    for (int i = 0; i < EVENTS; i += 2) {
        char id[32];
        snprintf(id, sizeof id, "b%llu", (unsigned long long)p->n++);
        p->is_ok &= ledger_reserve(p->ledger, p->account, id, "bench", 640, &why, &diag) == BL_OK
                    && ledger_settle(p->ledger, id, 512, &diag) == BL_OK;
    }
    p->is_ok &= ledger_commit(p->ledger, &diag) == BL_OK;
}

static void write_page(void *context)
{
    static const uint8_t page[PAGE_BYTES];
    paying *p = context;
    p->is_ok &=
        pwrite(p->file, page, sizeof page, 0) == (ssize_t)sizeof page && fdatasync(p->file) == 0;
}

// In the folder where the program runs, so that it is a disk.
static bool report_ledger(const bench_context *c)
{
    static const char *const files[] = {"bitloom-bench.ledger", "bitloom-bench.ledger-wal",
                                        "bitloom-bench.ledger-shm", "bitloom-bench.page"};
    paying p = {.now = (int64_t)time(NULL), .is_ok = true};
    bl_diag diag = {0};
    ledger_params params = {.path = files[0], .may_create = true};
    p.file = open(files[3], O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    bl_status status = ledger_open(&p.ledger, &params, NULL, &diag);
    if (status == BL_OK)
        status = ledger_begin(p.ledger, p.now, &diag);
    if (status == BL_OK)
        status = ledger_create_account(p.ledger, &p.account, "bench", &(ledger_limits){0}, &diag);
    if (status == BL_OK)
        status = ledger_move(p.ledger, p.account, LEDGER_TOP_UP, "all", INT64_C(1) << 40, &diag);
    if (status == BL_OK)
        status = ledger_commit(p.ledger, &diag);
    if (status == BL_OK && p.file >= 0) {
        bench_line line = {.group = "serve",
                           .name = "ledger",
                           .question = "64 events of use, each on the disk before it is told",
                           .anchor = "writing 4 KiB to the disk",
                           .units = EVENTS,
                           .unit = "events"};
        bench_pair(&line, commit_events, write_page, &p, &p, c->settings->seconds);
        p.is_ok &= ledger_check(p.ledger, &diag) == BL_OK;
        if (p.is_ok)
            c->sink->report(c->sink, &line);
    }
    if (status != BL_OK || p.file < 0 || !p.is_ok)
        fprintf(stderr, "bitloom: bench serve: ledger: %s\n",
                diag.message[0] ? diag.message : "this folder cannot be written");
    ledger_close(&p.ledger);
    if (p.file >= 0)
        close(p.file);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        (void)unlink(files[i]);
    return status == BL_OK && p.file >= 0 && p.is_ok;
}

typedef struct growing {
    bl_runner *runner;
    bl_beam *beam;
    bl_beam_frame frame;
    bl_constraint *constraint;
    uint32_t places[BL_LANES];
    uint64_t allowed[BL_LANES][4];
    uint8_t bytes[BL_LANES];
} growing;

static void step_beam(void *context)
{
    growing *g = context;
    uint8_t *states;
    const int16_t *bytes;
    size_t n = bl_beam_lanes(g->beam, &states, &bytes);
    bl_runner_step(g->runner, states, bytes, n, true);
}

static void choose_beam(void *context) // always from the same predictions
{
    growing *g = context;
    bl_beam_select(&g->frame, g->beam, g->runner, 0);
}

static void follow_pattern(void *context)
{
    growing *g = context;
    bl_constraint_allowed(g->allowed, NULL, g->constraint, g->places, BL_LANES);
    bl_constraint_step(g->constraint, g->places, g->bytes, BL_LANES);
    for (size_t i = 0; i < BL_LANES; i++)
        g->places[i] = BL_PATTERN_START;
}

static void report_growing(const bench_context *c, growing *g, const char *name, bench_run *run,
                           const char *question)
{
    bench_line line = {.group = "serve",
                       .name = name,
                       .question = question,
                       .anchor = "a step of the model, logits out",
                       .units = BL_LANES,
                       .unit = "lanes"};
    bench_pair(&line, run, step_beam, g, g, c->settings->seconds);
    c->sink->report(c->sink, &line);
}

// Selections are compared with sorting by tests/unit/melt.c, patterns with a matcher by pattern.c.
static bool report_model(const bench_context *c, const bl_model *model)
{
    static const char words[] = "([a-z]+( |, |\\. ))*";
    static const double temperatures[] = {0, 0.7};
    static const char *const names[] = {"beam, temperature 0", "beam, temperature 0.7"};
    bl_pattern *pattern = NULL;
    growing g = {.bytes = {0}};
    uint8_t *state = bl_alloc(NULL, bl_model_facts(model)->state_bytes);
    bool is_ok =
        state && bl_runner_create(&g.runner, model, c->cpu, NULL) == BL_OK
        && bl_pattern_parse(&pattern, words, sizeof words - 1, "words", NULL, NULL) == BL_OK
        && bl_constraint_create(&g.constraint, pattern, c->cpu, NULL) == BL_OK;
    for (int i = 0; i < 2 && is_ok; i++) {
        bl_beam_params params = {.temperature = temperatures[i], .seed = 1};
        is_ok = bl_beam_create(&g.beam, model, state, &params, NULL) == BL_OK;
        for (int t = 0; t < 20 && is_ok; t++) { // until all lanes are in use
            step_beam(&g);
            choose_beam(&g);
        }
        if (is_ok)
            report_growing(c, &g, names[i], choose_beam, "the best 512 of 512 x all bytes");
        if (is_ok && i == 0)
            report_growing(c, &g, "pattern", follow_pattern, "512 lanes held to a pattern");
        bl_beam_destroy(&g.beam);
    }
    if (!is_ok)
        fprintf(stderr, "bitloom: bench serve: %s\n", bl_status_text(BL_ERR_MEMORY));
    bl_constraint_destroy(&g.constraint);
    bl_pattern_destroy(&pattern);
    bl_runner_destroy(&g.runner);
    bl_free(NULL, state, state ? bl_model_facts(model)->state_bytes : 0);
    return is_ok;
}

bool bench_serve(const bench_context *c)
{
    bl_diag diag = {0};
    model_file file;
    if (!report_states(c) || !report_ledger(c))
        return false;
    if (!c->settings->model)
        return true; // the rest needs one
    if (model_file_open(&file, c->settings->model, &diag) != BL_OK) {
        report(&diag, EXIT_NO);
        return false;
    }
    bool is_ok = report_model(c, file.model);
    model_file_close(&file);
    return is_ok;
}
