// SPDX-License-Identifier: MIT
// LSTMs and GRUs: the logic against the integer reference, and files that are wrong.
#include "../limited_memory.h"
#include "../test.h"

#include <bitloom/gated.h>
#include <bitloom/melt.h>

#include <math.h>
#include <string.h>

static bl_random rng;
static uint8_t text[32767];

static const char alphabet[] = "[\"a\",\"b\",\"c\",\"\\u00e9\",\" \"]";
enum { N_SYMBOLS = 5 };

typedef struct shape {
    bool is_gru;
    uint32_t n_layers, n_embedding, n_hidden; // n_embedding 0: one-hot
    double scale;                             // of the weights
    double own_scale;                         // of those from a layer to itself, 0: the same
} shape;

static void add_tensor(char *header, size_t room, bl_buffer *data, const char *name, size_t rows,
                       size_t columns, double scale)
{
    size_t n = rows * (columns ? columns : 1), at = strlen(header), begin = data->bytes;
    for (size_t i = 0; i < n; i++) {
        float x = (float)(scale * ((double)(bl_random_next(&rng) >> 11) / (1ll << 52) - 1));
        bl_buffer_append(data, &x, sizeof x);
    }
    char dimensions[64];
    snprintf(dimensions, sizeof dimensions, columns ? "%zu,%zu" : "%zu", rows, columns);
    snprintf(header + at, room - at,
             ",\"%s\":{\"dtype\":\"F32\",\"shape\":[%s],\"data_offsets\":[%zu,%zu]}", name,
             dimensions, begin, data->bytes);
}

// A network with weights at random, as a file.
static bl_buffer network_file(const shape *s)
{
    static char header[16384];
    bl_buffer data = {0}, file = {0};
    char name[64];
    size_t rows = (s->is_gru ? 3 : 4) * s->n_hidden;
    snprintf(header, sizeof header,
             "{\"__metadata__\":{\"alphabet\":\"[\\\"a\\\",\\\"b\\\",\\\"c\\\","
             "\\\"\\u00e9\\\",\\\" \\\"]\"}");
    if (s->n_embedding)
        add_tensor(header, sizeof header, &data, "net.embed.weight", N_SYMBOLS, s->n_embedding, 1);
    for (uint32_t l = 0; l < s->n_layers; l++) {
        size_t inputs = l > 0 ? s->n_hidden : s->n_embedding ? s->n_embedding : N_SYMBOLS;
        const char *const kinds[] = {"weight_ih", "weight_hh", "bias_ih", "bias_hh"};
        const size_t columns[] = {inputs, s->n_hidden, 0, 0};
        for (int k = 0; k < 4; k++) {
            snprintf(name, sizeof name, "net.rnn.%s_l%u", kinds[k], l);
            add_tensor(header, sizeof header, &data, name, rows, columns[k],
                       k == 1 && s->own_scale > 0 ? s->own_scale : s->scale);
        }
    }
    add_tensor(header, sizeof header, &data, "net.out.weight", N_SYMBOLS, s->n_hidden, 2);
    add_tensor(header, sizeof header, &data, "net.out.bias", N_SYMBOLS, 0, 1);
    strcat(header, "}");
    uint64_t header_bytes = strlen(header);
    bl_buffer_append(&file, &header_bytes, sizeof header_bytes);
    bl_buffer_append(&file, header, header_bytes);
    bl_buffer_append(&file, data.data, data.bytes);
    bl_buffer_clear(&data);
    REQUIRE(file.status == BL_OK);
    return file;
}

static bl_gated *read_network(const shape *s)
{
    bl_buffer file = network_file(s);
    bl_gated *n = NULL;
    bl_diag d = {0};
    if (bl_gated_read(&n, file.data, file.bytes, "t", NULL, NULL, NULL, &d) != BL_OK)
        fprintf(stderr, "%s\n", d.message);
    REQUIRE(n);
    bl_buffer_clear(&file);
    return n;
}

