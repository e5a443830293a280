// SPDX-License-Identifier: MIT
// The lanes protocol for those who only have HTTP: the body of a POST is a stream of frames, as
// over the Unix socket, and the answer is that of their answers. Between two POSTs the lanes are
// parked under their token, if there is one; single states are files below it.
//
// Frames go in, a few at a time, and come out whenever the transport asks for the reply's
// head, never within a call of the lanes.

#include "../lanes/lanes.h"
#include "routes.h"

#include <stdio.h>
#include <string.h>

enum { MAX_ANSWER_BYTES = 16 << 20, HTTP_MAX_EXCHANGES = 64 };

struct exchange {
    http_reply *reply;
    lanes *lanes; // NULL: they were resumed elsewhere
    bl_buffer body;
    size_t at;
};

// ------------------------------------------------------------------------------ its owner

static void tell_news(void *object)
{
    const http_reply *r = ((const exchange *)object)->reply;
    if (r->owner) // it has none yet while it is begun
        r->host->want_write(r->owner);
}

static void lose_lanes(void *object)
{
    exchange *x = object;
    request_error e = {0};
    x->lanes = NULL;
    request_fail(&e, "conflict", NULL, "another connection has resumed these lanes");
    reply_error(x->reply, &e);
    x->reply->host->want_write(x->reply->owner);
}

static lanes_owner owner_of(exchange *x) { return (lanes_owner){x, tell_news, lose_lanes}; }

uint64_t exchange_lane_steps(const exchange *x)
{
    connection_counts counts;
    if (!x->lanes)
        return x->reply->n_lane_steps;
    lanes_get_counts(&counts, x->lanes);
    return counts.n_lane_steps;
}

void exchange_close(exchange *x)
{
    if (x->lanes)
        lanes_close(x->lanes);
    x->reply->exchange = NULL;
    bl_buffer_clear(&x->body);
    bl_free(NULL, x, sizeof *x);
}

// ----------------------------------------------------------------------------- going on

static void take_frames(exchange *x)
{
    size_t bytes;
    for (const uint8_t *frame; (frame = lanes_next(x->lanes, &bytes)) != NULL;) {
        bl_buffer_append(&x->reply->out, frame, bytes);
        lanes_sent(x->lanes);
    }
}

// Of the requests behind an answer that is long enough.
static void refuse_frame(exchange *x, const frame_head *request)
{
    static const char text[] = "the answers to this body have reached 16 MiB; send this again in "
                               "another";
    const uint8_t code[4] = {request->op, ERROR_TOO_MANY};
    frame_head head = *request;
    head.op = OP_ERROR;
    head.flags = 0;
    head.bytes = sizeof code + sizeof text - 1;
    bl_buffer_append(&x->reply->out, &head, sizeof head);
    bl_buffer_append(&x->reply->out, code, sizeof code);
    bl_buffer_append(&x->reply->out, text, sizeof text - 1);
}

static void send_frame(exchange *x)
{
    frame_head head;
    const uint8_t *frame = x->body.data + x->at;
    memcpy(&head, frame, sizeof head);
    x->at += sizeof head + head.bytes;
    if (x->reply->out.bytes < MAX_ANSWER_BYTES)
        lanes_receive(&x->lanes, frame, sizeof head + head.bytes);
    else
        refuse_frame(x, &head);
}

// So many that sessions run beside each other, so few that the answer passes its limit by little.
static uint32_t max_unanswered(const http_reply *r)
{
    return r->out.bytes < MAX_ANSWER_BYTES ? 16 : 1;
}

void exchange_go_on(exchange *x)
{
    http_reply *r = x->reply;
    take_frames(x);
    while (x->at < x->body.bytes && lanes_count_unanswered(x->lanes) < max_unanswered(r)) {
        send_frame(x);
        take_frames(x);
    }
    if (x->at < x->body.bytes || lanes_count_unanswered(x->lanes) > 0)
        return;
    r->n_lane_steps = exchange_lane_steps(x);
    lanes_close(x->lanes);
    x->lanes = NULL;
    reply_complete(r, 200, "application/octet-stream");
}

