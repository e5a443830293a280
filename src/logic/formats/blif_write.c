// SPDX-License-Identifier: MIT
// Netlists as BLIF (Berkeley Logic Interchange Format, 1992): a .names table for each LUT, its rows
// that give 1 (or 0, where those are fewer), a .latch for each latch.

#include "logic/formats/port_names.h"

#include <bitloom/netlist.h>

#include <assert.h>
#include <string.h>

enum { LINE_SIGNALS = 8 };

typedef struct writer {
    bl_buffer *out;
    const bl_netlist *n;
    port_names names;
} writer;

static void put_text(writer *w, const char *text) { bl_buffer_append(w->out, text, strlen(text)); }

static void put_node(writer *w, uint32_t node)
{
    const bl_graph *g = w->n->ports;
    if (node == 0)
        bl_buffer_print(w->out, "%sfalse", w->names.prefix);
    else if (node <= g->n_inputs)
        port_names_put(w->out, &w->names, PORT_INPUT, node - 1);
    else if (node < w->n->first_lut)
        port_names_put(w->out, &w->names, PORT_LATCH, node - 1 - g->n_inputs);
    else
        bl_buffer_print(w->out, "%sn%u", w->names.prefix, node);
}

static void put_ports(writer *w, const char *keyword, port_group group, uint32_t n)
{
    put_text(w, keyword);
    for (uint32_t i = 0; i < n; i++) {
        put_text(w, i % LINE_SIGNALS == LINE_SIGNALS - 1 ? " \\\n " : " ");
        port_names_put(w->out, &w->names, group, i);
    }
    put_text(w, "\n");
}

static void put_lut(writer *w, uint32_t i)
{
    uint32_t n_leaves = bl_netlist_n_leaves(w->n, i), rows = 1u << n_leaves, n_ones = 0;
    uint64_t table = w->n->tables[i];
    put_text(w, ".names");
    for (uint32_t k = 0; k < n_leaves; k++) {
        put_text(w, " ");
        put_node(w, w->n->leaves[(size_t)i * w->n->max_inputs + k]);
    }
    put_text(w, " ");
    put_node(w, w->n->first_lut + i);
    put_text(w, "\n");
    for (uint32_t row = 0; row < rows; row++)
        n_ones += table >> row & 1;
    bool lists_ones = n_ones <= rows / 2 || n_leaves == 0;
    for (uint32_t row = 0; row < rows; row++) {
        if ((table >> row & 1) != lists_ones)
            continue;
        char line[BL_NETLIST_MAX_INPUTS + 4];
        uint32_t at = 0;
        for (uint32_t k = 0; k < n_leaves; k++)
            line[at++] = row >> k & 1 ? '1' : '0';
        if (n_leaves > 0)
            line[at++] = ' ';
        line[at++] = lists_ones ? '1' : '0';
        line[at++] = '\n';
        bl_buffer_append(w->out, line, at);
    }
}

// An output is a copy, or the complement, of a node.
static void put_output(writer *w, uint32_t index, bl_lit lit)
{
    put_text(w, ".names ");
    put_node(w, bl_lit_node(lit));
    put_text(w, " ");
    port_names_put(w->out, &w->names, PORT_OUTPUT, index);
    put_text(w, bl_lit_is_complemented(lit) ? "\n0 1\n" : "\n1 1\n");
}

static void put_all(writer *w, const char *model)
{
    static const char resets[] = {
        [BL_RESET_ZERO] = '0', [BL_RESET_ONE] = '1', [BL_RESET_UNKNOWN] = '3'};
    const bl_graph *g = w->n->ports;
    bl_buffer_print(w->out, ".model %s\n", model);
    put_ports(w, ".inputs", PORT_INPUT, g->n_inputs);
    put_ports(w, ".outputs", PORT_OUTPUT, g->n_outputs);
    for (uint32_t i = 0; i < g->n_latches; i++) {
        put_text(w, ".latch ");
        bl_buffer_print(w->out, "%sx%u ", w->names.prefix, i);
        port_names_put(w->out, &w->names, PORT_LATCH, i);
        bl_buffer_print(w->out, " %c\n", resets[g->latches[i].reset]);
    }
    bl_buffer_print(w->out, ".names %sfalse\n", w->names.prefix);
    for (uint32_t i = 0; i < w->n->n_luts; i++)
        put_lut(w, i);
    for (uint32_t i = 0; i < g->n_latches; i++) {
        put_text(w, ".names ");
        put_node(w, bl_lit_node(w->n->nexts[i]));
        bl_buffer_print(w->out, " %sx%u\n%c 1\n", w->names.prefix, i,
                        bl_lit_is_complemented(w->n->nexts[i]) ? '0' : '1');
    }
    for (uint32_t i = 0; i < g->n_outputs; i++)
        put_output(w, i, w->n->outputs[i]);
    put_text(w, ".end\n");
}

bl_status bl_netlist_write_blif(bl_buffer *out, const bl_netlist *netlist, const char *model)
{
    assert(out && netlist && netlist->status == BL_OK && model);
    if (netlist->n_counts > 0)
        return BL_ERR_UNSUPPORTED;
    writer w = {.out = out, .n = netlist};
    bl_status status = port_names_create(&w.names, netlist->ports, out->allocator);
    if (status != BL_OK)
        return status;
    put_all(&w, model);
    port_names_destroy(&w.names);
    return out->status;
}
