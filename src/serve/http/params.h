// SPDX-License-Identifier: MIT
#ifndef BITLOOM_SERVE_HTTP_PARAMS_H
#define BITLOOM_SERVE_HTTP_PARAMS_H

// What a completion request asks for, beside its text.

#include "../request.h"
#include "../stops.h"

#include <bitloom/melt.h>

enum { MAX_COMPLETION_BYTES = 65536, MAX_ALTERNATIVES = 20 };

typedef struct generation_params {
    bool is_stream, includes_usage, echoes, has_logprobs;
    uint32_t n, best_of; // 1 <= n <= best_of <= 512
    uint32_t max_bytes;
    uint32_t n_top; // alternatives told with each byte
    uint64_t seed;
    bl_draw draw;
    stop_set stops;
} generation_params;

// The fields of /v1/completions and of /v1/chat/completions; all others are left alone.
bool params_read(generation_params *p, const json_t *body, bool is_chat, const bl_model *model,
                 request_error *e);

#endif
