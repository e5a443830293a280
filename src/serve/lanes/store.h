// SPDX-License-Identifier: MIT
#ifndef BITLOOM_SERVE_STORE_H
#define BITLOOM_SERVE_STORE_H

// Lane states as values: each content is kept once, under a name that follows from it, and goes
// with its last reference. state_bytes + 24 bytes each at most, beside a table that doubles.

#include <bitloom/base.h>

typedef struct store_entry {
    uint64_t name;
    uint32_t n_references; // 0: free
    uint32_t next;         // 1 + place: in the same bucket, or the next free one
} store_entry;

typedef struct store {
    size_t state_bytes;
    uint64_t secret; // names cannot be made to collide without it
    uint32_t n_places, n_kept, first_free;
    uint32_t max_kept;
    store_entry *entries;
    uint8_t **slabs; // of STORE_SLAB states each
    uint32_t *buckets, n_buckets, capacity;
} store;

enum { STORE_SLAB = 1024 };

void store_init(store *s, size_t state_bytes, uint32_t max_kept);
void store_clear(store *s);

// One more reference to a state; its name, never 0, or 0 where memory or max_kept are used up.
uint64_t store_add(store *s, const uint8_t *state);
// A state that had a name in a store of the same secret; false: no memory, or max_kept.
bool store_put(store *s, uint64_t name, uint32_t n_references, const uint8_t *state);
// The state, or NULL. It stays where it is until it goes.
uint32_t store_references(const store *s, uint64_t name); // 0: no such state
const uint8_t *store_get(const store *s, uint64_t name);
bool store_retain(store *s, uint64_t name); // false: no such state, or too many references
bool store_release(store *s, uint64_t name);

#endif
