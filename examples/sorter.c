// SPDX-License-Identifier: MIT
// 512 sorts at once: a sorting network for eight 6-bit numbers, simplified, mapped, as machine
// code.

#include <bitloom/code.h>
#include <bitloom/simplify.h>

#include <stdio.h>

enum { N = 8, BITS = 6 };

// The smaller one comes first.
static void compare(bl_graph *g, bl_lit *x, bl_lit *y)
{
    bl_lit x_is_greater = BL_LIT_FALSE;
    for (int k = 0; k < BITS; k++)
        x_is_greater = bl_graph_mux(g, bl_graph_xor(g, x[k], y[k]), x[k], x_is_greater);
    for (int k = 0; k < BITS; k++) {
        bl_lit low = bl_graph_mux(g, x_is_greater, y[k], x[k]);
        y[k] = bl_graph_mux(g, x_is_greater, x[k], y[k]);
        x[k] = low;
    }
}

int main(void)
{
    bl_graph *g, *small;
    bl_program *p;
    bl_machine *m;
    bl_lit x[N][BITS];
    if (bl_graph_create(&g, NULL) != BL_OK)
        return 1;
    for (int i = 0; i < N * BITS; i++)
        x[i / BITS][i % BITS] = bl_graph_input(g, NULL);
    for (int span = 2; span <= N; span *= 2) // Batcher's odd-even mergesort
        for (int d = span / 2; d > 0; d /= 2)
            for (int i = d == span / 2 ? 0 : d; i + d < N; i++)
                if (i % span / d % 2 == (d == span / 2 ? 0 : 1) && i / span == (i + d) / span)
                    compare(g, x[i], x[i + d]);
    for (int i = 0; i < N * BITS; i++)
        bl_graph_output(g, x[i / BITS][i % BITS], NULL);
    bl_simplify_params how = {.effort = 2};
    bl_machine_params params = {.level = bl_cpu_best()};
    if (bl_graph_simplify(&small, g, &how, NULL, NULL) != BL_OK
        || bl_program_cover_graph(&p, small, NULL) != BL_OK
        || bl_machine_create_as(&m, p, &params, NULL) != BL_OK)
        return 1;

    static uint64_t numbers[BL_LANES], sorted[BL_LANES]; // eight in the low 48 bits of each
    bl_random random;
    bl_random_seed(&random, 1);
    for (int i = 0; i < BL_LANES; i++)
        numbers[i] = bl_random_next(&random) >> 16;
    bl_slice(bl_bits_best(), bl_machine_input(m), (uint8_t *)numbers, 8, BL_LANES, N * BITS);
    bl_machine_run(m, 0);
    bl_unslice(bl_bits_best(), (uint8_t *)sorted, 8, bl_machine_output(m), BL_LANES, N * BITS);

    int n_wrong = 0;
    for (int lane = 0; lane < BL_LANES; lane++)
        for (int i = 0; i + 1 < N; i++)
            n_wrong += (sorted[lane] >> 6 * i & 63) > (sorted[lane] >> 6 * (i + 1) & 63);
    printf("%u ANDs, %u after simplification; lane 0:", g->n_ands, small->n_ands);
    for (int i = 0; i < N; i++)
        printf(" %d", (int)(sorted[0] >> 6 * i & 63));
    printf("; %d out of order\n", n_wrong);
    bl_machine_destroy(&m);
    bl_program_destroy(&p);
    bl_graph_destroy(&small);
    bl_graph_destroy(&g);
    return n_wrong > 0;
}
