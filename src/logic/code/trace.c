// SPDX-License-Identifier: MIT
// Slots become values: a slot's content is a literal, 2 * value + complement, and each operation
// makes a new one. Operands that are constant, equal or complemented are folded into the table, and
// an operation with one operand left is no operation but a literal.

#include "logic/code/trace.h"
#include "logic/table.h"

#include <assert.h>
#include <string.h>

typedef struct tracer {
    trace *t;
    const bl_program *p;
    uint32_t *literal; // of each slot
    bl_status status;
} tracer;

// The function of the literals as a table over different values; their number.
static uint32_t fold(uint8_t *table, uint32_t values[3], const uint32_t literals[3])
{
    uint32_t place[3], n = 0;
    uint32_t distinct[3] = {0};
    for (uint32_t k = 0; k < 3; k++) {
        uint32_t value = literals[k] >> 1;
        for (place[k] = 0; place[k] < n && distinct[place[k]] != value; place[k]++)
            ;
        if (place[k] == n && value != 0)
            distinct[n++] = value;
    }
    unsigned rows = 0; // bit j of the row: distinct value j
    for (unsigned row = 0; row < 8; row++) {
        unsigned old = 0;
        for (uint32_t k = 0; k < 3; k++) {
            bool value = literals[k] >> 1 != 0 && (row >> place[k] & 1);
            old |= (unsigned)(value ^ (literals[k] & 1)) << (2 - k);
        }
        rows |= (unsigned)(*table >> old & 1) << row;
    }
    static const uint8_t without[3] = {0x55, 0x33, 0x0F}; // rows that lack distinct value j
    uint32_t kept = 0;
    unsigned needed = 0;
    for (uint32_t j = 0; j < n; j++)
        if ((rows ^ rows >> (1u << j)) & without[j])
            needed |= 1u << j;
    for (uint32_t j = 0; j < n; j++)
        if (needed >> j & 1)
            values[kept++] = distinct[j];
    unsigned out = 0; // the last kept value is c
    for (unsigned row = 0; row < 8; row++) {
        unsigned old = 0, at = 0;
        for (uint32_t j = 0; j < n; j++)
            if (needed >> j & 1)
                old |= (row >> (kept - 1 - at++) & 1) << j;
        out |= (rows >> old & 1) << row;
    }
    *table = (uint8_t)out;
    return kept;
}

static bool append_op(tracer *r, const trace_op *op)
{
    trace *t = r->t;
    if (r->status != BL_OK)
        return false;
    if (t->n_ops == t->op_capacity) {
        r->status = BL_ERR_LIMIT; // counted beforehand; state that moves needs a few more
        return false;
    }
    t->ops[t->n_ops++] = *op;
    return true;
}

// The literal of table(literals), by a new operation where one is needed.
static uint32_t compute(tracer *r, uint8_t table, const uint32_t literals[3])
{
    trace_op op = {.table = table};
    uint32_t a = literals[0], b = literals[1], c = literals[2];
    bool is_plain = !((a | b | c) & 1) && b && c && b != c;
    if (is_plain && a && a != b && a != c && table_needs(table, 0)) {
        op.n = 3;
        op.source[0] = a >> 1, op.source[1] = b >> 1, op.source[2] = c >> 1;
    } else if (is_plain && !table_needs(table, 0)
               && (table == 0x88 || table == 0x66 || table == 0x22 || table == 0xEE)) {
        op.n = 2;
        op.source[0] = b >> 1, op.source[1] = c >> 1;
    } else
        op.n = (uint8_t)fold(&op.table, op.source, literals);
    uint32_t is_complemented = op.table & 1;
    if (is_complemented)
        op.table = (uint8_t)~op.table;
    if (op.n < 2)
        return (op.n ? 2 * op.source[0] : 0) + is_complemented;
    if (op.n == 2) { // b and c of the table: sources 0 and 1
        op.source[2] = op.source[1];
        op.source[1] = op.source[0];
        op.source[0] = 0;
    }
    return append_op(r, &op) ? 2 * (r->t->n_sources + r->t->n_ops - 1) + is_complemented : 0;
}

