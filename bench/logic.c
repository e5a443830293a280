// SPDX-License-Identifier: MIT
// How fast do circuits run as data and as code? Anchor: the interpreter that one would write first
// (naive.h) at the same number of lanes, in turns with ours. Speeds are ANDs of the input file
// times patterns, so that mapping to LUTs counts as speed, and so does --simplified FOLDER, which
// has smaller versions of them. bench/abc.py sets the speeds beside ABC.

#include "bench.h"
#include "circuits.h"
#include "naive.h"

#include <bitloom/code.h>
#include <bitloom/netlist.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MANY = 8 }; // chunks of 512 lanes where a line says so

typedef struct contest {
    const bl_graph *g;
    bl_cpu cpu;
    bl_machine *machine;
    size_t n_chunks;
    bl_plane *planes; // of the naive interpreter, one chunk
    naive_run *naive;
    uint64_t n_runs, n_naive_runs; // at a time, so that each begins with warm caches
} contest;

static naive_run *find_naive(bl_cpu cpu)
{
#if defined(__x86_64__)
    if (cpu == BL_CPU_AVX512)
        return naive_run_avx512;
    if (cpu == BL_CPU_AVX2)
        return naive_run_avx2;
#endif
    (void)cpu;
    return naive_run_c;
}

static void run_machine(void *context)
{
    contest *c = context;
    for (uint64_t i = 0; i < c->n_runs; i++)
        if (c->n_chunks == 1)
            bl_machine_run(c->machine, 0);
        else
            bl_machine_run_many(c->machine, 0, c->n_chunks);
}

static void run_naive(void *context)
{
    contest *c = context;
    for (uint64_t i = 0; i < c->n_naive_runs; i++)
        c->naive(c->planes, c->g);
}

// How often a contender must run to take some milliseconds: what the other one threw out of the
// caches is fetched again, but once.
static void count_runs(bench_run *run, contest *c, uint64_t *n)
{
    for (*n = 1;; *n *= 2) {
        uint64_t begun = bl_time_ns();
        run(c);
        if (bl_time_ns() - begun > 3000000)
            return;
    }
}

static bl_plane plane_of(const contest *c, bl_lit lit)
{
    bl_plane x = c->planes[lit >> 1];
    for (size_t k = 0; k < 8; k++)
        x.word[k] ^= lit & 1 ? ~UINT64_C(0) : 0;
    return x;
}

// The same random inputs for both, in every chunk; the outputs must agree.
static bool is_right(contest *c)
{
    bl_random random;
    bl_random_seed(&random, 2);
    size_t stride = bl_machine_stride(c->machine);
    for (uint32_t i = 0; i < c->g->n_inputs; i++) {
        bl_plane *x = &c->planes[c->g->inputs[i].node];
        for (size_t k = 0; k < 8; k++)
            x->word[k] = bl_random_next(&random);
        for (size_t k = 0; k < c->n_chunks; k++)
            bl_machine_input(c->machine)[k * stride + i] = *x;
    }
    run_naive(c);
    run_machine(c);
    bool is_equal = true;
    for (uint32_t i = 0; i < c->g->n_outputs; i++) {
        bl_plane expected = plane_of(c, c->g->outputs[i].lit);
        for (size_t k = 0; k < c->n_chunks; k++)
            is_equal &=
                memcmp(&expected, &bl_machine_output(c->machine)[k * stride + i], sizeof expected)
                == 0;
    }
    return is_equal;
}

typedef struct way { // to run a program
    const char *name;
    bl_run run;
    size_t n_chunks;
    double log_speed, log_ratio;
    int n;
} way;

