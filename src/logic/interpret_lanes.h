// SPDX-License-Identifier: MIT
// The interpreter of programs, written once with vector extensions and compiled once per level.
// The including file defines LEVEL (a suffix) and VECTOR_BYTES (64, 32, 16 or 8).
//
// A plane is 64 / VECTOR_BYTES vectors. A macro-operation walks its list once per vector with all
// counters in registers (Harley-Seal): 32 literals go through a tree of carry-save adders
//
//     32 literals -> counters of weight 1, 2, 4, 8, 16 -> one carry of weight 32 -> ripple upwards
//
// 31 adders of 2 LUT3s each and 2 operations per higher plane: about 2.2 logic operations and one
// load per literal. Lists whose planes lie outside L1 are bound by the loads.

#include "interpret.h"
#include "program_private.h"

#include <string.h>

#if VECTOR_BYTES == 64
#include <immintrin.h>
#endif

#define PASTE_(a, b) a##b
#define PASTE(a, b) PASTE_(a, b)
#define INLINE static inline __attribute__((always_inline))

typedef uint64_t vec __attribute__((vector_size(VECTOR_BYTES), may_alias));
enum { VECTORS = 64 / VECTOR_BYTES };

// A macro, because the table of vpternlog must be a literal constant.
#if VECTOR_BYTES == 64
#define LUT3(table, a, b, c)                                                                       \
    ((vec)_mm512_ternarylogic_epi64((__m512i)(a), (__m512i)(b), (__m512i)(c), table))
#else
#define LUT3(table, a, b, c) lut3(table, a, b, c)

// Two inputs, table bit 2*b + c; folds to one or two operations for a constant table.
INLINE vec lut2(unsigned table, vec b, vec c)
{
    const vec zero = {0};
    switch (table) {
    case 0x0: return zero;
    case 0x1: return ~(b | c);
    case 0x2: return ~b & c;
    case 0x3: return ~b;
    case 0x4: return b & ~c;
    case 0x5: return ~c;
    case 0x6: return b ^ c;
    case 0x7: return ~(b & c);
    case 0x8: return b & c;
    case 0x9: return ~(b ^ c);
    case 0xA: return c;
    case 0xB: return ~b | c;
    case 0xC: return b;
    case 0xD: return b | ~c;
    case 0xE: return b | c;
    default: return ~zero;
    }
}

INLINE vec lut3(unsigned table, vec a, vec b, vec c)
{
    unsigned hi = table >> 4, lo = table & 15;
    if (table == 0xE8)
        return (a & b) | ((a | b) & c);
    if (table == 0x17) // not the majority
        return ~((a & b) | ((a | b) & c));
    if (table == 0xD4) // majority of a, b, ~c
        return (a & b) | ((a | b) & ~c);
    if (hi == lo)
        return lut2(lo, b, c);
    if (hi == (~lo & 15))
        return a ^ lut2(lo, b, c);
    if (lo == 0)
        return a & lut2(hi, b, c);
    if (hi == 15)
        return a | lut2(lo, b, c);
    if (hi == 0)
        return ~a & lut2(lo, b, c);
    if (lo == 15)
        return ~a | lut2(hi, b, c);
    vec low = lut2(lo, b, c);
    return low ^ (a & (lut2(hi, b, c) ^ low));
}
#endif

INLINE vec fill(uint64_t word) { return (vec){0} + word; }

// Counters of weight 1 .. 2^(N-1) in registers; N is a constant where this is inlined.
enum { MAX_COUNTERS = 17 };

// a + b + c -> sum of the same weight, carry of twice that. With complements, of c alone or of all.
#define ADD(sum, carry, a, b, c) ADD_TABLES(sum, carry, a, b, c, 0x96, 0xE8)
#define ADD_LAST(sum, carry, a, b, c) ADD_TABLES(sum, carry, a, b, c, 0x96, 0xE8)
#define ADD_COMPLEMENTS(sum, carry, a, b, c) ADD_TABLES(sum, carry, a, b, c, 0x69, 0x17)
#define ADD_LAST_COMPLEMENT(sum, carry, a, b, c) ADD_TABLES(sum, carry, a, b, c, 0x69, 0xD4)
#define ADD_TABLES(sum, carry, a, b, c, sum_table, carry_table)                                    \
    do {                                                                                           \
        vec a_ = (a), b_ = (b), c_ = (c);                                                          \
        (carry) = LUT3(carry_table, a_, b_, c_);                                                   \
        (sum) = LUT3(sum_table, a_, b_, c_);                                                       \
    } while (0)

