// SPDX-License-Identifier: MIT
// bitloom VERB ...: finds the verb, parses its command line, runs it.

#include "verbs.h"

#include <stdio.h>
#include <string.h>

static const bl_verb *const verbs[] = {
#ifdef BITLOOM_SERVE
    &bl_verb_serve,    &bl_verb_account, &bl_verb_load,
#endif
    &bl_verb_filter,   &bl_verb_melt,    &bl_verb_score,     &bl_verb_ablate, &bl_verb_sample,
    &bl_verb_stats,    &bl_verb_convert, &bl_verb_emit,      &bl_verb_map,    &bl_verb_simulate,
    &bl_verb_simplify, &bl_verb_prove,   &bl_verb_transpose, &bl_verb_bench,
};
enum { N_VERBS = sizeof verbs / sizeof *verbs };

static void print_help(FILE *out)
{
    fprintf(out, "bitloom: combinational logic at 512 lanes, and language models made of it\n\n"
                 "bitloom VERB ...     `bitloom VERB --help` says more\n\n");
    for (size_t i = 0; i < N_VERBS; i++)
        fprintf(out, "  %-10s %s\n", verbs[i]->name, verbs[i]->summary);
}

static const bl_verb *find_verb(const char *name)
{
    for (size_t i = 0; i < N_VERBS; i++)
        if (strcmp(verbs[i]->name, name) == 0)
            return verbs[i];
    return NULL;
}

static int unknown_verb(const char *name)
{
    const char *names[N_VERBS];
    for (size_t i = 0; i < N_VERBS; i++)
        names[i] = verbs[i]->name;
    const char *nearest = bl_nearest_name(name, names, N_VERBS);
    if (nearest)
        fprintf(stderr, "bitloom: unknown verb \"%s\"; did you mean %s?\n", name, nearest);
    else
        fprintf(stderr, "bitloom: unknown verb \"%s\"; `bitloom --help` lists them\n", name);
    return EXIT_USAGE;
}

int main(int n_words, char **words)
{
    if (n_words < 2) {
        print_help(stderr);
        return EXIT_USAGE;
    }
    if (strcmp(words[1], "--help") == 0 || strcmp(words[1], "-h") == 0) {
        print_help(stdout);
        return EXIT_YES;
    }
    if (strcmp(words[1], "--version") == 0) {
        printf("bitloom %s\n", BITLOOM_VERSION);
        return EXIT_YES;
    }
    const bl_verb *verb = find_verb(words[1]);
    if (!verb)
        return unknown_verb(words[1]);
    bl_command command;
    bl_diag diag = {0};
    _Alignas(16) unsigned char settings[256];
    if (bl_options_parse(&command, settings, verb, n_words - 2, words + 2, &diag) != BL_OK)
        return report(&diag, EXIT_USAGE);
    if (command.common.is_help) {
        bl_options_help(stdout, verb);
        return EXIT_YES;
    }
    return verb->run(&command);
}
