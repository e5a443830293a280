// SPDX-License-Identifier: MIT
// Names are hashes of contents, under a secret. Two contents with one hash get neighbouring names.

#include "store.h"

#include <string.h>
#include <sys/random.h>

void store_init(store *s, size_t state_bytes, uint32_t max_kept)
{
    *s = (store){.state_bytes = state_bytes, .max_kept = max_kept};
    if (getrandom(&s->secret, sizeof s->secret, 0) != sizeof s->secret)
        s->secret = bl_time_ns();
}

void store_clear(store *s)
{
    for (uint32_t i = 0; i < s->capacity / STORE_SLAB; i++)
        bl_free(NULL, s->slabs[i], STORE_SLAB * s->state_bytes);
    bl_free(NULL, s->slabs, s->capacity / STORE_SLAB * sizeof *s->slabs);
    bl_free(NULL, s->entries, s->capacity * sizeof *s->entries);
    bl_free(NULL, s->buckets, s->n_buckets * sizeof *s->buckets);
    *s = (store){.state_bytes = s->state_bytes, .secret = s->secret, .max_kept = s->max_kept};
}

static uint64_t fold(uint64_t a, uint64_t b) // the halves of a product
{
    unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

// Multiplies and folds 16 bytes at a time (after wyhash by Wang Yi), four sums side by side, so
// that a state of a kilobyte takes some tens of ns.
static uint64_t hash(const store *s, const uint8_t *state)
{
    uint64_t h[4] = {s->secret, bl_mix64(s->secret), ~s->secret, bl_mix64(~s->secret)};
    const uint64_t key = bl_mix64(s->secret ^ s->state_bytes);
    size_t i = 0;
    for (; i + 64 <= s->state_bytes; i += 64)
        for (int k = 0; k < 4; k++) {
            uint64_t words[2];
            memcpy(words, state + i + 16 * (size_t)k, sizeof words);
            h[k] = fold(words[0] ^ key, words[1] ^ h[k]);
        }
    for (; i < s->state_bytes; i++)
        h[0] = bl_mix64(h[0] ^ state[i]);
    return bl_mix64(fold(h[0] ^ key, h[1]) ^ fold(h[2] ^ key, h[3]));
}

static uint8_t *state_at(const store *s, uint32_t place)
{
    return s->slabs[place / STORE_SLAB] + (size_t)(place % STORE_SLAB) * s->state_bytes;
}

static uint32_t find(const store *s, uint64_t name) // 1 + place, or 0
{
    if (s->n_buckets == 0)
        return 0;
    uint32_t i = s->buckets[name & (s->n_buckets - 1)];
    while (i != 0 && s->entries[i - 1].name != name)
        i = s->entries[i - 1].next;
    return i;
}

static bool grow_buckets(store *s)
{
    uint32_t n = s->n_buckets ? 2 * s->n_buckets : STORE_SLAB;
    uint32_t *buckets = bl_alloc_array(NULL, n, sizeof *buckets);
    if (!buckets)
        return false;
    memset(buckets, 0, n * sizeof *buckets);
    for (uint32_t i = 0; i < s->n_places; i++)
        if (s->entries[i].n_references) {
            uint32_t *bucket = &buckets[s->entries[i].name & (n - 1)];
            s->entries[i].next = *bucket;
            *bucket = i + 1;
        }
    bl_free(NULL, s->buckets, s->n_buckets * sizeof *s->buckets);
    s->buckets = buckets;
    s->n_buckets = n;
    return true;
}

// Room for more: entries move, states stay. A quarter more at a time, so that little is empty.
static bool grow(store *s)
{
    uint32_t more = s->capacity + (s->capacity / STORE_SLAB / 4 + 1) * STORE_SLAB;
    uint32_t n_old = s->capacity / STORE_SLAB, n_slabs = more / STORE_SLAB;
    store_entry *entries = bl_alloc_array(NULL, more, sizeof *entries);
    uint8_t **slabs = bl_alloc_array(NULL, n_slabs, sizeof *slabs);
    bool is_ok = entries && slabs;
    for (uint32_t i = n_old; i < n_slabs && is_ok; i++)
        if (!(slabs[i] = bl_alloc_array(NULL, STORE_SLAB, s->state_bytes))) {
            while (i-- > n_old)
                bl_free(NULL, slabs[i], STORE_SLAB * s->state_bytes);
            is_ok = false;
        }
    if (!is_ok) {
        bl_free(NULL, entries, more * sizeof *entries);
        bl_free(NULL, slabs, n_slabs * sizeof *slabs);
        return false;
    }
    if (s->capacity) {
        memcpy(entries, s->entries, s->capacity * sizeof *entries);
        memcpy(slabs, s->slabs, n_old * sizeof *slabs);
    }
    bl_free(NULL, s->entries, s->capacity * sizeof *s->entries);
    bl_free(NULL, s->slabs, n_old * sizeof *s->slabs);
    s->entries = entries;
    s->slabs = slabs;
    s->capacity = more;
    return true;
}

static uint32_t take_place(store *s) // 1 + place, or 0
{
    if (s->first_free) {
        uint32_t place = s->first_free;
        s->first_free = s->entries[place - 1].next;
        return place;
    }
    if (s->n_places == s->capacity && !grow(s))
        return 0;
    return ++s->n_places;
}

bool store_put(store *s, uint64_t name, uint32_t n_references, const uint8_t *state)
{
    if (s->n_kept == s->max_kept || (s->n_kept >= s->n_buckets && !grow_buckets(s)))
        return false;
    uint32_t place = take_place(s);
    if (place == 0)
        return false;
    uint32_t *bucket = &s->buckets[name & (s->n_buckets - 1)];
    s->entries[place - 1] = (store_entry){name, n_references, *bucket};
    *bucket = place;
    memcpy(state_at(s, place - 1), state, s->state_bytes);
    s->n_kept++;
    return true;
}

uint64_t store_add(store *s, const uint8_t *state)
{
    uint64_t name = hash(s, state);
    uint32_t i;
    for (name += name == 0; (i = find(s, name)) != 0; name += name == UINT64_MAX ? 2 : 1)
        if (memcmp(state_at(s, i - 1), state, s->state_bytes) == 0)
            return store_retain(s, name) ? name : 0;
    return store_put(s, name, 1, state) ? name : 0;
}

const uint8_t *store_get(const store *s, uint64_t name)
{
    uint32_t i = find(s, name);
    return i ? state_at(s, i - 1) : NULL;
}

uint32_t store_references(const store *s, uint64_t name)
{
    uint32_t i = find(s, name);
    return i ? s->entries[i - 1].n_references : 0;
}

bool store_retain(store *s, uint64_t name)
{
    uint32_t i = find(s, name);
    if (i == 0 || s->entries[i - 1].n_references == UINT32_MAX)
        return false;
    s->entries[i - 1].n_references++;
    return true;
}

bool store_release(store *s, uint64_t name)
{
    uint32_t i = find(s, name);
    if (i == 0)
        return false;
    store_entry *e = &s->entries[i - 1];
    if (--e->n_references > 0)
        return true;
    uint32_t *at = &s->buckets[name & (s->n_buckets - 1)];
    while (*at != i)
        at = &s->entries[*at - 1].next;
    *at = e->next;
    e->next = s->first_free;
    s->first_free = i;
    s->n_kept--;
    return true;
}
