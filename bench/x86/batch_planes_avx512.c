// SPDX-License-Identifier: MIT
#define LEVEL avx512
#define VECTOR_BYTES 64
#include "../batch_planes.h"
