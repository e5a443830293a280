// SPDX-License-Identifier: MIT
// Parked lanes as bytes (docs/formats/kept.md) and back.

#include "lanes_private.h"

#include <string.h>

typedef struct saved_lanes { // then states, then sessions
    uint8_t token[TOKEN_BYTES];
    int64_t account;
    uint64_t secret; // of the store: names stay what they are
    uint32_t n_states, n_sessions;
} saved_lanes;

typedef struct saved_state { // then its bits
    uint64_t name;
    uint32_t n_references, zero;
} saved_state;

typedef struct saved_session { // then the pattern, the vector, and masks where flags say so
    uint32_t id, n_lanes, sequence, flags;
    uint32_t credit, pattern_bytes;
} saved_session;

_Static_assert(sizeof(saved_lanes) == 40 && sizeof(saved_state) == 16
                   && sizeof(saved_session) == 24,
               "they have no holes");

// ------------------------------------------------------------------------------------ out

static void save_session(FILE *file, const lane_session *s)
{
    size_t pattern_bytes = 0;
    const char *pattern = s->pattern ? shared_pattern_text(&pattern_bytes, s->pattern) : NULL;
    if (s->unbuilt) {
        pattern = s->unbuilt->text;
        pattern_bytes = s->unbuilt->bytes;
    }
    const saved_session head = {.id = s->id,
                                .n_lanes = s->n_lanes,
                                .sequence = s->answered,
                                .flags = (s->is_background ? SESSION_BACKGROUND : 0)
                                         | (s->has_masks ? SESSION_MASKS : 0),
                                .credit = (uint32_t)s->credit_at_open,
                                .pattern_bytes = (uint32_t)pattern_bytes};
    fwrite(&head, sizeof head, 1, file);
    if (pattern)
        fwrite(pattern, 1, pattern_bytes, file);
    fwrite(s->states, s->owner->state_bytes, s->n_lanes, file);
    if (s->has_masks)
        fwrite(s->masks, sizeof *s->masks, s->n_lanes, file);
}

static void save_lanes(FILE *file, const lanes *l)
{
    saved_lanes head = {.account = l->tab.visitor.account,
                        .secret = l->store.secret,
                        .n_states = l->store.n_kept,
                        .n_sessions = l->n_sessions};
    memcpy(head.token, l->token, sizeof head.token);
    fwrite(&head, sizeof head, 1, file);
    for (uint32_t i = 0; i < l->store.n_places; i++) {
        const store_entry *e = &l->store.entries[i];
        const saved_state state = {.name = e->name, .n_references = e->n_references};
        if (e->n_references == 0)
            continue;
        fwrite(&state, sizeof state, 1, file);
        fwrite(store_get(&l->store, e->name), 1, l->state_bytes, file);
    }
    for (uint32_t i = 0; i < l->n_sessions; i++)
        save_session(file, l->sessions[i]);
}

void lanes_save_all(FILE *file, const lanes_host *host)
{
    for (const lanes *l = host->first_kept; l; l = l->next_kept)
        save_lanes(file, l);
}

// ------------------------------------------------------------------------------------- in

static bool read_state(uint8_t *dst, cursor *c, const lanes *l)
{
    if (!cursor_read(dst, c, l->state_bytes))
        return false;
    clear_padding(dst, l);
    return true;
}

static bool restore_states(lanes *l, uint32_t n, cursor *c)
{
    saved_state head;
    for (uint32_t i = 0; i < n; i++) {
        if (!cursor_read(&head, c, sizeof head) || !read_state(l->scratch, c, l))
            return false;
        if (head.name == 0 || head.n_references == 0 || store_get(&l->store, head.name))
            return cursor_fail(c, "a state has no name, no references, or a name for the second "
                                  "time");
        if (!store_put(&l->store, head.name, head.n_references, l->scratch))
            return cursor_fail_memory(c);
    }
    return true;
}

static bool restore_vector(lane_session *s, uint32_t n_lanes, cursor *c)
{
    s->n_lanes = n_lanes;
    for (uint32_t i = 0; i < n_lanes; i++)
        if (!read_state(s->states + i * s->owner->state_bytes, c, s->owner))
            return false;
    return true;
}

static bool has_session(const lanes *l, uint32_t id)
{
    bool is_any = false;
    for (uint32_t i = 0; i < l->n_sessions; i++)
        is_any |= l->sessions[i]->id == id;
    return is_any;
}

static bool restore_pattern(lane_session *s, uint32_t bytes, cursor *c)
{
    bl_diag diag = {0};
    const char *text = (const char *)cursor_take(c, bytes);
    if (!text)
        return false;
    if (bytes == 0)
        return true;
    if (bytes > MAX_FRAME_PAYLOAD)
        return cursor_fail(c, "the pattern of session %u has %u bytes", s->id, bytes);
    if (bl_pattern_check(text, bytes, "pattern", NULL, &diag) != BL_OK)
        return cursor_fail(c, "the pattern of session %u: %.100s", s->id, diag.message);
    s->unbuilt = pattern_job_create(text, bytes, false, NULL, 0);
    return s->unbuilt || cursor_fail_memory(c);
}

static bool restore_session(lanes *l, cursor *c)
{
    saved_session head;
    if (!cursor_read(&head, c, sizeof head))
        return false;
    if (head.n_lanes < 1 || head.n_lanes > BL_LANES || has_session(l, head.id))
        return cursor_fail(c, "session %u has %u lanes, or is there for the second time", head.id,
                           head.n_lanes);
    lane_session *s = create_session(l, head.id);
    if (!s)
        return cursor_fail_memory(c);
    s->answered = head.sequence;
    s->is_background = head.flags & SESSION_BACKGROUND;
    s->has_masks = head.flags & SESSION_MASKS;
    s->credit = s->credit_at_open = head.credit;
    return restore_pattern(s, head.pattern_bytes, c) && restore_vector(s, head.n_lanes, c)
           && (!s->has_masks || cursor_read(s->masks, c, head.n_lanes * sizeof *s->masks));
}

static bool restore_lanes(lanes_host *host, cursor *c)
{
    saved_lanes head;
    if (!cursor_read(&head, c, sizeof head))
        return false;
    for (const lanes *k = host->first_kept; k; k = k->next_kept)
        if (memcmp(k->token, head.token, sizeof head.token) == 0)
            return cursor_fail(c, "a token is there for the second time");
    if (head.n_sessions > MAX_LANE_SESSIONS || head.n_states > MAX_STORED
        || host->n_stored + head.n_states > MAX_STORED_OF_ALL)
        return cursor_fail(c, "%u sessions and %u states are more than a server takes",
                           head.n_sessions, head.n_states);
    const visitor who = {.account = head.account};
    lanes *l = lanes_create(host, &(const lanes_owner){0}, head.account ? &who : NULL);
    if (!l)
        return cursor_fail_memory(c);
    l->store.secret = head.secret;
    bool is_ok = restore_states(l, head.n_states, c);
    for (uint32_t i = 0; i < head.n_sessions && is_ok; i++)
        is_ok = restore_session(l, c);
    count_stored(l);
    if (is_ok)
        adopt_token(l, head.token);
    else
        lanes_close(l);
    return is_ok;
}

bool lanes_restore_all(lanes_host *host, uint32_t n, cursor *c)
{
    if (n > MAX_PARKED)
        return cursor_fail(c, "%u lanes are kept; at most %d may be", n, MAX_PARKED);
    for (uint32_t i = 0; i < n; i++)
        if (!restore_lanes(host, c))
            return false;
    return true;
}
