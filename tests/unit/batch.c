// SPDX-License-Identifier: MIT
// Chains, filters and refill against scalar models that share nothing with them.
#include "../limited_memory.h"
#include "../test.h"

#include "batch/table.h"
#include <bitloom/batch.h>

static bl_random rng;

static uint64_t below(uint64_t n) { return bl_random_below(&rng, n); }

// ------------------------------------------------------------------- programs of expressions

static bl_program *program_of(const char *text, const char *fields)
{
    bl_record record = {0};
    bl_expression *e = NULL;
    bl_graph *g = NULL;
    bl_program *p = NULL;
    REQUIRE(bl_record_parse(&record, fields, "fields", NULL) == BL_OK);
    bl_expression_fields names = {.record = &record};
    REQUIRE(bl_expression_parse(&e, text, "predicate", NULL, NULL) == BL_OK);
    REQUIRE(bl_expression_to_graph(&g, e, &names, NULL, NULL) == BL_OK);
    REQUIRE(bl_program_cover_graph(&p, g, NULL) == BL_OK);
    bl_graph_destroy(&g);
    bl_expression_destroy(&e);
    bl_record_clear(&record);
    return p;
}

// A program of `n` outputs: output k is bit k of the record + 1 (an increment of the low bits).
static bl_program *increment(uint32_t n_bits)
{
    bl_graph *g;
    bl_program *p;
    char name[32];
    bl_lit carry = BL_LIT_TRUE, bits[64];
    REQUIRE(n_bits <= 64 && bl_graph_create(&g, NULL) == BL_OK);
    for (uint32_t k = 0; k < n_bits; k++) {
        snprintf(name, sizeof name, "x[%u]", (unsigned)k);
        bits[k] = bl_graph_input(g, name);
    }
    for (uint32_t k = 0; k < n_bits; k++) {
        snprintf(name, sizeof name, "y[%u]", (unsigned)k);
        bl_graph_output(g, bl_graph_xor(g, bits[k], carry), name);
        carry = bl_graph_and(g, bits[k], carry);
    }
    REQUIRE(bl_program_cover_graph(&p, g, NULL) == BL_OK);
    bl_graph_destroy(&g);
    return p;
}

// --------------------------------------------------------------------- stages, and a scalar model

// Records are strings of bytes; stages look at a bit, or change bits, at places that depend on the
// record's size, so that every size has some of each.
enum { MAX_STAGES = 5 };

typedef enum stage_kind { KEEP_BIT, KEEP_PROGRAM, FLIP, ADD_ONE, N_KINDS } stage_kind;

typedef struct model_stage {
    stage_kind kind;
    uint32_t bit, width; // KEEP_BIT: bit and the one behind it differ; FLIP: width bits from bit on
    uint32_t n_planes;   // of the record
    bl_program *program;
} model_stage;

static bool get_bit(const uint8_t *row, uint32_t bit) { return row[bit / 8] >> bit % 8 & 1; }

static bool apply(uint8_t *row, const model_stage *s)
{
    switch (s->kind) {
    case KEEP_BIT: return get_bit(row, s->bit) != get_bit(row, s->bit + 1);
    case KEEP_PROGRAM: return row[0] % 8 != 3;
    case FLIP:
        for (uint32_t k = 0; k < s->width; k++)
            row[(s->bit + k) / 8] ^= (uint8_t)(1u << (s->bit + k) % 8);
        return true;
    default: // the low `width` bits plus one
        for (uint32_t k = 0; k < s->width; k++) {
            row[k / 8] ^= (uint8_t)(1u << k % 8);
            if (get_bit(row, k))
                break;
        }
        return true;
    }
}

static void keep_bit(void *context, bl_plane *keep, const bl_plane *planes, size_t n_chunks)
{
    const model_stage *s = context;
    for (size_t c = 0; c < n_chunks; c++, planes += s->n_planes)
        for (int k = 0; k < BL_LANES / 64; k++)
            keep[c].word[k] = planes[s->bit].word[k] ^ planes[s->bit + 1].word[k];
}

static void flip(void *context, bl_plane *planes, size_t n_chunks)
{
    const model_stage *s = context;
    for (size_t c = 0; c < n_chunks; c++, planes += s->n_planes)
        for (uint32_t i = 0; i < s->width; i++)
            for (int k = 0; k < BL_LANES / 64; k++)
                planes[s->bit + i].word[k] ^= ~UINT64_C(0);
}

