// SPDX-License-Identifier: MIT
// A prompt's way: FEED reads it, ROLLOUT writes best_of lanes from there. A stream that is read
// slowly leaves the frames of its rollouts unacknowledged, which holds the engine back.

#include "generation.h"

#include "models.h"
#include "routes.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MAX_PENDING_BYTES = 32768, MAX_PENDING_RICH_BYTES = 2048 }; // rich: with logprobs

static generation *generation_of(job *j) { return (generation *)j; }

static choice *choices_of(const generation *g, size_t prompt)
{
    return g->choices + prompt * g->params.best_of;
}

static void append(written *w, const uint8_t *bytes, const uint32_t *costs, const prediction *tops,
                   size_t n, uint32_t n_top)
{
    bl_buffer_append(&w->bytes, bytes, n);
    bl_buffer_append(&w->costs, costs, n * sizeof *costs);
    bl_buffer_append(&w->tops, tops, n * n_top * sizeof *tops);
}

static bool is_out_of_memory(const written *w)
{
    return w->bytes.status != BL_OK || w->costs.status != BL_OK || w->tops.status != BL_OK;
}

size_t text_bytes(const choice *c)
{
    return c->text.bytes.bytes - (c->end == LANE_STOPPED ? c->n_held : 0);
}

const char *finish_reason(const choice *c) { return c->end == LANE_FULL ? "length" : "stop"; }

// ---------------------------------------------------------------------------- its activities

static bool submit_reading(generation *g, size_t i)
{
    const bl_buffer *text = &g->prompts.texts[i];
    bool is_told = g->params.echoes && g->params.has_logprobs;
    uint32_t n_top = is_told ? g->params.n_top : 0;
    activity *a =
        activity_create(ACTIVITY_FEED, 1, bl_model_facts(g->job.reply->host->model)->state_bytes);
    if (!a)
        return false;
    a->id = (uint32_t)i;
    a->wants_cost = is_told;
    a->n_text = text->bytes;
    a->n_top = n_top;
    a->text = bl_alloc(NULL, text->bytes);
    a->text_costs = is_told ? bl_alloc_array(NULL, text->bytes, sizeof *a->text_costs) : NULL;
    a->top = n_top ? bl_alloc_array(NULL, text->bytes * n_top, sizeof *a->top) : NULL;
    if (!a->text || (is_told && !a->text_costs) || (n_top && !a->top)) {
        activity_destroy(a, bl_model_facts(g->job.reply->host->model)->state_bytes);
        return false;
    }
    if (text->bytes)
        memcpy(a->text, text->data, text->bytes);
    return job_submit(&g->job, a);
}

// Lanes draw by their number among all lanes of the request.
static bool submit_rollout(generation *g, size_t i, const uint8_t *state)
{
    const generation_params *p = &g->params;
    size_t state_bytes = bl_model_facts(g->job.reply->host->model)->state_bytes;
    activity *a = activity_create(ACTIVITY_ROLLOUT, p->best_of, state_bytes);
    if (!a || !(a->rollout = rollout_create(p->best_of, false))) {
        activity_destroy(a, state_bytes);
        return false;
    }
    a->id = (uint32_t)i;
    a->n_steps = p->max_bytes;
    a->n_top = p->n_top;
    a->rollout->draw = p->draw;
    a->rollout->stops = p->stops;
    for (size_t k = 0; k < p->best_of; k++) {
        a->rollout->seeds[k] = bl_mix64(p->seed) + i * p->best_of + k;
        memcpy(a->states + k * state_bytes, state, state_bytes);
    }
    g->rollouts[i] = a;
    if (job_submit(&g->job, a))
        return true;
    g->rollouts[i] = NULL;
    return false;
}

