// SPDX-License-Identifier: MIT
// Two connections to the ledger: one reads, in the thread of the clients; one writes, in a thread
// of its own. An admission travels between them:
//
//     admit ──> todo ──> writer: reserve, commit ──> done ──> deliver
//     settle ─> todo ──> writer: settle, commit  ──> freed
//
// What happens at once (rates, how many requests are under way) is counted here in memory: after a
// restart nothing is under way, and a rate begins anew.

#include "accounts_private.h"

#include <assert.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

// The clients' thread must not wait for the disk: only revoking a key writes there, and is refused.
enum { READER_WAIT_MS = 20 };
enum { RETRY_MS = 100, MAX_RETRIES_AT_END = 3 };
static const uint64_t minute_ns = 60000000000;

struct admission {
    admission *next;
    accounts *accounts;
    int64_t account, least, most, granted;
    uint64_t used;
    bool is_slot;      // it counts as a request under way
    bool is_known;     // done was called
    bool is_ended;     // its owner has settled it
    bool wants_settle; // for the writer: otherwise it wants to be reserved
    void (*done)(void *context, const request_error *refusal);
    void *context;
    request_error refusal; // code NULL: none
    char id[40], work_kind[LEDGER_MAX_KIND + 1], key[LEDGER_KEY_BYTES + 1];
};

typedef struct queue {
    admission *first, **last;
} queue;

// What is counted of an account in memory.
typedef struct gauge {
    int64_t n_running;
    uint64_t due_ns; // when its bucket would be full again
} gauge;

struct accounts {
    ledger *reader, *writer;
    void (*wake)(void *context);
    void *context;
    gauge *gauges; // [account - 1]
    size_t n_gauges;
    uint64_t n_ids;
    size_t n_pending; // admissions whose answer is not known
    char run[20];     // what ids of this process begin with
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t has_work;
    // guarded by the lock, as wake is
    bool is_closing;
    queue todo, done;
};

// ----------------------------------------------------------------------------------- queues

static void queue_clear(queue *q) { *q = (queue){.last = &q->first}; }

static void queue_add(queue *q, admission *d)
{
    d->next = NULL;
    *q->last = d;
    q->last = &d->next;
}

static void queue_move(queue *dst, queue *src) // dst is empty
{
    queue_clear(dst);
    if (src->first) {
        dst->first = src->first;
        dst->last = src->last;
    }
    queue_clear(src);
}

static void admission_free(admission *d) { bl_free(NULL, d, sizeof *d); }

// ---------------------------------------------------------------------------------- the writer

bool accounts_fail(request_error *e, bl_status status, const bl_diag *diag)
{
    return request_fail(e, "internal", NULL, "the accounts cannot be reached (%s%s%.120s)",
                        bl_status_text(status), diag->message[0] ? ": " : "", diag->message);
}

static void refuse(admission *d, ledger_refusal why, int64_t now, const bl_diag *diag)
{
    if (why == LEDGER_NO_CREDIT) {
        request_fail(&d->refusal, "no_credit", NULL, "%.200s", diag->message);
        return;
    }
    request_fail(&d->refusal, "over_quota", NULL, "%.200s", diag->message);
    d->refusal.retry_after_ms = (uint32_t)((LEDGER_DAY_S - now % LEDGER_DAY_S) * 1000);
}

// As much as there is of what it wants, by halves, but not less than it needs.
static bl_status reserve(ledger *l, admission *d, int64_t now, bl_diag *diag)
{
    ledger_account found;
    ledger_refusal why;
    bl_status status = ledger_find_key(l, &found, d->key, now, diag); // perhaps no longer
    if (status == BL_ERR_ARGUMENT) {
        request_fail(&d->refusal, "no_key", NULL, "%.100s", diag->message);
        return BL_OK;
    }
    status = status == BL_OK ? BL_ERR_LIMIT : status;
    for (int64_t amount = d->most; status == BL_ERR_LIMIT && amount >= d->least;) {
        status = ledger_reserve(l, d->account, d->id, d->work_kind, amount, &why, diag);
        d->granted = status == BL_OK ? amount : 0;
        amount = amount > d->least && amount / 2 < d->least ? d->least : amount / 2;
    }
    if (status == BL_ERR_LIMIT)
        refuse(d, why, now, diag);
    else if (status != BL_OK)
        return status;
    return ledger_touch_key(l, d->key, diag);
}

static bl_status run_group(ledger *l, const queue *q, bl_diag *diag)
{
    int64_t now = (int64_t)time(NULL);
    bl_status status = ledger_begin(l, now, diag);
    if (status != BL_OK)
        return status;
    for (admission *d = q->first; d && status == BL_OK; d = d->next) {
        d->refusal.code = NULL;
        status = d->wants_settle ? ledger_settle(l, d->id, (int64_t)d->used, diag)
                                 : reserve(l, d, now, diag);
    }
    if (status == BL_OK)
        return ledger_commit(l, diag);
    ledger_rollback(l);
    return status;
}

