// SPDX-License-Identifier: MIT
// Writes AIGER 1.9 in both forms. Variables are numbered anew: inputs, latches, ANDs, each in
// the order of their ids, which keeps fanins before their ANDs as the binary form demands.

#include "logic/graph_private.h"

#include <assert.h>
#include <stdlib.h>

static uint32_t renumber(const uint32_t *variable, bl_lit lit)
{
    return 2 * variable[bl_lit_node(lit)] + (lit & 1);
}

static void number_variables(uint32_t *variable, const bl_graph *g)
{
    uint32_t next = 1;
    for (uint32_t i = 0; i < g->n_inputs; i++)
        variable[g->inputs[i].node] = next++;
    for (uint32_t i = 0; i < g->n_latches; i++)
        variable[g->latches[i].node] = next++;
    for (uint32_t id = 1; id < g->n_nodes; id++)
        if (g->fanin0[id] < BL_NODE_LATCH)
            variable[id] = next++;
}

static uint32_t count_ports(const bl_graph *g, bl_port_kind kind)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < g->n_outputs; i++)
        n += g->outputs[i].kind == kind;
    return n;
}

typedef struct justice_port {
    uint32_t group, index;
} justice_port;

static int compare_justice(const void *x, const void *y)
{
    const justice_port *a = x, *b = y;
    return a->group != b->group ? (a->group > b->group) - (a->group < b->group)
                                : (a->index > b->index) - (a->index < b->index);
}

// The ports of justice properties by group; the format numbers groups without gaps.
static void sort_justice(justice_port *sorted, uint32_t *n_groups, const bl_graph *g)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < g->n_outputs; i++)
        if (g->outputs[i].kind == BL_PORT_JUSTICE)
            sorted[n++] = (justice_port){g->outputs[i].group, i};
    qsort(sorted, n, sizeof *sorted, compare_justice);
    *n_groups = 0;
    for (uint32_t i = 0; i < n; i++)
        *n_groups += i == 0 || sorted[i].group != sorted[i - 1].group;
}

static void write_header(bl_buffer *out, const bl_graph *g, bool is_ascii, uint32_t n_groups)
{
    uint32_t n[] = {count_ports(g, BL_PORT_BAD), count_ports(g, BL_PORT_CONSTRAINT), n_groups,
                    count_ports(g, BL_PORT_FAIRNESS)};
    bl_buffer_print(out, "%s %u %u %u %u %u", is_ascii ? "aag" : "aig", g->n_nodes - 1, g->n_inputs,
                    g->n_latches, count_ports(g, BL_PORT_OUTPUT), g->n_ands);
    int last = 3;
    while (last >= 0 && n[last] == 0)
        last--;
    for (int i = 0; i <= last; i++)
        bl_buffer_print(out, " %u", n[i]);
    bl_buffer_print(out, "\n");
}

static void write_latches(bl_buffer *out, const bl_graph *g, const uint32_t *variable,
                          bool is_ascii)
{
    for (uint32_t i = 0; i < g->n_latches; i++) {
        const bl_graph_latch_info *l = &g->latches[i];
        uint32_t self = 2 * variable[l->node];
        if (is_ascii)
            bl_buffer_print(out, "%u ", self);
        bl_buffer_print(out, "%u", renumber(variable, l->next));
        if (l->reset != BL_RESET_ZERO)
            bl_buffer_print(out, " %u", l->reset == BL_RESET_ONE ? 1 : self);
        bl_buffer_print(out, "\n");
    }
}

static void write_ports(bl_buffer *out, const bl_graph *g, const uint32_t *variable,
                        bl_port_kind kind)
{
    for (uint32_t i = 0; i < g->n_outputs; i++)
        if (g->outputs[i].kind == kind)
            bl_buffer_print(out, "%u\n", renumber(variable, g->outputs[i].lit));
}

static void write_justice(bl_buffer *out, const bl_graph *g, const uint32_t *variable,
                          const justice_port *sorted, uint32_t n)
{
    for (uint32_t i = 0, first = 0; i < n; i++)
        if (i + 1 == n || sorted[i + 1].group != sorted[i].group) {
            bl_buffer_print(out, "%u\n", i + 1 - first);
            first = i + 1;
        }
    for (uint32_t i = 0; i < n; i++)
        bl_buffer_print(out, "%u\n", renumber(variable, g->outputs[sorted[i].index].lit));
}

