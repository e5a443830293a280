// SPDX-License-Identifier: MIT
// A program with the planes it works on, and the door for the states of single lanes.

#include "interpret.h"
#include "logic/code/code_run.h"
#include "running.h"

#include <assert.h>
#include <string.h>

struct bl_machine {
    const bl_program *program;
    bl_plane *slots;
    const interpreter *interpreter;
    running_code words;  // where it is interpreted
    const bl_code *code; // or NULL: interpreted
    bl_code *own_code;
    const bl_bits *bits;
    size_t state_bytes;
    size_t n_chunks, stride;
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

// Sequences of simple operations run faster as code, long lists of macro-operations as data.
static bl_run choose_run(const bl_program *p, const bl_machine_params *params)
{
    (void)p;
    return bl_code_is_possible(params->level) ? BL_RUN_CODE : BL_RUN_INTERPRETER;
}

static bl_status choose_code(bl_machine *m, const bl_machine_params *params)
{
    bl_run run = params->run == BL_RUN_AUTO ? choose_run(m->program, params) : params->run;
    if (run == BL_RUN_INTERPRETER)
        return running_code_create(&m->words, m->program, m->allocator);
    m->code = params->code;
    if (m->code)
        return BL_OK;
    bl_code_params code = {.level = params->level, .n_chunks = params->n_chunks};
    bl_status status = bl_code_compile(&m->own_code, m->program, &code, m->allocator);
    m->code = m->own_code;
    if (status == BL_ERR_UNSUPPORTED && params->run == BL_RUN_AUTO)
        return running_code_create(&m->words, m->program, m->allocator);
    return status;
}

static bl_status make_slots(bl_machine *m)
{
    bl_code_info info = {0};
    if (m->code)
        bl_code_get_info(&info, m->code);
    size_t n = m->program->header->n_slots;
    n = info.n_slots > n ? info.n_slots : n;
    m->stride = n | 1; // planes of one slot in different sets of the cache
    m->slots = bl_alloc_array(m->allocator, m->n_chunks * m->stride, sizeof *m->slots);
    if (!m->slots)
        return BL_ERR_MEMORY;
    for (size_t k = 0; k < m->n_chunks; k++)
        memset(&m->slots[k * m->stride + 1], 0xFF, sizeof *m->slots);
    return BL_OK;
}

bl_status bl_machine_create_as(bl_machine **result, const bl_program *program,
                               const bl_machine_params *params, const bl_allocator *allocator)
{
    assert(result && program && params && bl_cpu_is_supported(params->level));
    bl_machine *m = bl_alloc(allocator, sizeof *m);
    if (!m)
        return BL_ERR_MEMORY;
    *m = (bl_machine){.program = program,
                      .interpreter = find_interpreter(params->level),
                      .bits = bl_bits_get(params->level),
                      .allocator = allocator,
                      .n_chunks = params->n_chunks ? params->n_chunks : 1,
                      .state_bytes = ((size_t)program->header->n_state + 7) / 8};
    bl_status status = choose_code(m, params);
    if (status == BL_OK)
        status = make_slots(m);
    if (status == BL_OK)
        *result = m;
    else
        bl_machine_destroy(&m);
    return status;
}

bl_status bl_machine_create_many(bl_machine **result, const bl_program *program, size_t n_chunks,
                                 bl_cpu level, const bl_allocator *allocator)
{
    bl_machine_params params = {.level = level, .n_chunks = n_chunks, .run = BL_RUN_INTERPRETER};
    return bl_machine_create_as(result, program, &params, allocator);
}

bl_status bl_machine_create(bl_machine **result, const bl_program *program, bl_cpu level,
                            const bl_allocator *allocator)
{
    return bl_machine_create_many(result, program, 1, level, allocator);
}

void bl_machine_destroy(bl_machine **handle)
{
    bl_machine *m = handle ? *handle : NULL;
    if (!m)
        return;
    bl_code_destroy(&m->own_code);
    running_code_destroy(&m->words, m->allocator);
    bl_free(m->allocator, m->slots, m->n_chunks * m->stride * sizeof *m->slots);
    bl_free(m->allocator, m, sizeof *m);
    *handle = NULL;
}

bl_run bl_machine_get_run(const bl_machine *m)
{
    return m->code ? BL_RUN_CODE : BL_RUN_INTERPRETER;
}
const bl_code *bl_machine_get_code(const bl_machine *m) { return m->code; }

bl_plane *bl_machine_input(bl_machine *m) { return m->slots + m->program->info.first_input; }
bl_plane *bl_machine_state(bl_machine *m) { return m->slots + m->program->info.first_state; }
bl_plane *bl_machine_output(bl_machine *m) { return m->slots + m->program->info.first_output; }
size_t bl_machine_stride(const bl_machine *m) { return m->stride; }
size_t bl_machine_state_bytes(const bl_machine *m) { return m->state_bytes; }

void bl_machine_run(bl_machine *m, uint32_t entry)
{
    const bl_program *p = m->program;
    assert(entry < p->header->n_entries);
    if (m->code) {
        code_run(m->code, entry, m->slots, 1, m->stride);
        return;
    }
    uint64_t first = p->entries[entry].first_word;
    if (m->words.is_wide)
        m->interpreter->wide(m->slots, (const uint32_t *)m->words.words + first);
    else
        m->interpreter->narrow(m->slots, (const uint16_t *)m->words.words + first);
}

void bl_machine_run_many(bl_machine *m, uint32_t entry, size_t n_chunks)
{
    const bl_program *p = m->program;
    assert(entry < p->header->n_entries && n_chunks <= m->n_chunks);
    if (m->code) {
        code_run(m->code, entry, m->slots, n_chunks, m->stride);
        return;
    }
    uint64_t first = p->entries[entry].first_word;
    if (m->words.is_wide)
        m->interpreter->wide_many(m->slots, (const uint32_t *)m->words.words + first, n_chunks,
                                  m->stride);
    else
        m->interpreter->narrow_many(m->slots, (const uint16_t *)m->words.words + first, n_chunks,
                                    m->stride);
}

void bl_machine_load_lanes(bl_machine *m, const uint8_t *states, size_t n_lanes)
{
    assert(n_lanes <= BL_LANES);
    size_t n_bits = m->program->header->n_state;
    if (n_bits == 0)
        return;
    if (n_lanes == 0)
        memset(bl_machine_state(m), 0, n_bits * sizeof(bl_plane));
    bl_slice(m->bits, bl_machine_state(m), states, m->state_bytes, n_lanes, n_bits);
}

void bl_machine_store_lanes(uint8_t *states, const bl_machine *m, size_t n_lanes)
{
    assert(n_lanes <= BL_LANES);
    const bl_plane *state = m->slots + m->program->info.first_state;
    if (m->program->header->n_state > 0)
        bl_unslice(m->bits, states, m->state_bytes, state, n_lanes, m->program->header->n_state);
}
