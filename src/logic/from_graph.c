// SPDX-License-Identifier: MIT
// A covered And-Inverter Graph as a program. The plain cover has one LUT3 per AND, complements
// folded into its table; cover.c finds smaller ones.
//
// Order: schedule.c makes runs of LUTs of one table. Slots: a node holds its slot until its last
// reader has run; the same slot may be the reader's result.
//
//     step:  LUTs | outputs = copies | next states that are themselves state -> scratch | state =

#include "cover.h"
#include "program_private.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_NAMED_FIELDS = 1024 };
static const uint32_t NO_SLOT = UINT32_MAX, FOREVER = UINT32_MAX;

enum {
    TABLE_A = 0xF0,
    TABLE_NOT_A = 0x0F,
    TABLE_AND = 0xC0,
    TABLE_AND_NOT = 0x30,
    TABLE_NOR = 0x03
};

typedef struct planner {
    const bl_graph *g;
    const cover *c;
    const bl_allocator *allocator;
    bl_assembler *assembler;
    uint32_t *order;    // indices of LUTs in running order
    uint32_t *last_use; // of each node: position in `order`, FOREVER for ports and state
    uint32_t *slot;     // of each node
    uint32_t *free_slots;
    uint32_t n_free;
} planner;

static void find_last_uses(planner *p)
{
    const bl_graph *g = p->g;
    memset(p->last_use, 0, g->n_nodes * sizeof *p->last_use);
    for (uint32_t i = 0; i < p->c->n; i++)
        for (int k = 0; k < 3; k++)
            p->last_use[p->c->luts[p->order[i]].leaf[k]] = i;
    p->last_use[0] = FOREVER;
    for (uint32_t i = 0; i < g->n_inputs; i++)
        p->last_use[g->inputs[i].node] = FOREVER;
    for (uint32_t i = 0; i < g->n_latches; i++) {
        p->last_use[g->latches[i].node] = FOREVER;
        p->last_use[bl_lit_node(g->latches[i].next)] = FOREVER;
    }
    for (uint32_t i = 0; i < g->n_outputs; i++)
        p->last_use[bl_lit_node(g->outputs[i].lit)] = FOREVER;
}

static void release(planner *p, uint32_t node, uint32_t now)
{
    if (p->last_use[node] == now && p->slot[node] != NO_SLOT) {
        p->free_slots[p->n_free++] = p->slot[node];
        p->slot[node] = NO_SLOT; // several leaves may be the same node
    }
}

static void emit_luts(planner *p)
{
    for (uint32_t i = 0; i < p->c->n; i++) {
        const lut *l = &p->c->luts[p->order[i]];
        uint32_t operand[3];
        for (int k = 0; k < 3; k++)
            operand[k] = p->slot[l->leaf[k]];
        for (int k = 0; k < 3; k++)
            release(p, l->leaf[k], i);
        uint32_t dst =
            p->n_free ? p->free_slots[--p->n_free] : bl_assembler_temporaries(p->assembler, 1);
        p->slot[l->root] = dst;
        bl_assembler_lut3(p->assembler, l->table, dst, operand[0], operand[1], operand[2]);
        if (p->last_use[l->root] == 0) // read by nobody
            p->free_slots[p->n_free++] = dst;
    }
}

static void emit_copy(planner *p, uint32_t dst, bl_lit lit)
{
    bl_assembler_lut3(p->assembler, lit & 1 ? TABLE_NOT_A : TABLE_A, dst, p->slot[bl_lit_node(lit)],
                      0, 0);
}

static void emit_ports(planner *p)
{
    const bl_graph *g = p->g;
    uint32_t out = bl_assembler_output(p->assembler), state = bl_assembler_state(p->assembler);
    for (uint32_t i = 0; i < g->n_outputs; i++)
        emit_copy(p, out + i, g->outputs[i].lit);
    uint32_t n_moves = 0;
    for (uint32_t i = 0; i < g->n_latches; i++)
        n_moves += g->fanin0[bl_lit_node(g->latches[i].next)] == BL_NODE_LATCH;
    uint32_t scratch = bl_assembler_temporaries(p->assembler, n_moves), n = 0;
    for (uint32_t i = 0; i < g->n_latches; i++)
        if (g->fanin0[bl_lit_node(g->latches[i].next)] == BL_NODE_LATCH)
            emit_copy(p, scratch + n++, g->latches[i].next);
    n = 0;
    for (uint32_t i = 0; i < g->n_latches; i++) {
        if (g->fanin0[bl_lit_node(g->latches[i].next)] == BL_NODE_LATCH)
            bl_assembler_lut3(p->assembler, TABLE_A, state + i, scratch + n++, 0, 0);
        else
            emit_copy(p, state + i, g->latches[i].next);
    }
}

// "byte[3]" -> the length of "byte" and 3; a name without brackets has index 0.
static bool split_name(size_t *n_chars, uint64_t *index, const char *name)
{
    const char *bracket = strchr(name, '[');
    *n_chars = bracket ? (size_t)(bracket - name) : strlen(name);
    *index = 0;
    if (*n_chars == 0 || *n_chars >= BL_FIELD_NAME_BYTES)
        return false;
    if (!bracket)
        return true;
    char *end;
    *index = strtoull(bracket + 1, &end, 10);
    return end > bracket + 1 && end[0] == ']' && end[1] == 0;
}

