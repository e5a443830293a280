// SPDX-License-Identifier: MIT
// Macro-operations as gates. A list of literals is counted by columns: column k holds signals of
// weight 2^k, first in, first out, so that the tree stays shallow.
//
//     three of column k  --full adder-->  one of column k (a^b^c), one of column k+1 (majority)
//     the last two       --half adder-->  the same with a third input that is false
//
// n literals take about 2n LUT3s. What a gate *is* depends on the sink: an operation of a new
// program, nodes of a graph, or a mere count.

#include "expand.h"
#include "table.h"

#include <assert.h>
#include <string.h>

typedef struct signal {
    uint32_t id;
    bool is_complemented;
} signal;

// Where gates go. `wish` is the slot that the result should have, or NO_WISH.
typedef struct sink {
    uint32_t (*lut3)(struct sink *s, uint8_t table, uint32_t a, uint32_t b, uint32_t c,
                     uint32_t wish);
    void (*release)(struct sink *s, uint32_t id);               // nobody reads this signal any more
    void (*assign)(struct sink *s, uint32_t slot, uint32_t id); // slot = signal
    struct signal (*read)(struct sink *s, uint32_t slot, bool is_complemented);
    uint32_t zero, one;
    const bl_allocator *allocator;
} sink;

enum { N_COLUMNS = MAX_SUM_PLANES + 1 };
static const uint32_t NO_WISH = UINT32_MAX;

typedef struct column {
    signal *queue;
    uint32_t begin, end;
} column;

typedef struct counter {
    sink *s;
    column columns[N_COLUMNS];
    uint32_t n_columns; // carries out of the last one are dropped
    uint32_t capacity;  // of each queue
    signal *pool;       // all queues
} counter;

static uint32_t emit(sink *s, uint8_t table, signal a, signal b, signal c, uint32_t wish)
{
    unsigned mask = 4u * a.is_complemented + 2u * b.is_complemented + c.is_complemented;
    return s->lut3(s, table_complement_inputs(table, mask), a.id, b.id, c.id, wish);
}

static void push(counter *n, uint32_t k, signal x)
{
    if (k >= n->n_columns)
        return;
    column *c = &n->columns[k];
    assert(c->end < n->capacity);
    c->queue[c->end++] = x;
}

static uint32_t waiting(const column *c) { return c->end - c->begin; }

// Reduces column k to at most one signal and returns it; the final sum goes to `wish`.
static signal reduce(counter *n, uint32_t k, uint32_t wish)
{
    column *c = &n->columns[k];
    sink *s = n->s;
    const signal nothing = {.id = s->zero};
    while (waiting(c) >= 2) {
        bool is_last = waiting(c) <= 3;
        signal a = c->queue[c->begin++], b = c->queue[c->begin++];
        signal d = waiting(c) ? c->queue[c->begin++] : nothing;
        if (k + 1 < n->n_columns)
            push(n, k + 1, (signal){.id = emit(s, 0xE8, a, b, d, NO_WISH)});
        push(n, k, (signal){.id = emit(s, 0x96, a, b, d, is_last ? wish : NO_WISH)});
        s->release(s, a.id);
        s->release(s, b.id);
        s->release(s, d.id);
    }
    return waiting(c) ? c->queue[c->begin] : nothing;
}

// Queues that are long enough: column k gets at most total / 2^k carries and its own digits.
static bl_status counter_create(counter *n, sink *s, uint32_t n_columns, uint32_t n_literals)
{
    *n = (counter){.s = s, .n_columns = n_columns, .capacity = 2 * n_literals + 4};
    n->pool = bl_alloc_array(s->allocator, (size_t)n_columns * n->capacity, sizeof *n->pool);
    if (!n->pool)
        return BL_ERR_MEMORY;
    for (uint32_t k = 0; k < n_columns; k++)
        n->columns[k].queue = n->pool + (size_t)k * n->capacity;
    return BL_OK;
}

static void counter_destroy(counter *n)
{
    bl_free(n->s->allocator, n->pool, (size_t)n->n_columns * n->capacity * sizeof *n->pool);
}

static uint32_t push_list(counter *n, uint32_t k, const bl_program *p, const literal_span *span)
{
    uint32_t n_literals = 0;
    for (uint32_t i = 0; i < span->n_plain + span->n_complemented; i++) {
        bool is_complemented = i >= span->n_plain;
        uint32_t slot = program_word(p, span->plain + i); // the complemented list follows
        if (slot == (is_complemented ? 1u : 0u))
            continue; // filler: never true
        push(n, k, n->s->read(n->s, slot, is_complemented));
        n_literals++;
    }
    return n_literals;
}

