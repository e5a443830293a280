// SPDX-License-Identifier: MIT
// The parser of command lines and the printer of --help, both from the same table.

#include "options.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const bl_option common_options[] = {
    {"help", 'h', BL_OPTION_FLAG, offsetof(bl_common, is_help), NULL, 0, 0, "show this text"},
    {"json", 0, BL_OPTION_FLAG, offsetof(bl_common, is_json), NULL, 0, 0,
     "machine-readable results on standard output"},
    {"quiet", 'q', BL_OPTION_FLAG, offsetof(bl_common, is_quiet), NULL, 0, 0,
     "no progress, no remarks"},
    {"verbose", 'v', BL_OPTION_FLAG, offsetof(bl_common, is_verbose), NULL, 0, 0, "more remarks"},
    {"threads", 0, BL_OPTION_INT, offsetof(bl_common, n_threads), "N", 0, 1024,
     "threads to use; 0, the default: one per core"},
    {"cpu", 0, BL_OPTION_TEXT, offsetof(bl_common, cpu_name), "LEVEL", 0, 0,
     "c, avx2, avx512 or neon; default: the best there is"},
};
enum { N_COMMON = sizeof common_options / sizeof *common_options };

static size_t distance(const char *a, const char *b) // Levenshtein, names of up to 31 letters
{
    size_t row[32], n = strlen(b);
    if (n > 31)
        return SIZE_MAX;
    for (size_t j = 0; j <= n; j++)
        row[j] = j;
    for (size_t i = 1; a[i - 1]; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= n; j++) {
            size_t best = diagonal + (a[i - 1] != b[j - 1]);
            best = row[j] + 1 < best ? row[j] + 1 : best;
            best = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
            diagonal = row[j];
            row[j] = best;
        }
    }
    return row[n];
}

const char *bl_nearest_name(const char *word, const char *const *names, size_t n)
{
    const char *nearest = NULL;
    size_t best = strlen(word) / 3 + 2;
    for (size_t i = 0; i < n; i++) {
        size_t d = distance(word, names[i]);
        if (d < best) {
            best = d;
            nearest = names[i];
        }
    }
    return nearest;
}

// The option table of position i: the verb's own, then the common ones.
static const bl_option *option_at(const bl_verb *verb, size_t i)
{
    return i < verb->n_options ? &verb->options[i] : &common_options[i - verb->n_options];
}

static const bl_option *find_option(const bl_verb *verb, const char *name, size_t n_chars,
                                    char letter)
{
    for (size_t i = 0; i < verb->n_options + N_COMMON; i++) {
        const bl_option *o = option_at(verb, i);
        if (name ? strlen(o->name) == n_chars && memcmp(o->name, name, n_chars) == 0
                 : o->letter == letter)
            return o;
    }
    return NULL;
}

static bl_status unknown_option(const bl_verb *verb, const char *word, bl_diag *diag)
{
    const char *names[64];
    size_t n = 0;
    for (size_t i = 0; i < verb->n_options + N_COMMON && n < 64; i++)
        names[n++] = option_at(verb, i)->name;
    const char *bare = word + strspn(word, "-");
    const char *nearest = bl_nearest_name(bare, names, n);
    if (nearest)
        return bl_diag_set(diag, BL_ERR_ARGUMENT, NULL, 0, 0,
                           "unknown option %s; did you mean --%s?", word, nearest);
    return bl_diag_set(diag, BL_ERR_ARGUMENT, NULL, 0, 0,
                       "unknown option %s; `bitloom %s --help` lists them", word, verb->name);
}

static bl_status set_value(const bl_option *o, void *value, const char *text, bl_diag *diag)
{
    char *end = NULL;
    errno = 0;
    if (o->type == BL_OPTION_TEXT) {
        memcpy(value, &text, sizeof text);
        return BL_OK;
    }
    int64_t integer = 0;
    double real = 0;
    if (o->type == BL_OPTION_INT)
        real = (double)(integer = strtoll(text, &end, 10));
    else
        real = strtod(text, &end);
    if (end == text || *end || errno)
        return bl_diag_set(diag, BL_ERR_ARGUMENT, NULL, 0, 0, "--%s %s: expected %s", o->name, text,
                           o->type == BL_OPTION_INT ? "an integer" : "a number");
    if (!(real >= o->low && real <= o->high))
        return bl_diag_set(diag, BL_ERR_ARGUMENT, NULL, 0, 0, "--%s %s: expected %.12g to %.12g",
                           o->name, text, o->low, o->high);
    if (o->type == BL_OPTION_INT)
        memcpy(value, &integer, sizeof integer);
    else
        memcpy(value, &real, sizeof real);
    return BL_OK;
}

