// SPDX-License-Identifier: MIT
// Where certain bytes stand in a text: 64 bytes become one word for each byte that is looked for.
// The portable kernel works on eight bytes: a byte of x = text ^ wanted is zero if neither its low
// seven bits carry into bit 7 when 0x7F is added, nor bit 7 was set; a multiplication gathers the
// eight bits 7 into the top byte.

#include "bits_private.h"

#include <assert.h>
#include <string.h>

void bits_match_c(uint64_t *found, const uint8_t *text, size_t n_blocks, const uint8_t *wanted,
                  size_t n_wanted)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), low = 0x7F * ones;
    for (size_t b = 0; b < n_blocks; b++, text += 64, found += n_wanted)
        for (size_t k = 0; k < n_wanted; k++) {
            found[k] = 0;
            for (size_t i = 0; i < 8; i++) {
                uint64_t x;
                memcpy(&x, text + 8 * i, sizeof x);
                x ^= wanted[k] * ones;
                uint64_t is_zero = ~(((x & low) + low) | x | low) >> 7;
                found[k] |= (is_zero * UINT64_C(0x0102040810204080) >> 56) << (8 * i);
            }
        }
}

void bl_match(const bl_bits *bits, uint64_t *found, const void *text, size_t n_bytes,
              const uint8_t *wanted, size_t n_wanted)
{
    assert(bits && wanted && n_wanted > 0 && ((found && text) || n_bytes == 0));
    const uint8_t *from = text;
    size_t n_blocks = n_bytes / 64, rest = n_bytes % 64;
    bits->match(found, from, n_blocks, wanted, n_wanted);
    if (rest == 0)
        return;
    uint8_t last[64] = {0};
    memcpy(last, from + 64 * n_blocks, rest);
    found += n_blocks * n_wanted;
    bits->match(found, last, 1, wanted, n_wanted);
    for (size_t k = 0; k < n_wanted; k++) // zero bytes may be wanted, too
        found[k] &= (UINT64_C(1) << rest) - 1;
}
