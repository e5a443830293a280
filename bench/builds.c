// SPDX-License-Identifier: MIT
// How fast programs are built: hashing, mapping, finding counts, compiling. A part of group logic.

#include "bench.h"
#include "circuits.h"

#include <bitloom/code.h>
#include <bitloom/netlist.h>

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

bool bench_builds(const bench_context *c)
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
