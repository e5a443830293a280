// SPDX-License-Identifier: MIT
// HTTP and WebSocket by libwebsockets; the only file that knows it. One thread serves all
// connections; the engine's thread wakes it through lws_cancel_service.

#include <bitloom/serve.h>

#include "session.h"

#include <libwebsockets.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_MESSAGE_BYTES = 1 << 20, MAX_SESSIONS = 256, HTTP_PIECE = 16384 };

typedef struct server {
    const bl_serve_params *params;
    struct lws_context *context;
    session_host host;
    char host_name[256]; // of --listen
    bl_buffer model_json;
} server;

// Per connection; libwebsockets zeroes it.
typedef struct connection {
    session *session; // WebSocket
    bl_buffer received;
    bool is_too_long, is_held;
    const uint8_t *body; // HTTP: what is still to be sent
    size_t body_bytes;
} connection;

static server *server_of(struct lws *wsi) { return lws_context_user(lws_get_context(wsi)); }

// ------------------------------------------------------------------------------------ HTTP

static int send_head(struct lws *wsi, unsigned status, const char *type, size_t bytes)
{
    static const char policy[] = "default-src 'none'; script-src 'unsafe-inline'; style-src "
                                 "'unsafe-inline'; img-src data:; connect-src 'self' ws: wss:; "
                                 "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
    uint8_t buffer[LWS_PRE + 2048], *start = buffer + LWS_PRE, *at = start;
    uint8_t *end = buffer + sizeof buffer - 1;
    if (lws_add_http_common_headers(wsi, status, type, bytes, &at, end)
        || lws_add_http_header_by_name(wsi, (const uint8_t *)"content-security-policy:",
                                       (const uint8_t *)policy, (int)strlen(policy), &at, end)
        || lws_add_http_header_by_name(wsi, (const uint8_t *)"x-content-type-options:",
                                       (const uint8_t *)"nosniff", 7, &at, end)
        || lws_add_http_header_by_name(
            wsi, (const uint8_t *)"cache-control:", (const uint8_t *)"no-cache", 8, &at, end)
        || lws_finalize_write_http_header(wsi, start, &at, end))
        return 1;
    return 0;
}

static int answer_http(struct lws *wsi, connection *c, unsigned status, const char *type,
                       const void *body, size_t bytes)
{
    c->body = body;
    c->body_bytes = bytes;
    if (send_head(wsi, status, type, bytes))
        return 1;
    lws_callback_on_writable(wsi);
    return 0;
}

static int handle_http(struct lws *wsi, connection *c, const char *path)
{
    static const char ok[] = "{\"status\":\"ok\"}";
    static const char lost[] =
        "{\"type\":\"error\",\"code\":\"not_found\",\"message\":\"no such path; "
        "there are /, /api/model, /api/lanes (WebSocket) and /health\"}";
    static const char bare[] = "<!doctype html><title>bitloom</title><p>This bitloom was built "
                               "without its page; the API is at /api/lanes.";
    const server *s = server_of(wsi);
    if (strcmp(path, "/") == 0 && s->params->page)
        return answer_http(wsi, c, 200, "text/html; charset=utf-8", s->params->page,
                           s->params->page_bytes);
    if (strcmp(path, "/") == 0)
        return answer_http(wsi, c, 200, "text/html; charset=utf-8", bare, strlen(bare));
    if (strcmp(path, "/api/model") == 0)
        return answer_http(wsi, c, 200, "application/json", s->model_json.data,
                           s->model_json.bytes);
    if (strcmp(path, "/health") == 0)
        return answer_http(wsi, c, 200, "application/json", ok, strlen(ok));
    return answer_http(wsi, c, 404, "application/json", lost, strlen(lost));
}

static int continue_http(struct lws *wsi, connection *c)
{
    uint8_t piece[LWS_PRE + HTTP_PIECE];
    size_t n = c->body_bytes < HTTP_PIECE ? c->body_bytes : HTTP_PIECE;
    bool is_last = n == c->body_bytes;
    memcpy(piece + LWS_PRE, c->body, n);
    if (lws_write(wsi, piece + LWS_PRE, n, is_last ? LWS_WRITE_HTTP_FINAL : LWS_WRITE_HTTP)
        < (int)n)
        return -1;
    c->body += n;
    c->body_bytes -= n;
    if (!is_last) {
        lws_callback_on_writable(wsi);
        return 0;
    }
    return lws_http_transaction_completed(wsi) ? -1 : 0;
}

// -------------------------------------------------------------------------- who may connect

