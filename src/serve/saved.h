// SPDX-License-Identifier: MIT
#ifndef BITLOOM_SERVE_SAVED_H
#define BITLOOM_SERVE_SAVED_H

// What a server that stops hands to the next one (docs/formats/kept.md): parked lanes and the
// sequences of the inference protocol, in one file.

#include "http/http.h"
#include "lanes/lanes.h"

// Nothing is under way: all kept lanes are parked. Written beside the file, then renamed.
BL_MUST_USE bl_status saved_write(const char *path, const lanes_host *host, const http_host *http,
                                  bl_diag *diag);
// Into hosts that have none yet. No such file: nothing. After a failure some may be there.
BL_MUST_USE bl_status saved_read(const char *path, lanes_host *host, http_host *http,
                                 bl_diag *diag);
// The same from memory; path is for the diagnostic.
BL_MUST_USE bl_status saved_parse(const uint8_t *data, size_t bytes, const char *path,
                                  lanes_host *host, http_host *http, bl_diag *diag);
// It was read and must not be read again: it is now FILE.taken.
BL_MUST_USE bl_status saved_take(const char *path, bl_diag *diag);
BL_MUST_USE bl_status saved_check_folder(const char *path, bl_diag *diag); // it may be written

#endif
