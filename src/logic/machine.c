// SPDX-License-Identifier: MIT
// A program with the planes it works on, and the door for the states of single lanes.

#include "interpret.h"
#include "logic/code/code_run.h"
#include "logic/split/barrier.h"
#include "logic/split/split.h"
#include "running.h"

#include <assert.h>
#include <string.h>

enum { RUNS_TO_PAY = 400, RACE_NS = 50000, N_TRIALS = 12 };

// What one of the threads runs that share an evaluation.
typedef struct part {
    running_code words;
    bl_code *code; // or NULL: interpreted
} part;

// The first runs of an entry by all threads and by one, in turns.
typedef struct trial {
    uint32_t n;
    uint64_t best_ns[2]; // by one thread, by all
} trial;

struct bl_machine {
    const bl_program *program;
    bl_plane *slots;
    const interpreter *interpreter;
    bl_cpu level;
    running_code words;  // where it is interpreted
    const bl_code *code; // or NULL: interpreted
    bl_code *own_code;
    const bl_bits *bits;
    size_t state_bytes;
    size_t n_chunks, stride;
    split *split;  // or NULL: one evaluation is for one thread
    part *parts;   // of each thread of the split
    trial *trials; // of each entry of the program, where there is a split
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

// Whether code is worth a try: it saves about a nanosecond for each LUT3 and run and costs some
// 400 to make, and macro-operations are code that the interpreter holds already, unrolled.
static bool may_pay(const bl_program *p, const bl_machine_params *params)
{
    uint64_t n_runs = params->n_runs, n_chunks = params->n_chunks ? params->n_chunks : 1;
    bool is_often = n_runs == 0 || n_runs >= RUNS_TO_PAY / n_chunks;
    return is_often && p->info.n_lut3_operations >= p->info.n_lut3 / 2;
}

static bl_status prepare(bl_machine *m, const bl_machine_params *params)
{
    bool is_auto = params->run == BL_RUN_AUTO, wants_code = params->run == BL_RUN_CODE;
    bl_status status = BL_OK;
    if (!wants_code)
        status = running_code_create(&m->words, m->program, m->allocator);
    if (status != BL_OK || !(wants_code || (is_auto && may_pay(m->program, params))))
        return status;
    m->code = params->code;
    if (m->code)
        return BL_OK;
    bl_code_params code = {.level = params->level, .n_chunks = params->n_chunks};
    status = bl_code_compile(&m->own_code, m->program, &code, m->allocator);
    m->code = m->own_code;
    bool is_optional = status == BL_ERR_UNSUPPORTED || status == BL_ERR_LIMIT;
    return is_auto && is_optional ? BL_OK : status;
}

static size_t n_slots_of(const bl_program *p, const bl_code *code)
{
    bl_code_info info = {0};
    if (code)
        bl_code_get_info(&info, code);
    size_t n = p->header->n_slots;
    return info.n_slots > n ? info.n_slots : n;
}

static bl_status make_slots(bl_machine *m, size_t n)
{
    m->stride = n | 1; // planes of one slot in different sets of the cache
    m->slots = bl_alloc_array(m->allocator, m->n_chunks * m->stride, sizeof *m->slots);
    return m->slots ? BL_OK : BL_ERR_MEMORY;
}

static void set_constants(bl_machine *m)
{
    for (size_t k = 0; k < m->n_chunks; k++)
        memset(&m->slots[k * m->stride + 1], 0xFF, sizeof *m->slots);
}

static void interpret(const bl_machine *m, const running_code *code, const bl_program *program,
                      uint32_t entry, bl_plane *slots, size_t n)
{
    const program_entry *at = &program->entries[entry];
    if (code->is_wide) {
        const uint32_t *words = (const uint32_t *)code->words + at->first_word;
        if (n == 1)
            m->interpreter->wide(slots, words);
        else
            m->interpreter->wide_many(slots, words, n, m->stride);
    } else {
        const uint16_t *words = (const uint16_t *)code->words + at->first_word;
        if (n == 1)
            m->interpreter->narrow(slots, words);
        else
            m->interpreter->narrow_many(slots, words, n, m->stride);
    }
}

static void run_chunks(const bl_machine *m, uint32_t entry, size_t first, size_t n)
{
    bl_plane *slots = m->slots + first * m->stride;
    if (m->code)
        code_run(m->code, entry, slots, n, m->stride);
    else
        interpret(m, &m->words, m->program, entry, slots, n);
}

static uint64_t time_run(bl_machine *m, uint64_t n)
{
    uint64_t begun = bl_time_ns();
    for (uint64_t i = 0; i < n; i++)
        run_chunks(m, 0, 0, m->n_chunks);
    return bl_time_ns() - begun;
}

// Where both are at hand, they race: in turns, the shortest of three times counts.
static void keep_faster(bl_machine *m)
{
    const bl_code *code = m->code;
    if (!code || !m->words.words)
        return;
    uint64_t best[2] = {UINT64_MAX, UINT64_MAX}, n = 1;
    while (n < 1024 && time_run(m, n) < RACE_NS)
        n *= 2;
    for (int round = 0; round < 6; round++) {
        m->code = round % 2 ? code : NULL;
        uint64_t ns = time_run(m, n);
        best[round % 2] = ns < best[round % 2] ? ns : best[round % 2];
    }
    m->code = best[1] <= best[0] ? code : NULL;
    if (m->code)
        running_code_destroy(&m->words, m->allocator);
    else
        bl_code_destroy(&m->own_code);
    memset(m->slots, 0, m->n_chunks * m->stride * sizeof *m->slots);
    set_constants(m);
}

// ------------------------------------------------------------- threads that share an evaluation

static bl_status prepare_part(void *context, size_t *n_slots, uint32_t thread,
                              const bl_program *program)
{
    bl_machine *m = context;
    part *p = &m->parts[thread];
    if (!m->code)
        return running_code_create(&p->words, program, m->allocator);
    bl_code_params params = {.level = m->level, .n_chunks = m->n_chunks};
    bl_status status = bl_code_compile(&p->code, program, &params, m->allocator);
    if (status == BL_OK) {
        size_t n = n_slots_of(program, p->code);
        *n_slots = n > *n_slots ? n : *n_slots;
    }
    return status;
}

static void destroy_split(bl_machine *m, uint32_t n_threads)
{
    for (uint32_t t = 0; t < n_threads && m->parts; t++) {
        running_code_destroy(&m->parts[t].words, m->allocator);
        bl_code_destroy(&m->parts[t].code);
    }
    bl_free(m->allocator, m->parts, n_threads * sizeof *m->parts);
    bl_free(m->allocator, m->trials, m->program->header->n_entries * sizeof *m->trials);
    split_destroy(&m->split);
    m->parts = NULL;
    m->trials = NULL;
}

enum { MAX_SPLIT_THREADS = 256 };

// The slots once more, with room for all threads. What is not possible is left out.
static bl_status share_evaluations(bl_machine *m, uint32_t n_threads)
{
    m->parts = bl_alloc_array(m->allocator, n_threads, sizeof *m->parts);
    m->trials = bl_alloc_array(m->allocator, m->program->header->n_entries, sizeof *m->trials);
    bl_status status = BL_ERR_MEMORY;
    if (m->parts && m->trials)
        status = split_create(&m->split, m->program, n_threads, prepare_part, m, m->allocator);
    if (!m->split) {
        destroy_split(m, n_threads);
        return status == BL_ERR_UNSUPPORTED || status == BL_ERR_LIMIT ? BL_OK : status;
    }
    size_t n = n_slots_of(m->program, m->code);
    for (uint32_t t = 0; t < n_threads; t++) {
        size_t own = n_slots_of(m->split->programs[t], m->parts[t].code);
        n = own > n ? own : n;
    }
    bl_free(m->allocator, m->slots, m->n_chunks * m->stride * sizeof *m->slots);
    return make_slots(m, n);
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
                      .level = params->level,
                      .bits = bl_bits_get(params->level),
                      .allocator = allocator,
                      .n_chunks = params->n_chunks ? params->n_chunks : 1,
                      .state_bytes = ((size_t)program->header->n_state + 7) / 8};
    bl_status status = prepare(m, params);
    if (status == BL_OK)
        status = make_slots(m, n_slots_of(program, m->code));
    if (status == BL_OK) {
        set_constants(m);
        keep_faster(m);
        if (params->n_threads > m->n_chunks)
            status = share_evaluations(m, params->n_threads < MAX_SPLIT_THREADS
                                              ? (uint32_t)params->n_threads
                                              : MAX_SPLIT_THREADS);
    }
    if (status != BL_OK) {
        bl_machine_destroy(&m);
        return status;
    }
    set_constants(m);
    *result = m;
    return BL_OK;
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
    if (m->split)
        destroy_split(m, m->split->n_threads);
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
    assert(entry < m->program->header->n_entries);
    run_chunks(m, entry, 0, 1);
}

