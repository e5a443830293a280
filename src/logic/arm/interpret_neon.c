// SPDX-License-Identifier: MIT
// The interpreter on the neon level: 16-byte vectors.
#define LEVEL neon
#define VECTOR_BYTES 16
#include "../interpret_lanes.h"
