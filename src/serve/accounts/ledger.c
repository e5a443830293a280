// SPDX-License-Identifier: MIT
// The file of a ledger: opened, its tables, its statements, groups of events.
//
// WAL with synchronous=FULL: a commit appends the group's pages to the log and waits for one flush,
// which all events of the group share. Primary keys do the work that locks and caches would do
// elsewhere: an event whose id is there already cannot be counted again.

#include "ledger_private.h"

#include "base/try.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <sys/file.h>
#include <unistd.h>

enum { APPLICATION_ID = 0x626c6c67, SCHEMA_VERSION = 1, WAIT_MS = 5000 };

static const char schema[] =
    "CREATE TABLE account(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,"
    " available INTEGER NOT NULL CHECK(available >= 0),"
    " reserved INTEGER NOT NULL CHECK(reserved >= 0),"
    " daily_quota INTEGER NOT NULL, per_minute INTEGER NOT NULL, n_concurrent INTEGER NOT NULL,"
    " created INTEGER NOT NULL) STRICT;"
    "CREATE TABLE entry(id TEXT PRIMARY KEY, account INTEGER NOT NULL REFERENCES account,"
    " kind INTEGER NOT NULL, time INTEGER NOT NULL, available INTEGER NOT NULL,"
    " reserved INTEGER NOT NULL, house INTEGER NOT NULL,"
    " CHECK(available + reserved + house = 0)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE reservation(id TEXT PRIMARY KEY, account INTEGER NOT NULL REFERENCES account,"
    " kind TEXT NOT NULL, amount INTEGER NOT NULL CHECK(amount > 0)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE use(account INTEGER NOT NULL REFERENCES account, hour INTEGER NOT NULL,"
    " kind TEXT NOT NULL, requests INTEGER NOT NULL, lane_steps INTEGER NOT NULL,"
    " PRIMARY KEY(account, hour, kind)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE key(prefix TEXT NOT NULL, hash BLOB NOT NULL, last4 TEXT NOT NULL,"
    " account INTEGER NOT NULL REFERENCES account, created INTEGER NOT NULL,"
    " expires INTEGER NOT NULL, revoked INTEGER NOT NULL, last_used INTEGER NOT NULL,"
    " PRIMARY KEY(prefix, hash)) STRICT, WITHOUT ROWID;"
    "CREATE INDEX key_account ON key(account);";

static const char *const texts[N_STATEMENTS] = {
    [BEGIN] = "BEGIN IMMEDIATE",
    [COMMIT] = "COMMIT",
    [ROLLBACK] = "ROLLBACK",
    [ADD_ACCOUNT] = "INSERT INTO account VALUES(NULL, ?1, 0, 0, ?2, ?3, ?4, ?5)",
    [SET_LIMITS] = "UPDATE account SET daily_quota = ?2, per_minute = ?3, n_concurrent = ?4"
                   " WHERE id = ?1",
    [GET_ACCOUNT] = "SELECT id, name, available, reserved, daily_quota, per_minute, n_concurrent"
                    " FROM account WHERE id = ?1",
    [FIND_ACCOUNT] = "SELECT id, name, available, reserved, daily_quota, per_minute, n_concurrent"
                     " FROM account WHERE name = ?1",
    [LIST_ACCOUNTS] = "SELECT id, name, available, reserved, daily_quota, per_minute, n_concurrent"
                      " FROM account ORDER BY name",
    [ADD_ENTRY] = "INSERT INTO entry VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    [FIND_ENTRY] = "SELECT account, kind, available FROM entry WHERE id = ?1",
    [CHANGE_BALANCE] = "UPDATE account SET available = available + ?2, reserved = reserved + ?3"
                       " WHERE id = ?1",
    [ADD_RESERVATION] = "INSERT INTO reservation VALUES(?1, ?2, ?3, ?4)",
    [FIND_RESERVATION] = "SELECT account, amount, kind FROM reservation WHERE id = ?1",
    [ANY_RESERVATION] = "SELECT id FROM reservation LIMIT 1",
    [DROP_RESERVATION] = "DELETE FROM reservation WHERE id = ?1",
    [ADD_USE] = "INSERT INTO use VALUES(?1, ?2, ?3, 1, ?4) ON CONFLICT DO UPDATE"
                " SET requests = requests + 1, lane_steps = lane_steps + excluded.lane_steps",
    [SUM_USE] = "SELECT coalesce(sum(lane_steps), 0) FROM use WHERE account = ?1 AND hour >= ?2",
    [LIST_USE] = "SELECT name, use.kind, hour, requests, lane_steps FROM use"
                 " JOIN account ON account.id = use.account"
                 " WHERE hour >= ?2 AND (?1 = 0 OR use.account = ?1) ORDER BY hour, name, use.kind",
    [ADD_KEY] = "INSERT INTO key VALUES(?1, ?2, ?3, ?4, ?5, ?6, 0, 0)",
    [FIND_KEYS] = "SELECT hash, account, expires, revoked FROM key WHERE prefix = ?1",
    [TOUCH_KEY] = "UPDATE key SET last_used = ?3 WHERE prefix = ?1 AND hash = ?2"
                  " AND last_used <= ?4",
    [MATCH_KEYS] = "SELECT prefix FROM key WHERE substr(prefix, 1, length(?1)) = ?1"
                   " AND (?2 = 0 OR account = ?2) ORDER BY prefix LIMIT 2",
    [REVOKE_KEY] = "UPDATE key SET revoked = ?2 WHERE prefix = ?1 AND revoked = 0",
    [LIST_KEYS] = "SELECT prefix, last4, created, expires, revoked, last_used FROM key"
                  " WHERE account = ?1 ORDER BY created, prefix",
};

