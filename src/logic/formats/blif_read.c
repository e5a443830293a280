// SPDX-License-Identifier: MIT
// Reads BLIF ("Berkeley Logic Interchange Format", 1992): the first model and, in place of each
// .subckt, the model it names, with signals of its own.
//
// A line that ends in a backslash goes on in the next one, # begins a comment. A model is read once
// for each place where it is used, with its own scope of names, in which its ports are bound to the
// signals of the place.

#include "logic/formats/wires.h"

#include "base/try.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

// Parts within parts could make any number of copies of the text: what all copies may take is this
// much and PART_TEXT_FACTOR times the file.
enum { MAX_DEPTH = 100, MAX_PARTS = 1 << 22, MAX_WORDS = 1 << 24 };
enum { PART_TEXT = 1 << 28, PART_TEXT_FACTOR = 16 };

typedef struct model {
    slice name;
    size_t at; // behind the .model line
    uint64_t line;
} model;

typedef struct reader {
    text text;
    wires wires;
    bl_buffer models; // model
    bl_buffer words;  // slice: of one line
    uint32_t depth, n_parts;
    uint64_t part_bytes; // text of all parts, each time it is read
    const bl_allocator *allocator;
} reader;

static uint32_t n_words(const reader *r) { return (uint32_t)(r->words.bytes / sizeof(slice)); }
static slice word(const reader *r, uint32_t i) { return ((slice *)(void *)r->words.data)[i]; }

// ---------------------------------------------------------------------------------------- lines

static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

static void end_line(text *t)
{
    while (t->at < t->bytes && t->data[t->at] != '\n')
        t->at++;
    text_take(t, '\n');
}

// A backslash and nothing but blanks to the end of the line.
static bool goes_on(const text *t)
{
    size_t at = t->at + 1;
    while (at < t->bytes && is_blank(t->data[at]))
        at++;
    return t->data[t->at] == '\\' && (at == t->bytes || t->data[at] == '\n');
}

static bl_status read_word(reader *r)
{
    text *t = &r->text;
    size_t begin = t->at;
    while (t->at < t->bytes && !is_blank(t->data[t->at]) && t->data[t->at] != '\n'
           && t->data[t->at] != '#' && !goes_on(t))
        t->at++;
    if (n_words(r) >= MAX_WORDS || t->at - begin > INT32_MAX)
        return TEXT_FAIL(t, BL_ERR_LIMIT, "more than %d words in a line, or 2 GiB in a word",
                         MAX_WORDS);
    slice s = {t->data + begin, (uint32_t)(t->at - begin)};
    bl_buffer_append(&r->words, &s, sizeof s);
    return r->words.status;
}

// The words of the next line that has any; none at the end of the file.
static bl_status read_line(reader *r)
{
    text *t = &r->text;
    r->words.bytes = 0;
    while (t->at < t->bytes) {
        char c = t->data[t->at];
        if (is_blank(c)) {
            t->at++;
        } else if (goes_on(t)) {
            end_line(t);
        } else if (c == '#' || c == '\n') {
            if (r->words.bytes > 0)
                return BL_OK; // the line ends with the next call, so that messages name this one
            end_line(t);
        } else
            TRY(read_word(r));
    }
    return BL_OK;
}

// The next line without reading it: does a cover go on there?
static char peek(const text *here)
{
    text t = *here;
    while (t.at < t.bytes) {
        char c = t.data[t.at];
        if (is_blank(c) || c == '\n')
            t.at++;
        else if (c == '#' || goes_on(&t))
            end_line(&t);
        else
            return c;
    }
    return 0;
}

// --------------------------------------------------------------------------------------- tables

