// SPDX-License-Identifier: MIT
// Offsets of cells on the avx2 level.
#define LEVEL avx2
#include "../table_scan.h"
