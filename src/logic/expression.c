// SPDX-License-Identifier: MIT
// An expression as gates: each node's value is a number of literals, made from those of its
// operands, which come first. Values with decimals are integers too, times a power of ten:
//
//     12.5 + price(2 decimals)  ->  1250 + price, 2 decimals      a * b  ->  decimals add up

#include "expression_private.h"
#include "number.h"
#include "base/options.h"

#include <assert.h>
#include <string.h>

// A number in the arena of literals: n bits, then the sign.
typedef struct value {
    uint32_t first, n, decimals;
} value;

typedef struct compiler {
    const bl_expression *e;
    const bl_expression_fields *fields;
    bl_graph *g;
    const bl_lit *inputs; // of each plane
    bl_buffer values;     // value, one for each node
    bl_buffer arena;      // bl_lit
    bl_status status;
    bl_diag *diag;
} compiler;

#define FAIL(c, node, ...)                                                                         \
    ((c)->status = (c)->status != BL_OK                                                            \
                       ? (c)->status                                                               \
                       : bl_diag_set((c)->diag, BL_ERR_FORMAT, expression_source((c)->e),          \
                                     (node)->line, (node)->column, __VA_ARGS__))

static value value_of(const compiler *c, uint32_t i)
{
    return ((const value *)(const void *)c->values.data)[i];
}

static number load(const compiler *c, uint32_t i)
{
    value v = value_of(c, i);
    const bl_lit *bits = (const bl_lit *)(const void *)c->arena.data + v.first;
    number x = {.n = v.n, .sign = bits[v.n]};
    memcpy(x.bit, bits, v.n * sizeof *bits);
    return x;
}

static void store(compiler *c, const node *n, const number *x, uint32_t decimals)
{
    if (x->n > NUMBER_BITS)
        FAIL(c, n, "the result of %s may need %u bits; the limit is %d",
             expression_spelling(n->kind), (unsigned)x->n, NUMBER_BITS);
    value v = {(uint32_t)(c->arena.bytes / sizeof(bl_lit)), x->n, decimals};
    bl_buffer_append(&c->arena, x->bit, x->n * sizeof *x->bit);
    bl_buffer_append(&c->arena, &x->sign, sizeof x->sign);
    bl_buffer_append(&c->values, &v, sizeof v);
    if (c->status == BL_OK)
        c->status = c->arena.status != BL_OK ? c->arena.status : c->values.status;
}

// ----------------------------------------------------------------------------------- leaves

static bl_status unknown_name(compiler *c, const node *n)
{
    const char *names[256], *word = bl_expression_name_at(c->e, n->first)->name;
    uint32_t n_names = 0;
    for (; n_names < c->fields->record->n_fields && n_names < 256; n_names++)
        names[n_names] = c->fields->record->fields[n_names].name;
    const char *nearest = bl_nearest_name(word, names, n_names);
    return nearest ? FAIL(c, n, "unknown field \"%s\"; did you mean %s?", word, nearest)
                   : FAIL(c, n, "unknown field \"%s\"", word);
}

static const bl_field *find_field(compiler *c, const node *n)
{
    const bl_expression_fields *f = c->fields;
    if (f->field_of_name)
        return &f->record->fields[f->field_of_name[n->first]];
    const bl_field *field = bl_record_find(f->record, bl_expression_name_at(c->e, n->first)->name);
    if (!field)
        unknown_name(c, n);
    return field;
}

static void compile_name(compiler *c, const node *n)
{
    const bl_field *field = find_field(c, n);
    number x = {.sign = BL_LIT_FALSE};
    uint32_t decimals = 0;
    if (field && !bl_expression_name_at(c->e, n->first)->is_text) {
        if (field->width > NUMBER_BITS)
            FAIL(c, n, "field %s has %u bits; the limit for numbers is %d", field->name,
                 (unsigned)field->width, NUMBER_BITS);
        else
            x = number_of_bits(c->inputs + field->first, field->width, field->is_signed);
        if (c->fields->decimals)
            decimals = c->fields->decimals[field - c->fields->record->fields];
    }
    store(c, n, &x, decimals);
}

