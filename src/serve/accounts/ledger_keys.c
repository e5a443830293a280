// SPDX-License-Identifier: MIT
// Accounts and their keys.
//
// A key is 256 random bits, so its SHA-256 needs neither salt nor slowness. Its first eight digits
// find the row; the rest is compared as a hash, all of it always.

#include "ledger_private.h"

#include "base/try.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

enum { SECRET_BYTES = 32, TOUCH_S = 60 };
static const char key_mark[] = "bl_live_";

// --------------------------------------------------------------------------------- accounts

bl_status ledger_read_account(ledger *l, ledger_account *a, sqlite3_stmt *row, bl_diag *diag)
{
    *a = (ledger_account){.id = sqlite3_column_int64(row, 0),
                          .available = sqlite3_column_int64(row, 2),
                          .reserved = sqlite3_column_int64(row, 3),
                          .limits = {.daily_quota = sqlite3_column_int64(row, 4),
                                     .per_minute = sqlite3_column_int64(row, 5),
                                     .n_concurrent = sqlite3_column_int64(row, 6)}};
    return ledger_copy_text(a->name, sizeof a->name, row, 1)
               ? BL_OK
               : ledger_failure(l, SQLITE_NOMEM, diag);
}

static bl_status take_account(ledger *l, ledger_account *a, sqlite3_stmt *row, bl_diag *diag)
{
    ledger_account read;
    bl_status status = ledger_read_account(l, &read, row, diag);
    ledger_end_row(row);
    if (status == BL_OK)
        *a = read;
    return status;
}

bl_status ledger_account_by_id(ledger *l, ledger_account *a, int64_t id, bl_diag *diag)
{
    sqlite3_stmt *row;
    TRY(ledger_query(l, &row, GET_ACCOUNT, diag, "i", id));
    if (!row)
        return bl_diag_set(diag, BL_ERR_ARGUMENT, l->path, 0, 0, "there is no account %lld",
                           (long long)id);
    return take_account(l, a, row, diag);
}

bl_status ledger_get_account(ledger *l, ledger_account *a, const char *name, bl_diag *diag)
{
    sqlite3_stmt *row;
    TRY(ledger_query(l, &row, FIND_ACCOUNT, diag, "t", name));
    if (!row)
        return bl_diag_set(diag, BL_ERR_ARGUMENT, l->path, 0, 0,
                           "there is no account %.64s; `list` shows them, `create` makes one",
                           name);
    return take_account(l, a, row, diag);
}

static bool is_name(const char *name)
{
    size_t n = strlen(name);
    for (size_t i = 0; i < n; i++)
        if (!isalnum((unsigned char)name[i]) && !strchr("-_.@", name[i]))
            return false;
    return n >= 1 && n <= LEDGER_MAX_NAME;
}

static bl_status check_limits(const ledger *l, const ledger_limits *o, bl_diag *diag)
{
    if (o->daily_quota < 0 || o->per_minute < 0 || o->n_concurrent < 0)
        return bl_diag_set(diag, BL_ERR_ARGUMENT, l->path, 0, 0,
                           "a limit is below 0; 0 stands for none");
    return BL_OK;
}

bl_status ledger_create_account(ledger *l, int64_t *account, const char *name,
                                const ledger_limits *limits, bl_diag *diag)
{
    assert(l->is_open);
    sqlite3_stmt *row;
    TRY(l->status);
    TRY(check_limits(l, limits, diag));
    if (!is_name(name))
        return bl_diag_set(diag, BL_ERR_ARGUMENT, l->path, 0, 0,
                           "\"%.70s\" is no name: 1 to %d letters, digits, '-', '_', '.' and '@'",
                           name, LEDGER_MAX_NAME);
    TRY(ledger_query(l, &row, FIND_ACCOUNT, diag, "t", name));
    if (row) {
        ledger_end_row(row);
        return bl_diag_set(diag, BL_ERR_ARGUMENT, l->path, 0, 0, "there is an account %s already",
                           name);
    }
    TRY(ledger_run(l, ADD_ACCOUNT, diag, "tiiii", name, limits->daily_quota, limits->per_minute,
                   limits->n_concurrent, l->now));
    *account = sqlite3_last_insert_rowid(l->db);
    return BL_OK;
}

