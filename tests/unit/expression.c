// SPDX-License-Identifier: MIT
// Expressions against an evaluator that shares nothing with them: 128-bit integers, lane by lane.
#include "../limited_memory.h"
#include "../test.h"

#include <bitloom/logic.h>

typedef __int128 wide;

static bl_random rng;

// --------------------------------------------------------------------------- running them

static bl_expression *parse(const char *text)
{
    bl_expression *e = NULL;
    bl_diag diag = {0};
    char message[900];
    if (bl_expression_parse(&e, text, "predicate", NULL, &diag) != BL_OK) {
        bl_diag_format(message, sizeof message, &diag);
        fprintf(stderr, "%s\n  in %s\n", message, text);
        exit(1);
    }
    return e;
}

static bl_graph *compile(const char *text, const bl_expression_fields *fields)
{
    bl_expression *e = parse(text);
    bl_graph *g = NULL;
    bl_diag diag = {0};
    char message[900];
    if (bl_expression_to_graph(&g, e, fields, NULL, &diag) != BL_OK) {
        bl_diag_format(message, sizeof message, &diag);
        fprintf(stderr, "%s\n  in %s\n", message, text);
        exit(1);
    }
    bl_expression_destroy(&e);
    return g;
}

// Which lanes the expression keeps, through both kinds of program; rows[i][lane] is field i.
static bl_plane keep_of(const char *text, const bl_expression_fields *fields,
                        wide (*rows)[BL_LANES])
{
    bl_graph *g = compile(text, fields);
    bl_plane result[2];
    for (int is_covered = 0; is_covered < 2; is_covered++) {
        bl_program *p;
        bl_machine *m;
        REQUIRE(
            (is_covered ? bl_program_cover_graph(&p, g, NULL) : bl_program_from_graph(&p, g, NULL))
            == BL_OK);
        REQUIRE(bl_machine_create(&m, p, bl_cpu_best(), NULL) == BL_OK);
        for (uint32_t i = 0; i < fields->record->n_fields; i++) {
            const bl_field *f = &fields->record->fields[i];
            for (uint32_t k = 0; k < f->width; k++)
                for (size_t lane = 0; lane < BL_LANES; lane++)
                    bl_lane_set(&bl_machine_input(m)[f->first + k], lane, rows[i][lane] >> k & 1);
        }
        bl_machine_run(m, 0);
        result[is_covered] = *bl_machine_output(m);
        bl_machine_destroy(&m);
        bl_program_destroy(&p);
    }
    CHECK(memcmp(&result[0], &result[1], sizeof *result) == 0);
    bl_graph_destroy(&g);
    return result[1];
}

static bool is_kept(const bl_plane *keep, size_t lane) { return bl_lane_get(keep, lane); }

// ------------------------------------------------------------------------------- operators

static wide floor_div(wide x, wide d) { return x >= 0 ? x / d : -((-x + d - 1) / d); }

static wide popcount(wide x)
{
    wide n = 0;
    for (; x; x >>= 1)
        n += x & 1;
    return n;
}

typedef struct operator_case {
    const char *text; // of a and b
    wide (*value)(wide a, wide b);
} operator_case;

#define CASE(name, formula)                                                                        \
    static wide name(wide a, wide b)                                                               \
    {                                                                                              \
        (void)a, (void)b;                                                                          \
        return formula;                                                                            \
    }
