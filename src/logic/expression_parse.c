// SPDX-License-Identifier: MIT
// Reads an expression: one token of look-ahead, precedence climbing over a table of operators.
//
// The precedence is Python's: & ^ | bind tighter than comparisons, where C has a trap. Two more of
// C's traps are errors that say what to write: a < b < c, and !a == b.

#include "expression_private.h"
#include "base/options.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

typedef enum token_kind { TOKEN_END, TOKEN_INTEGER, TOKEN_TEXT, TOKEN_NAME, TOKEN_SIGN } token_kind;

typedef struct token {
    token_kind kind;
    uint32_t line, column;
    const char *begin; // in the source
    size_t n;
    uint64_t value; // of an integer
    uint32_t decimals;
    uint32_t first, n_bytes; // of a text or name in expression.text
} token;

typedef struct parser {
    bl_expression *e;
    const char *at, *line_begin, *end;
    uint32_t line;
    token next;
    uint32_t depth;
    bl_status status;
    bl_diag *diag;
} parser;

// ----------------------------------------------------------------------------------- tokens

static const char *const signs[] = {"<<", ">>", "<=", ">=", "==", "!=", "&&", "||", "..", "+",
                                    "-",  "*",  "/",  "%",  "<",  ">",  "&",  "|",  "^",  "~",
                                    "!",  "?",  ":",  "(",  ")",  "{",  "}",  ","};
enum { N_SIGNS = sizeof signs / sizeof *signs };

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static char peek(const parser *p, size_t i)
{
    return (size_t)(p->end - p->at) > i ? p->at[i] : (char)0;
}

// Failures stick; the first one is reported.
#define FAIL_AT(p, line, column, ...)                                                              \
    ((p)->status = (p)->status != BL_OK                                                            \
                       ? (p)->status                                                               \
                       : bl_diag_set((p)->diag, BL_ERR_FORMAT, expression_source((p)->e), line,    \
                                     column, __VA_ARGS__))

static uint32_t column_of(const parser *p, const char *at)
{
    return (uint32_t)(at - p->line_begin) + 1;
}

static void skip_space(parser *p)
{
    for (; p->at < p->end; p->at++) {
        if (*p->at == '\n') {
            p->line++;
            p->line_begin = p->at + 1;
        } else if (*p->at == '#') {
            while (p->at + 1 < p->end && p->at[1] != '\n')
                p->at++;
        } else if (*p->at != ' ' && *p->at != '\t' && *p->at != '\r')
            return;
    }
}

static int digit_value(char c)
{
    return is_digit(c)            ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : 99;
}

// 17, 1_000, 0xFF, 0b1010, 12.50. A point that another point follows belongs to a range.
static void read_integer(parser *p)
{
    token *t = &p->next;
    t->kind = TOKEN_INTEGER;
    unsigned base = 10;
    if (peek(p, 0) == '0' && (peek(p, 1) == 'x' || peek(p, 1) == 'b')) {
        base = peek(p, 1) == 'x' ? 16 : 2;
        p->at += 2;
    }
    bool has_point = false, has_digit = false, is_too_large = false;
    for (;; p->at++) {
        char c = peek(p, 0);
        if (c == '_' && has_digit)
            continue;
        if (c == '.' && base == 10 && !has_point && is_digit(peek(p, 1))) {
            has_point = true;
            continue;
        }
        int digit = digit_value(c);
        if (digit >= (int)base)
            break;
        has_digit = true;
        is_too_large |= __builtin_mul_overflow(t->value, base, &t->value)
                        || __builtin_add_overflow(t->value, (uint64_t)digit, &t->value);
        t->decimals += has_point;
    }
    t->n = (size_t)(p->at - t->begin);
    if (!has_digit || is_letter(peek(p, 0)) || is_digit(peek(p, 0)))
        FAIL_AT(p, t->line, t->column, "malformed number; expected 17, 1_000, 0xFF, 0b101 or 12.5");
    if (is_too_large || t->decimals > BL_EXPRESSION_DECIMALS)
        FAIL_AT(p, t->line, t->column,
                "number too large; expected at most 2^64 - 1 and %d decimals",
                BL_EXPRESSION_DECIMALS);
}

static void append_byte(parser *p, char c)
{
    bl_buffer_append(&p->e->text, &c, 1);
    p->next.n_bytes++;
}

