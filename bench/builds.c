// SPDX-License-Identifier: MIT
// How fast programs are built: hashing, mapping, finding counts, compiling. A part of group logic.

#include "bench.h"
#include "circuits.h"

#include <bitloom/code.h>
#include <bitloom/netlist.h>

#include <string.h>

typedef struct build {
    bl_graph *g;
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

static bl_graph *hash(const build *b)
{
    bl_graph *g;
    if (bl_graph_create(&g, NULL) != BL_OK)
        return NULL;
    for (uint32_t id = 1; id < b->g->n_nodes; id++)
        if (b->g->fanin0[id] == BL_NODE_INPUT)
            bl_graph_input(g, NULL);
        else
            bl_graph_and(g, b->g->fanin0[id], b->g->fanin1[id]);
    return g;
}

static bl_netlist *map(const build *b, bool finds_counts)
{
    bl_netlist *n;
    bl_map_params params = {.finds_counts = finds_counts};
    return bl_netlist_map(&n, b->g, &params, NULL) == BL_OK ? n : NULL;
}

static bl_code *compile(const build *b)
{
    bl_code *code;
    bl_code_params params = {.level = b->cpu};
    return bl_code_compile(&code, b->p, &params, NULL) == BL_OK ? code : NULL;
}

static void hash_again(void *context)
{
    bl_graph *g = hash(context);
    bl_graph_destroy(&g);
}

static void map_again(void *context)
{
    bl_netlist *n = map(context, false);
    bl_netlist_destroy(&n);
}

static void find_again(void *context)
{
    bl_netlist *n = map(context, true);
    bl_netlist_destroy(&n);
}

static void compile_again(void *context)
{
    bl_code *code = compile(context);
    bl_code_destroy(&code);
}

// ------------------------------------------------------------ what is built is right, once

// The outputs of a program after one run, the same random inputs at every call; freed by the
// caller.
static bl_plane *outputs(const bl_program *p, const bl_machine_params *params)
{
    bl_machine *m;
    bl_random random;
    bl_program_info info;
    if (!p || bl_machine_create_as(&m, p, params, NULL) != BL_OK)
        return NULL;
    bl_random_seed(&random, 6);
    bl_program_get_info(&info, p);
    for (uint32_t i = 0; i < info.n_inputs; i++)
        for (size_t k = 0; k < 8; k++)
            bl_machine_input(m)[i].word[k] = bl_random_next(&random);
    bl_machine_run(m, 0);
    bl_plane *planes = bl_alloc_array(NULL, info.n_outputs, sizeof *planes);
    if (planes)
        memcpy(planes, bl_machine_output(m), info.n_outputs * sizeof *planes);
    bl_machine_destroy(&m);
    return planes;
}

static bool computes(const build *b, const bl_program *p, const bl_machine_params *params)
{
    bl_machine_params plain = {.level = b->cpu, .run = BL_RUN_INTERPRETER};
    size_t n = b->g->n_outputs;
    bl_plane *expected = outputs(b->p, &plain), *found = outputs(p, params);
    bool is_same = expected && found && memcmp(expected, found, n * sizeof *found) == 0;
    bl_free(NULL, expected, n * sizeof *expected);
    bl_free(NULL, found, n * sizeof *found);
    return is_same;
}

static bool hash_is_right(const build *b)
{
    bl_graph *g = hash(b);
    size_t bytes = b->g->n_nodes * sizeof *g->fanin0;
    bool is_same = g && g->n_nodes == b->g->n_nodes && memcmp(g->fanin0, b->g->fanin0, bytes) == 0
                   && memcmp(g->fanin1, b->g->fanin1, bytes) == 0;
    bl_graph_destroy(&g);
    return is_same;
}

static bool netlist_is_right(const build *b, bool finds_counts)
{
    bl_netlist *n = map(b, finds_counts);
    bl_program *p = NULL;
    bl_machine_params params = {.level = b->cpu, .run = BL_RUN_INTERPRETER};
    bool is_right = n && bl_program_from_netlist(&p, n, NULL) == BL_OK && computes(b, p, &params);
    bl_program_destroy(&p);
    bl_netlist_destroy(&n);
    return is_right;
}

static bool map_is_right(const build *b) { return netlist_is_right(b, false); }
static bool find_is_right(const build *b) { return netlist_is_right(b, true); }

static bool code_is_right(const build *b)
{
    bl_code *code = compile(b);
    bl_machine_params params = {.level = b->cpu, .run = BL_RUN_CODE, .code = code};
    bool is_right = code && computes(b, b->p, &params);
    bl_code_destroy(&code);
    return is_right;
}

static bool report_builds(const bench_context *c, build *b)
{
    bl_program_info info;
    bl_program_get_info(&info, b->p);
    const struct {
        const char *name, *question, *unit;
        bench_run *run;
        bool (*is_right)(const build *b);
        double units;
    } lines[] = {
        {"hash", "structural hashing of a million ANDs", "ANDs", hash_again, hash_is_right,
         b->g->n_ands},
        {"map", "LUT3s of small area for them", "ANDs", map_again, map_is_right, b->g->n_ands},
        {"find", "counts in them", "ANDs", find_again, find_is_right, b->g->n_ands},
        {"compile", "machine code for their LUT3s", "LUT3s", compile_again, code_is_right,
         (double)info.n_lut3_operations},
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        if (lines[i].run == compile_again && !bl_code_is_possible(c->cpu))
            continue;
        if (!lines[i].is_right(b)) {
            fprintf(stderr, "bitloom: bench logic: %s: wrong result; nothing was timed\n",
                    lines[i].name);
            return false;
        }
        bench_line line = {.group = "logic",
                           .name = lines[i].name,
                           .question = lines[i].question,
                           .anchor = "reading the nodes once",
                           .units = lines[i].units,
                           .unit = lines[i].unit};
        bench_pair(&line, lines[i].run, read_nodes, b, b, c->settings->seconds);
        c->sink->report(c->sink, &line);
    }
    return true;
}

bool bench_builds(const bench_context *c)
{
    build b = {.g = circuit_neurons(1024, 1, 300, 512), .cpu = c->cpu};
    bool is_ok = b.g && bl_program_cover_graph(&b.p, b.g, NULL) == BL_OK;
    if (!is_ok)
        fprintf(stderr, "bitloom: bench logic: builds: %s\n", bl_status_text(BL_ERR_MEMORY));
    is_ok = is_ok && report_builds(c, &b);
    bl_program_destroy(&b.p);
    bl_graph_destroy(&b.g);
    return is_ok;
}