// The bytes of the text, and for equality zero in all that follow.
static void compile_text_match(compiler *c, const node *n)
{
    const node *name = expression_node(c->e, n->a), *text = expression_node(c->e, n->b);
    if (name->kind == NODE_TEXT) {
        const node *t = name;
        name = text;
        text = t;
    }
    bl_lit lits[8 * MAX_TEXT_BYTES + 8], match = BL_LIT_TRUE;
    const bl_field *field = find_field(c, name);
    uint32_t n_bits = 8 * text->n, width = field ? field->width : 0;
    const uint8_t *bytes = c->e->text.data + text->first;
    if (field && n_bits > width)
        FAIL(c, text, "the text has %u bytes; field %s has only %u bits", (unsigned)text->n,
             field->name, (unsigned)width);
    for (uint32_t k = 0; k < n_bits && k < width; k++)
        lits[k] = bl_lit_not_if(c->inputs[field->first + k], !(bytes[k / 8] >> k % 8 & 1));
    match = number_all(c->g, lits, n_bits < width ? n_bits : width);
    for (uint32_t k = n_bits; k < width && n->kind != NODE_STARTS_WITH; k++)
        match = bl_graph_and(c->g, match, bl_lit_not(c->inputs[field->first + k]));
    number x = number_of_bool(bl_lit_not_if(match, n->kind == NODE_NOT_EQUAL));
    store(c, n, &x, 0);
}

// -------------------------------------------------------------------------------- operators

static number power_of_ten(uint32_t exponent)
{
    uint64_t p = 1;
    for (uint32_t i = 0; i < exponent; i++)
        p *= 10;
    return number_of_constant(p);
}

// Both with the decimals of the one that has more.
static uint32_t align(compiler *c, const node *n, number *x, uint32_t x_decimals, number *y,
                      uint32_t y_decimals)
{
    uint32_t decimals = x_decimals > y_decimals ? x_decimals : y_decimals;
    uint32_t more_x = decimals - x_decimals, more_y = decimals - y_decimals;
    number factor = power_of_ten(more_x > more_y ? more_x : more_y);
    if (more_x)
        *x = number_multiply(c->g, x, &factor);
    if (more_y)
        *y = number_multiply(c->g, y, &factor);
    if (x->n > NUMBER_BITS || y->n > NUMBER_BITS) {
        FAIL(c, n, "with decimals the operands of %s may need more than %d bits",
             expression_spelling(n->kind), NUMBER_BITS);
        *x = *y = number_of_constant(0);
    }
    return decimals;
}

static void expect_integer(compiler *c, const node *n, uint32_t decimals)
{
    if (decimals)
        FAIL(c, n, "%s works on integers; this operand has %u decimals",
             expression_spelling(n->kind), (unsigned)decimals);
}

static number compile_divide(compiler *c, const node *n, const number *x, const number *y)
{
    if (!number_is_constant(y) || y->sign != BL_LIT_FALSE || y->n == 0) {
        FAIL(c, n, "%s needs a positive constant on its right", expression_spelling(n->kind));
        return number_of_constant(0);
    }
    return n->kind == NODE_DIVIDE ? number_divide(c->g, x, y) : number_remainder(c->g, x, y);
}

static number compile_shift(compiler *c, const node *n, const number *x, const number *y)
{
    if (y->sign != BL_LIT_FALSE) {
        FAIL(c, n, "the amount of %s may be negative; mask it: x %s (n & 7)",
             expression_spelling(n->kind), expression_spelling(n->kind));
        return number_of_constant(0);
    }
    if (n->kind != NODE_SHIFT_LEFT)
        return number_shift_right(c->g, x, y);
    if (y->n > 8) {
        FAIL(c, n, "the amount of << may be 256 or more; mask it: x << (n & 7)");
        return number_of_constant(0);
    }
    return number_shift_left(c->g, x, y);
}

static number compile_compare(compiler *c, node_kind kind, const number *x, const number *y)
{
    bl_graph *g = c->g;
    switch (kind) {
    case NODE_EQUAL: return number_of_bool(number_is_equal(g, x, y));
    case NODE_NOT_EQUAL: return number_of_bool(bl_lit_not(number_is_equal(g, x, y)));
    case NODE_LESS: return number_of_bool(number_is_less(g, x, y));
    case NODE_LESS_EQUAL: return number_of_bool(bl_lit_not(number_is_less(g, y, x)));
    case NODE_GREATER: return number_of_bool(number_is_less(g, y, x));
    default: return number_of_bool(bl_lit_not(number_is_less(g, x, y)));
    }
}

static number compile_bit(compiler *c, const node *n, const number *x, const number *k)
{
    number moved = compile_shift(c, n, x, k);
    return number_of_bool(moved.n ? moved.bit[0] : moved.sign);
}

