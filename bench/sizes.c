// SPDX-License-Identifier: MIT
// Data or code? The same kind of circuit at 10^3 to 10^8 ANDs, at 512 and at 4,096 lanes a call:
// machine code and the automatic choice against the interpreter. bench/chart.py draws it.
//
//     neurons   popcounts and thresholds: values are used soon and near
//     layers    gates with operands anywhere in the layer before: nothing is near

#include "bench.h"
#include "circuits.h"

#include <bitloom/code.h>

#include <string.h>

enum { MANY = 8, FEW_RUNS_FROM = 1 << 25 };

typedef struct racer {
    bl_machine *machine;
    size_t n_chunks;
    uint64_t n_runs; // at a time
} racer;

static void run_racer(void *context)
{
    racer *r = context;
    for (uint64_t i = 0; i < r->n_runs; i++)
        if (r->n_chunks == 1)
            bl_machine_run(r->machine, 0);
        else
            bl_machine_run_many(r->machine, 0, r->n_chunks);
}

static void count_runs(racer *r)
{
    for (r->n_runs = 1; r->n_runs < 1u << 20; r->n_runs *= 2) {
        uint64_t begun = bl_time_ns();
        run_racer(r);
        if (bl_time_ns() - begun > 500000)
            return;
    }
}

static bl_status start(racer *r, const bl_program *p, bl_cpu cpu, size_t n_chunks, bl_run run)
{
    bl_machine_params params = {.level = cpu, .n_chunks = n_chunks, .run = run};
    *r = (racer){.n_chunks = n_chunks};
    bl_status status = bl_machine_create_as(&r->machine, p, &params, NULL);
    if (status != BL_OK)
        return status;
    bl_program_info info;
    bl_program_get_info(&info, p);
    bl_random random;
    bl_random_seed(&random, 6);
    for (size_t c = 0; c < n_chunks; c++)
        for (uint32_t i = 0; i < info.n_inputs; i++)
            for (size_t k = 0; k < 8; k++)
                (bl_machine_input(r->machine) + c * bl_machine_stride(r->machine))[i].word[k] =
                    bl_random_next(&random);
    count_runs(r);
    return BL_OK;
}

static bool is_same(const racer *x, const racer *y, const bl_program *p)
{
    bl_program_info info;
    bl_program_get_info(&info, p);
    bool is_equal = true;
    for (size_t c = 0; c < x->n_chunks; c++)
        is_equal &= memcmp(bl_machine_output(x->machine) + c * bl_machine_stride(x->machine),
                           bl_machine_output(y->machine) + c * bl_machine_stride(y->machine),
                           info.n_outputs * sizeof(bl_plane))
                    == 0;
    return is_equal;
}

static bool race(const bench_context *c, const bl_program *p, const char *circuit, uint32_t n_ands,
                 size_t n_chunks, bl_run run, racer *data)
{
    racer r;
    bl_status status = start(&r, p, c->cpu, n_chunks, run);
    if (status == BL_ERR_UNSUPPORTED)
        return true;
    char name[64];
    snprintf(name, sizeof name, "%s %u x %zu %s", circuit, n_ands, n_chunks,
             run == BL_RUN_CODE ? "code" : "auto");
    if (status != BL_OK || !is_same(&r, data, p)) {
        fprintf(stderr, "bitloom: bench sizes: %s: %s\n", name,
                status == BL_OK ? "computes the wrong bits; not timed" : bl_status_text(status));
        bl_machine_destroy(&r.machine);
        return false;
    }
    bench_line line = {.group = "sizes",
                       .name = name,
                       .question = "how do code and the automatic choice compare with data?",
                       .anchor = "the interpreter",
                       .units = (double)n_ands * BL_LANES * (double)n_chunks,
                       .unit = "ANDs x patterns"};
    bench_pair(&line, run_racer, run_racer, &r, data, c->settings->seconds);
    double scale = (double)data->n_runs / (double)r.n_runs;
    line.ratio *= scale, line.low *= scale, line.high *= scale;
    line.contender_ns /= (double)r.n_runs;
    line.anchor_ns /= (double)data->n_runs;
    c->sink->report(c->sink, &line);
    bl_machine_destroy(&r.machine);
    return true;
}

// Takes over the graph.
static bool run_size(const bench_context *c, bl_graph *g, const char *circuit)
{
    bl_program *p = NULL;
    bool is_ok = g && bl_program_cover_graph(&p, g, NULL) == BL_OK;
    uint32_t n_ands = g ? g->n_ands : 0;
    bl_graph_destroy(&g);
    size_t most = n_ands < FEW_RUNS_FROM ? MANY : 1; // a run of the largest takes a second as it is
    for (size_t n_chunks = 1; n_chunks <= most && is_ok; n_chunks *= MANY) {
        racer data;
        is_ok = start(&data, p, c->cpu, n_chunks, BL_RUN_INTERPRETER) == BL_OK;
        if (!is_ok)
            fprintf(stderr, "bitloom: bench sizes: out of memory\n");
        is_ok = is_ok && race(c, p, circuit, n_ands, n_chunks, BL_RUN_CODE, &data);
        is_ok = is_ok && race(c, p, circuit, n_ands, n_chunks, BL_RUN_AUTO, &data);
        bl_machine_destroy(&data.machine);
    }
    bl_program_destroy(&p);
    return is_ok;
}

bool bench_sizes(const bench_context *c)
{
    static const struct {
        uint32_t n_neurons, fan_in, width; // of the layer of neurons; of six random layers
    } sizes[] = {{2, 64, 100},       {9, 128, 1000},       {30, 512, 10000},
                 {280, 512, 100000}, {2800, 512, 1000000}, {28000, 512, 0}};
    bool is_ok = true;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes && is_ok; i++) {
        is_ok =
            run_size(c, circuit_neurons(1024, 1, sizes[i].n_neurons, sizes[i].fan_in), "neurons");
        if (is_ok && sizes[i].width > 0)
            is_ok = run_size(c, circuit_random_layers(6, sizes[i].width), "layers");
    }
    return is_ok;
}