static void echo_prompt(generation *g, size_t i, const activity *a)
{
    static const uint32_t nothing[1024];
    for (size_t k = 0; g->params.echoes && k < g->params.best_of; k++) {
        choice *c = &choices_of(g, i)[k];
        c->n_prompt = a->n_text;
        g->n_pending += a->n_text;
        if (a->text_costs)
            append(&c->text, a->text, a->text_costs, a->top, a->n_text, a->n_top);
        for (size_t at = 0, n; !a->text_costs && at < a->n_text; at += n) {
            n = a->n_text - at < 1024 ? a->n_text - at : 1024;
            append(&c->text, a->text + at, nothing, NULL, n, 0);
        }
        g->job.is_failed |= is_out_of_memory(&c->text);
    }
}

static void end_activity(job *j, activity *a)
{
    generation *g = generation_of(j);
    if (a->kind == ACTIVITY_ROLLOUT) {
        g->rollouts[a->id] = NULL;
        return;
    }
    if (a->reason != END_DONE)
        return;
    g->n_prompt_bytes += a->n_text;
    g->job.reply->host->counters.n_prompt_bytes += a->n_text;
    echo_prompt(g, a->id, a);
    for (size_t k = 0; g->params.max_bytes == 0 && k < g->params.best_of; k++)
        choices_of(g, a->id)[k].end = LANE_FULL;
    if (g->params.max_bytes > 0 && !submit_rollout(g, a->id, a->states))
        j->is_failed = true;
}

static bool is_held_back(const generation *g)
{
    size_t most = g->params.has_logprobs ? MAX_PENDING_RICH_BYTES : MAX_PENDING_BYTES;
    return g->params.is_stream && g->n_pending > most;
}

static void acknowledge(generation *g)
{
    for (size_t i = 0; i < g->prompts.n; i++)
        for (; g->n_owed[i] > 0; g->n_owed[i]--)
            if (g->rollouts[i])
                engine_frame_sent(g->job.reply->host->engine, g->rollouts[i]);
}

static void take_step(job *j, const engine_event *event)
{
    generation *g = generation_of(j);
    const rollout_frame *f = event->rollout;
    size_t prompt = event->activity->id;
    for (uint32_t k = 0; k < f->n; k++) {
        const rollout_byte *b = &f->bytes[k];
        choice *c = &choices_of(g, prompt)[b->lane];
        c->end = b->end;
        if (b->end == LANE_STUCK)
            continue;
        append(&c->text, &b->byte, &b->cost, f->top + (size_t)k * f->n_top, 1, f->n_top);
        c->n_held = b->n_held;
        c->cost += b->cost;
        g->n_pending++;
        g->n_written_bytes++;
        j->reply->host->counters.n_written_bytes++;
        j->is_failed |= is_out_of_memory(&c->text);
    }
    g->n_owed[prompt]++;
    if (!is_held_back(g))
        acknowledge(g);
}

// ------------------------------------------------------------------------------ its answers

void write_envelope(bl_json *json, const generation *g, const char *object)
{
    const bl_model_info *m = bl_model_facts(g->job.reply->host->model);
    char text[64];
    bl_json_object(json, NULL);
    bl_json_bytes(
        json, "id", text,
        (size_t)snprintf(text, sizeof text, "%s-%016" PRIx64, g->format->id_prefix, g->id));
    bl_json_text(json, "object", object);
    bl_json_int(json, "created", g->created);
    bl_json_text(json, "model", m->name);
    bl_json_bytes(json, "system_fingerprint", text,
                  (size_t)snprintf(text, sizeof text, "bitloom-%.12s", m->sha256));
}

static void write_usage(bl_json *json, const generation *g)
{
    bl_json_object(json, "usage");
    bl_json_uint(json, "prompt_tokens", g->n_prompt_bytes);
    bl_json_uint(json, "completion_tokens", g->n_written_bytes);
    bl_json_uint(json, "total_tokens", g->n_prompt_bytes + g->n_written_bytes);
    bl_json_end(json);
}

// Cheaper per byte first; of equals the lane that comes first.
static bool is_better(const choice *a, const choice *b)
{
    size_t n_a = a->text.bytes.bytes - a->n_prompt, n_b = b->text.bytes.bytes - b->n_prompt;
    if (n_a == 0 || n_b == 0)
        return n_a > n_b;
    return (unsigned __int128)a->cost * n_b < (unsigned __int128)b->cost * n_a;
}