static bool is_stream_of_frames(const http_request *q, request_error *e)
{
    frame_head head;
    for (size_t at = 0; at < q->bytes; at += sizeof head + head.bytes) {
        if (q->bytes - at >= sizeof head)
            memcpy(&head, q->body + at, sizeof head);
        if (q->bytes - at < sizeof head || q->bytes - at - sizeof head < head.bytes)
            return request_fail(e, "bad_request", NULL,
                                "byte %zu of the body: here a frame begins that does not end in it",
                                at);
    }
    return true;
}

// ------------------------------------------------------------------------- what is kept

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

static bool read_hex(uint8_t *dst, size_t bytes, const char *text)
{
    for (size_t i = 0; i < bytes; i++) {
        int high = hex_digit(text[2 * i]), low = high < 0 ? -1 : hex_digit(text[2 * i + 1]);
        if (low < 0)
            return false;
        dst[i] = (uint8_t)(16 * high + low);
    }
    return true;
}

// By the token that `name` begins with.
static lanes *find_lanes(const http_reply *r, const char *name, request_error *e)
{
    uint8_t token[TOKEN_BYTES];
    lanes *l = NULL;
    bool is_token = strcspn(name, "/") == 2 * sizeof token && read_hex(token, sizeof token, name);
    if (is_token && r->host->lanes)
        l = lanes_find(r->host->lanes, token, r->visitor.account);
    if (!l)
        request_fail(e, "not_found", NULL, "nothing is kept under this token (any more)");
    return l;
}

// "TOKEN/NAME"
static bool read_name(uint64_t *name, const char *text, request_error *e)
{
    uint8_t bytes[sizeof *name];
    text += strcspn(text, "/");
    if (strlen(text) != 1 + 2 * sizeof bytes || !read_hex(bytes, sizeof bytes, text + 1))
        return request_fail(e, "bad_request", NULL,
                            "the name of a state has 16 hexadecimal digits");
    *name = 0;
    for (size_t i = 0; i < sizeof bytes; i++)
        *name = *name << 8 | bytes[i];
    return true;
}

static bool fail_as(request_error *e, const lanes_error *from)
{
    const char *code = from->code == ERROR_BAD_FRAME     ? "bad_request"
                       : from->code == ERROR_NO_STATE    ? "not_found"
                       : from->code == ERROR_OTHER_MODEL ? "conflict"
                       : from->code == ERROR_TOO_MANY    ? "too_many"
                                                         : "internal";
    return request_fail(e, code, NULL, "%s", from->message);
}

static bool begin_exchange(http_reply *r, const http_request *q, lanes *kept, request_error *e)
{
    exchange *x = bl_alloc(NULL, sizeof *x);
    if (!x)
        return request_fail(e, "internal", NULL, "out of memory");
    *x = (exchange){.reply = r};
    const lanes_owner owner = owner_of(x);
    bl_buffer_append(&x->body, q->body, q->bytes);
    bool is_ok = x->body.status == BL_OK;
    if (is_ok && kept)
        lanes_connect(kept, &owner, &r->visitor);
    if (is_ok)
        x->lanes = kept ? kept : lanes_create(r->host->lanes, &owner, &r->visitor);
    if (!x->lanes) {
        bl_buffer_clear(&x->body);
        bl_free(NULL, x, sizeof *x);
        return request_fail(e, "internal", NULL, "out of memory");
    }
    r->exchange = x;
    r->is_exchange = true;
    r->host->n_exchanges++;
    return true;
}

bool answer_lanes(http_reply *r, const http_request *q, const json_t *body, const char *name,
                  request_error *e)
{
    (void)body;
    lanes *kept = *name ? find_lanes(r, name, e) : NULL;
    if (!r->host->lanes)
        return request_fail(e, "not_found", NULL, "this server has no lanes");
    if ((*name && !kept) || !is_stream_of_frames(q, e))
        return false;
    if (kept && lanes_get_owner(kept)->want_write == tell_news)
        return request_fail(e, "conflict", NULL, "another request with this token is under way");
    if (r->host->n_exchanges >= HTTP_MAX_EXCHANGES)
        return request_fail(e, "busy", NULL, "%u such requests are under way; send it again later",
                            r->host->n_exchanges);
    return begin_exchange(r, q, kept, e);
}

