// SPDX-License-Identifier: MIT
// Windows by reconvergence: the leaf whose replacement by its fanins adds the fewest new leaves is
// opened until the limit (Mishchenko, Brayton, "Scalable logic synthesis using a simple circuit
// structure", 2006).
//
// Where every reader of the root is followed, a few levels deep, the window sees the root through
// them: these "followers" are computed with the root false and true, and rows in which no observer
// (a follower that is read from outside) differs do not matter. What followers read besides must
// not depend on the root by another way; the levels and a short search decide that.

#include "window.h"

#include "logic/table.h"

#include <assert.h>
#include <string.h>

enum {
    MAX_FOLLOWERS = 12,
    MAX_INNER = 44,   // gates of the cone
    MAX_READERS = 24, // looked at when more divisors are sought
    MAX_SEARCH = 60,  // gates of the search for a way around
    MARKS = 256,      // of one window
    MARK_FOLLOWER = 255,
    MARK_INNER = 254,
    MARK_LEAF = 253,
    MARK_SEARCHED = 252 // smaller ones: the number of the divisor
};

typedef struct opening {
    network *net;
    const window_limits *limits;
    uint32_t root;
    uint32_t follower[MAX_FOLLOWERS], n_followers; // the root first
    uint32_t leaf[WINDOW_LEAVES + MAX_FANINS], n_leaves;
    uint32_t inner[MAX_INNER], n_inner;
} opening;

// 0..255, or more for a gate without a mark of this window.
static uint32_t mark_of(const network *net, uint32_t id)
{
    return net->gates[id].mark - net->stamp;
}

static void set_mark(network *net, uint32_t id, uint32_t mark)
{
    net->gates[id].mark = net->stamp + mark;
}

static void begin_marks(network *net)
{
    if (net->stamp >= UINT32_MAX - 2 * MARKS) {
        net->stamp = 0;
        for (uint32_t id = 0; id < net->n; id++)
            net->gates[id].mark = 0;
    }
    net->stamp += MARKS;
}

// --------------------------------------------------------------------------------- followers

// Whether the gate depends on the root; "yes" if the search gets long. Levels bound it from below.
static bool may_depend(network *net, uint32_t id, uint32_t root)
{
    uint32_t stack[MAX_SEARCH + MAX_FANINS], searched[MAX_SEARCH], n = 0, n_searched = 0;
    bool depends = false;
    stack[n++] = id;
    while (n > 0 && !depends) {
        uint32_t at = stack[--n];
        if (mark_of(net, at) == MARK_FOLLOWER) {
            depends = true;
        } else if (net->gates[at].level > net->gates[root].level
                   && mark_of(net, at) != MARK_SEARCHED) {
            if (n_searched == MAX_SEARCH || n + MAX_FANINS > MAX_SEARCH) {
                depends = true;
                break;
            }
            set_mark(net, at, MARK_SEARCHED);
            searched[n_searched++] = at;
            for (uint32_t k = 0; k < net->gates[at].n_fanins; k++)
                stack[n++] = net->gates[at].fanin[k];
        }
    }
    for (uint32_t i = 0; i < n_searched; i++)
        net->gates[searched[i]].mark = 0;
    return depends;
}

static bool can_follow(opening *o, uint32_t reader)
{
    const gate *g = &o->net->gates[reader];
    for (uint32_t k = 0; k < g->n_fanins; k++)
        if (mark_of(o->net, g->fanin[k]) != MARK_FOLLOWER
            && may_depend(o->net, g->fanin[k], o->root))
            return false;
    return true;
}

// All readers of the gate become followers, or none.
static bool follow_readers(opening *o, uint32_t id)
{
    network *net = o->net;
    uint32_t readers[MAX_FOLLOWERS], n = 0, n_edges = 0;
    if (net->gates[id].n_readers > o->limits->n_readers)
        return false;
    for (uint32_t e = net->gates[id].first_edge; e; e = net->gates[e / 3].next_edge[e % 3]) {
        n_edges++;
        if (mark_of(net, e / 3) == MARK_FOLLOWER)
            continue;
        if (n == MAX_FOLLOWERS - o->n_followers)
            return false;
        readers[n++] = e / 3;
    }
    if (n_edges < net->gates[id].n_readers) // a port sees it
        return false;
    // Marked first: a reader may read another one of them, which is then no way around.
    for (uint32_t i = 0; i < n; i++)
        set_mark(net, readers[i], MARK_FOLLOWER);
    bool is_good = true;
    for (uint32_t i = 0; i < n && is_good; i++)
        is_good = can_follow(o, readers[i]);
    for (uint32_t i = 0; i < n; i++)
        if (is_good)
            o->follower[o->n_followers++] = readers[i];
        else
            net->gates[readers[i]].mark = 0;
    return is_good;
}

static void sort_by_level(const network *net, uint32_t *ids, uint32_t n)
{
    for (uint32_t i = 1; i < n; i++) {
        uint32_t id = ids[i], k = i;
        for (; k > 0 && net->gates[ids[k - 1]].level > net->gates[id].level; k--)
            ids[k] = ids[k - 1];
        ids[k] = id;
    }
}

