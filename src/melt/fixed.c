// SPDX-License-Identifier: MIT
// Powers and logarithms of two: in integers for costs, and in IEEE doubles, with the four basic
// operations only, for the noise of beams. The C library's exp and log differ from machine to
// machine in the last bit; these do not.

#include "fixed.h"

#include <assert.h>
#include <string.h>

// 2^-(1/2), 2^-(1/4), ... 2^-(1/2^24), times 2^32.
static const uint32_t roots[24] = {
    3037000500u, 3611622603u, 3938502376u, 4112874773u, 4202935003u, 4248701965u,
    4271771996u, 4283353945u, 4289156690u, 4292061010u, 4293513907u, 4294240540u,
    4294603903u, 4294785595u, 4294876445u, 4294921870u, 4294944583u, 4294955939u,
    4294961618u, 4294964457u, 4294965876u, 4294966586u, 4294966941u, 4294967119u,
};

uint64_t fixed_exp2_negative(uint64_t x)
{
    uint64_t whole = x >> 24;
    if (whole >= 63)
        return 0;
    uint64_t result = UINT64_C(1) << 62;
    for (int k = 0; k < 24; k++)
        if (x >> (23 - k) & 1)
            result = (uint64_t)((unsigned __int128)result * roots[k] >> 32);
    result >>= whole;
    return (result + (UINT64_C(1) << 31)) >> 32;
}

uint32_t fixed_log2(uint64_t x)
{
    assert(x > 0);
    unsigned whole = 63 - (unsigned)__builtin_clzll(x);
    uint64_t m = x << (63 - whole); // 1.63
    uint32_t result = whole;
    for (int k = 0; k < 24; k++) { // squaring doubles the logarithm: its next binary digit
        uint64_t square = (uint64_t)((unsigned __int128)m * m >> 64); // 2.62
        bool digit = square >> 63;
        m = digit ? square : square << 1;
        result = result << 1 | digit;
    }
    return result;
}

static const double LN2 = 0.69314718055994530942;

// Taylor series by Horner's rule; the compiler folds the constants in IEEE doubles.
static inline double exp2_of(double x)
{
    static const double c[] = {1.0,
                               1.0,
                               1 / 2.0,
                               1 / 6.0,
                               1 / 24.0,
                               1 / 120.0,
                               1 / 720.0,
                               1 / 5040.0,
                               1 / 40320.0,
                               1 / 362880.0,
                               1 / 3628800.0,
                               1 / 39916800.0,
                               1 / 479001600.0,
                               1 / 6227020800.0};
    bool is_zero = x < -1000;
    x = is_zero ? 0 : x;
    int whole = (int)(x < 0 ? x - 0.5 : x + 0.5);
    double y = (x - whole) * LN2, sum = c[13]; // |y| <= 0.35: the rest is below 1e-17
    for (int k = 12; k >= 0; k--)
        sum = sum * y + c[k];
    uint64_t bits = (uint64_t)(1023 + whole) << 52;
    double scale;
    memcpy(&scale, &bits, sizeof scale);
    return is_zero ? 0 : sum * scale;
}

double exact_exp2(double x)
{
    assert(x <= 1000);
    return exp2_of(x);
}

void exact_exp2_all(double *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] = exp2_of(x[i]);
}

static inline double log2_of(double x)
{
    static const double c[] = {1.0,      1 / 3.0,  1 / 5.0,  1 / 7.0,  1 / 9.0,
                               1 / 11.0, 1 / 13.0, 1 / 15.0, 1 / 17.0, 1 / 19.0};
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    // the exponent as a double: the low bits of 2^52
    uint64_t counted = bits >> 52 | UINT64_C(0x433) << 52;
    bits = (bits & ((UINT64_C(1) << 52) - 1)) | UINT64_C(1023) << 52;
    double m, exponent;
    memcpy(&m, &bits, sizeof m);
    memcpy(&exponent, &counted, sizeof exponent);
    bool is_high = m > 1.4142135623730951; // m in [0.71, 1.41]
    m = is_high ? m * 0.5 : m;
    exponent -= is_high ? 0x1p52 + 1022 : 0x1p52 + 1023;
    double t = (m - 1) / (m + 1), square = t * t, sum = c[9]; // ln m = 2 artanh t, |t| <= 0.172
    for (int k = 8; k >= 0; k--)
        sum = sum * square + c[k];
    return exponent + t * sum * (2 / LN2);
}

double exact_log2(double x)
{
    assert(x > 0);
    return log2_of(x);
}

void exact_log2_all(double *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] = log2_of(x[i]);
}
