// SPDX-License-Identifier: MIT
// The Open Inference Protocol, version 2: the tensor "bytes" goes in, "logprobs" of the next byte
// comes out. A sequence_id remembers the state between requests. Tensors are JSON arrays or, by the
// binary data extension, little-endian bytes behind the JSON.

#include "body.h"
#include "logprobs.h"
#include "models.h"
#include "prompts.h"
#include "routes.h"
#include "sequences.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct inference {
    job job; // first
    char *id;
    sequence *sequence; // NULL: none
    bool is_end, is_batch, is_binary;
    bl_buffer text;
    float logprobs[256];
} inference;

// ----------------------------------------------------------------------------- what there is

static void begin_object(bl_json *json, http_reply *r)
{
    bl_json_begin(json, &r->out, false);
    bl_json_object(json, NULL);
}

bool answer_v2(http_reply *r, const http_request *q, const json_t *body, const char *name,
               request_error *e)
{
    (void)q, (void)body, (void)name, (void)e;
    bl_json json;
    begin_object(&json, r);
    bl_json_text(&json, "name", "bitloom");
    bl_json_text(&json, "version", BITLOOM_VERSION);
    bl_json_array(&json, "extensions");
    bl_json_text(&json, NULL, "sequence");
    bl_json_text(&json, NULL, "binary_tensor_data");
    bl_json_end(&json);
    bl_json_end(&json);
    reply_complete(r, 200, "application/json");
    return true;
}

static bool answer_flag(http_reply *r, const char *key)
{
    bl_json json;
    begin_object(&json, r);
    bl_json_bool(&json, key, true);
    bl_json_end(&json);
    reply_complete(r, 200, "application/json");
    return true;
}

bool answer_v2_live(http_reply *r, const http_request *q, const json_t *body, const char *name,
                    request_error *e)
{
    (void)q, (void)body, (void)name, (void)e;
    return answer_flag(r, "live");
}

bool answer_v2_ready(http_reply *r, const http_request *q, const json_t *body, const char *name,
                     request_error *e)
{
    (void)q, (void)body, (void)name, (void)e;
    return answer_flag(r, "ready");
}

static void write_tensor(bl_json *json, const char *list, const char *name, const char *type,
                         int64_t length)
{
    bl_json_array(json, list);
    bl_json_object(json, NULL);
    bl_json_text(json, "name", name);
    bl_json_text(json, "datatype", type);
    bl_json_array(json, "shape");
    bl_json_int(json, NULL, length);
    bl_json_end(json);
    bl_json_end(json);
    bl_json_end(json);
}

bool answer_v2_model(http_reply *r, const http_request *q, const json_t *body, const char *name,
                     request_error *e)
{
    (void)q, (void)body;
    bl_json json;
    if (!is_model(r->host, name, e))
        return false;
    begin_object(&json, r);
    bl_json_text(&json, "name", name);
    bl_json_array(&json, "versions");
    bl_json_text(&json, NULL, "1");
    bl_json_end(&json);
    bl_json_text(&json, "platform", "bitloom");
    write_tensor(&json, "inputs", "bytes", "UINT8", -1);
    write_tensor(&json, "outputs", "logprobs", "FP32", 256);
    bl_json_end(&json);
    reply_complete(r, 200, "application/json");
    return true;
}

bool answer_v2_model_ready(http_reply *r, const http_request *q, const json_t *body,
                           const char *name, request_error *e)
{
    (void)q, (void)body;
    bl_json json;
    if (!is_model(r->host, name, e))
        return false;
    begin_object(&json, r);
    bl_json_text(&json, "name", name);
    bl_json_bool(&json, "ready", true);
    bl_json_end(&json);
    reply_complete(r, 200, "application/json");
    return true;
}

// --------------------------------------------------------------------------- reading requests

