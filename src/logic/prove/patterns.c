// SPDX-License-Identifier: MIT
// Patterns for all nodes of a graph, plain loops over words that compilers make vectors of. The
// interpreter of programs is faster but keeps only planes that are still read; here all count.

#include "patterns.h"

#include <string.h>

enum { WORDS = BL_LANES / 64 };

// Three fair bits make a number 0..7 in each lane; the lane is true where that is below eighths.
void random_plane(bl_plane *plane, bl_random *random, unsigned eighths)
{
    for (size_t i = 0; i < WORDS; i++) {
        if (eighths == 4) {
            plane->word[i] = bl_random_next(random);
            continue;
        }
        uint64_t below = 0;
        for (unsigned bit = 0; bit < 3; bit++) { // from the lowest: the higher bit decides
            uint64_t fair = bl_random_next(random);
            below = eighths >> bit & 1 ? below | ~fair : below & ~fair;
        }
        plane->word[i] = below;
    }
}

static uint64_t mask_of(bl_lit l) { return bl_lit_is_complemented(l) ? ~UINT64_C(0) : 0; }

void simulate_planes(bl_plane *planes, const bl_graph *g, uint32_t first)
{
    memset(&planes[0], 0, sizeof *planes);
    for (uint32_t id = first > 0 ? first : 1; id < g->n_nodes; id++) {
        if (g->fanin0[id] >= BL_NODE_LATCH)
            continue;
        const uint64_t *a = planes[bl_lit_node(g->fanin0[id])].word,
                       flip_a = mask_of(g->fanin0[id]);
        const uint64_t *b = planes[bl_lit_node(g->fanin1[id])].word,
                       flip_b = mask_of(g->fanin1[id]);
        for (size_t i = 0; i < WORDS; i++)
            planes[id].word[i] = (a[i] ^ flip_a) & (b[i] ^ flip_b);
    }
}

bl_plane plane_of(const bl_plane *planes, bl_lit l)
{
    bl_plane result = planes[bl_lit_node(l)];
    for (size_t i = 0; i < WORDS; i++)
        result.word[i] ^= mask_of(l);
    return result;
}

size_t first_difference(const bl_plane *planes, bl_lit a, bl_lit b)
{
    uint64_t flip = mask_of(a ^ b);
    for (size_t i = 0; i < WORDS; i++) {
        uint64_t d = planes[bl_lit_node(a)].word[i] ^ planes[bl_lit_node(b)].word[i] ^ flip;
        if (d != 0)
            return 64 * i + (size_t)__builtin_ctzll(d);
    }
    return BL_LANES;
}
