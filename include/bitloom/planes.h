// SPDX-License-Identifier: MIT
#ifndef BITLOOM_PLANES_H
#define BITLOOM_PLANES_H

// Arithmetic on 512 numbers at once. A number of `width` bits is a row of `width` planes, bit k of
// all lanes in plane k; an operation is a short circuit that is run over the planes, in which each
// logic operation works on all lanes:
//
//     a[0] ---.                    bl_plane hp[7], armor[7], sum[7], is_dead;
//     b[0] --(+)--> dst[0]         bl_planes_add(sum, hp, armor, 7);             // 14 operations
//              |  carry            bl_planes_lt_constant_u(&is_dead, sum, 10, 7);  // at most 7
//     a[1] --(+)--> dst[1]         bl_planes_select(hp, &is_dead, armor, sum, 7);  // 7
//     b[1] ---'|
//
// Names: bl_planes_OPERATION[_constant][_u|_s]; u reads the numbers as unsigned, s as two's
// complement, neither: no difference. The result comes first, then the operands, then widths.
//
// Widths are 1 to 64, meant to be constants: these make straight code. Where widths vary, or
// compiling must be quick, define BL_PLANES_KEEP_LOOPS before including this header. Everything is
// inline and compiled for the instructions that the including file is compiled for (-march):
// 512-bit vectors with vpternlog, 256-bit vectors, or 128-bit vectors; the bits are the same.
//
// Overlap: dst may be an operand itself (dst == a or dst == b), or disjoint from it; a single plane
// that chooses lanes, `where`, may lie in dst. Where a function says "any overlap", it reads all
// operands of a lane before it writes.
//
// Cost is told in operations per 512 lanes for w = width: functions of three inputs, one
// instruction each with AVX-512, up to four elsewhere. Each plane is loaded once.

#include <bitloom/bits.h>

#include <assert.h>

// How many planes an array of planes has: the width of a number that is declared as one.
#define BL_WIDTH(planes) (sizeof(planes) / sizeof(bl_plane))

// ----------------------------------------------------------------------------- how it is done

// A plane is BL_VECTORS_ vectors; each function runs the whole circuit for one vector after the
// other, so that carries stay in a register.
#if defined(__AVX512F__)
#define BL_VECTOR_BYTES_ 64
#elif defined(__AVX2__)
#define BL_VECTOR_BYTES_ 32
#else
#define BL_VECTOR_BYTES_ 16
#endif
typedef uint64_t bl_vector_ __attribute__((vector_size(BL_VECTOR_BYTES_), may_alias));
enum { BL_VECTORS_ = 64 / BL_VECTOR_BYTES_, BL_MAX_WIDTH_ = 64 };

#define BL_INLINE_ static inline __attribute__((always_inline, unused))
#define BL_EACH_VECTOR_(v) for (size_t v = 0; v < BL_VECTORS_; v++)
#ifdef BL_PLANES_KEEP_LOOPS
#define BL_EACH_PLANE_(k, n) for (size_t k = 0; k < (n); k++)
#else
#define BL_EACH_PLANE_(k, n) _Pragma("GCC unroll 64") for (size_t k = 0; k < (n); k++)
#endif

BL_INLINE_ bl_vector_ bl_get_(const bl_plane *planes, size_t k, size_t v)
{
    return ((const bl_vector_ *)(const void *)&planes[k])[v];
}
BL_INLINE_ void bl_put_(bl_plane *planes, size_t k, size_t v, bl_vector_ value)
{
    ((bl_vector_ *)(void *)&planes[k])[v] = value;
}
BL_INLINE_ bl_vector_ bl_fill_(bool value)
{
    bl_vector_ zero = {0};
    return value ? ~zero : zero;
}
BL_INLINE_ bl_vector_ bl_select_(bl_vector_ where, bl_vector_ a, bl_vector_ b)
{
    return b ^ (where & (a ^ b));
}

// The carry of a + b + c, and the borrow of a - b - c, which is the carry of ~a + b + c. Compilers
// build sums and selections of one vpternlog by themselves, but need two for a majority.
#if BL_VECTOR_BYTES_ == 64
typedef long long bl_vector_q_ __attribute__((vector_size(64)));
#define BL_TERNARY_(table, a, b, c)                                                                \
    ((bl_vector_)__builtin_ia32_pternlogq512_mask((bl_vector_q_)(a), (bl_vector_q_)(b),            \
                                                  (bl_vector_q_)(c), table, 0xFF))