// Reservations that failed are told so; settlements stay, to be tried again.
static void sort_out(queue *done, queue *left, queue *q, bl_status status, const bl_diag *diag)
{
    queue_clear(done);
    queue_clear(left);
    for (admission *d = q->first, *next; d; d = next) {
        next = d->next;
        if (d->wants_settle && status == BL_OK) {
            admission_free(d);
        } else if (d->wants_settle) {
            queue_add(left, d);
        } else {
            if (status != BL_OK) {
                d->granted = 0;
                accounts_fail(&d->refusal, status, diag);
            }
            queue_add(done, d);
        }
    }
}

static void give_back(accounts *a, queue *done, queue *left)
{
    if (done->first) {
        *a->done.last = done->first;
        a->done.last = done->last;
        a->wake(a->context);
    }
    if (left->first) { // before what came meanwhile
        *left->last = a->todo.first;
        a->todo.last = a->todo.first ? a->todo.last : left->last;
        a->todo.first = left->first;
    }
}

static void *write_all(void *argument)
{
    accounts *a = argument;
    int n_failures = 0;
    pthread_mutex_lock(&a->lock);
    for (;;) {
        queue q, done, left;
        bl_diag diag = {0};
        while (!a->todo.first && !a->is_closing)
            pthread_cond_wait(&a->has_work, &a->lock);
        if (!a->todo.first || (a->is_closing && n_failures > MAX_RETRIES_AT_END))
            break;
        queue_move(&q, &a->todo);
        pthread_mutex_unlock(&a->lock);
        bl_status status = run_group(a->writer, &q, &diag);
        sort_out(&done, &left, &q, status, &diag);
        n_failures = status == BL_OK ? 0 : n_failures + 1;
        if (left.first)
            nanosleep(&(struct timespec){.tv_nsec = RETRY_MS * 1000000}, NULL);
        pthread_mutex_lock(&a->lock);
        give_back(a, &done, &left);
    }
    pthread_mutex_unlock(&a->lock);
    return NULL;
}

static void send(accounts *a, admission *d)
{
    pthread_mutex_lock(&a->lock);
    queue_add(&a->todo, d);
    pthread_cond_signal(&a->has_work);
    pthread_mutex_unlock(&a->lock);
}

// --------------------------------------------------------------------------- what is at once

static gauge *gauge_of(accounts *a, int64_t account)
{
    size_t at = (size_t)account - 1;
    if (at >= a->n_gauges) {
        size_t n = at + 16;
        gauge *more =
            bl_resize(NULL, a->gauges, a->n_gauges * sizeof *a->gauges, n * sizeof *a->gauges);
        if (!more)
            return NULL;
        memset(more + a->n_gauges, 0, (n - a->n_gauges) * sizeof *more);
        a->gauges = more;
        a->n_gauges = n;
    }
    return &a->gauges[at];
}

// A bucket that holds a minute's requests and is refilled evenly (GCRA): due_ns is when it is full.
static bool take_token(gauge *g, int64_t per_minute, request_error *e)
{
    if (per_minute == 0)
        return true;
    uint64_t now = bl_time_ns(), each = minute_ns / (uint64_t)per_minute;
    uint64_t due = (g->due_ns > now ? g->due_ns : now) + each;
    if (due > now + minute_ns + each / 2) { // rounding must not cost a request
        e->retry_after_ms = (uint32_t)((due - now - minute_ns) / 1000000 + 1);
        return request_fail(
            e, "too_fast", NULL,
            "the account may send %" PRId64 " requests a minute; send it again later", per_minute);
    }
    g->due_ns = due;
    return true;
}

bool accounts_enter(visitor *v, accounts *a, const char *key, request_error *e)
{
    ledger_account found;
    bl_diag diag = {0};
    if (!key || !key[0])
        return request_fail(e, "no_key", NULL,
                            "this needs a key: send the header Authorization: Bearer KEY");
    bl_status status = strlen(key) > LEDGER_KEY_BYTES
                           ? bl_diag_set(&diag, BL_ERR_ARGUMENT, NULL, 0, 0, "the key is unknown")
                           : ledger_find_key(a->reader, &found, key, (int64_t)time(NULL), &diag);
    if (status == BL_ERR_ARGUMENT)
        return request_fail(e, "no_key", NULL, "%.100s", diag.message);
    if (status != BL_OK)
        return accounts_fail(e, status, &diag);
    gauge *g = gauge_of(a, found.id);
    if (!g)
        return request_fail(e, "internal", NULL, "out of memory");
    if (!take_token(g, found.limits.per_minute, e))
        return false;
    *v = (visitor){.account = found.id, .n_concurrent = found.limits.n_concurrent};
    snprintf(v->key, sizeof v->key, "%s", key);
    return true;
}