static char escaped(parser *p)
{
    char c = *p->at++;
    switch (c) {
    case 'n': return '\n';
    case 't': return '\t';
    case 'r': return '\r';
    case '0': return 0;
    case 'x':
        if (digit_value(peek(p, 0)) < 16 && digit_value(peek(p, 1)) < 16) {
            p->at += 2;
            return (char)(digit_value(p->at[-2]) * 16 + digit_value(p->at[-1]));
        }
        break;
    case '\\':
    case '"':
    case '\'':
    case '`': return c;
    default: break;
    }
    FAIL_AT(p, p->line, column_of(p, p->at - 1),
            "unknown escape; expected \\n \\t \\r \\0 \\xHH \\\\ \\\" or \\'");
    return 0;
}

// "text", 'c' (an integer) or `name with anything`.
static void read_quoted(parser *p)
{
    token *t = &p->next;
    char quote = *p->at++;
    t->first = (uint32_t)p->e->text.bytes;
    while (p->at < p->end && *p->at != quote && *p->at != '\n') {
        char c = *p->at++;
        append_byte(p, c == '\\' && p->at < p->end ? escaped(p) : c);
    }
    if (peek(p, 0) != quote)
        FAIL_AT(p, t->line, t->column, "a quote without its end; expected %c", quote);
    p->at += p->at < p->end;
    const uint8_t *text = p->e->text.data ? p->e->text.data + t->first : NULL;
    if (quote == '\'') {
        t->kind = TOKEN_INTEGER;
        if (t->n_bytes != 1)
            FAIL_AT(p, t->line, t->column,
                    "expected one character between ' and '; text has \" \"");
        else if (p->e->text.status == BL_OK)
            t->value = text[0];
        p->e->text.bytes -= t->n_bytes;
        return;
    }
    bl_buffer_append(&p->e->text, "", 1);
    t->kind = quote == '"' ? TOKEN_TEXT : TOKEN_NAME;
    if (t->n_bytes > MAX_TEXT_BYTES)
        FAIL_AT(p, t->line, t->column, "%u bytes; expected at most %d", (unsigned)t->n_bytes,
                MAX_TEXT_BYTES);
    if (quote == '`' && (t->n_bytes == 0 || memchr(text, 0, t->n_bytes)))
        FAIL_AT(p, t->line, t->column, "expected a name between ` and `");
}

static void read_name(parser *p)
{
    token *t = &p->next;
    t->kind = TOKEN_NAME;
    while (is_letter(peek(p, 0)) || is_digit(peek(p, 0)))
        p->at++;
    t->n = (size_t)(p->at - t->begin);
    t->first = (uint32_t)p->e->text.bytes;
    t->n_bytes = (uint32_t)t->n;
    bl_buffer_append(&p->e->text, t->begin, t->n);
    bl_buffer_append(&p->e->text, "", 1);
}

static void read_sign(parser *p)
{
    token *t = &p->next;
    t->kind = TOKEN_SIGN;
    for (size_t i = 0; i < N_SIGNS; i++) {
        size_t n = strlen(signs[i]);
        if ((size_t)(p->end - p->at) >= n && memcmp(p->at, signs[i], n) == 0) {
            t->n = n;
            p->at += n;
            return;
        }
    }
    const char *hint = *p->at == '=' ? "; equality is ==" : "";
    FAIL_AT(p, t->line, t->column,
            *p->at > ' ' && *p->at < 127 ? "unexpected character %c%s" : "unexpected byte 0x%02X%s",
            (unsigned char)*p->at, hint);
}

static void advance(parser *p)
{
    skip_space(p);
    p->next = (token){.line = p->line, .column = column_of(p, p->at), .begin = p->at};
    if (p->at == p->end || p->status != BL_OK)
        return; // TOKEN_END
    char c = *p->at;
    if (is_digit(c))
        read_integer(p);
    else if (c == '"' || c == '\'' || c == '`')
        read_quoted(p);
    else if (is_letter(c))
        read_name(p);
    else
        read_sign(p);
}

static bool is_sign(const token *t, const char *sign)
{
    return t->kind == TOKEN_SIGN && t->n == strlen(sign) && memcmp(t->begin, sign, t->n) == 0;
}

static bool is_word(const token *t, const char *word)
{
    return t->kind == TOKEN_NAME && t->n == strlen(word) && memcmp(t->begin, word, t->n) == 0;
}

