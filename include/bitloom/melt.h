// SPDX-License-Identifier: MIT
#ifndef BITLOOM_MELT_H
#define BITLOOM_MELT_H

// Recurrent language models as logic.
//
//     m.safetensors --bl_muxrnn_read--> bl_muxrnn --bl_muxrnn_weave--> bl_program
//     (trained, integers)               (scalar reference)             (gates, 512 lanes)
//                                            |____ bl_loom_write ____________|
//                                                       v
//                                        m.loom --bl_model_open--> bl_model --> bl_runner
//
// A bl_runner moves 512 texts on by one byte at a time. The state of a text is a value of
// `state_bytes` bytes that can be copied, stored and put into any lane of any runner of the model.
// What it predicts are logits, small integers, from which all costs follow by integer arithmetic:
// the same on every machine.

#include <bitloom/base.h>
#include <bitloom/logic.h>
#include <bitloom/pattern.h>

BL_BEGIN_DECLS

// ------------------------------------------------------------------- the integer reference

// A MuxRNN as docs/formats/muxrnn.md defines it, evaluated the obvious way.
typedef struct bl_muxrnn bl_muxrnn;

typedef struct bl_muxrnn_info {
    uint32_t n_symbols, n_code, n_window, n_state, n_layers, n_features;
    uint32_t n_state_bits; // n_features + (n_window - 1) * n_code
    uint64_t n_nonzeros;   // of the layers' weights
    double logit_unit_nats;
    uint8_t byte_symbol[256];
    const char *card; // the file's metadata as a JSON object; lives as long as the network
} bl_muxrnn_info;

// Whether a .safetensors file says that it holds a MuxRNN.
BL_API bool bl_muxrnn_is(const uint8_t *data, size_t bytes);

// Reads a .safetensors file; every tensor is checked for its type, shape and values.
BL_API BL_MUST_USE bl_status bl_muxrnn_read(bl_muxrnn **network, const uint8_t *data, size_t bytes,
                                            const char *name, const bl_allocator *allocator,
                                            bl_diag *diag);
BL_API void bl_muxrnn_destroy(bl_muxrnn **network);
BL_API void bl_muxrnn_get_info(bl_muxrnn_info *info, const bl_muxrnn *network);

// One step of one text: state holds n_state_bits bytes of 0 or 1, [bits of layer 0, 1, ... | code
// of the newest byte | of the one before ... (n_window - 1 codes)]. All zero at the beginning.
BL_API void bl_muxrnn_step(uint8_t *state, const bl_muxrnn *network, uint8_t byte);
BL_API void bl_muxrnn_logits(int32_t *logits, const bl_muxrnn *network, const uint8_t *state);

// The same as a program. Inputs: "byte", 8 planes. State: as above. Outputs: one signed field of
// 16 planes per symbol. Entry 0 "step" moves the state on, entry 1 "head" gives the logits.
BL_API BL_MUST_USE bl_status bl_muxrnn_weave(bl_program **program, const bl_muxrnn *network,
                                             const bl_allocator *allocator);
enum { BL_ENTRY_STEP = 0, BL_ENTRY_HEAD = 1, BL_LOGIT_BITS = 16 };

// What a .loom file says beside its program.
typedef struct bl_loom_facts {
    const char *name; // at most 63 bytes count
    const char *card; // JSON
    uint32_t n_symbols;
    double logit_unit_nats;
    uint64_t n_nonzeros, n_ands;
    const uint8_t *byte_symbol; // [256]
} bl_loom_facts;

// What a network says of itself; pointers live as long as it does. The name and n_ands are the
// caller's to set.
BL_API void bl_muxrnn_get_loom_facts(bl_loom_facts *facts, const bl_muxrnn *network);

// Appends a .loom file (docs/formats/loom.md). The program is one that bl_muxrnn_weave makes, or
// another with the same ports and entries. BL_ERR_LIMIT: a logit unit below 2^-25 or above 256
// bits.
BL_API BL_MUST_USE bl_status bl_loom_write(bl_buffer *out, const bl_loom_facts *facts,
                                           const bl_program *program);

// ------------------------------------------------------------------------- melted models

typedef struct bl_model bl_model;

