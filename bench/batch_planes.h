// SPDX-License-Identifier: MIT
// The predicate of batch_rows.h on planes, once with vector extensions, compiled for each level.
// The including file defines LEVEL and VECTOR_BYTES.

#include "batch_rows.h"

#define PASTE_(a, b) a##b
#define PASTE(a, b) PASTE_(a, b)
#define INLINE static inline __attribute__((always_inline))

typedef uint64_t vec __attribute__((vector_size(VECTOR_BYTES), may_alias));
enum { VECTORS = 64 / VECTOR_BYTES };

INLINE vec load(const bl_plane *planes, int k, int v)
{
    return ((const vec *)(const void *)&planes[k])[v];
}

INLINE vec majority(vec a, vec b, vec c) { return (a & b) | (c & (a ^ b)); }

// Two planes of a weight and one carry more become one of the weight and one of the next.
INLINE vec add(vec *carry, vec a, vec b, vec c)
{
    *carry = majority(a, b, c);
    return a ^ b ^ c;
}

INLINE vec has_nine_bits(const bl_plane *c, int v)
{
    vec two[7], four[4], eight[2], one[5], sum, one_a, one_b;
#pragma GCC unroll 5
    for (int i = 0; i < 5; i++)
        one[i] = add(&two[i], load(c, 3 * i, v), load(c, 3 * i + 1, v), load(c, 3 * i + 2, v));
    one_a = add(&two[5], one[0], one[1], one[2]);
    one_b = add(&two[6], one[3], one[4], load(c, 15, v));
    vec one_sum = one_a ^ one_b, two_extra = one_a & one_b;
    vec two_a = add(&four[0], two[0], two[1], two[2]),
        two_b = add(&four[1], two[3], two[4], two[5]);
    sum = add(&four[2], two[6], two_extra, two_a);
    vec two_sum = sum ^ two_b;
    four[3] = sum & two_b;
    vec four_a = add(&eight[0], four[0], four[1], four[2]);
    vec four_sum = four_a ^ four[3];
    eight[1] = four_a & four[3];
    vec sixteen = eight[0] & eight[1];
    return sixteen | ((eight[0] ^ eight[1]) & (one_sum | two_sum | four_sum));
}

INLINE vec keep_of(const bl_plane *planes, int v)
{
    const bl_plane *a = planes, *b = planes + 12, *c = planes + 24, *d = planes + 40,
                   *e = planes + 52;
    vec less = {0}, carry = {0};
#pragma GCC unroll 12
    for (int k = 0; k < 12; k++)
        less = majority(~load(a, k, v), load(b, k, v), less);
    vec is_one = (load(d, 0, v) ^ load(e, 0, v)) & (load(d, 4, v) ^ load(e, 4, v));
    vec is_other = (load(d, 1, v) ^ load(e, 1, v)) | (load(d, 5, v) ^ load(e, 5, v));
    vec first = less & has_nine_bits(c, v) & is_one & ~is_other;
#pragma GCC unroll 11
    for (int k = 0; k < 11; k++)
        carry = majority(load(a, k, v), load(b, k, v), carry);
    vec differs = load(a, 11, v) ^ load(b, 11, v) ^ carry;
#pragma GCC unroll 8
    for (int k = 0; k < 8; k++)
        differs |= load(c, k, v) ^ load(d, k + 4, v);
    return first | ~differs;
}

void PASTE(keep_planes_, LEVEL)(void *context, bl_plane *keep, const bl_plane *planes,
                                size_t n_chunks)
{
    (void)context;
    for (size_t i = 0; i < n_chunks; i++, planes += 64)
        for (int v = 0; v < VECTORS; v++)
            ((vec *)(void *)&keep[i])[v] = keep_of(planes, v);
}