typedef const char *port_namer(const bl_graph *g, uint32_t i);
static const char *input_name(const bl_graph *g, uint32_t i)
{
    return bl_graph_name(g, g->inputs[i].name);
}
static const char *latch_name(const bl_graph *g, uint32_t i)
{
    return bl_graph_name(g, g->latches[i].name);
}
static const char *output_name(const bl_graph *g, uint32_t i)
{
    return bl_graph_name(g, g->outputs[i].name);
}

// Fields from the ports' names, where "a[0]", "a[1]", ... are one field. Ports without names, or
// with names that make no fields, become one field with the name of the whole group.
static bl_status describe(bl_record *record, const bl_graph *g, uint32_t n, port_namer *name_of,
                          const char *group)
{
    bl_status status = BL_OK;
    for (uint32_t i = 0; i < n && status == BL_OK;) {
        size_t n_chars, m;
        uint64_t index;
        const char *name = name_of(g, i);
        if (!split_name(&n_chars, &index, name) || index != 0
            || record->n_fields >= MAX_NAMED_FIELDS) {
            status = BL_ERR_ARGUMENT;
            break;
        }
        char field[BL_FIELD_NAME_BYTES] = {0};
        memcpy(field, name, n_chars);
        uint32_t width = 1;
        while (i + width < n && split_name(&m, &index, name_of(g, i + width)) && m == n_chars
               && index == width && memcmp(name_of(g, i + width), field, m) == 0)
            width++;
        status = bl_record_add(record, field, width, false);
        i += width;
    }
    if (status != BL_ERR_ARGUMENT)
        return status;
    bl_record_clear(record);
    return n ? bl_record_add(record, group, n, false) : BL_OK;
}

static bl_status create_assembler(planner *p)
{
    const bl_graph *g = p->g;
    bl_record records[3] = {
        {.allocator = p->allocator}, {.allocator = p->allocator}, {.allocator = p->allocator}};
    bl_status status = describe(&records[0], g, g->n_inputs, input_name, "in");
    if (status == BL_OK)
        status = describe(&records[1], g, g->n_latches, latch_name, "state");
    if (status == BL_OK)
        status = describe(&records[2], g, g->n_outputs, output_name, "out");
    if (status == BL_OK)
        status =
            bl_assembler_create(&p->assembler, &records[0], &records[1], &records[2], p->allocator);
    for (int r = 0; r < 3; r++)
        bl_record_clear(&records[r]);
    return status;
}

static void place_ports(planner *p)
{
    const bl_graph *g = p->g;
    for (uint32_t id = 0; id < g->n_nodes; id++)
        p->slot[id] = NO_SLOT;
    p->slot[0] = 0;
    for (uint32_t i = 0; i < g->n_inputs; i++)
        p->slot[g->inputs[i].node] = bl_assembler_input(p->assembler) + i;
    for (uint32_t i = 0; i < g->n_latches; i++)
        p->slot[g->latches[i].node] = bl_assembler_state(p->assembler) + i;
}

bl_status program_from_cover(bl_program **program, const bl_graph *g, const cover *c,
                             const bl_allocator *allocator)
{
    planner p = {.g = g, .c = c, .allocator = allocator};
    size_t n = g->n_nodes;
    p.order = bl_alloc_array(allocator, n, sizeof *p.order);
    p.last_use = bl_alloc_array(allocator, n, sizeof *p.last_use);
    p.slot = bl_alloc_array(allocator, n, sizeof *p.slot);
    p.free_slots = bl_alloc_array(allocator, n, sizeof *p.free_slots);
    bl_status status = BL_ERR_MEMORY;
    if (p.order && p.last_use && p.slot && p.free_slots)
        status = create_assembler(&p);
    if (status == BL_OK) {
        schedule_luts(p.order, c, p.last_use, g->n_nodes); // last_use is scratch
        find_last_uses(&p);
        place_ports(&p);
        bl_assembler_begin_entry(p.assembler, "step");
        emit_luts(&p);
        emit_ports(&p);
        status = bl_assembler_finish(program, p.assembler);
    }
    bl_assembler_destroy(&p.assembler);
    bl_free(allocator, p.order, n * sizeof *p.order);
    bl_free(allocator, p.last_use, n * sizeof *p.last_use);
    bl_free(allocator, p.slot, n * sizeof *p.slot);
    bl_free(allocator, p.free_slots, n * sizeof *p.free_slots);
    return status;
}

// The complemented fanin second.
static lut lut_of_and(const bl_graph *g, uint32_t id)
{
    bl_lit a = g->fanin0[id], b = g->fanin1[id];
    if (a & 1 && !(b & 1)) {
        bl_lit t = a;
        a = b;
        b = t;
    }
    uint32_t n = (a & 1) + (b & 1);
    return (lut){.root = id,
                 .leaf = {bl_lit_node(a), bl_lit_node(b), 0},
                 .table = n == 0   ? TABLE_AND
                          : n == 1 ? TABLE_AND_NOT
                                   : TABLE_NOR};
}

bl_status bl_program_from_graph(bl_program **program, const bl_graph *g,
                                const bl_allocator *allocator)
{
    assert(program && g && g->status == BL_OK);
    cover c = {.luts = bl_alloc_array(allocator, g->n_ands, sizeof *c.luts)};
    if (!c.luts)
        return BL_ERR_MEMORY;
    for (uint32_t id = 1; id < g->n_nodes; id++)
        if (g->fanin0[id] < BL_NODE_LATCH)
            c.luts[c.n++] = lut_of_and(g, id);
    bl_status status = program_from_cover(program, g, &c, allocator);
    bl_free(allocator, c.luts, g->n_ands * sizeof *c.luts);
    return status;
}
