// SPDX-License-Identifier: MIT
#ifndef BITLOOM_SERVE_ACCOUNTS_LEDGER_PRIVATE_H
#define BITLOOM_SERVE_ACCOUNTS_LEDGER_PRIVATE_H

// What the files of the ledger share: its statements, and how they are run.

#include "ledger.h"

#include <sqlite3.h>

typedef enum statement {
    BEGIN,
    COMMIT,
    ROLLBACK,
    ADD_ACCOUNT,
    SET_LIMITS,
    GET_ACCOUNT,
    FIND_ACCOUNT,
    LIST_ACCOUNTS,
    ADD_ENTRY,
    FIND_ENTRY,
    CHANGE_BALANCE,
    ADD_RESERVATION,
    FIND_RESERVATION,
    ANY_RESERVATION,
    DROP_RESERVATION,
    ADD_USE,
    SUM_USE,
    LIST_USE,
    ADD_KEY,
    FIND_KEYS,
    TOUCH_KEY,
    MATCH_KEYS,
    REVOKE_KEY,
    LIST_KEYS,
    N_STATEMENTS
} statement;

struct ledger {
    sqlite3 *db;
    sqlite3_stmt *statements[N_STATEMENTS];
    const bl_allocator *allocator;
    int64_t now;
    bl_status status; // of the open group: what spoilt it
    bl_diag why;      // and its diagnostic
    bool is_open;     // a group
    int server_lock;  // file descriptor, or -1
    char path[512];
};

// A failure of SQLite as a status and a diagnostic; in a group it spoils the group.
bl_status ledger_failure(ledger *l, int code, bl_diag *diag);

// Binds values by their letters ('i' int64_t, 't' text, 'h' 32 bytes) and runs to the first row or
// to the end. *row is NULL at the end; otherwise ledger_next or ledger_end_row must follow.
BL_MUST_USE bl_status ledger_query(ledger *l, sqlite3_stmt **row, statement s, bl_diag *diag,
                                   const char *letters, ...);
BL_MUST_USE bl_status ledger_next(ledger *l, sqlite3_stmt **row, bl_diag *diag);
void ledger_end_row(sqlite3_stmt *row);
// A statement without rows.
BL_MUST_USE bl_status ledger_run(ledger *l, statement s, bl_diag *diag, const char *letters, ...);

// A column of text to dst[dst_bytes]; false: out of memory.
bool ledger_copy_text(char *dst, size_t dst_bytes, sqlite3_stmt *row, int column);
BL_MUST_USE bl_status ledger_read_account(ledger *l, ledger_account *account, sqlite3_stmt *row,
                                          bl_diag *diag);
BL_MUST_USE bl_status ledger_account_by_id(ledger *l, ledger_account *account, int64_t id,
                                           bl_diag *diag);

#endif
