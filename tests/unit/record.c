// SPDX-License-Identifier: MIT
#include "../limited_memory.h"
#include "../test.h"

#include <bitloom/record.h>

static bool is_field(const bl_record *r, const char *name, uint32_t first, uint32_t width,
                     bool is_signed)
{
    const bl_field *f = bl_record_find(r, name);
    return f && f->first == first && f->width == width && f->is_signed == is_signed;
}

static void a_declaration_gives_fields_bit_after_bit(void)
{
    bl_record r = {0};
    bl_diag d = {0};
    REQUIRE(bl_record_parse(&r, "kind:3,hp:u7 , vx : s6,_:5,vy:i64,_:1", "fields", &d) == BL_OK);
    CHECK(r.n_fields == 6 && r.n_planes == 86);
    CHECK(is_field(&r, "kind", 0, 3, false) && is_field(&r, "hp", 3, 7, false));
    CHECK(is_field(&r, "vx", 10, 6, true) && is_field(&r, "vy", 21, 64, true));
    CHECK(!bl_record_find(&r, "_"));
    bl_record_clear(&r);
}

static void a_declaration_may_have_lines_and_comments(void)
{
    bl_record r = {0};
    REQUIRE(bl_record_parse(&r, "# a cell\n\nkind:3,  # what it is\r\n hp:7\nvx:s6,\n#end", "cell",
                            NULL)
            == BL_OK);
    CHECK(r.n_fields == 3 && is_field(&r, "vx", 10, 6, true));
    bl_record_clear(&r);
}

