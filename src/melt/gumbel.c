// SPDX-License-Identifier: MIT
// The Gumbel-max trick as logic: argmax(logit + g), g = -log(-log u), draws from the softmax of the
// logits (Maddison, Tarlow, Minka, "A* Sampling", 2014).
//
// 1 - u is 2^-(z+1) * (1 + m / 32): z zeros before the first one among 15 random bits, then five
// bits m. So the noise is finest where it decides, for u near 1, and a table of 512 rows makes it.

#include "loom_private.h"

#include "logic/number.h"

#include <bitloom/code.h>
#include <bitloom/netlist.h>

#include "base/try.h"

#include <assert.h>
#include <math.h>
#include <string.h>

enum {
    ZERO_BITS = 15,
    MANTISSA_BITS = 5,
    NOISE_BITS = ZERO_BITS + MANTISSA_BITS, // random planes a symbol
    INDEX_BITS = 4 + MANTISSA_BITS,
    FRACTION = 7 // of a nat in a score
};

struct bl_gumbel {
    const bl_model *model;
    const bl_allocator *allocator;
    bl_program *program; // inputs: logits, then noise; outputs: the byte
    bl_machine *machine;
    uint64_t n_lut3;
};

typedef struct score { // of a symbol, and the byte it stands for
    number score, byte;
} score;

// Noise in units of 2^-FRACTION nat.
static void make_table(int16_t table[1 << INDEX_BITS], double temperature)
{
    for (int i = 0; i < 1 << INDEX_BITS; i++) {
        int z = i >> MANTISSA_BITS, m = i & ((1 << MANTISSA_BITS) - 1);
        double v = ldexp(1 + (m + 0.5) / (1 << MANTISSA_BITS), -z - 1);
        table[i] = (int16_t)floor(-log(-log1p(-v)) * temperature * (1 << FRACTION) + 0.5);
    }
}

// How many of the bits are zero before the first one, as four bits.
static void count_zeros(bl_lit count[4], bl_graph *g, const bl_lit random[ZERO_BITS])
{
    bl_lit before = BL_LIT_TRUE; // all bits so far are zero
    bl_lit any[4] = {0};
    for (uint32_t i = 0; i < ZERO_BITS; i++) {
        bl_lit is_first = bl_graph_and(g, before, random[i]);
        for (uint32_t k = 0; k < 4; k++)
            if (i >> k & 1)
                any[k] = bl_graph_or(g, any[k], is_first);
        before = bl_graph_and(g, before, bl_lit_not(random[i]));
    }
    for (uint32_t k = 0; k < 4; k++)
        count[k] = bl_graph_or(g, any[k], before); // none: 15
}

static score score_symbol(bl_graph *g, const bl_lit *logit, const bl_lit *random,
                          const int16_t *table, uint32_t factor, uint32_t n_dropped, uint32_t byte)
{
    bl_lit index[INDEX_BITS];
    count_zeros(index + MANTISSA_BITS, g, random);
    memcpy(index, random + ZERO_BITS, MANTISSA_BITS * sizeof *index);
    number noise = number_look_up(g, table, 16, true, index, INDEX_BITS);
    number x = number_of_bits(logit, BL_LOGIT_BITS, true), unit = number_of_constant(factor);
    number dropped = number_of_constant(n_dropped);
    x = number_shift_right(g, &x, &dropped);
    x = number_multiply(g, &x, &unit);
    return (score){number_add(g, &x, &noise), number_of_constant(byte)};
}

// The greater one of two; the first where they are equal.
static score winner(bl_graph *g, const score *a, const score *b)
{
    bl_lit is_b = number_is_less(g, &a->score, &b->score);
    return (score){number_select(g, is_b, &b->score, &a->score),
                   number_select(g, is_b, &b->byte, &a->byte)};
}

// All symbols that stand for one byte, and a tournament between them.
static void build(bl_graph *g, const bl_model_info *info, double temperature, score *round,
                  bl_lit *inputs)
{
    int16_t table[1 << INDEX_BITS];
    // logits lose the bits below 2^-FRACTION nat, so that the noise, which is told in what a logit
    // then counts, stays below 2^15 at any temperature
    double unit = info->logit_unit_cost * log(2.0) / BL_COST_BIT * (1 << FRACTION);
    uint32_t n_dropped = 0, n = 0;
    for (; unit < 1; unit *= 2)
        n_dropped++;
    uint32_t factor = (uint32_t)(unit + 0.5);
    const bl_lit *random = inputs + (size_t)info->n_symbols * BL_LOGIT_BITS;
    for (uint32_t i = 0; i < info->n_symbols * (BL_LOGIT_BITS + NOISE_BITS); i++)
        inputs[i] = bl_graph_input(g, NULL);
    make_table(table, temperature * factor / unit); // the factor is not quite the unit
    for (uint32_t s = 0; s < info->n_symbols; s++)
        if (info->symbol_byte[s] >= 0)
            round[n++] =
                score_symbol(g, inputs + (size_t)s * BL_LOGIT_BITS, random + (size_t)s * NOISE_BITS,
                             table, factor, n_dropped, (uint32_t)info->symbol_byte[s]);
    for (; n > 1; n = (n + 1) / 2) {
        for (uint32_t i = 0; i < n / 2; i++)
            round[i] = winner(g, &round[2 * i], &round[2 * i + 1]);
        if (n % 2)
            round[n / 2] = round[n - 1];
    }
    for (uint32_t k = 0; k < 8; k++)
        bl_graph_output(g, n ? number_bit(&round[0].byte, k) : BL_LIT_FALSE, NULL);
}

