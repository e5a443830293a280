// SPDX-License-Identifier: MIT
#ifndef BITLOOM_BASE_OPTIONS_H
#define BITLOOM_BASE_OPTIONS_H

// Command lines from tables. A verb lists its options once; the parser, the checks of types and
// ranges, --help and the suggestions after a typing error all come from that list.

#include <bitloom/base.h>

#include <stdio.h>

typedef enum bl_option_type {
    BL_OPTION_FLAG, // bool
    BL_OPTION_INT,  // int64_t, low..high
    BL_OPTION_REAL, // double, low..high
    BL_OPTION_TEXT  // const char *
} bl_option_type;

typedef struct bl_option {
    const char *name; // without the dashes
    char letter;      // 0: none
    bl_option_type type;
    size_t offset;        // of the value in the verb's settings
    const char *argument; // what --help calls the value
    double low, high;
    const char *help;
} bl_option;

enum { BL_MAX_OPERANDS = 4 };

// What every verb understands.
typedef struct bl_common {
    bool is_help, is_json, is_quiet, is_verbose;
    int64_t n_threads; // 0: one per core
    const char *cpu_name;
    bl_cpu cpu;
} bl_common;

typedef struct bl_command {
    bl_common common;
    const void *settings; // the verb's struct, defaults overwritten by options
    const char *operands[BL_MAX_OPERANDS];
    size_t n_operands;
} bl_command;

typedef struct bl_verb {
    const char *name, *operands, *summary, *details, *example;
    const bl_option *options;
    size_t n_options;
    size_t min_operands, max_operands;
    size_t settings_bytes;
    const void *defaults;
    int (*run)(const bl_command *command); // the exit status: 0 yes, 1 no, 2 usage, 3 undecided
} bl_verb;

// Parses the words behind the verb. `settings` has settings_bytes bytes. Options and operands may
// come in any order; "--" ends options; "-" is an operand.
BL_MUST_USE bl_status bl_options_parse(bl_command *command, void *settings, const bl_verb *verb,
                                       int n_words, char **words, bl_diag *diag);

void bl_options_help(FILE *out, const bl_verb *verb);

// The nearest of n names to a mistyped word, or NULL if none is near.
const char *bl_nearest_name(const char *word, const char *const *names, size_t n);

#endif
