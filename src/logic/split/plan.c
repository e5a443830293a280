// SPDX-License-Identifier: MIT
// Divides an entry by cones, so that barriers are few and what a thread works on stays near. From
// the end of the entry on, an operation joins the cone of its readers where they are all in one;
// otherwise it is the root of a cone of its own. Cones read roots of other cones only, and
//
//     level of a cone = 1 + the highest level of the cones that it reads
//
// A layer of neurons is one level, however deep its adders. Each level is a stage whose cones, in
// the order of the program, go to the threads in equal parts; levels too small to share one by one
// are joined into a stage that one thread runs alone.

#include "logic/split/plan.h"

#include "logic/map/unit.h"
#include "logic/table.h"

#include "base/try.h"

#include <assert.h>
#include <string.h>

enum {
    LUT_COST = 10,
    ADDER_COST = 16,
    LITERAL_COST = 4,
    MACRO_COST = 200,
    CONES_A_THREAD = 16,   // at least, where cones are cut
    COST_TO_SHARE = 20000, // of a stage: five times what its barrier costs
};

static const uint32_t NO_CONE = UINT32_MAX, MANY_CONES = UINT32_MAX - 1;

typedef struct cone {
    uint64_t cost;
    uint32_t level, stage, thread;
} cone;

typedef struct planner {
    plan *p;
    const bl_program *program;
    uint32_t *slot_values;   // of each slot: its value now
    uint32_t *cone_of_value; // of its readers
    uint32_t *producers;     // of each value that is a result: its operation
    cone *cones;             // in falling order of their roots
    uint32_t n_cones, cone_capacity;
} planner;

// ---------------------------------------------------------------------------------- values

typedef struct counts { // of an entry
    uint64_t n_ops, n_results, n_sources, n_macros;
} counts;

static uint64_t n_literals_of(const bl_program *program, const operation *op)
{
    uint64_t at = op->first, n = 0;
    for (uint32_t k = 0; k < op->n_digits; k++) {
        literal_span span;
        at = program_list(&span, program, at);
        n += span.n_plain + span.n_complemented;
    }
    return n;
}

static void count_entry(counts *c, const bl_program *program, uint32_t entry)
{
    uint64_t at = program->entries[entry].first_word;
    *c = (counts){0};
    for (;;) {
        operation op;
        at = program_next(&op, program, at);
        if (op.kind == OP_END)
            return;
        bool is_macro = op.n_results == 0;
        uint64_t n = is_macro ? 1 : op.n;
        c->n_ops += n;
        c->n_macros += is_macro;
        c->n_results += is_macro ? op.n_dst : n * op.n_results;
        c->n_sources += is_macro ? n_literals_of(program, &op) : 3 * n;
    }
}

static void add_source(planner *s, uint32_t slot)
{
    s->p->sources[s->p->n_sources++] = s->slot_values[slot];
}

static void add_result(planner *s, uint32_t slot, uint32_t op)
{
    s->producers[s->p->n_values] = op;
    s->slot_values[slot] = s->p->n_values++;
}

static plan_op *begin_op(planner *s, uint32_t kind, uint64_t at)
{
    plan_op *op = &s->p->ops[s->p->n_ops];
    *op = (plan_op){.at = at,
                    .kind = kind,
                    .first_result = s->p->n_values,
                    .first_source = (uint32_t)s->p->n_sources};
    return op;
}

// An operand that the table does not need is the constant.
static void add_records(planner *s, const operation *op)
{
    uint32_t n_words = op->n_results + 3;
    for (uint64_t at = op->first; at < op->first + (uint64_t)n_words * op->n; at += n_words) {
        begin_op(s, op->kind, at);
        for (uint32_t k = 0; k < 3; k++) {
            uint32_t slot = program_word(s->program, at + op->n_results + k);
            bool is_read = op->n_results == 2 || table_needs((uint8_t)op->kind, k);
            add_source(s, is_read ? slot : 0);
        }
        for (uint32_t k = 0; k < op->n_results; k++)
            add_result(s, program_word(s->program, at + k), s->p->n_ops);
        s->p->n_ops++;
    }
}

static void add_macro(planner *s, const operation *op)
{
    begin_op(s, op->kind, s->p->n_macros);
    s->p->macros[s->p->n_macros++] = *op;
    uint64_t at = op->first;
    for (uint32_t k = 0; k < op->n_digits; k++) {
        literal_span span;
        uint64_t end = program_list(&span, s->program, at);
        for (at = span.plain; at < end; at++)
            add_source(s, program_word(s->program, at));
    }
    for (uint32_t k = 0; k < op->n_dst; k++)
        add_result(s, op->dst + k, s->p->n_ops);
    s->p->n_ops++;
}

