// SPDX-License-Identifier: MIT
// Searches over the bits of a model's state.

#include "ablation.h"

#include "base/try.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

bl_status tied_model_open(tied_model *tied, const bl_model *model, const bl_tie *ties,
                          size_t n_ties)
{
    const bl_model_info *info = bl_model_facts(model);
    bl_program *program = NULL;
    *tied = (tied_model){0};
    TRY(bl_program_tie(&program, info->program, ties, n_ties, NULL));
    bl_program_info before, after;
    bl_program_get_info(&before, info->program);
    bl_program_get_info(&after, program);
    bl_loom_facts facts;
    bl_model_get_loom_facts(&facts, model);
    facts.n_nonzeros -= before.n_counted - after.n_counted;
    bl_status status = bl_loom_write(&tied->file, &facts, program);
    bl_program_destroy(&program);
    if (status == BL_OK)
        status =
            bl_model_open(&tied->model, tied->file.data, tied->file.bytes, info->name, NULL, NULL);
    if (status != BL_OK)
        tied_model_close(tied);
    return status;
}

void tied_model_close(tied_model *tied)
{
    bl_model_destroy(&tied->model);
    bl_buffer_clear(&tied->file);
}

// The planes of the state that are layers': fields named layer0, layer1 ... come first.
static uint32_t count_layer_planes(const bl_model *model)
{
    const bl_record *state = bl_program_state(bl_model_facts(model)->program);
    uint32_t n = 0;
    for (uint32_t f = 0; f < state->n_fields; f++)
        if (strncmp(state->fields[f].name, "layer", 5) == 0)
            n += state->fields[f].width;
    return n;
}

// --------------------------------------------------------------------------------- quotations

typedef struct counts { // of bytes with the bit set, and of those inside quotations
    uint64_t set, set_inside;
} counts;

static double entropy_term(double p) { return p > 0 ? -p * log2(p) : 0; }

static bit_quality quality_of(uint32_t plane, const counts *c, uint64_t n, uint64_t n_inside)
{
    double total = (double)n, p11 = (double)c->set_inside / total;
    double p1 = (double)c->set / total, q = (double)n_inside / total;
    double p10 = p1 - p11, p01 = q - p11, p00 = 1 - p1 - p01, agree = p11 + p00;
    double both = entropy_term(p11) + entropy_term(p10) + entropy_term(p01) + entropy_term(p00);
    double apart = entropy_term(p1) + entropy_term(1 - p1) + entropy_term(q) + entropy_term(1 - q);
    return (bit_quality){plane, agree > 0.5 ? agree : 1 - agree, apart - both};
}

static int more_information(const void *x, const void *y)
{
    const bit_quality *a = x, *b = y;
    if (a->information != b->information)
        return a->information > b->information ? -1 : 1;
    return a->plane < b->plane ? -1 : a->plane > b->plane;
}

// Whether each byte of the text stands inside a quotation; of the marks the opening one does.
static void mark_quotations(uint8_t *is_inside, const uint8_t *text, size_t bytes)
{
    bool inside = false;
    for (size_t i = 0; i < bytes; i++) {
        bool is_blank_line =
            text[i] == '\n' && i > 0
            && (text[i - 1] == '\n' || (i > 2 && text[i - 1] == '\r' && text[i - 2] == '\n'));
        if (is_blank_line)
            inside = false;
        inside ^= text[i] == '"';
        is_inside[i] = inside;
    }
}

enum { WARM_BYTES = 512 }; // a quotation may be long

static void count_step(counts *c, uint32_t n_planes, const uint8_t *states, size_t state_bytes,
                       const bool *inside)
{
    for (size_t lane = 0; lane < BL_LANES; lane++) {
        const uint8_t *state = states + lane * state_bytes;
        for (uint32_t k = 0; k < n_planes; k++) {
            bool is_set = state[k / 8] >> k % 8 & 1;
            c[k].set += is_set;
            c[k].set_inside += is_set && inside[lane];
        }
    }
}

