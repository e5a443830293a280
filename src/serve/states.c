// SPDX-License-Identifier: MIT

#include "states.h"

#include <string.h>

static const uint32_t IN_USE = UINT32_MAX;

static bool grow(state_table *t)
{
    uint32_t more = t->capacity ? 2 * t->capacity : 64;
    uint8_t *states = bl_alloc_array(NULL, more, t->state_bytes);
    uint32_t *next = bl_alloc_array(NULL, more, sizeof *next);
    if (!states || !next) {
        bl_free(NULL, states, more * t->state_bytes);
        bl_free(NULL, next, more * sizeof *next);
        return false;
    }
    if (t->n) {
        memcpy(states, t->states, t->n * t->state_bytes);
        memcpy(next, t->next_free, t->n * sizeof *next);
    }
    bl_free(NULL, t->states, t->capacity * t->state_bytes);
    bl_free(NULL, t->next_free, t->capacity * sizeof *next);
    t->states = states;
    t->next_free = next;
    t->capacity = more;
    return true;
}

uint32_t states_add(state_table *t, const uint8_t *state)
{
    uint32_t handle = t->first_free;
    if (handle)
        t->first_free = t->next_free[handle - 1];
    else {
        if (t->n == MAX_STATES || (t->n == t->capacity && !grow(t)))
            return 0;
        handle = ++t->n;
    }
    t->next_free[handle - 1] = IN_USE;
    t->n_used++;
    memcpy(t->states + (size_t)(handle - 1) * t->state_bytes, state, t->state_bytes);
    return handle;
}

const uint8_t *states_get(const state_table *t, uint64_t handle)
{
    if (handle < 1 || handle > t->n || t->next_free[handle - 1] != IN_USE)
        return NULL;
    return t->states + (size_t)(handle - 1) * t->state_bytes;
}

bool states_drop(state_table *t, uint64_t handle)
{
    if (!states_get(t, handle))
        return false;
    t->next_free[handle - 1] = t->first_free;
    t->first_free = (uint32_t)handle;
    t->n_used--;
    return true;
}

void states_clear(state_table *t)
{
    bl_free(NULL, t->states, t->capacity * t->state_bytes);
    bl_free(NULL, t->next_free, t->capacity * sizeof *t->next_free);
    *t = (state_table){.state_bytes = t->state_bytes};
}