static bool take(parser *p, const char *sign)
{
    if (p->status != BL_OK || !is_sign(&p->next, sign))
        return false;
    advance(p);
    return true;
}

static void expect(parser *p, const char *sign)
{
    if (!take(p, sign) && p->status == BL_OK)
        FAIL_AT(p, p->next.line, p->next.column, "expected %s", sign);
}

// ------------------------------------------------------------------------------------ nodes

static uint32_t add_node(parser *p, node n)
{
    uint32_t i = (uint32_t)(p->e->nodes.bytes / sizeof n);
    bl_buffer_append(&p->e->nodes, &n, sizeof n);
    if (p->e->nodes.status != BL_OK && p->status == BL_OK)
        p->status = BL_ERR_MEMORY;
    return p->e->nodes.status == BL_OK ? i : 0;
}

static uint32_t add_operator(parser *p, const token *t, node_kind kind, uint32_t a, uint32_t b,
                             uint32_t c)
{
    return add_node(
        p, (node){.kind = kind, .line = t->line, .column = t->column, .a = a, .b = b, .c = c});
}

static uint32_t find_or_add_name(parser *p, const token *t)
{
    bl_expression *e = p->e;
    uint32_t n = bl_expression_n_names(e);
    if (e->text.status != BL_OK)
        return 0;
    const char *text = (const char *)e->text.data;
    for (uint32_t i = 0; i < n; i++)
        if (strcmp(text + expression_named(e, i)->offset, text + t->first) == 0)
            return i;
    named name = {.facts = {.line = t->line, .column = t->column}, .offset = t->first};
    bl_buffer_append(&e->names, &name, sizeof name);
    return n;
}

uint32_t bl_expression_n_names(const bl_expression *e)
{
    return (uint32_t)(e->names.bytes / sizeof(named));
}

const bl_expression_name *bl_expression_name_at(const bl_expression *e, uint32_t i)
{
    assert(i < bl_expression_n_names(e));
    return &expression_named(e, i)->facts;
}

// ----------------------------------------------------------------------------------- grammar

typedef struct binary {
    const char *sign;
    node_kind kind;
    uint32_t level; // higher binds tighter
} binary;

enum {
    LEVEL_OR = 1,
    LEVEL_AND,
    LEVEL_COMPARE,
    LEVEL_BIT_OR,
    LEVEL_BIT_XOR,
    LEVEL_BIT_AND,
    LEVEL_SHIFT,
    LEVEL_ADD,
    LEVEL_MULTIPLY
};

static const binary binaries[] = {
    {"||", NODE_OR, LEVEL_OR},
    {"&&", NODE_AND, LEVEL_AND},
    {"==", NODE_EQUAL, LEVEL_COMPARE},
    {"!=", NODE_NOT_EQUAL, LEVEL_COMPARE},
    {"<=", NODE_LESS_EQUAL, LEVEL_COMPARE},
    {">=", NODE_GREATER_EQUAL, LEVEL_COMPARE},
    {"<", NODE_LESS, LEVEL_COMPARE},
    {">", NODE_GREATER, LEVEL_COMPARE},
    {"in", NODE_BETWEEN, LEVEL_COMPARE},
    {"|", NODE_BIT_OR, LEVEL_BIT_OR},
    {"^", NODE_BIT_XOR, LEVEL_BIT_XOR},
    {"&", NODE_BIT_AND, LEVEL_BIT_AND},
    {"<<", NODE_SHIFT_LEFT, LEVEL_SHIFT},
    {">>", NODE_SHIFT_RIGHT, LEVEL_SHIFT},
    {"+", NODE_ADD, LEVEL_ADD},
    {"-", NODE_SUBTRACT, LEVEL_ADD},
    {"*", NODE_MULTIPLY, LEVEL_MULTIPLY},
    {"/", NODE_DIVIDE, LEVEL_MULTIPLY},
    {"%", NODE_REMAINDER, LEVEL_MULTIPLY},
};
enum { N_BINARIES = sizeof binaries / sizeof *binaries };

typedef struct function {
    const char *name;
    node_kind kind;
    uint32_t n_arguments;
} function;

static const function functions[] = {
    {"popcount", NODE_POPCOUNT, 1}, {"abs", NODE_ABS, 1}, {"min", NODE_MIN, 2},
    {"max", NODE_MAX, 2},           {"bit", NODE_BIT, 2}, {"starts_with", NODE_STARTS_WITH, 2},
};
enum { N_FUNCTIONS = sizeof functions / sizeof *functions };

