// SPDX-License-Identifier: MIT
// Statuses and diagnostics.

#include <bitloom/base.h>

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *bl_status_text(bl_status status)
{
    switch (status) {
    case BL_OK: return "ok";
    case BL_ERR_MEMORY: return "out of memory";
    case BL_ERR_ARGUMENT: return "argument out of range";
    case BL_ERR_IO: return "input or output failed";
    case BL_ERR_FORMAT: return "malformed data";
    case BL_ERR_LIMIT: return "a limit is exceeded";
    case BL_ERR_UNSUPPORTED: return "not supported here";
    case BL_ERR_BUSY: return "busy";
    }
    return "unknown status";
}

static void set(bl_diag *diag, const char *file, const char *format, va_list arguments)
{
    *diag = (bl_diag){0};
    snprintf(diag->file, sizeof diag->file, "%s", file ? file : "");
    vsnprintf(diag->message, sizeof diag->message, format, arguments);
}

bl_status bl_diag_set(bl_diag *diag, bl_status status, const char *file, uint64_t line,
                      uint64_t column, const char *format, ...)
{
    if (diag) {
        va_list arguments;
        va_start(arguments, format);
        set(diag, file, format, arguments);
        va_end(arguments);
        diag->line = line;
        diag->column = column;
    }
    return status;
}

bl_status bl_diag_set_offset(bl_diag *diag, bl_status status, const char *file, uint64_t offset,
                             const char *format, ...)
{
    if (diag) {
        va_list arguments;
        va_start(arguments, format);
        set(diag, file, format, arguments);
        va_end(arguments);
        diag->offset = offset;
        diag->has_offset = true;
    }
    return status;
}

void bl_diag_format(char *dst, size_t dst_bytes, const bl_diag *d)
{
    const char *separator = d->file[0] ? ": " : "";
    if (d->has_offset)
        snprintf(dst, dst_bytes, "%s%sbyte %" PRIu64 ": %s", d->file, separator, d->offset,
                 d->message);
    else if (d->line)
        snprintf(dst, dst_bytes, "%s:%" PRIu64 ":%" PRIu64 ": %s", d->file, d->line, d->column,
                 d->message);
    else
        snprintf(dst, dst_bytes, "%s%s%s", d->file, separator, d->message);
}