CASE(add_, a + b)
CASE(sub_, a - b)
CASE(mul_, a *b)
CASE(neg_, -a)
CASE(com_, ~a)
CASE(and_, a &b)
CASE(or_, a | b)
CASE(xor_, a ^ b)
CASE(eq_, a == b)
CASE(ne_, a != b)
CASE(lt_, a < b)
CASE(le_, a <= b)
CASE(gt_, a > b)
CASE(ge_, a >= b)
CASE(land_, a &&b)
CASE(lor_, a || b)
CASE(not_, !a)
CASE(min_, a < b ? a : b)
CASE(max_, a > b ? a : b)
CASE(abs_, a < 0 ? -a : a)
CASE(select_, a ? b : a + 7)
CASE(pop_, popcount(a & 255) + popcount(b & 15))
CASE(div3_, floor_div(a, 3))
CASE(mod3_, a - 3 * floor_div(a, 3))
CASE(div8_, floor_div(b, 8))
CASE(mod8_, b & 7)
CASE(div7_, floor_div(a - b * 5, 7))
CASE(mod7_, a - b * 5 - 7 * floor_div(a - b * 5, 7))
CASE(mod1_, 0)
CASE(shl_, a *((wide)1 << (b & 15)))
CASE(shr_, a >> (b & 7))
CASE(shl5_, a * 32)
CASE(shr2_, a >> 2)
CASE(bit_, a >> (b & 7) & 1)
CASE(in_, a >= b - 2 && a <= b + 3)
CASE(set_, a == 1 || (a >= 3 && a <= 5) || a == b)
CASE(mixed_, ((a * 3 - b) ^ (a & 6)) + b * 16)

static const operator_case operators[] = {
    {"a + b", add_},
    {"a - b", sub_},
    {"a * b", mul_},
    {"-a", neg_},
    {"~a", com_},
    {"a & b", and_},
    {"a | b", or_},
    {"a ^ b", xor_},
    {"a == b", eq_},
    {"a != b", ne_},
    {"a < b", lt_},
    {"a <= b", le_},
    {"a > b", gt_},
    {"a >= b", ge_},
    {"a && b", land_},
    {"a || b", lor_},
    {"!a", not_},
    {"min(a, b)", min_},
    {"max(a, b)", max_},
    {"abs(a)", abs_},
    {"a ? b : a + 7", select_},
    {"popcount(a & 255) + popcount(b & 0xF)", pop_},
    {"a / 3", div3_},
    {"a % 3", mod3_},
    {"b / 8", div8_},
    {"b % 8", mod8_},
    {"(a - b * 5) / 7", div7_},
    {"(a - b * 5) % 7", mod7_},
    {"a % 1", mod1_},
    {"a << (b & 15)", shl_},
    {"a >> (b & 7)", shr_},
    {"a << 5", shl5_},
    {"a >> 2", shr2_},
    {"bit(a, b & 7)", bit_},
    {"a in b - 2 .. b + 3", in_},
    {"a in {1, 3..5, b}", set_},
    {"((a * 3 - b) ^ (a & 6)) + (b << 4)", mixed_},
};

// All pairs of 4-bit operands of either sign; in lanes 256 and up the wanted value is off by one.
static void every_operator_is_exact_for_all_small_operands(void)
{
    static wide rows[3][BL_LANES];
    for (int signs = 0; signs < 4; signs++) {
        bl_record record = {0};
        REQUIRE(bl_record_add(&record, "a", 4, signs & 1) == BL_OK
                && bl_record_add(&record, "b", 4, signs >> 1) == BL_OK
                && bl_record_add(&record, "r", 24, true) == BL_OK);
        bl_expression_fields fields = {.record = &record};
        for (size_t o = 0; o < sizeof operators / sizeof *operators; o++) {
            for (size_t lane = 0; lane < BL_LANES; lane++) {
                wide a = (wide)(lane & 15) - (signs & 1 && lane & 8 ? 16 : 0);
                wide b = (wide)(lane >> 4 & 15) - (signs >> 1 && lane & 128 ? 16 : 0);
                rows[0][lane] = a;
                rows[1][lane] = b;
                rows[2][lane] = operators[o].value(a, b) + (lane < 256 ? 0 : lane & 1 ? 1 : -1);
            }
            char text[200];
            snprintf(text, sizeof text, "(%s) == r", operators[o].text);
            bl_plane keep = keep_of(text, &fields, rows);
            bool is_right = true;
            for (size_t lane = 0; lane < BL_LANES; lane++)
                is_right &= is_kept(&keep, lane) == (lane < 256);
            CHECK(is_right);
            if (!is_right)
                fprintf(stderr, "  %s with signs %d\n", text, signs);
        }
        bl_record_clear(&record);
    }
}