static bl_status count_bits(counts *c, uint64_t *n, uint64_t *n_inside, const bl_model *model,
                            const uint8_t *text, const uint8_t *is_inside, size_t bytes,
                            size_t n_sample_bytes, bl_cpu level)
{
    const bl_model_info *info = bl_model_facts(model);
    uint32_t n_planes = count_layer_planes(model);
    size_t stride = bytes / BL_LANES, piece = n_sample_bytes / BL_LANES + 1;
    if (stride <= 2 * WARM_BYTES)
        return BL_ERR_ARGUMENT;
    if (n_sample_bytes == 0 || piece > stride - WARM_BYTES)
        piece = stride - WARM_BYTES;
    bl_runner *runner = NULL;
    uint8_t *states = bl_alloc(NULL, BL_LANES * info->state_bytes);
    bl_status status = bl_runner_create(&runner, model, level, NULL);
    status = states ? status : BL_ERR_MEMORY;
    for (size_t t = 0; status == BL_OK && t < WARM_BYTES + piece; t++) {
        int16_t next[BL_LANES];
        bool inside[BL_LANES];
        for (size_t lane = 0; lane < BL_LANES; lane++) {
            next[lane] = text[lane * stride + t];
            inside[lane] = is_inside[lane * stride + t];
        }
        bl_runner_step(runner, states, next, BL_LANES, false);
        if (t < WARM_BYTES)
            continue;
        count_step(c, n_planes, states, info->state_bytes, inside);
        *n += BL_LANES;
        for (size_t lane = 0; lane < BL_LANES; lane++)
            *n_inside += inside[lane];
    }
    bl_runner_destroy(&runner);
    bl_free(NULL, states, BL_LANES * info->state_bytes);
    return status;
}

bl_status find_quote_bits(bit_quality *best, size_t n_best, double *base_rate,
                          const bl_model *model, const uint8_t *text, size_t bytes,
                          size_t n_sample_bytes, bl_cpu level)
{
    uint32_t n_planes = count_layer_planes(model);
    counts *c = bl_alloc_array(NULL, n_planes, sizeof *c);
    bit_quality *all = bl_alloc_array(NULL, n_planes, sizeof *all);
    uint8_t *is_inside = bl_alloc(NULL, bytes);
    uint64_t n = 0, n_inside = 0;
    bl_status status = BL_ERR_MEMORY;
    if (c && all && is_inside) {
        mark_quotations(is_inside, text, bytes);
        status = count_bits(c, &n, &n_inside, model, text, is_inside, bytes, n_sample_bytes, level);
    }
    if (status == BL_OK) {
        for (uint32_t k = 0; k < n_planes; k++)
            all[k] = quality_of(k, &c[k], n, n_inside);
        qsort(all, n_planes, sizeof *all, more_information);
        for (size_t i = 0; i < n_best; i++)
            best[i] = i < n_planes ? all[i] : (bit_quality){0};
        double share = (double)n_inside / (double)n;
        *base_rate = share > 0.5 ? share : 1 - share;
    }
    bl_free(NULL, c, n_planes * sizeof *c);
    bl_free(NULL, all, n_planes * sizeof *all);
    bl_free(NULL, is_inside, bytes);
    return status;
}

// ------------------------------------------------------------------------------------ removal

enum {
    FINALISTS = 160, // single ties that are tried on the whole sample, all others on
    SMALLER = 4,     // a fourth of it
    MIN_SEEN = 100   // a class with fewer bytes is too rare to tell
};

typedef struct trial {
    bl_tie ties[64];
    size_t n_ties;
    double change[BL_BYTE_CLASSES];
    bl_status status;
} trial;

typedef struct search {
    const bl_model *model;
    const uint8_t *text;
    size_t bytes;
    const removal_params *params;
    bl_score_params score;
    bl_score base;
    trial *trials;
    atomic_uint_fast64_t n_done;
    atomic_flag is_telling;
} search;

static double per_byte(const bl_score *s, int k)
{
    return s->n_bytes[k] ? s->bits[k] / (double)s->n_bytes[k] : 0;
}

