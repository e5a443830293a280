// SPDX-License-Identifier: MIT
// xoshiro256** 1.0 and splitmix64 (https://prng.di.unimi.it).

#include <bitloom/base.h>

#include <assert.h>

static uint64_t rotate_left(uint64_t x, unsigned n) { return x << n | x >> (64 - n); }

uint64_t bl_mix64(uint64_t x)
{
    x += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

void bl_random_seed(bl_random *random, uint64_t seed)
{
    for (int i = 0; i < 4; i++)
        random->state[i] = bl_mix64(seed + (uint64_t)i * UINT64_C(0x9e3779b97f4a7c15));
}

uint64_t bl_random_next(bl_random *random)
{
    uint64_t *s = random->state, result = rotate_left(s[1] * 5, 7) * 9, t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate_left(s[3], 45);
    return result;
}

uint64_t bl_random_below(bl_random *random, uint64_t n)
{
    assert(n > 0);
    uint64_t limit = UINT64_MAX - (UINT64_MAX % n + 1) % n; // the last value of a whole multiple
    uint64_t x;
    do
        x = bl_random_next(random);
    while (x > limit);
    return x % n;
}
