// SPDX-License-Identifier: MIT
// Tables: blocks of whole rows go over a conveyor. One thread at a time reads a block and finds
// where its last row ends; any thread scans it, reads the cells that the predicate needs into
// records, runs the predicate, and copies the rows that are kept, as they are; blocks leave in
// order.
//
//     text ---- offsets of cells ---- records ---- keep ---- text
//          scan                 parse         filter    copy

#include "filter_columns.h"
#include "batch/conveyor.h"

#include <inttypes.h>
#include <string.h>

enum {
    BLOCK_BYTES = 256 << 10,
    MOST_BLOCK_BYTES = 1 << 30, // the most that one row may have
    BATCH_ROWS = 8 * BL_LANES
};

// The first cell that could not be read.
typedef struct bad_cell {
    bool is_found;
    uint64_t line, place;
    const column *column; // NULL: a quote
    cell_status status;
    uint32_t n_cells;    // of a row that has too few, otherwise 0
    uint32_t n_decimals; // of a cell with too many
    char text[40];
} bad_cell;

typedef struct block {
    uint8_t *memory; // slack | text | slack
    size_t capacity, n;
    table_scan scan;
    size_t scan_capacity;
    bl_filter *filter;
    uint8_t *records;
    uint32_t *rows;    // of a batch: which row of the scan each record is,
    uint32_t *numbers; // and its number within the block
    bl_plane *keep;
    uint8_t *kept; // text
    size_t n_kept_bytes;
    uint32_t *kept_numbers, *kept_ends; // of each kept row, and where its text ends in `kept`
    size_t n_kept;
    uint64_t n_rows, n_skipped; // rows that are not blank; those of them with bad cells
    bool ends_in_quotes;
    bad_cell bad;
} block;

typedef struct table_job {
    filter_job *job;
    table_format format;
    columns columns;
    const bl_bits *bits;
    block *blocks;
    size_t n_blocks;
    bl_buffer rest; // text that was read and belongs to the next block
    bool is_at_end;
    bl_status read_status;             // of claiming, with job->diag
    uint64_t n_lines, n_rows, n_bytes; // before the next block to deliver
    bl_status row_status; // of a cell, with row_diag; comes before what reading found later
    bl_diag row_diag;
} table_job;

static uint8_t *text_of(const block *b) { return b->memory + TABLE_SLACK; }

// ----------------------------------------------------------------------------------- memory

static void free_scan(block *b)
{
    bl_free(NULL, b->scan.ends, (b->scan_capacity + 8) * sizeof(uint32_t));
    bl_free(NULL, b->scan.row_ends, (b->scan_capacity + 8) * sizeof(uint32_t));
    bl_free(NULL, b->scan.found, (b->scan_capacity / 64 + 1) * 3 * sizeof(uint64_t));
    bl_free(NULL, b->kept_numbers, (b->scan_capacity + 1) * sizeof(uint32_t));
    bl_free(NULL, b->kept_ends, (b->scan_capacity + 1) * sizeof(uint32_t));
    bl_free(NULL, b->kept, b->scan_capacity + 1);
    b->scan = (table_scan){0};
    b->kept_numbers = b->kept_ends = NULL;
    b->kept = NULL;
}

// Room for the worst text of that size: nothing but separators, or nothing but line ends. Memory
// that is never written is never there.
static bl_status reserve_scan(block *b, size_t capacity)
{
    if (b->scan_capacity >= capacity && b->kept)
        return BL_OK;
    free_scan(b);
    b->scan_capacity = capacity;
    b->scan.ends = bl_resize(NULL, NULL, 0, (capacity + 8) * sizeof(uint32_t));
    b->scan.row_ends = bl_resize(NULL, NULL, 0, (capacity + 8) * sizeof(uint32_t));
    b->scan.found = bl_resize(NULL, NULL, 0, (capacity / 64 + 1) * 3 * sizeof(uint64_t));
    b->kept_numbers = bl_resize(NULL, NULL, 0, (capacity + 1) * sizeof(uint32_t));
    b->kept_ends = bl_resize(NULL, NULL, 0, (capacity + 1) * sizeof(uint32_t));
    b->kept = bl_resize(NULL, NULL, 0, capacity + 1);
    return b->scan.ends && b->scan.row_ends && b->scan.found && b->kept_numbers && b->kept_ends
                   && b->kept
               ? BL_OK
               : BL_ERR_MEMORY;
}