// ---------------------------------------------------------------------- random expressions

typedef struct writer {
    char text[8192];
    size_t n;
} writer;

static void put(writer *w, const char *s)
{
    size_t n = strlen(s);
    REQUIRE(w->n + n < sizeof w->text);
    memcpy(w->text + w->n, s, n + 1);
    w->n += n;
}

enum { N_FIELDS = 4 };
static const char *const field_names[N_FIELDS] = {"u7", "s9", "flag", "wide_one"};

// Writes an expression and computes its value in every lane; |value| stays below 2^bound.
static void grow(writer *w, wide *value, wide (*rows)[BL_LANES], uint32_t depth, uint32_t bound)
{
    static const char *const signs[] = {" + ",  " - ", " * ",  " & ",  " | ",  " ^ ",
                                        " == ", " < ", " >= ", " && ", " || ", " != "};
    if (depth == 0 || bound < 14) {
        if (bl_random_below(&rng, 3) == 0 || bound < 12) {
            char digits[32];
            uint64_t k = bl_random_below(&rng, bound < 12 ? 4 : 300);
            snprintf(digits, sizeof digits, k & 1 ? "%llu" : "0x%llX", (unsigned long long)k);
            put(w, digits);
            for (size_t i = 0; i < BL_LANES; i++)
                value[i] = (wide)k;
            return;
        }
        uint64_t f = bl_random_below(&rng, N_FIELDS);
        put(w, field_names[f]);
        memcpy(value, rows[f], BL_LANES * sizeof *value);
        return;
    }
    wide *x = malloc(3 * BL_LANES * sizeof *x), *y = x + BL_LANES, *z = y + BL_LANES;
    uint64_t kind = bl_random_below(&rng, 17);
    put(w, "(");
    if (kind < 12) {
        uint32_t inner = kind == 2 ? bound / 2 : bound - 1;
        grow(w, x, rows, depth - 1, inner);
        put(w, signs[kind]);
        grow(w, y, rows, depth - 1, inner);
    } else if (kind < 16) {
        put(w, kind == 12 ? "-" : kind == 13 ? "~" : kind == 14 ? "!" : "abs(");
        put(w, "(");
        grow(w, x, rows, depth - 1, bound - 1);
        put(w, kind == 15 ? "))" : ")");
    } else {
        grow(w, x, rows, depth - 1, bound - 1);
        put(w, " ? ");
        grow(w, y, rows, depth - 1, bound - 1);
        put(w, " : ");
        grow(w, z, rows, depth - 1, bound - 1);
    }
    put(w, ")");
    for (size_t i = 0; i < BL_LANES; i++) {
        wide a = x[i], b = y[i];
        switch (kind) {
        case 0: value[i] = a + b; break;
        case 1: value[i] = a - b; break;
        case 2: value[i] = a * b; break;
        case 3: value[i] = a & b; break;
        case 4: value[i] = a | b; break;
        case 5: value[i] = a ^ b; break;
        case 6: value[i] = a == b; break;
        case 7: value[i] = a < b; break;
        case 8: value[i] = a >= b; break;
        case 9: value[i] = a && b; break;
        case 10: value[i] = a || b; break;
        case 11: value[i] = a != b; break;
        case 12: value[i] = -a; break;
        case 13: value[i] = ~a; break;
        case 14: value[i] = !a; break;
        case 15: value[i] = a < 0 ? -a : a; break;
        default: value[i] = a ? b : z[i]; break;
        }
    }
    free(x);
}

