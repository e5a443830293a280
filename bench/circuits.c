// SPDX-License-Identifier: MIT

#include "circuits.h"

#include <stdio.h>
#include <stdlib.h>

enum { MAX_FAN_IN = 4096, MAX_BITS = 16 }; // of a count: fan_in < 2^16

// The number of true literals, lowest bit first: two halves and a carry in.
static uint32_t count(bl_graph *g, bl_lit *bits, const bl_lit *x, uint32_t n)
{
    if (n == 0)
        return 0;
    if (n == 1) {
        bits[0] = x[0];
        return 1;
    }
    uint32_t half = (n - 1) / 2;
    bl_lit low[MAX_BITS] = {0}, high[MAX_BITS] = {0}, carry = x[n - 1];
    uint32_t n_low = count(g, low, x, half), n_high = count(g, high, x + half, n - 1 - half);
    uint32_t n_bits = n_low > n_high ? n_low : n_high;
    for (uint32_t i = 0; i < n_bits; i++) {
        bl_lit differ = bl_graph_xor(g, low[i], high[i]);
        bits[i] = bl_graph_xor(g, differ, carry);
        carry = bl_graph_or(g, bl_graph_and(g, low[i], high[i]), bl_graph_and(g, differ, carry));
    }
    bits[n_bits] = carry;
    return n_bits + 1;
}

static bl_lit is_at_least(bl_graph *g, const bl_lit *bits, uint32_t n_bits, uint32_t threshold)
{
    bl_lit greater = BL_LIT_FALSE;
    for (uint32_t i = 0; i < n_bits; i++)
        greater = (threshold - 1) >> i & 1 ? bl_graph_and(g, bits[i], greater)
                                           : bl_graph_or(g, bits[i], greater);
    return greater;
}

static bl_lit neuron(bl_graph *g, const bl_lit *layer, uint32_t width, uint32_t fan_in,
                     bl_random *random)
{
    bl_lit x[MAX_FAN_IN], bits[MAX_BITS];
    for (uint32_t i = 0; i < fan_in; i++)
        x[i] = layer[bl_random_below(random, width)] ^ (bl_lit)bl_random_below(random, 2);
    return is_at_least(g, bits, count(g, bits, x, fan_in), fan_in / 2);
}

static bl_graph *finish(bl_graph *g, const bl_lit *outputs, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        bl_graph_output(g, outputs[i], NULL);
    if (g->status != BL_OK)
        bl_graph_destroy(&g);
    return g;
}

bl_graph *circuit_neurons(uint32_t n_inputs, uint32_t n_layers, uint32_t n_neurons, uint32_t fan_in)
{
    bl_graph *g;
    bl_random random;
    bl_random_seed(&random, 1);
    uint32_t width = n_inputs > n_neurons ? n_inputs : n_neurons;
    if (bl_graph_create(&g, NULL) != BL_OK)
        return NULL;
    bl_lit *layer = bl_alloc_array(NULL, width, sizeof *layer);
    bl_lit *next = bl_alloc_array(NULL, width, sizeof *next);
    if (layer && next) {
        for (uint32_t i = 0; i < n_inputs; i++)
            layer[i] = bl_graph_input(g, NULL);
        uint32_t n = n_inputs;
        for (uint32_t k = 0; k < n_layers; k++) {
            for (uint32_t i = 0; i < n_neurons; i++)
                next[i] = neuron(g, layer, n, fan_in, &random);
            bl_lit *t = layer;
            layer = next;
            next = t;
            n = n_neurons;
        }
        g = finish(g, layer, n_neurons);
    } else
        bl_graph_destroy(&g);
    bl_free(NULL, layer, width * sizeof *layer);
    bl_free(NULL, next, width * sizeof *next);
    return g;
}

bl_graph *circuit_random_layers(uint32_t n_layers, uint32_t width)
{
    bl_graph *g;
    bl_random random;
    bl_random_seed(&random, 2);
    if (bl_graph_create(&g, NULL) != BL_OK)
        return NULL;
    bl_lit *layer = bl_alloc_array(NULL, 2 * (size_t)width, sizeof *layer), *next = layer + width;
    if (!layer) {
        bl_graph_destroy(&g);
        return NULL;
    }
    for (uint32_t i = 0; i < width; i++)
        layer[i] = bl_graph_input(g, NULL);
    for (uint32_t k = 0; k < n_layers; k++) {
        for (uint32_t i = 0; i < width; i++) {
            bl_lit a = layer[bl_random_below(&random, width)];
            bl_lit b = layer[bl_random_below(&random, width)];
            uint64_t kind = bl_random_below(&random, 16);
            next[i] = kind < 4
                          ? bl_graph_xor(g, a, b)
                          : bl_graph_and(g, a ^ (kind & 1), b ^ (kind >> 1 & 1)) ^ (kind >> 2 & 1);
        }
        for (uint32_t i = 0; i < width; i++)
            layer[i] = next[i];
    }
    g = finish(g, layer, width);
    bl_free(NULL, layer, 2 * (size_t)width * sizeof *layer);
    return g;
}

bl_graph *circuit_from_folder(const char *folder, const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s.aig", folder, name);
    bl_file file;
    bl_diag diag;
    bl_graph *g = NULL;
    if (bl_file_open(&file, path, &diag) != BL_OK)
        return NULL;
    if (bl_graph_read_aiger(&g, file.data, file.bytes, path, NULL, &diag) != BL_OK) {
        char text[1024];
        bl_diag_format(text, sizeof text, &diag);
        fprintf(stderr, "bitloom: bench: %s\n", text);
    }
    bl_file_close(&file);
    return g;
}

bl_graph *circuit_from_data(const char *name)
{
    const char *data = getenv("BITLOOM_DATA");
    char folder[4000];
    snprintf(folder, sizeof folder, "%s/circuits/epfl", data ? data : "../shared/data");
    return circuit_from_folder(folder, name);
}