bl_status ledger_set_limits(ledger *l, int64_t account, const ledger_limits *o, bl_diag *diag)
{
    assert(l->is_open);
    ledger_account a;
    TRY(l->status);
    TRY(check_limits(l, o, diag));
    TRY(ledger_account_by_id(l, &a, account, diag));
    return ledger_run(l, SET_LIMITS, diag, "iiii", account, o->daily_quota, o->per_minute,
                      o->n_concurrent);
}

bl_status ledger_list_accounts(ledger *l,
                               void (*each)(void *context, const ledger_account *account),
                               void *context, bl_diag *diag)
{
    sqlite3_stmt *row;
    TRY(ledger_query(l, &row, LIST_ACCOUNTS, diag, ""));
    while (row) {
        ledger_account a;
        bl_status status = ledger_read_account(l, &a, row, diag);
        if (status != BL_OK) {
            ledger_end_row(row);
            return status;
        }
        each(context, &a);
        TRY(ledger_next(l, &row, diag));
    }
    return BL_OK;
}

// ------------------------------------------------------------------------------------- keys

bl_status ledger_create_key(ledger *l, char *text, int64_t account, int64_t expires, bl_diag *diag)
{
    assert(l->is_open);
    uint8_t secret[SECRET_BYTES], hash[BL_SHA256_BYTES];
    char key[LEDGER_KEY_BYTES + 1], prefix[LEDGER_PREFIX_BYTES + 1];
    ledger_account a;
    TRY(l->status);
    TRY(ledger_account_by_id(l, &a, account, diag));
    if (getrandom(secret, sizeof secret, 0) != (ssize_t)sizeof secret)
        return bl_diag_set(diag, BL_ERR_IO, NULL, 0, 0, "the system gives no random numbers");
    strcpy(key, key_mark);
    bl_hex(key + sizeof key_mark - 1, secret, sizeof secret);
    snprintf(prefix, sizeof prefix, "%.*s", LEDGER_PREFIX_BYTES, key);
    bl_sha256(hash, key, LEDGER_KEY_BYTES);
    TRY(ledger_run(l, ADD_KEY, diag, "thtiii", prefix, (const void *)hash,
                   key + LEDGER_KEY_BYTES - 4, account, l->now, expires));
    memcpy(text, key, sizeof key);
    return BL_OK;
}

static bl_status too_many_keys(const ledger *l, const char *prefix, bl_diag *diag)
{
    return bl_diag_set(diag, BL_ERR_ARGUMENT, l->path, 0, 0,
                       "several keys begin with %.72s; give more of it", prefix);
}

bl_status ledger_revoke_key(ledger *l, const char *prefix, int64_t account, bl_diag *diag)
{
    assert(l->is_open);
    char found[LEDGER_PREFIX_BYTES + 1], head[LEDGER_PREFIX_BYTES + 1];
    sqlite3_stmt *row;
    TRY(l->status);
    snprintf(head, sizeof head, "%s", prefix); // a whole key is also welcome
    TRY(ledger_query(l, &row, MATCH_KEYS, diag, "ti", head, account));
    bool is_theirs = row != NULL;
    if (row && !ledger_copy_text(found, sizeof found, row, 0)) {
        ledger_end_row(row);
        return ledger_failure(l, SQLITE_NOMEM, diag);
    }
    if (row)
        TRY(ledger_next(l, &row, diag));
    if (row) {
        ledger_end_row(row);
        return too_many_keys(l, prefix, diag);
    }
    if (!is_theirs)
        return bl_diag_set(diag, BL_ERR_ARGUMENT, l->path, 0, 0, "no key begins with %.72s",
                           prefix);
    return ledger_run(l, REVOKE_KEY, diag, "ti", found, l->now);
}

