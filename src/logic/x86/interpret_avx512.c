// SPDX-License-Identifier: MIT
// The interpreter on the avx512 level: 64-byte vectors.
#define LEVEL avx512
#define VECTOR_BYTES 64
#include "../interpret_lanes.h"
