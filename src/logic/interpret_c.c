// SPDX-License-Identifier: MIT
// The interpreter in portable C: 8-byte vectors, which are plain 64-bit words.
#define LEVEL c
#define VECTOR_BYTES 8
#include "interpret_lanes.h"
