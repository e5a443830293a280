// SPDX-License-Identifier: MIT
// What is done to vectors of lanes at once, without the engine: states stored, loaded, permuted,
// carried away and brought back; masks for what is drawn later.

#include "lanes_private.h"

#include <stdlib.h>
#include <string.h>

// Names of states, or other fixed pieces, one for each lane.
static bool has_one_each(const frame_head *head, size_t bytes, const char *what, lanes_error *e)
{
    if (head->n_lanes < 1 || head->n_lanes > BL_LANES)
        return lanes_fail(e, ERROR_BAD_FRAME, "%u lanes; there are 1 to %d", head->n_lanes,
                          BL_LANES);
    if (head->bytes != head->n_lanes * bytes)
        return lanes_fail(e, ERROR_BAD_FRAME, "%u lanes take %zu bytes of %s, not %u",
                          head->n_lanes, head->n_lanes * bytes, what, head->bytes);
    return true;
}

static uint64_t name_at(const uint8_t *payload, size_t i)
{
    uint64_t name;
    memcpy(&name, payload + i * sizeof name, sizeof name);
    return name;
}

static bool fail_no_state(lanes_error *e, size_t lane, uint64_t name)
{
    return lanes_fail(e, ERROR_NO_STATE, "lane %zu: there is no state %016llx", lane,
                      (unsigned long long)name);
}

static void answer(lane_session *s, const frame_head *head, const void *payload, size_t bytes)
{
    bl_buffer out;
    begin_frame(&out, s->owner, head, OP_ANSWER | head->op);
    bl_buffer_append(&out, payload, bytes);
    end_frame(s->owner, &out);
    s->answered = head->sequence;
}

bool do_load(lane_session *s, const frame_head *head, const uint8_t *payload, lanes_error *e)
{
    lanes *l = s->owner;
    if (!has_one_each(head, sizeof(uint64_t), "names", e))
        return false;
    for (size_t i = 0; i < head->n_lanes; i++)
        if (name_at(payload, i) != 0 && !store_get(&l->store, name_at(payload, i)))
            return fail_no_state(e, i, name_at(payload, i));
    for (size_t i = 0; i < head->n_lanes; i++) {
        const uint8_t *state = store_get(&l->store, name_at(payload, i));
        if (state)
            memcpy(s->states + i * l->state_bytes, state, l->state_bytes);
        else
            memset(s->states + i * l->state_bytes, 0, l->state_bytes);
    }
    s->n_lanes = head->n_lanes;
    s->has_masks = false;
    answer(s, head, NULL, 0);
    return true;
}

static bool may_store(lanes *l, size_t n, lanes_error *e)
{
    if (!make_room(l, n))
        return lanes_fail(
            e, ERROR_TOO_MANY,
            "all connections have %u states stored, of %d; what is parked may have %d",
            l->host->n_stored, MAX_STORED_OF_ALL, MAX_PARKED_STATES);
    return true;
}

bool do_store(lane_session *s, const frame_head *head, const uint8_t *payload, lanes_error *e)
{
    lanes *l = s->owner;
    uint64_t names[BL_LANES];
    (void)payload;
    if (head->bytes != 0)
        return lanes_fail(e, ERROR_BAD_FRAME, "STORE takes no payload");
    if (!may_store(l, s->n_lanes, e))
        return false;
    for (uint32_t i = 0; i < s->n_lanes; i++) {
        names[i] = store_add(&l->store, s->states + i * l->state_bytes);
        if (names[i] != 0)
            continue;
        while (i-- > 0)
            store_release(&l->store, names[i]);
        return lanes_fail(e, ERROR_TOO_MANY, "%d states are stored; DROP some", MAX_STORED);
    }
    count_stored(l);
    frame_head all = *head;
    all.n_lanes = (uint16_t)s->n_lanes;
    answer(s, &all, names, s->n_lanes * sizeof *names);
    return true;
}

bool do_permute(lane_session *s, const frame_head *head, const uint8_t *payload, lanes_error *e)
{
    lanes *l = s->owner;
    uint16_t from[BL_LANES];
    if (!has_one_each(head, sizeof *from, "lanes", e))
        return false;
    memcpy(from, payload, head->bytes);
    for (size_t i = 0; i < head->n_lanes; i++)
        if (from[i] >= s->n_lanes)
            return lanes_fail(e, ERROR_BAD_FRAME, "lane %zu: there is no lane %u, only %u", i,
                              from[i], s->n_lanes);
    uint8_t *states = bl_alloc_array(NULL, BL_LANES, l->state_bytes);
    if (!states)
        return lanes_fail(e, ERROR_FAILED, "out of memory");
    for (size_t i = 0; i < head->n_lanes; i++)
        memcpy(states + i * l->state_bytes, s->states + from[i] * l->state_bytes, l->state_bytes);
    bl_free(NULL, s->states, BL_LANES * l->state_bytes);
    s->states = states;
    s->n_lanes = head->n_lanes;
    s->has_masks = false;
    answer(s, head, NULL, 0);
    return true;
}

bool do_retain(lane_session *s, const frame_head *head, const uint8_t *payload, lanes_error *e)
{
    if (!has_one_each(head, sizeof(uint64_t), "names", e))
        return false;
    for (size_t i = 0; i < head->n_lanes; i++)
        if (!store_retain(&s->owner->store, name_at(payload, i))) {
            for (size_t k = i; k-- > 0;)
                store_release(&s->owner->store, name_at(payload, k));
            return fail_no_state(e, i, name_at(payload, i));
        }
    answer(s, head, NULL, 0);
    return true;
}

static int by_name(const void *x, const void *y)
{
    const uint64_t *a = x, *b = y;
    return *a < *b ? -1 : *a > *b;
}

