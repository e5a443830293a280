// SPDX-License-Identifier: MIT
// bitloom filter PREDICATE [IN]: the rows of a raw file or a table for which the predicate holds.

#include "filter.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bl_status filter_read(size_t *bytes, filter_job *job, void *dst, size_t capacity)
{
    *bytes = 0;
    while (*bytes < capacity) {
        ssize_t n = read(job->fd, (uint8_t *)dst + *bytes, capacity - *bytes);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return bl_diag_set(job->diag, BL_ERR_IO, job->path, 0, 0, "%s", strerror(errno));
        if (n == 0)
            break;
        *bytes += (size_t)n;
    }
    job->bytes_in += *bytes;
    return BL_OK;
}

bl_status filter_load_fields(char **text, const char **name, filter_job *job)
{
    const char *fields = job->settings->fields;
    bl_file file = {0};
    if (fields[0] == '@') {
        *name = fields + 1;
        bl_status status = bl_file_open(&file, *name, job->diag);
        if (status != BL_OK)
            return status;
        fields = (const char *)file.data;
    }
    size_t n = file.data ? file.bytes : strlen(fields);
    *text = bl_alloc(NULL, n + 1);
    if (*text)
        memcpy(*text, fields, n);
    bl_file_close(&file);
    return *text ? BL_OK : bl_diag_set(job->diag, BL_ERR_MEMORY, *name, 0, 0, "out of memory");
}

void filter_free_text(char *text) { bl_free(NULL, text, text ? strlen(text) + 1 : 0); }

// --invert wraps the text, after the text itself was found to be right, so that places in messages
// are those of what the user wrote. The newline ends a comment.
static bl_status parse_predicate(bl_expression **expression, filter_job *job)
{
    bl_status status =
        bl_expression_parse(expression, job->predicate, "predicate", NULL, job->diag);
    if (status != BL_OK || !job->settings->is_inverted)
        return status;
    bl_expression_destroy(expression);
    bl_buffer text = {0};
    bl_buffer_print(&text, "!(%s\n)", job->predicate);
    status = text.status;
    if (status == BL_OK)
        status =
            bl_expression_parse(expression, (const char *)text.data, "predicate", NULL, job->diag);
    bl_buffer_clear(&text);
    return status;
}

bl_status filter_compile(bl_program **program, filter_job *job, const bl_expression_fields *fields)
{
    bl_expression *expression = NULL;
    bl_graph *graph = NULL;
    bl_program_info info;
    bl_status status = parse_predicate(&expression, job);
    if (status == BL_OK)
        status = bl_expression_to_graph(&graph, expression, fields, NULL, job->diag);
    if (status == BL_OK)
        status = bl_program_cover_graph(program, graph, NULL);
    if (status == BL_OK) {
        bl_program_get_info(&info, *program);
        job->n_operations = info.n_lut3_operations;
    }
    bl_graph_destroy(&graph);
    bl_expression_destroy(&expression);
    return status;
}

static bl_status open_input(filter_job *job)
{
    struct stat st;
    job->fd = STDIN_FILENO;
    if (strcmp(job->path, "-") != 0)
        job->fd = open(job->path, O_RDONLY | O_CLOEXEC);
    if (job->fd < 0 || fstat(job->fd, &st) != 0)
        return bl_diag_set(job->diag, BL_ERR_IO, job->path, 0, 0, "%s", strerror(errno));
    if (S_ISDIR(st.st_mode))
        return bl_diag_set(job->diag, BL_ERR_IO, job->path, 0, 0, "is a folder; expected a file");
    job->is_regular = S_ISREG(st.st_mode) && job->fd != STDIN_FILENO;
    job->file_bytes = job->is_regular ? (uint64_t)st.st_size : 0;
    return BL_OK;
}

static bool has_suffix(const char *path, const char *suffix)
{
    size_t n = strlen(path), m = strlen(suffix);
    return n >= m && strcmp(path + n - m, suffix) == 0;
}

