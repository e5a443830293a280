// SPDX-License-Identifier: MIT
// HTTP and the page's WebSocket by libwebsockets, which only this file, server_http.c and
// server_lanes.c know. One thread serves all connections; the engine's thread wakes it through
// lws_cancel_service.

#include "server.h"

#include "saved.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_MESSAGE_BYTES = 1 << 20 };

#define PAGE_PROTOCOL "bitloom.lanes.1"

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
    log_refusal(wsi, HTTP_STATUS_FORBIDDEN, "forbidden");
    lws_return_http_status(wsi, HTTP_STATUS_FORBIDDEN, NULL);
    return -1;
}

// "bitloom.lanes.1, bitloom.key.KEY" or "?key=KEY" to key[MAX_KEY]; "" without.
static void find_key(struct lws *wsi, char *key)
{
    static const char mark[] = "bitloom.key.";
    char names[2 * MAX_KEY + 64] = "", argument[MAX_KEY];
    lws_hdr_copy(wsi, names, sizeof names, WSI_TOKEN_PROTOCOL);
    const char *found = strstr(names, mark);
    if (found) {
        found += sizeof mark - 1;
        snprintf(key, MAX_KEY, "%.*s", (int)strcspn(found, ", "), found);
        return;
    }
    const char *value = lws_get_urlarg_by_name(wsi, "key=", argument, sizeof argument);
    snprintf(key, MAX_KEY, "%s", value ? value : "");
}

int admit_connection(struct lws *wsi, visitor *v)
{
    server *s = server_of(wsi);
    char key[MAX_KEY];
    request_error e = {0};
    if (!may_connect(wsi))
        return refuse_connection(wsi);
    if (s->is_stopping) {
        log_refusal(wsi, HTTP_STATUS_SERVICE_UNAVAILABLE, "stopping");
        lws_return_http_status(wsi, HTTP_STATUS_SERVICE_UNAVAILABLE, "the server stops");
        return -1;
    }
    if (!s->accounts)
        return 0;
    find_key(wsi, key);
    if (accounts_enter(v, s->accounts, key, &e))
        return 0;
    unsigned status = strcmp(e.code, "no_key") == 0     ? HTTP_STATUS_UNAUTHORIZED
                      : strcmp(e.code, "too_fast") == 0 ? 429
                                                        : HTTP_STATUS_SERVICE_UNAVAILABLE;
    log_refusal(wsi, status, e.code);
    lws_return_http_status(wsi, status, e.message);
    return -1;
}

// ------------------------------------------------------------------------------- WebSocket

static int receive(struct lws *wsi, connection *c, const void *data, size_t bytes)
{
    if (server_of(wsi)->is_stopping)
        return 0; // too late
    if (c->received.bytes + bytes > MAX_MESSAGE_BYTES)
        c->is_too_long = true;
    else
        bl_buffer_append(&c->received, data, bytes);
    if (lws_remaining_packet_payload(wsi) > 0 || !lws_is_final_fragment(wsi))
        return 0;
    c->counts.n_requests++;
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
        return stay_or_leave(wsi, true);
    enum lws_write_protocol kind = m->is_binary ? LWS_WRITE_BINARY : LWS_WRITE_TEXT;
    if (lws_write(wsi, m->data + LWS_PRE, m->bytes, kind) < (int)m->bytes)
        return -1;
    session_message_sent(c->session);
    c->counts.n_frames++;
    if (session_next_message(c->session) || server_of(wsi)->is_leaving)
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
    c->session = s->host.n_sessions < MAX_SESSIONS ? session_create(&s->host, &c->visitor) : NULL;
    if (!c->session)
        return -1;
    session_set_owner(c->session, wsi);
    c->counts.since_ns = bl_time_ns();
    find_peer(c->peer, wsi);
    log_connect(wsi, PAGE_PROTOCOL, c->peer, &c->visitor);
    session_greet(c->session);
    lws_callback_on_writable(wsi);
    return 0;
}

static int close_session(struct lws *wsi, connection *c)
{
    bl_buffer_clear(&c->received);
    if (!c->session)
        return 0;
    c->counts.n_lane_steps = session_lane_steps(c->session);
    log_disconnect(wsi, PAGE_PROTOCOL, c->peer, &c->visitor, &c->counts);
    session_close(c->session);
    return 0;
}