static void find_values(planner *s, uint32_t entry)
{
    plan *p = s->p;
    for (uint32_t slot = 0; slot < p->n_ports; slot++)
        s->slot_values[slot] = slot;
    p->n_values = p->n_ports;
    uint64_t at = s->program->entries[entry].first_word;
    for (operation op = {0}; op.kind != OP_END;) {
        at = program_next(&op, s->program, at);
        if (op.n_results)
            add_records(s, &op);
        else if (op.kind != OP_END)
            add_macro(s, &op);
    }
    begin_op(s, OP_END, 0);
    memcpy(p->port_values, s->slot_values, p->n_ports * sizeof *p->port_values);
}

// ----------------------------------------------------------------------------------- cones

static uint64_t cost_of(const plan *p, const plan_op *op)
{
    uint32_t n_results = run_results(op->kind);
    if (n_results)
        return n_results == 1 ? LUT_COST : ADDER_COST;
    return MACRO_COST + (uint64_t)LITERAL_COST * (op[1].first_source - op->first_source)
           + (uint64_t)LUT_COST * p->macros[op->at].n_dst;
}

static bl_status begin_cone(planner *s)
{
    if (s->n_cones == s->cone_capacity) {
        uint32_t wish = s->cone_capacity * 3 / 2 + 256;
        cone *c =
            bl_resize(s->p->allocator, s->cones, s->cone_capacity * sizeof *c, wish * sizeof *c);
        if (!c)
            return BL_ERR_MEMORY;
        s->cones = c;
        s->cone_capacity = wish;
    }
    s->cones[s->n_cones++] = (cone){0};
    return BL_OK;
}

// The one cone that reads the results of an operation.
static uint32_t readers_of(const planner *s, const plan_op *op)
{
    uint32_t one = NO_CONE;
    for (uint32_t v = op->first_result; v < op[1].first_result; v++) {
        uint32_t own = s->cone_of_value[v];
        if (own != NO_CONE)
            one = one == NO_CONE || one == own ? own : MANY_CONES;
    }
    return one;
}

// Numbers the cones in part[], which decide_parts turns into parts.
static bl_status find_cones(planner *s)
{
    plan *p = s->p;
    uint64_t max_cost = 0;
    for (uint32_t i = 0; i < p->n_ops; i++)
        max_cost += cost_of(p, &p->ops[i]);
    max_cost = max_cost / ((uint64_t)CONES_A_THREAD * p->n_threads) + 1;
    for (uint32_t v = 0; v < p->n_values; v++)
        s->cone_of_value[v] = NO_CONE;
    for (uint32_t slot = 0; slot < p->n_ports; slot++)
        s->cone_of_value[p->port_values[slot]] = MANY_CONES;
    for (uint32_t i = p->n_ops; i-- > 0;) {
        const plan_op *op = &p->ops[i];
        uint32_t c = readers_of(s, op);
        p->part[i] = NO_PART;
        if (c == NO_CONE)
            continue;
        if (c == MANY_CONES || s->cones[c].cost >= max_cost) {
            TRY(begin_cone(s));
            c = s->n_cones - 1;
        }
        p->part[i] = c;
        s->cones[c].cost += cost_of(p, op);
        for (uint32_t k = op->first_source; k < op[1].first_source; k++) {
            uint32_t *readers = &s->cone_of_value[p->sources[k]];
            *readers = *readers == NO_CONE || *readers == c ? c : MANY_CONES;
        }
    }
    return BL_OK;
}

// Roots come behind all else of their cones, so a cone that reads one finds its level.
static uint32_t find_levels(planner *s)
{
    plan *p = s->p;
    uint32_t n_levels = 0;
    for (uint32_t i = 0; i < p->n_ops; i++) {
        if (p->part[i] == NO_PART)
            continue;
        cone *own = &s->cones[p->part[i]];
        for (uint32_t k = p->ops[i].first_source; k < p->ops[i + 1].first_source; k++) {
            uint32_t v = p->sources[k];
            uint32_t other = v < p->n_ports ? NO_PART : p->part[s->producers[v]];
            if (v >= p->n_ports && other != p->part[i] && s->cones[other].level >= own->level)
                own->level = s->cones[other].level + 1;
        }
        n_levels = own->level + 1 > n_levels ? own->level + 1 : n_levels;
    }
    return n_levels;
}

// ---------------------------------------------------------------------------------- stages

typedef struct level {
    uint64_t cost, done;
    uint32_t stage;
    bool is_shared;
} level;

