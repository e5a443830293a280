// SPDX-License-Identifier: MIT
#ifndef BITLOOM_BENCH_BATCH_ROWS_H
#define BITLOOM_BENCH_BATCH_ROWS_H

// The filter that is measured: records of 64 bits with the fields a:12 b:12 c:16 d:12 e:12, of
// which
//
//     (a < b && popcount(c) >= 9 && ((d ^ e) & 0x33) == 0x11)
//         || (((a + b) & 0x800) == 0 && (c & 0xFF) == d >> 4)
//
// keeps about 1.45 % if they are random.

#include <bitloom/batch.h>

// Kept records to dst; how many. Without a branch for each record.
size_t filter_rows_scalar(uint64_t *dst, const uint64_t *records, size_t n);

// Eight records at a time, by hand; whole blocks of 8. NULL where there is none for this machine.
typedef size_t filter_rows(uint64_t *dst, const uint64_t *records, size_t n);
filter_rows *filter_rows_by_hand(void);

// The same predicate on planes, about 80 operations for 512 records; per level.
bl_keep_planes *filter_planes(bl_cpu level);

#endif