BL_INLINE_ bl_vector_ bl_carry_(bl_vector_ a, bl_vector_ b, bl_vector_ c)
{
    return BL_TERNARY_(0xE8, a, b, c);
}
BL_INLINE_ bl_vector_ bl_borrow_(bl_vector_ a, bl_vector_ b, bl_vector_ c)
{
    return BL_TERNARY_(0x8E, a, b, c);
}
#else
BL_INLINE_ bl_vector_ bl_carry_(bl_vector_ a, bl_vector_ b, bl_vector_ c)
{
    return (a & b) | ((a ^ b) & c); // a ^ b is shared with the sum
}
BL_INLINE_ bl_vector_ bl_borrow_(bl_vector_ a, bl_vector_ b, bl_vector_ c)
{
    return (~a & b) | (~(a ^ b) & c);
}
#endif

// ------------------------------------------------------------------------------------ logic

BL_INLINE_ void bl_planes_copy(bl_plane *dst, const bl_plane *a, size_t width)
{
    BL_EACH_VECTOR_(v)
        BL_EACH_PLANE_(k, width)
            bl_put_(dst, k, v, bl_get_(a, k, v));
}

// All lanes become `value`, modulo 2^width.
BL_INLINE_ void bl_planes_constant(bl_plane *dst, int64_t value, size_t width)
{
    assert(width <= BL_MAX_WIDTH_);
    BL_EACH_VECTOR_(v)
        BL_EACH_PLANE_(k, width)
            bl_put_(dst, k, v, bl_fill_((uint64_t)value >> k & 1));
}

// Bit by bit. w.
BL_INLINE_ void bl_planes_not(bl_plane *dst, const bl_plane *a, size_t width)
{
    BL_EACH_VECTOR_(v)
        BL_EACH_PLANE_(k, width)
            bl_put_(dst, k, v, ~bl_get_(a, k, v));
}
BL_INLINE_ void bl_planes_and(bl_plane *dst, const bl_plane *a, const bl_plane *b, size_t width)
{
    BL_EACH_VECTOR_(v)
        BL_EACH_PLANE_(k, width)
            bl_put_(dst, k, v, bl_get_(a, k, v) & bl_get_(b, k, v));
}
BL_INLINE_ void bl_planes_and_not(bl_plane *dst, const bl_plane *a, const bl_plane *b,
                                  size_t width) // a & ~b
{
    BL_EACH_VECTOR_(v)
        BL_EACH_PLANE_(k, width)
            bl_put_(dst, k, v, bl_get_(a, k, v) & ~bl_get_(b, k, v));
}
BL_INLINE_ void bl_planes_or(bl_plane *dst, const bl_plane *a, const bl_plane *b, size_t width)
{
    BL_EACH_VECTOR_(v)
        BL_EACH_PLANE_(k, width)
            bl_put_(dst, k, v, bl_get_(a, k, v) | bl_get_(b, k, v));
}
BL_INLINE_ void bl_planes_xor(bl_plane *dst, const bl_plane *a, const bl_plane *b, size_t width)
{
    BL_EACH_VECTOR_(v)
        BL_EACH_PLANE_(k, width)
            bl_put_(dst, k, v, bl_get_(a, k, v) ^ bl_get_(b, k, v));
}

// `where` is one plane: a in its lanes, b (select) or 0 (mask) in the others. w.
BL_INLINE_ void bl_planes_select(bl_plane *dst, const bl_plane *where, const bl_plane *a,
                                 const bl_plane *b, size_t width)
{
    BL_EACH_VECTOR_(v) {
        bl_vector_ s = bl_get_(where, 0, v);
        BL_EACH_PLANE_(k, width)
            bl_put_(dst, k, v, bl_select_(s, bl_get_(a, k, v), bl_get_(b, k, v)));
    }
}
BL_INLINE_ void bl_planes_mask(bl_plane *dst, const bl_plane *where, const bl_plane *a,
                               size_t width)
{
    BL_EACH_VECTOR_(v) {
        bl_vector_ s = bl_get_(where, 0, v);
        BL_EACH_PLANE_(k, width)
            bl_put_(dst, k, v, s & bl_get_(a, k, v));
    }
}

