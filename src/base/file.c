// SPDX-License-Identifier: MIT
// Whole files: regular ones are mapped, pipes and standard input are read.

#define _GNU_SOURCE // mkostemp
#include <bitloom/base.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static bl_status fail(bl_diag *diag, const char *path)
{
    return bl_diag_set(diag, BL_ERR_IO, strcmp(path, "-") == 0 ? "standard input" : path, 0, 0,
                       "%s", strerror(errno));
}

static bl_status read_stream(bl_file *file, int fd, const char *path, bl_diag *diag)
{
    bl_buffer all = {0};
    uint8_t chunk[65536];
    for (;;) {
        ssize_t n = read(fd, chunk, sizeof chunk);
        if (n == 0)
            break;
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            bl_buffer_clear(&all);
            return fail(diag, path);
        }
        bl_buffer_append(&all, chunk, (size_t)n);
    }
    if (all.status != BL_OK) {
        bl_buffer_clear(&all);
        return bl_diag_set(diag, BL_ERR_MEMORY, path, 0, 0, "too large for the memory");
    }
    // shrink to the exact size, so that closing knows it
    uint8_t *data = bl_resize(NULL, all.data, all.capacity, all.bytes + 1);
    if (!data) {
        bl_buffer_clear(&all);
        return bl_diag_set(diag, BL_ERR_MEMORY, path, 0, 0, "out of memory");
    }
    *file = (bl_file){.data = data, .bytes = all.bytes};
    return BL_OK;
}

bl_status bl_file_open(bl_file *file, const char *path, bl_diag *diag)
{
    if (strcmp(path, "-") == 0)
        return read_stream(file, STDIN_FILENO, path, diag);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return fail(diag, path);
    struct stat st;
    bl_status status = BL_OK;
    if (fstat(fd, &st) != 0)
        status = fail(diag, path);
    else if (S_ISDIR(st.st_mode))
        status = bl_diag_set(diag, BL_ERR_IO, path, 0, 0, "is a folder; expected a file");
    else if (!S_ISREG(st.st_mode) || st.st_size == 0)
        status = read_stream(file, fd, path, diag);
    else {
        void *p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (p == MAP_FAILED)
            status = fail(diag, path);
        else
            *file = (bl_file){.data = p, .bytes = (size_t)st.st_size, .is_mapped = true};
    }
    close(fd);
    return status;
}

void bl_file_close(bl_file *file)
{
    if (file->is_mapped)
        munmap((void *)(uintptr_t)file->data, file->bytes);
    else
        bl_free(NULL, (void *)(uintptr_t)file->data, file->bytes + 1);
    *file = (bl_file){0};
}

static bool write_all(int fd, const uint8_t *data, size_t bytes)
{
    while (bytes > 0) {
        ssize_t n = write(fd, data, bytes);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        data += n;
        bytes -= (size_t)n;
    }
    return true;
}

// Devices and pipes (/dev/null, /dev/fd/3) cannot be renamed over: they are written in place.
static bool is_special(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && !S_ISREG(st.st_mode);
}

bl_status bl_file_write(const char *path, const void *data, size_t bytes, bl_diag *diag)
{
    if (strcmp(path, "-") == 0)
        return write_all(STDOUT_FILENO, data, bytes)
                   ? BL_OK
                   : bl_diag_set(diag, BL_ERR_IO, "standard output", 0, 0, "%s", strerror(errno));
    bool is_direct = is_special(path);
    char temporary[4096];
    int n = snprintf(temporary, sizeof temporary, is_direct ? "%s" : "%s.XXXXXX", path);
    if (n < 0 || (size_t)n >= sizeof temporary)
        return bl_diag_set(diag, BL_ERR_ARGUMENT, path, 0, 0, "the path is too long");
    int fd = is_direct ? open(path, O_WRONLY | O_CLOEXEC) : mkostemp(temporary, O_CLOEXEC);
    if (fd < 0)
        return fail(diag, path);
    bool is_written = write_all(fd, data, bytes) && (is_direct || fchmod(fd, 0644) == 0);
    is_written = close(fd) == 0 && is_written;
    if (is_written && (is_direct || rename(temporary, path) == 0))
        return BL_OK;
    bl_status status = fail(diag, path);
    if (!is_direct)
        unlink(temporary);
    return status;
}