static void trace_run(tracer *r, const operation *op)
{
    for (uint64_t at = op->first, i = 0; i < op->n; i++, at += op->n_results + 3) {
        uint32_t x[3], first = r->t->n_ops;
        for (uint32_t k = 0; k < 3; k++)
            x[k] = r->literal[program_word(r->p, at + op->n_results + k)];
        uint32_t sum = compute(r, op->n_results == 1 ? (uint8_t)op->kind : SUM_TABLE, x);
        if (op->n_results == 2) {
            uint32_t carry = compute(r, adder_carry_table(op->kind), x);
            r->literal[program_word(r->p, at + 1)] = carry;
            trace_op *mates = &r->t->ops[first];
            if (r->t->n_ops == first + 2 && mates[0].n == mates[1].n
                && memcmp(mates[0].source, mates[1].source, sizeof mates->source) == 0)
                mates->has_mate = true;
        }
        r->literal[program_word(r->p, at)] = sum;
    }
}

// An operation whose plane holds exactly this literal; copies are made where none does.
static uint32_t op_of_literal(tracer *r, uint32_t literal)
{
    uint32_t value = literal >> 1, first = r->t->n_sources;
    if (value >= first && !(literal & 1))
        return value - first;
    trace_op copy = {.source = {value}, .n = 1, .table = literal & 1 ? 0x0F : 0xF0};
    append_op(r, &copy);
    return r->t->n_ops - 1;
}

static void trace_stores(tracer *r)
{
    for (uint32_t slot = r->p->info.first_state; slot < r->t->n_sources; slot++) {
        uint32_t literal = r->literal[slot];
        if (literal == 2 * slot || r->status != BL_OK)
            continue;
        trace_store s = {.slot = slot, .op = op_of_literal(r, literal)};
        r->t->stores[r->t->n_stores++] = s;
    }
}

static uint64_t count_ops(const bl_program *p, uint32_t entry)
{
    uint64_t at = p->entries[entry].first_word, n = 0;
    for (operation op = {0}; op.kind != OP_END;) {
        at = program_next(&op, p, at);
        n += (uint64_t)op.n * op.n_results;
    }
    return n;
}

bl_status trace_create(trace *t, const bl_program *p, uint32_t entry, const bl_allocator *allocator)
{
    assert(entry < p->header->n_entries && p->info.n_macro_operations == 0);
    uint32_t n_sources = p->header->n_slots - p->header->n_temporaries;
    uint64_t n_ops = count_ops(p, entry) + n_sources; // a copy for each store at most
    if (n_ops + n_sources > INT32_MAX)
        return BL_ERR_LIMIT;
    *t = (trace){.n_sources = n_sources, .allocator = allocator};
    t->op_capacity = (uint32_t)n_ops;
    t->store_capacity = n_sources;
    tracer r = {.t = t, .p = p};
    t->ops = bl_alloc_array(allocator, n_ops, sizeof *t->ops);
    t->stores = bl_alloc_array(allocator, n_sources, sizeof *t->stores);
    r.literal = bl_alloc_array(allocator, p->header->n_slots, sizeof *r.literal);
    r.status = t->ops && t->stores && r.literal ? BL_OK : BL_ERR_MEMORY;
    if (r.status == BL_OK) {
        for (uint32_t slot = 0; slot < n_sources; slot++)
            r.literal[slot] = 2 * slot;
        r.literal[1] = 1; // the complement of slot 0
        uint64_t at = p->entries[entry].first_word;
        for (operation op = {0}; op.kind != OP_END;) {
            at = program_next(&op, p, at);
            trace_run(&r, &op);
        }
        trace_stores(&r);
    }
    bl_free(allocator, r.literal, p->header->n_slots * sizeof *r.literal);
    if (r.status != BL_OK)
        trace_destroy(t);
    return r.status;
}

void trace_destroy(trace *t)
{
    bl_free(t->allocator, t->ops, t->op_capacity * sizeof *t->ops);
    bl_free(t->allocator, t->stores, t->store_capacity * sizeof *t->stores);
    *t = (trace){0};
}

// -------------------------------------------------------------------------------- reordering

typedef struct walk {
    trace *t;
    uint16_t *need;  // of each operation: planes that computing it takes (Sethi and Ullman)
    uint32_t *place; // of each operation: 1 + its new index, 0: not yet, OPEN: on the stack
    uint32_t *stack;
    trace_op *ops; // in the new order
    uint32_t n;
} walk;
static const uint32_t OPEN = UINT32_MAX;

// The first operation of the unit that operation i belongs to.
static uint32_t unit_of(const trace *t, uint32_t i)
{
    return i > 0 && t->ops[i - 1].has_mate ? i - 1 : i;
}

