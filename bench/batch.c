// SPDX-License-Identifier: MIT
// What does a filter cost, end to end? Records of 64 bits with five fields, a predicate of some 80
// operations on planes, 1.45 % kept; in L2 and from memory; in C on planes and as a bl_program.
// Compaction alone at several shares. A table as text.

#define _GNU_SOURCE // fmemopen, getline
#include "bench.h"
#include "batch_rows.h"
#include "batch/table.h"

#include <stdlib.h>
#include <string.h>

enum {
    N_IN_L2 = 16384,             // 128 KiB
    N_IN_MEMORY = (64 << 20) / 8 // four times the L3 of one complex and more
};

// ------------------------------------------------------------------------------------ rows

static bool keeps(uint64_t r)
{
    uint64_t a = r & 0xFFF, b = r >> 12 & 0xFFF, c = r >> 24 & 0xFFFF, d = r >> 40 & 0xFFF,
             e = r >> 52;
    uint64_t low = c & 0x5555, pairs = low + (c >> 1 & 0x5555); // popcount without the instruction
    pairs = (pairs & 0x3333) + (pairs >> 2 & 0x3333);
    pairs = (pairs & 0x0F0F) + (pairs >> 4 & 0x0F0F);
    uint64_t n = (pairs & 0xFF) + (pairs >> 8);
    return ((a < b) & (n >= 9) & (((d ^ e) & 0x33) == 0x11))
           | ((((a + b) & 0x800) == 0) & ((c & 0xFF) == d >> 4));
}

size_t filter_rows_scalar(uint64_t *dst, const uint64_t *records, size_t n)
{
    size_t n_kept = 0;
    for (size_t i = 0; i < n; i++) {
        dst[n_kept] = records[i];
        n_kept += keeps(records[i]);
    }
    return n_kept;
}

void keep_planes_c(void *context, bl_plane *keep, const bl_plane *planes, size_t n_chunks);
void keep_planes_avx2(void *context, bl_plane *keep, const bl_plane *planes, size_t n_chunks);
void keep_planes_avx512(void *context, bl_plane *keep, const bl_plane *planes, size_t n_chunks);
size_t filter_rows_avx512(uint64_t *dst, const uint64_t *records, size_t n);

bl_keep_planes *filter_planes(bl_cpu level)
{
    switch (level) {
#if defined(__x86_64__)
    case BL_CPU_AVX2: return keep_planes_avx2;
    case BL_CPU_AVX512: return keep_planes_avx512;
#endif
    default: return keep_planes_c;
    }
}

filter_rows *filter_rows_by_hand(void)
{
#if defined(__x86_64__)
    if (bl_cpu_is_supported(BL_CPU_AVX512))
        return filter_rows_avx512;
#endif
    return NULL;
}

// ------------------------------------------------------------------------------ the contenders

typedef struct rows {
    uint64_t *records, *kept, *right;
    size_t n, n_kept, n_right, n_repeats;
    bl_chain *chain;
    filter_rows *filter;
    uint64_t sum;
} rows;

static size_t take(void *context, const void *records, const uint64_t *index, size_t n)
{
    rows *r = context;
    (void)index;
    memcpy(r->kept + r->n_kept, records, n * sizeof *r->kept);
    r->n_kept += n;
    return n;
}

static void run_chain(void *context)
{
    rows *r = context;
    for (size_t i = 0; i < r->n_repeats; i++) {
        size_t n_taken;
        r->n_kept = 0;
        if (bl_chain_push(&n_taken, r->chain, r->records, r->n) != BL_OK
            || bl_chain_flush(r->chain) != BL_OK)
            r->n_kept = 0;
    }
}

static void run_rows(void *context)
{
    rows *r = context;
    for (size_t i = 0; i < r->n_repeats; i++)
        r->n_kept = r->filter(r->kept, r->records, r->n);
}

// A plain streaming read: every word, summed up.
static void run_read(void *context)
{
    rows *r = context;
    typedef uint64_t words __attribute__((vector_size(64)));
    const words *at = (const words *)(const void *)r->records;
    words sum[4] = {{0}};
    for (size_t k = 0; k < r->n_repeats; k++)
        for (size_t i = 0; i < r->n / 8; i += 4)
            for (size_t j = 0; j < 4; j++)
                sum[j] ^= at[i + j];
    for (size_t j = 0; j < 4; j++)
        r->sum ^= sum[j][0] ^ sum[j][7];
}

