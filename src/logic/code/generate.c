// SPDX-License-Identifier: MIT
// Registers for straight-line code: each value of a trace gets one when it is made and loses it to
// the value that is needed sooner (Belady 1966: the register whose value is used last is given up).
// A value that loses its register goes to a slot, once; inputs and state have one already, and a
// result that a port wants is stored to its slot at once if nobody reads the old content later.
//
// vpternlog replaces one of its three sources. If none dies it must be copied first, unless the
// operation is the sum s = a ^ b ^ c of an adder: then s may replace a, and the carry is computed
// from s, b and c instead, because a = s ^ b ^ c.

#include "logic/code/code_private.h"

#include <assert.h>
#include <string.h>

static const uint32_t NEVER = UINT32_MAX;

typedef struct generator {
    const compile_job *job;
    trace *t;
    writer *w;
    code_facts *facts;
    addressing addressing;
    uint32_t now;        // the operation
    uint32_t (*next)[4]; // of each operation: next uses of its sources behind it, and of its result
    uint8_t *register_of;               // of each value
    uint32_t *slot_of;                  // of each operation's value: where it is stored, or NO_SLOT
    uint32_t *first_store, *next_store; // of each operation; of each store; 1 + index, 0 ends
    uint8_t *is_late;                   // of each store: only at the end
    uint32_t *free_slots;
    uint32_t n_free, n_slots;
    uint32_t value[MAX_REGISTERS];   // in each register
    uint32_t needed[MAX_REGISTERS];  // when that value is used next
    uint32_t free_registers, locked; // bit k: register k
} generator;

// ------------------------------------------------------------------------ what is used when

// The order of stores: at once, or at the end where an operation still reads the old content.
static void place_stores(generator *g, const uint32_t *last_read)
{
    for (uint32_t i = 0; i < g->t->n_stores; i++) {
        const trace_store *s = &g->t->stores[i];
        g->is_late[i] = last_read[s->slot] != NEVER && last_read[s->slot] > s->op;
        g->next_store[i] = g->first_store[s->op];
        g->first_store[s->op] = i + 1;
    }
}

// From the end to the beginning: `head` of each value is its first use behind the current place.
static void find_uses(generator *g, uint32_t *head, uint32_t *last_read)
{
    uint32_t first = g->t->n_sources, n = g->t->n_ops;
    memset(head, 0xFF, ((size_t)first + n) * sizeof *head);
    memset(last_read, 0xFF, first * sizeof *last_read);
    for (uint32_t i = 0; i < n; i++) {
        const trace_op *op = &g->t->ops[i];
        for (uint32_t k = 0; k < 3; k++)
            if (op->source[k] < first)
                last_read[op->source[k]] = i;
    }
    place_stores(g, last_read);
    for (uint32_t i = 0; i < g->t->n_stores; i++)
        if (g->is_late[i])
            head[first + g->t->stores[i].op] = n;
    for (uint32_t i = n; i-- > 0;) {
        const trace_op *op = &g->t->ops[i];
        g->next[i][3] = head[first + i];
        for (uint32_t k = 0; k < 3; k++)
            g->next[i][k] = head[op->source[k]];
        for (uint32_t k = 0; k < 3; k++)
            head[op->source[k]] = i;
    }
}

// ---------------------------------------------------------------------- registers and slots

static uint32_t slot_of(const generator *g, uint32_t value)
{
    return value < g->t->n_sources ? value : g->slot_of[value - g->t->n_sources];
}

static void free_slot(generator *g, uint32_t value)
{
    uint32_t slot = slot_of(g, value);
    if (slot != NO_SLOT && slot >= g->job->first_spill) {
        g->free_slots[g->n_free++] = slot;
        g->slot_of[value - g->t->n_sources] = NO_SLOT;
    }
}

static void spill(generator *g, uint32_t r)
{
    uint32_t value = g->value[r];
    if (slot_of(g, value) != NO_SLOT)
        return;
    uint32_t slot = g->n_free ? g->free_slots[--g->n_free] : g->n_slots++;
    g->slot_of[value - g->t->n_sources] = slot;
    g->job->target->store(g->w, &g->addressing, slot, (uint8_t)r);
    g->facts->n_stores++;
}