static void random_expressions_have_the_value_of_the_evaluator(void)
{
    static wide rows[N_FIELDS][BL_LANES], value[BL_LANES];
    static const uint32_t widths[N_FIELDS] = {7, 9, 1, 13};
    bl_record record = {0};
    for (uint32_t f = 0; f < N_FIELDS; f++)
        REQUIRE(bl_record_add(&record, field_names[f], widths[f], f == 1) == BL_OK);
    bl_expression_fields fields = {.record = &record};
    for (int i = 0; i < 400; i++) {
        for (uint32_t f = 0; f < N_FIELDS; f++)
            for (size_t lane = 0; lane < BL_LANES; lane++) {
                rows[f][lane] = (wide)bl_random_below(&rng, UINT64_C(1) << widths[f]);
                if (f == 1)
                    rows[f][lane] -= 256;
            }
        writer w = {.n = 0};
        grow(&w, value, rows, (uint32_t)i % 6, 100);
        bl_plane keep = keep_of(w.text, &fields, rows);
        bool is_right = true;
        for (size_t lane = 0; lane < BL_LANES; lane++)
            is_right &= is_kept(&keep, lane) == (value[lane] != 0);
        CHECK(is_right);
        if (!is_right)
            fprintf(stderr, "  %s\n", w.text);
    }
    bl_record_clear(&record);
}

// ------------------------------------------------------------------------------ precedence

static bl_record small_record(void)
{
    bl_record record = {0};
    REQUIRE(bl_record_add(&record, "a", 4, false) == BL_OK
            && bl_record_add(&record, "b", 4, true) == BL_OK
            && bl_record_add(&record, "price", 20, true) == BL_OK
            && bl_record_add(&record, "tag", 32, false) == BL_OK);
    return record;
}

// Strashing makes equal graphs of equal functions as simple as these: sizes and lanes agree.
static void operators_bind_as_documented(void)
{
    static const char *const pairs[][2] = {
        {"a & 3 == 3", "(a & 3) == 3"},
        {"a | 4 == b ^ 5", "(a | 4) == (b ^ 5)"},
        {"a ^ b & 3 | 8", "(a ^ (b & 3)) | 8"},
        {"a + 1 << 2", "(a + 1) << 2"},
        {"a << 1 & b", "(a << 1) & b"},
        {"a + b * 3 - 5 == 0", "((a + (b * 3)) - 5) == 0"},
        {"a - b - 3", "(a - b) - 3"},
        {"a == 1 || b == 2 && a == 3", "(a == 1) || ((b == 2) && (a == 3))"},
        {"-a + b", "(-a) + b"},
        {"~a & b", "(~a) & b"},
        {"a ? 1 : b ? 2 : 0", "a ? 1 : (b ? 2 : 0)"},
        {"a in 1..b + 1 && b", "(a in (1)..(b + 1)) && b"},
        {"a / 2 % 3", "(a / 2) % 3"},
        {"!a && b", "(!a) && b"},
        {"a == 1 # a remark", "a == 1"},
        {"a ==\n\t1", "a == 1"},
        {"1_000 == a + 'x'", "1000 == a + 120"},
        {"`a` == 0b1_1", "a == 3"},
    };
    static wide rows[4][BL_LANES];
    for (size_t lane = 0; lane < BL_LANES; lane++) {
        rows[0][lane] = (wide)(lane & 15);
        rows[1][lane] = (wide)(lane >> 4 & 15) - (lane & 128 ? 16 : 0);
    }
    bl_record record = small_record();
    bl_expression_fields fields = {.record = &record};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        bl_plane x = keep_of(pairs[i][0], &fields, rows), y = keep_of(pairs[i][1], &fields, rows);
        CHECK(memcmp(&x, &y, sizeof x) == 0);
    }
    bl_record_clear(&record);
}

// ------------------------------------------------------------------------ texts, decimals

