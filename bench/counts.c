// SPDX-License-Identifier: MIT
// Neurons of 512 literals: as macro-operations against machine code, found again in plain ANDs, and
// as the work of two threads. Parts of group logic; outputs are compared before anything is timed.

#include "bench.h"
#include "circuits.h"

#include <bitloom/code.h>
#include <bitloom/netlist.h>

#include <string.h>

// Neurons of 512 random literals of n_inputs inputs, each one COUNT_GE.
static bl_program *neuron_program(uint32_t n_neurons, uint32_t n_inputs)
{
    enum { FAN_IN = 512 };
    bl_record in = {0}, none = {0}, out = {0};
    bl_assembler *a = NULL;
    bl_program *p = NULL;
    bl_random random;
    bl_random_seed(&random, 3);
    if (bl_record_add(&in, "in", n_inputs, false) == BL_OK
        && bl_record_add(&out, "out", n_neurons, false) == BL_OK
        && bl_assembler_create(&a, &in, &none, &out, NULL) == BL_OK) {
        bl_assembler_begin_entry(a, "step");
        for (uint32_t i = 0; i < n_neurons; i++) {
            uint32_t slots[FAN_IN], n_plain = 0, first = bl_assembler_input(a);
            for (uint32_t k = 0; k < FAN_IN; k++) {
                slots[k] = first + (uint32_t)bl_random_below(&random, n_inputs);
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
static bool report_neurons(const bench_context *c, uint32_t n_neurons, uint32_t n_inputs,
                           const char *name)
{
    bl_program *p = neuron_program(n_neurons, n_inputs);
    bl_machine *data = NULL, *code = NULL;
    bl_machine_params params = {.level = c->cpu, .run = BL_RUN_INTERPRETER};
    bool is_ok = p && bl_machine_create_as(&data, p, &params, NULL) == BL_OK;
    params.run = BL_RUN_CODE;
    bl_status status = is_ok ? bl_machine_create_as(&code, p, &params, NULL) : BL_ERR_MEMORY;
    if (status == BL_OK) {
        bl_random random;
        bl_random_seed(&random, 4);
        for (uint32_t i = 0; i < n_inputs; i++)
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

// Neurons that come back from plain ANDs, against their LUT3s and against COUNT_GEs of the same
// size that nobody had to find.
static bool report_recovered(const bench_context *c)
{
    enum { N = 60 };
    bl_graph *g = circuit_neurons(1024, 1, N, 512);
    bl_netlist *n = NULL;
    bl_program *programs[3] = {NULL, NULL, neuron_program(N, 1024)};
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

bool bench_counts(const bench_context *c)
{
    return report_neurons(c, 60, 1024, "macro 60 neurons")
           && report_neurons(c, 60, 512, "macro 60 neurons in L1")
           && report_neurons(c, 10000, 1024, "macro 10,000 neurons") && report_recovered(c)
           && report_threads(c, 300, BL_RUN_INTERPRETER, "2 threads data 1e6 ANDs")
           && report_threads(c, 300, BL_RUN_CODE, "2 threads code 1e6 ANDs")
           && report_threads(c, 3000, BL_RUN_INTERPRETER, "2 threads data 1e7 ANDs");
}
