// SPDX-License-Identifier: MIT
// Offsets of cells on the avx512 level.
#define LEVEL avx512
#include "../table_scan.h"