// The number in dst_width bits: zeros or copies of the sign above, or the low bits. Nothing but
// moves.
BL_INLINE_ void bl_planes_resize_u(bl_plane *dst, const bl_plane *a, size_t dst_width,
                                   size_t a_width)
{
    BL_EACH_VECTOR_(v)
        BL_EACH_PLANE_(k, dst_width)
            bl_put_(dst, k, v, k < a_width ? bl_get_(a, k, v) : bl_fill_(false));
}
BL_INLINE_ void bl_planes_resize_s(bl_plane *dst, const bl_plane *a, size_t dst_width,
                                   size_t a_width)
{
    BL_EACH_VECTOR_(v)
        BL_EACH_PLANE_(k, dst_width)
            bl_put_(dst, k, v, bl_get_(a, k < a_width ? k : a_width - 1, v));
}

// ----------------------------------------------------------------------- addition, subtraction

// One vector: dst = a + b + c and a - b - c; the carry or borrow.
BL_INLINE_ bl_vector_ bl_add_(bl_plane *dst, const bl_plane *a, const bl_plane *b, size_t width,
                              size_t v, bl_vector_ c)
{
    BL_EACH_PLANE_(k, width) {
        bl_vector_ x = bl_get_(a, k, v), y = bl_get_(b, k, v);
        bl_put_(dst, k, v, x ^ y ^ c);
        c = bl_carry_(x, y, c);
    }
    return c;
}
BL_INLINE_ bl_vector_ bl_sub_(bl_plane *dst, const bl_plane *a, const bl_plane *b, size_t width,
                              size_t v, bl_vector_ c)
{
    BL_EACH_PLANE_(k, width) {
        bl_vector_ x = bl_get_(a, k, v), y = bl_get_(b, k, v);
        bl_put_(dst, k, v, x ^ y ^ c);
        c = bl_borrow_(x, y, c);
    }
    return c;
}

// Modulo 2^width. 2w.
BL_INLINE_ void bl_planes_add(bl_plane *dst, const bl_plane *a, const bl_plane *b, size_t width)
{
    BL_EACH_VECTOR_(v)
        bl_add_(dst, a, b, width, v, bl_fill_(false));
}
BL_INLINE_ void bl_planes_sub(bl_plane *dst, const bl_plane *a, const bl_plane *b, size_t width)
{
    BL_EACH_VECTOR_(v)
        bl_sub_(dst, a, b, width, v, bl_fill_(false));
}

// dst = a + b + *carry and a - b - *borrow. This plane, outside dst, is read as what comes in and
// becomes what goes out, so that longer numbers can be worked on piece by piece. 2w.
BL_INLINE_ void bl_planes_add_carry(bl_plane *dst, bl_plane *carry, const bl_plane *a,
                                    const bl_plane *b, size_t width)
{
    BL_EACH_VECTOR_(v)
        bl_put_(carry, 0, v, bl_add_(dst, a, b, width, v, bl_get_(carry, 0, v)));
}
BL_INLINE_ void bl_planes_sub_borrow(bl_plane *dst, bl_plane *borrow, const bl_plane *a,
                                     const bl_plane *b, size_t width)
{
    BL_EACH_VECTOR_(v)
        bl_put_(borrow, 0, v, bl_sub_(dst, a, b, width, v, bl_get_(borrow, 0, v)));
}

// a + value, modulo 2^width. 2 for each bit from the lowest set bit of value on.
BL_INLINE_ void bl_planes_add_constant(bl_plane *dst, const bl_plane *a, int64_t value,
                                       size_t width)
{
    assert(width <= BL_MAX_WIDTH_);
    BL_EACH_VECTOR_(v) {
        bl_vector_ c = bl_fill_(false);
        BL_EACH_PLANE_(k, width) {
            bool bit = (uint64_t)value >> k & 1;
            bl_vector_ x = bl_get_(a, k, v);
            bl_put_(dst, k, v, x ^ c ^ bl_fill_(bit));
            c = bit ? x | c : x & c;
        }
    }
}

