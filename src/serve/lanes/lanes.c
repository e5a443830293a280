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
    if (!f || out->status != BL_OK || !l->owner.object) {
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
    l->owner.want_write(l->owner.object);
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

void drop_frames(lanes *l)
{
    while (l->first)
        drop_first(l);
}

void lanes_sent(lanes *l)
{
    drop_first(l);
    l->counts.n_frames++;
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

void drop_queued(lane_session *s)
{
    while (s->first) {
        frame_in *f = s->first;
        s->first = f->next;
        s->owner->queued_bytes -= f->head.bytes;
        bl_free(NULL, f, sizeof *f + f->head.bytes);
    }
    s->last = &s->first;
    s->n_queued = 0;
}

static void destroy_session(lane_session *s)
{
    lanes *l = s->owner;
    for (uint32_t i = 0; i < l->n_sessions; i++)
        if (l->sessions[i] == s)
            l->sessions[i] = l->sessions[--l->n_sessions];
    drop_queued(s);
    part_clear(&s->part);
    bl_free(NULL, s->states, BL_LANES * l->state_bytes);
    bl_free(NULL, s->masks, BL_LANES * sizeof *s->masks);
    shared_pattern_release(s->pattern);
    pattern_job_destroy(s->unbuilt);
    bl_free(NULL, s, sizeof *s);
}

lane_session *create_session(lanes *l, uint32_t id)
{
    lane_session *s = bl_alloc(NULL, sizeof *s);
    if (!s)
        return NULL;
    *s = (lane_session){.owner = l, .id = id, .n_lanes = 1};
    s->last = &s->first;
    s->states = bl_alloc_array(NULL, BL_LANES, l->state_bytes);
    s->masks = bl_alloc_array(NULL, BL_LANES, sizeof *s->masks);
    if (!s->states || !s->masks) {
        bl_free(NULL, s->states, BL_LANES * l->state_bytes);
        bl_free(NULL, s->masks, BL_LANES * sizeof *s->masks);
        bl_free(NULL, s, sizeof *s);
        return NULL;
    }
    memset(s->states, 0, l->state_bytes);
    l->sessions[l->n_sessions++] = s;
    return s;
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
    lane_session *s = create_session(l, head->session);
    if (!s)
        return lanes_fail(e, ERROR_FAILED, "out of memory");
    s->is_background = words[0] != 0;
    s->credit = s->credit_at_open = words[1];
    s->answered = head->sequence;
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
    if (h(s, head, payload, e))
        return true;
    s->answered = head->sequence; // with an error
    return false;
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

static frame_in *take_queued(lane_session *s)
{
    frame_in *f = s->first;
    s->first = f->next;
    if (!s->first)
        s->last = &s->first;
    s->n_queued--;
    s->owner->queued_bytes -= f->head.bytes;
    return f;
}

// A step that cannot follow the one under way waits for its end, to be refused in its turn.
void run_queued(lane_session *s)
{
    while (s->first && (!s->busy || is_step_behind(s))) {
        lanes_error e;
        if (s->busy && !chain_step(s, &s->first->head, s->first->payload, &e))
            return;
        bool is_chained = s->busy != NULL;
        frame_in *f = take_queued(s);
        if (!is_chained && !run(s, &f->head, f->payload, &e))
            lanes_answer_error(s->owner, &f->head, &e);
        bl_free(NULL, f, sizeof *f + f->head.bytes);
    }
}

// The step by which a rollout's lanes take what they drew last: it ends by itself.
static bool is_last_of_rollout(const lane_session *s)
{
    return s->request.op == OP_ROLLOUT && s->busy->kind == ACTIVITY_STEP;
}

static bool handle(lanes **at, const frame_head *head, const uint8_t *payload, lanes_error *e)
{
    lanes *l = *at;
    if (head->op == OP_STATS)
        return tell_stats(l, head);
    if (head->op == OP_KEEP)
        return do_keep(l, head, e);
    if (head->op == OP_RESUME)
        return do_resume(at, head, payload, e);
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
    if (!s->first && head->op == OP_STEP && may_chain(s) && chain_step(s, head, payload, e))
        return true;
    if (s->busy || s->first || l->is_settling)
        return enqueue(s, head, payload, e);
    return run(s, head, payload, e);
}

static void receive(lanes **l, const frame_head *head, const uint8_t *payload)
{
    lanes_error e;
    (*l)->counts.n_requests++;
    if (!handle(l, head, payload, &e))
        lanes_answer_error(*l, head, &e);
}

void lanes_receive(lanes **l, const uint8_t *frame, size_t bytes)
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
    lanes_answer_error(*l, &head, &e);
}

bool lanes_receive_stream(lanes **l, const uint8_t *data, size_t bytes)
{
    bl_buffer stream = (*l)->stream; // which RESUME hands on to other lanes
    size_t at = 0;
    frame_head head;
    bool is_stream = true;
    (*l)->stream = (bl_buffer){0};
    bl_buffer_append(&stream, data, bytes);
    while (stream.status == BL_OK && stream.bytes - at >= sizeof head) {
        memcpy(&head, stream.data + at, sizeof head);
        is_stream = head.bytes <= MAX_FRAME_PAYLOAD;
        if (!is_stream || stream.bytes - at < sizeof head + head.bytes)
            break;
        receive(l, &head, stream.data + at + sizeof head);
        at += sizeof head + head.bytes;
    }
    if (at > 0 && stream.bytes > at)
        memmove(stream.data, stream.data + at, stream.bytes - at);
    stream.bytes -= at;
    is_stream = is_stream && stream.status == BL_OK;
    (*l)->stream = stream;
    return is_stream;
}

bool lanes_is_full(const lanes *l)
{
    bool is_full = l->n_out >= MAX_OUT || l->queued_bytes >= MAX_QUEUED_BYTES;
    for (uint32_t i = 0; i < l->n_sessions; i++)
        is_full |= l->sessions[i]->n_queued >= MAX_QUEUED;
    return is_full;
}

void lanes_get_counts(connection_counts *counts, const lanes *l)
{
    *counts = l->counts;
    counts->n_lane_steps = l->tab.n_lane_steps;
}

uint32_t lanes_count_unanswered(const lanes *l)
{
    uint32_t n = l->is_settling;
    for (uint32_t i = 0; i < l->n_sessions; i++) {
        const lane_session *s = l->sessions[i];
        if (!s->is_closing)
            n += s->n_queued + (s->busy ? 1u : 0u) + (s->next ? 1u : 0u);
    }
    return n;
}

// -------------------------------------------------------------------------------------- life

void lanes_model_sha256(uint8_t *digest, const bl_model *model)
{
    const char *hex = bl_model_facts(model)->sha256;
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

lanes *lanes_create(lanes_host *host, const lanes_owner *owner, const visitor *who)
{
    lanes *l = bl_alloc(NULL, sizeof *l);
    if (!l)
        return NULL;
    *l = (lanes){.host = host,
                 .owner = *owner,
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
    l->counts.since_ns = bl_time_ns();
    lanes_model_sha256(l->model_sha256, host->model);
    host->n_connections++;
    if (owner->object)
        say_hello(l);
    return l;
}

static void destroy_if_over(lanes *l)
{
    if (!l->owner.object && l->n_sessions == 0 && !l->is_kept)
        destroy_lanes(l);
}

void destroy_lanes(lanes *l)
{
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
    l->owner = (lanes_owner){0};
    drop_frames(l);
    if (l->is_kept) {
        park(l);
        return;
    }
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
    if (s->is_closing && !s->busy)
        destroy_session(s);
    else if (!s->is_closing && !l->is_settling)
        run_queued(s);
    if (l->is_settling)
        settle_if_idle(l);
    destroy_if_over(l);
}
