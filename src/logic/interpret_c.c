// SPDX-License-Identifier: MIT
// The interpreter in portable C: 16-byte vectors, which every compiler knows how to split.
#define LEVEL c
#define VECTOR_BYTES 16
#include "interpret_lanes.h"
