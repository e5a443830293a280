// SPDX-License-Identifier: MIT
// Building is depth first with a stack of its own; a wire that is met while it is open lies on a
// loop. Covers are sums of products, one line each:
//
//     1-0 1        the value of all lines is the same: 1 lists where the function is true,
//     011 1        0 where it is false

#include "logic/formats/wires.h"

#include "base/try.h"
#include "logic/graph_private.h"

#include <assert.h>
#include <string.h>

enum { MAX_PART_WIRES = 1 << 24, MAX_WIRES = INT32_MAX - 1 };

bl_status wires_create(wires *w, text *t, const bl_allocator *allocator)
{
    uint64_t limit = t->bytes + MAX_PART_WIRES;
    *w = (wires){.all = {.allocator = allocator},
                 .operands = {.allocator = allocator},
                 .nexts = {.allocator = allocator},
                 .outputs = {.allocator = allocator},
                 .limit = limit < MAX_WIRES ? limit : MAX_WIRES,
                 .text = t,
                 .allocator = allocator};
    return bl_graph_create(&w->graph, allocator);
}

bl_status wires_add(uint32_t *id, wires *w, slice name)
{
    size_t n = w->all.bytes / sizeof(wire);
    if (n >= w->limit)
        return TEXT_FAIL(w->text, BL_ERR_LIMIT, "more than %llu signals",
                         (unsigned long long)w->limit);
    wire new_wire = {.name = name, .line = w->text->line};
    bl_buffer_append(&w->all, &new_wire, sizeof new_wire);
    *id = (uint32_t)n;
    return w->all.status;
}

bl_status wires_add_operand(wires *w, uint32_t id)
{
    bl_buffer_append(&w->operands, &id, sizeof id);
    return w->operands.status;
}

bl_status wires_drive(wires *w, uint32_t id, wire_kind kind, bool is_complemented, uint64_t first)
{
    wire *x = wires_at(w, id);
    if (x->kind != WIRE_NONE)
        return TEXT_FAIL(w->text, BL_ERR_FORMAT,
                         "signal \"%.*s\" is driven twice, first in line %llu", SLICE(x->name),
                         (unsigned long long)x->line);
    x->kind = (uint8_t)kind;
    x->is_complemented = is_complemented;
    x->first_operand = first;
    x->n_operands = (uint32_t)(wires_n_operands(w) - first);
    x->line = w->text->line;
    return BL_OK;
}

bl_status wires_input(wires *w, uint32_t id, slice name)
{
    graph *g = (graph *)w->graph;
    TRY(wires_drive(w, id, WIRE_GIVEN, false, wires_n_operands(w)));
    wires_at(w, id)->lit = bl_graph_input(w->graph, NULL);
    TRY(w->graph->status);
    return bl_graph_keep_name(&g->inputs[w->graph->n_inputs - 1].name, g, name.at, name.n);
}

bl_status wires_latch(wires *w, uint32_t id, uint32_t next, bl_reset reset, slice name)
{
    graph *g = (graph *)w->graph;
    TRY(wires_drive(w, id, WIRE_GIVEN, false, wires_n_operands(w)));
    wires_at(w, id)->lit = bl_graph_latch(w->graph, reset, NULL);
    TRY(w->graph->status);
    bl_buffer_append(&w->nexts, &next, sizeof next);
    TRY(w->nexts.status);
    return bl_graph_keep_name(&g->latches[w->graph->n_latches - 1].name, g, name.at, name.n);
}

bl_status wires_output(wires *w, uint32_t id)
{
    bl_buffer_append(&w->outputs, &id, sizeof id);
    return w->outputs.status;
}

// ------------------------------------------------------------------------------------- building

static const uint32_t *operands_of(const wires *w, const wire *x)
{
    return (const uint32_t *)(const void *)w->operands.data + x->first_operand;
}

static bl_lit operand(const wires *w, const wire *x, uint32_t k)
{
    return wires_at(w, operands_of(w, x)[k])->lit;
}

// The conjunction of operands whose column is 1 or, complemented, 0.
static bl_lit build_cube(wires *w, const wire *x, const char *columns)
{
    bl_lit all = BL_LIT_TRUE;
    for (uint32_t k = 0; k < x->n_operands; k++)
        if (columns[k] != '-')
            all = bl_graph_and(w->graph, all, operand(w, x, k) ^ (columns[k] == '0'));
    return all;
}

// A line that goes on in the next one has a backslash at its end.
static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\\';
}

