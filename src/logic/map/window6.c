// SPDX-License-Identifier: MIT
// Windows with cuts of at most six leaves: tables are words, and leaves change places by exchanging
// blocks of rows.

#include "logic/table.h"

#include <stdint.h>

enum { LEAVES = 6 };
#define VARIABLE_0 UINT64_C(0xAAAAAAAAAAAAAAAA)
typedef uint64_t table_t;
#define window_map window_map6

// Leaves i < k change places: rows with bit i but not bit k, and the other way round.
static inline uint64_t exchange(uint64_t table, unsigned i, unsigned k)
{
    uint64_t up = table & input_words[i] & ~input_words[k], down = table & ~input_words[i] & input_words[k];
    unsigned shift = (1u << k) - (1u << i);
    return (table & ~(input_words[i] ^ input_words[k])) | up << shift | down >> shift;
}

// Leaf i goes to the place of the i-th bit of the mask, from the last one on.
static inline uint64_t stretch(uint64_t table, unsigned mask)
{
    unsigned n = (unsigned)__builtin_popcount(mask);
    for (unsigned k = 6; k-- > 0 && n > 0;)
        if (mask >> k & 1 && --n != k)
            table = exchange(table, n, k);
    return table;
}

static inline unsigned support(uint64_t table)
{
    unsigned needed = 0;
    for (unsigned k = 0; k < 6; k++)
        if ((table ^ table >> (1u << k)) & ~input_words[k])
            needed |= 1u << k;
    return needed;
}

static inline uint64_t squeeze(uint64_t table, unsigned needed)
{
    unsigned n = 0;
    for (unsigned k = 0; k < 6; k++)
        if (needed >> k & 1) {
            if (n != k)
                table = exchange(table, n, k);
            n++;
        }
    return table;
}

#include "logic/map/window_cuts.h"