static void a_damaged_declaration_gets_its_place(void)
{
    static const struct {
        const char *text, *expected;
    } cases[] = {
        {"", "f:1:1: no field; expected some, as in hp:7,vx:s6"},
        {"\n # nothing\n", "f:3:1: no field; expected some, as in hp:7,vx:s6"},
        {",hp:7", "f:1:1: expected the name of a field, found ','"},
        {"hp:7,,vx:6", "f:1:6: expected the name of a field, found ','"},
        {"hp:7\n  \xC3", "f:2:3: expected the name of a field, found byte 0xc3"},
        {"hp", "f:1:3: expected a colon and a width behind \"hp\", as in hp:7 or hp:s7, found the "
               "end of the line"},
        {"hp=7",
         "f:1:3: expected a colon and a width behind \"hp\", as in hp:7 or hp:s7, found '='"},
        {"hp:", "f:1:4: expected the width of \"hp\", 1 to 64, found the end of the line"},
        {"hp:float", "f:1:4: expected the width of \"hp\", 1 to 64, found 'f'"},
        {"hp:s-3", "f:1:5: expected the width of \"hp\", 1 to 64, found '-'"},
        {"hp:0", "f:1:4: \"hp\" has 0 bits; expected 1 to 64"},
        {"vx:2,hp:u65", "f:1:10: \"hp\" has 65 bits; expected 1 to 64"},
        {"hp:18446744073709551617",
         "f:1:4: \"hp\" has 18446744073709551617 bits; expected 1 to 64"},
        {"hp:7x", "f:1:5: expected a comma or the end of the line, found 'x'"},
        {"hp:7 vx:6", "f:1:6: expected a comma or the end of the line, found 'v'"},
        {"a:3\nhp:7\nhp:6", "f:3:1: \"hp\" is there already, from bit 3 on"},
        {"abcdefghijklmnopqrstuvwxyzabcdef:1",
         "f:1:1: this name has 32 letters; at most 31 are allowed"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bl_record r = {0};
        bl_diag d = {0};
        char text[800];
        CHECK(bl_record_parse(&r, cases[i].text, "f", &d) == BL_ERR_FORMAT);
        bl_diag_format(text, sizeof text, &d);
        if (strcmp(text, cases[i].expected) != 0)
            fprintf(stderr, "got \"%s\"\n", text);
        CHECK(strcmp(text, cases[i].expected) == 0);
        CHECK(r.n_fields == 0 && r.n_planes == 0 && !r.fields);
    }
}

static void a_declaration_ends_at_4096_bits(void)
{
    bl_buffer text = {0};
    bl_record r = {0};
    bl_diag d = {0};
    for (int i = 0; i < 64; i++)
        bl_buffer_print(&text, "f%d:64\n", i);
    CHECK(bl_record_parse(&r, (char *)text.data, "f", &d) == BL_OK && r.n_planes == 4096);
    bl_record_clear(&r);
    bl_buffer_print(&text, "g:1");
    CHECK(bl_record_parse(&r, (char *)text.data, "f", &d) == BL_ERR_LIMIT && d.line == 65);
    bl_buffer_clear(&text);
}

static void a_record_without_memory_stays_empty(void)
{
    for (int n = 0; n < 3; n++) {
        int left = n;
        bl_allocator a = {limited_resize, &left};
        bl_record r = {.allocator = &a};
        bl_diag d = {0};
        CHECK(bl_record_parse(&r, "a:1,b:2,c:3", "f", &d) == BL_ERR_MEMORY);
        CHECK(r.n_fields == 0 && r.n_planes == 0 && !r.fields && r.allocator == &a);
        CHECK(strcmp(d.message, "out of memory") == 0);
    }
}

// Fields that fill a word, cross words and end within a byte: 142 bits, 18 bytes.
#define ODD_FIELDS(F)                                                                              \
    F(kind, 3, 0) F(vx, 6, 1) F(big, 64, 0) F(flag, 1, 0) F(far, 61, 1) F(bit, 1, 1) F(hp, 6, 0)
BL_RECORD(odd, ODD_FIELDS)
BL_STATIC_ASSERT_(odd_BITS == 142 && odd_BYTES == 18, "");
BL_STATIC_ASSERT_(BL_FIRST(odd, big) == 9 && BL_FIRST(odd, hp) == 136, "");

static bl_random rng = {{1, 2, 3, 4}};

static odd random_odd(void)
{
    return (odd){.kind = bl_random_below(&rng, 8),
                 .vx = (int64_t)bl_random_below(&rng, 64) - 32,
                 .big = bl_random_next(&rng),
                 .flag = bl_random_below(&rng, 2),
                 .far = (int64_t)bl_random_next(&rng) >> 3,
                 .bit = -(int64_t)bl_random_below(&rng, 2),
                 .hp = bl_random_below(&rng, 64)};
}

static bool is_same(const odd *a, const odd *b)
{
    return a->kind == b->kind && a->vx == b->vx && a->big == b->big && a->flag == b->flag
           && a->far == b->far && a->bit == b->bit && a->hp == b->hp;
}

static bool row_bit(const uint8_t *row, size_t k) { return (row[k / 8] >> k % 8 & 1) != 0; }

static void a_packed_row_has_its_fields_bit_after_bit(void)
{
    for (int i = 0; i < 200; i++) {
        odd x = random_odd(), back;
        uint8_t row[odd_BYTES];
        odd_pack(row, &x);
        for (size_t k = 0; k < 64; k++)
            CHECK(row_bit(row, 9 + k) == (x.big >> k & 1));
        for (size_t k = 0; k < 6; k++)
            CHECK(row_bit(row, 3 + k) == ((uint64_t)x.vx >> k & 1));
        CHECK(row_bit(row, 142) == 0 && row_bit(row, 143) == 0);
        odd_unpack(&back, row);
        CHECK(is_same(&x, &back));
        x.kind += 8; // only the low bits of a field count
        odd_pack(row, &x);
        odd_unpack(&back, row);
        x.kind -= 8;
        CHECK(is_same(&x, &back));
    }
}

static void structs_rows_and_planes_hold_the_same(void)
{
    static const size_t counts[] = {0, 1, 2, 511, 512, 513, 1100};
    static odd_planes planes[3], from_rows[3];
    const bl_bits *bits = bl_bits_best();
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
        size_t n = counts[c];
        odd *x = calloc(n + 1, sizeof *x), *back = calloc(n + 1, sizeof *back);
        uint8_t *rows = malloc(n * odd_BYTES + 1), *rows_back = malloc(n * odd_BYTES + 1);
        REQUIRE(x && back && rows && rows_back);
        for (size_t i = 0; i < n; i++) {
            x[i] = random_odd();
            odd_pack(rows + i * odd_BYTES, &x[i]);
        }
        memset(planes, 0xA5, sizeof planes);
        memset(from_rows, 0xA5, sizeof from_rows);
        odd_load_structs(bits, planes, x, n);
        odd_load(bits, from_rows, rows, n);
        CHECK(memcmp(planes, from_rows, sizeof planes) == 0);
        for (size_t i = 0; i < (n + 511) / 512 * 512; i++)
            for (size_t k = 0; k < odd_BITS; k++)
                CHECK(bl_lane_get((bl_plane *)&planes[i / 512] + k, i % 512)
                      == (i < n && row_bit(rows + i * odd_BYTES, k)));
        odd_store_structs(bits, back, planes, n);
        odd_store(bits, rows_back, planes, n);
        for (size_t i = 0; i < n; i++)
            CHECK(is_same(&x[i], &back[i]));
        CHECK(memcmp(rows, rows_back, n * odd_BYTES) == 0);
        free(x);
        free(back);
        free(rows);
        free(rows_back);
    }
}

static void a_described_record_is_the_declared_one(void)
{
    bl_record r = {0};
    REQUIRE(odd_describe(&r) == BL_OK);
    CHECK(r.n_fields == 7 && r.n_planes == odd_BITS && bl_record_bytes(&r) == odd_BYTES);
    CHECK(is_field(&r, "vx", BL_FIRST(odd, vx), 6, true));
    CHECK(is_field(&r, "big", BL_FIRST(odd, big), 64, false));
    CHECK(is_field(&r, "hp", BL_FIRST(odd, hp), 6, false));
    bl_record_clear(&r);
    for (int n = 0; n < 7; n++) {
        int left = n;
        bl_allocator a = {limited_resize, &left};
        bl_record poor = {.allocator = &a};
        CHECK(odd_describe(&poor) == BL_ERR_MEMORY && poor.n_fields == 0 && !poor.fields);
    }
    static const bl_field bad[] = {{"a", 0, 1, false}, {"a", 0, 1, false}};
    CHECK(bl_record_describe(&r, bad, 2) == BL_ERR_ARGUMENT && r.n_fields == 0 && !r.fields);
}