static model_stage random_stage(size_t record_bytes)
{
    uint32_t n_bits = (uint32_t)(8 * record_bytes);
    model_stage s = {.kind = (stage_kind)below(N_KINDS), .n_planes = n_bits};
    s.bit = (uint32_t)below(n_bits - 1);
    s.width = 1 + (uint32_t)below(n_bits - s.bit);
    if (s.kind == ADD_ONE) {
        s.width = 1 + (uint32_t)below(n_bits < 20 ? n_bits : 20);
        s.program = increment(s.width);
    }
    if (s.kind == KEEP_PROGRAM)
        s.program = program_of("x != 3", "x:3");
    return s;
}

static bl_status add_stage(bl_chain *chain, model_stage *s)
{
    bl_plane_range range = {s->bit, s->kind == KEEP_BIT ? 2 : s->width};
    switch (s->kind) {
    case KEEP_BIT: return bl_chain_add_predicate(chain, keep_bit, s, &range, 1);
    case KEEP_PROGRAM: return bl_chain_add_program(chain, s->program);
    case FLIP: return bl_chain_add_transform(chain, flip, s, &range, 1);
    default: return bl_chain_add_transform_program(chain, s->program);
    }
}

// Collects rows; takes at most `appetite` each time, and sometimes nothing.
typedef struct plate {
    uint8_t *rows;
    uint64_t *index;
    size_t n, record_bytes, appetite;
} plate;

static size_t take(void *context, const void *rows, const uint64_t *index, size_t n)
{
    plate *p = context;
    if (p->appetite) {
        size_t most = below(p->appetite);
        n = n < most ? n : most;
    }
    memcpy(p->rows + p->n * p->record_bytes, rows, n * p->record_bytes);
    if (index)
        memcpy(p->index + p->n, index, n * sizeof *index);
    p->n += n;
    return n;
}

typedef struct trial {
    size_t record_bytes, n, n_right, n_stages;
    uint8_t *records, *right;
    uint64_t *right_index;
    model_stage stages[MAX_STAGES];
} trial;

static trial create_trial(size_t record_bytes, size_t n, size_t n_stages)
{
    trial t = {.record_bytes = record_bytes, .n = n, .n_stages = n_stages};
    t.records = malloc(n * record_bytes + 1);
    t.right = malloc(n * record_bytes + 1);
    t.right_index = malloc((n + 1) * sizeof *t.right_index);
    for (size_t i = 0; i < n * record_bytes; i++)
        t.records[i] = (uint8_t)bl_random_next(&rng);
    for (size_t s = 0; s < n_stages; s++)
        t.stages[s] = random_stage(record_bytes);
    for (size_t i = 0; i < n; i++) {
        uint8_t *row = t.right + t.n_right * record_bytes;
        bool is_kept = true;
        memcpy(row, t.records + i * record_bytes, record_bytes);
        for (size_t s = 0; s < n_stages && is_kept; s++)
            is_kept = apply(row, &t.stages[s]);
        t.right_index[t.n_right] = i;
        t.n_right += is_kept;
    }
    return t;
}

static void destroy_trial(trial *t)
{
    for (size_t s = 0; s < t->n_stages; s++)
        bl_program_destroy(&t->stages[s].program);
    free(t->records);
    free(t->right);
    free(t->right_index);
}

static bl_chain *create_chain(trial *t, plate *p, bl_pool *pool, bl_cpu level, bool has_index,
                              size_t slab_bytes)
{
    bl_chain *chain;
    bl_chain_params params = {.record_bytes = t->record_bytes,
                              .level = level,
                              .has_index = has_index,
                              .slab_bytes = slab_bytes,
                              .pool = pool};
    REQUIRE(bl_chain_create(&chain, &params) == BL_OK);
    for (size_t s = 0; s < t->n_stages; s++)
        REQUIRE(add_stage(chain, &t->stages[s]) == BL_OK);
    bl_chain_set_sink(chain, take, p);
    return chain;
}

static plate create_plate(const trial *t, size_t appetite)
{
    return (plate){.rows = malloc(t->n * t->record_bytes + 1),
                   .index = calloc(t->n + 1, sizeof(uint64_t)),
                   .record_bytes = t->record_bytes,
                   .appetite = appetite};
}

