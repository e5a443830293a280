// SPDX-License-Identifier: MIT
#ifndef BITLOOM_SERVE_HTTP_PROMPTS_H
#define BITLOOM_SERVE_HTTP_PROMPTS_H

// The texts that a request begins with.

#include "../request.h"

enum { MAX_PROMPTS = 512, MAX_PROMPT_BYTES = 65536 };

typedef struct prompt_list {
    bl_buffer *texts; // [n]
    size_t n;
} prompt_list;

// "prompt": a string, strings, bytes as integers, or lists of them.
bool prompts_read(prompt_list *list, const json_t *prompt, request_error *e);
// "messages", by the template of docs/formats/http.md. The stop string that ends an answer:
extern const char chat_stop[];
bool prompts_read_chat(prompt_list *list, const json_t *messages, request_error *e);
void prompts_clear(prompt_list *list);

#endif