static const char *format_of(const filter_job *job)
{
    if (job->settings->format)
        return job->settings->format;
    return has_suffix(job->path, ".csv") ? "csv" : has_suffix(job->path, ".tsv") ? "tsv" : "raw";
}

static void print_statistics(const filter_job *job, uint64_t elapsed_ns)
{
    bl_buffer out = {0};
    bl_json json;
    bl_json_begin(&json, &out, false);
    bl_json_object(&json, NULL);
    bl_json_uint(&json, "n_records", job->n_records);
    bl_json_uint(&json, "n_kept", job->n_kept);
    bl_json_uint(&json, "n_skipped", job->n_skipped);
    bl_json_uint(&json, "bytes_in", job->bytes_in);
    bl_json_uint(&json, "bytes_out", job->out.n_bytes);
    bl_json_uint(&json, "elapsed_ns", elapsed_ns);
    bl_json_real(&json, "record_ns",
                 job->n_records ? (double)elapsed_ns / (double)job->n_records : 0);
    bl_json_uint(&json, "n_operations", job->n_operations);
    bl_json_uint(&json, "n_threads", bl_pool_n_threads(job->pool));
    bl_json_text(&json, "level", bl_cpu_name(job->command->common.cpu));
    bl_json_end(&json);
    bl_buffer_append(&out, "\n", 1);
    (void)print_buffer(&out);
}

static void print_result(const filter_job *job, uint64_t elapsed_ns)
{
    const bl_common *o = &job->command->common;
    double seconds = (double)elapsed_ns * 1e-9;
    if (o->is_json)
        print_statistics(job, elapsed_ns);
    else if (job->settings->only_count)
        printf("%" PRIu64 "\n", job->n_kept);
    if (job->n_skipped && !o->is_quiet)
        fprintf(stderr, "bitloom: %" PRIu64 " bad rows skipped\n", job->n_skipped);
    if (o->is_verbose)
        fprintf(stderr,
                "bitloom: %" PRIu64 " of %" PRIu64 " rows kept, %.3g GB/s, %" PRIu64
                " operations for 512 rows\n",
                job->n_kept, job->n_records,
                seconds > 0 ? (double)job->bytes_in * 1e-9 / seconds : 0, job->n_operations);
}

static bl_status filter(filter_job *job)
{
    const filter_settings *o = job->settings;
    const char *format = format_of(job);
    bool is_raw = strcmp(format, "raw") == 0;
    bl_status status = bl_pool_create(&job->pool, (size_t)job->command->common.n_threads, NULL);
    if (status == BL_OK)
        status = open_input(job);
    if (status == BL_OK)
        status = output_file_open(&job->out, o->out, o->only_count, job->diag);
    if (status != BL_OK)
        return status;
    bl_progress_begin(&job->progress, "filtering", job->file_bytes, "bytes",
                      job->command->common.is_quiet);
    status = is_raw ? filter_raw(job) : filter_csv(job, strcmp(format, "tsv") == 0);
    bl_progress_end(&job->progress, job->bytes_in);
    return output_file_close(&job->out, status);
}

static bl_status check_settings(const bl_command *c, bl_diag *diag)
{
    const filter_settings *o = c->settings;
    if (c->common.is_json && !o->only_count && (!o->out || strcmp(o->out, "-") == 0))
        return bl_diag_set(diag, BL_ERR_ARGUMENT, NULL, 0, 0,
                           "--json prints statistics where the rows would go; add -o FILE or "
                           "--count");
    if (o->format && strcmp(o->format, "csv") != 0 && strcmp(o->format, "tsv") != 0
        && strcmp(o->format, "raw") != 0)
        return bl_diag_set(diag, BL_ERR_ARGUMENT, NULL, 0, 0,
                           "--format %s: expected csv, tsv or raw", o->format);
    return BL_OK;
}

