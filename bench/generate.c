// SPDX-License-Identifier: MIT
// What bench/filter.sh filters, the same bytes every time: generate raw N-RECORDS, random records
// of 64 bits; generate table N-BYTES, a table of orders of about that size.

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t state = UINT64_C(88172645463325252);

static uint64_t next(void) // xorshift64, Marsaglia 2003
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static void write_raw(uint64_t n)
{
    static uint64_t block[1 << 16];
    for (; n > 0; n -= n < 1 << 16 ? n : 1 << 16) {
        size_t k = n < 1 << 16 ? (size_t)n : 1 << 16;
        for (size_t i = 0; i < k; i++)
            block[i] = next();
        fwrite(block, sizeof *block, k, stdout);
    }
}

static void write_table(uint64_t n_bytes)
{
    uint64_t done = (uint64_t)printf("id,kind,when,price,cost,name,mask\n");
    for (uint64_t i = 0; done < n_bytes; i++) {
        uint64_t r = next(), s = next();
        done +=
            (uint64_t)printf("%" PRIu64 ",%d,%" PRIu64 ",%d.%02d,%d,user%d,%d\n", i, (int)(r & 7),
                             1700000000 + i, (int)(r >> 8 & 1023), (int)(s & 0xFFFF) % 100,
                             (int)(r >> 20) & 511, (int)(s >> 16 & 0x3FFF), (int)(r >> 48));
    }
}

int main(int n, char **words)
{
    if (n == 3 && strcmp(words[1], "raw") == 0)
        write_raw(strtoull(words[2], NULL, 10));
    else if (n == 3 && strcmp(words[1], "table") == 0)
        write_table(strtoull(words[2], NULL, 10));
    else {
        fprintf(stderr, "generate: expected raw N-RECORDS or table N-BYTES\n");
        return 2;
    }
    return fflush(stdout) == 0 ? 0 : 1;
}
