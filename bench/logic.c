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

// -------------------------------------------------------------------------- macro-operations

// Neurons of 512 random literals of 1,024 inputs, each one COUNT_GE.
static bl_program *neuron_program(uint32_t n_neurons)
{
    enum { N_INPUTS = 1024, FAN_IN = 512 };
    bl_record in = {0}, none = {0}, out = {0};
    bl_assembler *a = NULL;
    bl_program *p = NULL;
    bl_random random;
    bl_random_seed(&random, 3);
    if (bl_record_add(&in, "in", N_INPUTS, false) == BL_OK
        && bl_record_add(&out, "out", n_neurons, false) == BL_OK
        && bl_assembler_create(&a, &in, &none, &out, NULL) == BL_OK) {
        bl_assembler_begin_entry(a, "step");
        for (uint32_t i = 0; i < n_neurons; i++) {
            uint32_t slots[FAN_IN], n_plain = 0, first = bl_assembler_input(a);
            for (uint32_t k = 0; k < FAN_IN; k++) {
                slots[k] = first + (uint32_t)bl_random_below(&random, N_INPUTS);
                n_plain += (uint32_t)bl_random_below(&random, 2);
            }
            bl_literal_list list = {slots, slots + n_plain, n_plain, FAN_IN - n_plain};
            bl_assembler_count_ge(a, bl_assembler_output(a) + i, &list, FAN_IN / 2);
        }
        if (bl_assembler_finish(&p, a) != BL_OK)
            p = NULL;
    }
    bl_assembler_destroy(&a);
    bl_record_clear(&in);
    bl_record_clear(&out);
    return p;
}

static void run_one(void *context) { bl_machine_run(context, 0); }

// Against the same neurons as machine code; both give the same outputs.
static bool report_neurons(const bench_context *c, uint32_t n_neurons, const char *name)
{
    bl_program *p = neuron_program(n_neurons);
    bl_machine *data = NULL, *code = NULL;
    bl_machine_params params = {.level = c->cpu, .run = BL_RUN_INTERPRETER};
    bool is_ok = p && bl_machine_create_as(&data, p, &params, NULL) == BL_OK;
    params.run = BL_RUN_CODE;
    bl_status status = is_ok ? bl_machine_create_as(&code, p, &params, NULL) : BL_ERR_MEMORY;
    if (status == BL_OK) {
        bl_random random;
        bl_random_seed(&random, 4);
        for (uint32_t i = 0; i < 1024; i++)
            for (size_t k = 0; k < 8; k++)
                bl_machine_input(data)[i].word[k] = bl_machine_input(code)[i].word[k] =
                    bl_random_next(&random);
        bl_machine_run(data, 0);
        bl_machine_run(code, 0);
        is_ok =
            memcmp(bl_machine_output(data), bl_machine_output(code), n_neurons * sizeof(bl_plane))
            == 0;
    }
    if (status == BL_OK && is_ok) {
        bl_program_info info;
        bl_program_get_info(&info, p);
        bench_line line = {.group = "logic",
                           .name = name,
                           .question = "neurons of 512 literals as macro-operations",
                           .anchor = "their LUT3s as machine code",
                           .units = (double)info.n_lut3 * BL_LANES,
                           .unit = "LUT3s x patterns"};
        bench_pair(&line, run_one, run_one, data, code, c->settings->seconds);
        line.cycles = line.contender_ns / bench_cycle_ns() / (double)info.n_lut3;
        c->sink->report(c->sink, &line);
    } else if (status != BL_ERR_UNSUPPORTED)
        fprintf(stderr, "bitloom: bench logic: %s: %s\n", name,
                is_ok ? bl_status_text(status) : "code and data differ; nothing was timed");
    bl_machine_destroy(&data);
    bl_machine_destroy(&code);
    bl_program_destroy(&p);
    return is_ok;
}

// Random inputs for both; whether their outputs agree.
static bool agree(bl_machine *a, bl_machine *b, const bl_program *p, bl_pool *pool)
{
    bl_random random;
    bl_program_info info;
    bl_random_seed(&random, 5);
    bl_program_get_info(&info, p);
    for (uint32_t i = 0; i < info.n_inputs; i++)
        for (size_t k = 0; k < 8; k++)
            bl_machine_input(a)[i].word[k] = bl_machine_input(b)[i].word[k] =
                bl_random_next(&random);
    bl_machine_run_on(a, 0, 1, pool);
    bl_machine_run(b, 0);
    return memcmp(bl_machine_output(a), bl_machine_output(b), info.n_outputs * sizeof(bl_plane))
           == 0;
}

