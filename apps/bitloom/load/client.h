// SPDX-License-Identifier: MIT
#ifndef BITLOOM_LOAD_CLIENT_H
#define BITLOOM_LOAD_CLIENT_H

// One client of the lanes protocol that steps a vector for a while, `depth` steps under way, and
// keeps how long each took. It knows frames, not connections: socket.c and websocket.c carry them.

#include "serve/lanes/frame.h"

#include <bitloom/bits.h>

typedef struct load_params {
    const char *socket; // a Unix socket's path, or NULL
    const char *url;    // ws://HOST:PORT/api/lanes or wss://, or NULL
    int64_t n_clients, n_lanes, depth;
    double seconds;
} load_params;

enum { MAX_LOAD_CLIENTS = 256, MAX_LOAD_WAITS = 1 << 16, MAX_LOAD_DEPTH = 32 };

typedef struct load_client {
    const load_params *params;
    uint64_t end_ns;
    bool is_done;
    char failure[256]; // "": none
    uint64_t n_sent, n_steps, sent_ns[MAX_LOAD_DEPTH];
    uint32_t *waits_ns;      // [MAX_LOAD_WAITS], the last ones
    frame_stats first, last; // of the server
    bl_buffer out;           // frames to be sent; whoever sends them clears it
} load_client;

BL_MUST_USE bl_status load_client_init(load_client *c, const load_params *params, uint64_t end_ns);
void load_client_clear(load_client *c);
// Takes the server's next frame, payload included, and may leave frames in `out`. False: it is done
// or has failed.
bool load_client_receive(load_client *c, const uint8_t *frame, size_t bytes);
void load_client_fail(load_client *c, const char *why); // keeps the first reason

// Each runs all clients until they are done or have failed.
void load_over_socket(load_client *clients, size_t n);    // a thread each
void load_over_websocket(load_client *clients, size_t n); // all in this thread

#endif