// [n] or [1, n]
static bool read_shape(inference *x, int64_t *n, const json_t *shape, request_error *e)
{
    size_t n_dims = json_array_size(shape);
    const json_t *length = json_array_get(shape, n_dims - 1);
    x->is_batch = n_dims == 2;
    bool is_one = n_dims == 1
                  || (n_dims == 2 && json_is_integer(json_array_get(shape, 0))
                      && json_integer_value(json_array_get(shape, 0)) == 1);
    if (!is_one || !json_is_integer(length) || json_integer_value(length) < 0
        || json_integer_value(length) > MAX_PROMPT_BYTES)
        return request_fail(e, "bad_request", "shape",
                            "the shape of bytes must be [n] or [1, n], n from 0 to %d",
                            MAX_PROMPT_BYTES);
    *n = json_integer_value(length);
    return true;
}

static bool read_data(inference *x, const json_t *data, int64_t n, request_error *e)
{
    if (json_is_array(json_array_get(data, 0)) && json_array_size(data) == 1)
        data = json_array_get(data, 0);
    if (!json_is_array(data) || json_array_size(data) != (size_t)n)
        return request_fail(e, "bad_request", "data",
                            "data must be %" PRId64 " bytes, as the "
                            "shape says",
                            n);
    for (size_t i = 0; i < json_array_size(data); i++) {
        if (!body_is_byte(json_array_get(data, i)))
            return request_fail(e, "bad_request", "data", "data[%zu] must be an integer, 0 to 255",
                                i);
        uint8_t byte = (uint8_t)json_integer_value(json_array_get(data, i));
        bl_buffer_append(&x->text, &byte, 1);
    }
    return true;
}

static bool read_input(inference *x, const json_t *inputs, const uint8_t *tail, size_t n_tail,
                       request_error *e)
{
    const json_t *input = json_array_get(inputs, 0);
    const json_t *size = json_object_get(json_object_get(input, "parameters"), "binary_data_size");
    const char *name = json_string_value(json_object_get(input, "name"));
    const char *type = json_string_value(json_object_get(input, "datatype"));
    int64_t n = 0;
    if (json_array_size(inputs) != 1 || !name || strcmp(name, "bytes") != 0 || !type
        || strcmp(type, "UINT8") != 0)
        return request_fail(e, "bad_request", "inputs",
                            "inputs must be one tensor, bytes, of datatype UINT8");
    if (!read_shape(x, &n, json_object_get(input, "shape"), e))
        return false;
    if (!size && n_tail == 0)
        return read_data(x, json_object_get(input, "data"), n, e);
    if (!json_is_integer(size) || json_integer_value(size) != n || n_tail != (size_t)n)
        return request_fail(e, "bad_request", "binary_data_size",
                            "%zu bytes follow the JSON; binary_data_size and the shape must say so",
                            n_tail);
    bl_buffer_append(&x->text, tail, n_tail);
    return true;
}

static bool read_output(inference *x, const json_t *body, request_error *e)
{
    const json_t *outputs = json_object_get(body, "outputs"), *output = json_array_get(outputs, 0);
    const char *name = json_string_value(json_object_get(output, "name"));
    if (!request_flag(&x->is_binary, json_object_get(body, "parameters"), "binary_data_output", e))
        return false;
    if (!outputs)
        return true;
    if (json_array_size(outputs) != 1 || !name || strcmp(name, "logprobs") != 0)
        return request_fail(e, "bad_request", "outputs", "outputs may only be [logprobs]");
    return request_flag(&x->is_binary, json_object_get(output, "parameters"), "binary_data", e);
}

