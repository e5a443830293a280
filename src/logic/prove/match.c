// SPDX-License-Identifier: MIT
// Two sorted lists of names, compared place by place.

#include "match.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

typedef struct named {
    const char *name;
    uint32_t index;
} named;

static uint32_t count_ports(const bl_graph *g, match_kind kind)
{
    return kind == MATCH_INPUTS ? g->n_inputs : kind == MATCH_LATCHES ? g->n_latches : g->n_outputs;
}

static const char *name_of(const bl_graph *g, match_kind kind, uint32_t i)
{
    uint32_t name = kind == MATCH_INPUTS    ? g->inputs[i].name
                    : kind == MATCH_LATCHES ? g->latches[i].name
                                            : g->outputs[i].name;
    return bl_graph_name(g, name);
}

static int by_name(const void *x, const void *y)
{
    return strcmp(((const named *)x)->name, ((const named *)y)->name);
}

static void sort_names(named *list, const bl_graph *g, match_kind kind, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        list[i] = (named){name_of(g, kind, i), i};
    qsort(list, n, sizeof *list, by_name);
}

// The same names, each once, none empty.
static bool are_alike(const named *a, const named *b, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        if (!*a[i].name || strcmp(a[i].name, b[i].name) != 0
            || (i > 0 && strcmp(a[i].name, a[i - 1].name) == 0))
            return false;
    return n > 0;
}

bl_status match_ports(uint32_t *b_of_a, const bl_graph *a, const bl_graph *b, match_kind kind,
                      const bl_allocator *allocator)
{
    uint32_t n = count_ports(a, kind);
    assert(count_ports(b, kind) == n);
    named *lists = bl_alloc_array(allocator, 2 * (size_t)n + 1, sizeof *lists);
    if (!lists)
        return BL_ERR_MEMORY;
    sort_names(lists, a, kind, n);
    sort_names(lists + n, b, kind, n);
    bool has_names = are_alike(lists, lists + n, n);
    for (uint32_t i = 0; i < n; i++)
        b_of_a[has_names ? lists[i].index : i] = has_names ? lists[n + i].index : i;
    bl_free(allocator, lists, (2 * (size_t)n + 1) * sizeof *lists);
    return BL_OK;
}
