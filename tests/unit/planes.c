// SPDX-License-Identifier: MIT
// Every operation on planes against the same one on integers: all pairs of numbers for widths up to
// 5, random and extreme ones above, each with dst apart from the operands and in place of either.
// Common widths are constants at the call, so that the unrolled code is what is tested; the others
// test the loops.
#include "../test.h"

#include <bitloom/planes.h>

__extension__ typedef unsigned __int128 u128;
__extension__ typedef __int128 i128;

enum { N_PLANES = 136, CANARY = 0xA5 };
static bl_random rng = {{1, 2, 3, 4}};

static uint64_t low_bits(u128 x, size_t width) { return (uint64_t)x & UINT64_MAX >> (64 - width); }

static int64_t to_signed(uint64_t x, size_t width)
{
    return (int64_t)(x << (64 - width)) >> (64 - width);
}

static uint64_t top(size_t width) { return UINT64_C(1) << (width - 1); } // -least signed number
static uint64_t clamp_s(i128 x, size_t width)
{
    i128 least = -(i128)top(width), most = (i128)top(width) - 1;
    return low_bits((u128)(x < least ? least : x > most ? most : x), width);
}

// --- the operations: planes (d, a, b, w) and integers (a, b, w) side by side

typedef void planes_function(bl_plane *d, const bl_plane *a, const bl_plane *b, size_t w);
typedef u128 integer_function(uint64_t a, uint64_t b, size_t w);

#define OPERATION(name, call, value)                                                               \
    BL_INLINE_ void inline_##name(bl_plane *d, const bl_plane *a, const bl_plane *b, size_t w)     \
    {                                                                                              \
        (void)b;                                                                                   \
        call;                                                                                      \
    }                                                                                              \
    static void planes_##name(bl_plane *d, const bl_plane *a, const bl_plane *b, size_t w)         \
    {                                                                                              \
        switch (w) {                                                                               \
        case 1: inline_##name(d, a, b, 1); break;                                                  \
        case 5: inline_##name(d, a, b, 5); break;                                                  \
        case 32: inline_##name(d, a, b, 32); break;                                                \
        case 64: inline_##name(d, a, b, 64); break;                                                \
        default: inline_##name(d, a, b, w);                                                        \
        }                                                                                          \
    }                                                                                              \
    static u128 integer_##name(uint64_t a, uint64_t b, size_t w)                                   \
    {                                                                                              \
        int64_t sa = to_signed(a, w), sb = to_signed(b, w);                                        \
        (void)b, (void)sa, (void)sb;                                                               \
        return (u128)(value);                                                                      \
    }
#define PLAIN(name, value) OPERATION(name, bl_planes_##name(d, a, b, w), value)
#define UNARY(name, value) OPERATION(name, bl_planes_##name(d, a, w), value)

PLAIN(and, a &b)
PLAIN(and_not, a & ~b)
PLAIN(or, a | b)
PLAIN(xor, a ^ b)
UNARY(copy, a)
UNARY(not, ~a)
OPERATION(select, bl_planes_select(d, b, a, b, w), b & 1 ? a : b)
OPERATION(mask, bl_planes_mask(d, b, a, w), b & 1 ? a : 0)
OPERATION(widen_u, bl_planes_resize_u(d, a, 2 * w, w), a)
OPERATION(widen_s, bl_planes_resize_s(d, a, 2 * w, w), (i128)sa)
OPERATION(narrow_u, bl_planes_resize_u(d, a, w / 2 + 1, w), a)
OPERATION(narrow_s, bl_planes_resize_s(d, a, w / 2 + 1, w), a)
PLAIN(add, (u128)a + b)
PLAIN(sub, (u128)a - b)
UNARY(neg, -(u128)a)
UNARY(abs, sa < 0 ? -(u128)a : a)
OPERATION(increment, bl_planes_increment(d, b, a, w), (u128)a + (b & 1))
PLAIN(add_sat_u, (u128)a + b > low_bits(~(u128)0, w) ? ~(u128)0 : (u128)a + b)
PLAIN(sub_sat_u, a < b ? 0 : a - b)
PLAIN(add_sat_s, clamp_s((i128)sa + sb, w))
PLAIN(sub_sat_s, clamp_s((i128)sa - sb, w))
PLAIN(eq, a == b)
PLAIN(lt_u, a < b)
PLAIN(lt_s, sa < sb)
PLAIN(le_u, a <= b)
PLAIN(le_s, sa <= sb)
PLAIN(min_u, a < b ? a : b)
PLAIN(min_s, sa < sb ? a : b)
PLAIN(max_u, a > b ? a : b)
PLAIN(max_s, sa > sb ? a : b)
PLAIN(mul, (u128)a *b)
PLAIN(mul_wide_u, (u128)a *b)
PLAIN(mul_wide_s, (i128)sa *sb)
OPERATION(shl, bl_planes_shl(d, a, b, w, w), b < w ? (u128)a << b : 0)
OPERATION(shr_u, bl_planes_shr_u(d, a, b, w, w), b < w ? a >> b : 0)
OPERATION(shr_s, bl_planes_shr_s(d, a, b, w, w), sa >> (b < w ? b : w - 1))
UNARY(popcount, __builtin_popcountll(a))