// Every state bit and logit of 512 lanes.
static bool runs_like_reference(const bl_quantised *q, const bl_program *p, bl_cpu level,
                                uint32_t n_steps)
{
    bl_quantised_info info;
    bl_machine *m;
    int32_t logits[256];
    bool is_same = true;
    bl_quantised_get_info(&info, q);
    uint8_t *state = calloc(BL_LANES, info.n_state_bits);
    REQUIRE(state && bl_machine_create(&m, p, level, NULL) == BL_OK);
    for (uint32_t t = 0; t < n_steps; t++) {
        for (size_t lane = 0; lane < BL_LANES; lane++) {
            uint8_t byte = (uint8_t)(t % 2 ? "abc\xe9 "[bl_random_below(&rng, 5)]
                                           : (int)bl_random_below(&rng, 256));
            for (size_t k = 0; k < 8; k++)
                bl_lane_set(&bl_machine_input(m)[k], lane, byte >> k & 1);
            bl_quantised_step(state + lane * info.n_state_bits, q, byte);
        }
        bl_machine_run(m, BL_ENTRY_STEP);
        bl_machine_run(m, BL_ENTRY_HEAD);
        for (size_t lane = 0; lane < BL_LANES; lane++) {
            const uint8_t *s = state + lane * info.n_state_bits;
            bl_quantised_logits(logits, q, s);
            for (uint32_t i = 0; i < info.n_state_bits; i++)
                is_same &= bl_lane_get(&bl_machine_state(m)[i], lane) == (s[i] != 0);
            for (uint32_t i = 0; i < info.n_symbols * BL_LOGIT_BITS; i++)
                is_same &= bl_lane_get(&bl_machine_output(m)[i], lane)
                           == (logits[i / BL_LOGIT_BITS] >> i % BL_LOGIT_BITS & 1);
        }
    }
    bl_machine_destroy(&m);
    free(state);
    return is_same;
}

// Quantises, melts and runs; with 6 bits on every level.
static void check_logic(const bl_gated *n, const bl_quantise_params *params)
{
    bl_quantised *q;
    bl_program *p;
    bl_diag d = {0};
    bl_status status = bl_gated_quantise(&q, n, params, NULL, &d);
    if (status != BL_OK)
        fprintf(stderr, "%s\n", d.message);
    REQUIRE(status == BL_OK && bl_quantised_weave(&p, q, NULL) == BL_OK);
    for (int level = 0; level < BL_CPU_COUNT; level++)
        if (bl_cpu_is_supported((bl_cpu)level)
            && (params->weight_bits == 6 || level == (int)bl_cpu_best()))
            CHECK(runs_like_reference(q, p, (bl_cpu)level, 12));
    bl_program_destroy(&p);
    bl_quantised_destroy(&q);
}

// All corners of the parameters; large weights, so that sums are cut and cells are full.
static void logic_equals_the_reference(void)
{
    static const uint32_t bits[][5] = {{6, 6, 10, 7, 7}, {2, 2, 6, 4, 2},  {8, 8, 14, 10, 8},
                                       {3, 8, 8, 10, 2}, {8, 2, 14, 4, 8}, {5, 5, 6, 10, 6}};
    static const shape shapes[] = {{false, 1, 0, 5, 1, 0},   {false, 2, 3, 9, 8, 0},
                                   {true, 1, 4, 6, 1, 0},    {true, 3, 0, 5, 8, 0},
                                   {false, 1, 2, 4, 200, 0}, {true, 2, 2, 4, 200, 0},
                                   {false, 1, 2, 3, 9e5, 0}, {true, 1, 2, 3, 1e-6, 0}};
    for (int i = 0; i < 8; i++) {
        bl_gated *n = read_network(&shapes[i]);
        for (int k = 0; k < 6; k++) {
            if ((i + k) % 3 > 0 && k != i)
                continue; // half of the pairs are enough
            const uint32_t *b = bits[k];
            check_logic(n, &(bl_quantise_params){b[0], b[1], b[2], b[3], b[4], text, 8192});
        }
        bl_gated_destroy(&n);
    }
}

