// SPDX-License-Identifier: MIT
// What the owner of a key sees of the account, and the page that shows it.

#include "routes.h"

enum { SHOWN_DAYS = 14, EXPORTED_DAYS = 366 };

static bool are_on(const http_reply *r, request_error *e)
{
    return r->host->accounts
           || request_fail(e, "not_found", NULL,
                           "this server has no accounts; serve --accounts FILE turns them on");
}

bool answer_account_page(http_reply *r, const http_request *q, const json_t *body, const char *name,
                         request_error *e)
{
    (void)q, (void)body, (void)name;
    if (!are_on(r, e))
        return false;
    bl_buffer_append(&r->out, r->host->account_page, r->host->account_page_bytes);
    reply_complete(r, 200, "text/html; charset=utf-8");
    return true;
}

bool answer_account(http_reply *r, const http_request *q, const json_t *body, const char *name,
                    request_error *e)
{
    (void)q, (void)body, (void)name;
    if (!are_on(r, e)
        || !accounts_write_json(&r->out, r->host->accounts, &r->visitor, SHOWN_DAYS, e))
        return false;
    reply_complete(r, 200, "application/json");
    return true;
}

bool answer_account_usage(http_reply *r, const http_request *q, const json_t *body,
                          const char *name, request_error *e)
{
    (void)q, (void)body, (void)name;
    if (!are_on(r, e)
        || !accounts_write_csv(&r->out, r->host->accounts, &r->visitor, EXPORTED_DAYS, e))
        return false;
    reply_complete(r, 200, "text/csv; charset=utf-8");
    return true;
}

bool answer_account_revoke(http_reply *r, const http_request *q, const json_t *body,
                           const char *name, request_error *e)
{
    (void)q, (void)name;
    const char *prefix = json_string_value(json_object_get(body, "prefix"));
    if (!are_on(r, e))
        return false;
    if (!prefix || !prefix[0])
        return request_fail(e, "bad_request", "prefix", "prefix must be the beginning of a key");
    if (!accounts_revoke(r->host->accounts, &r->visitor, prefix, e))
        return false;
    bl_buffer_print(&r->out, "{\"revoked\":true}");
    reply_complete(r, 200, "application/json");
    return true;
}
