// SPDX-License-Identifier: MIT
// 512 hash rounds at once: ChaCha's quarter round as logic. Rotations are wires and cost nothing.

#include <bitloom/code.h>

#include <stdio.h>
#include <string.h>

enum { BITS = 32 };

static void add(bl_graph *g, bl_lit *x, const bl_lit *y)
{
    bl_lit carry = BL_LIT_FALSE;
    for (int i = 0; i < BITS; i++) {
        bl_lit differ = bl_graph_xor(g, x[i], y[i]), both = bl_graph_and(g, x[i], y[i]);
        x[i] = bl_graph_xor(g, differ, carry);
        carry = bl_graph_or(g, both, bl_graph_and(g, differ, carry));
    }
}

static void xor_and_rotate(bl_graph *g, bl_lit *x, const bl_lit *y, int n)
{
    bl_lit old[BITS];
    memcpy(old, x, sizeof old);
    for (int i = 0; i < BITS; i++)
        x[(i + n) % BITS] = bl_graph_xor(g, old[i], y[i]);
}

static void quarter_round(bl_graph *g, bl_lit *a, bl_lit *b, bl_lit *c, bl_lit *d)
{
    add(g, a, b), xor_and_rotate(g, d, a, 16);
    add(g, c, d), xor_and_rotate(g, b, c, 12);
    add(g, a, b), xor_and_rotate(g, d, a, 8);
    add(g, c, d), xor_and_rotate(g, b, c, 7);
}

int main(void)
{
    bl_graph *g;
    bl_program *p;
    bl_machine *m;
    bl_lit x[4][BITS];
    if (bl_graph_create(&g, NULL) != BL_OK)
        return 1;
    for (int i = 0; i < 4 * BITS; i++)
        x[i / BITS][i % BITS] = bl_graph_input(g, NULL);
    quarter_round(g, x[0], x[1], x[2], x[3]);
    for (int i = 0; i < 4 * BITS; i++)
        bl_graph_output(g, x[i / BITS][i % BITS], NULL);
    bl_machine_params params = {.level = bl_cpu_best()};
    if (g->status != BL_OK || bl_program_cover_graph(&p, g, NULL) != BL_OK
        || bl_machine_create_as(&m, p, &params, NULL) != BL_OK)
        return 1;

    // the test vector of RFC 8439, section 2.1.1, in every lane
    static uint32_t state[BL_LANES][4];
    for (int i = 0; i < BL_LANES; i++)
        memcpy(state[i], (uint32_t[4]){0x11111111, 0x01020304, 0x9b8d6f43, 0x01234567}, 16);
    bl_slice(bl_bits_best(), bl_machine_input(m), (uint8_t *)state, 16, BL_LANES, 128);
    bl_machine_run(m, 0);
    bl_unslice(bl_bits_best(), (uint8_t *)state, 16, bl_machine_output(m), BL_LANES, 128);

    const uint32_t expected[4] = {0xea2a92f4, 0xcb1cf8ce, 0x4581472e, 0x5881c4bb};
    int n_wrong = 0;
    for (int i = 0; i < BL_LANES; i++)
        n_wrong += memcmp(state[i], expected, sizeof expected) != 0;
    bl_program_info info;
    bl_program_get_info(&info, p);
    printf("%u ANDs, %llu LUT3s, 512 quarter rounds, %d wrong; lane 0: %08x %08x %08x %08x\n",
           g->n_ands, (unsigned long long)info.n_lut3, n_wrong, state[0][0], state[0][1],
           state[0][2], state[0][3]);
    bl_machine_destroy(&m);
    bl_program_destroy(&p);
    bl_graph_destroy(&g);
    return n_wrong > 0;
}
