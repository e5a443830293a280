// SPDX-License-Identifier: MIT
// Connections of the lanes protocol: frames, sessions, queues.

#include "lanes_private.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool lanes_fail(lanes_error *e, error_code code, const char *format, ...)
{
    va_list list;
    e->code = code;
    va_start(list, format);
    vsnprintf(e->message, sizeof e->message, format, list);
    va_end(list);
    return false;
}

// ------------------------------------------------------------------------------ frames out

void begin_frame(bl_buffer *out, const lanes *l, const frame_head *request, uint8_t op)
{
    static const uint8_t room[64];
    assert(l->host->room <= sizeof room);
    frame_head head = *request;
    head.op = op;
    head.flags = 0;
    head.bytes = 0;
    *out = (bl_buffer){0};
    bl_buffer_append(out, room, l->host->room);
    bl_buffer_append(out, &head, sizeof head);
}

// Without memory the frame is lost.
void end_frame(lanes *l, bl_buffer *out)
{
    frame_out *f = bl_alloc(NULL, sizeof *f);
    if (!f || out->status != BL_OK || !l->owner) {
        bl_free(NULL, f, sizeof *f);
        bl_buffer_clear(out);
        return;
    }
    uint32_t bytes = (uint32_t)(out->bytes - l->host->room - FRAME_HEAD_BYTES);
    memcpy(out->data + l->host->room + offsetof(frame_head, bytes), &bytes, sizeof bytes);
    *f = (frame_out){.content = *out};
    *l->last = f;
    l->last = &f->next;
    l->n_out++;
    l->host->want_write(l->owner);
}

uint8_t *lanes_next(const lanes *l, size_t *bytes)
{
    *bytes = l->first ? l->first->content.bytes - l->host->room : 0;
    return l->first ? l->first->content.data + l->host->room : NULL;
}

static void drop_first(lanes *l)
{
    frame_out *f = l->first;
    l->first = f->next;
    if (!l->first)
        l->last = &l->first;
    l->n_out--;
    bl_buffer_clear(&f->content);
    bl_free(NULL, f, sizeof *f);
}

void lanes_sent(lanes *l)
{
    drop_first(l);
    for (uint32_t i = 0; i < l->n_sessions; i++)
        send_part(l->sessions[i], false);
}

void lanes_answer_error(lanes *l, const frame_head *request, const lanes_error *e)
{
    bl_buffer out;
    begin_frame(&out, l, request, OP_ERROR);
    const uint8_t head[4] = {request->op, (uint8_t)e->code};
    bl_buffer_append(&out, head, sizeof head);
    bl_buffer_append(&out, e->message, strlen(e->message));
    end_frame(l, &out);
}

static void answer_empty(lanes *l, const frame_head *request)
{
    bl_buffer out;
    begin_frame(&out, l, request, OP_ANSWER | request->op);
    end_frame(l, &out);
}

// ---------------------------------------------------------------------------------- sessions

static lane_session *find_session(const lanes *l, uint32_t id)
{
    for (uint32_t i = 0; i < l->n_sessions; i++)
        if (l->sessions[i]->id == id && !l->sessions[i]->is_closing)
            return l->sessions[i];
    return NULL;
}

static void destroy_session(lane_session *s)
{
    lanes *l = s->owner;
    for (uint32_t i = 0; i < l->n_sessions; i++)
        if (l->sessions[i] == s)
            l->sessions[i] = l->sessions[--l->n_sessions];
    while (s->first) {
        frame_in *f = s->first;
        s->first = f->next;
        l->queued_bytes -= f->head.bytes;
        bl_free(NULL, f, sizeof *f + f->head.bytes);
    }
    part_clear(&s->part);
    bl_free(NULL, s->states, BL_LANES * l->state_bytes);
    bl_free(NULL, s->masks, BL_LANES * sizeof *s->masks);
    shared_pattern_release(s->pattern);
    bl_free(NULL, s, sizeof *s);
}

