// SPDX-License-Identifier: MIT
// A program as C for a compiler ahead of time: LUTs as macros, values as local constants, in
// functions of some thousand operations, because compilers take more than linear time for one.
// Values that a later function reads go through an array.

#include "logic/code/trace.h"
#include "logic/map/target.h"

#include <bitloom/code.h>

#include <assert.h>
#include <ctype.h>
#include <string.h>

enum { PIECE_OPS = 1000 };
static const uint32_t LOCAL = UINT32_MAX;

typedef struct emitter {
    bl_buffer *out;
    const bl_program *p;
    trace t;
    const char *name;
    uint32_t *shared; // of each operation: its index in the array, LOCAL if no other piece reads it
    uint32_t n_shared;
    const bl_allocator *allocator;
} emitter;

static uint32_t n_pieces(const emitter *e) { return (e->t.n_ops + PIECE_OPS - 1) / PIECE_OPS; }

// ------------------------------------------------------------------------- what pieces share

// `free_at` lists indices by the piece behind which nobody reads them any more.
static bl_status find_shared(emitter *e)
{
    uint32_t n = e->t.n_ops, pieces = n_pieces(e) + 1, n_free = 0;
    uint32_t *last = bl_alloc_array(e->allocator, n, sizeof *last);            // piece
    uint32_t *dying = bl_alloc_array(e->allocator, pieces + 1, sizeof *dying); // 1 + operation
    uint32_t *next_dying = bl_alloc_array(e->allocator, n, sizeof *next_dying);
    uint32_t *free_indices = bl_alloc_array(e->allocator, n, sizeof *free_indices);
    bl_status status = BL_ERR_MEMORY;
    if (last && dying && next_dying && free_indices) {
        for (uint32_t i = 0; i < n; i++)
            last[i] = i / PIECE_OPS;
        for (uint32_t i = 0; i < n; i++)
            for (uint32_t k = 0; k < 3; k++)
                if (e->t.ops[i].source[k] >= e->t.n_sources)
                    last[e->t.ops[i].source[k] - e->t.n_sources] = i / PIECE_OPS;
        for (uint32_t i = 0; i < e->t.n_stores; i++)
            last[e->t.stores[i].op] = pieces - 1; // the stores are a piece of their own
        for (uint32_t i = 0; i < n; i++) {
            uint32_t piece = i / PIECE_OPS;
            if (i % PIECE_OPS == 0 && piece > 0)
                for (uint32_t d = dying[piece - 1]; d; d = next_dying[d - 1])
                    free_indices[n_free++] = e->shared[d - 1];
            e->shared[i] = LOCAL;
            if (last[i] == piece)
                continue;
            e->shared[i] = n_free ? free_indices[--n_free] : e->n_shared++;
            next_dying[i] = dying[last[i]];
            dying[last[i]] = i + 1;
        }
        status = BL_OK;
    }
    bl_free(e->allocator, last, n * sizeof *last);
    bl_free(e->allocator, dying, (pieces + 1) * sizeof *dying);
    bl_free(e->allocator, next_dying, n * sizeof *next_dying);
    bl_free(e->allocator, free_indices, n * sizeof *free_indices);
    return status;
}

// ----------------------------------------------------------------------------------- writing

static void put_source(const emitter *e, uint32_t value, uint32_t piece)
{
    const bl_program_info *info = &e->p->info;
    if (value >= e->t.n_sources) {
        uint32_t i = value - e->t.n_sources;
        if (i / PIECE_OPS == piece)
            bl_buffer_print(e->out, "v%u", i);
        else
            bl_buffer_print(e->out, "t[%u]", e->shared[i]);
    } else if (value >= info->first_output)
        bl_buffer_print(e->out, "out[%u]", value - info->first_output);
    else if (value >= info->first_state)
        bl_buffer_print(e->out, "state[%u]", value - info->first_state);
    else if (value >= info->first_input)
        bl_buffer_print(e->out, "in[%u]", value - info->first_input);
    else
        bl_buffer_print(e->out, "zero");
}