typedef struct bl_model_info {
    char name[64];
    char sha256[65]; // of the file, in hex
    uint32_t n_state_bits;
    size_t state_bytes;
    uint32_t n_symbols;
    uint8_t byte_symbol[256];
    int16_t symbol_byte[256];     // the byte of a symbol, -1 where it stands for several
    uint16_t symbol_bytes_n[256]; // how many bytes it stands for
    uint32_t logit_unit_cost;     // what one logit unit is worth, in BL_COST_BIT
    uint64_t n_lut3, n_ands, n_nonzeros;
    const char *card; // JSON: how it was trained
    const bl_program *program;
} bl_model_info;

// Costs are -log2 of a probability, in units of 2^-24 bit, as uint32_t: up to 256 bits.
#define BL_COST_BIT (1u << 24)

// Opens a .loom file in memory; checks its hash and every word of its program. `data` must be
// 8-byte aligned and outlive the model.
BL_API BL_MUST_USE bl_status bl_model_open(bl_model **model, const uint8_t *data, size_t bytes,
                                           const char *name, const bl_allocator *allocator,
                                           bl_diag *diag);
BL_API void bl_model_destroy(bl_model **model);
BL_API const bl_model_info *bl_model_facts(const bl_model *model);
// The same as bl_loom_write wants it.
BL_API void bl_model_get_loom_facts(bl_loom_facts *facts, const bl_model *model);

// The planes in which 512 texts run. One thread at a time; any number share a model.
typedef struct bl_runner bl_runner;
BL_API BL_MUST_USE bl_status bl_runner_create(bl_runner **runner, const bl_model *model,
                                              bl_cpu level, const bl_allocator *allocator);
BL_API void bl_runner_destroy(bl_runner **runner);

enum { BL_KEEP = -1 }; // instead of a byte: the lane's state stays as it is

// Moves lane i from states[i * state_bytes] on by bytes[i] (0..255 or BL_KEEP), in place, for
// i < n_lanes <= 512; where wants_logits, the predictions are then ready. One step of the model,
// whatever n_lanes is.
BL_API void bl_runner_step(bl_runner *runner, uint8_t *states, const int16_t *bytes, size_t n_lanes,
                           bool wants_logits);

// The logits of the last step that wanted them: [512 lanes][n_symbols].
BL_API const int16_t *bl_runner_logits(const bl_runner *runner);

// Costs of all symbols in one lane, costs[n_symbols]; a symbol's cost is that of each of its
// bytes, so that the probabilities of all 256 bytes add up to 1.
BL_API void bl_runner_costs(uint32_t *costs, const bl_runner *runner, size_t lane);

// Reads one text quickly: up to 512 of its bytes at a time, which lie in the lanes
// (bitloom/timeline.h), in little more than a step of a runner.
typedef struct bl_reader bl_reader;
// BL_ERR_UNSUPPORTED where gates read what the network remembers (LSTM, GRU); a MuxRNN can be read.
BL_API BL_MUST_USE bl_status bl_reader_create(bl_reader **reader, const bl_model *model,
                                              bl_cpu level, const bl_allocator *allocator);
BL_API void bl_reader_destroy(bl_reader **reader);
// Moves the state on over n (1 to 512) bytes of text.
BL_API void bl_reader_read(bl_reader *reader, uint8_t *state, const uint8_t *text, size_t n,
                           bool wants_logits);
// Of the last text: the states after each of its first n bytes; where logits were wanted, the costs
// of all symbols behind byte i, as bl_runner_costs has them.
BL_API void bl_reader_states(uint8_t *states, const bl_reader *reader, size_t n);
BL_API void bl_reader_costs(uint32_t *costs, const bl_reader *reader, size_t i);

// A distribution made sharper (temperature < 1) or flatter, to draw from. 0.01 to 100.
typedef struct bl_sampler bl_sampler;
BL_API BL_MUST_USE bl_status bl_sampler_create(bl_sampler **sampler, const bl_model *model,
                                               double temperature, const bl_allocator *allocator);
BL_API void bl_sampler_destroy(bl_sampler **sampler);

