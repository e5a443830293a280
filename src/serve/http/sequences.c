// SPDX-License-Identifier: MIT

#include "sequences.h"

#include <assert.h>
#include <stdlib.h>
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

static int by_use(const void *x, const void *y)
{
    const sequence *a = *(sequence *const *)x, *b = *(sequence *const *)y;
    return a->used_at < b->used_at ? -1 : a->used_at > b->used_at;
}

uint32_t sequences_save(FILE *file, const http_host *host)
{
    const sequence *all[MAX_SEQUENCES];
    const sequence_table *t = host->sequences;
    uint32_t n = 0;
    for (size_t i = 0; t && i < MAX_SEQUENCES; i++)
        if (t->sequences[i].id[0])
            all[n++] = &t->sequences[i];
    qsort(all, n, sizeof *all, by_use);
    for (uint32_t i = 0; i < n; i++) {
        fwrite(&all[i]->account, sizeof all[i]->account, 1, file);
        fwrite(all[i]->id, sizeof all[i]->id, 1, file);
        fwrite(all[i]->state, 1, t->state_bytes, file);
    }
    return n;
}

bool sequences_restore(http_host *host, uint32_t n, cursor *c)
{
    if (n > MAX_SEQUENCES)
        return cursor_fail(c, "%u sequences; at most %d are kept", n, MAX_SEQUENCES);
    for (uint32_t i = 0; i < n; i++) {
        int64_t account;
        char id[MAX_SEQUENCE_ID];
        if (!cursor_read(&account, c, sizeof account) || !cursor_read(id, c, sizeof id))
            return false;
        if (!id[0] || id[sizeof id - 1] || sequences_find(host, account, id))
            return cursor_fail(c, "a sequence has no proper id, or has it for the second time");
        sequence *s = sequences_begin(host, account, id);
        if (!s)
            return cursor_fail_memory(c);
        if (!cursor_read(s->state, c, host->sequences->state_bytes))
            return false;
    }
    return true;
}

void http_host_clear(http_host *host)
{
    assert(host->n_running == 0);
    for (size_t i = 0; host->sequences && i < MAX_SEQUENCES; i++)
        sequences_drop(host, &host->sequences->sequences[i]);
    bl_free(NULL, host->sequences, sizeof *host->sequences);
    host->sequences = NULL;
}
