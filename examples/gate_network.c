// SPDX-License-Identifier: MIT
// A network of learned gates, given as arrays of indices and kinds: does a 4 x 4 picture hold more
// pixels in its left half or in its right one? Here the gates were chosen by hand.

#include <bitloom/code.h>

#include <stdio.h>

enum { WIDTH = 4, PIXELS = WIDTH * WIDTH, FIRST_OPERAND = 3 };

int main(void)
{
    // each layer: gate i computes kind[i] of signals a[i] and b[i]; the last one votes
    static uint32_t a[PIXELS], b[PIXELS];
    static uint8_t kind[PIXELS];
    for (uint32_t i = 0; i < PIXELS; i++) { // columns 0 and 1 first, then 2 and 3
        a[i] = b[i] = i % 8 / 2 * WIDTH + i % 2 + i / 8 * 2;
        kind[i] = FIRST_OPERAND;
    }
    bl_gate_layer layer = {.a = a, .b = b, .kind = kind, .n = PIXELS};
    bl_graph *g;
    bl_program *p;
    bl_machine *m;
    bl_diag diag = {0};
    if (bl_graph_from_gate_layers(&g, PIXELS, &layer, 1, 2, NULL, &diag) != BL_OK) {
        fprintf(stderr, "%s\n", diag.message);
        return 1;
    }
    bl_machine_params params = {.level = bl_cpu_best()};
    if (bl_program_cover_graph(&p, g, NULL) != BL_OK
        || bl_machine_create_as(&m, p, &params, NULL) != BL_OK)
        return 1;

    uint16_t pictures[BL_LANES]; // bit y * 4 + x is a pixel
    bl_random random;
    bl_random_seed(&random, 1);
    for (int i = 0; i < BL_LANES; i++)
        pictures[i] = (uint16_t)bl_random_next(&random);
    bl_slice(bl_bits_best(), bl_machine_input(m), (uint8_t *)pictures, 2, BL_LANES, PIXELS);
    bl_machine_run(m, 0);
    uint8_t scores[BL_LANES]; // two numbers of four bits
    bl_unslice(bl_bits_best(), scores, 1, bl_machine_output(m), BL_LANES, 8);

    int n_wrong = 0;
    for (int i = 0; i < BL_LANES; i++) {
        int left = __builtin_popcount(pictures[i] & 0x3333);
        int right = __builtin_popcount(pictures[i] & 0xCCCC);
        n_wrong += scores[i] != (left | right << 4);
    }
    printf("%u ANDs; picture 0: %d pixels left, %d right; %d of 512 wrong\n", g->n_ands,
           scores[0] & 15, scores[0] >> 4, n_wrong);
    bl_machine_destroy(&m);
    bl_program_destroy(&p);
    bl_graph_destroy(&g);
    return n_wrong > 0;
}
