// SPDX-License-Identifier: MIT
#ifndef BITLOOM_SERVE_SERVER_PRIVATE_H
#define BITLOOM_SERVE_SERVER_PRIVATE_H

// What server.c (life, HTTP, the page's WebSocket) and server_lanes.c (the lanes protocol) share:
// the two files that know libwebsockets.

#include <bitloom/serve.h>

#include "http/http.h"
#include "lanes/lanes.h"
#include "session.h"

#include <libwebsockets.h>

enum { MAX_SESSIONS = 256 };

typedef struct server {
    const bl_serve_params *params;
    struct lws_context *context;
    session_host host;
    http_host http;
    lanes_host lanes;
    char host_name[256]; // of --listen
} server;

static inline server *server_of(struct lws *wsi) { return lws_context_user(lws_get_context(wsi)); }

// Whether Host and Origin name this server; otherwise refuse_connection is what to return.
bool may_connect(struct lws *wsi);
int refuse_connection(struct lws *wsi);

typedef struct lanes_connection { // libwebsockets zeroes it
    lanes *lanes;
    bl_buffer received;
    bool is_too_long, is_held;
} lanes_connection;

// The lanes protocol over WebSocket, and over a Unix socket as raw bytes.
int lanes_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *data,
                   size_t bytes);
void lanes_want_write(void *wsi);
BL_MUST_USE bl_status lanes_listen(server *s, const char *path, bl_diag *diag); // at a Unix socket

#endif
