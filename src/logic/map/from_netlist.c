// SPDX-License-Identifier: MIT
// A netlist as a program: one operation for each unit, in the order of schedule.c.
//
// A node holds its slot until its last reader has run; the same slot may be the reader's result. A
// result that an output port wants goes to its slot at once, the next state of a latch too if the
// last reader of the old state has run. What remains is copied in the end:
//
//     step:  units | outputs | next states that are themselves state -> scratch | next states

#include "logic/map/unit.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_NAMED_FIELDS = 1024, TABLE_A = 0xF0, TABLE_NOT_A = 0x0F };
static const uint32_t NO_SLOT = UINT32_MAX, FOREVER = UINT32_MAX, NEVER = UINT32_MAX - 1;

typedef struct planner {
    const bl_netlist *netlist;
    const bl_graph *ports;
    unit_list list;
    const bl_allocator *allocator;
    bl_assembler *assembler;
    uint32_t *order;    // indices of units in running order
    uint32_t *last_use; // of each node: position in `order`, FOREVER for ports, NEVER for no reader
    uint32_t *slot;     // of each node
    uint32_t *home;     // of each node: the slot of a port that it should go to, or NO_SLOT
    uint32_t *free_slots;
    uint32_t n_free;
    uint32_t *list_slots; // of the literals of one count: plain ones, complemented ones
    uint32_t list_capacity;
} planner;

// The literals of a unit that is a count.
static const bl_lit *literals_of(const planner *p, const unit *u, const bl_netlist_count **count)
{
    const bl_netlist *n = p->netlist;
    uint32_t low = 0, high = n->n_counts;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (n->counts[middle].node <= u->result)
            low = middle;
        else
            high = middle;
    }
    *count = &n->counts[low];
    return n->literals + n->counts[low].first_literal;
}

static void find_last_uses(planner *p)
{
    for (uint32_t id = 0; id < p->netlist->n_nodes; id++)
        p->last_use[id] = NEVER;
    for (uint32_t i = 0; i < p->list.n; i++) {
        const unit *u = &p->list.units[p->order[i]];
        for (int k = 0; k < 3; k++)
            p->last_use[u->leaf[k]] = i;
        if (u->kind != COUNT_KIND)
            continue;
        const bl_netlist_count *count;
        const bl_lit *literals = literals_of(p, u, &count);
        for (uint32_t k = 0; k < count->n_literals; k++)
            p->last_use[bl_lit_node(literals[k])] = i;
    }
}

static bool is_flipped(const planner *p, bl_lit lit)
{
    return p->list.is_flipped[bl_lit_node(lit)] != bl_lit_is_complemented(lit);
}

static bool is_latch(const planner *p, bl_lit lit)
{
    uint32_t id = bl_lit_node(lit);
    return id > p->ports->n_inputs && id < p->netlist->first_lut;
}

static void find_homes(planner *p)
{
    uint32_t out = bl_assembler_output(p->assembler), first = p->netlist->first_lut;
    for (uint32_t id = 0; id < p->netlist->n_nodes; id++)
        p->home[id] = NO_SLOT;
    for (uint32_t i = 0; i < p->ports->n_outputs; i++) {
        bl_lit lit = p->netlist->outputs[i];
        if (bl_lit_node(lit) >= first && p->home[bl_lit_node(lit)] == NO_SLOT
            && !is_flipped(p, lit))
            p->home[bl_lit_node(lit)] = out + i;
    }
}

// Ports hold what they read until the end. A state that no port reads may be overwritten.
static void hold_ports(planner *p)
{
    for (uint32_t i = 0; i < p->ports->n_inputs; i++)
        p->last_use[1 + i] = FOREVER;
    p->last_use[0] = FOREVER;
    for (uint32_t i = 0; i < p->ports->n_outputs; i++)
        p->last_use[bl_lit_node(p->netlist->outputs[i])] = FOREVER;
    for (uint32_t i = 0; i < p->ports->n_latches; i++)
        p->last_use[bl_lit_node(p->netlist->nexts[i])] = FOREVER;
}

