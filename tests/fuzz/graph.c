// SPDX-License-Identifier: MIT
// Graphs from files; the first byte chooses the format. What is read can be written and run.
#include "fuzz.h"

#include <bitloom/netlist.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    bl_graph *g = NULL;
    bl_program *p;
    if (bytes < 1)
        return 0;
    const uint8_t *text = data + 1;
    bl_status status = data[0] % 3 == 0 ? bl_graph_read_aiger(&g, text, bytes - 1, "x", NULL, NULL)
                       : data[0] % 3 == 1
                           ? bl_graph_read_blif(&g, text, bytes - 1, "x", NULL, NULL)
                           : bl_graph_read_bench(&g, text, bytes - 1, "x", NULL, NULL);
    if (status == BL_OK && g->n_nodes < 10000) {
        bl_buffer out = {0};
        (void)bl_graph_write_verilog(&out, g, "x");
        bl_buffer_clear(&out);
        if (bl_program_from_graph(&p, g, NULL) == BL_OK)
            bl_program_destroy(&p);
    }
    bl_graph_destroy(&g);
    return 0;
}
