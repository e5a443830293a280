// SPDX-License-Identifier: MIT
// HTTP by libwebsockets: requests are handed to http/, replies pulled when there is room for them.
//
//     http_begin (head) -> http_receive (body) ... -> http_answer_request
//     -> http_continue: head, then piece by piece, each when the socket takes more -> http_drop

#include "server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
    MAX_DISCARDED_BYTES = 16 << 20, // of a body that is too long
    HTTP_PIECE = 16384,
    SECONDS_TO_READ = 60
};

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
    if (h->is_final && !add_header(wsi, at, end, "x-should-retry:", "false"))
        return false;
    if (h->status == 401 && !add_header(wsi, at, end, "www-authenticate:", "Bearer"))
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
                                 "'unsafe-inline'; img-src data:; worker-src blob:; "
                                 "connect-src 'self' ws: wss:; base-uri 'none'; "
                                 "form-action 'none'; frame-ancestors 'none'";
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

void http_drop(struct lws *wsi, connection *c)
{
    if (c->reply) {
        log_http(wsi, c);
        http_reply_close(c->reply);
        server_of(wsi)->n_replies--;
    }
    c->reply = NULL;
    bl_buffer_clear(&c->received);
}

static int end_request(struct lws *wsi, connection *c)
{
    http_drop(wsi, c);
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
// (see http_answer_request) it would not.
void http_want_write(struct lws *wsi, connection *c)
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
    c->n_out += n;
    if (is_last)
        return end_request(wsi, c);
    // a client that reads nothing for so long is gone; without news it is for us to go on
    lws_set_timeout(wsi, n > 0 ? PENDING_TIMEOUT_HTTP_CONTENT : NO_PENDING_TIMEOUT,
                    n > 0 ? SECONDS_TO_READ : 0);
    if (n > 0)
        http_want_write(wsi, c);
    return 0;
}

int http_continue(struct lws *wsi, connection *c)
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
    http_want_write(wsi, c);
    return 0;
}

static const char *refusal_text(const char *code)
{
    return strcmp(code, "too_large") == 0         ? "the body is longer than 1048576 bytes"
           : strcmp(code, "length_required") == 0 ? "a body needs a Content-Length"
           : strcmp(code, "stopping") == 0 ? "the server stops; send it again to the next one"
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

int http_answer_request(struct lws *wsi, connection *c)
{
    http_host *host = &server_of(wsi)->http;
    if (c->reply)
        return hold_request(wsi, c);
    http_request request = {.method = c->method,
                            .path = c->path,
                            .key = c->key[0] ? c->key : NULL,
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
    server_of(wsi)->n_replies++;
    http_reply_set_owner(c->reply, wsi);
    lws_set_timeout(wsi, NO_PENDING_TIMEOUT, 0);
    http_want_write(wsi, c);
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

// What is wrong with a request's head, or NULL. libwebsockets reads no chunked bodies, and waits
// for a body after every POST, PUT and PATCH.
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

// The key of "Authorization: Bearer KEY" to key[MAX_KEY], "" without; one that is too long becomes
// one that is unknown.
static void copy_key(struct lws *wsi, char *key)
{
    char header[MAX_KEY + 16];
    int n = lws_hdr_copy(wsi, header, sizeof header, WSI_TOKEN_HTTP_AUTHORIZATION);
    bool is_bearer = n > 7 && strncasecmp(header, "bearer ", 7) == 0;
    snprintf(key, MAX_KEY, "%.*s", MAX_KEY - 1, is_bearer ? header + 7 : "");
    if (lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_AUTHORIZATION) > MAX_KEY + 15)
        snprintf(key, MAX_KEY, "too long");
}

// The head of a request; its body, if it has one, follows.
int http_begin(struct lws *wsi, connection *c, const char *path)
{
    char length[24] = "", version[16] = "";
    http_drop(wsi, c);
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
    *c = (connection){.is_chunked = !is_http2 && strcmp(version, "HTTP/1.0") != 0,
                      .since_ns = bl_time_ns()};
    find_peer(c->peer, wsi);
    copy_method(c->method, wsi);
    snprintf(c->path, sizeof c->path, "%s", path);
    copy_key(wsi, c->key);
    copy_custom_header(wsi, c->json_bytes, sizeof c->json_bytes,
                       "inference-header-content-length:");
    c->refusal = find_refusal(wsi, c->method, length);
    if (!c->refusal && server_of(wsi)->is_stopping)
        c->refusal = "stopping";
    c->is_last = c->refusal && strcmp(c->refusal, "forbidden") != 0;
    bool is_told_later = !is_empty || (*length && strcmp(c->method, "POST") == 0);
    return is_told_later && !c->is_last ? 0 : http_answer_request(wsi, c);
}

// libwebsockets loses the body of a request that offers to change to HTTP/2.
int http_confirm_upgrade(struct lws *wsi, const char *protocol)
{
    if (strcmp(protocol, "h2c") != 0 || !lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH))
        return 0;
    lws_return_http_status(wsi, HTTP_STATUS_HTTP_VERSION_NOT_SUPPORTED,
                           "a request with a body cannot change to HTTP/2; set the client to "
                           "HTTP/1.1");
    return 1;
}

int http_receive(connection *c, const void *data, size_t bytes)
{
    if (c->reply)
        return 0; // it is refused already
    c->n_in += bytes;
    if (c->received.bytes + bytes > HTTP_MAX_BODY_BYTES)
        c->is_too_long = true; // read and forget, so that the client can read the answer
    else
        bl_buffer_append(&c->received, data, bytes);
    return 0;
}
