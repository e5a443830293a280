// SPDX-License-Identifier: MIT
// A program with the planes it works on, and the door for the states of single lanes.

#include "interpret.h"
#include "program_private.h"

#include <assert.h>
#include <string.h>

struct bl_machine {
    const bl_program *program;
    bl_plane *slots;
    const interpreter *interpreter;
    const bl_bits *bits;
    size_t state_bytes;
    const bl_allocator *allocator;
};

static const interpreter *find_interpreter(bl_cpu level)
{
    switch (level) {
#if defined(__x86_64__)
    case BL_CPU_AVX512: return &interpreter_avx512;
    case BL_CPU_AVX2: return &interpreter_avx2;
#elif defined(__aarch64__)
    case BL_CPU_NEON: return &interpreter_neon;
#endif
    default: return &interpreter_c;
    }
}

bl_status bl_machine_create(bl_machine **result, const bl_program *program, bl_cpu level,
                            const bl_allocator *allocator)
{
    assert(result && program && bl_cpu_is_supported(level));
    bl_machine *m = bl_alloc(allocator, sizeof *m);
    if (!m)
        return BL_ERR_MEMORY;
    size_t n = program->header->n_slots;
    *m = (bl_machine){.program = program,
                      .interpreter = find_interpreter(level),
                      .bits = bl_bits_get(level),
                      .allocator = allocator,
                      .state_bytes = ((size_t)program->header->n_state + 7) / 8};
    m->slots = bl_alloc_array(allocator, n, sizeof *m->slots);
    if (!m->slots) {
        bl_machine_destroy(&m);
        return BL_ERR_MEMORY;
    }
    memset(&m->slots[1], 0xFF, sizeof m->slots[1]);
    *result = m;
    return BL_OK;
}

void bl_machine_destroy(bl_machine **handle)
{
    bl_machine *m = handle ? *handle : NULL;
    if (!m)
        return;
    bl_free(m->allocator, m->slots, m->program->header->n_slots * sizeof *m->slots);
    bl_free(m->allocator, m, sizeof *m);
    *handle = NULL;
}

bl_plane *bl_machine_input(bl_machine *m) { return m->slots + m->program->info.first_input; }
bl_plane *bl_machine_state(bl_machine *m) { return m->slots + m->program->info.first_state; }
bl_plane *bl_machine_output(bl_machine *m) { return m->slots + m->program->info.first_output; }
size_t bl_machine_state_bytes(const bl_machine *m) { return m->state_bytes; }

void bl_machine_run(bl_machine *m, uint32_t entry)
{
    const bl_program *p = m->program;
    assert(entry < p->header->n_entries);
    uint64_t first = p->entries[entry].first_word;
    if (p->header->is_wide)
        m->interpreter->wide(m->slots, (const uint32_t *)p->code + first);
    else
        m->interpreter->narrow(m->slots, (const uint16_t *)p->code + first);
}

// The state goes through the slicing kernels in pieces of 64, 32, 16 and 8 bits; a last piece of
// fewer than 8 bits goes through eight scratch planes.
typedef struct piece {
    size_t first_bit, width;
} piece;

static bool next_piece(piece *p, size_t n_bits)
{
    p->first_bit += p->width;
    size_t left = n_bits - p->first_bit;
    p->width = left >= 64 ? 64 : left >= 32 ? 32 : left >= 16 ? 16 : 8;
    return left > 0;
}

void bl_machine_load_lanes(bl_machine *m, const uint8_t *states, size_t n_lanes)
{
    assert(n_lanes <= BL_LANES);
    bl_plane *state = bl_machine_state(m), scratch[8];
    size_t n_bits = m->program->header->n_state;
    for (piece p = {0}; next_piece(&p, n_bits);) {
        bool is_whole = n_bits - p.first_bit >= p.width;
        if (n_lanes == 0)
            memset(state + p.first_bit, 0,
                   (is_whole ? p.width : n_bits - p.first_bit) * sizeof *state);
        else
            bl_slice(m->bits, is_whole ? state + p.first_bit : scratch, states + p.first_bit / 8,
                     m->state_bytes, n_lanes, p.width);
        if (!is_whole && n_lanes > 0)
            memcpy(state + p.first_bit, scratch, (n_bits - p.first_bit) * sizeof *state);
        if (!is_whole)
            break;
    }
}

void bl_machine_store_lanes(uint8_t *states, const bl_machine *m, size_t n_lanes)
{
    assert(n_lanes <= BL_LANES);
    const bl_plane *state = m->slots + m->program->info.first_state;
    size_t n_bits = m->program->header->n_state;
    for (piece p = {0}; next_piece(&p, n_bits);) {
        bl_plane scratch[8] = {0};
        bool is_whole = n_bits - p.first_bit >= p.width;
        if (!is_whole)
            memcpy(scratch, state + p.first_bit, (n_bits - p.first_bit) * sizeof *state);
        bl_unslice(m->bits, states + p.first_bit / 8, m->state_bytes,
                   is_whole ? state + p.first_bit : scratch, n_lanes, p.width);
        if (!is_whole)
            break;
    }
}