static bool is_aligned(node_kind kind)
{
    return (kind >= NODE_EQUAL && kind <= NODE_GREATER_EQUAL) || kind == NODE_ADD
           || kind == NODE_SUBTRACT || kind == NODE_MIN || kind == NODE_MAX;
}

static void compile_binary(compiler *c, const node *n)
{
    bl_graph *g = c->g;
    number x = load(c, n->a), y = load(c, n->b), r = {.sign = BL_LIT_FALSE};
    uint32_t dx = value_of(c, n->a).decimals, dy = value_of(c, n->b).decimals, decimals = 0;
    if (n->kind == NODE_MULTIPLY)
        decimals = dx + dy;
    else if (is_aligned(n->kind))
        decimals = align(c, n, &x, dx, &y, dy);
    else if (n->kind != NODE_AND && n->kind != NODE_OR)
        expect_integer(c, n, dx > dy ? dx : dy);
    switch (n->kind) {
    case NODE_ADD: r = number_add(g, &x, &y); break;
    case NODE_SUBTRACT: r = number_subtract(g, &x, &y); break;
    case NODE_MULTIPLY: r = number_multiply(g, &x, &y); break;
    case NODE_DIVIDE:
    case NODE_REMAINDER: r = compile_divide(c, n, &x, &y); break;
    case NODE_SHIFT_LEFT:
    case NODE_SHIFT_RIGHT: r = compile_shift(c, n, &x, &y); break;
    case NODE_BIT_AND: r = number_bitwise(g, &x, &y, 0x8); break;
    case NODE_BIT_OR: r = number_bitwise(g, &x, &y, 0xE); break;
    case NODE_BIT_XOR: r = number_bitwise(g, &x, &y, 0x6); break;
    case NODE_AND:
        r = number_of_bool(bl_graph_and(g, number_is_nonzero(g, &x), number_is_nonzero(g, &y)));
        break;
    case NODE_OR:
        r = number_of_bool(bl_graph_or(g, number_is_nonzero(g, &x), number_is_nonzero(g, &y)));
        break;
    case NODE_MIN: r = number_select(g, number_is_less(g, &x, &y), &x, &y); break;
    case NODE_MAX: r = number_select(g, number_is_less(g, &x, &y), &y, &x); break;
    case NODE_BIT: r = compile_bit(c, n, &x, &y); break;
    default: r = compile_compare(c, n->kind, &x, &y); break;
    }
    bool is_truth = n->kind >= NODE_EQUAL && n->kind <= NODE_OR;
    if (decimals > BL_EXPRESSION_DECIMALS)
        FAIL(c, n, "the product has %u decimals; the limit is %d", (unsigned)decimals,
             BL_EXPRESSION_DECIMALS);
    store(c, n, &r, is_truth ? 0 : decimals);
}

static void compile_unary(compiler *c, const node *n)
{
    number x = load(c, n->a), zero = number_of_constant(0), r = zero;
    uint32_t decimals = value_of(c, n->a).decimals;
    if (n->kind == NODE_COMPLEMENT || n->kind == NODE_POPCOUNT)
        expect_integer(c, n, decimals);
    switch (n->kind) {
    case NODE_NEGATE: r = number_subtract(c->g, &zero, &x); break;
    case NODE_COMPLEMENT: r = number_not(&x); break;
    case NODE_NOT: r = number_of_bool(bl_lit_not(number_is_nonzero(c->g, &x))); break;
    case NODE_ABS: {
        number minus = number_subtract(c->g, &zero, &x);
        r = number_select(c->g, x.sign, &minus, &x);
        r.sign = BL_LIT_FALSE; // it always is
        break;
    }
    default:
        if (x.sign != BL_LIT_FALSE)
            FAIL(c, n, "popcount of a number that may be negative; mask it: popcount(x & 0xFF)");
        else
            r = number_popcount(c->g, &x);
    }
    store(c, n, &r, n->kind == NODE_NEGATE || n->kind == NODE_ABS ? decimals : 0);
}

static void compile_select(compiler *c, const node *n)
{
    number s = load(c, n->a), x = load(c, n->b), y = load(c, n->c);
    uint32_t decimals = align(c, n, &x, value_of(c, n->b).decimals, &y, value_of(c, n->c).decimals);
    number r = number_select(c->g, number_is_nonzero(c->g, &s), &x, &y);
    store(c, n, &r, decimals);
}

