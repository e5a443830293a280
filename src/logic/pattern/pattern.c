// SPDX-License-Identifier: MIT
// From texts and lists of words to automata.

#include "pattern_private.h"

#include <assert.h>
#include <string.h>

static bl_status finish(bl_pattern **pattern, pattern_tree *t, uint32_t root, const char *name,
                        const bl_allocator *allocator, bl_diag *diag)
{
    nfa n = {.nodes = {.allocator = allocator}};
    bl_status status = nfa_from_tree(&n, t, root);
    if (status == BL_ERR_LIMIT)
        bl_diag_set(diag, status, name, 0, 0,
                    "more than %d signs with all repetitions written out; make them shorter",
                    MAX_NFA_NODES);
    if (status == BL_OK)
        status = pattern_from_nfa(pattern, &n, name, allocator, diag);
    bl_buffer_clear(&n.nodes);
    return status;
}

bl_status bl_pattern_parse(bl_pattern **pattern, const char *text, size_t bytes, const char *name,
                           const bl_allocator *allocator, bl_diag *diag)
{
    assert(pattern && (text || bytes == 0));
    pattern_tree t = {.nodes = {.allocator = allocator}};
    uint32_t root;
    bl_status status = pattern_read(&t, &root, text, bytes, name, diag);
    if (status == BL_OK)
        status = finish(pattern, &t, root, name, allocator, diag);
    bl_buffer_clear(&t.nodes);
    return status;
}

bl_status bl_pattern_check(const char *text, size_t bytes, const char *name,
                           const bl_allocator *allocator, bl_diag *diag)
{
    assert(text || bytes == 0);
    pattern_tree t = {.nodes = {.allocator = allocator}};
    uint32_t root;
    bl_status status = pattern_read(&t, &root, text, bytes, name, diag);
    bl_buffer_clear(&t.nodes);
    return status;
}

static uint32_t add_set(pattern_tree *t, const byte_set *set)
{
    uint32_t node = tree_add(t, TREE_SET);
    if (node != NO_NODE)
        tree_at(t, node)->set = *set;
    return node;
}

static uint32_t add_repeat(pattern_tree *t, uint32_t child, uint32_t at_least)
{
    uint32_t node = tree_add(t, TREE_REPEAT);
    if (node != NO_NODE) {
        tree_at(t, node)->at_least = at_least;
        tree_at(t, node)->at_most = WITHOUT_END;
        tree_add_child(t, node, child);
    }
    return node;
}

static uint32_t add_word(pattern_tree *t, const char *word)
{
    uint32_t sequence = tree_add(t, TREE_SEQUENCE);
    for (size_t i = 0; word[i]; i++) {
        byte_set set = {{0}};
        set_add(&set, (uint8_t)word[i]);
        if (i == 0 && word[i] >= 'a' && word[i] <= 'z')
            set_add(&set, (uint8_t)(word[i] - 'a' + 'A'));
        tree_add_child(t, sequence, add_set(t, &set));
    }
    return sequence;
}

// What is in no word and neither letter nor digit. Marks that occur in a word ("don't") separate
// none.
static byte_set separators_of(const char *const *words, size_t n)
{
    byte_set s = {{0}};
    bool is_used[256] = {false};
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; words[i][k]; k++)
            is_used[(uint8_t)words[i][k]] = true;
    for (int b = 0; b < 128; b++) {
        bool is_letter = (b >= 'a' && b <= 'z') || (b >= 'A' && b <= 'Z') || (b >= '0' && b <= '9');
        if (!is_letter && !is_used[b] && (b >= ' ' || b == '\n') && b != 127)
            set_add(&s, (uint8_t)b);
    }
    return s;
}

// separator* (word separator+)* word?
bl_status bl_pattern_from_words(bl_pattern **pattern, const char *const *words, size_t n_words,
                                const bl_allocator *allocator, bl_diag *diag)
{
    assert(pattern && (words || n_words == 0));
    for (size_t i = 0; i < n_words; i++)
        for (size_t k = 0; k == 0 || words[i][k]; k++)
            if ((uint8_t)words[i][k] <= ' ')
                return bl_diag_set(diag, BL_ERR_FORMAT, "words", 0, 0,
                                   "word %zu, \"%.40s\", is empty or has a blank in it", i + 1,
                                   words[i]);
    if (n_words == 0)
        return bl_diag_set(diag, BL_ERR_FORMAT, "words", 0, 0, "no words are given");
    pattern_tree t = {.nodes = {.allocator = allocator}};
    byte_set separators = separators_of(words, n_words);
    uint32_t root = tree_add(&t, TREE_SEQUENCE), parts[2], repeated = tree_add(&t, TREE_SEQUENCE);
    for (int k = 0; k < 2; k++) {
        parts[k] = tree_add(&t, TREE_CHOICE);
        for (size_t i = 0; i < n_words; i++)
            tree_add_child(&t, parts[k], add_word(&t, words[i]));
    }
    tree_add_child(&t, parts[1], tree_add(&t, TREE_SEQUENCE));
    tree_add_child(&t, repeated, parts[0]);
    tree_add_child(&t, repeated, add_repeat(&t, add_set(&t, &separators), 1));
    tree_add_child(&t, root, add_repeat(&t, add_set(&t, &separators), 0));
    tree_add_child(&t, root, add_repeat(&t, repeated, 0));
    tree_add_child(&t, root, parts[1]);
    bl_status status = t.nodes.status;
    if (status == BL_OK)
        status = finish(pattern, &t, root, "words", allocator, diag);
    bl_buffer_clear(&t.nodes);
    return status;
}
