// SPDX-License-Identifier: MIT
#ifndef BITLOOM_SERVE_ACCOUNTS_ACCOUNTS_H
#define BITLOOM_SERVE_ACCOUNTS_ACCOUNTS_H

// Who may do what, for all protocols: keys, limits and prepaid credit between the clients and the
// ledger. Where accounts are off there is no object of this type (NULL), and nobody asks.
//
//     request ── accounts_enter ──> visitor          at once: 401, or 429 for its rate
//             ── accounts_admit ──> admission        at once: 429 for too many at the same time
//                     done(context, NULL or error)   when the ledger has it: 402, 429, 503
//             ── accounts_settle(admission, used)    however it ended: once
//
// One thread of its own writes to the ledger: what comes while a commit waits for the disk shares
// the next one. All calls here from the thread that speaks with the clients. If the process dies,
// what was admitted and not settled is released by the next server.

#include "../request.h"
#include "ledger.h"

typedef struct accounts accounts;
typedef struct admission admission;

typedef struct visitor { // whose request it is
    int64_t account;
    int64_t n_concurrent; // its limit, or 0
    char key[LEDGER_KEY_BYTES + 1];
} visitor;

// Opens the file as its only server. `wake` is called from the other thread when accounts_deliver
// has something to do.
BL_MUST_USE bl_status accounts_open(accounts **a, const char *path, void (*wake)(void *context),
                                    void *context, bl_diag *diag);
// Everything admitted must have been settled; returns when that is on the disk.
void accounts_close(accounts **a);
void accounts_set_wake(accounts *a, void (*wake)(void *context)); // nobody is left to be woken
void accounts_deliver(accounts *a);                               // calls those that wait

// Whether the key (NULL: none was given) may ask for something now. Counts it against its rate.
bool accounts_enter(visitor *v, accounts *a, const char *key, request_error *e);

typedef struct admission_request {
    const visitor *visitor;
    const char *work_kind; // "completion"
    int64_t least, most;   // lane-steps to reserve: most if there are so many, else least
    bool is_more;          // of a request that has an admission already
    // Called once unless it is settled before; `refusal` NULL: it is admitted. Where it is refused
    // it must be settled, with 0, all the same, and the refusal goes with it.
    void (*done)(void *context, const request_error *refusal);
    void *context;
} admission_request;

// NULL: the error says why.
admission *accounts_admit(accounts *a, const admission_request *q, request_error *e);
int64_t accounts_granted(const admission *d); // lane-steps; 0 before done
// Ends it at any time, also before done: `used` lane-steps, at most those granted, are charged.
void accounts_settle(admission *d, uint64_t used);
// If `from` is counted as a request under way, `to` is in its place.
void accounts_pass_slot(admission *to, admission *from);

// What a visitor may see of its own account, as JSON or CSV: balance, limits, keys and the use of
// so many days. False after filling the error.
bool accounts_write_json(bl_buffer *out, accounts *a, const visitor *v, int64_t days,
                         request_error *e);
bool accounts_write_csv(bl_buffer *out, accounts *a, const visitor *v, int64_t days,
                        request_error *e);
// Revokes a key of the visitor's account that begins with `prefix`.
bool accounts_revoke(accounts *a, const visitor *v, const char *prefix, request_error *e);

#endif