static void add_with_carry(bl_plane *d, const bl_plane *a, const bl_plane *b, size_t w)
{
    bl_plane carry = b[0];
    bl_planes_add_carry(d, &carry, a, b, w);
    d[w] = carry;
}
static u128 integer_add_carry(uint64_t a, uint64_t b, size_t w)
{
    (void)w;
    return (u128)a + b + (b & 1);
}
static void sub_with_borrow(bl_plane *d, const bl_plane *a, const bl_plane *b, size_t w)
{
    bl_plane borrow = b[0];
    bl_planes_sub_borrow(d, &borrow, a, b, w);
    d[w] = borrow;
}
static u128 integer_sub_borrow(uint64_t a, uint64_t b, size_t w)
{
    (void)w;
    return (u128)a - b - (b & 1);
}

typedef enum result_width { SAME, ONE, TWICE, HALF, ONE_MORE, COUNT } result_width;

static const struct operation {
    const char *name;
    planes_function *planes;
    integer_function *integer;
    result_width result;
} operations[] = {
#define ENTRY(name, result)                                                                        \
    {                                                                                              \
#name, planes_##name, integer_##name, result                                               \
    }
    ENTRY(and, SAME),
    ENTRY(and_not, SAME),
    ENTRY(or, SAME),
    ENTRY(xor, SAME),
    ENTRY(copy, SAME),
    ENTRY(not, SAME),
    ENTRY(select, SAME),
    ENTRY(mask, SAME),
    ENTRY(widen_u, TWICE),
    ENTRY(widen_s, TWICE),
    ENTRY(narrow_u, HALF),
    ENTRY(narrow_s, HALF),
    ENTRY(add, SAME),
    ENTRY(sub, SAME),
    ENTRY(neg, SAME),
    ENTRY(abs, SAME),
    ENTRY(increment, SAME),
    ENTRY(add_sat_u, SAME),
    ENTRY(sub_sat_u, SAME),
    ENTRY(add_sat_s, SAME),
    ENTRY(sub_sat_s, SAME),
    ENTRY(eq, ONE),
    ENTRY(lt_u, ONE),
    ENTRY(lt_s, ONE),
    ENTRY(le_u, ONE),
    ENTRY(le_s, ONE),
    ENTRY(min_u, SAME),
    ENTRY(min_s, SAME),
    ENTRY(max_u, SAME),
    ENTRY(max_s, SAME),
    ENTRY(mul, SAME),
    ENTRY(mul_wide_u, TWICE),
    ENTRY(mul_wide_s, TWICE),
    ENTRY(shl, SAME),
    ENTRY(shr_u, SAME),
    ENTRY(shr_s, SAME),
    ENTRY(popcount, COUNT),
    {"add_carry", add_with_carry, integer_add_carry, ONE_MORE},
    {"sub_borrow", sub_with_borrow, integer_sub_borrow, ONE_MORE},
};
enum { N_OPERATIONS = sizeof operations / sizeof *operations };

static size_t width_of(result_width r, size_t w)
{
    switch (r) {
    case ONE: return 1;
    case TWICE: return 2 * w;
    case HALF: return w / 2 + 1;
    case ONE_MORE: return w + 1;
    case COUNT: return BL_COUNT_WIDTH(w);
    default: return w;
    }
}

// --- 512 pairs of numbers at a time

typedef struct pairs {
    uint64_t a[BL_LANES], b[BL_LANES];
    bl_plane a_planes[64], b_planes[64];
} pairs;

static void to_planes(pairs *p)
{
    bl_slice(bl_bits_best(), p->a_planes, p->a, 8, BL_LANES, 64);
    bl_slice(bl_bits_best(), p->b_planes, p->b, 8, BL_LANES, 64);
}

static void all_pairs(pairs *p, size_t width, size_t block)
{
    for (size_t i = 0; i < BL_LANES; i++) {
        p->a[i] = low_bits(block * BL_LANES + i, width);
        p->b[i] = low_bits((block * BL_LANES + i) >> width, width);
    }
    to_planes(p);
}

