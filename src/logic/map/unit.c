// SPDX-License-Identifier: MIT
// Netlists become units in three steps. Polarity: each LUT gives 0 for 0, 0, 0, its readers know
// whether they see the complement. Order: of the six orders of leaves the one with the smallest
// table. Some 20 tables remain of 256, so that runs of one table are long. Adders: a XOR3 and a
// majority of the same leaves are one operation, which loads its operands once:
//
//     sum = a ^ b ^ c      carry  = maj(a, b, c)        ADD
//                          borrow = maj(~a, b, c)       SUBTRACT
//
// and the same for two leaves. Pairs are found by a hash of their leaves. Where there are counts,
// the units are gathered by the number of counts above them, so that runs between counts are long.

#include "logic/map/netlist_private.h"
#include "logic/map/unit.h"
#include "logic/table.h"

#include <assert.h>
#include <string.h>

enum {
    XOR3 = 0x96,
    MAJORITY = 0xE8,
    BORROW = 0x8E,
    XOR2 = 0x66,
    AND2 = 0x88,
    BORROW2 = 0x22,
    MAX_DISTANCE = 256, // units between the halves of an adder
};

static const uint8_t orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                     {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};

typedef struct normal_form {
    uint8_t table, order; // the smallest table, and the order that gives it
} normal_form;

static bool is_smaller(uint8_t x, uint8_t y) // input a is the one that need not be loaded
{
    bool x_needs_a = x >> 4 != (x & 15), y_needs_a = y >> 4 != (y & 15);
    return x_needs_a != y_needs_a ? y_needs_a : x < y;
}

static void find_normal_forms(normal_form forms[256])
{
    for (unsigned t = 0; t < 256; t++) {
        forms[t] = (normal_form){(uint8_t)t, 0};
        for (uint8_t o = 1; o < 6; o++) {
            uint8_t table = table_permute((uint8_t)t, orders[o]);
            if (is_smaller(table, forms[t].table))
                forms[t] = (normal_form){table, o};
        }
    }
}

// What ports say of a node: they read it, and the first one wants its complement.
enum { IS_PORT = 2, WANTS_COMPLEMENT = 1 };

static void note_port(uint8_t *ports, bl_lit lit)
{
    uint8_t *p = &ports[bl_lit_node(lit)];
    if (!*p)
        *p = (uint8_t)(IS_PORT | (bl_lit_is_complemented(lit) ? WANTS_COMPLEMENT : 0));
}

static void make_unit(unit_list *list, const bl_netlist *n, uint32_t i, const normal_form *forms)
{
    uint32_t node = n->first_lut + i;
    const uint32_t *leaves = &n->leaves[(size_t)i * n->max_inputs];
    uint32_t leaf[3] = {n->max_inputs > 2 ? leaves[2] : 0, leaves[1], leaves[0]};
    unsigned mask = 0;
    for (unsigned k = 0; k < 3; k++)
        mask |= (unsigned)list->is_flipped[leaf[k]] << (2 - k);
    uint8_t table = table_complement_inputs((uint8_t)n->tables[i], mask),
            port = list->is_flipped[node];
    bool is_flipped = port & IS_PORT ? port & WANTS_COMPLEMENT : table & 1;
    list->is_flipped[node] = is_flipped;
    normal_form f = forms[is_flipped ? (uint8_t)~table : table];
    unit *u = &list->units[list->n++];
    *u = (unit){.result = node, .second = NO_RESULT, .kind = f.table};
    for (unsigned k = 0; k < 3; k++)
        u->leaf[k] = leaf[orders[f.order][k]];
}

static void make_count(unit_list *list, uint32_t node)
{
    list->is_flipped[node] = 0;
    list->units[list->n++] = (unit){.result = node, .second = NO_RESULT, .kind = COUNT_KIND};
}

// ---------------------------------------------------------------------------------- adders

// The adder whose carry a unit is; BL_ADDER_COUNT for none. Majorities that a port has turned stay
// as they are.
static bl_adder carry_of(const unit *u)
{
    bool has_three = u->leaf[0] != 0;
    if (u->kind == (has_three ? MAJORITY : AND2))
        return has_three ? BL_ADD : BL_HALF_ADD;
    if (u->kind == (has_three ? BORROW : BORROW2))
        return has_three ? BL_SUBTRACT : BL_HALF_SUBTRACT;
    return BL_ADDER_COUNT;
}

