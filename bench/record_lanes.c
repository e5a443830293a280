// SPDX-License-Identifier: MIT
// The tasks of group record; meson compiles this file once per CPU level, LEVEL being its name.

#include "record_lanes.h"

#include <bitloom/planes.h>

static void step(cell_planes *p)
{
    bl_plane gain[7], faster[6], is_late, is_strong;
    bl_planes_resize_u(gain, p->kind, 7, 3);
    bl_planes_add_sat_u(p->hp, p->hp, gain, 7);
    bl_planes_ge_constant_u(&is_late, p->timer, 600, 10);
    bl_planes_max_s(faster, p->vx, p->vy, 6);
    bl_planes_select(p->vx, &is_late, faster, p->vx, 6);
    bl_planes_ge_constant_u(&is_strong, p->hp, 20, 7);
    bl_planes_add_constant(p->timer, p->timer, 1, 10);
    bl_planes_mask(p->timer, &is_strong, p->timer, 10);
}

static void step_sliced(const bl_bits *bits, uint32_t *rows, size_t n_blocks)
{
    for (size_t b = 0; b < n_blocks; b++, rows += BL_LANES) {
        cell_planes p;
        cell_load(bits, &p, rows, BL_LANES);
        step(&p);
        cell_store(bits, rows, &p, BL_LANES);
    }
}

static void step_planes(cell_planes *planes, size_t n_blocks)
{
    for (size_t b = 0; b < n_blocks; b++)
        step(&planes[b]);
}

static void step_rows(uint32_t *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t x = rows[i], kind = x & 7, hp = (x >> 3 & 127) + kind, timer = x >> 22;
        int32_t vx = (int32_t)(x << 16) >> 26, vy = (int32_t)(x << 10) >> 26;
        hp = hp > 127 ? 127 : hp;
        vx = timer >= 600 && vy > vx ? vy : vx;
        timer = hp < 20 ? 0 : timer + 1;
        rows[i] = kind | hp << 3 | ((uint32_t)vx & 63) << 10 | (x & 63u << 16) | timer << 22;
    }
}

static void step_small(small_cell *cells, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        small_cell *c = &cells[i];
        unsigned hp = c->hp + c->kind;
        c->hp = (uint8_t)(hp > 127 ? 127 : hp);
        c->vx = c->timer >= 600 && c->vy > c->vx ? c->vy : c->vx;
        c->timer = c->hp < 20 ? 0 : (c->timer + 1) & 1023;
    }
}

static void add32_planes(bl_plane *dst, const bl_plane *a, const bl_plane *b, size_t n_blocks)
{
    for (size_t i = 0; i < n_blocks; i++)
        bl_planes_add(dst + 32 * i, a + 32 * i, b + 32 * i, 32);
}

static void add32(uint32_t *restrict dst, const uint32_t *a, const uint32_t *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        dst[i] = a[i] + b[i];
}

static void mul16_planes(bl_plane *dst, const bl_plane *a, const bl_plane *b, size_t n_blocks)
{
    for (size_t i = 0; i < n_blocks; i++)
        bl_planes_mul(dst + 16 * i, a + 16 * i, b + 16 * i, 16);
}

static void mul16(uint16_t *restrict dst, const uint16_t *a, const uint16_t *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        dst[i] = (uint16_t)((unsigned)a[i] * b[i]);
}

static void count64_planes(bl_plane *dst, const bl_plane *a, size_t n_blocks)
{
    for (size_t i = 0; i < n_blocks; i++)
        bl_planes_popcount(dst + 7 * i, a + 64 * i, 64);
}

static void count64(uint8_t *restrict dst, const uint64_t *a, size_t n)
{
    for (size_t i = 0; i < n; i++)
        dst[i] = (uint8_t)__builtin_popcountll(a[i]);
}

static void max5_planes(bl_plane *dst, const bl_plane *a, const bl_plane *b, size_t n_blocks)
{
    for (size_t i = 0; i < n_blocks; i++)
        bl_planes_max_u(dst + 5 * i, a + 5 * i, b + 5 * i, 5);
}

static void max5(uint8_t *restrict dst, const uint8_t *a, const uint8_t *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        dst[i] = a[i] > b[i] ? a[i] : b[i];
}

#define PASTE_(a, b) a##b
#define PASTE(a, b) PASTE_(a, b)
const record_kernels PASTE(record_kernels_, LEVEL) = {
    step_sliced,  step_planes, step_rows,      step_small, add32_planes, add32,
    mul16_planes, mul16,       count64_planes, count64,    max5_planes,  max5};