// a + 1, modulo 2^width, in the lanes of the plane `where`, a in the others. 2w.
BL_INLINE_ void bl_planes_increment(bl_plane *dst, const bl_plane *where, const bl_plane *a,
                                    size_t width)
{
    BL_EACH_VECTOR_(v) {
        bl_vector_ c = bl_get_(where, 0, v);
        BL_EACH_PLANE_(k, width) {
            bl_vector_ x = bl_get_(a, k, v);
            bl_put_(dst, k, v, x ^ c);
            c &= x;
        }
    }
}

// -a where `where` says so: all bits above the lowest set one change.
BL_INLINE_ void bl_negate_(bl_plane *dst, const bl_plane *a, size_t width, size_t v,
                           bl_vector_ where)
{
    bl_vector_ below = bl_fill_(false);
    BL_EACH_PLANE_(k, width) {
        bl_vector_ x = bl_get_(a, k, v);
        bl_put_(dst, k, v, x ^ (where & below));
        below |= x;
    }
}

// Modulo 2^width; abs of the least number is 2^(width - 1), right if read as unsigned. 2w.
BL_INLINE_ void bl_planes_neg(bl_plane *dst, const bl_plane *a, size_t width)
{
    BL_EACH_VECTOR_(v)
        bl_negate_(dst, a, width, v, bl_fill_(true));
}
BL_INLINE_ void bl_planes_abs(bl_plane *dst, const bl_plane *a, size_t width)
{
    BL_EACH_VECTOR_(v)
        bl_negate_(dst, a, width, v, bl_get_(a, width - 1, v));
}

// The number of width bits that is nearest to the true sum or difference. 3w.
BL_INLINE_ void bl_planes_add_sat_u(bl_plane *dst, const bl_plane *a, const bl_plane *b,
                                    size_t width)
{
    BL_EACH_VECTOR_(v) {
        bl_vector_ carry = bl_add_(dst, a, b, width, v, bl_fill_(false));
        BL_EACH_PLANE_(k, width)
            bl_put_(dst, k, v, bl_get_(dst, k, v) | carry);
    }
}
BL_INLINE_ void bl_planes_sub_sat_u(bl_plane *dst, const bl_plane *a, const bl_plane *b,
                                    size_t width)
{
    BL_EACH_VECTOR_(v) {
        bl_vector_ borrow = bl_sub_(dst, a, b, width, v, bl_fill_(false));
        BL_EACH_PLANE_(k, width)
            bl_put_(dst, k, v, bl_get_(dst, k, v) & ~borrow);
    }
}

// Where the sign of the result is wrong, `sign` is the right one: the bits below are its opposite.
BL_INLINE_ void bl_saturate_(bl_plane *dst, size_t width, size_t v, bl_vector_ is_wrong,
                             bl_vector_ sign)
{
    BL_EACH_PLANE_(k, width)
        bl_put_(dst, k, v, bl_select_(is_wrong, k + 1 < width ? ~sign : sign, bl_get_(dst, k, v)));
}
BL_INLINE_ void bl_planes_add_sat_s(bl_plane *dst, const bl_plane *a, const bl_plane *b,
                                    size_t width)
{
    BL_EACH_VECTOR_(v) {
        bl_vector_ x = bl_get_(a, width - 1, v), y = bl_get_(b, width - 1, v);
        bl_add_(dst, a, b, width, v, bl_fill_(false));
        bl_vector_ sum = bl_get_(dst, width - 1, v);
        bl_saturate_(dst, width, v, (x ^ sum) & (y ^ sum), x);
    }
}
BL_INLINE_ void bl_planes_sub_sat_s(bl_plane *dst, const bl_plane *a, const bl_plane *b,
                                    size_t width)
{
    BL_EACH_VECTOR_(v) {
        bl_vector_ x = bl_get_(a, width - 1, v), y = bl_get_(b, width - 1, v);
        bl_sub_(dst, a, b, width, v, bl_fill_(false));
        bl_vector_ difference = bl_get_(dst, width - 1, v);
        bl_saturate_(dst, width, v, (x ^ y) & (x ^ difference), x);
    }
}

// ------------------------------------------------------------------------------- comparison

// The result is one plane; any overlap. The other comparisons: change the operands, or add one to
// the constant, or negate the result.