// Draws a byte for one lane, never one of a symbol that stands for several.
BL_API uint8_t bl_sampler_draw(const bl_sampler *sampler, const bl_runner *runner, size_t lane,
                               bl_random *random);

// Drawing from costs, with what people ask of a server: a bias per byte, the likeliest bytes only,
// forbidden bytes. Integers throughout: the same byte on every machine.
typedef struct bl_draw_params {
    double temperature;      // 0: always the likeliest byte, the least of equals; else 0.01 to 100
    double top_p;            // only the likeliest bytes that together reach this share; 0 or 1: all
    const double *bias_nats; // [256], -1000 to 1000, added to log-probabilities; NULL: none
} bl_draw_params;

// Bytes that share a symbol with others are drawn only where their bias is above 0. Plain data.
typedef struct bl_draw {
    uint64_t rate;     // 2^16 / temperature; 0: the likeliest
    uint64_t share;    // in 2^-24
    int64_t gain[256]; // bias in cost units
    uint8_t symbol[256];
    uint32_t n_open;
    uint8_t open[256];      // bytes that may be drawn, ascending
    uint32_t power[3][256]; // 2^-(i / 2^8), 2^-(i / 2^16), 2^-(i / 2^24) in 2^-30
} bl_draw;

// BL_ERR_ARGUMENT: a parameter out of range.
BL_API BL_MUST_USE bl_status bl_draw_set(bl_draw *draw, const bl_model *model,
                                         const bl_draw_params *params);

// A byte drawn by what bl_runner_costs gave; bit b % 64 of allowed[b / 64]: byte b may be drawn,
// NULL: all. BL_KEEP where nothing may be. Some microseconds.
BL_API int bl_draw_byte(const bl_draw *draw, const uint32_t *costs, const uint64_t *allowed,
                        bl_random *random);

// Drawing inside the machine: the Gumbel-max trick as logic. Every logit gets noise of its own,
// made of random planes by tables, and a tournament finds the greatest, so that model and draw
// together are gates: (state, noise) -> (state, byte). The noise has 512 values a symbol, in 1/128
// nat, up to 11 nats: probabilities are off by about 1 %, those below 1e-5 by more; bl_sampler_draw
// is exact.
typedef struct bl_gumbel bl_gumbel;
enum { BL_GUMBEL_MAX_TEMPERATURE = 16 };

// temperature: 0 (always the greatest logit) to BL_GUMBEL_MAX_TEMPERATURE. About half a second: 250
// LUT3 a symbol are made. BL_ERR_ARGUMENT, BL_ERR_MEMORY.
BL_API BL_MUST_USE bl_status bl_gumbel_create(bl_gumbel **gumbel, const bl_model *model,
                                              double temperature, bl_cpu level,
                                              const bl_allocator *allocator);
BL_API void bl_gumbel_destroy(bl_gumbel **gumbel);
BL_API uint64_t bl_gumbel_n_lut3(const bl_gumbel *gumbel);

// Writes n_steps bytes to each of 512 texts, from `states` on, which move along: bytes[step][lane].
// One thread; the same bytes for the same generator on every level.
BL_API void bl_gumbel_write(uint8_t *bytes, bl_gumbel *gumbel, bl_runner *runner, uint8_t *states,
                            size_t n_steps, bl_random *random);

// ------------------------------------------------------------------------------ scores

enum { BL_BYTE_CLASSES = 8 };
BL_API uint32_t bl_byte_class(uint8_t byte);
BL_API const char *bl_byte_class_name(uint32_t byte_class); // "space", "newline", "lower" ...

typedef struct bl_score {
    uint64_t n_bytes[BL_BYTE_CLASSES];
    double bits[BL_BYTE_CLASSES]; // their costs
    uint64_t n_pieces;            // that the text was cut into
    uint64_t n_steps, step_ns;    // of 512 texts each
} bl_score;

typedef struct bl_score_params {
    bool in_order;         // as one piece, from its first byte to its last, see below
    size_t n_warm;         // bytes that a piece is warmed up on
    size_t n_sample_bytes; // 0: all; else about so many, in 512 pieces spread over the text
    bl_cpu level;
    bl_pool *pool;                                                // NULL: the calling thread
    void (*progress)(void *context, uint64_t n_done, uint64_t n); // NULL: none; from one thread
    void *progress_context;
} bl_score_params;