static void put_op(const emitter *e, uint32_t i)
{
    const trace_op *op = &e->t.ops[i];
    uint32_t piece = i / PIECE_OPS;
    bl_buffer_print(e->out, "    const word v%u = ", i);
    if (op->n == 1) {
        bl_buffer_print(e->out, op->table == 0x0F ? "~" : "");
        put_source(e, op->source[0], piece);
    } else {
        bl_buffer_print(e->out, "LUT_%02X(", op->table);
        for (uint32_t k = 0; k < 3; k++) {
            put_source(e, op->n == 2 && k == 0 ? 0 : op->source[k], piece);
            bl_buffer_print(e->out, k < 2 ? ", " : ")");
        }
    }
    bl_buffer_print(e->out, ";\n");
    if (e->shared[i] != LOCAL)
        bl_buffer_print(e->out, "    t[%u] = v%u;\n", e->shared[i], i);
}

static const char parameters[] =
    "const word *restrict in, word *restrict state, word *restrict out";

static void put_piece(const emitter *e, uint32_t entry, uint32_t piece)
{
    uint32_t first = piece * PIECE_OPS;
    uint32_t end = e->t.n_ops - first < PIECE_OPS ? e->t.n_ops : first + PIECE_OPS;
    bl_buffer_print(e->out, "\nstatic void %s_%u_%u(%s, word *restrict t)\n{\n", e->name, entry,
                    piece, parameters);
    bl_buffer_print(e->out, "    const word zero = {0};\n"
                            "    (void)in, (void)state, (void)out, (void)t, (void)zero;\n");
    for (uint32_t i = first; i < end; i++)
        put_op(e, i);
    bl_buffer_print(e->out, "}\n");
}

static void put_stores(const emitter *e)
{
    for (uint32_t i = 0; i < e->t.n_stores; i++) {
        const trace_store *s = &e->t.stores[i];
        bl_buffer_print(e->out, "    ");
        put_source(e, s->slot, 0);
        bl_buffer_print(e->out, " = t[%u];\n", e->shared[s->op]);
    }
}

static void put_entry(const emitter *e, uint32_t entry)
{
    for (uint32_t piece = 0; piece < n_pieces(e); piece++)
        put_piece(e, entry, piece);
    bl_buffer_print(e->out, "\nvoid %s_%s(%s)\n{\n", e->name, e->p->entries[entry].name,
                    parameters);
    bl_buffer_print(e->out, "    static _Thread_local word t[%u];\n",
                    e->n_shared ? e->n_shared : 1);
    bl_buffer_print(e->out, "    (void)in, (void)state, (void)out, (void)t;\n");
    for (uint32_t piece = 0; piece < n_pieces(e); piece++)
        bl_buffer_print(e->out, "    %s_%u_%u(in, state, out, t);\n", e->name, entry, piece);
    put_stores(e);
    bl_buffer_print(e->out, "}\n");
}

static bl_status emit_entry(emitter *e, uint32_t entry)
{
    bl_status status = trace_create(&e->t, e->p, entry, e->allocator);
    if (status != BL_OK)
        return status;
    status = trace_reorder(&e->t);
    size_t n = e->t.n_ops;
    e->n_shared = 0;
    e->shared = bl_alloc_array(e->allocator, n, sizeof *e->shared);
    if (status == BL_OK)
        status = e->shared ? find_shared(e) : BL_ERR_MEMORY;
    if (status == BL_OK)
        put_entry(e, entry);
    bl_free(e->allocator, e->shared, n * sizeof *e->shared);
    trace_destroy(&e->t);
    return status;
}

// The shortest sequence of gates as one expression; a value that is used twice has a variable.
static void put_gates(bl_buffer *out, uint8_t table)
{
    static const char *const operators[] = {
        [GATE_AND] = "&", [GATE_ANDN] = "& ~", [GATE_OR] = "|", [GATE_XOR] = "^"};
    static const char names[] = "abcwxyz";
    const gate_sequence *s = target_sequence_avx2(table);
    bl_buffer_print(out, "static inline word LUT_%02X(word a, word b, word c)\n{\n", table);
    bl_buffer_print(out, "    (void)a, (void)b, (void)c;\n");
    for (uint32_t k = 0; k + 1 < s->n; k++)
        bl_buffer_print(out, "    const word %c = %c %s%c;\n", names[3 + k], names[s->gates[k].x],
                        operators[s->gates[k].kind], names[s->gates[k].y]);
    const gate *last = &s->gates[s->n - 1];
    bl_buffer_print(out, "    return %c %s%c;\n}\n", names[last->x], operators[last->kind],
                    names[last->y]);
}