static bool open_session(lanes *l, const frame_head *head, const uint8_t *payload, lanes_error *e)
{
    uint32_t words[2] = {0, UINT32_MAX}; // is in the background, credit
    if (head->bytes > sizeof words)
        return lanes_fail(e, ERROR_BAD_FRAME, "OPEN takes at most 8 bytes, not %u", head->bytes);
    memcpy(words, payload, head->bytes);
    if (find_session(l, head->session))
        return lanes_fail(e, ERROR_TOO_MANY, "session %u is open already", head->session);
    if (l->n_sessions == MAX_LANE_SESSIONS)
        return lanes_fail(e, ERROR_TOO_MANY, "at most %d sessions a connection", MAX_LANE_SESSIONS);
    lane_session *s = bl_alloc(NULL, sizeof *s);
    if (s) {
        *s = (lane_session){.owner = l, .id = head->session, .n_lanes = 1, .credit = words[1]};
        s->last = &s->first;
        s->states = bl_alloc_array(NULL, BL_LANES, l->state_bytes);
        s->masks = bl_alloc_array(NULL, BL_LANES, sizeof *s->masks);
    }
    if (!s || !s->states || !s->masks) {
        if (s) {
            bl_free(NULL, s->states, BL_LANES * l->state_bytes);
            bl_free(NULL, s->masks, BL_LANES * sizeof *s->masks);
        }
        bl_free(NULL, s, sizeof *s);
        return lanes_fail(e, ERROR_FAILED, "out of memory");
    }
    memset(s->states, 0, l->state_bytes);
    l->sessions[l->n_sessions++] = s;
    s->is_background = words[0] != 0;
    answer_empty(l, head);
    return true;
}

static void close_session(lane_session *s)
{
    s->is_closing = true;
    if (s->next)
        engine_cancel(s->owner->host->engine, s->next, END_CANCELLED);
    if (s->busy)
        engine_cancel(s->owner->host->engine, s->busy, END_CANCELLED);
    else
        destroy_session(s);
}

// ---------------------------------------------------------------------------------- requests

static bool tell_stats(lanes *l, const frame_head *head)
{
    engine_stats now;
    bl_buffer out;
    engine_get_stats(&now, l->host->engine);
    frame_stats stats = {now.n_ticks, now.n_lane_steps, now.tick_ns, now.n_lanes_busy,
                         now.n_activities};
    begin_frame(&out, l, head, OP_ANSWER | OP_STATS);
    bl_buffer_append(&out, &stats, sizeof stats);
    end_frame(l, &out);
    return true;
}

static bool add_credit(lane_session *s, const frame_head *head, const uint8_t *payload,
                       lanes_error *e)
{
    uint32_t n;
    if (head->bytes != sizeof n)
        return lanes_fail(e, ERROR_BAD_FRAME, "CREDIT takes 4 bytes, not %u", head->bytes);
    memcpy(&n, payload, sizeof n);
    s->credit += n;
    send_part(s, false);
    return true; // it has no answer
}

static bool run(lane_session *s, const frame_head *head, const uint8_t *payload, lanes_error *e)
{
    static handler *const handlers[OP_COUNT] = {
        [OP_READ] = do_read, [OP_LOAD] = do_load,       [OP_STORE] = do_store,
        [OP_STEP] = do_step, [OP_PERMUTE] = do_permute, [OP_RETAIN] = do_retain,
        [OP_DROP] = do_drop, [OP_EXPORT] = do_export,   [OP_IMPORT] = do_import,
        [OP_MASK] = do_mask, [OP_PATTERN] = do_pattern, [OP_ROLLOUT] = do_rollout,
        [OP_BEAM] = do_beam};
    handler *h = head->op < OP_COUNT ? handlers[head->op] : NULL;
    if (!h)
        return lanes_fail(e, ERROR_BAD_FRAME, "there is no request %u", head->op);
    return h(s, head, payload, e);
}

