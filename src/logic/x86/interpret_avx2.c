// SPDX-License-Identifier: MIT
// The interpreter on the avx2 level: 32-byte vectors.
#define LEVEL avx2
#define VECTOR_BYTES 32
#include "../interpret_lanes.h"
