// SPDX-License-Identifier: MIT
// A quantised LSTM or GRU as a program.
//
//   step   byte -> one-hot planes
//          per layer, some neurons at a time:
//              layer 0: what the byte adds to a sum        ORs of one-hot planes
//              four sums of weighted bits                  SUM
//              cut to SUM_BITS                             LUT3s
//              the cell, mapped once, for all neurons      LUT3s
//          then the new hidden values take their places    copies
//   head   one SUM per symbol, low planes dropped
//
// A hidden value is seen as 2 h + 1 = sum of 2^k s_k over its bits, s_k = -1 or 1 (the sign bit the
// other way round), a weight as signed powers of two: a product is a few bits with weights 2^e.
// With s = 2 * literal - 1 a sum is a count of true literals by weight, and a constant.

#include "gated_private.h"

#include "melt/weave_private.h"

#include <bitloom/melt.h>
#include <bitloom/netlist.h>

#include "base/try.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    SUM_ROOM = 48, // and of its place: a few are dropped below, or follow above
    TOGETHER = 4   // neurons whose cells run together
};

typedef struct weaver {
    const bl_quantised *q;
    bl_assembler *a;
    uint32_t byte, state, logits;    // first slots
    uint32_t usual;                  // the symbol that most bytes share
    uint32_t one_hot[256];           // of the bytes with other symbols
    uint32_t added;                  // temporaries: what the byte adds to a sum
    uint32_t sums[TOGETHER][N_SUMS]; // temporaries, MAX_SUM each
    uint32_t fresh;                  // temporaries: hidden values of a layer until all are known
    bl_netlist *cell;
    uint32_t *order;                    // LUTs of the cell as they are emitted
    uint32_t *n_readers;                // of each node of the cell
    uint32_t *slot[TOGETHER];           // of each node of the cell
    uint32_t *spare[TOGETHER], n_spare; // temporaries of a cell that are free
    uint32_t *plain, *complemented;     // literals of a sum, by weight
    size_t n_literals;
} weaver;

// ---------------------------------------------------------------------------------- sums

// Literals of each weight 2^0 .. 2^(MAX_SUM - 1), and what they stand for beside their count.
typedef struct terms {
    bl_literal_list of[MAX_SUM];
    uint32_t *plain, *complemented;
    size_t room;        // of each weight
    int64_t base, most; // most: of the absolute value of the sum
} terms;

static void terms_begin(terms *t, weaver *w)
{
    size_t room = w->n_literals / MAX_SUM;
    *t = (terms){.plain = w->plain, .complemented = w->complemented, .room = room};
    for (uint32_t e = 0; e < MAX_SUM; e++) {
        t->of[e].plain = w->plain + e * room;
        t->of[e].complemented = w->complemented + e * room;
    }
}

// Adds 2^e * literal.
static void terms_literal(terms *t, uint32_t e, uint32_t slot, bool is_complemented)
{
    bl_literal_list *list = &t->of[e];
    assert(e < MAX_SUM && list->n_plain + list->n_complemented < t->room);
    if (is_complemented)
        t->complemented[e * t->room + list->n_complemented++] = slot;
    else
        t->plain[e * t->room + list->n_plain++] = slot;
}

// Adds weight * (2 h + 1), h being n planes from `slot` on.
static void terms_product(terms *t, int weight, uint32_t slot, uint32_t n)
{
    signed_digit digits[MAX_DIGITS];
    uint32_t n_digits = signed_digits(digits, weight);
    for (uint32_t d = 0; d < n_digits; d++)
        for (uint32_t k = 0; k < n; k++) {
            uint32_t e = digits[d].exponent + k;
            terms_literal(t, e + 1, slot + k, digits[d].is_negative != (k == n - 1));
            t->base -= INT64_C(1) << e;
        }
    t->most += (int64_t)abs(weight) << n;
}

