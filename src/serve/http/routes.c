// SPDX-License-Identifier: MIT
// From a method and a path to who answers it.

#include "routes.h"

#include "body.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *method, *path;
    http_handler *answer;
    bool is_open; // needs no key
} routes[] = {
    {"GET", "/", answer_page, true},
    {"GET", "/account", answer_account_page, true},
    {"GET", "/api/account", answer_account, false},
    {"GET", "/api/account/usage.csv", answer_account_usage, false},
    {"POST", "/api/account/revoke", answer_account_revoke, false},
    {"GET", "/api/model", answer_facts, false},
    {"GET", "/health", answer_health, true},
    {"GET", "/metrics", answer_metrics, true},
    {"GET", "/v1/models", answer_models, false},
    {"GET", "/v1/models/*", answer_model, false},
    {"POST", "/v1/completions", answer_completions, false},
    {"POST", "/v1/chat/completions", answer_chat, false},
    {"POST", "/tokenize", answer_tokenize, false},
    {"POST", "/detokenize", answer_detokenize, false},
    {"GET", "/tokenizer_info", answer_tokenizer_info, false},
    {"GET", "/v2", answer_v2, false},
    {"GET", "/v2/health/live", answer_v2_live, false},
    {"GET", "/v2/health/ready", answer_v2_ready, false},
    {"GET", "/v2/models/*", answer_v2_model, false},
    {"GET", "/v2/models/*/ready", answer_v2_model_ready, false},
    {"POST", "/v2/models/*/infer", answer_v2_infer, false},
};

enum { MAX_NAME = 128 };

// Whether a path is that of the route; what stands for its * goes to name[MAX_NAME].
static bool is_path(char *name, const char *route, const char *path)
{
    const char *star = strchr(route, '*');
    name[0] = 0;
    if (!star)
        return strcmp(route, path) == 0;
    size_t n_before = (size_t)(star - route);
    if (strncmp(route, path, n_before) != 0)
        return false;
    const char *rest = path + n_before, *end = rest + strcspn(rest, "/");
    if (end == rest || end - rest >= MAX_NAME || strcmp(end, star + 1) != 0)
        return false;
    memcpy(name, rest, (size_t)(end - rest));
    name[end - rest] = 0;
    return true;
}

// The route, or -1: then *allowed is the method that the path has, NULL where there is no such
// path.
static int find_route(char *name, const char **allowed, const http_request *q)
{
    const char *method = strcmp(q->method, "HEAD") == 0 ? "GET" : q->method;
    *allowed = NULL;
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
        if (!is_path(name, routes[i].path, q->path))
            continue;
        if (strcmp(routes[i].method, method) == 0)
            return (int)i;
        *allowed = routes[i].method;
    }
    return -1;
}

static bool answer_json(http_reply *r, const http_request *q, http_handler *answer,
                        const char *name, request_error *e)
{
    if (answer == answer_v2_infer) // its body may be more than JSON
        return answer(r, q, NULL, name, e);
    json_t *body = body_parse(q->body, q->bytes, e);
    if (!body)
        return false;
    bool is_answered = answer(r, q, body, name, e);
    json_decref(body);
    return is_answered;
}

static bool answer(http_reply *r, const http_request *q, request_error *e)
{
    char name[MAX_NAME];
    const char *allowed;
    int route = find_route(name, &allowed, q);
    r->is_v2 = strncmp(q->path, "/v2", 3) == 0;
    if (allowed) {
        r->head.allow = allowed;
        return request_fail(e, "method_not_allowed", NULL, "%.100s wants %s", q->path, allowed);
    }
    if (route < 0)
        return request_fail(e, "not_found", NULL,
                            "no such path; there are /, /health, /metrics, /v1/models, "
                            "/v1/completions, /v1/chat/completions, /tokenize, /detokenize, "
                            "/tokenizer_info, /v2, /api/model and /api/lanes (WebSocket)");
    if (r->host->accounts && !routes[route].is_open
        && !accounts_enter(&r->visitor, r->host->accounts, q->key, e))
        return false;
    if (strcmp(routes[route].method, "POST") == 0)
        return answer_json(r, q, routes[route].answer, name, e);
    return routes[route].answer(r, q, NULL, name, e);
}

http_reply *http_answer(http_host *host, const http_request *request)
{
    request_error e = {0};
    http_reply *r = bl_alloc(NULL, sizeof *r);
    if (!r)
        return NULL;
    r->host = host;
    host->counters.n_requests++;
    if (!answer(r, request, &e))
        reply_error(r, &e);
    return r;
}
