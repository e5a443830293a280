// SPDX-License-Identifier: MIT
// Results on their way out: a buffer before a file descriptor, a temporary neighbour before a file.

#define _GNU_SOURCE // mkostemp
#include "output_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BUFFER_BYTES = 1 << 20 };

static void fail(output_file *o)
{
    if (o->status == BL_OK)
        o->status = bl_diag_set(o->diag, BL_ERR_IO, o->path ? o->path : "standard output", 0, 0,
                                "%s", strerror(errno));
}

static void write_all(output_file *o, const uint8_t *data, size_t bytes)
{
    while (bytes > 0 && o->status == BL_OK) {
        ssize_t n = write(o->fd, data, bytes);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            fail(o);
            return;
        }
        data += n;
        bytes -= (size_t)n;
    }
}

// Devices and pipes are written in place, regular files get a neighbour first.
static bool is_special(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && !S_ISREG(st.st_mode);
}

static void open_file(output_file *o, const char *path)
{
    o->path = path;
    if (is_special(path)) {
        o->fd = open(path, O_WRONLY | O_CLOEXEC);
    } else {
        int n = snprintf(o->temporary, sizeof o->temporary, "%s.XXXXXX", path);
        if (n < 0 || (size_t)n >= sizeof o->temporary) {
            errno = ENAMETOOLONG;
            o->temporary[0] = 0;
        } else
            o->fd = mkostemp(o->temporary, O_CLOEXEC);
        if (o->fd < 0)
            o->temporary[0] = 0;
    }
    if (o->fd < 0)
        fail(o);
}

bl_status output_file_open(output_file *o, const char *path, bool is_nothing, bl_diag *diag)
{
    *o = (output_file){.fd = -1, .diag = diag};
    if (is_nothing)
        return BL_OK;
    o->buffer = bl_alloc(NULL, BUFFER_BYTES);
    if (!o->buffer)
        o->status = bl_diag_set(diag, BL_ERR_MEMORY, NULL, 0, 0, "out of memory");
    else if (path && strcmp(path, "-") != 0)
        open_file(o, path);
    else
        o->fd = STDOUT_FILENO;
    return o->status;
}

void output_file_put(output_file *o, const void *data, size_t bytes)
{
    if (o->fd < 0)
        return;
    o->n_bytes += bytes;
    bool is_large = bytes >= BUFFER_BYTES / 2;
    if (is_large || bytes > BUFFER_BYTES - o->n_buffered) {
        write_all(o, o->buffer, o->n_buffered);
        o->n_buffered = 0;
    }
    if (is_large)
        write_all(o, data, bytes);
    else {
        memcpy(o->buffer + o->n_buffered, data, bytes);
        o->n_buffered += bytes;
    }
}

bl_status output_file_close(output_file *o, bl_status status)
{
    if (status == BL_OK)
        status = o->status;
    if (o->fd >= 0 && (status == BL_OK || !o->path)) { // rows before an error are good
        write_all(o, o->buffer, o->n_buffered);
        status = status == BL_OK ? o->status : status;
    }
    if (o->path && o->fd >= 0) {
        bool is_temporary = o->temporary[0] != 0;
        if (is_temporary && status == BL_OK && fchmod(o->fd, 0644) != 0)
            fail(o);
        if (close(o->fd) != 0)
            fail(o);
        if (is_temporary && status == BL_OK && o->status == BL_OK
            && rename(o->temporary, o->path) != 0)
            fail(o);
        if (is_temporary && (status != BL_OK || o->status != BL_OK))
            unlink(o->temporary);
        if (status == BL_OK)
            status = o->status;
    }
    bl_free(NULL, o->buffer, BUFFER_BYTES);
    o->buffer = NULL;
    o->fd = -1;
    return status;
}
