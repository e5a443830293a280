// SPDX-License-Identifier: MIT
#ifndef BITLOOM_SERVE_HTTP_LOGPROBS_H
#define BITLOOM_SERVE_HTTP_LOGPROBS_H

// The field "logprobs" for bytes from..to of a choice.

#include "generation.h"

double logprob_of(uint32_t cost); // natural logarithm

// Four arrays of equal length; text_offset counts code points from n_chars on. The first byte of an
// echoed prompt has nothing before it and null.
void write_legacy_logprobs(bl_json *json, const choice *c, size_t from, size_t to, uint32_t n_top,
                           size_t n_chars);
void write_chat_logprobs(bl_json *json, const choice *c, size_t from, size_t to, uint32_t n_top);

size_t count_chars(const uint8_t *text, size_t bytes); // as JSON shows them

#endif