// The reader has checked the cover: n_operands columns, a blank, a value, a line end.
static bl_lit build_cover(wires *w, const wire *x)
{
    bl_lit any = BL_LIT_FALSE;
    const char *at = x->cover.at, *end = at + x->cover.n;
    bool lists_zeros = false;
    while (at < end) {
        while (at < end && is_blank(*at))
            at++;
        if (at == end)
            break;
        if (*at == '#') {
            while (at < end && *at != '\n')
                at++;
            continue;
        }
        const char *columns = at;
        at += x->n_operands;
        while (is_blank(*at))
            at++;
        lists_zeros = *at++ == '0';
        any = bl_graph_or(w->graph, any, build_cube(w, x, columns));
    }
    return any ^ lists_zeros;
}

// Shannon's expansion by the last of n operands; equal halves cost nothing.
static bl_lit build_table(wires *w, const wire *x, uint64_t table, uint32_t n)
{
    if (n == 0)
        return table & 1 ? BL_LIT_TRUE : BL_LIT_FALSE;
    bl_lit low = build_table(w, x, table, n - 1);
    bl_lit high = build_table(w, x, table >> (1u << (n - 1)), n - 1);
    return bl_graph_mux(w->graph, operand(w, x, n - 1), high, low);
}

static bl_lit build_one(wires *w, const wire *x)
{
    bl_lit lit;
    switch (x->kind) {
    case WIRE_TABLE: return build_table(w, x, x->table, x->n_operands);
    case WIRE_ALIAS: return operand(w, x, 0);
    case WIRE_MUX:
        return bl_graph_mux(w->graph, operand(w, x, 0), operand(w, x, 1), operand(w, x, 2));
    case WIRE_COVER: return build_cover(w, x);
    case WIRE_AND:
        lit = BL_LIT_TRUE;
        for (uint32_t k = 0; k < x->n_operands; k++)
            lit = bl_graph_and(w->graph, lit, operand(w, x, k));
        return lit;
    case WIRE_OR:
        lit = BL_LIT_FALSE;
        for (uint32_t k = 0; k < x->n_operands; k++)
            lit = bl_graph_or(w->graph, lit, operand(w, x, k));
        return lit;
    default:
        assert(x->kind == WIRE_XOR);
        lit = BL_LIT_FALSE;
        for (uint32_t k = 0; k < x->n_operands; k++)
            lit = bl_graph_xor(w->graph, lit, operand(w, x, k));
        return lit;
    }
}

static bool is_known(const wire *x) { return x->kind == WIRE_DONE || x->kind == WIRE_GIVEN; }

// Opens a wire: its operands that are not known go onto the stack.
static bl_status open_wire(wires *w, bl_buffer *stack, uint32_t id)
{
    wire *x = wires_at(w, id);
    if (x->kind == WIRE_NONE)
        return bl_diag_set(w->text->diag, BL_ERR_FORMAT, w->text->name, x->line, 0,
                           "signal \"%.*s\" is used, but nothing drives it", SLICE(x->name));
    x->is_open = true;
    for (uint32_t k = x->n_operands; k-- > 0;) {
        uint32_t below = operands_of(w, x)[k];
        const wire *y = wires_at(w, below);
        if (y->is_open)
            return bl_diag_set(w->text->diag, BL_ERR_FORMAT, w->text->name, y->line, 0,
                               "signal \"%.*s\" depends on itself", SLICE(y->name));
        if (!is_known(y))
            bl_buffer_append(stack, &below, sizeof below);
    }
    return stack->status;
}

static bl_status build_all(wires *w, bl_buffer *stack)
{
    while (stack->bytes > 0) {
        uint32_t id;
        memcpy(&id, stack->data + stack->bytes - sizeof id, sizeof id);
        wire *x = wires_at(w, id);
        if (!is_known(x) && !x->is_open) {
            TRY(open_wire(w, stack, id));
            continue;
        }
        stack->bytes -= sizeof id;
        if (is_known(x))
            continue;
        x->lit = build_one(w, x) ^ x->is_complemented;
        x->kind = WIRE_DONE;
        x->is_open = false;
        if (w->graph->status != BL_OK)
            return w->graph->status;
    }
    return BL_OK;
}

static bl_status build(bl_lit *lit, wires *w, bl_buffer *stack, uint32_t id)
{
    bl_buffer_append(stack, &id, sizeof id);
    TRY(stack->status);
    TRY(build_all(w, stack));
    *lit = wires_at(w, id)->lit;
    return BL_OK;
}