static uint32_t signed_bits(int64_t most)
{
    uint32_t n = 1;
    while (INT64_C(1) << (n - 1) <= most)
        n++;
    return n;
}

// Writes n_dst planes; returns how many of them the sum needs, its sign included.
static uint32_t emit_sum(weaver *w, const terms *t, uint32_t dst, uint32_t n_dst)
{
    uint32_t n_digits = 0, n_planes = signed_bits(t->most);
    for (uint32_t e = 0; e < MAX_SUM; e++)
        if (t->of[e].n_plain + t->of[e].n_complemented > 0)
            n_digits = e + 1;
    n_planes = n_planes > n_digits ? n_planes : n_digits;
    bl_assembler_sum(w->a, dst, n_dst > n_planes ? n_dst : n_planes, n_planes, t->base, t->of,
                     n_digits);
    return n_planes;
}

static uint32_t neuron_slot(const weaver *w, uint32_t layer, uint32_t neuron)
{
    return w->state + (layer * w->q->n_hidden + neuron) * neuron_bits(w->q);
}

// Where the bits lie that others see.
static uint32_t seen_slot(const weaver *w, uint32_t layer, uint32_t neuron)
{
    return neuron_slot(w, layer, neuron) + (w->q->is_gru ? w->q->cell_bits - w->q->hidden_bits : 0);
}

// The next two bytes, from *next on, whose share of a sum differs in bit k from that of the usual
// symbol, as one-hot planes; how many there are.
static uint32_t pick_bytes(uint32_t pick[2], uint32_t *next, const weaver *w, uint32_t row,
                           uint32_t k)
{
    const bl_quantised *q = w->q;
    const int32_t *column = q->table + row;
    size_t rows = quantised_rows(q);
    int32_t usual = column[w->usual * rows];
    uint32_t n = 0;
    for (; n < 2 && *next < 256; ++*next) {
        uint32_t symbol = q->info.byte_symbol[*next];
        if (symbol != w->usual && ((column[symbol * rows] ^ usual) >> k & 1))
            pick[n++] = w->one_hot[*next];
    }
    return n;
}

// Planes `first` to `end` of what the byte adds to a row: the usual symbol's bit, changed by the
// one-hot planes of other bytes. Two bytes at a time and all planes in turn, so that neighbouring
// operations do not wait for each other.
static void emit_added(weaver *w, uint32_t row, uint32_t first, uint32_t end)
{
    uint32_t next[MAX_SUM] = {0};
    int32_t usual = w->q->table[w->usual * (size_t)quantised_rows(w->q) + row];
    for (bool is_first = true, is_busy = true; is_busy; is_first = false) {
        is_busy = false;
        for (uint32_t k = first; k < end; k++) {
            uint32_t pick[2] = {0, 0}, n = pick_bytes(pick, &next[k], w, row, k);
            if (n > 0 || is_first)
                bl_assembler_lut3(w->a, TABLE_OR3, w->added + k, pick[0], pick[1],
                                  is_first ? 0 : w->added + k);
            is_busy |= n > 0;
        }
    }
    for (uint32_t k = first; k < end; k++)
        if (usual >> k & 1)
            bl_assembler_lut3(w->a, TABLE_NOT_A, w->added + k, w->added + k, 0, 0);
}

// What the byte adds to a row of layer 0. Low planes that are always 0 are left out.
static void add_table(weaver *w, terms *t, uint32_t row)
{
    const bl_quantised *q = w->q;
    int64_t most = 0;
    int32_t any = 0;
    for (uint32_t s = 0; s <= q->n_known; s++) {
        int32_t v = q->table[(size_t)s * quantised_rows(q) + row];
        most = llabs((long long)v) > most ? llabs((long long)v) : most;
        any |= v;
    }
    if (!any)
        return;
    uint32_t n = signed_bits(most), first = 0;
    while (!(any >> first & 1))
        first++;
    emit_added(w, row, first, n);
    for (uint32_t k = first; k < n; k++)
        terms_literal(t, k, w->added + k, k == n - 1);
    t->base -= INT64_C(1) << (n - 1); // -2^k x = 2^k (1 - x) - 2^k
    t->most += INT64_C(1) << (n - 1);
}

