// SPDX-License-Identifier: MIT
// Graphs as gates: ISCAS .bench and structural Verilog. Nodes are called by a prefix and a number;
// where the complement of one is read, .bench gets an inverter of its own.

#include "logic/formats/port_names.h"

#include <assert.h>
#include <ctype.h>
#include <string.h>

typedef struct writer {
    bl_buffer *out;
    const bl_graph *g;
    port_names names;
    bool escapes; // Verilog: names that are no identifiers
} writer;

static void put_text(writer *w, const char *text) { bl_buffer_append(w->out, text, strlen(text)); }

static bool is_identifier(const uint8_t *name, size_t n)
{
    if (!isalpha(name[0]) && name[0] != '_')
        return false;
    for (size_t i = 0; i < n; i++)
        if (!isalnum(name[i]) && name[i] != '_')
            return false;
    return true;
}

// clang-format off
static const char *const keywords[] = { // Verilog 2005, SystemVerilog 2005
    "always", "and", "assign", "automatic", "begin", "buf", "bufif0", "bufif1", "case", "casex",
    "casez", "cell", "cmos", "config", "deassign", "default", "defparam", "design", "disable",
    "edge", "else", "end", "endcase", "endconfig", "endfunction", "endgenerate", "endmodule",
    "endprimitive", "endspecify", "endtable", "endtask", "event", "for", "force", "forever",
    "fork", "function", "generate", "genvar", "highz0", "highz1", "if", "ifnone", "incdir",
    "include", "initial", "inout", "input", "instance", "integer", "join", "large", "liblist",
    "library", "localparam", "macromodule", "medium", "module", "nand", "negedge", "nmos",
    "nor", "noshowcancelled", "not", "notif0", "notif1", "or", "output", "parameter", "pmos",
    "posedge", "primitive", "pull0", "pull1", "pulldown", "pullup", "pulsestyle_ondetect",
    "pulsestyle_onevent", "rcmos", "real", "realtime", "reg", "release", "repeat", "rnmos",
    "rpmos", "rtran", "rtranif0", "rtranif1", "scalared", "showcancelled", "signed", "small",
    "specify", "specparam", "strong0", "strong1", "supply0", "supply1", "table", "task", "time",
    "tran", "tranif0", "tranif1", "tri", "tri0", "tri1", "triand", "trior", "trireg",
    "unsigned", "use", "uwire", "vectored", "wait", "wand", "weak0", "weak1", "while", "wire",
    "wor", "xnor", "xor", "alias", "assert", "assume", "before", "bind", "bins", "bit", "break",
    "byte", "chandle", "class", "clocking", "const", "constraint", "context", "continue",
    "cover", "cross", "dist", "do", "endclass", "endclocking", "endgroup", "endinterface",
    "endpackage", "endprogram", "endproperty", "endsequence", "enum", "expect", "export",
    "extends", "extern", "final", "first_match", "foreach", "forkjoin", "iff", "illegal_bins",
    "import", "inside", "int", "interface", "intersect", "local", "logic", "longint", "matches",
    "modport", "new", "null", "package", "packed", "priority", "program", "property",
    "protected", "pure", "rand", "randc", "randcase", "randsequence", "ref", "return",
    "sequence", "shortint", "shortreal", "solve", "static", "string", "struct", "super",
    "tagged", "this", "throughout", "timeprecision", "timeunit", "type", "typedef", "union",
    "unique", "var", "virtual", "void", "wait_order", "wildcard", "with", "within"
};
// clang-format on

static bool is_keyword(const char *name)
{
    for (size_t i = 0; i < sizeof keywords / sizeof *keywords; i++)
        if (strcmp(name, keywords[i]) == 0)
            return true;
    return false;
}

