// SPDX-License-Identifier: MIT
// 512 additions at once: an 8-bit adder as a graph, as a program, on 512 lanes.

#include <bitloom/logic.h>

#include <stdio.h>

int main(void)
{
    bl_graph *graph;
    bl_program *program;
    bl_machine *machine;
    if (bl_graph_create(&graph, NULL) != BL_OK)
        return 1;
    bl_lit a[8], b[8], carry = BL_LIT_FALSE;
    for (int i = 0; i < 8; i++)
        a[i] = bl_graph_input(graph, NULL);
    for (int i = 0; i < 8; i++)
        b[i] = bl_graph_input(graph, NULL);
    for (int i = 0; i < 8; i++) {
        bl_graph_output(graph, bl_graph_xor(graph, bl_graph_xor(graph, a[i], b[i]), carry), NULL);
        carry = bl_graph_maj3(graph, a[i], b[i], carry);
    }
    if (graph->status != BL_OK || bl_program_from_graph(&program, graph, NULL) != BL_OK
        || bl_machine_create(&machine, program, bl_cpu_best(), NULL) != BL_OK)
        return 1;

    uint8_t x[BL_LANES], y[BL_LANES], sum[BL_LANES];
    for (int i = 0; i < BL_LANES; i++) {
        x[i] = (uint8_t)i;
        y[i] = (uint8_t)(i * 7);
    }
    bl_slice(bl_bits_best(), bl_machine_input(machine), x, 1, BL_LANES, 8);
    bl_slice(bl_bits_best(), bl_machine_input(machine) + 8, y, 1, BL_LANES, 8);
    bl_machine_run(machine, 0);
    bl_unslice(bl_bits_best(), sum, 1, bl_machine_output(machine), BL_LANES, 8);

    int n_wrong = 0;
    for (int i = 0; i < BL_LANES; i++)
        n_wrong += sum[i] != (uint8_t)(x[i] + y[i]);
    printf("%u AND gates, 512 sums, %d wrong; lane 100: %u + %u = %u\n", graph->n_ands, n_wrong,
           x[100], y[100], sum[100]);
    bl_machine_destroy(&machine);
    bl_program_destroy(&program);
    bl_graph_destroy(&graph);
    return n_wrong > 0;
}
