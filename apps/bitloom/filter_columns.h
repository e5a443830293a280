// SPDX-License-Identifier: MIT
#ifndef BITLOOM_APPS_FILTER_COLUMNS_H
#define BITLOOM_APPS_FILTER_COLUMNS_H

// The columns of a table that a predicate names, and the record that their cells become.

#include "filter.h"
#include "batch/table.h"

typedef struct column {
    uint32_t index; // of its cell in the row
    bool is_text, is_declared;
    uint32_t decimals;
    uint64_t scale;                        // 10^decimals
    uint64_t most_positive, most_negative; // magnitudes that fit
    bool has_empty;                        // what an empty cell stands for
    cell_number empty;
    uint32_t first_byte, n_bytes; // in the record; numbers take 8
    const char *name;
} column;

typedef struct columns {
    column *list;
    uint32_t n, capacity;
    bl_record record;
    uint32_t record_bytes;
    bl_buffer names; // texts
} columns;

// The first row of the table, or NULL without a header: then --fields names the columns in order.
// The names of the predicate decide which columns are needed.
BL_MUST_USE bl_status columns_create(columns *c, filter_job *job, const uint8_t *header,
                                     size_t header_bytes, table_format format);

// The predicate over the columns, whose decimals must be known now.
BL_MUST_USE bl_status columns_compile(bl_program **program, columns *c, filter_job *job);
void columns_destroy(columns *c);

#endif
