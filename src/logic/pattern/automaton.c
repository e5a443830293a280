// SPDX-License-Identifier: MIT
// From an NFA to the smallest automaton: sets of nodes become states (Rabin and Scott, 1959),
// states from which no text ends become DEAD, states that cannot be told apart become one (Moore,
// 1956). Bytes that no set tells apart are one class from the beginning.

#include "pattern_private.h"

#include "base/try.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_STEPS = 1 << 26 }; // of all together, some tenths of a second

typedef struct subset { // nodes of the NFA, ascending, in `members`
    uint32_t first, n;
    uint32_t next_same_hash;
} subset;

typedef struct maker {
    const nfa *n;
    uint32_t n_nodes;
    const nfa_node *nodes;
    bl_pattern *p;
    uint8_t representative[256]; // a byte of each class
    bl_buffer subsets, members, transitions;
    uint32_t *stamps, stamp; // of each node
    uint32_t *stack, *found;
    uint32_t *buckets, n_buckets;
    uint64_t n_steps;
} maker;

static uint32_t *words_of(bl_buffer *b) { return (uint32_t *)(void *)b->data; }
static size_t n_subsets(const maker *m) { return m->subsets.bytes / sizeof(subset); }
static subset *subset_at(const maker *m, size_t i) { return (subset *)(void *)m->subsets.data + i; }

// Splits the bytes by each set in turn: two stay together that are in the same sets.
static void find_classes(maker *m)
{
    uint8_t *class_of = m->p->class_of;
    uint32_t n_classes = 1;
    memset(class_of, 0, 256);
    for (uint32_t i = 0; i < m->n_nodes && n_classes < 256; i++) {
        int16_t inside[256], outside[256];
        memset(inside, 255, sizeof inside);
        memset(outside, 255, sizeof outside);
        uint32_t n = 0;
        for (uint32_t b = 0; b < 256 && !m->nodes[i].is_fork && i != NFA_MATCH; b++) {
            int16_t *of = set_has(&m->nodes[i].set, (uint8_t)b) ? inside : outside;
            if (of[class_of[b]] < 0)
                of[class_of[b]] = (int16_t)n++;
            class_of[b] = (uint8_t)of[class_of[b]];
        }
        n_classes = n > 0 ? n : n_classes;
        m->n_steps += 256;
    }
    m->p->n_classes = n_classes;
    for (int b = 255; b >= 0; b--)
        m->representative[class_of[b]] = (uint8_t)b;
}

// Adds what can be reached from a node without a byte to found[0..n).
static uint32_t close(maker *m, uint32_t node, uint32_t n)
{
    uint32_t n_stack = 0;
    m->stack[n_stack++] = node;
    while (n_stack > 0) {
        uint32_t i = m->stack[--n_stack];
        m->n_steps++;
        if (m->stamps[i] == m->stamp)
            continue;
        m->stamps[i] = m->stamp;
        if (!m->nodes[i].is_fork) {
            m->found[n++] = i;
            continue;
        }
        for (int k = 0; k < 2; k++)
            if (m->stamps[m->nodes[i].next[k]] != m->stamp)
                m->stack[n_stack++] = m->nodes[i].next[k];
    }
    return n;
}

static int by_number(const void *x, const void *y)
{
    const uint32_t *a = x, *b = y;
    return *a < *b ? -1 : *a > *b;
}

static uint64_t hash_words(const uint32_t *words, uint32_t n)
{
    uint64_t h = n;
    for (uint32_t i = 0; i < n; i++)
        h = bl_mix64(h ^ words[i]);
    return h;
}

// The number of the set found[0..n), a new one where there was none.
static uint32_t intern(maker *m, uint32_t n)
{
    qsort(m->found, n, sizeof *m->found, by_number);
    m->n_steps += 4 * (uint64_t)n;
    uint32_t *bucket = &m->buckets[hash_words(m->found, n) & (m->n_buckets - 1)];
    for (uint32_t i = *bucket; i != 0; i = subset_at(m, i - 1)->next_same_hash) {
        const subset *s = subset_at(m, i - 1);
        m->n_steps++;
        if (s->n == n
            && memcmp(words_of(&m->members) + s->first, m->found, n * sizeof *m->found) == 0)
            return i - 1;
    }
    subset s = {(uint32_t)(m->members.bytes / sizeof(uint32_t)), n, *bucket};
    bl_buffer_append(&m->members, m->found, n * sizeof *m->found);
    bl_buffer_append(&m->subsets, &s, sizeof s);
    if (m->members.status == BL_OK && m->subsets.status == BL_OK)
        *bucket = (uint32_t)n_subsets(m);
    return (uint32_t)n_subsets(m) - 1;
}

