// SPDX-License-Identifier: MIT
#ifndef BITLOOM_LOGIC_H
#define BITLOOM_LOGIC_H

// Combinational logic as data: graphs that can be edited, programs that run at 512 lanes.
//
//     bl_graph    an And-Inverter Graph with latches: the form for reading, proving, changing
//        | bl_program_from_graph              ^ bl_graph_from_program
//        v                                    |
//     bl_program  a list of operations over plane slots: the form that runs
//        | bl_machine_create
//        v
//     bl_machine  a program and its 512 lanes of planes
//
//     bl_graph *g;                                          // one bit of an adder
//     if (bl_graph_create(&g, NULL) != BL_OK) return 1;
//     bl_lit a = bl_graph_input(g, "a"), b = bl_graph_input(g, "b");
//     bl_graph_output(g, bl_graph_xor(g, a, b), "sum");
//     bl_graph_output(g, bl_graph_and(g, a, b), "carry");
//     bl_program *p;
//     bl_machine *m;
//     if (bl_program_from_graph(&p, g, NULL) != BL_OK) return 1;
//     if (bl_machine_create(&m, p, bl_cpu_best(), NULL) != BL_OK) return 1;
//     bl_machine_input(m)[0].word[0] = 5;                   // lanes 0 and 2 have a = 1
//     bl_machine_input(m)[1].word[0] = 6;
//     bl_machine_run(m, 0);                                 // bl_machine_output(m)[0]: a ^ b
//
// Truth tables of three inputs (LUT3) are bytes; input a is the high bit of the row number:
// bit 4*a + 2*b + c. So 0x96 is a^b^c, 0xE8 the majority, 0xCA is a ? b : c.

#include <bitloom/base.h>
#include <bitloom/bits.h>
#include <bitloom/record.h>

BL_BEGIN_DECLS

// ---------------------------------------------------------------------------------- graphs

// A literal names a signal or its complement: 2 * node + is_complemented. Node 0 is "false".
typedef uint32_t bl_lit;
enum { BL_LIT_FALSE = 0, BL_LIT_TRUE = 1 };
static inline bl_lit bl_lit_not(bl_lit a) { return a ^ 1u; }
static inline bl_lit bl_lit_not_if(bl_lit a, bool is_complemented) { return a ^ is_complemented; }
static inline uint32_t bl_lit_node(bl_lit a) { return a >> 1; }
static inline bool bl_lit_is_complemented(bl_lit a) { return (a & 1u) != 0; }

// fanin0 of a node that is not an AND; its fanin1 is then an index into inputs or latches.
#define BL_NODE_INPUT UINT32_MAX
#define BL_NODE_LATCH (UINT32_MAX - 1)

typedef enum bl_reset { BL_RESET_ZERO, BL_RESET_ONE, BL_RESET_UNKNOWN } bl_reset;

typedef enum bl_port_kind { // what an output means; AIGER 1.9 knows all five
    BL_PORT_OUTPUT,
    BL_PORT_BAD,        // a state that must not be reached
    BL_PORT_CONSTRAINT, // holds always, by assumption
    BL_PORT_JUSTICE,    // all ports of one group infinitely often
    BL_PORT_FAIRNESS
} bl_port_kind;

typedef struct bl_graph_input {
    uint32_t node, name;
} bl_graph_input_info;
typedef struct bl_graph_latch {
    uint32_t node;
    bl_lit next;
    bl_reset reset;
    uint32_t name;
} bl_graph_latch_info;
typedef struct bl_graph_output {
    bl_lit lit;
    bl_port_kind kind;
    uint32_t group, name;
} bl_graph_output_info;

