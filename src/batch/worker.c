// SPDX-License-Identifier: MIT
// One thread's way through the stages of a chain.
//
//     rows -> stage 0 -> queue -> stage 1 -> queue -> ... -> output
//
// A stage works on a run of several chunks, so that slicing kernels and predicates in C are called
// for many planes at a time, and on full runs only: survivors gather in the queue before the next
// stage. What moves is always the rows; planes are scratch.

#include "worker.h"

#include <assert.h>
#include <string.h>

// A part of the stream on its way: row i has number index[i], or first + i.
typedef struct run {
    const uint8_t *rows;
    const uint64_t *index;
    uint64_t first;
    size_t n;
} run;

static size_t n_chunks_of(size_t n_rows) { return (n_rows + BL_LANES - 1) / BL_LANES; }

static queue *queue_behind(worker *w, uint32_t s) { return &w->queues[s]; }

static run part_of(const run *r, size_t begin, size_t n, size_t record_bytes)
{
    return (run){.rows = r->rows + begin * record_bytes,
                 .index = r->index ? r->index + begin : NULL,
                 .first = r->first + begin,
                 .n = n};
}

// ---------------------------------------------------------------------------- moving rows

static void append_all(queue *q, const run *r, size_t record_bytes)
{
    assert(q->n + r->n <= q->capacity);
    memcpy(q->rows + q->n * record_bytes, r->rows, r->n * record_bytes);
    if (q->index && r->index)
        memcpy(q->index + q->n, r->index, r->n * sizeof *r->index);
    else if (q->index)
        for (size_t i = 0; i < r->n; i++)
            q->index[q->n + i] = r->first + i;
    q->n += r->n;
}

// All the work is in the selections of the layer bits, which know sparse words from dense ones.
static void append_kept(worker *w, queue *q, const run *r)
{
    const plan *p = w->plan;
    assert(q->n + r->n <= q->capacity);
    size_t n = bl_compact(p->bits, q->rows + q->n * p->record_bytes, r->rows, p->record_bytes,
                          w->keep, r->n);
    if (q->index && r->index)
        (void)bl_compact(p->bits, q->index + q->n, r->index, sizeof *r->index, w->keep, r->n);
    else if (q->index) {
        (void)bl_compact_indices(p->bits, w->numbers, 0, w->keep, r->n);
        for (size_t i = 0; i < n; i++)
            q->index[q->n + i] = r->first + w->numbers[i];
    }
    q->n += n;
}

// ----------------------------------------------------------------------------------- stages

static void run_predicate(worker *w, uint32_t s, const run *r)
{
    const plan *p = w->plan;
    const stage *self = &p->stages[s];
    if (self->program)
        bl_filter_run(w->filters[s], w->keep, r->rows, r->n);
    else {
        pieces_slice(&self->pieces, p->bits, w->planes, r->rows, r->n);
        self->keep(self->context, w->keep, w->planes, n_chunks_of(r->n));
    }
    append_kept(w, queue_behind(w, s), r);
}

static void change_by_program(worker *w, uint32_t s, size_t n_chunks)
{
    const plan *p = w->plan;
    bl_program_info info;
    bl_program_get_info(&info, p->stages[s].program);
    bl_machine *m = w->machines[s];
    for (size_t c = 0; c < n_chunks; c++) {
        bl_plane *planes = w->planes + c * 8 * p->record_bytes;
        memcpy(bl_machine_input(m), planes, info.n_inputs * sizeof *planes);
        bl_machine_run(m, 0);
        memcpy(planes, bl_machine_output(m), info.n_outputs * sizeof *planes);
    }
}

static void run_transform(worker *w, uint32_t s, const run *r)
{
    const plan *p = w->plan;
    const stage *self = &p->stages[s];
    queue *q = queue_behind(w, s);
    uint8_t *rows = q->rows + q->n * p->record_bytes;
    pieces_slice(&self->pieces, p->bits, w->planes, r->rows, r->n);
    if (self->program)
        change_by_program(w, s, n_chunks_of(r->n));
    else
        self->change(self->context, w->planes, n_chunks_of(r->n));
    append_all(q, r, p->record_bytes);
    pieces_unslice(&self->pieces, p->bits, rows, w->planes, r->n);
}

static void run_stage(worker *w, uint32_t s, const run *r)
{
    if (w->plan->stages[s].is_transform)
        run_transform(w, s, r);
    else
        run_predicate(w, s, r);
}

// Takes n rows from the front of the queue before stage s through it.
static void take_from_queue(worker *w, uint32_t s, size_t n)
{
    queue *q = queue_behind(w, s - 1);
    size_t record_bytes = w->plan->record_bytes, rest = q->n - n;
    run r = {.rows = q->rows, .index = q->index, .n = n};
    run_stage(w, s, &r);
    memmove(q->rows, q->rows + n * record_bytes, rest * record_bytes);
    if (q->index)
        memmove(q->index, q->index + n, rest * sizeof *q->index);
    q->n = rest;
}

