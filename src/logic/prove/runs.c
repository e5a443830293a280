// SPDX-License-Identifier: MIT
// Runs are never stored: the same seed makes them again, so a lane that shows something is simply
// run a second time.

#include "runs.h"

#include "patterns.h"

#include <string.h>

bl_status runs_create(runs *r, const bl_graph *g, const bl_allocator *allocator)
{
    *r = (runs){.g = g, .allocator = allocator};
    r->planes = bl_alloc_array(allocator, g->n_nodes, sizeof *r->planes);
    r->next = bl_alloc_array(allocator, g->n_latches + 1, sizeof *r->next);
    if (r->planes && r->next)
        return BL_OK;
    runs_destroy(r);
    return BL_ERR_MEMORY;
}

void runs_destroy(runs *r)
{
    bl_free(r->allocator, r->planes, r->g->n_nodes * sizeof *r->planes);
    bl_free(r->allocator, r->next, (r->g->n_latches + 1) * sizeof *r->next);
    r->planes = r->next = NULL;
}

void set_unknown_plane(bl_plane *plane, uint64_t seed, uint32_t number)
{
    bl_random random;
    bl_random_seed(&random, bl_mix64(seed + number));
    random_plane(plane, &random, 4);
}

void runs_reset(runs *r, const bl_lit *first, uint64_t seed, uint32_t number_of_run)
{
    const bl_graph *g = r->g;
    for (uint32_t i = 0; i < g->n_latches; i++) {
        bl_plane *plane = &r->planes[g->latches[i].node];
        if (bl_lit_node(first[i]) == 0)
            bl_plane_fill(plane, first[i] == BL_LIT_TRUE);
        else
            set_unknown_plane(plane, seed, bl_lit_node(first[i]));
    }
    bl_random_seed(&r->random, seed ^ bl_mix64(number_of_run));
    r->is_biased = number_of_run % 2 == 1;
}

void runs_simulate(runs *r)
{
    for (uint32_t i = 0; i < r->g->n_inputs; i++)
        random_plane(&r->planes[r->g->inputs[i].node], &r->random,
                     r->is_biased ? 1 + (unsigned)bl_random_below(&r->random, 7) : 4);
    simulate_planes(r->planes, r->g, 0);
}

void runs_step(runs *r)
{
    const bl_graph *g = r->g;
    for (uint32_t i = 0; i < g->n_latches; i++)
        r->next[i] = plane_of(r->planes, g->latches[i].next);
    for (uint32_t i = 0; i < g->n_latches; i++)
        r->planes[g->latches[i].node] = r->next[i];
}
