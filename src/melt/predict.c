// SPDX-License-Identifier: MIT
// From logits to costs and draws, in integers only.
//
//     weight[s] = 2^-(unit * (max - logit[s])) in 2^-30     (a table)
//     cost[s]   = unit * (max - logit[s]) + log2(sum of weights)
//
// A symbol that stands for n bytes gives each of them 1/n of its probability: log2 n more.

#include "fixed.h"
#include "loom_private.h"

#include <assert.h>
#include <string.h>

void model_forecast(uint64_t *base, int16_t *most, const bl_model *m, const int16_t *logits,
                    size_t n)
{
    uint32_t n_symbols = m->info.n_symbols;
    for (size_t i = 0; i < n; i++) {
        const int16_t *row = logits + i * n_symbols;
        uint64_t sum = 0;
        most[i] = row[0];
        for (uint32_t s = 1; s < n_symbols; s++)
            most[i] = row[s] > most[i] ? row[s] : most[i];
        for (uint32_t s = 0; s < n_symbols; s++) {
            uint32_t below = (uint32_t)(most[i] - row[s]);
            sum += below < m->n_weights ? m->weights[below] : 0;
        }
        base[i] = fixed_log2(sum) - 30 * (uint64_t)BL_COST_BIT; // the sum is at least 2^30
    }
}

void model_costs(uint32_t *costs, const bl_model *m, const int16_t *logits)
{
    int16_t most;
    uint64_t base, unit = m->info.logit_unit_cost;
    model_forecast(&base, &most, m, logits, 1);
    for (uint32_t s = 0; s < m->info.n_symbols; s++) {
        uint64_t cost = base + unit * (uint32_t)(most - logits[s]);
        if (m->info.symbol_bytes_n[s] > 1)
            cost += fixed_log2(m->info.symbol_bytes_n[s]);
        costs[s] = cost > UINT32_MAX ? UINT32_MAX : (uint32_t)cost;
    }
}

void bl_runner_costs(uint32_t *costs, const bl_runner *r, size_t lane)
{
    assert(lane < BL_LANES);
    model_costs(costs, r->model, r->logits + lane * r->model->info.n_symbols);
}

struct bl_sampler {
    const bl_model *model;
    uint32_t *weights; // at the temperature
    uint32_t n_weights;
    const bl_allocator *allocator;
};

bl_status bl_sampler_create(bl_sampler **result, const bl_model *model, double temperature,
                            const bl_allocator *allocator)
{
    assert(result && model);
    if (!(temperature >= 0.01 && temperature <= 100))
        return BL_ERR_ARGUMENT;
    bl_sampler *s = bl_alloc(allocator, sizeof *s);
    if (!s)
        return BL_ERR_MEMORY;
    uint64_t unit = (uint64_t)(model->info.logit_unit_cost / temperature + 0.5);
    unit = unit ? unit : 1;
    uint64_t n = 32 * (uint64_t)BL_COST_BIT / unit + 1;
    n = n > UINT16_MAX + 1 ? UINT16_MAX + 1 : n;
    *s = (bl_sampler){.model = model,
                      .n_weights = (uint32_t)n,
                      .allocator = allocator,
                      .weights = bl_alloc_array(allocator, n, sizeof *s->weights)};
    if (!s->weights) {
        bl_sampler_destroy(&s);
        return BL_ERR_MEMORY;
    }
    for (uint64_t k = 0; k < n; k++)
        s->weights[k] = (uint32_t)fixed_exp2_negative(k * unit);
    *result = s;
    return BL_OK;
}

void bl_sampler_destroy(bl_sampler **handle)
{
    bl_sampler *s = handle ? *handle : NULL;
    if (!s)
        return;
    bl_free(s->allocator, s->weights, s->n_weights * sizeof *s->weights);
    bl_free(s->allocator, s, sizeof *s);
    *handle = NULL;
}

uint8_t bl_sampler_draw(const bl_sampler *sampler, const bl_runner *r, size_t lane,
                        bl_random *random)
{
    const bl_model_info *info = &sampler->model->info;
    const int16_t *row = r->logits + lane * info->n_symbols;
    int32_t most = INT16_MIN;
    for (uint32_t s = 0; s < info->n_symbols; s++)
        if (info->symbol_byte[s] >= 0 && row[s] > most)
            most = row[s];
    uint32_t weight[256];
    uint64_t sum = 0;
    for (uint32_t s = 0; s < info->n_symbols; s++) {
        int32_t below = most - row[s];
        bool is_possible = info->symbol_byte[s] >= 0 && (uint32_t)below < sampler->n_weights;
        sum += weight[s] = is_possible ? sampler->weights[below] : 0;
    }
    uint64_t ticket = bl_random_below(random, sum);
    uint32_t s = 0;
    while (ticket >= weight[s])
        ticket -= weight[s++];
    return (uint8_t)info->symbol_byte[s];
}