// ------------------------------------------------------------------------------- statements

static bl_status status_of(int code)
{
    switch (code & 0xff) {
    case SQLITE_NOMEM: return BL_ERR_MEMORY;
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return BL_ERR_BUSY;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_CONSTRAINT: // the checks of the tables are the ledger's invariants
    case SQLITE_ERROR: return BL_ERR_FORMAT;
    default: return BL_ERR_IO;
    }
}

bl_status ledger_failure(ledger *l, int code, bl_diag *diag)
{
    bl_status status = code == SQLITE_IOERR_NOMEM ? BL_ERR_MEMORY : status_of(code);
    bool is_latest = l->db && sqlite3_extended_errcode(l->db) == code;
    const char *way_out =
        status == BL_ERR_BUSY     ? "; another process has kept the file for five seconds"
        : status == BL_ERR_FORMAT ? "; the file is damaged or of another program: restore a copy"
                                  : "";
    bl_diag_set(&l->why, status, l->path, 0, 0, "%s%s",
                is_latest ? sqlite3_errmsg(l->db) : sqlite3_errstr(code), way_out);
    if (l->is_open)
        l->status = status;
    if (diag)
        *diag = l->why;
    return status;
}

static void bind(int *code, sqlite3_stmt *s, const char *letters, va_list values)
{
    for (int i = 1; *letters && *code == SQLITE_OK; i++, letters++) {
        if (*letters == 'i') {
            *code = sqlite3_bind_int64(s, i, va_arg(values, int64_t));
        } else if (*letters == 't') {
            *code = sqlite3_bind_text(s, i, va_arg(values, const char *), -1, SQLITE_STATIC);
        } else {
            assert(*letters == 'h');
            const void *hash = va_arg(values, const void *);
            *code = sqlite3_bind_blob(s, i, hash, BL_SHA256_BYTES, SQLITE_STATIC);
        }
    }
}

bl_status ledger_next(ledger *l, sqlite3_stmt **row, bl_diag *diag)
{
    sqlite3_stmt *s = *row;
    int code = sqlite3_step(s);
    if (code == SQLITE_ROW)
        return BL_OK;
    *row = NULL;
    bl_status status = code == SQLITE_DONE ? BL_OK : ledger_failure(l, code, diag);
    sqlite3_reset(s);
    return status;
}

void ledger_end_row(sqlite3_stmt *row) { sqlite3_reset(row); }

static bl_status start(ledger *l, sqlite3_stmt **row, statement s, bl_diag *diag,
                       const char *letters, va_list values)
{
    int code = SQLITE_OK;
    *row = NULL;
    bind(&code, l->statements[s], letters, values);
    if (code != SQLITE_OK)
        return ledger_failure(l, code, diag);
    *row = l->statements[s];
    return ledger_next(l, row, diag);
}