static void rows_of_any_width_and_stride_round_trip(void)
{
    static bl_plane planes[2 * 200];
    for (size_t width = 1; width <= 200; width += width < 20 ? 1 : 17) {
        size_t stride = (width + 7) / 8 + width % 3, n = 600;
        bl_record r = {0};
        REQUIRE(bl_record_add(&r, "all", (uint32_t)width, false) == BL_OK);
        uint8_t *rows = malloc(n * stride), *back = malloc(n * stride);
        REQUIRE(rows && back);
        for (size_t i = 0; i < n * stride; i++)
            rows[i] = (uint8_t)bl_random_next(&rng);
        memset(back, 0xA5, n * stride);
        bl_record_load(bl_bits_best(), planes, &r, rows, stride, n);
        bl_record_store(bl_bits_best(), back, stride, &r, planes, n);
        for (size_t i = 0; i < n; i++)
            for (size_t k = 0; k < 8 * stride; k++)
                CHECK(row_bit(back + i * stride, k)
                      == (k < width                 ? row_bit(rows + i * stride, k)
                          : k < (width + 7) / 8 * 8 ? false
                                                    : 0xA5 >> k % 8 & 1));
        free(rows);
        free(back);
        bl_record_clear(&r);
    }
}

static void a_lane_prints_as_a_struct(void)
{
    static bl_plane planes[256];
    bl_record r = {0};
    bl_buffer out = {0};
    REQUIRE(bl_record_parse(&r, "kind:3,hp:7,_:2,vx:s6,big:64,low:s64", "r", NULL) == BL_OK);
    REQUIRE(bl_record_add(&r, "wide", 70, false) == BL_OK);
    bl_field_set(planes, bl_record_find(&r, "kind"), 37, 3);
    bl_field_set(planes, bl_record_find(&r, "hp"), 37, 100);
    bl_field_set(planes, bl_record_find(&r, "vx"), 37, -2);
    bl_field_set(planes, bl_record_find(&r, "big"), 37, -1);
    bl_field_set(planes, bl_record_find(&r, "low"), 37, INT64_MIN);
    bl_lane_set(&planes[bl_record_find(&r, "wide")->first + 69], 37, true);
    bl_lane_set(&planes[bl_record_find(&r, "wide")->first + 1], 37, true);
    bl_record_print(&out, &r, planes, 37);
    CHECK(strcmp((char *)out.data, "{kind = 3, hp = 100, vx = -2, big = 18446744073709551615, "
                                   "low = -9223372036854775808, wide = 0x200000000000000002}")
          == 0);
    bl_buffer_clear(&out);
    bl_record_print(&out, &r, planes, 36);
    CHECK(strcmp((char *)out.data, "{kind = 0, hp = 0, vx = 0, big = 0, low = 0, "
                                   "wide = 0x000000000000000000}")
          == 0);
    bl_buffer_clear(&out);
    bl_record_clear(&r);
    bl_record_print(&out, &r, planes, 0);
    CHECK(strcmp((char *)out.data, "{}") == 0);
    bl_buffer_clear(&out);
}

static void a_field_keeps_what_it_was_given(void)
{
    static bl_plane planes[64];
    for (uint32_t width = 1; width <= 64; width++)
        for (int is_signed = 0; is_signed < 2; is_signed++) {
            bl_field f = {.name = "f", .width = width, .is_signed = is_signed};
            int64_t value = (int64_t)bl_random_next(&rng), kept = value;
            bl_field_set(planes, &f, width, value);
            if (width < 64) {
                kept = value & (int64_t)((UINT64_C(1) << width) - 1);
                if (is_signed && kept >> (width - 1))
                    kept = (int64_t)((uint64_t)kept - (UINT64_C(1) << width));
            }
            CHECK(bl_field_get(&f, planes, width) == kept);
        }
}

int main(void)
{
    RUN(a_declaration_gives_fields_bit_after_bit);
    RUN(a_declaration_may_have_lines_and_comments);
    RUN(a_damaged_declaration_gets_its_place);
    RUN(a_declaration_ends_at_4096_bits);
    RUN(a_record_without_memory_stays_empty);
    RUN(a_packed_row_has_its_fields_bit_after_bit);
    RUN(structs_rows_and_planes_hold_the_same);
    RUN(a_described_record_is_the_declared_one);
    RUN(rows_of_any_width_and_stride_round_trip);
    RUN(a_lane_prints_as_a_struct);
    RUN(a_field_keeps_what_it_was_given);
    return test_summary();
}
