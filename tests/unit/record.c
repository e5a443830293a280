// SPDX-License-Identifier: MIT
#include "../test.h"

#include <bitloom/record.h>

static void *limited_resize(void *context, void *p, size_t old_bytes, size_t new_bytes)
{
    int *left = context;
    if (new_bytes && (*left)-- <= 0)
        return NULL;
    return new_bytes ? bl_resize(NULL, p, old_bytes, new_bytes)
                     : (bl_free(NULL, p, old_bytes), (void *)NULL);
}

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

int main(void)
{
    RUN(a_declaration_gives_fields_bit_after_bit);
    RUN(a_declaration_may_have_lines_and_comments);
    RUN(a_damaged_declaration_gets_its_place);
    RUN(a_declaration_ends_at_4096_bits);
    RUN(a_record_without_memory_stays_empty);
    return test_summary();
}
