// SPDX-License-Identifier: MIT
// Graphs that look like another one from outside, and ANDs for the gates of a network.
//
// A gate becomes ANDs by its top input x, f = x ? high : low, where high and low have two inputs:
//
//     low = !high      x ^ low                3 ANDs and those of low
//     low => high      low | x & high         2 and those of both (the majority: 4 in all)
//     otherwise        x & high | !x & low    3 and those of both
//
// Each input is tried at the top; the cheapest is built.

#include "convert.h"

#include <assert.h>

bl_status graph_begin_like(bl_graph **result, bl_lit *lit_of, const bl_graph *like,
                           const bl_allocator *allocator)
{
    bl_graph *g;
    bl_status status = bl_graph_create(&g, allocator);
    if (status != BL_OK)
        return status;
    lit_of[0] = BL_LIT_FALSE;
    for (uint32_t i = 0; i < like->n_inputs; i++)
        lit_of[like->inputs[i].node] = bl_graph_input(g, bl_graph_name(like, like->inputs[i].name));
    for (uint32_t i = 0; i < like->n_latches; i++)
        lit_of[like->latches[i].node] =
            bl_graph_latch(g, like->latches[i].reset, bl_graph_name(like, like->latches[i].name));
    bl_graph_set_comment(g, like->comment);
    status = g->status;
    if (status != BL_OK)
        bl_graph_destroy(&g);
    else
        *result = g;
    return status;
}

void graph_finish_like(bl_graph *g, const bl_lit *ports, const bl_graph *like)
{
    if (g->status != BL_OK)
        return;
    for (uint32_t i = 0; i < like->n_outputs; i++)
        bl_graph_port(g, ports[i], like->outputs[i].kind, like->outputs[i].group,
                      bl_graph_name(like, like->outputs[i].name));
    for (uint32_t i = 0; i < like->n_latches; i++)
        bl_graph_set_next(g, i, ports[like->n_outputs + i]);
}

// ------------------------------------------------------------------------------------- gates

// Tables of two inputs are tables of three that do not depend on the top one: four bits matter.
static uint32_t cost_of_two(uint32_t t)
{
    t &= 15;
    if (t == 0x0 || t == 0xF || t == 0xA || t == 0x5 || t == 0xC || t == 0x3)
        return 0;
    return t == 0x6 || t == 0x9 ? 3 : 1;
}

static bool is_constant(uint32_t t) { return t == 0 || t == 15; }

static uint32_t cost_of_top(uint32_t high, uint32_t low)
{
    if (high == (~low & 15))
        return (is_constant(low) ? 0 : 3) + cost_of_two(low);
    uint32_t both = cost_of_two(high) + cost_of_two(low);
    if (is_constant(high) || is_constant(low))
        return 1 + both;
    return (low & ~high) == 0 || (high & ~low) == 0 ? 2 + both : 3 + both;
}

static bl_lit build_two(bl_graph *g, uint32_t t, bl_lit b, bl_lit c) // row 2b + c
{
    switch (t & 15) {
    case 0x0: return BL_LIT_FALSE;
    case 0xC: return b;
    case 0xA: return c;
    case 0x6: return bl_graph_xor(g, b, c);
    case 0x8: return bl_graph_and(g, b, c);
    case 0x4: return bl_graph_and(g, b, bl_lit_not(c));
    case 0x2: return bl_graph_and(g, bl_lit_not(b), c);
    case 0x1: return bl_graph_and(g, bl_lit_not(b), bl_lit_not(c));
    default: return bl_lit_not(build_two(g, ~t, b, c));
    }
}

static bl_lit build_top(bl_graph *g, uint32_t table, bl_lit top, bl_lit b, bl_lit c)
{
    uint32_t high = table >> 4, low = table & 15;
    bl_lit l = build_two(g, low, b, c);
    if (high == (~low & 15))
        return bl_graph_xor(g, top, l);
    bl_lit h = build_two(g, high, b, c);
    if ((low & ~high) == 0)
        return bl_graph_or(g, l, bl_graph_and(g, top, h));
    if ((high & ~low) == 0)
        return bl_graph_or(g, h, bl_graph_and(g, bl_lit_not(top), l));
    return bl_graph_mux(g, top, h, l);
}

// Rows of `table` where input k of the gate is bit order[k].
static uint32_t permute(uint32_t table, const uint32_t *order)
{
    uint32_t result = 0;
    for (uint32_t row = 0; row < 8; row++) {
        uint32_t from = 0;
        for (uint32_t k = 0; k < 3; k++)
            from |= (row >> order[k] & 1) << k;
        result |= (table >> from & 1) << row;
    }
    return result;
}

