// SPDX-License-Identifier: MIT
// Sessions: their life, their answers, and events of activities that become answers
// (docs/formats/websocket.md). requests.c carries out what they ask for.

#include "session_private.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

// ------------------------------------------------------------------------------- sending

static void push_message(session *s, bl_buffer *content, bool is_binary, activity *beam)
{
    message *m = bl_alloc(NULL, sizeof *m);
    if (!m || content->status != BL_OK || s->is_closed) { // without memory the answer is lost
        bl_free(NULL, m, sizeof *m);
        bl_buffer_clear(content);
        if (beam)
            engine_frame_sent(s->host->engine, beam);
        return;
    }
    *m = (message){.is_binary = is_binary,
                   .bytes = content->bytes - s->host->room,
                   .capacity = content->capacity,
                   .beam = beam,
                   .data = content->data};
    *s->last = m;
    s->last = &m->next;
    s->n_waiting++;
}

static void begin_content(bl_buffer *content, const session *s)
{
    static const uint8_t room[64];
    assert(s->host->room <= sizeof room);
    *content = (bl_buffer){0};
    bl_buffer_append(content, room, s->host->room);
}

void begin_answer(bl_json *json, bl_buffer *content, const session *s, uint32_t id,
                  const char *type)
{
    begin_content(content, s);
    bl_json_begin(json, content, false);
    bl_json_object(json, NULL);
    bl_json_text(json, "type", type);
    bl_json_uint(json, "id", id);
}

void end_answer(session *s, bl_json *json)
{
    bl_json_end(json);
    push_message(s, json->out, false, NULL);
}

void answer_error(session *s, const json_t *id, const request_error *e)
{
    bl_json json;
    bl_buffer content;
    begin_content(&content, s);
    bl_json_begin(&json, &content, false);
    bl_json_object(&json, NULL);
    bl_json_text(&json, "type", "error");
    if (json_is_integer(id))
        bl_json_int(&json, "id", json_integer_value(id));
    else
        bl_json_null(&json, "id");
    bl_json_text(&json, "code", e->code);
    if (e->field)
        bl_json_text(&json, "field", e->field);
    bl_json_text(&json, "message", e->message);
    end_answer(s, &json);
}

void write_model_json(bl_json *json, const char *key, const bl_model *model)
{
    const bl_model_info *m = bl_model_facts(model);
    uint8_t alphabet[256];
    size_t n = 0;
    for (int b = 0; b < 256; b++)
        if (m->symbol_byte[m->byte_symbol[b]] == b)
            alphabet[n++] = (uint8_t)b;
    json_t *card = json_loads(m->card, 0, NULL);
    const char *bits = json_string_value(json_object_get(card, "valid_bits_per_byte"));
    double bits_per_byte = 0;
    bl_json_object(json, key);
    bl_json_text(json, "name", m->name);
    bl_json_text(json, "sha256", m->sha256);
    bl_json_uint(json, "n_state_bits", m->n_state_bits);
    bl_json_uint(json, "state_bytes", m->state_bytes);
    bl_json_uint(json, "n_lut3", m->n_lut3);
    bl_json_uint(json, "n_ands", m->n_ands);
    bl_json_uint(json, "n_nonzeros", m->n_nonzeros);
    if (bits && sscanf(bits, "%lf", &bits_per_byte) == 1 && bits_per_byte < 1e3)
        bl_json_real(json, "bits_per_byte", bits_per_byte);
    bl_json_base64(json, "alphabet_base64", alphabet, n);
    bl_json_end(json);
    json_decref(card);
}

