// SPDX-License-Identifier: MIT
// Rounding with feedback: weights are rounded one input at a time, and what an input's rounding
// changes in the sums is made up for, as well as it can be, by the weights not rounded yet. With
// H = sum of x x^T and U the upper Cholesky factor of its inverse, an error e of input i calls for
// -e / U[i][i] * U[i][j] at input j > i (Frantar et al., "GPTQ", 2022; Hassibi and Stork, "Optimal
// Brain Surgeon", 1993).

#include "gated_private.h"

#include "base/try.h"

#include <math.h>
#include <stdlib.h>

// H and its factors get this share of the mean of the diagonal, so that an input that hardly moves
// does not take on everybody's errors.
static const double DAMPING = 0.01;

// What a signed digit of a 6-bit weight costs, in squares of the weight's unit (half as much with 5
// bits): gates are paid by the digit. At 0.3 an LSTM of 196,000 weights has 6 % fewer gates and
// 0.001 to 0.003 bits per byte more; 0.8 takes 15 % and costs 0.01.
static const double DIGIT_PRICE = 0.3;

// a = L L^T, in place, lower triangle.
static bool cholesky(double *a, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t j = 0; j <= i; j++) {
            double sum = a[(size_t)i * n + j];
            for (uint32_t k = 0; k < j; k++)
                sum -= a[(size_t)i * n + k] * a[(size_t)j * n + k];
            if (i == j && !(sum > 0))
                return false;
            a[(size_t)i * n + j] = i == j ? sqrt(sum) : sum / a[(size_t)j * n + j];
        }
    return true;
}

// The inverse of a lower triangular matrix, in place.
static void invert_triangle(double *a, uint32_t n)
{
    for (uint32_t j = 0; j < n; j++) {
        a[(size_t)j * n + j] = 1 / a[(size_t)j * n + j];
        for (uint32_t i = j + 1; i < n; i++) {
            double sum = 0;
            for (uint32_t k = j; k < i; k++)
                sum -= a[(size_t)i * n + k] * a[(size_t)k * n + j];
            a[(size_t)i * n + j] = sum / a[(size_t)i * n + i];
        }
    }
}

typedef struct strength {
    double moment;
    uint32_t input;
} strength;

static int weaker_first(const void *x, const void *y)
{
    const strength *a = x, *b = y;
    if (a->moment != b->moment)
        return a->moment < b->moment ? -1 : 1;
    return a->input < b->input ? -1 : a->input > b->input;
}

// The inputs that move most are rounded first, while all others can still make up for them: they
// come last in `order`, because H = L L^T of the reversed order gives U as the reversed L^-1.
static bl_status find_order(uint32_t *order, const double *moments, uint32_t n,
                            const bl_allocator *allocator)
{
    strength *s = bl_alloc_array(allocator, n, sizeof *s);
    if (!s)
        return BL_ERR_MEMORY;
    for (uint32_t i = 0; i < n; i++)
        s[i] = (strength){moments[(size_t)i * n + i], i};
    qsort(s, n, sizeof *s, weaker_first);
    for (uint32_t i = 0; i < n; i++)
        order[i] = s[i].input;
    bl_free(allocator, s, n * sizeof *s);
    return BL_OK;
}

// Row r, for input order[r]: what it asks of those at the places k < r, as a share of its error.
static bl_status find_feedback(double *feedback, const uint32_t *order, const double *moments,
                               uint32_t n)
{
    double mean = 0;
    for (uint32_t i = 0; i < n; i++)
        mean += moments[(size_t)i * n + i] / n;
    if (!(mean > 0))
        mean = 1;
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t j = 0; j < n; j++)
            feedback[(size_t)i * n + j] =
                moments[(size_t)order[i] * n + order[j]] + (i == j ? DAMPING * mean : 0);
    if (!cholesky(feedback, n))
        return BL_ERR_ARGUMENT;
    invert_triangle(feedback, n);
    for (uint32_t i = 0; i < n; i++) {
        double *row = feedback + (size_t)i * n, own = row[i];
        for (uint32_t j = 0; j <= i; j++)
            row[j] /= own;
    }
    return BL_OK;
}