static void vacate(generator *g, uint32_t r)
{
    g->register_of[g->value[r]] = NO_REGISTER;
    g->free_registers |= 1u << r;
}

// The register whose value is used last, of those that are not locked; NO_REGISTER if all are. A
// value that has a slot already costs a load, others a store too: that counts twice.
static uint32_t find_victim(const generator *g)
{
    uint32_t victim = NO_REGISTER;
    uint64_t latest = 0;
    for (uint32_t r = 0; r < g->job->target->n_registers; r++) {
        if (g->locked >> r & 1)
            continue;
        uint64_t distance = g->needed[r] - g->now;
        if (slot_of(g, g->value[r]) != NO_SLOT)
            distance *= 2;
        if (victim == NO_REGISTER || distance > latest) {
            victim = r;
            latest = distance;
        }
    }
    return victim;
}

static uint8_t take_register(generator *g)
{
    if (!g->free_registers) {
        uint32_t victim = find_victim(g);
        spill(g, victim);
        vacate(g, victim);
    }
    uint32_t r = (uint32_t)__builtin_ctz(g->free_registers);
    g->free_registers &= ~(1u << r);
    g->locked |= 1u << r;
    return (uint8_t)r;
}

static void settle(generator *g, uint32_t r, uint32_t value, uint32_t next_use)
{
    g->value[r] = value;
    g->needed[r] = next_use;
    g->register_of[value] = (uint8_t)r;
    g->free_registers &= ~(1u << r);
}

// Whether a source that is in memory should stay there: it is used no more, or later than whatever
// would have to make room for it.
static bool is_better_in_memory(const generator *g, uint32_t next_use)
{
    if (next_use == NEVER)
        return true;
    if (g->free_registers)
        return false;
    uint32_t victim = find_victim(g);
    return victim == NO_REGISTER || g->needed[victim] <= next_use;
}

// ------------------------------------------------------------------------------- operations

// Sources of operation i in rising places; a copy has one, an operation of two leaves place 0 out.
static uint32_t first_place(const trace_op *op) { return op->n == 1 ? 0 : 3u - op->n; }
static uint32_t end_place(const trace_op *op) { return op->n == 1 ? 1 : 3; }

// The source that the operation may read from its slot, or 3: the one that is needed last.
static uint32_t choose_memory_source(const generator *g, const trace_op *op, const uint32_t *next)
{
    uint32_t best = 3;
    for (uint32_t k = first_place(op); k < end_place(op); k++)
        if (g->register_of[op->source[k]] == NO_REGISTER && (best == 3 || next[k] > next[best]))
            best = k;
    bool can = g->job->target->can_read_memory && best < 3 && op->n > 1;
    return can && is_better_in_memory(g, next[best]) ? best : 3;
}

static void load_sources(generator *g, placed_op *p, const uint32_t *next)
{
    const trace_op *op = p->op;
    g->locked = 0;
    for (uint32_t k = first_place(op); k < end_place(op); k++)
        if (g->register_of[op->source[k]] != NO_REGISTER)
            g->locked |= 1u << g->register_of[op->source[k]];
    uint32_t memory = choose_memory_source(g, op, next);
    for (uint32_t k = first_place(op); k < end_place(op); k++) {
        uint32_t value = op->source[k];
        p->source[k] = g->register_of[value];
        if (p->source[k] != NO_REGISTER)
            continue;
        if (k == memory) {
            p->memory_slot = slot_of(g, value);
            g->facts->n_memory_operands++;
            continue;
        }
        uint8_t r = take_register(g);
        g->job->target->load(g->w, &g->addressing, r, slot_of(g, value));
        g->facts->n_loads++;
        settle(g, r, value, next[k]);
        p->source[k] = r;
    }
}

// In a sum that has its carry next: a source that dies with the carry, if the carry is not wanted
// at once (it would have to wait for the sum). 3 for none.
static uint32_t find_replaceable(const generator *g, uint32_t i, const placed_op *p)
{
    const trace_op *op = p->op;
    if (!op->has_mate || op->n != 3 || op->table != SUM_TABLE || g->next[i + 1][3] <= i + 3)
        return 3;
    for (uint32_t k = 0; k < 3; k++)
        if (p->source[k] != NO_REGISTER && g->next[i + 1][k] == NEVER)
            return k;
    return 3;
}