static bl_lit build_gate(bl_graph *g, uint32_t table, const bl_lit *fanin)
{
    static const uint32_t orders[3][3] = {{0, 1, 2}, {0, 2, 1}, {2, 1, 0}};
    uint32_t best = 0, best_cost = UINT32_MAX, tables[3];
    for (uint32_t o = 0; o < 3; o++) {
        tables[o] = permute(table, orders[o]);
        uint32_t cost = cost_of_top(tables[o] >> 4, tables[o] & 15);
        if (cost < best_cost) {
            best_cost = cost;
            best = o;
        }
    }
    bl_lit at[3];
    for (uint32_t k = 0; k < 3; k++)
        at[orders[best][k]] = fanin[k];
    return build_top(g, tables[best], at[2], at[1], at[0]);
}

// a ^ b is !(a & b) & !(!a & !b), or the same with b complemented: one of these ANDs may be there.
static bl_lit build_gate2(bl_graph *g, const network *net, const gate *x, const bl_lit *fanin)
{
    uint32_t table = x->table & 15;
    if (table != 0x6 && table != 0x9)
        return build_two(g, table, fanin[1], fanin[0]);
    bl_lit inputs[MAX_FANINS] = {2 * x->fanin[0], 2 * x->fanin[1]};
    bool is_flipped =
        network_find(net, 0x22, inputs) != NO_LIT || network_find(net, 0x44, inputs) != NO_LIT;
    bl_lit lit = bl_graph_xor(g, bl_lit_not_if(fanin[0], is_flipped), fanin[1]);
    return bl_lit_not_if(lit, is_flipped != (table == 0x9));
}

static void add_gates(bl_graph *g, bl_lit *lit_of, const network *net)
{
    for (uint32_t id = net->n_sources + 1; id < net->n; id++) {
        const gate *x = &net->gates[id];
        if (x->kind != GATE_LUT)
            continue;
        bl_lit fanin[MAX_FANINS];
        for (uint32_t k = 0; k < MAX_FANINS; k++)
            fanin[k] = lit_of[x->fanin[k]];
        lit_of[id] =
            x->n_fanins == 2 ? build_gate2(g, net, x, fanin) : build_gate(g, x->table, fanin);
    }
}

bl_status graph_from_network(bl_graph **result, const network *net, const bl_graph *like,
                             const bl_allocator *allocator)
{
    assert(net->n_sources == like->n_inputs + like->n_latches);
    uint32_t n_places = net->n > like->n_nodes ? net->n : like->n_nodes;
    bl_lit *lit_of = bl_alloc_array(allocator, n_places, sizeof *lit_of);
    bl_lit *ports = bl_alloc_array(allocator, net->n_ports, sizeof *ports);
    bl_graph *g = NULL;
    bl_status status =
        lit_of && ports ? graph_begin_like(&g, lit_of, like, allocator) : BL_ERR_MEMORY;
    if (status == BL_OK) {
        for (uint32_t i = 0; i <= net->n_sources; i++)
            lit_of[i] = 2 * i; // inputs, then latches, in both
        add_gates(g, lit_of, net);
        for (uint32_t i = 0; i < net->n_ports; i++) {
            bl_lit lit = network_resolve(net, net->ports[i]);
            ports[i] = bl_lit_not_if(lit_of[bl_lit_node(lit)], bl_lit_is_complemented(lit));
        }
        graph_finish_like(g, ports, like);
        status = g->status;
    }
    bl_free(allocator, lit_of, n_places * sizeof *lit_of);
    bl_free(allocator, ports, net->n_ports * sizeof *ports);
    if (status != BL_OK)
        bl_graph_destroy(&g);
    else
        *result = g;
    return status;
}

// --------------------------------------------------------------------------------- networks

static bl_lit translate(const bl_lit *lit_of, bl_lit lit)
{
    return bl_lit_not_if(lit_of[bl_lit_node(lit)], bl_lit_is_complemented(lit));
}

static bool is_and(const bl_graph *g, uint32_t id)
{
    return id > 0 && g->fanin0[id] < BL_NODE_LATCH;
}

