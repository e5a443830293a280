// SPDX-License-Identifier: MIT
// Slicing with AVX-512 (Ice Lake set). A block of 512 records of N bits becomes N planes:
//
//     record bytes  [record 9 bits][byte j]   -> shuffle ->  eight records' byte j in one qword
//     -> transpose8x8 ->  byte k of the qword: bit k of these eight records, one byte of a plane
//     -> four levels of unpacks over 16 registers: the registers' number goes into the place of the
//        byte, byte j and bit k into the register: one plane a register
//     -> a last shuffle brings the bytes of the plane into order; where a register holds parts of
//        two (32 bits) or four planes (64 and 128 bits), these are joined in the result itself.
//
// Operations a register of input on ports that take two (2) or four a cycle (4), and the limit:
//
//              slice       unslice                                              cycles a register
//      8 bits  3 (2) 3 (4)   2 (2) 3 (4)   masked moves instead of unpacks, slice      1.5   1.25
//     16, 32   3 (2) 4 (4)   3 (2) 4 (4)                                               1.75
//     64, 128  4 (2) 4 (4)   4 (2) 4 (4)                                               2.0
//
// Memory asks for about the same: one load and one store, 64 bytes each, a register.

#include "../bits_private.h"
#include "lanes_avx512.h"

// ----------------------------------------------------------------------------------- 8 bits
// Register g: the records 64 g .. 64 g + 63, eight a qword. The one-hot bytes are permuted so that
// byte b of a qword is plane b ^ g; then three levels of masked moves bring (register g, byte b)
// to register g ^ b, the plane, and each plane needs one shuffle to be in order.

#define REVERSED(i) ((i) ^ 7)
#define COLLECT(p, i) ((i) % 8 * 8 + ((p) ^ ((i) / 8)))
#define COLLECT_0(i) COLLECT(0, i)
#define COLLECT_1(i) COLLECT(1, i)
#define COLLECT_2(i) COLLECT(2, i)
#define COLLECT_3(i) COLLECT(3, i)
#define COLLECT_4(i) COLLECT(4, i)
#define COLLECT_5(i) COLLECT(5, i)
#define COLLECT_6(i) COLLECT(6, i)
#define COLLECT_7(i) COLLECT(7, i)
static const permutation reversed8 = {TABLE64(REVERSED)};
static const permutation collect8[8] = {
    {TABLE64(COLLECT_0)}, {TABLE64(COLLECT_1)}, {TABLE64(COLLECT_2)}, {TABLE64(COLLECT_3)},
    {TABLE64(COLLECT_4)}, {TABLE64(COLLECT_5)}, {TABLE64(COLLECT_6)}, {TABLE64(COLLECT_7)}};

// Byte b of each qword is 1 << (b ^ g).
INLINE __m512i one_hot_xor(int g)
{
    uint64_t x = 0;
#pragma GCC unroll 8
    for (int b = 0; b < 8; b++)
        x |= UINT64_C(1) << (8 * b + (b ^ g));
    return _mm512_set1_epi64((int64_t)x);
}

INLINE __m512i fetch8(const uint8_t *records, int g)
{
    return _mm512_gf2p8affine_epi64_epi8(one_hot_xor(g),
                                         permute(&reversed8, load(records + 64 * g)), 0);
}

// Level by level, as soon as both registers are there.
INLINE void swap8(__m512i r[8], int g)
{
    if (g % 2 == 1)
        swap_bytes(0xAAAAAAAAAAAAAAAA, &r[g - 1], &r[g]);
    if (g % 4 == 3)
#pragma GCC unroll 2
        for (int k = 0; k < 2; k++)
            swap_bytes(0xCCCCCCCCCCCCCCCC, &r[g - 3 + k], &r[g - 1 + k]);
    if (g == 7)
#pragma GCC unroll 4
        for (int k = 0; k < 4; k++)
            swap_bytes(0xF0F0F0F0F0F0F0F0, &r[k], &r[k + 4]);
}

void bits_slice8_avx512(bl_plane *planes, const uint8_t *records, size_t n_blocks)
{
    PIPELINE8(n_blocks, fetch8(records, k_), swap8, records += 512,
              store(&planes[k_], permute(&collect8[k_], r_[k_])), planes += 8);
}

#define SPREAD8(i) ((i) % 16 / 2 * 8 + (i) / 16 * 2 + (i) % 2)
static const permutation spread8 = {TABLE64(SPREAD8)};

INLINE void join_planes8(__m512i r[8], int p) { unpack3(r, p, true); }