static void write_choices(bl_json *json, const generation *g, size_t prompt)
{
    const choice *all = choices_of(g, prompt);
    uint32_t n = g->params.n, order[BL_LANES];
    for (uint32_t i = 0; i < g->params.best_of; i++) {
        uint32_t at = i;
        for (; g->params.best_of > n && at > 0 && is_better(&all[i], &all[order[at - 1]]); at--)
            order[at] = order[at - 1];
        order[at] = i;
    }
    for (uint32_t i = 0; i < n; i++)
        g->format->write_choice(json, g, &all[order[i]], prompt * n + i);
}

static void write_answer(generation *g)
{
    bl_json json;
    bl_json_begin(&json, &g->job.reply->out, false);
    write_envelope(&json, g, g->format->object);
    bl_json_array(&json, "choices");
    for (size_t i = 0; i < g->prompts.n; i++)
        write_choices(&json, g, i);
    bl_json_end(&json);
    write_usage(&json, g);
    bl_json_end(&json);
    reply_complete(g->job.reply, 200, "application/json");
}

static const request_error out_of_memory = {
    .code = "internal", .message = "the server ran out of memory; send it again later"};

static void end_all(job *j)
{
    generation *g = generation_of(j);
    if (g->params.is_stream)
        return; // flush tells the rest
    if (j->is_failed)
        reply_error(j->reply, &out_of_memory);
    else
        write_answer(g);
}

// ----------------------------------------------------------------------------- its streams

void begin_chunk(bl_json *json, generation *g)
{
    bl_buffer_append(&g->job.reply->out, "data: ", 6);
    bl_json_begin(json, &g->job.reply->out, false);
    write_envelope(json, g, g->format->chunk_object);
    bl_json_array(json, "choices");
}

void end_chunk(bl_json *json, generation *g)
{
    bl_json_end(json);
    if (g->params.includes_usage)
        bl_json_null(json, "usage");
    bl_json_end(json);
    bl_buffer_append(&g->job.reply->out, "\n\n", 2);
}

// How much of a choice may be shown: no byte that a stop string may still claim, and no sequence
// that has only begun.
static size_t shown_bytes(const choice *c)
{
    if (c->end != LANE_GOES_ON)
        return text_bytes(c);
    return bl_utf8_whole(c->text.bytes.data, c->text.bytes.bytes - c->n_held);
}

static void tell_news(generation *g, size_t i)
{
    choice *c = &g->choices[i];
    size_t to = shown_bytes(c);
    bool is_end = c->end != LANE_GOES_ON;
    if (c->is_told || (to == c->n_sent && !is_end))
        return;
    g->format->write_news(g, c, i, to, is_end);
    c->n_sent = to;
    c->is_told = is_end;
    g->n_told += is_end;
}

static void end_stream(generation *g)
{
    http_reply *r = g->job.reply;
    bl_json json;
    if (g->job.is_failed) {
        bl_buffer_append(&r->out, "data: ", 6);
        bl_json_begin(&json, &r->out, false);
        write_error(&json, &out_of_memory);
        bl_buffer_append(&r->out, "\n\n", 2);
    } else if (g->params.includes_usage) {
        bl_buffer_append(&r->out, "data: ", 6);
        bl_json_begin(&json, &r->out, false);
        write_envelope(&json, g, g->format->chunk_object);
        bl_json_array(&json, "choices");
        bl_json_end(&json);
        write_usage(&json, g);
        bl_json_end(&json);
        bl_buffer_append(&r->out, "\n\n", 2);
    }
    bl_buffer_append(&r->out, "data: [DONE]\n\n", 14);
    r->is_complete = true;
}

static void flush_stream(job *j)
{
    generation *g = generation_of(j);
    for (size_t i = 0; i < g->n_choices && !j->is_failed; i++)
        tell_news(g, i);
    g->n_pending = 0;
    acknowledge(g);
    if (j->is_failed)
        job_cancel(j);
    if (j->n_busy == 0 && (j->is_failed || g->n_told == g->n_choices))
        end_stream(g);
}

