// SPDX-License-Identifier: MIT
#ifndef BITLOOM_BITS_X86_LANES_AVX512_H
#define BITLOOM_BITS_X86_LANES_AVX512_H

// What the AVX-512 networks are made of. All of them move index bits of a byte between the places
// that a byte can be at: the register, the 128-bit lane, the byte within the lane, the bit.
//
//   VPERMB, VPERMT2B   any byte of one or two registers to anywhere             2 a cycle (Zen 5)
//   GF2P8AFFINEQB      with the data as the *matrix* and one-hot bytes as the vector: byte k, bit i
//                      of the result is bit k of byte 7 - i of the data: eight 8x8 transposes. The
//                      reversal 7 - i is folded into the shuffle or the unpacks before.     2
//   VPUNPCK bw wd dq qdq   one bit of the register's number against the top bit of the
//                      byte's place in its lane:                                            4
//
//                          register r, byte [b3 b2 b1 b0]  ->  register b3, byte [b2 b1 b0 r]   bw
//                                                                   "      byte [b2 b1 r b0]   wd ...
//
//   masked moves       where a mask says so, two registers change places                    4
//
// Whatever can be done by unpacks or masked moves, the ports do twice as fast as by permutations.

#include <immintrin.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define INLINE static inline __attribute__((always_inline))

// Byte i of a table of 64 is f(i): where byte i of the result comes from.
#define ROW8(f, i) f(i), f(i + 1), f(i + 2), f(i + 3), f(i + 4), f(i + 5), f(i + 6), f(i + 7)
#define TABLE64(f)                                                                                 \
    {                                                                                              \
        ROW8(f, 0), ROW8(f, 8), ROW8(f, 16), ROW8(f, 24), ROW8(f, 32), ROW8(f, 40), ROW8(f, 48),   \
            ROW8(f, 56)                                                                            \
    }
typedef struct permutation {
    _Alignas(64) uint8_t from[64];
} permutation;

INLINE __m512i table(const permutation *p) { return _mm512_load_si512(p->from); }
INLINE __m512i load(const void *p) { return _mm512_loadu_si512(p); }
INLINE void store(void *p, __m512i x)
{
    _mm512_storeu_si512(p, x);
    __asm__ volatile("" : : : "memory"); // in this order
}
INLINE __m512i permute(const permutation *p, __m512i x)
{
    return _mm512_permutexvar_epi8(table(p), x);
}
INLINE __m512i permute2(const permutation *p, __m512i a, __m512i b) // bytes 64.. are b's
{
    return _mm512_permutex2var_epi8(a, table(p), b);
}

INLINE __m512i transpose8x8(__m512i bytes_reversed)
{
    return _mm512_gf2p8affine_epi64_epi8(_mm512_set1_epi64((int64_t)0x8040201008040201u),
                                         bytes_reversed, 0);
}

#define UNROLL16 _Pragma("GCC unroll 16")

INLINE void copy_registers(__m512i *dst, const __m512i *src, int n)
{
#pragma GCC unroll 16
    for (int i = 0; i < n; i++)
        dst[i] = src[i];
}

// One unpack of pieces of `bytes`; reversed: b's piece comes first.
INLINE void unpack(__m512i *a, __m512i *b, int bytes, bool is_reversed)
{
    __m512i x = is_reversed ? *b : *a, y = is_reversed ? *a : *b;
    *a = bytes == 1   ? _mm512_unpacklo_epi8(x, y)
         : bytes == 2 ? _mm512_unpacklo_epi16(x, y)
         : bytes == 4 ? _mm512_unpacklo_epi32(x, y)
                      : _mm512_unpacklo_epi64(x, y);
    *b = bytes == 1   ? _mm512_unpackhi_epi8(x, y)
         : bytes == 2 ? _mm512_unpackhi_epi16(x, y)
         : bytes == 4 ? _mm512_unpackhi_epi32(x, y)
                      : _mm512_unpackhi_epi64(x, y);
}

// Three levels of unpacks over 8 or 16 registers, each as soon as its two registers exist: call it
// after r[i], i = 0, 1, 2 ... Afterwards, of eight neighbours,
//     register [a2 a1 a0], byte [b3 b2 b1 b0]  ->  register [b1 b2 b3], byte [b0 a2 a1 a0]
// and with is_reversed the byte [b0 ~a2 ~a1 ~a0], as transpose8x8 wants it.
INLINE void unpack3(__m512i *r, int i, bool is_reversed)
{
    if (i % 2 == 1)
        unpack(&r[i - 1], &r[i], 1, is_reversed);
    if (i % 4 == 3)
#pragma GCC unroll 2
        for (int k = 0; k < 2; k++)
            unpack(&r[i - 3 + k], &r[i - 1 + k], 2, is_reversed);
    if (i % 8 == 7)
#pragma GCC unroll 4
        for (int k = 0; k < 4; k++)
            unpack(&r[i - 7 + k], &r[i - 3 + k], 4, is_reversed);
}

// The fourth level joins r[i] and r[i + 8]; register i then holds byte [b0 b1 b2 b3] =
// reversed4(i).
INLINE void unpack_last(__m512i *r, int i) { unpack(&r[i], &r[i + 8], 8, false); }

INLINE int reversed3(int i) { return (i & 1) << 2 | (i & 2) | (i & 4) >> 2; }
INLINE int reversed4(int i) { return (i & 1) << 3 | (i & 2) << 1 | (i & 4) >> 1 | (i & 8) >> 3; }

