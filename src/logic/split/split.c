// SPDX-License-Identifier: MIT
// From plans to programs. A value that only one part reads, the one that makes it, lives in planes
// of its thread, as short as it can. All others live in shared planes, from their stage to the end
// of the last one that reads them; a shared plane is used again from the next stage on, so nobody
// writes what another thread may still read.
//
// What a port holds in the end is written there at once where nobody reads the old value any more;
// otherwise it is copied in a last stage.

#include "logic/split/split.h"

#include "logic/split/plan.h"

#include "base/try.h"

#include <assert.h>
#include <string.h>

enum {
    BARRIER_COST = 4000, // 250 ns
    LEAST_COST = 300000, // 20 us, of an entry that is split
    TABLE_A = 0xF0,
};

static const uint32_t MANY_PARTS = UINT32_MAX - 1, USED_UP = UINT32_MAX, NO_PORT = UINT32_MAX;

typedef enum place { AT_PORT, SHARED, OWN } place;

typedef struct life {    // of a value
    uint32_t part;       // the one that reads it, or MANY_PARTS, NO_PART for none
    uint32_t last_stage; // of its readers
    uint32_t last_use;   // position in the order
    uint32_t slot;       // of the program; index of the shared planes; of the thread's own
    place place;
} life;

typedef struct pool { // of slots
    uint32_t *free;
    uint32_t n_free, n;
} pool;

// One entry on its way.
typedef struct allotment {
    plan plan;
    life *lives;      // of values
    uint32_t *ports;  // of values: the port that holds it in the end, or NO_PORT
    uint32_t *dying;  // of stages: a shared value that nobody reads later, linked by `next`
    uint32_t *next;   // of values
    pool shared, own; // own: of the thread at hand
    uint32_t n_own;   // the most of any thread
    uint32_t n_copies;
} allotment;

typedef struct splitter {
    const bl_program *program;
    split *s;
    allotment *entries;
    uint32_t n_shared, n_own;
    bl_assembler *assembler; // of the thread at hand
    uint32_t first_own;
    bl_buffer slots; // of a macro-operation
    const bl_allocator *allocator;
} splitter;

// ------------------------------------------------------------------------------- lifetimes

static uint32_t stage_of(const plan *p, uint32_t part) { return part / p->n_threads; }

static uint64_t n_ordered(const plan *p)
{
    return p->first_of_part[(size_t)p->n_stages * p->n_threads];
}

static void use(allotment *a, uint32_t value, uint32_t part, uint32_t position)
{
    life *l = &a->lives[value];
    l->part = l->part == NO_PART || l->part == part ? part : MANY_PARTS;
    uint32_t stage = stage_of(&a->plan, part);
    l->last_stage = stage > l->last_stage ? stage : l->last_stage;
    l->last_use = position;
}

static void find_uses(allotment *a)
{
    const plan *p = &a->plan;
    for (uint32_t v = 0; v < p->n_values; v++) {
        a->lives[v] = (life){.part = NO_PART, .slot = v};
        a->ports[v] = NO_PORT;
    }
    for (uint32_t slot = 0; slot < p->n_ports; slot++)
        if (p->port_values[slot] != slot)
            a->ports[p->port_values[slot]] = slot;
    for (uint32_t k = 0; k < n_ordered(p); k++) {
        uint32_t i = p->order[k];
        for (uint32_t s = p->ops[i].first_source; s < p->ops[i + 1].first_source; s++)
            use(a, p->sources[s], p->part[i], k);
    }
}

// Whether a result of the operation at `position` may go to its port: nobody reads the old value
// any more, and a SUM does not itself.
static bool is_direct(const allotment *a, uint32_t value, uint32_t position)
{
    const plan *p = &a->plan;
    if (a->ports[value] == NO_PORT)
        return false;
    const life *old = &a->lives[a->ports[value]];
    uint32_t i = p->order[position], part = p->part[i], is_sum = p->ops[i].kind == OP_SUM;
    if (old->part == NO_PART || old->last_stage < stage_of(p, part))
        return true;
    return old->part == part && old->last_use + is_sum <= position;
}

// ------------------------------------------------------------------------------------ slots

static uint32_t take(pool *s) { return s->n_free ? s->free[--s->n_free] : s->n++; }
static void give(pool *s, uint32_t slot) { s->free[s->n_free++] = slot; }

static void release_shared(allotment *a, uint32_t stage)
{
    for (uint32_t v = a->dying[stage]; v; v = a->next[v]) // value 0 is a constant
        give(&a->shared, a->lives[v].slot);
}

