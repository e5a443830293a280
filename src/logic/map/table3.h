// SPDX-License-Identifier: MIT
// Tables of at most three leaves are bytes, and small tables of tables say what happens to them.

#include <stdint.h>

enum { LEAVES = 3, VARIABLE_0 = 0xAA };
typedef uint8_t table_t;

// Bit k of the mask: the k-th leaf of the union is one of the cut. Row r of the union is the row of
// the cut that has the masked bits of r: for mask 5, bits 2 and 0 of r.
static inline uint8_t stretch(uint8_t table, unsigned mask)
{
#define ROW(r, m)                                                                                  \
    ((m & 1 ? (r & 1) : 0) | (m & 2 ? (r >> 1 & 1) << (m & 1) : 0)                                 \
     | (m & 4 ? (r >> 2 & 1) << ((m & 1) + (m >> 1 & 1)) : 0))
#define ROWS(m)                                                                                    \
    {                                                                                              \
        ROW(0, m), ROW(1, m), ROW(2, m), ROW(3, m), ROW(4, m), ROW(5, m), ROW(6, m), ROW(7, m)     \
    }
    static const uint8_t rows[8][8] = {ROWS(0), ROWS(1), ROWS(2), ROWS(3),
                                       ROWS(4), ROWS(5), ROWS(6), ROWS(7)};
#undef ROWS
#undef ROW
    if ((mask & (mask + 1)) == 0) // the lowest ones: rows repeat already
        return table;
    unsigned stretched = 0;
    for (unsigned r = 0; r < 8; r++)
        stretched |= (unsigned)(table >> rows[mask][r] & 1) << r;
    return (uint8_t)stretched;
}

// Bit k: leaf k matters.
static inline unsigned support(uint8_t table)
{
    return ((table ^ table >> 1) & 0x55 ? 1u : 0) | ((table ^ table >> 2) & 0x33 ? 2u : 0)
           | ((table ^ table >> 4) & 0x0F ? 4u : 0);
}

// The table over the leaves of `needed` alone.
static inline uint8_t squeeze(uint8_t table, unsigned needed)
{
    unsigned squeezed = 0;
    for (unsigned r = 0; r < 8; r++) {
        unsigned row = 0, n = 0;
        for (unsigned k = 0; k < 3; k++)
            if (needed >> k & 1)
                row |= (r >> n++ & 1) << k;
        squeezed |= (unsigned)(table >> row & 1) << r;
    }
    return (uint8_t)squeezed;
}
