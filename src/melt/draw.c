// SPDX-License-Identifier: MIT
// Draws from costs in integers only:
//
//     excess[b] = (cost[b] - gain[b] - least) / temperature      in 2^-24 bit
//     weight[b] = 2^-excess[b]                                   in 2^-30, so that one is 2^30
//
// top_p keeps the heaviest bytes until their sum reaches its share of the whole.

#include "fixed.h"
#include "loom_private.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SHARE_BITS = 24 };

bl_status bl_draw_set(bl_draw *draw, const bl_model *model, const bl_draw_params *params)
{
    assert(draw && model && params);
    const bl_model_info *info = bl_model_facts(model);
    double t = params->temperature, p = params->top_p;
    if (!(t == 0 || (t >= 0.01 && t <= 100)) || !(p >= 0 && p <= 1))
        return BL_ERR_ARGUMENT;
    bl_draw d = {.rate = t > 0 ? (uint64_t)(65536 / t + 0.5) : 0,
                 .share = p > 0 ? (uint64_t)ceil(ldexp(p, SHARE_BITS)) : 1 << SHARE_BITS};
    for (int b = 0; b < 256; b++) {
        double bias = params->bias_nats ? params->bias_nats[b] : 0;
        if (!(bias >= -1000 && bias <= 1000))
            return BL_ERR_ARGUMENT;
        d.gain[b] = (int64_t)floor(bias * (1.4426950408889634 * BL_COST_BIT) + 0.5);
        d.symbol[b] = info->byte_symbol[b];
        d.is_open[b] = info->symbol_bytes_n[d.symbol[b]] == 1 || bias > 0;
    }
    *draw = d;
    return BL_OK;
}

static int heaviest_first(const void *x, const void *y)
{
    uint64_t a = *(const uint64_t *)x, b = *(const uint64_t *)y;
    return a > b ? -1 : a < b;
}

// Takes the weight off all bytes but the heaviest that reach the share; returns their sum.
static uint64_t keep_share(uint32_t *weight, uint64_t sum, uint64_t share)
{
    uint64_t order[256], kept = 0;
    for (uint64_t b = 0; b < 256; b++) // of equals the least byte first
        order[b] = (uint64_t)weight[b] << 8 | (255 - b);
    qsort(order, 256, sizeof *order, heaviest_first);
    size_t n = 0;
    while (n < 256 && kept << SHARE_BITS < sum * share) // sum <= 2^38
        kept += order[n++] >> 8;
    for (; n < 256; n++)
        weight[255 - (order[n] & 255)] = 0;
    return kept;
}

static bool is_allowed(const bl_draw *d, const uint64_t *allowed, uint32_t b)
{
    return d->is_open[b] && (!allowed || allowed[b / 64] >> b % 64 & 1);
}

int bl_draw_byte(const bl_draw *d, const uint32_t *costs, const uint64_t *allowed,
                 bl_random *random)
{
    int64_t least = INT64_MAX;
    int likeliest = BL_KEEP;
    for (uint32_t b = 0; b < 256; b++) {
        int64_t cost = (int64_t)costs[d->symbol[b]] - d->gain[b];
        if (!is_allowed(d, allowed, b) || cost >= least)
            continue;
        least = cost;
        likeliest = (int)b;
    }
    if (likeliest == BL_KEEP || d->rate == 0)
        return likeliest;
    uint32_t weight[256];
    uint64_t sum = 0;
    for (uint32_t b = 0; b < 256; b++) {
        uint64_t above = (uint64_t)((int64_t)costs[d->symbol[b]] - d->gain[b] - least);
        uint64_t excess = is_allowed(d, allowed, b) ? above * d->rate >> 16 : UINT64_MAX;
        weight[b] = excess < 32 * (uint64_t)BL_COST_BIT ? (uint32_t)fixed_exp2_negative(excess) : 0;
        sum += weight[b];
    }
    if (d->share < 1 << SHARE_BITS)
        sum = keep_share(weight, sum, d->share);
    uint64_t ticket = bl_random_below(random, sum);
    uint32_t b = 0;
    while (ticket >= weight[b])
        ticket -= weight[b++];
    return (int)b;
}
