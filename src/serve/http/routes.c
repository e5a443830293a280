// SPDX-License-Identifier: MIT
// From a method and a path to who answers it.

#include "routes.h"

#include "body.h"

#include <stdio.h>
#include <string.h>

typedef enum route_kind {
    JSON,   // the body of a POST
    OPEN,   // the same; needs no key
    BINARY, // any body
} route_kind;

static const struct {
    const char *method, *path;
    http_handler *answer;
    route_kind kind;
} routes[] = {
    {"GET", "/", answer_page, OPEN},
    {"GET", "/account", answer_account_page, OPEN},
    {"GET", "/api/account", answer_account, JSON},
    {"GET", "/api/account/usage.csv", answer_account_usage, JSON},
    {"POST", "/api/account/revoke", answer_account_revoke, JSON},
    {"GET", "/api/model", answer_facts, JSON},
    {"GET", "/health", answer_health, OPEN},
    {"GET", "/metrics", answer_metrics, OPEN},
    {"GET", "/v1/models", answer_models, JSON},
    {"GET", "/v1/models/*", answer_model, JSON},
    {"POST", "/v1/completions", answer_completions, JSON},
    {"POST", "/v1/chat/completions", answer_chat, JSON},
    {"POST", "/tokenize", answer_tokenize, JSON},
    {"POST", "/detokenize", answer_detokenize, JSON},
    {"GET", "/tokenizer_info", answer_tokenizer_info, JSON},
    {"POST", "/v1/lanes", answer_lanes, BINARY},
    {"POST", "/v1/lanes/*", answer_lanes, BINARY},
    {"GET", "/v1/lanes/*", answer_kept, BINARY},
    {"DELETE", "/v1/lanes/*", answer_kept_forget, BINARY},
    {"POST", "/v1/lanes/*/states", answer_state_import, BINARY},
    {"GET", "/v1/lanes/*/states/*", answer_state, BINARY},
    {"PUT", "/v1/lanes/*/states/*", answer_state_import, BINARY},
    {"DELETE", "/v1/lanes/*/states/*", answer_state_drop, BINARY},
    {"GET", "/v2", answer_v2, JSON},
    {"GET", "/v2/health/live", answer_v2_live, JSON},
    {"GET", "/v2/health/ready", answer_v2_ready, JSON},
    {"GET", "/v2/models/*", answer_v2_model, JSON},
    {"GET", "/v2/models/*/ready", answer_v2_model_ready, JSON},
    {"POST", "/v2/models/*/infer", answer_v2_infer, BINARY},
};

enum { MAX_NAME = 128 };

// Whether a path is that of the route; what stands for its stars goes to name[MAX_NAME], with /
// between two.
static bool is_path(char *name, const char *route, const char *path)
{
    size_t n = 0;
    for (; *route && n < MAX_NAME - 1; route++) {
        if (*route != '*') {
            if (*path++ != *route)
                return false;
            continue;
        }
        size_t bytes = strcspn(path, "/");
        if (bytes == 0 || n + 1 + bytes >= MAX_NAME)
            return false;
        if (n > 0)
            name[n++] = '/';
        memcpy(name + n, path, bytes);
        n += bytes;
        path += bytes;
    }
    name[n] = 0;
    return !*route && !*path;
}

// The route, or -1: then allowed[] lists the methods that the path has, "" where there is no such
// path.
static int find_route(char *name, char *allowed, size_t allowed_bytes, const http_request *q)
{
    const char *method = strcmp(q->method, "HEAD") == 0 ? "GET" : q->method;
    size_t n = 0;
    allowed[0] = 0;
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
        if (!is_path(name, routes[i].path, q->path))
            continue;
        if (strcmp(routes[i].method, method) == 0)
            return (int)i;
        n += (size_t)snprintf(allowed + n, allowed_bytes - n, n ? ", %s" : "%s", routes[i].method);
    }
    return -1;
}

static bool answer_json(http_reply *r, const http_request *q, http_handler *answer,
                        const char *name, request_error *e)
{
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
    int route = find_route(name, r->allow, sizeof r->allow, q);
    r->is_v2 = strncmp(q->path, "/v2", 3) == 0;
    if (route < 0 && r->allow[0]) {
        r->head.allow = r->allow;
        return request_fail(e, "method_not_allowed", NULL, "%.100s wants %s", q->path, r->allow);
    }
    if (route < 0)
        return request_fail(e, "not_found", NULL,
                            "no such path; there are /, /health, /metrics, /v1/models, "
                            "/v1/completions, /v1/chat/completions, /v1/lanes, /tokenize, "
                            "/detokenize, /tokenizer_info, /v2, /api/model and /api/lanes "
                            "(WebSocket)");
    if (r->host->accounts && routes[route].kind != OPEN
        && !accounts_enter(&r->visitor, r->host->accounts, q->key, e))
        return false;
    if (strcmp(routes[route].method, "POST") == 0 && routes[route].kind != BINARY)
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
