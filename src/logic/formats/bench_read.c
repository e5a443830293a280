// SPDX-License-Identifier: MIT
// Reads ISCAS .bench files (Brglez, Fujiwara 1985; latches 1989):
//
//     # comment
//     INPUT(a)      OUTPUT(y)
//     y = NAND(a, b)      AND OR NAND NOR XOR XNOR NOT BUF(F) MUX DFF, vdd, gnd
//     z = LUT 0xE8 (a, b, c)      bit k of the number: row k, a is bit 0 of the row

#include "logic/formats/wires.h"

#include "base/try.h"

#include <assert.h>
#include <ctype.h>
#include <string.h>

enum { MAX_LUT_INPUTS = 6 };

typedef struct reader {
    text text;
    wires wires;
    scope scope;
} reader;

typedef struct gate_name {
    const char *name;
    wire_kind kind;
    bool is_complemented;
    uint32_t least, most; // operands
} gate_name;

static const gate_name gates[] = {
    {"AND", WIRE_AND, false, 1, UINT32_MAX}, {"NAND", WIRE_AND, true, 1, UINT32_MAX},
    {"OR", WIRE_OR, false, 1, UINT32_MAX},   {"NOR", WIRE_OR, true, 1, UINT32_MAX},
    {"XOR", WIRE_XOR, false, 1, UINT32_MAX}, {"XNOR", WIRE_XOR, true, 1, UINT32_MAX},
    {"NOT", WIRE_ALIAS, true, 1, 1},         {"INV", WIRE_ALIAS, true, 1, 1},
    {"BUF", WIRE_ALIAS, false, 1, 1},        {"BUFF", WIRE_ALIAS, false, 1, 1},
    {"MUX", WIRE_MUX, false, 3, 3},
};

// ---------------------------------------------------------------------------------------- words

// Blanks, line ends and comments.
static void skip(text *t)
{
    while (t->at < t->bytes) {
        char c = t->data[t->at];
        if (c == '#')
            while (t->at < t->bytes && t->data[t->at] != '\n')
                t->at++;
        else if (c == ' ' || c == '\t' || c == '\r' || c == '\n')
            text_take(t, c);
        else
            return;
    }
}

static bool take(text *t, char c)
{
    skip(t);
    if (t->at >= t->bytes || t->data[t->at] != c)
        return false;
    t->at++;
    return true;
}

static bl_status expect(text *t, char c)
{
    return take(t, c) ? BL_OK : TEXT_FAIL(t, BL_ERR_FORMAT, "expected '%c'", c);
}

static bl_status read_name(slice *s, text *t)
{
    skip(t);
    *s = (slice){.at = t->data + t->at};
    while (t->at < t->bytes && s->n < INT32_MAX && (unsigned char)t->data[t->at] > ' '
           && !strchr("(),=#", t->data[t->at])) {
        t->at++;
        s->n++;
    }
    if (s->n == INT32_MAX)
        return TEXT_FAIL(t, BL_ERR_LIMIT, "a name of more than 2 GiB");
    return s->n ? BL_OK : TEXT_FAIL(t, BL_ERR_FORMAT, "expected a name");
}

static bool is_word(slice s, const char *upper)
{
    if (strlen(upper) != s.n)
        return false;
    for (uint32_t i = 0; i < s.n; i++)
        if (toupper((unsigned char)s.at[i]) != upper[i])
            return false;
    return true;
}

// --------------------------------------------------------------------------------------- gates

static bl_status read_operands(reader *r)
{
    TRY(expect(&r->text, '('));
    for (;;) {
        slice name;
        uint32_t id;
        TRY(read_name(&name, &r->text));
        TRY(scope_find(&id, &r->scope, &r->wires, name));
        TRY(wires_add_operand(&r->wires, id));
        if (take(&r->text, ')'))
            return BL_OK;
        TRY(expect(&r->text, ','));
    }
}

static bl_status read_latch(reader *r, slice output, uint32_t id)
{
    uint64_t first = wires_n_operands(&r->wires);
    TRY(read_operands(r));
    if (wires_n_operands(&r->wires) != first + 1)
        return TEXT_FAIL(&r->text, BL_ERR_FORMAT, "a DFF has one operand");
    uint32_t next;
    memcpy(&next, r->wires.operands.data + 4 * first, sizeof next);
    r->wires.operands.bytes -= 4;
    return wires_latch(&r->wires, id, next, BL_RESET_ZERO, output);
}

