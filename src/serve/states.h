// SPDX-License-Identifier: MIT
#ifndef BITLOOM_SERVE_STATES_H
#define BITLOOM_SERVE_STATES_H

// The lane states of a session by handle: a growing table with a list of free places. Handle h
// lies in place h - 1.

#include <bitloom/base.h>

typedef struct state_table {
    size_t state_bytes;
    uint8_t *states;
    uint32_t *next_free; // of each place; IN_USE, or the next free handle
    uint32_t n, capacity, first_free, n_used;
} state_table;

enum { MAX_STATES = 65536 };

// A handle for a copy of the state; 0 where MAX_STATES or the memory are used up.
uint32_t states_add(state_table *t, const uint8_t *state);
const uint8_t *states_get(const state_table *t, uint64_t handle); // NULL: no such state
bool states_drop(state_table *t, uint64_t handle);
void states_clear(state_table *t);

#endif
