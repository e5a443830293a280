// SPDX-License-Identifier: MIT
#ifndef BITLOOM_SERVE_LANES_H
#define BITLOOM_SERVE_LANES_H

// One connection of the lanes protocol, whatever carries it: frames in, frames out. Each of its
// sessions has a vector of up to 512 lanes; the states that it stores are the connection's own. All
// calls from the thread that speaks with the clients.

#include "../accounts/accounts.h"
#include "../engine.h"
#include "frame.h"

typedef struct lanes lanes;

typedef struct lanes_host {
    engine *engine;
    const bl_model *model;
    accounts *accounts;               // NULL: off
    size_t room;                      // bytes that the transport needs in front of a frame
    uint32_t n_connections, n_stored; // states of all of them
    void (*want_write)(void *owner);  // there are frames to be sent
} lanes_host;

// NULL: out of memory. who: whose it is, where accounts are on; NULL: nobody pays.
lanes *lanes_create(lanes_host *host, void *owner, const visitor *who);
// The connection is gone: cancels everything. The rest goes when the last activity has ended.
void lanes_close(lanes *l);

// A whole frame, head and payload, as a WebSocket message carries it. A message that is no frame is
// answered with an error.
void lanes_receive(lanes *l, const uint8_t *frame, size_t bytes);
// A piece of a stream of frames. False: it cannot be one, the connection should close.
bool lanes_receive_stream(lanes *l, const uint8_t *data, size_t bytes);
// True while so much waits that no more requests should be read.
bool lanes_is_full(const lanes *l);

// The next frame to send, with `room` free bytes before it; NULL: nothing waits.
uint8_t *lanes_next(const lanes *l, size_t *bytes);
void lanes_sent(lanes *l); // frees it

#endif