static void report_counts(const bench_context *c, const char *anchor, bl_machine *found,
                          bl_machine *other, const bl_program *p)
{
    bl_program_info info;
    bl_program_get_info(&info, p);
    bench_line line = {.group = "logic",
                       .name = "recovered 60 neurons",
                       .question = "neurons that the mapper found in ANDs, as data",
                       .anchor = anchor,
                       .units = (double)info.n_lut3 * BL_LANES,
                       .unit = "LUT3s x patterns"};
    bench_pair(&line, run_one, run_one, found, other, c->settings->seconds / 2);
    line.cycles = line.contender_ns / bench_cycle_ns() / (double)info.n_lut3;
    c->sink->report(c->sink, &line);
}

// Neurons that come back from plain ANDs, against their LUT3s and against COUNT_GEs of the same size
// that nobody had to find.
static bool report_recovered(const bench_context *c)
{
    enum { N = 60 };
    bl_graph *g = circuit_neurons(1024, 1, N, 512);
    bl_netlist *n = NULL;
    bl_program *programs[3] = {NULL, NULL, neuron_program(N)};
    bl_machine *m[3] = {NULL};
    bl_map_params params = {.finds_counts = true};
    bool is_ok = g && programs[2] && bl_netlist_map(&n, g, &params, NULL) == BL_OK
                 && bl_program_from_netlist(&programs[0], n, NULL) == BL_OK
                 && bl_program_cover_graph(&programs[1], g, NULL) == BL_OK;
    for (int i = 0; i < 3 && is_ok; i++)
        is_ok = bl_machine_create(&m[i], programs[i], c->cpu, NULL) == BL_OK;
    is_ok = is_ok && n->n_counts == N && agree(m[0], m[1], programs[1], NULL);
    if (is_ok) {
        report_counts(c, "their LUT3s as data", m[0], m[1], programs[0]);
        report_counts(c, "COUNT_GEs written by hand", m[0], m[2], programs[0]);
    } else
        fprintf(stderr, "bitloom: bench logic: recovered neurons differ; nothing was timed\n");
    for (int i = 0; i < 3; i++) {
        bl_machine_destroy(&m[i]);
        bl_program_destroy(&programs[i]);
    }
    bl_netlist_destroy(&n);
    bl_graph_destroy(&g);
    return is_ok;
}

// --------------------------------------------------------------- threads that share an evaluation

typedef struct shared_run {
    bl_machine *machine;
    bl_pool *pool;
} shared_run;

static void run_shared(void *context)
{
    shared_run *r = context;
    bl_machine_run_on(r->machine, 0, 1, r->pool);
}

static bool report_threads(const bench_context *c, uint32_t n_neurons, bl_run run, const char *name)
{
    bl_graph *g = circuit_neurons(1024, 1, n_neurons, 512);
    bl_program *p = NULL;
    bl_machine *one = NULL;
    shared_run two = {NULL, NULL};
    bl_machine_params params = {.level = c->cpu, .run = run};
    bl_status status = g ? bl_program_cover_graph(&p, g, NULL) : BL_ERR_MEMORY;
    if (status == BL_OK)
        status = bl_machine_create_as(&one, p, &params, NULL);
    params.n_threads = 2;
    if (status == BL_OK)
        status = bl_machine_create_as(&two.machine, p, &params, NULL);
    if (status == BL_OK)
        status = bl_pool_create(&two.pool, 2, NULL);
    bool is_ok = status == BL_OK && agree(two.machine, one, p, two.pool);
    if (is_ok) {
        bench_line line = {.group = "logic",
                           .name = name,
                           .question = "512 lanes of one network, the work of two threads",
                           .anchor = "one thread",
                           .units = (double)g->n_ands * BL_LANES,
                           .unit = "ANDs x patterns"};
        bench_pair(&line, run_shared, run_one, &two, one, c->settings->seconds);
        c->sink->report(c->sink, &line);
    } else if (status != BL_ERR_UNSUPPORTED)
        fprintf(stderr, "bitloom: bench logic: %s: %s\n", name,
                status == BL_OK ? "the threads differ; nothing was timed" : bl_status_text(status));
    bl_machine_destroy(&one);
    bl_machine_destroy(&two.machine);
    bl_pool_destroy(&two.pool);
    bl_program_destroy(&p);
    bl_graph_destroy(&g);
    return is_ok || status == BL_ERR_UNSUPPORTED;
}