static bl_status read_number(uint64_t *value, text *t)
{
    slice s;
    TRY(read_name(&s, t));
    uint32_t k = s.n > 2 && s.at[0] == '0' && (s.at[1] == 'x' || s.at[1] == 'X') ? 2 : s.n;
    bool is_good = k < s.n && s.n - k <= 16;
    for (*value = 0; k < s.n && is_good; k++) {
        unsigned char c = (unsigned char)tolower((unsigned char)s.at[k]);
        is_good = isxdigit(c);
        *value = *value << 4 | (uint64_t)(c <= '9' ? c - '0' : c - 'a' + 10);
    }
    return is_good ? BL_OK
                   : TEXT_FAIL(t, BL_ERR_FORMAT, "expected a table of at most 16 digits, 0x...");
}

static bl_status read_lut(reader *r, uint32_t id)
{
    uint64_t table, first = wires_n_operands(&r->wires);
    TRY(read_number(&table, &r->text));
    TRY(read_operands(r));
    if (wires_n_operands(&r->wires) - first > MAX_LUT_INPUTS)
        return TEXT_FAIL(&r->text, BL_ERR_LIMIT, "a LUT of more than %d inputs", MAX_LUT_INPUTS);
    TRY(wires_drive(&r->wires, id, WIRE_TABLE, false, first));
    wires_at(&r->wires, id)->table = table;
    return BL_OK;
}

static bl_status read_gate(reader *r, slice output)
{
    slice kind;
    uint32_t id;
    TRY(scope_find(&id, &r->scope, &r->wires, output));
    TRY(read_name(&kind, &r->text));
    uint64_t first = wires_n_operands(&r->wires);
    if (is_word(kind, "VDD") || is_word(kind, "GND"))
        return wires_drive(&r->wires, id, WIRE_AND, is_word(kind, "GND"), first);
    if (is_word(kind, "DFF"))
        return read_latch(r, output, id);
    if (is_word(kind, "LUT"))
        return read_lut(r, id);
    for (size_t i = 0; i < sizeof gates / sizeof *gates; i++) {
        const gate_name *g = &gates[i];
        if (!is_word(kind, g->name))
            continue;
        TRY(read_operands(r));
        uint64_t n = wires_n_operands(&r->wires) - first;
        if (n < g->least || n > g->most)
            return TEXT_FAIL(&r->text, BL_ERR_FORMAT, "%s with %llu operands; expected %u", g->name,
                             (unsigned long long)n, g->least);
        return wires_drive(&r->wires, id, g->kind, g->is_complemented, first);
    }
    return TEXT_FAIL(&r->text, BL_ERR_FORMAT, "unknown gate \"%.*s\"", SLICE(kind));
}

static bl_status read_port(reader *r, bool is_input)
{
    slice name;
    uint32_t id;
    TRY(expect(&r->text, '('));
    TRY(read_name(&name, &r->text));
    TRY(expect(&r->text, ')'));
    TRY(scope_find(&id, &r->scope, &r->wires, name));
    return is_input ? wires_input(&r->wires, id, name) : wires_output(&r->wires, id);
}

static bl_status read_statements(reader *r)
{
    for (;;) {
        slice name;
        skip(&r->text);
        if (r->text.at == r->text.bytes)
            return BL_OK;
        TRY(read_name(&name, &r->text));
        skip(&r->text);
        bool is_port = r->text.at < r->text.bytes && r->text.data[r->text.at] == '(';
        if (is_port && (is_word(name, "INPUT") || is_word(name, "OUTPUT"))) {
            TRY(read_port(r, is_word(name, "INPUT")));
            continue;
        }
        TRY(expect(&r->text, '='));
        TRY(read_gate(r, name));
    }
}

bl_status bl_graph_read_bench(bl_graph **graph, const uint8_t *data, size_t bytes, const char *name,
                              const bl_allocator *allocator, bl_diag *diag)
{
    assert(graph && name);
    reader r = {
        .text = {.data = (const char *)data, .bytes = bytes, .line = 1, .name = name, .diag = diag},
        .scope = {.allocator = allocator}};
    bl_status status = wires_create(&r.wires, &r.text, allocator);
    if (status == BL_OK)
        status = read_statements(&r);
    scope_clear(&r.scope);
    return wires_finish(graph, &r.wires, status);
}