// An escaped identifier of Verilog is a backslash, the name and a blank. Keywords are escaped too:
// a port "wire" is \wire .
static void put_port(writer *w, port_group group, uint32_t index)
{
    bl_buffer name = {.allocator = w->names.allocator};
    port_names_put(&name, &w->names, group, index);
    bool needs_escape =
        w->escapes && name.bytes > 0
        && (!is_identifier(name.data, name.bytes) || is_keyword((const char *)name.data));
    put_text(w, needs_escape ? "\\" : "");
    bl_buffer_append(w->out, name.data, name.bytes);
    put_text(w, needs_escape ? " " : "");
    if (name.status != BL_OK && w->out->status == BL_OK)
        w->out->status = name.status;
    bl_buffer_clear(&name);
}

static void put_node(writer *w, uint32_t node)
{
    uint32_t fanin0 = w->g->fanin0[node];
    if (fanin0 == BL_NODE_INPUT)
        put_port(w, PORT_INPUT, w->g->fanin1[node]);
    else if (fanin0 == BL_NODE_LATCH)
        put_port(w, PORT_LATCH, w->g->fanin1[node]);
    else
        bl_buffer_print(w->out, "%sn%u", w->names.prefix, node);
}

static bool is_and(const bl_graph *g, uint32_t node)
{
    return node > 0 && g->fanin0[node] < BL_NODE_LATCH;
}

// ---------------------------------------------------------------------------------------- .bench

static void put_bench_literal(writer *w, bl_lit lit)
{
    if (bl_lit_is_complemented(lit))
        bl_buffer_print(w->out, "%sc%u", w->names.prefix, bl_lit_node(lit));
    else
        put_node(w, bl_lit_node(lit));
}

static void mark(uint8_t *is_inverted, bl_lit lit)
{
    is_inverted[bl_lit_node(lit)] |= bl_lit_is_complemented(lit);
}

static void put_bench(writer *w, uint8_t *is_inverted)
{
    const bl_graph *g = w->g;
    for (uint32_t id = 1; id < g->n_nodes; id++)
        if (is_and(g, id)) {
            mark(is_inverted, g->fanin0[id]);
            mark(is_inverted, g->fanin1[id]);
        }
    for (uint32_t i = 0; i < g->n_latches; i++)
        mark(is_inverted, g->latches[i].next);
    for (uint32_t i = 0; i < g->n_inputs; i++) {
        put_text(w, "INPUT(");
        put_port(w, PORT_INPUT, i);
        put_text(w, ")\n");
    }
    for (uint32_t i = 0; i < g->n_outputs; i++) {
        put_text(w, "OUTPUT(");
        put_port(w, PORT_OUTPUT, i);
        put_text(w, ")\n");
    }
    bl_buffer_print(w->out, "%sn0 = gnd\n", w->names.prefix);
    for (uint32_t i = 0; i < g->n_latches; i++) {
        put_port(w, PORT_LATCH, i);
        put_text(w, " = DFF(");
        put_bench_literal(w, g->latches[i].next);
        put_text(w, ")\n");
    }
    for (uint32_t id = 0; id < g->n_nodes; id++) {
        if (is_and(g, id)) {
            put_node(w, id);
            put_text(w, " = AND(");
            put_bench_literal(w, g->fanin0[id]);
            put_text(w, ", ");
            put_bench_literal(w, g->fanin1[id]);
            put_text(w, ")\n");
        }
        if (is_inverted[id]) {
            put_bench_literal(w, 2 * id + 1);
            put_text(w, " = NOT(");
            put_node(w, id);
            put_text(w, ")\n");
        }
    }
    for (uint32_t i = 0; i < g->n_outputs; i++) {
        put_port(w, PORT_OUTPUT, i);
        put_text(w, bl_lit_is_complemented(g->outputs[i].lit) ? " = NOT(" : " = BUF(");
        put_node(w, bl_lit_node(g->outputs[i].lit));
        put_text(w, ")\n");
    }
}

bl_status bl_graph_write_bench(bl_buffer *out, const bl_graph *g)
{
    assert(out && g && g->status == BL_OK);
    for (uint32_t i = 0; i < g->n_latches; i++)
        if (g->latches[i].reset != BL_RESET_ZERO)
            return BL_ERR_UNSUPPORTED;
    writer w = {.out = out, .g = g};
    bl_status status = port_names_create(&w.names, g, out->allocator);
    if (status != BL_OK)
        return status;
    uint8_t *is_inverted = bl_alloc(out->allocator, g->n_nodes);
    if (is_inverted)
        put_bench(&w, is_inverted);
    bl_free(out->allocator, is_inverted, g->n_nodes);
    port_names_destroy(&w.names);
    return is_inverted ? out->status : BL_ERR_MEMORY;
}