// The carry's table in terms of the sum in place k: row by row, source k is the parity.
static void replace_in_mate(generator *g, uint32_t i, uint32_t k)
{
    trace_op *mate = &g->t->ops[i + 1];
    unsigned table = 0, bit = 4u >> k;
    for (unsigned row = 0; row < 8; row++) {
        unsigned parity = (unsigned)__builtin_popcount(row) & 1;
        table |= (unsigned)(mate->table >> ((row & ~bit) | (parity ? bit : 0)) & 1) << row;
    }
    mate->table = (uint8_t)table;
    mate->source[k] = g->t->n_sources + i;
    g->next[i + 1][k] = g->next[i][3];
    g->next[i][3] = i + 1;
    g->next[i][k] = NEVER;
}

static void choose_result(generator *g, uint32_t i, placed_op *p)
{
    const trace_op *op = p->op;
    uint32_t k = first_place(op), *next = g->next[i];
    while (k < end_place(op) && (next[k] != NEVER || p->source[k] == NO_REGISTER))
        k++;
    if (k == end_place(op)) {
        k = g->job->target->is_destructive ? find_replaceable(g, i, p) : 3;
        if (k < 3)
            replace_in_mate(g, i, k);
        else
            k = end_place(op);
    }
    if (k == end_place(op)) {
        p->result = take_register(g);
        g->facts->n_copies += op->n == 3 && g->job->target->is_destructive;
        return;
    }
    p->result = p->source[k];
    p->result_is_source[k] = true;
}

static void release_sources(generator *g, const placed_op *p, const uint32_t *next)
{
    const trace_op *op = p->op;
    for (uint32_t k = first_place(op); k < end_place(op); k++) {
        uint32_t value = op->source[k], r = p->source[k];
        if (next[k] != NEVER) {
            if (r != NO_REGISTER)
                g->needed[r] = next[k];
            continue;
        }
        if (r != NO_REGISTER) {
            g->register_of[value] = NO_REGISTER;
            if (r != p->result)
                g->free_registers |= 1u << r;
        }
        free_slot(g, value);
    }
}

static void store_result(generator *g, uint32_t i, uint8_t r)
{
    for (uint32_t s = g->first_store[i]; s; s = g->next_store[s - 1]) {
        if (g->is_late[s - 1])
            continue;
        uint32_t slot = g->t->stores[s - 1].slot;
        g->job->target->store(g->w, &g->addressing, slot, r);
        g->facts->n_stores++;
        g->slot_of[i] = slot;
    }
}

static void generate_op(generator *g, uint32_t i)
{
    placed_op p = {.op = &g->t->ops[i], .source = {NO_REGISTER, NO_REGISTER, NO_REGISTER}};
    g->now = i;
    load_sources(g, &p, g->next[i]);
    choose_result(g, i, &p);
    g->job->target->compute(g->w, &g->addressing, &p);
    release_sources(g, &p, g->next[i]);
    settle(g, p.result, g->t->n_sources + i, g->next[i][3]);
    store_result(g, i, p.result);
    if (g->next[i][3] == NEVER)
        vacate(g, p.result);
}

// Everything that is needed later goes to slots.
static void empty_registers(generator *g)
{
    uint32_t n = g->job->target->n_registers;
    for (uint32_t r = 0; r < n; r++)
        if (!(g->free_registers >> r & 1)) {
            spill(g, r);
            vacate(g, r);
        }
}

static void store_late(generator *g)
{
    g->locked = 0;
    for (uint32_t i = 0; i < g->t->n_stores; i++) {
        if (!g->is_late[i])
            continue;
        uint32_t value = g->t->n_sources + g->t->stores[i].op;
        uint8_t r = g->register_of[value];
        if (r == NO_REGISTER) {
            g->locked = 0;
            r = take_register(g);
            g->job->target->load(g->w, &g->addressing, r, slot_of(g, value));
            settle(g, r, value, g->t->n_ops);
            g->facts->n_loads++;
        }
        g->job->target->store(g->w, &g->addressing, g->t->stores[i].slot, r);
        g->facts->n_stores++;
    }
}

// ---------------------------------------------------------------------------------- segments

