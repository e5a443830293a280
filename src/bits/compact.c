// SPDX-License-Identifier: MIT
// Selections: the records of a run that a mask names, moved together (compact) or apart (expand).
//
//     src   a b c d e f g h      dst, compact   b e g . . . . .
//     keep  0 1 0 0 1 0 1 0      dst, expand    . a . . b . c .     from src  a b c
//
// Kernels know whole words of 64 records; the last few go one by one, as do records of other
// sizes. A kernel may store a whole vector where only its first records count: compact has always
// written no more records than it has read, so the store ends at most where the read ended.

#include "bits_private.h"

#include <assert.h>
#include <string.h>

static size_t size_index(size_t record_bytes)
{
    switch (record_bytes) {
    case 1: return 0;
    case 2: return 1;
    case 4: return 2;
    case 8: return 3;
    case 16: return 4;
    default: return N_SIZES;
    }
}

// The words of a run of planes lie in one piece.
static const uint64_t *words_of(const bl_plane *planes) { return planes ? planes->word : NULL; }

static uint64_t first_bits(uint64_t word, size_t n)
{
    return n < 64 ? word & ((UINT64_C(1) << n) - 1) : word;
}

size_t bl_count_set(const bl_bits *bits, const bl_plane *keep, size_t n_records)
{
    assert(bits && (keep || n_records == 0));
    const uint64_t *word = words_of(keep);
    size_t n_words = n_records / 64, n = bits->count(word, n_words);
    if (n_records % 64)
        n += (size_t)__builtin_popcountll(first_bits(word[n_words], n_records % 64));
    return n;
}

size_t bl_compact(const bl_bits *bits, void *dst, const void *src, size_t record_bytes,
                  const bl_plane *keep, size_t n_records)
{
    assert(bits && record_bytes > 0 && ((dst && src && keep) || n_records == 0));
    const uint64_t *word = words_of(keep);
    const uint8_t *from = src;
    uint8_t *to = dst;
    size_t size = size_index(record_bytes), n = 0, done = 0;
    if (size < N_SIZES) {
        n = bits->compact[size](dst, src, word, n_records / 64);
        done = n_records / 64;
    }
    for (; done * 64 < n_records; done++) {
        uint64_t left = first_bits(word[done], n_records - done * 64);
        for (; left; left &= left - 1) {
            size_t i = done * 64 + (size_t)__builtin_ctzll(left);
            memmove(to + n++ * record_bytes, from + i * record_bytes, record_bytes);
        }
    }
    return n;
}

size_t bl_compact_indices(const bl_bits *bits, uint32_t *dst, uint32_t first, const bl_plane *keep,
                          size_t n_records)
{
    assert(bits && ((dst && keep) || n_records == 0));
    const uint64_t *word = words_of(keep);
    size_t n_words = n_records / 64, n = bits->indices(dst, first, word, n_words);
    if (n_records % 64)
        for (uint64_t left = first_bits(word[n_words], n_records % 64); left; left &= left - 1)
            dst[n++] = first + (uint32_t)(n_words * 64) + (uint32_t)__builtin_ctzll(left);
    return n;
}

size_t bl_expand(const bl_bits *bits, void *dst, const void *src, size_t record_bytes,
                 const bl_plane *where, size_t n_records)
{
    assert(bits && record_bytes > 0 && ((dst && where) || n_records == 0));
    const uint64_t *word = words_of(where);
    const uint8_t *from = src;
    uint8_t *to = dst;
    size_t size = size_index(record_bytes), n = 0, done = 0;
    if (size < N_SIZES) {
        n = bits->expand[size](dst, src, word, n_records / 64);
        done = n_records / 64;
    }
    for (; done * 64 < n_records; done++) {
        uint64_t left = first_bits(word[done], n_records - done * 64);
        for (; left; left &= left - 1) {
            size_t i = done * 64 + (size_t)__builtin_ctzll(left);
            memcpy(to + i * record_bytes, from + n++ * record_bytes, record_bytes);
        }
    }
    return n;
}