// Cuts planes [from, from + n) of a sum, n > SUM_BITS, to the nearest number of SUM_BITS.
static void emit_clamp(weaver *w, uint32_t from, uint32_t n)
{
    enum { TABLE_OR_DIFFERS = 0xF6, TABLE_LIMIT = 0x5C }; // a | (b ^ c); a ? ~c : b
    uint32_t sign = from + n - 1, any = w->added;
    bl_assembler_lut3(w->a, TABLE_OR_DIFFERS, any, 0, from + SUM_BITS - 1, sign);
    for (uint32_t k = SUM_BITS; k + 1 < n; k++)
        bl_assembler_lut3(w->a, TABLE_OR_DIFFERS, any, any, from + k, sign);
    for (uint32_t k = 0; k + 1 < SUM_BITS; k++)
        bl_assembler_lut3(w->a, TABLE_LIMIT, from + k, any, from + k, sign);
    bl_assembler_lut3(w->a, TABLE_A, from + SUM_BITS - 1, sign, 0, 0);
}

// Leaves sum k of a neuron in SUM_BITS planes; returns the first of them.
static uint32_t emit_row(weaver *w, uint32_t l, uint32_t neuron, uint32_t k, uint32_t dst)
{
    const bl_quantised *q = w->q;
    const quantised_layer *layer = &q->layers[l];
    uint32_t row = N_SUMS * neuron + k, below = layer->n_inputs - q->n_hidden;
    const int16_t *weight = layer->weight + (size_t)row * layer->n_inputs;
    int shift = sum_shift(q, layer, row);
    terms t;
    terms_begin(&t, w);
    for (uint32_t i = 0; i < layer->n_inputs; i++)
        if (weight[i])
            terms_product(&t, weight[i],
                          i < below ? seen_slot(w, l - 1, i) : seen_slot(w, l, i - below),
                          q->hidden_bits);
    int64_t constant = (l > 0 ? layer->bias[row] : 0) + (shift > 0 ? INT64_C(1) << (shift - 1) : 0);
    t.base += constant;
    t.most += llabs((long long)constant);
    if (l == 0)
        add_table(w, &t, row);
    uint32_t n_zeros = shift < 0 ? (uint32_t)-shift : 0, dropped = shift > 0 ? (uint32_t)shift : 0;
    for (uint32_t z = 0; z < n_zeros; z++)
        bl_assembler_lut3(w->a, TABLE_A, dst + z, 0, 0, 0);
    uint32_t n = emit_sum(w, &t, dst + n_zeros, dropped + SUM_BITS) + n_zeros;
    if (n > dropped + SUM_BITS)
        emit_clamp(w, dst + dropped, n - dropped);
    return dst + dropped;
}

// ---------------------------------------------------------------------------------- cells

static uint32_t lut_level(const bl_netlist *n, const uint32_t *level, uint32_t lut)
{
    uint32_t most = 0;
    for (uint32_t k = 0; k < bl_netlist_n_leaves(n, lut); k++) {
        uint32_t l = level[n->leaves[lut * n->max_inputs + k]];
        most = l > most ? l : most;
    }
    return most + 1;
}

typedef struct placed {
    uint32_t lut, level;
    uint8_t table;
} placed;

static int by_level_and_table(const void *x, const void *y)
{
    const placed *a = x, *b = y;
    if (a->level != b->level)
        return a->level < b->level ? -1 : 1;
    if (a->table != b->table)
        return a->table < b->table ? -1 : 1;
    return a->lut < b->lut ? -1 : a->lut > b->lut;
}