const char *expression_spelling(node_kind kind)
{
    for (size_t i = 0; i < N_BINARIES; i++)
        if (binaries[i].kind == kind)
            return binaries[i].sign;
    for (size_t i = 0; i < N_FUNCTIONS; i++)
        if (functions[i].kind == kind)
            return functions[i].name;
    return kind == NODE_NEGATE       ? "-"
           : kind == NODE_COMPLEMENT ? "~"
           : kind == NODE_NOT        ? "!"
                                     : "?:";
}

static uint32_t parse_choice(parser *p);
static uint32_t parse_binary(parser *p, uint32_t lowest);

static const binary *find_binary(const token *t)
{
    for (size_t i = 0; i < N_BINARIES; i++)
        if (is_sign(t, binaries[i].sign) || (binaries[i].kind == NODE_BETWEEN && is_word(t, "in")))
            return &binaries[i];
    return NULL;
}

static uint32_t parse_call(parser *p, const token *name)
{
    const function *f = NULL;
    for (size_t i = 0; i < N_FUNCTIONS; i++)
        if (is_word(name, functions[i].name))
            f = &functions[i];
    if (!f) {
        const char *names[N_FUNCTIONS], *nearest;
        for (size_t i = 0; i < N_FUNCTIONS; i++)
            names[i] = functions[i].name;
        const char *text = p->e->text.data ? (const char *)p->e->text.data + name->first : "";
        nearest = bl_nearest_name(text, names, N_FUNCTIONS);
        FAIL_AT(p, name->line, name->column, "unknown function \"%s\"; did you mean %s?", text,
                nearest ? nearest : "popcount, abs, min, max, bit or starts_with");
        return 0;
    }
    uint32_t arguments[2] = {0};
    for (uint32_t i = 0; i < f->n_arguments && p->status == BL_OK; i++) {
        if (i > 0)
            expect(p, ",");
        arguments[i] = parse_choice(p);
    }
    if (p->status == BL_OK && !take(p, ")"))
        FAIL_AT(p, p->next.line, p->next.column, "expected ): %s takes %u argument%s", f->name,
                (unsigned)f->n_arguments, f->n_arguments > 1 ? "s" : "");
    return add_operator(p, name, f->kind, arguments[0], arguments[1], 0);
}

static uint32_t parse_primary(parser *p)
{
    token t = p->next;
    if (p->status != BL_OK)
        return 0;
    if (take(p, "(")) {
        uint32_t inner = parse_choice(p);
        expect(p, ")");
        return inner;
    }
    if (t.kind == TOKEN_INTEGER) {
        advance(p);
        return add_node(p, (node){.kind = NODE_INTEGER,
                                  .line = t.line,
                                  .column = t.column,
                                  .value = t.value,
                                  .decimals = t.decimals});
    }
    if (t.kind == TOKEN_TEXT) {
        advance(p);
        return add_node(p, (node){.kind = NODE_TEXT,
                                  .line = t.line,
                                  .column = t.column,
                                  .first = t.first,
                                  .n = t.n_bytes});
    }
    if (t.kind == TOKEN_NAME && !is_word(&t, "in")) {
        advance(p);
        if (t.begin[0] != '`' && take(p, "("))
            return parse_call(p, &t);
        return add_node(p, (node){.kind = NODE_NAME,
                                  .line = t.line,
                                  .column = t.column,
                                  .first = find_or_add_name(p, &t)});
    }
    FAIL_AT(p, t.line, t.column,
            t.kind == TOKEN_END ? "the expression ends here; expected a value"
                                : "expected a value: a number, a name or (");
    return 0;
}

static uint32_t parse_unary(parser *p)
{
    token t = p->next;
    node_kind kind = is_sign(&t, "-")   ? NODE_NEGATE
                     : is_sign(&t, "~") ? NODE_COMPLEMENT
                     : is_sign(&t, "!") ? NODE_NOT
                                        : NODE_INTEGER;
    if (kind == NODE_INTEGER || p->status != BL_OK)
        return parse_primary(p);
    if (++p->depth > MAX_DEPTH)
        FAIL_AT(p, t.line, t.column, "nested too deeply; the limit is %d", MAX_DEPTH);
    advance(p);
    uint32_t operand = parse_unary(p);
    p->depth--;
    const binary *b = find_binary(&p->next);
    if (p->status == BL_OK && kind == NODE_NOT && b && b->level >= LEVEL_COMPARE)
        FAIL_AT(p, t.line, t.column, "! before %s is a trap; write !(... %s ...), or (!...) %s ...",
                b->sign, b->sign, b->sign);
    return add_operator(p, &t, kind, operand, 0, 0);
}

