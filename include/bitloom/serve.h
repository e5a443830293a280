// SPDX-License-Identifier: MIT
#ifndef BITLOOM_SERVE_H
#define BITLOOM_SERVE_H

// A melted model as a service: HTTP (docs/formats/http.md), the lanes protocol (lanes.md) and the
// page's (websocket.md), many clients on one machine of 512 lanes. One thread speaks with the
// clients, one runs the model and, with accounts, one writes the ledger; while more than 512 lanes
// wait, further threads run the model beside the first, each on a machine of its own. Patterns that
// clients send are built in one more.

#include <bitloom/melt.h>

#include <signal.h>

BL_BEGIN_DECLS

typedef struct bl_serve_params {
    const bl_model *model;
    bl_cpu cpu;
    size_t n_threads;              // that run the model at most; 0: one per core
    const char *listen;            // "127.0.0.1:8512"; port 0: any free one
    const char *certificate, *key; // PEM files for TLS; both or neither
    const char *socket;            // path of a Unix socket for the lanes protocol; NULL: none
    uint32_t keep_seconds; // how long the lanes protocol keeps sessions without a connection
    const char *sessions;  // file in which kept sessions outlive the server; NULL: they do not
    const char *accounts;  // file of keys and credit (docs/guide/accounts.md); NULL: anybody may
    const void *page;      // what GET / answers, UTF-8 HTML; NULL: a note that there is none
    size_t page_bytes;
    const void *account_page; // what GET /account answers where accounts are on
    size_t account_page_bytes;
    // Set it to 1 (from a signal handler) to end bl_serve when what is under way has ended, for
    // some seconds at most; to 2 to end it at once.
    const volatile sig_atomic_t *should_stop;
    const char *log; // file of one JSON object a line (docs/guide/serving.md); "-": standard error
    const volatile sig_atomic_t
        *should_reopen_log; // another value: its file was renamed; NULL: never
    void (*on_ready)(void *context, const char *url); // once, when clients can connect
    void *context;
} bl_serve_params;

// Serves until should_stop. BL_ERR_ARGUMENT or BL_ERR_IO with a diagnostic if it cannot listen, or
// cannot write `sessions` at the end; BL_ERR_FORMAT if that file is none or of another model.
BL_API BL_MUST_USE bl_status bl_serve(const bl_serve_params *params, bl_diag *diag);

BL_END_DECLS
#endif
