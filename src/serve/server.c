// SPDX-License-Identifier: MIT
// HTTP and the page's WebSocket by libwebsockets. One thread serves all
// connections; the engine's thread wakes it through lws_cancel_service.

#include "server_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    MAX_MESSAGE_BYTES = 1 << 20,
    MAX_PATH_BYTES = 256,
    MAX_DISCARDED_BYTES = 16 << 20, // of a body that is too long
    HTTP_PIECE = 16384,
    SECONDS_TO_READ = 60
};

// Per connection; libwebsockets zeroes it.
typedef struct connection {
    session *session;   // WebSocket
    bl_buffer received; // a message, or the body of a request
    bool is_too_long, is_held;
    // HTTP: the request under way, and its reply
    char method[8], path[MAX_PATH_BYTES], json_bytes[24];
    const char *refusal; // the code of an error that is known before the body
    bool is_chunked;     // a stream's body would be: HTTP/1.1
    bool is_last;        // the connection closes after the reply
    bool has_head, wants_write;
    http_head head;
    http_reply *reply;
} connection;

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

bool may_connect(struct lws *wsi)
{
    char host[300] = "", origin[300] = "";
    if ((lws_hdr_copy(wsi, host, sizeof host, WSI_TOKEN_HOST) <= 0
         && lws_hdr_copy(wsi, host, sizeof host, WSI_TOKEN_HTTP_COLON_AUTHORITY) <= 0)
        || !is_own_host(server_of(wsi), host))
        return false;
    if (lws_hdr_copy(wsi, origin, sizeof origin, WSI_TOKEN_ORIGIN) <= 0)
        return origin[0] == 0; // no browser
    const char *name = strstr(origin, "://");
    return name && strcmp(name + 3, host) == 0;
}

int refuse_connection(struct lws *wsi)
{
    lws_return_http_status(wsi, HTTP_STATUS_FORBIDDEN, NULL);
    return -1;
}

// ------------------------------------------------------------------------------------ HTTP

static bool add_header(struct lws *wsi, uint8_t **at, uint8_t *end, const char *name,
                       const char *value)
{
    return lws_add_http_header_by_name(wsi, (const uint8_t *)name, (const uint8_t *)value,
                                       (int)strlen(value), at, end)
           == 0;
}

static bool add_number(struct lws *wsi, uint8_t **at, uint8_t *end, const char *name, size_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%zu", value);
    return add_header(wsi, at, end, name, text);
}

static bool add_optional_headers(struct lws *wsi, const connection *c, uint8_t **at, uint8_t *end)
{
    const http_head *h = &c->head;
    if (c->is_last && !add_header(wsi, at, end, "connection:", "close"))
        return false;
    if (h->retry_after_ms
        && (!add_number(wsi, at, end, "retry-after-ms:", h->retry_after_ms)
            || !add_number(wsi, at, end, "retry-after:", (h->retry_after_ms + 999) / 1000)))
        return false;
    if (h->json_bytes
        && !add_number(wsi, at, end, "inference-header-content-length:", h->json_bytes))
        return false;
    if (h->is_stream && c->is_chunked && !add_header(wsi, at, end, "transfer-encoding:", "chunked"))
        return false;
    if (h->is_stream && !add_header(wsi, at, end, "x-accel-buffering:", "no"))
        return false;
    return (h->is_stream || add_number(wsi, at, end, "content-length:", h->body_bytes))
           && (!h->allow || add_header(wsi, at, end, "allow:", h->allow));
}

static bool send_head(struct lws *wsi, const connection *c)
{
    static const char policy[] = "default-src 'none'; script-src 'unsafe-inline'; style-src "
                                 "'unsafe-inline'; img-src data:; connect-src 'self' ws: wss:; "
                                 "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
    uint8_t buffer[LWS_PRE + 2048], *start = buffer + LWS_PRE, *at = start;
    uint8_t *end = buffer + sizeof buffer - 1;
    return lws_add_http_header_status(wsi, c->head.status, &at, end) == 0
           && add_header(wsi, &at, end, "content-type:", c->head.type)
           && add_header(wsi, &at, end, "content-security-policy:", policy)
           && add_header(wsi, &at, end, "x-content-type-options:", "nosniff")
           && add_header(wsi, &at, end, "cache-control:", "no-cache")
           && add_optional_headers(wsi, c, &at, end)
           && lws_finalize_write_http_header(wsi, start, &at, end) == 0;
}

