// SPDX-License-Identifier: MIT
// bitloom score MODEL.loom --text FILE: bits per byte of the logic itself.

#include "verbs.h"

typedef struct settings {
    const char *text;
    int64_t n_warm;
    bool by_class, in_order;
} settings;

enum { PROGRESS_STEPS = 1000 };

static void show_progress(void *progress, uint64_t n_done, uint64_t n)
{
    bl_progress_update(progress, n_done * PROGRESS_STEPS / n);
}

static void print_result(const bl_score *score, const bl_model_info *info, const bl_command *c)
{
    const settings *o = c->settings;
    uint64_t n = 0;
    for (uint32_t k = 0; k < BL_BYTE_CLASSES; k++)
        n += score->n_bytes[k];
    bl_buffer out = {0};
    bl_json json;
    bl_json_begin(&json, &out, !c->common.is_json);
    bl_json_object(&json, NULL);
    bl_json_real(&json, "bits_per_byte", bl_score_bits_per_byte(score));
    bl_json_uint(&json, "n_bytes", n);
    bl_json_uint(&json, "n_pieces", score->n_pieces);
    bl_json_uint(&json, "n_warm_bytes", o->in_order ? 0 : (uint64_t)o->n_warm);
    bl_json_uint(&json, "n_luts", info->n_lut3);
    bl_json_uint(&json, "n_nodes", info->n_ands);
    bl_json_uint(&json, "n_nonzeros", info->n_nonzeros);
    bl_json_real(&json, "step_ns", (double)score->step_ns / (double)score->n_steps);
    if (o->by_class) {
        bl_json_array(&json, "classes");
        for (uint32_t k = 0; k < BL_BYTE_CLASSES; k++) {
            if (!score->n_bytes[k])
                continue;
            bl_json_object(&json, NULL);
            bl_json_text(&json, "class", bl_byte_class_name(k));
            bl_json_uint(&json, "n_bytes", score->n_bytes[k]);
            bl_json_real(&json, "bits_per_byte", score->bits[k] / (double)score->n_bytes[k]);
            bl_json_end(&json);
        }
        bl_json_end(&json);
    }
    bl_json_end(&json);
    if (c->common.is_json)
        bl_buffer_append(&out, "\n", 1);
    (void)print_buffer(&out);
}

static bl_status score(const bl_model *model, const bl_file *text, const bl_command *c)
{
    const settings *o = c->settings;
    bl_pool *pool = NULL;
    bl_progress progress;
    bl_score result;
    bl_status status = bl_pool_create(&pool, (size_t)c->common.n_threads, NULL);
    if (status != BL_OK)
        return status;
    bl_progress_begin(&progress, "scoring", PROGRESS_STEPS, "per mille", c->common.is_quiet);
    bl_score_params params = {.in_order = o->in_order,
                              .n_warm = (size_t)o->n_warm,
                              .level = c->common.cpu,
                              .pool = pool,
                              .progress = show_progress,
                              .progress_context = &progress};
    status = bl_model_score(&result, model, text->data, text->bytes, &params, NULL);
    bl_progress_end(&progress, PROGRESS_STEPS);
    if (status == BL_OK)
        print_result(&result, bl_model_facts(model), c);
    bl_pool_destroy(&pool);
    return status;
}

static int run(const bl_command *c)
{
    const settings *o = c->settings;
    bl_diag diag = {0};
    if (!o->text) {
        bl_diag_set(&diag, BL_ERR_ARGUMENT, NULL, 0, 0, "expected --text FILE");
        return report(&diag, EXIT_USAGE);
    }
    model_file model;
    bl_file text = {0};
    if (model_file_open(&model, c->operands[0], &diag) != BL_OK)
        return report(&diag, EXIT_NO);
    bl_status status = bl_file_open(&text, o->text, &diag);
    if (status == BL_OK && text.bytes < 2)
        status = bl_diag_set(&diag, BL_ERR_FORMAT, o->text, 0, 0,
                             "%zu bytes; at least 2 can be scored", text.bytes);
    if (status == BL_OK) {
        status = score(model.model, &text, c);
        if (status == BL_ERR_UNSUPPORTED)
            bl_diag_set(
                &diag, status, c->operands[0], 0, 0,
                "its gates read what it remembers, so that steps cannot be computed side by "
                "side; without --in-order it can be scored");
        else if (status != BL_OK)
            bl_diag_set(&diag, status, NULL, 0, 0, "%s", bl_status_text(status));
    }
    bl_file_close(&text);
    model_file_close(&model);
    return status == BL_OK ? EXIT_YES : report(&diag, EXIT_NO);
}

static const settings defaults = {.n_warm = 256};
static const bl_option options[] = {
    {"text", 0, BL_OPTION_TEXT, offsetof(settings, text), "FILE", 0, 0,
     "the text; - is standard input"},
    {"warm", 0, BL_OPTION_INT, offsetof(settings, n_warm), "N", 0, 1e6,
     "bytes that each piece is warmed up on; default 256"},
    {"in-order", 0, BL_OPTION_FLAG, offsetof(settings, in_order), NULL, 0, 0,
     "as one piece, from the first byte to the last; not for an LSTM or GRU"},
    {"classes", 0, BL_OPTION_FLAG, offsetof(settings, by_class), NULL, 0, 0,
     "also per class of bytes"},
};

const bl_verb bl_verb_score = {
    .name = "score",
    .operands = "MODEL.loom",
    .summary = "bits per byte of a melted model on a text",
    .details =
        "The text is cut into pieces of about 2,048 bytes, 512 of them scored side by side.\n"
        "Each piece but the first is warmed up on the bytes before it (--warm); the first\n"
        "starts cold. Every byte but the first is scored once. The model does not learn\n"
        "while it scores. The number of threads does not change the result.\n"
        "--in-order reads the text as a person does: nothing is cut and nothing warmed up.\n"
        "The lanes then hold 512 consecutive bytes, so that short texts are quick, too.",
    .example = "bitloom score classics.loom --text book.txt --classes",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .min_operands = 1,
    .max_operands = 1,
    .settings_bytes = sizeof(settings),
    .defaults = &defaults,
    .run = run};
