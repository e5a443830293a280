// SPDX-License-Identifier: MIT
#ifndef BITLOOM_TESTS_GRAPH_FORMATS_H
#define BITLOOM_TESTS_GRAPH_FORMATS_H

// The formats of graphs, and graphs with ports of all kinds to write in them.

#include "plain_graph.h"

#include <bitloom/netlist.h>

typedef bl_status graph_reader(bl_graph **g, const uint8_t *data, size_t bytes, const char *name,
                               const bl_allocator *allocator, bl_diag *diag);
typedef bl_status graph_writer(bl_buffer *out, const bl_graph *g);

static inline bl_status write_blif(bl_buffer *out, const bl_graph *g)
{
    bl_netlist *n = NULL;
    bl_status status = bl_netlist_map(&n, g, &(bl_map_params){.max_inputs = 6}, out->allocator);
    if (status == BL_OK)
        status = bl_netlist_write_blif(out, n, "top");
    bl_netlist_destroy(&n);
    return status;
}

static inline bl_status write_plain_blif(bl_buffer *out, const bl_graph *g)
{
    bl_netlist *n = NULL;
    bl_status status = bl_netlist_from_graph(&n, g, out->allocator);
    if (status == BL_OK)
        status = bl_netlist_write_blif(out, n, "top");
    bl_netlist_destroy(&n);
    return status;
}

static inline bl_status write_aig(bl_buffer *out, const bl_graph *g)
{
    return bl_graph_write_aiger(out, g, false);
}

static inline bl_status write_aag(bl_buffer *out, const bl_graph *g)
{
    return bl_graph_write_aiger(out, g, true);
}

static const struct {
    const char *name;
    graph_reader *read;
    graph_writer *write;
} formats[] = {{"blif", bl_graph_read_blif, write_blif},
               {"plain blif", bl_graph_read_blif, write_plain_blif},
               {"bench", bl_graph_read_bench, bl_graph_write_bench},
               {"aig", bl_graph_read_aiger, write_aig},
               {"aag", bl_graph_read_aiger, write_aag}};
enum { N_FORMATS = sizeof formats / sizeof *formats };

static inline bl_reset any_reset(void) { return (bl_reset)bl_random_below(&rng, 3); }
static inline bl_reset zero_reset(void) { return BL_RESET_ZERO; }

// Every port has a name of its own, or none has one.
static inline bl_graph *ports_graph(uint32_t n_ands, bool has_names, bl_reset (*reset)(void))
{
    bl_graph *g;
    REQUIRE(bl_graph_create(&g, NULL) == BL_OK);
    char name[32];
    uint32_t n_inputs = (uint32_t)bl_random_below(&rng, 12);
    uint32_t n_latches = (uint32_t)bl_random_below(&rng, 5);
    for (uint32_t i = 0; i < n_inputs; i++) {
        snprintf(name, sizeof name, "in[%u]", i);
        bl_graph_input(g, has_names ? name : NULL);
    }
    for (uint32_t i = 0; i < n_latches; i++) {
        snprintf(name, sizeof name, "_n%u", i); // what writers like to call nodes
        bl_graph_latch(g, reset(), has_names ? name : NULL);
    }
    for (uint32_t i = 0; i < n_ands; i++)
        bl_graph_and(g, (bl_lit)bl_random_below(&rng, 2ull * g->n_nodes),
                     (bl_lit)bl_random_below(&rng, 2ull * g->n_nodes));
    for (uint32_t i = 0; i < n_latches; i++)
        bl_graph_set_next(g, i, (bl_lit)bl_random_below(&rng, 2ull * g->n_nodes));
    for (uint32_t i = 0; i < 6; i++) {
        snprintf(name, sizeof name, "y%u", i);
        bl_graph_output(g, (bl_lit)bl_random_below(&rng, 2ull * g->n_nodes),
                        has_names ? name : NULL);
    }
    REQUIRE(g->status == BL_OK);
    return g;
}

#endif
