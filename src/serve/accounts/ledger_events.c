// SPDX-License-Identifier: MIT
// Events: each is an entry, a change of a balance, and perhaps a reservation that begins or ends.
//
// The end of a reservation has an id of its own, made from that of its beginning, whether it is a
// settlement or a release: so there is one.

#include "ledger_private.h"

#include "base/try.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { HOUR_S = 3600 };

typedef struct event {
    const char *id;
    int64_t account;
    ledger_kind kind;
    int64_t available, reserved; // what changes
} event;

static bl_status check_event(const ledger *l, const char *id, int64_t amount, bl_diag *diag)
{
    assert(l->is_open);
    if (!id[0] || strlen(id) > LEDGER_MAX_ID)
        return bl_diag_set(diag, BL_ERR_ARGUMENT, l->path, 0, 0,
                           "an event's id has 1 to %d bytes, not %zu", LEDGER_MAX_ID, strlen(id));
    if (amount < 1 || amount > LEDGER_MAX_UNITS)
        return bl_diag_set(diag, BL_ERR_ARGUMENT, l->path, 0, 0,
                           "%" PRId64 " lane-steps; expected 1 to %" PRId64, amount,
                           LEDGER_MAX_UNITS);
    return BL_OK;
}

// Whether the event has happened already.
static bl_status find_event(ledger *l, bool *is_known, const event *e, bl_diag *diag)
{
    sqlite3_stmt *row;
    TRY(ledger_query(l, &row, FIND_ENTRY, diag, "t", e->id));
    *is_known = row != NULL;
    if (!row)
        return BL_OK;
    bool is_same = sqlite3_column_int64(row, 0) == e->account
                   && sqlite3_column_int64(row, 1) == (int64_t)e->kind
                   && sqlite3_column_int64(row, 2) == e->available;
    ledger_end_row(row);
    return is_same ? BL_OK
                   : bl_diag_set(diag, BL_ERR_ARGUMENT, l->path, 0, 0,
                                 "the id %s belongs to another event; choose a new one", e->id);
}

static bl_status add_event(ledger *l, const event *e, bl_diag *diag)
{
    TRY(ledger_run(l, ADD_ENTRY, diag, "tiiiiii", e->id, e->account, (int64_t)e->kind, l->now,
                   e->available, e->reserved, -(e->available + e->reserved)));
    return ledger_run(l, CHANGE_BALANCE, diag, "iii", e->account, e->available, e->reserved);
}

bl_status ledger_move(ledger *l, int64_t account, ledger_kind kind, const char *id, int64_t amount,
                      bl_diag *diag)
{
    assert(kind == LEDGER_TOP_UP || kind == LEDGER_REFUND || kind == LEDGER_EXPIRE);
    ledger_account a;
    bool is_known;
    event e = {id, account, kind, kind == LEDGER_EXPIRE ? -amount : amount, 0};
    TRY(l->status);
    TRY(check_event(l, id, amount, diag));
    TRY(ledger_account_by_id(l, &a, account, diag));
    TRY(find_event(l, &is_known, &e, diag));
    if (is_known)
        return BL_OK;
    if (a.available + e.available < 0)
        return bl_diag_set(diag, BL_ERR_LIMIT, l->path, 0, 0,
                           "%s has %" PRId64 " lane-steps available; no more can be taken back",
                           a.name, a.available);
    if (a.available + a.reserved + e.available > LEDGER_MAX_UNITS)
        return bl_diag_set(diag, BL_ERR_LIMIT, l->path, 0, 0,
                           "%s would hold more than %" PRId64 " lane-steps", a.name,
                           LEDGER_MAX_UNITS);
    return add_event(l, &e, diag);
}

