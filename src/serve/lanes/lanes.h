// SPDX-License-Identifier: MIT
#ifndef BITLOOM_SERVE_LANES_H
#define BITLOOM_SERVE_LANES_H

// One connection of the lanes protocol, whatever carries it: frames in, frames out. Each of its
// sessions has a vector of up to 512 lanes; the states that it stores are the connection's own. All
// calls from the thread that speaks with the clients.

#include "../accounts/accounts.h"
#include "../engine.h"
#include "../cursor.h"
#include "frame.h"

typedef struct lanes lanes;

typedef enum error_code {
    ERROR_BAD_FRAME = 1,
    ERROR_NO_SESSION,
    ERROR_NO_STATE,
    ERROR_TOO_MANY,
    ERROR_OTHER_MODEL,
    ERROR_FAILED,
    ERROR_REFUSED, // by the account: credit, quota, limits
    ERROR_NOT_KEPT
} error_code;

typedef struct lanes_error {
    error_code code;
    char message[200];
} lanes_error;

// What carries the frames.
typedef struct lanes_owner {
    void *object;                     // NULL: nobody
    void (*want_write)(void *object); // there are frames to be sent
    void (*lose)(void *object); // its lanes were resumed elsewhere: it should close, without them
} lanes_owner;

typedef struct lanes_note { // what became of kept lanes
    const char *event;      // "keep", "resume", "expire"
    const char *reason;     // or NULL
    uint32_t n_sessions, n_states;
    int64_t account;
} lanes_note;

typedef struct connection_counts { // since a connection began, or took its lanes over
    uint64_t since_ns;
    uint64_t n_requests, n_frames, n_lane_steps; // received; sent; of what has ended
} connection_counts;

typedef struct lanes_host {
    engine *engine;
    const bl_model *model;
    accounts *accounts; // NULL: off
    size_t room;        // bytes that the transport needs in front of a frame
    uint64_t keep_ns;   // how long lanes may be without a connection; 0: they cannot be kept
    void (*on_note)(void *context, const lanes_note *note); // NULL: nobody wants to know
    void *context;
    // its own, all zero at the beginning
    uint32_t n_connections, n_stored; // with an owner or something under way; states of all
    lanes *first_kept, *last_kept;    // that have a token, those without an owner in the order in
    uint32_t n_parked;                // which they lost it; how many those are
} lanes_host;

// NULL: out of memory. who: whose it is, where accounts are on; NULL: nobody pays.
lanes *lanes_create(lanes_host *host, const lanes_owner *owner, const visitor *who);
// The connection is gone: cancels everything. The rest goes when the last activity has ended, or,
// where a client has asked to KEEP it, later.
void lanes_close(lanes *l);

// A whole frame, head and payload, as a WebSocket message carries it. A message that is no frame is
// answered with an error. RESUME puts other lanes in the place of *l.
void lanes_receive(lanes **l, const uint8_t *frame, size_t bytes);
// A piece of a stream of frames. False: it cannot be one, the connection should close.
bool lanes_receive_stream(lanes **l, const uint8_t *data, size_t bytes);
// True while so much waits that no more requests should be read.
bool lanes_is_full(const lanes *l);

void lanes_model_sha256(uint8_t *digest, const bl_model *model); // 32 bytes

void lanes_get_counts(connection_counts *counts, const lanes *l);
uint32_t lanes_count_unanswered(const lanes *l); // requests; 0: all is done

// The next frame to send, with `room` free bytes before it; NULL: nothing waits.
uint8_t *lanes_next(const lanes *l, size_t *bytes);
void lanes_sent(lanes *l); // frees it

// ------------------------------------------------------------------------------- one state

// As EXPORT answers and IMPORT takes it: the model's hash, then the bits.
bool lanes_export_state(bl_buffer *out, const lanes *l, uint64_t name, lanes_error *e);
// name 0: whatever follows from the content; it is told in *name.
bool lanes_import_state(lanes *l, uint64_t *name, const uint8_t *data, size_t bytes,
                        lanes_error *e);
bool lanes_drop_state(lanes *l, uint64_t name, lanes_error *e); // one reference

// ---------------------------------------------------------------------- lanes without connections

enum {                // of all; the oldest go first
    MAX_PARKED = 512, // more than there are connections, which a stop parks all
    MAX_PARKED_STATES = 1 << 21
};

// Those that are kept under a token, with or without a connection. NULL: none, or of another
// account.
lanes *lanes_find(const lanes_host *host, const uint8_t *token, int64_t account);
const lanes_owner *lanes_get_owner(const lanes *l);
// Kept lanes get another owner, of the visitor's account; who had them loses them.
void lanes_connect(lanes *l, const lanes_owner *owner, const visitor *who);
void lanes_forget(lanes *l);                     // no longer kept
void lanes_list(bl_buffer *out, const lanes *l); // a frame_resumed and its frame_sessions

// Forgets those whose time is over. Returns after how long to call again, 0: none is parked.
uint64_t lanes_expire(lanes_host *host, uint64_t now_ns);
// Those that are parked, as bytes; write errors stick to the file.
void lanes_save_all(FILE *file, const lanes_host *host);
bool lanes_restore_all(lanes_host *host, uint32_t n, cursor *c); // false: see the cursor
void lanes_host_clear(lanes_host *host); // no connection is left, n_connections is 0

#endif
