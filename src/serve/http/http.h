// SPDX-License-Identifier: MIT
#ifndef BITLOOM_SERVE_HTTP_HTTP_H
#define BITLOOM_SERVE_HTTP_HTTP_H

// REST over the engine (docs/formats/http.md), without a network: a request goes in, a reply comes
// out whose head is known at once or later, and whose body is pulled when there is room for it.
// What is not pulled stays small: a rollout whose reader is slow is held back.
//
//     transport: http_answer -> reply ... want_write(owner) -> http_reply_head, http_reply_pull ...
//                http_reply_close
//
// All calls from the thread that delivers the engine's events.

#include "../accounts/accounts.h"
#include "../engine.h"
#include "../lanes/lanes.h"

typedef struct http_reply http_reply;
typedef struct sequence_table sequence_table;

typedef struct http_counters { // since the start
    uint64_t n_requests, n_refused, n_cancelled;
    uint64_t n_prompt_bytes, n_written_bytes;
} http_counters;

typedef struct http_host {
    engine *engine;
    const bl_model *model;
    const void *page; // what GET / answers; NULL: a note that there is none
    size_t page_bytes;
    const void *account_page; // what GET /account answers where accounts are on
    size_t account_page_bytes;
    accounts *accounts; // NULL: off
    lanes_host *lanes;  // NULL: there is no /v1/lanes
    // for the metrics: connections of the page's protocol and of the lanes protocol; NULL: none
    const uint32_t *n_sessions, *n_connections;
    void (*want_write)(void *owner); // the reply of this owner has news

    // its own; all zero at the beginning
    uint32_t n_running;   // replies whose work is under way
    uint32_t n_exchanges; // replies of the lanes protocol, until all of them is sent
    uint64_t n_units;     // that this work may still need
    uint64_t n_ids;
    http_counters counters;
    sequence_table *sequences; // of the inference protocol
} http_host;

enum {
    HTTP_MAX_BODY_BYTES = 1 << 20,
    HTTP_MAX_RUNNING = 256,
    HTTP_MAX_UNITS = 1 << 22,        // of all requests together
    HTTP_MAX_REQUEST_UNITS = 1 << 20 // a unit: one byte read or written, or one alternative to it
};

typedef struct http_request {
    const char *method, *path; // without a query
    const char *key;           // of Authorization: Bearer; NULL: absent
    const uint8_t *body;
    size_t bytes;
    const char *json_bytes; // what Inference-Header-Content-Length says; NULL: absent
} http_request;

typedef struct http_head {
    unsigned status;
    const char *type;
    bool is_stream;          // the body ends when pull says so
    size_t body_bytes;       // otherwise
    size_t json_bytes;       // Inference-Header-Content-Length; 0: none
    uint32_t retry_after_ms; // 0: none
    bool is_final;           // to send it again is of no use: x-should-retry: false
    const char *allow;       // NULL: none
} http_head;

// NULL: out of memory. The request is not needed any more after the call.
http_reply *http_answer(http_host *host, const http_request *request);
// An error that the transport found: "forbidden", "too_large", "length_required", "stopping".
http_reply *http_refuse(http_host *host, const char *code, const char *message);

void http_reply_set_owner(http_reply *r, void *owner);
bool http_reply_head(http_head *head, http_reply *r); // false: not known yet
// The next bytes of the body, none if there are none yet.
size_t http_reply_pull(uint8_t *dst, http_reply *r, size_t capacity, bool *is_last);
typedef struct http_facts { // for a log
    uint64_t n_lane_steps;  // of what has ended
    const visitor *who;
} http_facts;

void http_reply_get_facts(http_facts *facts, const http_reply *r);
// After how many microseconds to pull, where nothing should be sent yet; 0: at once.
uint64_t http_reply_wait_us(const http_reply *r);
// All is sent, or nobody reads any more: work that is under way is cancelled.
void http_reply_close(http_reply *r);

void http_host_clear(http_host *host); // n_running must be 0

#endif