static bl_status reserve_text(block *b, size_t capacity)
{
    if (b->capacity >= capacity)
        return BL_OK;
    size_t old_bytes = b->capacity ? b->capacity + 2 * TABLE_SLACK : 0;
    uint8_t *memory = bl_resize(NULL, b->memory, old_bytes, capacity + 2 * TABLE_SLACK);
    if (!memory)
        return BL_ERR_MEMORY;
    memset(memory, 0, old_bytes ? 0 : TABLE_SLACK);
    b->memory = memory;
    b->capacity = capacity;
    return reserve_scan(b, capacity);
}

static bl_status create_block(block *b, const table_job *t, const bl_program *program)
{
    b->records = bl_alloc_array(NULL, BATCH_ROWS, t->columns.record_bytes);
    b->rows = bl_alloc_array(NULL, BATCH_ROWS, sizeof *b->rows);
    b->numbers = bl_alloc_array(NULL, BATCH_ROWS, sizeof *b->numbers);
    b->keep = bl_alloc_array(NULL, BATCH_ROWS / BL_LANES, sizeof *b->keep);
    if (!b->records || !b->rows || !b->numbers || !b->keep)
        return BL_ERR_MEMORY;
    return bl_filter_create(&b->filter, program, t->columns.record_bytes,
                            t->job->command->common.cpu, NULL);
}

static void destroy_block(block *b, const table_job *t)
{
    free_scan(b);
    bl_free(NULL, b->memory, b->capacity + 2 * TABLE_SLACK);
    bl_free(NULL, b->records, (size_t)BATCH_ROWS * t->columns.record_bytes);
    bl_free(NULL, b->rows, BATCH_ROWS * sizeof *b->rows);
    bl_free(NULL, b->numbers, BATCH_ROWS * sizeof *b->numbers);
    bl_free(NULL, b->keep, BATCH_ROWS / BL_LANES * sizeof *b->keep);
    bl_filter_destroy(&b->filter);
}

// ---------------------------------------------------------------------------------- reading

// Fills the block behind what it has; at the end of the input the last row gets its line end.
static bl_status fill(table_job *t, block *b, size_t wanted)
{
    size_t n = 0;
    bl_status status = reserve_text(b, wanted + 1);
    if (status == BL_OK && !t->is_at_end)
        status = filter_read(&n, t->job, text_of(b) + b->n, wanted - b->n);
    b->n += n;
    t->is_at_end |= b->n < wanted;
    if (status == BL_OK && t->is_at_end && b->n > 0 && text_of(b)[b->n - 1] != '\n')
        text_of(b)[b->n++] = '\n';
    return status;
}

// The next whole rows of the input; b->n is 0 at its end.
static bl_status read_block(table_job *t, block *b)
{
    size_t wanted = BLOCK_BYTES, whole = 0;
    b->n = 0;
    while (wanted < t->rest.bytes + BLOCK_BYTES / 2)
        wanted *= 2;
    bl_status status = reserve_text(b, wanted + 1);
    if (status != BL_OK)
        return status;
    memcpy(text_of(b), t->rest.data ? t->rest.data : (const uint8_t *)"", t->rest.bytes);
    b->n = t->rest.bytes;
    t->rest.bytes = 0;
    for (;; wanted *= 2) {
        status = fill(t, b, wanted);
        if (status != BL_OK || b->n == 0)
            return status;
        whole = table_whole_rows(b->scan.found, t->bits, t->format, text_of(b), b->n);
        if (whole > 0 || t->is_at_end)
            break;
        if (wanted >= MOST_BLOCK_BYTES)
            return bl_diag_set(t->job->diag, BL_ERR_LIMIT, t->job->path, 0, 0,
                               "a row of more than %d bytes; a quote without its end? --no-quotes "
                               "takes quotes as text",
                               MOST_BLOCK_BYTES);
    }
    b->ends_in_quotes = t->is_at_end && whole < b->n;
    if (b->ends_in_quotes)
        return BL_OK; // its rows are good up to there
    bl_buffer_append(&t->rest, text_of(b) + whole, b->n - whole);
    b->n = whole;
    return t->rest.status;
}

// A failure ends the claiming and is told when all before it has been delivered.
static bool claim(void *context, size_t slot)
{
    table_job *t = context;
    block *b = &t->blocks[slot];
    if (t->read_status != BL_OK)
        return false;
    t->read_status = read_block(t, b);
    return t->read_status == BL_OK && b->n > 0;
}