static int round_to(double x, int limit)
{
    double r = floor(x + 0.5);
    return r > limit ? limit : r < -limit ? -limit : (int)r;
}

// The integer near x that is cheapest: its squared error and a price for each of its digits.
static int cheap_integer(double x, int limit)
{
    double price = DIGIT_PRICE * (limit + 1) / 32;
    signed_digit digits[MAX_DIGITS];
    int nearest = round_to(x, limit), best = nearest;
    double best_cost = INFINITY;
    for (int q = nearest - 2; q <= nearest + 2; q++) {
        double cost = (x - q) * (x - q) + price * signed_digits(digits, q);
        if (q >= -limit && q <= limit && cost < best_cost) {
            best_cost = cost;
            best = q;
        }
    }
    return best;
}

// The exponent at which the largest weight just fits.
static int fitting_exponent(const float *w, size_t n, int limit)
{
    double most = 1e-6;
    for (size_t i = 0; i < n; i++)
        most = fabs(w[i]) > most ? fabs(w[i]) : most;
    return (int)floor(log2(limit / most));
}

// The exponent that loses least: from the one that fits to two more, which cut off a few large
// weights to see the small ones better.
static int best_exponent(const float *w, uint32_t n, const double *moments, int limit)
{
    double best_loss = INFINITY;
    int base = fitting_exponent(w, n, limit), best = base;
    for (int e = base; e < base + 3; e++) {
        double loss = 0;
        for (uint32_t i = 0; i < n; i++) {
            double error = ldexp(round_to(ldexp(w[i], e), limit), -e) - w[i];
            loss += error * error * moments[(size_t)i * n + i];
        }
        if (loss < best_loss) {
            best_loss = loss;
            best = e;
        }
    }
    return best;
}

// `left`: scratch of n, weights by their place in the order.
static void round_row(int16_t *rounded, double *left, const float *w, uint32_t n,
                      const uint32_t *order, const double *feedback, int exponent, int limit)
{
    for (uint32_t r = 0; r < n; r++)
        left[r] = w[order[r]];
    for (uint32_t r = n; r-- > 0;) {
        const double *row = feedback + (size_t)r * n;
        int q = cheap_integer(ldexp(left[r], exponent), limit);
        double error = left[r] - ldexp(q, -exponent);
        rounded[order[r]] = (int16_t)q;
        for (uint32_t k = 0; k < r; k++)
            left[k] -= error * row[k];
    }
}

bl_status round_rows(int16_t *rounded, int8_t *exponents, const float *weight, uint32_t n_rows,
                     uint32_t n, const double *moments, int limit, int span, int most_exponent,
                     const bl_allocator *allocator)
{
    size_t square = (size_t)n * n;
    double *feedback = bl_alloc_array(allocator, square, sizeof *feedback);
    double *left = bl_alloc_array(allocator, n, sizeof *left);
    uint32_t *order = bl_alloc_array(allocator, n, sizeof *order);
    int coarsest = fitting_exponent(weight, (size_t)n_rows * n, limit);
    bl_status status = BL_ERR_MEMORY;
    if (feedback && left && order)
        status = find_order(order, moments, n, allocator);
    if (status == BL_OK)
        status = find_feedback(feedback, order, moments, n);
    for (uint32_t row = 0; status == BL_OK && row < n_rows; row++) {
        const float *w = weight + (size_t)row * n;
        int e = best_exponent(w, n, moments, limit);
        e = e < coarsest + span ? e : coarsest + span;
        e = e < most_exponent ? e : most_exponent;
        exponents[row] = (int8_t)e;
        round_row(rounded + (size_t)row * n, left, w, n, order, feedback, e, limit);
    }
    bl_free(allocator, order, n * sizeof *order);
    bl_free(allocator, feedback, square * sizeof *feedback);
    bl_free(allocator, left, n * sizeof *left);
    return status;
}