static bl_status find_subsets(maker *m)
{
    m->stamp++;
    intern(m, 0); // DEAD
    m->stamp++;
    intern(m, close(m, m->n->start, 0));
    for (uint32_t s = 0; s < n_subsets(m); s++)
        for (uint32_t c = 0; c < m->p->n_classes; c++) {
            subset from = *subset_at(m, s);
            uint32_t n = 0;
            m->stamp++;
            m->n_steps += 1 + from.n;
            for (uint32_t i = 0; i < from.n; i++) {
                uint32_t node = words_of(&m->members)[from.first + i];
                if (node != NFA_MATCH && set_has(&m->nodes[node].set, m->representative[c]))
                    n = close(m, m->nodes[node].next[0], n);
            }
            uint32_t to = intern(m, n);
            bl_buffer_append(&m->transitions, &to, sizeof to);
            if (m->subsets.status != BL_OK || m->members.status != BL_OK
                || m->transitions.status != BL_OK)
                return BL_ERR_MEMORY;
            if (n_subsets(m) > MAX_DFA_STATES || m->n_steps > MAX_STEPS)
                return BL_ERR_LIMIT;
        }
    return BL_OK;
}

// Marks in is_live[] the states from which some text ends: the walk back over transitions.
static bl_status find_live(maker *m, uint8_t *is_live, uint8_t *is_complete)
{
    uint32_t n = (uint32_t)n_subsets(m), k = m->p->n_classes, n_stack = 0;
    const bl_allocator *allocator = m->p->allocator;
    const uint32_t *to = words_of(&m->transitions);
    uint32_t *first = bl_alloc_array(allocator, n + 1u, sizeof *first);
    uint32_t *from = bl_alloc_array(allocator, (size_t)n * k, sizeof *from);
    uint32_t *stack = bl_alloc_array(allocator, n, sizeof *stack);
    bool is_ok = first && from && stack;
    if (is_ok) {
        for (size_t i = 0; i < (size_t)n * k; i++)
            first[to[i]]++;
        for (uint32_t s = 0, sum = 0; s <= n; s++) {
            sum += s < n ? first[s] : 0;
            first[s] = sum; // the end, from which the sources are filled in
        }
        for (size_t i = (size_t)n * k; i-- > 0;)
            from[--first[to[i]]] = (uint32_t)(i / k);
        for (uint32_t s = 0; s < n; s++) {
            const subset *set = subset_at(m, s);
            is_complete[s] = set->n > 0 && words_of(&m->members)[set->first] == NFA_MATCH;
            is_live[s] = is_complete[s];
            if (is_live[s])
                stack[n_stack++] = s;
        }
        while (n_stack > 0) {
            uint32_t s = stack[--n_stack];
            for (uint32_t i = first[s]; i < first[s + 1]; i++)
                if (!is_live[from[i]]) {
                    is_live[from[i]] = 1;
                    stack[n_stack++] = from[i];
                }
        }
    }
    bl_free(allocator, first, (n + 1u) * sizeof *first);
    bl_free(allocator, from, (size_t)n * k * sizeof *from);
    bl_free(allocator, stack, n * sizeof *stack);
    return is_ok ? BL_OK : BL_ERR_MEMORY;
}

// One round: states of one group that lead to different groups part. Returns the number of groups.
static uint32_t refine(maker *m, uint32_t *group, const uint32_t *old, uint32_t *table,
                       uint32_t table_size, uint32_t *leaders)
{
    uint32_t n = (uint32_t)n_subsets(m), k = m->p->n_classes, n_groups = 0;
    const uint32_t *to = words_of(&m->transitions);
    memset(table, 255, table_size * sizeof *table);
    for (uint32_t s = 0; s < n; s++) {
        uint64_t h = old[s];
        for (uint32_t c = 0; c < k; c++)
            h = bl_mix64(h ^ old[to[(size_t)s * k + c]]);
        uint32_t at = (uint32_t)h & (table_size - 1);
        for (; table[at] != UINT32_MAX; at = (at + 1) & (table_size - 1)) {
            uint32_t t = leaders[table[at]], c = 0;
            if (old[t] != old[s])
                continue;
            while (c < k && old[to[(size_t)s * k + c]] == old[to[(size_t)t * k + c]])
                c++;
            if (c == k)
                break;
        }
        if (table[at] == UINT32_MAX) {
            leaders[n_groups] = s;
            table[at] = n_groups++;
        }
        group[s] = table[at];
    }
    m->n_steps += (uint64_t)n * k;
    return n_groups;
}

