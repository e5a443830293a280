// SPDX-License-Identifier: MIT
#ifndef BITLOOM_SERVE_HTTP_SEQUENCES_H
#define BITLOOM_SERVE_HTTP_SEQUENCES_H

// The states of the inference protocol's sequences by id. Where the table is full, a new sequence
// takes the place of the one that was idle for longest.

#include "../cursor.h"
#include "http.h"

enum { MAX_SEQUENCES = 1024, MAX_SEQUENCE_ID = 64 };

typedef struct sequence {
    char id[MAX_SEQUENCE_ID]; // empty: a free place
    int64_t account;          // whose it is; 0 without accounts
    bool is_busy;             // a request is under way: must not be dropped
    uint64_t used_at;
    uint8_t *state;
} sequence;

struct sequence_table {
    sequence sequences[MAX_SEQUENCES];
    uint64_t now;
    size_t state_bytes;
};

// NULL: there is none.
sequence *sequences_find(http_host *host, int64_t account, const char *id);
// At the empty text; NULL: no memory.
sequence *sequences_begin(http_host *host, int64_t account, const char *id);
void sequences_drop(http_host *host, sequence *s);

// Of all, those used longest ago first; returns how many. Write errors stick to the file.
uint32_t sequences_save(FILE *file, const http_host *host);
bool sequences_restore(http_host *host, uint32_t n, cursor *c); // false: see the cursor

#endif