static bool is_right(rows *r, bench_run *run)
{
    r->n_kept = 0;
    run(r);
    return r->n_kept == r->n_right && memcmp(r->kept, r->right, r->n_right * 8) == 0;
}

static bl_chain *create_chain(const bench_context *c, const bl_program *program, rows *r)
{
    static const bl_plane_range all = {0, 64};
    bl_chain *chain;
    bl_chain_params params = {.record_bytes = 8, .level = c->cpu};
    if (bl_chain_create(&chain, &params) != BL_OK)
        return NULL;
    bl_status status = program
                           ? bl_chain_add_program(chain, program)
                           : bl_chain_add_predicate(chain, filter_planes(c->cpu), NULL, &all, 1);
    bl_chain_set_sink(chain, take, r);
    if (status != BL_OK)
        bl_chain_destroy(&chain);
    return chain;
}

static bl_program *create_program(void)
{
    static const char text[] = "(a < b && popcount(c) >= 9 && (d ^ e) & 0x33 == 0x11)"
                               " || ((a + b) & 0x800 == 0 && c & 0xFF == d >> 4)";
    bl_record record = {0};
    bl_expression *e = NULL;
    bl_graph *g = NULL;
    bl_program *p = NULL;
    bl_expression_fields fields = {.record = &record};
    bl_status status = bl_record_parse(&record, "a:12,b:12,c:16,d:12,e:12", "fields", NULL);
    if (status == BL_OK)
        status = bl_expression_parse(&e, text, "predicate", NULL, NULL);
    if (status == BL_OK)
        status = bl_expression_to_graph(&g, e, &fields, NULL, NULL);
    if (status == BL_OK)
        status = bl_program_cover_graph(&p, g, NULL);
    bl_graph_destroy(&g);
    bl_expression_destroy(&e);
    bl_record_clear(&record);
    return status == BL_OK ? p : NULL;
}

typedef struct rival {
    const char *name;
    bench_run *run;
    filter_rows *filter;
} rival;

// One line for each pair of a way to filter and a rival, in one size.
static bool bench_filter(const bench_context *c, const bl_program *program, size_t n,
                         const char *const names[2])
{
    rows r = {.n = n, .n_repeats = n == N_IN_L2 ? 32 : 1};
    bl_random random;
    size_t bytes = n * 8 + 4096;
    r.records = bl_alloc(NULL, bytes);
    r.kept = bl_alloc(NULL, bytes);
    r.right = bl_alloc(NULL, bytes);
    bl_chain *chains[2] = {create_chain(c, NULL, &r), create_chain(c, program, &r)};
    bool is_ok = r.records && r.kept && r.right && chains[0] && chains[1];
    bl_random_seed(&random, 5);
    for (size_t i = 0; is_ok && i < n; i++)
        r.records[i] = bl_random_next(&random);
    if (is_ok)
        r.n_right = filter_rows_scalar(r.right, r.records, n);
    const rival rivals[] = {{"scalar C, branchless", run_rows, filter_rows_scalar},
                            {"AVX-512 by hand, row-wise", run_rows, filter_rows_by_hand()},
                            {"a plain read of the records", run_read, NULL}};
    for (size_t w = 0; w < 2; w++)
        for (size_t k = 0; k < 3 && is_ok; k++) {
            rows other = r;
            other.filter = rivals[k].filter;
            r.chain = chains[w];
            if (rivals[k].run == run_rows && !other.filter)
                continue;
            is_ok = is_right(&r, run_chain)
                    && (rivals[k].run == run_read || is_right(&other, rivals[k].run));
            bench_line line = {.group = "batch",
                               .name = names[w],
                               .question = "what does a filter cost, end to end?",
                               .anchor = rivals[k].name,
                               .units = (double)(n * r.n_repeats),
                               .unit = "records"};
            if (is_ok) {
                bench_pair(&line, run_chain, rivals[k].run, &r, &other, c->settings->seconds);
                c->sink->report(c->sink, &line);
            }
        }
    bl_chain_destroy(&chains[0]);
    bl_chain_destroy(&chains[1]);
    bl_free(NULL, r.records, bytes);
    bl_free(NULL, r.kept, bytes);
    bl_free(NULL, r.right, bytes);
    return is_ok;
}