// group[s] is the same for states that cannot be told apart, DEAD has group 0. Where that takes too
// long they stay apart, which is only larger.
static bl_status find_groups(maker *m, uint32_t *group, const uint8_t *is_live,
                             const uint8_t *is_complete, uint32_t *n_groups)
{
    uint32_t n = (uint32_t)n_subsets(m), table_size = 4;
    const bl_allocator *allocator = m->p->allocator;
    while (table_size < 2 * n)
        table_size *= 2;
    uint32_t *old = bl_alloc_array(allocator, n, sizeof *old);
    uint32_t *leaders = bl_alloc_array(allocator, n, sizeof *leaders);
    uint32_t *table = bl_alloc_array(allocator, table_size, sizeof *table);
    bool is_ok = old && leaders && table;
    if (is_ok) {
        uint32_t n_of[3] = {0}, before = 0;
        for (uint32_t s = 0; s < n; s++)
            n_of[group[s] = !is_live[s] ? 0 : is_complete[s] ? 2 : 1]++;
        *n_groups = (uint32_t)(n_of[0] > 0) + (n_of[1] > 0) + (n_of[2] > 0);
        while (*n_groups != before && m->n_steps <= MAX_STEPS) {
            before = *n_groups;
            memcpy(old, group, n * sizeof *old);
            *n_groups = refine(m, group, old, table, table_size, leaders);
        }
        for (uint32_t s = 0; s < n && m->n_steps > MAX_STEPS; s++)
            group[s] = s;
        *n_groups = m->n_steps > MAX_STEPS ? n : *n_groups;
    }
    bl_free(allocator, old, n * sizeof *old);
    bl_free(allocator, leaders, n * sizeof *leaders);
    bl_free(allocator, table, table_size * sizeof *table);
    return is_ok ? BL_OK : BL_ERR_MEMORY;
}

// Numbers the groups in the order in which a walk from the start meets them.
static bl_status number_states(maker *m, const uint32_t *group, const uint8_t *is_live,
                               const uint8_t *is_complete, uint32_t n_groups)
{
    bl_pattern *p = m->p;
    uint32_t k = p->n_classes, n = BL_PATTERN_START + 1;
    uint32_t *number = bl_alloc_array(p->allocator, n_groups, sizeof *number);
    uint32_t *member = bl_alloc_array(p->allocator, n_groups + 2u, sizeof *member);
    const uint32_t *to = words_of(&m->transitions);
    p->next = bl_alloc_array(p->allocator, (size_t)(n_groups + 2u) * k, sizeof *p->next);
    p->is_complete = bl_alloc(p->allocator, n_groups + 2u);
    bool is_ok = number && member && p->next && p->is_complete;
    p->capacity = n_groups + 2;
    if (is_ok) {
        member[BL_PATTERN_START] = 1;
        number[group[1]] = BL_PATTERN_START;
        for (uint32_t s = BL_PATTERN_START; s < n; s++) {
            p->is_complete[s] = is_complete[member[s]];
            for (uint32_t c = 0; c < k; c++) {
                uint32_t target = to[(size_t)member[s] * k + c];
                if (!is_live[target])
                    continue;
                if (number[group[target]] == 0) {
                    number[group[target]] = n;
                    member[n++] = target;
                }
                p->next[(size_t)s * k + c] = number[group[target]];
            }
        }
    }
    bl_free(p->allocator, number, n_groups * sizeof *number);
    bl_free(p->allocator, member, (n_groups + 2u) * sizeof *member);
    p->n_states = n;
    return is_ok ? BL_OK : BL_ERR_MEMORY;
}