static void run_trial(void *context, size_t i)
{
    search *s = context;
    trial *t = &s->trials[i];
    tied_model tied;
    bl_score score;
    t->status = tied_model_open(&tied, s->model, t->ties, t->n_ties);
    if (t->status == BL_OK) {
        t->status = bl_model_score(&score, tied.model, s->text, s->bytes, &s->score, NULL);
        tied_model_close(&tied);
    }
    for (int k = 0; k < BL_BYTE_CLASSES && t->status == BL_OK; k++)
        t->change[k] = per_byte(&score, k) - per_byte(&s->base, k);
    uint64_t n_done = atomic_fetch_add(&s->n_done, 1) + 1;
    if (!atomic_flag_test_and_set(&s->is_telling)) { // one thread at a time
        bl_progress_update(s->params->progress, n_done);
        atomic_flag_clear(&s->is_telling);
    }
}

static bl_status run_trials(search *s, size_t n)
{
    bl_pool_for(s->params->pool, n, run_trial, s);
    for (size_t i = 0; i < n; i++)
        if (s->trials[i].status != BL_OK)
            return s->trials[i].status;
    return BL_OK;
}

// The greatest change of another class, up or down. Classes too rare to tell are not looked at.
static double side_effect(const search *s, const trial *t)
{
    double most = 0;
    for (int k = 0; k < BL_BYTE_CLASSES; k++)
        if (k != (int)s->params->byte_class && s->base.n_bytes[k] >= MIN_SEEN)
            most = fabs(t->change[k]) > most ? fabs(t->change[k]) : most;
    return most;
}

static double gain(const search *s, const trial *t) { return t->change[s->params->byte_class]; }

// How good a set is that may still grow: what it gives, less what it has used up of what others may
// move.
static double prospect(const search *s, const trial *t)
{
    return gain(s, t) - side_effect(s, t) / s->params->keep * s->params->raise / 3;
}

// What a tie gives for what it spoils elsewhere.
static double value(const search *s, const trial *t)
{
    return gain(s, t) / (side_effect(s, t) + s->params->keep / 10);
}

typedef struct candidate {
    bl_tie tie;
    double value;
} candidate;

static int better_first(const void *x, const void *y)
{
    const candidate *a = x, *b = y;
    if (a->value != b->value)
        return a->value > b->value ? -1 : 1;
    return a->tie.plane < b->tie.plane ? -1 : a->tie.plane > b->tie.plane;
}

// Looks at a sample of the text and compares with the model as it is.
static bl_status set_sample(search *s, size_t n_bytes)
{
    s->score = s->params->score;
    s->score.n_sample_bytes = n_bytes;
    bl_score_params all = s->score;
    all.pool = s->params->pool;
    return bl_model_score(&s->base, s->model, s->text, s->bytes, &all, NULL);
}

static bl_status rank(search *s, candidate *candidates, size_t n)
{
    for (size_t i = 0; i < n; i++)
        s->trials[i] = (trial){.ties = {candidates[i].tie}, .n_ties = 1};
    TRY(run_trials(s, n));
    for (size_t i = 0; i < n; i++)
        candidates[i].value = value(s, &s->trials[i]);
    qsort(candidates, n, sizeof *candidates, better_first);
    return BL_OK;
}

// All ties on a part of the sample, then the best of them on the whole of it.
static bl_status try_singles(search *s, candidate *candidates, size_t n)
{
    size_t n_bytes = s->params->score.n_sample_bytes;
    n_bytes = n_bytes ? n_bytes : s->bytes;
    for (size_t i = 0; i < n; i++)
        candidates[i].tie = (bl_tie){(uint32_t)(i / 2), BL_TIE_BIT, i % 2};
    TRY(set_sample(s, n_bytes / SMALLER));
    TRY(rank(s, candidates, n));
    for (size_t i = FINALISTS; i < n; i++)
        candidates[i].value = 0;
    TRY(set_sample(s, n_bytes));
    return rank(s, candidates, n < FINALISTS ? n : FINALISTS);
}