void session_greet(session *s)
{
    bl_json json;
    bl_buffer content;
    begin_content(&content, s);
    bl_json_begin(&json, &content, false);
    bl_json_object(&json, NULL);
    bl_json_text(&json, "type", "hello");
    bl_json_text(&json, "protocol", "bitloom.lanes.1");
    write_model_json(&json, "model", s->host->model);
    bl_json_object(&json, "limits");
    bl_json_uint(&json, "lanes", BL_LANES);
    bl_json_uint(&json, "states", MAX_STATES);
    bl_json_uint(&json, "text_bytes", MAX_TEXT_BYTES);
    bl_json_uint(&json, "message_bytes", MAX_MESSAGE_BYTES);
    bl_json_uint(&json, "steps", MAX_RUN_STEPS);
    bl_json_uint(&json, "top", MAX_TOP);
    bl_json_uint(&json, "avoid", BL_BEAM_MAX_AVOID);
    bl_json_uint(&json, "avoid_bytes", BL_BEAM_MAX_AVOID_BYTES);
    bl_json_uint(&json, "busy", MAX_BUSY);
    bl_json_end(&json);
    end_answer(s, &json);
}

// ------------------------------------------------------------- activities and their answers

static void task_destroy(task *t)
{
    if (t)
        bl_free(NULL, t->whole, t->n_whole);
    bl_free(NULL, t, sizeof *t);
}

activity *new_activity(session *s, activity_kind kind, size_t n_lanes, uint32_t id,
                       request_error *e)
{
    if (s->n_busy >= MAX_BUSY) {
        request_fail(e, "too_many", NULL, "%u requests are under way; the limit busy is %d",
                     s->n_busy, MAX_BUSY);
        return NULL;
    }
    task *t = bl_alloc(NULL, sizeof *t);
    activity *a = activity_create(kind, n_lanes, state_bytes_of(s));
    if (!t || !a) {
        bl_free(NULL, t, sizeof *t);
        activity_destroy(a, state_bytes_of(s));
        request_fail(e, "internal", NULL, "out of memory");
        return NULL;
    }
    t->session = s;
    a->owner = t;
    a->id = id;
    a->client = s->client;
    return a;
}

void drop_activity(session *s, activity *a)
{
    if (!a)
        return;
    task_destroy(a->owner);
    activity_destroy(a, state_bytes_of(s));
}

// Seven digits say what there is to say.
static double bits_of(const prediction *p) { return (double)((float)p->cost / (float)BL_COST_BIT); }

static void write_top(bl_json *json, const activity *a)
{
    bl_json_array(json, "top");
    for (size_t i = 0; i < a->n_lanes; i++) {
        bl_json_array(json, NULL);
        for (uint32_t k = 0; k < a->n_top; k++) {
            bl_json_array(json, NULL);
            bl_json_uint(json, NULL, a->top[i * a->n_top + k].byte);
            bl_json_real(json, NULL, bits_of(&a->top[i * a->n_top + k]));
            bl_json_end(json);
        }
        bl_json_end(json);
    }
    bl_json_end(json);
}

// Adds states as handles; on failure none is kept and the error says why.
bool write_handles(bl_json *json, session *s, const uint8_t *states, size_t n)
{
    uint32_t handles[BL_LANES];
    for (size_t i = 0; i < n; i++) {
        handles[i] = states_add(&s->states, states + i * s->states.state_bytes);
        if (handles[i])
            continue;
        while (i-- > 0)
            states_drop(&s->states, handles[i]);
        return false;
    }
    bl_json_array(json, "states");
    for (size_t i = 0; i < n; i++)
        bl_json_uint(json, NULL, handles[i]);
    bl_json_end(json);
    return true;
}

bool fail_too_many_states(request_error *e)
{
    return request_fail(e, "too_many", NULL, "the limit of %d states is reached; drop some",
                        MAX_STATES);
}

static void answer_refusal(session *s, uint32_t id, const request_error *e)
{
    json_t *number = json_integer(id);
    answer_error(s, number, e);
    json_decref(number);
}

static void answer_too_many_states(session *s, uint32_t id)
{
    request_error e = {0};
    fail_too_many_states(&e);
    answer_refusal(s, id, &e);
}

