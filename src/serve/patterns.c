// SPDX-License-Identifier: MIT
#include "patterns.h"

#include <stdatomic.h>
#include <string.h>

struct shared_pattern {
    atomic_uint n_holders;
    bl_pattern *pattern;
    char *text; // what it was made from
    size_t bytes;
    bool is_words;
};

const bl_pattern *shared_pattern_get(const shared_pattern *p) { return p->pattern; }

const char *shared_pattern_text(size_t *bytes, const shared_pattern *p)
{
    *bytes = p->bytes;
    return p->text;
}

shared_pattern *shared_pattern_retain(shared_pattern *p)
{
    if (p)
        atomic_fetch_add(&p->n_holders, 1);
    return p;
}

void shared_pattern_release(shared_pattern *p)
{
    if (!p || atomic_fetch_sub(&p->n_holders, 1) > 1)
        return;
    bl_pattern_destroy(&p->pattern);
    bl_free(NULL, p->text, p->bytes);
    bl_free(NULL, p, sizeof *p);
}

static bool copy(void *to, const void *from, size_t bytes)
{
    char *made = bl_alloc(NULL, bytes);
    *(void **)to = made;
    if (bytes > 0 && made)
        memcpy(made, from, bytes);
    return bytes == 0 || made;
}

pattern_job *pattern_job_create(const char *text, size_t bytes, bool is_words, const uint8_t *read,
                                size_t n_read)
{
    pattern_job *job = bl_alloc(NULL, sizeof *job);
    if (!job)
        return NULL;
    *job = (pattern_job){.bytes = bytes, .is_words = is_words, .n_read = n_read};
    if (copy(&job->text, text, bytes) && copy(&job->read, read, n_read))
        return job;
    pattern_job_destroy(job);
    return NULL;
}

void pattern_job_destroy(pattern_job *job)
{
    if (!job)
        return;
    bl_free(NULL, job->text, job->text ? job->bytes : 0);
    bl_free(NULL, job->read, job->read ? job->n_read : 0);
    bl_free(NULL, job, sizeof *job);
}

// ---------------------------------------------------------------------------------- building

static bl_status parse_words(bl_pattern **pattern, const pattern_job *job, bl_diag *diag)
{
    size_t n = 0, at = 0;
    for (size_t i = 0; i < job->bytes; i++)
        n += job->text[i] == 0;
    const char **words = bl_alloc_array(NULL, n, sizeof *words);
    if (n > 0 && !words)
        return BL_ERR_MEMORY;
    for (size_t i = 0; i < n; i++, at += strlen(job->text + at) + 1)
        words[i] = job->text + at;
    bl_status status = bl_pattern_from_words(pattern, words, n, NULL, diag);
    bl_free(NULL, (void *)words, n * sizeof *words);
    return status;
}

static bool fail(pattern_job *job, bl_status status, const bl_diag *diag)
{
    const char *field = job->is_words ? "words" : "pattern";
    if (status == BL_ERR_MEMORY)
        return request_fail(&job->error, "internal", NULL, "out of memory");
    if (diag->column)
        return request_fail(&job->error, "bad_request", field, "column %d: %s", (int)diag->column,
                            diag->message);
    return request_fail(&job->error, "bad_request", field, "%s", diag->message);
}

static bool build(bl_pattern **pattern, pattern_job *job)
{
    bl_diag diag = {0};
    bl_pattern_info info;
    bl_status status =
        job->is_words ? parse_words(pattern, job, &diag)
                      : bl_pattern_parse(pattern, job->text, job->bytes, "pattern", NULL, &diag);
    if (status != BL_OK)
        return fail(job, status, &diag);
    bl_pattern_get_info(&info, *pattern);
    if (info.n_states > MAX_PATTERN_STATES)
        return request_fail(&job->error, "too_many", job->is_words ? "words" : "pattern",
                            "its automaton has %u states; at most %d are allowed", info.n_states,
                            MAX_PATTERN_STATES);
    status = bl_pattern_prepare(*pattern);
    return status == BL_OK || fail(job, status, &diag);
}

// The pattern takes the job's text.
static shared_pattern *share(bl_pattern *pattern, pattern_job *job)
{
    shared_pattern *p = bl_alloc(NULL, sizeof *p);
    if (!p)
        return NULL;
    *p = (shared_pattern){
        .pattern = pattern, .text = job->text, .bytes = job->bytes, .is_words = job->is_words};
    atomic_init(&p->n_holders, 1);
    job->text = NULL;
    return p;
}

// ------------------------------------------------------------------------------------- cache

enum { N_KEPT = sizeof((pattern_cache *)0)->kept / sizeof(shared_pattern *) };

static shared_pattern *find(pattern_cache *cache, const pattern_job *job)
{
    for (size_t i = 0; i < N_KEPT; i++) {
        shared_pattern *p = cache->kept[i];
        if (!p || p->is_words != job->is_words || p->bytes != job->bytes
            || memcmp(p->text, job->text, p->bytes) != 0)
            continue;
        cache->used_at[i] = ++cache->n_uses;
        return shared_pattern_retain(p);
    }
    return NULL;
}

static void keep(pattern_cache *cache, shared_pattern *p)
{
    size_t oldest = 0;
    for (size_t i = 1; i < N_KEPT; i++)
        if (cache->used_at[i] < cache->used_at[oldest])
            oldest = i;
    shared_pattern_release(cache->kept[oldest]);
    cache->kept[oldest] = shared_pattern_retain(p);
    cache->used_at[oldest] = ++cache->n_uses;
}

static shared_pattern *find_or_build(pattern_cache *cache, pattern_job *job)
{
    shared_pattern *p = find(cache, job);
    if (p)
        return p;
    bl_pattern *pattern = NULL;
    if (build(&pattern, job) && !(p = share(pattern, job)))
        request_fail(&job->error, "internal", NULL, "out of memory");
    if (p)
        keep(cache, p);
    else
        bl_pattern_destroy(&pattern);
    return p;
}

bool pattern_cache_build(shared_pattern **pattern, uint32_t *state, pattern_cache *cache,
                         pattern_job *job)
{
    shared_pattern *p = find_or_build(cache, job);
    if (!p)
        return false;
    *state = BL_PATTERN_START;
    for (size_t i = 0; i < job->n_read; i++)
        *state = bl_pattern_next(p->pattern, *state, job->read[i]);
    if (*state != BL_PATTERN_DEAD) {
        *pattern = p;
        return true;
    }
    shared_pattern_release(p);
    return request_fail(&job->error, "bad_request", "pattern_bytes",
                        "the last %zu bytes of the text are not how its texts begin", job->n_read);
}

void pattern_cache_clear(pattern_cache *cache)
{
    for (size_t i = 0; i < N_KEPT; i++)
        shared_pattern_release(cache->kept[i]);
    *cache = (pattern_cache){0};
}
