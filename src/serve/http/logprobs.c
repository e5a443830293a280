// SPDX-License-Identifier: MIT
// The same cost becomes the same text wherever it is told: clients compare for equality.

#include "logprobs.h"

#include "tokens.h"

double logprob_of(uint32_t cost) { return 0.0 - (double)cost / BL_COST_BIT * 0.69314718055994531; }

// An invalid byte is shown as one replacement character.
static size_t char_bytes(const uint8_t *text, size_t bytes)
{
    size_t n = bl_utf8_sequence(text, bytes);
    return n ? n : 1;
}

size_t count_chars(const uint8_t *text, size_t bytes)
{
    size_t n = 0;
    for (size_t at = 0; at < bytes; n++)
        at += char_bytes(text + at, bytes - at);
    return n;
}

static uint32_t cost_of(const choice *c, size_t i)
{
    return ((const uint32_t *)(const void *)c->text.costs.data)[i];
}

static const prediction *top_of(const choice *c, size_t i, uint32_t n_top)
{
    return (const prediction *)(const void *)c->text.tops.data + i * n_top;
}

static bool has_nothing_before(const choice *c, size_t i) { return i == 0 && c->n_prompt > 0; }

// {token: logprob} of the likeliest, and of the byte itself where it is not among them.
static void write_map(bl_json *json, const choice *c, size_t i, uint32_t n_top)
{
    const prediction *top = top_of(c, i, n_top);
    uint8_t own = c->text.bytes.data[i];
    bool has_own = false;
    char name[TOKEN_NAME_CHARS + 1] = "";
    bl_json_object(json, NULL);
    for (uint32_t k = 0; k <= n_top; k++) {
        bool is_own = k == n_top;
        if (is_own && has_own)
            break;
        prediction p = is_own ? (prediction){own, cost_of(c, i)} : top[k];
        has_own |= p.byte == own;
        name[token_name(name, p.byte)] = 0;
        bl_json_real(json, name, logprob_of(p.cost));
    }
    bl_json_end(json);
}

static void write_offsets(bl_json *json, const uint8_t *text, size_t bytes, size_t n_chars)
{
    bl_json_array(json, "text_offset");
    for (size_t at = 0, n; at < bytes; at += n, n_chars++) {
        n = char_bytes(text + at, bytes - at);
        for (size_t k = 0; k < n; k++)
            bl_json_uint(json, NULL, n_chars);
    }
    bl_json_end(json);
}

void write_legacy_logprobs(bl_json *json, const choice *c, size_t from, size_t to, uint32_t n_top,
                           size_t n_chars)
{
    const uint8_t *text = c->text.bytes.data;
    char name[TOKEN_NAME_CHARS];
    bl_json_object(json, "logprobs");
    bl_json_array(json, "tokens");
    for (size_t i = from; i < to; i++)
        bl_json_bytes(json, NULL, name, token_name(name, text[i]));
    bl_json_end(json);
    bl_json_array(json, "token_logprobs");
    for (size_t i = from; i < to; i++)
        if (has_nothing_before(c, i))
            bl_json_null(json, NULL);
        else
            bl_json_real(json, NULL, logprob_of(cost_of(c, i)));
    bl_json_end(json);
    bl_json_array(json, "top_logprobs");
    for (size_t i = from; i < to; i++)
        if (has_nothing_before(c, i))
            bl_json_null(json, NULL);
        else
            write_map(json, c, i, n_top);
    bl_json_end(json);
    write_offsets(json, from < to ? text + from : NULL, to - from, n_chars);
    bl_json_end(json);
}

static void write_token(bl_json *json, prediction p)
{
    char name[TOKEN_NAME_CHARS];
    bl_json_bytes(json, "token", name, token_name(name, p.byte));
    bl_json_real(json, "logprob", logprob_of(p.cost));
    bl_json_array(json, "bytes");
    bl_json_uint(json, NULL, p.byte);
    bl_json_end(json);
}

void write_chat_logprobs(bl_json *json, const choice *c, size_t from, size_t to, uint32_t n_top)
{
    bl_json_object(json, "logprobs");
    bl_json_array(json, "content");
    for (size_t i = from; i < to; i++) {
        bl_json_object(json, NULL);
        write_token(json, (prediction){c->text.bytes.data[i], cost_of(c, i)});
        bl_json_array(json, "top_logprobs");
        for (uint32_t k = 0; k < n_top; k++) {
            bl_json_object(json, NULL);
            write_token(json, top_of(c, i, n_top)[k]);
            bl_json_end(json);
        }
        bl_json_end(json);
        bl_json_end(json);
    }
    bl_json_end(json);
    bl_json_null(json, "refusal");
    bl_json_end(json);
}