static void drop_request(connection *c)
{
    if (c->reply)
        http_reply_close(c->reply);
    c->reply = NULL;
    bl_buffer_clear(&c->received);
}

static int end_request(struct lws *wsi, connection *c)
{
    drop_request(c);
    return c->is_last || lws_http_transaction_completed(wsi) ? -1 : 0;
}

// Whether some connection has sent more than was asked for yet; which one, nobody tells. Of the
// connections that may be meant, a note outlives the request.
static bool is_any_ahead(struct lws *wsi)
{
    return lws_service_adjust_timeout(lws_get_context(wsi), 1000, 0) == 0;
}

static void note_ahead(struct lws *wsi) { lws_set_opaque_user_data(wsi, server_of(wsi)); }

static bool may_be_ahead(struct lws *wsi)
{
    return lws_get_opaque_user_data(wsi) && is_any_ahead(wsi);
}

// Lets libwebsockets call back when there is room. While it holds back what a client sends ahead
// (see answer_http) it would not.
static void want_write_http(struct lws *wsi, connection *c)
{
    c->wants_write = true;
    lws_rx_flow_control(wsi, 1);
    lws_callback_on_writable(wsi);
}

// Writes what there is of the body, of a stream as one chunk (RFC 9112, 7.1).
static int send_body(struct lws *wsi, connection *c)
{
    uint8_t piece[LWS_PRE + 16 + HTTP_PIECE + 16], *data = piece + LWS_PRE + 16, *begin = data;
    bool is_last, is_chunked = c->head.is_stream && c->is_chunked;
    size_t n = http_reply_pull(data, c->reply, HTTP_PIECE, &is_last), bytes = n;
    if (is_chunked && n > 0) {
        char size[16];
        int n_size = snprintf(size, sizeof size, "%zx\r\n", n);
        begin -= n_size;
        memcpy(begin, size, (size_t)n_size);
        memcpy(data + n, "\r\n", 2);
        bytes += (size_t)n_size + 2;
    }
    if (is_chunked && is_last) {
        memcpy(begin + bytes, "0\r\n\r\n", 5);
        bytes += 5;
    }
    if ((bytes > 0 || is_last)
        && lws_write(wsi, begin, bytes, is_last ? LWS_WRITE_HTTP_FINAL : LWS_WRITE_HTTP)
               < (int)bytes)
        return -1;
    if (is_last)
        return end_request(wsi, c);
    // a client that reads nothing for so long is gone; without news it is for us to go on
    lws_set_timeout(wsi, n > 0 ? PENDING_TIMEOUT_HTTP_CONTENT : NO_PENDING_TIMEOUT,
                    n > 0 ? SECONDS_TO_READ : 0);
    if (n > 0)
        want_write_http(wsi, c);
    return 0;
}

static int continue_http(struct lws *wsi, connection *c)
{
    c->wants_write = false;
    if (!c->reply)
        return 0;
    if (c->has_head) {
        uint64_t wait_us = http_reply_wait_us(c->reply);
        if (wait_us == 0)
            return send_body(wsi, c);
        lws_set_timer_usecs(wsi, (lws_usec_t)wait_us);
        return 0;
    }
    if (!http_reply_head(&c->head, c->reply))
        return 0;
    if (is_any_ahead(wsi))
        note_ahead(wsi);
    if (!send_head(wsi, c))
        return -1;
    c->has_head = true;
    if (strcmp(c->method, "HEAD") == 0)
        return end_request(wsi, c);
    want_write_http(wsi, c);
    return 0;
}

static const char *refusal_text(const char *code)
{
    return strcmp(code, "too_large") == 0         ? "the body is longer than 1048576 bytes"
           : strcmp(code, "length_required") == 0 ? "a body needs a Content-Length"
                                                  : "Host or Origin names another place; use the "
                                                    "address that the server printed";
}