void bits_unslice8_avx512(uint8_t *records, const bl_plane *planes, size_t n_blocks)
{
    PIPELINE8(n_blocks, permute(&spread8, load(&planes[k_])), join_planes8, planes += 8,
              store(records + 64 * k_, transpose8x8(r_[reversed3(k_)])), records += 512);
}

// ---------------------------------------------------------------------------------- 16 bits
// [lane: 2 bits of the record][byte j][record, 3 bits]; after the unpacks register [j k], lane
// as before, byte = the register before, 4 bits of the record.

#define GATHER16(i) (2 * (8 * ((i) / 16) + 7 - (i) % 8) + (i) / 8 % 2)
#define COLLECT16(i) (16 * ((i) % 4) + (i) / 4)
#define SPREAD16(i) (4 * ((i) % 16) + (i) / 16)
#define SCATTER16(i) (16 * ((i) / 16) + 8 * ((i) % 2) + (i) / 2 % 8)
static const permutation gather16 = {TABLE64(GATHER16)}, collect16 = {TABLE64(COLLECT16)},
                         spread16 = {TABLE64(SPREAD16)}, scatter16 = {TABLE64(SCATTER16)};

INLINE __m512i fetch16(const uint8_t *records, int g)
{
    return transpose8x8(permute(&gather16, load(records + 64 * g)));
}
INLINE void finish16(bl_plane *planes, __m512i r[16], int p)
{
    int i = reversed4(p);
    unpack_last(r, i);
    store(&planes[p], permute(&collect16, r[i]));
    store(&planes[p + 1], permute(&collect16, r[i + 8]));
}

void bits_slice16_avx512(bl_plane *planes, const uint8_t *records, size_t n_blocks)
{
    PIPELINE(n_blocks, fetch16(records, k_), false, records += 1024, finish16(planes, r_, k_),
             planes += 16);
}

INLINE __m512i fetch_plane16(const bl_plane *planes, int p)
{
    return permute(&spread16, load(&planes[p]));
}
INLINE void finish_records16(uint8_t *records, __m512i r[16], int g)
{
    int i = reversed4(g);
    unpack_last(r, i);
    store(records + 64 * g, permute(&scatter16, transpose8x8(r[i])));
    store(records + 64 * g + 64, permute(&scatter16, transpose8x8(r[i + 8])));
}

void bits_unslice16_avx512(uint8_t *records, const bl_plane *planes, size_t n_blocks)
{
    PIPELINE(n_blocks, fetch_plane16(planes, k_), true, planes += 16,
             finish_records16(records, r_, k_), records += 1024);
}

// ------------------------------------------------------------------- 32, 64 and 128 bits
// A unit of 16 registers is no whole block here: each of its registers holds a half (32 bits) or a
// quarter of two or four planes (of 32 or 64 records' lines, backwards). It goes to its place in
// the result as it is; when all units of a block are there, groups of two or four lines are joined
// in place: by VPERMT2B, or by a transpose of 128-bit lanes. So no scratch is needed, and memory
// beyond L1 sees one ascending run of whole lines, which it likes best. The joins of one block are
// spread over the units of the next.

// 128 bits read their input unevenly, and all backwards from several places: a steady prefetch one
// block ahead evens it out (measured: 32 bits backwards -8 %, 128 bits -20 %).
INLINE void fetch_ahead(const void *p) { _mm_prefetch((const char *)p + 8192, _MM_HINT_T0); }

// 32: [lane: byte j's high bit, 1 bit of the record][j's low bit][record, 3 bits]
#define GATHER32(i) (4 * (8 * ((i) / 16 % 2) + 7 - (i) % 8) + (i) / 32 * 2 + (i) / 8 % 2)
#define COLLECT32(j1, i) (64 * ((i) / 32) + 16 * (2 * (j1) + (i) % 2) + (i) % 32 / 2)
#define COLLECT32_0(i) COLLECT32(0, i)
#define COLLECT32_1(i) COLLECT32(1, i)
#define SPREAD32(h, i) (64 * ((i) / 32) + 32 * (h) + 2 * ((i) % 16) + (i) / 16 % 2)
#define SPREAD32_0(i) SPREAD32(0, i)
#define SPREAD32_1(i) SPREAD32(1, i)
#define SCATTER32(i) (16 * ((i) % 4 / 2 * 2 + (i) / 32) + 8 * ((i) % 2) + (i) / 4 % 8)
static const permutation gather32 = {TABLE64(GATHER32)}, scatter32 = {TABLE64(SCATTER32)};
static const permutation collect32[2] = {{TABLE64(COLLECT32_0)}, {TABLE64(COLLECT32_1)}};
static const permutation spread32[2] = {{TABLE64(SPREAD32_0)}, {TABLE64(SPREAD32_1)}};

