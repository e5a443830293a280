// SPDX-License-Identifier: MIT
// Clients over WebSocket, all in one thread.
#include "client.h"

#include <libwebsockets.h>

#include <stdio.h>
#include <string.h>

typedef struct link_user { // libwebsockets zeroes it
    bl_buffer received;    // a message
} link_user;

static void send_frame(struct lws *wsi, load_client *c)
{
    uint8_t message[LWS_PRE + FRAME_HEAD_BYTES + 2 * BL_LANES];
    frame_head head;
    if (c->out.bytes == 0)
        return;
    memcpy(&head, c->out.data, sizeof head);
    size_t bytes = sizeof head + head.bytes;
    memcpy(message + LWS_PRE, c->out.data, bytes);
    c->out.bytes -= bytes;
    memmove(c->out.data, c->out.data + bytes, c->out.bytes);
    if (lws_write(wsi, message + LWS_PRE, bytes, LWS_WRITE_BINARY) < (int)bytes)
        load_client_fail(c, "the connection broke");
    if (c->out.bytes > 0)
        lws_callback_on_writable(wsi);
}

static int receive(struct lws *wsi, load_client *c, bl_buffer *message, const void *data,
                   size_t bytes)
{
    bl_buffer_append(message, data, bytes);
    if (lws_remaining_packet_payload(wsi) > 0 || !lws_is_final_fragment(wsi))
        return 0;
    bool goes_on = load_client_receive(c, message->data, message->bytes);
    message->bytes = 0;
    if (c->out.bytes > 0)
        lws_callback_on_writable(wsi);
    return goes_on ? 0 : -1; // closes the connection
}

static void end(struct lws *wsi, link_user *user, const char *why)
{
    load_client *c = lws_get_opaque_user_data(wsi);
    size_t *n_open = lws_context_user(lws_get_context(wsi));
    if (!c->is_done)
        load_client_fail(c, why ? why : "the server refuses the connection");
    if (user)
        bl_buffer_clear(&user->received);
    --*n_open;
}

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *data,
                    size_t bytes)
{
    load_client *c = lws_get_opaque_user_data(wsi);
    switch (reason) {
    case LWS_CALLBACK_CLIENT_RECEIVE:
        return receive(wsi, c, &((link_user *)user)->received, data, bytes);
    case LWS_CALLBACK_CLIENT_WRITEABLE: send_frame(wsi, c); return 0;
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR: end(wsi, NULL, data); return 0;
    case LWS_CALLBACK_CLIENT_CLOSED:
        end(wsi, user, "the server has closed the connection");
        return 0;
    default: return 0;
    }
}

static const struct lws_protocols protocols[] = {
    {"bitloom.lanes.2", on_event, sizeof(link_user), 65536, 0, NULL, 0},
    {NULL, NULL, 0, 0, 0, NULL, 0},
};

static bool begin(load_client *c, struct lws_context *context)
{
    char url[1024], path[1024];
    const char *scheme, *host, *rest;
    int port;
    snprintf(url, sizeof url, "%s", c->params->url);
    if (lws_parse_uri(url, &scheme, &host, &port, &rest) != 0) {
        load_client_fail(c, "expected ws://HOST:PORT/api/lanes");
        return false;
    }
    snprintf(path, sizeof path, "/%s", rest);
    struct lws_client_connect_info info = {.context = context,
                                           .address = host,
                                           .host = host,
                                           .port = port,
                                           .path = path,
                                           .protocol = protocols[0].name,
                                           .local_protocol_name = protocols[0].name,
                                           .opaque_user_data = c};
    info.ssl_connection = strcmp(scheme, "wss") == 0 ? LCCSCF_USE_SSL : 0;
    ++*(size_t *)lws_context_user(context); // one that fails at once tells so by an event
    (void)lws_client_connect_via_info(&info);
    return true;
}

void load_over_websocket(load_client *clients, size_t n)
{
    size_t n_open = 0;
    struct lws_context_creation_info info = {.user = &n_open,
                                             .port = CONTEXT_PORT_NO_LISTEN,
                                             .protocols = protocols,
                                             .gid = -1,
                                             .uid = -1,
                                             .options = LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT};
    lws_set_log_level(0, NULL);
    struct lws_context *context = lws_create_context(&info);
    for (size_t i = 0; i < n; i++) {
        if (!context)
            load_client_fail(&clients[i], "out of memory");
        else
            (void)begin(&clients[i], context);
    }
    while (n_open > 0 && lws_service(context, 0) >= 0)
        ;
    if (context)
        lws_context_destroy(context);
}
