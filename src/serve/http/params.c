// SPDX-License-Identifier: MIT
// Fields that would change the result and that this server cannot obey are refused, not ignored.

#include "params.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

// Fields that may be there as long as they ask for nothing.
static bool read_refused(const json_t *body, request_error *e)
{
    static const char *const lists[] = {"tools", "functions",  "modalities",
                                        "audio", "prediction", "web_search_options"};
    static const char *const penalties[] = {"presence_penalty", "frequency_penalty"};
    const json_t *format = json_object_get(body, "response_format");
    const char *type = json_string_value(json_object_get(format, "type"));
    const json_t *suffix = json_object_get(body, "suffix");
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        const json_t *v = json_object_get(body, lists[i]);
        bool is_text = strcmp(lists[i], "modalities") == 0 && json_array_size(v) == 1
                       && strcmp(json_string_value(json_array_get(v, 0))
                                     ? json_string_value(json_array_get(v, 0))
                                     : "",
                                 "text")
                              == 0;
        if (v && !is_text && !(json_is_array(v) && json_array_size(v) == 0))
            return request_fail(e, "bad_request", lists[i],
                                "%s is not supported: this model continues text", lists[i]);
    }
    for (size_t i = 0; i < 2; i++) {
        double penalty = 0;
        if (!request_real(&penalty, body, penalties[i], -2, 2, e))
            return false;
        if (penalty != 0)
            return request_fail(e, "bad_request", penalties[i],
                                "%s is not supported; leave it out or 0. logit_bias is",
                                penalties[i]);
    }
    if (format && (!type || strcmp(type, "text") != 0))
        return request_fail(e, "bad_request", "response_format",
                            "response_format may only be {\"type\": \"text\"}");
    if (suffix && !(json_is_string(suffix) && json_string_length(suffix) == 0))
        return request_fail(e, "bad_request", "suffix",
                            "suffix is not supported: the model reads forwards only");
    return true;
}

static bool add_stop(stop_set *stops, const json_t *text, request_error *e)
{
    if (!json_is_string(text))
        return request_fail(e, "bad_request", "stop", "stop must be a string or up to 4 of them");
    if (!stops_add(stops, (const uint8_t *)json_string_value(text), json_string_length(text)))
        return request_fail(e, "bad_request", "stop", "a stop string has 1 to %d bytes",
                            MAX_STOP_BYTES);
    return true;
}

static bool read_stops(stop_set *stops, const json_t *stop, request_error *e)
{
    if (!stop)
        return true;
    if (!json_is_array(stop))
        return add_stop(stops, stop, e);
    if (json_array_size(stop) > 4)
        return request_fail(e, "bad_request", "stop", "stop has %zu strings; expected up to 4",
                            json_array_size(stop));
    for (size_t i = 0; i < json_array_size(stop); i++)
        if (!add_stop(stops, json_array_get(stop, i), e))
            return false;
    return true;
}

static bool read_bias(double bias[256], const json_t *map, request_error *e)
{
    const char *key;
    json_t *value;
    if (!map)
        return true;
    if (!json_is_object(map))
        return request_fail(e, "bad_request", "logit_bias", "logit_bias must be an object");
    json_object_foreach((json_t *)(uintptr_t)map, key, value)
    {
        char *end;
        long byte = strtol(key, &end, 10);
        if (*key < '0' || *key > '9' || *end || byte > 255)
            return request_fail(e, "bad_request", "logit_bias",
                                "logit_bias: \"%.32s\" is no token; expected \"0\" to \"255\", a "
                                "byte's value",
                                key);
        double x = json_number_value(value);
        if (!json_is_number(value) || !(x >= -100 && x <= 100))
            return request_fail(e, "bad_request", "logit_bias",
                                "logit_bias[\"%s\"] must be a number, -100 to 100", key);
        bias[byte] = x;
    }
    return true;
}