static void quantised_networks_stay_near(void)
{
    static const shape shapes[] = {{false, 2, 4, 12, 0.7, 0},
                                   {true, 2, 4, 12, 0.7, 0},
                                   {false, 1, 4, 20, 2, 0.005}}; // biases count, weights hardly
    for (int i = 0; i < 3; i++) {
        bl_gated *n = read_network(&shapes[i]);
        double exact, near, far;
        REQUIRE(bl_gated_score(&exact, n, text, sizeof text, NULL) == BL_OK);
        for (int k = 0; k < 2; k++) {
            bl_quantise_params params = {.text = text, .text_bytes = sizeof text};
            if (k == 0)
                params = (bl_quantise_params){8, 8, 14, 10, 8, text, sizeof text};
            bl_quantised *q;
            REQUIRE(bl_gated_quantise(&q, n, &params, NULL, NULL) == BL_OK);
            REQUIRE(bl_quantised_score(k ? &far : &near, q, text, sizeof text, NULL) == BL_OK);
            bl_quantised_destroy(&q);
        }
        printf("# floating point %.4f, 8 bits %.4f, 6 bits %.4f\n", exact, near, far);
        CHECK(fabs(near - exact) < 0.1 && fabs(far - exact) < 0.3); // untrained: errors add up
        bl_gated_destroy(&n);
    }
}

static void bytes_outside_the_alphabet_share_a_symbol(void)
{
    bl_gated *n = read_network(&(shape){false, 1, 3, 4, 1, 0});
    bl_quantised *q;
    bl_quantised_info info;
    bl_quantise_params params = {.text = text, .text_bytes = sizeof text};
    REQUIRE(bl_gated_quantise(&q, n, &params, NULL, NULL) == BL_OK);
    bl_quantised_get_info(&info, q);
    CHECK(info.n_symbols == N_SYMBOLS + 1 && info.byte_symbol['a'] == 0);
    CHECK(info.byte_symbol[0xe9] == 3 && info.byte_symbol['z'] == N_SYMBOLS);
    bl_quantised_destroy(&q);
    bl_gated_destroy(&n);
}

static void replace(bl_buffer *file, const char *from, const char *to)
{
    size_t n = strlen(from), at = 0;

    while (at + n < file->bytes && memcmp(file->data + at, from, n) != 0)
        at++;
    REQUIRE(at + n < file->bytes && n == strlen(to));
    memcpy(file->data + at, to, n);
}

