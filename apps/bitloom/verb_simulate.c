// SPDX-License-Identifier: MIT
// bitloom simulate FILE: runs a graph or a program on patterns, 512 at a time, one lane each.
//
// Blocks of 512 patterns are read in order, run side by side, one machine for each thread, and
// printed in order. Random patterns depend on the seed and the number of the block only.

#include "verbs.h"

#include <bitloom/code.h>
#include <bitloom/netlist.h>

#include <stdlib.h>
#include <string.h>

typedef struct settings {
    const char *stimulus, *run;
    int64_t n_random, seed, n_steps;
    bool counts;
} settings;

typedef struct block {
    struct simulation *s;
    bl_machine *machine;
    uint64_t index;
    size_t n_lanes;
    uint8_t *rows;    // inputs of each lane, in_bytes each
    uint8_t *results; // outputs of each lane, out_bytes each
    bl_buffer text;   // lines of all lanes and steps
    bl_buffer *lanes; // lines of each lane, where there are more steps than one
    uint64_t *ones;   // of each output, all patterns and steps
} block;

typedef struct simulation {
    const settings *o;
    const bl_bits *bits;
    bl_program_info p;
    size_t in_bytes, out_bytes;
    bl_file stimulus; // lines of 0 and 1
    size_t at;
    uint64_t line, n_patterns, n_blocks;
    bl_plane *initial; // state
    block *blocks;
    size_t n_threads;
    bl_pool *joint; // for the only block: its evaluations are split
    bool prints;
} simulation;

// ------------------------------------------------------------------------------------ inputs

// One pattern: n_inputs digits, blanks ignored. is_end where there is no more.
static bl_status read_row(bool *is_end, simulation *s, uint8_t *row, bl_diag *diag)
{
    const bl_file *f = &s->stimulus;
    uint32_t n = 0;
    while (s->at < f->bytes && (f->data[s->at] == '\n' || f->data[s->at] == '\r')) {
        s->line += f->data[s->at] == '\n';
        s->at++;
    }
    *is_end = s->at >= f->bytes;
    size_t start = s->at;
    memset(row, 0, s->in_bytes);
    for (; s->at < f->bytes && f->data[s->at] != '\n' && f->data[s->at] != '\r'; s->at++) {
        char c = (char)f->data[s->at];
        if (c == ' ' || c == '\t')
            continue;
        if ((c != '0' && c != '1') || n == s->p.n_inputs)
            return bl_diag_set(diag, BL_ERR_FORMAT, s->o->stimulus, s->line, s->at - start + 1,
                               n == s->p.n_inputs ? "more than %u digits, one for each input"
                                                  : "expected %u digits 0 or 1, one for each input",
                               s->p.n_inputs);
        row[n / 8] |= (uint8_t)((c == '1') << n % 8);
        n++;
    }
    if (!*is_end && n < s->p.n_inputs)
        return bl_diag_set(diag, BL_ERR_FORMAT, s->o->stimulus, s->line, s->at - start + 1,
                           "%u digits; expected %u, one for each input", n, s->p.n_inputs);
    return BL_OK;
}

// What is left of the patterns, up to 512, for a block.
static bl_status read_block(simulation *s, block *b, bl_diag *diag)
{
    b->index = s->n_blocks++;
    b->n_lanes = 0;
    if (!s->o->stimulus) {
        uint64_t left = (uint64_t)s->o->n_random - s->n_patterns;
        b->n_lanes = left < BL_LANES ? (size_t)left : BL_LANES;
    } else
        for (bool is_end = false; b->n_lanes < BL_LANES && !is_end;) {
            bl_status status = read_row(&is_end, s, b->rows + b->n_lanes * s->in_bytes, diag);
            if (status != BL_OK)
                return status;
            b->n_lanes += !is_end;
        }
    s->n_patterns += b->n_lanes;
    return BL_OK;
}

static void set_inputs(const simulation *s, block *b)
{
    bl_plane *in = bl_machine_input(b->machine);
    if (s->o->stimulus) {
        if (s->p.n_inputs > 0)
            bl_slice(s->bits, in, b->rows, s->in_bytes, b->n_lanes, s->p.n_inputs);
        return;
    }
    bl_random random;
    bl_random_seed(&random, bl_mix64((uint64_t)s->o->seed) + b->index);
    for (uint32_t i = 0; i < s->p.n_inputs; i++)
        for (size_t k = 0; k < 8; k++)
            in[i].word[k] = bl_random_next(&random);
}

// ----------------------------------------------------------------------------------- outputs

