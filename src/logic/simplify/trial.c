// SPDX-License-Identifier: MIT

#include "trial.h"

enum { MAX_FREED = 100 };

trial trial_begin(network *net, uint32_t root, bool allows_neutral)
{
    return (trial){.net = net,
                   .root = root,
                   .n_before = net->n,
                   .n_luts = net->n_luts,
                   .allows_neutral = allows_neutral};
}

bl_lit trial_gate(trial *t, uint8_t table, bl_lit a, bl_lit b)
{
    bl_lit fanin[MAX_FANINS] = {a, b};
    bl_lit lit = network_lut(t->net, (uint8_t)((table & 15) * 0x11), fanin);
    t->is_circular |= bl_lit_node(lit) == t->root;
    return lit;
}

// The new gates count as readers of what they use, so that only what really goes is counted.
static bool is_worth(const trial *t, bl_lit by)
{
    uint32_t id = bl_lit_node(by), n_made = t->net->n_luts - t->n_luts;
    if (t->is_circular || id == t->root || t->net->status != BL_OK)
        return false;
    uint32_t n_freed = network_count_exclusive(t->net, t->root, NULL, MAX_FREED, &id, 1);
    return n_freed > n_made || (n_freed == n_made && t->allows_neutral);
}

bool trial_end(trial *t, bl_lit by)
{
    bool is_good = is_worth(t, by);
    if (is_good)
        network_replace(t->net, t->root, by);
    network_roll_back(t->net, t->n_before);
    return is_good;
}
