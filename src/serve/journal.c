// SPDX-License-Identifier: MIT
// A line is one write to a file that is open for appending: lines of several writers do not mix.
// One that cannot be written is lost; the server goes on.

#include "journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct journal {
    const char *path;
    int fd;
    bool is_broken; // the last line is not whole
    bl_buffer line;
    bl_json json;
};

static int open_file(const char *path)
{
    return strcmp(path, "-") == 0 ? STDERR_FILENO
                                  : open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
}

bl_status journal_open(journal **result, const char *path, bl_diag *diag)
{
    int fd = open_file(path);
    if (fd < 0)
        return bl_diag_set(diag, BL_ERR_IO, path, 0, 0,
                           "%s; --log takes a file that may be written, or - for standard error",
                           strerror(errno));
    journal *j = bl_alloc(NULL, sizeof *j);
    if (!j) {
        if (fd != STDERR_FILENO)
            close(fd);
        return bl_diag_set(diag, BL_ERR_MEMORY, path, 0, 0, "out of memory");
    }
    *j = (journal){.path = path, .fd = fd};
    *result = j;
    return BL_OK;
}

static void close_file(const journal *j)
{
    if (j->fd != STDERR_FILENO)
        close(j->fd);
}

void journal_reopen(journal *j)
{
    if (!j)
        return;
    int fd = open_file(j->path);
    if (fd >= 0) {
        close_file(j);
        j->fd = fd;
        return;
    }
    const char *why = strerror(errno);
    bl_json *line = journal_begin(j, "error"); // to the old file
    bl_json_text(line, "message", why);
    bl_json_text(line, "path", j->path);
    journal_end(j);
}

void journal_close(journal **handle)
{
    journal *j = *handle;
    if (!j)
        return;
    close_file(j);
    bl_buffer_clear(&j->line);
    bl_free(NULL, j, sizeof *j);
    *handle = NULL;
}

static void write_time(bl_json *json)
{
    struct timespec now;
    struct tm parts;
    char day[24], text[40];
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &parts);
    strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", &parts);
    snprintf(text, sizeof text, "%s.%03dZ", day, (int)(now.tv_nsec / 1000000));
    bl_json_text(json, "time", text);
}

bl_json *journal_begin(journal *j, const char *event)
{
    if (!j)
        return NULL;
    bl_buffer_clear(&j->line);
    bl_json_begin(&j->json, &j->line, false);
    bl_json_object(&j->json, NULL);
    write_time(&j->json);
    bl_json_text(&j->json, "event", event);
    return &j->json;
}

void journal_end(journal *j)
{
    bl_json_end(&j->json);
    bl_buffer_append(&j->line, "\n", 1);
    if (j->line.status != BL_OK)
        return;
    if (j->is_broken) // the end of a line that could not be written whole
        j->is_broken = write(j->fd, "\n", 1) != 1;
    ssize_t n;
    do
        n = write(j->fd, j->line.data, j->line.bytes);
    while (n < 0 && errno == EINTR);
    j->is_broken |= n > 0 && (size_t)n < j->line.bytes;
}