static bool read_draw(bl_draw *draw, const json_t *body, const bl_model *model, request_error *e)
{
    double bias[256] = {0};
    bl_draw_params p = {.temperature = 1, .top_p = 1, .bias_nats = bias};
    if (!request_real(&p.temperature, body, "temperature", 0, 2, e)
        || !request_real(&p.top_p, body, "top_p", 0, 1, e)
        || !read_bias(bias, json_object_get(body, "logit_bias"), e))
        return false;
    if (p.temperature > 0 && p.temperature < 0.01)
        p.temperature = 0.01;
    if (p.top_p == 0)
        p.top_p = 1e-9; // the likeliest alone
    if (bl_draw_set(draw, model, &p) != BL_OK)
        return request_fail(e, "internal", NULL, "the parameters were not accepted");
    return true;
}

static bool read_stream(generation_params *p, const json_t *body, request_error *e)
{
    const json_t *options = json_object_get(body, "stream_options");
    if (!request_flag(&p->is_stream, body, "stream", e))
        return false;
    if (!options)
        return true;
    if (!p->is_stream || !json_is_object(options))
        return request_fail(e, "bad_request", "stream_options",
                            "stream_options must be an object, and only where stream is true");
    const json_t *usage = json_object_get(options, "include_usage");
    return json_is_null(usage) || request_flag(&p->includes_usage, options, "include_usage", e);
}

// Completions say how many alternatives, chat says whether and how many.
static bool read_logprobs(generation_params *p, const json_t *body, bool is_chat, request_error *e)
{
    int64_t n_top = 0;
    const char *field = is_chat ? "top_logprobs" : "logprobs";
    p->has_logprobs = json_object_get(body, field) != NULL;
    if (!request_integer(&n_top, body, field, 0, MAX_ALTERNATIVES, e))
        return false;
    p->n_top = (uint32_t)n_top;
    if (!is_chat)
        return true;
    bool is_wanted = false;
    if (!request_flag(&is_wanted, body, "logprobs", e))
        return false;
    if (p->has_logprobs && !is_wanted)
        return request_fail(e, "bad_request", "top_logprobs", "top_logprobs wants logprobs true");
    p->has_logprobs = is_wanted;
    return true;
}

static bool read_lengths(generation_params *p, const json_t *body, bool is_chat, request_error *e)
{
    int64_t n = 1, max_bytes = is_chat ? 256 : 16;
    if (!request_integer(&n, body, "n", 1, BL_LANES, e))
        return false;
    int64_t best_of = n;
    if (!is_chat && !request_integer(&best_of, body, "best_of", n, BL_LANES, e))
        return false;
    if (!request_integer(&max_bytes, body, "max_tokens", 0, MAX_COMPLETION_BYTES, e)
        || (is_chat
            && !request_integer(&max_bytes, body, "max_completion_tokens", 0, MAX_COMPLETION_BYTES,
                                e)))
        return false;
    if (p->is_stream && best_of > n)
        return request_fail(e, "bad_request", "best_of",
                            "best_of above n cannot be streamed: the best are known at the end");
    p->n = (uint32_t)n;
    p->best_of = (uint32_t)best_of;
    p->max_bytes = (uint32_t)max_bytes;
    return true;
}

static bool read_seed(uint64_t *seed, const json_t *body, request_error *e)
{
    int64_t given = 0;
    if (!request_integer(&given, body, "seed", INT64_MIN, INT64_MAX, e))
        return false;
    *seed = (uint64_t)given;
    if (!json_object_get(body, "seed") && getrandom(seed, sizeof *seed, 0) != sizeof *seed)
        *seed = bl_time_ns();
    return true;
}

bool params_read(generation_params *p, const json_t *body, bool is_chat, const bl_model *model,
                 request_error *e)
{
    *p = (generation_params){0};
    return read_refused(body, e) && read_stream(p, body, e) && read_logprobs(p, body, is_chat, e)
           && read_lengths(p, body, is_chat, e)
           && (is_chat || request_flag(&p->echoes, body, "echo", e))
           && read_stops(&p->stops, json_object_get(body, "stop"), e)
           && read_draw(&p->draw, body, model, e) && read_seed(&p->seed, body, e);
}
