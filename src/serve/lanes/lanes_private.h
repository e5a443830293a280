// SPDX-License-Identifier: MIT
#ifndef BITLOOM_SERVE_LANES_PRIVATE_H
#define BITLOOM_SERVE_LANES_PRIVATE_H

// What lanes.c (connections, frames), vectors.c (what is done at once) and runs.c (what takes the
// engine) share.

#include "lanes.h"

#include "../accounts/tab.h"
#include "store.h"

enum {
    LANES_VERSION = 2,
    MAX_LANE_SESSIONS = 16, // of a connection
    MAX_QUEUED = 64,        // requests of a session that wait for the one before them
    MAX_STORED = 1 << 20,   // states of a connection
    MAX_COSTED_TEXT = (MAX_FRAME_PAYLOAD - 8) / 4,
    MAX_QUEUED_BYTES = 4 << 20, // of a connection
    MAX_STORED_OF_ALL = 1 << 22,
    MAX_OUT = 64,     // frames that wait before requests are no longer read
    MAX_OUT_PARTS = 2 // and before steps are gathered into one frame
};

typedef struct frame_out {
    struct frame_out *next;
    bl_buffer content; // room, head, payload
} frame_out;

typedef struct frame_in { // a request that waits
    struct frame_in *next;
    frame_head head;
    uint8_t payload[];
} frame_in;

// Steps of a beam or rollout that have not been sent: of a beam, the path of each lane since the
// last frame; of a rollout, what was written.
typedef struct part {
    uint32_t first_step, n_steps, n_lanes;
    uint16_t parent[BL_LANES];
    bl_buffer bytes, costs; // beam: [n_steps][512]; rollout: bytes holds the steps as they are sent
} part;

typedef struct lane_session {
    lanes *owner;
    uint32_t id;
    bool is_closing; // goes when its activity has ended
    uint32_t n_lanes;
    uint8_t *states;      // [512][state_bytes], the vector
    uint64_t (*masks)[4]; // [512]
    bool has_masks;
    shared_pattern *pattern; // NULL: none
    pattern_job *unbuilt;    // or one from a file, built for the first run that keeps to it
    bool is_background;
    activity *busy; // or NULL
    activity *next; // a step behind a step, which the engine begins by itself
    frame_head next_request;
    frame_head request;              // that it answers
    uint32_t end[2];                 // of a rollout or beam: steps done, end_reason
    uint32_t answered;               // sequence of the last request that was carried out or refused
    uint64_t credit, credit_at_open; // parts that may still be sent
    part part;
    frame_in *first, **last;
    uint32_t n_queued;
} lane_session;

struct lanes {
    lanes_host *host;
    lanes_owner owner; // its object: NULL once closed
    client *client;
    tab tab;
    size_t state_bytes;
    uint8_t model_sha256[32];
    uint8_t *scratch; // one state
    store store;
    lane_session *sessions[MAX_LANE_SESSIONS];
    uint32_t n_sessions;
    uint32_t n_counted; // of the states in the store: those that host->n_stored knows
    frame_out *first, **last;
    uint32_t n_out;
    size_t queued_bytes;
    bl_buffer stream; // the beginning of a frame
    connection_counts counts;
    // kept.c
    bool is_kept;
    bool is_settling;  // a connection has ended, but not all that it had under way
    bool is_importing; // states, for which others may have to go
    bool is_resuming;  // `resume` is to be answered then
    frame_head resume;
    uint8_t token[TOKEN_BYTES];
    uint64_t parked_ns; // when it lost its owner
    lanes *next_kept, *previous_kept;
};

bool lanes_fail(lanes_error *e, error_code code, const char *format, ...) BL_PRINTF(3, 4);

void lanes_answer_error(lanes *l, const frame_head *request, const lanes_error *e);
// To be called when the store may have changed.
void count_stored(lanes *l);
// A frame to be filled and sent.
void begin_frame(bl_buffer *out, const lanes *l, const frame_head *request, uint8_t op);
void end_frame(lanes *l, bl_buffer *out);
void drop_frames(lanes *l); // that wait to be sent

// Each returns false after filling the error. Those of vectors.c answer at once; those of runs.c
// submit an activity, which answers when it has ended.
typedef bool handler(lane_session *s, const frame_head *head, const uint8_t *payload,
                     lanes_error *e);
handler do_load, do_store, do_permute, do_retain, do_drop, do_export, do_import, do_mask,
    do_pattern;
handler do_read, do_step, do_rollout, do_beam;
// Whether a step is under way, with none behind it: chain_step then gives the engine the next one.
bool may_chain(const lane_session *s);
handler chain_step;

// Sends the steps that wait, if credit and the connection allow.
void send_part(lane_session *s, bool is_last);
void part_clear(part *p);
// The activity of a session has ended and is answered: what waited for it goes on.
void session_ended(lane_session *s);
void run_queued(lane_session *s);
lane_session *create_session(lanes *l, uint32_t id); // of one lane, at the empty text; or NULL
void drop_queued(lane_session *s);

void clear_padding(uint8_t *state, const lanes *l);

// ------------------------------------------------------------------------------------- kept.c

bool do_keep(lanes *l, const frame_head *head, lanes_error *e);
// Puts kept lanes in the place of *l, whose connection they take.
bool do_resume(lanes **l, const frame_head *head, const uint8_t *payload, lanes_error *e);
void adopt_token(lanes *l, const uint8_t *token); // lanes without an owner are parked under it
void park(lanes *l);                              // that is kept and has lost its connection
void settle_if_idle(lanes *l); // nothing of an earlier connection is under way any more
// Makes room for n states more of these lanes, as far as other parked ones have it. False, and
// nobody has gone: it is not enough.
bool make_room(lanes *for_whom, uint64_t n);
void destroy_lanes(lanes *l); // nobody is there, nothing is under way, and it is not kept

#endif