// One element of a set, or all of a range: low..high, both ends included.
static uint32_t parse_membership(parser *p, const token *t, uint32_t value)
{
    uint32_t low = parse_binary(p, LEVEL_BIT_OR);
    if (!take(p, ".."))
        return add_operator(p, t, NODE_EQUAL, value, low, 0);
    return add_operator(p, t, NODE_BETWEEN, value, low, parse_binary(p, LEVEL_BIT_OR));
}

static uint32_t parse_in(parser *p, const token *t, uint32_t value)
{
    if (!take(p, "{")) {
        uint32_t result = parse_membership(p, t, value);
        if (p->status == BL_OK && expression_node(p->e, result)->kind == NODE_EQUAL)
            FAIL_AT(p, t->line, t->column,
                    "expected a range or a set: x in 1..9, x in {1, 2, 5..9}");
        return result;
    }
    uint32_t any = parse_membership(p, t, value);
    while (take(p, ","))
        any = add_operator(p, t, NODE_OR, any, parse_membership(p, t, value), 0);
    expect(p, "}");
    return any;
}

static uint32_t parse_binary(parser *p, uint32_t lowest)
{
    uint32_t left = parse_unary(p);
    bool is_comparison = false;
    for (;;) {
        token t = p->next;
        const binary *b = p->status == BL_OK ? find_binary(&t) : NULL;
        if (!b || b->level < lowest)
            return left;
        if (b->level == LEVEL_COMPARE && is_comparison)
            FAIL_AT(p, t.line, t.column,
                    "comparisons do not chain; write a < b && b < c, or x in 2..4");
        is_comparison = b->level == LEVEL_COMPARE;
        advance(p);
        left = b->kind == NODE_BETWEEN
                   ? parse_in(p, &t, left)
                   : add_operator(p, &t, b->kind, left, parse_binary(p, b->level + 1), 0);
    }
}

static uint32_t parse_choice(parser *p)
{
    if (++p->depth > MAX_DEPTH)
        FAIL_AT(p, p->next.line, p->next.column, "nested too deeply; the limit is %d", MAX_DEPTH);
    uint32_t result = parse_binary(p, LEVEL_OR);
    token t = p->next;
    if (take(p, "?")) {
        uint32_t then_ = parse_choice(p);
        expect(p, ":");
        result = add_operator(p, &t, NODE_SELECT, result, then_, parse_choice(p));
    }
    p->depth--;
    return result;
}

// ------------------------------------------------------------------ how names are used

// A name beside a text is a text of so many bytes, elsewhere a number.
static void note_text(bl_expression *e, uint32_t name_node, uint32_t n_bytes)
{
    bl_expression_name *name = &expression_named(e, expression_node(e, name_node)->first)->facts;
    name->is_text = true;
    if (n_bytes > name->text_bytes)
        name->text_bytes = n_bytes;
}

static void note_number(bl_expression *e, uint32_t i)
{
    const node *n = expression_node(e, i);
    if (n->kind == NODE_NAME)
        expression_named(e, n->first)->facts.is_number = true;
}

static bool is_kind(const bl_expression *e, uint32_t i, node_kind kind)
{
    return expression_node(e, i)->kind == kind;
}