static bl_status check_cover_line(const reader *r, uint32_t n_inputs, char *value)
{
    const text *t = &r->text;
    slice columns = n_inputs ? word(r, 0) : (slice){0}, output = word(r, n_words(r) - 1);
    bool is_good = n_words(r) == (n_inputs ? 2u : 1u) && columns.n == n_inputs && output.n == 1
                   && (output.at[0] == '0' || output.at[0] == '1');
    for (uint32_t k = 0; k < n_inputs && is_good; k++)
        is_good = columns.at[k] == '0' || columns.at[k] == '1' || columns.at[k] == '-';
    if (!is_good)
        return TEXT_FAIL(t, BL_ERR_FORMAT, "expected %u columns of 0, 1 or - and a value, 0 or 1",
                         n_inputs);
    if (*value && *value != output.at[0])
        return TEXT_FAIL(t, BL_ERR_FORMAT, "a table lists either ones or zeros, not both");
    *value = output.at[0];
    return BL_OK;
}

// .names a b c y, and the lines of its cover.
static bl_status read_names(reader *r, scope *s)
{
    if (n_words(r) < 2)
        return TEXT_FAIL(&r->text, BL_ERR_FORMAT, "expected .names INPUTS OUTPUT");
    uint64_t first = wires_n_operands(&r->wires), line = r->text.line;
    uint32_t n_inputs = n_words(r) - 2, output, id;
    for (uint32_t k = 0; k < n_inputs; k++) {
        TRY(scope_find(&id, s, &r->wires, word(r, 1 + k)));
        TRY(wires_add_operand(&r->wires, id));
    }
    TRY(scope_find(&output, s, &r->wires, word(r, n_words(r) - 1)));
    TRY(wires_drive(&r->wires, output, WIRE_COVER, false, first));
    size_t begin = r->text.at;
    char value = 0;
    for (char c = peek(&r->text); c == '0' || c == '1' || c == '-'; c = peek(&r->text)) {
        TRY(read_line(r));
        TRY(check_cover_line(r, n_inputs, &value));
    }
    wire *x = wires_at(&r->wires, output);
    x->cover = (slice){r->text.data + begin, (uint32_t)(r->text.at - begin)};
    x->line = line;
    return r->text.at - begin > UINT32_MAX
               ? TEXT_FAIL(&r->text, BL_ERR_LIMIT, "a table of more than 4 GiB")
               : BL_OK;
}

// .latch input output [type control] [init]
static bl_status read_latch(reader *r, scope *s)
{
    uint32_t n = n_words(r), next, output;
    if (n < 3 || n > 6)
        return TEXT_FAIL(&r->text, BL_ERR_FORMAT,
                         "expected .latch INPUT OUTPUT [TYPE CONTROL] [INIT]");
    bl_reset reset = BL_RESET_UNKNOWN;
    if (n == 4 || n == 6) {
        slice init = word(r, n - 1);
        if (init.n != 1 || init.at[0] < '0' || init.at[0] > '3')
            return TEXT_FAIL(&r->text, BL_ERR_FORMAT,
                             "initial value \"%.*s\"; expected 0, 1, 2 or 3", SLICE(init));
        reset = init.at[0] == '0'   ? BL_RESET_ZERO
                : init.at[0] == '1' ? BL_RESET_ONE
                                    : BL_RESET_UNKNOWN;
    }
    TRY(scope_find(&next, s, &r->wires, word(r, 1)));
    TRY(scope_find(&output, s, &r->wires, word(r, 2)));
    slice name = r->depth == 1 ? word(r, 2) : (slice){"", 0}; // those of parts may occur twice
    return wires_latch(&r->wires, output, next, reset, name);
}

// --------------------------------------------------------------------------------------- models

static int compare_names(const void *x, const void *y)
{
    const model *a = x, *b = y;
    uint32_t n = a->name.n < b->name.n ? a->name.n : b->name.n;
    int order = memcmp(a->name.at, b->name.at, n);
    return order ? order : (a->name.n > b->name.n) - (a->name.n < b->name.n);
}

static int compare_models(const void *x, const void *y)
{
    const model *a = x, *b = y;
    int order = compare_names(x, y);
    return order ? order : (a->at > b->at) - (a->at < b->at);
}

