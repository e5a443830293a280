// SPDX-License-Identifier: MIT
// A melted model at work: costs, draws, readers, scores, draws by logic. test-model
// MODEL.safetensors
#include "opened_model.h"
#include "real_text.h"

#include <math.h>

static void probabilities_of_all_bytes_add_up_to_one(void)
{
    opened o = open_model();
    const bl_model_info *m = bl_model_facts(o.model);
    int16_t bytes[BL_LANES];
    for (size_t i = 0; i < BL_LANES; i++)
        bytes[i] = next_byte(i, 0, i % 2);
    bl_runner_step(o.runner, o.states, bytes, BL_LANES, true);
    for (size_t lane = 0; lane < BL_LANES; lane += 73) {
        uint32_t costs[256];
        double sum = 0;
        bl_runner_costs(costs, o.runner, lane);
        for (int b = 0; b < 256; b++)
            sum += probability(costs[m->byte_symbol[b]]);
        CHECK(sum > 1 - 1e-5 && sum < 1 + 1e-5);
    }
    close_model(&o);
}

static void a_kept_lane_keeps_its_state(void)
{
    opened o = open_model();
    size_t n = bl_model_facts(o.model)->state_bytes;
    uint8_t *before = calloc(BL_LANES, n);
    int16_t bytes[BL_LANES];
    for (int t = 0; t < 3; t++) {
        for (size_t i = 0; i < BL_LANES; i++)
            bytes[i] = t == 2 && i % 3 == 0 ? BL_KEEP : next_byte(i, t, false);
        if (t == 2)
            memcpy(before, o.states, BL_LANES * n);
        bl_runner_step(o.runner, o.states, bytes, 400, t == 2);
    }
    for (size_t i = 0; i < 400; i += 3)
        CHECK(memcmp(before + i * n, o.states + i * n, n) == 0);
    CHECK(memcmp(before + 1 * n, o.states + 1 * n, n) != 0);
    free(before);
    close_model(&o);
}

// The costs of lane 0 after a text.
static void costs_after(uint32_t *costs, const opened *o, const char *text)
{
    memset(o->states, 0, bl_model_facts(o->model)->state_bytes);
    for (; *text; text++)
        bl_runner_step(o->runner, o->states, (int16_t[]){(uint8_t)*text}, 1, true);
    bl_runner_costs(costs, o->runner, 0);
}

static void draws_come_as_often_as_they_should(void)
{
    enum { DRAWS = 20000 };
    opened o = open_model();
    const bl_model_info *m = bl_model_facts(o.model);
    bl_draw draw;
    uint32_t costs[256], n[256] = {0};
    bl_random random;
    bl_random_seed(&random, 5);
    costs_after(costs, &o, "It was ");
    REQUIRE(bl_draw_set(&draw, o.model, &(bl_draw_params){.temperature = 1}) == BL_OK);
    for (int i = 0; i < DRAWS; i++)
        n[bl_draw_byte(&draw, costs, NULL, &random)]++;
    double own = 0, share[256] = {0}; // of the bytes that can be drawn
    for (uint32_t i = 0; i < draw.n_open; i++)
        own += share[draw.open[i]] = probability(costs[m->byte_symbol[draw.open[i]]]);
    for (int b = 0; b < 256; b++) {
        double expected = share[b] / own;
        double sigma = sqrt(expected / DRAWS) + 1e-3;
        CHECK(fabs(n[b] / (double)DRAWS - expected) < 5 * sigma);
    }
    close_model(&o);
}