static bool enqueue(lane_session *s, const frame_head *head, const uint8_t *payload, lanes_error *e)
{
    frame_in *f = bl_alloc(NULL, sizeof *f + head->bytes);
    if (!f)
        return lanes_fail(e, ERROR_FAILED, "out of memory");
    f->next = NULL;
    f->head = *head;
    memcpy(f->payload, payload, head->bytes);
    *s->last = f;
    s->last = &f->next;
    s->n_queued++;
    s->owner->queued_bytes += head->bytes;
    return true;
}

// Whether the first that waits may join the step under way.
static bool is_step_behind(const lane_session *s)
{
    return may_chain(s) && s->first->head.op == OP_STEP;
}

static void run_queued(lane_session *s)
{
    while (s->first && (!s->busy || is_step_behind(s))) {
        frame_in *f = s->first;
        lanes_error e;
        bool is_chained = s->busy != NULL;
        s->first = f->next;
        if (!s->first)
            s->last = &s->first;
        s->n_queued--;
        s->owner->queued_bytes -= f->head.bytes;
        bool is_ok =
            is_chained ? chain_step(s, &f->head, f->payload, &e) : run(s, &f->head, f->payload, &e);
        if (!is_ok)
            lanes_answer_error(s->owner, &f->head, &e);
        bl_free(NULL, f, sizeof *f + f->head.bytes);
    }
}

// The step by which a rollout's lanes take what they drew last: it ends by itself.
static bool is_last_of_rollout(const lane_session *s)
{
    return s->request.op == OP_ROLLOUT && s->busy->kind == ACTIVITY_STEP;
}

static bool handle(lanes *l, const frame_head *head, const uint8_t *payload, lanes_error *e)
{
    if (head->op == OP_STATS)
        return tell_stats(l, head);
    if (head->op == OP_OPEN)
        return open_session(l, head, payload, e);
    lane_session *s = find_session(l, head->session);
    if (!s)
        return lanes_fail(e, ERROR_NO_SESSION, "session %u is not open; OPEN it", head->session);
    if (head->op == OP_CREDIT)
        return add_credit(s, head, payload, e);
    if (head->op == OP_CANCEL || head->op == OP_CLOSE) {
        if (head->op == OP_CLOSE)
            close_session(s);
        else if (s->busy && !is_last_of_rollout(s))
            engine_cancel(l->host->engine, s->busy, END_CANCELLED);
        answer_empty(l, head);
        return true;
    }
    if (!s->first && head->op == OP_STEP && may_chain(s))
        return chain_step(s, head, payload, e);
    if (s->busy || s->first)
        return enqueue(s, head, payload, e);
    return run(s, head, payload, e);
}

static void receive(lanes *l, const frame_head *head, const uint8_t *payload)
{
    lanes_error e;
    if (!handle(l, head, payload, &e))
        lanes_answer_error(l, head, &e);
}

void lanes_receive(lanes *l, const uint8_t *frame, size_t bytes)
{
    frame_head head = {0};
    lanes_error e;
    memcpy(&head, frame, bytes < sizeof head ? bytes : sizeof head);
    if (bytes >= sizeof head && head.bytes == bytes - sizeof head) {
        receive(l, &head, frame + sizeof head);
        return;
    }
    lanes_fail(&e, ERROR_BAD_FRAME, "a message of %zu bytes, of which the head says %u", bytes,
               head.bytes);
    lanes_answer_error(l, &head, &e);
}

bool lanes_receive_stream(lanes *l, const uint8_t *data, size_t bytes)
{
    size_t at = 0;
    frame_head head;
    bl_buffer_append(&l->stream, data, bytes);
    if (l->stream.status != BL_OK)
        return false;
    while (l->stream.bytes - at >= sizeof head) {
        memcpy(&head, l->stream.data + at, sizeof head);
        if (head.bytes > MAX_FRAME_PAYLOAD)
            return false;
        if (l->stream.bytes - at < sizeof head + head.bytes)
            break;
        receive(l, &head, l->stream.data + at + sizeof head);
        at += sizeof head + head.bytes;
    }
    memmove(l->stream.data, l->stream.data + at, l->stream.bytes - at);
    l->stream.bytes -= at;
    return true;
}

