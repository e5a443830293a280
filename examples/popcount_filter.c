// SPDX-License-Identifier: MIT
// Filtering with planes: of 16-bit words, keep those with at least 11 bits set. The bits of 512
// words are counted at once; the words themselves are then compacted in their ordinary form.

#include <bitloom/planes.h>

#include <stdio.h>

enum { N_BLOCKS = 40, N_WORDS = N_BLOCKS * BL_LANES, LEAST = 11 };

int main(void)
{
    static uint16_t words[N_WORDS], kept[N_WORDS];
    static bl_plane keep[N_BLOCKS];
    const bl_bits *bits = bl_bits_best();
    bl_random random;
    bl_random_seed(&random, 1);
    for (int i = 0; i < N_WORDS; i++)
        words[i] = (uint16_t)bl_random_next(&random);

    for (size_t b = 0; b < N_BLOCKS; b++) {
        bl_plane word[16], count[BL_COUNT_WIDTH(16)];
        bl_slice(bits, word, &words[b * BL_LANES], sizeof *words, BL_LANES, 16);
        bl_planes_popcount(count, word, 16);                              // 30 operations
        bl_planes_ge_constant_u(&keep[b], count, LEAST, BL_WIDTH(count)); // 3
    }
    size_t n_kept = bl_compact(bits, kept, words, sizeof *words, keep, N_WORDS);

    size_t n_expected = 0;
    for (int i = 0; i < N_WORDS; i++)
        if (__builtin_popcount(words[i]) >= LEAST && kept[n_expected++] != words[i])
            return 1;
    printf("%zu of %d words have %d bits or more; the first: 0x%04x\n", n_kept, N_WORDS, LEAST,
           kept[0]);
    return n_expected != n_kept;
}