static void find_followers(opening *o)
{
    o->follower[o->n_followers++] = o->root;
    set_mark(o->net, o->root, MARK_FOLLOWER);
    for (uint32_t begin = 0, level = 0; level < o->limits->n_levels; level++) {
        uint32_t end = o->n_followers;
        for (; begin < end; begin++)
            follow_readers(o, o->follower[begin]);
    }
    sort_by_level(o->net, o->follower, o->n_followers);
}

// ------------------------------------------------------------------------------------ leaves

static bool is_inside(const network *net, uint32_t id) { return mark_of(net, id) < MARKS; }

static bool add_leaf(opening *o, uint32_t id)
{
    if (id == 0 || is_inside(o->net, id))
        return true;
    if (o->n_leaves >= o->limits->n_leaves)
        return false;
    set_mark(o->net, id, MARK_LEAF);
    o->leaf[o->n_leaves++] = id;
    return true;
}

static bool add_fanins_as_leaves(opening *o)
{
    for (uint32_t i = 0; i < o->n_followers; i++) {
        const gate *g = &o->net->gates[o->follower[i]];
        for (uint32_t k = 0; k < g->n_fanins; k++)
            if (!add_leaf(o, g->fanin[k]))
                return false;
    }
    return true;
}

// New leaves if this one is opened.
static uint32_t cost_of_leaf(const opening *o, uint32_t id)
{
    const gate *g = &o->net->gates[id];
    uint32_t n = 0;
    for (uint32_t k = 0; k < g->n_fanins; k++)
        n += !is_inside(o->net, g->fanin[k]);
    return n;
}

static bool open_one_leaf(opening *o)
{
    uint32_t best = UINT32_MAX, best_cost = UINT32_MAX;
    for (uint32_t i = 0; i < o->n_leaves; i++) {
        if (!network_is_gate(o->net, o->leaf[i]))
            continue;
        uint32_t cost = cost_of_leaf(o, o->leaf[i]);
        if (cost < best_cost
            || (cost == best_cost
                && o->net->gates[o->leaf[i]].level > o->net->gates[o->leaf[best]].level)) {
            best = i;
            best_cost = cost;
        }
    }
    if (best == UINT32_MAX || o->n_inner == MAX_INNER
        || o->n_leaves - 1 + best_cost > o->limits->n_leaves)
        return false;
    uint32_t id = o->leaf[best];
    o->leaf[best] = o->leaf[--o->n_leaves];
    set_mark(o->net, id, MARK_INNER);
    o->inner[o->n_inner++] = id;
    for (uint32_t k = 0; k < o->net->gates[id].n_fanins; k++)
        add_leaf(o, o->net->gates[id].fanin[k]);
    return true;
}

static void find_cone(opening *o)
{
    find_followers(o);
    if (o->n_followers > 1 && !add_fanins_as_leaves(o)) { // too wide: the root alone
        begin_marks(o->net);
        o->n_leaves = o->n_followers = 0;
        o->follower[o->n_followers++] = o->root;
        set_mark(o->net, o->root, MARK_FOLLOWER);
    }
    if (o->n_leaves == 0)
        add_fanins_as_leaves(o);
    while (open_one_leaf(o))
        continue;
    sort_by_level(o->net, o->inner, o->n_inner);
}

// ---------------------------------------------------------------------------------- divisors

static void add_divisor(window *w, network *net, uint32_t id)
{
    set_mark(net, id, w->n_divisors);
    w->divisor[w->n_divisors++] = id;
}

static bool reads_divisors_only(const window *w, const network *net, uint32_t id)
{
    const gate *g = &net->gates[id];
    for (uint32_t k = 0; k < g->n_fanins; k++)
        if (mark_of(net, g->fanin[k]) >= w->n_divisors)
            return false;
    return true;
}

static void add_neighbours(window *w, network *net)
{
    for (uint32_t i = 0; i < w->n_divisors; i++) {
        uint32_t n = 0;
        for (uint32_t e = net->gates[w->divisor[i]].first_edge; e && n < MAX_READERS;
             e = net->gates[e / 3].next_edge[e % 3], n++) {
            if (w->n_divisors == WINDOW_DIVISORS)
                return;
            if (!is_inside(net, e / 3) && reads_divisors_only(w, net, e / 3))
                add_divisor(w, net, e / 3);
        }
    }
}

// ------------------------------------------------------------------------------------ tables

static void leaf_table(uint64_t *table, uint32_t leaf, uint32_t n_words)
{
    for (uint32_t i = 0; i < n_words; i++)
        table[i] = leaf < 6 ? input_words[leaf] : i >> (leaf - 6) & 1 ? ~UINT64_C(0) : 0;
}