// Full runs go on at once, so a queue never holds a whole run for long.
static void pass_on(worker *w, uint32_t from)
{
    for (uint32_t s = from; s < w->plan->n_stages; s++)
        while (queue_behind(w, s - 1)->n >= w->plan->run_rows)
            take_from_queue(w, s, w->plan->run_rows);
}

void worker_feed(worker *w, const uint8_t *rows, uint64_t first, size_t n_rows)
{
    const plan *p = w->plan;
    assert(n_rows <= p->slab_rows);
    run all = {.rows = rows, .first = first, .n = n_rows};
    for (size_t done = 0; done < n_rows; done += p->run_rows) {
        size_t n = n_rows - done < p->run_rows ? n_rows - done : p->run_rows;
        run r = part_of(&all, done, n, p->record_bytes);
        if (p->n_stages == 0)
            append_all(worker_output(w), &r, p->record_bytes);
        else {
            run_stage(w, 0, &r);
            pass_on(w, 1);
        }
    }
}

void worker_drain(worker *w)
{
    for (uint32_t s = 1; s < w->plan->n_stages; s++) {
        pass_on(w, s);
        if (queue_behind(w, s - 1)->n > 0)
            take_from_queue(w, s, queue_behind(w, s - 1)->n);
    }
}

// ------------------------------------------------------------------------ making a worker

static bl_status create_queue(queue *q, const plan *p, size_t capacity)
{
    q->capacity = capacity; // not zeroed: what is never written is never there
    q->rows = bl_resize(p->allocator, NULL, 0, capacity * p->record_bytes);
    if (p->has_index)
        q->index = bl_resize(p->allocator, NULL, 0, capacity * sizeof *q->index);
    return q->rows && (q->index || !p->has_index) ? BL_OK : BL_ERR_MEMORY;
}

static bl_status create_evaluator(worker *w, uint32_t s)
{
    const plan *p = w->plan;
    const stage *self = &p->stages[s];
    if (!self->program)
        return BL_OK;
    if (self->is_transform)
        return bl_machine_create(&w->machines[s], self->program, p->level, p->allocator);
    return bl_filter_create(&w->filters[s], self->program, p->record_bytes, p->level, p->allocator);
}

static uint32_t n_queues(const plan *p) { return p->n_stages ? p->n_stages : 1; }

bl_status worker_create(worker *w, const plan *p)
{
    const bl_allocator *a = p->allocator;
    size_t n_chunks = p->run_rows / BL_LANES;
    *w = (worker){.plan = p};
    w->queues = bl_alloc_array(a, n_queues(p), sizeof *w->queues);
    w->filters = bl_alloc_array(a, n_queues(p), sizeof *w->filters);
    w->machines = bl_alloc_array(a, n_queues(p), sizeof *w->machines);
    w->planes = bl_alloc_array(a, n_chunks * 8 * p->record_bytes, sizeof *w->planes);
    w->keep = bl_alloc_array(a, n_chunks, sizeof *w->keep);
    w->numbers = bl_alloc_array(a, p->run_rows, sizeof *w->numbers);
    if (!w->queues || !w->filters || !w->machines || !w->planes || !w->keep || !w->numbers)
        return BL_ERR_MEMORY;
    bl_status status = BL_OK;
    for (uint32_t s = 0; s < n_queues(p) && status == BL_OK; s++) { // a queue has room for two runs
        bool is_output = s + 1 == n_queues(p);
        status = create_queue(&w->queues[s], p,
                              (is_output ? p->slab_rows + p->n_stages * p->run_rows : 0)
                                  + 2 * p->run_rows);
        if (status == BL_OK && p->n_stages)
            status = create_evaluator(w, s);
    }
    return status;
}

void worker_destroy(worker *w)
{
    const plan *p = w->plan;
    if (!p)
        return;
    const bl_allocator *a = p->allocator;
    size_t n_chunks = p->run_rows / BL_LANES;
    for (uint32_t s = 0; s < n_queues(p); s++) {
        if (w->queues) {
            bl_free(a, w->queues[s].rows, w->queues[s].capacity * p->record_bytes);
            bl_free(a, w->queues[s].index, w->queues[s].capacity * sizeof(uint64_t));
        }
        if (w->filters)
            bl_filter_destroy(&w->filters[s]);
        if (w->machines)
            bl_machine_destroy(&w->machines[s]);
    }
    bl_free(a, w->queues, n_queues(p) * sizeof *w->queues);
    bl_free(a, w->filters, n_queues(p) * sizeof(bl_filter *));
    bl_free(a, w->machines, n_queues(p) * sizeof(bl_machine *));
    bl_free(a, w->planes, n_chunks * 8 * p->record_bytes * sizeof *w->planes);
    bl_free(a, w->keep, n_chunks * sizeof *w->keep);
    bl_free(a, w->numbers, p->run_rows * sizeof *w->numbers);
    *w = (worker){0};
}