static bl_status build_graph(bl_graph **result, const bl_model_info *info, double temperature,
                             const bl_allocator *allocator)
{
    bl_graph *g;
    size_t n_inputs = (size_t)info->n_symbols * (BL_LOGIT_BITS + NOISE_BITS);
    TRY(bl_graph_create(&g, allocator));
    bl_lit *inputs = bl_alloc_array(allocator, n_inputs, sizeof *inputs);
    score *round = bl_alloc_array(allocator, info->n_symbols, sizeof *round);
    bl_status status = BL_ERR_MEMORY;
    if (inputs && round) {
        build(g, info, temperature, round, inputs);
        status = g->status;
    }
    bl_free(allocator, inputs, n_inputs * sizeof *inputs);
    bl_free(allocator, round, info->n_symbols * sizeof *round);
    if (status == BL_OK)
        *result = g;
    else
        bl_graph_destroy(&g);
    return status;
}

bl_status bl_gumbel_create(bl_gumbel **result, const bl_model *model, double temperature,
                           bl_cpu level, const bl_allocator *allocator)
{
    assert(result && model);
    if (!(temperature >= 0 && temperature <= BL_GUMBEL_MAX_TEMPERATURE))
        return BL_ERR_ARGUMENT;
    bl_graph *graph = NULL;
    bl_gumbel *g = bl_alloc(allocator, sizeof *g);
    if (!g)
        return BL_ERR_MEMORY;
    *g = (bl_gumbel){.model = model, .allocator = allocator};
    bl_status status = build_graph(&graph, bl_model_facts(model), temperature, allocator);
    if (status == BL_OK)
        status = bl_program_cover_graph(&g->program, graph, allocator);
    if (status == BL_OK)
        status = bl_machine_create_as(&g->machine, g->program, &(bl_machine_params){.level = level},
                                      allocator);
    bl_graph_destroy(&graph);
    if (status == BL_OK) {
        bl_program_info p;
        bl_program_get_info(&p, g->program);
        g->n_lut3 = p.n_lut3;
        *result = g;
    } else
        bl_gumbel_destroy(&g);
    return status;
}

void bl_gumbel_destroy(bl_gumbel **handle)
{
    bl_gumbel *g = handle ? *handle : NULL;
    if (!g)
        return;
    bl_machine_destroy(&g->machine);
    bl_program_destroy(&g->program);
    bl_free(g->allocator, g, sizeof *g);
    *handle = NULL;
}

uint64_t bl_gumbel_n_lut3(const bl_gumbel *g) { return g->n_lut3; }

// Four generators side by side, so that a step does not wait for the one before it.
typedef struct noise_source {
    bl_random random[4];
} noise_source;

static void fill_noise(bl_plane *planes, size_t n, noise_source *source)
{
    uint64_t *word = planes->word;
    for (size_t i = 0; i < n * 8; i += 4)
        for (int k = 0; k < 4; k++)
            word[i + (size_t)k] = bl_random_next(&source->random[k]);
}

void bl_gumbel_write(uint8_t *bytes, bl_gumbel *g, bl_runner *r, uint8_t *states, size_t n_steps,
                     bl_random *random)
{
    assert(bytes && g->model == r->model);
    size_t n_logits = (size_t)g->model->info.n_symbols * BL_LOGIT_BITS;
    size_t n_noise = (size_t)g->model->info.n_symbols * NOISE_BITS;
    noise_source source;
    bl_plane *inputs = bl_machine_input(g->machine);
    for (int k = 0; k < 4; k++)
        bl_random_seed(&source.random[k], bl_random_next(random));
    bl_machine_load_lanes(r->machine, states, BL_LANES);
    for (size_t t = 0; t < n_steps; t++) {
        bl_machine_run(r->machine, BL_ENTRY_HEAD);
        memcpy(inputs, bl_machine_output(r->machine), n_logits * sizeof *inputs);
        fill_noise(inputs + n_logits, n_noise, &source);
        bl_machine_run(g->machine, 0);
        memcpy(bl_machine_input(r->machine), bl_machine_output(g->machine), 8 * sizeof *inputs);
        bl_unslice(r->bits, bytes + t * BL_LANES, 1, bl_machine_output(g->machine), BL_LANES, 8);
        bl_machine_run(r->machine, BL_ENTRY_STEP);
    }
    bl_machine_store_lanes(states, r->machine, BL_LANES);
}