// The cell as LUT3s, in an order in which those of one table stand together.
static bl_status prepare_cell(weaver *w, const bl_allocator *allocator, bl_diag *diag)
{
    bl_graph *graph = NULL;
    bl_status status = cell_graph(&graph, w->q, allocator, diag);
    if (status == BL_OK)
        status = bl_netlist_map(&w->cell, graph, &(bl_map_params){.effort = 2}, allocator);
    bl_graph_destroy(&graph);
    if (status != BL_OK)
        return status;
    const bl_netlist *n = w->cell;
    w->order = bl_alloc_array(allocator, n->n_luts, sizeof *w->order);
    w->n_readers = bl_alloc_array(allocator, n->n_nodes, sizeof *w->n_readers);
    placed *sorted = bl_alloc_array(allocator, n->n_luts, sizeof *sorted);
    uint32_t *level = bl_alloc_array(allocator, n->n_nodes, sizeof *level);
    for (uint32_t i = 0; i < TOGETHER; i++) {
        w->slot[i] = bl_alloc_array(allocator, n->n_nodes, sizeof **w->slot);
        w->spare[i] = bl_alloc_array(allocator, n->n_nodes, sizeof **w->spare);
        if (!w->slot[i] || !w->spare[i])
            status = BL_ERR_MEMORY;
    }
    if (!w->order || !w->n_readers || !sorted || !level)
        status = BL_ERR_MEMORY;
    for (uint32_t i = 0; status == BL_OK && i < n->n_luts; i++) {
        level[n->first_lut + i] = lut_level(n, level, i);
        sorted[i] = (placed){i, level[n->first_lut + i], (uint8_t)n->tables[i]};
    }
    if (status == BL_OK) {
        qsort(sorted, n->n_luts, sizeof *sorted, by_level_and_table);
        for (uint32_t i = 0; i < n->n_luts; i++)
            w->order[i] = sorted[i].lut;
    }
    bl_free(allocator, sorted, n->n_luts * sizeof *sorted);
    bl_free(allocator, level, n->n_nodes * sizeof *level);
    return status;
}

static void count_readers(weaver *w)
{
    const bl_netlist *n = w->cell;
    memset(w->n_readers, 0, n->n_nodes * sizeof *w->n_readers);
    for (uint32_t i = 0; i < n->n_luts; i++)
        for (uint32_t k = 0; k < bl_netlist_n_leaves(n, i); k++)
            w->n_readers[n->leaves[i * n->max_inputs + k]]++;
    for (uint32_t o = 0; o < n->ports->n_outputs; o++)
        w->n_readers[bl_lit_node(n->outputs[o])]++;
}

// LUTs write to temporaries that are used again once their last reader is through.
static void emit_cell_luts(weaver *w, uint32_t n_cells)
{
    const bl_netlist *n = w->cell;
    for (uint32_t i = 0; i < n->n_luts; i++) {
        uint32_t lut = w->order[i], node = n->first_lut + lut;
        const uint32_t *leaves = &n->leaves[lut * n->max_inputs];
        bool is_new = w->n_spare == 0;
        for (uint32_t c = 0; c < n_cells; c++) {
            uint32_t *slot = w->slot[c];
            slot[node] = is_new ? bl_assembler_temporaries(w->a, 1) : w->spare[c][w->n_spare - 1];
            bl_assembler_lut3(w->a, (uint8_t)n->tables[lut], slot[node], slot[leaves[2]],
                              slot[leaves[1]], slot[leaves[0]]);
        }
        w->n_spare -= !is_new;
        for (uint32_t k = 0; k < bl_netlist_n_leaves(n, lut); k++)
            if (--w->n_readers[leaves[k]] == 0 && leaves[k] >= n->first_lut) {
                for (uint32_t c = 0; c < n_cells; c++)
                    w->spare[c][w->n_spare] = w->slot[c][leaves[k]];
                w->n_spare++;
            }
    }
}

