// SPDX-License-Identifier: MIT
#ifndef BITLOOM_SERVE_SERVER_H
#define BITLOOM_SERVE_SERVER_H

// What server.c (life, who may connect, the page's WebSocket), server_http.c and server_lanes.c
// share.

#include <bitloom/serve.h>

#include "http/http.h"
#include "journal.h"
#include "lanes/lanes.h"
#include "session.h"

#include <libwebsockets.h>

#include <sys/types.h>

enum { MAX_SESSIONS = 256, MAX_KEY = 128, MAX_PEER = 48 };

typedef struct server {
    const bl_serve_params *params;
    struct lws_context *context;
    session_host host;
    http_host http;
    lanes_host lanes;
    dev_t socket_device; // of the Unix socket that this server has made
    ino_t socket_number;
    accounts *accounts;           // NULL: off
    char host_name[256];          // of --listen
    journal *journal;             // NULL: none
    int n_reopened;               // of params->should_reopen_log, how many are done
    lws_sorted_usec_list_t clock; // what is to be looked at now and then
    // a stop, see server_stop.c
    bool is_stopping;   // no new work is taken
    bool is_leaving;    // who has got all that was for it is told to go
    uint32_t n_replies; // HTTP requests under way
} server;

// Per connection; libwebsockets zeroes it.
typedef struct connection {
    session *session;   // WebSocket
    visitor visitor;    // and whose it is, where accounts are on
    bl_buffer received; // a message, or the body of a request
    bool is_too_long, is_held;
    // HTTP: the request under way, and its reply
    char method[8], path[256], json_bytes[24], key[MAX_KEY];
    const char *refusal; // the code of an error that is known before the body
    bool is_chunked;     // a stream's body would be: HTTP/1.1
    bool is_last;        // the connection closes after the reply
    bool has_head, wants_write;
    http_head head;
    http_reply *reply;
    uint64_t n_in, n_out;     // bytes of bodies
    uint64_t since_ns;        // the request
    connection_counts counts; // WebSocket
    char peer[MAX_PEER];
} connection;

static inline server *server_of(struct lws *wsi) { return lws_context_user(lws_get_context(wsi)); }

// By its Host and Origin; where it may not, refuse_connection is what to return.
bool may_connect(struct lws *wsi);
int refuse_connection(struct lws *wsi);
// Whether a WebSocket may open, and whose it is: by its key, the subprotocol bitloom.key.KEY or the
// query ?key=KEY. Otherwise the answer is sent, and what is returned closes the connection.
int admit_connection(struct lws *wsi, visitor *v);

// The callbacks of a connection that speaks HTTP; those with a result: below 0 closes it.
int http_confirm_upgrade(struct lws *wsi, const char *protocol);
int http_begin(struct lws *wsi, connection *c, const char *path);
int http_receive(connection *c, const void *data, size_t bytes);
int http_answer_request(struct lws *wsi, connection *c); // the body is there, or there is none
int http_continue(struct lws *wsi, connection *c);       // there is room to write
void http_want_write(struct lws *wsi, connection *c);
void http_drop(struct lws *wsi, connection *c); // the request under way, if there is one

typedef struct lanes_connection { // libwebsockets zeroes it
    lanes *lanes;
    visitor visitor; // whose it is, where accounts are on
    char peer[MAX_PEER];
    bl_buffer received;
    bool is_too_long, is_held;
} lanes_connection;

// Lets what is under way end, for a few seconds, and then tells all to go. After it nobody is
// served.
void server_leave(server *s, const struct lws_protocols *protocols);
// For a connection that has nothing left to be sent: what its callback returns, -1 to leave.
int stay_or_leave(struct lws *wsi, bool is_websocket);
void server_look(lws_sorted_usec_list_t *clock); // keeps itself going

// The journal, of which there may be none.
void log_start(server *s);
void log_listen(server *s, const char *url);
void log_saved(server *s, const char *event);
void log_error(server *s, const bl_diag *diag);
void log_stop(server *s);
void log_http(struct lws *wsi, const connection *c);
void log_refusal(struct lws *wsi, unsigned status, const char *code);
void find_peer(char *peer, struct lws *wsi); // for what follows; "" without a journal
void log_connect(struct lws *wsi, const char *protocol, const char *peer,
                 const visitor *who); // NULL: nobody
void log_disconnect(struct lws *wsi, const char *protocol, const char *peer, const visitor *who,
                    const connection_counts *counts);
void log_note(void *server, const lanes_note *note);

// The lanes protocol over WebSocket, and over a Unix socket as raw bytes.
int lanes_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *data,
                   size_t bytes);
void lanes_stop_listening(const server *s); // takes the socket away, if it is still this server's
BL_MUST_USE bl_status lanes_listen(server *s, const char *path, bl_diag *diag); // at a Unix socket

#endif