static void want_write(void *owner)
{
    struct lws *wsi = owner;
    connection *c = lws_wsi_user(wsi);
    if (c->session)
        lws_callback_on_writable(wsi);
    else
        http_want_write(wsi, c);
}

static void deliver(server *s)
{
    engine_deliver(s->host.engine);
    if (s->accounts)
        accounts_deliver(s->accounts);
}

static int callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *data,
                    size_t bytes)
{
    connection *c = user;
    switch (reason) {
    case LWS_CALLBACK_FILTER_NETWORK_CONNECTION: return server_of(wsi)->is_stopping ? -1 : 0;
    case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE: return http_confirm_upgrade(wsi, data);
    case LWS_CALLBACK_HTTP: return http_begin(wsi, c, data);
    case LWS_CALLBACK_HTTP_BODY: return http_receive(c, data, bytes);
    case LWS_CALLBACK_HTTP_BODY_COMPLETION: return http_answer_request(wsi, c);
    case LWS_CALLBACK_HTTP_WRITEABLE: return c ? http_continue(wsi, c) : 0;
    case LWS_CALLBACK_TIMER: want_write(wsi); return 0;
    case LWS_CALLBACK_CLOSED_HTTP:
        if (c)
            http_drop(wsi, c);
        return 0;
    case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION: return admit_connection(wsi, &c->visitor);
    case LWS_CALLBACK_ESTABLISHED: return open_session(wsi, c);
    case LWS_CALLBACK_RECEIVE: return receive(wsi, c, data, bytes);
    case LWS_CALLBACK_SERVER_WRITEABLE: return send_next(wsi, c);
    case LWS_CALLBACK_CLOSED: return close_session(wsi, c);
    case LWS_CALLBACK_EVENT_WAIT_CANCELLED: deliver(server_of(wsi)); return 0;
    default: return 0;
    }
}

static const struct lws_protocols protocols[] = {
    {"http", callback, sizeof(connection), 0, 0, NULL, 0},
    {PAGE_PROTOCOL, callback, sizeof(connection), 65536, 0, NULL, 0},
    {"bitloom.lanes.2", lanes_callback, sizeof(lanes_connection), 65536, 0, NULL, 0},
    {NULL, NULL, 0, 0, 0, NULL, 0},
};

// ------------------------------------------------------------------------------------- life

// Once a second; more often while the server stops, so that it sees when all is done.
void server_look(lws_sorted_usec_list_t *clock)
{
    server *s = lws_container_of(clock, server, clock);
    lanes_expire(&s->lanes, bl_time_ns());
    lws_sul_schedule(s->context, 0, clock, server_look,
                     s->is_stopping ? LWS_US_PER_SEC / 50 : LWS_US_PER_SEC);
}

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
    if (s->params->certificate) {
        bl_file file; // libwebsockets would only say that it failed
        const char *files[] = {s->params->certificate, s->params->key};
        for (int i = 0; i < 2; i++) {
            if (bl_file_open(&file, files[i], diag) != BL_OK)
                return BL_ERR_IO;
            bl_file_close(&file);
        }
        info.options |= LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
        info.ssl_cert_filepath = s->params->certificate;
        info.ssl_private_key_filepath = s->params->key;
    }
    s->context = lws_create_context(&info);
    struct lws_vhost *vhost = s->context ? lws_create_vhost(s->context, &info) : NULL;
    if (!vhost)
        return bl_diag_set(diag, BL_ERR_IO, NULL, 0, 0,
                           "cannot listen on %s: the address is in use or not of this machine "
                           "(--listen HOST:PORT chooses another)%s",
                           s->params->listen,
                           s->params->certificate
                               ? ", or certificate and key are no PEM files that belong together"
                               : "");
    if (s->params->socket && lanes_listen(s, s->params->socket, diag) != BL_OK)
        return BL_ERR_IO;
    server_look(&s->clock);
    if (s->params->sessions && saved_take(s->params->sessions, diag) != BL_OK)
        return BL_ERR_IO;
    char url[320];
    const char *host = s->host_name[0] ? s->host_name : "127.0.0.1";
    snprintf(url, sizeof url, strchr(host, ':') ? "%s://[%s]:%d" : "%s://%s:%d",
             s->params->certificate ? "https" : "http", host, lws_get_vhost_listen_port(vhost));
    log_listen(s, url);
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
        deliver(s);
}