// ---------------------------------------------------------------------------------- parsing

typedef struct row {
    uint32_t begin, end; // text with its line end
    const uint32_t *ends;
    uint32_t n_cells;
} row;

static row row_at(const block *b, size_t i)
{
    const table_scan *s = &b->scan;
    uint32_t first = i ? s->row_ends[i - 1] + 1 : 0;
    return (row){.begin = first ? s->ends[first - 1] + 1 : 0,
                 .end = s->ends[s->row_ends[i]] + 1,
                 .ends = s->ends + first,
                 .n_cells = s->row_ends[i] - first + 1};
}

static bool is_blank_row(const block *b, const row *r)
{
    return r->end - r->begin == 1 || (r->end - r->begin == 2 && text_of(b)[r->begin] == '\r');
}

static void note_bad(block *b, const column *c, const uint8_t *begin, const uint8_t *end,
                     cell_status status)
{
    bad_cell *bad = &b->bad;
    if (bad->is_found)
        return;
    *bad = (bad_cell){.is_found = true, .column = c, .status = status, .line = 1};
    const uint8_t *line_begin = text_of(b);
    for (const uint8_t *p = text_of(b); p < begin; p++)
        if (*p == '\n') {
            bad->line++;
            line_begin = p + 1;
        }
    bad->place = (uint64_t)(begin - line_begin) + 1;
    size_t n = (size_t)(end - begin);
    for (size_t i = 0; i < n && i < sizeof bad->text - 1; i++)
        bad->text[i] = begin[i] >= ' ' && begin[i] < 127 ? (char)begin[i] : '?';
    if (n >= sizeof bad->text)
        memcpy(bad->text + sizeof bad->text - 4, "...", 4);
}

// Digits behind the point of a cell that is a number, otherwise 0.
static uint32_t decimals_of(const uint8_t *begin, const uint8_t *end, table_format format)
{
    uint32_t n = 0;
    cell_number x;
    if (cell_read_number(&x, begin, end, format, 0) != CELL_TOO_PRECISE)
        return 0; // trailing zeros fit anywhere
    const uint8_t *at = memchr(begin, '.', (size_t)(end - begin));
    for (uint32_t k = 1; at + k < end && at[k] >= '0' && at[k] <= '9'; k++)
        n = at[k] > '0' ? k : n;
    return n < BL_EXPRESSION_DECIMALS ? n : BL_EXPRESSION_DECIMALS;
}

// Stores the number as a word; false if it does not fit the column.
static bool store_number(uint8_t *dst, const column *c, const cell_number *x)
{
    if (x->magnitude > (x->is_negative ? c->most_negative : c->most_positive))
        return x->is_negative && x->magnitude == 0;
    uint64_t word = x->is_negative ? -x->magnitude : x->magnitude;
    memcpy(dst, &word, sizeof word);
    return true;
}

static bool read_cell(block *b, const table_job *t, const row *r, const column *c, uint8_t *record)
{
    const uint8_t *text = text_of(b);
    if (c->index >= r->n_cells) {
        note_bad(b, c, text + r->begin, text + r->begin, CELL_EMPTY);
        b->bad.n_cells = r->n_cells;
        return false;
    }
    const uint8_t *begin = text + (c->index ? r->ends[c->index - 1] + 1 : r->begin);
    const uint8_t *end = text + r->ends[c->index];
    end -= c->index + 1 == r->n_cells && end > begin && end[-1] == '\r';
    uint8_t *dst = record + c->first_byte;
    if (c->is_text) {
        cell_read_text(dst, c->n_bytes, begin, end, t->format);
        return true;
    }
    cell_number x = {0};
    cell_status status = CELL_OK;
    if (!cell_read_usual(&x.magnitude, begin, end, c->decimals, c->scale))
        status = cell_read_number(&x, begin, end, t->format, c->decimals);
    if (status == CELL_EMPTY && c->has_empty) {
        x = c->empty;
        status = CELL_OK;
    }
    if (status == CELL_OK && !store_number(dst, c, &x))
        status = CELL_OUT_OF_RANGE;
    if (status != CELL_OK) {
        note_bad(b, c, begin, end, status);
        b->bad.n_decimals = decimals_of(begin, end, t->format);
    }
    return status == CELL_OK;
}

