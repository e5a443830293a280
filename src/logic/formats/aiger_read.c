// SPDX-License-Identifier: MIT
// Reads AIGER 1.9 (Biere, Heljanko, Wieringa: "AIGER 1.9 And Beyond", 2011), both forms.
//
//     aag M I L O A [B [C [J [F]]]]    M >= I + L + A variables, then one line each:
//     input            aag only
//     latch next [reset]               aig: without the latch literal
//     output, bad, constraint          justice: J sizes, then the literals; fairness
//     and rhs0 rhs1                    aig: two LEB128 differences, and - rhs0, rhs0 - rhs1
//     symbols "i0 name", then "c" and the comment
//
// In the binary form variables are numbered inputs, latches, ANDs, and fanins come first. The
// ASCII form may define ANDs in any order, so they are kept and built depth first.

#include "logic/formats/text.h"
#include "logic/graph_private.h"

#include "base/try.h"

#include <assert.h>
#include <string.h>

enum { MAX_FREE_INPUTS = 1 << 24, AND_BLOCK = 64 };

typedef struct and_line {
    uint32_t rhs0, rhs1;
    uint64_t line;
} and_line;

typedef struct reader {
    text text;
    const bl_allocator *allocator;
    bl_graph *graph;
    bool is_ascii;
    uint32_t max, n_inputs, n_latches, n_outputs, n_ands, n_bad, n_constraints, n_justice,
        n_fairness;
    uint32_t n_justice_literals;
    bl_lit *lit;      // of each variable; UNDEFINED, or DEFERRED for an ASCII AND
    uint32_t *and_of; // ASCII: variable -> index of its line
    and_line *and_lines;
    uint32_t *pending; // literals of latches and ports, read before the ANDs
    uint32_t n_pending;
} reader;

static const bl_lit UNDEFINED = UINT32_MAX, DEFERRED = UINT32_MAX - 1, VISITING = UINT32_MAX - 2;

#define FAIL(r, status, ...) TEXT_FAIL(&(r)->text, status, __VA_ARGS__)

static bl_status read_literal(uint32_t *literal, reader *r, const char *what)
{
    TRY(text_number(literal, &r->text, what));
    if (*literal / 2 > r->max)
        return FAIL(r, BL_ERR_FORMAT, "%s %u is above the maximum %u of the header", what, *literal,
                    2 * r->max + 1);
    return BL_OK;
}

static bl_status read_header(reader *r)
{
    if (r->text.bytes < 4 || memcmp(r->text.data, "aag ", 4) != 0) {
        if (r->text.bytes < 4 || memcmp(r->text.data, "aig ", 4) != 0)
            return FAIL(r, BL_ERR_FORMAT, "not AIGER: expected \"aig \" or \"aag \" at the start");
    } else
        r->is_ascii = true;
    r->text.at = 4;
    uint32_t *const fields[] = {&r->max,           &r->n_inputs,  &r->n_latches,
                                &r->n_outputs,     &r->n_ands,    &r->n_bad,
                                &r->n_constraints, &r->n_justice, &r->n_fairness};
    static const char *const names[] = {"M, the greatest variable",
                                        "I, the inputs",
                                        "L, the latches",
                                        "O, the outputs",
                                        "A, the ANDs",
                                        "B, the bad states",
                                        "C, the constraints",
                                        "J, the justice properties",
                                        "F, the fairness constraints"};
    for (size_t i = 0; i < 9; i++) {
        if (i > 0 && !text_take(&r->text, ' ')) {
            if (i >= 5)
                break;
            return FAIL(r, BL_ERR_FORMAT, "expected a blank and %s", names[i]);
        }
        TRY(text_number(fields[i], &r->text, names[i]));
    }
    uint64_t variables = (uint64_t)r->n_inputs + r->n_latches + r->n_ands;
    if (r->max > INT32_MAX - 1)
        return FAIL(r, BL_ERR_LIMIT, "M is %u; at most %d variables are possible", r->max,
                    INT32_MAX - 1);
    if (variables > r->max || (!r->is_ascii && variables != r->max))
        return FAIL(r, BL_ERR_FORMAT, "M is %u but I + L + A is %llu", r->max,
                    (unsigned long long)variables);
    // what each declared thing takes in the file, so that a short file cannot ask for much
    uint64_t ports = (uint64_t)r->n_outputs + r->n_bad + r->n_constraints + r->n_justice
                     + r->n_fairness + r->n_latches + r->n_ands;
    uint64_t least = 2 * ports + (r->is_ascii ? 2 * (uint64_t)r->n_inputs : 0);
    if (least > r->text.bytes)
        return FAIL(r, BL_ERR_FORMAT, "the header declares more than the file's %zu bytes can hold",
                    r->text.bytes);
    if (r->max > variables + r->text.bytes || r->n_inputs > MAX_FREE_INPUTS + r->text.bytes)
        return FAIL(r, BL_ERR_LIMIT, "the header declares %u variables in a file of %zu bytes",
                    r->max, r->text.bytes);
    return text_end_line(&r->text, "the header");
}