bool lanes_is_full(const lanes *l)
{
    bool is_full = l->n_out >= MAX_OUT || l->queued_bytes >= MAX_QUEUED_BYTES;
    for (uint32_t i = 0; i < l->n_sessions; i++)
        is_full |= l->sessions[i]->n_queued >= MAX_QUEUED;
    return is_full;
}

// -------------------------------------------------------------------------------------- life

static void read_sha256(uint8_t *digest, const char *hex)
{
    for (int i = 0; i < 32; i++) {
        unsigned byte = 0;
        (void)sscanf(hex + 2 * i, "%2x", &byte);
        digest[i] = (uint8_t)byte;
    }
}

void count_stored(lanes *l)
{
    l->host->n_stored += l->store.n_kept - l->n_counted;
    l->n_counted = l->store.n_kept;
}

static void say_hello(lanes *l)
{
    const bl_model_info *info = bl_model_facts(l->host->model);
    frame_hello hello = {.version = LANES_VERSION,
                         .state_bytes = (uint32_t)info->state_bytes,
                         .n_state_bits = info->n_state_bits,
                         .max_sessions = MAX_LANE_SESSIONS,
                         .max_states = MAX_STORED,
                         .max_steps = MAX_RUN_STEPS,
                         .max_queued = MAX_QUEUED};
    memcpy(hello.model_sha256, l->model_sha256, sizeof l->model_sha256);
    memcpy(hello.byte_symbol, info->byte_symbol, 256);
    bl_buffer out;
    begin_frame(&out, l, &(frame_head){.n_lanes = BL_LANES}, OP_ANSWER | OP_HELLO);
    bl_buffer_append(&out, &hello, sizeof hello);
    end_frame(l, &out);
}

lanes *lanes_create(lanes_host *host, void *owner, const visitor *who)
{
    lanes *l = bl_alloc(NULL, sizeof *l);
    if (!l)
        return NULL;
    *l = (lanes){.host = host,
                 .owner = owner,
                 .state_bytes = bl_model_facts(host->model)->state_bytes,
                 .client = engine_add_client(host->engine)};
    l->tab = (tab){.engine = host->engine, .work_kind = "lanes"};
    if (who) {
        l->tab.accounts = host->accounts;
        l->tab.visitor = *who;
    }
    l->last = &l->first;
    store_init(&l->store, l->state_bytes, MAX_STORED);
    l->scratch = bl_alloc(NULL, l->state_bytes);
    if (!l->client || !l->scratch) {
        engine_remove_client(l->host->engine, l->client);
        bl_free(NULL, l->scratch, l->state_bytes);
        bl_free(NULL, l, sizeof *l);
        return NULL;
    }
    read_sha256(l->model_sha256, bl_model_facts(host->model)->sha256);
    host->n_connections++;
    say_hello(l);
    return l;
}

// Nobody is there any more, and nothing is under way.
static void destroy_if_over(lanes *l)
{
    if (l->owner || l->n_sessions > 0)
        return;
    tab_close(&l->tab);
    engine_remove_client(l->host->engine, l->client);
    store_clear(&l->store);
    count_stored(l);
    bl_buffer_clear(&l->stream);
    bl_free(NULL, l->scratch, l->state_bytes);
    l->host->n_connections--;
    bl_free(NULL, l, sizeof *l);
}

void lanes_close(lanes *l)
{
    l->owner = NULL;
    while (l->first)
        drop_first(l);
    for (uint32_t i = l->n_sessions; i-- > 0;)
        close_session(l->sessions[i]);
    destroy_if_over(l);
}

void session_ended(lane_session *s)
{
    lanes *l = s->owner;
    s->busy = s->next;
    s->next = NULL;
    s->request = s->next_request;
    if (!s->is_closing)
        run_queued(s);
    else if (!s->busy)
        destroy_session(s);
    destroy_if_over(l);
}