static bool read_row(block *b, const table_job *t, const row *r, uint8_t *record)
{
    for (uint32_t i = 0; i < t->columns.n; i++)
        if (!read_cell(b, t, r, &t->columns.list[i], record))
            return false;
    return true;
}

// ----------------------------------------------------------------------------------- keeping

static void keep_rows(block *b, size_t n_records)
{
    bl_filter_run(b->filter, b->keep, b->records, n_records);
    for (size_t w = 0; w < (n_records + 63) / 64; w++) {
        uint64_t left = b->keep[w / 8].word[w % 8];
        if (n_records - 64 * w < 64)
            left &= (UINT64_C(1) << (n_records - 64 * w)) - 1;
        for (; left; left &= left - 1) {
            size_t i = 64 * w + (size_t)__builtin_ctzll(left);
            row r = row_at(b, b->rows[i]);
            memcpy(b->kept + b->n_kept_bytes, text_of(b) + r.begin, r.end - r.begin);
            b->n_kept_bytes += r.end - r.begin;
            b->kept_numbers[b->n_kept] = b->numbers[i];
            b->kept_ends[b->n_kept++] = (uint32_t)b->n_kept_bytes;
        }
    }
}

// Up to a quote where none may be, behind which nothing can be trusted, and up to a bad cell.
static void work_on_rows(block *b, const table_job *t)
{
    size_t n_records = 0, record_bytes = t->columns.record_bytes;
    bool skips = t->job->settings->skips_bad;
    for (size_t i = 0; i < b->scan.n_rows && (skips || !b->bad.is_found); i++) {
        row r = row_at(b, i);
        if (b->scan.bad_quote < r.end) {
            const uint8_t *quote = text_of(b) + b->scan.bad_quote;
            b->bad.is_found = false; // this is worse
            note_bad(b, NULL, quote, quote, CELL_OK);
            break;
        }
        if (is_blank_row(b, &r))
            continue;
        uint32_t number = (uint32_t)b->n_rows++;
        if (!read_row(b, t, &r, b->records + n_records * record_bytes)) {
            b->n_skipped++;
            continue;
        }
        b->rows[n_records] = (uint32_t)i;
        b->numbers[n_records++] = number;
        if (n_records == BATCH_ROWS) {
            keep_rows(b, n_records);
            n_records = 0;
        }
    }
    keep_rows(b, n_records);
}

// The quote that has no end: the last one that opens, behind the last row.
static const uint8_t *open_quote(const block *b)
{
    const uint8_t *quote = NULL, *at = text_of(b), *end = at + b->n;
    bool is_inside = false;
    at += b->scan.n_rows ? row_at(b, b->scan.n_rows - 1).end : 0;
    for (; at < end; at++)
        if (*at == '"') {
            is_inside = !is_inside;
            quote = is_inside ? at : quote;
        }
    return quote;
}

static void work(void *context, size_t slot)
{
    table_job *t = context;
    block *b = &t->blocks[slot];
    b->n_kept = b->n_kept_bytes = 0;
    b->n_rows = b->n_skipped = 0;
    b->bad = (bad_cell){0};
    table_scan_rows(&b->scan, t->bits, t->job->command->common.cpu, t->format, text_of(b), b->n);
    work_on_rows(b, t);
    if (b->ends_in_quotes && (!b->bad.is_found || (b->bad.column && t->job->settings->skips_bad))) {
        bool is_stray = b->scan.bad_quote != SIZE_MAX;
        const uint8_t *quote = is_stray ? text_of(b) + b->scan.bad_quote : open_quote(b);
        b->bad.is_found = false;
        note_bad(b, NULL, quote, quote, is_stray ? CELL_OK : CELL_EMPTY);
    }
}

// --------------------------------------------------------------------------------- delivery