// Facts to read; change them only through the functions. Node ids are topological: the fanins
// of an AND have smaller ids, the greater literal in fanin0. 8 bytes a node and, while the graph
// grows, 8 to 16 more for the structural hash, which a graph from a file does not have until an AND
// is added. Node 0 has fanin0 = fanin1 = 0.
typedef struct bl_graph {
    const uint32_t *fanin0, *fanin1; // of each node
    uint32_t n_nodes;                // constant, inputs, latches and ANDs
    uint32_t n_ands;
    const bl_graph_input_info *inputs;
    uint32_t n_inputs;
    const bl_graph_latch_info *latches;
    uint32_t n_latches;
    const bl_graph_output_info *outputs;
    uint32_t n_outputs;
    const char *comment; // of the file it was read from; never NULL
    bl_status status;    // BL_OK, or the first failure: see bl_graph_create
} bl_graph;

// An empty graph. The functions below that add to a graph cannot fail one by one: when memory
// or the 2^31 - 2 nodes run out, `status` says so, nothing more is added, and they return
// BL_LIT_FALSE. Check `status` once at the end. One thread at a time.
BL_API BL_MUST_USE bl_status bl_graph_create(bl_graph **graph, const bl_allocator *allocator);
BL_API void bl_graph_destroy(bl_graph **graph);

// Names may be NULL or empty (no name) and are copied.
BL_API bl_lit bl_graph_input(bl_graph *graph, const char *name);
BL_API bl_lit bl_graph_latch(bl_graph *graph, bl_reset reset, const char *name);
BL_API void bl_graph_set_next(bl_graph *graph, uint32_t latch_index, bl_lit next);
BL_API void bl_graph_output(bl_graph *graph, bl_lit lit, const char *name);
BL_API void bl_graph_port(bl_graph *graph, bl_lit lit, bl_port_kind kind, uint32_t group,
                          const char *name);
BL_API void bl_graph_set_comment(bl_graph *graph, const char *text);

// Structural hashing: the same AND is never built twice, trivial ones not at all. Expected O(1).
BL_API bl_lit bl_graph_and(bl_graph *graph, bl_lit a, bl_lit b);
BL_API bl_lit bl_graph_or(bl_graph *graph, bl_lit a, bl_lit b);
BL_API bl_lit bl_graph_xor(bl_graph *graph, bl_lit a, bl_lit b);                   // 3 ANDs
BL_API bl_lit bl_graph_mux(bl_graph *graph, bl_lit s, bl_lit then_, bl_lit else_); // 3 ANDs
BL_API bl_lit bl_graph_maj3(bl_graph *graph, bl_lit a, bl_lit b, bl_lit c);        // 4 ANDs
BL_API bl_lit bl_graph_lut3(bl_graph *graph, uint8_t table, bl_lit a, bl_lit b, bl_lit c);

// The text of a name, "" for none.
BL_API const char *bl_graph_name(const bl_graph *graph, uint32_t name);

// The longest path, counted in ANDs, that ends in an output or a next-state literal.
BL_API BL_MUST_USE bl_status bl_graph_count_levels(uint32_t *n_levels, const bl_graph *graph);

// AIGER 1.9, ASCII (aag) and binary (aig), told apart by the first bytes: latches with resets,
// B C J F sections, symbols, comments. ANDs of an ASCII file may come in any order. The result
// is structurally hashed, so redundant ANDs of the file disappear. `name` is for messages.
// Reads nothing outside data[0..bytes), allocates in proportion to the file; a binary file may
// declare at most 2^24 inputs more than it has bytes.
BL_API BL_MUST_USE bl_status bl_graph_read_aiger(bl_graph **graph, const uint8_t *data,
                                                 size_t bytes, const char *name,
                                                 const bl_allocator *allocator, bl_diag *diag);

// Appends the graph as AIGER; inputs, latches and ANDs are numbered in that order.
BL_API BL_MUST_USE bl_status bl_graph_write_aiger(bl_buffer *out, const bl_graph *graph,
                                                  bool is_ascii);

// BLIF: .names tables, .latch with initial values, .subckt (flattened; the first model is the
// graph). Signals may be used before they are driven. What no output and no latch needs is left
// out. Every message has a line. BL_ERR_UNSUPPORTED for .gate and .mlatch. bitloom/netlist.h writes
// BLIF.
BL_API BL_MUST_USE bl_status bl_graph_read_blif(bl_graph **graph, const uint8_t *data, size_t bytes,
                                                const char *name, const bl_allocator *allocator,
                                                bl_diag *diag);

