// SPDX-License-Identifier: MIT
// bitloom transpose --rows R --cols C [IN [OUT]]: bit matrices in raw files.

#include "verbs.h"

#include <bitloom/bits.h>

typedef struct settings {
    int64_t rows, cols;
} settings;

static bl_status transpose(const bl_command *c, const bl_file *in, const char *in_name,
                           const char *out_name, bl_diag *diag)
{
    const settings *o = c->settings;
    size_t rows = (size_t)o->rows, cols = (size_t)o->cols;
    size_t src_row = (cols + 7) / 8, dst_row = (rows + 7) / 8;
    if (in->bytes % src_row != 0 || in->bytes / src_row != rows)
        return bl_diag_set(diag, BL_ERR_FORMAT, in_name, 0, 0,
                           "%zu bytes; expected %zu rows of %zu bytes, %zu in all", in->bytes, rows,
                           src_row, rows * src_row);
    uint8_t *out = bl_alloc_array(NULL, cols, dst_row);
    if (!out)
        return bl_diag_set(diag, BL_ERR_MEMORY, in_name, 0, 0, "out of memory");
    bl_transpose(bl_bits_get(c->common.cpu), out, (ptrdiff_t)dst_row, in->data, (ptrdiff_t)src_row,
                 rows, cols, NULL);
    bl_status status = bl_file_write(out_name, out, cols * dst_row, diag);
    bl_free(NULL, out, cols * dst_row);
    return status;
}

static int run(const bl_command *c)
{
    const settings *o = c->settings;
    bl_diag diag = {0};
    if (o->rows == 0 || o->cols == 0) {
        bl_diag_set(&diag, BL_ERR_ARGUMENT, NULL, 0, 0, "expected --rows R --cols C");
        return report(&diag, EXIT_USAGE);
    }
    const char *in_name = c->n_operands > 0 ? c->operands[0] : "-";
    bl_file in;
    if (bl_file_open(&in, in_name, &diag) != BL_OK)
        return report(&diag, EXIT_NO);
    bl_status status = transpose(c, &in, in_name, c->n_operands > 1 ? c->operands[1] : "-", &diag);
    bl_file_close(&in);
    return status == BL_OK ? EXIT_YES : report(&diag, EXIT_NO);
}

static const settings defaults;
static const bl_option options[] = {
    {"rows", 0, BL_OPTION_INT, offsetof(settings, rows), "R", 1, 1e12, "rows of the input"},
    {"cols", 0, BL_OPTION_INT, offsetof(settings, cols), "C", 1, 1e12, "columns of the input"},
};

const bl_verb bl_verb_transpose = {
    .name = "transpose",
    .operands = "[IN [OUT]]",
    .summary = "transpose a bit matrix",
    .details = "Raw row-major matrices, LSB first, rows padded to whole bytes; standard input and\n"
               "output by default. Input and output are in memory at once.",
    .example = "bitloom transpose --rows 1000 --cols 3001 in.bin out.bin",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .max_operands = 2,
    .settings_bytes = sizeof(settings),
    .defaults = &defaults,
    .run = run};
