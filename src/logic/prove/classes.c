// SPDX-License-Identifier: MIT
// Classes as linked lists through arrays:
//
//     thing   0  1  2  3  4  5  6         classes {0 3} {1 4 6} {2} {5}
//     head    0  1  2  0  1  5  1
//     next    3  4  0  0  6  0  0
//
// A refinement leaves with each head those that still agree with it; the others find each other
// in a hash table of planes. It looks at each thing of a class twice at most.

#include "classes.h"

#include "grow.h"

#include "base/try.h"

struct classes_place {
    uint32_t head, tail; // head 0: free
};

bl_status classes_create(classes *c, uint32_t n, const bl_plane *planes,
                         const bl_allocator *allocator)
{
    *c = (classes){.n = n, .allocator = allocator};
    c->head = bl_alloc_array(allocator, n, sizeof *c->head);
    c->next = bl_alloc_array(allocator, n, sizeof *c->next);
    c->is_complemented = bl_alloc(allocator, n);
    if (!c->head || !c->next || !c->is_complemented) {
        classes_clear(c);
        return BL_ERR_MEMORY;
    }
    for (uint32_t i = 0; i < n; i++) {
        c->next[i] = i + 1 < n ? i + 1 : 0;
        c->is_complemented[i] = planes[i].word[0] & 1;
    }
    return BL_OK;
}

void classes_clear(classes *c)
{
    bl_free(c->allocator, c->head, c->n * sizeof *c->head);
    bl_free(c->allocator, c->next, c->n * sizeof *c->next);
    bl_free(c->allocator, c->is_complemented, c->n);
    bl_free(c->allocator, c->left, c->left_capacity * sizeof *c->left);
    bl_free(c->allocator, c->table, c->table_capacity * sizeof *c->table);
    *c = (classes){0};
}

static bool is_same(const classes *c, const bl_plane *planes, uint32_t x, uint32_t y)
{
    uint64_t flip = c->is_complemented[x] != c->is_complemented[y] ? ~UINT64_C(0) : 0;
    for (size_t i = 0; i < BL_LANES / 64; i++)
        if ((planes[x].word[i] ^ flip) != planes[y].word[i])
            return false;
    return true;
}

static uint32_t hash_plane(const classes *c, const bl_plane *planes, uint32_t x)
{
    uint64_t flip = c->is_complemented[x] ? ~UINT64_C(0) : 0, hash = 0;
    for (size_t i = 0; i < BL_LANES / 64; i++) {
        hash = (hash ^ planes[x].word[i] ^ flip) * UINT64_C(0x9e3779b97f4a7c15);
        hash ^= hash >> 32;
    }
    return (uint32_t)hash;
}

// Moves the things of a class that differ from its head to `left`, in order.
static bl_status split_head(uint32_t *n_left, classes *c, const bl_plane *planes, uint32_t head)
{
    uint32_t last = head;
    *n_left = 0;
    for (uint32_t i = c->next[head]; i != 0; i = c->next[i]) {
        if (c->head[i] != head)
            continue; // removed
        if (is_same(c, planes, i, head)) {
            c->next[last] = i;
            last = i;
            continue;
        }
        TRY(GROW(c->left, c->left_capacity, *n_left + 1, c->allocator));
        c->left[(*n_left)++] = i;
    }
    c->next[last] = 0;
    return BL_OK;
}

static bl_status clear_table(uint32_t *mask, classes *c, uint32_t n)
{
    uint32_t size = 16;
    while (size < 2 * (uint64_t)n)
        size *= 2;
    TRY(GROW(c->table, c->table_capacity, size, c->allocator));
    memset(c->table, 0, size * sizeof *c->table);
    *mask = size - 1;
    return BL_OK;
}

static bl_status group_left(uint32_t *n_new, classes *c, const bl_plane *planes, uint32_t n_left)
{
    uint32_t mask;
    TRY(clear_table(&mask, c, n_left));
    for (uint32_t k = 0; k < n_left; k++) {
        uint32_t i = c->left[k], at = hash_plane(c, planes, i) & mask;
        while (c->table[at].head != 0 && !is_same(c, planes, i, c->table[at].head))
            at = (at + 1) & mask;
        struct classes_place *place = &c->table[at];
        if (place->head == 0) {
            place->head = i;
            (*n_new)++;
        } else
            c->next[place->tail] = i;
        place->tail = i;
        c->head[i] = place->head;
        c->next[i] = 0;
    }
    return BL_OK;
}

bl_status classes_refine(uint32_t *n_new, classes *c, const bl_plane *planes)
{
    *n_new = 0;
    for (uint32_t i = 0; i < c->n; i++) {
        if (c->head[i] != i || c->next[i] == 0)
            continue;
        uint32_t n_left;
        TRY(split_head(&n_left, c, planes, i));
        if (n_left > 0)
            TRY(group_left(n_new, c, planes, n_left));
    }
    return BL_OK;
}