static void number_stages(plan *p, level *levels, uint32_t n_levels)
{
    p->n_stages = 0;
    for (uint32_t l = 0; l < n_levels; l++) {
        levels[l].is_shared = levels[l].cost >= COST_TO_SHARE;
        bool is_joined = l > 0 && !levels[l].is_shared && !levels[l - 1].is_shared;
        p->n_stages += !is_joined;
        levels[l].stage = p->n_stages - 1;
    }
}

// Cones in rising order of their roots: equal parts of the cost of a stage for each thread.
static void assign_threads(planner *s, level *levels)
{
    plan *p = s->p;
    for (uint32_t i = s->n_cones; i-- > 0;) {
        cone *c = &s->cones[i];
        level *l = &levels[c->level];
        c->stage = l->stage;
        uint64_t middle = l->done + c->cost / 2;
        c->thread = l->is_shared ? (uint32_t)(middle * p->n_threads / l->cost) : 0;
        l->done += c->cost;
    }
}

static bl_status sort_parts(planner *s)
{
    plan *p = s->p;
    size_t n_parts = (size_t)p->n_stages * p->n_threads;
    p->first_of_part = bl_alloc_array(p->allocator, n_parts + 2, sizeof *p->first_of_part);
    if (!p->first_of_part)
        return BL_ERR_MEMORY;
    for (uint32_t i = 0; i < p->n_ops; i++) {
        if (p->part[i] == NO_PART)
            continue;
        const cone *c = &s->cones[p->part[i]];
        p->part[i] = c->stage * p->n_threads + c->thread;
        p->first_of_part[p->part[i] + 2]++;
    }
    for (size_t k = 1; k < n_parts + 2; k++)
        p->first_of_part[k] += p->first_of_part[k - 1];
    for (uint32_t i = 0; i < p->n_ops; i++)
        if (p->part[i] != NO_PART)
            p->order[p->first_of_part[p->part[i] + 1]++] = i;
    return BL_OK;
}

// An operation as the scheduler of programs sees it. Macro-operations, like counts, stay where they
// are and what is behind them too.
static unit unit_of(const plan *p, const plan_op *op)
{
    uint32_t n_results = run_results(op->kind);
    if (n_results == 0)
        return (unit){.result = op->first_result, .second = NO_RESULT, .kind = COUNT_KIND};
    const uint32_t *in = &p->sources[op->first_source];
    return (unit){.leaf = {in[0], in[1], in[2]},
                  .result = op->first_result,
                  .second = n_results == 2 ? op->first_result + 1 : NO_RESULT,
                  .kind = n_results == 1 ? op->kind : N_TABLES + op->kind - OP_ADDER};
}

// Runs of one kind in each part, as long as they were in the whole.
static bl_status schedule_parts(plan *p)
{
    const bl_allocator *a = p->allocator;
    size_t n_parts = (size_t)p->n_stages * p->n_threads;
    uint64_t largest = 0;
    for (size_t k = 0; k < n_parts; k++) {
        uint64_t n = p->first_of_part[k + 1] - p->first_of_part[k];
        largest = n > largest ? n : largest;
    }
    unit_list list = {.units = bl_alloc_array(a, largest, sizeof *list.units)};
    uint32_t *position = bl_alloc_array(a, p->n_values, sizeof *position);
    uint32_t *order = bl_alloc_array(a, largest, sizeof *order);
    bool is_ok = list.units && position && order;
    for (size_t k = 0; k < n_parts && is_ok; k++) {
        uint32_t *part = p->order + p->first_of_part[k];
        list.n = (uint32_t)(p->first_of_part[k + 1] - p->first_of_part[k]);
        for (uint32_t i = 0; i < list.n; i++)
            list.units[i] = unit_of(p, &p->ops[part[i]]);
        units_schedule(order, &list, position);
        for (uint32_t i = 0; i < list.n; i++)
            order[i] = part[order[i]];
        memcpy(part, order, list.n * sizeof *order);
    }
    bl_free(a, list.units, largest * sizeof *list.units);
    bl_free(a, position, p->n_values * sizeof *position);
    bl_free(a, order, largest * sizeof *order);
    return is_ok ? BL_OK : BL_ERR_MEMORY;
}

static void add_costs(plan *p)
{
    for (uint32_t stage = 0; stage < p->n_stages; stage++) {
        uint64_t longest = 0;
        for (uint32_t t = 0; t < p->n_threads; t++) {
            size_t part = (size_t)stage * p->n_threads + t;
            uint64_t cost = 0;
            for (uint64_t k = p->first_of_part[part]; k < p->first_of_part[part + 1]; k++)
                cost += cost_of(p, &p->ops[p->order[k]]);
            p->cost += cost;
            longest = cost > longest ? cost : longest;
        }
        p->longest += longest;
    }
}