static bl_status tell_bad(table_job *t, const bad_cell *bad)
{
    uint64_t line = t->n_lines + bad->line;
    const column *c = bad->column;
    const char *file = t->job->path;
    bl_diag *diag = &t->row_diag;
    if (!c && bad->status == CELL_EMPTY)
        return bl_diag_set(diag, BL_ERR_FORMAT, file, line, bad->place,
                           "a quote without its end; --no-quotes takes quotes as text");
    if (!c)
        return bl_diag_set(
            diag, BL_ERR_FORMAT, file, line, bad->place,
            "a quote within a cell; quote the whole cell and write it twice, or take "
            "quotes as text with --no-quotes");
    if (bad->n_cells)
        return bl_diag_set(diag, BL_ERR_FORMAT, file, line, bad->place,
                           "the row has %u cells; column %s is number %u; --skip-bad leaves such "
                           "rows out",
                           (unsigned)bad->n_cells, c->name, (unsigned)c->index + 1);
    switch (bad->status) {
    case CELL_EMPTY:
        return bl_diag_set(diag, BL_ERR_FORMAT, file, line, bad->place,
                           "column %s is empty; --empty 0 reads that as 0, --skip-bad leaves such "
                           "rows out",
                           c->name);
    case CELL_TOO_PRECISE: // as many as it takes for this one
        return bl_diag_set(diag, BL_ERR_FORMAT, file, line, bad->place,
                           "column %s: \"%s\" has more than %u decimals; declare them: --fields "
                           "%s:.%u",
                           c->name, bad->text, (unsigned)c->decimals, c->name,
                           (unsigned)bad->n_decimals);
    case CELL_OUT_OF_RANGE:
        return bl_diag_set(diag, BL_ERR_FORMAT, file, line, bad->place,
                           "column %s: \"%s\" does not fit; expected %s%" PRIu64 " to %" PRIu64
                           " in units of 10^-%u",
                           c->name, bad->text, c->most_negative ? "-" : "", c->most_negative,
                           c->most_positive, (unsigned)c->decimals);
    default:
        return bl_diag_set(diag, BL_ERR_FORMAT, file, line, bad->place,
                           "column %s: \"%s\" is no number; --skip-bad leaves such rows out",
                           c->name, bad->text);
    }
}

static void put_rows(table_job *t, const block *b, size_t n)
{
    output_file *out = &t->job->out;
    if (!t->job->settings->prints_index) {
        output_file_put(out, b->kept, n ? b->kept_ends[n - 1] : 0);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        char line[24];
        int n_chars = snprintf(line, sizeof line, "%" PRIu64 "\n", t->n_rows + b->kept_numbers[i]);
        output_file_put(out, line, (size_t)n_chars);
    }
}

// False ends the run: an error, or enough rows.
static bool deliver(void *context, size_t slot)
{
    table_job *t = context;
    filter_job *job = t->job;
    const block *b = &t->blocks[slot];
    uint64_t left = job->limit - job->n_kept;
    size_t n = b->n_kept < left ? b->n_kept : (size_t)left;
    put_rows(t, b, n);
    job->n_kept += n;
    job->n_skipped += b->n_skipped;
    t->n_rows += b->n_rows;
    t->n_bytes += b->n;
    bl_progress_update(&job->progress, t->n_bytes);
    if (job->n_kept == job->limit || job->out.status != BL_OK)
        return false;
    if (b->bad.is_found && (!job->settings->skips_bad || !b->bad.column)) {
        t->row_status = tell_bad(t, &b->bad);
        return false;
    }
    t->n_lines += b->scan.n_lines;
    return true;
}

// ------------------------------------------------------------------------------- the whole

static size_t first_row_bytes(const table_job *t, const uint8_t *text, size_t bytes)
{
    size_t n = 0;
    for (bool is_inside = false; n < bytes && (is_inside || text[n] != '\n'); n++)
        is_inside ^= t->format.has_quotes && text[n] == '"';
    return n + 1; // whole rows have an end
}

// Columns that were not declared get the decimals that the first block shows.
static void guess_decimals(table_job *t, block *first, size_t header_bytes)
{
    table_scan_rows(&first->scan, t->bits, t->job->command->common.cpu, t->format, text_of(first),
                    first->n);
    for (size_t i = 0; i < first->scan.n_rows; i++) {
        row r = row_at(first, i);
        for (uint32_t k = 0; k < t->columns.n && r.begin >= header_bytes; k++) {
            column *c = &t->columns.list[k];
            if (c->is_text || c->is_declared || c->index >= r.n_cells)
                continue;
            const uint8_t *end = text_of(first) + r.ends[c->index];
            const uint8_t *begin = text_of(first) + (c->index ? r.ends[c->index - 1] + 1 : r.begin);
            end -= c->index + 1 == r.n_cells && end > begin && end[-1] == '\r';
            uint32_t n = decimals_of(begin, end, t->format);
            c->decimals = n > c->decimals ? n : c->decimals;
        }
    }
}