static wide text_value(const char *s)
{
    wide v = 0;
    for (size_t i = strlen(s); i-- > 0;)
        v = v << 8 | (uint8_t)s[i];
    return v;
}

static void texts_compare_whole_and_by_prefix(void)
{
    static const char *const tags[] = {"GET", "GETX", "PUT", "", "G", "get"};
    static const struct {
        const char *text;
        unsigned kept; // one bit for each tag
    } cases[] = {
        {"tag == \"GET\"", 1},
        {"\"GET\" == tag", 1},
        {"tag != \"GET\"", 62},
        {"tag in {\"GET\", \"PUT\"}", 5},
        {"starts_with(tag, \"G\")", 19},
        {"starts_with(tag, \"\")", 63},
        {"tag == \"\"", 8},
        {"tag == \"G\\x45T\" || tag == \"g\\x65t\"", 33},
    };
    static wide rows[4][BL_LANES];
    for (size_t lane = 0; lane < BL_LANES; lane++)
        rows[3][lane] = text_value(tags[lane % 6]);
    bl_record record = small_record();
    bl_expression_fields fields = {.record = &record};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bl_plane keep = keep_of(cases[i].text, &fields, rows);
        bool is_right = true;
        for (size_t lane = 0; lane < BL_LANES; lane++)
            is_right &= is_kept(&keep, lane) == (cases[i].kept >> lane % 6 & 1);
        CHECK(is_right);
    }
    bl_record_clear(&record);
}

static void decimals_are_exact(void)
{
    static const uint8_t decimals[4] = {0, 1, 2, 0}; // b = 0.1 x, price = 0.01 x
    static wide rows[4][BL_LANES];
    bl_record record = small_record();
    bl_expression_fields fields = {.record = &record, .decimals = decimals};
    for (size_t lane = 0; lane < BL_LANES; lane++) {
        rows[0][lane] = (wide)bl_random_below(&rng, 16);
        rows[1][lane] = (wide)bl_random_below(&rng, 16) - 8;
        rows[2][lane] = (wide)bl_random_below(&rng, 400) - 200;
    }
#define AGREES(text, formula)                                                                      \
    do {                                                                                           \
        bl_plane keep = keep_of(text, &fields, rows);                                              \
        bool is_right = true;                                                                      \
        for (size_t lane = 0; lane < BL_LANES; lane++) {                                           \
            wide a = rows[0][lane], b = rows[1][lane], price = rows[2][lane];                      \
            (void)a, (void)b, (void)price;                                                         \
            is_right &= is_kept(&keep, lane) == (formula);                                         \
        }                                                                                          \
        CHECK(is_right);                                                                           \
    } while (0)
    AGREES("price > 1.5", price > 150);
    AGREES("price == -0.25", price == -25);
    AGREES("price in -0.5 .. b", price >= -50 && price <= 10 * b);
    AGREES("price + b < a - 14.999", 10 * (price + 10 * b) < 1000 * a - 14999);
    AGREES("price * b == 0.01 || price * b > 0.055", price * b == 10 || price * b > 55);
    AGREES("max(price, b) <= 0.3 && b != 0", price <= 30 && b <= 3 && b != 0);
    AGREES("(a > 7 ? price : b) < 0", (a > 7 ? price : b) < 0);
#undef AGREES
    bl_record_clear(&record);
}

// ---------------------------------------------------------------------------------- errors

