// SPDX-License-Identifier: MIT
#define LEVEL avx2
#define VECTOR_BYTES 32
#include "../batch_planes.h"
