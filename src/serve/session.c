// SPDX-License-Identifier: MIT
// Sessions: requests become activities, events become answers (docs/formats/websocket.md).
//
// A session remembers the last text it read and the state after each of its bytes, so that a text
// that begins alike is read from where it differs.

#include "session.h"

#include "request.h"
#include "states.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum {
    MAX_TEXT_BYTES = 65536, MAX_STEPS = 1024, MAX_TOP = 256, MAX_BUSY = 64, MAX_WAITING = 256,
    MAX_MESSAGE_BYTES = 1 << 20
};

struct session {
    session_host *host;
    client *client;
    void *owner; // the transport's; NULL once closed
    bool is_closed;
    state_table states;
    activity *busy[MAX_BUSY]; // under way
    uint32_t n_busy;
    uint32_t n_waiting;
    activity *beam; // the one running beam, or NULL
    message *first, **last;
    // memory of the last text
    uint8_t *text, *trail; // trail[i]: state after text[i]
    size_t n_text;
    uint64_t text_version;
};

// What an activity needs to be answered.
typedef struct task {
    session *session;
    size_t n_shared; // bytes of the remembered text that were not read again
    uint8_t *whole;  // the whole text, to be remembered
    size_t n_whole;
    uint64_t text_version;
} task;

static size_t state_bytes_of(const session *s) { return bl_model_facts(s->host->model)->state_bytes; }

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
    *m = (message){.is_binary = is_binary, .bytes = content->bytes - s->host->room,
                   .capacity = content->capacity, .beam = beam, .data = content->data};
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

static void begin_answer(bl_json *json, bl_buffer *content, const session *s, uint32_t id,
                         const char *type)
{
    begin_content(content, s);
    bl_json_begin(json, content, false);
    bl_json_object(json, NULL);
    bl_json_text(json, "type", type);
    bl_json_uint(json, "id", id);
}

static void end_answer(session *s, bl_json *json)
{
    bl_json_end(json);
    push_message(s, json->out, false, NULL);
}

static void answer_error(session *s, const json_t *id, const request_error *e)
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
    bl_json_uint(&json, "steps", MAX_STEPS);
    bl_json_uint(&json, "top", MAX_TOP);
    bl_json_uint(&json, "avoid", BL_BEAM_MAX_AVOID);
    bl_json_uint(&json, "avoid_bytes", BL_BEAM_MAX_AVOID_BYTES);
    bl_json_uint(&json, "busy", MAX_BUSY);
    bl_json_end(&json);
    end_answer(s, &json);
}

// ------------------------------------------------------------- activities and their answers

static task *task_of(const activity *a) { return a->owner; }

static void task_destroy(task *t)
{
    if (t)
        bl_free(NULL, t->whole, t->n_whole);
    bl_free(NULL, t, sizeof *t);
}

