// SPDX-License-Identifier: MIT
// Machine code of a program: entries of segments in one block of memory, which is written first and
// made executable, and no longer writable, afterwards.
//
// One chunk: an entry is one segment. Its code is fetched only once for each run, and code that
// does not fit into L2 asks for itself, some 4 KiB ahead. Several chunks: segments of SEGMENT_OPS
// operations, each run for all chunks in turn, so that it is fetched once for all of them.

#define _GNU_SOURCE // mremap, MAP_ANONYMOUS
#include "logic/code/code_run.h"
#include "logic/code/code_private.h"

#include <assert.h>
#include <string.h>
#include <sys/mman.h>

enum {
    SEGMENT_OPS = 1500,
    COMPARE_BELOW = 1 << 15, // operations: all orders are tried, the shortest code is kept
    BYTES_PER_OP = 12,       // a guess, for what follows
    PREFETCH_FROM = 3 << 18, // bytes of code that L2 does not hold
    FAR_FROM = 24 << 20,     // and a share of L3 neither
    NEAR_DISTANCE = 4 << 10,
    FAR_DISTANCE = 16 << 10,
    FIRST_CAPACITY = 1 << 16,
    PAGE = 4096
};

typedef void segment_function(void *slots);

typedef struct code_entry {
    uint32_t first_segment, n_segments;
} code_entry;

struct bl_code {
    uint8_t *bytes; // executable
    size_t n_bytes, mapped_bytes;
    code_segment *segments;
    uint32_t n_segments;
    code_entry *entries;
    uint32_t n_entries;
    const code_target *target;
    bl_code_info info;
    const bl_allocator *allocator;
};

static const code_target *find_target(bl_cpu level)
{
#if defined(__x86_64__)
    if (level == BL_CPU_AVX512)
        return &code_target_avx512;
    if (level == BL_CPU_AVX2)
        return &code_target_avx2;
#endif
    (void)level;
    return NULL;
}

bool bl_code_is_possible(bl_cpu level)
{
    if (!find_target(level) || !bl_cpu_is_supported(level))
        return false;
    void *p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        return false;
    bool is_possible = mprotect(p, PAGE, PROT_READ | PROT_EXEC) == 0;
    munmap(p, PAGE);
    return is_possible;
}

// ----------------------------------------------------------------------------------- writing

bool writer_reserve(writer *w, size_t more)
{
    if (w->status != BL_OK)
        return false;
    if (w->n + more <= w->capacity)
        return true;
    size_t wish = w->capacity * 2 > w->n + more ? w->capacity * 2 : w->n + more + FIRST_CAPACITY;
    wish = (wish + PAGE - 1) / PAGE * PAGE;
    void *p = w->bytes
                  ? mremap(w->bytes, w->capacity, wish, MREMAP_MAYMOVE)
                  : mmap(NULL, wish, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) {
        w->status = BL_ERR_MEMORY;
        return false;
    }
    w->bytes = p;
    w->capacity = wish;
    return true;
}

// Where one entry's code goes: appended to what the writer and the list of segments hold.
typedef struct draft {
    writer code;
    bl_buffer segments;
    code_facts facts;
} draft;

static bl_status generate(const bl_code *code, draft *d, trace *t, size_t n_chunks)
{
    compile_job job = {.t = t,
                       .target = code->target,
                       .first_spill = t->n_sources,
                       .segment_ops = n_chunks > 1 ? SEGMENT_OPS : UINT32_MAX,
                       .allocator = code->allocator};
    size_t bytes = (size_t)t->n_ops * BYTES_PER_OP;
    if (n_chunks <= 1 && code->target->n_passes == 1 && bytes > PREFETCH_FROM) {
        job.is_prefetch_far = bytes > FAR_FROM;
        job.prefetch_distance = job.is_prefetch_far ? FAR_DISTANCE : NEAR_DISTANCE;
    }
    return code_generate(&d->code, &d->segments, &d->facts, &job);
}

// An order to try: depth first or as in the program, and then scheduled.
typedef struct code_order {
    bool is_depth_first;
    uint32_t window;
} code_order;

