// SPDX-License-Identifier: MIT
// Simulation of graphs and networks, 64 lanes a round, one word for each node.
//
// Memory decides the width: at 1e7 nodes a word each is 80 MB, and the same source gets the same
// patterns in every graph because they are a hash of its number and of the round.

#include "simulation.h"
#include "convert.h"

static uint64_t pattern(uint32_t source, uint32_t round)
{
    return bl_mix64(((uint64_t)source << 8 | round) + UINT64_C(0x5851f42d4c957f2d));
}

static uint64_t word_of(const uint64_t *value, bl_lit lit)
{
    return value[bl_lit_node(lit)] ^ (bl_lit_is_complemented(lit) ? ~UINT64_C(0) : 0);
}

static void run_graph(uint64_t *value, const bl_graph *g, uint32_t round)
{
    value[0] = 0;
    for (uint32_t id = 1; id < g->n_nodes; id++) {
        uint32_t f0 = g->fanin0[id], f1 = g->fanin1[id];
        if (f0 < BL_NODE_LATCH)
            value[id] = word_of(value, f0) & word_of(value, f1);
        else
            value[id] = pattern(f1 + (f0 == BL_NODE_LATCH ? g->n_inputs : 0), round);
    }
}

static uint64_t lut_word(uint8_t table, uint64_t a, uint64_t b, uint64_t c)
{
    uint64_t row[8];
    for (uint32_t r = 0; r < 8; r++)
        row[r] = table >> r & 1 ? ~UINT64_C(0) : 0;
    for (uint32_t r = 0; r < 4; r++)
        row[r] = row[2 * r] ^ (a & (row[2 * r] ^ row[2 * r + 1]));
    for (uint32_t r = 0; r < 2; r++)
        row[r] = row[2 * r] ^ (b & (row[2 * r] ^ row[2 * r + 1]));
    return row[0] ^ (c & (row[0] ^ row[1]));
}

static void run_network(uint64_t *value, const network *net, uint32_t round)
{
    value[0] = 0;
    for (uint32_t id = 1; id < net->n; id++) {
        const gate *g = &net->gates[id];
        if (g->kind == GATE_LUT)
            value[id] =
                lut_word(g->table, value[g->fanin[0]], value[g->fanin[1]], value[g->fanin[2]]);
        else if (id <= net->n_sources)
            value[id] = pattern(id - 1, round);
    }
}

bl_status answers_of_graph(answers *result, const bl_graph *g, const bl_allocator *allocator)
{
    uint32_t n = g->n_outputs + g->n_latches;
    uint64_t *value = bl_alloc_array(allocator, g->n_nodes, sizeof *value);
    uint64_t *words = bl_alloc_array(allocator, (size_t)n * SIMULATION_ROUNDS, sizeof *words);
    bl_status status = value && words ? BL_OK : BL_ERR_MEMORY;
    for (uint32_t round = 0; status == BL_OK && round < SIMULATION_ROUNDS; round++) {
        run_graph(value, g, round);
        for (uint32_t i = 0; i < n; i++)
            words[(size_t)round * n + i] = word_of(value, graph_port(g, i));
    }
    bl_free(allocator, value, g->n_nodes * sizeof *value);
    if (status != BL_OK)
        bl_free(allocator, words, (size_t)n * SIMULATION_ROUNDS * sizeof *words);
    else
        *result = (answers){.words = words, .n_ports = n, .allocator = allocator};
    return status;
}

void answers_clear(answers *a)
{
    bl_free(a->allocator, a->words, (size_t)a->n_ports * SIMULATION_ROUNDS * sizeof *a->words);
    *a = (answers){0};
}

bl_status answers_compare_graph(uint32_t *port, const answers *a, const bl_graph *g)
{
    uint64_t *value = bl_alloc_array(a->allocator, g->n_nodes, sizeof *value);
    if (!value)
        return BL_ERR_MEMORY;
    *port = UINT32_MAX;
    for (uint32_t round = 0; round < SIMULATION_ROUNDS && *port == UINT32_MAX; round++) {
        run_graph(value, g, round);
        for (uint32_t i = a->n_ports; i-- > 0;)
            if (a->words[(size_t)round * a->n_ports + i] != word_of(value, graph_port(g, i)))
                *port = i;
    }
    bl_free(a->allocator, value, g->n_nodes * sizeof *value);
    return BL_OK;
}

bl_status answers_compare_network(uint32_t *port, const answers *a, const network *net)
{
    uint64_t *value = bl_alloc_array(a->allocator, net->n, sizeof *value);
    if (!value)
        return BL_ERR_MEMORY;
    *port = UINT32_MAX;
    for (uint32_t round = 0; round < SIMULATION_ROUNDS && *port == UINT32_MAX; round++) {
        run_network(value, net, round);
        for (uint32_t i = a->n_ports; i-- > 0;)
            if (a->words[(size_t)round * a->n_ports + i]
                != word_of(value, network_resolve(net, net->ports[i])))
                *port = i;
    }
    bl_free(a->allocator, value, net->n * sizeof *value);
    return BL_OK;
}