static bool is_sum(const unit *u) { return u->kind == (u->leaf[0] != 0 ? XOR3 : XOR2); }

// The three leaves in rising order; a unit of two leaves has node 0 first.
static void sort_leaves(uint32_t sorted[3], const unit *u)
{
    uint32_t a = u->leaf[0], b = u->leaf[1], c = u->leaf[2], t;
    if (a > b)
        t = a, a = b, b = t;
    if (b > c)
        t = b, b = c, c = t;
    if (a > b)
        t = a, a = b, b = t;
    sorted[0] = a, sorted[1] = b, sorted[2] = c;
}

static bool has_same_leaves(const unit *x, const unit *y)
{
    uint32_t a[3], b[3];
    sort_leaves(a, x);
    sort_leaves(b, y);
    return memcmp(a, b, sizeof a) == 0;
}

// Joins two units of the same leaves into the earlier one if they are the halves of an adder.
static bool join(unit *first, const unit *later)
{
    const unit *sum = is_sum(first) ? first : later, *carry = sum == first ? later : first;
    bl_adder adder = carry_of(carry);
    if (first->second != NO_RESULT || !is_sum(sum) || adder == BL_ADDER_COUNT)
        return false;
    *first = (unit){.leaf = {carry->leaf[0], carry->leaf[1], carry->leaf[2]},
                    .result = sum->result,
                    .second = carry->result,
                    .kind = N_TABLES + adder};
    return true;
}

static uint32_t hash_leaves(const unit *u)
{
    uint32_t s[3];
    sort_leaves(s, u);
    uint64_t key = ((uint64_t)s[0] << 32 | s[1]) * UINT64_C(0x9e3779b97f4a7c15) ^ s[2];
    return (uint32_t)(bl_mix64(key) >> 32);
}

// The later half leaves the list; its place is closed. Halves that are far from each other stay
// apart: what the later one gives would have to be kept all the way.
static bl_status join_adders(unit_list *list)
{
    size_t capacity = 16;
    while (capacity < 2 * (size_t)list->n)
        capacity *= 2;
    uint32_t *table = bl_alloc_array(list->allocator, capacity, sizeof *table); // 1 + unit
    if (!table)
        return BL_ERR_MEMORY;
    uint32_t n = 0;
    for (uint32_t i = 0; i < list->n; i++) {
        unit u = list->units[i];
        bool is_joined = false;
        if (is_sum(&u) || carry_of(&u) != BL_ADDER_COUNT) {
            size_t place = hash_leaves(&u) & (capacity - 1);
            for (; table[place] && !is_joined; place = (place + 1) & (capacity - 1)) {
                unit *first = &list->units[table[place] - 1];
                if (!has_same_leaves(first, &u))
                    continue;
                if (n + 1 - table[place] > MAX_DISTANCE)
                    break; // the new one takes its place
                is_joined = join(first, &u);
            }
            if (!is_joined)
                table[place] = n + 1;
        }
        if (!is_joined)
            list->units[n++] = u;
    }
    list->n = n;
    bl_free(list->allocator, table, capacity * sizeof *table);
    return BL_OK;
}

// ---------------------------------------------------------------------------------- counts

// Even steps of the order are counts, odd ones all else. A unit runs as late as its readers allow,
// so that what an adder tree adds up need not wait for the rest. level[node]: half of the step.
static uint32_t step_of(const unit *u, const uint32_t *level)
{
    uint32_t l = level[u->result];
    if (u->second != NO_RESULT && level[u->second] < l)
        l = level[u->second];
    return 2 * l + (u->kind != COUNT_KIND);
}

// The longest path in counts.
static uint32_t find_depth(uint32_t *depth, const bl_netlist *n)
{
    uint32_t deepest = 0, at = 0;
    for (uint32_t i = 0; i < n->n_luts; i++) {
        uint32_t *own = &depth[n->first_lut + i];
        const uint32_t *leaves = &n->leaves[(size_t)i * n->max_inputs];
        for (uint32_t k = 0; k < n->max_inputs; k++)
            *own = depth[leaves[k]] > *own ? depth[leaves[k]] : *own;
        const bl_netlist_count *c = netlist_count_at(n, &at, i);
        for (uint32_t k = 0; c && k < c->n_literals; k++) {
            uint32_t l = depth[bl_lit_node(n->literals[c->first_literal + k])];
            *own = l >= *own ? l + 1 : *own;
        }
        deepest = *own > deepest ? *own : deepest;
    }
    return deepest;
}

