// SPDX-License-Identifier: MIT
// Beams: what they choose, against sorting and against the distribution. test-beam
// MODEL.safetensors
#include "opened_model.h"

// Grows a beam by itself; paths[lane] holds the bytes of each lane at the end.
static uint32_t grow(const opened *o, const bl_beam_params *p, int steps, char paths[][32],
                     uint64_t *hash)
{
    static bl_beam_frame frame;
    static char next[BL_LANES][32];
    bl_beam *b;
    uint8_t *state = calloc(1, bl_model_facts(o->model)->state_bytes);
    REQUIRE(bl_beam_create(&b, o->model, state, p, NULL) == BL_OK);
    memset(paths, 0, BL_LANES * 32);
    for (int t = 0; t < steps; t++) {
        uint8_t *states;
        const int16_t *bytes;
        size_t n = bl_beam_lanes(b, &states, &bytes);
        bl_runner_step(o->runner, states, bytes, n, true);
        bl_beam_select(&frame, b, o->runner, 0);
        memset(next, 0, sizeof next);
        for (uint32_t i = 0; i < frame.n_lanes; i++) {
            memcpy(next[i], paths[t ? frame.parent[i] : 0], 32);
            next[i][t] = (char)frame.byte[i];
            *hash = bl_mix64(*hash ^ frame.byte[i] ^ (uint64_t)frame.parent[i] << 8
                             ^ (uint64_t)frame.cost[i] << 24);
        }
        memcpy(paths, next, sizeof next);
    }
    bl_beam_destroy(&b);
    free(state);
    return frame.n_lanes;
}

static void beams_hold_different_texts_and_repeat(void)
{
    static char a[BL_LANES][32], b[BL_LANES][32];
    opened o = open_model();
    for (int i = 0; i < 3; i++) {
        bl_beam_params p = {.temperature = 0.5 * i, .seed = 7};
        uint64_t first = 0, second = 0, other = 0;
        uint32_t n = grow(&o, &p, 12, a, &first);
        CHECK(n == BL_LANES);
        CHECK(grow(&o, &p, 12, b, &second) == n && first == second);
        for (uint32_t k = 0; k < n; k++)
            for (uint32_t l = 0; l < k; l++)
                CHECK(memcmp(a[k], a[l], 32) != 0);
        p.seed = 8;
        grow(&o, &p, 12, b, &other);
        CHECK((first == other) == (i == 0)); // without noise the seed means nothing
    }
    close_model(&o);
}

typedef struct plain_child { // of a lane
    double worth;
    uint64_t cost;
    uint32_t lane, own;
    uint8_t byte;
} plain_child;

static int by_worth(const void *x, const void *y)
{
    const plain_child *a = x, *b = y;
    if (a->worth != b->worth)
        return a->worth > b->worth ? -1 : 1;
    if (a->lane != b->lane)
        return a->lane < b->lane ? -1 : 1;
    return a->byte < b->byte ? -1 : a->byte > b->byte;
}

static int by_lane(const void *x, const void *y)
{
    const plain_child *a = x, *b = y;
    if (a->lane != b->lane)
        return a->lane < b->lane ? -1 : 1;
    return a->byte < b->byte ? -1 : a->byte > b->byte;
}

// All children of a lane, best first, the k-th of them k * diversity bits worse than it is.
static size_t plain_children(plain_child *out, const opened *o, uint32_t lane, uint64_t cost,
                             double diversity)
{
    const bl_model_info *facts = bl_model_facts(o->model);
    uint32_t costs[256];
    size_t n = 0;
    bl_runner_costs(costs, o->runner, lane);
    for (uint32_t s = 0; s < facts->n_symbols; s++)
        if (facts->symbol_byte[s] >= 0) {
            uint64_t sum = cost + costs[s];
            out[n++] =
                (plain_child){-(double)sum, sum, lane, costs[s], (uint8_t)facts->symbol_byte[s]};
        }
    qsort(out, n, sizeof *out, by_worth);
    for (size_t k = 0; k < n; k++)
        out[k].worth -= (double)k * diversity * BL_COST_BIT;
    return n;
}