static void check_plate(plate *p, const trial *t, bool has_index)
{
    CHECK(p->n == t->n_right && memcmp(p->rows, t->right, p->n * p->record_bytes) == 0);
    CHECK(!has_index || memcmp(p->index, t->right_index, p->n * sizeof *p->index) == 0);
    free(p->rows);
    free(p->index);
}

// Pushes pieces of random sizes; what the sink refuses is offered again.
static void push_all(bl_chain *chain, const trial *t, size_t most)
{
    bl_status status;
    for (size_t done = 0, n_taken; done < t->n; done += n_taken) {
        size_t left = t->n - done, n = 1 + below(most);
        REQUIRE(
            bl_chain_push(&n_taken, chain, t->records + done * t->record_bytes, n < left ? n : left)
            == BL_OK);
        REQUIRE(n_taken <= n);
        if (below(9) == 0) { // in the middle of the stream, too
            status = bl_chain_flush(chain);
            REQUIRE(status == BL_OK || status == BL_ERR_BUSY);
        }
    }
    do
        status = bl_chain_flush(chain);
    while (status == BL_ERR_BUSY);
    CHECK(status == BL_OK);
    CHECK(bl_chain_n_read(chain) == t->n && bl_chain_n_delivered(chain) == t->n_right);
}

static const size_t record_sizes[] = {1, 2, 3, 4, 7, 8, 12, 16, 17, 40, 130};
enum { N_SIZES = sizeof record_sizes / sizeof *record_sizes };

static void chains_do_what_the_scalar_model_does(void)
{
    static const size_t counts[] = {0, 1, 511, 512, 513, 1500, 9000};
    for (int i = 0; i < 150; i++) {
        trial t = create_trial(record_sizes[i % N_SIZES], counts[below(7)], below(MAX_STAGES + 1));
        bool has_index = below(2);
        bl_cpu level = (bl_cpu)below(BL_CPU_COUNT);
        level = bl_cpu_is_supported(level) ? level : BL_CPU_C;
        plate p = create_plate(&t, i % 3 ? 0 : 1 + below(700));
        bl_chain *chain = create_chain(&t, &p, NULL, level, has_index, below(2) ? 0 : 5000);
        push_all(chain, &t, below(2) ? 100 : 20000);
        bl_chain_destroy(&chain);
        check_plate(&p, &t, has_index);
        destroy_trial(&t);
    }
}

static bl_status read_records(void *context, void *rows, uint64_t first, size_t n)
{
    const trial *t = context;
    memcpy(rows, t->records + first * t->record_bytes, n * t->record_bytes);
    return BL_OK;
}

static void threads_and_sources_change_nothing(void)
{
    for (size_t n_threads = 1; n_threads <= 4; n_threads *= 2) {
        bl_pool *pool;
        REQUIRE(bl_pool_create(&pool, n_threads, NULL) == BL_OK);
        for (int i = 0; i < 24; i++) {
            trial t = create_trial(record_sizes[i % N_SIZES], 30000 + below(9000), 1 + below(4));
            plate p = create_plate(&t, i % 3 ? 0 : 1 + below(5000));
            bl_chain *chain = create_chain(&t, &p, pool, bl_cpu_best(), true, 20000);
            if (i % 2)
                push_all(chain, &t, 40000);
            else {
                bl_status status;
                do
                    status = bl_chain_run(chain, read_records, &t, t.n);
                while (status == BL_ERR_BUSY);
                CHECK(status == BL_OK);
            }
            bl_chain_destroy(&chain);
            check_plate(&p, &t, true);
            destroy_trial(&t);
        }
        bl_pool_destroy(&pool);
    }
}

typedef struct failing_source {
    const trial *t;
    uint64_t limit; // rows from here on cannot be read
} failing_source;

static bl_status read_some(void *context, void *rows, uint64_t first, size_t n)
{
    failing_source *s = context;
    return first + n > s->limit ? BL_ERR_IO : read_records((void *)(uintptr_t)s->t, rows, first, n);
}

