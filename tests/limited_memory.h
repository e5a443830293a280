// SPDX-License-Identifier: MIT
#ifndef BITLOOM_TESTS_LIMITED_MEMORY_H
#define BITLOOM_TESTS_LIMITED_MEMORY_H

// An allocator that fails after so many allocations:
//
//     int left = 3;
//     bl_allocator limited = {limited_resize, &left};

#include <bitloom/base.h>

static inline void *limited_resize(void *context, void *p, size_t old_bytes, size_t new_bytes)
{
    int *left = context;
    if (new_bytes && (*left)-- <= 0)
        return NULL;
    return new_bytes ? bl_resize(NULL, p, old_bytes, new_bytes)
                     : (bl_free(NULL, p, old_bytes), (void *)NULL);
}

#endif
