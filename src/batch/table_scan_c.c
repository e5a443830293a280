// SPDX-License-Identifier: MIT
// Offsets of cells in portable C.
#define LEVEL c
#include "table_scan.h"