// ------------------------------------------------------------------------------- compaction

typedef struct compaction {
    const bl_bits *bits;
    uint64_t *records, *kept;
    bl_plane *keep;
    size_t n_kept;
} compaction;

enum { COMPACT_REPEATS = 32 };

static void run_compact(void *context)
{
    compaction *x = context;
    for (int i = 0; i < COMPACT_REPEATS; i++)
        x->n_kept = bl_compact(x->bits, x->kept, x->records, 8, x->keep, N_IN_L2);
}

static void run_compact_scalar(void *context)
{
    compaction *x = context;
    for (int k = 0; k < COMPACT_REPEATS; k++) {
        size_t n = 0;
        for (size_t i = 0; i < N_IN_L2; i++) {
            x->kept[n] = x->records[i];
            n += x->keep[i / 512].word[i / 64 % 8] >> i % 64 & 1;
        }
        x->n_kept = n;
    }
}

static void run_copy(void *context)
{
    compaction *x = context;
    for (int i = 0; i < COMPACT_REPEATS; i++) {
        memcpy(x->kept, x->records, N_IN_L2 * 8);
        __asm__ volatile("" : : "r"(x->kept) : "memory"); // each copy happens
    }
}

static bool compaction_is_right(compaction *x, uint64_t *right)
{
    size_t n;
    run_compact_scalar(x);
    n = x->n_kept;
    memcpy(right, x->kept, n * 8);
    run_compact(x);
    return x->n_kept == n && memcmp(x->kept, right, n * 8) == 0;
}

static bool bench_compaction(const bench_context *c)
{
    static const unsigned shares[] = {2, 10, 50, 90};
    static const char *const names[] = {"compact 2 %", "compact 10 %", "compact 50 %",
                                        "compact 90 %"};
    size_t bytes = N_IN_L2 * 8, keep_bytes = N_IN_L2 / 8;
    compaction x = {.bits = bl_bits_get(c->cpu),
                    .records = bl_alloc(NULL, bytes),
                    .kept = bl_alloc(NULL, bytes + 8),
                    .keep = bl_alloc(NULL, keep_bytes)};
    uint64_t *right = bl_alloc(NULL, bytes);
    bool is_ok = x.records && x.kept && x.keep && right;
    bl_random random;
    bl_random_seed(&random, 6);
    for (size_t s = 0; s < 4 && is_ok; s++) {
        for (size_t i = 0; i < N_IN_L2; i++) {
            x.records[i] = bl_random_next(&random);
            bl_lane_set(&x.keep[i / 512], i % 512, bl_random_below(&random, 100) < shares[s]);
        }
        is_ok = compaction_is_right(&x, right);
        for (int k = 0; k < 2 && is_ok; k++) {
            bench_line line = {.group = "batch",
                               .name = names[s],
                               .question = "what does moving the kept records together cost?",
                               .anchor = k ? "scalar C, branchless" : "memcpy of the records",
                               .units = (double)N_IN_L2 * COMPACT_REPEATS,
                               .unit = "records"};
            bench_pair(&line, run_compact, k ? run_compact_scalar : run_copy, &x, &x,
                       c->settings->seconds);
            c->sink->report(c->sink, &line);
        }
    }
    bl_free(NULL, x.records, bytes);
    bl_free(NULL, x.kept, bytes + 8);
    bl_free(NULL, x.keep, keep_bytes);
    bl_free(NULL, right, bytes);
    return is_ok;
}

// ------------------------------------------------------------------------------------ tables

// The second of five columns of small numbers, added up: finding cells and reading numbers.
typedef struct table_bench {
    bl_cpu level;
    uint8_t *memory, *text;
    size_t bytes;
    table_scan scan;
    uint64_t sum;
} table_bench;

enum { TABLE_BYTES = 256 << 10, TABLE_REPEATS = 8 };
static const table_format comma = {.separator = ',', .has_quotes = true};

