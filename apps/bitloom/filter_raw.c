// SPDX-License-Identifier: MIT
// Raw files: records of (bits + 7) / 8 bytes, one behind the other. A regular file is read by all
// threads, each its own part; a stream is read in blocks and pushed.

#include "filter.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

enum { STREAM_BYTES = 4 << 20, PROGRESS_BYTES = 256 << 20 };

// Kept rows, or their numbers as lines, until the limit is reached.
static size_t take_rows(void *context, const void *rows, const uint64_t *index, size_t n)
{
    filter_job *job = context;
    uint64_t left = job->limit - job->n_kept;
    size_t n_taken = n < left ? n : (size_t)left, n_rows = n_taken;
    job->n_kept += n_taken;
    if (!job->settings->prints_index) {
        output_file_put(&job->out, rows, n_rows * (size_t)job->record_bytes);
    } else
        for (size_t i = 0; i < n_rows; i++) {
            char line[24];
            int n_chars = snprintf(line, sizeof line, "%" PRIu64 "\n", index[i]);
            output_file_put(&job->out, line, (size_t)n_chars);
        }
    return job->out.status == BL_OK ? n_taken : 0;
}

static bl_status read_rows(void *context, void *rows, uint64_t first, size_t n)
{
    const filter_job *job = context;
    uint8_t *dst = rows;
    size_t left = n * job->record_bytes;
    uint64_t at = first * job->record_bytes;
    while (left > 0) {
        ssize_t got = pread(job->fd, dst, left, (off_t)at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return BL_ERR_IO;
        dst += got;
        at += (uint64_t)got;
        left -= (size_t)got;
    }
    return BL_OK;
}

static bl_status wrong_size(const filter_job *job, uint64_t bytes)
{
    return bl_diag_set(job->diag, BL_ERR_FORMAT, job->path, 0, 0,
                       "%" PRIu64 " bytes; expected a multiple of %zu, the size of a record", bytes,
                       job->record_bytes);
}

// In steps, so that the progress can be seen.
static bl_status run_file(filter_job *job, bl_chain *chain)
{
    if (job->file_bytes % job->record_bytes)
        return wrong_size(job, job->file_bytes);
    uint64_t n = job->file_bytes / job->record_bytes, step = PROGRESS_BYTES / job->record_bytes;
    bl_status status = BL_OK;
    for (uint64_t end = 0; end < n && status == BL_OK;) {
        end = n - end < step ? n : end + step;
        status = bl_chain_run(chain, read_rows, job, end);
        bl_progress_update(&job->progress, end * job->record_bytes);
    }
    return status == BL_ERR_IO ? bl_diag_set(job->diag, status, job->path, 0, 0,
                                             "reading failed, or the file became shorter")
                               : status;
}

static bl_status run_stream(filter_job *job, bl_chain *chain)
{
    size_t block = STREAM_BYTES / job->record_bytes * job->record_bytes, bytes = block, n_taken = 0;
    uint8_t *buffer = bl_alloc(NULL, block);
    bl_status status = buffer ? BL_OK : BL_ERR_MEMORY;
    while (status == BL_OK && bytes == block) {
        status = filter_read(&bytes, job, buffer, block);
        size_t n = bytes / job->record_bytes;
        if (status == BL_OK)
            status = bl_chain_push(&n_taken, chain, buffer, n);
        if (status == BL_OK && n_taken < n)
            status = BL_ERR_BUSY;
        else if (status == BL_OK && bytes % job->record_bytes)
            status = wrong_size(job, job->bytes_in);
        bl_progress_update(&job->progress, job->bytes_in);
    }
    bl_free(NULL, buffer, block);
    return status == BL_OK ? bl_chain_flush(chain) : status;
}

static bl_status run_chain(filter_job *job, const bl_program *program)
{
    bl_chain *chain;
    bl_chain_params params = {.record_bytes = job->record_bytes,
                              .level = job->command->common.cpu,
                              .has_index = job->settings->prints_index,
                              .pool = job->pool};
    bl_status status = bl_chain_create(&chain, &params);
    if (status != BL_OK)
        return status;
    status = bl_chain_add_program(chain, program);
    bl_chain_set_sink(chain, take_rows, job);
    if (status == BL_OK)
        status = job->is_regular ? run_file(job, chain) : run_stream(job, chain);
    if (status == BL_ERR_BUSY) // the limit, or an output that failed
        status = job->out.status;
    job->n_records = bl_chain_n_read(chain);
    job->bytes_in = job->n_records * job->record_bytes;
    bl_chain_destroy(&chain);
    return status;
}

bl_status filter_raw(filter_job *job)
{
    bl_record record = {0};
    char *text = NULL;
    const char *name = "--fields";
    bl_program *program = NULL;
    if (!job->settings->fields)
        return bl_diag_set(job->diag, BL_ERR_ARGUMENT, NULL, 0, 0,
                           "raw records need their fields: --fields kind:3,price:s20,_:9; a table "
                           "with a header line needs --format csv");
    bl_status status = filter_load_fields(&text, &name, job);
    if (status == BL_OK)
        status = bl_record_parse(&record, text, name, job->diag);
    if (status == BL_OK) {
        job->record_bytes = (record.n_planes + 7) / 8;
        bl_expression_fields fields = {.record = &record};
        status = filter_compile(&program, job, &fields);
    }
    if (status == BL_OK)
        status = run_chain(job, program);
    bl_program_destroy(&program);
    bl_record_clear(&record);
    filter_free_text(text);
    return status;
}