// ISCAS .bench: AND OR NAND NOR XOR XNOR NOT BUF MUX, LUT 0x.. of up to six inputs, DFF (reset 0).
// Writing appends; BL_ERR_UNSUPPORTED where a latch has another reset than 0, which the format does
// not know.
BL_API BL_MUST_USE bl_status bl_graph_read_bench(bl_graph **graph, const uint8_t *data,
                                                 size_t bytes, const char *name,
                                                 const bl_allocator *allocator, bl_diag *diag);
BL_API BL_MUST_USE bl_status bl_graph_write_bench(bl_buffer *out, const bl_graph *graph);

// Appends structural Verilog: one module of wires and assigns; latches are registers of a clock
// input. `module` is an identifier. Ports keep their names, escaped where needed.
BL_API BL_MUST_USE bl_status bl_graph_write_verilog(bl_buffer *out, const bl_graph *graph,
                                                    const char *module);

// One layer of a network of learned two-input gates, after training: gate i computes function
// kind[i] of signals a[i] and b[i] of the layer before, or of the inputs. Kinds as in the papers on
// differentiable logic gate networks: bit 3 - (2a + b), so 1 = a & b, 6 = a ^ b, 7 = a | b, 14 =
// nand.
typedef struct bl_gate_layer {
    const uint32_t *a, *b;
    const uint8_t *kind; // 0..15
    uint32_t n;
} bl_gate_layer;

// Such a network as a graph: inputs "in[i]"; outputs "out[i]" of the last layer or, with n_classes
// above 0, for each of as many equal groups of the last layer the number of its true gates, the
// field "score0", "score1", ... BL_ERR_FORMAT with layer and gate where an operand or kind is out
// of range, BL_ERR_ARGUMENT where the last layer is no multiple of n_classes.
BL_API BL_MUST_USE bl_status bl_graph_from_gate_layers(bl_graph **graph, uint32_t n_inputs,
                                                       const bl_gate_layer *layers,
                                                       uint32_t n_layers, uint32_t n_classes,
                                                       const bl_allocator *allocator,
                                                       bl_diag *diag);

// -------------------------------------------------------------------------------- programs

// A program works on slots, each one plane. Slot 0 is all zeros, slot 1 all ones, always; then
// follow the inputs, the state, the outputs and the temporary slots, each group in one piece:
//
//     0 1 | inputs | state | outputs | temporaries
//
// It has one or more entries, straight lists of operations that run front to back. Entry 0 of
// a sequential program is "step": it reads inputs and state, and leaves the next state in the
// state slots and the results in the outputs. Temporaries hold nothing between two runs.
//
// Operations:
//   LUT3      slot = table(slot, slot, slot); runs that share a table, 8 bytes each
//   adders    two slots at once: a sum and its carry or borrow (bl_adder), 10 bytes each
//   COUNT_GE  slot = (how many literals of a list are true) >= threshold
//   SUM       slots = base + sum over digits k of 2^k * (how many of list k are true), as a
//             two's-complement number of n planes
// The lists name slots whose value counts and slots whose complement counts. The two macro-
// operations are compressed LUT netlists; bl_program_expand and bl_graph_from_program give
// their gates. The file form (.blp, docs/formats/blp.md) is the form in memory.
typedef struct bl_program bl_program;

typedef struct bl_program_info {
    uint32_t n_inputs, n_state, n_outputs, n_temporaries, n_slots; // planes
    uint32_t first_input, first_state, first_output;               // slots
    uint32_t n_entries;
    uint64_t n_lut3_operations, n_macro_operations; // as written
    uint64_t n_literals;                            // in the lists of macro-operations
    uint64_t n_counted;                             // of them, in those of COUNT_GE
    uint64_t n_lut3;                                // with macro-operations expanded
    size_t bytes;                                   // of the file form
    bool is_wide;                                   // 32-bit slots (more than 65,536 of them)
} bl_program_info;

