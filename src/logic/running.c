// SPDX-License-Identifier: MIT
// Narrow code in its running form: slots are multiplied by NARROW_SCALE, so that the scaled
// addressing of x86 ends at the plane without a shift. That leaves room for 8,192 slots; code with
// more of them runs from 32-bit words. Wide code runs where it lies.

#include "running.h"

#include "interpret.h"

#include <string.h>

enum { MAX_SCALED_SLOTS = 65536 / NARROW_SCALE };

static void scale(uint16_t *words, uint64_t first, uint64_t end)
{
    for (uint64_t i = first; i < end; i++)
        words[i] = (uint16_t)(words[i] * NARROW_SCALE);
}

// `words` is still as in the program where it has not been scaled.
static void scale_entry(uint16_t *words, const bl_program *p, uint32_t entry)
{
    uint64_t at = p->entries[entry].first_word;
    for (;;) {
        operation op;
        uint64_t begin = at;
        at = program_next(&op, p, at);
        if (op.kind == OP_END)
            return;
        if (op.n_results) {
            scale(words, op.first, at);
            continue;
        }
        scale(words, begin + 1, begin + 2); // the result
        uint64_t list = op.first;
        for (uint32_t k = 0; k < op.n_digits; k++) {
            literal_span span;
            list = program_list(&span, p, list);
            scale(words, span.plain, list);
        }
    }
}

static void widen(uint32_t *dst, const uint16_t *src, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++)
        dst[i] = src[i];
}

bl_status running_code_create(running_code *code, const bl_program *p,
                              const bl_allocator *allocator)
{
    bool is_scaled = p->header->n_slots <= MAX_SCALED_SLOTS;
    *code = (running_code){.words = p->code, .is_wide = p->header->is_wide || !is_scaled};
    if (p->header->is_wide)
        return BL_OK;
    uint64_t n = p->header->n_code_words;
    code->owned_bytes = n * (is_scaled ? sizeof(uint16_t) : sizeof(uint32_t));
    code->owned = bl_resize(allocator, NULL, 0, code->owned_bytes + 1);
    if (!code->owned)
        return BL_ERR_MEMORY;
    code->owned_bytes++;
    code->words = code->owned;
    if (!is_scaled) {
        widen(code->owned, p->code, n);
        return BL_OK;
    }
    memcpy(code->owned, p->code, n * sizeof(uint16_t));
    for (uint32_t e = 0; e < p->header->n_entries; e++)
        scale_entry(code->owned, p, e);
    return BL_OK;
}

void running_code_destroy(running_code *code, const bl_allocator *allocator)
{
    bl_free(allocator, code->owned, code->owned_bytes);
    *code = (running_code){0};
}
