// SPDX-License-Identifier: MIT
// Requests: read, checked, and answered at once or made an activity (docs/formats/websocket.md).
//
// A session remembers the last text it read and the state after each of its bytes, so that a text
// that begins alike is read from where it differs.

#include "session_private.h"

#include <string.h>

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
        return fail_too_many_states(e);
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
        return fail_too_many_states(e);
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
        if (!json_is_integer(byte) || json_integer_value(byte) < 0
            || json_integer_value(byte) > 255)
            return request_fail(e, "bad_request", "bytes",
                                "bytes[%zu] must be an integer, 0 to 255", i);
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
        return request_fail(e, "bad_request", "states",
                            "states must be an array of 1 to %d handles", BL_LANES);
    if (kind == ACTIVITY_STEP && (!json_is_array(bytes) || json_array_size(bytes) != n))
        return request_fail(e, "bad_request", "bytes",
                            "bytes must be an array as long as states, %zu", n);
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
            return request_fail(e, "bad_request", "avoid_base64",
                                "an empty string avoids everything");
    }
    return true;
}

static bool join_words(bl_buffer *joined, const json_t *words, request_error *e)
{
    size_t i;
    const json_t *word;
    if (!json_is_array(words) || json_array_size(words) > MAX_WORDS)
        return request_fail(e, "bad_request", "words", "words must be a list of at most %d texts",
                            MAX_WORDS);
    for (i = 0; (word = json_array_get(words, i)); i++) {
        if (!json_is_string(word) || strlen(json_string_value(word)) != json_string_length(word))
            return request_fail(e, "bad_request", "words", "words[%zu] is no text", i);
        bl_buffer_append(joined, json_string_value(word), json_string_length(word) + 1);
    }
    return joined->status == BL_OK || request_fail(e, "internal", NULL, "out of memory");
}

static bool check_pattern(const json_t *text, request_error *e)
{
    bl_diag diag = {0};
    if (!json_is_string(text))
        return request_fail(e, "bad_request", "pattern", "pattern must be a text");
    bl_status status =
        bl_pattern_check(json_string_value(text), json_string_length(text), "pattern", NULL, &diag);
    return status == BL_OK
           || request_fail(e, "bad_request", "pattern", "column %d: %s", (int)diag.column,
                           diag.message);
}

// "pattern": a regular expression, or "words": a list; "pattern_bytes": how much of the end of the
// text it has read already. What is not wrong at first sight is built later.
static bool read_pattern(activity *a, const json_t *request, const uint8_t *text, size_t n_text,
                         request_error *e)
{
    const json_t *pattern = json_object_get(request, "pattern");
    const json_t *words = json_object_get(request, "words");
    int64_t n_read = 0;
    bl_buffer joined = {0};
    if (!request_integer(&n_read, request, "pattern_bytes", 0, (int64_t)n_text, e))
        return false;
    if (!pattern && !words)
        return n_read == 0
               || request_fail(e, "bad_request", "pattern_bytes",
                               "pattern_bytes is %lld, but there is neither pattern nor words",
                               (long long)n_read);
    if (pattern && words)
        return request_fail(e, "bad_request", "pattern", "pattern and words are both given");
    bool is_ok = pattern ? check_pattern(pattern, e) : join_words(&joined, words, e);
    if (is_ok) {
        const char *source = pattern ? json_string_value(pattern) : (const char *)joined.data;
        size_t bytes = pattern ? json_string_length(pattern) : joined.bytes;
        const uint8_t *read = n_read > 0 ? text + n_text - n_read : NULL;
        a->job = pattern_job_create(source, bytes, words != NULL, read, (size_t)n_read);
        is_ok = a->job || request_fail(e, "internal", NULL, "out of memory");
    }
    bl_buffer_clear(&joined);
    return is_ok;
}

static bool read_beam(session *s, activity *a, const json_t *request, request_error *e)
{
    int64_t width = BL_LANES, steps = 64, seed = 1;
    double temperature = 0.7, diversity = 0;
    uint8_t *text = NULL;
    size_t n_text = 0;
    bool has_text;
    const json_t *from = json_object_get(request, "state");
    if (!request_integer(&width, request, "width", 1, BL_LANES, e)
        || !request_integer(&steps, request, "steps", 1, MAX_RUN_STEPS, e)
        || !request_integer(&seed, request, "seed", 0, INT64_MAX, e)
        || !request_real(&temperature, request, "temperature", 0, 4, e)
        || !request_real(&diversity, request, "diversity", 0, BL_BEAM_MAX_DIVERSITY, e)
        || !request_flag(&a->keeps_lanes, request, "keep", e)
        || !read_avoid(a, json_object_get(request, "avoid_base64"), e)
        || !request_text(&text, &n_text, &has_text, request, MAX_TEXT_BYTES, e))
        return false;
    a->beam_params.width = (uint32_t)width;
    a->beam_params.temperature = temperature;
    a->beam_params.diversity = diversity;
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
    if (!read_pattern(a, request, text, n_text, e)) {
        bl_free(NULL, text, n_text);
        return false;
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

static const struct {
    const char *op;
    request_handler *handle;
} handlers[] = {
    {"create", handle_create}, {"fork", handle_fork}, {"drop", handle_drop},
    {"store", handle_store},   {"load", handle_load}, {"step", handle_step},
    {"top", handle_top},       {"beam", handle_beam}, {"cancel", handle_cancel},
    {"stats", handle_stats},
};

bool handle_request(session *s, const json_t *request, request_error *e)
{
    const json_t *id = json_object_get(request, "id");
    const char *op = json_string_value(json_object_get(request, "op"));
    if (!json_is_integer(id) || json_integer_value(id) < 0 || json_integer_value(id) > UINT32_MAX)
        return request_fail(e, "bad_request", "id", "id must be an integer, 0 to 4294967295");
    for (size_t i = 0; op && i < sizeof handlers / sizeof *handlers; i++)
        if (strcmp(op, handlers[i].op) == 0)
            return handlers[i].handle(s, (uint32_t)json_integer_value(id), request, e);
    return request_fail(e, "bad_request", "op",
                        "op is \"%.32s\"; expected create, fork, drop, store, "
                        "load, step, top, beam, cancel or stats",
                        op ? op : "");
}
