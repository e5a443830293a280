// SPDX-License-Identifier: MIT
// A chain: stages, workers, and the order of what they find.
//
//     records --> slabs --> workers, any thread --> outputs --> sink, in the order of the slabs
//
// Slabs go over a conveyor, one slot to a worker: any thread works on any slab, outputs are
// delivered in order.
//
// With one thread there is one worker, whose queues live from slab to slab, so that late stages see
// full runs; with more, a worker empties its queues behind each slab. A sink that is full leaves
// its rest in the outputs, and no slab is claimed before they are empty.

#include "conveyor.h"
#include "worker.h"

#include <assert.h>
#include <string.h>

enum {
    DEFAULT_SLAB_BYTES = 1 << 20,
    BLOCK_BYTES = 128 << 10, // read from a source at a time, so that it is still in L2
    PLANE_BYTES = 16 << 10,  // of scratch planes, in L1 with room to spare
    MOST_CHUNKS = 8          // of a run
};

// A slab in the hands of a worker.
typedef struct task {
    const uint8_t *rows; // NULL: in the source
    uint64_t first;
    size_t n;
    bl_status status;
    uint8_t *block; // of a source
} task;

struct bl_chain {
    plan plan;
    uint32_t stage_capacity;
    bl_pool *pool;
    bl_take_rows *sink;
    void *sink_context;
    worker *workers;
    task *tasks;
    size_t n_workers;
    uint8_t *staged; // fewer rows than a run, pushed and not yet worked on
    size_t n_staged;
    uint64_t n_read, n_delivered;

    conveyor conveyor;
    size_t next_row;     // of the output that is being delivered
    const uint8_t *rows; // still to be claimed: in memory, or NULL and in the source
    uint64_t n_rows;
    bl_read_rows *read;
    void *read_context;
    bl_status status; // of the source
};

// -------------------------------------------------------------------------- making a chain

static size_t chunks_of_run(size_t record_bytes)
{
    size_t n = PLANE_BYTES / (BL_LANES * record_bytes);
    return n < 1 ? 1 : n > MOST_CHUNKS ? MOST_CHUNKS : n;
}

bl_status bl_chain_create(bl_chain **result, const bl_chain_params *params)
{
    assert(result && params && bl_cpu_is_supported(params->level));
    if (params->record_bytes == 0 || params->record_bytes > BL_BATCH_RECORD_BYTES)
        return BL_ERR_ARGUMENT;
    bl_chain *c = bl_alloc(params->allocator, sizeof *c);
    if (!c)
        return BL_ERR_MEMORY;
    size_t run_rows = chunks_of_run(params->record_bytes) * BL_LANES;
    size_t slab_bytes = params->slab_bytes ? params->slab_bytes : DEFAULT_SLAB_BYTES;
    size_t n_runs = slab_bytes / (run_rows * params->record_bytes);
    c->plan = (plan){.allocator = params->allocator,
                     .bits = bl_bits_get(params->level),
                     .level = params->level,
                     .record_bytes = params->record_bytes,
                     .run_rows = run_rows,
                     .slab_rows = (n_runs ? n_runs : 1) * run_rows,
                     .has_index = params->has_index};
    c->pool = params->pool;
    c->n_workers = conveyor_n_slots(params->pool);
    *result = c;
    return BL_OK;
}

static bool is_started(const bl_chain *c) { return c->workers != NULL; }

static size_t block_rows(const bl_chain *c)
{
    size_t n = BLOCK_BYTES / c->plan.record_bytes / c->plan.run_rows;
    return (n ? n : 1) * c->plan.run_rows;
}

static void stop(bl_chain *c)
{
    conveyor_destroy(&c->conveyor);
    const bl_allocator *a = c->plan.allocator;
    size_t block_bytes = block_rows(c) * c->plan.record_bytes;
    for (size_t i = 0; i < c->n_workers; i++) {
        if (c->workers)
            worker_destroy(&c->workers[i]);
        if (c->tasks)
            bl_free(a, c->tasks[i].block, block_bytes);
    }
    bl_free(a, c->workers, c->n_workers * sizeof *c->workers);
    bl_free(a, c->tasks, c->n_workers * sizeof *c->tasks);
    bl_free(a, c->staged, c->plan.run_rows * c->plan.record_bytes);
    c->workers = NULL;
    c->tasks = NULL;
    c->staged = NULL;
}

void bl_chain_destroy(bl_chain **handle)
{
    bl_chain *c = handle ? *handle : NULL;
    if (!c)
        return;
    stop(c);
    const bl_allocator *a = c->plan.allocator;
    for (uint32_t s = 0; s < c->plan.n_stages; s++)
        pieces_destroy(&c->plan.stages[s].pieces);
    bl_free(a, c->plan.stages, c->stage_capacity * sizeof *c->plan.stages);
    bl_free(a, c, sizeof *c);
    *handle = NULL;
}

// -------------------------------------------------------------------------------- stages

