// SPDX-License-Identifier: MIT
// A reply lives until its transport closes it and its job, if any, has no activity left.

#include "reply.h"

#include <assert.h>
#include <string.h>

enum { FLUSH_NS = 10000000 }; // a stream says something at most every 10 ms

static const struct {
    const char *code, *type;
    unsigned status;
    uint32_t retry_after_ms;
    bool is_final;
} errors[] = {
    {"bad_request", "invalid_request_error", 400, 0, false},
    {"too_many", "invalid_request_error", 400, 0, false},
    {"no_such_state", "invalid_request_error", 400, 0, false},
    {"no_key", "invalid_request_error", 401, 0, false},
    {"no_credit", "insufficient_quota", 402, 0, true},
    {"forbidden", "invalid_request_error", 403, 0, false},
    {"not_found", "invalid_request_error", 404, 0, false},
    {"model_not_found", "invalid_request_error", 404, 0, false},
    {"method_not_allowed", "invalid_request_error", 405, 0, false},
    {"conflict", "invalid_request_error", 409, 0, false},
    {"length_required", "invalid_request_error", 411, 0, false},
    {"too_large", "invalid_request_error", 413, 0, false},
    {"over_quota", "insufficient_quota", 429, 0, true},
    {"too_fast", "rate_limit_error", 429, 1000, false},
    {"too_many_at_once", "rate_limit_error", 429, 500, false},
    {"busy", "rate_limit_error", 429, 200, false},
    {"stopping", "server_error", 503, 1000, false},
    {"internal", "server_error", 503, 1000, false},
};

static size_t find_error(const char *code)
{
    size_t n = sizeof errors / sizeof *errors, i = 0;
    while (i < n - 1 && strcmp(errors[i].code, code) != 0)
        i++;
    return i; // an unknown one is internal
}

void write_error(bl_json *json, const request_error *e)
{
    size_t k = find_error(e->code);
    bl_json_object(json, NULL);
    bl_json_object(json, "error");
    bl_json_text(json, "message", e->message);
    bl_json_text(json, "type", errors[k].type);
    if (e->field)
        bl_json_text(json, "param", e->field);
    else
        bl_json_null(json, "param");
    bl_json_text(json, "code", errors[k].code);
    bl_json_end(json);
    bl_json_end(json);
}

void reply_complete(http_reply *r, unsigned status, const char *type)
{
    if (r->out.status != BL_OK) {
        bl_buffer_clear(&r->out);
        status = 503;
    }
    r->head.status = status;
    r->head.type = type;
    r->head.body_bytes = r->out.bytes;
    r->has_head = r->is_complete = true;
}

void reply_error(http_reply *r, const request_error *e)
{
    bl_json json;
    size_t k = find_error(e->code);
    bl_buffer_clear(&r->out);
    bl_json_begin(&json, &r->out, false);
    if (r->is_v2) {
        bl_json_object(&json, NULL);
        bl_json_text(&json, "error", e->message);
        bl_json_end(&json);
    } else
        write_error(&json, e);
    r->host->counters.n_refused++;
    r->head.retry_after_ms = e->retry_after_ms ? e->retry_after_ms : errors[k].retry_after_ms;
    r->head.is_final = errors[k].is_final;
    reply_complete(r, errors[k].status, "application/json");
}

// ------------------------------------------------------------------------------------ jobs

static void free_reply(http_reply *r)
{
    r->host->n_exchanges -= r->is_exchange;
    bl_buffer_clear(&r->out);
    bl_free(NULL, r, sizeof *r);
}

static void end_job(http_reply *r)
{
    job *j = r->job;
    if (j->admission)
        accounts_settle(j->admission, j->is_failed ? 0 : j->n_lane_steps);
    engine_remove_client(r->host->engine, j->client);
    bl_free(NULL, j->busy, j->capacity * sizeof *j->busy);
    r->host->n_running--;
    r->host->n_units -= j->n_units;
    r->n_lane_steps = j->n_lane_steps;
    r->job = NULL;
    j->kind->destroy(j);
}

bool job_is_possible(const http_host *host, uint64_t n_units, request_error *e)
{
    if (n_units > HTTP_MAX_REQUEST_UNITS)
        return request_fail(e, "too_many", NULL,
                            "this would read, write and tell %llu bytes and alternatives; the "
                            "limit of a request is %d (prompts, n, best_of, max_tokens, logprobs)",
                            (unsigned long long)n_units, HTTP_MAX_REQUEST_UNITS);
    if (host->n_running >= HTTP_MAX_RUNNING || host->n_units + n_units > HTTP_MAX_UNITS)
        return request_fail(e, "busy", NULL, "%u requests are under way; send it again later",
                            host->n_running);
    return true;
}

// Activities that were not submitted yet.
static void drop_held(job *j)
{
    while (j->n_busy > 0)
        activity_destroy(j->busy[--j->n_busy], bl_model_facts(j->reply->host->model)->state_bytes);
    j->is_held = false;
}

static void receive_verdict(void *context, const request_error *refusal)
{
    job *j = context;
    http_reply *r = j->reply;
    j->is_held = false;
    if (refusal) {
        drop_held(j);
        r->head = (http_head){0};
        reply_error(r, refusal);
        end_job(r);
    } else
        for (uint32_t i = 0; i < j->n_busy; i++)
            engine_submit(r->host->engine, j->busy[i]);
    r->host->want_write(r->owner);
}

static bool ask_admission(job *j, const job_size *size, request_error *e)
{
    http_reply *r = j->reply;
    admission_request q = {.visitor = &r->visitor,
                           .work_kind = size->work_kind,
                           .least = (int64_t)size->n_lane_steps,
                           .most = (int64_t)size->n_lane_steps,
                           .done = receive_verdict,
                           .context = j};
    j->is_held = r->host->accounts != NULL;
    if (j->is_held)
        j->admission = accounts_admit(r->host->accounts, &q, e);
    return !j->is_held || j->admission;
}