static void errors_name_the_place_and_the_way_out(void)
{
    static const char *const cases[][2] = {
        {"", "predicate:1:1: the expression ends here; expected a value"},
        {"a == 1 &&\n  prise > 2", "predicate:2:3: unknown field \"prise\"; did you mean price?"},
        {"a = 1", "predicate:1:3: unexpected character =; equality is =="},
        {"a @ 1", "predicate:1:3: unexpected character @"},
        {"1 < a < 5", "predicate:1:7: comparisons do not chain"},
        {"!a == 3", "predicate:1:1: ! before == is a trap"},
        {"(a + 1", "predicate:1:7: expected )"},
        {"a b", "predicate:1:3: expected an operator or the end"},
        {"popcnt(a)", "predicate:1:1: unknown function \"popcnt\"; did you mean popcount?"},
        {"popcount(b)", "predicate:1:1: popcount of a number that may be negative"},
        {"min(a)", "predicate:1:6: expected ,"},
        {"min(a, b, a)", "predicate:1:9: expected ): min takes 2 arguments"},
        {"a / b", "predicate:1:3: / needs a positive constant on its right"},
        {"a % 0", "predicate:1:3: % needs a positive constant"},
        {"a << b", "predicate:1:3: the amount of << may be negative"},
        {"a << 400", "predicate:1:3: the amount of << may be 256 or more"},
        {"1 << 255 << 1", "the limit is 256"},
        {"tag == \"GETXY\"", "predicate:1:8: the text has 5 bytes; field tag has only 32 bits"},
        {"tag < \"G\"", "predicate:1:7: a text can only be compared"},
        {"\"x\"", "a text is no predicate"},
        {"tag == \"G\" && tag > 5", "predicate:1:1: \"tag\" is compared with a text here"},
        {"tag == \"G", "predicate:1:8: a quote without its end"},
        {"tag == \"\\q\"", "predicate:1:10: unknown escape"},
        {"a == 99999999999999999999", "predicate:1:6: number too large"},
        {"a == 12x", "predicate:1:6: malformed number"},
        {"a == 0x", "predicate:1:6: malformed number"},
        {"a == ''", "predicate:1:6: expected one character"},
        {"a in 3", "predicate:1:3: expected a range or a set"},
        {"a in {3", "predicate:1:8: expected }"},
        {"starts_with(tag, 3)", "predicate:1:1: expected starts_with(name, \"text\")"},
        {"1.5 & a", "predicate:1:5: & works on integers"},
        {"``", "expected a name between ` and `"},
        {"a == 1)", "predicate:1:7: expected an operator or the end"},
    };
    bl_record record = small_record();
    bl_expression_fields fields = {.record = &record};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bl_expression *e = NULL;
        bl_graph *g = NULL;
        bl_diag diag = {0};
        char message[900];
        bl_status status = bl_expression_parse(&e, cases[i][0], "predicate", NULL, &diag);
        if (status == BL_OK)
            status = bl_expression_to_graph(&g, e, &fields, NULL, &diag);
        CHECK(status == BL_ERR_FORMAT && g == NULL);
        bl_diag_format(message, sizeof message, &diag);
        CHECK(strstr(message, cases[i][1]));
        if (!strstr(message, cases[i][1]))
            fprintf(stderr, "  %s\n  instead of %s\n", message, cases[i][1]);
        bl_expression_destroy(&e);
    }
    bl_record_clear(&record);
}

static void deep_nesting_is_an_error_not_a_crash(void)
{
    enum { N = 100000 };
    char *text = malloc(N + 1);
    for (int kind = 0; kind < 4; kind++) {
        memset(text, "(!-~"[kind], N);
        text[N] = 0;
        bl_expression *e = NULL;
        bl_diag diag = {0};
        CHECK(bl_expression_parse(&e, text, "predicate", NULL, &diag) == BL_ERR_FORMAT);
        CHECK(strstr(diag.message, "nested too deeply"));
    }
    free(text);
}