static void gate_table(uint64_t *table, uint8_t lut, const uint64_t *a, const uint64_t *b,
                       const uint64_t *c, uint32_t n_words)
{
    uint64_t row[8];
    for (uint32_t r = 0; r < 8; r++)
        row[r] = lut >> r & 1 ? ~UINT64_C(0) : 0;
    for (uint32_t r = 0; r < 8; r += 2)
        row[r + 1] ^= row[r];
    for (uint32_t i = 0; i < n_words; i++) {
        uint64_t t0 = row[0] ^ (a[i] & row[1]), t1 = row[2] ^ (a[i] & row[3]);
        uint64_t t2 = row[4] ^ (a[i] & row[5]), t3 = row[6] ^ (a[i] & row[7]);
        uint64_t low = t0 ^ (b[i] & (t0 ^ t1)), high = t2 ^ (b[i] & (t2 ^ t3));
        table[i] = low ^ (c[i] & (low ^ high));
    }
}

// A missing third fanin is 0, the constant, whose mark is never a divisor's: any table will do.
static const uint64_t *divisor_table(const window *w, const network *net, uint32_t id)
{
    uint32_t mark = id ? mark_of(net, id) : 0;
    assert(mark < w->n_divisors);
    return w->table[mark];
}

static void make_tables(window *w, const network *net)
{
    for (uint32_t i = 0; i < w->n_divisors; i++) {
        const gate *g = &net->gates[w->divisor[i]];
        if (i < w->n_leaves)
            leaf_table(w->table[i], i, w->n_words);
        else
            gate_table(w->table[i], g->table, divisor_table(w, net, g->fanin[0]),
                       divisor_table(w, net, g->fanin[1]), divisor_table(w, net, g->fanin[2]),
                       w->n_words);
    }
}

static const uint64_t *follower_table(const opening *o, const window *w,
                                      const uint64_t (*follower)[WINDOW_WORDS], uint32_t id)
{
    for (uint32_t i = 0; i < o->n_followers; i++)
        if (o->follower[i] == id)
            return follower[i];
    return divisor_table(w, o->net, id);
}

static void run_followers(uint64_t (*table)[WINDOW_WORDS], const opening *o, const window *w,
                          bool root)
{
    const network *net = o->net;
    memset(table[0], root ? 0xFF : 0, w->n_words * sizeof **table);
    for (uint32_t i = 1; i < o->n_followers; i++) {
        const gate *g = &net->gates[o->follower[i]];
        const uint64_t(*t)[WINDOW_WORDS] = (const uint64_t(*)[WINDOW_WORDS])table;
        gate_table(table[i], g->table, follower_table(o, w, t, g->fanin[0]),
                   follower_table(o, w, t, g->fanin[1]), follower_table(o, w, t, g->fanin[2]),
                   w->n_words);
    }
}

static bool is_observer(const opening *o, uint32_t id)
{
    const network *net = o->net;
    uint32_t n = 0;
    for (uint32_t e = net->gates[id].first_edge; e; e = net->gates[e / 3].next_edge[e % 3]) {
        if (mark_of(net, e / 3) != MARK_FOLLOWER)
            return true;
        n++;
    }
    return n < net->gates[id].n_readers;
}

static void find_care(uint64_t *care, const opening *o, const window *w)
{
    uint64_t low[MAX_FOLLOWERS][WINDOW_WORDS], high[MAX_FOLLOWERS][WINDOW_WORDS];
    memset(care, o->n_followers == 1 ? 0xFF : 0, w->n_words * sizeof *care);
    if (o->n_followers == 1)
        return;
    run_followers(low, o, w, false);
    run_followers(high, o, w, true);
    for (uint32_t i = 0; i < o->n_followers; i++)
        if (is_observer(o, o->follower[i]))
            for (uint32_t k = 0; k < w->n_words; k++)
                care[k] |= low[i][k] ^ high[i][k];
}

void window_open(window *w, network *net, uint32_t root, const window_limits *limits)
{
    opening o = {.net = net, .limits = limits, .root = root};
    uint64_t care[WINDOW_WORDS], value[WINDOW_WORDS];
    assert(limits->n_leaves >= 6 && limits->n_leaves <= WINDOW_LEAVES);
    begin_marks(net);
    find_cone(&o);
    w->root = root;
    w->n_divisors = 0;
    for (uint32_t i = 0; i < o.n_leaves; i++)
        add_divisor(w, net, o.leaf[i]);
    for (uint32_t i = 0; i < o.n_inner; i++)
        add_divisor(w, net, o.inner[i]);
    w->n_leaves = o.n_leaves;
    w->below = ((UINT64_C(1) << o.n_inner) - 1) << o.n_leaves;
    w->n_words = o.n_leaves > 8 ? 1u << (o.n_leaves - 6) : 4;
    add_neighbours(w, net);
    make_tables(w, net);
    find_care(care, &o, w);
    const gate *g = &net->gates[root];
    gate_table(value, g->table, divisor_table(w, net, g->fanin[0]),
               divisor_table(w, net, g->fanin[1]), divisor_table(w, net, g->fanin[2]), w->n_words);
    for (uint32_t i = 0; i < w->n_words; i++) {
        w->on[i] = value[i] & care[i];
        w->off[i] = ~value[i] & care[i];
    }
}
