// SPDX-License-Identifier: MIT
#ifndef BITLOOM_SERVE_PATTERNS_H
#define BITLOOM_SERVE_PATTERNS_H

// Patterns that clients send. To find an automaton and its gates may take a second, so that happens
// in a thread of its own (builder.c) before the engine begins the activity; the last few are kept,
// for a client asks for the same one again with every beam.

#include "request.h"

#include <bitloom/pattern.h>

enum { MAX_PATTERN_STATES = 16384 }; // its gates are some hundred thousand then

typedef struct shared_pattern shared_pattern; // counted; any thread may hold and release it

const bl_pattern *shared_pattern_get(const shared_pattern *p);
const char *shared_pattern_text(size_t *bytes, const shared_pattern *p); // what it was made from
shared_pattern *shared_pattern_retain(shared_pattern *p);                // NULL: NULL
void shared_pattern_release(shared_pattern *p);                          // NULL: nothing

// What is to be built.
typedef struct pattern_job {
    char *text; // a regular expression; of a list, its words, each with a zero behind it
    size_t bytes;
    bool is_words;
    uint8_t *read; // what the pattern has read before it begins, or NULL
    size_t n_read;
    request_error error; // why there is none
} pattern_job;

// Copies all; NULL: out of memory.
pattern_job *pattern_job_create(const char *text, size_t bytes, bool is_words, const uint8_t *read,
                                size_t n_read);
void pattern_job_destroy(pattern_job *job); // NULL: nothing

typedef struct pattern_cache {
    shared_pattern *kept[16]; // NULL: a free place; the one used longest ago is the next to go
    uint64_t used_at[16], n_uses;
} pattern_cache;

// The pattern of a job, built or found, and its state once the text before has been read. False
// after filling the job's error. From one thread at a time.
bool pattern_cache_build(shared_pattern **pattern, uint32_t *state, pattern_cache *cache,
                         pattern_job *job);
void pattern_cache_clear(pattern_cache *cache);

#endif
