// SPDX-License-Identifier: MIT
// test-ways [N [SEED]]: N random circuits (1,000), before and after every simplification effort
// from 0 to 4, run in every way that this machine has, and all of it compared with the plainest
// walk.

#include "../plain_graph.h"

#include <bitloom/code.h>
#include <bitloom/netlist.h>
#include <bitloom/simplify.h>

enum { N_STEPS = 2, MAX_CHUNKS = 3, MAX_EFFORT = 4, WORDS = MAX_CHUNKS * 8 };

typedef struct circuit {
    bl_graph *graph;
    uint64_t *in;       // of each step and word, all inputs
    uint64_t *expected; // of each step and word, all outputs
} circuit;

static uint64_t n_comparisons, n_differences;

static uint64_t *row(uint64_t *all, uint32_t n, int step, uint32_t word)
{
    return all + ((size_t)step * WORDS + word) * n;
}

// Small ones most of the time: sizes are even on a scale of logarithms.
static void create(circuit *c)
{
    uint32_t n_ands = 1 + ((uint32_t)bl_random_below(&rng, 2000) >> bl_random_below(&rng, 9));
    uint32_t n_latches = bl_random_below(&rng, 3) ? 0 : 1 + (uint32_t)bl_random_below(&rng, 20);
    bl_graph *g = random_graph(1 + (uint32_t)bl_random_below(&rng, 40), n_latches, n_ands,
                               1 + (uint32_t)bl_random_below(&rng, 20));
    c->graph = g;
    c->in = malloc((size_t)N_STEPS * WORDS * g->n_inputs * 8);
    c->expected = malloc((size_t)N_STEPS * WORDS * g->n_outputs * 8);
    for (size_t i = 0; i < (size_t)N_STEPS * WORDS * g->n_inputs; i++)
        c->in[i] = bl_random_next(&rng);
    plain p = {calloc(g->n_nodes, 8), calloc(g->n_latches + 1, 8)};
    for (uint32_t w = 0; w < WORDS; w++) {
        for (uint32_t i = 0; i < g->n_latches; i++)
            p.state[i] = g->latches[i].reset == BL_RESET_ONE ? ~0ull : 0;
        for (int t = 0; t < N_STEPS; t++)
            plain_step(&p, g, row(c->in, g->n_inputs, t, w), row(c->expected, g->n_outputs, t, w));
    }
    free(p.value);
    free(p.state);
}

static void destroy(circuit *c)
{
    bl_graph_destroy(&c->graph);
    free(c->in);
    free(c->expected);
}

static void compare(const circuit *c, bl_machine *m, int step, size_t n_chunks, const char *way)
{
    uint32_t n = c->graph->n_outputs;
    uint64_t differences = 0;
    for (size_t w = 0; w < 8 * n_chunks; w++) {
        const bl_plane *out = bl_machine_output(m) + w / 8 * bl_machine_stride(m);
        const uint64_t *expected = row(c->expected, n, step, (uint32_t)w);
        for (uint32_t i = 0; i < n; i++)
            differences |= out[i].word[w % 8] ^ expected[i];
    }
    n_comparisons += n;
    n_differences += differences != 0;
    if (differences)
        fprintf(stderr, "a circuit of %u ANDs differs in step %d: %s, %zu chunks\n",
                c->graph->n_ands, step, way, n_chunks);
}

// `simple` is the circuit or a simplified form of it, the program is one of `simple`.
static void run(const circuit *c, const bl_graph *simple, const bl_program *p, bl_cpu level,
                bl_run how, size_t n_chunks)
{
    bl_machine_params params = {.level = level, .run = how, .n_chunks = n_chunks};
    bl_machine *m;
    if (how == BL_RUN_CODE && !bl_code_is_possible(level))
        return;
    REQUIRE(bl_machine_create_as(&m, p, &params, NULL) == BL_OK);
    for (size_t k = 0; k < n_chunks; k++)
        for (uint32_t i = 0; i < simple->n_latches; i++)
            bl_plane_fill(&bl_machine_state(m)[k * bl_machine_stride(m) + i],
                          simple->latches[i].reset == BL_RESET_ONE);
    for (int t = 0; t < N_STEPS; t++) {
        for (size_t w = 0; w < 8 * n_chunks; w++) {
            bl_plane *in = bl_machine_input(m) + w / 8 * bl_machine_stride(m);
            for (uint32_t i = 0; i < c->graph->n_inputs; i++)
                in[i].word[w % 8] = row(c->in, c->graph->n_inputs, t, (uint32_t)w)[i];
        }
        bl_machine_run_many(m, 0, n_chunks);
        compare(c, m, t, n_chunks, how == BL_RUN_CODE ? "code" : "data");
    }
    bl_machine_destroy(&m);
}

static bl_program *program_of(const bl_graph *g, bool is_mapped, bl_target target)
{
    bl_program *p;
    bl_netlist *n;
    if (!is_mapped) {
        REQUIRE(bl_program_from_graph(&p, g, NULL) == BL_OK);
        return p;
    }
    REQUIRE(bl_netlist_map(&n, g, &(bl_map_params){.target = target}, NULL) == BL_OK);
    REQUIRE(bl_program_from_netlist(&p, n, NULL) == BL_OK);
    bl_netlist_destroy(&n);
    return p;
}

// As written or mapped to one of the targets, by turns.
static void run_all_ways(const circuit *c, const bl_graph *simple, uint32_t turn)
{
    bl_program *p = program_of(simple, turn % 3 > 0, (bl_target)(turn % BL_TARGET_COUNT));
    for (int level = 0; level < BL_CPU_COUNT; level++)
        if (bl_cpu_is_supported((bl_cpu)level))
            for (size_t n_chunks = 1; n_chunks <= MAX_CHUNKS; n_chunks += 2)
                for (int how = BL_RUN_INTERPRETER; how <= BL_RUN_CODE; how++)
                    run(c, simple, p, (bl_cpu)level, (bl_run)how, n_chunks);
    bl_program_destroy(&p);
}

static void check_circuit(uint32_t index)
{
    circuit c;
    create(&c);
    for (uint32_t effort = 0; effort <= MAX_EFFORT; effort++) {
        bl_graph *simple;
        bl_simplify_params params = {.effort = effort};
        REQUIRE(bl_graph_simplify(&simple, c.graph, &params, NULL, NULL) == BL_OK);
        REQUIRE(simple->n_inputs == c.graph->n_inputs && simple->n_outputs == c.graph->n_outputs);
        run_all_ways(&c, simple, index + effort);
        bl_graph_destroy(&simple);
    }
    run_all_ways(&c, c.graph, index);
    destroy(&c);
}

int main(int argc, char **argv)
{
    uint64_t n = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000;
    uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    for (uint64_t i = 0; i < n; i++) {
        bl_random_seed(&rng, bl_mix64(seed) + i);
        uint64_t before = n_differences;
        check_circuit((uint32_t)i);
        if (n_differences != before)
            fprintf(stderr, "seed %llu, circuit %llu\n", (unsigned long long)seed,
                    (unsigned long long)i);
    }
    printf("%llu circuits, %llu outputs compared over all lanes, %llu runs wrong\n",
           (unsigned long long)n, (unsigned long long)n_comparisons,
           (unsigned long long)n_differences);
    return n_differences > 0;
}