// The host part of "host:port" or "[v6]:port", without brackets.
static void host_part(char *dst, size_t dst_bytes, const char *text)
{
    const char *end = NULL;
    if (*text == '[') {
        text++;
        end = strchr(text, ']');
    } else
        end = strchr(text, ':');
    size_t n = end ? (size_t)(end - text) : strlen(text);
    snprintf(dst, dst_bytes, "%.*s", (int)n, text);
}

// A name that a page elsewhere could make point here is refused (DNS rebinding): only addresses,
// localhost and the name that --listen gives.
static bool is_own_host(const server *s, const char *header)
{
    char host[256];
    host_part(host, sizeof host, header);
    bool is_address = host[0] && strspn(host, "0123456789.") == strlen(host);
    bool is_v6 = strchr(host, ':') && strspn(host, "0123456789abcdefABCDEF:.") == strlen(host);
    return is_address || is_v6 || strcmp(host, "localhost") == 0 || strcmp(host, s->host_name) == 0;
}

static bool may_connect(struct lws *wsi)
{
    char host[300] = "", origin[300] = "";
    if (lws_hdr_copy(wsi, host, sizeof host, WSI_TOKEN_HOST) <= 0
        || !is_own_host(server_of(wsi), host))
        return false;
    if (lws_hdr_copy(wsi, origin, sizeof origin, WSI_TOKEN_ORIGIN) <= 0)
        return origin[0] == 0; // no browser
    const char *name = strstr(origin, "://");
    return name && strcmp(name + 3, host) == 0;
}

static int refuse_http(struct lws *wsi, connection *c)
{
    static const char elsewhere[] =
        "{\"type\":\"error\",\"code\":\"forbidden\",\"message\":\"Host or Origin "
        "names another place; use the address that the server printed\"}";
    return answer_http(wsi, c, 403, "application/json", elsewhere, strlen(elsewhere));
}

static int refuse(struct lws *wsi)
{
    lws_return_http_status(wsi, HTTP_STATUS_FORBIDDEN, NULL);
    return -1;
}

// ------------------------------------------------------------------------------- WebSocket

static int receive(struct lws *wsi, connection *c, const void *data, size_t bytes)
{
    if (c->received.bytes + bytes > MAX_MESSAGE_BYTES)
        c->is_too_long = true;
    else
        bl_buffer_append(&c->received, data, bytes);
    if (lws_remaining_packet_payload(wsi) > 0 || !lws_is_final_fragment(wsi))
        return 0;
    if (c->is_too_long || c->received.status != BL_OK)
        session_reject(c->session, "the message is longer than 1048576 bytes");
    else if (lws_frame_is_binary(wsi))
        session_reject(c->session, "a binary frame; requests are JSON in text frames");
    else
        session_receive(c->session, (const char *)c->received.data, c->received.bytes);
    c->is_too_long = false;
    bl_buffer_clear(&c->received);
    if (session_next_message(c->session))
        lws_callback_on_writable(wsi);
    if (session_is_full(c->session)) { // it asks and does not read: let it wait
        c->is_held = true;
        lws_rx_flow_control(wsi, 0);
    }
    return 0;
}

static int send_next(struct lws *wsi, connection *c)
{
    const message *m = session_next_message(c->session);
    if (!m)
        return 0;
    enum lws_write_protocol kind = m->is_binary ? LWS_WRITE_BINARY : LWS_WRITE_TEXT;
    if (lws_write(wsi, m->data + LWS_PRE, m->bytes, kind) < (int)m->bytes)
        return -1;
    session_message_sent(c->session);
    if (session_next_message(c->session))
        lws_callback_on_writable(wsi);
    if (c->is_held && !session_is_full(c->session)) {
        c->is_held = false;
        lws_rx_flow_control(wsi, 1);
    }
    return 0;
}

static int open_session(struct lws *wsi, connection *c)
{
    server *s = server_of(wsi);
    c->session = s->host.n_sessions < MAX_SESSIONS ? session_create(&s->host) : NULL;
    if (!c->session)
        return -1;
    session_set_owner(c->session, wsi);
    session_greet(c->session);
    lws_callback_on_writable(wsi);
    return 0;
}

static void want_write(void *wsi) { lws_callback_on_writable(wsi); }

