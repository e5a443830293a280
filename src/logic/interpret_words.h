// SPDX-License-Identifier: MIT
// The part of interpret_lanes.h that depends on the width of code words; included once for each.

#define LITERAL(i)                                                                                 \
    (*(const vec *)(const void *)((const char *)slots + SLOT_BYTES(list[i]) + offset))

INLINE void NAME(count_plain)(vec *n, int n_counters, const bl_plane *slots, size_t offset,
                              const WORD *list, uint32_t n_literals)
{
    COUNT_LIST(ADD, ADD_LAST);
}

INLINE void NAME(count_complemented)(vec *n, int n_counters, const bl_plane *slots, size_t offset,
                                     const WORD *list, uint32_t n_literals)
{
    COUNT_LIST(ADD_COMPLEMENTS, ADD_LAST_COMPLEMENT);
}
#undef LITERAL

// count >= threshold over n_counters planes: with c = threshold - 1, from the lowest plane on,
// greater = bit of c ? (plane and greater) : (plane or greater).
INLINE vec NAME(count_ge)(int n_counters, const bl_plane *slots, size_t offset, const WORD *list,
                          uint32_t n_plain, uint32_t n_complemented, uint32_t threshold)
{
    vec n[MAX_COUNTERS];
#pragma GCC unroll 24
    for (int k = 0; k < n_counters; k++)
        n[k] = fill(0);
    NAME(count_plain)(n, n_counters, slots, offset, list, n_plain);
    NAME(count_complemented)(n, n_counters, slots, offset, list + n_plain, n_complemented);
    vec greater = fill(0);
    uint32_t c = threshold - 1;
#pragma GCC unroll 24
    for (int k = 0; k < n_counters; k++) {
        vec bit = fill(-(uint64_t)(c >> k & 1));
        greater = LUT3(0xB2, n[k], bit, greater); // n & ~bit, or equal there and greater before
    }
    return greater;
}

static const WORD *NAME(run_count_ge)(bl_plane *slots, const WORD *code)
{
    uint32_t dst = code[0], threshold = code[1], n_plain = code[2], n_complemented = code[3];
    uint32_t total = n_plain + n_complemented;
    const WORD *list = code + 4;
    for (int v = 0; v < VECTORS; v++) {
        size_t o = (size_t)v * VECTOR_BYTES;
        vec result;
        if (threshold == 0)
            result = fill(~UINT64_C(0));
        else if (threshold > total)
            result = fill(0);
        else if (total < 256)
            result = NAME(count_ge)(8, slots, o, list, n_plain, n_complemented, threshold);
        else if (total < 512)
            result = NAME(count_ge)(9, slots, o, list, n_plain, n_complemented, threshold);
        else if (total < 1024)
            result = NAME(count_ge)(10, slots, o, list, n_plain, n_complemented, threshold);
        else
            result = NAME(count_ge)(16, slots, o, list, n_plain, n_complemented, threshold);
        *(vec *)(void *)((char *)slots + SLOT_BYTES(dst) + o) = result;
    }
    return list + total;
}

// One digit: its literals are counted, the lowest counter is taken off, the others move down by
// one.
INLINE vec NAME(count_digit)(vec *n, int n_counters, const bl_plane *slots, size_t offset,
                             const WORD *list)
{
    NAME(count_plain)(n, n_counters, slots, offset, list + 2, list[0]);
    NAME(count_complemented)(n, n_counters, slots, offset, list + 2 + list[0], list[1]);
    vec lowest = n[0];
#pragma GCC unroll 24
    for (int i = 0; i + 1 < n_counters; i++)
        n[i] = n[i + 1];
    n[n_counters - 1] = fill(0);
    return lowest;
}

// Digit k is counted from plane k on, so plane k is final once digit k is done, and the next digit
// is counted in the same registers. The constant is added to finished planes: counters hold counts
// only, and 10 of them do where no more than 1,023 literals are left to carry on.
INLINE const WORD *NAME(sum)(bl_plane *slots, size_t offset, const WORD *code)
{
    uint32_t dst = code[0], n_dst = code[1], n_planes = code[2], n_digits = code[3], held = 0;
    uint32_t base = code[4] | (uint32_t)code[5] << 16;
    vec n[MAX_COUNTERS], carry = fill(0), plane = fill(0);
#pragma GCC unroll 24
    for (int k = 0; k < MAX_COUNTERS; k++)
        n[k] = fill(0);
    const WORD *list = code + 6;
    for (uint32_t k = 0; k < n_dst; k++) {
        if (k < n_planes) {
            static const WORD none[2];
            const WORD *digit = k < n_digits ? list : none;
            vec constant = fill(-(uint64_t)(base >> k & 1)), count;
            held = held / 2 + digit[0] + digit[1];
            count = held < 1024 ? NAME(count_digit)(n, 10, slots, offset, digit)
                                : NAME(count_digit)(n, MAX_COUNTERS, slots, offset, digit);
            list += k < n_digits ? 2 + (size_t)digit[0] + digit[1] : 0;
            plane = LUT3(0x96, count, constant, carry);
            carry = LUT3(0xE8, count, constant, carry);
        }
        *(vec *)(void *)((char *)slots + SLOT_BYTES(dst) + k * sizeof(bl_plane) + offset) = plane;
    }
    return list;
}

static const WORD *NAME(run_sum)(bl_plane *slots, const WORD *code)
{
    const WORD *end = code;
    for (int v = 0; v < VECTORS; v++)
        end = NAME(sum)(slots, (size_t)v * VECTOR_BYTES, code);
    return end;
}