// All or none, also where a name stands more than once.
bool do_drop(lane_session *s, const frame_head *head, const uint8_t *payload, lanes_error *e)
{
    uint64_t names[BL_LANES];
    if (!has_one_each(head, sizeof *names, "names", e))
        return false;
    memcpy(names, payload, head->bytes);
    qsort(names, head->n_lanes, sizeof *names, by_name);
    for (size_t i = 0, n_same = 0; i < head->n_lanes; i++) {
        n_same = i > 0 && names[i] == names[i - 1] ? n_same + 1 : 1;
        if (store_references(&s->owner->store, names[i]) < n_same)
            return lanes_fail(e, ERROR_NO_STATE,
                              "there is no state %016llx to drop, or not so often",
                              (unsigned long long)names[i]);
    }
    for (size_t i = 0; i < head->n_lanes; i++)
        (void)store_release(&s->owner->store, names[i]);
    count_stored(s->owner);
    answer(s, head, NULL, 0);
    return true;
}

// The form in which a state leaves the server: the model's hash, then its bits.
bool do_export(lane_session *s, const frame_head *head, const uint8_t *payload, lanes_error *e)
{
    lanes *l = s->owner;
    if (!has_one_each(head, sizeof(uint64_t), "names", e))
        return false;
    bl_buffer out;
    begin_frame(&out, l, head, OP_ANSWER | OP_EXPORT);
    bl_buffer_append(&out, l->model_sha256, sizeof l->model_sha256);
    for (size_t i = 0; i < head->n_lanes; i++) {
        const uint8_t *state = store_get(&l->store, name_at(payload, i));
        if (!state) {
            bl_buffer_clear(&out);
            return fail_no_state(e, i, name_at(payload, i));
        }
        bl_buffer_append(&out, state, l->state_bytes);
    }
    end_frame(l, &out);
    s->answered = head->sequence;
    return true;
}

// Any bits are a state, but those that the last byte has too many would give it two names.
void clear_padding(uint8_t *state, const lanes *l)
{
    uint32_t n_bits = bl_model_facts(l->host->model)->n_state_bits;
    if (n_bits % 8)
        state[l->state_bytes - 1] &= (uint8_t)((1u << (n_bits % 8)) - 1);
}

static bool import_states(lanes *l, uint64_t *names, size_t n, const uint8_t *payload, size_t bytes,
                          lanes_error *e)
{
    size_t hash_bytes = sizeof l->model_sha256, expected = hash_bytes + n * l->state_bytes;
    if (n < 1 || n > BL_LANES || bytes != expected)
        return lanes_fail(e, ERROR_BAD_FRAME, "%zu states of this model take %zu bytes, not %zu", n,
                          expected, bytes);
    if (memcmp(l->model_sha256, payload, hash_bytes) != 0)
        return lanes_fail(e, ERROR_OTHER_MODEL, "these are states of another model");
    if (!may_store(l, n, e))
        return false;
    for (size_t i = 0; i < n; i++) {
        memcpy(l->scratch, payload + hash_bytes + i * l->state_bytes, l->state_bytes);
        clear_padding(l->scratch, l);
        names[i] = store_add(&l->store, l->scratch);
        if (names[i] != 0)
            continue;
        while (i-- > 0)
            store_release(&l->store, names[i]);
        return lanes_fail(e, ERROR_TOO_MANY, "%d states are stored; DROP some", MAX_STORED);
    }
    count_stored(l);
    return true;
}

bool do_import(lane_session *s, const frame_head *head, const uint8_t *payload, lanes_error *e)
{
    uint64_t names[BL_LANES];
    if (!import_states(s->owner, names, head->n_lanes, payload, head->bytes, e))
        return false;
    answer(s, head, names, head->n_lanes * sizeof *names);
    return true;
}

// ------------------------------------------------------------------------------ one state

static bool fail_no_name(lanes_error *e, uint64_t name)
{
    return lanes_fail(e, ERROR_NO_STATE, "there is no state %016llx", (unsigned long long)name);
}

bool lanes_export_state(bl_buffer *out, const lanes *l, uint64_t name, lanes_error *e)
{
    const uint8_t *state = store_get(&l->store, name);
    if (!state)
        return fail_no_name(e, name);
    bl_buffer_append(out, l->model_sha256, sizeof l->model_sha256);
    bl_buffer_append(out, state, l->state_bytes);
    return true;
}

bool lanes_import_state(lanes *l, uint64_t *name, const uint8_t *data, size_t bytes, lanes_error *e)
{
    uint64_t wanted = *name;
    if (!import_states(l, name, 1, data, bytes, e))
        return false;
    if (wanted == 0 || wanted == *name)
        return true;
    (void)lanes_drop_state(l, *name, e);
    return lanes_fail(e, ERROR_BAD_FRAME, "the name of this state is %016llx, not %016llx",
                      (unsigned long long)*name, (unsigned long long)wanted);
}

bool lanes_drop_state(lanes *l, uint64_t name, lanes_error *e)
{
    if (!store_release(&l->store, name))
        return fail_no_name(e, name);
    count_stored(l);
    return true;
}

bool do_mask(lane_session *s, const frame_head *head, const uint8_t *payload, lanes_error *e)
{
    if (head->bytes > 0) {
        if (!has_one_each(head, sizeof *s->masks, "masks", e))
            return false;
        if (head->n_lanes != s->n_lanes)
            return lanes_fail(e, ERROR_BAD_FRAME, "%u masks for %u lanes", head->n_lanes,
                              s->n_lanes);
        memcpy(s->masks, payload, head->bytes);
    }
    s->has_masks = head->bytes > 0;
    answer(s, head, NULL, 0);
    return true;
}
