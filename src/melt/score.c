// SPDX-License-Identifier: MIT
// What a text costs a model, by class of bytes: 512 pieces side by side, or as one piece, 512 bytes
// at a time.

#include <bitloom/melt.h>

#include <assert.h>
#include <stdatomic.h>
#include <string.h>

static const char *const class_names[BL_BYTE_CLASSES] = {
    "space", "newline", "lower", "upper", "digit", "quote", "punctuation", "other"};

uint32_t bl_byte_class(uint8_t b)
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

const char *bl_byte_class_name(uint32_t byte_class) { return class_names[byte_class]; }

double bl_score_bits_per_byte(const bl_score *score)
{
    double bits = 0;
    uint64_t n = 0;
    for (int k = 0; k < BL_BYTE_CLASSES; k++) {
        bits += score->bits[k];
        n += score->n_bytes[k];
    }
    return n ? bits / (double)n : 0;
}

enum { PIECE_BYTES = 2048, MAX_GROUPS = 4096 };

typedef struct group {
    bl_runner *runner;
    uint8_t *states;
    uint64_t cost[BL_BYTE_CLASSES]; // in BL_COST_BIT
    uint64_t n_bytes[BL_BYTE_CLASSES];
    uint64_t step_ns, n_steps;
    bl_status status;
} group;

typedef struct scoring {
    const bl_model *model;
    const bl_model_info *info;
    const bl_score_params *params;
    const uint8_t *text;
    size_t bytes;
    size_t n_groups, piece, stride; // pieces begin every `stride` bytes
    group *groups;
    const bl_allocator *allocator;
    atomic_uint_fast64_t n_done; // groups
} scoring;

// Lane i of group g scores text[begin .. end); false for an empty piece.
static bool piece_of(const scoring *s, size_t g, size_t lane, size_t *begin, size_t *end)
{
    size_t at = (g * BL_LANES + lane) * s->stride;
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
    size_t n_warm = s->params->n_warm;
    for (size_t lane = 0; lane < BL_LANES; lane++) {
        size_t begin, end;
        bytes[lane] = BL_KEEP;
        if (!piece_of(s, g, lane, &begin, &end))
            continue;
        size_t next = begin + t;
        if (next < n_warm + 1 || next - n_warm >= end)
            continue; // before the text, or done
        next -= n_warm;
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
        uint32_t class = bl_byte_class(target[lane]);
        out->cost[class] += costs[s->info->byte_symbol[target[lane]]];
        out->n_bytes[class]++;
    }
}

static void score_group(void *context, size_t g)
{
    scoring *s = context;
    group *out = &s->groups[g];
    out->states = bl_alloc(s->allocator, BL_LANES * s->info->state_bytes);
    out->status = bl_runner_create(&out->runner, s->model, s->params->level, s->allocator);
    if (!out->states)
        out->status = BL_ERR_MEMORY;
    size_t n_steps = s->piece + s->params->n_warm;
    for (size_t t = 0; out->status == BL_OK && t < n_steps; t++) {
        score_step(out, s, g, t);
        if (g == 0 && s->params->progress) // one thread speaks for all
            s->params->progress(s->params->progress_context, atomic_load(&s->n_done) * n_steps + t,
                                s->n_groups * n_steps);
    }
    atomic_fetch_add(&s->n_done, 1);
    bl_runner_destroy(&out->runner);
    bl_free(s->allocator, out->states, BL_LANES * s->info->state_bytes);
}

static void cut_text(scoring *s)
{
    size_t wanted = s->params->n_sample_bytes;
    s->n_groups = s->bytes / (BL_LANES * PIECE_BYTES) + 1;
    if (s->n_groups > MAX_GROUPS)
        s->n_groups = MAX_GROUPS;
    if (wanted)
        s->n_groups = 1;
    size_t n_pieces = s->n_groups * BL_LANES;
    s->piece = s->stride = (s->bytes + n_pieces - 1) / n_pieces;
    if (wanted && wanted / BL_LANES < s->piece)
        s->piece = wanted / BL_LANES ? wanted / BL_LANES : 1;
}

static void add_group(bl_score *score, const group *g)
{
    for (int k = 0; k < BL_BYTE_CLASSES; k++) {
        score->bits[k] += (double)g->cost[k] / BL_COST_BIT;
        score->n_bytes[k] += g->n_bytes[k];
    }
    score->n_steps += g->n_steps;
    score->step_ns += g->step_ns;
}

// The whole text by one reader. The first byte has nothing before it.
static bl_status score_in_order(bl_score *score, const bl_model *model, const uint8_t *text,
                                size_t bytes, const bl_score_params *params,
                                const bl_allocator *allocator)
{
    const bl_model_info *info = bl_model_facts(model);
    bl_reader *reader = NULL;
    uint8_t *state = bl_alloc(allocator, info->state_bytes);
    uint64_t cost[BL_BYTE_CLASSES] = {0};
    bl_status status = bl_reader_create(&reader, model, params->level, allocator);
    if (!state)
        status = BL_ERR_MEMORY;
    for (size_t at = 0, n; status == BL_OK && at + 1 < bytes; at += n) {
        n = bytes - 1 - at < BL_LANES ? bytes - 1 - at : BL_LANES;
        uint64_t now = bl_time_ns();
        bl_reader_read(reader, state, text + at, n, true);
        score->step_ns += bl_time_ns() - now;
        score->n_steps++;
        for (size_t i = 0; i < n; i++) {
            uint32_t costs[256], class = bl_byte_class(text[at + i + 1]);
            bl_reader_costs(costs, reader, i);
            cost[class] += costs[info->byte_symbol[text[at + i + 1]]];
            score->n_bytes[class]++;
        }
        if (params->progress)
            params->progress(params->progress_context, at + n, bytes - 1);
    }
    for (int k = 0; k < BL_BYTE_CLASSES; k++)
        score->bits[k] = (double)cost[k] / BL_COST_BIT;
    score->n_pieces = 1;
    bl_reader_destroy(&reader);
    bl_free(allocator, state, info->state_bytes);
    return status;
}

bl_status bl_model_score(bl_score *score, const bl_model *model, const uint8_t *text, size_t bytes,
                         const bl_score_params *params, const bl_allocator *allocator)
{
    assert(score && model && params);
    *score = (bl_score){0};
    if (bytes < 2)
        return BL_ERR_ARGUMENT;
    if (params->in_order)
        return score_in_order(score, model, text, bytes, params, allocator);
    scoring s = {.model = model,
                 .info = bl_model_facts(model),
                 .params = params,
                 .text = text,
                 .bytes = bytes,
                 .allocator = allocator};
    cut_text(&s);
    s.groups = bl_alloc_array(allocator, s.n_groups, sizeof *s.groups);
    if (!s.groups)
        return BL_ERR_MEMORY;
    if (params->pool)
        bl_pool_for(params->pool, s.n_groups, score_group, &s);
    else
        for (size_t g = 0; g < s.n_groups; g++)
            score_group(&s, g);
    bl_status status = BL_OK;
    score->n_pieces = s.n_groups * BL_LANES;
    for (size_t g = 0; g < s.n_groups; g++) {
        if (status == BL_OK)
            status = s.groups[g].status;
        add_group(score, &s.groups[g]);
    }
    bl_free(allocator, s.groups, s.n_groups * sizeof *s.groups);
    return status;
}
