// SPDX-License-Identifier: MIT
// The recurrence of a MuxRNN layer, fused for the CPU: what muxscan.py does in eleven tensor
// passes, done in one pass forward and one backward.
//
// Layout: [batch][time][neuron], neuron innermost, so that the inner loops vectorise.
// A row of sums holds all gate sums, then all candidate sums, in bfloat16 (integers are exact to
// 256); the state holds -1 or +1 in bfloat16.
//
//     sum = dense product + one table row for each code that the layer reads
//     u = gain_z * sum_z + bias_z          the gate opens where u > 0
//     v = gain_c * sum_c + bias_c          the candidate is sign(v)
//     h[t] = u > 0 ? sign(v) : h[t - 1]
//
// Backward, G = dL/dh summed over later times, p = sigmoid(slope * u) as a soft gate:
//     G[t]  = dL/dh[t] + (1 - p[t + 1]) * G[t + 1]
//     du    = G * (sign(v) - h[t - 1]) * slope * p * (1 - p)
//     dv    = G * p             where |v| < window
// The soft p keeps a gradient alive that a closed gate would block. A table row's gradient is the
// sum over all places that looked it up.

#include <math.h>
#include <stdint.h>
#include <string.h>

typedef uint16_t bfloat16;

typedef struct {
    const float *gain_z, *bias_z, *gain_c, *bias_c; // one value a neuron
} neurons;

static inline float widen(bfloat16 x)
{
    uint32_t u = (uint32_t)x << 16;
    float f;
    memcpy(&f, &u, sizeof f);
    return f;
}

static inline bfloat16 narrow(float x) // round to nearest, ties to even
{
    uint32_t u;
    memcpy(&u, &x, sizeof u);
    return (bfloat16)((u + 0x7fff + ((u >> 16) & 1)) >> 16);
}

// 2^x by its integer part in the exponent field and a polynomial of the rest (error < 3e-6);
// plain arithmetic, so that the loops around it vectorise without a vector math library.
static inline float power2(float x)
{
    float whole = floorf(x), f = x - whole;
    float p =
        1.0f
        + f * (0.693147f + f * (0.2402265f + f * (0.0554842f + f * (0.0096788f + f * 0.0012436f))));
    int32_t bits = ((int32_t)whole + 127) << 23;
    float scale;
    memcpy(&scale, &bits, sizeof scale);
    return p * scale;
}

static inline float sigmoid(float x)
{
    x = x > 20 ? 20 : x < -20 ? -20 : x; // keeps the exponent field in range
    return 1.0f / (1.0f + power2(-1.442695f * x));
}

// Row `symbol` of table i is what code i of a byte adds to a row of sums. Code 0 is that of the
// byte at time t, code i of the byte i places before.
typedef struct {
    int n_codes, n_symbols;
    const float *tables;  // [code][symbol][2 * neuron]
    const int64_t *seen;  // [batch][n_codes - 1 + time]: symbols
} lookup;

static inline size_t table_row(const lookup *l, int n_time, int b, int t, int code, size_t width)
{
    size_t n_seen = (size_t)(l->n_codes - 1 + n_time);
    size_t place = (size_t)b * n_seen + (size_t)(t + l->n_codes - 1 - code);
    return ((size_t)code * (size_t)l->n_symbols + (size_t)l->seen[place]) * width;
}

static void add_row(float *restrict sum, const float *restrict row, size_t width)
{
    for (size_t d = 0; d < width; d++)
        sum[d] += row[d];
}