// What earlier servers have kept comes back before anybody can ask for it.
static bl_status start_with_saved(server *s, int port, bl_diag *diag)
{
    const char *path = s->params->sessions;
    bl_status status = path ? saved_check_folder(path, diag) : BL_OK;
    if (path && status == BL_OK)
        status = saved_read(path, &s->lanes, &s->http, diag);
    if (path && status == BL_OK)
        log_saved(s, "load");
    if (status == BL_OK)
        status = start(s, port, diag);
    return status;
}

static bl_status save(server *s, bl_diag *diag)
{
    bl_status status = saved_write(s->params->sessions, &s->lanes, &s->http, diag);
    if (status == BL_OK)
        log_saved(s, "save");
    return status;
}

static void reopen_journal(server *s)
{
    const volatile sig_atomic_t *wanted = s->params->should_reopen_log;
    if (!wanted || *wanted == s->n_reopened)
        return;
    s->n_reopened = *wanted;
    journal_reopen(s->journal);
}

static void wake_nobody(void *context) { (void)context; }

static bl_status make_hosts(server *s, bl_diag *diag)
{
    const bl_serve_params *params = s->params;
    bl_status status = engine_create(&s->host.engine, params->model, params->cpu,
                                     bl_thread_count(params->n_threads), wake, s);
    s->http = (http_host){.engine = s->host.engine,
                          .model = params->model,
                          .page = params->page,
                          .page_bytes = params->page_bytes,
                          .account_page = params->account_page,
                          .account_page_bytes = params->account_page_bytes,
                          .accounts = s->accounts,
                          .lanes = &s->lanes,
                          .n_sessions = &s->host.n_sessions,
                          .n_connections = &s->lanes.n_connections,
                          .want_write = want_write};
    s->host.accounts = s->accounts;
    s->lanes = (lanes_host){.engine = s->host.engine,
                            .accounts = s->accounts,
                            .model = params->model,
                            .room = LWS_PRE,
                            .keep_ns = (uint64_t)params->keep_seconds * 1000000000u,
                            .on_note = log_note,
                            .context = s};
    return status == BL_OK ? BL_OK
                           : bl_diag_set(diag, status, NULL, 0, 0, "%s", bl_status_text(status));
}

static bl_status serve(server *s, int port, bl_diag *diag)
{
    bl_status status = make_hosts(s, diag);
    if (status == BL_OK)
        status = start_with_saved(s, port, diag);
    bool is_served = status == BL_OK;
    while (is_served && !*s->params->should_stop && lws_service(s->context, 0) >= 0)
        reopen_journal(s);
    if (is_served)
        server_leave(s, protocols);
    engine_set_wake(s->host.engine, wake_nobody);
    if (s->accounts)
        accounts_set_wake(s->accounts, wake_nobody);
    stop(s);
    lanes_stop_listening(s);
    if (is_served && s->params->sessions)
        status = save(s, diag);
    if (is_served)
        log_stop(s);
    lanes_host_clear(&s->lanes);
    accounts_close(&s->accounts);
    engine_destroy(&s->host.engine);
    http_host_clear(&s->http);
    return status;
}

bl_status bl_serve(const bl_serve_params *params, bl_diag *diag)
{
    bl_diag own;
    server s = {.params = params,
                .host = {.model = params->model, .room = LWS_PRE, .want_write = want_write}};
    int port = 0;
    if (!diag)
        diag = &own;
    bl_status status = parse_listen(s.host_name, sizeof s.host_name, &port, params->listen, diag);
    if (status == BL_OK && params->log)
        status = journal_open(&s.journal, params->log, diag);
    log_start(&s);
    if (status == BL_OK && params->accounts)
        status = accounts_open(&s.accounts, params->accounts, wake, &s, diag);
    if (status == BL_OK)
        status = serve(&s, port, diag);
    if (status != BL_OK)
        log_error(&s, diag);
    journal_close(&s.journal);
    return status;
}
