// SPDX-License-Identifier: MIT
// What was used, as text, and the check that everything adds up.

#include "ledger_private.h"

#include "base/try.h"

#include <stdio.h>
#include <time.h>

bl_status ledger_list_use(ledger *l, int64_t account, int64_t since,
                          void (*each)(void *context, const ledger_use *use), void *context,
                          bl_diag *diag)
{
    sqlite3_stmt *row;
    TRY(ledger_query(l, &row, LIST_USE, diag, "ii", account, since));
    while (row) {
        ledger_use use = {.hour = sqlite3_column_int64(row, 2),
                          .n_requests = sqlite3_column_int64(row, 3),
                          .n_lane_steps = sqlite3_column_int64(row, 4)};
        if (!ledger_copy_text(use.account, sizeof use.account, row, 0)
            || !ledger_copy_text(use.work_kind, sizeof use.work_kind, row, 1)) {
            ledger_end_row(row);
            return ledger_failure(l, SQLITE_NOMEM, diag);
        }
        each(context, &use);
        TRY(ledger_next(l, &row, diag));
    }
    return BL_OK;
}

static void print_hour(char *dst, size_t dst_bytes, int64_t hour)
{
    time_t time = (time_t)hour;
    struct tm parts = {0};
    gmtime_r(&time, &parts);
    strftime(dst, dst_bytes, "%Y-%m-%dT%H:%MZ", &parts);
}

static void add_csv(void *context, const ledger_use *use)
{
    char hour[32];
    print_hour(hour, sizeof hour, use->hour);
    bl_buffer_print(context, "%s,%s,%s,%lld,%lld\n", use->account, hour, use->work_kind,
                    (long long)use->n_requests, (long long)use->n_lane_steps);
}

bl_status ledger_write_use_csv(bl_buffer *out, ledger *l, int64_t account, int64_t since,
                               bl_diag *diag)
{
    bl_buffer_print(out, "account,hour,kind,requests,lane_steps\n");
    TRY(ledger_list_use(l, account, since, add_csv, out, diag));
    return out->status == BL_OK
               ? BL_OK
               : bl_diag_set(diag, out->status, NULL, 0, 0, "%s", bl_status_text(out->status));
}

static void add_json(void *context, const ledger_use *use)
{
    bl_json *json = context;
    char hour[32];
    print_hour(hour, sizeof hour, use->hour);
    bl_json_object(json, NULL);
    bl_json_text(json, "account", use->account);
    bl_json_text(json, "hour", hour);
    bl_json_text(json, "kind", use->work_kind);
    bl_json_int(json, "requests", use->n_requests);
    bl_json_int(json, "lane_steps", use->n_lane_steps);
    bl_json_end(json);
}

bl_status ledger_write_use_json(bl_json *json, const char *key, ledger *l, int64_t account,
                                int64_t since, bl_diag *diag)
{
    bl_json_array(json, key);
    bl_status status = ledger_list_use(l, account, since, add_json, json, diag);
    bl_json_end(json);
    return status;
}

// ------------------------------------------------------------------------------------ check

static const struct {
    const char *query; // how many are wrong
    const char *claim;
} checks[] = {
    {"SELECT count(*) FROM account a WHERE available <> (SELECT coalesce(sum(available), 0) FROM "
     "entry"
     " WHERE account = a.id) OR reserved <> (SELECT coalesce(sum(reserved), 0) FROM entry"
     " WHERE account = a.id)",
     "accounts whose entries do not add up to their balance"},
    {"SELECT count(*) FROM account a WHERE reserved <> (SELECT coalesce(sum(amount), 0)"
     " FROM reservation WHERE account = a.id)",
     "accounts whose reservations do not add up to what is reserved"},
    {"SELECT count(*) FROM account WHERE available < 0 OR reserved < 0", "balances below zero"},
    {"SELECT count(*) FROM entry WHERE available + reserved + house <> 0",
     "entries that do not add up to zero"},
    {"SELECT count(*) FROM reservation r WHERE NOT EXISTS (SELECT 1 FROM entry WHERE id = r.id"
     " AND reserved = r.amount AND account = r.account)"
     " OR EXISTS (SELECT 1 FROM entry WHERE id = r.id || ':end')",
     "reservations without an entry, or that have ended"},
    {"SELECT count(*) FROM account a WHERE (SELECT coalesce(sum(lane_steps), 0) FROM use"
     " WHERE account = a.id) <> (SELECT coalesce(sum(house), 0) FROM entry WHERE account = a.id"
     " AND kind = 2)",
     "accounts whose use is not what was settled"},
};
_Static_assert(LEDGER_SETTLE == 2, "the last of the checks names it");

static bl_status count_wrong(ledger *l, int64_t *n, const char *query, bl_diag *diag)
{
    sqlite3_stmt *s = NULL;
    int code = sqlite3_prepare_v2(l->db, query, -1, &s, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_step(s);
    if (code == SQLITE_ROW)
        *n = sqlite3_column_int64(s, 0);
    bl_status status = code == SQLITE_ROW ? BL_OK : ledger_failure(l, code, diag);
    sqlite3_finalize(s);
    return status;
}

bl_status ledger_check(ledger *l, bl_diag *diag)
{
    for (size_t i = 0; i < sizeof checks / sizeof *checks; i++) {
        int64_t n = 0;
        TRY(count_wrong(l, &n, checks[i].query, diag));
        if (n > 0)
            return bl_diag_set(diag, BL_ERR_FORMAT, l->path, 0, 0,
                               "%lld %s; the file is damaged: restore a copy", (long long)n,
                               checks[i].claim);
    }
    return BL_OK;
}
