// SPDX-License-Identifier: MIT
// Formulas over a record.
#include "fuzz.h"

#include <bitloom/logic.h>

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    bl_expression *e = NULL;
    bl_graph *g = NULL;
    bl_record r = {0};
    char *text = bl_alloc(NULL, bytes + 1);
    memcpy(text, data, bytes);
    if (bl_record_add(&r, "a", 8, false) == BL_OK && bl_record_add(&r, "b", 16, true) == BL_OK
        && bl_expression_parse(&e, text, "x", NULL, NULL) == BL_OK) {
        bl_expression_fields fields = {.record = &r};
        if (bl_expression_to_graph(&g, e, &fields, NULL, NULL) == BL_OK)
            bl_graph_destroy(&g);
        bl_expression_destroy(&e);
    }
    bl_record_clear(&r);
    bl_free(NULL, text, bytes + 1);
    return 0;
}