void bl_machine_run_many(bl_machine *m, uint32_t entry, size_t n_chunks)
{
    assert(entry < m->program->header->n_entries && n_chunks <= m->n_chunks);
    if (n_chunks > 0)
        run_chunks(m, entry, 0, n_chunks);
}

typedef struct shares { // of the chunks of one run, one for each thread
    const bl_machine *machine;
    uint32_t entry;
    size_t n_chunks, n_shares;
} shares;

static void run_share(void *context, size_t index)
{
    const shares *s = context;
    size_t first = s->n_chunks * index / s->n_shares;
    size_t end = s->n_chunks * (index + 1) / s->n_shares;
    if (first < end)
        run_chunks(s->machine, s->entry, first, end - first);
}

typedef struct joint_run { // one evaluation by all threads
    const bl_machine *machine;
    uint32_t entry;
    size_t n_chunks;
    barrier barrier;
} joint_run;

static void run_part(void *context, size_t thread)
{
    joint_run *r = context;
    const bl_machine *m = r->machine;
    const part *p = &m->parts[thread];
    uint32_t end = m->split->first_entry[r->entry + 1];
    for (uint32_t e = m->split->first_entry[r->entry]; e < end; e++) {
        if (p->code)
            code_run(p->code, e, m->slots, r->n_chunks, m->stride);
        else
            interpret(m, &p->words, m->split->programs[thread], e, m->slots, r->n_chunks);
        if (e + 1 < end)
            barrier_wait(&r->barrier);
    }
}