// dense: [batch][time][2 * neuron], or NULL for none; sum: scratch of 2 * n_neurons floats.
void mux_forward(int n_batch, int n_time, int n_neurons, const neurons *n, const lookup *l,
                 const bfloat16 *restrict dense, const bfloat16 *first, bfloat16 *restrict sums,
                 bfloat16 *restrict state, float *restrict sum)
{
    size_t width = 2 * (size_t)n_neurons;
    for (int b = 0; b < n_batch; b++) {
        const bfloat16 *before = first + (size_t)b * (size_t)n_neurons;
        for (int t = 0; t < n_time; t++) {
            size_t o = ((size_t)b * (size_t)n_time + (size_t)t) * (size_t)n_neurons;
            for (size_t d = 0; d < width; d++)
                sum[d] = dense ? widen(dense[2 * o + d]) : 0.0f;
            for (int i = 0; i < l->n_codes; i++)
                add_row(sum, l->tables + table_row(l, n_time, b, t, i, width), width);
            for (size_t d = 0; d < width; d++)
                sums[2 * o + d] = narrow(sum[d]);
            for (int d = 0; d < n_neurons; d++) {
                float u = widen(narrow(sum[d])) * n->gain_z[d] + n->bias_z[d];
                float v = widen(narrow(sum[n_neurons + d])) * n->gain_c[d] + n->bias_c[d];
                bfloat16 candidate = v > 0 ? 0x3f80 : 0xbf80;
                state[o + d] = u > 0 ? candidate : before[d];
            }
            before = state + o;
        }
    }
}

// gradients: four rows of n_neurons floats (gain_z, bias_z, gain_c, bias_c), accumulated, as are
// d_tables. scratch: 3 * n_neurons floats.
void mux_backward(int n_batch, int n_time, int n_neurons, const neurons *n, const lookup *l,
                  const bfloat16 *restrict sums, const bfloat16 *first, const bfloat16 *state,
                  const bfloat16 *restrict d_state, float slope, float window,
                  bfloat16 *restrict d_sums, float *restrict d_tables, float *gradients,
                  float *restrict scratch)
{
    size_t width = 2 * (size_t)n_neurons;
    const float *restrict gain_z = n->gain_z, *restrict bias_z = n->bias_z;
    const float *restrict gain_c = n->gain_c, *restrict bias_c = n->bias_c;
    float *restrict d_gain_z = gradients, *restrict d_bias_z = gradients + n_neurons;
    float *restrict d_gain_c = gradients + 2 * n_neurons;
    float *restrict d_bias_c = gradients + 3 * n_neurons;
    float *restrict later = scratch, *d_sum = scratch + n_neurons;
    float *restrict d_sum_z = d_sum, *restrict d_sum_c = d_sum + n_neurons;
    for (int b = 0; b < n_batch; b++) {
        memset(later, 0, (size_t)n_neurons * sizeof *later);
        for (int t = n_time - 1; t >= 0; t--) {
            size_t o = ((size_t)b * (size_t)n_time + (size_t)t) * (size_t)n_neurons;
            const bfloat16 *before =
                t > 0 ? state + o - n_neurons : first + (size_t)b * (size_t)n_neurons;
            const bfloat16 *sum_z = sums + 2 * o, *sum_c = sum_z + n_neurons;
#pragma GCC ivdep
            for (int d = 0; d < n_neurons; d++) {
                float z = widen(sum_z[d]), c = widen(sum_c[d]);
                float u = z * gain_z[d] + bias_z[d];
                float v = c * gain_c[d] + bias_c[d];
                float open = sigmoid(slope * u);
                float g = widen(d_state[o + d]) + later[d];
                float jump = (v > 0 ? 1.0f : -1.0f) - widen(before[d]);
                float du = g * jump * slope * open * (1 - open);
                float dv = fabsf(v) < window ? open * g : 0.0f;
                later[d] = g * (1 - open);
                d_sum_z[d] = du * gain_z[d];
                d_sum_c[d] = dv * gain_c[d];
                d_gain_z[d] += du * z;
                d_bias_z[d] += du;
                d_gain_c[d] += dv * c;
                d_bias_c[d] += dv;
            }
            for (size_t d = 0; d_sums && d < width; d++)
                d_sums[2 * o + d] = narrow(d_sum[d]);
            for (int i = 0; i < l->n_codes; i++)
                add_row(d_tables + table_row(l, n_time, b, t, i, width), d_sum, width);
        }
    }
}