// An id is a number above 0 or a string that is not empty.
static bool read_id(char id[MAX_SEQUENCE_ID], const json_t *value, request_error *e)
{
    id[0] = 0;
    if (!value || (json_is_integer(value) && json_integer_value(value) == 0))
        return true;
    int n = json_is_integer(value)
                ? snprintf(id, MAX_SEQUENCE_ID, "%lld", (long long)json_integer_value(value))
            : json_is_string(value)
                ? snprintf(id, MAX_SEQUENCE_ID, "\"%s", json_string_value(value))
                : -1;
    bool is_id = n > 1 - json_is_integer(value) && n < MAX_SEQUENCE_ID;
    return is_id
           || request_fail(e, "bad_request", "sequence_id",
                           "sequence_id must be an integer or a string of 1 to %d bytes",
                           MAX_SEQUENCE_ID - 2);
}

static bool read_sequence(inference *x, const http_reply *r, const json_t *parameters,
                          request_error *e)
{
    http_host *host = r->host;
    int64_t account = r->visitor.account;
    char id[MAX_SEQUENCE_ID];
    bool is_start = false;
    if (!request_flag(&is_start, parameters, "sequence_start", e)
        || !request_flag(&x->is_end, parameters, "sequence_end", e)
        || !read_id(id, json_object_get(parameters, "sequence_id"), e))
        return false;
    if (!id[0])
        return true;
    sequence *s = sequences_find(host, account, id);
    if (s && s->is_busy)
        return request_fail(e, "conflict", "sequence_id",
                            "another request of this sequence is under way");
    if (!s && !is_start)
        return request_fail(e, "bad_request", "sequence_id",
                            "there is no such sequence (any more); begin it with sequence_start");
    if (is_start)
        s = sequences_begin(host, account, id);
    if (!s)
        return request_fail(e, "internal", NULL, "out of memory");
    x->sequence = s;
    return true;
}

static bool read_request(inference *x, const http_reply *r, const http_request *q,
                         const json_t *body, size_t n_json, request_error *e)
{
    const json_t *id = json_object_get(body, "id"), *p = json_object_get(body, "parameters");
    if (id && !json_is_string(id))
        return request_fail(e, "bad_request", "id", "id must be a string");
    if (id && !(x->id = strdup(json_string_value(id))))
        return request_fail(e, "internal", NULL, "out of memory");
    if (p && !json_is_object(p))
        return request_fail(e, "bad_request", "parameters", "parameters must be an object");
    return read_input(x, json_object_get(body, "inputs"), q->body + n_json, q->bytes - n_json, e)
           && read_output(x, body, e) && read_sequence(x, r, p, e);
}

// ----------------------------------------------------------------------------- its activities

// Reads the text, or asks what comes next.
static bool submit(inference *x, activity_kind kind, const uint8_t *state)
{
    const http_host *host = x->job.reply->host;
    size_t state_bytes = bl_model_facts(host->model)->state_bytes;
    activity *a = activity_create(kind, 1, state_bytes);
    if (!a)
        return false;
    if (state)
        memcpy(a->states, state, state_bytes);
    if (kind == ACTIVITY_FEED) {
        a->n_text = x->text.bytes;
        a->text = bl_alloc(NULL, a->n_text);
    } else {
        a->n_top = 256;
        a->top = bl_alloc_array(NULL, a->n_top, sizeof *a->top);
    }
    if (!a->text && !a->top) {
        activity_destroy(a, state_bytes);
        return false;
    }
    if (a->n_text)
        memcpy(a->text, x->text.data, a->n_text);
    return job_submit(&x->job, a);
}

static void end_activity(job *j, activity *a)
{
    inference *x = (inference *)j;
    http_host *host = j->reply->host;
    if (a->reason != END_DONE)
        return;
    if (a->kind == ACTIVITY_FEED) {
        host->counters.n_prompt_bytes += a->n_text;
        j->is_failed = !submit(x, ACTIVITY_TOP, a->states);
        return;
    }
    for (int i = 0; i < 256; i++)
        x->logprobs[a->top[i].byte] = (float)logprob_of(a->top[i].cost);
    if (x->sequence)
        memcpy(x->sequence->state, a->states, host->sequences->state_bytes);
}