static const model *find_model(const reader *r, slice name)
{
    model key = {.name = name};
    return bsearch(&key, r->models.data, r->models.bytes / sizeof key, sizeof key, compare_names);
}

static bl_status check_models(const reader *r)
{
    const model *m = (const model *)(const void *)r->models.data;
    for (size_t i = 1; i < r->models.bytes / sizeof *m; i++)
        if (compare_names(&m[i - 1], &m[i]) == 0)
            return bl_diag_set(r->text.diag, BL_ERR_FORMAT, r->text.name, m[i].line, 0,
                               "model \"%.*s\" stands here and in line %llu", SLICE(m[i].name),
                               (unsigned long long)m[i - 1].line);
    return BL_OK;
}

static bl_status index_models(reader *r, model *first)
{
    text begin = r->text;
    bool has_first = false;
    for (;;) {
        TRY(read_line(r));
        if (n_words(r) == 0)
            break;
        if (!slice_is(word(r, 0), ".model"))
            continue;
        model m = {.name = n_words(r) > 1 ? word(r, 1) : (slice){"", 0},
                   .at = r->text.at,
                   .line = r->text.line};
        if (!has_first)
            *first = m;
        has_first = true;
        bl_buffer_append(&r->models, &m, sizeof m);
    }
    if (!has_first)
        return bl_diag_set(r->text.diag, BL_ERR_FORMAT, r->text.name, 1, 1,
                           "not BLIF: expected .model NAME");
    if (r->models.status != BL_OK)
        return r->models.status;
    qsort(r->models.data, r->models.bytes / sizeof(model), sizeof(model), compare_models);
    r->text = begin;
    return check_models(r);
}

static bl_status read_model(reader *r, const model *m, scope *s);

// .subckt model formal=actual ...: a scope in which the formals mean the actuals.
static bl_status read_part(reader *r, scope *s)
{
    if (n_words(r) < 2)
        return TEXT_FAIL(&r->text, BL_ERR_FORMAT, "expected .subckt MODEL FORMAL=ACTUAL ...");
    const model *m = find_model(r, word(r, 1));
    if (!m)
        return TEXT_FAIL(&r->text, BL_ERR_FORMAT, "no model \"%.*s\" in this file",
                         SLICE(word(r, 1)));
    if (r->depth >= MAX_DEPTH)
        return TEXT_FAIL(&r->text, BL_ERR_LIMIT,
                         "more than %d models within each other: does one contain itself?",
                         MAX_DEPTH);
    if (r->n_parts++ >= MAX_PARTS)
        return TEXT_FAIL(&r->text, BL_ERR_LIMIT, "more than %d parts", MAX_PARTS);
    scope inner = {.allocator = r->allocator};
    bl_status status = BL_OK;
    for (uint32_t k = 2; k < n_words(r) && status == BL_OK; k++) {
        slice pair = word(r, k);
        const char *equals = memchr(pair.at, '=', pair.n);
        uint32_t id;
        if (!equals) {
            status =
                TEXT_FAIL(&r->text, BL_ERR_FORMAT, "\"%.*s\": expected FORMAL=ACTUAL", SLICE(pair));
            break;
        }
        slice formal = {pair.at, (uint32_t)(equals - pair.at)};
        slice actual = {equals + 1, pair.n - formal.n - 1};
        status = scope_find(&id, s, &r->wires, actual);
        if (status == BL_OK)
            status = scope_bind(&inner, formal, id);
        if (status == BL_ERR_ARGUMENT)
            status =
                TEXT_FAIL(&r->text, BL_ERR_FORMAT, "\"%.*s\" is connected twice", SLICE(formal));
    }
    text here = r->text;
    if (status == BL_OK)
        status = read_model(r, m, &inner);
    scope_clear(&inner);
    if (status != BL_OK)
        return status;
    r->part_bytes += r->text.at - m->at;
    r->text = here;
    return r->part_bytes <= PART_TEXT + PART_TEXT_FACTOR * (uint64_t)r->text.bytes
               ? BL_OK
               : TEXT_FAIL(&r->text, BL_ERR_LIMIT,
                           "the parts within parts are too many to write out");
}

