// SPDX-License-Identifier: MIT
// Cuts of nodes, for at most LEAVES leaves. The including file defines LEAVES, table_t, VARIABLE_0
// and how tables are handled: stretch, support, squeeze. For three leaves table3.h does.

#include <stdbool.h>
#include <stdint.h>

typedef struct cut {
    uint32_t leaf[LEAVES]; // rising
    table_t table;         // rows that differ in unused leaves only are equal
    uint8_t n, cost;
} cut;

// The leaves of both; false for more than `limit`. Bit k of mask_x: leaf k is one of x.
static inline bool unite(cut *both, const cut *x, const cut *y, uint32_t limit, unsigned *mask_x,
                         unsigned *mask_y)
{
    uint32_t i = 0, k = 0, n = 0;
    unsigned from_x = 0, from_y = 0;
    while (i < x->n && k < y->n) {
        if (n == limit)
            return false;
        uint32_t a = x->leaf[i], b = y->leaf[k];
        both->leaf[n] = a < b ? a : b;
        from_x |= (unsigned)(a <= b) << n;
        from_y |= (unsigned)(b <= a) << n;
        i += a <= b;
        k += b <= a;
        n++;
    }
    uint32_t n_x = x->n - i, n_y = y->n - k;
    if (n + n_x + n_y > limit)
        return false;
    for (; i < x->n; i++, n++) {
        both->leaf[n] = x->leaf[i];
        from_x |= 1u << n;
    }
    for (; k < y->n; k++, n++) {
        both->leaf[n] = y->leaf[k];
        from_y |= 1u << n;
    }
    both->n = (uint8_t)n;
    *mask_x = from_x;
    *mask_y = from_y;
    return true;
}

// Removes leaves that do not matter.
static inline void shrink(cut *x)
{
    unsigned needed = support(x->table) & ((1u << x->n) - 1);
    if (needed == (1u << x->n) - 1)
        return;
    uint32_t n = 0;
    for (uint32_t k = 0; k < x->n; k++)
        if (needed >> k & 1)
            x->leaf[n++] = x->leaf[k];
    x->table = squeeze(x->table, needed);
    x->n = (uint8_t)n;
}

static inline bool is_subset(const cut *small, const cut *large)
{
    uint32_t k = 0;
    for (uint32_t i = 0; i < small->n; i++) {
        while (k < large->n && large->leaf[k] < small->leaf[i])
            k++;
        if (k == large->n || large->leaf[k] != small->leaf[i])
            return false;
    }
    return true;
}

static inline cut trivial_cut(uint32_t id)
{
    return (cut){.leaf = {id}, .n = 1, .table = VARIABLE_0};
}
