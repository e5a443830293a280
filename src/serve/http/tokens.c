// SPDX-License-Identifier: MIT

#include "tokens.h"

#include "body.h"
#include "routes.h"

#include <stdio.h>

size_t token_name(char dst[TOKEN_NAME_CHARS], uint8_t byte)
{
    if (byte == 0 || byte >= 128)
        return (size_t)snprintf(dst, TOKEN_NAME_CHARS, "bytes:\\x%02x", byte);
    dst[0] = (char)byte;
    return 1;
}

bool tokens_read(bl_buffer *bytes, const json_t *tokens, const char *field, request_error *e)
{
    for (size_t i = 0; i < json_array_size(tokens); i++) {
        const json_t *token = json_array_get(tokens, i);
        if (!body_is_byte(token))
            return request_fail(e, "bad_request", field,
                                "%s: token %zu must be an integer, 0 to 255: tokens are bytes",
                                field, i);
        uint8_t byte = (uint8_t)json_integer_value(token);
        bl_buffer_append(bytes, &byte, 1);
    }
    return bytes->status == BL_OK || request_fail(e, "internal", NULL, "out of memory");
}

bool answer_tokenize(http_reply *r, const http_request *q, const json_t *body, const char *name,
                     request_error *e)
{
    (void)q, (void)name;
    const json_t *text = json_object_get(body, "prompt");
    bl_json json;
    text = text ? text : json_object_get(body, "content");
    if (!json_is_string(text))
        return request_fail(e, "bad_request", "prompt", "prompt must be a string");
    const uint8_t *bytes = (const uint8_t *)json_string_value(text);
    size_t n = json_string_length(text);
    bl_json_begin(&json, &r->out, false);
    bl_json_object(&json, NULL);
    bl_json_uint(&json, "count", n);
    bl_json_array(&json, "tokens");
    for (size_t i = 0; i < n; i++)
        bl_json_uint(&json, NULL, bytes[i]);
    bl_json_end(&json);
    bl_json_end(&json);
    reply_complete(r, 200, "application/json");
    return true;
}

bool answer_detokenize(http_reply *r, const http_request *q, const json_t *body, const char *name,
                       request_error *e)
{
    (void)q, (void)name;
    const json_t *tokens = json_object_get(body, "tokens");
    bl_buffer bytes = {0};
    bl_json json;
    if (!json_is_array(tokens))
        return request_fail(e, "bad_request", "tokens", "tokens must be an array of integers");
    bool is_read = tokens_read(&bytes, tokens, "tokens", e);
    if (is_read) {
        bl_json_begin(&json, &r->out, false);
        bl_json_object(&json, NULL);
        bl_json_bytes(&json, "prompt", bytes.data, bytes.bytes);
        bl_json_bytes(&json, "content", bytes.data, bytes.bytes);
        bl_json_base64(&json, "bytes_b64", bytes.data, bytes.bytes);
        bl_json_end(&json);
        reply_complete(r, 200, "application/json");
    }
    bl_buffer_clear(&bytes);
    return is_read;
}

bool answer_tokenizer_info(http_reply *r, const http_request *q, const json_t *body,
                           const char *name, request_error *e)
{
    (void)q, (void)body, (void)name, (void)e;
    bl_json json;
    bl_json_begin(&json, &r->out, false);
    bl_json_object(&json, NULL);
    bl_json_text(&json, "tokenizer_class", "bytes");
    bl_json_uint(&json, "vocab_size", 256);
    bl_json_bytes(&json, "eos_token", "", 1); // the NUL byte: what evaluation begins a text with
    bl_json_uint(&json, "eos_token_id", 0);
    bl_json_null(&json, "bos_token");
    bl_json_null(&json, "pad_token");
    bl_json_null(&json, "chat_template");
    bl_json_end(&json);
    reply_complete(r, 200, "application/json");
    return true;
}