static void put_line(bl_buffer *out, const uint8_t *row, uint32_t n)
{
    char digits[4096];
    for (uint32_t i = 0; i < n;) {
        size_t used = 0;
        for (; used < sizeof digits && i < n; i++)
            digits[used++] = row[i / 8] >> i % 8 & 1 ? '1' : '0';
        bl_buffer_append(out, digits, used);
    }
    bl_buffer_append(out, "\n", 1);
}

static void print_step(const simulation *s, block *b)
{
    const bl_plane *out = bl_machine_output(b->machine);
    if (s->p.n_outputs > 0)
        bl_unslice(s->bits, b->results, s->out_bytes, out, b->n_lanes, s->p.n_outputs);
    for (size_t lane = 0; lane < b->n_lanes; lane++)
        put_line(s->o->n_steps == 1 ? &b->text : &b->lanes[lane], b->results + lane * s->out_bytes,
                 s->p.n_outputs);
}

static void count_step(const simulation *s, block *b)
{
    const bl_plane *out = bl_machine_output(b->machine);
    for (uint32_t i = 0; i < s->p.n_outputs; i++)
        for (size_t k = 0; k * 64 < b->n_lanes; k++) {
            size_t left = b->n_lanes - k * 64;
            uint64_t mask = left >= 64 ? ~UINT64_C(0) : (UINT64_C(1) << left) - 1;
            b->ones[i] += (uint64_t)__builtin_popcountll(out[i].word[k] & mask);
        }
}

// Steps run with the same inputs; each pattern prints one line per step, lines of a pattern
// together.
static void run_block(void *context, size_t index)
{
    simulation *s = context;
    block *b = &s->blocks[index];
    if (b->n_lanes == 0)
        return;
    memcpy(bl_machine_state(b->machine), s->initial, s->p.n_state * sizeof(bl_plane));
    for (int64_t t = 0; t < s->o->n_steps; t++) {
        set_inputs(s, b);
        for (uint32_t e = 0; e < s->p.n_entries; e++)
            bl_machine_run_on(b->machine, e, 1, s->joint);
        if (s->o->counts)
            count_step(s, b);
        else if (s->prints)
            print_step(s, b);
    }
    for (size_t lane = 0; lane < b->n_lanes && s->o->n_steps > 1 && s->prints; lane++) {
        bl_buffer_append(&b->text, b->lanes[lane].data, b->lanes[lane].bytes);
        bl_buffer_clear(&b->lanes[lane]);
    }
}

static bl_status print_block(block *b, bl_diag *diag)
{
    bl_status status = b->text.status;
    if (status == BL_OK && b->text.bytes > 0)
        status = bl_file_write("-", b->text.data, b->text.bytes, diag);
    else if (status != BL_OK)
        bl_diag_set(diag, status, NULL, 0, 0, "out of memory");
    bl_buffer_clear(&b->text);
    return status;
}

static bl_status run_all(simulation *s, bl_pool *pool, uint64_t *elapsed_ns, bl_diag *diag)
{
    bl_status status = BL_OK;
    for (bool is_end = false; !is_end && status == BL_OK;) {
        size_t n = 0;
        bl_status reading = BL_OK;
        for (; n < s->n_threads && reading == BL_OK && !is_end; n++) {
            reading = read_block(s, &s->blocks[n], diag);
            is_end = s->blocks[n].n_lanes < BL_LANES;
        }
        if (reading != BL_OK)
            s->blocks[--n].n_lanes = 0;
        uint64_t begun = bl_time_ns();
        s->joint = n == 1 ? pool : NULL;
        if (n == 1)
            run_block(s, 0);
        else
            bl_pool_for(pool, n, run_block, s);
        *elapsed_ns += bl_time_ns() - begun;
        for (size_t i = 0; i < n && status == BL_OK; i++)
            status = print_block(&s->blocks[i], diag);
        status = status == BL_OK ? reading : status;
    }
    return status;
}

// ------------------------------------------------------------------------------------- set-up

