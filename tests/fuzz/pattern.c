// SPDX-License-Identifier: MIT
// Regular expressions, and what a text makes of those that are accepted.
#include "fuzz.h"

#include <bitloom/pattern.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    bl_pattern *p = NULL;
    size_t half = bytes / 2;
    uint32_t state = BL_PATTERN_START;
    if (bl_pattern_parse(&p, (const char *)data, half, "x", NULL, NULL) == BL_OK)
        for (size_t i = half; i < bytes; i++)
            state = bl_pattern_next(p, state, data[i]);
    bl_pattern_destroy(&p);
    return 0;
}
