// SPDX-License-Identifier: MIT
// All functions of four inputs by the number of gates of a formula, found by enumeration.
//
// Functions that are false in row 0 are enough, as complements are free, and so are five gates:
// a & b, a & !b, !a & b, a | b, a ^ b. Those of cost n are what these gates make of functions whose
// costs add up to n - 1. There are 222 classes under permutation and complement of inputs, but a
// table of all 32,768 functions is made in 20 ms and needs no canonical forms.

#include "functions.h"

enum { UNKNOWN = 255, MAX_COST = 12 };

typedef struct enumeration {
    functions *f;
    uint16_t *list;               // functions, by rising cost
    uint32_t begin[MAX_COST + 2]; // of each cost in the list
    uint32_t n;
} enumeration;

static void note(enumeration *e, uint16_t table, uint32_t cost, way w)
{
    functions *f = e->f;
    uint32_t at = table / 2;
    if (f->cost[at] == UNKNOWN) {
        f->cost[at] = (uint8_t)cost;
        e->list[e->n++] = table;
    }
    if (f->cost[at] == cost && f->n_ways[at] < N_WAYS)
        f->ways[at][f->n_ways[at]++] = w;
}

static void combine(enumeration *e, uint16_t a, uint16_t b, uint32_t cost)
{
    uint16_t both = a & b, either = a | b;
    note(e, both, cost, (way){a, b, 0x8});
    note(e, a & (uint16_t)~b, cost, (way){a, b, 0x2});
    note(e, (uint16_t)~a & b, cost, (way){a, b, 0x4});
    note(e, either, cost, (way){a, b, 0xE});
    note(e, a ^ b, cost, (way){a, b, 0x6});
}

static void add_cost(enumeration *e, uint32_t cost)
{
    e->begin[cost] = e->n;
    for (uint32_t left = 0; 2 * left <= cost - 1; left++) {
        uint32_t right = cost - 1 - left;
        for (uint32_t i = e->begin[left]; i < e->begin[left + 1]; i++)
            for (uint32_t k = left == right ? i + 1 : e->begin[right]; k < e->begin[right + 1]; k++)
                combine(e, e->list[i], e->list[k], cost);
    }
    e->begin[cost + 1] = e->n;
}

bl_status functions_create(functions **result, const bl_allocator *allocator)
{
    static const uint16_t inputs[4] = {0xAAAA, 0xCCCC, 0xF0F0, 0xFF00};
    enumeration e = {.f = bl_alloc(allocator, sizeof *e.f)};
    e.list = bl_alloc_array(allocator, N_NORMAL, sizeof *e.list);
    bool is_good = e.f && e.list;
    if (is_good) {
        for (uint32_t i = 0; i < N_NORMAL; i++)
            e.f->cost[i] = UNKNOWN;
        e.f->cost[0] = 0;
        for (uint32_t i = 0; i < 4; i++) {
            e.f->cost[inputs[i] / 2] = 0;
            e.list[e.n++] = inputs[i];
        }
        e.begin[1] = e.n;
        for (uint32_t cost = 1; e.n < N_NORMAL - 1 && cost <= MAX_COST; cost++)
            add_cost(&e, cost);
    }
    bl_free(allocator, e.list, N_NORMAL * sizeof *e.list);
    if (is_good)
        *result = e.f;
    else
        functions_destroy(&e.f, allocator);
    return is_good ? BL_OK : BL_ERR_MEMORY;
}

void functions_destroy(functions **f, const bl_allocator *allocator)
{
    bl_free(allocator, *f, sizeof **f);
    *f = NULL;
}
