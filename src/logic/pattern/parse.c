// SPDX-License-Identifier: MIT
// Reads a regular expression into a tree.

#include "pattern_private.h"

#include <stdio.h>
#include <string.h>

enum { MAX_DEPTH = 200, MAX_PATTERN_BYTES = 1 << 16 };

typedef struct reader {
    pattern_tree *t;
    const char *begin, *at, *end, *name;
    uint32_t depth;
    bl_status status;
    bl_diag *diag;
} reader;

#define FAIL(r, ...)                                                                               \
    ((r)->status = (r)->status != BL_OK                                                            \
                       ? (r)->status                                                               \
                       : bl_diag_set((r)->diag, BL_ERR_FORMAT, (r)->name, 1,                       \
                                     (uint32_t)((r)->at - (r)->begin) + 1, __VA_ARGS__))

static bool is_left(const reader *r) { return r->at < r->end && r->status == BL_OK; }
static char peek(const reader *r) { return r->at < r->end ? *r->at : (char)0; }

static bool take(reader *r, char c)
{
    bool is_there = is_left(r) && *r->at == c;
    r->at += is_there;
    return is_there;
}

static void add_range(byte_set *s, uint8_t low, uint8_t high)
{
    for (unsigned b = low; b <= high; b++)
        set_add(s, (uint8_t)b);
}