static bl_status allocate(reader *r)
{
    size_t n = (size_t)r->max + 1;
    r->lit = bl_resize(r->allocator, NULL, 0, n * sizeof *r->lit);
    if (!r->lit)
        return BL_ERR_MEMORY;
    for (size_t i = 1; i < n; i++)
        r->lit[i] = UNDEFINED;
    r->lit[0] = BL_LIT_FALSE;
    bl_graph_reserve((graph *)r->graph, r->n_inputs + r->n_latches + r->n_ands + 1, r->n_ands);
    if (r->is_ascii) {
        r->and_of = bl_alloc(r->allocator, n * sizeof *r->and_of);
        r->and_lines = bl_alloc(r->allocator, ((size_t)r->n_ands + 1) * sizeof *r->and_lines);
        if (!r->and_of || !r->and_lines)
            return BL_ERR_MEMORY;
    }
    return BL_OK;
}

static bl_status define(reader *r, uint32_t literal, bl_lit lit, const char *what)
{
    if (literal & 1 || literal < 2)
        return FAIL(r, BL_ERR_FORMAT, "%s %u must be even and above 0", what, literal);
    if (r->lit[literal / 2] != UNDEFINED)
        return FAIL(r, BL_ERR_FORMAT, "%s %u is defined twice", what, literal);
    r->lit[literal / 2] = lit;
    return BL_OK;
}

static bl_status read_inputs(reader *r)
{
    for (uint32_t i = 0; i < r->n_inputs; i++) {
        uint32_t literal = 2 * (i + 1);
        if (r->is_ascii)
            TRY(read_literal(&literal, r, "input"));
        TRY(define(r, literal, bl_graph_input(r->graph, NULL), "input"));
        if (r->is_ascii)
            TRY(text_end_line(&r->text, "an input"));
    }
    return BL_OK;
}

static bl_status read_latches(reader *r)
{
    for (uint32_t i = 0; i < r->n_latches; i++) {
        uint32_t literal = 2 * (r->n_inputs + i + 1), next, reset = 0;
        if (r->is_ascii) {
            TRY(read_literal(&literal, r, "latch"));
            if (!text_take(&r->text, ' '))
                return FAIL(r, BL_ERR_FORMAT, "expected a blank and the latch's next state");
        }
        TRY(read_literal(&next, r, "next state"));
        if (text_take(&r->text, ' '))
            TRY(read_literal(&reset, r, "reset"));
        if (reset > 1 && reset != literal)
            return FAIL(r, BL_ERR_FORMAT, "reset %u must be 0, 1 or the latch's own literal %u",
                        reset, literal);
        bl_reset kind = reset > 1 ? BL_RESET_UNKNOWN : reset ? BL_RESET_ONE : BL_RESET_ZERO;
        TRY(define(r, literal, bl_graph_latch(r->graph, kind, NULL), "latch"));
        r->pending[r->n_pending++] = next;
        TRY(text_end_line(&r->text, "a latch"));
    }
    return BL_OK;
}

// Lines of one literal each, kept until the ANDs are known.
static bl_status read_ports(reader *r, uint32_t n, const char *what)
{
    for (uint32_t i = 0; i < n; i++) {
        TRY(read_literal(&r->pending[r->n_pending], r, what));
        r->n_pending++;
        TRY(text_end_line(&r->text, what));
    }
    return BL_OK;
}

// Sizes of the justice groups go through `pending` too: first all sizes, then all literals.
static bl_status read_justice(reader *r)
{
    uint64_t total = 0;
    for (uint32_t i = 0; i < r->n_justice; i++) {
        TRY(text_number(&r->pending[r->n_pending], &r->text, "size of a justice property"));
        total += r->pending[r->n_pending++];
        TRY(text_end_line(&r->text, "a justice property"));
    }
    if (2 * total > r->text.bytes - r->text.at)
        return FAIL(r, BL_ERR_FORMAT, "the justice properties declare more than the file can hold");
    size_t old = ((size_t)r->n_latches + r->n_outputs + r->n_bad + r->n_constraints + r->n_justice
                  + r->n_fairness + 1)
                 * sizeof *r->pending;
    uint32_t *more = bl_resize(r->allocator, r->pending, old, old + total * sizeof *r->pending);
    if (!more)
        return BL_ERR_MEMORY;
    r->pending = more;
    r->n_justice_literals = (uint32_t)total;
    return read_ports(r, (uint32_t)total, "justice literal");
}