static bl_status make(maker *m)
{
    const bl_allocator *allocator = m->p->allocator;
    TRY(find_subsets(m));
    uint32_t n = (uint32_t)n_subsets(m), n_groups = 0;
    uint32_t *group = bl_alloc_array(allocator, n, sizeof *group);
    uint8_t *is_live = bl_alloc(allocator, n), *is_complete = bl_alloc(allocator, n);
    bl_status status = group && is_live && is_complete ? BL_OK : BL_ERR_MEMORY;
    if (status == BL_OK)
        status = find_live(m, is_live, is_complete);
    if (status == BL_OK && !is_live[1])
        status = BL_ERR_ARGUMENT;
    if (status == BL_OK)
        status = find_groups(m, group, is_live, is_complete, &n_groups);
    if (status == BL_OK)
        status = number_states(m, group, is_live, is_complete, n_groups);
    bl_free(allocator, group, n * sizeof *group);
    bl_free(allocator, is_live, n);
    bl_free(allocator, is_complete, n);
    return status;
}

bl_status pattern_from_nfa(bl_pattern **result, const nfa *n, const char *name,
                           const bl_allocator *allocator, bl_diag *diag)
{
    bl_pattern *p = bl_alloc(allocator, sizeof *p);
    if (!p)
        return BL_ERR_MEMORY;
    *p = (bl_pattern){.allocator = allocator};
    maker m = {.n = n,
               .n_nodes = (uint32_t)(n->nodes.bytes / sizeof(nfa_node)),
               .nodes = (const nfa_node *)(const void *)n->nodes.data,
               .p = p,
               .subsets = {.allocator = allocator},
               .members = {.allocator = allocator},
               .transitions = {.allocator = allocator},
               .n_buckets = 1 << 16};
    uint32_t **scratch[] = {&m.stamps, &m.stack, &m.found};
    bl_status status = BL_OK;
    for (int i = 0; i < 3; i++) { // a node lies on the stack at most once for each way to it
        *scratch[i] = bl_alloc_array(allocator, 2 * (size_t)m.n_nodes + 1, sizeof(uint32_t));
        status = *scratch[i] ? status : BL_ERR_MEMORY;
    }
    m.buckets = bl_alloc_array(allocator, m.n_buckets, sizeof *m.buckets);
    if (!m.buckets)
        status = BL_ERR_MEMORY;
    if (status == BL_OK) {
        find_classes(&m);
        status = make(&m);
    }
    for (int i = 0; i < 3; i++)
        bl_free(allocator, *scratch[i], (2 * (size_t)m.n_nodes + 1) * sizeof(uint32_t));
    bl_free(allocator, m.buckets, m.n_buckets * sizeof *m.buckets);
    bl_buffer_clear(&m.subsets);
    bl_buffer_clear(&m.members);
    bl_buffer_clear(&m.transitions);
    if (status == BL_OK)
        *result = p;
    else
        bl_pattern_destroy(&p);
    if (status == BL_ERR_ARGUMENT)
        return bl_diag_set(diag, BL_ERR_FORMAT, name, 0, 0, "no text at all fits it");
    if (status == BL_ERR_LIMIT)
        return bl_diag_set(diag, status, name, 0, 0,
                           "its automaton has more than %d states, or takes too long to find; make "
                           "repetitions shorter or alternatives fewer",
                           MAX_DFA_STATES);
    return status;
}

void bl_pattern_destroy(bl_pattern **handle)
{
    bl_pattern *p = handle ? *handle : NULL;
    if (!p)
        return;
    bl_free(p->allocator, p->next, (size_t)p->capacity * p->n_classes * sizeof *p->next);
    bl_free(p->allocator, p->is_complete, p->capacity);
    for (int i = 0; i < 2; i++)
        bl_program_destroy(&p->programs[i]);
    bl_free(p->allocator, p, sizeof *p);
    *handle = NULL;
}

uint32_t bl_pattern_next(const bl_pattern *p, uint32_t state, uint8_t byte)
{
    assert(state < p->n_states);
    return p->next[(size_t)state * p->n_classes + p->class_of[byte]];
}

bool bl_pattern_is_complete(const bl_pattern *p, uint32_t state)
{
    assert(state < p->n_states);
    return p->is_complete[state];
}

uint32_t pattern_bits(const bl_pattern *p)
{
    uint32_t n = 1;
    while (p->n_states > 1u << n)
        n++;
    return n;
}

void bl_pattern_get_info(bl_pattern_info *info, const bl_pattern *p)
{
    *info = (bl_pattern_info){p->n_states - 1, p->n_classes, pattern_bits(p)};
}
