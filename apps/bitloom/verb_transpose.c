// SPDX-License-Identifier: MIT
// bitloom transpose --rows R --cols C [IN [OUT]]: bit matrices in raw files.
//
// The input is mapped; the result is made and written in bands of rows, so that neither has to
// fit into memory.

#include "output_file.h"
#include "verbs.h"

#include <bitloom/bits.h>

#include <unistd.h>

typedef struct settings {
    int64_t rows, cols, band_mib;
} settings;

enum { ROWS_AT_ONCE = 1 << 14 }; // between two looks at the progress

typedef struct job {
    const bl_bits *bits;
    bl_pool *pool;
    const uint8_t *src;
    size_t rows, cols, src_row, dst_row;
    output_file out;
    bl_progress progress;
    uint64_t n_done; // bytes of the input
} job;

static size_t least(size_t a, size_t b) { return a < b ? a : b; }

// Rows of the result in a band, a multiple of 512: 256 MiB of them, or so many that 4 KiB of each
// row of the input are read together, if a quarter of the memory allows.
static size_t rows_of_band(const job *j, int64_t band_mib)
{
    uint64_t bytes = (uint64_t)band_mib << 20;
    if (bytes == 0) {
        long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
        uint64_t most = pages > 0 && page > 0 ? (uint64_t)pages * (uint64_t)page / 4 : UINT64_MAX;
        bytes = least(most, (uint64_t)j->dst_row << 15);
        bytes = bytes < 256 << 20 ? 256 << 20 : bytes;
    }
    size_t n = (size_t)(bytes / j->dst_row) / BL_LANES * BL_LANES;
    return least(n < BL_LANES ? BL_LANES : n, j->cols);
}

static void transpose_band(uint8_t *band, job *j, size_t first, size_t n)
{
    for (size_t row = 0; row < j->rows; row += ROWS_AT_ONCE) {
        size_t n_rows = least(j->rows - row, ROWS_AT_ONCE);
        bl_transpose(j->bits, band + row / 8, (ptrdiff_t)j->dst_row,
                     j->src + row * j->src_row + first / 8, (ptrdiff_t)j->src_row, n_rows, n,
                     j->pool);
        j->n_done += n_rows * ((n + 7) / 8);
        bl_progress_update(&j->progress, j->n_done);
    }
}

static bl_status transpose_all(job *j, int64_t band_mib, bl_diag *diag)
{
    size_t n_band = rows_of_band(j, band_mib);
    uint8_t *band =
        n_band <= SIZE_MAX / j->dst_row ? bl_resize(NULL, NULL, 0, n_band * j->dst_row) : NULL;
    if (!band)
        return bl_diag_set(diag, BL_ERR_MEMORY, NULL, 0, 0,
                           "no memory for %zu rows of %zu bytes; try a smaller --band", n_band,
                           j->dst_row);
    for (size_t first = 0; first < j->cols && j->out.status == BL_OK; first += n_band) {
        size_t n = least(j->cols - first, n_band);
        transpose_band(band, j, first, n);
        output_file_put(&j->out, band, n * j->dst_row);
    }
    bl_free(NULL, band, n_band * j->dst_row);
    return j->out.status;
}

static bl_status transpose(const bl_command *c, const bl_file *in, const char *in_name,
                           const char *out_name, bl_diag *diag)
{
    const settings *o = c->settings;
    job j = {.bits = bl_bits_get(c->common.cpu),
             .src = in->data,
             .rows = (size_t)o->rows,
             .cols = (size_t)o->cols};
    j.src_row = (j.cols + 7) / 8;
    j.dst_row = (j.rows + 7) / 8;
    if (in->bytes % j.src_row != 0 || in->bytes / j.src_row != j.rows)
        return bl_diag_set(diag, BL_ERR_FORMAT, in_name, 0, 0,
                           "%zu bytes; expected %zu rows of %zu bytes, %zu in all", in->bytes,
                           j.rows, j.src_row, j.rows * j.src_row);
    bl_status status = bl_pool_create(&j.pool, (size_t)c->common.n_threads, NULL);
    if (status != BL_OK)
        return bl_diag_set(diag, status, NULL, 0, 0, "no threads: %s", bl_status_text(status));
    status = output_file_open(&j.out, out_name, false, diag);
    if (status == BL_OK) {
        bl_progress_begin(&j.progress, "transpose", in->bytes, "bytes", c->common.is_quiet);
        status = transpose_all(&j, o->band_mib, diag);
        bl_progress_end(&j.progress, j.n_done);
    }
    status = output_file_close(&j.out, status);
    bl_pool_destroy(&j.pool);
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
    {"band", 0, BL_OPTION_INT, offsetof(settings, band_mib), "MIB", 1, 1 << 24,
     "memory for the rows of the result that are made at once; default: 256, more for long rows"},
};

const bl_verb bl_verb_transpose = {
    .name = "transpose",
    .operands = "[IN [OUT]]",
    .summary = "transpose a bit matrix",
    .details =
        "Raw row-major matrices, LSB first, rows padded to whole bytes; standard input and\n"
        "output by default. A file is mapped and the result written in bands, so both may be\n"
        "larger than the memory; standard input is read into memory.",
    .example = "bitloom transpose --rows 1000 --cols 3001 in.bin out.bin",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .max_operands = 2,
    .settings_bytes = sizeof(settings),
    .defaults = &defaults,
    .run = run};
