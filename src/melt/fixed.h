// SPDX-License-Identifier: MIT
#ifndef BITLOOM_MELT_FIXED_H
#define BITLOOM_MELT_FIXED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// 2^30 * 2^-(x / 2^24), rounded.
uint64_t fixed_exp2_negative(uint64_t x);

// 2^24 * log2(x), rounded down, x > 0.
uint32_t fixed_log2(uint64_t x);

// 2^x for x <= 1000 and log2(x) for normal x > 0; error below 1e-14, the same on every machine.
double exact_exp2(double x);
double exact_log2(double x);
// The same numbers for all of x[], written so that compilers use vectors.
void exact_exp2_all(double *x, size_t n);
void exact_log2_all(double *x, size_t n);

#endif
