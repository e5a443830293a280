// SPDX-License-Identifier: MIT
// How choices of /v1/chat/completions look. A stream opens each with its role, and its last piece
// has nothing but the reason why it ended.

#include "generation.h"

#include "logprobs.h"

static void write_logprobs(bl_json *json, const generation *g, const choice *c, size_t from,
                           size_t to)
{
    if (g->params.has_logprobs && from < to)
        write_chat_logprobs(json, c, from, to, g->params.n_top);
    else
        bl_json_null(json, "logprobs");
}

static void write_choice(bl_json *json, const generation *g, const choice *c, size_t index)
{
    size_t n = text_bytes(c);
    bl_json_object(json, NULL);
    bl_json_uint(json, "index", index);
    bl_json_object(json, "message");
    bl_json_text(json, "role", "assistant");
    bl_json_bytes(json, "content", c->text.bytes.data, n);
    bl_json_null(json, "refusal");
    bl_json_end(json);
    write_logprobs(json, g, c, 0, n);
    bl_json_text(json, "finish_reason", finish_reason(c));
    bl_json_base64(json, "bytes_b64", c->text.bytes.data, n);
    bl_json_end(json);
}

static void write_piece(generation *g, const choice *c, size_t index, size_t from, size_t to,
                        const char *reason)
{
    bl_json json;
    begin_chunk(&json, g);
    bl_json_object(&json, NULL);
    bl_json_uint(&json, "index", index);
    bl_json_object(&json, "delta");
    if (!c->is_open)
        bl_json_text(&json, "role", "assistant");
    if (!reason)
        bl_json_bytes(&json, "content", from < to ? c->text.bytes.data + from : NULL, to - from);
    bl_json_end(&json);
    write_logprobs(&json, g, c, from, to);
    if (reason)
        bl_json_text(&json, "finish_reason", reason);
    else
        bl_json_null(&json, "finish_reason");
    if (from < to)
        bl_json_base64(&json, "bytes_b64", c->text.bytes.data + from, to - from);
    bl_json_end(&json);
    end_chunk(&json, g);
}

static void write_news(generation *g, choice *c, size_t index, size_t to, bool is_end)
{
    if (!c->is_open)
        write_piece(g, c, index, 0, 0, NULL);
    c->is_open = true;
    if (to > c->n_sent)
        write_piece(g, c, index, c->n_sent, to, NULL);
    if (is_end)
        write_piece(g, c, index, to, to, finish_reason(c));
}

const generation_format chat_format = {.id_prefix = "chatcmpl",
                                       .object = "chat.completion",
                                       .chunk_object = "chat.completion.chunk",
                                       .work_kind = "chat",
                                       .write_choice = write_choice,
                                       .write_news = write_news};