static activity *new_activity(session *s, activity_kind kind, size_t n_lanes, uint32_t id,
                              request_error *e)
{
    if (s->n_busy >= MAX_BUSY) {
        request_fail(e, "too_many", NULL, "%u requests are under way; the limit busy is %d", s->n_busy,
                     MAX_BUSY);
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

static void drop_activity(session *s, activity *a)
{
    if (!a)
        return;
    task_destroy(a->owner);
    activity_destroy(a, state_bytes_of(s));
}

static void submit(session *s, activity *a)
{
    s->busy[s->n_busy++] = a;
    engine_submit(s->host->engine, a);
}

static void write_top(bl_json *json, const activity *a)
{
    bl_json_array(json, "top");
    for (size_t i = 0; i < a->n_lanes; i++) {
        bl_json_array(json, NULL);
        for (uint32_t k = 0; k < a->n_top; k++) {
            bl_json_array(json, NULL);
            bl_json_uint(json, NULL, a->top[i * a->n_top + k].byte);
            bl_json_real(json, NULL, (double)a->top[i * a->n_top + k].bits);
            bl_json_end(json);
        }
        bl_json_end(json);
    }
    bl_json_end(json);
}

// Adds states as handles; on failure none is kept and the error says why.
static bool write_handles(bl_json *json, session *s, const uint8_t *states, size_t n)
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

static void answer_too_many_states(session *s, uint32_t id)
{
    request_error e;
    json_t *number = json_integer(id);
    request_fail(&e, "too_many", NULL, "the limit of %d states is reached; drop some", MAX_STATES);
    answer_error(s, number, &e);
    json_decref(number);
}

static void remember_text(session *s, activity *a)
{
    task *t = task_of(a);
    size_t bytes = state_bytes_of(s);
    if (!a->trail || t->text_version != s->text_version || a->at < a->n_text)
        return;
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
    engine_remove_client(s->client);
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

void session_handle_event(engine_event *event)
{
    activity *a = event->activity;
    session *s = task_of(a)->session;
    if (event->frame) {
        answer_frame(s, event);
        bl_free(NULL, event->frame, sizeof *event->frame);
        bl_free(NULL, event, sizeof *event);
        return;
    }
    uint32_t at = 0;
    while (s->busy[at] != a)
        at++;
    s->busy[at] = s->busy[--s->n_busy];
    if (!s->is_closed) {
        remember_text(s, a);
        answer_activity(s, a);
    }
    forget_beam(s, a);
    drop_activity(s, a);
    if (s->is_closed && s->n_busy == 0)
        session_free(s);
}

// ------------------------------------------------------------------------------ requests

typedef bool request_handler(session *s, uint32_t id, const json_t *request, request_error *e);

static const uint8_t *find_state(const session *s, const json_t *value, const char *field,
                                 request_error *e)
{
    const uint8_t *state = NULL;
    if (!json_is_integer(value))
        request_fail(e, "bad_request", field, "%s must be a state's handle", field);
    else if (!(state = states_get(&s->states, (uint64_t)json_integer_value(value))))
        request_fail(e, "no_such_state", field, "there is no state %lld",
                     (long long)json_integer_value(value));
    return state;
}

// Prepares reading of a text: from the given state, or from where the remembered text differs.
static bool begin_text(session *s, activity *a, uint8_t *text, size_t n_text, const uint8_t *state,
                       request_error *e)
{
    task *t = task_of(a);
    size_t bytes = state_bytes_of(s), shared = 0;
    t->whole = text; // from here on the task frees it
    t->n_whole = n_text;
    t->text_version = s->text_version;
    if (state)
        memcpy(a->states, state, bytes);
    else if (!a->wants_cost) {
        while (shared < n_text && shared < s->n_text && text[shared] == s->text[shared])
            shared++;
        if (shared)
            memcpy(a->states, s->trail + (shared - 1) * bytes, bytes);
    }
    for (size_t i = 0; i < n_text; i++)
        a->beam_params.path_key = bl_beam_path_key(a->beam_params.path_key, text[i]);
    t->n_shared = shared;
    a->n_text = n_text - shared;
    a->text = bl_alloc(NULL, a->n_text);
    if (!state && !a->wants_cost)
        a->trail = bl_alloc_array(NULL, a->n_text, bytes);
    if (!a->text || (!state && !a->wants_cost && !a->trail))
        return request_fail(e, "internal", NULL, "out of memory");
    if (a->n_text)
        memcpy(a->text, text + shared, a->n_text);
    return true;
}

static bool handle_create(session *s, uint32_t id, const json_t *request, request_error *e)
{
    uint8_t *text = NULL;
    size_t n_text = 0;
    bool has_text;
    const json_t *from = json_object_get(request, "state");
    const uint8_t *state = from ? find_state(s, from, "state", e) : NULL;
    if (from && !state)
        return false;
    if (!request_text(&text, &n_text, &has_text, request, MAX_TEXT_BYTES, e))
        return false;
    activity *a = new_activity(s, ACTIVITY_FEED, 1, id, e);
    if (!a) {
        bl_free(NULL, text, n_text);
        return false;
    }
    a->wants_cost = true;
    if (!begin_text(s, a, text, n_text, state, e)) {
        drop_activity(s, a);
        return false;
    }
    submit(s, a);
    return true;
}

static bool handle_fork(session *s, uint32_t id, const json_t *request, request_error *e)
{
    int64_t count = 1;
    const uint8_t *state = find_state(s, json_object_get(request, "state"), "state", e);
    if (!state || !request_integer(&count, request, "count", 1, BL_LANES, e))
        return false;
    size_t bytes = state_bytes_of(s);
    uint8_t *copies = bl_alloc_array(NULL, (size_t)count, bytes);
    if (!copies)
        return request_fail(e, "internal", NULL, "out of memory");
    for (int64_t i = 0; i < count; i++)
        memcpy(copies + (size_t)i * bytes, state, bytes);
    bl_json json;
    bl_buffer content;
    begin_answer(&json, &content, s, id, "states");
    bool has_room = write_handles(&json, s, copies, (size_t)count);
    bl_free(NULL, copies, (size_t)count * bytes);
    if (has_room)
        end_answer(s, &json);
    else {
        bl_buffer_clear(&content);
        return request_fail(e, "too_many", NULL, "the limit of %d states is reached; drop some",
                            MAX_STATES);
    }
    return true;
}

static bool handle_drop(session *s, uint32_t id, const json_t *request, request_error *e)
{
    const json_t *handles = json_object_get(request, "states");
    if (!json_is_array(handles))
        return request_fail(e, "bad_request", "states", "states must be an array of handles");
    for (size_t i = 0; i < json_array_size(handles); i++)
        if (!find_state(s, json_array_get(handles, i), "states", e))
            return false; // nothing is dropped
    uint32_t n = 0;
    for (size_t i = 0; i < json_array_size(handles); i++)
        n += states_drop(&s->states, (uint64_t)json_integer_value(json_array_get(handles, i)));
    bl_json json;
    bl_buffer content;
    begin_answer(&json, &content, s, id, "dropped");
    bl_json_uint(&json, "count", n);
    end_answer(s, &json);
    return true;
}

static bool handle_store(session *s, uint32_t id, const json_t *request, request_error *e)
{
    const uint8_t *state = find_state(s, json_object_get(request, "state"), "state", e);
    if (!state)
        return false;
    bl_json json;
    bl_buffer content;
    begin_answer(&json, &content, s, id, "stored");
    bl_json_base64(&json, "state_base64", state, state_bytes_of(s));
    bl_json_text(&json, "model_sha256", bl_model_facts(s->host->model)->sha256);
    end_answer(s, &json);
    return true;
}

static bool handle_load(session *s, uint32_t id, const json_t *request, request_error *e)
{
    const bl_model_info *m = bl_model_facts(s->host->model);
    const char *model = json_string_value(json_object_get(request, "model_sha256"));
    uint8_t *state;
    size_t bytes;
    if (!model || strcmp(model, m->sha256) != 0)
        return request_fail(e, "model_mismatch", "model_sha256",
                            "the state is of model %.64s; this server runs %s",
                            model ? model : "(none given)", m->sha256);
    if (!request_base64(&state, &bytes, json_object_get(request, "state_base64"), "state_base64",
                        m->state_bytes, e))
        return false;
    uint32_t handle = bytes == m->state_bytes ? states_add(&s->states, state) : 0;
    bl_free(NULL, state, bytes);
    if (bytes != m->state_bytes)
        return request_fail(e, "bad_request", "state_base64", "a state of %zu bytes; expected %zu",
                            bytes, m->state_bytes);
    if (!handle)
        return request_fail(e, "too_many", NULL, "the limit of %d states is reached; drop some",
                            MAX_STATES);
    bl_json json;
    bl_buffer content;
    begin_answer(&json, &content, s, id, "state");
    bl_json_uint(&json, "state", handle);
    end_answer(s, &json);
    return true;
}

// Lanes of a step or top request: states, and bytes for a step.
static bool read_lanes(activity *a, const session *s, const json_t *states, const json_t *bytes,
                       request_error *e)
{
    for (size_t i = 0; i < a->n_lanes; i++) {
        const uint8_t *state = find_state(s, json_array_get(states, i), "states", e);
        if (!state)
            return false;
        memcpy(a->states + i * s->states.state_bytes, state, s->states.state_bytes);
        if (!bytes)
            continue;
        const json_t *byte = json_array_get(bytes, i);
        if (!json_is_integer(byte) || json_integer_value(byte) < 0 || json_integer_value(byte) > 255)
            return request_fail(e, "bad_request", "bytes", "bytes[%zu] must be an integer, 0 to 255", i);
        a->bytes[i] = (int16_t)json_integer_value(byte);
    }
    return true;
}

static bool handle_lanes(session *s, uint32_t id, const json_t *request, activity_kind kind,
                         request_error *e)
{
    const json_t *states = json_object_get(request, "states");
    const json_t *bytes = kind == ACTIVITY_STEP ? json_object_get(request, "bytes") : NULL;
    int64_t top = kind == ACTIVITY_TOP ? 8 : 0;
    size_t n = json_array_size(states);
    if (!json_is_array(states) || n < 1 || n > BL_LANES)
        return request_fail(e, "bad_request", "states", "states must be an array of 1 to %d handles",
                            BL_LANES);
    if (kind == ACTIVITY_STEP && (!json_is_array(bytes) || json_array_size(bytes) != n))
        return request_fail(e, "bad_request", "bytes", "bytes must be an array as long as states, %zu", n);
    if (!request_integer(&top, request, "top", kind == ACTIVITY_TOP, MAX_TOP, e))
        return false;
    activity *a = new_activity(s, kind, n, id, e);
    if (!a)
        return false;
    a->n_top = (uint32_t)top;
    a->top = bl_alloc_array(NULL, n * (size_t)top, sizeof *a->top);
    bool is_ready = a->top ? read_lanes(a, s, states, bytes, e)
                           : request_fail(e, "internal", NULL, "out of memory");
    if (is_ready)
        submit(s, a);
    else
        drop_activity(s, a);
    return is_ready;
}

static bool handle_step(session *s, uint32_t id, const json_t *request, request_error *e)
{
    return handle_lanes(s, id, request, ACTIVITY_STEP, e);
}

static bool handle_top(session *s, uint32_t id, const json_t *request, request_error *e)
{
    return handle_lanes(s, id, request, ACTIVITY_TOP, e);
}

static bool read_avoid(activity *a, const json_t *list, request_error *e)
{
    size_t n = json_array_size(list);
    if (list && !json_is_array(list))
        return request_fail(e, "bad_request", "avoid_base64", "avoid_base64 must be an array");
    if (n > BL_BEAM_MAX_AVOID)
        return request_fail(e, "too_many", "avoid_base64", "%zu strings; the limit avoid is %d", n,
                            BL_BEAM_MAX_AVOID);
    if (n == 0)
        return true;
    bl_bytes *avoid = bl_alloc_array(NULL, n, sizeof *avoid);
    if (!avoid)
        return request_fail(e, "internal", NULL, "out of memory");
    a->beam_params.avoid = avoid;
    a->beam_params.n_avoid = (uint32_t)n;
    for (size_t i = 0; i < n; i++) {
        uint8_t *data;
        if (!request_base64(&data, &avoid[i].bytes, json_array_get(list, i), "avoid_base64",
                            BL_BEAM_MAX_AVOID_BYTES, e))
            return false;
        avoid[i].data = data;
        if (avoid[i].bytes == 0)
            return request_fail(e, "bad_request", "avoid_base64", "an empty string avoids everything");
    }
    return true;
}

static bool read_beam(session *s, activity *a, const json_t *request, request_error *e)
{
    int64_t width = BL_LANES, steps = 64, seed = 1;
    double temperature = 0.7;
    uint8_t *text = NULL;
    size_t n_text = 0;
    bool has_text;
    const json_t *from = json_object_get(request, "state");
    if (!request_integer(&width, request, "width", 1, BL_LANES, e)
        || !request_integer(&steps, request, "steps", 1, MAX_STEPS, e)
        || !request_integer(&seed, request, "seed", 0, INT64_MAX, e)
        || !request_real(&temperature, request, "temperature", 0, 4, e)
        || !request_flag(&a->keeps_lanes, request, "keep", e)
        || !read_avoid(a, json_object_get(request, "avoid_base64"), e)
        || !request_text(&text, &n_text, &has_text, request, MAX_TEXT_BYTES, e))
        return false;
    a->beam_params.width = (uint32_t)width;
    a->beam_params.temperature = temperature;
    a->beam_params.seed = (uint64_t)seed;
    a->n_steps = (uint32_t)steps;
    const uint8_t *state = from ? find_state(s, from, "state", e) : NULL;
    if ((from && !state) || has_text == (from != NULL)) {
        bl_free(NULL, text, n_text);
        return from && !state
                   ? false
                   : request_fail(e, "bad_request", "text",
                                  "give one of text, text_base64 and state: where to begin");
    }
    return begin_text(s, a, text, n_text, state, e);
}

static bool handle_beam(session *s, uint32_t id, const json_t *request, request_error *e)
{
    activity *a = new_activity(s, ACTIVITY_BEAM, 1, id, e);
    if (!a)
        return false;
    if (!read_beam(s, a, request, e)) {
        drop_activity(s, a);
        return false;
    }
    if (s->beam)
        engine_cancel(s->host->engine, s->beam, END_REPLACED);
    s->beam = a;
    submit(s, a);
    return true;
}

static bool handle_cancel(session *s, uint32_t id, const json_t *request, request_error *e)
{
    int64_t beam = -1;
    if (!request_integer(&beam, request, "beam", 0, UINT32_MAX, e))
        return false;
    if (beam < 0)
        return request_fail(e, "bad_request", "beam", "beam must be the id of a beam request");
    bool was_running = s->beam && s->beam->id == beam;
    if (was_running)
        engine_cancel(s->host->engine, s->beam, END_CANCELLED);
    bl_json json;
    bl_buffer content;
    begin_answer(&json, &content, s, id, "cancelled");
    bl_json_bool(&json, "was_running", was_running);
    end_answer(s, &json);
    return true;
}

static bool handle_stats(session *s, uint32_t id, const json_t *request, request_error *e)
{
    (void)request, (void)e;
    engine_stats stats;
    engine_get_stats(&stats, s->host->engine);
    bl_json json;
    bl_buffer content;
    begin_answer(&json, &content, s, id, "stats");
    bl_json_uint(&json, "sessions", s->host->n_sessions);
    bl_json_uint(&json, "lanes_busy", stats.n_lanes_busy);
    bl_json_uint(&json, "steps", stats.n_ticks);
    bl_json_real(&json, "step_us",
                 stats.n_ticks ? (double)stats.tick_ns / (double)stats.n_ticks / 1e3 : 0);
    bl_json_uint(&json, "lane_steps", stats.n_lane_steps);
    end_answer(s, &json);
    return true;
}

static const struct { const char *op; request_handler *handle; } handlers[] = {
    {"create", handle_create}, {"fork", handle_fork},     {"drop", handle_drop},
    {"store", handle_store},   {"load", handle_load},     {"step", handle_step},
    {"top", handle_top},       {"beam", handle_beam},     {"cancel", handle_cancel},
    {"stats", handle_stats},
};

static bool handle_request(session *s, const json_t *request, request_error *e)
{
    const json_t *id = json_object_get(request, "id");
    const char *op = json_string_value(json_object_get(request, "op"));
    if (!json_is_integer(id) || json_integer_value(id) < 0 || json_integer_value(id) > UINT32_MAX)
        return request_fail(e, "bad_request", "id", "id must be an integer, 0 to 4294967295");
    for (size_t i = 0; op && i < sizeof handlers / sizeof *handlers; i++)
        if (strcmp(op, handlers[i].op) == 0)
            return handlers[i].handle(s, (uint32_t)json_integer_value(id), request, e);
    return request_fail(e, "bad_request", "op", "op is \"%.32s\"; expected create, fork, drop, store, "
                                                "load, step, top, beam, cancel or stats",
                        op ? op : "");
}

void session_receive(session *s, const char *text, size_t bytes)
{
    json_error_t where;
    request_error e = {0};
    if (s->n_waiting >= MAX_WAITING) // a client that asks and never reads
        return;
    json_t *request = json_loadb(text, bytes, JSON_REJECT_DUPLICATES, &where);
    if (!json_is_object(request)) {
        request_fail(&e, "bad_request", NULL, request ? "expected a JSON object" : "byte %d: %.160s",
                     where.position, where.text);
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

session *session_create(session_host *host)
{
    session *s = bl_alloc(NULL, sizeof *s);
    if (!s)
        return NULL;
    *s = (session){.host = host};
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
void *session_owner_of(const activity *a) { return task_of(a)->session->owner; }
