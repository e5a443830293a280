// SPDX-License-Identifier: MIT
// Rows and cells of a table, and the numbers in them.

#define _GNU_SOURCE // memrchr
#include "table.h"
#include "table_private.h"

#include <assert.h>
#include <string.h>

static size_t n_wanted_of(table_format format) { return format.has_quotes ? 3 : 2; }

static void find_borders(uint64_t *found, const bl_bits *bits, table_format format,
                         const uint8_t *text, size_t bytes)
{
    const uint8_t wanted[3] = {format.separator, '\n', '"'};
    bl_match(bits, found, text, bytes, wanted, n_wanted_of(format));
}

void table_scan_rows(table_scan *scan, const bl_bits *bits, bl_cpu level, table_format format,
                     const uint8_t *text, size_t bytes)
{
    assert(bytes < UINT32_MAX);
    find_borders(scan->found, bits, format, text, bytes);
    switch (level) {
#if defined(__x86_64__)
    case BL_CPU_AVX2: table_scan_avx2(scan, format, bytes); break;
    case BL_CPU_AVX512: table_scan_avx512(scan, format, bytes); break;
#endif
    default: table_scan_c(scan, format, bytes); break;
    }
}

size_t table_whole_rows(uint64_t *found, const bl_bits *bits, table_format format,
                        const uint8_t *text, size_t bytes)
{
    if (!format.has_quotes || !memchr(text, '"', bytes)) {
        const uint8_t *last = memrchr(text, '\n', bytes);
        return last ? (size_t)(last - text) + 1 : 0;
    }
    find_borders(found, bits, format, text, bytes);
    size_t n_whole = 0;
    uint64_t carry = 0;
    for (size_t at = 0; at < bytes; at += 64, found += 3) {
        uint64_t inside = table_prefix_xor(found[2]) ^ carry, lines = found[1] & ~inside;
        if (lines)
            n_whole = at + 64 - (size_t)__builtin_clzll(lines);
        carry = -(inside >> 63);
    }
    return n_whole;
}

// ------------------------------------------------------------------------------------ cells

static bool is_blank(uint8_t c) { return c == ' ' || c == '\t'; }

static cell_status read_digits(uint64_t *value, const uint8_t *begin, const uint8_t *end)
{
    size_t n = (size_t)(end - begin);
    uint64_t high = 0, low = 0;
    if (n == 0)
        return CELL_NOT_A_NUMBER;
    if (n <= 8)
        return cell_read_word(value, end, n) ? CELL_OK : CELL_NOT_A_NUMBER;
    if (n <= 16) {
        if (!cell_read_word(&low, end, 8) || !cell_read_word(&high, end - 8, n - 8))
            return CELL_NOT_A_NUMBER;
        *value = high * 100000000 + low;
        return CELL_OK;
    }
    bool is_too_large = false;
    for (; begin < end; begin++) {
        unsigned digit = (unsigned)*begin - '0';
        if (digit > 9)
            return CELL_NOT_A_NUMBER;
        is_too_large |= __builtin_mul_overflow(high, UINT64_C(10), &high)
                        || __builtin_add_overflow(high, (uint64_t)digit, &high);
    }
    *value = high;
    return is_too_large ? CELL_OUT_OF_RANGE : CELL_OK;
}

// Digits behind the point, as if there were exactly `decimals` of them.
static cell_status read_fraction(uint64_t *value, const uint8_t *begin, const uint8_t *end,
                                 uint32_t decimals)
{
    uint32_t n = 0;
    *value = 0;
    for (; begin < end; begin++) {
        unsigned digit = (unsigned)*begin - '0';
        if (digit > 9)
            return CELL_NOT_A_NUMBER;
        if (n == decimals && digit > 0)
            return CELL_TOO_PRECISE;
        if (n < decimals) {
            *value = 10 * *value + digit;
            n++;
        }
    }
    for (; n < decimals; n++)
        *value *= 10;
    return CELL_OK;
}

static uint64_t power_of_ten(uint32_t n)
{
    uint64_t p = 1;
    while (n-- > 0)
        p *= 10;
    return p;
}

static cell_status read_decimal(uint64_t *value, const uint8_t *begin, const uint8_t *end,
                                uint32_t decimals)
{
    const uint8_t *point = memchr(begin, '.', (size_t)(end - begin));
    uint64_t whole = 0, fraction = 0;
    cell_status status = CELL_OK;
    if (!point)
        point = end;
    if (point > begin || end - point < 2)
        status = read_digits(&whole, begin, point);
    if (status == CELL_OK && point < end)
        status = read_fraction(&fraction, point + 1, end, decimals);
    if (status == CELL_OK
        && (__builtin_mul_overflow(whole, power_of_ten(decimals), value)
            || __builtin_add_overflow(*value, fraction, value)))
        status = CELL_OUT_OF_RANGE;
    return status;
}

static bool is_quoted(const uint8_t *begin, const uint8_t *end, table_format format)
{
    return format.has_quotes && end - begin >= 2 && *begin == '"' && end[-1] == '"';
}

cell_status cell_read_number(cell_number *number, const uint8_t *begin, const uint8_t *end,
                             table_format format, uint32_t decimals)
{
    if (is_quoted(begin, end, format)) {
        begin++;
        end--;
    }
    while (begin < end && is_blank(*begin))
        begin++;
    while (begin < end && is_blank(end[-1]))
        end--;
    if (begin == end)
        return CELL_EMPTY;
    number->is_negative = *begin == '-';
    begin += *begin == '-' || *begin == '+';
    if (decimals == 0) {
        cell_status status = read_digits(&number->magnitude, begin, end);
        if (status != CELL_NOT_A_NUMBER)
            return status;
    }
    return read_decimal(&number->magnitude, begin, end, decimals);
}

void cell_read_text(uint8_t *dst, size_t n, const uint8_t *begin, const uint8_t *end,
                    table_format format)
{
    bool has_quotes = is_quoted(begin, end, format);
    size_t n_done = 0;
    begin += has_quotes;
    end -= has_quotes;
    if (!has_quotes || !memchr(begin, '"', (size_t)(end - begin))) {
        n_done = (size_t)(end - begin) < n ? (size_t)(end - begin) : n;
        memcpy(dst, begin, n_done);
    } else
        for (; begin < end && n_done < n; begin++) {
            dst[n_done++] = *begin;
            begin += begin + 1 < end && begin[0] == '"' && begin[1] == '"';
        }
    memset(dst + n_done, 0, n - n_done);
}
