// SPDX-License-Identifier: MIT
#ifndef BITLOOM_TESTS_LEDGER_TESTS_H
#define BITLOOM_TESTS_LEDGER_TESTS_H

// Ledgers in memory, with a little credit, for both tests of the ledger.

#include "fault_vfs.h"
#include "test.h"

#include "serve/accounts/ledger_private.h"

static const int64_t noon = 1764072000; // 2025-11-25 12:00 UTC
static const ledger_limits no_limits __attribute__((unused));
static bl_diag diag;

static inline ledger *open_at(const char *path, const char *vfs)
{
    ledger *l = NULL;
    ledger_params params = {.path = path, .may_create = true, .vfs = vfs};
    if (ledger_open(&l, &params, NULL, &diag) != BL_OK)
        fprintf(stderr, "%s\n", diag.message);
    REQUIRE(l);
    return l;
}

// A fresh file in memory with one account of some credit.
static inline ledger *open_fresh(int64_t *account, int64_t credit, const ledger_limits *limits)
{
    fault_vfs_format();
    ledger *l = open_at("ledger", FAULT_VFS);
    REQUIRE(ledger_begin(l, noon, &diag) == BL_OK);
    REQUIRE(ledger_create_account(l, account, "ada", limits, &diag) == BL_OK);
    REQUIRE(ledger_move(l, *account, LEDGER_TOP_UP, "first", credit, &diag) == BL_OK);
    REQUIRE(ledger_commit(l, &diag) == BL_OK);
    return l;
}

static inline void begin(ledger *l) { REQUIRE(ledger_begin(l, noon, &diag) == BL_OK); }
static inline void commit(ledger *l) { REQUIRE(ledger_commit(l, &diag) == BL_OK); }

static inline bl_status reserve(ledger *l, int64_t account, const char *id, int64_t amount,
                                ledger_refusal *why)
{
    return ledger_reserve(l, account, id, "completion", amount, why, &diag);
}

static inline bool has_balance(ledger *l, int64_t available, int64_t reserved)
{
    ledger_account a;
    REQUIRE(ledger_get_account(l, &a, "ada", &diag) == BL_OK);
    return a.available == available && a.reserved == reserved && ledger_check(l, &diag) == BL_OK;
}

#endif