// The borrow of a - b - c. Signed: a set sign bit makes a number smaller, not greater, so the
// operands change places in the last step.
BL_INLINE_ bl_vector_ bl_less_(const bl_plane *a, const bl_plane *b, size_t width, size_t v,
                               bl_vector_ c, bool is_signed)
{
    BL_EACH_PLANE_(k, width) {
        bl_vector_ x = bl_get_(a, k, v), y = bl_get_(b, k, v);
        c = is_signed && k + 1 == width ? bl_borrow_(y, x, c) : bl_borrow_(x, y, c);
    }
    return c;
}

// a == b; a < b; a <= b. w.
BL_INLINE_ void bl_planes_eq(bl_plane *dst, const bl_plane *a, const bl_plane *b, size_t width)
{
    BL_EACH_VECTOR_(v) {
        bl_vector_ is_different = bl_fill_(false);
        BL_EACH_PLANE_(k, width)
            is_different |= bl_get_(a, k, v) ^ bl_get_(b, k, v);
        bl_put_(dst, 0, v, ~is_different);
    }
}
BL_INLINE_ void bl_planes_lt_u(bl_plane *dst, const bl_plane *a, const bl_plane *b, size_t width)
{
    BL_EACH_VECTOR_(v)
        bl_put_(dst, 0, v, bl_less_(a, b, width, v, bl_fill_(false), false));
}
BL_INLINE_ void bl_planes_lt_s(bl_plane *dst, const bl_plane *a, const bl_plane *b, size_t width)
{
    BL_EACH_VECTOR_(v)
        bl_put_(dst, 0, v, bl_less_(a, b, width, v, bl_fill_(false), true));
}
BL_INLINE_ void bl_planes_le_u(bl_plane *dst, const bl_plane *a, const bl_plane *b, size_t width)
{
    BL_EACH_VECTOR_(v)
        bl_put_(dst, 0, v, bl_less_(a, b, width, v, bl_fill_(true), false));
}
BL_INLINE_ void bl_planes_le_s(bl_plane *dst, const bl_plane *a, const bl_plane *b, size_t width)
{
    BL_EACH_VECTOR_(v)
        bl_put_(dst, 0, v, bl_less_(a, b, width, v, bl_fill_(true), true));
}

// Against a constant that fits width bits: an AND or OR for each bit, two of them in one operation.
// w / 2; none for the low bits that cannot matter.

BL_INLINE_ void bl_planes_eq_constant(bl_plane *dst, const bl_plane *a, int64_t value, size_t width)
{
    assert(width <= BL_MAX_WIDTH_);
    BL_EACH_VECTOR_(v) {
        bl_vector_ is_equal = bl_fill_(true);
        BL_EACH_PLANE_(k, width) {
            bl_vector_ x = bl_get_(a, k, v);
            is_equal &= (uint64_t)value >> k & 1 ? x : ~x;
        }
        bl_put_(dst, 0, v, is_equal);
    }
}

// a < value + c. A bit of value that is set: smaller if the bit of a is not, or below.
BL_INLINE_ bl_vector_ bl_less_constant_(const bl_plane *a, uint64_t value, size_t width, size_t v,
                                        bl_vector_ c, bool is_signed)
{
    assert(width <= BL_MAX_WIDTH_);
    BL_EACH_PLANE_(k, width) {
        bool is_sign = is_signed && k + 1 == width, bit = (value >> k & 1) != is_sign;
        bl_vector_ x = is_sign ? ~bl_get_(a, k, v) : bl_get_(a, k, v);
        c = bit ? ~x | c : ~x & c;
    }
    return c;
}