static int run(const bl_command *c)
{
    const filter_settings *o = c->settings;
    bl_diag diag = {0};
    filter_job job = {.command = c,
                      .settings = o,
                      .predicate = c->operands[0],
                      .path = c->n_operands > 1 ? c->operands[1] : "-",
                      .fd = -1,
                      .limit = o->limit ? (uint64_t)o->limit : UINT64_MAX,
                      .diag = &diag};
    if (check_settings(c, &diag) != BL_OK)
        return report(&diag, EXIT_USAGE);
    uint64_t begun = bl_time_ns();
    bl_status status = filter(&job);
    if (status == BL_OK)
        print_result(&job, bl_time_ns() - begun);
    else if (!diag.message[0])
        bl_diag_set(&diag, status, job.path, 0, 0, "%s", bl_status_text(status));
    if (job.fd > STDIN_FILENO)
        close(job.fd);
    bl_pool_destroy(&job.pool);
    if (status == BL_OK)
        return job.n_kept ? EXIT_YES : EXIT_NO;
    bool is_usage = status == BL_ERR_ARGUMENT || strcmp(diag.file, "predicate") == 0
                    || strcmp(diag.file, "--fields") == 0;
    return report(&diag, is_usage ? EXIT_USAGE : EXIT_NO);
}

static const filter_settings defaults;
static const bl_option options[] = {
    {"fields", 'f', BL_OPTION_TEXT, offsetof(filter_settings, fields), "LIST", 0, 0,
     "fields of a record, kind:3,price:s20; @FILE reads them from a file"},
    {"format", 0, BL_OPTION_TEXT, offsetof(filter_settings, format), "F", 0, 0,
     "csv, tsv or raw; default: by the suffix, otherwise raw"},
    {"separator", 0, BL_OPTION_TEXT, offsetof(filter_settings, separator), "C", 0, 0,
     "between the cells of a table; default: a comma, or a tab for tsv"},
    {"no-header", 0, BL_OPTION_FLAG, offsetof(filter_settings, has_no_header), NULL, 0, 0,
     "the table begins with a row; --fields names its columns"},
    {"no-quotes", 0, BL_OPTION_FLAG, offsetof(filter_settings, has_no_quotes), NULL, 0, 0,
     "quotes are text like any other; a line end always ends a row"},
    {"empty", 0, BL_OPTION_TEXT, offsetof(filter_settings, empty), "NUMBER", 0, 0,
     "what an empty cell of a number column stands for"},
    {"skip-bad", 0, BL_OPTION_FLAG, offsetof(filter_settings, skips_bad), NULL, 0, 0,
     "leave out rows whose cells cannot be read, and count them"},
    {"out", 'o', BL_OPTION_TEXT, offsetof(filter_settings, out), "FILE", 0, 0,
     "write the rows there; default: standard output"},
    {"count", 'c', BL_OPTION_FLAG, offsetof(filter_settings, only_count), NULL, 0, 0,
     "print only how many rows are kept"},
    {"index", 0, BL_OPTION_FLAG, offsetof(filter_settings, prints_index), NULL, 0, 0,
     "print the numbers of the rows, the first is 0, instead of the rows"},
    {"invert", 0, BL_OPTION_FLAG, offsetof(filter_settings, is_inverted), NULL, 0, 0,
     "keep the rows for which the predicate does not hold"},
    {"limit", 0, BL_OPTION_INT, offsetof(filter_settings, limit), "N", 1, 9e15,
     "stop after N rows"},
};

const bl_verb bl_verb_filter = {
    .name = "filter",
    .operands = "PREDICATE [IN]",
    .summary = "keep the rows of a file for which a predicate holds",
    .details =
        "IN is a table (csv, tsv) or a file of raw records of whole bytes, lowest bit first;\n"
        "default is standard input. Rows come out as they are and in their order.\n"
        "The predicate is written like C or Python: kind == 3 && popcount(mask) >= 9,\n"
        "method in {\"GET\", \"HEAD\"}, price - cost > 1.50; docs/guide/filter.md has all of it.\n"
        "Exit status: 0 if a row was kept, 1 if none was or something failed.",
    .example = "bitloom filter 'status in 500..599 && seconds > 1.5' access.csv -o slow.csv",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .min_operands = 1,
    .max_operands = 2,
    .settings_bytes = sizeof(filter_settings),
    .defaults = &defaults,
    .run = run};
