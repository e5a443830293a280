// SPDX-License-Identifier: MIT
// Orders worth a look: a predicate as a person writes it, compiled to gates, on a million records.

#include <bitloom/batch.h>

#include <stdio.h>
#include <stdlib.h>

// An order of 64 bits: kind:3, mask:16, price:s20, cost:s20, and 5 bits that nobody uses.
static uint64_t order(bl_random *random)
{
    return bl_random_next(random) & ((UINT64_C(1) << 59) - 1);
}

static size_t count_rows(void *context, const void *rows, const uint64_t *index, size_t n)
{
    (void)rows;
    (void)index;
    *(size_t *)context += n;
    return n; // all are taken; fewer would mean: full
}

int main(void)
{
    enum { N = 1000000 };
    const char *text = "kind == 3 && popcount(mask) >= 9 && price - cost > 100";
    bl_record record = {0};
    bl_expression *predicate;
    bl_expression_fields fields = {.record = &record};
    bl_graph *graph;
    bl_program *program;
    bl_chain *chain;
    bl_diag diag = {0};
    if (bl_record_parse(&record, "kind:3, mask:16, price:s20, cost:s20", "fields", &diag) != BL_OK
        || bl_expression_parse(&predicate, text, "predicate", NULL, &diag) != BL_OK
        || bl_expression_to_graph(&graph, predicate, &fields, NULL, &diag) != BL_OK) {
        fprintf(stderr, "%s\n", diag.message);
        return 1;
    }
    bl_chain_params params = {.record_bytes = 8, .level = bl_cpu_best()};
    if (bl_program_cover_graph(&program, graph, NULL) != BL_OK
        || bl_chain_create(&chain, &params) != BL_OK
        || bl_chain_add_program(chain, program) != BL_OK)
        return 1;

    uint64_t *orders = malloc(N * sizeof *orders);
    size_t n_kept = 0, n_taken;
    bl_random random;
    bl_random_seed(&random, 1);
    for (int i = 0; orders && i < N; i++)
        orders[i] = order(&random);
    bl_chain_set_sink(chain, count_rows, &n_kept);
    bool is_ok = orders && bl_chain_push(&n_taken, chain, orders, N) == BL_OK
                 && bl_chain_flush(chain) == BL_OK;
    printf("%u AND gates; %zu of %d orders\n", graph->n_ands, n_kept, N);

    free(orders);
    bl_chain_destroy(&chain);
    bl_program_destroy(&program);
    bl_graph_destroy(&graph);
    bl_expression_destroy(&predicate);
    bl_record_clear(&record);
    return is_ok && n_kept > 0 ? 0 : 1;
}
