// SPDX-License-Identifier: MIT
#ifndef BITLOOM_LOGIC_PORT_NAMES_H
#define BITLOOM_LOGIC_PORT_NAMES_H

#include <bitloom/logic.h>

// A different name for each port, for formats that know signals by their names. A port keeps its
// own name if it has one without blanks and control characters that no earlier port has; otherwise,
// and for everything else, names are a prefix that no port's name begins with, a letter and a
// number.
typedef struct port_names {
    const bl_graph *ports;
    char prefix[16];
    uint8_t *keeps; // of inputs, latches, outputs, in this order
    const bl_allocator *allocator;
} port_names;

BL_MUST_USE bl_status port_names_create(port_names *names, const bl_graph *ports,
                                        const bl_allocator *allocator);
void port_names_destroy(port_names *names);

typedef enum port_group { PORT_INPUT, PORT_LATCH, PORT_OUTPUT } port_group;
// Appends the name; `index` counts within the group.
void port_names_put(bl_buffer *out, const port_names *names, port_group group, uint32_t index);

#endif
