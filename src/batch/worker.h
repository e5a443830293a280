// SPDX-License-Identifier: MIT
#ifndef BITLOOM_BATCH_WORKER_H
#define BITLOOM_BATCH_WORKER_H

#include "pieces.h"

typedef struct stage {
    bl_keep_planes *keep;      // a predicate,
    bl_change_planes *change;  // or a transform,
    const bl_program *program; // or a program that is the one or the other
    bool is_transform;
    void *context;
    pieces pieces; // of functions and of transforms
} stage;

// What all workers of a chain share and only read.
typedef struct plan {
    const bl_allocator *allocator;
    const bl_bits *bits;
    bl_cpu level;
    size_t record_bytes;
    size_t run_rows;  // most rows a stage works on at a time, whole chunks
    size_t slab_rows; // most rows a worker is given
    bool has_index;
    stage *stages;
    uint32_t n_stages;
} plan;

// Rows that wait for a stage, or for the sink.
typedef struct queue {
    uint8_t *rows;
    uint64_t *index; // NULL where nobody wants it
    size_t n, capacity;
} queue;

typedef struct worker {
    const plan *plan;
    queue *queues; // of stages 1, 2, ...; the last is the output
    bl_filter **filters;
    bl_machine **machines; // of transforms
    bl_plane *planes, *keep;
    uint32_t *numbers; // scratch for indices
} worker;

BL_MUST_USE bl_status worker_create(worker *w, const plan *p);
void worker_destroy(worker *w);

// Passes rows first, first + 1, ... of the stream through the stages, at most slab_rows. Rows that
// do not fill a run wait for the next call, or for worker_drain.
void worker_feed(worker *w, const uint8_t *rows, uint64_t first, size_t n_rows);
void worker_drain(worker *w);

static inline queue *worker_output(worker *w)
{
    return &w->queues[w->plan->n_stages ? w->plan->n_stages - 1 : 0];
}

#endif
