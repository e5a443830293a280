// SPDX-License-Identifier: MIT

#include "m4ri.h"

#include <bitloom/base.h>

#include <dlfcn.h>

struct m4ri_pair {
    void *from, *to;
};

static void *(*init)(int, int);
static void *(*transpose)(void *, const void *);
static void (*randomize)(void *);
static void (*release)(void *);

bool m4ri_open(void)
{
    static const char *const names[] = {"libm4ri.so", "libm4ri-0.0.20200125.so", "libm4ri.so.1"};
    void *library = NULL;
    for (size_t i = 0; !library && i < sizeof names / sizeof *names; i++)
        library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
    if (!library)
        return false;
    *(void **)&init = dlsym(library, "mzd_init");
    *(void **)&transpose = dlsym(library, "mzd_transpose");
    *(void **)&randomize = dlsym(library, "mzd_randomize");
    *(void **)&release = dlsym(library, "mzd_free");
    return init && transpose && randomize && release;
}

m4ri_pair *m4ri_pair_create(int rows, int cols)
{
    m4ri_pair *pair = bl_alloc(NULL, sizeof *pair);
    if (!pair)
        return NULL;
    pair->from = init(rows, cols);
    pair->to = init(cols, rows);
    if (pair->from && pair->to) {
        randomize(pair->from);
        return pair;
    }
    m4ri_pair_destroy(pair);
    return NULL;
}

void m4ri_pair_destroy(m4ri_pair *pair)
{
    if (!pair)
        return;
    if (pair->from)
        release(pair->from);
    if (pair->to)
        release(pair->to);
    bl_free(NULL, pair, sizeof *pair);
}

void m4ri_transpose(void *context)
{
    m4ri_pair *pair = context;
    transpose(pair->to, pair->from);
}
