// SPDX-License-Identifier: MIT
#ifndef BITLOOM_APPS_OUTPUT_FILE_H
#define BITLOOM_APPS_OUTPUT_FILE_H

// A result that is written piece by piece: few large writes, and a file gets its name only when it
// is complete, so that it may also be the input. Devices, pipes and standard output are written as
// they are.

#include <bitloom/base.h>

typedef struct output_file {
    int fd;           // -1: nothing is written
    const char *path; // NULL: standard output
    char temporary[4096];
    uint8_t *buffer;
    size_t n_buffered;
    uint64_t n_bytes;
    bl_status status; // failures stick
    bl_diag *diag;
} output_file;

// path NULL or "-": standard output; is_nothing: what is put is dropped.
BL_MUST_USE bl_status output_file_open(output_file *out, const char *path, bool is_nothing,
                                       bl_diag *diag);
void output_file_put(output_file *out, const void *data, size_t bytes);
// Writes the rest; the file gets its name only now, if `status` says that all went well.
BL_MUST_USE bl_status output_file_close(output_file *out, bl_status status);

#endif
