// SPDX-License-Identifier: MIT
#ifndef BITLOOM_LOGIC_ENCODE_H
#define BITLOOM_LOGIC_ENCODE_H

// Bytes of x86-64 instructions (Intel SDM volume 2, sections 2.3 and 2.7).

#include "logic/code/code_private.h"

#include <string.h>

// Base registers: rdi comes in as the address of the chunk's slots; the nine that a function may
// change each hold the middle of 256 slots, which a displacement of one byte reaches. Slots beyond
// the last one are 4 bytes away from rdi.
enum { N_BASES = 9, BASE_SLOTS = 256, RDI = 7 };
static const uint8_t base_registers[N_BASES] = {7, 0, 1, 2, 6, 8, 9, 10, 11};

static inline void put(writer *w, uint8_t byte) { w->bytes[w->n++] = byte; }
static inline void put_int32(writer *w, int32_t value)
{
    memcpy(w->bytes + w->n, &value, sizeof value);
    w->n += sizeof value;
}

// A slot as base register and distance in planes from what that register holds.
typedef struct place {
    uint8_t base;
    int32_t planes;
} place;

static inline place place_of(const addressing *a, uint32_t slot)
{
    uint32_t from = slot - a->first; // wraps around for slots before
    if (from < N_BASES * BASE_SLOTS)
        return (place){base_registers[from / BASE_SLOTS],
                       (int32_t)(from % BASE_SLOTS) - BASE_SLOTS / 2};
    return (place){RDI, (int32_t)((int64_t)slot - a->first - BASE_SLOTS / 2)};
}

// lea base[k], [rdi + k * 256 planes], once rdi is the middle of its own 256.
static inline void put_bases(writer *w, const addressing *a)
{
    for (uint32_t k = 0; k < N_BASES; k++) {
        uint8_t r = base_registers[k];
        uint32_t planes = k == 0 ? a->first + BASE_SLOTS / 2 : k * BASE_SLOTS;
        put(w, (uint8_t)(0x48 | (r >> 3) << 2));
        put(w, 0x8D);
        put(w, (uint8_t)(0x80 | (r & 7) << 3 | RDI));
        put_int32(w, (int32_t)(planes * sizeof(bl_plane)));
    }
}

// prefetcht1 or prefetcht0 [rip + distance]
static inline void put_prefetch(writer *w, int32_t distance, bool is_far)
{
    put(w, 0x0F);
    put(w, 0x18);
    put(w, is_far ? 0x0D : 0x15);
    put_int32(w, distance);
}

static inline void put_return(writer *w)
{
    put(w, 0xC5); // vzeroupper
    put(w, 0xF8);
    put(w, 0x77);
    put(w, 0xC3); // ret
}

#endif