// --------------------------------------------------------------------------------------- Verilog

static void put_verilog_literal(writer *w, bl_lit lit)
{
    if (bl_lit_node(lit) == 0) {
        put_text(w, lit == BL_LIT_TRUE ? "1'b1" : "1'b0");
        return;
    }
    put_text(w, bl_lit_is_complemented(lit) ? "~" : "");
    put_node(w, bl_lit_node(lit));
}

static void put_declarations(writer *w, const char *keyword, port_group group, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        put_text(w, keyword);
        put_port(w, group, i);
        put_text(w, ";\n");
    }
}

static void put_latches(writer *w)
{
    const bl_graph *g = w->g;
    put_declarations(w, "  reg ", PORT_LATCH, g->n_latches);
    for (uint32_t i = 0; i < g->n_latches; i++) {
        if (g->latches[i].reset == BL_RESET_UNKNOWN)
            continue;
        put_text(w, "  initial ");
        put_port(w, PORT_LATCH, i);
        put_text(w, g->latches[i].reset == BL_RESET_ONE ? " = 1'b1;\n" : " = 1'b0;\n");
    }
    bl_buffer_print(w->out, "  always @(posedge %sclock) begin\n", w->names.prefix);
    for (uint32_t i = 0; i < g->n_latches; i++) {
        put_text(w, "    ");
        put_port(w, PORT_LATCH, i);
        put_text(w, " <= ");
        put_verilog_literal(w, g->latches[i].next);
        put_text(w, ";\n");
    }
    put_text(w, "  end\n");
}

static void put_verilog(writer *w, const char *module)
{
    const bl_graph *g = w->g;
    bl_buffer_print(w->out, "module %s (", module);
    if (g->n_latches > 0)
        bl_buffer_print(w->out, "%sclock%s", w->names.prefix,
                        g->n_inputs + g->n_outputs ? ", " : "");
    for (uint32_t i = 0; i < g->n_inputs + g->n_outputs; i++) {
        put_text(w, i ? ", " : "");
        put_port(w, i < g->n_inputs ? PORT_INPUT : PORT_OUTPUT,
                 i < g->n_inputs ? i : i - g->n_inputs);
    }
    put_text(w, ");\n");
    if (g->n_latches > 0)
        bl_buffer_print(w->out, "  input %sclock;\n", w->names.prefix);
    put_declarations(w, "  input ", PORT_INPUT, g->n_inputs);
    put_declarations(w, "  output ", PORT_OUTPUT, g->n_outputs);
    for (uint32_t id = 1; id < g->n_nodes; id++)
        if (is_and(g, id)) {
            put_text(w, "  wire ");
            put_node(w, id);
            put_text(w, ";\n  assign ");
            put_node(w, id);
            put_text(w, " = ");
            put_verilog_literal(w, g->fanin0[id]);
            put_text(w, " & ");
            put_verilog_literal(w, g->fanin1[id]);
            put_text(w, ";\n");
        }
    if (g->n_latches > 0)
        put_latches(w);
    for (uint32_t i = 0; i < g->n_outputs; i++) {
        put_text(w, "  assign ");
        put_port(w, PORT_OUTPUT, i);
        put_text(w, " = ");
        put_verilog_literal(w, g->outputs[i].lit);
        put_text(w, ";\n");
    }
    put_text(w, "endmodule\n");
}

bl_status bl_graph_write_verilog(bl_buffer *out, const bl_graph *g, const char *module)
{
    assert(out && g && g->status == BL_OK && module);
    writer w = {.out = out, .g = g, .escapes = true};
    bl_status status = port_names_create(&w.names, g, out->allocator);
    if (status != BL_OK)
        return status;
    put_verilog(&w, module);
    port_names_destroy(&w.names);
    return out->status;
}
