// SPDX-License-Identifier: MIT

#include "naive.h"

#if defined(__AVX512F__)
#define NAME naive_run_avx512
enum { VECTOR_BYTES = 64 };
#elif defined(__AVX2__)
#define NAME naive_run_avx2
enum { VECTOR_BYTES = 32 };
#else
#define NAME naive_run_c
enum { VECTOR_BYTES = 16 };

void naive_one_pattern(uint8_t *values, const bl_graph *g)
{
    for (uint32_t id = 1; id < g->n_nodes; id++) {
        bl_lit a = g->fanin0[id], b = g->fanin1[id];
        if (a < BL_NODE_LATCH)
            values[id] = (values[a >> 1] ^ (a & 1)) & (values[b >> 1] ^ (b & 1));
    }
}
#endif

typedef uint64_t vec __attribute__((vector_size(VECTOR_BYTES), may_alias));
enum { VECTORS = sizeof(bl_plane) / VECTOR_BYTES };

void NAME(bl_plane *planes, const bl_graph *g)
{
    for (uint32_t id = 1; id < g->n_nodes; id++) {
        bl_lit a = g->fanin0[id], b = g->fanin1[id];
        if (a >= BL_NODE_LATCH)
            continue;
        vec flip_a = (vec){0} - (a & 1), flip_b = (vec){0} - (b & 1);
        const vec *x = (const vec *)&planes[a >> 1], *y = (const vec *)&planes[b >> 1];
        for (int v = 0; v < VECTORS; v++)
            ((vec *)&planes[id])[v] = (x[v] ^ flip_a) & (y[v] ^ flip_b);
    }
}