// A client that sends its next request before it has read the answer makes libwebsockets call again
// and again: then nothing is read until there is something to write.
static int hold_request(struct lws *wsi, const connection *c)
{
    note_ahead(wsi);
    if (!c->wants_write)
        lws_rx_flow_control(wsi, 0);
    return 0;
}

static int answer_http(struct lws *wsi, connection *c)
{
    http_host *host = &server_of(wsi)->http;
    if (c->reply)
        return hold_request(wsi, c);
    http_request request = {.method = c->method,
                            .path = c->path,
                            .body = c->received.data,
                            .bytes = c->received.bytes,
                            .json_bytes = c->json_bytes[0] ? c->json_bytes : NULL};
    if (c->refusal)
        c->reply = http_refuse(host, c->refusal, refusal_text(c->refusal));
    else if (c->is_too_long || c->received.status != BL_OK)
        c->reply = http_refuse(host, "too_large", refusal_text("too_large"));
    else
        c->reply = http_answer(host, &request);
    bl_buffer_clear(&c->received);
    if (!c->reply)
        return -1;
    http_reply_set_owner(c->reply, wsi);
    lws_set_timeout(wsi, NO_PENDING_TIMEOUT, 0);
    want_write_http(wsi, c);
    return 0;
}

// To methods[8]; HTTP/2 has it as a header.
static void copy_method(char *method, struct lws *wsi)
{
    static const struct {
        enum lws_token_indexes token;
        const char *name;
    } methods[] = {{WSI_TOKEN_GET_URI, "GET"},        {WSI_TOKEN_POST_URI, "POST"},
                   {WSI_TOKEN_HEAD_URI, "HEAD"},      {WSI_TOKEN_PUT_URI, "PUT"},
                   {WSI_TOKEN_PATCH_URI, "PATCH"},    {WSI_TOKEN_DELETE_URI, "DELETE"},
                   {WSI_TOKEN_OPTIONS_URI, "OPTIONS"}};
    if (lws_hdr_copy(wsi, method, 8, WSI_TOKEN_HTTP_COLON_METHOD) > 0)
        return;
    strcpy(method, "OTHER");
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
        if (lws_hdr_total_length(wsi, methods[i].token) > 0)
            strcpy(method, methods[i].name);
}

// What is wrong with a request's head, or NULL. libwebsockets reads no chunked bodies, and waits for
// a body after every POST, PUT and PATCH.
static const char *find_refusal(struct lws *wsi, const char *method, const char *length)
{
    bool wants_body =
        strcmp(method, "POST") == 0 || strcmp(method, "PUT") == 0 || strcmp(method, "PATCH") == 0;
    if ((wants_body && !*length) || lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_TRANSFER_ENCODING))
        return "length_required";
    if (strtoull(length, NULL, 10) > MAX_DISCARDED_BYTES)
        return "too_large";
    return may_connect(wsi) ? NULL : "forbidden";
}

static void copy_custom_header(struct lws *wsi, char *dst, size_t dst_bytes, const char *name)
{
    if (lws_hdr_custom_copy(wsi, dst, (int)dst_bytes, name, (int)strlen(name)) <= 0)
        dst[0] = 0;
}

