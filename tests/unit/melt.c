// SPDX-License-Identifier: MIT
// The logic of a melted network against the integer reference. Usage: test-melt MODEL.safetensors
// STEPS: the number of steps to compare on 512 lanes.
#include "../test.h"

#include <bitloom/melt.h>

#include <math.h>

static bl_random rng;
static const char *path;
static int n_steps;
static bl_file file;
static bl_muxrnn *network;
static bl_muxrnn_info info;
static bl_program *program;

static const char real_text[] =
    "It was the best of times, it was the worst of times, it was the age of wisdom, it was the age "
    "of foolishness, it was the epoch of belief, it was the epoch of incredulity, it was the "
    "season "
    "of Light, it was the season of Darkness, it was the spring of hope, it was the winter of "
    "despair.\n";

static uint8_t next_byte(size_t lane, int t, bool is_real)
{
    return is_real ? (uint8_t)real_text[(lane * 7 + (size_t)t) % (sizeof real_text - 1)]
                   : (uint8_t)bl_random_next(&rng);
}

typedef struct lockstep {
    bl_machine *machines[BL_CPU_COUNT + 2]; // each level; the graph's program; the expansion
    int n_machines;
    uint8_t *state; // reference, [512][n_state_bits]
} lockstep;

// The bits of all lanes as planes, to be compared at once.
static bool equals_reference(bl_machine *m, const bl_plane *state, const bl_plane *logits)
{
    return memcmp(bl_machine_state(m), state, info.n_state_bits * sizeof(bl_plane)) == 0
           && memcmp(bl_machine_output(m), logits,
                     info.n_symbols * BL_LOGIT_BITS * sizeof(bl_plane))
                  == 0;
}

static int count_differences(lockstep *s, bool is_real, int steps)
{
    int n_different = 0;
    bl_plane *state = bl_alloc_array(NULL, info.n_state_bits, sizeof *state);
    bl_plane *planes = bl_alloc_array(NULL, info.n_symbols * BL_LOGIT_BITS, sizeof *planes);
    int16_t *values = bl_alloc_array(NULL, info.n_symbols, BL_LANES * sizeof *values);
    int32_t logits[256];
    for (int t = 0; t < steps; t++) {
        uint8_t bytes[BL_LANES];
        for (size_t lane = 0; lane < BL_LANES; lane++) {
            uint8_t *h = s->state + lane * info.n_state_bits;
            bytes[lane] = next_byte(lane, t, is_real);
            bl_muxrnn_step(h, network, bytes[lane]);
            bl_muxrnn_logits(logits, network, h);
            for (uint32_t k = 0; k < info.n_symbols; k++)
                values[k * BL_LANES + lane] = (int16_t)logits[k];
            for (uint32_t k = 0; k < info.n_state_bits; k++)
                bl_lane_set(&state[k], lane, h[k] != 0);
        }
        bl_slice(bl_bits_best(), planes, values, 2, info.n_symbols * BL_LANES, 16);
        for (int i = 0; i < s->n_machines; i++) {
            bl_slice(bl_bits_best(), bl_machine_input(s->machines[i]), bytes, 1, BL_LANES, 8);
            bl_machine_run(s->machines[i], 0);
            if (i < s->n_machines - 1) // the last one is the graph, which has a single entry
                bl_machine_run(s->machines[i], BL_ENTRY_HEAD);
            n_different += !equals_reference(s->machines[i], state, planes);
        }
    }
    bl_free(NULL, state, info.n_state_bits * sizeof *state);
    bl_free(NULL, planes, info.n_symbols * BL_LOGIT_BITS * sizeof *planes);
    bl_free(NULL, values, info.n_symbols * BL_LANES * sizeof *values);
    return n_different;
}

// Through the file: written as AIGER, read again, made a program of its own.
static bl_program *program_through_aiger(void)
{
    bl_graph *g, *back;
    bl_buffer aiger = {0};
    bl_program *p;
    bl_diag d = {0};
    REQUIRE(bl_graph_from_program(&g, program, NULL) == BL_OK);
    REQUIRE(bl_graph_write_aiger(&aiger, g, false) == BL_OK);
    REQUIRE(bl_graph_read_aiger(&back, aiger.data, aiger.bytes, "aiger", NULL, &d) == BL_OK);
    CHECK(back->n_latches == info.n_state_bits && back->n_inputs == 8);
    CHECK(strcmp(bl_graph_name(back, back->inputs[3].name), "byte[3]") == 0);
    REQUIRE(bl_program_from_graph(&p, back, NULL) == BL_OK);
    bl_graph_destroy(&g);
    bl_graph_destroy(&back);
    bl_buffer_clear(&aiger);
    return p;
}