// Puts text back before what was read behind it.
static bl_status put_back(table_job *t, const uint8_t *text, size_t bytes)
{
    bl_buffer rest = {0};
    bl_buffer_append(&rest, text, bytes);
    bl_buffer_append(&rest, t->rest.data ? t->rest.data : (const uint8_t *)"", t->rest.bytes);
    bl_buffer_clear(&t->rest);
    t->rest = rest;
    return rest.status;
}

// Reads the first block, learns from it what the columns are, takes the header off and puts the
// rows back.
static bl_status read_header(table_job *t, bl_program **program)
{
    filter_job *job = t->job;
    block first = {0};
    bool has_header = !job->settings->has_no_header;
    if (!has_header && !job->settings->fields)
        return bl_diag_set(
            job->diag, BL_ERR_ARGUMENT, NULL, 0, 0,
            "--no-header needs the names of the columns: --fields kind,name,price:.2");
    bl_status status = read_block(t, &first);
    if (status == BL_OK && first.n == 0 && has_header)
        status = bl_diag_set(job->diag, BL_ERR_FORMAT, job->path, 0, 0,
                             "empty; expected a line with the names of the columns");
    if (status == BL_OK) {
        const uint8_t *text = text_of(&first);
        size_t n = has_header ? first_row_bytes(t, text, first.n) : 0;
        t->n_bytes = n;
        for (size_t i = 0; i < n; i++)
            t->n_lines += text[i] == '\n';
        status = columns_create(&t->columns, job, has_header ? text : NULL, n, t->format);
        if (status == BL_OK)
            guess_decimals(t, &first, n);
        if (status == BL_OK)
            status = columns_compile(program, &t->columns, job);
        if (status == BL_OK)
            status = put_back(t, text + n, first.n - n);
        if (status == BL_OK && !job->settings->prints_index)
            output_file_put(&job->out, text, n);
    }
    destroy_block(&first, t);
    return status;
}

static bl_status run_blocks(table_job *t, const bl_program *program)
{
    conveyor c = {0};
    t->n_blocks = conveyor_n_slots(t->job->pool);
    t->blocks = bl_alloc_array(NULL, t->n_blocks, sizeof *t->blocks);
    bl_status status = t->blocks ? BL_OK : BL_ERR_MEMORY;
    for (size_t i = 0; i < t->n_blocks && status == BL_OK; i++)
        status = create_block(&t->blocks[i], t, program);
    if (status == BL_OK)
        status =
            conveyor_create(&c, &(conveyor_steps){.claim = claim, .work = work, .deliver = deliver},
                            t, t->job->pool, NULL);
    if (status == BL_OK) {
        bool is_complete = conveyor_run(&c);
        if (t->row_status != BL_OK) {
            *t->job->diag = t->row_diag;
            status = t->row_status;
        } else if (is_complete)
            status = t->read_status;
        conveyor_destroy(&c);
    }
    for (size_t i = 0; i < t->n_blocks && t->blocks; i++)
        destroy_block(&t->blocks[i], t);
    bl_free(NULL, t->blocks, t->n_blocks * sizeof *t->blocks);
    return status;
}

// "," "\t" ";" ...
static bl_status read_format(table_format *format, const filter_job *job, bool has_tabs)
{
    const char *s = job->settings->separator;
    *format = (table_format){.separator = has_tabs ? '\t' : ',',
                             .has_quotes = !job->settings->has_no_quotes};
    if (!s)
        return BL_OK;
    format->separator = strcmp(s, "\\t") == 0 ? '\t' : (uint8_t)s[0];
    if ((s[0] && !s[1] && !strchr("\"\n\r0123456789", s[0])) || strcmp(s, "\\t") == 0)
        return BL_OK;
    return bl_diag_set(job->diag, BL_ERR_ARGUMENT, NULL, 0, 0,
                       "--separator \"%s\": expected one character, no digit and no quote; \\t is "
                       "a tab",
                       s);
}

bl_status filter_csv(filter_job *job, bool has_tabs)
{
    table_job t = {.job = job, .bits = bl_bits_get(job->command->common.cpu)};
    bl_program *program = NULL;
    bl_status status = read_format(&t.format, job, has_tabs);
    if (status == BL_OK)
        status = read_header(&t, &program);
    if (status == BL_OK)
        status = run_blocks(&t, program);
    job->n_records = t.n_rows;
    columns_destroy(&t.columns);
    bl_buffer_clear(&t.rest);
    bl_program_destroy(&program);
    return status;
}