// At temperature 0, whether a beam of 12 steps is what sorting all children of all lanes finds.
static bool is_what_sorting_finds(const opened *o, uint32_t width, double diversity)
{
    static plain_child children[BL_LANES * 256];
    static bl_beam_frame frame;
    bl_beam *b;
    uint64_t costs[BL_LANES] = {0}, next_costs[BL_LANES];
    uint8_t *empty = calloc(1, bl_model_facts(o->model)->state_bytes);
    bl_beam_params params = {.width = width, .diversity = diversity};
    REQUIRE(bl_beam_create(&b, o->model, empty, &params, NULL) == BL_OK);
    bool is_same = true;
    for (int t = 0; t < 12; t++) {
        uint8_t *states;
        const int16_t *bytes;
        size_t n_lanes = bl_beam_lanes(b, &states, &bytes), n = 0;
        bl_runner_step(o->runner, states, bytes, n_lanes, true);
        for (uint32_t lane = 0; lane < n_lanes; lane++)
            n += plain_children(children + n, o, lane, costs[lane], diversity);
        qsort(children, n, sizeof *children, by_worth);
        n = n < width ? n : width;
        qsort(children, n, sizeof *children, by_lane);
        bl_beam_select(&frame, b, o->runner, 0);
        is_same &= frame.n_lanes == n;
        for (uint32_t i = 0; i < n; i++) {
            is_same &= frame.parent[i] == children[i].lane && frame.byte[i] == children[i].byte
                       && frame.cost[i] == (uint16_t)(children[i].own >> 16);
            next_costs[i] = children[i].cost;
        }
        memcpy(costs, next_costs, n * sizeof *next_costs);
    }
    bl_beam_destroy(&b);
    free(empty);
    return is_same;
}

static void the_most_probable_beam_is_what_sorting_finds(void)
{
    opened o = open_model();
    const uint32_t widths[] = {1, 7, 100, BL_LANES};
    for (int w = 0; w < 4; w++)
        for (int d = 0; d < 4; d++)
            CHECK(is_what_sorting_finds(&o, widths[w], d * d * 0.4));
    close_model(&o);
}

// Where siblings cost more than any text can, no lane has a second child while others have none.
static void diverse_beams_spread_over_all_lanes(void)
{
    static bl_beam_frame frame;
    opened o = open_model();
    uint8_t *empty = calloc(1, bl_model_facts(o.model)->state_bytes);
    for (int is_diverse = 0; is_diverse < 2; is_diverse++) {
        bl_beam *b;
        bl_beam_params params = {.temperature = 0.7, .seed = 5, .diversity = is_diverse * 64};
        REQUIRE(bl_beam_create(&b, o.model, empty, &params, NULL) == BL_OK);
        uint32_t n_crowded = 0, n_full = 0;
        for (int t = 0; t < 12; t++) {
            uint8_t *states;
            const int16_t *bytes;
            size_t n = bl_beam_lanes(b, &states, &bytes);
            bl_runner_step(o.runner, states, bytes, n, true);
            bl_beam_select(&frame, b, o.runner, 0);
            n_full += n == BL_LANES;
            for (uint32_t i = 0; n == BL_LANES && i < frame.n_lanes; i++)
                n_crowded += frame.parent[i] != i;
        }
        CHECK(n_full >= 6);
        CHECK((n_crowded == 0) == is_diverse);
        bl_beam_destroy(&b);
    }
    bl_beam *none;
    for (int i = 0; i < 2; i++)
        CHECK(bl_beam_create(&none, o.model, empty,
                             &(bl_beam_params){.diversity = (double[]){-1, 64.5}[i]}, NULL)
              == BL_ERR_ARGUMENT);
    free(empty);
    close_model(&o);
}

// Above temperature 0 a beam of one lane is one draw from the tempered distribution: the shares of
// first bytes over many seeds.
static void drawn_beams_come_as_often_as_they_should(void)
{
    enum { N = 20000 };
    static bl_beam_frame frame;
    opened o = open_model();
    const bl_model_info *facts = bl_model_facts(o.model);
    uint8_t *empty = calloc(1, facts->state_bytes);
    double expected[256] = {0}, sum = 0, distance = 0;
    uint32_t costs[256], n_drawn[256] = {0};
    bl_runner_step(o.runner, o.states, &(int16_t){BL_KEEP}, 1, true);
    bl_runner_costs(costs, o.runner, 0);
    for (uint32_t s = 0; s < facts->n_symbols; s++)
        if (facts->symbol_byte[s] >= 0)
            sum += expected[facts->symbol_byte[s]] = probability(costs[s]);
    for (int seed = 0; seed < N; seed++) {
        bl_beam *b;
        bl_beam_params params = {.width = 1, .temperature = 1, .seed = (uint64_t)seed};
        REQUIRE(bl_beam_create(&b, o.model, empty, &params, NULL) == BL_OK);
        bl_beam_select(&frame, b, o.runner, 0);
        n_drawn[frame.byte[0]]++;
        bl_beam_destroy(&b);
    }
    for (int b = 0; b < 256; b++) {
        double difference = n_drawn[b] / (double)N - expected[b] / sum;
        distance += difference < 0 ? -difference : difference;
    }
    printf("# distance of %d drawn bytes from the model: %.4f\n", N, distance / 2);
    CHECK(distance / 2 < 0.03);
    free(empty);
    close_model(&o);
}