static void logic_equals_reference_on_every_level(void)
{
    bl_program *luts, *graph = program_through_aiger();
    REQUIRE(bl_program_expand(&luts, program, NULL) == BL_OK);
    lockstep s = {.state = bl_alloc_array(NULL, BL_LANES, info.n_state_bits)};
    for (int level = 0; level < BL_CPU_COUNT; level++)
        if (bl_cpu_is_supported((bl_cpu)level))
            REQUIRE(bl_machine_create(&s.machines[s.n_machines++], program, (bl_cpu)level, NULL)
                    == BL_OK);
    REQUIRE(bl_machine_create(&s.machines[s.n_machines++], luts, bl_cpu_best(), NULL) == BL_OK);
    REQUIRE(bl_machine_create(&s.machines[s.n_machines++], graph, bl_cpu_best(), NULL) == BL_OK);
    CHECK(count_differences(&s, true, n_steps) == 0);
    CHECK(count_differences(&s, false, n_steps) == 0);
    printf("# %d programs and levels, 2 x %d steps, 512 lanes\n", s.n_machines, n_steps);
    for (int i = 0; i < s.n_machines; i++)
        bl_machine_destroy(&s.machines[i]);
    bl_program_destroy(&luts);
    bl_program_destroy(&graph);
    bl_free(NULL, s.state, BL_LANES * (size_t)info.n_state_bits);
}

// A flipped weight or threshold in the network must show in the comparison.
static void a_changed_network_is_noticed(void)
{
    uint8_t *copy = bl_alloc(NULL, file.bytes);
    int n_noticed = 0, n_trials = 0;
    for (int i = 0; i < 12; i++) {
        memcpy(copy, file.data, file.bytes);
        size_t at = file.bytes / 4 + bl_random_below(&rng, file.bytes / 2);
        copy[at] = copy[at] == 0 ? 1 : 0;
        bl_muxrnn *original = network, *changed;
        if (memcmp(copy, file.data, file.bytes) == 0
            || bl_muxrnn_read(&changed, copy, file.bytes, "changed", NULL, NULL) != BL_OK)
            continue;
        n_trials++;
        network = changed;
        lockstep s = {.state = bl_alloc_array(NULL, BL_LANES, info.n_state_bits), .n_machines = 2};
        for (int k = 0; k < 2; k++)
            REQUIRE(bl_machine_create(&s.machines[k], program, bl_cpu_best(), NULL) == BL_OK);
        n_noticed += count_differences(&s, true, 12) > 0;
        for (int k = 0; k < 2; k++)
            bl_machine_destroy(&s.machines[k]);
        bl_free(NULL, s.state, BL_LANES * (size_t)info.n_state_bits);
        network = original;
        bl_muxrnn_destroy(&changed);
    }
    bl_free(NULL, copy, file.bytes);
    printf("# %d of %d changes noticed\n", n_noticed, n_trials);
    CHECK(n_trials >= 6 && n_noticed * 10 >= n_trials * 9);
}

static void damaged_safetensors_are_refused_or_read(void)
{
    size_t header = 2000 < file.bytes ? 2000 : file.bytes;
    uint8_t *copy = bl_alloc(NULL, file.bytes);
    for (size_t i = 0; i < 400; i++) {
        bl_muxrnn *n = NULL;
        bl_diag d = {0};
        memcpy(copy, file.data, file.bytes);
        size_t bytes = file.bytes;
        if (i % 2)
            bytes = bl_random_below(&rng, file.bytes);
        else
            copy[bl_random_below(&rng, header)] = (uint8_t)bl_random_next(&rng);
        if (bl_muxrnn_read(&n, copy, bytes, "damaged", NULL, &d) == BL_OK)
            bl_muxrnn_destroy(&n);
        else
            CHECK(d.message[0]);
    }
    bl_free(NULL, copy, file.bytes);
}

static void write_loom(bl_buffer *loom)
{
    bl_loom_facts facts;
    bl_muxrnn_get_loom_facts(&facts, network);
    facts.name = "test";
    facts.n_ands = 1;
    REQUIRE(bl_loom_write(loom, &facts, program) == BL_OK);
}

static void damaged_looms_are_refused(void)
{
    bl_buffer loom = {0};
    write_loom(&loom);
    for (size_t i = 0; i < 300; i++) {
        bl_model *m = NULL;
        bl_diag d = {0};
        size_t at = bl_random_below(&rng, loom.bytes), bytes = i % 2 ? at : loom.bytes;
        uint8_t kept = loom.data[at];
        if (i % 2 == 0)
            loom.data[at] ^= (uint8_t)(1u << bl_random_below(&rng, 8));
        CHECK(bl_model_open(&m, loom.data, bytes, "damaged", NULL, &d) == BL_ERR_FORMAT
              && d.message[0]);
        loom.data[at] = kept;
    }
    bl_buffer_clear(&loom);
}

typedef struct opened {
    bl_buffer loom;
    bl_model *model;
    bl_runner *runner;
    uint8_t *states;
} opened;

static opened open_model(void)
{
    opened o = {0};
    write_loom(&o.loom);
    REQUIRE(bl_model_open(&o.model, o.loom.data, o.loom.bytes, "test", NULL, NULL) == BL_OK);
    REQUIRE(bl_runner_create(&o.runner, o.model, bl_cpu_best(), NULL) == BL_OK);
    o.states = bl_alloc_array(NULL, BL_LANES, bl_model_facts(o.model)->state_bytes);
    return o;
}

