// SPDX-License-Identifier: MIT
#ifndef BITLOOM_BATCH_H
#define BITLOOM_BATCH_H

// Streams of records: choose some, change some, keep lanes busy.
//
//     rows      r0 r1 r2 ... r511 | r512 ...         a chunk is 512 rows, one lane each
//       | slice only the bytes that the stage reads
//     planes    b0 b1 b2 ...
//       | a predicate in C on planes, or a program
//     keep      1 0 0 1 ...  one plane a chunk
//       | the rows themselves move, planes never do
//     rows      r0 r3 ...    and when 512 of them are there, the next stage
//
//     bl_chain *chain;                                  // keep records with a certain bit pattern
//     bl_chain_create(&chain, &(bl_chain_params){.record_bytes = 8, .level = bl_cpu_best()});
//     bl_chain_add_program(chain, predicate);           // of bl_expression_to_graph, for example
//     bl_chain_set_sink(chain, take_rows, file);
//     bl_chain_push(&n_taken, chain, records, n);       // again and again
//     bl_chain_flush(chain);
//
// Order is kept everywhere. What comes out depends on the records and the stages alone, not on
// threads, levels, or how the stream is cut into pushes.

#include <bitloom/base.h>
#include <bitloom/bits.h>
#include <bitloom/logic.h>

BL_BEGIN_DECLS

enum { BL_BATCH_RECORD_BYTES = 4096 }; // the most a record may have

// --------------------------------------------------------------------- one predicate, a run of
// rows

// A program as a predicate on rows: input plane k is bit k of the record, output plane 0 says
// whether the record is kept. Slices only the bytes that the program reads. One thread at a time.
typedef struct bl_filter bl_filter;

// The program has at most 8 * record_bytes inputs and no state, and must outlive the filter.
// BL_ERR_ARGUMENT otherwise, BL_ERR_MEMORY.
BL_API BL_MUST_USE bl_status bl_filter_create(bl_filter **filter, const bl_program *program,
                                              size_t record_bytes, bl_cpu level,
                                              const bl_allocator *allocator);
BL_API void bl_filter_destroy(bl_filter **filter);

// Writes (n_records + 511) / 512 planes; bits behind the last record are undefined, as bl_compact
// and its like allow. Records lie record_bytes apart, at any address.
BL_API void bl_filter_run(bl_filter *filter, bl_plane *keep, const void *records, size_t n_records);

// ----------------------------------------------------------------------------------- chains

// Planes of a run of chunks, for stages written in C: plane k of chunk c is planes[c * n_planes +
// k], n_planes = 8 * record_bytes, and holds bit k of the records. Only planes that the stage said
// it reads are defined. Lanes are independent: what happens to a record must not depend on its
// neighbours, and lanes behind the last record hold anything. `context` is shared by all threads.
typedef void bl_keep_planes(void *context, bl_plane *keep, const bl_plane *planes, size_t n_chunks);
typedef void bl_change_planes(void *context, bl_plane *planes, size_t n_chunks);

// Takes rows in order; index[i] is the number of row i in the stream, NULL if nobody asked for it.
// Returns how many it took. Fewer than n means that it is full: the chain keeps the rest, takes no
// more records, and offers the rest again at the next call. Called from any thread, one at a time.
typedef size_t bl_take_rows(void *context, const void *rows, const uint64_t *index, size_t n);

// A run of planes, from bit `first` of the record on.
typedef struct bl_plane_range {
    uint32_t first, n;
} bl_plane_range;

typedef struct bl_chain_params {
    size_t record_bytes; // 1 .. BL_BATCH_RECORD_BYTES
    bl_cpu level;        // must be supported
    bool has_index;      // the sink wants the numbers of the rows
    size_t slab_bytes;   // that one thread works on at a time; 0: 1 MiB
    bl_pool *pool;       // NULL: the caller alone
    const bl_allocator *allocator;
} bl_chain_params;

typedef struct bl_chain bl_chain;

BL_API BL_MUST_USE bl_status bl_chain_create(bl_chain **chain, const bl_chain_params *params);
BL_API void bl_chain_destroy(bl_chain **chain);

