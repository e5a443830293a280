// SPDX-License-Identifier: MIT
// bitloom bench: questions about speed, each answered as a ratio to an anchor in the same run.

#include "../../bench/bench.h"

#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

typedef struct bench_group {
    const char *name;
    bool (*run)(const bench_context *c);
    const char *what;
    bool is_long; // only if it is named
} bench_group;

static const bench_group groups[] = {
    {"bits", bench_bits, "slicing and transposing, against memcpy and libm4ri", false},
    {"gate", bench_gate, "every kernel against the same kernel of the CPU level below", false},
    {"record", bench_record, "arithmetic on fields as planes, against plain C", false},
    {"batch", bench_batch, "filters end to end, against scalar C, AVX-512 by hand and reading",
     false},
    {"logic", bench_logic, "circuits as data and as code, against a naive interpreter", false},
    {"sizes", bench_sizes, "data against code, 10^3 to 10^8 ANDs; only if it is named", true},
    {"melt", bench_melt, "one step of a melted model for 512 lanes", false},
    {"serve", bench_serve, "states, beams and patterns, against copying and a step", false},
};
enum { N_GROUPS = sizeof groups / sizeof *groups };

typedef struct printer {
    bench_sink sink;
    bl_json *json;
} printer;

static double per_second(const bench_line *l) { return l->units / (l->contender_ns * 1e-9); }

static void print_text(bench_sink *sink, const bench_line *l)
{
    (void)sink;
    char goal[48] = "", cycles[48] = "";
    if (l->at_most > 0)
        snprintf(goal, sizeof goal, "  %s %g", l->ratio <= l->at_most ? "within" : "ABOVE",
                 l->at_most);
    if (l->cycles > 0)
        snprintf(cycles, sizeof cycles, "  %.3g cycles each", l->cycles);
    printf("%-6s %-22s %8.3f x  (%.3f .. %.3f)  %10.3f us  %8.3g %s/s   x = %s%s%s\n", l->group,
           l->name, l->ratio, l->low, l->high, l->contender_ns / 1e3, per_second(l), l->unit,
           l->anchor, cycles, goal);
    fflush(stdout);
}

static void print_json(bench_sink *sink, const bench_line *l)
{
    bl_json *j = ((printer *)sink)->json;
    bl_json_object(j, NULL);
    bl_json_text(j, "group", l->group);
    bl_json_text(j, "name", l->name);
    bl_json_text(j, "question", l->question);
    bl_json_text(j, "anchor", l->anchor);
    bl_json_real(j, "ratio", l->ratio);
    bl_json_real(j, "ratio_first_quartile", l->low);
    bl_json_real(j, "ratio_third_quartile", l->high);
    bl_json_real(j, "run_ns", l->contender_ns);
    bl_json_real(j, "anchor_ns", l->anchor_ns);
    bl_json_real(j, "units_per_second", per_second(l));
    bl_json_text(j, "unit", l->unit);
    if (l->cycles > 0)
        bl_json_real(j, "cycles_per_unit", l->cycles);
    if (l->at_most > 0)
        bl_json_real(j, "ratio_at_most", l->at_most);
    bl_json_end(j);
}

// "model name : AMD EPYC ..." of /proc/cpuinfo.
static void cpu_model(char *dst, size_t dst_bytes)
{
    char line[512];
    FILE *f = fopen("/proc/cpuinfo", "r");
    snprintf(dst, dst_bytes, "unknown");
    while (f && fgets(line, sizeof line, f)) {
        char *colon = strchr(line, ':');
        if (strncmp(line, "model name", 10) != 0 || !colon)
            continue;
        snprintf(dst, dst_bytes, "%s", colon + 2);
        dst[strcspn(dst, "\n")] = 0;
        break;
    }
    if (f)
        fclose(f);
}

static const bench_group *find_group(const char *name)
{
    for (size_t i = 0; i < N_GROUPS; i++)
        if (strcmp(groups[i].name, name) == 0)
            return &groups[i];
    return NULL;
}

static bool run_groups(const bl_command *c, const bench_context *context)
{
    bool is_ok = true;
    for (size_t i = 0; i < N_GROUPS; i++) {
        bool is_wanted = c->n_operands == 0 && !groups[i].is_long;
        for (size_t k = 0; k < c->n_operands; k++)
            is_wanted |= strcmp(c->operands[k], groups[i].name) == 0;
        if (is_wanted)
            is_ok &= groups[i].run(context);
    }
    return is_ok;
}

static int run(const bl_command *c)
{
    const bench_settings *o = c->settings;
    for (size_t i = 0; i < c->n_operands; i++)
        if (!find_group(c->operands[i])) {
            bl_diag diag;
            bl_diag_set(&diag, BL_ERR_ARGUMENT, NULL, 0, 0,
                        "no bench group \"%s\"; --list shows them", c->operands[i]);
            return report(&diag, EXIT_USAGE);
        }
    if (o->only_list) {
        for (size_t i = 0; i < N_GROUPS; i++)
            printf("%-8s %s\n", groups[i].name, groups[i].what);
        return EXIT_YES;
    }
    char cpu[128];
    bl_buffer out = {0};
    bl_json json;
    printer p = {.sink = {c->common.is_json ? print_json : print_text}, .json = &json};
    bench_context context = {.sink = &p.sink, .settings = o, .cpu = c->common.cpu};
    cpu_model(cpu, sizeof cpu);
    if (c->common.is_json) {
        bl_json_begin(&json, &out, true);
        bl_json_object(&json, NULL);
        bl_json_text(&json, "cpu", cpu);
        bl_json_text(&json, "level", bl_cpu_name(c->common.cpu));
        bl_json_text(&json, "compiler", __VERSION__);
        bl_json_text(&json, "version", BITLOOM_VERSION);
        bl_json_array(&json, "lines");
    } else
        printf("%s, level %s, compiler %s; ratio = time / anchor's time, median of pairs "
               "(quartiles)\n",
               cpu, bl_cpu_name(c->common.cpu), __VERSION__);
    bool is_ok = run_groups(c, &context);
    if (c->common.is_json) {
        bl_json_end(&json);
        bl_json_end(&json);
        if (print_buffer(&out) != EXIT_YES)
            return EXIT_NO;
    }
    return is_ok ? EXIT_YES : EXIT_NO;
}

static const bench_settings defaults = {.seconds = 1};
static const bl_option options[] = {
    {"list", 0, BL_OPTION_FLAG, offsetof(bench_settings, only_list), NULL, 0, 0, "show the groups"},
    {"model", 0, BL_OPTION_TEXT, offsetof(bench_settings, model), "MODEL.loom", 0, 0,
     "the model that group melt measures"},
    {"simplified", 0, BL_OPTION_TEXT, offsetof(bench_settings, simplified), "FOLDER", 0, 0,
     "run the circuits of group logic as simplified in FOLDER/NAME.aig"},
    {"seconds", 0, BL_OPTION_REAL, offsetof(bench_settings, seconds), "S", 0.01, 3600,
     "time for each line; default 1"},
};

const bl_verb bl_verb_bench = {
    .name = "bench",
    .operands = "[GROUP...]",
    .summary = "measure against anchors in the same run",
    .details = "Results are verified before anything is timed. Contender and anchor run in turns;\n"
               "the median of the pairwise ratios is what counts, quartiles show its spread.",
    .example = "bitloom bench bits logic --json",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .max_operands = 4,
    .settings_bytes = sizeof(bench_settings),
    .defaults = &defaults,
    .run = run};