static uint64_t random_number(size_t width)
{
    uint64_t x = bl_random_next(&rng);
    switch (bl_random_below(&rng, 4)) {
    case 0: return low_bits(x, width);
    case 1: return low_bits(x % 70, width); // shifts, small numbers
    case 2: return low_bits((UINT64_C(1) << x % width) - x / 64 % 3, width); // near powers of two
    default: return low_bits(top(width) + x % 5 - 2, width); // near the signed extremes
    }
}

static void random_pairs(pairs *p, size_t width)
{
    for (size_t i = 0; i < BL_LANES; i++) {
        p->a[i] = random_number(width);
        p->b[i] = bl_random_below(&rng, 4) ? random_number(width) : p->a[i];
    }
    to_planes(p);
}

static u128 lane_value(const bl_plane *planes, size_t width, size_t lane)
{
    u128 value = 0;
    for (size_t k = 0; k < width; k++)
        value |= (u128)bl_lane_get(&planes[k], lane) << k;
    return value;
}

static bool is_untouched(const bl_plane *planes, size_t n)
{
    for (size_t i = 0; i < n * sizeof *planes; i++)
        if (((const uint8_t *)planes)[i] != CANARY)
            return false;
    return true;
}

static void check_lanes(const char *name, const bl_plane *d, size_t n_bits, const u128 *expected,
                        size_t width)
{
    u128 mask = n_bits < 128 ? ((u128)1 << n_bits) - 1 : ~(u128)0;
    size_t n_wrong = 0;
    for (size_t i = 0; i < BL_LANES; i++)
        n_wrong += lane_value(d, n_bits, i) != (expected[i] & mask);
    if (n_wrong)
        fprintf(stderr, "%s, width %zu: %zu lanes are wrong\n", name, width, n_wrong);
    CHECK(n_wrong == 0);
}

static void check_operation(const struct operation *o, const pairs *p, size_t w)
{
    static bl_plane d[N_PLANES];
    size_t n_bits = width_of(o->result, w);
    u128 expected[BL_LANES];
    for (size_t i = 0; i < BL_LANES; i++)
        expected[i] = o->integer(p->a[i], p->b[i], w);
    for (int place = 0; place < 3; place++) { // apart, over a, over b
        const bl_plane *a = place == 1 ? d : p->a_planes, *b = place == 2 ? d : p->b_planes;
        size_t n_used = place && w > n_bits ? w : n_bits;
        memset(d, CANARY, sizeof d);
        if (place)
            memcpy(d, place == 1 ? p->a_planes : p->b_planes, w * sizeof *d);
        o->planes(d, a, b, w);
        check_lanes(o->name, d, n_bits, expected, w);
        CHECK(is_untouched(d + n_used, N_PLANES - n_used));
    }
}

static void small_numbers_are_right_in_all_pairs(void)
{
    static pairs p;
    for (size_t w = 1; w <= 5; w++)
        for (size_t block = 0; block << 9 < (size_t)1 << 2 * w; block++) {
            all_pairs(&p, w, block);
            for (size_t i = 0; i < N_OPERATIONS; i++)
                check_operation(&operations[i], &p, w);
        }
}

static void wide_numbers_are_right_in_random_pairs(void)
{
    static pairs p;
    for (size_t w = 6; w <= 64; w++) {
        random_pairs(&p, w);
        for (size_t i = 0; i < N_OPERATIONS; i++)
            check_operation(&operations[i], &p, w);
    }
}

// --- with a constant

typedef void constant_function(bl_plane *d, const bl_plane *a, uint64_t value, size_t w);

#define WITH_CONSTANT(name, argument, value)                                                       \
    static void planes_##name(bl_plane *d, const bl_plane *a, uint64_t c, size_t w)                \
    {                                                                                              \
        bl_planes_##name(d, a, argument, w);                                                       \
    }                                                                                              \
    static u128 integer_##name(uint64_t a, uint64_t c, size_t w)                                   \
    {                                                                                              \
        int64_t sa = to_signed(a, w), sc = to_signed(c, w);                                        \
        (void)sa, (void)sc;                                                                        \
        return (u128)(value);                                                                      \
    }
