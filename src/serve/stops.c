// SPDX-License-Identifier: MIT

#include "stops.h"

#include <string.h>

static uint16_t next_of(const stop_string *s, uint16_t at, uint8_t byte)
{
    while (at > 0 && s->text[at] != byte)
        at = s->fallback[at - 1];
    return s->text[at] == byte ? (uint16_t)(at + 1) : at;
}

bool stops_add(stop_set *set, const uint8_t *text, size_t bytes)
{
    if (set->n == MAX_STOPS || bytes < 1 || bytes > MAX_STOP_BYTES)
        return false;
    stop_string *s = &set->strings[set->n++];
    *s = (stop_string){.bytes = (uint16_t)bytes};
    memcpy(s->text, text, bytes);
    for (size_t i = 1; i < bytes; i++)
        s->fallback[i] = next_of(s, s->fallback[i - 1], text[i]);
    return true;
}

size_t stops_advance(stop_progress *progress, const stop_set *set, uint8_t byte)
{
    size_t complete = 0;
    for (uint32_t i = 0; i < set->n; i++) {
        progress->at[i] = next_of(&set->strings[i], progress->at[i], byte);
        size_t bytes = set->strings[i].bytes;
        if (progress->at[i] == bytes && bytes > complete)
            complete = bytes;
    }
    return complete;
}

size_t stops_held(const stop_progress *progress, const stop_set *set)
{
    size_t most = 0;
    for (uint32_t i = 0; i < set->n; i++)
        most = progress->at[i] > most ? progress->at[i] : most;
    return most;
}
