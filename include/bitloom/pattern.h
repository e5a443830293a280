// SPDX-License-Identifier: MIT
#ifndef BITLOOM_PATTERN_H
#define BITLOOM_PATTERN_H

// Patterns of bytes as logic: a regular expression or a list of words becomes an automaton, the
// automaton becomes gates, and 512 texts are held to it at once.
//
//     bl_pattern *p;  bl_constraint *c;
//     if (bl_pattern_parse(&p, text, strlen(text), "pattern", NULL, &diag) != BL_OK) return 1;
//     if (bl_constraint_create(&c, p, bl_cpu_best(), NULL) != BL_OK) return 1;
//     uint32_t states[512];                      // BL_PATTERN_START each
//     bl_constraint_allowed(allowed, NULL, c, states, 512);   // what may come next, 256 bits each
//     bl_constraint_step(c, states, bytes, 512);              // and what came
//
// A byte is allowed where some text of the pattern goes on with it: what is written so far is at
// every moment the beginning of a text that the pattern describes.
//
// Syntax: literals, . (any byte but newline), [a-z] [^...], \d \w \s \D \W \S, \n \r \t \f \0
// \xHH, ( ), (?: ), |, * + ? {m} {m,} {m,n}. A backslash before any other sign means the sign. ^
// and $ may stand at the ends, where they are meant anyway. Bytes are meant, not characters: a
// letter outside ASCII is a sequence of bytes and may not stand in [].

#include <bitloom/logic.h>

BL_BEGIN_DECLS

typedef struct bl_pattern bl_pattern;

enum { BL_PATTERN_DEAD, BL_PATTERN_START }; // states of the automaton; DEAD allows nothing

// BL_ERR_FORMAT with the column; BL_ERR_LIMIT: more than 65,536 states, or too long to find out.
BL_API BL_MUST_USE bl_status bl_pattern_parse(bl_pattern **pattern, const char *text, size_t bytes,
                                              const char *name, const bl_allocator *allocator,
                                              bl_diag *diag);
// Whether the text is written as a pattern must be, in some us; bl_pattern_parse may take 0.3 s and
// find more. BL_ERR_FORMAT with the column.
BL_API BL_MUST_USE bl_status bl_pattern_check(const char *text, size_t bytes, const char *name,
                                              const bl_allocator *allocator, bl_diag *diag);
// Texts of these words only, with anything between them that can stand in none: blanks, marks. A
// word may begin with a capital letter where the list has a small one. Words are UTF-8, of bytes
// above blank. BL_ERR_FORMAT names a word; BL_ERR_LIMIT as above.
BL_API BL_MUST_USE bl_status bl_pattern_from_words(bl_pattern **pattern, const char *const *words,
                                                   size_t n_words, const bl_allocator *allocator,
                                                   bl_diag *diag);
BL_API void bl_pattern_destroy(bl_pattern **pattern);

// Makes the gates, so that all constraints created afterwards share them: some 25 us a state, which
// bl_constraint_create takes each time for a pattern that is not prepared.
BL_API BL_MUST_USE bl_status bl_pattern_prepare(bl_pattern *pattern);

typedef struct bl_pattern_info {
    uint32_t n_states;  // without DEAD; the fewest possible, where that is found in good time
    uint32_t n_classes; // bytes that are alike everywhere share one
    uint32_t n_bits;    // of a state
} bl_pattern_info;
BL_API void bl_pattern_get_info(bl_pattern_info *info, const bl_pattern *pattern);

// One text at a time, by a table: the state after a byte, and whether a text may end in a state.
BL_API uint32_t bl_pattern_next(const bl_pattern *pattern, uint32_t state, uint8_t byte);
BL_API bool bl_pattern_is_complete(const bl_pattern *pattern, uint32_t state);

// The automaton as a graph: inputs "byte", latches "state" (reset: START), outputs
// "allowed[class]" and "complete" of the state before the byte. State s has the number s.
BL_API BL_MUST_USE bl_status bl_pattern_to_graph(bl_graph **graph, const bl_pattern *pattern,
                                                 const bl_allocator *allocator);

// The planes in which 512 texts are held to a pattern. One thread at a time; the pattern must
// outlive it. Both functions cost some hundred ns, and 0.3 ns for each LUT3 of the graph.
typedef struct bl_constraint bl_constraint;
BL_API BL_MUST_USE bl_status bl_constraint_create(bl_constraint **constraint,
                                                  const bl_pattern *pattern, bl_cpu level,
                                                  const bl_allocator *allocator);
BL_API void bl_constraint_destroy(bl_constraint **constraint);

// Moves n (up to 512) states on by a byte each.
BL_API void bl_constraint_step(bl_constraint *constraint, uint32_t *states, const uint8_t *bytes,
                               size_t n);
// allowed[i]: bit b % 64 of word b / 64 says whether byte b may follow; is_complete[i] (or NULL):
// whether the text may end here.
BL_API void bl_constraint_allowed(uint64_t (*allowed)[4], uint8_t *is_complete,
                                  bl_constraint *constraint, const uint32_t *states, size_t n);

BL_END_DECLS
#endif
