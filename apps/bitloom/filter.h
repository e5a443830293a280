// SPDX-License-Identifier: MIT
#ifndef BITLOOM_APPS_FILTER_H
#define BITLOOM_APPS_FILTER_H

// The parts of `bitloom filter`: what was asked for, where rows go, and the two readers.

#include "output_file.h"
#include "verbs.h"

#include <bitloom/batch.h>

typedef struct filter_settings {
    const char *fields, *format, *separator, *empty, *out;
    bool only_count, is_inverted, prints_index, has_no_header, has_no_quotes, skips_bad;
    int64_t limit; // 0: none
} filter_settings;

typedef struct filter_job {
    const bl_command *command;
    const filter_settings *settings;
    const char *predicate, *path; // path: what messages call the input
    int fd;
    uint64_t file_bytes; // 0 for a stream
    bool is_regular;
    bl_pool *pool;
    output_file out;
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

// Reads until dst is full or the input ends; *bytes is less than asked for at the end only.
BL_MUST_USE bl_status filter_read(size_t *bytes, filter_job *job, void *dst, size_t capacity);

// The text of --fields: itself, or the file behind an @. To be freed with filter_free_text.
BL_MUST_USE bl_status filter_load_fields(char **text, const char **name, filter_job *job);
void filter_free_text(char *text);

#endif