static bl_status create_blocks(simulation *s, const bl_program *program, const bl_command *c,
                               bl_run how)
{
    uint64_t n_patterns = s->o->stimulus ? 0 : (uint64_t)s->o->n_random;
    uint64_t n_steps = (uint64_t)s->o->n_steps;
    bl_machine_params params = {.level = c->common.cpu,
                                .run = how,
                                .n_runs = (n_patterns / BL_LANES / s->n_threads + 1) * n_steps};
    s->blocks = bl_alloc_array(NULL, s->n_threads, sizeof *s->blocks);
    bl_status status = s->blocks ? BL_OK : BL_ERR_MEMORY;
    if (!s->o->stimulus && n_patterns < BL_LANES)
        params.n_threads = s->n_threads;
    for (size_t i = 0; i < s->n_threads && status == BL_OK; i++) {
        block *b = &s->blocks[i];
        b->s = s;
        b->rows = bl_alloc_array(NULL, BL_LANES, s->in_bytes);
        b->results = bl_alloc_array(NULL, BL_LANES, s->out_bytes);
        b->lanes = bl_alloc_array(NULL, BL_LANES, sizeof *b->lanes);
        b->ones = bl_alloc_array(NULL, s->p.n_outputs, sizeof *b->ones);
        if (!b->rows || !b->results || !b->lanes || !b->ones)
            return BL_ERR_MEMORY;
        status = bl_machine_create_as(&b->machine, program, &params, NULL);
        params.run = status == BL_OK ? bl_machine_get_run(b->machine) : how; // all the same way
        params.code = status == BL_OK ? bl_machine_get_code(s->blocks[0].machine) : NULL;
        params.n_threads = 0;
    }
    return status;
}

static void destroy_blocks(simulation *s)
{
    for (size_t i = s->blocks ? s->n_threads : 0; i-- > 0;) { // the first one owns the code
        block *b = &s->blocks[i];
        bl_machine_destroy(&b->machine);
        bl_free(NULL, b->rows, BL_LANES * s->in_bytes);
        bl_free(NULL, b->results, BL_LANES * s->out_bytes);
        bl_free(NULL, b->lanes, BL_LANES * sizeof *b->lanes);
        bl_free(NULL, b->ones, s->p.n_outputs * sizeof *b->ones);
    }
    bl_free(NULL, s->blocks, s->n_threads * sizeof *s->blocks);
}

// Latches that begin as one; unknown resets begin as zero.
static void set_resets(bl_plane *initial, const bl_graph *g)
{
    for (uint32_t i = 0; g && i < g->n_latches; i++)
        bl_plane_fill(&initial[i], g->latches[i].reset == BL_RESET_ONE);
}

static uint64_t count_of(const simulation *s, uint32_t output)
{
    uint64_t n = 0;
    for (size_t i = 0; i < s->n_threads; i++)
        n += s->blocks[i].ones[output];
    return n;
}

static int print_summary(const simulation *s, const bl_program *program, const bl_command *c,
                         uint64_t elapsed_ns)
{
    bl_buffer out = {0};
    char name[BL_FIELD_NAME_BYTES + 16];
    if (c->common.is_json) {
        bl_json json;
        bl_json_begin(&json, &out, false);
        bl_json_object(&json, NULL);
        bl_json_uint(&json, "n_patterns", s->n_patterns);
        bl_json_uint(&json, "n_steps", (uint64_t)s->o->n_steps);
        bl_json_uint(&json, "n_luts", s->p.n_lut3);
        bl_json_uint(&json, "elapsed_ns", elapsed_ns);
        bl_json_text(&json, "run",
                     bl_machine_get_run(s->blocks[0].machine) == BL_RUN_CODE ? "code" : "interp");
        if (s->o->counts) {
            bl_json_array(&json, "ones");
            for (uint32_t i = 0; i < s->p.n_outputs; i++)
                bl_json_uint(&json, NULL, count_of(s, i));
            bl_json_end(&json);
        }
        bl_json_end(&json);
        bl_buffer_append(&out, "\n", 1);
    } else if (s->o->counts)
        for (uint32_t i = 0; i < s->p.n_outputs; i++) {
            bl_record_plane_name(name, sizeof name, bl_program_outputs(program), i);
            bl_buffer_print(&out, "%llu %s\n", (unsigned long long)count_of(s, i), name);
        }
    return print_buffer(&out);
}

static bool find_run(bl_run *run, const char *name)
{
    static const char *const names[] = {
        [BL_RUN_AUTO] = "auto", [BL_RUN_INTERPRETER] = "interp", [BL_RUN_CODE] = "code"};
    for (int i = 0; i <= BL_RUN_CODE; i++)
        if (strcmp(name, names[i]) == 0) {
            *run = (bl_run)i;
            return true;
        }
    return false;
}

// Also for a single run: without mapping, the program of a large graph takes half the time to make,
// but more than twice the memory.
static bl_status map_graph(bl_program **program, const bl_graph *g, bl_pool *pool)
{
    bl_netlist *n;
    bl_status status = bl_netlist_map(&n, g, &(bl_map_params){.pool = pool}, NULL);
    if (status != BL_OK)
        return status;
    status = bl_program_from_netlist(program, n, NULL);
    bl_netlist_destroy(&n);
    return status;
}