// The ports of the first model become those of the graph; the ports of parts are bound already.
static bl_status read_inputs(reader *r, scope *s)
{
    for (uint32_t k = 1; k < n_words(r) && r->depth == 1; k++) {
        uint32_t id;
        TRY(scope_find(&id, s, &r->wires, word(r, k)));
        TRY(wires_input(&r->wires, id, word(r, k)));
    }
    return BL_OK;
}

static bl_status read_outputs(reader *r, scope *s)
{
    for (uint32_t k = 1; k < n_words(r) && r->depth == 1; k++) {
        uint32_t id;
        TRY(scope_find(&id, s, &r->wires, word(r, k)));
        TRY(wires_output(&r->wires, id));
    }
    return BL_OK;
}

static bool is_ignored(slice s)
{
    static const char *const names[] = {".clock",         ".default_input_arrival",  ".area",
                                        ".delay",         ".wire_load_slope",        ".wire",
                                        ".input_arrival", ".output_required",        ".input_drive",
                                        ".output_load",   ".default_output_required"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (slice_is(s, names[i]))
            return true;
    return false;
}

static bl_status read_statement(reader *r, scope *s)
{
    slice keyword = word(r, 0);
    if (slice_is(keyword, ".names"))
        return read_names(r, s);
    if (slice_is(keyword, ".latch"))
        return read_latch(r, s);
    if (slice_is(keyword, ".subckt"))
        return read_part(r, s);
    if (slice_is(keyword, ".inputs") || slice_is(keyword, ".input"))
        return read_inputs(r, s);
    if (slice_is(keyword, ".outputs") || slice_is(keyword, ".output"))
        return read_outputs(r, s);
    if (is_ignored(keyword))
        return BL_OK;
    if (slice_is(keyword, ".gate") || slice_is(keyword, ".mlatch"))
        return TEXT_FAIL(&r->text, BL_ERR_UNSUPPORTED,
                         "%.*s needs a library of gates; write the netlist with .names",
                         SLICE(keyword));
    return TEXT_FAIL(&r->text, BL_ERR_FORMAT, "unknown statement \"%.*s\"", SLICE(keyword));
}

static bl_status read_model(reader *r, const model *m, scope *s)
{
    r->text.at = m->at;
    r->text.line = m->line;
    r->text.line_start = m->at;
    r->depth++;
    for (;;) {
        TRY(read_line(r));
        if (n_words(r) == 0 || slice_is(word(r, 0), ".end") || slice_is(word(r, 0), ".model")
            || slice_is(word(r, 0), ".exdc"))
            break;
        TRY(read_statement(r, s));
    }
    r->depth--;
    return BL_OK;
}

static bl_status read_all(reader *r)
{
    model first = {0};
    scope s = {.allocator = r->allocator};
    bl_status status = index_models(r, &first);
    if (status == BL_OK)
        status = read_model(r, &first, &s);
    scope_clear(&s);
    return status;
}

bl_status bl_graph_read_blif(bl_graph **graph, const uint8_t *data, size_t bytes, const char *name,
                             const bl_allocator *allocator, bl_diag *diag)
{
    assert(graph && name);
    reader r = {
        .text = {.data = (const char *)data, .bytes = bytes, .line = 1, .name = name, .diag = diag},
        .models = {.allocator = allocator},
        .words = {.allocator = allocator},
        .allocator = allocator};
    bl_status status = wires_create(&r.wires, &r.text, allocator);
    if (status == BL_OK)
        status = read_all(&r);
    bl_buffer_clear(&r.models);
    bl_buffer_clear(&r.words);
    return wires_finish(graph, &r.wires, status);
}