static void a_failing_source_ends_the_run_and_keeps_what_was_before(void)
{
    for (size_t n_threads = 1; n_threads <= 2; n_threads++) {
        bl_pool *pool;
        REQUIRE(bl_pool_create(&pool, n_threads, NULL) == BL_OK);
        trial t = create_trial(8, 60000, 1);
        plate p = create_plate(&t, 0);
        bl_chain *chain = create_chain(&t, &p, pool, bl_cpu_best(), true, 65536);
        failing_source s = {&t, 41000};
        CHECK(bl_chain_run(chain, read_some, &s, t.n) == BL_ERR_IO);
        CHECK(p.n <= t.n_right && memcmp(p.rows, t.right, p.n * 8) == 0);
        CHECK(p.n > 0 && p.index[p.n - 1] < 41000);
        bl_chain_destroy(&chain);
        free(p.rows);
        free(p.index);
        destroy_trial(&t);
        bl_pool_destroy(&pool);
    }
}

static void stages_that_do_not_fit_are_refused(void)
{
    bl_chain *chain;
    bl_filter *filter = NULL;
    bl_program *wide = program_of("x == 1", "x:17"), *narrow = program_of("x == 1", "x:3");
    bl_plane_range outside = {10, 7}, far = {UINT32_MAX, 2};
    REQUIRE(bl_chain_create(&chain, &(bl_chain_params){.record_bytes = 2, .level = BL_CPU_C})
            == BL_OK);
    CHECK(bl_chain_add_predicate(chain, keep_bit, NULL, &outside, 1) == BL_ERR_ARGUMENT);
    CHECK(bl_chain_add_transform(chain, flip, NULL, &far, 1) == BL_ERR_ARGUMENT);
    CHECK(bl_chain_add_program(chain, wide) == BL_ERR_ARGUMENT);
    CHECK(bl_chain_add_program(chain, narrow) == BL_OK);
    bl_chain_destroy(&chain);
    CHECK(bl_chain_create(&chain, &(bl_chain_params){.record_bytes = 0}) == BL_ERR_ARGUMENT);
    CHECK(bl_chain_create(&chain, &(bl_chain_params){.record_bytes = 4097}) == BL_ERR_ARGUMENT);
    CHECK(bl_filter_create(&filter, wide, 2, BL_CPU_C, NULL) == BL_ERR_ARGUMENT && !filter);
    bl_program_destroy(&wide);
    bl_program_destroy(&narrow);
}

// ------------------------------------------------------------------------------------ filter

static void filters_agree_with_arithmetic(void)
{
    bl_program *p = program_of("a * 3 + b < c || a == 9", "_:5,a:11,b:s9,_:23,c:16");
    for (int level = 0; level < BL_CPU_COUNT; level++) {
        bl_filter *f;
        uint64_t rows[2000];
        bl_plane keep[4];
        if (!bl_cpu_is_supported((bl_cpu)level))
            continue;
        REQUIRE(bl_filter_create(&f, p, 8, (bl_cpu)level, NULL) == BL_OK);
        for (size_t n = 0; n <= 2000; n = 2 * n + 1) {
            bool is_right = true;
            for (size_t i = 0; i < n; i++)
                rows[i] = bl_random_next(&rng);
            bl_filter_run(f, keep, rows, n);
            for (size_t i = 0; i < n; i++) {
                int64_t a = rows[i] >> 5 & 2047, b = (int64_t)(rows[i] << 39) >> 55,
                        c = (int64_t)(rows[i] >> 48);
                is_right &= bl_lane_get(&keep[i / 512], i % 512) == (a * 3 + b < c || a == 9);
            }
            CHECK(is_right);
        }
        bl_filter_destroy(&f);
    }
    bl_program_destroy(&p);
}

// ------------------------------------------------------------------------------------ refill

// Collatz: x -> x / 2 or 3 x + 1 modulo 2^24, done when x is 1 afterwards. The state is the low 24
// bits of a record of 5 bytes.
enum { COLLATZ_BITS = 24, COLLATZ_BYTES = 5 };

