// SPDX-License-Identifier: MIT
// The best of many candidates, by quickselect: about 3 n comparisons for any number of places.

#include "contest.h"

#include <assert.h>
#include <stdlib.h>

void contest_handicap(candidate *children, size_t n, double weight)
{
    double scores[256];
    assert(n <= 256);
    for (size_t i = 0; i < n; i++)
        scores[i] = children[i].score;
    for (size_t i = 0; i < n; i++) {
        uint32_t n_before = 0;
        for (size_t j = 0; j < i; j++)
            n_before += scores[j] >= scores[i];
        for (size_t j = i + 1; j < n; j++)
            n_before += scores[j] > scores[i];
        children[i].n_before = (uint8_t)n_before;
        children[i].score -= weight * n_before;
    }
}

static int by_score(const void *x, const void *y)
{
    const candidate *a = x, *b = y;
    if (a->score != b->score)
        return a->score > b->score ? -1 : 1;
    if (a->lane != b->lane)
        return a->lane < b->lane ? -1 : 1;
    return a->byte < b->byte ? -1 : a->byte > b->byte;
}

static int by_parent(const void *x, const void *y)
{
    const candidate *a = x, *b = y;
    if (a->lane != b->lane)
        return a->lane < b->lane ? -1 : 1;
    return a->byte < b->byte ? -1 : a->byte > b->byte;
}

static void swap(candidate *a, candidate *b)
{
    candidate t = *a;
    *a = *b;
    *b = t;
}

// Moves the k best of n to the front (Hoare's quickselect; the order is total, so the set is one).
static void select_best(candidate *c, size_t n, size_t k)
{
    ptrdiff_t low = 0, high = (ptrdiff_t)n - 1, last = (ptrdiff_t)k - 1;
    while (low < high) {
        candidate pivot = c[low + (high - low) / 2];
        ptrdiff_t i = low, j = high;
        while (i <= j) {
            while (by_score(&c[i], &pivot) < 0)
                i++;
            while (by_score(&c[j], &pivot) > 0)
                j--;
            if (i <= j)
                swap(&c[i++], &c[j--]);
        }
        if (last <= j) // [low, j] come before [i, high]
            high = j;
        else if (last >= i)
            low = i;
        else
            return;
    }
}

size_t contest_keep(candidate *candidates, size_t n, size_t width)
{
    if (n > width) {
        select_best(candidates, n, width);
        n = width;
    }
    qsort(candidates, n, sizeof *candidates, by_parent);
    return n;
}