// 64, 128: [lane: two high bits of byte j][j's low bit][record, 3 bits]
#define GATHER64(i) (8 * (7 - (i) % 8) + (i) / 8)
#define GATHER128(word, i) (16 * (7 - (i) % 8) + 8 * (word) + (i) / 8)
#define GATHER128_0(i) GATHER128(0, i)
#define GATHER128_1(i) GATHER128(1, i)
#define SCATTER64(i) (8 * ((i) % 8) + (i) / 8)
#define SCATTER128(half, i) (64 * ((i) % 16 / 8) + 8 * ((i) % 8) + 4 * (half) + (i) / 16)
#define SCATTER128_0(i) SCATTER128(0, i)
#define SCATTER128_1(i) SCATTER128(1, i)
static const permutation gather64 = {TABLE64(GATHER64)}, scatter64 = {TABLE64(SCATTER64)};
static const permutation gather128[2] = {{TABLE64(GATHER128_0)}, {TABLE64(GATHER128_1)}};
static const permutation scatter128[2] = {{TABLE64(SCATTER128_0)}, {TABLE64(SCATTER128_1)}};

// Two registers of a unit to raw[k] and raw[k + 1], lines of 64 bytes.
INLINE void put(bl_plane *raw, __m512i r[16], int k)
{
    int i = reversed4(k);
    unpack_last(r, i);
    store(&raw[k], r[i]);
    store(&raw[k + 1], r[i + 8]);
}
INLINE void put_records(uint8_t *raw, size_t stride, __m512i r[16], int k)
{
    int i = reversed4(k);
    unpack_last(r, i);
    store(raw + (size_t)k * stride, transpose8x8(r[i]));
    store(raw + (size_t)(k + 1) * stride, transpose8x8(r[i + 8]));
}

INLINE void join32(bl_plane *at)
{
    __m512i a = load(&at[0]), b = load(&at[16]);
    store(&at[0], permute2(&collect32[0], a, b));
    store(&at[16], permute2(&collect32[1], a, b));
}

INLINE void load_quarters(__m512i r[4], const uint8_t *at, size_t stride)
{
#pragma GCC unroll 4
    for (size_t h = 0; h < 4; h++)
        r[h] = load(at + h * stride);
    transpose_lanes(r);
}

INLINE void join64(bl_plane *at)
{
    __m512i r[4];
    load_quarters(r, (const uint8_t *)at, 1024);
#pragma GCC unroll 4
    for (size_t k = 0; k < 4; k++)
        store(&at[16 * k], r[k]);
}

void bits_slice32_avx512(bl_plane *planes, const uint8_t *records, size_t n_blocks)
{
    size_t u = 0; // unit: half a block
    bl_plane *raw = planes;
    PIPELINE(2 * n_blocks, transpose8x8(permute(&gather32, load(records + 64 * k_))), false,
             records += 1024, put(raw, r_, k_);
             if (u >= 2) join32(raw - 32 - 8 * (u & 1) + k_ / 2), (u++, raw += 16));
    for (int p = 0; n_blocks > 0 && p < 16; p++)
        join32(planes + 32 * n_blocks - 32 + p);
}

void bits_slice64_avx512(bl_plane *planes, const uint8_t *records, size_t n_blocks)
{
    size_t u = 0; // unit: a quarter of a block
    bl_plane *raw = planes;
    PIPELINE(4 * n_blocks, transpose8x8(permute(&gather64, load(records + 64 * k_))), false,
             records += 1024, put(raw, r_, k_);
             if (k_ % 4 == 0 && u >= 4) join64(raw - 64 - 12 * (u & 3) + k_ / 4), (u++, raw += 16));
    for (int p = 0; n_blocks > 0 && p < 16; p++)
        join64(planes + 64 * n_blocks - 64 + p);
}

// Unit u: quarter u % 4 of word u / 4 % 2 of block u / 8.
INLINE __m512i fetch128(const uint8_t *records, size_t u, int g)
{
    const uint8_t *eight = records + u / 8 * 8192 + u % 4 * 2048 + 128 * (size_t)g;
    fetch_ahead(records + 1024 * u + 64 * (size_t)g);
    return transpose8x8(permute2(&gather128[u / 4 % 2], load(eight), load(eight + 64)));
}