static bl_status add_stage(bl_chain *c, const stage *s, const uint8_t *is_needed)
{
    plan *p = &c->plan;
    assert(!is_started(c));
    if (p->n_stages == c->stage_capacity) {
        uint32_t more = c->stage_capacity + 4;
        stage *stages = bl_resize(p->allocator, p->stages, c->stage_capacity * sizeof *stages,
                                  more * sizeof *stages);
        if (!stages)
            return BL_ERR_MEMORY;
        p->stages = stages;
        c->stage_capacity = more;
    }
    p->stages[p->n_stages] = *s;
    bl_status status =
        pieces_create(&p->stages[p->n_stages].pieces, is_needed, p->record_bytes, p->allocator);
    if (status == BL_OK)
        p->n_stages++;
    return status;
}

static bl_status add_function(bl_chain *c, const stage *s, const bl_plane_range *ranges, size_t n)
{
    uint8_t is_needed[8 * BL_BATCH_RECORD_BYTES] = {0};
    for (size_t i = 0; i < n; i++) {
        size_t n_bits = 8 * c->plan.record_bytes;
        if (ranges[i].first > n_bits || ranges[i].n > n_bits - ranges[i].first)
            return BL_ERR_ARGUMENT;
        memset(is_needed + ranges[i].first, 1, ranges[i].n);
    }
    return add_stage(c, s, is_needed);
}

bl_status bl_chain_add_predicate(bl_chain *c, bl_keep_planes *keep, void *context,
                                 const bl_plane_range *reads, size_t n_reads)
{
    assert(c && keep && (reads || n_reads == 0));
    stage s = {.keep = keep, .context = context};
    return add_function(c, &s, reads, n_reads);
}

bl_status bl_chain_add_transform(bl_chain *c, bl_change_planes *change, void *context,
                                 const bl_plane_range *ranges, size_t n_ranges)
{
    assert(c && change && (ranges || n_ranges == 0));
    stage s = {.change = change, .context = context, .is_transform = true};
    return add_function(c, &s, ranges, n_ranges);
}

static bl_status add_program(bl_chain *c, const bl_program *program, bool is_transform)
{
    bl_program_info info;
    bl_program_get_info(&info, program);
    size_t n_bits = 8 * c->plan.record_bytes;
    if (info.n_inputs > n_bits || info.n_state > 0 || info.n_outputs == 0
        || (is_transform && info.n_outputs > n_bits))
        return BL_ERR_ARGUMENT;
    uint8_t is_needed[8 * BL_BATCH_RECORD_BYTES] = {0};
    bl_program_mark_inputs(is_needed, program);
    if (is_transform)
        memset(is_needed, 1, info.n_outputs);
    stage s = {.program = program, .is_transform = is_transform};
    return add_stage(c, &s, is_needed);
}

bl_status bl_chain_add_program(bl_chain *c, const bl_program *program)
{
    assert(c && program);
    return add_program(c, program, false);
}

bl_status bl_chain_add_transform_program(bl_chain *c, const bl_program *program)
{
    assert(c && program);
    return add_program(c, program, true);
}

void bl_chain_set_sink(bl_chain *c, bl_take_rows *sink, void *context)
{
    c->sink = sink;
    c->sink_context = context;
}

// ----------------------------------------------------------------------------------- slabs

// A source is read in blocks; rows that were read before an error count.
static void work_on_source(bl_chain *c, worker *w, task *t)
{
    size_t most = block_rows(c);
    for (size_t done = 0; done < t->n && t->status == BL_OK; done += most) {
        size_t n = t->n - done < most ? t->n - done : most;
        t->status = c->read(c->read_context, t->block, t->first + done, n);
        if (t->status == BL_OK)
            worker_feed(w, t->block, t->first + done, n);
    }
}

static bool claim_slab(void *context, size_t slot)
{
    bl_chain *c = context;
    if (c->n_rows == 0)
        return false;
    size_t n = c->n_rows < c->plan.slab_rows ? (size_t)c->n_rows : c->plan.slab_rows;
    task *t = &c->tasks[slot];
    *t = (task){.rows = c->rows, .first = c->n_read, .n = n, .block = t->block};
    if (c->rows)
        c->rows += n * c->plan.record_bytes;
    c->n_read += n;
    c->n_rows -= n;
    return true;
}

static void work_on_slab(void *context, size_t slot)
{
    bl_chain *c = context;
    task *t = &c->tasks[slot];
    if (t->rows)
        worker_feed(&c->workers[slot], t->rows, t->first, t->n);
    else
        work_on_source(c, &c->workers[slot], t);
    if (c->n_workers > 1)
        worker_drain(&c->workers[slot]);
}

// Offers an output, or the rest of it, to the sink. An error of the source ends the delivery for
// good.
static bool deliver_slab(void *context, size_t slot)
{
    bl_chain *c = context;
    queue *q = worker_output(&c->workers[slot]);
    size_t left = q->n - c->next_row;
    if (c->status != BL_OK)
        return false;
    if (left > 0) {
        size_t n = c->sink(c->sink_context, q->rows + c->next_row * c->plan.record_bytes,
                           q->index ? q->index + c->next_row : NULL, left);
        assert(n <= left);
        c->n_delivered += n;
        c->next_row += n;
        if (n < left)
            return false;
    }
    q->n = c->next_row = 0;
    c->status = c->tasks[slot].status;
    return c->status == BL_OK;
}