static void remember_text(session *s, activity *a)
{
    task *t = task_of(a);
    size_t bytes = state_bytes_of(s);
    bool is_read = a->kind == ACTIVITY_BEAM ? a->beam != NULL : a->reason == END_DONE;
    if (!a->trail || t->text_version != s->text_version || !is_read)
        return; // the last byte is perhaps not taken
    uint8_t *trail = bl_alloc_array(NULL, t->n_whole, bytes);
    if (!trail)
        return; // only slower next time
    if (t->n_shared)
        memcpy(trail, s->trail, t->n_shared * bytes);
    if (a->n_text)
        memcpy(trail + t->n_shared * bytes, a->trail, a->n_text * bytes);
    bl_free(NULL, s->trail, s->n_text * bytes);
    bl_free(NULL, s->text, s->n_text);
    s->text = t->whole;
    s->trail = trail;
    s->n_text = t->n_whole;
    s->text_version++;
    t->whole = NULL;
    t->n_whole = 0;
}

static void answer_activity(session *s, activity *a)
{
    static const char *const reasons[] = {"done", "cancelled", "replaced", "exhausted", "failed"};
    bl_json json;
    bl_buffer content;
    bool has_room = true;
    switch (a->kind) {
    case ACTIVITY_FEED: {
        uint32_t handle = states_add(&s->states, a->states);
        has_room = handle != 0;
        begin_answer(&json, &content, s, a->id, "state");
        bl_json_uint(&json, "state", handle);
        bl_json_real(&json, "cost_bits", a->cost_bits[0]);
        break;
    }
    case ACTIVITY_STEP:
        begin_answer(&json, &content, s, a->id, "stepped");
        has_room = write_handles(&json, s, a->states, a->n_lanes);
        if (!has_room)
            break;
        bl_json_array(&json, "cost_bits");
        for (size_t i = 0; i < a->n_lanes; i++)
            bl_json_real(&json, NULL, a->cost_bits[i]);
        bl_json_end(&json);
        if (a->n_top)
            write_top(&json, a);
        break;
    case ACTIVITY_TOP:
        begin_answer(&json, &content, s, a->id, "top");
        write_top(&json, a);
        break;
    case ACTIVITY_BEAM:
        begin_answer(&json, &content, s, a->id, "beam_end");
        bl_json_uint(&json, "steps", a->n_steps_done);
        bl_json_text(&json, "reason", reasons[a->reason]);
        if (a->keeps_lanes && a->reason == END_DONE) {
            uint8_t *states;
            size_t n = activity_beam_states(a, &states);
            has_room = write_handles(&json, s, states, n);
        }
        break;
    case ACTIVITY_PATTERN:
    case ACTIVITY_ROLLOUT: return; // this protocol has none
    }
    if (has_room)
        end_answer(s, &json);
    else {
        bl_buffer_clear(&content);
        answer_too_many_states(s, a->id);
    }
}

static void answer_frame(session *s, const engine_event *event)
{
    const bl_beam_frame *f = event->frame;
    uint16_t n = (uint16_t)f->n_lanes;
    bl_buffer content;
    begin_content(&content, s);
    uint8_t head[2] = {1, 0};
    bl_buffer_append(&content, head, sizeof head);
    bl_buffer_append(&content, &n, sizeof n);
    bl_buffer_append(&content, &event->activity->id, 4);
    bl_buffer_append(&content, &event->step, 4);
    bl_buffer_append(&content, f->parent, 2u * n);
    bl_buffer_append(&content, f->cost, 2u * n);
    bl_buffer_append(&content, f->byte, n);
    push_message(s, &content, true, event->activity);
}

static void session_free(session *s)
{
    tab_close(&s->tab);
    engine_remove_client(s->host->engine, s->client);
    states_clear(&s->states);
    bl_free(NULL, s->text, s->n_text);
    bl_free(NULL, s->trail, s->n_text * state_bytes_of(s));
    s->host->n_sessions--;
    bl_free(NULL, s, sizeof *s);
}

