// SPDX-License-Identifier: MIT
// What is served and how it fares.

#include "models.h"

#include "routes.h"

#include <string.h>
#include <time.h>

bool is_model(const http_host *host, const char *name, request_error *e)
{
    const bl_model_info *m = bl_model_facts(host->model);
    if (strcmp(name, m->name) == 0)
        return true;
    return request_fail(e, "model_not_found", "model", "there is no model \"%.64s\"; this is %s",
                        name, m->name);
}

bool is_model_of(const http_host *host, const json_t *body, request_error *e)
{
    const json_t *model = json_object_get(body, "model");
    if (!model)
        return true;
    if (!json_is_string(model))
        return request_fail(e, "bad_request", "model", "model must be a string");
    return is_model(host, json_string_value(model), e);
}

static void write_model(bl_json *json, const bl_model_info *m)
{
    bl_json_object(json, NULL);
    bl_json_text(json, "id", m->name);
    bl_json_text(json, "object", "model");
    bl_json_uint(json, "created", (uint64_t)time(NULL));
    bl_json_text(json, "owned_by", "bitloom");
    bl_json_text(json, "sha256", m->sha256);
    bl_json_end(json);
}

bool answer_models(http_reply *r, const http_request *q, const json_t *body, const char *name,
                   request_error *e)
{
    (void)q, (void)body, (void)name, (void)e;
    bl_json json;
    bl_json_begin(&json, &r->out, false);
    bl_json_object(&json, NULL);
    bl_json_text(&json, "object", "list");
    bl_json_array(&json, "data");
    write_model(&json, bl_model_facts(r->host->model));
    bl_json_end(&json);
    bl_json_end(&json);
    reply_complete(r, 200, "application/json");
    return true;
}

bool answer_model(http_reply *r, const http_request *q, const json_t *body, const char *name,
                  request_error *e)
{
    (void)q, (void)body;
    bl_json json;
    if (!is_model(r->host, name, e))
        return false;
    bl_json_begin(&json, &r->out, false);
    write_model(&json, bl_model_facts(r->host->model));
    reply_complete(r, 200, "application/json");
    return true;
}

bool answer_health(http_reply *r, const http_request *q, const json_t *body, const char *name,
                   request_error *e)
{
    (void)q, (void)body, (void)name, (void)e;
    bl_buffer_print(&r->out, "{\"status\":\"ok\"}");
    reply_complete(r, 200, "application/json");
    return true;
}

static void write_metric(bl_buffer *out, const char *name, const char *kind, const char *help,
                         double value)
{
    bl_buffer_print(out, "# HELP %s %s\n# TYPE %s %s\n%s %.17g\n", name, help, name, kind, name,
                    value);
}

bool answer_metrics(http_reply *r, const http_request *q, const json_t *body, const char *name,
                    request_error *e)
{
    (void)q, (void)body, (void)name, (void)e;
    const http_host *h = r->host;
    const http_counters *c = &h->counters;
    engine_stats s;
    engine_get_stats(&s, h->engine);
    const struct {
        const char *name, *kind, *help;
        double value;
    } metrics[] = {
        {"bitloom_ticks_total", "counter", "Runs of the model for up to 512 lanes.",
         (double)s.n_ticks},
        {"bitloom_tick_seconds_total", "counter", "Time in them.", (double)s.tick_ns * 1e-9},
        {"bitloom_lane_steps_total", "counter", "Lanes run, one byte each.",
         (double)s.n_lane_steps},
        {"bitloom_lanes_busy", "gauge", "Lanes in the ticks under way.", s.n_lanes_busy},
        {"bitloom_activities", "gauge", "Pieces of work under way.", s.n_activities},
        {"bitloom_sessions", "gauge", "Connections of the page's protocol.", *h->n_sessions},
        {"bitloom_lanes_connections", "gauge", "Connections of the lanes protocol.",
         h->n_connections ? *h->n_connections : 0},
        {"bitloom_http_requests_total", "counter", "HTTP requests.", (double)c->n_requests},
        {"bitloom_http_refused_total", "counter", "Those answered by an error.",
         (double)c->n_refused},
        {"bitloom_http_cancelled_total", "counter", "Those whose client left before the end.",
         (double)c->n_cancelled},
        {"llamacpp:requests_processing", "gauge", "HTTP requests under way.", h->n_running},
        {"llamacpp:prompt_tokens_total", "counter", "Bytes of prompts read over HTTP.",
         (double)c->n_prompt_bytes},
        {"llamacpp:tokens_predicted_total", "counter", "Bytes written over HTTP.",
         (double)c->n_written_bytes},
    };
    for (size_t i = 0; i < sizeof metrics / sizeof *metrics; i++)
        write_metric(&r->out, metrics[i].name, metrics[i].kind, metrics[i].help, metrics[i].value);
    reply_complete(r, 200, "text/plain; version=0.0.4; charset=utf-8");
    return true;
}