BL_API void bl_program_get_info(bl_program_info *info, const bl_program *program);

// The records that name the planes of the three groups; live as long as the program.
BL_API const bl_record *bl_program_inputs(const bl_program *program);
BL_API const bl_record *bl_program_state(const bl_program *program);
BL_API const bl_record *bl_program_outputs(const bl_program *program);
// Sets is_read[k] = 1 for each input plane k that some operation reads; leaves the others.
BL_API void bl_program_mark_inputs(uint8_t *is_read, const bl_program *program);
BL_API const char *bl_program_entry_name(const bl_program *program, uint32_t entry);

// Opens a program in its file form and checks every word of it, so that running it needs no
// checks. `data` must be 8-byte aligned and outlive the program (it may be a mapped file).
BL_API BL_MUST_USE bl_status bl_program_open(bl_program **program, const uint8_t *data,
                                             size_t bytes, const char *name,
                                             const bl_allocator *allocator, bl_diag *diag);
BL_API void bl_program_destroy(bl_program **program);

// Appends the file form.
BL_API BL_MUST_USE bl_status bl_program_write(bl_buffer *out, const bl_program *program);

// At most one LUT3 for each AND; complements vanish in the tables; latches become state. Entry
// "step". Slots are reused as soon as nobody reads them. Linear.
BL_API BL_MUST_USE bl_status bl_program_from_graph(bl_program **program, const bl_graph *graph,
                                                   const bl_allocator *allocator);

// The same function with LUT3 operations only.
BL_API BL_MUST_USE bl_status bl_program_expand(bl_program **expanded, const bl_program *program,
                                               const bl_allocator *allocator);

// What of a plane of the state is tied: the bit itself or, where it is written by a multiplexer
// "select ? candidate : what it was" (a LUT3 of table 0xCA), one of the two neurons behind it.
typedef enum bl_tie_what { BL_TIE_BIT, BL_TIE_SELECT, BL_TIE_CANDIDATE, BL_TIE_COUNT } bl_tie_what;
typedef struct bl_tie {
    uint32_t plane; // of the state
    bl_tie_what what;
    bool value;
} bl_tie;

// The program with parts of its state tied to constants, and without what is then of no use:
// constants leave lists and tables, operations that nobody reads vanish. Ports and state keep their
// places; a tied bit shows its constant after each entry. Without ties: only what nobody reads
// goes.
// BL_ERR_ARGUMENT: no such plane, or no multiplexer writes it. Linear.
BL_API BL_MUST_USE bl_status bl_program_tie(bl_program **tied, const bl_program *program,
                                            const bl_tie *ties, size_t n_ties,
                                            const bl_allocator *allocator);

// The same, but with as few LUT3s as the mapper finds (bitloom/netlist.h): each takes in all ANDs
// that three signals decide. Adders, popcounts and comparators shrink to about a third; about ten
// times the time of bl_program_from_graph.
BL_API BL_MUST_USE bl_status bl_program_cover_graph(bl_program **program, const bl_graph *graph,
                                                    const bl_allocator *allocator);

// The program as one graph: state becomes latches (reset 0), all entries run in order.
BL_API BL_MUST_USE bl_status bl_graph_from_program(bl_graph **graph, const bl_program *program,
                                                   const bl_allocator *allocator);

// ------------------------------------------------------------------------------- expressions

