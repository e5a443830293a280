// SPDX-License-Identifier: MIT
#ifndef BITLOOM_TESTS_FUZZ_H
#define BITLOOM_TESTS_FUZZ_H

// Targets for libFuzzer (`make fuzz`): each reads what a stranger may send and must neither crash
// nor break a rule of C. Those that need a model melt $BITLOOM_TINY once.

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

#endif
