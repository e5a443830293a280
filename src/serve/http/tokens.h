// SPDX-License-Identifier: MIT
#ifndef BITLOOM_SERVE_HTTP_TOKENS_H
#define BITLOOM_SERVE_HTTP_TOKENS_H

// A token is a byte. Its name is its character from 1 to 127 and else like "bytes:\xe2", so that
// names are unique, never empty and always valid text.

#include "../request.h"

enum { TOKEN_NAME_CHARS = 16 };

size_t token_name(char dst[TOKEN_NAME_CHARS], uint8_t byte); // its length

// Bytes from a JSON array of integers, appended.
bool tokens_read(bl_buffer *bytes, const json_t *tokens, const char *field, request_error *e);

#endif
