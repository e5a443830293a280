// SPDX-License-Identifier: MIT
#ifndef BITLOOM_BITS_MATCH_H
#define BITLOOM_BITS_MATCH_H

#include <bitloom/bits.h>

// n_blocks whole blocks of 64 bytes; found[n_wanted * b + k] is the word of wanted[k] in block b.
typedef void match_kernel(uint64_t *found, const uint8_t *text, size_t n_blocks,
                          const uint8_t *wanted, size_t n_wanted);

match_kernel bits_match_c, bits_match_avx2, bits_match_avx512;

#endif
