// SPDX-License-Identifier: MIT
#ifndef BITLOOM_LOGIC_PROVE_GROW_H
#define BITLOOM_LOGIC_PROVE_GROW_H

#include <bitloom/base.h>

#include <string.h>

// Makes room for at least n elements; new ones are zero. False, and nothing changed, without
// memory.
static inline bool grow_array(void **array, uint32_t *capacity, uint32_t n, size_t element_bytes,
                              const bl_allocator *allocator)
{
    if (n <= *capacity)
        return true;
    uint64_t wish = (uint64_t)*capacity + *capacity / 2 + 64;
    uint32_t next = wish < n ? n : wish > UINT32_MAX ? UINT32_MAX : (uint32_t)wish;
    size_t old_bytes = *capacity * element_bytes, bytes = next * element_bytes;
    void *p = bl_resize(allocator, *array, old_bytes, bytes);
    if (!p)
        return false;
    memset((char *)p + old_bytes, 0, bytes - old_bytes);
    *array = p;
    *capacity = next;
    return true;
}

#define GROW(array, capacity, n, allocator)                                                        \
    (grow_array((void **)&(array), &(capacity), n, sizeof *(array), allocator) ? BL_OK             \
                                                                               : BL_ERR_MEMORY)

#endif