// Cell c of layer l: new planes of the cell go to its place, hidden ones to `fresh`.
static void emit_cell_outputs(weaver *w, uint32_t l, uint32_t first, uint32_t n_cells)
{
    const bl_quantised *q = w->q;
    const bl_netlist *n = w->cell;
    for (uint32_t o = 0; o < n->ports->n_outputs; o++) {
        bl_lit lit = n->outputs[o];
        for (uint32_t c = 0; c < n_cells; c++) {
            uint32_t neuron = first + c, dst;
            if (q->is_gru)
                dst = w->fresh + neuron * q->cell_bits + o;
            else if (o < q->cell_bits)
                dst = neuron_slot(w, l, neuron) + q->hidden_bits + o;
            else
                dst = w->fresh + neuron * q->hidden_bits + o - q->cell_bits;
            bl_assembler_lut3(w->a, bl_lit_is_complemented(lit) ? TABLE_NOT_A : TABLE_A, dst,
                              w->slot[c][bl_lit_node(lit)], 0, 0);
        }
        uint32_t node = bl_lit_node(lit);
        if (--w->n_readers[node] == 0 && node >= n->first_lut) {
            for (uint32_t c = 0; c < n_cells; c++)
                w->spare[c][w->n_spare] = w->slot[c][node];
            w->n_spare++;
        }
    }
}

static void emit_cells(weaver *w, uint32_t l, uint32_t first, uint32_t n_cells)
{
    const bl_quantised *q = w->q;
    count_readers(w);
    for (uint32_t c = 0; c < n_cells; c++) {
        uint32_t *slot = w->slot[c], node = 1;
        slot[0] = 0;
        for (uint32_t k = 0; k < N_SUMS; k++) {
            uint32_t from = emit_row(w, l, first + c, k, w->sums[c][k]);
            for (uint32_t b = 0; b < SUM_BITS; b++)
                slot[node++] = from + b;
        }
        for (uint32_t b = 0; b < q->cell_bits; b++)
            slot[node++] = neuron_slot(w, l, first + c) + (q->is_gru ? 0 : q->hidden_bits) + b;
    }
    emit_cell_luts(w, n_cells);
    emit_cell_outputs(w, l, first, n_cells);
}

static void emit_step(weaver *w)
{
    const bl_quantised *q = w->q;
    uint32_t bits = q->is_gru ? q->cell_bits : q->hidden_bits;
    bool is_hot[256];
    for (int b = 0; b < 256; b++)
        is_hot[b] = q->info.byte_symbol[b] != w->usual;
    bl_assembler_begin_entry(w->a, "step");
    weave_one_hots(w->a, w->one_hot, w->byte, is_hot);
    for (uint32_t l = 0; l < q->n_layers; l++) {
        for (uint32_t j = 0; j < q->n_hidden; j += TOGETHER)
            emit_cells(w, l, j, q->n_hidden - j < TOGETHER ? q->n_hidden - j : TOGETHER);
        for (uint32_t j = 0; j < q->n_hidden; j++)
            for (uint32_t k = 0; k < bits; k++)
                bl_assembler_lut3(w->a, TABLE_A, neuron_slot(w, l, j) + k, w->fresh + j * bits + k,
                                  0, 0);
    }
}

static void emit_head(weaver *w)
{
    const bl_quantised *q = w->q;
    bl_assembler_begin_entry(w->a, "head");
    for (uint32_t s = 0; s < q->n_known; s++) {
        terms t;
        terms_begin(&t, w);
        for (uint32_t i = 0; i < q->n_hidden; i++)
            if (q->head[(size_t)s * q->n_hidden + i])
                terms_product(&t, q->head[(size_t)s * q->n_hidden + i],
                              seen_slot(w, q->n_layers - 1, i), q->hidden_bits);
        t.base += q->head_bias[s];
        t.most += llabs((long long)q->head_bias[s]);
        uint32_t dst = w->sums[0][0];
        emit_sum(w, &t, dst, q->head_shift + BL_LOGIT_BITS);
        for (uint32_t k = 0; k < BL_LOGIT_BITS; k++)
            bl_assembler_lut3(w->a, TABLE_A, w->logits + s * BL_LOGIT_BITS + k,
                              dst + q->head_shift + k, 0, 0);
    }
    if (q->info.n_symbols > q->n_known)
        for (uint32_t k = 0; k < BL_LOGIT_BITS; k++)
            bl_assembler_lut3(w->a, TABLE_A, w->logits + q->n_known * BL_LOGIT_BITS + k,
                              q->other_logit >> k & 1, 0, 0);
}

