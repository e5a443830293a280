// SPDX-License-Identifier: MIT
#define LEVEL c
#define VECTOR_BYTES 16
#include "batch_planes.h"