static bl_status read_ands_ascii(reader *r)
{
    for (uint32_t i = 0; i < r->n_ands; i++) {
        and_line *a = &r->and_lines[i];
        uint32_t literal;
        a->line = r->text.line;
        TRY(read_literal(&literal, r, "AND"));
        TRY(define(r, literal, DEFERRED, "AND"));
        r->and_of[literal / 2] = i;
        if (!text_take(&r->text, ' '))
            return FAIL(r, BL_ERR_FORMAT, "expected a blank and the first fanin");
        TRY(read_literal(&a->rhs0, r, "fanin"));
        if (!text_take(&r->text, ' '))
            return FAIL(r, BL_ERR_FORMAT, "expected a blank and the second fanin");
        TRY(read_literal(&a->rhs1, r, "fanin"));
        TRY(text_end_line(&r->text, "an AND"));
    }
    return BL_OK;
}

// Builds the cone of one variable without recursion: a DEFERRED variable is opened (VISITING)
// and closed when both fanins are built; meeting a VISITING one means a cycle. The stack holds
// at most one entry per AND line and fanin.
static bl_status build_cone(reader *r, uint32_t root, uint32_t *stack)
{
    size_t depth = 0;
    stack[depth++] = root;
    while (depth > 0) {
        uint32_t v = stack[depth - 1];
        const and_line *a = &r->and_lines[r->and_of[v]];
        if (r->lit[v] != DEFERRED && r->lit[v] != VISITING) {
            depth--; // built by another path in the meantime
            continue;
        }
        r->lit[v] = VISITING;
        bool is_ready = true;
        const uint32_t fanins[] = {a->rhs0 / 2, a->rhs1 / 2};
        for (int i = 0; i < 2 && is_ready; i++) {
            bl_lit f = r->lit[fanins[i]];
            if (f == DEFERRED) {
                stack[depth++] = fanins[i];
                is_ready = false;
            } else if (f == UNDEFINED || f == VISITING) {
                r->text.line = a->line;
                r->text.line_start = r->text.at;
                return FAIL(r, BL_ERR_FORMAT,
                            f == UNDEFINED ? "AND %u: fanin variable %u is never defined"
                                           : "AND %u: depends on itself through variable %u",
                            2 * v, fanins[i]);
            }
        }
        if (is_ready) {
            bl_lit x = bl_lit_not_if(r->lit[a->rhs0 / 2], a->rhs0 & 1);
            bl_lit y = bl_lit_not_if(r->lit[a->rhs1 / 2], a->rhs1 & 1);
            r->lit[v] = bl_graph_and(r->graph, x, y);
            depth--;
        }
    }
    return BL_OK;
}

static bl_status build_ands_ascii(reader *r)
{
    size_t bytes = ((size_t)r->n_ands + 2) * sizeof(uint32_t);
    uint32_t *stack = bl_alloc(r->allocator, bytes);
    if (!stack)
        return BL_ERR_MEMORY;
    bl_status status = BL_OK;
    for (uint32_t v = 1; v <= r->max && status == BL_OK; v++)
        if (r->lit[v] == DEFERRED)
            status = build_cone(r, v, stack);
    bl_free(r->allocator, stack, bytes);
    return status;
}

static bl_status read_difference(uint32_t *value, reader *r)
{
    uint64_t v = 0;
    for (unsigned shift = 0; shift <= 28; shift += 7) {
        if (r->text.at >= r->text.bytes)
            return FAIL(r, BL_ERR_FORMAT, "the file ends within the ANDs");
        uint8_t byte = (uint8_t)r->text.data[r->text.at++];
        v |= (uint64_t)(byte & 127) << shift;
        if (!(byte & 128)) {
            if (v > UINT32_MAX)
                break;
            *value = (uint32_t)v;
            return BL_OK;
        }
    }
    return FAIL(r, BL_ERR_FORMAT, "a difference of more than 32 bits");
}

static bl_status read_fanins(uint32_t rhs[2], reader *r, uint32_t v)
{
    uint32_t delta0 = 0, delta1 = 0;
    TRY(read_difference(&delta0, r));
    TRY(read_difference(&delta1, r));
    if (delta0 == 0 || delta0 > 2 * v || delta1 > 2 * v - delta0)
        return FAIL(r, BL_ERR_FORMAT, "AND %u: differences %u and %u lead to no earlier literal",
                    2 * v, delta0, delta1);
    rhs[0] = 2 * v - delta0;
    rhs[1] = rhs[0] - delta1;
    return BL_OK;
}