static void release_own(allotment *a, uint32_t op, uint32_t position)
{
    const plan *p = &a->plan;
    for (uint32_t s = p->ops[op].first_source; s < p->ops[op + 1].first_source; s++) {
        life *l = &a->lives[p->sources[s]];
        if (l->place == OWN && l->last_use == position) {
            give(&a->own, l->slot);
            l->last_use = USED_UP; // several operands may be the same value
        }
    }
}

static void place_result(allotment *a, uint32_t value, uint32_t part, uint32_t position)
{
    life *l = &a->lives[value];
    bool is_port = a->ports[value] != NO_PORT;
    if (is_direct(a, value, position)) {
        l->slot = a->ports[value];
        return;
    }
    if (l->part == part && !is_port) {
        l->place = OWN;
        l->slot = take(&a->own);
        return;
    }
    uint32_t own_stage = stage_of(&a->plan, part);
    uint32_t last = is_port ? a->plan.n_stages : l->part == NO_PART ? own_stage : l->last_stage;
    l->place = SHARED;
    l->slot = take(&a->shared);
    a->n_copies += is_port;
    a->next[value] = a->dying[last];
    a->dying[last] = value;
}

// Results of a SUM are neighbours: its ports, or planes that are not used again.
static void place_sum(allotment *a, uint32_t first, uint32_t n, uint32_t position)
{
    bool are_direct = true;
    for (uint32_t k = 0; k < n; k++)
        are_direct &= is_direct(a, first + k, position);
    for (uint32_t k = 0; k < n; k++) {
        life *l = &a->lives[first + k];
        bool is_port = a->ports[first + k] != NO_PORT;
        l->place = are_direct ? AT_PORT : SHARED;
        l->slot = are_direct ? a->ports[first + k] : a->shared.n + k;
        a->n_copies += is_port && !are_direct;
    }
    a->shared.n += are_direct ? 0 : n;
}

static void place_part(allotment *a, uint32_t part)
{
    const plan *p = &a->plan;
    for (uint32_t k = (uint32_t)p->first_of_part[part]; k < p->first_of_part[part + 1]; k++) {
        uint32_t i = p->order[k], first = p->ops[i].first_result;
        uint32_t n = p->ops[i + 1].first_result - first;
        if (p->ops[i].kind == OP_SUM)
            place_sum(a, first, n, k);
        release_own(a, i, k);
        for (uint32_t r = 0; r < n && p->ops[i].kind != OP_SUM; r++)
            place_result(a, first + r, part, k);
    }
    a->n_own = a->own.n > a->n_own ? a->own.n : a->n_own;
}

static void place_values(allotment *a)
{
    const plan *p = &a->plan;
    for (uint32_t stage = 0; stage < p->n_stages; stage++) {
        if (stage > 0)
            release_shared(a, stage - 1);
        for (uint32_t t = 0; t < p->n_threads; t++) {
            a->own.n_free = a->own.n = 0; // nothing of its own outlives a part
            place_part(a, stage * p->n_threads + t);
        }
    }
}

static bl_status allot(allotment *a, const bl_allocator *allocator)
{
    size_t n = a->plan.n_values, n_stages = a->plan.n_stages + 1;
    a->lives = bl_alloc_array(allocator, n, sizeof *a->lives);
    a->ports = bl_alloc_array(allocator, n, sizeof *a->ports);
    a->next = bl_alloc_array(allocator, n, sizeof *a->next);
    a->dying = bl_alloc_array(allocator, n_stages, sizeof *a->dying);
    a->shared.free = bl_alloc_array(allocator, n, sizeof *a->shared.free);
    a->own.free = bl_alloc_array(allocator, n, sizeof *a->own.free);
    if (!a->lives || !a->ports || !a->next || !a->dying || !a->shared.free || !a->own.free)
        return BL_ERR_MEMORY;
    find_uses(a);
    place_values(a);
    return BL_OK;
}

static void allotment_destroy(allotment *a, const bl_allocator *allocator)
{
    size_t n = a->plan.n_values;
    bl_free(allocator, a->lives, n * sizeof *a->lives);
    bl_free(allocator, a->ports, n * sizeof *a->ports);
    bl_free(allocator, a->next, n * sizeof *a->next);
    bl_free(allocator, a->dying, ((size_t)a->plan.n_stages + 1) * sizeof *a->dying);
    bl_free(allocator, a->shared.free, n * sizeof *a->shared.free);
    bl_free(allocator, a->own.free, n * sizeof *a->own.free);
    plan_destroy(&a->plan);
}

