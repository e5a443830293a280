// SPDX-License-Identifier: MIT
#ifndef BITLOOM_SERVE_HTTP_MODELS_H
#define BITLOOM_SERVE_HTTP_MODELS_H

#include "reply.h"

// Whether a name is that of the model which is served; otherwise the error says which one is.
bool is_model(const http_host *host, const char *name, request_error *e);
bool is_model_of(const http_host *host, const json_t *body, request_error *e); // field "model"

#endif