static bool is_equal(const uint8_t *a, const uint8_t *b, size_t bytes)
{
    volatile uint8_t difference = 0;
    for (size_t i = 0; i < bytes; i++)
        difference = (uint8_t)(difference | (a[i] ^ b[i]));
    return difference == 0;
}

typedef struct found_key {
    int64_t account, expires, revoked;
} found_key;

// account stays 0 where no key has this hash.
static bl_status find_key(ledger *l, found_key *key, const char *prefix, const uint8_t *hash,
                          bl_diag *diag)
{
    sqlite3_stmt *row;
    *key = (found_key){0};
    TRY(ledger_query(l, &row, FIND_KEYS, diag, "t", prefix));
    while (row) {
        const void *stored = sqlite3_column_blob(row, 0);
        bool is_whole = stored && sqlite3_column_bytes(row, 0) == BL_SHA256_BYTES;
        if (is_whole && is_equal(stored, hash, BL_SHA256_BYTES))
            *key = (found_key){sqlite3_column_int64(row, 1), sqlite3_column_int64(row, 2),
                               sqlite3_column_int64(row, 3)};
        TRY(ledger_next(l, &row, diag));
    }
    return BL_OK;
}

static void digest_key(char prefix[LEDGER_PREFIX_BYTES + 1], uint8_t hash[BL_SHA256_BYTES],
                       const char *text)
{
    snprintf(prefix, LEDGER_PREFIX_BYTES + 1, "%s", text);
    bl_sha256(hash, text, strlen(text));
}

bl_status ledger_find_key(ledger *l, ledger_account *account, const char *text, int64_t now,
                          bl_diag *diag)
{
    uint8_t hash[BL_SHA256_BYTES];
    char prefix[LEDGER_PREFIX_BYTES + 1];
    found_key key = {0};
    digest_key(prefix, hash, text);
    TRY(find_key(l, &key, prefix, hash, diag));
    const char *reason = key.account == 0                    ? "is unknown"
                         : key.revoked                       ? "was revoked"
                         : key.expires && key.expires <= now ? "has expired"
                                                             : NULL;
    if (reason)
        return bl_diag_set(diag, BL_ERR_ARGUMENT, NULL, 0, 0, "the key %s", reason);
    return ledger_account_by_id(l, account, key.account, diag);
}

bl_status ledger_touch_key(ledger *l, const char *text, bl_diag *diag)
{
    assert(l->is_open);
    uint8_t hash[BL_SHA256_BYTES];
    char prefix[LEDGER_PREFIX_BYTES + 1];
    TRY(l->status);
    digest_key(prefix, hash, text);
    return ledger_run(l, TOUCH_KEY, diag, "thii", prefix, (const void *)hash, l->now,
                      l->now - TOUCH_S);
}

static bool read_key(ledger_key *key, sqlite3_stmt *row)
{
    *key = (ledger_key){.created = sqlite3_column_int64(row, 2),
                        .expires = sqlite3_column_int64(row, 3),
                        .revoked = sqlite3_column_int64(row, 4),
                        .last_used = sqlite3_column_int64(row, 5)};
    return ledger_copy_text(key->prefix, sizeof key->prefix, row, 0)
           && ledger_copy_text(key->last4, sizeof key->last4, row, 1);
}

bl_status ledger_list_keys(ledger *l, int64_t account,
                           void (*each)(void *context, const ledger_key *key), void *context,
                           bl_diag *diag)
{
    sqlite3_stmt *row;
    TRY(ledger_query(l, &row, LIST_KEYS, diag, "i", account));
    while (row) {
        ledger_key key;
        if (!read_key(&key, row)) {
            ledger_end_row(row);
            return ledger_failure(l, SQLITE_NOMEM, diag);
        }
        each(context, &key);
        TRY(ledger_next(l, &row, diag));
    }
    return BL_OK;
}