// Byte offsets of the slots of a record: results first, then the operands a, b, c. Narrow records
// are read as one word and taken apart in registers, since loads are what this loop waits for.
INLINE void NAME(decode)(size_t offset[5], const WORD *code, int n_words)
{
    if (sizeof(WORD) == 2) {
        uint64_t record;
        memcpy(&record, code, sizeof record);
        offset[0] = SLOT_BYTES(record & 0xFFFF);
        offset[1] = SLOT_BYTES(record >> 16 & 0xFFFF);
        offset[2] = SLOT_BYTES(record >> 32 & 0xFFFF);
        offset[3] = SLOT_BYTES(record >> 48);
    } else {
        uint64_t pair[2];
        memcpy(pair, code, sizeof pair);
        offset[0] = SLOT_BYTES(pair[0] & UINT32_MAX);
        offset[1] = SLOT_BYTES(pair[0] >> 32);
        offset[2] = SLOT_BYTES(pair[1] & UINT32_MAX);
        offset[3] = SLOT_BYTES(pair[1] >> 32);
    }
    if (n_words == 5)
        offset[4] = SLOT_BYTES(code[4]);
}

#define SLOT(i) (*(vec *)(void *)(chunk + offset[i] + v * VECTOR_BYTES))

// A run for n_chunks chunks, whose planes lie `stride` planes apart; for one chunk the loop over
// them is gone, since n_chunks and stride are then constants. An operand that does not matter is
// not loaded: normal forms have it in a.
#define RUN(table)                                                                                 \
    case table:                                                                                    \
        for (uint32_t i = 0; i < n; i++, code += 4) {                                              \
            NAME(decode)(offset, code, 4);                                                         \
            for (char *chunk = base; chunk < end; chunk += stride)                                 \
                for (int v = 0; v < VECTORS; v++)                                                  \
                    SLOT(0) = LUT3(table, (table) >> 4 == ((table)&15) ? fill(0) : SLOT(1),        \
                                   SLOT(2), SLOT(3));                                              \
        }                                                                                          \
        break;
#define RUN4(t) RUN(t) RUN(t + 1) RUN(t + 2) RUN(t + 3)
#define RUN16(t) RUN4(t) RUN4(t + 4) RUN4(t + 8) RUN4(t + 12)
#define RUN64(t) RUN16(t) RUN16(t + 16) RUN16(t + 32) RUN16(t + 48)

#define RUN_ADDER(adder, sum_table, carry_table)                                                   \
    case OP_ADDER + (adder):                                                                       \
        for (uint32_t i = 0; i < n; i++, code += 5) {                                              \
            NAME(decode)(offset, code, 5);                                                         \
            for (char *chunk = base; chunk < end; chunk += stride)                                 \
                for (int v = 0; v < VECTORS; v++) {                                                \
                    vec a = (sum_table) == 0x66 ? fill(0) : SLOT(2), b = SLOT(3), c = SLOT(4);     \
                    SLOT(0) = LUT3(sum_table, a, b, c);                                            \
                    SLOT(1) = LUT3(carry_table, a, b, c);                                          \
                }                                                                                  \
        }                                                                                          \
        break;

INLINE const WORD *NAME(run)(bl_plane *slots, uint32_t kind, const WORD *code, size_t n_chunks,
                             size_t stride)
{
    uint32_t n = *code++;
    size_t offset[5];
    char *base = (char *)slots, *end = base + n_chunks * stride;
    switch (kind) {
        RUN64(0)
        RUN64(64)
        RUN64(128) RUN64(192) RUN_ADDER(BL_ADD, 0x96, 0xE8) RUN_ADDER(BL_SUBTRACT, 0x96, 0x8E)
            RUN_ADDER(BL_HALF_ADD, 0x66, 0x88) RUN_ADDER(BL_HALF_SUBTRACT, 0x66, 0x22)
    }
    return code;
}

#undef RUN
#undef RUN4
#undef RUN16
#undef RUN64
#undef RUN_ADDER
#undef SLOT

static const WORD *NAME(run_one)(bl_plane *slots, uint32_t kind, const WORD *code)
{
    return NAME(run)(slots, kind, code, 1, sizeof(bl_plane));
}

static const WORD *NAME(run_many)(bl_plane *slots, uint32_t kind, const WORD *code, size_t n_chunks,
                                  size_t stride)
{
    return NAME(run)(slots, kind, code, n_chunks, stride);
}

static void NAME(interpret_many)(bl_plane *slots, const WORD *code, size_t n_chunks, size_t stride)
{
    for (;;) {
        uint32_t kind = *code++;
        const WORD *next = code;
        if (run_results(kind)) {
            code = NAME(run_many)(slots, kind, code, n_chunks, stride * sizeof(bl_plane));
            continue;
        }
        if (kind == OP_END)
            return;
        for (size_t k = 0; k < n_chunks * stride; k += stride)
            next = kind == OP_COUNT_GE ? NAME(run_count_ge)(slots + k, code)
                                       : NAME(run_sum)(slots + k, code);
        code = next;
    }
}

static void NAME(interpret)(bl_plane *slots, const WORD *code)
{
    for (;;) {
        uint32_t kind = *code++;
        if (run_results(kind))
            code = NAME(run_one)(slots, kind, code);
        else if (kind == OP_COUNT_GE)
            code = NAME(run_count_ge)(slots, code);
        else if (kind == OP_SUM)
            code = NAME(run_sum)(slots, code);
        else
            return;
    }
}
