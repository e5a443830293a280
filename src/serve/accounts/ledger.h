// SPDX-License-Identifier: MIT
#ifndef BITLOOM_SERVE_ACCOUNTS_LEDGER_H
#define BITLOOM_SERVE_ACCOUNTS_LEDGER_H

// Accounts, their keys and their prepaid credit in one SQLite file. The unit is the lane-step.
//
// Every event is one entry: a row with an id that is used once, and three signed numbers that add
// up to zero, so that what leaves one place is seen to arrive at another:
//
//                 available  reserved  house
//     top-up          +n                 -n     credit is bought
//     reserve         -n        +n              work may cost as much as n
//     settle        +n-used     -n     +used    it cost `used`; the rest comes back
//     release         +n        -n              it did not happen
//     refund          +n                 -n     a complaint was right
//     expire          -n                 +n     credit is taken back
//
// The sum of an account's entries is its balance, and none of its parts is ever below zero.
//
// Events come in groups. A group is one transaction: all of it is on the disk when ledger_commit
// has returned BL_OK, and until then nothing of it may be promised to anybody. After any other
// result nothing of the group counts as known; to send the same ids again is safe, because an id
// that is there already changes nothing. While a group is open nobody else writes to the file: what
// reserve reads is what it writes.
//
//     ledger_begin(l, time(NULL), &diag);
//     ledger_reserve(l, account.id, "run7-1", "completion", 640, &why, &diag);
//     ledger_commit(l, &diag);                          // now the work may begin
//     ledger_begin(l, time(NULL), &diag);
//     ledger_settle(l, "run7-1", 512, &diag);
//     ledger_commit(l, &diag);                          // now it is charged, once
//
// One thread at a time. Several processes may have the file open. SQLite gets its memory from the C
// heap; where there is none, BL_ERR_MEMORY says so. Besides that all functions may return
// BL_ERR_IO (the disk), BL_ERR_FORMAT (the file is damaged) and BL_ERR_BUSY (another process has
// kept the file for five seconds), with a diagnostic.

#include <bitloom/base.h>

typedef struct ledger ledger;

enum {
    LEDGER_MAX_NAME = 64, // bytes of an account's name: letters, digits, '-', '_', '.', '@'
    LEDGER_DAY_S = 86400,
    LEDGER_MAX_ID = 63,       // bytes of an event's id
    LEDGER_MAX_KIND = 15,     // bytes of the name of a kind of work
    LEDGER_PREFIX_BYTES = 16, // "bl_live_" and 8 hexadecimal digits: what names a key to people
    LEDGER_KEY_BYTES = 72     // "bl_live_" and 64 hexadecimal digits: 256 random bits
};
#define LEDGER_MAX_UNITS (INT64_C(1) << 53) // of one account, so that sums fit JSON's numbers

typedef struct ledger_params {
    const char *path;
    bool may_create; // where there is no such file
    // The file's only server: BL_ERR_BUSY beside another. Reservations that were open when the last
    // one died are released.
    bool is_server;
    uint32_t wait_ms; // for another process that writes; 0: five seconds
    const char *vfs;  // SQLite's name of a file system; NULL: the usual one
} ledger_params;

BL_MUST_USE bl_status ledger_open(ledger **l, const ledger_params *params,
                                  const bl_allocator *allocator, bl_diag *diag);
void ledger_close(ledger **l); // what is not committed is forgotten

// --------------------------------------------------------------------------------- accounts

typedef struct ledger_limits { // all 0: none
    int64_t daily_quota;       // lane-steps from midnight to midnight UTC
    int64_t per_minute;        // requests
    int64_t n_concurrent;      // requests under way at the same time
} ledger_limits;

typedef struct ledger_account {
    int64_t id; // above 0
    char name[LEDGER_MAX_NAME + 1];
    int64_t available, reserved; // lane-steps
    ledger_limits limits;
} ledger_account;

// In a group. BL_ERR_ARGUMENT: the name is taken or is none.
BL_MUST_USE bl_status ledger_create_account(ledger *l, int64_t *account, const char *name,
                                            const ledger_limits *limits, bl_diag *diag);
BL_MUST_USE bl_status ledger_set_limits(ledger *l, int64_t account, const ledger_limits *limits,
                                        bl_diag *diag);

// BL_ERR_ARGUMENT: there is none.
BL_MUST_USE bl_status ledger_get_account(ledger *l, ledger_account *account, const char *name,
                                         bl_diag *diag);
// Calls each(context, account) for all accounts in the order of their names. Here and below `each`
// must not call the ledger.
BL_MUST_USE bl_status ledger_list_accounts(ledger *l,
                                           void (*each)(void *context,
                                                        const ledger_account *account),
                                           void *context, bl_diag *diag);

// ----------------------------------------------------------------------------------- events
// All in a group. Amounts are 1..LEDGER_MAX_UNITS lane-steps. An id that an event of the same
// account, kind and amount has used already makes BL_OK of the call and changes nothing; any other
// reuse is BL_ERR_ARGUMENT.