static bool has_plane(const trial *t, uint32_t plane)
{
    for (size_t i = 0; i < t->n_ties; i++)
        if (t->ties[i].plane == plane)
            return true;
    return false;
}

enum { WIDTH = 48 }; // candidates that are tried in each round

// Adds the tie with the best result to `set`; false where none keeps the other classes.
static bl_status grow(search *s, trial *set, bool *has_grown, const candidate *candidates, size_t n)
{
    size_t n_trials = 0, best = SIZE_MAX;
    for (size_t i = 0; i < n && n_trials < WIDTH && candidates[i].value > 0; i++) {
        if (has_plane(set, candidates[i].tie.plane))
            continue;
        trial t = *set;
        t.ties[t.n_ties++] = candidates[i].tie;
        s->trials[n_trials++] = t;
    }
    TRY(run_trials(s, n_trials));
    for (size_t i = 0; i < n_trials; i++) {
        const trial *t = &s->trials[i];
        if (side_effect(s, t) <= s->params->keep && gain(s, t) > gain(s, set)
            && (best == SIZE_MAX || prospect(s, t) > prospect(s, &s->trials[best])))
            best = i;
    }
    *has_grown = best != SIZE_MAX;
    if (*has_grown)
        *set = s->trials[best];
    return BL_OK;
}

static bool is_enough(const search *s, const trial *t)
{
    return gain(s, t) >= s->params->raise && side_effect(s, t) <= s->params->keep;
}

// Leaves out ties, one at a time, without which it is still enough.
static bl_status shrink(search *s, trial *set)
{
    for (bool has_shrunk = true; has_shrunk && set->n_ties > 1;) {
        has_shrunk = false;
        for (size_t i = 0; i < set->n_ties; i++) {
            trial t = *set;
            t.ties[i] = t.ties[--t.n_ties];
            s->trials[i] = t;
        }
        size_t n = set->n_ties;
        TRY(run_trials(s, n));
        for (size_t i = 0; i < n && !has_shrunk; i++)
            if (is_enough(s, &s->trials[i])) {
                *set = s->trials[i];
                has_shrunk = true;
            }
    }
    return BL_OK;
}

static bl_status find(search *s, removal *result, candidate *candidates, size_t n)
{
    const removal_params *p = s->params;
    TRY(set_sample(s, p->score.n_sample_bytes));
    if (s->base.n_bytes[p->byte_class] < MIN_SEEN)
        return BL_ERR_ARGUMENT;
    TRY(try_singles(s, candidates, n));
    trial set = {0};
    for (bool has_grown = true; has_grown && !is_enough(s, &set) && set.n_ties < p->max_ties;)
        TRY(grow(s, &set, &has_grown, candidates, n));
    if (is_enough(s, &set))
        TRY(shrink(s, &set));
    memcpy(result->ties, set.ties, sizeof set.ties);
    memcpy(result->change, set.change, sizeof set.change);
    result->n_ties = set.n_ties;
    result->is_found = is_enough(s, &set);
    return BL_OK;
}

bl_status find_removal(removal *result, const bl_model *model, const uint8_t *text, size_t bytes,
                       const removal_params *params)
{
    size_t n = 2 * (size_t)count_layer_planes(model), n_trials = n > 64 ? n : 64;
    search s = {.model = model,
                .text = text,
                .bytes = bytes,
                .params = params,
                .is_telling = ATOMIC_FLAG_INIT};
    candidate *candidates = bl_alloc_array(NULL, n, sizeof *candidates);
    s.trials = bl_alloc_array(NULL, n_trials, sizeof *s.trials);
    bl_status status = BL_ERR_MEMORY;
    if (candidates && s.trials) {
        bl_progress_begin(params->progress, "tying bits", 0, "trials", params->is_quiet);
        status = find(&s, result, candidates, n);
        bl_progress_end(params->progress, atomic_load(&s.n_done));
    }
    bl_free(NULL, candidates, n * sizeof *candidates);
    bl_free(NULL, s.trials, n_trials * sizeof *s.trials);
    return status;
}
