// SPDX-License-Identifier: MIT
// How choices of /v1/completions look.

#include "generation.h"

#include "logprobs.h"

static void write_span(bl_json *json, const generation *g, const choice *c, size_t index,
                       size_t from, size_t to, bool is_end)
{
    const uint8_t *text = c->text.bytes.data;
    bl_json_object(json, NULL);
    bl_json_bytes(json, "text", from < to ? text + from : NULL, to - from);
    bl_json_uint(json, "index", index);
    if (g->params.has_logprobs)
        write_legacy_logprobs(json, c, from, to, g->params.n_top, c->n_chars_sent);
    else
        bl_json_null(json, "logprobs");
    if (is_end)
        bl_json_text(json, "finish_reason", finish_reason(c));
    else
        bl_json_null(json, "finish_reason");
    bl_json_base64(json, "bytes_b64", from < to ? text + from : NULL, to - from);
    bl_json_end(json);
}

static void write_choice(bl_json *json, const generation *g, const choice *c, size_t index)
{
    write_span(json, g, c, index, 0, text_bytes(c), true);
}

static void write_news(generation *g, choice *c, size_t index, size_t to, bool is_end)
{
    bl_json json;
    begin_chunk(&json, g);
    write_span(&json, g, c, index, c->n_sent, to, is_end);
    end_chunk(&json, g);
    if (to > c->n_sent)
        c->n_chars_sent += count_chars(c->text.bytes.data + c->n_sent, to - c->n_sent);
}

const generation_format completions_format = {.id_prefix = "cmpl",
                                              .object = "text_completion",
                                              .chunk_object = "text_completion",
                                              .work_kind = "completion",
                                              .write_choice = write_choice,
                                              .write_news = write_news};