static uint32_t bit_length(uint32_t x)
{
    uint32_t n = 0;
    for (; x; x >>= 1)
        n++;
    return n;
}

static void assign_constant(sink *s, uint32_t dst, bool value)
{
    s->assign(s, dst, value ? s->one : s->zero);
}

// g = count >= t, from the planes of the count, two planes a LUT3: g = 0 at first, c = t - 1.
static void compare(counter *n, uint32_t dst, uint32_t threshold)
{
    sink *s = n->s;
    signal g = {.id = s->zero};
    uint32_t c = threshold - 1;
    for (uint32_t k = 0; k < n->n_columns; k += 2) {
        signal low = reduce(n, k, NO_WISH), high = {.id = s->zero};
        bool has_high = k + 1 < n->n_columns, is_last = k + 2 >= n->n_columns;
        if (has_high)
            high = reduce(n, k + 1, NO_WISH);
        uint8_t table = table_compare(c, k, has_high);
        uint32_t id = emit(s, table, high, low, g, is_last ? dst : NO_WISH);
        s->release(s, high.id);
        s->release(s, low.id);
        s->release(s, g.id);
        g = (signal){.id = id};
    }
    s->assign(s, dst, g.id);
    s->release(s, g.id);
}

static bl_status expand_count_ge(sink *s, const bl_program *p, const operation *op)
{
    literal_span span;
    program_list(&span, p, op->first);
    uint32_t total = span.n_plain + span.n_complemented;
    counter n;
    bl_status status = counter_create(&n, s, bit_length(total) + (total == 0), total);
    if (status != BL_OK)
        return status;
    uint32_t n_literals = push_list(&n, 0, p, &span);
    n.n_columns = bit_length(n_literals);
    if (op->threshold == 0 || op->threshold > n_literals)
        assign_constant(s, op->dst, op->threshold == 0);
    else
        compare(&n, op->dst, op->threshold);
    n.n_columns = bit_length(total) + (total == 0);
    counter_destroy(&n);
    return BL_OK;
}

static bl_status expand_sum(sink *s, const bl_program *p, const operation *op)
{
    literal_span spans[MAX_SUM_PLANES];
    uint32_t total = 0;
    uint64_t at = op->first;
    for (uint32_t k = 0; k < op->n_digits; k++) {
        at = program_list(&spans[k], p, at);
        total += spans[k].n_plain + spans[k].n_complemented;
    }
    counter n;
    bl_status status = counter_create(&n, s, op->n_planes, total + MAX_SUM_PLANES);
    if (status != BL_OK)
        return status;
    for (uint32_t k = 0; k < op->n_digits; k++)
        push_list(&n, k, p, &spans[k]);
    for (uint32_t k = 0; k < op->n_planes; k++)
        if ((uint32_t)op->base >> k & 1)
            push(&n, k, (signal){.id = s->one});
    for (uint32_t k = 0; k < op->n_planes; k++) {
        signal x = reduce(&n, k, op->dst + k);
        uint32_t id = x.id;
        if (x.is_complemented) {
            id = emit(s, 0xF0, x, (signal){.id = s->zero}, (signal){.id = s->zero}, op->dst + k);
            s->release(s, x.id);
        }
        s->assign(s, op->dst + k, id);
        if (k + 1 == op->n_planes)
            for (uint32_t i = op->n_planes; i < op->n_dst; i++)
                s->assign(s, op->dst + i, id);
        s->release(s, id);
    }
    counter_destroy(&n);
    return BL_OK;
}

static void expand_lut3s(sink *s, const bl_program *p, const operation *op)
{
    for (uint64_t at = op->first; at < op->first + 4 * (uint64_t)op->n; at += 4) {
        uint32_t dst = program_word(p, at);
        uint32_t id = emit(s, (uint8_t)op->kind, s->read(s, program_word(p, at + 1), false),
                           s->read(s, program_word(p, at + 2), false),
                           s->read(s, program_word(p, at + 3), false), dst);
        s->assign(s, dst, id);
        s->release(s, id);
    }
}

