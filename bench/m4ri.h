// SPDX-License-Identifier: MIT
#ifndef BITLOOM_BENCH_M4RI_H
#define BITLOOM_BENCH_M4RI_H

// libm4ri (Albrecht, Bard, Hart), the library of GF(2) linear algebra that Debian has: an anchor
// for transposes. It is loaded while a benchmark runs, where it is installed (libm4ri-dev), and
// nothing is compiled against it.

#include <stdbool.h>

bool m4ri_open(void); // false: not installed

typedef struct m4ri_pair m4ri_pair;              // a random matrix and room for its transpose
m4ri_pair *m4ri_pair_create(int rows, int cols); // NULL: out of memory
void m4ri_pair_destroy(m4ri_pair *pair);
void m4ri_transpose(void *pair); // a bench_run

#endif
