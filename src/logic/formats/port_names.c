// SPDX-License-Identifier: MIT
// Names are sorted once, by text and then by port: of equal ones the first is kept.

#include "logic/formats/port_names.h"

#include <stdlib.h>
#include <string.h>

typedef struct named_port {
    const char *name;
    uint32_t port; // inputs, latches, outputs
} named_port;

static const char letters[3] = {'i', 'l', 'o'};

static uint32_t n_ports(const bl_graph *g) { return g->n_inputs + g->n_latches + g->n_outputs; }

static const char *name_of(const bl_graph *g, uint32_t port)
{
    if (port < g->n_inputs)
        return bl_graph_name(g, g->inputs[port].name);
    port -= g->n_inputs;
    if (port < g->n_latches)
        return bl_graph_name(g, g->latches[port].name);
    return bl_graph_name(g, g->outputs[port - g->n_latches].name);
}

static int compare(const void *x, const void *y)
{
    const named_port *a = x, *b = y;
    int order = strcmp(a->name, b->name);
    return order ? order : a->port < b->port ? -1 : 1;
}

// What a line of a netlist can hold: no blanks, no comment, no continuation at the end, nothing
// that ends a name in .bench; a dot begins a keyword of BLIF.
static bool is_plain(const char *name)
{
    for (const char *c = name; *c; c++)
        if ((unsigned char)*c <= ' ' || *c == 127 || strchr("#\\\"(),=", *c))
            return false;
    return *name != 0 && *name != '.';
}

static bool is_taken(const named_port *sorted, uint32_t n, const char *prefix)
{
    for (uint32_t i = 0; i < n; i++)
        if (strncmp(sorted[i].name, prefix, strlen(prefix)) == 0)
            return true;
    return false;
}

// "_", "__", ...: the last one, of 15, can be a prefix only of names that are given up then.
static void choose_prefix(port_names *names, const named_port *sorted, uint32_t n)
{
    size_t length = 0;
    do
        names->prefix[length++] = '_';
    while (length + 1 < sizeof names->prefix && is_taken(sorted, n, names->prefix));
    bool gives_up = is_taken(sorted, n, names->prefix);
    for (uint32_t i = 0; i < n && gives_up; i++)
        if (strncmp(sorted[i].name, names->prefix, length) == 0)
            names->keeps[sorted[i].port] = 0;
}

bl_status port_names_create(port_names *names, const bl_graph *g, const bl_allocator *allocator)
{
    uint32_t n = n_ports(g);
    *names = (port_names){.ports = g, .allocator = allocator};
    names->keeps = bl_alloc_array(allocator, n, 1);
    named_port *sorted = bl_alloc_array(allocator, n, sizeof *sorted);
    bl_status status = names->keeps && sorted ? BL_OK : BL_ERR_MEMORY;
    if (status == BL_OK) {
        for (uint32_t i = 0; i < n; i++)
            sorted[i] = (named_port){name_of(g, i), i};
        qsort(sorted, n, sizeof *sorted, compare);
        for (uint32_t i = 0; i < n; i++)
            names->keeps[sorted[i].port] =
                is_plain(sorted[i].name)
                && (i == 0 || strcmp(sorted[i].name, sorted[i - 1].name) != 0);
        choose_prefix(names, sorted, n);
    }
    bl_free(allocator, sorted, n * sizeof *sorted);
    if (status != BL_OK)
        port_names_destroy(names);
    return status;
}

void port_names_destroy(port_names *names)
{
    bl_free(names->allocator, names->keeps, names->ports ? n_ports(names->ports) : 0);
    *names = (port_names){0};
}

void port_names_put(bl_buffer *out, const port_names *names, port_group group, uint32_t index)
{
    const bl_graph *g = names->ports;
    uint32_t port =
        index + (group > PORT_INPUT ? g->n_inputs : 0) + (group > PORT_LATCH ? g->n_latches : 0);
    if (names->keeps[port]) {
        const char *name = name_of(g, port);
        bl_buffer_append(out, name, strlen(name));
    } else
        bl_buffer_print(out, "%s%c%u", names->prefix, letters[group], index);
}