static void write_logprobs(bl_json *json, const inference *x)
{
    bl_json_array(json, "outputs");
    bl_json_object(json, NULL);
    bl_json_text(json, "name", "logprobs");
    bl_json_text(json, "datatype", "FP32");
    bl_json_array(json, "shape");
    if (x->is_batch)
        bl_json_int(json, NULL, 1);
    bl_json_int(json, NULL, 256);
    bl_json_end(json);
    if (x->is_binary) {
        bl_json_object(json, "parameters");
        bl_json_uint(json, "binary_data_size", sizeof x->logprobs);
        bl_json_end(json);
    } else {
        bl_json_array(json, "data");
        for (int i = 0; i < 256; i++)
            bl_json_real(json, NULL, (double)x->logprobs[i]);
        bl_json_end(json);
    }
    bl_json_end(json);
    bl_json_end(json);
}

static void end_inference(job *j)
{
    inference *x = (inference *)j;
    http_reply *r = j->reply;
    bl_json json;
    if (j->is_failed) {
        request_error e = {.code = "internal", .message = "out of memory"};
        reply_error(r, &e);
        return;
    }
    if (x->sequence && x->is_end) {
        sequences_drop(r->host, x->sequence);
        x->sequence = NULL;
    }
    begin_object(&json, r);
    bl_json_text(&json, "model_name", bl_model_facts(r->host->model)->name);
    bl_json_text(&json, "model_version", "1");
    if (x->id)
        bl_json_text(&json, "id", x->id);
    write_logprobs(&json, x);
    bl_json_end(&json);
    if (x->is_binary) {
        r->head.json_bytes = r->out.bytes;
        bl_buffer_append(&r->out, x->logprobs, sizeof x->logprobs);
    }
    reply_complete(r, 200, x->is_binary ? "application/octet-stream" : "application/json");
}

static void destroy_inference(job *j)
{
    inference *x = (inference *)j;
    if (x->sequence)
        x->sequence->is_busy = false;
    bl_buffer_clear(&x->text);
    free(x->id);
    bl_free(NULL, x, sizeof *x);
}

static const job_kind inference_kind = {
    .end = end_activity, .done = end_inference, .destroy = destroy_inference};

static bool begin(inference *x, http_reply *r, request_error *e)
{
    sequence *s = x->sequence;
    if (x->text.status != BL_OK)
        return request_fail(e, "internal", NULL, "out of memory");
    job_size size = {"inference", x->text.bytes + 256, x->text.bytes + 2};
    if (!job_begin(&x->job, &inference_kind, r, &size, e))
        return false;
    if (s)
        s->is_busy = true;
    x->job.is_failed = !submit(x, ACTIVITY_FEED, s ? s->state : NULL);
    if (x->job.n_busy == 0)
        end_inference(&x->job);
    return true;
}

bool answer_v2_infer(http_reply *r, const http_request *q, const json_t *no_body, const char *name,
                     request_error *e)
{
    (void)no_body;
    char *end;
    size_t n_json = q->bytes;
    if (!is_model(r->host, name, e))
        return false;
    if (q->json_bytes) {
        n_json = strtoul(q->json_bytes, &end, 10);
        if (*end || end == q->json_bytes || n_json > q->bytes)
            return request_fail(e, "bad_request", "Inference-Header-Content-Length",
                                "Inference-Header-Content-Length must be the length of the JSON, "
                                "at most %zu",
                                q->bytes);
    }
    json_t *body = body_parse(q->body, n_json, e);
    inference *x = body ? bl_alloc(NULL, sizeof *x) : NULL;
    if (body && !x)
        request_fail(e, "internal", NULL, "out of memory");
    bool is_begun = x && read_request(x, r, q, body, n_json, e) && begin(x, r, e);
    if (x && !is_begun) {
        x->sequence = NULL; // not ours: it may be busy
        destroy_inference(&x->job);
    }
    json_decref(body);
    return is_begun;
}