bl_status ledger_query(ledger *l, sqlite3_stmt **row, statement s, bl_diag *diag,
                       const char *letters, ...)
{
    va_list values;
    va_start(values, letters);
    bl_status status = start(l, row, s, diag, letters, values);
    va_end(values);
    return status;
}

bl_status ledger_run(ledger *l, statement s, bl_diag *diag, const char *letters, ...)
{
    sqlite3_stmt *row;
    va_list values;
    va_start(values, letters);
    bl_status status = start(l, &row, s, diag, letters, values);
    va_end(values);
    assert(!row);
    return status;
}

bool ledger_copy_text(char *dst, size_t dst_bytes, sqlite3_stmt *row, int column)
{
    const unsigned char *text = sqlite3_column_text(row, column);
    if (text)
        snprintf(dst, dst_bytes, "%s", (const char *)text);
    return text != NULL;
}

// ----------------------------------------------------------------------------------- groups

bl_status ledger_begin(ledger *l, int64_t now, bl_diag *diag)
{
    assert(!l->is_open);
    TRY(ledger_run(l, BEGIN, diag, ""));
    l->is_open = true;
    l->status = BL_OK;
    l->now = now;
    return BL_OK;
}

void ledger_rollback(ledger *l)
{
    l->is_open = false;
    if (sqlite3_get_autocommit(l->db))
        return; // some failures have rolled back already
    sqlite3_step(l->statements[ROLLBACK]);
    sqlite3_reset(l->statements[ROLLBACK]);
}

bl_status ledger_commit(ledger *l, bl_diag *diag)
{
    assert(l->is_open);
    bl_status status = l->status;
    if (status == BL_OK)
        status = ledger_run(l, COMMIT, NULL, "");
    if (status != BL_OK && diag)
        *diag = l->why;
    if (status != BL_OK)
        ledger_rollback(l);
    l->is_open = false;
    return status;
}

// --------------------------------------------------------------------------- opening, closing

static bl_status execute(ledger *l, const char *text, bl_diag *diag)
{
    int code = sqlite3_exec(l->db, text, NULL, NULL, NULL);
    return code == SQLITE_OK ? BL_OK : ledger_failure(l, code, diag);
}

