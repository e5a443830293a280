// SPDX-License-Identifier: MIT

#include "sequences.h"

#include <assert.h>
#include <string.h>

sequence *sequences_find(http_host *host, int64_t account, const char *id)
{
    sequence_table *t = host->sequences;
    for (size_t i = 0; t && i < MAX_SEQUENCES; i++)
        if (t->sequences[i].account == account && strcmp(t->sequences[i].id, id) == 0) {
            t->sequences[i].used_at = ++t->now;
            return &t->sequences[i];
        }
    return NULL;
}

// A free place is older than all others.
static sequence *oldest_idle(sequence_table *t)
{
    sequence *oldest = NULL;
    for (size_t i = 0; i < MAX_SEQUENCES; i++) {
        sequence *s = &t->sequences[i];
        if (!s->is_busy && (!oldest || s->used_at < oldest->used_at))
            oldest = s;
    }
    return oldest;
}

sequence *sequences_begin(http_host *host, int64_t account, const char *id)
{
    assert(*id && strlen(id) < MAX_SEQUENCE_ID);
    if (!host->sequences && (host->sequences = bl_alloc(NULL, sizeof *host->sequences)))
        host->sequences->state_bytes = bl_model_facts(host->model)->state_bytes;
    sequence_table *t = host->sequences;
    sequence *s = sequences_find(host, account, id);
    if (!s && t)
        s = oldest_idle(t); // fewer requests than places can be under way
    if (!s)
        return NULL;
    if (!s->state && !(s->state = bl_alloc(NULL, t->state_bytes)))
        return NULL;
    memset(s->state, 0, t->state_bytes);
    memcpy(s->id, id, strlen(id) + 1);
    s->account = account;
    s->used_at = ++t->now;
    return s;
}

void sequences_drop(http_host *host, sequence *s)
{
    bl_free(NULL, s->state, host->sequences->state_bytes);
    *s = (sequence){0};
}

void http_host_clear(http_host *host)
{
    assert(host->n_running == 0);
    for (size_t i = 0; host->sequences && i < MAX_SEQUENCES; i++)
        sequences_drop(host, &host->sequences->sequences[i]);
    bl_free(NULL, host->sequences, sizeof *host->sequences);
    host->sequences = NULL;
}
