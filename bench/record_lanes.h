// SPDX-License-Identifier: MIT
#ifndef BITLOOM_BENCH_RECORD_LANES_H
#define BITLOOM_BENCH_RECORD_LANES_H

// What group record measures: each task on planes, and the same in plain C, which the compiler may
// vectorise as it likes. Both are compiled once per CPU level, with the same flags.

#include <bitloom/record.h>

#define CELL_FIELDS(F) F(kind, 3, 0) F(hp, 7, 0) F(vx, 6, 1) F(vy, 6, 1) F(timer, 10, 0)
BL_RECORD(cell, CELL_FIELDS)

// The struct that one would write in plain C.
typedef struct small_cell {
    uint8_t kind, hp;
    int8_t vx, vy;
    uint16_t timer;
} small_cell;

typedef struct record_kernels {
    // One step of all cells:
    //   hp = min(hp + kind, 127); if (timer >= 600) vx = max(vx, vy);
    //   timer = hp < 20 ? 0 : (timer + 1) % 1024
    void (*step_sliced)(const bl_bits *bits, uint32_t *rows, size_t n_blocks); // sliced and back
    void (*step_planes)(cell_planes *planes, size_t n_blocks);                 // planes stay planes
    void (*step_rows)(uint32_t *rows, size_t n);
    void (*step_small)(small_cell *cells, size_t n);

    // Blocks of 512 numbers; the planes of a block follow each other.
    void (*add32_planes)(bl_plane *dst, const bl_plane *a, const bl_plane *b, size_t n_blocks);
    void (*add32)(uint32_t *dst, const uint32_t *a, const uint32_t *b, size_t n);
    void (*mul16_planes)(bl_plane *dst, const bl_plane *a, const bl_plane *b, size_t n_blocks);
    void (*mul16)(uint16_t *dst, const uint16_t *a, const uint16_t *b, size_t n);
    void (*count64_planes)(bl_plane *dst, const bl_plane *a, size_t n_blocks); // 7 planes a block
    void (*count64)(uint8_t *dst, const uint64_t *a, size_t n);
    void (*max5_planes)(bl_plane *dst, const bl_plane *a, const bl_plane *b, size_t n_blocks);
    void (*max5)(uint8_t *dst, const uint8_t *a, const uint8_t *b, size_t n);
} record_kernels;

extern const record_kernels record_kernels_c, record_kernels_avx2, record_kernels_avx512;

#endif