// a < value; a <= value; a >= value.
BL_INLINE_ void bl_planes_lt_constant_u(bl_plane *dst, const bl_plane *a, uint64_t value,
                                        size_t width)
{
    BL_EACH_VECTOR_(v)
        bl_put_(dst, 0, v, bl_less_constant_(a, value, width, v, bl_fill_(false), false));
}
BL_INLINE_ void bl_planes_lt_constant_s(bl_plane *dst, const bl_plane *a, int64_t value,
                                        size_t width)
{
    BL_EACH_VECTOR_(v)
        bl_put_(dst, 0, v, bl_less_constant_(a, (uint64_t)value, width, v, bl_fill_(false), true));
}
BL_INLINE_ void bl_planes_le_constant_u(bl_plane *dst, const bl_plane *a, uint64_t value,
                                        size_t width)
{
    BL_EACH_VECTOR_(v)
        bl_put_(dst, 0, v, bl_less_constant_(a, value, width, v, bl_fill_(true), false));
}
BL_INLINE_ void bl_planes_le_constant_s(bl_plane *dst, const bl_plane *a, int64_t value,
                                        size_t width)
{
    BL_EACH_VECTOR_(v)
        bl_put_(dst, 0, v, bl_less_constant_(a, (uint64_t)value, width, v, bl_fill_(true), true));
}
BL_INLINE_ void bl_planes_ge_constant_u(bl_plane *dst, const bl_plane *a, uint64_t value,
                                        size_t width)
{
    BL_EACH_VECTOR_(v)
        bl_put_(dst, 0, v, ~bl_less_constant_(a, value, width, v, bl_fill_(false), false));
}
BL_INLINE_ void bl_planes_ge_constant_s(bl_plane *dst, const bl_plane *a, int64_t value,
                                        size_t width)
{
    BL_EACH_VECTOR_(v)
        bl_put_(dst, 0, v, ~bl_less_constant_(a, (uint64_t)value, width, v, bl_fill_(false), true));
}

// The smaller and the greater number. 2w.
BL_INLINE_ void bl_choose_(bl_plane *dst, const bl_plane *a, const bl_plane *b, size_t width,
                           size_t v, bl_vector_ where)
{
    BL_EACH_PLANE_(k, width)
        bl_put_(dst, k, v, bl_select_(where, bl_get_(a, k, v), bl_get_(b, k, v)));
}
BL_INLINE_ void bl_planes_min_u(bl_plane *dst, const bl_plane *a, const bl_plane *b, size_t width)
{
    BL_EACH_VECTOR_(v)
        bl_choose_(dst, a, b, width, v, bl_less_(a, b, width, v, bl_fill_(false), false));
}
BL_INLINE_ void bl_planes_min_s(bl_plane *dst, const bl_plane *a, const bl_plane *b, size_t width)
{
    BL_EACH_VECTOR_(v)
        bl_choose_(dst, a, b, width, v, bl_less_(a, b, width, v, bl_fill_(false), true));
}
BL_INLINE_ void bl_planes_max_u(bl_plane *dst, const bl_plane *a, const bl_plane *b, size_t width)
{
    BL_EACH_VECTOR_(v)
        bl_choose_(dst, b, a, width, v, bl_less_(a, b, width, v, bl_fill_(false), false));
}
BL_INLINE_ void bl_planes_max_s(bl_plane *dst, const bl_plane *a, const bl_plane *b, size_t width)
{
    BL_EACH_VECTOR_(v)
        bl_choose_(dst, b, a, width, v, bl_less_(a, b, width, v, bl_fill_(false), true));
}

// ---------------------------------------------------------------------------------- shifts

// By a constant of less than width: nothing but moves.
BL_INLINE_ void bl_planes_shl_constant(bl_plane *dst, const bl_plane *a, size_t n, size_t width)
{
    assert(n < width);
    BL_EACH_VECTOR_(v)
        BL_EACH_PLANE_(i, width) {
            size_t k = width - 1 - i; // downwards, for dst == a
            bl_put_(dst, k, v, k >= n ? bl_get_(a, k - n, v) : bl_fill_(false));
        }
}
BL_INLINE_ void bl_planes_shr_constant_u(bl_plane *dst, const bl_plane *a, size_t n, size_t width)
{
    assert(n < width);
    BL_EACH_VECTOR_(v)
        BL_EACH_PLANE_(k, width)
            bl_put_(dst, k, v, k + n < width ? bl_get_(a, k + n, v) : bl_fill_(false));
}
BL_INLINE_ void bl_planes_shr_constant_s(bl_plane *dst, const bl_plane *a, size_t n, size_t width)
{
    assert(n < width);
    BL_EACH_VECTOR_(v)
        BL_EACH_PLANE_(k, width)
            bl_put_(dst, k, v, bl_get_(a, k + n < width ? k + n : width - 1, v));
}