static bl_lit lit_of(const reader *r, uint32_t literal)
{
    return bl_lit_not_if(r->lit[literal / 2], literal & 1);
}

// Block by block: a first pass decodes, a second one fetches the places in the hash table of those
// whose fanins lie before the block, so that the third one finds them in the cache.
static bl_status read_ands_binary(reader *r)
{
    uint32_t rhs[AND_BLOCK][2], first = r->n_inputs + r->n_latches + 1;
    const graph *g = (const graph *)r->graph;
    r->text.line_start = r->text.at; // from here on the "column" is the offset in the binary part
    for (uint32_t left = r->n_ands, n; left > 0; left -= n, first += n) {
        n = left < AND_BLOCK ? left : AND_BLOCK;
        for (uint32_t i = 0; i < n; i++) {
            TRY(read_fanins(rhs[i], r, first + i));
            __builtin_prefetch(&r->lit[rhs[i][0] / 2]);
            __builtin_prefetch(&r->lit[rhs[i][1] / 2]);
        }
        TRY(r->graph->status);
        for (uint32_t i = 0; i < n; i++)
            if (rhs[i][0] / 2 < first) // the greater one
                bl_graph_prefetch_and(g, lit_of(r, rhs[i][0]), lit_of(r, rhs[i][1]));
        for (uint32_t i = 0; i < n; i++)
            r->lit[first + i] = bl_graph_and(r->graph, lit_of(r, rhs[i][0]), lit_of(r, rhs[i][1]));
    }
    r->text.line_start = r->text.at;
    return BL_OK;
}

static bl_status resolve(bl_lit *lit, reader *r, uint32_t literal, const char *what, uint32_t i)
{
    bl_lit l = r->lit[literal / 2];
    if (l == UNDEFINED)
        return FAIL(r, BL_ERR_FORMAT, "%s %u names literal %u, which is never defined", what, i,
                    literal);
    *lit = bl_lit_not_if(l, literal & 1);
    return BL_OK;
}

static bl_status connect_ports(reader *r, const uint32_t **from, uint32_t n, bl_port_kind kind,
                               uint32_t group, const char *what)
{
    for (uint32_t i = 0; i < n; i++) {
        bl_lit lit = BL_LIT_FALSE;
        TRY(resolve(&lit, r, *(*from)++, what, i));
        bl_graph_port(r->graph, lit, kind, group, NULL);
    }
    return BL_OK;
}

static bl_status connect(reader *r)
{
    const uint32_t *from = r->pending;
    for (uint32_t i = 0; i < r->n_latches; i++) {
        bl_lit next = BL_LIT_FALSE;
        TRY(resolve(&next, r, *from++, "latch", i));
        bl_graph_set_next(r->graph, i, next);
    }
    TRY(connect_ports(r, &from, r->n_outputs, BL_PORT_OUTPUT, 0, "output"));
    TRY(connect_ports(r, &from, r->n_bad, BL_PORT_BAD, 0, "bad state"));
    TRY(connect_ports(r, &from, r->n_constraints, BL_PORT_CONSTRAINT, 0, "constraint"));
    const uint32_t *sizes = from;
    from += r->n_justice;
    for (uint32_t j = 0; j < r->n_justice; j++)
        TRY(connect_ports(r, &from, sizes[j], BL_PORT_JUSTICE, j, "justice literal"));
    return connect_ports(r, &from, r->n_fairness, BL_PORT_FAIRNESS, 0, "fairness constraint");
}

// The n-th port of a kind, kinds being in order; justice symbols name a group, of which there are
// as many as lines of sizes, and go to its first literal.
static bl_graph_output_info *find_port(const reader *r, bl_port_kind kind, uint32_t n)
{
    graph *g = (graph *)r->graph;
    const uint32_t counts[] = {r->n_outputs, r->n_bad, r->n_constraints, r->n_justice_literals,
                               r->n_fairness};
    uint32_t first = 0;
    for (int k = 0; k < (int)kind; k++)
        first += counts[k];
    if (kind != BL_PORT_JUSTICE)
        return n < counts[kind] ? &g->outputs[first + n] : NULL;
    uint32_t end = first + counts[kind], last = end; // groups ascend
    while (first < end) {
        uint32_t middle = first + (end - first) / 2;
        if (g->outputs[middle].group < n)
            first = middle + 1;
        else
            end = middle;
    }
    return first < last && g->outputs[first].group == n ? &g->outputs[first] : NULL;
}

