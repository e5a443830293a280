// SPDX-License-Identifier: MIT
// Turns words of found bytes into offsets; compiled once for each level, whose instructions for
// counting and finding bits are what matters. The including file defines LEVEL.
//
// Quoting is a running exclusive or: inside = the number of quotes so far is odd. A quote that
// opens must stand behind a separator, a line end or another quote; then the toggling agrees with
// RFC 4180.
//
//     text    a , " b , c " , d        quotes    0 0 1 0 0 0 1 0 0
//     inside  0 0 1 1 1 1 0 0 0        an opening quote belongs to the inside, a closing one does not
//
// Offsets are written eight at a time whether there are as many or not, since a loop of unknown
// length costs a wrong guess for each word (Langdale and Lemire, "Parsing gigabytes of JSON per
// second", 2019); the arrays have room for that.

#include "table.h"
#include "table_private.h"

#define PASTE_(a, b) a##b
#define PASTE(a, b) PASTE_(a, b)

static uint32_t *put_offsets(uint32_t *dst, uint64_t bits, uint32_t base)
{
    uint32_t n = (uint32_t)__builtin_popcountll(bits);
    for (uint32_t done = 0; done < n; done += 8)
        for (uint32_t i = 0; i < 8; i++) {
            dst[done + i] = base + (uint32_t)__builtin_ctzll(bits | UINT64_C(1) << 63);
            bits &= bits - 1;
        }
    return dst + n;
}

void PASTE(table_scan_, LEVEL)(table_scan *scan, table_format format, size_t bytes)
{
    const uint64_t *found = scan->found;
    uint64_t carry = 0, before = 1; // all ones within quotes; whether a cell begins here
    uint32_t *end = scan->ends;
    uint32_t *row_end = scan->row_ends;
    scan->n_lines = 0;
    scan->bad_quote = SIZE_MAX;
    size_t n_wanted = format.has_quotes ? 3 : 2;
    for (size_t at = 0; at < bytes; at += 64, found += n_wanted) {
        uint64_t separators = found[0], lines = found[1];
        scan->n_lines += (uint64_t)__builtin_popcountll(lines);
        if (format.has_quotes) {
            uint64_t quotes = found[2], inside = table_prefix_xor(quotes) ^ carry;
            uint64_t borders = separators | lines | quotes;
            uint64_t bad = quotes & inside & ~(borders << 1 | before);
            if (bad && scan->bad_quote == SIZE_MAX)
                scan->bad_quote = at + (size_t)__builtin_ctzll(bad);
            before = borders >> 63;
            separators &= ~inside;
            lines &= ~inside;
            carry = -(inside >> 63);
        }
        uint64_t ends = separators | lines;
        uint32_t n_before = (uint32_t)(end - scan->ends);
        end = put_offsets(end, ends, (uint32_t)at);
        for (; lines; lines &= lines - 1)
            *row_end++ = n_before + (uint32_t)__builtin_popcountll(ends & ((lines & -lines) - 1));
    }
    scan->n_ends = (size_t)(end - scan->ends);
    scan->n_rows = (size_t)(row_end - scan->row_ends);
}