static bl_status connect_ports(wires *w, bl_buffer *stack)
{
    const uint32_t *outputs = (const uint32_t *)(const void *)w->outputs.data;
    const uint32_t *nexts = (const uint32_t *)(const void *)w->nexts.data;
    graph *g = (graph *)w->graph;
    bl_lit lit = BL_LIT_FALSE;
    for (uint32_t i = 0; i < w->nexts.bytes / sizeof *nexts; i++) {
        TRY(build(&lit, w, stack, nexts[i]));
        bl_graph_set_next(w->graph, i, lit);
    }
    for (uint32_t i = 0; i < w->outputs.bytes / sizeof *outputs; i++) {
        TRY(build(&lit, w, stack, outputs[i]));
        slice name = wires_at(w, outputs[i])->name;
        bl_graph_output(w->graph, lit, NULL);
        TRY(w->graph->status);
        TRY(bl_graph_keep_name(&g->outputs[i].name, g, name.at, name.n));
    }
    return w->graph->status;
}

bl_status wires_finish(bl_graph **result, wires *w, bl_status status)
{
    bl_buffer stack = {.allocator = w->allocator};
    if (status == BL_OK)
        status = connect_ports(w, &stack);
    bl_buffer_clear(&stack);
    bl_buffer_clear(&w->all);
    bl_buffer_clear(&w->operands);
    bl_buffer_clear(&w->nexts);
    bl_buffer_clear(&w->outputs);
    if (status == BL_OK)
        *result = w->graph;
    else
        bl_graph_destroy(&w->graph);
    if (status == BL_ERR_MEMORY)
        bl_diag_set(w->text->diag, status, w->text->name, 0, 0, "out of memory");
    return status;
}

// ---------------------------------------------------------------------------------------- names

static uint64_t hash_name(slice name)
{
    uint64_t h = name.n;
    for (uint32_t i = 0; i < name.n; i++)
        h = (h ^ (uint8_t)name.at[i]) * UINT64_C(0x100000001b3);
    return bl_mix64(h);
}

// Where the name is, or belongs.
static uint32_t find_place(const scope *s, slice name)
{
    uint32_t place = (uint32_t)hash_name(name) & (s->capacity - 1);
    while (s->ids[place]
           && (s->names[place].n != name.n || memcmp(s->names[place].at, name.at, name.n) != 0))
        place = (place + 1) & (s->capacity - 1);
    return place;
}

static bl_status grow(scope *s)
{
    scope larger = {.capacity = s->capacity ? 2 * s->capacity : 64, .allocator = s->allocator};
    larger.ids = bl_alloc_array(s->allocator, larger.capacity, sizeof *larger.ids);
    larger.names = bl_alloc_array(s->allocator, larger.capacity, sizeof *larger.names);
    if (!larger.ids || !larger.names) {
        scope_clear(&larger);
        return BL_ERR_MEMORY;
    }
    larger.n = s->n;
    for (uint32_t i = 0; i < s->capacity; i++)
        if (s->ids[i]) {
            uint32_t place = find_place(&larger, s->names[i]);
            larger.ids[place] = s->ids[i];
            larger.names[place] = s->names[i];
        }
    scope_clear(s);
    *s = larger;
    return BL_OK;
}

static bl_status reserve(scope *s) { return s->n < s->capacity / 2 ? BL_OK : grow(s); }

bl_status scope_find(uint32_t *id, scope *s, wires *w, slice name)
{
    TRY(reserve(s));
    uint32_t place = find_place(s, name);
    if (!s->ids[place]) {
        uint32_t fresh = 0;
        TRY(wires_add(&fresh, w, name));
        s->ids[place] = fresh + 1;
        s->names[place] = name;
        s->n++;
    }
    *id = s->ids[place] - 1;
    return BL_OK;
}

bl_status scope_bind(scope *s, slice name, uint32_t id)
{
    TRY(reserve(s));
    uint32_t place = find_place(s, name);
    if (s->ids[place])
        return BL_ERR_ARGUMENT;
    s->ids[place] = id + 1;
    s->names[place] = name;
    s->n++;
    return BL_OK;
}

void scope_clear(scope *s)
{
    bl_free(s->allocator, s->ids, s->capacity * sizeof *s->ids);
    bl_free(s->allocator, s->names, s->capacity * sizeof *s->names);
    *s = (scope){.allocator = s->allocator};
}