static bl_status compile_draft(const bl_code *code, draft *d, const bl_program *p, uint32_t entry,
                               size_t n_chunks, code_order order, uint32_t *n_ops)
{
    trace t;
    bl_status status = trace_create(&t, p, entry, code->allocator);
    if (status != BL_OK)
        return status;
    *n_ops = t.n_ops;
    if (order.is_depth_first)
        status = trace_reorder(&t);
    if (status == BL_OK)
        status = trace_schedule(&t, order.window);
    if (status == BL_OK)
        status = generate(code, d, &t, n_chunks);
    trace_destroy(&t);
    return status;
}

static void draft_discard(draft *d)
{
    if (d->code.bytes)
        munmap(d->code.bytes, d->code.capacity);
    bl_buffer_clear(&d->segments);
}

static void note_facts(bl_code_info *info, const code_facts *facts)
{
    info->n_operations += facts->n_operations;
    info->n_loads += facts->n_loads;
    info->n_stores += facts->n_stores;
    info->n_memory_operands += facts->n_memory_operands;
    info->n_copies += facts->n_copies;
    info->n_slots = facts->n_slots > info->n_slots ? facts->n_slots : info->n_slots;
}

static bl_status append_draft(writer *w, bl_buffer *segments, const draft *d)
{
    if (!writer_reserve(w, d->code.n))
        return w->status;
    const code_segment *s = (const code_segment *)(const void *)d->segments.data;
    for (size_t i = 0; i < d->segments.bytes / sizeof *s; i++) {
        code_segment moved = {.offset = s[i].offset + w->n, .bytes = s[i].bytes};
        bl_buffer_append(segments, &moved, sizeof moved);
    }
    memcpy(w->bytes + w->n, d->code.bytes, d->code.n);
    w->n += d->code.n;
    return segments->status;
}

// Which order gives the shortest code depends on the circuit; the first is the best on average.
static const code_order orders[] = {{true, 512},   {true, 128},  {true, 4096},
                                    {true, 65536}, {false, 512}, {false, 4096}};
enum { N_ORDERS = sizeof orders / sizeof *orders };

static bl_status compile_entry(bl_code *code, writer *w, bl_buffer *segments, const bl_program *p,
                               uint32_t entry, size_t n_chunks)
{
    draft best = {.segments = {.allocator = code->allocator}};
    uint32_t n_ops;
    bl_status status = compile_draft(code, &best, p, entry, n_chunks, orders[0], &n_ops);
    for (size_t i = 1; i < N_ORDERS && status == BL_OK && n_ops < COMPARE_BELOW; i++) {
        draft other = {.segments = {.allocator = code->allocator}};
        status = compile_draft(code, &other, p, entry, n_chunks, orders[i], &n_ops);
        bool is_shorter = status == BL_OK && other.code.n < best.code.n;
        draft_discard(is_shorter ? &best : &other);
        if (is_shorter)
            best = other;
    }
    if (status == BL_OK)
        status = append_draft(w, segments, &best);
    if (status == BL_OK)
        note_facts(&code->info, &best.facts);
    draft_discard(&best);
    return status;
}

// Takes over the bytes, also on failure; pages that hold none go back.
static bl_status make_executable(bl_code *code, const writer *w)
{
    code->bytes = w->bytes;
    code->n_bytes = w->n;
    code->mapped_bytes = w->n ? (w->n + PAGE - 1) / PAGE * PAGE : PAGE;
    if (w->capacity > code->mapped_bytes)
        munmap(w->bytes + code->mapped_bytes, w->capacity - code->mapped_bytes);
#ifdef MADV_HUGEPAGE
    madvise(code->bytes, code->mapped_bytes, MADV_HUGEPAGE); // only advice
#endif
    return mprotect(code->bytes, code->mapped_bytes, PROT_READ | PROT_EXEC) == 0
               ? BL_OK
               : BL_ERR_UNSUPPORTED;
}