// The head of a request; its body, if it has one, follows.
static int begin_http(struct lws *wsi, connection *c, const char *path)
{
    char length[24] = "", version[16] = "";
    drop_request(c);
    lws_hdr_copy(wsi, length, sizeof length, WSI_TOKEN_HTTP_CONTENT_LENGTH);
    lws_hdr_copy(wsi, version, sizeof version, WSI_TOKEN_HTTP);
    bool is_http2 = lws_get_network_wsi(wsi) != wsi;
    bool is_empty = strspn(length, "0") == strlen(length);
    // NOTE(libwebsockets 4.1.6): a head that was sent ahead with its body would be read as its body
    if (!is_empty && may_be_ahead(wsi)) {
        lws_return_http_status(wsi, HTTP_STATUS_SERVICE_UNAVAILABLE,
                               "sent before the answer to the request before it; send it again");
        return -1;
    }
    *c = (connection){.is_chunked = !is_http2 && strcmp(version, "HTTP/1.0") != 0};
    copy_method(c->method, wsi);
    snprintf(c->path, sizeof c->path, "%s", path);
    copy_custom_header(wsi, c->json_bytes, sizeof c->json_bytes,
                       "inference-header-content-length:");
    c->refusal = find_refusal(wsi, c->method, length);
    c->is_last = c->refusal && strcmp(c->refusal, "forbidden") != 0;
    bool is_told_later = !is_empty || (*length && strcmp(c->method, "POST") == 0);
    return is_told_later && !c->is_last ? 0 : answer_http(wsi, c);
}

// libwebsockets loses the body of a request that offers to change to HTTP/2.
static int confirm_upgrade(struct lws *wsi, const char *protocol)
{
    if (strcmp(protocol, "h2c") != 0 || !lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH))
        return 0;
    lws_return_http_status(wsi, HTTP_STATUS_HTTP_VERSION_NOT_SUPPORTED,
                           "a request with a body cannot change to HTTP/2; set the client to "
                           "HTTP/1.1");
    return 1;
}

static int receive_body(connection *c, const void *data, size_t bytes)
{
    if (c->reply)
        return 0; // it is refused already
    if (c->received.bytes + bytes > HTTP_MAX_BODY_BYTES)
        c->is_too_long = true; // read and forget, so that the client can read the answer
    else
        bl_buffer_append(&c->received, data, bytes);
    return 0;
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

static void want_write(void *owner)
{
    struct lws *wsi = owner;
    connection *c = lws_wsi_user(wsi);
    if (c->session)
        lws_callback_on_writable(wsi);
    else
        want_write_http(wsi, c);
}

static int callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *data,
                    size_t bytes)
{
    connection *c = user;
    switch (reason) {
    case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE: return confirm_upgrade(wsi, data);
    case LWS_CALLBACK_HTTP: return begin_http(wsi, c, data);
    case LWS_CALLBACK_HTTP_BODY: return receive_body(c, data, bytes);
    case LWS_CALLBACK_HTTP_BODY_COMPLETION: return answer_http(wsi, c);
    case LWS_CALLBACK_HTTP_WRITEABLE: return c ? continue_http(wsi, c) : 0;
    case LWS_CALLBACK_TIMER: want_write(wsi); return 0;
    case LWS_CALLBACK_CLOSED_HTTP:
        if (c)
            drop_request(c);
        return 0;
    case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION:
        return may_connect(wsi) ? 0 : refuse_connection(wsi);
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
    {"bitloom.lanes.2", lanes_callback, sizeof(lanes_connection), 65536, 0, NULL, 0},
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
    if (s->params->socket && lanes_listen(s, s->params->socket, diag) != BL_OK)
        return BL_ERR_IO;
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
    while (s->host.n_sessions > 0 || s->http.n_running > 0 || s->lanes.n_connections > 0)
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
    status = engine_create(&s.host.engine, params->model, params->cpu, wake, &s);
    s.http = (http_host){.engine = s.host.engine,
                         .model = params->model,
                         .page = params->page,
                         .page_bytes = params->page_bytes,
                         .n_sessions = &s.host.n_sessions,
                         .want_write = want_write};
    s.lanes = (lanes_host){.engine = s.host.engine,
                           .model = params->model,
                           .room = LWS_PRE,
                           .want_write = lanes_want_write};
    if (status != BL_OK)
        bl_diag_set(diag, status, NULL, 0, 0, "%s", bl_status_text(status));
    else
        status = start(&s, port, diag);
    while (status == BL_OK && !*params->should_stop)
        if (lws_service(s.context, 0) < 0)
            break;
    engine_set_wake(s.host.engine, wake_nobody);
    stop(&s);
    if (status == BL_OK && params->socket)
        (void)unlink(params->socket);
    engine_destroy(&s.host.engine);
    http_host_clear(&s.http);
    return status;
}
