// SPDX-License-Identifier: MIT
#ifndef BITLOOM_APPS_FILTER_H
#define BITLOOM_APPS_FILTER_H

// The parts of `bitloom filter`: what was asked for, where rows go, and the two readers.

#include "verbs.h"

#include <bitloom/batch.h>

typedef struct filter_settings {
    const char *fields, *format, *separator, *empty, *out;
    bool only_count, is_inverted, prints_index, has_no_header, has_no_quotes, skips_bad;
    int64_t limit; // 0: none
} filter_settings;

// Rows on their way out: a buffer before a file, or nothing but a count.
typedef struct filter_output {
    int fd;           // -1: rows are only counted
    const char *path; // NULL: standard output
    char temporary[4096];
    uint8_t *buffer;
    size_t n_buffered;
    uint64_t n_bytes;
    bl_status status; // failures stick
    bl_diag *diag;
} filter_output;

typedef struct filter_job {
    const bl_command *command;
    const filter_settings *settings;
    const char *predicate, *path; // path: what messages call the input
    int fd;
    uint64_t file_bytes; // 0 for a stream
    bool is_regular;
    bl_pool *pool;
    filter_output out;
    bl_progress progress;
    uint64_t limit;      // most rows that are kept
    size_t record_bytes; // of raw records
    // statistics
    uint64_t n_records, n_kept, n_skipped, bytes_in, n_operations;
    bl_diag *diag;
} filter_job;

BL_MUST_USE bl_status filter_raw(filter_job *job);
BL_MUST_USE bl_status filter_csv(filter_job *job, bool has_tabs);

// The predicate as a program over the record; --invert is in it. names: see bl_expression_fields.
BL_MUST_USE bl_status filter_compile(bl_program **program, filter_job *job,
                                     const bl_expression_fields *fields);

BL_MUST_USE bl_status filter_output_open(filter_output *out, const char *path, bool only_count,
                                         bl_diag *diag);
void filter_output_put(filter_output *out, const void *data, size_t bytes);
// Writes the rest; the file gets its name only now, if `status` says that all went well.
BL_MUST_USE bl_status filter_output_close(filter_output *out, bl_status status);

// Reads until dst is full or the input ends; *bytes is less than asked for at the end only.
BL_MUST_USE bl_status filter_read(size_t *bytes, filter_job *job, void *dst, size_t capacity);

// The text of --fields: itself, or the file behind an @. To be freed with filter_free_text.
BL_MUST_USE bl_status filter_load_fields(char **text, const char **name, filter_job *job);
void filter_free_text(char *text);

#endif