// --------------------------------------------------------------------------------- programs

static uint32_t slot_of(const splitter *x, const allotment *a, uint32_t value)
{
    const life *l = &a->lives[value];
    return l->slot
           + (l->place == AT_PORT  ? 0
              : l->place == SHARED ? a->plan.n_ports
                                   : x->first_own);
}

static void emit_macro(splitter *x, const allotment *a, const plan_op *op)
{
    const operation *m = &a->plan.macros[op->at];
    bl_literal_list digits[MAX_SUM_PLANES];
    x->slots.bytes = 0;
    for (uint32_t s = op->first_source; s < op[1].first_source; s++) {
        uint32_t slot = slot_of(x, a, a->plan.sources[s]);
        bl_buffer_append(&x->slots, &slot, sizeof slot);
    }
    if (x->slots.status != BL_OK)
        return;
    const uint32_t *slots = (const uint32_t *)(const void *)x->slots.data;
    uint64_t at = m->first;
    for (uint32_t k = 0; k < m->n_digits; k++) {
        literal_span span;
        at = program_list(&span, x->program, at);
        digits[k] =
            (bl_literal_list){slots, slots + span.n_plain, span.n_plain, span.n_complemented};
        slots += span.n_plain + span.n_complemented;
    }
    uint32_t dst = slot_of(x, a, op->first_result);
    if (op->kind == OP_COUNT_GE)
        bl_assembler_count_ge(x->assembler, dst, digits, m->threshold);
    else
        bl_assembler_sum(x->assembler, dst, m->n_dst, m->n_planes, m->base, digits, m->n_digits);
}

static void emit_op(splitter *x, const allotment *a, const plan_op *op)
{
    uint32_t n_results = run_results(op->kind), in[3];
    if (n_results == 0) {
        emit_macro(x, a, op);
        return;
    }
    for (uint32_t k = 0; k < 3; k++)
        in[k] = slot_of(x, a, a->plan.sources[op->first_source + k]);
    uint32_t dst = slot_of(x, a, op->first_result);
    if (n_results == 1)
        bl_assembler_lut3(x->assembler, (uint8_t)op->kind, dst, in[0], in[1], in[2]);
    else
        bl_assembler_adder(x->assembler, (bl_adder)(op->kind - OP_ADDER), dst,
                           slot_of(x, a, op->first_result + 1), in[0], in[1], in[2]);
}

static void emit_copies(splitter *x, const allotment *a)
{
    for (uint32_t port = 0; port < a->plan.n_ports; port++)
        if (a->lives[a->plan.port_values[port]].place != AT_PORT)
            bl_assembler_lut3(x->assembler, TABLE_A, port, slot_of(x, a, a->plan.port_values[port]),
                              0, 0);
}

static void emit_entry(splitter *x, const allotment *a, uint32_t thread, const char *name)
{
    const plan *p = &a->plan;
    for (uint32_t stage = 0; stage < p->n_stages; stage++) {
        uint32_t part = stage * p->n_threads + thread;
        bl_assembler_begin_entry(x->assembler, name);
        for (uint64_t k = p->first_of_part[part]; k < p->first_of_part[part + 1]; k++)
            emit_op(x, a, &p->ops[p->order[k]]);
    }
    if (a->n_copies > 0 || p->n_stages == 0) {
        bl_assembler_begin_entry(x->assembler, name);
        if (thread == 0)
            emit_copies(x, a);
    }
}

// The records of the program, and more output planes in front of the temporaries.
static bl_status create_assembler(splitter *x, uint32_t n_more)
{
    bl_record outputs = {.allocator = x->allocator};
    const bl_record *own = bl_program_outputs(x->program);
    bl_status status = BL_OK;
    for (uint32_t i = 0; i < own->n_fields && status == BL_OK; i++)
        status = bl_record_add(&outputs, own->fields[i].name, own->fields[i].width,
                               own->fields[i].is_signed);
    if (status == BL_OK && n_more > 0)
        status = bl_record_add(&outputs, "_", n_more, false);
    if (status == BL_OK)
        status = bl_assembler_create(&x->assembler, bl_program_inputs(x->program),
                                     bl_program_state(x->program), &outputs, x->allocator);
    bl_record_clear(&outputs);
    return status;
}