// Whether the account's balance and what it has left of today cover the amount.
static bl_status find_refusal(ledger *l, const ledger_account *a, int64_t amount,
                              ledger_refusal *why, bl_diag *diag)
{
    *why = LEDGER_NOT_REFUSED;
    if (amount > a->available) {
        *why = LEDGER_NO_CREDIT;
        return bl_diag_set(diag, BL_ERR_LIMIT, l->path, 0, 0,
                           "%s has %" PRId64 " lane-steps available; this may take %" PRId64,
                           a->name, a->available, amount);
    }
    if (a->limits.daily_quota == 0)
        return BL_OK;
    sqlite3_stmt *row;
    TRY(ledger_query(l, &row, SUM_USE, diag, "ii", a->id, l->now - l->now % LEDGER_DAY_S));
    assert(row);
    int64_t used = sqlite3_column_int64(row, 0);
    ledger_end_row(row);
    if (used + a->reserved + amount > a->limits.daily_quota) {
        *why = LEDGER_OVER_QUOTA;
        return bl_diag_set(diag, BL_ERR_LIMIT, l->path, 0, 0,
                           "%s may use %" PRId64
                           " lane-steps a day and has used or reserved %" PRId64
                           "; this may take %" PRId64,
                           a->name, a->limits.daily_quota, used + a->reserved, amount);
    }
    return BL_OK;
}

bl_status ledger_reserve(ledger *l, int64_t account, const char *id, const char *work_kind,
                         int64_t amount, ledger_refusal *why, bl_diag *diag)
{
    assert(work_kind[0] && strlen(work_kind) <= LEDGER_MAX_KIND);
    ledger_account a;
    bool is_known;
    event e = {id, account, LEDGER_RESERVE, -amount, amount};
    *why = LEDGER_NOT_REFUSED;
    TRY(l->status);
    TRY(check_event(l, id, amount, diag));
    TRY(ledger_account_by_id(l, &a, account, diag));
    TRY(find_event(l, &is_known, &e, diag));
    if (is_known)
        return BL_OK;
    TRY(find_refusal(l, &a, amount, why, diag));
    TRY(add_event(l, &e, diag));
    return ledger_run(l, ADD_RESERVATION, diag, "titi", id, account, work_kind, amount);
}

// No reservation is open under this id: has it ended, or has it never been?
static bl_status find_end(ledger *l, const char *id, const char *end_id, bl_diag *diag)
{
    sqlite3_stmt *row;
    TRY(ledger_query(l, &row, FIND_ENTRY, diag, "t", end_id));
    if (!row)
        return bl_diag_set(diag, BL_ERR_ARGUMENT, l->path, 0, 0, "there is no reservation %s", id);
    ledger_end_row(row);
    return BL_OK;
}

bl_status ledger_settle(ledger *l, const char *id, int64_t used, bl_diag *diag)
{
    char end_id[LEDGER_MAX_ID + 8], work_kind[LEDGER_MAX_KIND + 1];
    sqlite3_stmt *row;
    TRY(l->status);
    TRY(check_event(l, id, 1, diag));
    snprintf(end_id, sizeof end_id, "%s:end", id);
    TRY(ledger_query(l, &row, FIND_RESERVATION, diag, "t", id));
    if (!row)
        return find_end(l, id, end_id, diag);
    int64_t account = sqlite3_column_int64(row, 0), amount = sqlite3_column_int64(row, 1);
    bool has_kind = ledger_copy_text(work_kind, sizeof work_kind, row, 2);
    ledger_end_row(row);
    if (!has_kind)
        return ledger_failure(l, SQLITE_NOMEM, diag);
    if (used < 0 || used > amount)
        return bl_diag_set(diag, BL_ERR_ARGUMENT, l->path, 0, 0,
                           "%" PRId64 " lane-steps of a reservation of %" PRId64, used, amount);
    event e = {end_id, account, used ? LEDGER_SETTLE : LEDGER_RELEASE, amount - used, -amount};
    TRY(add_event(l, &e, diag));
    TRY(ledger_run(l, DROP_RESERVATION, diag, "t", id));
    if (used == 0)
        return BL_OK;
    return ledger_run(l, ADD_USE, diag, "iiti", account, l->now - l->now % HOUR_S, work_kind, used);
}

bl_status ledger_release_all(ledger *l, uint64_t *n, bl_diag *diag)
{
    for (*n = 0;; (*n)++) {
        char id[LEDGER_MAX_ID + 1];
        sqlite3_stmt *row;
        TRY(ledger_query(l, &row, ANY_RESERVATION, diag, ""));
        if (!row)
            return BL_OK;
        bool has_id = ledger_copy_text(id, sizeof id, row, 0);
        ledger_end_row(row);
        if (!has_id)
            return ledger_failure(l, SQLITE_NOMEM, diag);
        TRY(ledger_settle(l, id, 0, diag));
    }
}
