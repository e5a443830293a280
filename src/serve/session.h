// SPDX-License-Identifier: MIT
#ifndef BITLOOM_SERVE_SESSION_H
#define BITLOOM_SERVE_SESSION_H

// A session: one connection's handles, its remembered text, its activities, and what waits to be
// sent. All calls from the thread that speaks with the clients.

#include "accounts/accounts.h"
#include "engine.h"

typedef struct session session;

// A frame that waits to be sent.
typedef struct message {
    struct message *next;
    bool is_binary;
    size_t bytes, capacity;
    activity *beam; // to be told when it is sent, or NULL
    uint8_t *data;  // with `room` free bytes in front
} message;

typedef struct session_host {
    engine *engine;
    const bl_model *model;
    accounts *accounts;              // NULL: off
    size_t room;                     // bytes that the transport needs in front of a message
    void (*want_write)(void *owner); // a session whose owner is set has something to send
    uint32_t n_sessions;
} session_host;

// NULL: out of memory. who: whose it is, where accounts are on.
session *session_create(session_host *host, const visitor *who);
// The connection is gone: cancels everything. The session itself goes when the last activity has.
void session_close(session *s);

void session_greet(session *s);
void session_receive(session *s, const char *text, size_t bytes); // one text frame
void session_reject(session *s, const char *message);             // a frame of another kind

// True while so many answers wait that no more requests should be read.
bool session_is_full(const session *s);
const message *session_next_message(const session *s); // NULL: nothing waits
void session_message_sent(session *s);                 // frees it
void session_set_owner(session *s, void *owner);
uint64_t session_lane_steps(const session *s); // of what has ended

void write_model_json(bl_json *json, const char *key, const bl_model *model);

#endif
