// SPDX-License-Identifier: MIT
// Memory: every block comes from one resize function, 64-byte aligned. The C heap has no aligned
// realloc, so the default one copies; above 2 MiB it asks for huge pages.

#define _DEFAULT_SOURCE // madvise
#include <bitloom/base.h>

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { ALIGNMENT = 64, HUGE_PAGE = 2 << 20 };

static void *heap_resize(void *context, void *ptr, size_t old_bytes, size_t new_bytes)
{
    (void)context;
    if (new_bytes == 0) {
        free(ptr);
        return NULL;
    }
    if (new_bytes > SIZE_MAX - HUGE_PAGE)
        return NULL;
    size_t alignment = new_bytes >= HUGE_PAGE ? HUGE_PAGE : ALIGNMENT;
    size_t rounded = (new_bytes + alignment - 1) / alignment * alignment;
    void *p = aligned_alloc(alignment, rounded);
    if (!p)
        return NULL;
#ifdef MADV_HUGEPAGE
    if (alignment == HUGE_PAGE)
        madvise(p, rounded, MADV_HUGEPAGE); // only advice: failure costs speed, nothing else
#endif
    if (ptr) {
        memcpy(p, ptr, old_bytes < new_bytes ? old_bytes : new_bytes);
        free(ptr);
    }
    return p;
}

static const bl_allocator heap = {heap_resize, NULL};

void *bl_resize(const bl_allocator *allocator, void *ptr, size_t old_bytes, size_t new_bytes)
{
    const bl_allocator *a = allocator ? allocator : &heap;
    assert(ptr || old_bytes == 0);
    void *p = a->resize(a->context, ptr, old_bytes, new_bytes);
    assert((uintptr_t)p % ALIGNMENT == 0);
    return p;
}

void *bl_alloc(const bl_allocator *allocator, size_t bytes)
{
    void *p = bl_resize(allocator, NULL, 0, bytes ? bytes : 1);
    if (p)
        memset(p, 0, bytes);
    return p;
}

void *bl_alloc_array(const bl_allocator *allocator, size_t n, size_t element_bytes)
{
    assert(element_bytes > 0);
    return n > SIZE_MAX / element_bytes ? NULL : bl_alloc(allocator, n * element_bytes);
}

void bl_free(const bl_allocator *allocator, void *ptr, size_t bytes)
{
    if (ptr)
        (void)bl_resize(allocator, ptr, bytes ? bytes : 1, 0);
}
