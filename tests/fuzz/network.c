// SPDX-License-Identifier: MIT
// Networks and models from files: .safetensors of both kinds, .loom.
#include "fuzz.h"

#include <bitloom/gated.h>
#include <bitloom/melt.h>

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    bl_muxrnn *n = NULL;
    bl_gated *g = NULL;
    bl_model *m = NULL;
    uint8_t *copy = bl_alloc(NULL, bytes + 1); // aligned
    memcpy(copy, data, bytes);
    if (bl_muxrnn_read(&n, copy, bytes, "x", NULL, NULL) == BL_OK)
        bl_muxrnn_destroy(&n);
    if (bl_gated_read(&g, copy, bytes, "x", NULL, NULL, NULL, NULL) == BL_OK)
        bl_gated_destroy(&g);
    if (bl_model_open(&m, copy, bytes, "x", NULL, NULL) == BL_OK)
        bl_model_destroy(&m);
    bl_free(NULL, copy, bytes + 1);
    return 0;
}