// r[i] lane j <-> r[j] lane i, lanes of 128 bits: 8 permutations.
INLINE void transpose_lanes(__m512i r[4])
{
    __m512i a = _mm512_shuffle_i64x2(r[0], r[1], 0x88), b = _mm512_shuffle_i64x2(r[0], r[1], 0xDD);
    __m512i c = _mm512_shuffle_i64x2(r[2], r[3], 0x88), d = _mm512_shuffle_i64x2(r[2], r[3], 0xDD);
    r[0] = _mm512_shuffle_i64x2(a, c, 0x88);
    r[1] = _mm512_shuffle_i64x2(b, d, 0x88);
    r[2] = _mm512_shuffle_i64x2(a, c, 0xDD);
    r[3] = _mm512_shuffle_i64x2(b, d, 0xDD);
}

// Where the mask is set, a and b change places: two masked moves.
INLINE void swap_bytes(__mmask64 mask, __m512i *a, __m512i *b)
{
    __m512i x = _mm512_mask_mov_epi8(*a, mask, *b);
    *b = _mm512_mask_mov_epi8(*b, mask, *a);
    *a = x;
}
INLINE void swap_words(__mmask8 mask, __m512i *a, __m512i *b)
{
    __m512i x = _mm512_mask_mov_epi64(*a, mask, *b);
    *b = _mm512_mask_mov_epi64(*b, mask, *a);
    *a = x;
}

// Pipelining. The ports are kept busy only while shuffles (2 a cycle) and unpacks (4 a cycle) come
// mixed, and a block's shuffles come first and last. So a loop finishes one unit of 16 registers
// while it fetches the next one, register by register; as many become free as are filled. Measured
// on Zen 5, 16 bits: 2.7 cycles a register without, 2.1 with, and reading and writing L2 no longer
// shows.
//
//     fetch next[0], next[1]; finish registers 0, 1 of this unit; unpack next[0], next[1]; ...
//
// FETCH gives register k_ of the unit at hand, FINISH uses r_ at k_ and k_ + 1; ADVANCE_SOURCE and
// ADVANCE_RESULT move their pointers to the next unit.
#define PIPELINE(N_UNITS, FETCH, IS_REVERSED, ADVANCE_SOURCE, FINISH, ADVANCE_RESULT)              \
    do {                                                                                           \
        __m512i r_[16], next_[16];                                                                 \
        size_t left_ = (N_UNITS);                                                                  \
        if (left_ == 0)                                                                            \
            break;                                                                                 \
        UNROLL16 for (int k_ = 0; k_ < 16; k_++)                                                   \
        {                                                                                          \
            r_[k_] = FETCH;                                                                        \
            unpack3(r_, k_, IS_REVERSED);                                                          \
        }                                                                                          \
        for (; left_ > 1; left_--) {                                                               \
            ADVANCE_SOURCE;                                                                        \
            UNROLL16 for (int pair_ = 0; pair_ < 16; pair_ += 2)                                   \
            {                                                                                      \
                int k_ = pair_;                                                                    \
                next_[k_] = FETCH;                                                                 \
                k_ = pair_ + 1;                                                                    \
                next_[k_] = FETCH;                                                                 \
                k_ = pair_;                                                                        \
                FINISH;                                                                            \
                if (pair_ > 0) {                                                                   \
                    unpack3(next_, pair_ - 2, IS_REVERSED);                                        \
                    unpack3(next_, pair_ - 1, IS_REVERSED);                                        \
                }                                                                                  \
            }                                                                                      \
            unpack3(next_, 14, IS_REVERSED);                                                       \
            unpack3(next_, 15, IS_REVERSED);                                                       \
            copy_registers(r_, next_, 16);                                                         \
            ADVANCE_RESULT;                                                                        \
        }                                                                                          \
        UNROLL16 for (int k_ = 0; k_ < 16; k_ += 2) { FINISH; }                                    \
    } while (0)

// The same for units of eight registers. JOIN(r, k) does what can be done once r[0 .. k] are there;
// FINISH uses r_ at k_.
#define PIPELINE8(N_UNITS, FETCH, JOIN, ADVANCE_SOURCE, FINISH, ADVANCE_RESULT)                    \
    do {                                                                                           \
        __m512i r_[8], next_[8];                                                                   \
        size_t left_ = (N_UNITS);                                                                  \
        if (left_ == 0)                                                                            \
            break;                                                                                 \
        UNROLL16 for (int k_ = 0; k_ < 8; k_++)                                                    \
        {                                                                                          \
            r_[k_] = FETCH;                                                                        \
            JOIN(r_, k_);                                                                          \
        }                                                                                          \
        for (; left_ > 1; left_--) {                                                               \
            ADVANCE_SOURCE;                                                                        \
            UNROLL16 for (int k_ = 0; k_ < 8; k_++)                                                \
            {                                                                                      \
                next_[k_] = FETCH;                                                                 \
                FINISH;                                                                            \
                if (k_ > 0)                                                                        \
                    JOIN(next_, k_ - 1);                                                           \
            }                                                                                      \
            JOIN(next_, 7);                                                                        \
            copy_registers(r_, next_, 8);                                                          \
            ADVANCE_RESULT;                                                                        \
        }                                                                                          \
        UNROLL16 for (int k_ = 0; k_ < 8; k_++) { FINISH; }                                        \
    } while (0)

#endif
