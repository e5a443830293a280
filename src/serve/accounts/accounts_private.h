// SPDX-License-Identifier: MIT
#ifndef BITLOOM_SERVE_ACCOUNTS_PRIVATE_H
#define BITLOOM_SERVE_ACCOUNTS_PRIVATE_H

// What accounts.c (admissions) and owner.c (what an owner sees) share.

#include "accounts.h"

ledger *accounts_reader(accounts *a); // of the thread of the clients
bool accounts_fail(request_error *e, bl_status status, const bl_diag *diag); // false

#endif
