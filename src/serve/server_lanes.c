// SPDX-License-Identifier: MIT
// Connections of the lanes protocol. A WebSocket message is one frame; a Unix socket carries frames
// one behind the other.

#include "server.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define LANES_PROTOCOL "bitloom.lanes.2"

static void want_write(void *wsi) { lws_callback_on_writable(wsi); }

static void log_end(struct lws *wsi, const lanes_connection *c)
{
    connection_counts counts;
    lanes_get_counts(&counts, c->lanes);
    log_disconnect(wsi, LANES_PROTOCOL, c->peer, &c->visitor, &counts);
}

// Others have resumed its lanes: what it sends or is sent goes nowhere any more.
static void lose_lanes(void *wsi)
{
    lanes_connection *c = lws_wsi_user(wsi);
    log_end(wsi, c);
    c->lanes = NULL;
    lws_set_timeout(wsi, PENDING_TIMEOUT_KILLED_BY_PARENT, LWS_TO_KILL_ASYNC);
}

static int open_connection(struct lws *wsi, lanes_connection *c, const visitor *who)
{
    server *s = server_of(wsi);
    const lanes_owner owner = {wsi, want_write, lose_lanes};
    c->lanes = s->lanes.n_connections < MAX_SESSIONS ? lanes_create(&s->lanes, &owner, who) : NULL;
    if (!c->lanes)
        return -1;
    find_peer(c->peer, wsi);
    log_connect(wsi, LANES_PROTOCOL, c->peer, who);
    return 0;
}

static int close_connection(struct lws *wsi, lanes_connection *c)
{
    if (c->lanes) {
        log_end(wsi, c);
        lanes_close(c->lanes);
    }
    c->lanes = NULL;
    bl_buffer_clear(&c->received);
    return 0;
}

// A client that asks and does not read has to wait.
static int hold_if_full(struct lws *wsi, lanes_connection *c)
{
    bool is_full = lanes_is_full(c->lanes);
    if (is_full != c->is_held)
        lws_rx_flow_control(wsi, !is_full);
    c->is_held = is_full;
    return 0;
}

static int receive_message(struct lws *wsi, lanes_connection *c, const void *data, size_t bytes)
{
    static const uint8_t nothing[1];
    if (!c->lanes)
        return -1;
    if (server_of(wsi)->is_stopping)
        return 0; // too late: not carried out
    if (c->received.bytes + bytes > MAX_FRAME_PAYLOAD + FRAME_HEAD_BYTES)
        c->is_too_long = true;
    else
        bl_buffer_append(&c->received, data, bytes);
    if (lws_remaining_packet_payload(wsi) > 0 || !lws_is_final_fragment(wsi))
        return 0;
    bool is_whole = lws_frame_is_binary(wsi) && !c->is_too_long && c->received.status == BL_OK;
    lanes_receive(&c->lanes, is_whole ? c->received.data : nothing,
                  is_whole ? c->received.bytes : 0); // of none, only an error comes
    c->is_too_long = false;
    bl_buffer_clear(&c->received);
    return hold_if_full(wsi, c);
}

static int receive_piece(struct lws *wsi, lanes_connection *c, const void *data, size_t bytes)
{
    if (server_of(wsi)->is_stopping)
        return 0;
    bool is_stream = c->lanes && lanes_receive_stream(&c->lanes, data, bytes);
    return is_stream ? hold_if_full(wsi, c) : -1;
}

static int send_next(struct lws *wsi, lanes_connection *c, enum lws_write_protocol kind)
{
    size_t bytes;
    uint8_t *frame = c->lanes ? lanes_next(c->lanes, &bytes) : NULL;
    if (!frame)
        return stay_or_leave(wsi, kind == LWS_WRITE_BINARY);
    if (lws_write(wsi, frame, bytes, kind) < (int)bytes)
        return -1;
    lanes_sent(c->lanes);
    if (lanes_next(c->lanes, &bytes) || server_of(wsi)->is_leaving)
        lws_callback_on_writable(wsi);
    return hold_if_full(wsi, c);
}

int lanes_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *data,
                   size_t bytes)
{
    lanes_connection *c = user;
    switch (reason) {
    case LWS_CALLBACK_FILTER_NETWORK_CONNECTION: return server_of(wsi)->is_stopping ? -1 : 0;
    case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION: return admit_connection(wsi, &c->visitor);
    case LWS_CALLBACK_ESTABLISHED: return open_connection(wsi, c, &c->visitor);
    case LWS_CALLBACK_RAW_ADOPT: return open_connection(wsi, c, NULL); // who may open the socket
    case LWS_CALLBACK_RECEIVE: return receive_message(wsi, c, data, bytes);
    case LWS_CALLBACK_RAW_RX: return receive_piece(wsi, c, data, bytes);
    case LWS_CALLBACK_SERVER_WRITEABLE: return send_next(wsi, c, LWS_WRITE_BINARY);
    case LWS_CALLBACK_RAW_WRITEABLE: return send_next(wsi, c, LWS_WRITE_RAW);
    case LWS_CALLBACK_CLOSED:
    case LWS_CALLBACK_RAW_CLOSE: return close_connection(wsi, c);
    default: return 0;
    }
}

// A socket at which nobody listens any more was left behind by an earlier server; anything else is
// not ours to remove.
static bool make_way(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct stat info;
    if (stat(path, &info) != 0)
        return errno == ENOENT;
    if (!S_ISSOCK(info.st_mode) || strlen(path) >= sizeof address.sun_path)
        return false;
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    int probe = socket(AF_UNIX, SOCK_STREAM, 0);
    bool is_dead = probe >= 0 && connect(probe, (struct sockaddr *)&address, sizeof address) != 0
                   && errno == ECONNREFUSED;
    if (probe >= 0)
        close(probe);
    return is_dead && unlink(path) == 0;
}

void lanes_stop_listening(const server *s)
{
    struct stat info;
    const char *path = s->params->socket;
    if (path && stat(path, &info) == 0 && info.st_dev == s->socket_device
        && info.st_ino == s->socket_number)
        (void)unlink(path);
}

bl_status lanes_listen(server *s, const char *path, bl_diag *diag)
{
    static const struct lws_protocols protocols[] = {
        {LANES_PROTOCOL, lanes_callback, sizeof(lanes_connection), 65536, 0, NULL, 0},
        {NULL, NULL, 0, 0, 0, NULL, 0},
    };
    struct lws_context_creation_info info = {0};
    info.vhost_name = "lanes";
    info.iface = path;
    info.protocols = protocols;
    info.listen_accept_role = "raw-skt";
    info.listen_accept_protocol = protocols[0].name;
    info.gid = -1;
    info.uid = -1;
    info.options = LWS_SERVER_OPTION_UNIX_SOCK | LWS_SERVER_OPTION_ADOPT_APPLY_LISTEN_ACCEPT_CONFIG
                   | LWS_SERVER_OPTION_FAIL_UPON_UNABLE_TO_BIND;
    if (!make_way(path) || !lws_create_vhost(s->context, &info))
        return bl_diag_set(diag, BL_ERR_IO, path, 0, 0,
                           "cannot listen there; --socket takes a path of at most 107 bytes in a "
                           "folder that may be written, where no other file is and nobody listens");
    struct stat made;
    if (stat(path, &made) == 0) {
        s->socket_device = made.st_dev;
        s->socket_number = made.st_ino;
    }
    return BL_OK;
}
