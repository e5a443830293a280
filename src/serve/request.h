// SPDX-License-Identifier: MIT
#ifndef BITLOOM_SERVE_REQUEST_H
#define BITLOOM_SERVE_REQUEST_H

// Reading fields of a JSON request with errors that name the field.

#include <bitloom/base.h>

#include <jansson.h>

typedef struct request_error {
    const char *code;  // "bad_request", "no_such_state", "too_many", "model_mismatch", "internal"
    const char *field; // or NULL
    uint32_t retry_after_ms; // 0: what is usual for the code
    char message[256];
} request_error;

// All return false after filling the error.
bool request_fail(request_error *e, const char *code, const char *field, const char *format, ...)
    BL_PRINTF(4, 5);
bool request_integer(int64_t *value, const json_t *request, const char *field, int64_t low,
                     int64_t high, request_error *e); // absent: *value stays
bool request_real(double *value, const json_t *request, const char *field, double low, double high,
                  request_error *e);
bool request_flag(bool *value, const json_t *request, const char *field, request_error *e);

// "text" or "text_base64" (with prefix "avoid" etc. not for this); *data is the caller's to free
// with bl_free(NULL, *data, *bytes); has_text says whether one was given.
bool request_text(uint8_t **data, size_t *bytes, bool *has_text, const json_t *request,
                  size_t max_bytes, request_error *e);

// Decodes base64 into fresh memory, as above. `limit` is the name of a limit for too long ones.
bool request_base64(uint8_t **data, size_t *bytes, const json_t *value, const char *field,
                    size_t max_bytes, request_error *e);

#endif