// ------------------------------------------------------------------------- how fast it is built

typedef struct build {
    const bl_graph *g;
    bl_program *p;
    bl_cpu cpu;
    uint64_t sum;
} build;

static void read_nodes(void *context) // twice 4 bytes for each node: what nobody can avoid
{
    build *b = context;
    for (uint32_t id = 0; id < b->g->n_nodes; id++)
        b->sum += b->g->fanin0[id] ^ b->g->fanin1[id];
    __asm__ volatile("" : "+m"(b->sum));
}

static void hash_again(void *context)
{
    build *b = context;
    bl_graph *g;
    if (bl_graph_create(&g, NULL) != BL_OK)
        return;
    for (uint32_t id = 1; id < b->g->n_nodes; id++)
        if (b->g->fanin0[id] == BL_NODE_INPUT)
            bl_graph_input(g, NULL);
        else
            bl_graph_and(g, b->g->fanin0[id], b->g->fanin1[id]);
    bl_graph_destroy(&g);
}

static void map_again(void *context)
{
    build *b = context;
    bl_netlist *n;
    if (bl_netlist_map(&n, b->g, NULL, NULL) == BL_OK)
        bl_netlist_destroy(&n);
}

static void find_again(void *context)
{
    build *b = context;
    bl_netlist *n;
    bl_map_params params = {.finds_counts = true};
    if (bl_netlist_map(&n, b->g, &params, NULL) == BL_OK)
        bl_netlist_destroy(&n);
}

static void compile_again(void *context)
{
    build *b = context;
    bl_code *code;
    if (bl_code_compile(&code, b->p, &(bl_code_params){.level = b->cpu}, NULL) == BL_OK)
        bl_code_destroy(&code);
}

static bool report_builds(const bench_context *c)
{
    build b = {.g = circuit_neurons(1024, 1, 300, 512), .cpu = c->cpu};
    if (!b.g || bl_program_cover_graph(&b.p, b.g, NULL) != BL_OK)
        return false;
    bl_program_info info;
    bl_program_get_info(&info, b.p);
    const struct {
        const char *name, *question, *unit;
        bench_run *run;
        double units;
    } lines[] = {
        {"hash", "structural hashing of a million ANDs", "ANDs", hash_again, b.g->n_ands},
        {"map", "LUT3s of small area for them", "ANDs", map_again, b.g->n_ands},
        {"find", "counts in them", "ANDs", find_again, b.g->n_ands},
        {"compile", "machine code for their LUT3s", "LUT3s", compile_again,
         (double)info.n_lut3_operations},
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        if (lines[i].run == compile_again && !bl_code_is_possible(c->cpu))
            continue;
        bench_line line = {.group = "logic",
                           .name = lines[i].name,
                           .question = lines[i].question,
                           .anchor = "reading the nodes once",
                           .units = lines[i].units,
                           .unit = lines[i].unit};
        bench_pair(&line, lines[i].run, read_nodes, &b, &b, c->settings->seconds);
        c->sink->report(c->sink, &line);
    }
    bl_program_destroy(&b.p);
    bl_graph *g = (bl_graph *)(uintptr_t)b.g;
    bl_graph_destroy(&g);
    return true;
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
    is_ok = is_ok && report_neurons(c, 60, "macro 60 neurons");
    is_ok = is_ok && report_neurons(c, 15000, "macro 15,000 neurons");
    is_ok = is_ok && report_recovered(c);
    is_ok = is_ok && report_threads(c, 300, BL_RUN_INTERPRETER, "2 threads data 1e6 ANDs");
    is_ok = is_ok && report_threads(c, 300, BL_RUN_CODE, "2 threads code 1e6 ANDs");
    is_ok = is_ok && report_threads(c, 3000, BL_RUN_INTERPRETER, "2 threads data 1e7 ANDs");
    return is_ok && report_builds(c);
}