// Adds one carry of weight 2^first.
INLINE void ripple(vec *n, int first, int n_counters, vec carry)
{
#pragma GCC unroll 24
    for (int k = first; k < n_counters; k++) {
        vec next = n[k] & carry;
        n[k] ^= carry;
        carry = next;
    }
}

// A tree over 8 literals that meets each counter only once, since a chain through n[0] would have
// to wait for every adder: 4 adders of weight 1, 2 of weight 2, 1 of weight 4. ALL adds three
// literals, LAST one as its last operand.
#define EIGHT(ALL, LAST, carry8, at)                                                               \
    do {                                                                                           \
        vec s0_, s1_, c0_, c1_, c2_, c3_, d0_, d1_;                                                \
        ALL(s0_, c0_, LITERAL(at), LITERAL((at) + 1), LITERAL((at) + 2));                          \
        ALL(s1_, c1_, LITERAL((at) + 3), LITERAL((at) + 4), LITERAL((at) + 5));                    \
        LAST(s0_, c2_, s0_, s1_, LITERAL((at) + 6));                                               \
        LAST(n[0], c3_, s0_, n[0], LITERAL((at) + 7));                                             \
        ADD(c0_, d0_, c0_, c1_, c2_);                                                              \
        ADD(n[1], d1_, c0_, c3_, n[1]);                                                            \
        ADD(n[2], carry8, d0_, d1_, n[2]);                                                         \
    } while (0)

#define SIXTEEN(ALL, LAST, carry16, at)                                                            \
    do {                                                                                           \
        vec eight_a_, eight_b_;                                                                    \
        EIGHT(ALL, LAST, eight_a_, at);                                                            \
        EIGHT(ALL, LAST, eight_b_, (at) + 8);                                                      \
        ADD(n[3], carry16, eight_a_, eight_b_, n[3]);                                              \
    } while (0)

#define THIRTY_TWO(ALL, LAST, carry32, at)                                                         \
    do {                                                                                           \
        vec sixteen_a_, sixteen_b_;                                                                \
        SIXTEEN(ALL, LAST, sixteen_a_, at);                                                        \
        SIXTEEN(ALL, LAST, sixteen_b_, (at) + 16);                                                 \
        ADD(n[4], carry32, sixteen_a_, sixteen_b_, n[4]);                                          \
    } while (0)

#define COUNT_LIST(ALL, LAST)                                                                      \
    do {                                                                                           \
        uint32_t i_ = 0;                                                                           \
        vec carry_;                                                                                \
        for (; i_ + 32 <= n_literals; i_ += 32) {                                                  \
            THIRTY_TWO(ALL, LAST, carry_, i_);                                                     \
            ripple(n, 5, n_counters, carry_);                                                      \
        }                                                                                          \
        if (i_ + 16 <= n_literals) {                                                               \
            SIXTEEN(ALL, LAST, carry_, i_);                                                        \
            ripple(n, 4, n_counters, carry_);                                                      \
            i_ += 16;                                                                              \
        }                                                                                          \
        for (; i_ < n_literals; i_ += 8) {                                                         \
            EIGHT(ALL, LAST, carry_, i_);                                                          \
            ripple(n, 3, n_counters, carry_);                                                      \
        }                                                                                          \
    } while (0)

#define WORD uint16_t
#define NAME(x) PASTE(x, _narrow)
#define SLOT_BYTES(word) ((size_t)(word) * (sizeof(bl_plane) / NARROW_SCALE))
#include "interpret_words.h"
#undef WORD
#undef NAME
#undef SLOT_BYTES
#define WORD uint32_t
#define NAME(x) PASTE(x, _wide)
#define SLOT_BYTES(word) ((size_t)(word) * sizeof(bl_plane))
#include "interpret_words.h"

const interpreter PASTE(interpreter_, LEVEL) = {interpret_narrow, interpret_many_narrow,
                                                interpret_wide, interpret_many_wide};