static bl_status describe(bl_record records[3], const bl_quantised *q)
{
    char name[BL_FIELD_NAME_BYTES];
    TRY(bl_record_add(&records[0], "byte", 8, false));
    for (uint32_t l = 0; l < q->n_layers; l++) {
        snprintf(name, sizeof name, "layer%u", l);
        TRY(bl_record_add(&records[1], name, q->n_hidden * neuron_bits(q), false));
    }
    return describe_logits(&records[2], q->info.byte_symbol, q->info.n_symbols);
}

static bl_status emit(weaver *w, const bl_record records[3], const bl_allocator *allocator)
{
    const bl_quantised *q = w->q;
    // literals of one weight: each input has at most one digit for each of its bits there
    w->n_literals = MAX_SUM * ((size_t)2 * q->n_hidden * q->hidden_bits + 2);
    w->plain = bl_alloc_array(allocator, w->n_literals, sizeof *w->plain);
    w->complemented = bl_alloc_array(allocator, w->n_literals, sizeof *w->complemented);
    if (!w->plain || !w->complemented)
        return BL_ERR_MEMORY;
    TRY(prepare_cell(w, allocator, NULL));
    TRY(bl_assembler_create(&w->a, &records[0], &records[1], &records[2], allocator));
    w->byte = bl_assembler_input(w->a);
    w->state = bl_assembler_state(w->a);
    w->logits = bl_assembler_output(w->a);
    w->added = bl_assembler_temporaries(w->a, MAX_SUM + 8);
    w->fresh =
        bl_assembler_temporaries(w->a, q->n_hidden * (q->is_gru ? q->cell_bits : q->hidden_bits));
    for (uint32_t c = 0; c < TOGETHER; c++)
        for (uint32_t k = 0; k < N_SUMS; k++)
            w->sums[c][k] = bl_assembler_temporaries(w->a, SUM_ROOM);
    emit_step(w);
    emit_head(w);
    return BL_OK;
}

bl_status bl_quantised_weave(bl_program **program, const bl_quantised *q,
                             const bl_allocator *allocator)
{
    assert(program && q);
    weaver w = {.q = q, .usual = usual_symbol(q->info.byte_symbol, q->info.n_symbols)};
    bl_record records[3] = {
        {.allocator = allocator}, {.allocator = allocator}, {.allocator = allocator}};
    bl_status status = describe(records, q);
    if (status == BL_OK)
        status = emit(&w, records, allocator);
    if (status == BL_OK)
        status = bl_assembler_finish(program, w.a);
    bl_assembler_destroy(&w.a);
    for (int r = 0; r < 3; r++)
        bl_record_clear(&records[r]);
    uint32_t n_nodes = w.cell ? w.cell->n_nodes : 0, n_luts = w.cell ? w.cell->n_luts : 0;
    bl_free(allocator, w.order, n_luts * sizeof *w.order);
    bl_free(allocator, w.n_readers, n_nodes * sizeof *w.n_readers);
    for (uint32_t i = 0; i < TOGETHER; i++) {
        bl_free(allocator, w.slot[i], n_nodes * sizeof **w.slot);
        bl_free(allocator, w.spare[i], n_nodes * sizeof **w.spare);
    }
    bl_netlist_destroy(&w.cell);
    bl_free(allocator, w.plain, w.n_literals * sizeof *w.plain);
    bl_free(allocator, w.complemented, w.n_literals * sizeof *w.complemented);
    return status;
}