static void complement(byte_set *s)
{
    for (int i = 0; i < 4; i++)
        s->word[i] = ~s->word[i];
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

static bool add_named_class(byte_set *s, char c)
{
    byte_set named = {{0}};
    switch (c) {
    case 'd':
    case 'D': add_range(&named, '0', '9'); break;
    case 'w':
    case 'W':
        add_range(&named, '0', '9');
        add_range(&named, 'A', 'Z');
        add_range(&named, 'a', 'z');
        set_add(&named, '_');
        break;
    case 's':
    case 'S':
        add_range(&named, '\t', '\r');
        set_add(&named, ' ');
        break;
    default: return false;
    }
    if (c < 'a')
        complement(&named);
    for (int i = 0; i < 4; i++)
        s->word[i] |= named.word[i];
    return true;
}

// Behind a backslash: one byte, or a named class (then *is_class).
static uint8_t read_escape(reader *r, byte_set *s, bool *is_class)
{
    static const char names[] = "nrtf0", bytes[] = {'\n', '\r', '\t', '\f', 0};
    if (!is_left(r)) {
        FAIL(r, "the pattern ends behind \\");
        return 0;
    }
    char c = *r->at++;
    *is_class = add_named_class(s, c);
    const char *named = strchr(names, c);
    if (*is_class)
        return 0;
    if (c == 'x') {
        int high = r->end - r->at >= 2 ? hex_digit(r->at[0]) : -1;
        int low = high >= 0 ? hex_digit(r->at[1]) : -1;
        if (low < 0)
            FAIL(r, "expected two hexadecimal digits behind \\x");
        r->at += low < 0 ? 0 : 2;
        return (uint8_t)(16 * high + low);
    }
    if (c && named)
        return (uint8_t)bytes[named - names];
    if ((c >= '1' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) {
        r->at--;
        FAIL(r,
             "\\%c has no meaning here; there are \\d \\w \\s \\n \\r \\t \\f \\xHH and, before "
             "signs, the sign",
             c);
    }
    return (uint8_t)c;
}

static uint8_t read_member(reader *r, byte_set *s, bool *is_class)
{
    *is_class = false;
    if (take(r, '\\'))
        return read_escape(r, s, is_class);
    uint8_t c = (uint8_t)*r->at;
    if (c >= 128)
        FAIL(r, "in [] only ASCII and \\xHH; write a character of several bytes as (a|b)");
    r->at++;
    return c;
}

// Behind [ : bytes and ranges up to ].
static void read_class(reader *r, byte_set *s)
{
    const char *opened = r->at - 1;
    bool is_complement = take(r, '^'), is_first = true, is_class;
    while (is_left(r) && (*r->at != ']' || is_first)) {
        is_first = false;
        uint8_t low = read_member(r, s, &is_class), high = low;
        if (!is_class && r->end - r->at >= 2 && r->at[0] == '-' && r->at[1] != ']') {
            r->at++;
            high = read_member(r, s, &is_class);
            if (is_class || high < low)
                FAIL(r, "the range ends before it begins");
        }
        if (!is_class)
            add_range(s, low, high);
    }
    if (!take(r, ']')) {
        r->at = opened;
        FAIL(r, "[ is not closed");
    }
    if (is_complement)
        complement(s);
}

static uint32_t read_choice(reader *r);

static uint32_t read_group(reader *r)
{
    const char *opened = r->at - 1;
    if (take(r, '?') && !take(r, ':'))
        FAIL(r, "(? has no meaning here but in (?: )");
    if (++r->depth > MAX_DEPTH)
        FAIL(r, "more than %d parentheses inside each other", MAX_DEPTH);
    uint32_t node = r->status == BL_OK ? read_choice(r) : NO_NODE;
    r->depth--;
    if (!take(r, ')')) {
        r->at = opened;
        FAIL(r, "( is not closed");
    }
    return node;
}

static uint32_t read_atom(reader *r)
{
    if (take(r, '('))
        return read_group(r);
    byte_set set = {{0}};
    bool is_class = false;
    char c = *r->at;
    if (strchr("*+?{", c)) {
        FAIL(r, "nothing stands before %c that it could repeat; write \\%c for the sign", c, c);
        return NO_NODE;
    }
    if (c == '^' || c == '$') {
        FAIL(r, "%c may only stand at an end of the pattern; write \\%c for the sign", c, c);
        return NO_NODE;
    }
    r->at++;
    if (c == '[')
        read_class(r, &set);
    else if (c == '.') {
        set_add(&set, '\n');
        complement(&set);
    } else if (c == '\\') {
        uint8_t byte = read_escape(r, &set, &is_class);
        if (!is_class)
            set_add(&set, byte);
    } else
        set_add(&set, (uint8_t)c);
    uint32_t node = tree_add(r->t, TREE_SET);
    if (node != NO_NODE)
        tree_at(r->t, node)->set = set;
    return node;
}

static uint32_t read_number(reader *r)
{
    uint32_t n = 0;
    if (peek(r) < '0' || peek(r) > '9')
        FAIL(r, "expected a number; write \\{ for the sign");
    while (is_left(r) && *r->at >= '0' && *r->at <= '9' && n <= REPEAT_MAX)
        n = 10 * n + (uint32_t)(*r->at++ - '0');
    if (n > REPEAT_MAX)
        FAIL(r, "more than %d repetitions", REPEAT_MAX);
    return n;
}

// A sign of repetition, if there is one.
static bool read_repetition(reader *r, uint32_t *at_least, uint32_t *at_most)
{
    char c = is_left(r) ? *r->at : 'x';
    if (!c || !strchr("*+?{", c))
        return false;
    r->at++;
    *at_least = c == '+';
    *at_most = c == '?' ? 1 : WITHOUT_END;
    if (c != '{')
        return true;
    *at_least = *at_most = read_number(r);
    if (take(r, ','))
        *at_most = peek(r) == '}' ? WITHOUT_END : read_number(r);
    if (r->status == BL_OK && *at_most < *at_least)
        FAIL(r, "at most %u is less than at least %u", *at_most, *at_least);
    if (!take(r, '}'))
        FAIL(r, "expected } behind the number of repetitions");
    return true;
}

static uint32_t read_repeated(reader *r)
{
    uint32_t node = read_atom(r), at_least, at_most;
    for (int n = 0; read_repetition(r, &at_least, &at_most) && r->status == BL_OK; n++) {
        if (n > 0) {
            r->at--;
            FAIL(r, "two signs of repetition behind each other; use ( )");
            break;
        }
        uint32_t repeat = tree_add(r->t, TREE_REPEAT);
        if (repeat == NO_NODE)
            break;
        tree_at(r->t, repeat)->at_least = at_least;
        tree_at(r->t, repeat)->at_most = at_most;
        tree_add_child(r->t, repeat, node);
        node = repeat;
    }
    return node;
}

static uint32_t read_sequence(reader *r)
{
    uint32_t sequence = tree_add(r->t, TREE_SEQUENCE);
    while (is_left(r) && *r->at != '|' && *r->at != ')') {
        if (*r->at == '$' && r->at + 1 == r->end && r->depth == 0) {
            r->at++;
            break;
        }
        uint32_t child = read_repeated(r);
        if (child != NO_NODE)
            tree_add_child(r->t, sequence, child);
    }
    return sequence;
}

static uint32_t read_choice(reader *r)
{
    uint32_t choice = tree_add(r->t, TREE_CHOICE);
    do
        tree_add_child(r->t, choice, read_sequence(r));
    while (take(r, '|'));
    return choice;
}

bl_status pattern_read(pattern_tree *t, uint32_t *root, const char *text, size_t bytes,
                       const char *name, bl_diag *diag)
{
    reader r = {.t = t, .begin = text, .at = text, .end = text + bytes, .name = name, .diag = diag};
    if (bytes > MAX_PATTERN_BYTES)
        return bl_diag_set(diag, BL_ERR_LIMIT, name, 0, 0, "longer than %d bytes",
                           MAX_PATTERN_BYTES);
    if (memchr(text, 0, bytes))
        return bl_diag_set(diag, BL_ERR_FORMAT, name, 0, 0, "a zero byte; write \\0");
    take(&r, '^');
    *root = read_choice(&r);
    if (is_left(&r))
        FAIL(&r, ") closes nothing; write \\) for the sign");
    return r.status != BL_OK ? r.status : t->nodes.status;
}
