// SPDX-License-Identifier: MIT
#ifndef BITLOOM_BATCH_TABLE_H
#define BITLOOM_BATCH_TABLE_H

// Tables as text: rows of cells, as in RFC 4180.
//
//     kind,name,price\r\n          a separator or the end of the line ends a cell
//     3,"a, ""quoted"" one",1.50   within quotes they do not, and "" is one quote
//
// A quote may only begin a whole cell, or stand in one that it began. The separator is no quote, digit
// or line end; without quotes every byte between separators is text.

#include <bitloom/batch.h>

typedef struct table_format {
    uint8_t separator;
    bool has_quotes;
} table_format;

// Bytes that may be read, not only addressed, before and behind a text.
enum { TABLE_SLACK = 64 };

// Where the cells and rows of a text end, as offsets of the byte that ends them.
typedef struct table_scan {
    uint32_t *ends;     // of cells; the last cell of row i is ends[row_ends[i]]
    uint32_t *row_ends; // both have room for each byte of the text
    uint64_t *found;    // scratch, 3 words for each 64 bytes
    size_t n_ends, n_rows;
    uint64_t n_lines; // that end, also within quotes
    size_t bad_quote; // the first quote in the middle of a cell, SIZE_MAX for none
} table_scan;

// Scans a text that begins with a row and ends with the end of one; bytes < 2^32.
void table_scan_rows(table_scan *scan, const bl_bits *bits, bl_cpu level, table_format format,
                     const uint8_t *text, size_t bytes);

// The length of all whole rows at the beginning of a text, 0 if there is none. `found` as above.
size_t table_whole_rows(uint64_t *found, const bl_bits *bits, table_format format,
                        const uint8_t *text, size_t bytes);

// ------------------------------------------------------------------------------------ cells

typedef enum cell_status {
    CELL_OK,
    CELL_EMPTY,
    CELL_NOT_A_NUMBER,
    CELL_TOO_PRECISE, // more decimals than the column has
    CELL_OUT_OF_RANGE
} cell_status;

// A number as magnitude and sign, times 10^decimals. Reads up to TABLE_SLACK bytes before the cell.
typedef struct cell_number {
    uint64_t magnitude;
    bool is_negative;
} cell_number;

// Takes "17", "-17", "+17", "17.50" with blanks around it, and quotes around that.
cell_status cell_read_number(cell_number *number, const uint8_t *begin, const uint8_t *end,
                             table_format format, uint32_t decimals);

// The first n bytes of the cell's text, filled up with zeros.
void cell_read_text(uint8_t *dst, size_t n, const uint8_t *begin, const uint8_t *end,
                    table_format format);

#endif
