// SPDX-License-Identifier: MIT
// The interpreter of programs, written once with vector extensions and compiled once per level.
// The including file defines LEVEL (a suffix) and VECTOR_BYTES (64, 32, 16 or 8).
//
// A plane is 64 / VECTOR_BYTES vectors. A macro-operation walks its list once per vector with all
// counters in registers (Harley-Seal): sixteen literals go through a tree of carry-save adders
//
//     16 literals -> counters of weight 1, 2, 4, 8 -> one carry of weight 16 -> ripple upwards
//
// 15 adders of 2 LUT3s each and 2 operations per higher plane: about 2.5 logic operations and one
// load per literal. A Zen 4 core does two of the one and one of the other per cycle, so the loads
// and the logic are nearly balanced; lists whose planes lie outside L1 are bound by the loads.

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
    if (table == 0x71) // majority of a, ~b, ~c
        return (a & ~(b & c)) | ~(a | b | c);
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
enum { MAX_COUNTERS = 24 };

// low + b + c (or their complements, for IS_COMPLEMENTED) -> low of the same weight, carry.
#define ADD(carry, low, b, c)                                                                      \
    do {                                                                                           \
        vec b_ = (b), c_ = (c), old_ = (low);                                                      \
        (carry) = LUT3(0xE8, old_, b_, c_);                                                        \
        (low) = LUT3(0x96, old_, b_, c_);                                                          \
    } while (0)
#define ADD_COMPLEMENTED(carry, low, b, c)                                                         \
    do {                                                                                           \
        vec b_ = (b), c_ = (c), old_ = (low);                                                      \
        (carry) = LUT3(0x71, old_, b_, c_);                                                        \
        (low) = LUT3(0x96, old_, b_, c_);                                                          \
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

#define EIGHT(ADD_LITERALS, carry8, at)                                                            \
    do {                                                                                           \
        vec two_a_, two_b_, four_a_, four_b_;                                                      \
        ADD_LITERALS(two_a_, n[0], LITERAL(at), LITERAL((at) + 1));                                \
        ADD_LITERALS(two_b_, n[0], LITERAL((at) + 2), LITERAL((at) + 3));                          \
        ADD(four_a_, n[1], two_a_, two_b_);                                                        \
        ADD_LITERALS(two_a_, n[0], LITERAL((at) + 4), LITERAL((at) + 5));                          \
        ADD_LITERALS(two_b_, n[0], LITERAL((at) + 6), LITERAL((at) + 7));                          \
        ADD(four_b_, n[1], two_a_, two_b_);                                                        \
        ADD(carry8, n[2], four_a_, four_b_);                                                       \
    } while (0)

#define COUNT_LIST(ADD_LITERALS)                                                                   \
    do {                                                                                           \
        uint32_t i_ = 0;                                                                           \
        vec eight_a_, eight_b_, sixteen_;                                                          \
        for (; i_ + 16 <= n_literals; i_ += 16) {                                                  \
            EIGHT(ADD_LITERALS, eight_a_, i_);                                                     \
            EIGHT(ADD_LITERALS, eight_b_, i_ + 8);                                                 \
            ADD(sixteen_, n[3], eight_a_, eight_b_);                                               \
            ripple(n, 4, n_counters, sixteen_);                                                    \
        }                                                                                          \
        if (i_ < n_literals) {                                                                     \
            EIGHT(ADD_LITERALS, eight_a_, i_);                                                     \
            ripple(n, 3, n_counters, eight_a_);                                                    \
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