// The first of the two LUT3s must not overwrite what the second one reads.
static void expand_adders(sink *s, const bl_program *p, const operation *op)
{
    for (uint64_t at = op->first; at < op->first + 5 * (uint64_t)op->n; at += 5) {
        uint32_t sum = program_word(p, at), carry = program_word(p, at + 1);
        bool is_read = false;
        signal x[3];
        for (uint32_t k = 0; k < 3; k++) {
            uint32_t slot = program_word(p, at + 2 + k);
            is_read |= slot == sum;
            x[k] = s->read(s, slot, false);
        }
        uint32_t sum_id = emit(s, SUM_TABLE, x[0], x[1], x[2], is_read ? NO_WISH : sum);
        uint32_t carry_id = emit(s, adder_carry_table(op->kind), x[0], x[1], x[2], carry);
        s->assign(s, sum, sum_id);
        s->assign(s, carry, carry_id);
        s->release(s, sum_id);
        s->release(s, carry_id);
    }
}

static bl_status expand_entry(sink *s, const bl_program *p, uint32_t entry)
{
    uint64_t at = p->entries[entry].first_word;
    for (;;) {
        operation op;
        at = program_next(&op, p, at);
        if (op.kind == OP_END)
            return BL_OK;
        bl_status status = BL_OK;
        if (op.n_results == 1)
            expand_lut3s(s, p, &op);
        else if (op.n_results == 2)
            expand_adders(s, p, &op);
        else
            status = op.kind == OP_COUNT_GE ? expand_count_ge(s, p, &op) : expand_sum(s, p, &op);
        if (status != BL_OK)
            return status;
    }
}

// ------------------------------------------------------------------- a sink that only counts

typedef struct counting_sink {
    sink base;
    uint64_t n;
} counting_sink;

static uint32_t count_lut3(sink *s, uint8_t table, uint32_t a, uint32_t b, uint32_t c,
                           uint32_t wish)
{
    (void)table, (void)a, (void)b, (void)c, (void)wish;
    ((counting_sink *)s)->n++;
    return FIRST_FREE_SLOT;
}

static void ignore_release(sink *s, uint32_t id) { (void)s, (void)id; }
static void ignore_assign(sink *s, uint32_t slot, uint32_t id) { (void)s, (void)slot, (void)id; }

static signal read_same(sink *s, uint32_t slot, bool is_complemented)
{
    (void)s;
    return (signal){.id = slot, .is_complemented = is_complemented};
}

bl_status program_count_lut3(uint64_t *n, const bl_program *p)
{
    counting_sink c = {.base = {.lut3 = count_lut3,
                                .release = ignore_release,
                                .assign = ignore_assign,
                                .read = read_same,
                                .zero = 0,
                                .one = 1,
                                .allocator = p->allocator}};
    for (uint32_t e = 0; e < p->header->n_entries; e++) {
        bl_status status = expand_entry(&c.base, p, e);
        if (status != BL_OK)
            return status;
    }
    *n = c.n;
    return BL_OK;
}

// -------------------------------------------------------------------- a sink of LUT3 programs

// Signals are slots. Scratch slots lie behind the old program's and are used again once free.
typedef struct lut_sink {
    sink base;
    bl_assembler *assembler;
    uint32_t first_scratch;
    uint32_t *free_slots;
    uint32_t n_free, free_capacity;
    bl_status status;
} lut_sink;

static uint32_t take_scratch(lut_sink *s)
{
    return s->n_free ? s->free_slots[--s->n_free] : bl_assembler_temporaries(s->assembler, 1);
}

static uint32_t lut_lut3(sink *base, uint8_t table, uint32_t a, uint32_t b, uint32_t c,
                         uint32_t wish)
{
    lut_sink *s = (lut_sink *)base;
    uint32_t dst = wish == NO_WISH ? take_scratch(s) : wish;
    bl_assembler_lut3(s->assembler, table, dst, a, b, c);
    return dst;
}

static void lut_release(sink *base, uint32_t id)
{
    lut_sink *s = (lut_sink *)base;
    if (id < s->first_scratch || s->status != BL_OK)
        return;
    if (s->n_free == s->free_capacity) {
        uint32_t more = s->free_capacity + s->free_capacity / 2 + 256;
        uint32_t *p = bl_resize(base->allocator, s->free_slots, s->free_capacity * sizeof *p,
                                more * sizeof *p);
        if (!p) {
            s->status = BL_ERR_MEMORY;
            return;
        }
        s->free_slots = p;
        s->free_capacity = more;
    }
    s->free_slots[s->n_free++] = id;
}

static void lut_assign(sink *base, uint32_t slot, uint32_t id)
{
    if (slot != id)
        bl_assembler_lut3(((lut_sink *)base)->assembler, 0xF0, slot, id, 0, 0);
}

