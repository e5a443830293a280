// SPDX-License-Identifier: MIT
#ifndef BITLOOM_BATCH_TABLE_H
#define BITLOOM_BATCH_TABLE_H

// Tables as text: rows of cells, as in RFC 4180.
//
//     kind,name,price\r\n          a separator or the end of the line ends a cell
//     3,"a, ""quoted"" one",1.50   within quotes they do not, and "" is one quote
//
// A quote may only begin a whole cell, or stand in one that it began. The separator is no quote,
// digit or line end; without quotes every byte between separators is text.

#include <bitloom/batch.h>

#include <string.h>

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

// A run of 1 to 8 digits that ends before `end`; reads the eight bytes before it. False if there is
// anything but digits.
//
// Eight digits are one word. With the first digit in the lowest byte, three multiplications add
// neighbours: 2561 = 10 * 256 + 1 makes two digits of each pair of bytes (10 a + b, in the upper
// one), then 100 * 65536 + 1 four, and 10000 * 2^32 + 1 eight. A shorter number is the end of such
// a word; the bytes before it are replaced by zeros.
static inline bool cell_read_word(uint64_t *value, const uint8_t *end, size_t n)
{
    const uint64_t zeros = UINT64_C(0x3030303030303030);
    uint64_t w, kept = UINT64_MAX << (64 - 8 * n);
    memcpy(&w, end - 8, sizeof w);
    w = (w & kept) | (zeros & ~kept);
    // a digit is 0x30..0x39: adding 0x46 must not reach 0x80, nor subtracting 0x30 go below 0
    uint64_t bad =
        ((w + UINT64_C(0x4646464646464646)) | (w - zeros) | w) & UINT64_C(0x8080808080808080);
    w = (w - zeros) * 2561 >> 8;
    w = (w & UINT64_C(0x00FF00FF00FF00FF)) * 6553601 >> 16;
    *value = (w & UINT64_C(0x0000FFFF0000FFFF)) * UINT64_C(42949672960001) >> 32;
    return bad == 0;
}

// The usual number, n digits or n digits and a point and `decimals` more, all at once; false for
// all others, which cell_read_number reads. `scale` is 10^decimals.
static inline bool cell_read_usual(uint64_t *value, const uint8_t *begin, const uint8_t *end,
                                   uint32_t decimals, uint64_t scale)
{
    size_t n = (size_t)(end - begin);
    uint64_t fraction = 0;
    bool is_usual = true;
    if (decimals > 0) {
        if (decimals > 8 || n < decimals + 2 || *(end - decimals - 1) != '.')
            return false;
        is_usual = cell_read_word(&fraction, end, decimals);
        end -= decimals + 1;
        n -= decimals + 1;
    }
    if (n - 1 > 7 || !cell_read_word(value, end, n))
        return false;
    *value = *value * scale + fraction;
    return is_usual;
}

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