// Next states whose unit, at position `at` of the order, comes with or behind the last reader of
// the old state.
static void find_state_homes(planner *p, uint32_t *position)
{
    uint32_t state = bl_assembler_state(p->assembler), first = p->netlist->first_lut;
    for (uint32_t i = 0; i < p->list.n; i++) {
        const unit *u = &p->list.units[p->order[i]];
        position[u->result] = i;
        if (u->second != NO_RESULT)
            position[u->second] = i;
    }
    for (uint32_t i = 0; i < p->ports->n_latches; i++) {
        bl_lit next = p->netlist->nexts[i];
        uint32_t id = bl_lit_node(next), old = 1 + p->ports->n_inputs + i;
        uint32_t last = p->last_use[old];
        if (id >= first && p->home[id] == NO_SLOT && !is_flipped(p, next)
            && (last == NEVER || (last != FOREVER && last <= position[id])))
            p->home[id] = state + i;
    }
}

static void release(planner *p, uint32_t node, uint32_t now)
{
    if (p->last_use[node] == now && p->slot[node] != NO_SLOT && node >= p->netlist->first_lut) {
        p->free_slots[p->n_free++] = p->slot[node];
        p->slot[node] = NO_SLOT; // several leaves may be the same node
    }
}

static uint32_t take_slot(planner *p, uint32_t node)
{
    uint32_t slot = p->home[node];
    if (slot == NO_SLOT)
        slot = p->n_free ? p->free_slots[--p->n_free] : bl_assembler_temporaries(p->assembler, 1);
    p->slot[node] = slot;
    return slot;
}

static void emit_count(planner *p, const unit *u, uint32_t now)
{
    const bl_netlist_count *count;
    const bl_lit *literals = literals_of(p, u, &count);
    bl_literal_list list = {.plain = p->list_slots,
                            .complemented = p->list_slots + p->list_capacity};
    for (uint32_t k = 0; k < count->n_literals; k++) {
        uint32_t slot = p->slot[bl_lit_node(literals[k])];
        if (is_flipped(p, literals[k]))
            p->list_slots[p->list_capacity + list.n_complemented++] = slot;
        else
            p->list_slots[list.n_plain++] = slot;
    }
    for (uint32_t k = 0; k < count->n_literals; k++)
        release(p, bl_lit_node(literals[k]), now);
    bl_assembler_count_ge(p->assembler, take_slot(p, u->result), &list, count->threshold);
    if (p->last_use[u->result] == NEVER)
        p->free_slots[p->n_free++] = p->slot[u->result];
}

static void emit_unit(planner *p, const unit *u, uint32_t now)
{
    if (u->kind == COUNT_KIND) {
        emit_count(p, u, now);
        return;
    }
    uint32_t x[3];
    for (int k = 0; k < 3; k++)
        x[k] = p->slot[u->leaf[k]];
    for (int k = 0; k < 3; k++)
        release(p, u->leaf[k], now);
    uint32_t dst = take_slot(p, u->result);
    if (u->second == NO_RESULT)
        bl_assembler_lut3(p->assembler, (uint8_t)u->kind, dst, x[0], x[1], x[2]);
    else
        bl_assembler_adder(p->assembler, (bl_adder)(u->kind - N_TABLES), dst,
                           take_slot(p, u->second), x[0], x[1], x[2]);
    if (p->last_use[u->result] == NEVER)
        p->free_slots[p->n_free++] = dst;
    if (u->second != NO_RESULT && p->last_use[u->second] == NEVER)
        p->free_slots[p->n_free++] = p->slot[u->second];
}

static void emit_copy(planner *p, uint32_t dst, bl_lit lit)
{
    bl_assembler_lut3(p->assembler, is_flipped(p, lit) ? TABLE_NOT_A : TABLE_A, dst,
                      p->slot[bl_lit_node(lit)], 0, 0);
}

