// SPDX-License-Identifier: MIT
#ifndef BITLOOM_SERVE_HTTP_BODY_H
#define BITLOOM_SERVE_HTTP_BODY_H

#include "../request.h"

enum { MAX_JSON_DEPTH = 32 };

// A JSON object from outside; fields that are null are taken as absent. NULL after an error. The
// caller's to json_decref.
json_t *body_parse(const uint8_t *text, size_t bytes, request_error *e);
void body_drop_nulls(json_t *object);

// An integer 0 to 255.
bool body_is_byte(const json_t *value);

#endif