static void find_needs(walk *w)
{
    const trace *t = w->t;
    for (uint32_t i = 0; i < t->n_ops; i++) {
        const trace_op *op = &t->ops[i];
        uint32_t n[3] = {0};
        for (uint32_t k = 3 - op->n; k < 3; k++) {
            uint32_t v = op->n == 1 ? op->source[0] : op->source[k];
            n[k] = v < t->n_sources ? 1 : w->need[v - t->n_sources];
        }
        if (n[0] < n[1])
            n[0] ^= n[1], n[1] ^= n[0], n[0] ^= n[1];
        if (n[1] < n[2])
            n[1] ^= n[2], n[2] ^= n[1], n[1] ^= n[2];
        if (n[0] < n[1])
            n[0] ^= n[1], n[1] ^= n[0], n[0] ^= n[1];
        uint32_t most = n[0] > n[1] + 1 ? n[0] : n[1] + 1;
        most = most > n[2] + 2 ? most : n[2] + 2;
        w->need[i] = (uint16_t)(most < UINT16_MAX ? most : UINT16_MAX);
    }
}

static uint32_t push_sources(walk *w, uint32_t depth, uint32_t unit)
{
    const trace_op *op = &w->t->ops[unit];
    uint32_t units[3], n = 0;
    for (uint32_t k = 0; k < 3; k++) {
        if (op->source[k] < w->t->n_sources)
            continue;
        uint32_t u = unit_of(w->t, op->source[k] - w->t->n_sources), at = n;
        if (w->place[u] != 0)
            continue;
        for (; at > 0 && w->need[units[at - 1]] > w->need[u]; at--)
            units[at] = units[at - 1];
        units[at] = u;
        n++;
    }
    for (uint32_t k = 0; k < n; k++) // the one with the greatest need comes to lie on top
        w->stack[depth++] = units[k];
    return depth;
}

static void place_unit(walk *w, uint32_t unit)
{
    uint32_t n = 1 + w->t->ops[unit].has_mate;
    for (uint32_t k = 0; k < n; k++) {
        w->ops[w->n] = w->t->ops[unit + k];
        w->place[unit + k] = ++w->n;
    }
}

static void visit(walk *w, uint32_t root)
{
    uint32_t depth = 0;
    w->stack[depth++] = root;
    while (depth > 0) {
        uint32_t unit = w->stack[depth - 1];
        if (w->place[unit] == 0) {
            w->place[unit] = OPEN;
            depth = push_sources(w, depth, unit);
            continue;
        }
        depth--;
        if (w->place[unit] == OPEN)
            place_unit(w, unit);
    }
}

static void renumber(walk *w)
{
    uint32_t first = w->t->n_sources;
    for (uint32_t i = 0; i < w->n; i++)
        for (uint32_t k = 0; k < 3; k++)
            if (w->ops[i].source[k] >= first)
                w->ops[i].source[k] = first + w->place[w->ops[i].source[k] - first] - 1;
    for (uint32_t i = 0; i < w->t->n_stores; i++)
        w->t->stores[i].op = w->place[w->t->stores[i].op] - 1;
}

bl_status trace_reorder(trace *t)
{
    walk w = {.t = t};
    size_t n = t->n_ops, n_stack = 3 * n + 1;
    w.need = bl_alloc_array(t->allocator, n, sizeof *w.need);
    w.place = bl_alloc_array(t->allocator, n, sizeof *w.place);
    w.stack = bl_alloc_array(t->allocator, n_stack, sizeof *w.stack);
    w.ops = bl_alloc_array(t->allocator, t->op_capacity, sizeof *w.ops);
    bl_status status = BL_ERR_MEMORY;
    if (w.need && w.place && w.stack && w.ops) {
        find_needs(&w);
        for (uint32_t i = 0; i < t->n_stores; i++)
            visit(&w, unit_of(t, t->stores[i].op));
        renumber(&w);
        trace_op *old = t->ops;
        t->ops = w.ops;
        t->n_ops = w.n;
        w.ops = old;
        status = BL_OK;
    }
    bl_free(t->allocator, w.need, n * sizeof *w.need);
    bl_free(t->allocator, w.place, n * sizeof *w.place);
    bl_free(t->allocator, w.stack, n_stack * sizeof *w.stack);
    bl_free(t->allocator, w.ops, t->op_capacity * sizeof *w.ops);
    return status;
}
