// SPDX-License-Identifier: MIT
#ifndef BITLOOM_SERVE_HTTP_REPLY_H
#define BITLOOM_SERVE_HTTP_REPLY_H

// Replies while they are made, and jobs: activities whose results become a reply.

#include "http.h"

#include "../request.h"

typedef struct job job;
typedef struct exchange exchange; // of frames of the lanes protocol

struct http_reply {
    http_host *host;
    void *owner; // the transport's; NULL: nobody waits any more
    http_head head;
    bool has_head;
    bool is_complete; // `out` holds all that is left
    visitor visitor;  // whose it is, where accounts are on
    bool is_v2;       // errors in the shape of the inference protocol
    bl_buffer out;
    size_t n_pulled;
    uint64_t flushed_ns; // when a stream had something to say last
    job *job;
    exchange *exchange;
    bool is_exchange;      // or was one
    uint64_t n_lane_steps; // of a job or exchange that is over
    char allow[48];        // what head.allow may point to
};

// A kind of work. Only those without rollouts or streams may leave step and flush out.
typedef struct job_kind {
    void (*step)(job *j, const engine_event *event); // of a rollout
    void (*end)(job *j, activity *a);                // an activity has ended, see its reason
    void (*done)(job *j);  // none is left: the reply, unless it is a stream, is completed
    void (*flush)(job *j); // a stream: appends news to the reply
    void (*destroy)(job *j);
} job_kind;

struct job {
    const job_kind *kind;
    http_reply *reply;
    client *client;
    activity **busy;
    uint32_t n_busy, capacity;
    uint64_t n_units;
    uint64_t n_lane_steps; // of its activities that have ended
    admission *admission;  // NULL: accounts are off
    bool is_held;          // until it is admitted its activities wait
    bool is_failed;        // some of it did not succeed
};

typedef struct job_size {
    const char *work_kind; // what usage calls it
    uint64_t n_units;
    uint64_t n_lane_steps; // that it may take at most
} job_size;

// What a request asks for, checked; then a handler answers at once, begins a job, or fills the
// error and returns false.
typedef bool http_handler(http_reply *r, const http_request *q, const json_t *body,
                          const char *name, request_error *e);

// The reply's JSON is written to r->out; then it is complete.
void reply_complete(http_reply *r, unsigned status, const char *type);
void reply_error(http_reply *r, const request_error *e);
void write_error(bl_json *json, const request_error *e); // {"error": ...} in OpenAI's shape

// Whether a request may need so much, and now; otherwise the error says which.
bool job_is_possible(const http_host *host, uint64_t n_units, request_error *e);
// Reserves units and lane-steps and makes `j`, the first member of an object of the handler, the
// reply's job. After failure the job is still the caller's.
bool job_begin(job *j, const job_kind *kind, http_reply *r, const job_size *size, request_error *e);
// Its owner and client are set; it is the job's from now on.
bool job_submit(job *j, activity *a); // false: out of memory, and the activity is gone
void job_cancel(job *j);

// What the transport's calls mean for an exchange: to go on with what was waited for; to end it.
void exchange_go_on(exchange *x);
uint64_t exchange_lane_steps(const exchange *x);
void exchange_close(exchange *x);

#endif