// By a number of each lane, `amount` of amount_width bits, unsigned; bits that come from outside
// are 0, for shr_s the sign, and so is everything where amount >= width. Bit j of amount moves by
// 2^j or not: w for each bit that matters, and w for those beyond. Any overlap.
BL_INLINE_ void bl_shift_(bl_plane *dst, const bl_plane *a, const bl_plane *amount, size_t width,
                          size_t amount_width, size_t v, bl_vector_ outside, bool is_left)
{
    assert(width <= BL_MAX_WIDTH_);
    bl_vector_ x[BL_MAX_WIDTH_] = {0}, is_far = bl_fill_(false);
    BL_EACH_PLANE_(k, width)
        x[k] = bl_get_(a, is_left ? width - 1 - k : k, v); // a left shift is one of reversed bits
    BL_EACH_PLANE_(j, amount_width) {
        bl_vector_ moves = bl_get_(amount, j, v);
        size_t n = (size_t)1 << (j < 7 ? j : 7);
        if (n >= width)
            is_far |= moves;
        else
            BL_EACH_PLANE_(k, width)
                x[k] = bl_select_(moves, k + n < width ? x[k + n] : outside, x[k]);
    }
    BL_EACH_PLANE_(k, width)
        bl_put_(dst, is_left ? width - 1 - k : k, v, bl_select_(is_far, outside, x[k]));
}
BL_INLINE_ void bl_planes_shl(bl_plane *dst, const bl_plane *a, const bl_plane *amount,
                              size_t width, size_t amount_width)
{
    BL_EACH_VECTOR_(v)
        bl_shift_(dst, a, amount, width, amount_width, v, bl_fill_(false), true);
}
BL_INLINE_ void bl_planes_shr_u(bl_plane *dst, const bl_plane *a, const bl_plane *amount,
                                size_t width, size_t amount_width)
{
    BL_EACH_VECTOR_(v)
        bl_shift_(dst, a, amount, width, amount_width, v, bl_fill_(false), false);
}
BL_INLINE_ void bl_planes_shr_s(bl_plane *dst, const bl_plane *a, const bl_plane *amount,
                                size_t width, size_t amount_width)
{
    BL_EACH_VECTOR_(v)
        bl_shift_(dst, a, amount, width, amount_width, v, bl_get_(a, width - 1, v), false);
}

// ------------------------------------------------------------------------- multiplication

// *x += y + c; the carry.
BL_INLINE_ bl_vector_ bl_add_bit_(bl_vector_ *x, bl_vector_ y, bl_vector_ c)
{
    bl_vector_ old = *x;
    *x = old ^ y ^ c;
    return bl_carry_(old, y, c);
}

// x[0..n) += a if `where`; the carry.
BL_INLINE_ bl_vector_ bl_add_row_(bl_vector_ *x, const bl_plane *a, size_t n, size_t v,
                                  bl_vector_ where)
{
    bl_vector_ c = bl_fill_(false);
    BL_EACH_PLANE_(k, n)
        c = bl_add_bit_(&x[k], bl_get_(a, k, v) & where, c);
    return c;
}
BL_INLINE_ void bl_sub_row_(bl_vector_ *x, const bl_plane *a, size_t n, size_t v, bl_vector_ where)
{
    bl_vector_ c = bl_fill_(false);
    for (size_t k = 0; k < n; k++) {
        bl_vector_ y = bl_get_(a, k, v) & where, old = x[k];
        x[k] = old ^ y ^ c;
        c = bl_borrow_(old, y, c);
    }
}

// Modulo 2^width. 1.5 w^2; any overlap. Up to 32 bits in straight code, where the sums of the rows
// stay in registers; beyond, that code would no longer fit the cache.
BL_INLINE_ void bl_planes_mul(bl_plane *dst, const bl_plane *a, const bl_plane *b, size_t width)
{
    assert(width <= BL_MAX_WIDTH_);
    BL_EACH_VECTOR_(v) {
        bl_vector_ x[BL_MAX_WIDTH_];
        for (size_t k = 0; k < width; k++)
            x[k] = bl_get_(a, k, v) & bl_get_(b, 0, v);
        if (width <= 32)
            BL_EACH_PLANE_(i, width) {
                bl_vector_ c = bl_fill_(false), where = bl_get_(b, i, v);
                BL_EACH_PLANE_(k, width) // of the sum, from bit i on; row 0 is there already
                    if (i > 0 && k >= i)
                        c = bl_add_bit_(&x[k], bl_get_(a, k - i, v) & where, c);
            }
        else
            for (size_t i = 1; i < width; i++)
                bl_add_row_(x + i, a, width - i, v, bl_get_(b, i, v));
        for (size_t k = 0; k < width; k++)
            bl_put_(dst, k, v, x[k]);
    }
}