static void lower(uint32_t *level, uint32_t node, uint32_t to)
{
    if (to < level[node])
        level[node] = to;
}

static void find_levels(uint32_t *level, const unit_list *list, const bl_netlist *n,
                        uint32_t deepest)
{
    for (uint32_t id = 0; id < n->n_nodes; id++)
        level[id] = deepest;
    for (uint32_t i = list->n, at = n->n_counts; i-- > 0;) {
        const unit *u = &list->units[i];
        uint32_t l = step_of(u, level) / 2;
        for (uint32_t k = 0; k < 3; k++)
            lower(level, u->leaf[k], l);
        if (u->kind != COUNT_KIND)
            continue;
        const bl_netlist_count *c = &n->counts[--at];
        for (uint32_t k = 0; k < c->n_literals; k++)
            lower(level, bl_lit_node(n->literals[c->first_literal + k]), l - 1);
    }
}

// Sorts the units by steps, otherwise as they stand.
static void sort_by_steps(unit *sorted, uint32_t *first, const unit_list *list,
                          const uint32_t *level, uint32_t n_steps)
{
    for (uint32_t i = 0; i < list->n; i++)
        first[step_of(&list->units[i], level) + 1]++;
    for (uint32_t k = 1; k < n_steps; k++)
        first[k] += first[k - 1];
    for (uint32_t i = 0; i < list->n; i++)
        sorted[first[step_of(&list->units[i], level)]++] = list->units[i];
}

static bl_status gather_counts(unit_list *list, const bl_netlist *n)
{
    if (n->n_counts == 0)
        return BL_OK;
    uint32_t *level = bl_alloc_array(list->allocator, n->n_nodes, sizeof *level), *first = NULL;
    unit *sorted = bl_alloc_array(list->allocator, list->capacity, sizeof *sorted);
    uint32_t deepest = level ? find_depth(level, n) : 0, n_steps = 2 * deepest + 2;
    if (sorted && level)
        first = bl_alloc_array(list->allocator, (size_t)n_steps + 1, sizeof *first);
    bl_status status = first ? BL_OK : BL_ERR_MEMORY;
    if (first) {
        find_levels(level, list, n, deepest);
        sort_by_steps(sorted, first, list, level, n_steps);
        unit *t = list->units;
        list->units = sorted;
        sorted = t;
    }
    bl_free(list->allocator, level, n->n_nodes * sizeof *level);
    bl_free(list->allocator, first, ((size_t)n_steps + 1) * sizeof *first);
    bl_free(list->allocator, sorted, list->capacity * sizeof *sorted);
    return status;
}

bl_status units_create(unit_list *list, const bl_netlist *n, const bl_allocator *allocator)
{
    assert(n->max_inputs <= 3);
    normal_form forms[256];
    find_normal_forms(forms);
    *list = (unit_list){.allocator = allocator, .capacity = n->n_luts};
    list->units = bl_alloc_array(allocator, n->n_luts, sizeof *list->units);
    list->is_flipped = bl_alloc(allocator, n->n_nodes);
    bl_status status = BL_ERR_MEMORY;
    if (list->units && list->is_flipped) {
        for (uint32_t i = 0; i < n->ports->n_outputs; i++)
            note_port(list->is_flipped, n->outputs[i]);
        for (uint32_t i = 0; i < n->ports->n_latches; i++)
            note_port(list->is_flipped, n->nexts[i]);
        memset(list->is_flipped, 0, n->first_lut);
        uint32_t at = 0;
        for (uint32_t i = 0; i < n->n_luts; i++)
            if (netlist_count_at(n, &at, i))
                make_count(list, n->first_lut + i);
            else
                make_unit(list, n, i, forms);
        status = join_adders(list);
        if (status == BL_OK)
            status = gather_counts(list, n);
    }
    if (status != BL_OK)
        units_destroy(list, n);
    return status;
}

void units_destroy(unit_list *list, const bl_netlist *n)
{
    bl_free(list->allocator, list->units, list->capacity * sizeof *list->units);
    bl_free(list->allocator, list->is_flipped, n->n_nodes);
    *list = (unit_list){0};
}
