// SPDX-License-Identifier: MIT
// The portable level: vectors of 16 bytes, as the compiler makes them of what every machine of its
// kind has (SSE2 on x86-64).

#define LEVEL c
#define VECTOR_BYTES 16
#include "lanes.h"

// Bit k of each byte to bit 7 - k, eight bytes at a time (Hacker's Delight 7-1).
static uint64_t reversed(uint64_t x)
{
    x = (x >> 1 & UINT64_C(0x5555555555555555)) | (x & UINT64_C(0x5555555555555555)) << 1;
    x = (x >> 2 & UINT64_C(0x3333333333333333)) | (x & UINT64_C(0x3333333333333333)) << 2;
    return (x >> 4 & UINT64_C(0x0F0F0F0F0F0F0F0F)) | (x & UINT64_C(0x0F0F0F0F0F0F0F0F)) << 4;
}

void bits_reverse_c(uint8_t *dst, const uint8_t *src, size_t n_bytes)
{
    for (size_t i = 0; i < n_bytes; i += 8) {
        uint64_t x = 0;
        size_t n = n_bytes - i < 8 ? n_bytes - i : 8;
        memcpy(&x, src + i, n);
        x = reversed(x);
        memcpy(dst + i, &x, n);
    }
}