// A predicate or a formula over named fields, as a person writes it:
//
//     kind == 3 && popcount(mask) >= 9 && price - cost > 100
//     method in {"GET", "HEAD"} && status in 500..599 && seconds > 1.5
//
// Integers are exact: results are as wide as they need to be and nothing ever overflows; a result
// of more than 256 bits is an error. Unsigned and signed fields mix freely. Operators, tightest
// first:
//
//     -x ~x !x    * / %    + -    << >>    &    ^    |    == != < <= > >= in    &&    ||    ?:
//
// & ^ | bind tighter than comparisons, unlike in C. a < b < c and !a == b are errors that say what
// to write. / and % take a positive constant and round down (-7 / 2 is -4, -7 % 2 is 1), as >>
// does. ~ and & | ^ work on two's complement without end. Functions: popcount(x) of an x that is
// never negative, min(x, y), max(x, y), abs(x), bit(x, k). x in 1..9 includes both ends; x in {1,
// 5..9}. Numbers: 17, 1_000, 0xFF, 0b101, 'c'; 12.50 has decimals, see below. # begins a comment.
//
// Texts in "" are compared with ==, != and in {...}, and by starts_with(name, "text"). The field is
// then a run of bytes, first byte in the lowest bits, filled up with zero bytes.
//
// Names that are no identifiers stand between backquotes: `user agent`.
typedef struct bl_expression bl_expression;

enum { BL_EXPRESSION_DECIMALS = 18 };

typedef struct bl_expression_name {
    const char *name;
    uint32_t line, column;   // where it comes first
    bool is_text, is_number; // never both
    uint32_t text_bytes;     // of the longest text it is compared with
} bl_expression_name;

// Parses a text; `name` is what messages call it, "predicate" for example. BL_ERR_FORMAT with line
// and column, BL_ERR_MEMORY.
BL_API BL_MUST_USE bl_status bl_expression_parse(bl_expression **expression, const char *text,
                                                 const char *name, const bl_allocator *allocator,
                                                 bl_diag *diag);
BL_API void bl_expression_destroy(bl_expression **expression);

// The names it uses, in the order of their first appearance; live as long as the expression.
BL_API uint32_t bl_expression_n_names(const bl_expression *expression);
BL_API const bl_expression_name *bl_expression_name_at(const bl_expression *expression, uint32_t i);

// What the names mean.
typedef struct bl_expression_fields {
    const bl_record *record;
    const uint32_t *field_of_name; // name i is this field of the record; NULL: by its name
    // A field with d decimals holds its value times 10^d (1234 for 12.34, d = 2); sums, products
    // and comparisons take care of it. One for each field, at most 18; NULL: none has any.
    const uint8_t *decimals;
} bl_expression_fields;

// A graph whose inputs are the planes of the record and whose one output, "keep", is whether the
// value is not zero. bl_program_cover_graph makes a program of it. BL_ERR_FORMAT for an unknown
// name, a text longer than its field, a result too wide; BL_ERR_LIMIT, BL_ERR_MEMORY.
BL_API BL_MUST_USE bl_status bl_expression_to_graph(bl_graph **graph,
                                                    const bl_expression *expression,
                                                    const bl_expression_fields *fields,
                                                    const bl_allocator *allocator, bl_diag *diag);

// --- building programs by hand (melt does) ---

// Failures stick, as in a graph: the functions return nothing, bl_assembler_finish reports.
typedef struct bl_assembler bl_assembler;

// The three records are copied; their planes get the slots of the picture above.
BL_API BL_MUST_USE bl_status bl_assembler_create(bl_assembler **assembler, const bl_record *inputs,
                                                 const bl_record *state, const bl_record *outputs,
                                                 const bl_allocator *allocator);
BL_API void bl_assembler_destroy(bl_assembler **assembler);

// First slot of each group, and n fresh neighbouring temporary slots.
BL_API uint32_t bl_assembler_input(const bl_assembler *assembler);
BL_API uint32_t bl_assembler_state(const bl_assembler *assembler);
BL_API uint32_t bl_assembler_output(const bl_assembler *assembler);
BL_API uint32_t bl_assembler_temporaries(bl_assembler *assembler, uint32_t n);

// Operations are appended to the entry begun last. A result must not go to slot 0 or 1.
BL_API void bl_assembler_begin_entry(bl_assembler *assembler, const char *name);
BL_API void bl_assembler_lut3(bl_assembler *assembler, uint8_t table, uint32_t dst, uint32_t a,
                              uint32_t b, uint32_t c);