void bits_slice128_avx512(bl_plane *planes, const uint8_t *records, size_t n_blocks)
{
    size_t fetched = 0, u = 0;
    bl_plane *raw = planes;
    PIPELINE(8 * n_blocks, fetch128(records, fetched, k_), false, fetched++, put(raw, r_, k_);
             if (k_ % 4 == 0 && u >= 4) join64(raw - 64 - 12 * (u & 3) + k_ / 4), (u++, raw += 16));
    for (int p = 0; n_blocks > 0 && p < 16; p++)
        join64(planes + 128 * n_blocks - 64 + p);
}

INLINE void finish_records32(uint8_t *records, __m512i r[16], int g)
{
    int i = reversed4(g);
    unpack_last(r, i);
    store(records + 64 * g, permute(&scatter32, transpose8x8(r[i])));
    store(records + 64 * g + 64, permute(&scatter32, transpose8x8(r[i + 8])));
}

INLINE __m512i fetch_planes32(const bl_plane *planes, size_t h, int p)
{
    fetch_ahead(&planes[16 * h + (size_t)p]);
    return permute2(&spread32[h], load(&planes[p]), load(&planes[p + 16]));
}

void bits_unslice32_avx512(uint8_t *records, const bl_plane *planes, size_t n_blocks)
{
    size_t u = 0; // unit: half a block; both need all planes
    PIPELINE(2 * n_blocks, fetch_planes32(planes, u & 1, k_), true,
             (u++, planes += 32 * (u % 2 == 0)), finish_records32(records, r_, k_),
             records += 1024);
}

INLINE void join_records64(uint8_t *at)
{
    __m512i r[4];
    load_quarters(r, at, 1024);
#pragma GCC unroll 4
    for (size_t k = 0; k < 4; k++)
        store(at + 1024 * k, permute(&scatter64, r[k]));
}

void bits_unslice64_avx512(uint8_t *records, const bl_plane *planes, size_t n_blocks)
{
    size_t u = 0;
    uint8_t *raw = records;
    PIPELINE(4 * n_blocks, load(&planes[k_]), true, planes += 16, put_records(raw, 64, r_, k_);
             if (k_ % 4 == 0 && u >= 4) join_records64(raw - 4096 - 768 * (u & 3) + 16 * k_),
             (u++, raw += 1024));
    for (int g = 0; n_blocks > 0 && g < 16; g++)
        join_records64(records + 4096 * n_blocks - 4096 + 64 * g);
}

INLINE void join_records128(uint8_t *at)
{
    __m512i low[4], high[4];
    load_quarters(low, at, 2048);
    load_quarters(high, at + 64, 2048);
#pragma GCC unroll 4
    for (size_t k = 0; k < 4; k++) {
        store(at + 2048 * k, permute2(&scatter128[0], low[k], high[k]));
        store(at + 2048 * k + 64, permute2(&scatter128[1], low[k], high[k]));
    }
}

// Unit u: word u % 2 of quarter u / 2 % 4; the lines of both words alternate, so those of word 0
// wait in scratch.
INLINE void put_words(uint8_t *raw, __m512i scratch[16], size_t u, __m512i r[16], int k)
{
    int i = reversed4(k);
    unpack_last(r, i);
    if (u % 2 == 0) {
        scratch[k] = transpose8x8(r[i]);
        scratch[k + 1] = transpose8x8(r[i + 8]);
    } else {
        store(raw + 128 * k, scratch[k]);
        store(raw + 128 * k + 64, transpose8x8(r[i]));
        store(raw + 128 * k + 128, scratch[k + 1]);
        store(raw + 128 * k + 192, transpose8x8(r[i + 8]));
    }
}

void bits_unslice128_avx512(uint8_t *records, const bl_plane *planes, size_t n_blocks)
{
    __m512i scratch[16] = {0}; // unit 0 comes first, which the compiler cannot see
    size_t fetched = 0, u = 0;
    const bl_plane *from = planes;
    PIPELINE(
        8 * n_blocks, load(&from[k_]), true,
        (fetched++, from = planes + fetched / 8 * 128 + fetched % 2 * 64 + fetched / 2 % 4 * 16),
        fetch_ahead(&planes[16 * u + (size_t)k_]);
        fetch_ahead(&planes[16 * u + (size_t)k_ + 1]);
        put_words(records + u / 2 * 2048, scratch, u, r_, k_);
        if (k_ % 8 == 0 && u >= 8)
            join_records128(records + (u / 8 - 1) * 8192 + u % 8 * 256 + 16 * k_),
        u++);
    for (int g = 0; n_blocks > 0 && g < 16; g++)
        join_records128(records + 8192 * n_blocks - 8192 + 128 * g);
}