static void emit_ports(planner *p)
{
    const bl_netlist *n = p->netlist;
    uint32_t out = bl_assembler_output(p->assembler), state = bl_assembler_state(p->assembler);
    for (uint32_t i = 0; i < p->ports->n_outputs; i++)
        if (p->slot[bl_lit_node(n->outputs[i])] != out + i)
            emit_copy(p, out + i, n->outputs[i]);
    uint32_t n_moves = 0;
    for (uint32_t i = 0; i < p->ports->n_latches; i++)
        n_moves += is_latch(p, n->nexts[i]);
    uint32_t scratch = bl_assembler_temporaries(p->assembler, n_moves), k = 0;
    for (uint32_t i = 0; i < p->ports->n_latches; i++)
        if (is_latch(p, n->nexts[i]))
            emit_copy(p, scratch + k++, n->nexts[i]);
    k = 0;
    for (uint32_t i = 0; i < p->ports->n_latches; i++) {
        if (is_latch(p, n->nexts[i]))
            bl_assembler_lut3(p->assembler, TABLE_A, state + i, scratch + k++, 0, 0);
        else if (p->slot[bl_lit_node(n->nexts[i])] != state + i)
            emit_copy(p, state + i, n->nexts[i]);
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
    const bl_graph *g = p->ports;
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
    const bl_graph *g = p->ports;
    for (uint32_t id = 0; id < p->netlist->n_nodes; id++)
        p->slot[id] = NO_SLOT;
    p->slot[0] = 0;
    for (uint32_t i = 0; i < g->n_inputs; i++)
        p->slot[1 + i] = bl_assembler_input(p->assembler) + i;
    for (uint32_t i = 0; i < g->n_latches; i++)
        p->slot[1 + g->n_inputs + i] = bl_assembler_state(p->assembler) + i;
}

static bl_status make_program(bl_program **program, planner *p)
{
    units_schedule(p->order, &p->list, p->slot); // slot is scratch, still zero
    find_last_uses(p);
    hold_ports(p);
    find_homes(p);
    find_state_homes(p, p->slot); // scratch once more
    place_ports(p);
    bl_assembler_begin_entry(p->assembler, "step");
    for (uint32_t i = 0; i < p->list.n; i++)
        emit_unit(p, &p->list.units[p->order[i]], i);
    emit_ports(p);
    return bl_assembler_finish(program, p->assembler);
}

bl_status bl_program_from_netlist(bl_program **program, const bl_netlist *netlist,
                                  const bl_allocator *allocator)
{
    assert(program && netlist && netlist->status == BL_OK);
    if (netlist->max_inputs > 3)
        return BL_ERR_ARGUMENT;
    planner p = {.netlist = netlist, .ports = netlist->ports, .allocator = allocator};
    size_t n = netlist->n_nodes;
    bl_status status = units_create(&p.list, netlist, allocator);
    if (status != BL_OK)
        return status;
    p.order = bl_alloc_array(allocator, n, sizeof *p.order);
    p.last_use = bl_alloc_array(allocator, n, sizeof *p.last_use);
    p.slot = bl_alloc_array(allocator, n, sizeof *p.slot);
    p.home = bl_alloc_array(allocator, n, sizeof *p.home);
    p.free_slots = bl_alloc_array(allocator, n, sizeof *p.free_slots);
    for (uint32_t i = 0; i < netlist->n_counts; i++)
        if (netlist->counts[i].n_literals > p.list_capacity)
            p.list_capacity = netlist->counts[i].n_literals;
    size_t list_bytes = 2 * (size_t)p.list_capacity * sizeof *p.list_slots;
    p.list_slots = bl_alloc(allocator, list_bytes);
    status = BL_ERR_MEMORY;
    if (p.order && p.last_use && p.slot && p.home && p.free_slots && p.list_slots)
        status = create_assembler(&p);
    if (status == BL_OK)
        status = make_program(program, &p);
    bl_assembler_destroy(&p.assembler);
    units_destroy(&p.list, netlist);
    bl_free(allocator, p.order, n * sizeof *p.order);
    bl_free(allocator, p.last_use, n * sizeof *p.last_use);
    bl_free(allocator, p.slot, n * sizeof *p.slot);
    bl_free(allocator, p.home, n * sizeof *p.home);
    bl_free(allocator, p.free_slots, n * sizeof *p.free_slots);
    bl_free(allocator, p.list_slots, list_bytes);
    return status;
}

static bl_status finish(bl_program **program, bl_netlist *netlist, const bl_allocator *allocator)
{
    bl_status status = bl_program_from_netlist(program, netlist, allocator);
    bl_netlist_destroy(&netlist);
    return status;
}

bl_status bl_program_from_graph(bl_program **program, const bl_graph *g,
                                const bl_allocator *allocator)
{
    bl_netlist *netlist;
    bl_status status = bl_netlist_from_graph(&netlist, g, allocator);
    return status == BL_OK ? finish(program, netlist, allocator) : status;
}

bl_status bl_program_cover_graph(bl_program **program, const bl_graph *g,
                                 const bl_allocator *allocator)
{
    bl_netlist *netlist;
    bl_status status = bl_netlist_map(&netlist, g, NULL, allocator);
    return status == BL_OK ? finish(program, netlist, allocator) : status;
}