static void pruned_branches_vanish_and_leave_the_others(void)
{
    static char a[BL_LANES][32], b[BL_LANES][32];
    opened o = open_model();
    uint64_t hash = 0;
    bl_beam_params p = {.temperature = 0.7, .seed = 3};
    grow(&o, &p, 6, a, &hash);
    bl_bytes avoid[2] = {{(const uint8_t *)a[0], 1}, {(const uint8_t *)a[BL_LANES - 1], 2}};
    p.avoid = avoid;
    p.n_avoid = 2;
    uint32_t n = grow(&o, &p, 6, b, &hash), n_same = 0, n_left = 0;
    CHECK(n == BL_LANES);
    for (uint32_t k = 0; k < n; k++)
        CHECK(b[k][0] != a[0][0] && memcmp(b[k], a[BL_LANES - 1], 2) != 0);
    for (uint32_t k = 0; k < BL_LANES; k++) {
        if (a[k][0] == a[0][0] || memcmp(a[k], a[BL_LANES - 1], 2) == 0)
            continue;
        n_left++;
        for (uint32_t l = 0; l < n; l++)
            n_same += memcmp(a[k], b[l], 6) == 0;
    }
    CHECK(n_same == n_left);
    close_model(&o);
}

static void beams_keep_to_a_pattern(void)
{
    static char paths[BL_LANES][32];
    opened o = open_model();
    static const char *const texts[] = {"([aeiou][^aeiou\n]){3}.*", "(one|two|three) [a-z]*"};
    for (int k = 0; k < 2; k++)
        for (int warm = 0; warm < 2; warm++) {
            bl_pattern *pattern = NULL;
            uint64_t hash = 0;
            size_t n = strlen(texts[k]);
            REQUIRE(bl_pattern_parse(&pattern, texts[k], n, "pattern", NULL, NULL) == BL_OK);
            bl_beam_params p = {.temperature = warm * 0.8, .seed = 3, .pattern = pattern};
            uint32_t n_lanes = grow(&o, &p, 9, paths, &hash);
            CHECK(n_lanes >= 3);
            for (uint32_t i = 0; i < n_lanes; i++) {
                uint32_t state = BL_PATTERN_START;
                for (int t = 0; t < 9; t++)
                    state = bl_pattern_next(pattern, state, (uint8_t)paths[i][t]);
                CHECK(state != BL_PATTERN_DEAD);
                for (uint32_t j = 0; j < i; j++)
                    CHECK(memcmp(paths[i], paths[j], 9) != 0);
            }
            bl_pattern_destroy(&pattern);
        }
    bl_pattern *short_one = NULL; // after three bytes nothing may follow
    uint64_t hash = 0;
    REQUIRE(bl_pattern_parse(&short_one, "one|two", 7, "pattern", NULL, NULL) == BL_OK);
    for (int warm = 0; warm < 2; warm++)
        CHECK(grow(&o, &(bl_beam_params){.temperature = warm * 0.8, .pattern = short_one}, 4, paths,
                   &hash)
              == 0);
    bl_pattern_destroy(&short_one);
    close_model(&o);
}

// What a pattern has read before decides what may follow.
static void beams_go_on_in_a_pattern(void)
{
    static char paths[BL_LANES][32];
    opened o = open_model();
    bl_pattern *pattern;
    bl_pattern_info info;
    uint64_t hash = 0;
    REQUIRE(bl_pattern_parse(&pattern, "one|other|two", 13, "pattern", NULL, NULL) == BL_OK);
    bl_pattern_get_info(&info, pattern);
    bl_beam_params p = {.pattern = pattern, .pattern_state = BL_PATTERN_START};
    CHECK(grow(&o, &p, 1, paths, &hash) == 2);
    p.pattern_state = bl_pattern_next(pattern, BL_PATTERN_START, 'o');
    CHECK(grow(&o, &p, 2, paths, &hash) == 2);
    CHECK(memcmp(paths[0], "ne", 2) == 0 && memcmp(paths[1], "th", 2) == 0);
    uint8_t *empty = calloc(1, bl_model_facts(o.model)->state_bytes);
    bl_beam *none;
    p.pattern_state = info.n_states; // the last there is
    bl_beam *last;
    CHECK(bl_beam_create(&last, o.model, empty, &p, NULL) == BL_OK);
    bl_beam_destroy(&last);
    p.pattern_state++;
    CHECK(bl_beam_create(&none, o.model, empty, &p, NULL) == BL_ERR_ARGUMENT);
    bl_pattern_destroy(&pattern);
    free(empty);
    close_model(&o);
}

int main(int n, char **words)
{
    REQUIRE(n == 2);
    opened_path = words[1];
    RUN(beams_hold_different_texts_and_repeat);
    RUN(the_most_probable_beam_is_what_sorting_finds);
    RUN(diverse_beams_spread_over_all_lanes);
    RUN(drawn_beams_come_as_often_as_they_should);
    RUN(pruned_branches_vanish_and_leave_the_others);
    RUN(beams_keep_to_a_pattern);
    RUN(beams_go_on_in_a_pattern);
    return test_summary();
}
