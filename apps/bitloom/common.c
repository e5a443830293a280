// SPDX-License-Identifier: MIT
// What several verbs need: diagnostics on standard error, files of logic and of models.

#include "verbs.h"

#include <ctype.h>
#include <string.h>

int report(const bl_diag *diag, int exit_status)
{
    char text[1024];
    bl_diag_format(text, sizeof text, diag);
    fprintf(stderr, "bitloom: %s\n", text);
    return exit_status;
}

bool ends_with(const char *text, const char *suffix)
{
    size_t n = strlen(text), m = strlen(suffix);
    return n >= m && strcmp(text + n - m, suffix) == 0;
}

void name_from_path(char *name, size_t name_bytes, const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *from = slash ? slash + 1 : path;
    size_t n = 0;
    if (!isalpha((unsigned char)from[0]))
        name[n++] = 'n';
    for (; *from && *from != '.' && n + 1 < name_bytes; from++)
        name[n++] = isalnum((unsigned char)*from) ? *from : '_';
    name[n] = 0;
}

typedef bl_status graph_reader(bl_graph **graph, const uint8_t *data, size_t bytes,
                               const char *name, const bl_allocator *allocator, bl_diag *diag);

// By the first word that is no comment: ".model" is BLIF, "INPUT(" or "a = ..." .bench.
static graph_reader *find_reader(const bl_file *f)
{
    size_t at = 0;
    while (at < f->bytes && (isspace(f->data[at]) || f->data[at] == '#')) {
        bool is_comment = f->data[at] == '#';
        while (is_comment && at < f->bytes && f->data[at] != '\n')
            at++;
        at += at < f->bytes;
    }
    if (at < f->bytes && f->data[at] == '.')
        return bl_graph_read_blif;
    for (size_t end = at; end < f->bytes && f->data[end] != '\n'; end++)
        if (f->data[end] == '(' || f->data[end] == '=')
            return bl_graph_read_bench;
    return bl_graph_read_aiger;
}

bl_status logic_file_open(logic_file *logic, const char *path, bl_diag *diag)
{
    *logic = (logic_file){0};
    bl_status status = bl_file_open(&logic->file, path, diag);
    if (status != BL_OK)
        return status;
    const bl_file *f = &logic->file;
    if (f->bytes >= 4 && memcmp(f->data, "BLP1", 4) == 0)
        status = bl_program_open(&logic->program, f->data, f->bytes, path, NULL, diag);
    else
        status = find_reader(f)(&logic->graph, f->data, f->bytes, path, NULL, diag);
    if (status != BL_OK)
        logic_file_close(logic);
    return status;
}

void logic_file_close(logic_file *logic)
{
    bl_graph_destroy(&logic->graph);
    bl_program_destroy(&logic->program);
    bl_file_close(&logic->file);
}

bl_status model_file_open(model_file *model, const char *path, bl_diag *diag)
{
    *model = (model_file){0};
    bl_status status = bl_file_open(&model->file, path, diag);
    if (status == BL_OK)
        status =
            bl_model_open(&model->model, model->file.data, model->file.bytes, path, NULL, diag);
    if (status != BL_OK)
        model_file_close(model);
    return status;
}

void model_file_close(model_file *model)
{
    bl_model_destroy(&model->model);
    bl_file_close(&model->file);
}

int print_buffer(bl_buffer *out)
{
    bl_diag diag = {.message = "out of memory"};
    bl_status status = out->status;
    if (status == BL_OK)
        status = bl_file_write("-", out->data, out->bytes, &diag);
    bl_buffer_clear(out);
    return status == BL_OK ? EXIT_YES : report(&diag, EXIT_NO);
}