static void run_jointly(const bl_machine *m, uint32_t entry, size_t n_chunks, bl_pool *pool)
{
    joint_run r = {.machine = m, .entry = entry, .n_chunks = n_chunks};
    r.barrier.n = m->split->n_threads;
    bl_pool_for(pool, m->split->n_threads, run_part, &r); // each task has a thread of its own
}

// What it takes all threads to begin and to meet depends on who else wants them now: it is
// measured. Both ways write the same.
static void run_jointly_or_not(bl_machine *m, uint32_t entry, size_t n_chunks, bl_pool *pool)
{
    trial *t = &m->trials[entry];
    bool is_trial = t->n < N_TRIALS, is_joint = t->n % 2 == 0;
    if (!is_trial)
        is_joint = t->best_ns[1] <= t->best_ns[0];
    uint64_t begun = is_trial ? bl_time_ns() : 0;
    if (is_joint)
        run_jointly(m, entry, n_chunks, pool);
    else
        run_chunks(m, entry, 0, n_chunks);
    if (!is_trial)
        return;
    uint64_t ns = bl_time_ns() - begun, *best = &t->best_ns[is_joint];
    *best = t->n < 2 || ns < *best ? ns : *best;
    t->n++;
}

void bl_machine_run_on(bl_machine *m, uint32_t entry, size_t n_chunks, bl_pool *pool)
{
    assert(entry < m->program->header->n_entries && n_chunks <= m->n_chunks);
    size_t n_threads = bl_pool_n_threads(pool);
    if (m->split && n_chunks > 0 && n_chunks < n_threads && n_threads >= m->split->n_threads) {
        run_jointly_or_not(m, entry, n_chunks, pool);
        return;
    }
    shares s = {.machine = m,
                .entry = entry,
                .n_chunks = n_chunks,
                .n_shares = n_chunks < n_threads ? n_chunks : n_threads};
    bl_pool_for(pool, s.n_shares, run_share, &s);
}

bool bl_machine_is_split(const bl_machine *m) { return m->split != NULL; }

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