bool job_begin(job *j, const job_kind *kind, http_reply *r, const job_size *size, request_error *e)
{
    http_host *host = r->host;
    if (!job_is_possible(host, size->n_units, e))
        return false;
    client *c = engine_add_client(host->engine);
    if (!c)
        return request_fail(e, "internal", NULL, "out of memory");
    *j = (job){.kind = kind, .reply = r, .client = c, .n_units = size->n_units};
    if (!ask_admission(j, size, e)) {
        engine_remove_client(host->engine, c);
        return false;
    }
    host->n_running++;
    host->n_units += size->n_units;
    r->job = j;
    return true;
}

void job_cancel(job *j)
{
    for (uint32_t i = 0; i < j->n_busy; i++)
        engine_cancel(j->reply->host->engine, j->busy[i], END_CANCELLED);
}

// The activity goes first: whatever follows may end the job.
static void receive_end(job *j, activity *a)
{
    http_reply *r = j->reply;
    uint32_t at = 0;
    while (j->busy[at] != a)
        at++;
    j->busy[at] = j->busy[--j->n_busy];
    j->is_failed |= a->reason == END_FAILED;
    j->n_lane_steps += a->n_lane_steps;
    if (r->owner)
        j->kind->end(j, a);
    activity_destroy(a, bl_model_facts(r->host->model)->state_bytes);
    if (j->n_busy > 0)
        return;
    if (!r->owner) {
        end_job(r);
        free_reply(r);
        return;
    }
    j->kind->done(j);
    if (!r->head.is_stream)
        end_job(r);
}

static void receive_event(engine_event *event)
{
    job *j = event->activity->owner;
    http_reply *r = j->reply;
    void *owner = r->owner;
    void (*want_write)(void *) = r->host->want_write;
    if (event->rollout) {
        if (owner)
            j->kind->step(j, event);
        event_destroy(event);
    } else
        receive_end(j, event->activity);
    if (owner)
        want_write(owner);
}

bool job_submit(job *j, activity *a)
{
    size_t state_bytes = bl_model_facts(j->reply->host->model)->state_bytes;
    if (j->n_busy == j->capacity) {
        uint32_t more = j->capacity ? 2 * j->capacity : 4;
        activity **busy = bl_resize(NULL, j->busy, j->capacity * sizeof *busy, more * sizeof *busy);
        if (!busy) {
            activity_destroy(a, state_bytes);
            return false;
        }
        j->busy = busy;
        j->capacity = more;
    }
    j->busy[j->n_busy++] = a;
    a->owner = j;
    a->client = j->client;
    a->receive = receive_event;
    if (!j->is_held)
        engine_submit(j->reply->host->engine, a);
    return true;
}

// ------------------------------------------------------------------- what the transport calls

http_reply *http_refuse(http_host *host, const char *code, const char *message)
{
    request_error e = {0};
    http_reply *r = bl_alloc(NULL, sizeof *r);
    if (!r)
        return NULL;
    r->host = host;
    host->counters.n_requests++;
    request_fail(&e, code, NULL, "%s", message);
    reply_error(r, &e);
    return r;
}

void http_reply_set_owner(http_reply *r, void *owner) { r->owner = owner; }

bool http_reply_head(http_head *head, http_reply *r)
{
    if (r->exchange && !r->has_head)
        exchange_go_on(r->exchange);
    *head = r->head;
    return r->has_head && !(r->job && r->job->is_held);
}

void http_reply_get_facts(http_facts *facts, const http_reply *r)
{
    *facts = (http_facts){.n_lane_steps = r->job        ? r->job->n_lane_steps
                                          : r->exchange ? exchange_lane_steps(r->exchange)
                                                        : r->n_lane_steps,
                          .who = &r->visitor};
}

uint64_t http_reply_wait_us(const http_reply *r)
{
    uint64_t now = bl_time_ns(), next = r->flushed_ns + FLUSH_NS;
    bool is_ready = !r->head.is_stream || r->is_complete || r->out.bytes > r->n_pulled || !r->job
                    || r->job->n_busy == 0;
    return is_ready || now >= next ? 0 : (next - now) / 1000 + 1;
}

static void flush(http_reply *r)
{
    bl_buffer_clear(&r->out);
    r->n_pulled = 0;
    r->job->kind->flush(r->job);
    if (r->out.status != BL_OK) { // the stream breaks off: its end says so by missing
        bl_buffer_clear(&r->out);
        job_cancel(r->job);
        r->is_complete = true;
    }
    if (r->out.bytes)
        r->flushed_ns = bl_time_ns();
}

size_t http_reply_pull(uint8_t *dst, http_reply *r, size_t capacity, bool *is_last)
{
    if (r->n_pulled == r->out.bytes && !r->is_complete && r->job && r->head.is_stream)
        flush(r);
    size_t n = r->out.bytes - r->n_pulled;
    n = n < capacity ? n : capacity;
    if (n)
        memcpy(dst, r->out.data + r->n_pulled, n);
    r->n_pulled += n;
    *is_last = r->is_complete && r->n_pulled == r->out.bytes;
    return n;
}

void http_reply_close(http_reply *r)
{
    r->owner = NULL;
    if (r->exchange)
        exchange_close(r->exchange);
    if (r->job && r->job->is_held) {
        r->host->counters.n_cancelled++;
        drop_held(r->job);
    }
    if (r->job && r->job->n_busy > 0) {
        r->host->counters.n_cancelled++;
        job_cancel(r->job); // the last activity frees the reply
        return;
    }
    if (r->job)
        end_job(r);
    free_reply(r);
}
