// SPDX-License-Identifier: MIT
// The page, and what the model is.

#include "routes.h"

#include "../session.h"

bool answer_page(http_reply *r, const http_request *q, const json_t *body, const char *name,
                 request_error *e)
{
    (void)q, (void)body, (void)name, (void)e;
    static const char bare[] = "<!doctype html><title>bitloom</title><p>This bitloom was built "
                               "without its page; the API is at /api/lanes and /v1.";
    if (r->host->page)
        bl_buffer_append(&r->out, r->host->page, r->host->page_bytes);
    else
        bl_buffer_append(&r->out, bare, sizeof bare - 1);
    reply_complete(r, 200, "text/html; charset=utf-8");
    return true;
}

bool answer_facts(http_reply *r, const http_request *q, const json_t *body, const char *name,
                  request_error *e)
{
    (void)q, (void)body, (void)name, (void)e;
    bl_json json;
    bl_json_begin(&json, &r->out, false);
    write_model_json(&json, NULL, r->host->model);
    reply_complete(r, 200, "application/json");
    return true;
}