// ------------------------------------------------------------------------------------ life

static void destroy_generation(job *j)
{
    generation *g = generation_of(j);
    for (size_t i = 0; i < g->n_choices; i++) {
        bl_buffer_clear(&g->choices[i].text.bytes);
        bl_buffer_clear(&g->choices[i].text.costs);
        bl_buffer_clear(&g->choices[i].text.tops);
    }
    bl_free(NULL, g->choices, g->n_choices * sizeof *g->choices);
    prompts_clear(&g->prompts);
    bl_free(NULL, g, sizeof *g);
}

static const job_kind generation_kind = {.step = take_step,
                                         .end = end_activity,
                                         .done = end_all,
                                         .flush = flush_stream,
                                         .destroy = destroy_generation};

enum { LANE_UNITS = 16 }; // what a choice takes that stays empty

// What it may take: bytes to read and to write, each with its alternatives.
static uint64_t count_units(const generation *g)
{
    const generation_params *p = &g->params;
    uint64_t units = 0;
    for (size_t i = 0; i < g->prompts.n; i++) {
        uint64_t n_read = g->prompts.texts[i].bytes;
        units += n_read + p->best_of * (LANE_UNITS + p->max_bytes + (p->echoes ? n_read : 0));
    }
    return units * (1 + p->n_top);
}

static uint64_t count_lane_steps(const generation *g)
{
    uint64_t n = (uint64_t)g->prompts.n * g->params.best_of * g->params.max_bytes;
    for (size_t i = 0; i < g->prompts.n; i++)
        n += g->prompts.texts[i].bytes + 1; // once more, to ask what comes first
    return n;
}

static bool begin(generation *g, http_reply *r, request_error *e)
{
    g->id = bl_mix64(bl_time_ns() ^ ++r->host->n_ids << 48);
    g->created = (int64_t)time(NULL);
    if (!job_is_possible(r->host, count_units(g), e))
        return false;
    size_t n_choices = g->prompts.n * g->params.best_of;
    g->choices = bl_alloc_array(NULL, n_choices, sizeof *g->choices);
    if (!g->choices)
        return request_fail(e, "internal", NULL, "out of memory");
    g->n_choices = n_choices;
    job_size size = {g->format->work_kind, count_units(g), count_lane_steps(g)};
    if (!job_begin(&g->job, &generation_kind, r, &size, e))
        return false;
    for (size_t i = 0; i < g->prompts.n && !g->job.is_failed; i++)
        g->job.is_failed = !submit_reading(g, i);
    if (g->job.n_busy == 0)
        end_all(&g->job);
    if (g->params.is_stream) {
        r->head = (http_head){.status = 200, .type = "text/event-stream", .is_stream = true};
        r->has_head = true;
    }
    return true;
}

static bool answer(http_reply *r, const json_t *body, const generation_format *format,
                   request_error *e)
{
    bool is_chat = format == &chat_format;
    if (!is_model_of(r->host, body, e))
        return false;
    generation *g = bl_alloc(NULL, sizeof *g);
    if (!g)
        return request_fail(e, "internal", NULL, "out of memory");
    g->format = format;
    bool is_begun =
        params_read(&g->params, body, is_chat, r->host->model, e)
        && (is_chat ? prompts_read_chat(&g->prompts, json_object_get(body, "messages"), e)
                    : prompts_read(&g->prompts, json_object_get(body, "prompt"), e));
    if (is_begun && is_chat)
        stops_add(&g->params.stops, (const uint8_t *)chat_stop, strlen(chat_stop));
    is_begun = is_begun && begin(g, r, e);
    if (!is_begun)
        destroy_generation(&g->job);
    return is_begun;
}

bool answer_completions(http_reply *r, const http_request *q, const json_t *body, const char *name,
                        request_error *e)
{
    (void)q, (void)name;
    return answer(r, body, &completions_format, e);
}

bool answer_chat(http_reply *r, const http_request *q, const json_t *body, const char *name,
                 request_error *e)
{
    (void)q, (void)name;
    return answer(r, body, &chat_format, e);
}