static bl_status prepare(simulation *s, logic_file *logic, const bl_command *c, bl_run how,
                         bl_pool *pool)
{
    bl_status status = BL_OK;
    if (!logic->program)
        status = map_graph(&logic->program, logic->graph, pool);
    if (status != BL_OK)
        return status;
    bl_program_get_info(&s->p, logic->program);
    s->in_bytes = s->p.n_inputs / 8 + 1;
    s->out_bytes = s->p.n_outputs / 8 + 1;
    s->initial = bl_alloc_array(NULL, s->p.n_state, sizeof *s->initial);
    if (!s->initial)
        return BL_ERR_MEMORY;
    set_resets(s->initial, logic->graph);
    return create_blocks(s, logic->program, c, how);
}

static int simulate(const bl_command *c, bl_run how)
{
    const settings *o = c->settings;
    bl_diag diag = {0};
    logic_file logic;
    bl_pool *pool = NULL;
    if (logic_file_open(&logic, c->operands[0], &diag) != BL_OK)
        return report(&diag, EXIT_NO);
    simulation s = {
        .o = o, .line = 1, .bits = bl_bits_get(c->common.cpu), .prints = !c->common.is_json};
    bl_status status = bl_pool_create(&pool, (size_t)c->common.n_threads, NULL);
    s.n_threads = bl_pool_n_threads(pool);
    if (status == BL_OK)
        status = prepare(&s, &logic, c, how, pool);
    uint64_t elapsed_ns = 0;
    if (status == BL_ERR_UNSUPPORTED)
        bl_diag_set(&diag, status, NULL, 0, 0,
                    "no machine code for level %s here; use --run interp",
                    bl_cpu_name(c->common.cpu));
    else if (status != BL_OK)
        bl_diag_set(&diag, status, c->operands[0], 0, 0, "%s", bl_status_text(status));
    else if (o->stimulus)
        status = bl_file_open(&s.stimulus, o->stimulus, &diag);
    if (status == BL_OK)
        status = run_all(&s, pool, &elapsed_ns, &diag);
    int exit_status =
        status == BL_OK ? print_summary(&s, logic.program, c, elapsed_ns) : report(&diag, EXIT_NO);
    destroy_blocks(&s);
    bl_free(NULL, s.initial, s.p.n_state * sizeof *s.initial);
    bl_file_close(&s.stimulus);
    bl_pool_destroy(&pool);
    logic_file_close(&logic);
    return exit_status;
}

static int run(const bl_command *c)
{
    const settings *o = c->settings;
    bl_diag diag = {0};
    bl_run how = BL_RUN_AUTO;
    if ((o->stimulus != NULL) == (o->n_random > 0))
        bl_diag_set(&diag, BL_ERR_ARGUMENT, NULL, 0, 0,
                    "expected either --stimulus FILE or --random N");
    else if (!find_run(&how, o->run))
        bl_diag_set(&diag, BL_ERR_ARGUMENT, NULL, 0, 0,
                    "no way to run \"%s\"; expected auto, interp or code", o->run);
    else
        return simulate(c, how);
    return report(&diag, EXIT_USAGE);
}

static const settings defaults = {.run = "auto", .seed = 1, .n_steps = 1};
static const bl_option options[] = {
    {"stimulus", 0, BL_OPTION_TEXT, offsetof(settings, stimulus), "FILE", 0, 0,
     "patterns, one line of 0 and 1 each; - is standard input"},
    {"random", 0, BL_OPTION_INT, offsetof(settings, n_random), "N", 1, 1e15, "N random patterns"},
    {"seed", 0, BL_OPTION_INT, offsetof(settings, seed), "S", 0, 9e18, "of --random; default 1"},
    {"steps", 0, BL_OPTION_INT, offsetof(settings, n_steps), "T", 1, 1e9,
     "clock steps for each pattern, inputs held; default 1"},
    {"count", 0, BL_OPTION_FLAG, offsetof(settings, counts), NULL, 0, 0,
     "print how often each output is 1, not the patterns"},
    {"run", 0, BL_OPTION_TEXT, offsetof(settings, run), "HOW", 0, 0,
     "auto, interp (as data) or code (as machine code)"},
};

const bl_verb bl_verb_simulate = {
    .name = "simulate",
    .operands = "FILE",
    .summary = "run a graph or program on patterns",
    .details =
        "Prints one line of 0 and 1, the outputs, for each pattern and step, or with --count\n"
        "how many ones there were. Latches begin at their reset value, unknown ones at 0.\n"
        "With --json only counts and time.",
    .example = "printf '01\\n11\\n' | bitloom simulate half_adder.aag --stimulus -",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .min_operands = 1,
    .max_operands = 1,
    .settings_bytes = sizeof(settings),
    .defaults = &defaults,
    .run = run};