// Random bytes and damaged expressions: any status, no crash.
static void damaged_expressions_are_harmless(void)
{
    static const char good[] = "a == 1 && popcount(tag & 0xF) in {1, 2..3} || starts_with(tag, "
                               "\"G\\x45\") ? price * 1.5 > b : `a` << 2 == 'x' # end";
    bl_record record = small_record();
    bl_expression_fields fields = {.record = &record};
    for (int i = 0; i < 5000; i++) {
        char text[sizeof good];
        memcpy(text, good, sizeof good);
        for (uint64_t k = bl_random_below(&rng, 6); k-- > 0;)
            text[bl_random_below(&rng, sizeof good - 1)] =
                i % 2 ? good[bl_random_below(&rng, sizeof good - 1)]
                      : (char)(1 + bl_random_below(&rng, 255));
        bl_expression *e = NULL;
        bl_graph *g = NULL;
        bl_diag diag = {0};
        if (bl_expression_parse(&e, text, "predicate", NULL, &diag) == BL_OK
            && bl_expression_to_graph(&g, e, &fields, NULL, &diag) == BL_OK)
            CHECK(g && g->n_outputs == 1);
        else
            CHECK(diag.message[0] != 0);
        bl_graph_destroy(&g);
        bl_expression_destroy(&e);
    }
    bl_record_clear(&record);
}

// --------------------------------------------------------------------- memory, size of gates

static void every_failing_allocation_is_reported(void)
{
    bl_record record = small_record();
    bl_expression_fields fields = {.record = &record};
    bool is_done = false;
    for (int n = 0; !is_done; n++) {
        int left = n;
        bl_allocator a = {limited_resize, &left};
        bl_expression *e = NULL;
        bl_graph *g = NULL;
        bl_program *p = NULL;
        bl_status status = bl_expression_parse(
            &e, "a in {1, 3..b} || tag == \"abcd\" && price > 77", "predicate", &a, NULL);
        if (status == BL_OK)
            status = bl_expression_to_graph(&g, e, &fields, &a, NULL);
        if (status == BL_OK)
            status = bl_program_cover_graph(&p, g, &a);
        CHECK(status == BL_OK || (status == BL_ERR_MEMORY && !p));
        is_done = status == BL_OK;
        bl_program_destroy(&p);
        bl_graph_destroy(&g);
        bl_expression_destroy(&e);
    }
    bl_record_clear(&record);
}

static void programs_of_predicates_are_small(void)
{
    static const struct {
        const char *text;
        uint64_t most; // LUT3s, with one that copies the result
    } cases[] = {
        {"(a < b && popcount(c) >= 9 && (d ^ e) & 0x33 == 0x11) "
         "|| ((a + b) & 0x800 == 0 && c & 0xFF == d >> 4)",
         70},
        {"a + b == c", 40},
        {"popcount(c) == 16", 30},
        {"a == 1234", 7},
        {"c > 1000", 9},
    };
    static const uint32_t widths[] = {12, 12, 16, 12, 12};
    bl_record record = {0};
    for (uint32_t i = 0; i < 5; i++) {
        char name[2] = {(char)('a' + i), 0};
        REQUIRE(bl_record_add(&record, name, widths[i], false) == BL_OK);
    }
    bl_expression_fields fields = {.record = &record};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bl_graph *g = compile(cases[i].text, &fields);
        bl_program *p;
        bl_program_info info;
        REQUIRE(bl_program_cover_graph(&p, g, NULL) == BL_OK);
        bl_program_get_info(&info, p);
        CHECK(info.n_lut3_operations <= cases[i].most);
        bl_program_destroy(&p);
        bl_graph_destroy(&g);
    }
    bl_record_clear(&record);
}

int main(void)
{
    bl_random_seed(&rng, 20);
    RUN(every_operator_is_exact_for_all_small_operands);
    RUN(random_expressions_have_the_value_of_the_evaluator);
    RUN(operators_bind_as_documented);
    RUN(texts_compare_whole_and_by_prefix);
    RUN(decimals_are_exact);
    RUN(errors_name_the_place_and_the_way_out);
    RUN(deep_nesting_is_an_error_not_a_crash);
    RUN(damaged_expressions_are_harmless);
    RUN(every_failing_allocation_is_reported);
    RUN(programs_of_predicates_are_small);
    return test_summary();
}