WITH_CONSTANT(add_constant, (int64_t)c, (u128)a + c)
WITH_CONSTANT(eq_constant, (int64_t)c, a == c)
WITH_CONSTANT(lt_constant_u, c, a < c)
WITH_CONSTANT(lt_constant_s, to_signed(c, w), sa < sc)
WITH_CONSTANT(le_constant_u, c, a <= c)
WITH_CONSTANT(le_constant_s, to_signed(c, w), sa <= sc)
WITH_CONSTANT(ge_constant_u, c, a >= c)
WITH_CONSTANT(ge_constant_s, to_signed(c, w), sa >= sc)
WITH_CONSTANT(shl_constant, c % w, (u128)a << c % w)
WITH_CONSTANT(shr_constant_u, c % w, a >> c % w)
WITH_CONSTANT(shr_constant_s, c % w, sa >> c % w)

static const struct constant_operation {
    const char *name;
    constant_function *planes;
    integer_function *integer;
    result_width result;
} constant_operations[] = {
    ENTRY(add_constant, SAME),   ENTRY(eq_constant, ONE),     ENTRY(lt_constant_u, ONE),
    ENTRY(lt_constant_s, ONE),   ENTRY(le_constant_u, ONE),   ENTRY(le_constant_s, ONE),
    ENTRY(ge_constant_u, ONE),   ENTRY(ge_constant_s, ONE),   ENTRY(shl_constant, SAME),
    ENTRY(shr_constant_u, SAME), ENTRY(shr_constant_s, SAME),
};
enum { N_CONSTANT_OPERATIONS = sizeof constant_operations / sizeof *constant_operations };

static void check_constant(const struct constant_operation *o, const pairs *p, uint64_t c, size_t w)
{
    static bl_plane d[N_PLANES];
    u128 expected[BL_LANES];
    for (size_t i = 0; i < BL_LANES; i++)
        expected[i] = o->integer(p->a[i], c, w);
    for (int place = 0; place < 2; place++) {
        memset(d, CANARY, sizeof d);
        if (place)
            memcpy(d, p->a_planes, w * sizeof *d);
        o->planes(d, place ? d : p->a_planes, c, w);
        check_lanes(o->name, d, width_of(o->result, w), expected, w);
        CHECK(is_untouched(d + w, N_PLANES - w));
    }
}

static void every_constant_is_right(void)
{
    static pairs p;
    for (size_t w = 1; w <= 64; w++) {
        if (w <= 5)
            all_pairs(&p, w, 0);
        else
            random_pairs(&p, w);
        for (uint64_t c = 0; c < (w <= 5 ? UINT64_C(1) << w : 8); c++)
            for (size_t i = 0; i < N_CONSTANT_OPERATIONS; i++)
                check_constant(&constant_operations[i], &p, w <= 5 ? c : random_number(w), w);
    }
}

static void a_constant_fills_all_lanes(void)
{
    static bl_plane d[64];
    for (size_t w = 1; w <= 64; w++) {
        int64_t value = (int64_t)random_number(64);
        bl_planes_constant(d, value, w);
        for (size_t lane = 0; lane < BL_LANES; lane += 73)
            CHECK(lane_value(d, w, lane) == low_bits((u128)value, w));
    }
}

static void an_amount_may_have_its_own_width(void)
{
    static pairs p;
    static bl_plane d[64];
    random_pairs(&p, 20);
    bl_planes_shr_s(d, p.a_planes, p.b_planes, 20, 3);
    for (size_t i = 0; i < BL_LANES; i++)
        CHECK(lane_value(d, 20, i) == low_bits((u128)(to_signed(p.a[i], 20) >> (p.b[i] & 7)), 20));
}

static void the_count_of_any_number_of_planes_is_right(void)
{
    static pairs p;
    static bl_plane d[8];
    random_pairs(&p, 64);
    for (size_t n = 1; n <= 64; n++) {
        bl_planes_popcount(d, p.a_planes, n);
        for (size_t i = 0; i < BL_LANES; i++)
            CHECK(lane_value(d, BL_COUNT_WIDTH(n), i)
                  == (u128)__builtin_popcountll(low_bits(p.a[i], n)));
    }
}

#if defined(__AVX512F__)
enum { COMPILED_FOR = BL_CPU_AVX512 };
#elif defined(__AVX2__)
enum { COMPILED_FOR = BL_CPU_AVX2 };
#else
enum { COMPILED_FOR = BL_CPU_C };
#endif

int main(void)
{
    if (!bl_cpu_is_supported((bl_cpu)COMPILED_FOR))
        return TEST_SKIP;
    RUN(small_numbers_are_right_in_all_pairs);
    RUN(wide_numbers_are_right_in_random_pairs);
    RUN(every_constant_is_right);
    RUN(a_constant_fills_all_lanes);
    RUN(an_amount_may_have_its_own_width);
    RUN(the_count_of_any_number_of_planes_is_right);
    return test_summary();
}