static void append_difference(bl_buffer *out, uint32_t v)
{
    uint8_t bytes[5];
    size_t n = 0;
    for (; v > 127; v >>= 7)
        bytes[n++] = (uint8_t)(v | 128);
    bytes[n++] = (uint8_t)v;
    bl_buffer_append(out, bytes, n);
}

static void write_ands(bl_buffer *out, const bl_graph *g, const uint32_t *variable, bool is_ascii)
{
    for (uint32_t id = 1; id < g->n_nodes; id++) {
        if (g->fanin0[id] >= BL_NODE_LATCH)
            continue;
        uint32_t self = 2 * variable[id];
        uint32_t a = renumber(variable, g->fanin0[id]), b = renumber(variable, g->fanin1[id]);
        uint32_t hi = a > b ? a : b, lo = a > b ? b : a;
        if (is_ascii)
            bl_buffer_print(out, "%u %u %u\n", self, hi, lo);
        else {
            append_difference(out, self - hi);
            append_difference(out, hi - lo);
        }
    }
}

static void write_symbol(bl_buffer *out, const bl_graph *g, char kind, uint32_t index,
                         uint32_t name)
{
    if (name)
        bl_buffer_print(out, "%c%u %s\n", kind, index, bl_graph_name(g, name));
}

static void write_symbols(bl_buffer *out, const bl_graph *g, const justice_port *sorted)
{
    static const char kinds[] = "obcjf";
    uint32_t n_of_kind[5] = {0}, n_groups = 0;
    for (uint32_t i = 0; i < g->n_inputs; i++)
        write_symbol(out, g, 'i', i, g->inputs[i].name);
    for (uint32_t i = 0; i < g->n_latches; i++)
        write_symbol(out, g, 'l', i, g->latches[i].name);
    for (uint32_t i = 0; i < g->n_outputs; i++) {
        const bl_graph_output_info *o = &g->outputs[i];
        if (o->kind != BL_PORT_JUSTICE)
            write_symbol(out, g, kinds[o->kind], n_of_kind[o->kind]++, o->name);
    }
    uint32_t n = count_ports(g, BL_PORT_JUSTICE);
    for (uint32_t i = 0; i < n; i++) // a symbol names a whole group: its first literal's
        if (i == 0 || sorted[i].group != sorted[i - 1].group)
            write_symbol(out, g, 'j', n_groups++, g->outputs[sorted[i].index].name);
}

bl_status bl_graph_write_aiger(bl_buffer *out, const bl_graph *g, bool is_ascii)
{
    assert(out && g && g->status == BL_OK);
    const bl_allocator *allocator = ((const graph *)g)->allocator;
    uint32_t n_justice = count_ports(g, BL_PORT_JUSTICE), n_groups;
    uint32_t *variable = bl_alloc_array(allocator, g->n_nodes, sizeof *variable);
    justice_port *sorted = bl_alloc_array(allocator, n_justice, sizeof *sorted);
    bl_status status = variable && sorted ? BL_OK : BL_ERR_MEMORY;
    if (status != BL_OK)
        goto out;
    number_variables(variable, g);
    sort_justice(sorted, &n_groups, g);
    write_header(out, g, is_ascii, n_groups);
    if (is_ascii)
        for (uint32_t i = 0; i < g->n_inputs; i++)
            bl_buffer_print(out, "%u\n", 2 * variable[g->inputs[i].node]);
    write_latches(out, g, variable, is_ascii);
    write_ports(out, g, variable, BL_PORT_OUTPUT);
    write_ports(out, g, variable, BL_PORT_BAD);
    write_ports(out, g, variable, BL_PORT_CONSTRAINT);
    write_justice(out, g, variable, sorted, n_justice);
    write_ports(out, g, variable, BL_PORT_FAIRNESS);
    write_ands(out, g, variable, is_ascii);
    write_symbols(out, g, sorted);
    if (g->comment[0])
        bl_buffer_print(out, "c\n%s", g->comment);
    status = out->status;
out:
    bl_free(allocator, variable, g->n_nodes * sizeof *variable);
    bl_free(allocator, sorted, n_justice * sizeof *sorted);
    return status;
}