admission *accounts_admit(accounts *a, const admission_request *q, request_error *e)
{
    assert(q->least >= 1 && q->least <= q->most);
    gauge *g = gauge_of(a, q->visitor->account);
    admission *d = bl_alloc(NULL, sizeof *d);
    if (!g || !d) {
        bl_free(NULL, d, sizeof *d);
        request_fail(e, "internal", NULL, "out of memory");
        return NULL;
    }
    if (!q->is_more && q->visitor->n_concurrent && g->n_running >= q->visitor->n_concurrent) {
        admission_free(d);
        request_fail(e, "too_many_at_once", NULL,
                     "the account has %" PRId64 " requests under way, as many as it may",
                     g->n_running);
        return NULL;
    }
    *d = (admission){.accounts = a,
                     .account = q->visitor->account,
                     .least = q->least,
                     .most = q->most,
                     .is_slot = !q->is_more,
                     .done = q->done,
                     .context = q->context};
    g->n_running += d->is_slot;
    snprintf(d->id, sizeof d->id, "%s-%08" PRIx64, a->run, a->n_ids++);
    snprintf(d->work_kind, sizeof d->work_kind, "%s", q->work_kind);
    snprintf(d->key, sizeof d->key, "%s", q->visitor->key);
    a->n_pending++;
    send(a, d);
    return d;
}

int64_t accounts_granted(const admission *d) { return d->is_known ? d->granted : 0; }

// The reservation, if it came about, is ended.
static void finish(admission *d)
{
    if (d->granted == 0) {
        admission_free(d);
        return;
    }
    d->used = d->used < (uint64_t)d->granted ? d->used : (uint64_t)d->granted;
    d->wants_settle = true;
    send(d->accounts, d);
}

void accounts_settle(admission *d, uint64_t used)
{
    assert(!d->is_ended);
    d->is_ended = true;
    d->used = used;
    if (d->is_slot)
        gauge_of(d->accounts, d->account)->n_running--;
    if (d->is_known)
        finish(d);
}

void accounts_pass_slot(admission *to, admission *from)
{
    to->is_slot |= from->is_slot;
    from->is_slot = false;
}

void accounts_set_wake(accounts *a, void (*wake)(void *context))
{
    pthread_mutex_lock(&a->lock);
    a->wake = wake;
    pthread_mutex_unlock(&a->lock);
}

void accounts_deliver(accounts *a)
{
    queue done;
    pthread_mutex_lock(&a->lock);
    queue_move(&done, &a->done);
    pthread_mutex_unlock(&a->lock);
    for (admission *d = done.first, *next; d; d = next) {
        next = d->next;
        d->is_known = true;
        a->n_pending--;
        if (d->is_ended)
            finish(d);
        else
            d->done(d->context, d->refusal.code ? &d->refusal : NULL);
    }
}

ledger *accounts_reader(accounts *a) { return a->reader; }

// ------------------------------------------------------------------------------------- life

// Ids of this run sort behind those of earlier ones.
static bl_status name_run(accounts *a, bl_diag *diag)
{
    uint32_t salt;
    if (getrandom(&salt, sizeof salt, 0) != (ssize_t)sizeof salt)
        return bl_diag_set(diag, BL_ERR_IO, NULL, 0, 0, "the system gives no random numbers");
    snprintf(a->run, sizeof a->run, "%09" PRIx64 "%08" PRIx32, (uint64_t)time(NULL), salt);
    return BL_OK;
}

bl_status accounts_open(accounts **out, const char *path, void (*wake)(void *context),
                        void *context, bl_diag *diag)
{
    accounts *a = bl_alloc(NULL, sizeof *a);
    if (!a)
        return bl_diag_set(diag, BL_ERR_MEMORY, path, 0, 0, "out of memory");
    *a = (accounts){.wake = wake, .context = context};
    queue_clear(&a->todo);
    queue_clear(&a->done);
    bl_status status = name_run(a, diag);
    if (status == BL_OK)
        status =
            ledger_open(&a->writer, &(ledger_params){.path = path, .is_server = true}, NULL, diag);
    if (status == BL_OK)
        status = ledger_open(&a->reader, &(ledger_params){.path = path, .wait_ms = READER_WAIT_MS},
                             NULL, diag);
    pthread_mutex_init(&a->lock, NULL);
    pthread_cond_init(&a->has_work, NULL);
    if (status == BL_OK && pthread_create(&a->thread, NULL, write_all, a) != 0)
        status = bl_diag_set(diag, BL_ERR_MEMORY, path, 0, 0, "no thread can be started");
    if (status == BL_OK) {
        *out = a;
        return BL_OK;
    }
    ledger_close(&a->reader);
    ledger_close(&a->writer);
    bl_free(NULL, a, sizeof *a);
    return status;
}

static void free_all(queue *q)
{
    for (admission *d = q->first, *next; d; d = next) {
        next = d->next;
        admission_free(d);
    }
}

void accounts_close(accounts **handle)
{
    accounts *a = *handle;
    if (!a)
        return;
    for (; a->n_pending > 0; accounts_deliver(a))
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    pthread_mutex_lock(&a->lock);
    a->is_closing = true;
    pthread_cond_signal(&a->has_work);
    pthread_mutex_unlock(&a->lock);
    pthread_join(a->thread, NULL);
    free_all(&a->todo); // the disk did not take these: the next server releases them
    ledger_close(&a->reader);
    ledger_close(&a->writer);
    pthread_mutex_destroy(&a->lock);
    pthread_cond_destroy(&a->has_work);
    bl_free(NULL, a->gauges, a->n_gauges * sizeof *a->gauges);
    bl_free(NULL, a, sizeof *a);
    *handle = NULL;
}