static void wrong_networks_get_a_reason(void)
{
    static const struct {
        const char *from, *to, *reason;
    } cases[] = {{"weight_hh_l0", "weight_xx_l0", "weight_hh_l0"},
                 {"weight_ih_l0", "weight_yy_l0", "no tensor"},
                 {"out.bias", "out.bisa", "one output layer"},
                 {"\"F32\"", "\"I32\"", "another type"},
                 {"\\u00e9", "\\u4e00", "not one byte"},
                 {"\\\"b\\\"", "\\\"a\\\"", "twice"},
                 {"\\\" \\\"]", "     ]", "is no JSON"},
                 {"weight_hh_l1", "weight_hr_l0", "cannot be melted"},
                 {"\"alphabet\"", "\"alphabxt\"", "--alphabet"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bl_buffer file = network_file(&(shape){false, 2, 3, 4, 1, 0});
        bl_gated *n = NULL;
        bl_diag d = {0};
        replace(&file, cases[i].from, cases[i].to);
        bl_status status = bl_gated_read(&n, file.data, file.bytes, "t", NULL, NULL, NULL, &d);
        if (status == BL_OK || !strstr(d.message, cases[i].reason))
            fprintf(stderr, "case %zu: \"%s\"\n", i, d.message);
        CHECK(status == BL_ERR_FORMAT && !n && strstr(d.message, cases[i].reason));
        bl_buffer_clear(&file);
    }
    bl_buffer file = network_file(&(shape){true, 1, 3, 4, 1, 0});
    bl_gated *n = NULL;
    bl_diag d = {0};
    CHECK(bl_gated_read(&n, file.data, file.bytes, "t", "[\"a\"]", NULL, NULL, &d) != BL_OK
          && strstr(d.message, "5 symbols"));
    const char *doubled = "{\"a\":0,\"b\":1,\"c\":2,\"d\":3,\"e\":3}";
    CHECK(bl_gated_read(&n, file.data, file.bytes, "t", doubled, NULL, NULL, &d) != BL_OK
          && strstr(d.message, "two characters"));
    CHECK(bl_gated_read(&n, file.data, file.bytes, "t", alphabet, "EBCDIX", NULL, &d) != BL_OK
          && strstr(d.message, "EBCDIX"));
    bl_buffer_clear(&file);
}

static void damaged_networks_are_refused_or_read(void)
{
    bl_buffer file = network_file(&(shape){false, 1, 3, 4, 1, 0});
    for (size_t i = 0; i < 3000; i++) {
        size_t bytes = i % 3 ? file.bytes : bl_random_below(&rng, file.bytes);
        uint8_t *copy = malloc(bytes + 1); // of its size, for the sanitizers
        bl_gated *n = NULL;
        bl_diag d = {0};
        memcpy(copy, file.data, bytes);
        size_t at = bl_random_below(&rng, i % 2 ? 700 : file.bytes);
        if (at < bytes)
            copy[at] = (uint8_t)bl_random_next(&rng);
        if (bl_gated_read(&n, copy, bytes, "damaged", NULL, NULL, NULL, &d) == BL_OK) {
            if (i % 50 == 0)
                check_logic(n, &(bl_quantise_params){.text = text, .text_bytes = 8192});
            bl_gated_destroy(&n);
        } else
            CHECK(d.message[0] && !n);
        free(copy);
    }
    bl_buffer_clear(&file);
}

static void wrong_parameters_are_refused(void)
{
    bl_gated *n = read_network(&(shape){false, 1, 3, 4, 1, 0});
    const bl_quantise_params wrong[] = {{.weight_bits = 9, .text = text, .text_bytes = sizeof text},
                                        {.cell_bits = 5, .text = text, .text_bytes = sizeof text},
                                        {.gate_bits = 11, .text = text, .text_bytes = sizeof text},
                                        {.text = text, .text_bytes = 100}};
    for (int i = 0; i < 4; i++) {
        bl_quantised *q = NULL;
        bl_diag d = {0};
        CHECK(bl_gated_quantise(&q, n, &wrong[i], NULL, &d) == BL_ERR_ARGUMENT && !q);
        CHECK(strstr(d.message, "expected"));
    }
    bl_gated_destroy(&n);
}

static void failing_allocations_are_reported(void)
{
    bl_buffer file = network_file(&(shape){true, 2, 2, 3, 1, 0});
    bool is_done = false;
    for (int limit = 0; !is_done; limit += limit < 40 ? 1 : 97) {
        int left = limit;
        bl_allocator limited = {limited_resize, &left};
        bl_gated *n = NULL;
        bl_quantised *q = NULL;
        bl_program *p = NULL;
        bl_quantise_params params = {.text = text, .text_bytes = 8192};
        bl_status status =
            bl_gated_read(&n, file.data, file.bytes, "t", NULL, NULL, &limited, NULL);
        if (status == BL_OK)
            status = bl_gated_quantise(&q, n, &params, &limited, NULL);
        if (status == BL_OK)
            status = bl_quantised_weave(&p, q, &limited);
        CHECK(status == BL_OK || (status == BL_ERR_MEMORY && !p));
        is_done = status == BL_OK;
        left = 1 << 30;
        bl_program_destroy(&p);
        bl_quantised_destroy(&q);
        bl_gated_destroy(&n);
        REQUIRE(limit < 1000000);
    }
    bl_buffer_clear(&file);
}

int main(void)
{
    bl_random_seed(&rng, 9);
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (uint8_t) "abc\xe9 "[bl_random_below(&rng, 5)];
    RUN(logic_equals_the_reference);
    RUN(quantised_networks_stay_near);
    RUN(bytes_outside_the_alphabet_share_a_symbol);
    RUN(wrong_networks_get_a_reason);
    RUN(damaged_networks_are_refused_or_read);
    RUN(wrong_parameters_are_refused);
    RUN(failing_allocations_are_reported);
    return test_summary();
}