typedef enum ledger_kind {
    LEDGER_TOP_UP,
    LEDGER_RESERVE,
    LEDGER_SETTLE,
    LEDGER_RELEASE,
    LEDGER_REFUND,
    LEDGER_EXPIRE
} ledger_kind;

typedef enum ledger_refusal {
    LEDGER_NOT_REFUSED,
    LEDGER_NO_CREDIT,
    LEDGER_OVER_QUOTA
} ledger_refusal;

// A top-up, refund or expiry. BL_ERR_LIMIT: the account would hold more than LEDGER_MAX_UNITS, or
// less than nothing.
BL_MUST_USE bl_status ledger_move(ledger *l, int64_t account, ledger_kind kind, const char *id,
                                  int64_t amount, bl_diag *diag);

// Sets `amount` aside for a piece of work. BL_ERR_LIMIT and *why: the account's balance, or what it
// has left of today, does not cover it; the group goes on without the event.
BL_MUST_USE bl_status ledger_reserve(ledger *l, int64_t account, const char *id,
                                     const char *work_kind, int64_t amount, ledger_refusal *why,
                                     bl_diag *diag);

// Ends a reservation: `used` of it, 0..amount, is charged and counted as use of this hour, the rest
// is available again. used 0 is a release. Only the first end of a reservation counts; later ones
// change nothing and return BL_OK. BL_ERR_ARGUMENT: there never was one, or used is above it.
BL_MUST_USE bl_status ledger_settle(ledger *l, const char *id, int64_t used, bl_diag *diag);

// Releases all open reservations; *n says how many. Only when nobody works for them any more.
BL_MUST_USE bl_status ledger_release_all(ledger *l, uint64_t *n, bl_diag *diag);

// BL_ERR_BUSY: another process keeps the file; the group is not open then. `now` is Unix time, s.
BL_MUST_USE bl_status ledger_begin(ledger *l, int64_t now, bl_diag *diag);
// Ends the group in any case. Where an event of it failed for another reason than its arguments or
// a limit, the whole group is undone and that failure returned.
BL_MUST_USE bl_status ledger_commit(ledger *l, bl_diag *diag);
void ledger_rollback(ledger *l); // ends the group, nothing of it has happened

// ------------------------------------------------------------------------------------- keys

typedef struct ledger_key {
    char prefix[LEDGER_PREFIX_BYTES + 1], last4[5];
    int64_t created, expires, revoked, last_used; // Unix time; 0: never. last_used: to the minute
} ledger_key;

// In a group. A new key to text[LEDGER_KEY_BYTES + 1]; the file keeps its SHA-256 only. expires 0:
// never.
BL_MUST_USE bl_status ledger_create_key(ledger *l, char *text, int64_t account, int64_t expires,
                                        bl_diag *diag);
// In a group. BL_ERR_ARGUMENT: no key, several keys, or one of another account begin with
// `prefix`. account 0: of any.
BL_MUST_USE bl_status ledger_revoke_key(ledger *l, const char *prefix, int64_t account,
                                        bl_diag *diag);
// Whose key it is at Unix time `now`. BL_ERR_ARGUMENT with a reason for the client: it is unknown,
// expired or revoked. The time does not depend on how much of a wrong key is right.
BL_MUST_USE bl_status ledger_find_key(ledger *l, ledger_account *account, const char *text,
                                      int64_t now, bl_diag *diag);
// In a group: notes that a key is in use.
BL_MUST_USE bl_status ledger_touch_key(ledger *l, const char *text, bl_diag *diag);
// Calls each(context, key) for all keys of an account, oldest first.
BL_MUST_USE bl_status ledger_list_keys(ledger *l, int64_t account,
                                       void (*each)(void *context, const ledger_key *key),
                                       void *context, bl_diag *diag);

// ---------------------------------------------------------------------------------- reports

typedef struct ledger_use {
    char account[LEDGER_MAX_NAME + 1];
    char work_kind[LEDGER_MAX_KIND + 1];
    int64_t hour; // Unix time of its beginning
    int64_t n_requests, n_lane_steps;
} ledger_use;

// Calls each(context, use) for what was settled from `since` on (Unix time), by hour, account and
// kind, oldest first; account 0: of all.
BL_MUST_USE bl_status ledger_list_use(ledger *l, int64_t account, int64_t since,
                                      void (*each)(void *context, const ledger_use *use),
                                      void *context, bl_diag *diag);
// The same as text: a line "account,hour,kind,requests,lane_steps" and one each with hours such as
// 2026-11-25T13:00Z; or an array of objects with these keys.
BL_MUST_USE bl_status ledger_write_use_csv(bl_buffer *out, ledger *l, int64_t account,
                                           int64_t since, bl_diag *diag);
BL_MUST_USE bl_status ledger_write_use_json(bl_json *json, const char *key, ledger *l,
                                            int64_t account, int64_t since, bl_diag *diag);

// Adds everything up. BL_ERR_FORMAT: sums of entries are not the balances, a reservation has no
// entry, or use is not what was charged; the diagnostic says which.
BL_MUST_USE bl_status ledger_check(ledger *l, bl_diag *diag);

#endif
