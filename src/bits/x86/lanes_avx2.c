// SPDX-License-Identifier: MIT
// AVX2: vectors of 32 bytes, twice the 16 of the portable level.

#define LEVEL avx2
#define VECTOR_BYTES 32
#include "../lanes.h"