static void draws_obey_bias_share_and_mask(void)
{
    opened o = open_model();
    bl_draw draw;
    uint32_t costs[256];
    double bias[256] = {0};
    uint64_t allowed[4] = {0, UINT64_C(1) << ('x' - 64) | UINT64_C(1) << ('y' - 64), 0, 0};
    bl_random random;
    bl_random_seed(&random, 6);
    costs_after(costs, &o, "It was ");
    REQUIRE(bl_draw_set(&draw, o.model, &(bl_draw_params){0}) == BL_OK);
    int likeliest = bl_draw_byte(&draw, costs, NULL, &random);
    REQUIRE(bl_draw_set(&draw, o.model, &(bl_draw_params){.temperature = 1, .top_p = 1e-9})
            == BL_OK);
    CHECK(bl_draw_byte(&draw, costs, NULL, &random) == likeliest);
    bool seen[2] = {false};
    REQUIRE(bl_draw_set(&draw, o.model, &(bl_draw_params){.temperature = 5}) == BL_OK);
    for (int i = 0; i < 200; i++) {
        int b = bl_draw_byte(&draw, costs, allowed, &random);
        REQUIRE(b == 'x' || b == 'y');
        seen[b - 'x'] = true;
    }
    CHECK(seen[0] && seen[1]);
    CHECK(bl_draw_byte(&draw, costs, (uint64_t[4]){0}, &random) == BL_KEEP);
    bias[0xFE] = 300; // no symbol of its own, and wanted all the same
    bias[likeliest] = -100;
    REQUIRE(bl_draw_set(&draw, o.model, &(bl_draw_params){.temperature = 1, .bias_nats = bias})
            == BL_OK);
    CHECK(bl_draw_byte(&draw, costs, NULL, &random) == 0xFE);
    bias[0xFE] = 0;
    REQUIRE(bl_draw_set(&draw, o.model, &(bl_draw_params){.temperature = 1, .bias_nats = bias})
            == BL_OK);
    for (int i = 0; i < 200; i++)
        CHECK(bl_draw_byte(&draw, costs, NULL, &random) != likeliest);
    const bl_draw_params wrong[] = {{.temperature = -1},    {.temperature = 101},
                                    {.temperature = 0.001}, {.top_p = 1.5},
                                    {.top_p = -1},          {.temperature = NAN}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        CHECK(bl_draw_set(&draw, o.model, &wrong[i]) == BL_ERR_ARGUMENT);
    close_model(&o);
}

// Pieces of all lengths, on every level: the states after each byte and the costs behind it.
static void a_text_read_in_the_lanes_is_the_text_read_byte_by_byte(void)
{
    opened o = open_model();
    const bl_model_info *facts = bl_model_facts(o.model);
    enum { N_BYTES = 1300 };
    uint8_t text[N_BYTES], *states = malloc(BL_LANES * facts->state_bytes);
    for (int i = 0; i < N_BYTES; i++)
        text[i] = (uint8_t)real_text[i % (int)strlen(real_text)];
    for (bl_cpu cpu = 0; cpu < BL_CPU_COUNT; cpu++) {
        bl_reader *reader;
        if (!bl_cpu_is_supported(cpu))
            continue;
        REQUIRE(bl_reader_create(&reader, o.model, cpu, NULL) == BL_OK);
        uint8_t *state = calloc(1, facts->state_bytes), *plain = calloc(1, facts->state_bytes);
        bool same = true;
        for (size_t at = 0, n; at < N_BYTES; at += n) {
            n = at == 0 ? BL_LANES : 1 + bl_random_below(&rng, 300);
            n = n < N_BYTES - at ? n : N_BYTES - at;
            bl_reader_read(reader, state, text + at, n, true);
            bl_reader_states(states, reader, n);
            for (size_t i = 0; i < n; i++) {
                int16_t byte = text[at + i];
                uint32_t costs[256], expected[256];
                bl_runner_step(o.runner, plain, &byte, 1, true);
                bl_runner_costs(expected, o.runner, 0);
                bl_reader_costs(costs, reader, i);
                same &= memcmp(costs, expected, facts->n_symbols * sizeof *costs) == 0;
                same &= memcmp(states + i * facts->state_bytes, plain, facts->state_bytes) == 0;
            }
            same &= memcmp(state, plain, facts->state_bytes) == 0;
        }
        CHECK(same);
        free(state);
        free(plain);
        bl_reader_destroy(&reader);
    }
    free(states);
    close_model(&o);
}

static void scores_in_order_are_what_each_byte_costs(void)
{
    opened o = open_model();
    const bl_model_info *facts = bl_model_facts(o.model);
    const uint8_t *text = (const uint8_t *)real_text;
    size_t bytes = strlen(real_text);
    bl_score score;
    bl_score_params params = {.in_order = true, .level = bl_cpu_best()};
    uint8_t *state = calloc(1, facts->state_bytes);
    uint64_t cost = 0;
    REQUIRE(bl_model_score(&score, o.model, text, bytes, &params, NULL) == BL_OK);
    for (size_t i = 0; i + 1 < bytes; i++) {
        uint32_t costs[256];
        int16_t byte = text[i];
        bl_runner_step(o.runner, state, &byte, 1, true);
        bl_runner_costs(costs, o.runner, 0);
        cost += costs[facts->byte_symbol[text[i + 1]]];
    }
    double expected = (double)cost / BL_COST_BIT / (double)(bytes - 1);
    double difference = bl_score_bits_per_byte(&score) - expected;
    CHECK(difference < 1e-9 && difference > -1e-9);
    free(state);
    close_model(&o);
}

static void gumbel_draws_from_the_model(void)
{
    enum { ROUNDS = 100 };
    opened o = open_model();
    const bl_model_info *m = bl_model_facts(o.model);
    int16_t bytes[BL_LANES];
    uint8_t drawn[BL_LANES];
    uint32_t costs[256];
    size_t state_bytes = BL_LANES * m->state_bytes, count[256] = {0};
    uint8_t *kept = bl_alloc(NULL, state_bytes);
    for (int t = 0; t < 5; t++) {
        for (size_t i = 0; i < BL_LANES; i++)
            bytes[i] = (uint8_t)real_text[t];
        bl_runner_step(o.runner, o.states, bytes, BL_LANES, true);
    }
    bl_runner_costs(costs, o.runner, 0);
    bl_gumbel *g, *greedy;
    bl_random random;
    bl_random_seed(&random, 3);
    REQUIRE(bl_gumbel_create(&g, o.model, 1, bl_cpu_best(), NULL) == BL_OK);
    REQUIRE(bl_gumbel_create(&greedy, o.model, 0, bl_cpu_best(), NULL) == BL_OK);
    for (int r = 0; r < ROUNDS; r++) {
        memcpy(kept, o.states, state_bytes);
        bl_gumbel_write(drawn, g, o.runner, kept, 1, &random);
        for (size_t i = 0; i < BL_LANES; i++)
            count[drawn[i]]++;
    }
    double distance = 0, possible = 0;
    uint32_t best = 0;
    for (uint32_t s = 0; s < m->n_symbols; s++)
        if (m->symbol_byte[s] >= 0) {
            possible += exp2(-(double)costs[s] / BL_COST_BIT);
            best = m->symbol_byte[best] < 0 || costs[s] < costs[best] ? s : best;
        }
    for (uint32_t s = 0; s < m->n_symbols; s++)
        if (m->symbol_byte[s] >= 0)
            distance += fabs(exp2(-(double)costs[s] / BL_COST_BIT) / possible
                             - (double)count[m->symbol_byte[s]] / (ROUNDS * BL_LANES));
    CHECK(distance / 2 < 0.02);
    memcpy(kept, o.states, state_bytes);
    bl_gumbel_write(drawn, greedy, o.runner, kept, 1, &random);
    CHECK(drawn[0] == m->symbol_byte[best] && drawn[511] == drawn[0]);
    memcpy(kept, o.states, state_bytes); // the states move along with what was drawn
    bl_gumbel_write(drawn, g, o.runner, kept, 1, &random);
    for (size_t i = 0; i < BL_LANES; i++)
        bytes[i] = drawn[i];
    bl_runner_step(o.runner, o.states, bytes, BL_LANES, false);
    CHECK(memcmp(kept, o.states, state_bytes) == 0);
    bl_gumbel_destroy(&g);
    bl_gumbel_destroy(&greedy);
    bl_free(NULL, kept, state_bytes);
    close_model(&o);
}

static void samples_repeat_on_every_level(void)
{
    uint8_t first[64];
    for (int level = BL_CPU_COUNT - 1, is_first = 1; level >= 0; level--) {
        if (!bl_cpu_is_supported((bl_cpu)level))
            continue;
        opened o = open_model();
        bl_sampler *s;
        bl_random r;
        int16_t byte = BL_KEEP;
        bl_random_seed(&r, 5);
        bl_runner_destroy(&o.runner);
        REQUIRE(bl_runner_create(&o.runner, o.model, (bl_cpu)level, NULL) == BL_OK);
        REQUIRE(bl_sampler_create(&s, o.model, 0.9, NULL) == BL_OK);
        for (int t = 0; t < 64; t++) {
            bl_runner_step(o.runner, o.states, &byte, 1, true);
            byte = bl_sampler_draw(s, o.runner, 0, &r);
            if (is_first)
                first[t] = (uint8_t)byte;
            CHECK(first[t] == byte);
        }
        is_first = 0;
        bl_sampler_destroy(&s);
        close_model(&o);
    }
}

int main(int n, char **words)
{
    REQUIRE(n == 2);
    opened_path = words[1];
    bl_random_seed(&rng, 1);
    RUN(probabilities_of_all_bytes_add_up_to_one);
    RUN(a_kept_lane_keeps_its_state);
    RUN(a_text_read_in_the_lanes_is_the_text_read_byte_by_byte);
    RUN(scores_in_order_are_what_each_byte_costs);
    RUN(draws_come_as_often_as_they_should);
    RUN(draws_obey_bias_share_and_mask);
    RUN(gumbel_draws_from_the_model);
    RUN(samples_repeat_on_every_level);
    return test_summary();
}