// Stages work in the order in which they were added, before the first record. BL_ERR_ARGUMENT for
// ranges outside the record, for programs with state, with more inputs than the record has bits, or
// (as a transform) with more outputs; BL_ERR_MEMORY.
//
// A predicate keeps records or drops them.
BL_API BL_MUST_USE bl_status bl_chain_add_predicate(bl_chain *chain, bl_keep_planes *keep,
                                                    void *context, const bl_plane_range *reads,
                                                    size_t n_reads);
BL_API BL_MUST_USE bl_status bl_chain_add_program(bl_chain *chain, const bl_program *program);
// A transform changes bits; only planes of `ranges` are defined, and what it leaves in them is
// written back. Output plane k of a program becomes bit k of the record, its further bits stay.
BL_API BL_MUST_USE bl_status bl_chain_add_transform(bl_chain *chain, bl_change_planes *change,
                                                    void *context, const bl_plane_range *ranges,
                                                    size_t n_ranges);
BL_API BL_MUST_USE bl_status bl_chain_add_transform_program(bl_chain *chain,
                                                            const bl_program *program);
BL_API void bl_chain_set_sink(bl_chain *chain, bl_take_rows *sink, void *context);

// Feeds records. *n_taken < n_records means that the sink is full: offer the others later.
// Allocates at the first call only (BL_ERR_MEMORY). Many records per call are cheapest; they are
// worked on where they lie.
BL_API BL_MUST_USE bl_status bl_chain_push(size_t *n_taken, bl_chain *chain, const void *records,
                                           size_t n_records);

// Delivers everything that is under way; the stream may go on afterwards. BL_ERR_BUSY: the sink is
// full, call again.
BL_API BL_MUST_USE bl_status bl_chain_flush(bl_chain *chain);

// A source that can be read at any place by any thread, a file for example: reads n records from
// number `first` on, all of them; BL_ERR_IO and the like end the run.
typedef bl_status bl_read_rows(void *context, void *rows, uint64_t first, size_t n);

// Pushes records [next, n_records) of a source, each thread reading its own, and flushes. The chain
// counts the records it has seen, so after BL_ERR_BUSY (the sink is full) the same call goes on
// where it stopped. Rows before an error of `read` are delivered; the chain is of no use
// afterwards. Not while pushed records are under way: flush first.
BL_API BL_MUST_USE bl_status bl_chain_run(bl_chain *chain, bl_read_rows *read, void *context,
                                          uint64_t n_records);

// Records that came in, and rows that the sink took.
BL_API uint64_t bl_chain_n_read(const bl_chain *chain);
BL_API uint64_t bl_chain_n_delivered(const bl_chain *chain);

// ----------------------------------------------------------------------------------- refill

// Machines that run for a different number of steps in each lane: a lane that is done gives its
// record back, with its bits as the machine left them, and gets the next one, so that all 512 lanes
// stay busy. The program's state planes are the bits of the record, its output plane 0 says "done".
typedef struct bl_refill bl_refill;

typedef struct bl_refill_params {
    const bl_program *program; // at most 8 * record_bytes state planes, at least one output
    size_t record_bytes;       // 1 .. BL_BATCH_RECORD_BYTES
    bl_cpu level;
    uint64_t max_steps; // a record that is not done by then is given back as it is; 0: 2^32 - 1
    bl_pool *pool;
    const bl_allocator *allocator;
} bl_refill_params;

BL_API BL_MUST_USE bl_status bl_refill_create(bl_refill **refill, const bl_refill_params *params);
BL_API void bl_refill_destroy(bl_refill **refill);

// Runs entry 0 on every record until it is done, at least once: results[i] is what became of
// records[i], and steps[i] (NULL: not wanted) after how many steps, 0 if it was never done. Bits of
// the record beyond the state stay. records and results may be the same.
BL_API void bl_refill_run(bl_refill *refill, void *results, uint32_t *steps, const void *records,
                          size_t n_records);

BL_END_DECLS
#endif
