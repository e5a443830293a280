// SPDX-License-Identifier: MIT
#ifndef BITLOOM_SERVE_HTTP_GENERATION_H
#define BITLOOM_SERVE_HTTP_GENERATION_H

// Generations: prompts are read, each one is then continued by best_of lanes, and what the lanes
// write becomes choices. completions.c and chat.c say how a choice looks.

#include "params.h"
#include "prompts.h"
#include "reply.h"

// Bytes and what is known of each.
typedef struct written {
    bl_buffer bytes;
    bl_buffer costs; // uint32_t of each, in BL_COST_BIT
    bl_buffer tops;  // n_top predictions of each
} written;

// What one lane makes of its prompt; with echo the prompt is the beginning of it.
typedef struct choice {
    written text;
    size_t n_prompt; // bytes that are prompt
    uint32_t n_held; // of the last bytes, which may belong to a stop string
    lane_end end;
    uint64_t cost; // of what it wrote
    // of a stream:
    size_t n_sent, n_chars_sent;
    bool is_open, is_told; // the first, the last piece is sent
} choice;

typedef struct generation generation;

// How answers look. A span is bytes from..to of the choice.
typedef struct generation_format {
    const char *id_prefix, *object, *chunk_object, *work_kind;
    void (*write_choice)(bl_json *json, const generation *g, const choice *c, size_t index);
    // News of a choice in a stream, as one or more chunks.
    void (*write_news)(generation *g, choice *c, size_t index, size_t to, bool is_end);
} generation_format;

struct generation {
    job job; // first
    const generation_format *format;
    generation_params params;
    prompt_list prompts;
    choice *choices; // [n_prompts][best_of]
    size_t n_choices, n_told;
    uint64_t id;
    int64_t created;
    uint64_t n_prompt_bytes, n_written_bytes;
    size_t n_pending;                // bytes read and written since a stream told its news
    uint32_t n_owed[MAX_PROMPTS];    // frames of each prompt's rollout held back
    activity *rollouts[MAX_PROMPTS]; // under way
};

extern const generation_format completions_format, chat_format;

// The envelope of an answer up to and without "choices", and of one piece of a stream.
void write_envelope(bl_json *json, const generation *g, const char *object);
void begin_chunk(bl_json *json, generation *g); // "choices" is open
void end_chunk(bl_json *json, generation *g);

const char *finish_reason(const choice *c);
size_t text_bytes(const choice *c); // of a choice that has ended, without its stop string

#endif