static void write_session(bl_json *json, const frame_session *s)
{
    bl_json_object(json, NULL);
    bl_json_uint(json, "session", s->id);
    bl_json_uint(json, "lanes", s->n_lanes);
    bl_json_uint(json, "sequence", s->sequence);
    bl_json_bool(json, "is_background", s->flags & SESSION_BACKGROUND);
    bl_json_bool(json, "has_masks", s->flags & SESSION_MASKS);
    bl_json_bool(json, "has_pattern", s->flags & SESSION_PATTERN);
    bl_json_end(json);
}

bool answer_kept(http_reply *r, const http_request *q, const json_t *body, const char *name,
                 request_error *e)
{
    (void)q, (void)body;
    const lanes *l = find_lanes(r, name, e);
    if (!l)
        return false;
    bl_json json;
    bl_buffer list = {0};
    frame_resumed all = {0};
    frame_session s;
    lanes_list(&list, l);
    if (list.status == BL_OK)
        memcpy(&all, list.data, sizeof all);
    else
        r->out.status = list.status;
    bl_json_begin(&json, &r->out, false);
    bl_json_object(&json, NULL);
    bl_json_bool(&json, "is_connected", lanes_get_owner(l)->object);
    bl_json_uint(&json, "states", all.n_stored);
    bl_json_array(&json, "sessions");
    for (uint32_t i = 0; i < all.n_sessions; i++) {
        memcpy(&s, list.data + sizeof all + i * sizeof s, sizeof s);
        write_session(&json, &s);
    }
    bl_json_end(&json);
    bl_json_end(&json);
    bl_buffer_clear(&list);
    reply_complete(r, 200, "application/json");
    return true;
}

static bool answer_name(http_reply *r, const char *key, uint64_t name)
{
    bl_json json;
    char text[17];
    snprintf(text, sizeof text, "%016llx", (unsigned long long)name);
    bl_json_begin(&json, &r->out, false);
    bl_json_object(&json, NULL);
    bl_json_text(&json, key, text);
    bl_json_end(&json);
    reply_complete(r, 200, "application/json");
    return true;
}

bool answer_kept_forget(http_reply *r, const http_request *q, const json_t *body, const char *name,
                        request_error *e)
{
    (void)q, (void)body;
    lanes *l = find_lanes(r, name, e);
    if (!l)
        return false;
    lanes_forget(l);
    bl_buffer_print(&r->out, "{\"forgotten\":true}");
    reply_complete(r, 200, "application/json");
    return true;
}

// --------------------------------------------------------------------------- single states

bool answer_state(http_reply *r, const http_request *q, const json_t *body, const char *name,
                  request_error *e)
{
    (void)q, (void)body;
    uint64_t state;
    lanes_error why;
    const lanes *l = find_lanes(r, name, e);
    if (!l || !read_name(&state, name, e))
        return false;
    if (!lanes_export_state(&r->out, l, state, &why))
        return fail_as(e, &why);
    reply_complete(r, 200, "application/octet-stream");
    return true;
}

// With a name, as PUT, or without one, as POST.
bool answer_state_import(http_reply *r, const http_request *q, const json_t *body, const char *name,
                         request_error *e)
{
    (void)body;
    uint64_t state = 0;
    lanes_error why;
    lanes *l = find_lanes(r, name, e);
    if (!l || (strchr(name, '/') && !read_name(&state, name, e)))
        return false;
    if (!lanes_import_state(l, &state, q->body, q->bytes, &why))
        return fail_as(e, &why);
    return answer_name(r, "name", state);
}

bool answer_state_drop(http_reply *r, const http_request *q, const json_t *body, const char *name,
                       request_error *e)
{
    (void)q, (void)body;
    uint64_t state;
    lanes_error why;
    lanes *l = find_lanes(r, name, e);
    if (!l || !read_name(&state, name, e))
        return false;
    if (!lanes_drop_state(l, state, &why))
        return fail_as(e, &why);
    return answer_name(r, "dropped", state);
}