static bl_program *collatz(void)
{
    bl_graph *g;
    bl_program *p;
    bl_lit x[COLLATZ_BITS], carry, rest = BL_LIT_FALSE;
    char name[32];
    REQUIRE(bl_graph_create(&g, NULL) == BL_OK);
    for (uint32_t k = 0; k < COLLATZ_BITS; k++) {
        snprintf(name, sizeof name, "x[%u]", (unsigned)k);
        x[k] = bl_graph_latch(g, BL_RESET_ZERO, name);
    }
    carry = BL_LIT_TRUE; // 3 x + 1 = x + 2 x + 1
    for (uint32_t k = 0; k < COLLATZ_BITS; k++) {
        bl_lit twice = k ? x[k - 1] : BL_LIT_FALSE,
               half = k + 1 < COLLATZ_BITS ? x[k + 1] : BL_LIT_FALSE;
        bl_lit sum = bl_graph_xor(g, bl_graph_xor(g, x[k], twice), carry);
        carry = bl_graph_maj3(g, x[k], twice, carry);
        bl_lit next = bl_graph_mux(g, x[0], sum, half);
        bl_graph_set_next(g, k, next);
        rest = bl_graph_or(g, rest, k ? next : bl_lit_not(next));
    }
    bl_graph_output(g, bl_lit_not(rest), "done");
    REQUIRE(bl_program_cover_graph(&p, g, NULL) == BL_OK);
    bl_graph_destroy(&g);
    return p;
}

static void refilled_lanes_do_what_a_scalar_loop_does(void)
{
    static const uint64_t limits[] = {0, 1, 37, 200};
    static const size_t counts[] = {0, 1, 100, 512, 513, 3000, 20000};
    bl_program *p = collatz();
    for (int i = 0; i < 28; i++) {
        size_t n = counts[i % 7], n_threads = 1 + (size_t)i % 3;
        uint64_t limit = limits[i / 7];
        bl_pool *pool;
        bl_refill *r;
        REQUIRE(bl_pool_create(&pool, n_threads, NULL) == BL_OK);
        bl_refill_params params = {.program = p,
                                   .record_bytes = COLLATZ_BYTES,
                                   .level = bl_cpu_best(),
                                   .max_steps = limit,
                                   .pool = pool};
        REQUIRE(bl_refill_create(&r, &params) == BL_OK);
        uint8_t *records = malloc(n * COLLATZ_BYTES + 1), *right = malloc(n * COLLATZ_BYTES + 1);
        uint32_t *steps = malloc((n + 1) * sizeof *steps),
                 *right_steps = malloc((n + 1) * sizeof *steps);
        for (size_t k = 0; k < n; k++) {
            uint64_t x = 1 + below(5000), step = 0, most = limit ? limit : UINT32_MAX;
            uint64_t record = x | below(65536) << COLLATZ_BITS;
            memcpy(records + k * COLLATZ_BYTES, &record, COLLATZ_BYTES);
            do {
                x = x & 1 ? (3 * x + 1) & 0xFFFFFF : x / 2;
                step++;
            } while (x != 1 && step < most);
            right_steps[k] = x == 1 ? (uint32_t)step : 0;
            record = (record >> COLLATZ_BITS << COLLATZ_BITS) | x;
            memcpy(right + k * COLLATZ_BYTES, &record, COLLATZ_BYTES);
        }
        bl_refill_run(r, records, steps, records, n); // in place
        CHECK(memcmp(records, right, n * COLLATZ_BYTES) == 0);
        CHECK(memcmp(steps, right_steps, n * sizeof *steps) == 0);
        free(records);
        free(right);
        free(steps);
        free(right_steps);
        bl_refill_destroy(&r);
        bl_pool_destroy(&pool);
    }
    bl_program_destroy(&p);
}

// ------------------------------------------------------------------------------------ memory

