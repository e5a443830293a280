// SPDX-License-Identifier: MIT
// Windows with cuts of at most three leaves.

#include "logic/map/table3.h"

#define window_map window_map3
#include "logic/map/window_cuts.h"
