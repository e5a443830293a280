// SPDX-License-Identifier: MIT
// The logic of a melted network against the integer reference. Usage: test-melt MODEL.safetensors
// STEPS: the number of steps to compare on 512 lanes.
#include "../test.h"
#include "real_text.h"

#include <bitloom/melt.h>

#include <math.h>

static const char *path;
static int n_steps;
static bl_file file;
static bl_muxrnn *network;
static bl_muxrnn_info info;
static bl_program *program;

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
    bl_program_destroy(&program);
    bl_muxrnn_destroy(&network);
    bl_file_close(&file);
    return test_summary();
}