bl_status bl_program_expand(bl_program **expanded, const bl_program *p,
                            const bl_allocator *allocator)
{
    assert(expanded && p);
    lut_sink s = {.base = {.lut3 = lut_lut3,
                           .release = lut_release,
                           .assign = lut_assign,
                           .read = read_same,
                           .zero = 0,
                           .one = 1,
                           .allocator = allocator},
                  .first_scratch = p->header->n_slots};
    bl_status status = bl_assembler_create(&s.assembler, &p->records[0], &p->records[1],
                                           &p->records[2], allocator);
    if (status != BL_OK)
        return status;
    bl_assembler_temporaries(s.assembler, p->header->n_temporaries);
    for (uint32_t e = 0; e < p->header->n_entries && status == BL_OK; e++) {
        bl_assembler_begin_entry(s.assembler, p->entries[e].name);
        status = expand_entry(&s.base, p, e);
    }
    if (status == BL_OK)
        status = s.status;
    if (status == BL_OK)
        status = bl_assembler_finish(expanded, s.assembler);
    bl_assembler_destroy(&s.assembler);
    bl_free(allocator, s.free_slots, s.free_capacity * sizeof *s.free_slots);
    return status;
}

// ------------------------------------------------------------------------- a sink of graphs

// Signals are literals; each slot remembers the literal that was written to it last.
typedef struct graph_sink {
    sink base;
    bl_graph *graph;
    bl_lit *slots;
} graph_sink;

static uint32_t graph_lut3(sink *base, uint8_t table, uint32_t a, uint32_t b, uint32_t c,
                           uint32_t wish)
{
    (void)wish;
    bl_graph *g = ((graph_sink *)base)->graph;
    if (table == 0xE8) // shares a ^ b and (a ^ b) & c with the sum of a full adder: 7 ANDs for both
        return bl_graph_or(g, bl_graph_and(g, a, b), bl_graph_and(g, bl_graph_xor(g, a, b), c));
    return bl_graph_lut3(g, table, a, b, c);
}

static void graph_assign(sink *base, uint32_t slot, uint32_t id)
{
    ((graph_sink *)base)->slots[slot] = id;
}

static signal graph_read(sink *base, uint32_t slot, bool is_complemented)
{
    bl_lit lit = ((graph_sink *)base)->slots[slot];
    return (signal){.id = bl_lit_not_if(lit, is_complemented)}; // complements are free
}

static void add_ports(graph_sink *s, const bl_program *p)
{
    char name[BL_FIELD_NAME_BYTES + 16];
    s->slots[1] = BL_LIT_TRUE;
    for (uint32_t i = 0; i < p->info.n_inputs; i++) {
        bl_record_plane_name(name, sizeof name, &p->records[0], i);
        s->slots[p->info.first_input + i] = bl_graph_input(s->graph, name);
    }
    for (uint32_t i = 0; i < p->info.n_state; i++) {
        bl_record_plane_name(name, sizeof name, &p->records[1], i);
        s->slots[p->info.first_state + i] = bl_graph_latch(s->graph, BL_RESET_ZERO, name);
    }
}

static void connect_ports(graph_sink *s, const bl_program *p)
{
    char name[BL_FIELD_NAME_BYTES + 16];
    for (uint32_t i = 0; i < p->info.n_state; i++)
        bl_graph_set_next(s->graph, i, s->slots[p->info.first_state + i]);
    for (uint32_t i = 0; i < p->info.n_outputs; i++) {
        bl_record_plane_name(name, sizeof name, &p->records[2], i);
        bl_graph_output(s->graph, s->slots[p->info.first_output + i], name);
    }
}

bl_status bl_graph_from_program(bl_graph **graph, const bl_program *p,
                                const bl_allocator *allocator)
{
    assert(graph && p);
    graph_sink s = {.base = {.lut3 = graph_lut3,
                             .release = ignore_release,
                             .assign = graph_assign,
                             .read = graph_read,
                             .zero = BL_LIT_FALSE,
                             .one = BL_LIT_TRUE,
                             .allocator = allocator}};
    bl_status status = bl_graph_create(&s.graph, allocator);
    if (status != BL_OK)
        return status;
    s.slots = bl_alloc_array(allocator, p->header->n_slots, sizeof *s.slots);
    if (!s.slots)
        status = BL_ERR_MEMORY;
    else {
        add_ports(&s, p);
        for (uint32_t e = 0; e < p->header->n_entries && status == BL_OK; e++)
            status = expand_entry(&s.base, p, e);
        connect_ports(&s, p);
        if (status == BL_OK)
            status = s.graph->status;
    }
    bl_free(allocator, s.slots, p->header->n_slots * sizeof *s.slots);
    if (status == BL_OK)
        *graph = s.graph;
    else
        bl_graph_destroy(&s.graph);
    return status;
}