// Slots whose value counts and slots whose complement counts.
typedef struct bl_literal_list {
    const uint32_t *plain, *complemented;
    uint32_t n_plain, n_complemented;
} bl_literal_list;

// Two LUT3s of the same operands: sum = a ^ b ^ c and what overflows.
typedef enum bl_adder {
    BL_ADD,           // carry = at least two of a, b, c
    BL_SUBTRACT,      // borrow = at least two of ~a, b, c
    BL_HALF_ADD,      // carry = b & c; a is slot 0
    BL_HALF_SUBTRACT, // borrow = ~b & c; a is slot 0
    BL_ADDER_COUNT
} bl_adder;
BL_API void bl_assembler_adder(bl_assembler *assembler, bl_adder adder, uint32_t sum,
                               uint32_t carry, uint32_t a, uint32_t b, uint32_t c);

BL_API void bl_assembler_count_ge(bl_assembler *assembler, uint32_t dst,
                                  const bl_literal_list *list, int64_t threshold);

// Writes n_planes (1..24) planes from dst on, then the sign plane again until n_dst >= n_planes
// are written. digits[k] has weight 2^k. The sum must fit: it is taken modulo 2^n_planes.
BL_API void bl_assembler_sum(bl_assembler *assembler, uint32_t dst, uint32_t n_dst,
                             uint32_t n_planes, int64_t base, const bl_literal_list *digits,
                             uint32_t n_digits);

// Checks and takes everything; the assembler remains to be destroyed.
BL_API BL_MUST_USE bl_status bl_assembler_finish(bl_program **program, bl_assembler *assembler);

// -------------------------------------------------------------------------------- machines

// A program and the planes of 512 lanes. One thread at a time; many machines may share a program.
typedef struct bl_machine bl_machine;

// `level` must be supported. All planes begin as zero. The program must outlive the machine.
BL_API BL_MUST_USE bl_status bl_machine_create(bl_machine **machine, const bl_program *program,
                                               bl_cpu level, const bl_allocator *allocator);
BL_API void bl_machine_destroy(bl_machine **machine);

// Planes in the order of the program's records; write inputs and state, read state and outputs.
BL_API bl_plane *bl_machine_input(bl_machine *machine);
BL_API bl_plane *bl_machine_state(bl_machine *machine);
BL_API bl_plane *bl_machine_output(bl_machine *machine);

// Runs one entry for all 512 lanes. Allocates nothing.
BL_API void bl_machine_run(bl_machine *machine, uint32_t entry);

// A machine for n_chunks times 512 lanes, 4 to 8 of them best: short programs run at up to several
// times the speed per lane, as long as all slots stay in L1. Planes of chunk c lie c times the
// stride behind those that the functions above give; they and the ones below mean chunk 0.
BL_API BL_MUST_USE bl_status bl_machine_create_many(bl_machine **machine, const bl_program *program,
                                                    size_t n_chunks, bl_cpu level,
                                                    const bl_allocator *allocator);
BL_API size_t bl_machine_stride(const bl_machine *machine); // in planes
BL_API void bl_machine_run_many(bl_machine *machine, uint32_t entry, size_t n_chunks);
// The same with the chunks divided among the threads of a pool; for fewer chunks than threads see
// n_threads of bl_machine_params (bitloom/code.h).
BL_API void bl_machine_run_on(bl_machine *machine, uint32_t entry, size_t n_chunks, bl_pool *pool);

// States of lanes as bytes: (n_state + 7) / 8 each, bit k of the state is bit k % 8 of byte k / 8,
// padding bits zero. `states` holds n_lanes of them in a row (at most 512); lanes beyond n_lanes
// become zero on loading. Any bit pattern is a legal state.
BL_API size_t bl_machine_state_bytes(const bl_machine *machine);
BL_API void bl_machine_load_lanes(bl_machine *machine, const uint8_t *states, size_t n_lanes);
BL_API void bl_machine_store_lanes(uint8_t *states, const bl_machine *machine, size_t n_lanes);

BL_END_DECLS
#endif