// The whole product: dst has 2 * width planes. 3 w^2, signed 6w more: the sign bit of a operand
// weighs -2^(width - 1), not +2^(width - 1), so the other operand was added 2^width times too
// often. Any overlap.
BL_INLINE_ void bl_multiply_(bl_plane *dst, const bl_plane *a, const bl_plane *b, size_t width,
                             size_t v, bool is_signed)
{
    assert(width <= BL_MAX_WIDTH_);
    bl_vector_ x[2 * BL_MAX_WIDTH_];
    for (size_t k = 0; k < width; k++)
        x[k] = bl_get_(a, k, v) & bl_get_(b, 0, v);
    x[width] = bl_fill_(false);
    for (size_t i = 1; i < width; i++)
        x[i + width] = bl_add_row_(x + i, a, width, v, bl_get_(b, i, v));
    if (is_signed) {
        bl_sub_row_(x + width, b, width, v, bl_get_(a, width - 1, v));
        bl_sub_row_(x + width, a, width, v, bl_get_(b, width - 1, v));
    }
    for (size_t k = 0; k < 2 * width; k++)
        bl_put_(dst, k, v, x[k]);
}
BL_INLINE_ void bl_planes_mul_wide_u(bl_plane *dst, const bl_plane *a, const bl_plane *b,
                                     size_t width)
{
    BL_EACH_VECTOR_(v)
        bl_multiply_(dst, a, b, width, v, false);
}
BL_INLINE_ void bl_planes_mul_wide_s(bl_plane *dst, const bl_plane *a, const bl_plane *b,
                                     size_t width)
{
    BL_EACH_VECTOR_(v)
        bl_multiply_(dst, a, b, width, v, true);
}

// -------------------------------------------------------------------------------- counting

// Planes that hold 0..n, n at most 64.
#define BL_COUNT_WIDTH(n)                                                                          \
    ((n) < 2 ? 1 : (n) < 4 ? 2 : (n) < 8 ? 3 : (n) < 16 ? 4 : (n) < 32 ? 5 : (n) < 64 ? 6 : 7)

// One column of the tree of adders: n bits of one weight become one, the result, and n / 2 carries
// of the next weight, which take the place of the bits.
BL_INLINE_ bl_vector_ bl_add_column_(bl_vector_ *x, size_t n)
{
    bl_vector_ sum = x[0];
    BL_EACH_PLANE_(i, (n - 1) / 2) {
        bl_vector_ y = x[2 * i + 1], z = x[2 * i + 2];
        x[i] = bl_carry_(sum, y, z);
        sum ^= y ^ z;
    }
    if (n % 2 == 0) { // one is left
        bl_vector_ y = x[n - 1];
        x[n / 2 - 1] = sum & y;
        sum ^= y;
    }
    return sum;
}

// How many of the n planes a[0..n) are set, a number of BL_COUNT_WIDTH(n) planes. n at most 64.
// 2 (n - popcount(n)); any overlap.
BL_INLINE_ void bl_planes_popcount(bl_plane *dst, const bl_plane *a, size_t n)
{
    assert(n >= 1 && n <= BL_MAX_WIDTH_);
    BL_EACH_VECTOR_(v) {
        bl_vector_ x[BL_MAX_WIDTH_] = {0};
        BL_EACH_PLANE_(k, n)
            x[k] = bl_get_(a, k, v);
        bl_put_(dst, 0, v, bl_add_column_(x, n)); // each call has its constant number of steps
        if (n >= 2)
            bl_put_(dst, 1, v, bl_add_column_(x, n / 2));
        if (n >= 4)
            bl_put_(dst, 2, v, bl_add_column_(x, n / 4));
        if (n >= 8)
            bl_put_(dst, 3, v, bl_add_column_(x, n / 8));
        if (n >= 16)
            bl_put_(dst, 4, v, bl_add_column_(x, n / 16));
        if (n >= 32)
            bl_put_(dst, 5, v, bl_add_column_(x, n / 32));
        if (n >= 64)
            bl_put_(dst, 6, v, bl_add_column_(x, n / 64));
    }
}

#endif
