// SPDX-License-Identifier: MIT
#ifndef BITLOOM_SERVE_FRAME_H
#define BITLOOM_SERVE_FRAME_H

// Frames of the lanes protocol (docs/formats/lanes.md): a head of 16 bytes, little endian, and a
// payload. The same over WebSocket, one a message, and over a Unix socket, one behind the other.

#include <stdint.h>

enum { FRAME_HEAD_BYTES = 16, MAX_FRAME_PAYLOAD = 1 << 20 };

typedef enum frame_op {
    OP_HELLO, // from the server, when a connection begins
    OP_OPEN,  // a session
    OP_CLOSE,
    OP_READ,
    OP_LOAD,
    OP_STORE,
    OP_STEP,
    OP_PERMUTE,
    OP_RETAIN,
    OP_DROP,
    OP_EXPORT,
    OP_IMPORT,
    OP_MASK,
    OP_PATTERN,
    OP_ROLLOUT,
    OP_BEAM,
    OP_CREDIT,
    OP_CANCEL,
    OP_STATS,
    OP_KEEP,
    OP_RESUME,
    OP_COUNT,
    OP_ANSWER = 0x80, // with the bit of the request's op
    OP_PART = 0x40,   // of an answer, more follow
    OP_ERROR = 0xFF
} frame_op;

typedef struct frame_head {
    uint32_t bytes; // of the payload
    uint8_t op, flags;
    uint16_t n_lanes;
    uint32_t sequence, session;
} frame_head;

_Static_assert(sizeof(frame_head) == FRAME_HEAD_BYTES, "the head has no holes");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "frames are copied as they are");

// Payloads of requests that have a fixed part.
typedef struct frame_step { // then n_lanes bytes, unless STEP_KEEP
    uint8_t wants, n_top, zero[2];
} frame_step;
enum { WANTS_NOTHING, WANTS_TOP, WANTS_COSTS, STEP_KEEP = 1, READ_COSTS = 1 };

typedef struct frame_rollout { // then per lane, where flags has ROLLOUT_SEEDS, a seed of 8 bytes
    uint32_t n_steps;
    float temperature, top_p;
    uint32_t zero;
    uint64_t seed;
} frame_rollout;
enum { ROLLOUT_SEEDS = 1 };

typedef struct frame_beam {
    uint32_t n_steps, width;
    float temperature, diversity;
    uint64_t seed;
} frame_beam;

typedef struct frame_top {
    uint8_t byte, zero;
    uint16_t cost; // in 1/256 bit, 65535: or more
} frame_top;

typedef struct frame_drawn { // of one lane in a step of a rollout
    uint16_t lane, cost;
    uint8_t byte, end; // end: 0 goes on, 2 has written all, 3 nothing may be drawn
} frame_drawn;

typedef struct frame_hello {
    uint32_t version, state_bytes, n_state_bits, max_sessions;
    uint32_t max_states, max_steps, max_queued, zero;
    uint8_t model_sha256[32];
    uint8_t byte_symbol[256]; // bytes of one symbol are equally likely
} frame_hello;

enum { TOKEN_BYTES = 16, KEEP_NO_MORE = 1 };

typedef struct frame_keep {
    uint8_t token[TOKEN_BYTES];
    uint32_t seconds; // without a connection
    uint32_t zero;
} frame_keep;

typedef struct frame_resumed { // then one frame_session for each
    uint32_t n_sessions, n_stored;
} frame_resumed;

typedef struct frame_session {
    uint32_t id, n_lanes;
    uint32_t sequence; // of its last request that was carried out or refused
    uint32_t flags;
} frame_session;
enum { SESSION_BACKGROUND = 1, SESSION_MASKS = 2, SESSION_PATTERN = 4 };

typedef struct frame_stats {
    uint64_t n_ticks, n_lane_steps, tick_ns;
    uint32_t n_lanes_busy, n_activities;
} frame_stats;

#endif
