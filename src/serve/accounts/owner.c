// SPDX-License-Identifier: MIT
// What the owner of a key sees of the account, and may do.

#include "accounts_private.h"

#include <time.h>

static bool find_account(ledger_account *found, accounts *a, const visitor *v, bl_diag *diag,
                         request_error *e)
{
    bl_status status =
        ledger_find_key(accounts_reader(a), found, v->key, (int64_t)time(NULL), diag);
    return status == BL_OK || accounts_fail(e, status, diag);
}

static void write_key(void *context, const ledger_key *key)
{
    bl_json *json = context;
    bl_json_object(json, NULL);
    bl_json_text(json, "prefix", key->prefix);
    bl_json_text(json, "last4", key->last4);
    bl_json_int(json, "created", key->created);
    bl_json_int(json, "last_used", key->last_used);
    bl_json_int(json, "expires", key->expires);
    bl_json_int(json, "revoked", key->revoked);
    bl_json_end(json);
}

static int64_t days_ago(int64_t days)
{
    int64_t now = (int64_t)time(NULL);
    return now - now % LEDGER_DAY_S - (days - 1) * LEDGER_DAY_S;
}

bool accounts_write_json(bl_buffer *out, accounts *a, const visitor *v, int64_t days,
                         request_error *e)
{
    ledger_account found;
    bl_diag diag = {0};
    bl_json json;
    if (!find_account(&found, a, v, &diag, e))
        return false;
    bl_json_begin(&json, out, false);
    bl_json_object(&json, NULL);
    bl_json_text(&json, "account", found.name);
    bl_json_int(&json, "available_lane_steps", found.available);
    bl_json_int(&json, "reserved_lane_steps", found.reserved);
    bl_json_int(&json, "daily_quota_lane_steps", found.limits.daily_quota);
    bl_json_int(&json, "requests_per_minute", found.limits.per_minute);
    bl_json_int(&json, "n_concurrent", found.limits.n_concurrent);
    bl_json_array(&json, "keys");
    bl_status status = ledger_list_keys(accounts_reader(a), found.id, write_key, &json, &diag);
    bl_json_end(&json);
    if (status == BL_OK)
        status = ledger_write_use_json(&json, "usage", accounts_reader(a), found.id, days_ago(days),
                                       &diag);
    bl_json_end(&json);
    return status == BL_OK || accounts_fail(e, status, &diag);
}

bool accounts_write_csv(bl_buffer *out, accounts *a, const visitor *v, int64_t days,
                        request_error *e)
{
    ledger_account found;
    bl_diag diag = {0};
    if (!find_account(&found, a, v, &diag, e))
        return false;
    bl_status status =
        ledger_write_use_csv(out, accounts_reader(a), found.id, days_ago(days), &diag);
    return status == BL_OK || accounts_fail(e, status, &diag);
}

bool accounts_revoke(accounts *a, const visitor *v, const char *prefix, request_error *e)
{
    bl_diag diag = {0};
    ledger *l = accounts_reader(a);
    bl_status status = ledger_begin(l, (int64_t)time(NULL), &diag);
    if (status == BL_ERR_BUSY) { // this thread serves everybody, and does not wait
        e->retry_after_ms = 200;
        return request_fail(e, "busy", NULL, "the accounts are being written; send it again");
    }
    if (status != BL_OK)
        return accounts_fail(e, status, &diag);
    status = ledger_revoke_key(l, prefix, v->account, &diag);
    if (status == BL_OK)
        status = ledger_commit(l, &diag);
    else
        ledger_rollback(l);
    if (status == BL_ERR_ARGUMENT)
        return request_fail(e, "bad_request", "prefix", "%.200s", diag.message);
    return status == BL_OK || accounts_fail(e, status, &diag);
}
