// SPDX-License-Identifier: MIT
// Draws from costs in integers only:
//
//     excess[b] = (cost[b] - gain[b] - least) / temperature      in 2^-24 bit
//     weight[b] = 2^-excess[b]                                   in 2^-30, so that one is 2^30
//
// A power is the product of three from tables, one for each byte of the fraction, and a shift.
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
        if (info->symbol_bytes_n[d.symbol[b]] == 1 || bias > 0)
            d.open[d.n_open++] = (uint8_t)b;
    }
    for (uint32_t i = 0; i < 256; i++)
        for (uint32_t k = 0; k < 3; k++)
            d.power[k][i] = (uint32_t)fixed_exp2_negative((uint64_t)i << (16 - 8 * k));
    *draw = d;
    return BL_OK;
}

static uint32_t weight_of(const bl_draw *d, uint64_t excess)
{
    if (excess >= 32 * (uint64_t)BL_COST_BIT)
        return 0;
    uint64_t x = d->power[0][excess >> 16 & 255];
    x = x * d->power[1][excess >> 8 & 255] >> 30;
    x = x * d->power[2][excess & 255] >> 30;
    return (uint32_t)(x >> (excess >> 24));
}

static int heaviest_first(const void *x, const void *y)
{
    uint64_t a = *(const uint64_t *)x, b = *(const uint64_t *)y;
    return a > b ? -1 : a < b;
}

// Takes the weight off all but the heaviest that reach the share; returns their sum.
static uint64_t keep_share(uint32_t *weight, uint32_t n, uint64_t sum, uint64_t share)
{
    uint64_t order[256], kept = 0;
    for (uint64_t i = 0; i < n; i++) // of equals the least byte first
        order[i] = (uint64_t)weight[i] << 8 | (255 - i);
    qsort(order, n, sizeof *order, heaviest_first);
    uint32_t at = 0;
    while (at < n && kept << SHARE_BITS < sum * share) // sum <= 2^38
        kept += order[at++] >> 8;
    for (; at < n; at++)
        weight[255 - (order[at] & 255)] = 0;
    return kept;
}

static bool is_allowed(const uint64_t *allowed, uint8_t b)
{
    return !allowed || allowed[b / 64] >> b % 64 & 1;
}

int bl_draw_byte(const bl_draw *d, const uint32_t *costs, const uint64_t *allowed,
                 bl_random *random)
{
    int64_t cost[256], least = INT64_MAX;
    uint32_t n = 0, likeliest = 0, weight[256];
    uint8_t byte[256];
    for (uint32_t i = 0; i < d->n_open; i++) {
        uint8_t b = d->open[i];
        if (!is_allowed(allowed, b))
            continue;
        byte[n] = b;
        cost[n] = (int64_t)costs[d->symbol[b]] - d->gain[b];
        if (cost[n] < least) {
            least = cost[n];
            likeliest = n;
        }
        n++;
    }
    if (n == 0)
        return BL_KEEP;
    if (d->rate == 0)
        return byte[likeliest];
    uint64_t sum = 0;
    for (uint32_t i = 0; i < n; i++)
        sum += weight[i] = weight_of(d, (uint64_t)(cost[i] - least) * d->rate >> 16);
    if (d->share < 1 << SHARE_BITS)
        sum = keep_share(weight, n, sum, d->share);
    uint64_t ticket = bl_random_below(random, sum);
    uint32_t i = 0;
    while (ticket >= weight[i])
        ticket -= weight[i++];
    return byte[i];
}