static void generate_segment(generator *g, uint32_t first, uint32_t end, bool is_last)
{
    const code_target *target = g->job->target;
    size_t line = SIZE_MAX;
    if (!writer_reserve(g->w, target->max_op_bytes))
        return;
    target->begin(g->w, &g->addressing);
    for (uint32_t i = first; i < end; i++) {
        if (!writer_reserve(g->w, target->max_op_bytes))
            return;
        if (g->job->prefetch_distance && g->w->n / 64 != line) {
            line = g->w->n / 64;
            target->prefetch(g->w, g->job->prefetch_distance, g->job->is_prefetch_far);
        }
        generate_op(g, i);
    }
    size_t n_stores = is_last ? g->t->n_stores : MAX_REGISTERS;
    if (!writer_reserve(g->w, (n_stores + 2) * target->max_op_bytes))
        return;
    if (is_last)
        store_late(g);
    else
        empty_registers(g);
    target->end(g->w);
}

static void generate_all(generator *g, bl_buffer *segments)
{
    uint32_t n = g->t->n_ops, step = g->job->segment_ops;
    for (uint32_t first = 0; first < n || first == 0;) {
        uint32_t end = n - first < step ? n : first + step;
        if (end < n && g->t->ops[end - 1].has_mate) // adders stay together
            end++;
        code_segment s = {.offset = g->w->n};
        generate_segment(g, first, end, end == n);
        s.bytes = g->w->n - s.offset;
        bl_buffer_append(segments, &s, sizeof s);
        first = end;
        if (first == n)
            return;
    }
}

bl_status code_generate(writer *w, bl_buffer *segments, code_facts *facts, const compile_job *job)
{
    trace *t = job->t;
    const bl_allocator *a = job->allocator;
    size_t n_values = (size_t)t->n_sources + t->n_ops;
    *facts = (code_facts){.n_operations = t->n_ops};
    generator g = {.job = job, .t = t, .w = w, .facts = facts, .n_slots = job->first_spill};
    g.addressing.first = job->first_spill > 4 * 256 ? job->first_spill - 4 * 256 : 0;
    g.next = bl_alloc_array(a, t->n_ops, sizeof *g.next);
    g.register_of = bl_alloc_array(a, n_values, sizeof *g.register_of);
    g.slot_of = bl_alloc_array(a, t->n_ops, sizeof *g.slot_of);
    g.first_store = bl_alloc_array(a, t->n_ops, sizeof *g.first_store);
    g.next_store = bl_alloc_array(a, t->n_stores, sizeof *g.next_store);
    g.is_late = bl_alloc_array(a, t->n_stores, sizeof *g.is_late);
    g.free_slots = bl_alloc_array(a, t->n_ops, sizeof *g.free_slots);
    uint32_t *head = bl_alloc_array(a, n_values, sizeof *head);
    uint32_t *last_read = bl_alloc_array(a, t->n_sources, sizeof *last_read);
    bl_status status = BL_ERR_MEMORY;
    if (g.next && g.register_of && g.slot_of && g.first_store && g.next_store && g.is_late
        && g.free_slots && head && last_read) {
        find_uses(&g, head, last_read);
        memset(g.register_of, NO_REGISTER, n_values);
        memset(g.slot_of, 0xFF, t->n_ops * sizeof *g.slot_of);
        g.free_registers = (uint32_t)((UINT64_C(1) << job->target->n_registers) - 1);
        generate_all(&g, segments);
        facts->n_slots = g.n_slots;
        status = w->status != BL_OK ? w->status : segments->status;
    }
    bl_free(a, g.next, t->n_ops * sizeof *g.next);
    bl_free(a, g.register_of, n_values * sizeof *g.register_of);
    bl_free(a, g.slot_of, t->n_ops * sizeof *g.slot_of);
    bl_free(a, g.first_store, t->n_ops * sizeof *g.first_store);
    bl_free(a, g.next_store, t->n_stores * sizeof *g.next_store);
    bl_free(a, g.is_late, t->n_stores * sizeof *g.is_late);
    bl_free(a, g.free_slots, t->n_ops * sizeof *g.free_slots);
    bl_free(a, head, n_values * sizeof *head);
    bl_free(a, last_read, t->n_sources * sizeof *last_read);
    return status;
}