// Works on rows until all are done or the sink is full, false; *n_claimed says how far it came.
static bool work_on(size_t *n_claimed, bl_chain *c, const uint8_t *rows, uint64_t n_rows)
{
    c->rows = rows;
    c->n_rows = n_rows;
    bool has_room = conveyor_run(&c->conveyor);
    *n_claimed = (size_t)(n_rows - c->n_rows);
    return has_room;
}

// ---------------------------------------------------------------------------------- streams

static bl_status start(bl_chain *c)
{
    const bl_allocator *a = c->plan.allocator;
    if (is_started(c))
        return BL_OK;
    c->workers = bl_alloc_array(a, c->n_workers, sizeof *c->workers);
    c->tasks = bl_alloc_array(a, c->n_workers, sizeof *c->tasks);
    c->staged = bl_alloc_array(a, c->plan.run_rows, c->plan.record_bytes);
    bl_status status = c->workers && c->tasks && c->staged ? BL_OK : BL_ERR_MEMORY;
    for (size_t i = 0; i < c->n_workers && status == BL_OK; i++) {
        status = worker_create(&c->workers[i], &c->plan);
        c->tasks[i].block = bl_resize(a, NULL, 0, block_rows(c) * c->plan.record_bytes);
        if (!c->tasks[i].block)
            status = BL_ERR_MEMORY;
    }
    if (status == BL_OK)
        status = conveyor_create(
            &c->conveyor,
            &(conveyor_steps){.claim = claim_slab, .work = work_on_slab, .deliver = deliver_slab},
            c, c->pool, a);
    if (status != BL_OK)
        stop(c);
    return status;
}

// What earlier calls left: outputs on the conveyor, or of the last drain. False while the sink is
// full.
static bool deliver_rest(bl_chain *c)
{
    size_t n;
    return work_on(&n, c, NULL, 0) && (c->n_workers > 1 || deliver_slab(c, 0));
}

// Fills up the staged rows, and works on them once they are a run; n_records > 0.
static bool stage_rows(size_t *n_taken, bl_chain *c, const uint8_t *records, size_t n_records)
{
    size_t room = c->plan.run_rows - c->n_staged, bytes = c->plan.record_bytes, n_claimed;
    *n_taken = n_records < room ? n_records : room;
    memcpy(c->staged + c->n_staged * bytes, records, *n_taken * bytes);
    c->n_staged += *n_taken;
    if (c->n_staged < c->plan.run_rows)
        return true;
    c->n_staged = 0; // one slab, which is claimed in any case
    return work_on(&n_claimed, c, c->staged, c->plan.run_rows);
}

bl_status bl_chain_push(size_t *n_taken, bl_chain *c, const void *records, size_t n_records)
{
    assert(n_taken && c && c->sink && (records || n_records == 0));
    const uint8_t *rows = records;
    size_t run_rows = c->plan.run_rows, done = 0, n;
    bl_status status = start(c);
    if (status != BL_OK)
        return status;
    bool has_room = deliver_rest(c);
    for (; has_room && done < n_records; done += n) {
        const uint8_t *at = rows + done * c->plan.record_bytes;
        size_t left = n_records - done;
        has_room = c->n_staged > 0 || left < run_rows
                       ? stage_rows(&n, c, at, left)
                       : work_on(&n, c, at, left / run_rows * run_rows);
    }
    *n_taken = done;
    return BL_OK;
}

bl_status bl_chain_flush(bl_chain *c)
{
    size_t n, n_staged = c->n_staged;
    bl_status status = start(c);
    if (status != BL_OK)
        return status;
    if (!deliver_rest(c))
        return BL_ERR_BUSY;
    c->n_staged = 0;
    if (!work_on(&n, c, c->staged, n_staged))
        return BL_ERR_BUSY;
    if (c->n_workers > 1)
        return BL_OK; // workers keep nothing
    worker_drain(&c->workers[0]);
    return deliver_slab(c, 0) ? BL_OK : BL_ERR_BUSY;
}

bl_status bl_chain_run(bl_chain *c, bl_read_rows *read, void *context, uint64_t n_records)
{
    assert(c && c->sink && read && c->n_staged == 0);
    size_t n;
    bl_status status = start(c);
    if (status != BL_OK)
        return status;
    c->read = read;
    c->read_context = context;
    bool has_room =
        deliver_rest(c) && work_on(&n, c, NULL, c->n_read < n_records ? n_records - c->n_read : 0);
    if (c->status != BL_OK)
        return c->status;
    return has_room ? bl_chain_flush(c) : BL_ERR_BUSY;
}

uint64_t bl_chain_n_read(const bl_chain *c) { return c->n_read + c->n_staged; }
uint64_t bl_chain_n_delivered(const bl_chain *c) { return c->n_delivered; }