static int callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *data,
                    size_t bytes)
{
    connection *c = user;
    switch (reason) {
    case LWS_CALLBACK_HTTP:
        return may_connect(wsi) ? handle_http(wsi, c, data) : refuse_http(wsi, c);
    case LWS_CALLBACK_HTTP_WRITEABLE: return c && c->body ? continue_http(wsi, c) : 0;
    case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION: return may_connect(wsi) ? 0 : refuse(wsi);
    case LWS_CALLBACK_ESTABLISHED: return open_session(wsi, c);
    case LWS_CALLBACK_RECEIVE: return receive(wsi, c, data, bytes);
    case LWS_CALLBACK_SERVER_WRITEABLE: return send_next(wsi, c);
    case LWS_CALLBACK_CLOSED:
        if (c->session)
            session_close(c->session);
        bl_buffer_clear(&c->received);
        return 0;
    case LWS_CALLBACK_EVENT_WAIT_CANCELLED: engine_deliver(server_of(wsi)->host.engine); return 0;
    default: return 0;
    }
}

static const struct lws_protocols protocols[] = {
    {"http", callback, sizeof(connection), 0, 0, NULL, 0},
    {"bitloom.lanes.1", callback, sizeof(connection), 65536, 0, NULL, 0},
    {NULL, NULL, 0, 0, 0, NULL, 0},
};

// ------------------------------------------------------------------------------------- life

static void wake(void *context) { lws_cancel_service(((server *)context)->context); }

static bl_status parse_listen(char *host, size_t host_bytes, int *port, const char *listen,
                              bl_diag *diag)
{
    const char *colon = strrchr(listen, ':');
    char *end = NULL;
    long value = colon ? strtol(colon + 1, &end, 10) : -1;
    if (!colon || end == colon + 1 || *end || value < 0 || value > 65535
        || (size_t)(colon - listen) >= host_bytes)
        return bl_diag_set(diag, BL_ERR_ARGUMENT, NULL, 0, 0,
                           "--listen %s: expected HOST:PORT, such as 127.0.0.1:8512", listen);
    host_part(host, host_bytes, listen);
    *port = (int)value;
    return BL_OK;
}

static bl_status start(server *s, int port, bl_diag *diag)
{
    struct lws_context_creation_info info = {0};
    lws_set_log_level(0, NULL);
    info.port = port;
    info.iface = s->host_name[0] ? s->host_name : NULL;
    info.protocols = protocols;
    info.user = s;
    info.gid = -1;
    info.uid = -1;
    info.max_http_header_data = 16384;
    info.timeout_secs = 20;
    info.options = LWS_SERVER_OPTION_VALIDATE_UTF8 | LWS_SERVER_OPTION_FAIL_UPON_UNABLE_TO_BIND
                   | LWS_SERVER_OPTION_EXPLICIT_VHOSTS;
    s->context = lws_create_context(&info);
    struct lws_vhost *vhost = s->context ? lws_create_vhost(s->context, &info) : NULL;
    if (!vhost)
        return bl_diag_set(diag, BL_ERR_IO, NULL, 0, 0,
                           "cannot listen on %s: the address is in use or not of this machine; "
                           "--listen HOST:PORT chooses another",
                           s->params->listen);
    char url[320];
    const char *host = s->host_name[0] ? s->host_name : "127.0.0.1";
    snprintf(url, sizeof url, strchr(host, ':') ? "http://[%s]:%d" : "http://%s:%d", host,
             lws_get_vhost_listen_port(vhost));
    if (s->params->on_ready)
        s->params->on_ready(s->params->context, url);
    return BL_OK;
}

// Connections close first (destroying the context calls back), then what they had under way ends.
static void stop(server *s)
{
    if (s->context)
        lws_context_destroy(s->context);
    while (s->host.n_sessions > 0)
        engine_deliver(s->host.engine);
}

static void wake_nobody(void *context) { (void)context; }

bl_status bl_serve(const bl_serve_params *params, bl_diag *diag)
{
    server s = {.params = params,
                .host = {.model = params->model, .room = LWS_PRE, .want_write = want_write}};
    int port = 0;
    bl_status status = parse_listen(s.host_name, sizeof s.host_name, &port, params->listen, diag);
    if (status != BL_OK)
        return status;
    bl_json json;
    bl_json_begin(&json, &s.model_json, false);
    write_model_json(&json, NULL, params->model);
    status = s.model_json.status;
    if (status == BL_OK)
        status = engine_create(&s.host.engine, params->model, params->cpu, wake, &s);
    if (status != BL_OK)
        bl_diag_set(diag, status, NULL, 0, 0, "%s", bl_status_text(status));
    else
        status = start(&s, port, diag);
    while (status == BL_OK && !*params->should_stop)
        if (lws_service(s.context, 0) < 0)
            break;
    engine_set_wake(s.host.engine, wake_nobody);
    stop(&s);
    engine_destroy(&s.host.engine);
    bl_buffer_clear(&s.model_json);
    return status;
}