static void compile_between(compiler *c, const node *n)
{
    bl_lit is_outside[2];
    for (int k = 0; k < 2; k++) {
        uint32_t bound = k ? n->c : n->b;
        number x = load(c, n->a), y = load(c, bound);
        align(c, n, &x, value_of(c, n->a).decimals, &y, value_of(c, bound).decimals);
        is_outside[k] = k ? number_is_less(c->g, &y, &x) : number_is_less(c->g, &x, &y);
    }
    number r =
        number_of_bool(bl_graph_and(c->g, bl_lit_not(is_outside[0]), bl_lit_not(is_outside[1])));
    store(c, n, &r, 0);
}

static bool is_text_match(const compiler *c, const node *n)
{
    return n->kind == NODE_STARTS_WITH
           || ((n->kind == NODE_EQUAL || n->kind == NODE_NOT_EQUAL)
               && (expression_node(c->e, n->a)->kind == NODE_TEXT
                   || expression_node(c->e, n->b)->kind == NODE_TEXT));
}

static void compile_node(compiler *c, const node *n)
{
    number x = {.sign = BL_LIT_FALSE};
    if (is_text_match(c, n))
        compile_text_match(c, n);
    else if (n->kind == NODE_INTEGER) {
        x = number_of_constant(n->value);
        store(c, n, &x, n->decimals);
    } else if (n->kind == NODE_TEXT)
        store(c, n, &x, 0); // its reader looks at the node
    else if (n->kind == NODE_NAME)
        compile_name(c, n);
    else if (n->kind <= NODE_NOT || n->kind == NODE_POPCOUNT || n->kind == NODE_ABS)
        compile_unary(c, n);
    else if (n->kind == NODE_SELECT)
        compile_select(c, n);
    else if (n->kind == NODE_BETWEEN)
        compile_between(c, n);
    else
        compile_binary(c, n);
}

static bl_status compile(compiler *c)
{
    uint32_t n_nodes = (uint32_t)(c->e->nodes.bytes / sizeof(node));
    for (uint32_t i = 0; i < n_nodes && c->status == BL_OK && c->g->status == BL_OK; i++)
        compile_node(c, expression_node(c->e, i));
    if (c->g->status != BL_OK)
        return bl_diag_set(c->diag, c->g->status, expression_source(c->e), 0, 0, "%s",
                           bl_status_text(c->g->status));
    if (c->status == BL_ERR_MEMORY)
        bl_diag_set(c->diag, c->status, expression_source(c->e), 0, 0, "out of memory");
    if (c->status != BL_OK)
        return c->status;
    number root = load(c, c->e->root);
    bl_graph_output(c->g, number_is_nonzero(c->g, &root), "keep");
    return c->g->status;
}

static bl_status add_inputs(bl_lit *inputs, bl_graph *g, const bl_record *record)
{
    char name[BL_FIELD_NAME_BYTES + 16];
    for (uint32_t i = 0; i < record->n_fields; i++)
        for (uint32_t k = 0; k < record->fields[i].width; k++) {
            uint32_t plane = record->fields[i].first + k;
            bl_record_plane_name(name, sizeof name, record, plane);
            inputs[plane] = bl_graph_input(g, name);
        }
    return g->status;
}

bl_status bl_expression_to_graph(bl_graph **graph, const bl_expression *e,
                                 const bl_expression_fields *fields, const bl_allocator *allocator,
                                 bl_diag *diag)
{
    assert(graph && e && fields && fields->record);
    compiler c = {.e = e, .fields = fields, .diag = diag};
    c.values.allocator = c.arena.allocator = allocator;
    size_t input_bytes = fields->record->n_planes * sizeof(bl_lit);
    bl_lit *inputs = bl_alloc(allocator, input_bytes);
    bl_status status = inputs ? bl_graph_create(&c.g, allocator) : BL_ERR_MEMORY;
    if (status == BL_OK)
        status = add_inputs(inputs, c.g, fields->record);
    c.inputs = inputs;
    if (status == BL_OK)
        status = compile(&c);
    else
        bl_diag_set(diag, status, expression_source(e), 0, 0, "%s", bl_status_text(status));
    if (status == BL_OK)
        *graph = c.g;
    else
        bl_graph_destroy(&c.g);
    bl_buffer_clear(&c.values);
    bl_buffer_clear(&c.arena);
    bl_free(allocator, inputs, input_bytes);
    return status;
}