// Whether the AND is !(x & y) & !(!x & !y), which is x ^ y.
static bool is_xor(const bl_graph *g, uint32_t id)
{
    bl_lit f0 = g->fanin0[id], f1 = g->fanin1[id];
    uint32_t p = bl_lit_node(f0), q = bl_lit_node(f1);
    if (!bl_lit_is_complemented(f0 & f1) || !is_and(g, p) || !is_and(g, q))
        return false;
    return g->fanin0[p] == bl_lit_not(g->fanin0[q]) && g->fanin1[p] == bl_lit_not(g->fanin1[q]);
}

// Ports, and nothing that none of them reads.
static bl_status finish_network(network *net, const bl_lit *lit_of, const bl_lit *outputs,
                                const bl_lit *nexts, uint32_t n_outputs)
{
    for (uint32_t i = 0; i < net->n_ports; i++)
        network_set_port(net, i,
                         translate(lit_of, i < n_outputs ? outputs[i] : nexts[i - n_outputs]));
    for (uint32_t id = net->n; id-- > 1;)
        network_release(net, id);
    return net->status;
}

static void add_nodes(network *net, bl_lit *lit_of, const bl_graph *g)
{
    for (uint32_t id = 1; id < g->n_nodes && net->status == BL_OK; id++) {
        if (!is_and(g, id)) {
            bool is_latch = g->fanin0[id] == BL_NODE_LATCH;
            lit_of[id] = 2 * (1 + g->fanin1[id] + (is_latch ? g->n_inputs : 0));
            continue;
        }
        const uint32_t p = bl_lit_node(g->fanin0[id]);
        bool xors = is_xor(g, id);
        bl_lit fanin[MAX_FANINS] = {translate(lit_of, xors ? g->fanin0[p] : g->fanin0[id]),
                                    translate(lit_of, xors ? g->fanin1[p] : g->fanin1[id])};
        lit_of[id] = network_lut(net, xors ? 0x66 : 0x88, fanin);
    }
}

// Port literals of a graph as two arrays, like those of a netlist.
static void list_ports(bl_lit *ports, const bl_graph *g)
{
    for (uint32_t i = 0; i < g->n_outputs + g->n_latches; i++)
        ports[i] = graph_port(g, i);
}

bl_status network_from_graph(network *net, const bl_graph *g, const bl_allocator *a)
{
    uint32_t n_ports = g->n_outputs + g->n_latches;
    bl_lit *lit_of = bl_alloc_array(a, g->n_nodes, sizeof *lit_of);
    bl_lit *ports = bl_alloc_array(a, n_ports, sizeof *ports);
    bl_status status = network_create(net, g->n_inputs + g->n_latches, n_ports, a);
    if (status == BL_OK && (!lit_of || !ports))
        status = BL_ERR_MEMORY;
    if (status == BL_OK) {
        add_nodes(net, lit_of, g);
        list_ports(ports, g);
        status = net->status;
    }
    if (status == BL_OK)
        status = finish_network(net, lit_of, ports, ports + g->n_outputs, g->n_outputs);
    bl_free(a, lit_of, g->n_nodes * sizeof *lit_of);
    bl_free(a, ports, n_ports * sizeof *ports);
    if (status != BL_OK)
        network_destroy(net);
    return status;
}

static void add_luts(network *net, bl_lit *lit_of, const bl_netlist *n)
{
    for (uint32_t id = 1; id < n->first_lut; id++)
        lit_of[id] = 2 * id;
    for (uint32_t i = 0; i < n->n_luts && net->status == BL_OK; i++) {
        bl_lit fanin[MAX_FANINS] = {0};
        for (uint32_t k = 0; k < n->max_inputs; k++)
            fanin[k] = lit_of[n->leaves[i * n->max_inputs + k]];
        lit_of[n->first_lut + i] = network_lut(net, (uint8_t)n->tables[i], fanin);
    }
}

bl_status network_from_netlist(network *net, const bl_netlist *n, const bl_allocator *a)
{
    assert(n->max_inputs <= MAX_FANINS);
    const bl_graph *p = n->ports;
    bl_lit *lit_of = bl_alloc_array(a, n->n_nodes, sizeof *lit_of);
    bl_status status = network_create(net, n->first_lut - 1, p->n_outputs + p->n_latches, a);
    if (status == BL_OK && !lit_of)
        status = BL_ERR_MEMORY;
    if (status == BL_OK) {
        add_luts(net, lit_of, n);
        status = net->status;
    }
    if (status == BL_OK)
        status = finish_network(net, lit_of, n->outputs, n->nexts, p->n_outputs);
    bl_free(a, lit_of, n->n_nodes * sizeof *lit_of);
    if (status != BL_OK)
        network_destroy(net);
    return status;
}
