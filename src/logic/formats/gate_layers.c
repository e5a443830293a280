// SPDX-License-Identifier: MIT
// Networks of learned two-input gates ("Deep differentiable logic gate networks", Petersen et al.
// 2022) as graphs: each gate one AND or XOR, equal ones once.

#include <bitloom/logic.h>

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum { MAX_SCORE_BITS = 32 };

static bl_status check_layer(const bl_gate_layer *layer, uint32_t index, uint32_t n_before,
                             bl_diag *diag)
{
    for (uint32_t i = 0; i < layer->n; i++) {
        if (layer->kind[i] > 15)
            return bl_diag_set(diag, BL_ERR_FORMAT, NULL, 0, 0,
                               "layer %u, gate %u: kind %u; expected 0 to 15", index, i,
                               layer->kind[i]);
        uint32_t worst = layer->a[i] > layer->b[i] ? layer->a[i] : layer->b[i];
        if (worst >= n_before)
            return bl_diag_set(diag, BL_ERR_FORMAT, NULL, 0, 0,
                               "layer %u, gate %u: operand %u, but there are only %u before it",
                               index, i, worst, n_before);
    }
    return BL_OK;
}

// Kind k gives bit 3 - (2a + b) of k: 1 is a and b, 6 a xor b, 7 a or b.
static bl_lit build_gate(bl_graph *g, unsigned kind, bl_lit a, bl_lit b)
{
    unsigned table = (kind & 1) << 3 | (kind & 2) << 1 | (kind & 4) >> 1 | kind >> 3;
    return bl_graph_lut3(g, (uint8_t)(table | table << 4), BL_LIT_FALSE, a, b);
}

// Counts the true literals of one class by adding them up one after the other.
static void put_score(bl_graph *g, const bl_lit *x, uint32_t n, uint32_t class_index)
{
    bl_lit bits[MAX_SCORE_BITS] = {0};
    uint32_t n_bits = 0;
    while (n_bits < MAX_SCORE_BITS && n >> n_bits)
        n_bits++;
    for (uint32_t i = 0; i + 1 < n; i += 2) { // two at a time: a full adder each
        bl_lit carry = BL_LIT_FALSE;
        for (uint32_t k = 0; k < n_bits; k++) {
            bl_lit y = k == 0 ? x[i] : carry, z = k == 0 ? x[i + 1] : BL_LIT_FALSE, old = bits[k];
            bl_lit differ = bl_graph_xor(g, y, z);
            bits[k] = bl_graph_xor(g, differ, old);
            carry = bl_graph_or(g, bl_graph_and(g, y, z), bl_graph_and(g, differ, old));
        }
    }
    bl_lit carry = n % 2 ? x[n - 1] : BL_LIT_FALSE;
    for (uint32_t k = 0; k < n_bits; k++) {
        bl_lit sum = bl_graph_xor(g, bits[k], carry);
        carry = bl_graph_and(g, bits[k], carry);
        char name[BL_FIELD_NAME_BYTES];
        snprintf(name, sizeof name, "score%u[%u]", class_index, k);
        bl_graph_output(g, sum, name);
    }
}

static void put_outputs(bl_graph *g, const bl_lit *x, uint32_t n, uint32_t n_classes)
{
    char name[BL_FIELD_NAME_BYTES];
    for (uint32_t i = 0; i < n && n_classes == 0; i++) {
        snprintf(name, sizeof name, "out[%u]", i);
        bl_graph_output(g, x[i], name);
    }
    for (uint32_t k = 0; k < n_classes; k++)
        put_score(g, x + n / n_classes * k, n / n_classes, k);
}

static bl_status build(bl_graph *g, bl_lit *x, bl_lit *next, const bl_gate_layer *layers,
                       uint32_t n_layers, uint32_t n_inputs, bl_diag *diag)
{
    uint32_t n = n_inputs;
    char name[BL_FIELD_NAME_BYTES];
    for (uint32_t i = 0; i < n_inputs; i++) {
        snprintf(name, sizeof name, "in[%u]", i);
        x[i] = bl_graph_input(g, name);
    }
    for (uint32_t k = 0; k < n_layers; k++) {
        bl_status status = check_layer(&layers[k], k, n, diag);
        if (status != BL_OK)
            return status;
        for (uint32_t i = 0; i < layers[k].n; i++)
            next[i] = build_gate(g, layers[k].kind[i], x[layers[k].a[i]], x[layers[k].b[i]]);
        n = layers[k].n;
        memcpy(x, next, n * sizeof *x);
    }
    return BL_OK;
}

bl_status bl_graph_from_gate_layers(bl_graph **graph, uint32_t n_inputs,
                                    const bl_gate_layer *layers, uint32_t n_layers,
                                    uint32_t n_classes, const bl_allocator *allocator,
                                    bl_diag *diag)
{
    assert(graph && (layers || n_layers == 0));
    uint32_t widest = n_inputs, last = n_layers ? layers[n_layers - 1].n : n_inputs;
    for (uint32_t k = 0; k < n_layers; k++)
        widest = layers[k].n > widest ? layers[k].n : widest;
    if (n_classes > 0 && last % n_classes != 0)
        return bl_diag_set(diag, BL_ERR_ARGUMENT, NULL, 0, 0,
                           "%u gates in the last layer are no multiple of %u classes", last,
                           n_classes);
    bl_graph *g;
    bl_status status = bl_graph_create(&g, allocator);
    if (status != BL_OK)
        return status;
    bl_lit *x = bl_alloc_array(allocator, 2 * (size_t)widest, sizeof *x);
    if (!x)
        status = BL_ERR_MEMORY;
    if (status == BL_OK)
        status = build(g, x, x + widest, layers, n_layers, n_inputs, diag);
    if (status == BL_OK) {
        put_outputs(g, x, last, n_classes);
        status = g->status;
    }
    bl_free(allocator, x, 2 * (size_t)widest * sizeof *x);
    if (status == BL_OK)
        *graph = g;
    else
        bl_graph_destroy(&g);
    return status;
}