static void put_tables(bl_buffer *out, const bool *is_used)
{
    bl_buffer_print(out, "\n#if defined(__AVX512F__)\n#include <immintrin.h>\n"
                         "typedef uint64_t word __attribute__((vector_size(64)));\n"
                         "#define LUT(table, a, b, c) ((word)_mm512_ternarylogic_epi64( \\\n"
                         "    (__m512i)(a), (__m512i)(b), (__m512i)(c), table))\n");
    for (unsigned t = 0; t < 256; t++)
        if (is_used[t])
            bl_buffer_print(out, "#define LUT_%02X(a, b, c) LUT(0x%02X, a, b, c)\n", t, t);
    bl_buffer_print(out,
                    "#else\ntypedef uint64_t word __attribute__((vector_size(WORD_BYTES)));\n");
    for (unsigned t = 0; t < 256; t++)
        if (is_used[t])
            put_gates(out, (uint8_t)t);
    bl_buffer_print(out, "#endif\n");
}

static void put_fields(bl_buffer *out, const char *array, const bl_record *r)
{
    bl_buffer_print(out, "//   %s: %u words", array, r->n_planes);
    for (uint32_t i = 0; i < r->n_fields && i < 64; i++)
        bl_buffer_print(out, "%s%s[%u]", i ? ", " : ": ", r->fields[i].name, r->fields[i].width);
    bl_buffer_print(out, r->n_fields > 64 ? ", ...\n" : "\n");
}

static void put_head(const emitter *e)
{
    bl_buffer *out = e->out;
    bl_buffer_print(out,
                    "// Combinational logic, %llu LUT3s, written by bitloom. Lane i of a word is "
                    "one input\n// of its own. For each entry a function\n//\n",
                    (unsigned long long)e->p->info.n_lut3);
    for (uint32_t k = 0; k < e->p->header->n_entries; k++)
        bl_buffer_print(out, "//     void %s_%s(const word *in, word *state, word *out);\n",
                        e->name, e->p->entries[k].name);
    bl_buffer_print(out,
                    "//\n// that reads inputs and state and leaves results and the next state; "
                    "bit k of a\n// field is word first + k. The three arrays do not overlap and "
                    "are aligned to words.\n//\n");
    put_fields(out, "in", &e->p->records[0]);
    put_fields(out, "state", &e->p->records[1]);
    put_fields(out, "out", &e->p->records[2]);
    bl_buffer_print(
        out, "//\n// A word has 64 bytes with AVX-512 (-march=native), otherwise WORD_BYTES, "
             "8 to 64.\n#include <stdint.h>\n\n#ifndef WORD_BYTES\n#define WORD_BYTES 32\n"
             "#endif\n");
}

static bl_status find_tables(bool *is_used, const emitter *e)
{
    for (uint32_t entry = 0; entry < e->p->header->n_entries; entry++) {
        trace t;
        bl_status status = trace_create(&t, e->p, entry, e->allocator);
        if (status != BL_OK)
            return status;
        for (uint32_t i = 0; i < t.n_ops; i++)
            is_used[t.ops[i].table] |= t.ops[i].n > 1;
        trace_destroy(&t);
    }
    return BL_OK;
}

static bool is_identifier(const char *name)
{
    if (!isalpha((unsigned char)name[0]) && name[0] != '_')
        return false;
    for (const char *c = name; *c; c++)
        if (!isalnum((unsigned char)*c) && *c != '_')
            return false;
    return true;
}

bl_status bl_program_emit_c(bl_buffer *out, const bl_program *program, const char *name,
                            const bl_allocator *allocator)
{
    assert(out && program && name);
    if (!is_identifier(name))
        return BL_ERR_ARGUMENT;
    bl_program *expanded = NULL;
    bl_status status = BL_OK;
    if (program->info.n_macro_operations > 0)
        status = bl_program_expand(&expanded, program, allocator);
    emitter e = {
        .out = out, .p = expanded ? expanded : program, .name = name, .allocator = allocator};
    bool is_used[256] = {false};
    if (status == BL_OK)
        status = find_tables(is_used, &e);
    if (status == BL_OK) {
        put_head(&e);
        put_tables(out, is_used);
        for (uint32_t k = 0; k < e.p->header->n_entries && status == BL_OK; k++)
            status = emit_entry(&e, k);
    }
    bl_program_destroy(&expanded);
    return status != BL_OK ? status : out->status;
}