static bl_status read_number(ledger *l, int *value, const char *text, bl_diag *diag)
{
    sqlite3_stmt *s = NULL;
    int code = sqlite3_prepare_v2(l->db, text, -1, &s, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_step(s);
    if (code == SQLITE_ROW)
        *value = sqlite3_column_int(s, 0);
    bl_status status = code == SQLITE_ROW ? BL_OK : ledger_failure(l, code, diag);
    sqlite3_finalize(s);
    return status;
}

static bl_status make_tables(ledger *l, bl_diag *diag)
{
    char mark[96];
    snprintf(mark, sizeof mark, "PRAGMA application_id = %d; PRAGMA user_version = %d",
             APPLICATION_ID, SCHEMA_VERSION);
    TRY(execute(l, schema, diag));
    return execute(l, mark, diag);
}

// Makes the tables of an empty file, and refuses a file that is another program's.
static bl_status find_tables(ledger *l, bl_diag *diag)
{
    int application = 0, version = 0, n_tables = 0;
    TRY(read_number(l, &application, "PRAGMA application_id", diag));
    TRY(read_number(l, &version, "PRAGMA user_version", diag));
    TRY(read_number(l, &n_tables, "SELECT count(*) FROM sqlite_schema", diag));
    if (n_tables == 0 && application == 0)
        return make_tables(l, diag);
    if (application != APPLICATION_ID)
        return bl_diag_set(diag, BL_ERR_FORMAT, l->path, 0, 0,
                           "an SQLite file, but not one of bitloom's accounts; `bitloom account "
                           "--file FILE create NAME` makes one");
    if (version != SCHEMA_VERSION)
        return bl_diag_set(diag, BL_ERR_UNSUPPORTED, l->path, 0, 0,
                           "accounts of version %d; this program knows version %d", version,
                           SCHEMA_VERSION);
    return BL_OK;
}

static bl_status prepare(ledger *l, bl_diag *diag)
{
    for (size_t i = 0; i < N_STATEMENTS; i++) {
        int code = sqlite3_prepare_v3(l->db, texts[i], -1, SQLITE_PREPARE_PERSISTENT,
                                      &l->statements[i], NULL);
        if (code != SQLITE_OK)
            return ledger_failure(l, code, diag);
    }
    return BL_OK;
}

// Only its owner may read a new file; SQLite gives its log the same rights.
static bl_status make_file(const ledger_params *params, bl_diag *diag)
{
    int fd = open(params->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return bl_diag_set(diag, BL_ERR_IO, params->path, 0, 0, "%s", strerror(errno));
    close(fd);
    return BL_OK;
}

static bl_status lock_server(ledger *l, bl_diag *diag)
{
    char path[sizeof l->path + 8];
    snprintf(path, sizeof path, "%s-server", l->path);
    l->server_lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (l->server_lock < 0)
        return bl_diag_set(diag, BL_ERR_IO, path, 0, 0, "%s", strerror(errno));
    if (flock(l->server_lock, LOCK_EX | LOCK_NB) != 0)
        return bl_diag_set(diag, BL_ERR_BUSY, l->path, 0, 0,
                           "another server has these accounts; stop it first");
    return BL_OK;
}

static bl_status open_database(ledger *l, const ledger_params *params, bl_diag *diag)
{
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    if (params->may_create)
        flags |= SQLITE_OPEN_CREATE;
    if (params->may_create && !params->vfs)
        TRY(make_file(params, diag));
    int code = sqlite3_open_v2(params->path, &l->db, flags, params->vfs);
    if (code != SQLITE_OK && !params->may_create && (code & 0xff) == SQLITE_CANTOPEN)
        return bl_diag_set(diag, BL_ERR_IO, params->path, 0, 0,
                           "no such file; `bitloom account --file FILE create NAME` makes one");
    if (code != SQLITE_OK)
        return ledger_failure(l, code, diag);
    sqlite3_busy_timeout(l->db, params->wait_ms ? (int)params->wait_ms : WAIT_MS);
    TRY(execute(l, "PRAGMA synchronous = FULL; BEGIN IMMEDIATE", diag));
    TRY(find_tables(l, diag)); // before anything is changed: it may be another program's file
    TRY(execute(l, "COMMIT; PRAGMA journal_mode = WAL", diag));
    return prepare(l, diag);
}

static bl_status take_over(ledger *l, bl_diag *diag)
{
    uint64_t n;
    TRY(lock_server(l, diag));
    TRY(ledger_begin(l, (int64_t)time(NULL), diag));
    bl_status status = ledger_release_all(l, &n, diag);
    if (status == BL_OK)
        return ledger_commit(l, diag);
    ledger_rollback(l);
    return status;
}

bl_status ledger_open(ledger **out, const ledger_params *params, const bl_allocator *allocator,
                      bl_diag *diag)
{
    ledger *l = NULL;
    if (strlen(params->path) >= sizeof l->path)
        return bl_diag_set(diag, BL_ERR_ARGUMENT, params->path, 0, 0, "the path is too long");
    l = bl_alloc(allocator, sizeof *l);
    if (!l)
        return bl_diag_set(diag, BL_ERR_MEMORY, params->path, 0, 0, "out of memory");
    l->allocator = allocator;
    l->server_lock = -1;
    snprintf(l->path, sizeof l->path, "%s", params->path);
    bl_status status = open_database(l, params, diag);
    if (status == BL_OK && params->is_server)
        status = take_over(l, diag);
    if (status == BL_OK)
        *out = l;
    else
        ledger_close(&l);
    return status;
}

void ledger_close(ledger **out)
{
    ledger *l = *out;
    if (!l)
        return;
    for (size_t i = 0; i < N_STATEMENTS; i++)
        sqlite3_finalize(l->statements[i]);
    sqlite3_close(l->db);
    if (l->server_lock >= 0)
        close(l->server_lock);
    bl_free(l->allocator, l, sizeof *l);
    *out = NULL;
}