static void every_failing_allocation_is_reported(void)
{
    bl_program *keep = program_of("x > 1", "x:5"), *change = increment(9), *steps = collatz();
    bl_pool *pool;
    bool is_done = false;
    uint8_t records[3000] = {0};
    REQUIRE(bl_pool_create(&pool, 2, NULL) == BL_OK);
    for (int n = 0; !is_done; n++) {
        int left = n;
        size_t n_taken = 0;
        bl_allocator a = {limited_resize, &left};
        bl_chain *chain = NULL;
        bl_refill *refill = NULL;
        plate p = {
            .rows = malloc(sizeof records), .index = malloc(sizeof records * 8), .record_bytes = 3};
        bl_plane_range range = {2, 3};
        model_stage flipped = {.bit = 2, .width = 3, .n_planes = 24};
        bl_chain_params params = {.record_bytes = 3,
                                  .level = bl_cpu_best(),
                                  .has_index = true,
                                  .slab_bytes = 5000,
                                  .pool = pool,
                                  .allocator = &a};
        bl_refill_params more = {
            .program = steps, .record_bytes = 5, .pool = pool, .allocator = &a};
        bl_status status = bl_chain_create(&chain, &params);
        if (status == BL_OK)
            status = bl_chain_add_program(chain, keep);
        if (status == BL_OK)
            status = bl_chain_add_transform(chain, flip, &flipped, &range, 1);
        if (status == BL_OK)
            status = bl_chain_add_transform_program(chain, change);
        if (status == BL_OK) {
            bl_chain_set_sink(chain, take, &p);
            status = bl_chain_push(&n_taken, chain, records, 1000);
        }
        if (status == BL_OK)
            status = bl_chain_flush(chain);
        if (status == BL_OK)
            status = bl_refill_create(&refill, &more);
        CHECK(status == BL_OK || status == BL_ERR_MEMORY);
        is_done = status == BL_OK;
        bl_refill_destroy(&refill);
        bl_chain_destroy(&chain);
        free(p.rows);
        free(p.index);
    }
    bl_pool_destroy(&pool);
    bl_program_destroy(&keep);
    bl_program_destroy(&change);
    bl_program_destroy(&steps);
}

// ------------------------------------------------------------------------------------ tables

// Cells and rows of random text, found by a loop over bytes.
static void scans_find_the_cells_that_a_loop_finds(void)
{
    static const char bytes[] = "ab,\n\"x1 ";
    enum { N = 700 };
    for (int i = 0; i < 3000; i++) {
        uint8_t text[N];
        uint32_t ends[N + 8], row_ends[N + 8], right_ends[N], right_row_ends[N];
        uint64_t found[3 * (N / 64 + 1)];
        table_format format = {.separator = ',', .has_quotes = i % 3 > 0};
        size_t n = below(N), n_ends = 0, n_rows = 0, bad = SIZE_MAX, whole = 0;
        uint64_t n_lines = 0;
        for (size_t k = 0; k < n; k++)
            text[k] = (uint8_t)bytes[below(i % 2 ? 8 : 4)];
        bool is_inside = false;
        for (size_t k = 0; k < n; k++) {
            n_lines += text[k] == '\n';
            if (format.has_quotes && text[k] == '"') {
                bool is_border = k == 0 || strchr(",\n\"", text[k - 1]);
                if (!is_inside && !is_border && bad == SIZE_MAX)
                    bad = k;
                is_inside = !is_inside;
            } else if (!is_inside && (text[k] == ',' || text[k] == '\n')) {
                right_ends[n_ends++] = (uint32_t)k;
                if (text[k] == '\n') {
                    right_row_ends[n_rows++] = (uint32_t)n_ends - 1;
                    whole = k + 1;
                }
            }
        }
        for (int level = 0; level < BL_CPU_COUNT; level++) {
            table_scan scan = {.ends = ends, .row_ends = row_ends, .found = found};
            const bl_bits *bits = bl_bits_get((bl_cpu)level);
            if (!bits)
                continue;
            table_scan_rows(&scan, bits, (bl_cpu)level, format, text, n);
            CHECK(scan.n_ends == n_ends && memcmp(ends, right_ends, n_ends * sizeof *ends) == 0);
            CHECK(scan.n_rows == n_rows
                  && memcmp(row_ends, right_row_ends, n_rows * sizeof *row_ends) == 0);
            CHECK(scan.bad_quote == bad && scan.n_lines == n_lines);
            CHECK(table_whole_rows(found, bits, format, text, n) == whole);
        }
    }
}

int main(void)
{
    bl_random_seed(&rng, 30);
    RUN(chains_do_what_the_scalar_model_does);
    RUN(threads_and_sources_change_nothing);
    RUN(a_failing_source_ends_the_run_and_keeps_what_was_before);
    RUN(stages_that_do_not_fit_are_refused);
    RUN(filters_agree_with_arithmetic);
    RUN(refilled_lanes_do_what_a_scalar_loop_does);
    RUN(every_failing_allocation_is_reported);
    RUN(scans_find_the_cells_that_a_loop_finds);
    return test_summary();
}
