// SPDX-License-Identifier: MIT
// NEON: 16 bytes; half bytes change places by two inserting shifts, smaller ones by a shift and a
// bitwise select each, two instructions of four less than the portable way.

#include <arm_neon.h>

#define SWAP_BITS(a, b, shift, mask)                                                               \
    do {                                                                                           \
        uint8x16_t x_ = (uint8x16_t)(a), y_ = (uint8x16_t)(b);                                     \
        uint8x16_t low_ = vreinterpretq_u8_u64(vdupq_n_u64(mask));                                 \
        if ((shift) == 4) {                                                                        \
            (a) = (vec)vsliq_n_u8(x_, y_, 4);                                                      \
            (b) = (vec)vsriq_n_u8(y_, x_, 4);                                                      \
        } else {                                                                                   \
            (a) = (vec)vbslq_u8(low_, x_, vshlq_n_u8(y_, shift));                                  \
            (b) = (vec)vbslq_u8(low_, vshrq_n_u8(x_, shift), y_);                                  \
        }                                                                                          \
    } while (0)
#define LEVEL neon
#define VECTOR_BYTES 16
#include "../lanes.h"

void bits_reverse_neon(uint8_t *dst, const uint8_t *src, size_t n_bytes)
{
    size_t i = 0;
    for (; i + 16 <= n_bytes; i += 16)
        vst1q_u8(dst + i, vrbitq_u8(vld1q_u8(src + i)));
    bits_reverse_c(dst + i, src + i, n_bytes - i);
}