static bool run_way(const bench_context *c, contest *x, const bl_program *p, const char *circuit,
                    way *w)
{
    bl_machine_params params = {.level = c->cpu, .n_chunks = w->n_chunks, .run = w->run};
    x->n_chunks = w->n_chunks;
    bl_status status = bl_machine_create_as(&x->machine, p, &params, NULL);
    if (status == BL_ERR_UNSUPPORTED)
        return true; // no machine code here
    char name[64];
    snprintf(name, sizeof name, "%s %s", w->name, circuit);
    if (status != BL_OK || !is_right(x)) {
        fprintf(stderr, "bitloom: bench logic: %s computes the wrong bits; nothing was timed\n",
                name);
        bl_machine_destroy(&x->machine);
        return false;
    }
    bl_program_info info;
    bl_program_get_info(&info, p);
    count_runs(run_machine, x, &x->n_runs);
    count_runs(run_naive, x, &x->n_naive_runs);
    bench_line line = {.group = "logic",
                       .name = name,
                       .question = "how many ANDs of the circuit times patterns a second?",
                       .anchor = "the naive interpreter",
                       .units = (double)x->g->n_ands * BL_LANES * (double)w->n_chunks,
                       .unit = "ANDs x patterns"};
    bench_pair(&line, run_machine, run_naive, x, x, c->settings->seconds / 4);
    line.contender_ns /= (double)x->n_runs;
    line.anchor_ns *= (double)w->n_chunks / (double)x->n_naive_runs;
    double scale = (double)x->n_naive_runs / (double)x->n_runs / (double)w->n_chunks;
    line.ratio *= scale, line.low *= scale, line.high *= scale;
    x->n_runs = x->n_naive_runs = 1;
    double luts = (double)info.n_lut3_operations * (double)w->n_chunks;
    line.cycles = line.contender_ns / bench_cycle_ns() / luts;
    c->sink->report(c->sink, &line);
    w->log_speed += log(line.units / (line.contender_ns * 1e-9));
    w->log_ratio += log(line.ratio);
    w->n++;
    bl_machine_destroy(&x->machine);
    return true;
}

typedef struct single {
    const bl_graph *g;
    uint8_t *values;
} single;

static void run_single(void *context)
{
    single *s = context;
    naive_one_pattern(s->values, s->g);
}

// The interpreter's 512 patterns against one at a time, per pattern.
static bool report_single(const bench_context *c, contest *x, const bl_program *p)
{
    single s = {.g = x->g, .values = bl_alloc(NULL, x->g->n_nodes)};
    x->n_chunks = 1;
    bool is_ok =
        s.values && bl_machine_create(&x->machine, p, c->cpu, NULL) == BL_OK && is_right(x);
    if (is_ok) {
        for (uint32_t i = 0; i < x->g->n_inputs; i++)
            s.values[x->g->inputs[i].node] = bl_machine_input(x->machine)[i].word[0] & 1;
        run_single(&s);
        for (uint32_t i = 0; i < x->g->n_outputs; i++) {
            bl_lit lit = x->g->outputs[i].lit;
            is_ok &=
                (s.values[lit >> 1] ^ (lit & 1)) == (bl_machine_output(x->machine)[i].word[0] & 1);
        }
    }
    if (is_ok) {
        bench_line line = {.group = "logic",
                           .name = "data, 30 neurons",
                           .question = "what do 512 patterns at a time save?",
                           .anchor = "one pattern at a time, a byte for each node",
                           .units = (double)x->g->n_ands * BL_LANES,
                           .unit = "ANDs x patterns"};
        bench_pair(&line, run_machine, run_single, x, &s, c->settings->seconds / 4);
        line.ratio /= BL_LANES, line.low /= BL_LANES, line.high /= BL_LANES;
        line.anchor_ns *= BL_LANES;
        c->sink->report(c->sink, &line);
    } else
        fprintf(stderr, "bitloom: bench logic: one pattern at a time differs; nothing was timed\n");
    bl_machine_destroy(&x->machine);
    bl_free(NULL, s.values, x->g->n_nodes);
    return is_ok;
}