// Frames that still wait must not speak of an activity that is gone.
static void forget_beam(session *s, const activity *a)
{
    for (message *m = s->first; m; m = m->next)
        if (m->beam == a)
            m->beam = NULL;
    if (s->beam == a)
        s->beam = NULL;
}

static void handle_event(engine_event *event)
{
    activity *a = event->activity;
    session *s = task_of(a)->session;
    if (event->frame) {
        answer_frame(s, event);
        event_destroy(event);
        return;
    }
    uint32_t at = 0;
    while (s->busy[at] != a)
        at++;
    s->busy[at] = s->busy[--s->n_busy];
    tab_end(&s->tab, a);
    if (!s->is_closed && a->refusal)
        answer_refusal(s, a->id, a->refusal);
    else if (!s->is_closed) {
        remember_text(s, a);
        answer_activity(s, a);
    }
    forget_beam(s, a);
    drop_activity(s, a);
    if (s->is_closed && s->n_busy == 0)
        session_free(s);
}

// The activity and the session may be gone after its last event.
static void receive_event(engine_event *event)
{
    const session *s = task_of(event->activity)->session;
    void (*want_write)(void *owner) = s->host->want_write;
    void *owner = s->owner;
    handle_event(event);
    if (owner)
        want_write(owner);
}

void submit(session *s, activity *a)
{
    a->receive = receive_event;
    s->busy[s->n_busy++] = a;
    tab_submit(&s->tab, a);
}

// ------------------------------------------------------------------------------ receiving

void session_receive(session *s, const char *text, size_t bytes)
{
    json_error_t where;
    request_error e = {0};
    json_t *request = json_loadb(text, bytes, JSON_REJECT_DUPLICATES, &where);
    if (!json_is_object(request)) {
        request_fail(&e, "bad_request", NULL,
                     request ? "expected a JSON object" : "byte %d: %.160s", where.position,
                     where.text);
        answer_error(s, NULL, &e);
    } else if (!handle_request(s, request, &e))
        answer_error(s, json_object_get(request, "id"), &e);
    json_decref(request);
}

void session_reject(session *s, const char *text)
{
    request_error e = {0};
    request_fail(&e, "bad_request", NULL, "%s", text);
    answer_error(s, NULL, &e);
}

// ------------------------------------------------------------------------------ life

session *session_create(session_host *host, const visitor *who)
{
    session *s = bl_alloc(NULL, sizeof *s);
    if (!s)
        return NULL;
    *s = (session){.host = host,
                   .tab = {.accounts = host->accounts,
                           .engine = host->engine,
                           .visitor = *who,
                           .work_kind = "session"}};
    s->last = &s->first;
    s->states.state_bytes = bl_model_facts(host->model)->state_bytes;
    s->client = engine_add_client(host->engine);
    if (!s->client) {
        bl_free(NULL, s, sizeof *s);
        return NULL;
    }
    host->n_sessions++;
    return s;
}

void session_close(session *s)
{
    s->is_closed = true;
    s->owner = NULL;
    while (s->first)
        session_message_sent(s);
    for (uint32_t i = 0; i < s->n_busy; i++)
        engine_cancel(s->host->engine, s->busy[i], END_CANCELLED);
    if (s->n_busy == 0)
        session_free(s);
}

bool session_is_full(const session *s) { return s->n_waiting >= MAX_WAITING; }

const message *session_next_message(const session *s) { return s->first; }

void session_message_sent(session *s)
{
    message *m = s->first;
    assert(m);
    s->first = m->next;
    if (!s->first)
        s->last = &s->first;
    s->n_waiting--;
    if (m->beam)
        engine_frame_sent(s->host->engine, m->beam);
    bl_free(NULL, m->data, m->capacity);
    bl_free(NULL, m, sizeof *m);
}

void session_set_owner(session *s, void *owner) { s->owner = owner; }

uint64_t session_lane_steps(const session *s) { return s->tab.n_lane_steps; }
