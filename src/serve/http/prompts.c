// SPDX-License-Identifier: MIT

#include "prompts.h"

#include "tokens.h"

#include <string.h>

static bool fail_form(request_error *e)
{
    return request_fail(e, "bad_request", "prompt",
                        "prompt must be a string, an array of strings, an array of bytes (integers "
                        "0 to 255) or an array of such arrays, and not empty");
}

static bool begin(prompt_list *list, size_t n, request_error *e)
{
    if (n > MAX_PROMPTS)
        return request_fail(e, "too_many", "prompt", "%zu prompts; expected up to %d", n,
                            MAX_PROMPTS);
    list->texts = bl_alloc_array(NULL, n, sizeof *list->texts);
    list->n = list->texts ? n : 0;
    return list->texts || request_fail(e, "internal", NULL, "out of memory");
}

static bool check_length(const bl_buffer *text, const char *field, request_error *e)
{
    if (text->status != BL_OK)
        return request_fail(e, "internal", NULL, "out of memory");
    if (text->bytes > MAX_PROMPT_BYTES)
        return request_fail(e, "too_many", field, "%s has %zu bytes; expected up to %d", field,
                            text->bytes, MAX_PROMPT_BYTES);
    return true;
}

static bool read_prompt(bl_buffer *text, const json_t *prompt, request_error *e)
{
    if (json_is_string(prompt))
        bl_buffer_append(text, json_string_value(prompt), json_string_length(prompt));
    else if (!json_is_array(prompt))
        return fail_form(e);
    else if (!tokens_read(text, prompt, "prompt", e))
        return false;
    return check_length(text, "prompt", e);
}

bool prompts_read(prompt_list *list, const json_t *prompt, request_error *e)
{
    bool is_list =
        json_is_string(json_array_get(prompt, 0)) || json_is_array(json_array_get(prompt, 0));
    if (!json_is_string(prompt) && json_array_size(prompt) == 0)
        return fail_form(e);
    if (!begin(list, is_list ? json_array_size(prompt) : 1, e))
        return false;
    for (size_t i = 0; i < list->n; i++)
        if (!read_prompt(&list->texts[i], is_list ? json_array_get(prompt, i) : prompt, e))
            return false;
    return true;
}

// ------------------------------------------------------------------------------------ chat

const char chat_stop[] = "\nUser: ";

// A string, or parts {"type": "text", "text": "..."} one after the other.
static bool append_content(bl_buffer *text, const json_t *content, request_error *e)
{
    if (json_is_string(content)) {
        bl_buffer_append(text, json_string_value(content), json_string_length(content));
        return true;
    }
    for (size_t i = 0; i < json_array_size(content); i++) {
        const json_t *part = json_array_get(content, i), *piece = json_object_get(part, "text");
        const char *type = json_string_value(json_object_get(part, "type"));
        if (!type || strcmp(type, "text") != 0 || !json_is_string(piece))
            return request_fail(e, "bad_request", "messages",
                                "a part of a message must be {\"type\": \"text\", \"text\": ...}");
        bl_buffer_append(text, json_string_value(piece), json_string_length(piece));
    }
    return json_is_array(content)
           || request_fail(e, "bad_request", "messages",
                           "the content of a message must be a string or an array of text parts");
}

static bool append_message(bl_buffer *text, const json_t *message, request_error *e)
{
    static const struct {
        const char *role, *before, *after;
    } roles[] = {{"system", "", "\n\n"},
                 {"developer", "", "\n\n"},
                 {"user", "User: ", "\n"},
                 {"assistant", "Assistant: ", "\n"}};
    const char *role = json_string_value(json_object_get(message, "role"));
    for (size_t i = 0; role && i < sizeof roles / sizeof *roles; i++) {
        if (strcmp(role, roles[i].role) != 0)
            continue;
        bl_buffer_append(text, roles[i].before, strlen(roles[i].before));
        if (!append_content(text, json_object_get(message, "content"), e))
            return false;
        bl_buffer_append(text, roles[i].after, strlen(roles[i].after));
        return true;
    }
    return request_fail(e, "bad_request", "messages",
                        "the role of a message must be system, developer, user or assistant");
}

bool prompts_read_chat(prompt_list *list, const json_t *messages, request_error *e)
{
    if (json_array_size(messages) == 0)
        return request_fail(e, "bad_request", "messages",
                            "messages must be an array of messages, and not empty");
    if (!begin(list, 1, e))
        return false;
    for (size_t i = 0; i < json_array_size(messages); i++)
        if (!append_message(&list->texts[0], json_array_get(messages, i), e))
            return false;
    bl_buffer_append(&list->texts[0], "Assistant: ", 11);
    return check_length(&list->texts[0], "messages", e);
}

void prompts_clear(prompt_list *list)
{
    for (size_t i = 0; i < list->n; i++)
        bl_buffer_clear(&list->texts[i]);
    bl_free(NULL, list->texts, list->n * sizeof *list->texts);
    *list = (prompt_list){0};
}