// Of the simplified circuit where --simplified has one with the same ports; is_right finds out
// whether it computes the same.
static bl_status make_program(bl_program **p, const bench_context *c, const bl_graph *g,
                              const char *name)
{
    const char *folder = c->settings->simplified;
    bl_graph *small = folder ? circuit_from_folder(folder, name) : NULL;
    bool is_match = small && small->n_inputs == g->n_inputs && small->n_outputs == g->n_outputs;
    bl_status status = bl_program_cover_graph(p, is_match ? small : g, NULL);
    bl_graph_destroy(&small);
    return status;
}

// Takes over the graph.
static bool run_circuit(const bench_context *c, bl_graph *g, const char *name, way *ways, int n)
{
    contest x = {
        .g = g, .cpu = c->cpu, .naive = find_naive(c->cpu), .n_runs = 1, .n_naive_runs = 1};
    bl_program *p = NULL;
    x.planes = bl_alloc_array(NULL, g->n_nodes, sizeof *x.planes);
    bool is_ok = x.planes && make_program(&p, c, g, name) == BL_OK;
    for (int i = 0; i < n && is_ok; i++)
        is_ok = run_way(c, &x, p, name, &ways[i]);
    if (is_ok && strcmp(name, "30 neurons") == 0)
        is_ok = report_single(c, &x, p);
    bl_program_destroy(&p);
    bl_free(NULL, x.planes, g->n_nodes * sizeof *x.planes);
    bl_graph_destroy(&g);
    return is_ok;
}

static void report_mean(const bench_context *c, const way *w)
{
    if (w->n == 0)
        return;
    char name[64];
    snprintf(name, sizeof name, "%s geomean", w->name);
    double speed = exp(w->log_speed / w->n), ratio = exp(w->log_ratio / w->n);
    bench_line line = {.group = "logic",
                       .name = name,
                       .question = "the geometric mean of the circuits above",
                       .anchor = "the naive interpreter",
                       .ratio = ratio,
                       .low = ratio,
                       .high = ratio,
                       .contender_ns = 1e9,
                       .anchor_ns = 1e9 / ratio,
                       .units = speed,
                       .unit = "ANDs x patterns"};
    c->sink->report(c->sink, &line);
}

bool bench_logic(const bench_context *c)
{
    static const char *const names[] = {"adder",      "arbiter",  "bar",       "ctrl", "dec",
                                        "div",        "hyp",      "int2float", "log2", "mem_ctrl",
                                        "multiplier", "priority", "router",    "sqrt", "voter"};
    way ways[] = {{.name = "code", .run = BL_RUN_CODE, .n_chunks = 1},
                  {.name = "code8", .run = BL_RUN_CODE, .n_chunks = MANY},
                  {.name = "data", .run = BL_RUN_INTERPRETER, .n_chunks = 1},
                  {.name = "data8", .run = BL_RUN_INTERPRETER, .n_chunks = MANY}};
    enum { N_WAYS = sizeof ways / sizeof *ways };
    bool is_ok = true;
    uint32_t n_absent = 0;
    for (size_t i = 0; i < sizeof names / sizeof *names && is_ok; i++) {
        bl_graph *g = circuit_from_data(names[i]);
        n_absent += !g;
        is_ok = !g || run_circuit(c, g, names[i], ways, N_WAYS);
    }
    if (n_absent > 0)
        fprintf(stderr,
                "bitloom: bench logic: %u of the EPFL circuits are absent (BITLOOM_DATA names "
                "the folder of circuits/epfl/*.aig)\n",
                n_absent);
    bl_graph *g = circuit_neurons(1024, 1, 30, 512);
    is_ok = is_ok && g && run_circuit(c, g, "30 neurons", ways, N_WAYS);
    g = is_ok ? circuit_neurons(1024, 8, 512, 64) : NULL;
    is_ok = is_ok && g && run_circuit(c, g, "8 layers", ways, N_WAYS);
    for (int i = 0; i < N_WAYS && is_ok; i++)
        report_mean(c, &ways[i]);
    return is_ok && bench_counts(c) && bench_builds(c);
}