static bl_status make_program(splitter *x, uint32_t thread, size_t first_own)
{
    const program_header *h = x->program->header;
    size_t n_ports = h->n_slots - h->n_temporaries;
    if (first_own > INT32_MAX)
        return BL_ERR_LIMIT;
    TRY(create_assembler(x, (uint32_t)(first_own - n_ports)));
    x->first_own = bl_assembler_temporaries(x->assembler, x->n_own);
    for (uint32_t e = 0; e < x->s->n_entries; e++)
        emit_entry(x, &x->entries[e], thread, bl_program_entry_name(x->program, e));
    bl_status status = x->slots.status;
    if (status == BL_OK)
        status = bl_assembler_finish(&x->s->programs[thread], x->assembler);
    bl_assembler_destroy(&x->assembler);
    return status;
}

static bl_status make_programs(splitter *x, split_end *end, void *context)
{
    const program_header *h = x->program->header;
    size_t first_own = (size_t)(h->n_slots - h->n_temporaries) + x->n_shared;
    for (uint32_t t = 0; t < x->s->n_threads; t++) {
        TRY(make_program(x, t, first_own));
        first_own += x->n_own;
        if (end)
            TRY(end(context, &first_own, t, x->s->programs[t]));
    }
    return BL_OK;
}

// ------------------------------------------------------------------------------ everything

// Some entry takes long enough and becomes shorter by a quarter, and none much longer.
static bool pays(const splitter *x)
{
    bool is_gain = false;
    for (uint32_t e = 0; e < x->s->n_entries; e++) {
        const plan *p = &x->entries[e].plan;
        uint64_t n_stages = (uint64_t)p->n_stages + (x->entries[e].n_copies > 0);
        uint64_t cost = p->longest + BARRIER_COST * n_stages;
        is_gain |= p->cost >= LEAST_COST && cost <= p->cost / 4 * 3;
    }
    return is_gain;
}

static bl_status plan_entries(splitter *x)
{
    for (uint32_t e = 0; e < x->s->n_entries; e++) {
        allotment *a = &x->entries[e];
        TRY(plan_create(&a->plan, x->program, e, x->s->n_threads, x->allocator));
        TRY(allot(a, x->allocator));
        uint32_t n_stages = a->plan.n_stages + (a->n_copies > 0 || a->plan.n_stages == 0);
        x->s->first_entry[e + 1] = x->s->first_entry[e] + n_stages;
        x->n_shared = a->shared.n > x->n_shared ? a->shared.n : x->n_shared;
        x->n_own = a->n_own > x->n_own ? a->n_own : x->n_own;
    }
    return BL_OK;
}

bl_status split_create(split **result, const bl_program *program, uint32_t n_threads,
                       split_end *end, void *context, const bl_allocator *allocator)
{
    assert(result && program && n_threads > 0);
    uint32_t n_entries = program->header->n_entries;
    split *s = bl_alloc(allocator, sizeof *s);
    *result = NULL;
    if (!s)
        return BL_ERR_MEMORY;
    *s = (split){.n_threads = n_threads, .n_entries = n_entries, .allocator = allocator};
    splitter x = {
        .program = program, .s = s, .allocator = allocator, .slots = {.allocator = allocator}};
    s->programs = bl_alloc_array(allocator, n_threads, sizeof *s->programs);
    s->first_entry = bl_alloc_array(allocator, (size_t)n_entries + 1, sizeof *s->first_entry);
    x.entries = bl_alloc_array(allocator, n_entries, sizeof *x.entries);
    bl_status status = BL_ERR_MEMORY;
    if (s->programs && s->first_entry && x.entries)
        status = plan_entries(&x);
    bool is_made = status == BL_OK && pays(&x);
    if (is_made)
        status = make_programs(&x, end, context);
    for (uint32_t e = 0; e < n_entries && x.entries; e++)
        allotment_destroy(&x.entries[e], allocator);
    bl_free(allocator, x.entries, n_entries * sizeof *x.entries);
    bl_buffer_clear(&x.slots);
    if (is_made && status == BL_OK)
        *result = s;
    else
        split_destroy(&s);
    return status;
}

void split_destroy(split **handle)
{
    split *s = handle ? *handle : NULL;
    if (!s)
        return;
    for (uint32_t t = 0; t < s->n_threads && s->programs; t++)
        bl_program_destroy(&s->programs[t]);
    bl_free(s->allocator, s->programs, s->n_threads * sizeof *s->programs);
    bl_free(s->allocator, s->first_entry, ((size_t)s->n_entries + 1) * sizeof *s->first_entry);
    bl_free(s->allocator, s, sizeof *s);
    *handle = NULL;
}
