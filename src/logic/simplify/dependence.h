// SPDX-License-Identifier: MIT
#ifndef BITLOOM_LOGIC_SIMPLIFY_DEPENDENCE_H
#define BITLOOM_LOGIC_SIMPLIFY_DEPENDENCE_H

// Which few divisors decide the root of a window?

#include "window.h"

enum { MAX_SUPPORT = 5, MAX_PAIRS = 160 };

// Divisors and what the root is on each of their cells: bit r is about the row in which bit i of r
// is divisor[i]. Cells in neither set do not matter.
typedef struct support {
    uint32_t divisor[MAX_SUPPORT], n;
    uint32_t on, off;
} support;

typedef struct dependence {
    const window *w;
    uint64_t pair[MAX_PAIRS]; // divisors that tell one row of `on` from one of `off`
    uint8_t size[MAX_PAIRS];  // how many divisors do, rising
    uint32_t n_pairs;
    uint32_t first;   // the divisor that is tried first, then those after it, then the others
    uint32_t limit;   // of their number
    uint32_t n_steps; // left
    bool (*accept)(void *context, const support *s); // true ends the search
    void *context;
} dependence;

void dependence_begin(dependence *d, const window *w, uint32_t first);

// Offers supports of at most `limit` allowed divisors, until one is accepted (true), all have been
// seen or the steps are used up. Pairs that were learned serve later searches in the window.
bool dependence_search(dependence *d, uint64_t allowed, uint32_t limit, uint32_t n_steps,
                       bool (*accept)(void *context, const support *s), void *context);

#endif