typedef struct parser {
    const bl_verb *verb;
    bl_command *command;
    void *settings;
    int n_words, at;
    char **words;
    bl_diag *diag;
} parser;

static void *value_of(const parser *p, const bl_option *o)
{
    bool is_common = o >= common_options && o < common_options + N_COMMON;
    return (char *)(is_common ? (void *)&p->command->common : p->settings) + o->offset;
}

static bl_status take_option(parser *p)
{
    const char *word = p->words[p->at++], *name = word[1] == '-' ? word + 2 : NULL;
    const char *equals = name ? strchr(name, '=') : NULL;
    size_t n_chars = name ? (equals ? (size_t)(equals - name) : strlen(name)) : 0;
    const bl_option *o = find_option(p->verb, name, n_chars, word[1]);
    if (!o || (!name && word[2]))
        return unknown_option(p->verb, word, p->diag);
    if (o->type == BL_OPTION_FLAG) {
        if (equals)
            return bl_diag_set(p->diag, BL_ERR_ARGUMENT, NULL, 0, 0, "--%s takes no value",
                               o->name);
        *(bool *)value_of(p, o) = true;
        return BL_OK;
    }
    const char *value = equals ? equals + 1 : p->at < p->n_words ? p->words[p->at++] : NULL;
    if (!value)
        return bl_diag_set(p->diag, BL_ERR_ARGUMENT, NULL, 0, 0, "%s: expected a value, %s", word,
                           o->argument);
    return set_value(o, value_of(p, o), value, p->diag);
}

static bl_status take_operand(parser *p)
{
    bl_command *c = p->command;
    if (c->n_operands == p->verb->max_operands)
        return bl_diag_set(p->diag, BL_ERR_ARGUMENT, NULL, 0, 0,
                           "unexpected \"%s\"; expected: bitloom %s %s", p->words[p->at],
                           p->verb->name, p->verb->operands);
    c->operands[c->n_operands++] = p->words[p->at++];
    return BL_OK;
}

bl_status bl_options_parse(bl_command *command, void *settings, const bl_verb *verb, int n_words,
                           char **words, bl_diag *diag)
{
    assert(verb->max_operands <= BL_MAX_OPERANDS);
    *command = (bl_command){.settings = settings};
    if (verb->settings_bytes)
        memcpy(settings, verb->defaults, verb->settings_bytes);
    parser p = {verb, command, settings, n_words, 0, words, diag};
    bool takes_options = true;
    while (p.at < n_words) {
        const char *word = words[p.at];
        bl_status status = BL_OK;
        if (takes_options && strcmp(word, "--") == 0) {
            takes_options = false;
            p.at++;
        } else if (takes_options && word[0] == '-' && word[1])
            status = take_option(&p);
        else
            status = take_operand(&p);
        if (status != BL_OK)
            return status;
    }
    if (command->common.is_help)
        return BL_OK;
    if (command->n_operands < verb->min_operands)
        return bl_diag_set(diag, BL_ERR_ARGUMENT, NULL, 0, 0, "expected: bitloom %s %s", verb->name,
                           verb->operands);
    command->common.cpu = bl_cpu_best();
    return command->common.cpu_name
               ? bl_cpu_parse(&command->common.cpu, command->common.cpu_name, diag)
               : BL_OK;
}

static void print_option(FILE *out, const bl_option *o)
{
    char left[64];
    int n = o->letter ? snprintf(left, sizeof left, "  -%c, --%s", o->letter, o->name)
                      : snprintf(left, sizeof left, "      --%s", o->name);
    if (o->argument)
        snprintf(left + n, sizeof left - (size_t)n, " %s", o->argument);
    fprintf(out, "%-26s %s\n", left, o->help);
}

void bl_options_help(FILE *out, const bl_verb *verb)
{
    fprintf(out, "bitloom %s %s\n%s\n", verb->name, verb->operands, verb->summary);
    if (verb->details)
        fprintf(out, "\n%s\n", verb->details);
    fprintf(out, "\nOptions\n");
    for (size_t i = 0; i < verb->n_options + N_COMMON; i++)
        print_option(out, option_at(verb, i));
    if (verb->example)
        fprintf(out, "\nExample\n  %s\n", verb->example);
}