static void close_model(opened *o)
{
    bl_free(NULL, o->states, BL_LANES * bl_model_facts(o->model)->state_bytes);
    bl_runner_destroy(&o->runner);
    bl_model_destroy(&o->model);
    bl_buffer_clear(&o->loom);
}

static double probability(uint32_t cost) // 2^-cost, by squaring: no libm
{
    double p = 1, root = 0.5;
    for (uint32_t bit = BL_COST_BIT; bit > 0; bit >>= 1) {
        for (; cost >= bit; cost -= bit)
            p *= root;
        double x = root; // square root by Newton
        for (int i = 0; i < 60; i++)
            x = 0.5 * (x + root / x);
        root = x;
    }
    return p;
}

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
    uint64_t cost;
    uint32_t lane, own;
    uint8_t byte;
} plain_child;

static int by_cost(const void *x, const void *y)
{
    const plain_child *a = x, *b = y;
    if (a->cost != b->cost)
        return a->cost < b->cost ? -1 : 1;
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

// At temperature 0, against all children of all lanes, sorted.
static void the_most_probable_beam_is_what_sorting_finds(void)
{
    static plain_child children[BL_LANES * 256];
    static bl_beam_frame frame;
    opened o = open_model();
    const bl_model_info *facts = bl_model_facts(o.model);
    const uint32_t widths[] = {1, 7, 100, BL_LANES};
    uint8_t *empty = calloc(1, facts->state_bytes);
    for (int w = 0; w < 4; w++) {
        bl_beam *b;
        uint64_t costs_of_lanes[BL_LANES] = {0}, next_costs[BL_LANES];
        bl_beam_params params = {.width = widths[w]};
        REQUIRE(bl_beam_create(&b, o.model, empty, &params, NULL) == BL_OK);
        bool same = true;
        for (int t = 0; t < 12; t++) {
            uint8_t *states;
            const int16_t *bytes;
            size_t n = bl_beam_lanes(b, &states, &bytes), n_children = 0;
            bl_runner_step(o.runner, states, bytes, n, true);
            for (uint32_t lane = 0; lane < n; lane++) {
                uint32_t costs[256];
                bl_runner_costs(costs, o.runner, lane);
                for (uint32_t s = 0; s < facts->n_symbols; s++)
                    if (facts->symbol_byte[s] >= 0)
                        children[n_children++] =
                            (plain_child){costs_of_lanes[lane] + costs[s], lane, costs[s],
                                          (uint8_t)facts->symbol_byte[s]};
            }
            qsort(children, n_children, sizeof *children, by_cost);
            n_children = n_children < widths[w] ? n_children : widths[w];
            qsort(children, n_children, sizeof *children, by_lane);
            bl_beam_select(&frame, b, o.runner, 0);
            same &= frame.n_lanes == n_children;
            for (uint32_t i = 0; i < n_children; i++) {
                same &= frame.parent[i] == children[i].lane && frame.byte[i] == children[i].byte
                        && frame.cost[i] == (uint16_t)(children[i].own >> 16);
                next_costs[i] = children[i].cost;
            }
            memcpy(costs_of_lanes, next_costs, n_children * sizeof *next_costs);
        }
        CHECK(same);
        bl_beam_destroy(&b);
    }
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
    bl_diag d = {0};
    REQUIRE(n == 3);
    path = words[1];
    n_steps = atoi(words[2]);
    bl_random_seed(&rng, 1);
    REQUIRE(bl_file_open(&file, path, &d) == BL_OK);
    REQUIRE(bl_muxrnn_read(&network, file.data, file.bytes, path, NULL, &d) == BL_OK);
    bl_muxrnn_get_info(&info, network);
    REQUIRE(bl_muxrnn_weave(&program, network, NULL) == BL_OK);
    RUN(logic_equals_reference_on_every_level);
    RUN(a_changed_network_is_noticed);
    RUN(damaged_safetensors_are_refused_or_read);
    RUN(damaged_looms_are_refused);
    RUN(probabilities_of_all_bytes_add_up_to_one);
    RUN(a_kept_lane_keeps_its_state);
    RUN(a_text_read_in_the_lanes_is_the_text_read_byte_by_byte);
    RUN(scores_in_order_are_what_each_byte_costs);
    RUN(draws_come_as_often_as_they_should);
    RUN(draws_obey_bias_share_and_mask);
    RUN(beams_hold_different_texts_and_repeat);
    RUN(the_most_probable_beam_is_what_sorting_finds);
    RUN(drawn_beams_come_as_often_as_they_should);
    RUN(pruned_branches_vanish_and_leave_the_others);
    RUN(beams_keep_to_a_pattern);
    RUN(gumbel_draws_from_the_model);
    RUN(samples_repeat_on_every_level);
    bl_program_destroy(&program);
    bl_muxrnn_destroy(&network);
    bl_file_close(&file);
    return test_summary();
}