static bl_status make_stages(planner *s, uint32_t n_levels)
{
    plan *p = s->p;
    level *levels = bl_alloc_array(p->allocator, n_levels, sizeof *levels);
    if (!levels)
        return BL_ERR_MEMORY;
    for (uint32_t i = 0; i < s->n_cones; i++)
        levels[s->cones[i].level].cost += s->cones[i].cost;
    number_stages(p, levels, n_levels);
    assign_threads(s, levels);
    bl_free(p->allocator, levels, n_levels * sizeof *levels);
    TRY(sort_parts(s));
    TRY(schedule_parts(p));
    add_costs(p);
    return BL_OK;
}

// ------------------------------------------------------------------------------ everything

typedef struct sizes {
    size_t ops, macros, values, sources;
} sizes;

static sizes sizes_of(const plan *p, const counts *c)
{
    return (sizes){.ops = c->n_ops + 1,
                   .macros = c->n_macros,
                   .values = p->n_ports + c->n_results,
                   .sources = c->n_sources};
}

static bl_status allocate(planner *s, const sizes *n)
{
    plan *p = s->p;
    const bl_allocator *a = p->allocator;
    if (n->values >= MANY_CONES || n->sources > UINT32_MAX || n->ops >= MANY_CONES)
        return BL_ERR_LIMIT;
    p->ops = bl_alloc_array(a, n->ops, sizeof *p->ops);
    p->order = bl_alloc_array(a, n->ops, sizeof *p->order);
    p->part = bl_alloc_array(a, n->ops, sizeof *p->part);
    p->macros = bl_alloc_array(a, n->macros, sizeof *p->macros);
    p->sources = bl_alloc_array(a, n->sources, sizeof *p->sources);
    p->port_values = bl_alloc_array(a, p->n_ports, sizeof *p->port_values);
    s->slot_values = bl_alloc_array(a, s->program->header->n_slots, sizeof *s->slot_values);
    s->cone_of_value = bl_alloc_array(a, n->values, sizeof *s->cone_of_value);
    s->producers = bl_alloc_array(a, n->values, sizeof *s->producers);
    return p->ops && p->order && p->part && p->macros && p->sources && p->port_values
                   && s->slot_values && s->cone_of_value && s->producers
               ? BL_OK
               : BL_ERR_MEMORY;
}

static bl_status make(planner *s, uint32_t entry)
{
    find_values(s, entry);
    TRY(find_cones(s));
    return make_stages(s, find_levels(s));
}

bl_status plan_create(plan *p, const bl_program *program, uint32_t entry, uint32_t n_threads,
                      const bl_allocator *allocator)
{
    assert(n_threads > 0);
    const program_header *h = program->header;
    *p = (plan){
        .n_threads = n_threads, .n_ports = h->n_slots - h->n_temporaries, .allocator = allocator};
    counts c;
    count_entry(&c, program, entry);
    sizes n = sizes_of(p, &c);
    planner s = {.p = p, .program = program};
    bl_status status = allocate(&s, &n);
    if (status == BL_OK)
        status = make(&s, entry);
    bl_free(allocator, s.slot_values, h->n_slots * sizeof *s.slot_values);
    bl_free(allocator, s.cone_of_value, n.values * sizeof *s.cone_of_value);
    bl_free(allocator, s.producers, n.values * sizeof *s.producers);
    bl_free(allocator, s.cones, s.cone_capacity * sizeof *s.cones);
    p->sizes[0] = n.ops, p->sizes[1] = n.macros, p->sizes[2] = n.sources;
    if (status != BL_OK)
        plan_destroy(p);
    return status;
}

void plan_destroy(plan *p)
{
    const bl_allocator *a = p->allocator;
    bl_free(a, p->ops, p->sizes[0] * sizeof *p->ops);
    bl_free(a, p->order, p->sizes[0] * sizeof *p->order);
    bl_free(a, p->part, p->sizes[0] * sizeof *p->part);
    bl_free(a, p->macros, p->sizes[1] * sizeof *p->macros);
    bl_free(a, p->sources, p->sizes[2] * sizeof *p->sources);
    bl_free(a, p->port_values, p->n_ports * sizeof *p->port_values);
    bl_free(a, p->first_of_part,
            ((size_t)p->n_stages * p->n_threads + 2) * sizeof *p->first_of_part);
    *p = (plan){0};
}