static bl_status read_symbols(reader *r)
{
    graph *g = (graph *)r->graph;
    static const char kinds[] = "obcjf"; // in the order of bl_port_kind
    while (r->text.at < r->text.bytes && r->text.data[r->text.at] != 0
           && strchr("ilobcjf", r->text.data[r->text.at])) {
        char kind = r->text.data[r->text.at];
        if (kind == 'c'
            && (r->text.at + 1 >= r->text.bytes || r->text.data[r->text.at + 1] == '\n'
                || r->text.data[r->text.at + 1] == '\r'))
            break; // the comment
        r->text.at++;
        uint32_t index, *name = NULL;
        TRY(text_number(&index, &r->text, "index of a symbol"));
        if (!text_take(&r->text, ' '))
            return FAIL(r, BL_ERR_FORMAT, "expected a blank and a name");
        size_t start = r->text.at;
        while (r->text.at < r->text.bytes && r->text.data[r->text.at] != '\n'
               && r->text.data[r->text.at] != '\r')
            r->text.at++;
        if (kind == 'i' && index < g->facts.n_inputs)
            name = &g->inputs[index].name;
        else if (kind == 'l' && index < g->facts.n_latches)
            name = &g->latches[index].name;
        else if (kind != 'i' && kind != 'l') {
            bl_graph_output_info *o =
                find_port(r, (bl_port_kind)(strchr(kinds, kind) - kinds), index);
            name = o ? &o->name : NULL;
        }
        if (!name)
            return FAIL(r, BL_ERR_FORMAT, "symbol %c%u names nothing in this file", kind, index);
        TRY(bl_graph_keep_name(name, g, r->text.data + start, r->text.at - start));
        TRY(text_end_line(&r->text, "a symbol"));
    }
    if (r->text.at >= r->text.bytes)
        return BL_OK;
    if (!text_take(&r->text, 'c'))
        return FAIL(r, BL_ERR_FORMAT, "expected a symbol, \"c\" or the end of the file");
    text_take(&r->text, '\r');
    text_take(&r->text, '\n');
    return bl_graph_keep_comment(g, r->text.data + r->text.at, r->text.bytes - r->text.at);
}

static bl_status read_all(reader *r)
{
    TRY(read_header(r));
    TRY(allocate(r));
    r->pending = bl_alloc(r->allocator, ((size_t)r->n_latches + r->n_outputs + r->n_bad
                                         + r->n_constraints + r->n_justice + r->n_fairness + 1)
                                            * sizeof *r->pending);
    if (!r->pending)
        return BL_ERR_MEMORY;
    TRY(read_inputs(r));
    TRY(read_latches(r));
    TRY(read_ports(r, r->n_outputs, "output"));
    TRY(read_ports(r, r->n_bad, "bad state"));
    TRY(read_ports(r, r->n_constraints, "constraint"));
    TRY(read_justice(r));
    TRY(read_ports(r, r->n_fairness, "fairness constraint"));
    if (r->is_ascii) {
        TRY(read_ands_ascii(r));
        TRY(build_ands_ascii(r));
    } else
        TRY(read_ands_binary(r));
    bl_graph_drop_hash((graph *)r->graph);
    TRY(connect(r));
    TRY(read_symbols(r));
    return r->graph->status;
}

bl_status bl_graph_read_aiger(bl_graph **result, const uint8_t *data, size_t bytes,
                              const char *name, const bl_allocator *allocator, bl_diag *diag)
{
    assert(result && (data || bytes == 0) && name);
    reader r = {
        .text = {.data = (const char *)data, .bytes = bytes, .line = 1, .name = name, .diag = diag},
        .allocator = allocator};
    bl_status status = bl_graph_create(&r.graph, allocator);
    if (status == BL_OK)
        status = read_all(&r);
    if (status == BL_OK)
        *result = r.graph;
    else {
        bl_graph_destroy(&r.graph);
        if (status == BL_ERR_MEMORY)
            bl_diag_set(diag, status, name, 0, 0, "out of memory");
    }
    size_t n = (size_t)r.max + 1;
    size_t n_pending = (size_t)r.n_latches + r.n_outputs + r.n_bad + r.n_constraints + r.n_justice
                       + r.n_fairness + r.n_justice_literals + 1;
    bl_free(allocator, r.lit, n * sizeof *r.lit);
    bl_free(allocator, r.and_of, n * sizeof *r.and_of);
    bl_free(allocator, r.and_lines, ((size_t)r.n_ands + 1) * sizeof *r.and_lines);
    bl_free(allocator, r.pending, n_pending * sizeof *r.pending);
    return status;
}