static bl_status compile_all(bl_code *code, bl_buffer *segments, const bl_program *p,
                             size_t n_chunks)
{
    writer w = {0};
    bl_status status = writer_reserve(&w, FIRST_CAPACITY) ? BL_OK : w.status;
    for (uint32_t e = 0; e < code->n_entries && status == BL_OK; e++) {
        uint32_t first = (uint32_t)(segments->bytes / sizeof(code_segment));
        status = compile_entry(code, &w, segments, p, e, n_chunks);
        uint32_t end = (uint32_t)(segments->bytes / sizeof(code_segment));
        code->entries[e] = (code_entry){.first_segment = first, .n_segments = end - first};
    }
    if (!w.bytes)
        return status;
    bl_status made = make_executable(code, &w);
    return status != BL_OK ? status : made;
}

static bl_status keep_segments(bl_code *code, const bl_buffer *segments)
{
    code->n_segments = (uint32_t)(segments->bytes / sizeof *code->segments);
    code->segments = bl_alloc_array(code->allocator, code->n_segments, sizeof *code->segments);
    if (!code->segments)
        return BL_ERR_MEMORY;
    memcpy(code->segments, segments->data, segments->bytes);
    return BL_OK;
}

bl_status bl_code_compile(bl_code **result, const bl_program *program, const bl_code_params *params,
                          const bl_allocator *allocator)
{
    assert(result && program && params);
    uint64_t begun = bl_time_ns();
    if (!bl_code_is_possible(params->level))
        return BL_ERR_UNSUPPORTED;
    bl_program *expanded = NULL;
    bl_status status = BL_OK;
    if (program->info.n_macro_operations > 0)
        status = bl_program_expand(&expanded, program, allocator);
    if (status != BL_OK)
        return status;
    bl_code *code = bl_alloc(allocator, sizeof *code);
    bl_buffer segments = {.allocator = allocator};
    status = BL_ERR_MEMORY;
    if (code) {
        code->allocator = allocator;
        code->target = find_target(params->level);
        code->n_entries = program->header->n_entries;
        code->info.n_slots = program->header->n_slots;
        code->entries = bl_alloc_array(allocator, code->n_entries, sizeof *code->entries);
        if (code->entries)
            status = compile_all(code, &segments, expanded ? expanded : program, params->n_chunks);
        if (status == BL_OK)
            status = keep_segments(code, &segments);
    }
    bl_buffer_clear(&segments);
    bl_program_destroy(&expanded);
    if (status != BL_OK) {
        bl_code_destroy(&code);
        return status;
    }
    code->info.bytes = code->n_bytes;
    code->info.n_pieces = code->n_segments;
    code->info.compile_ns = bl_time_ns() - begun;
    *result = code;
    return BL_OK;
}

void bl_code_destroy(bl_code **handle)
{
    bl_code *code = handle ? *handle : NULL;
    if (!code)
        return;
    if (code->bytes)
        munmap(code->bytes, code->mapped_bytes);
    bl_free(code->allocator, code->segments, code->n_segments * sizeof *code->segments);
    bl_free(code->allocator, code->entries, code->n_entries * sizeof *code->entries);
    bl_free(code->allocator, code, sizeof *code);
    *handle = NULL;
}

void bl_code_get_info(bl_code_info *info, const bl_code *code) { *info = code->info; }
const uint8_t *bl_code_bytes(const bl_code *code) { return code->bytes; }

// ----------------------------------------------------------------------------------- running

// Before the first chunk of a segment, the next segment is asked for, if L2 does not hold them all.
static void prefetch(const bl_code *code, const code_segment *s)
{
    for (size_t at = 0; at < s->bytes; at += 64)
        __builtin_prefetch(code->bytes + s->offset + at, 0, 2);
}

void code_run(const bl_code *code, uint32_t entry, bl_plane *slots, size_t n_chunks, size_t stride)
{
    const code_entry *e = &code->entries[entry];
    for (uint32_t i = 0; i < e->n_segments; i++) {
        const code_segment *s = &code->segments[e->first_segment + i];
        segment_function *run;
        const uint8_t *address = code->bytes + s->offset;
        memcpy(&run, &address, sizeof run); // ISO C has no cast from data to functions
        if (code->n_bytes > PREFETCH_FROM && i + 1 < e->n_segments)
            prefetch(code, s + 1);
        for (size_t k = 0; k < n_chunks; k++)
            for (uint32_t pass = 0; pass < code->target->n_passes; pass++)
                run((uint8_t *)(slots + k * stride) + pass * code->target->pass_bytes);
    }
}