// Texts stand only beside == and !=, in sets, and as the second argument of starts_with.
static bl_status note_uses(bl_expression *e, bl_diag *diag)
{
    uint32_t n_nodes = (uint32_t)(e->nodes.bytes / sizeof(node));
    for (uint32_t i = 0; i < n_nodes; i++) {
        const node *n = expression_node(e, i);
        if (n->kind <= NODE_NAME)
            continue;
        uint32_t operands[3] = {n->a, n->b, n->c};
        uint32_t n_operands =
            n->kind == NODE_SELECT || n->kind == NODE_BETWEEN                        ? 3
            : n->kind <= NODE_NOT || n->kind == NODE_POPCOUNT || n->kind == NODE_ABS ? 1
                                                                                     : 2;
        bool takes_text =
            n->kind == NODE_EQUAL || n->kind == NODE_NOT_EQUAL || n->kind == NODE_STARTS_WITH;
        if (takes_text && is_kind(e, n->a, NODE_NAME) && is_kind(e, n->b, NODE_TEXT)) {
            note_text(e, n->a, expression_node(e, n->b)->n);
            continue;
        }
        if (takes_text && n->kind != NODE_STARTS_WITH && is_kind(e, n->a, NODE_TEXT)
            && is_kind(e, n->b, NODE_NAME)) {
            note_text(e, n->b, expression_node(e, n->a)->n);
            continue;
        }
        if (n->kind == NODE_STARTS_WITH)
            return bl_diag_set(diag, BL_ERR_FORMAT, expression_source(e), n->line, n->column,
                               "expected starts_with(name, \"text\")");
        for (uint32_t k = 0; k < n_operands; k++) {
            const node *operand = expression_node(e, operands[k]);
            if (operand->kind == NODE_TEXT)
                return bl_diag_set(diag, BL_ERR_FORMAT, expression_source(e), operand->line,
                                   operand->column,
                                   "a text can only be compared: name == \"text\", "
                                   "name in {\"a\", \"b\"}, starts_with(name, \"text\")");
            note_number(e, operands[k]);
        }
    }
    note_number(e, e->root);
    const node *root = expression_node(e, e->root);
    if (root->kind == NODE_TEXT)
        return bl_diag_set(diag, BL_ERR_FORMAT, expression_source(e), root->line, root->column,
                           "a text is no predicate; expected a comparison");
    return BL_OK;
}

static bl_status check_mixed_uses(bl_expression *e, bl_diag *diag)
{
    for (uint32_t i = 0; i < bl_expression_n_names(e); i++) {
        bl_expression_name *name = &expression_named(e, i)->facts;
        name->name = (const char *)e->text.data + expression_named(e, i)->offset;
        if (name->is_text && name->is_number)
            return bl_diag_set(diag, BL_ERR_FORMAT, expression_source(e), name->line, name->column,
                               "\"%s\" is compared with a text here and used as a number there",
                               name->name);
    }
    return BL_OK;
}

static bl_status first_failure(const bl_expression *e)
{
    return e->nodes.status != BL_OK   ? e->nodes.status
           : e->names.status != BL_OK ? e->names.status
           : e->text.status != BL_OK  ? e->text.status
                                      : e->source.status;
}

bl_status bl_expression_parse(bl_expression **result, const char *text, const char *name,
                              const bl_allocator *allocator, bl_diag *diag)
{
    assert(result && text && name);
    bl_expression *e = bl_alloc(allocator, sizeof *e);
    if (!e)
        return bl_diag_set(diag, BL_ERR_MEMORY, name, 0, 0, "out of memory");
    e->allocator = allocator;
    e->nodes.allocator = e->names.allocator = e->text.allocator = e->source.allocator = allocator;
    bl_buffer_append(&e->source, name, strlen(name) + 1);
    parser p = {.e = e,
                .at = text,
                .line_begin = text,
                .end = text + strlen(text),
                .line = 1,
                .diag = diag,
                .status = first_failure(e)};
    advance(&p);
    e->root = parse_choice(&p);
    if (p.status == BL_OK && p.next.kind != TOKEN_END)
        FAIL_AT(&p, p.next.line, p.next.column, "expected an operator or the end");
    if (first_failure(e) != BL_OK)
        p.status = bl_diag_set(diag, first_failure(e), name, 0, 0, "out of memory");
    if (p.status == BL_OK)
        p.status = note_uses(e, diag);
    if (p.status == BL_OK)
        p.status = check_mixed_uses(e, diag);
    if (p.status == BL_OK)
        *result = e;
    else
        bl_expression_destroy(&e);
    return p.status;
}

void bl_expression_destroy(bl_expression **handle)
{
    bl_expression *e = handle ? *handle : NULL;
    if (!e)
        return;
    bl_buffer_clear(&e->nodes);
    bl_buffer_clear(&e->names);
    bl_buffer_clear(&e->text);
    bl_buffer_clear(&e->source);
    bl_free(e->allocator, e, sizeof *e);
    *handle = NULL;
}
