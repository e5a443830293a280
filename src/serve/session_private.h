// SPDX-License-Identifier: MIT
#ifndef BITLOOM_SERVE_SESSION_PRIVATE_H
#define BITLOOM_SERVE_SESSION_PRIVATE_H

// What session.c (answers, life) and requests.c (requests) share.

#include "accounts/tab.h"
#include "request.h"
#include "session.h"
#include "states.h"

enum {
    MAX_TEXT_BYTES = 65536,
    MAX_TOP = 256,
    MAX_WORDS = 4096,
    MAX_BUSY = 64,
    MAX_WAITING = 256,
    MAX_MESSAGE_BYTES = 1 << 20
};

struct session {
    session_host *host;
    client *client;
    tab tab;
    void *owner; // the transport's; NULL once closed
    bool is_closed;
    state_table states;
    activity *busy[MAX_BUSY]; // under way
    uint32_t n_busy;
    uint32_t n_waiting;
    activity *beam; // the one running beam, or NULL
    message *first, **last;
    // memory of the last text
    uint8_t *text, *trail; // trail[i]: state after text[i]
    size_t n_text;
    uint64_t text_version;
};

// What an activity needs to be answered.
typedef struct task {
    session *session;
    size_t n_shared; // bytes of the remembered text that were not read again
    uint8_t *whole;  // the whole text, to be remembered
    size_t n_whole;
    uint64_t text_version;
} task;

static inline size_t state_bytes_of(const session *s) { return s->states.state_bytes; }
static inline task *task_of(const activity *a) { return a->owner; }

// An answer is begun, filled and ended; ending hands it to the transport.
void begin_answer(bl_json *json, bl_buffer *content, const session *s, uint32_t id,
                  const char *type);
void end_answer(session *s, bl_json *json);
void answer_error(session *s, const json_t *id, const request_error *e);

// Writes "states": handles of n states; on failure none is kept.
bool write_handles(bl_json *json, session *s, const uint8_t *states, size_t n);
bool fail_too_many_states(request_error *e);

activity *new_activity(session *s, activity_kind kind, size_t n_lanes, uint32_t id,
                       request_error *e);
void drop_activity(session *s, activity *a); // one that was not submitted, or has ended
void submit(session *s, activity *a);

// Carries out one request or fills the error.
bool handle_request(session *s, const json_t *request, request_error *e);

#endif
