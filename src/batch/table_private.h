// SPDX-License-Identifier: MIT
#ifndef BITLOOM_BATCH_TABLE_PRIVATE_H
#define BITLOOM_BATCH_TABLE_PRIVATE_H

#include "table.h"

// Bit i of the result is the exclusive or of bits 0..i.
static inline uint64_t table_prefix_xor(uint64_t x)
{
    for (int k = 1; k < 64; k *= 2)
        x ^= x << k;
    return x;
}

// scan->found is filled in: 2 words for each 64 bytes, separators and line ends, or 3 with quotes.
typedef void table_scan_kernel(table_scan *scan, table_format format, size_t bytes);
table_scan_kernel table_scan_c, table_scan_avx2, table_scan_avx512;

#endif