static void run_scan(void *context)
{
    table_bench *t = context;
    for (int k = 0; k < TABLE_REPEATS; k++) {
        table_scan_rows(&t->scan, bl_bits_get(t->level), t->level, comma, t->text, t->bytes);
        t->sum = 0;
        for (size_t i = 0, first = 0; i < t->scan.n_rows; first = t->scan.row_ends[i++] + 1) {
            cell_number x = {0};
            const uint8_t *begin = t->text + t->scan.ends[first] + 1;
            const uint8_t *end = t->text + t->scan.ends[first + 1];
            if (!cell_read_usual(&x.magnitude, begin, end, 0, 1)
                && cell_read_number(&x, begin, end, comma, 0) != CELL_OK)
                x.magnitude = 0;
            t->sum += x.magnitude;
        }
    }
}

// As one would write it in C: getline, strchr, strtol.
static void run_getline(void *context)
{
    table_bench *t = context;
    for (int k = 0; k < TABLE_REPEATS; k++) {
        FILE *file = fmemopen(t->text, t->bytes, "r");
        char *line = NULL;
        size_t capacity = 0;
        t->sum = 0;
        while (file && getline(&line, &capacity, file) > 0) {
            const char *comma_at = strchr(line, ',');
            t->sum += comma_at ? (uint64_t)strtol(comma_at + 1, NULL, 10) : 0;
        }
        free(line);
        if (file)
            fclose(file);
    }
}

static void write_table(table_bench *t)
{
    bl_random random;
    bl_random_seed(&random, 8);
    while (t->bytes + 100 < TABLE_BYTES)
        t->bytes += (size_t)sprintf(
            (char *)t->text + t->bytes, "%u,%u,word%u,%u,%u\n",
            (unsigned)bl_random_below(&random, 1000), (unsigned)bl_random_below(&random, 100000),
            (unsigned)bl_random_below(&random, 100), (unsigned)bl_random_below(&random, 10),
            (unsigned)bl_random_below(&random, 10000000));
}

static bool bench_table(const bench_context *c)
{
    size_t memory_bytes = TABLE_BYTES + 2 * TABLE_SLACK, array_bytes = (TABLE_BYTES + 8) * 4,
           found_bytes = (TABLE_BYTES / 64 + 1) * 24;
    table_bench t = {.level = c->cpu, .memory = bl_alloc(NULL, memory_bytes)};
    t.scan.ends = bl_alloc(NULL, array_bytes);
    t.scan.row_ends = bl_alloc(NULL, array_bytes);
    t.scan.found = bl_alloc(NULL, found_bytes);
    bool is_ok = t.memory && t.scan.ends && t.scan.row_ends && t.scan.found;
    if (is_ok) {
        t.text = t.memory + TABLE_SLACK;
        write_table(&t);
        run_getline(&t);
        uint64_t right = t.sum;
        run_scan(&t);
        is_ok = t.sum == right;
    }
    if (is_ok) {
        bench_line line = {.group = "batch",
                           .name = "read a column",
                           .question = "what does a column of a table cost?",
                           .anchor = "getline, strchr, strtol",
                           .units = (double)t.bytes * TABLE_REPEATS,
                           .unit = "bytes"};
        bench_pair(&line, run_scan, run_getline, &t, &t, c->settings->seconds);
        c->sink->report(c->sink, &line);
    }
    bl_free(NULL, t.memory, memory_bytes);
    bl_free(NULL, t.scan.ends, array_bytes);
    bl_free(NULL, t.scan.row_ends, array_bytes);
    bl_free(NULL, t.scan.found, found_bytes);
    return is_ok;
}

bool bench_batch(const bench_context *c)
{
    static const char *const in_l2[] = {"planes, L2", "program, L2"};
    static const char *const in_memory[] = {"planes, memory", "program, memory"};
    bl_program *program = create_program();
    bool is_ok = program && bench_filter(c, program, N_IN_L2, in_l2)
                 && bench_filter(c, program, N_IN_MEMORY, in_memory) && bench_compaction(c)
                 && bench_table(c);
    bl_program_destroy(&program);
    if (!is_ok)
        fprintf(stderr, "bitloom: bench batch: a result is wrong; it was not timed\n");
    return is_ok;
}