// What a text costs. It is cut into groups of 512 pieces, one piece a lane; how many groups depends
// on its length alone, so that any number of threads finds the same. Each piece is warmed up on the
// bytes before it, as far as there are any; every byte but the very first is scored exactly once.
// in_order: nothing is cut, warmed up or sampled; a bl_reader reads the text in steps of 512 bytes,
// on one thread, with nothing remembered from before it. BL_ERR_UNSUPPORTED as there.
BL_API BL_MUST_USE bl_status bl_model_score(bl_score *score, const bl_model *model,
                                            const uint8_t *text, size_t bytes,
                                            const bl_score_params *params,
                                            const bl_allocator *allocator);
BL_API double bl_score_bits_per_byte(const bl_score *score);

// ------------------------------------------------------------------------------- beams

// A beam: many continuations of one text at once, one byte longer at each step.
//
// Temperature 0: the `width` most probable ones (beam search). Above 0: `width` different ones
// drawn without replacement from the model at that temperature (stochastic beam search: Kool, van
// Hoof, Welling, "Stochastic Beams and Where to Find Them", 2019). The noise of a continuation
// depends on the seed and the bytes of the whole text only: forbidding one branch leaves the others
// as they were, and a branch that becomes the beginning keeps most of what was seen of it. Integers
// and IEEE arithmetic only: the same frames on every machine.
typedef struct bl_beam bl_beam;

typedef struct bl_bytes {
    const uint8_t *data;
    size_t bytes;
} bl_bytes;

typedef struct bl_beam_params {
    uint32_t width;     // 1..512; 0: 512
    double temperature; // 0..4
    uint64_t seed;
    uint64_t path_key;         // of the text before: bl_beam_path_key over its bytes, from 0
    const bl_bytes *avoid;     // no continuation begins with one of these; copied
    uint32_t n_avoid;          // at most 64
    const bl_pattern *pattern; // continuations are beginnings of its texts, NULL: of any; see below
    uint32_t pattern_state;    // of what the pattern has read before; 0: nothing
    double diversity;          // bits, 0..64; see below
} bl_beam_params;

// With a pattern, bytes that it does not allow have no probability, and the others share it. The
// pattern must outlive the beam.
//
// Diversity (Li, Jurafsky, "Mutual Information and Diverse Decoding", 2016) keeps siblings from
// crowding out the rest: for the choice of a step, the k-th best child of a lane, from 0, counts as
// k * diversity bits worse than it is, forbidden ones counted. Costs, and what later steps choose
// by, stay what they are.
BL_API uint64_t bl_beam_path_key(uint64_t key, uint8_t byte);

enum { BL_BEAM_MAX_AVOID = 64, BL_BEAM_MAX_AVOID_BYTES = 1024, BL_BEAM_MAX_DIVERSITY = 64 };

// `state` is that of the text to continue. BL_ERR_ARGUMENT for parameters out of range.
BL_API BL_MUST_USE bl_status bl_beam_create(bl_beam **beam, const bl_model *model,
                                            const uint8_t *state, const bl_beam_params *params,
                                            const bl_allocator *allocator);
BL_API void bl_beam_destroy(bl_beam **beam);

// What the runner must do before the next selection: states and bytes of the lanes, to be stepped
// in place with logits wanted. At first one lane with BL_KEEP.
BL_API size_t bl_beam_lanes(bl_beam *beam, uint8_t **states, const int16_t **bytes);

typedef struct bl_beam_frame {
    uint16_t parent[BL_LANES]; // lane of the frame before
    uint16_t cost[BL_LANES];   // of the byte at temperature 1, in 1/256 bit, 65535 = or more
    uint8_t byte[BL_LANES];
    uint32_t n_lanes;
} bl_beam_frame;

// Chooses the next lanes. `first_lane` is where lane 0 of the beam lay in the runner. n_lanes = 0:
// nothing is left that may be continued.
BL_API void bl_beam_select(bl_beam_frame *frame, bl_beam *beam, const bl_runner *runner,
                           size_t first_lane);

BL_END_DECLS
#endif
