// SPDX-License-Identifier: MIT
//     head (64) | kept lanes | sequences | SHA-256 of all before
//
// The file is taken once: the next server renames it before it serves, so that states do not come
// back a second time after a crash.

#define _GNU_SOURCE // mkostemp
#include "saved.h"

#include "cursor.h"
#include "http/sequences.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const char magic[8] = {'b', 'l', '-', 'k', 'e', 'p', 't', '\n'};

typedef struct saved_head {
    char magic[8];
    uint32_t version, state_bytes;
    uint8_t model_sha256[BL_SHA256_BYTES];
    uint64_t bytes; // of the file
    uint32_t n_lanes, n_sequences;
} saved_head;

_Static_assert(sizeof(saved_head) == 64, "the head has no holes");

enum { VERSION = 1 };

static bl_status fail_errno(bl_diag *diag, const char *path)
{
    return bl_diag_set(diag, BL_ERR_IO, path, 0, 0, "%s", strerror(errno));
}

static saved_head head_for(const bl_model *model)
{
    const bl_model_info *info = bl_model_facts(model);
    saved_head head = {.version = VERSION, .state_bytes = (uint32_t)info->state_bytes};
    memcpy(head.magic, magic, sizeof magic);
    lanes_model_sha256(head.model_sha256, model);
    return head;
}

static const char *folder_of(char *folder, size_t capacity, const char *path)
{
    const char *slash = strrchr(path, '/');
    int n =
        snprintf(folder, capacity, "%.*s", slash ? (int)(slash - path) + 1 : 1, slash ? path : ".");
    return n >= 0 && (size_t)n < capacity ? folder : NULL;
}

// So that a power failure does not undo it.
static bool rename_durably(const char *from, const char *to)
{
    char folder[4096];
    if (rename(from, to) != 0)
        return false;
    int fd = folder_of(folder, sizeof folder, to) ? open(folder, O_RDONLY | O_CLOEXEC) : -1;
    bool is_synced = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    return is_synced;
}

// ------------------------------------------------------------------------------------ out

// The file as it is now, without its checksum, gets it.
static bool append_checksum(FILE *file, const char *path)
{
    uint8_t digest[BL_SHA256_BYTES];
    bl_file written;
    if (fflush(file) != 0 || bl_file_open(&written, path, NULL) != BL_OK)
        return false;
    bl_sha256(digest, written.data, written.bytes);
    bl_file_close(&written);
    return fwrite(digest, sizeof digest, 1, file) == 1 && fflush(file) == 0
           && fsync(fileno(file)) == 0;
}

static bool write_all(FILE *file, const char *path, const lanes_host *host, const http_host *http)
{
    saved_head head = head_for(host->model);
    fwrite(&head, sizeof head, 1, file);
    lanes_save_all(file, host);
    head.n_lanes = host->n_parked;
    head.n_sequences = sequences_save(file, http);
    long bytes = ftell(file);
    head.bytes = (uint64_t)bytes + BL_SHA256_BYTES;
    if (bytes < 0 || fseek(file, 0, SEEK_SET) != 0)
        return false;
    fwrite(&head, sizeof head, 1, file);
    return fseek(file, 0, SEEK_END) == 0 && !ferror(file) && append_checksum(file, path);
}

bl_status saved_write(const char *path, const lanes_host *host, const http_host *http,
                      bl_diag *diag)
{
    char temporary[4096];
    int n = snprintf(temporary, sizeof temporary, "%s.XXXXXX", path);
    if (n < 0 || (size_t)n >= sizeof temporary)
        return bl_diag_set(diag, BL_ERR_ARGUMENT, path, 0, 0, "the path is too long");
    int fd = mkostemp(temporary, O_CLOEXEC); // readable by its owner alone: it has tokens
    FILE *file = fd < 0 ? NULL : fdopen(fd, "w+");
    bool is_written = file && write_all(file, temporary, host, http);
    bl_status status = is_written ? BL_OK : fail_errno(diag, path);
    if (file && fclose(file) != 0 && status == BL_OK)
        status = fail_errno(diag, path);
    else if (!file && fd >= 0)
        close(fd);
    if (status == BL_OK && !rename_durably(temporary, path))
        status = fail_errno(diag, path);
    if (status != BL_OK && fd >= 0)
        unlink(temporary);
    return status;
}

// ------------------------------------------------------------------------------------- in

static bl_status check_head(saved_head *head, const uint8_t *data, size_t bytes, const char *path,
                            const bl_model *model, bl_diag *diag)
{
    static const char way_out[] = "move it away to start without what it has";
    const saved_head expected = head_for(model);
    uint8_t digest[BL_SHA256_BYTES];
    if (bytes < sizeof *head + sizeof digest || memcmp(data, magic, sizeof magic) != 0)
        return bl_diag_set_offset(diag, BL_ERR_FORMAT, path, 0,
                                  "no file of kept sessions; --sessions takes one, or a new name");
    memcpy(head, data, sizeof *head);
    if (head->version != VERSION)
        return bl_diag_set_offset(diag, BL_ERR_FORMAT, path, offsetof(saved_head, version),
                                  "version %u; this program reads %d; %s", head->version, VERSION,
                                  way_out);
    if (head->bytes != bytes)
        return bl_diag_set_offset(diag, BL_ERR_FORMAT, path, offsetof(saved_head, bytes),
                                  "it should have %llu bytes and has %zu; %s",
                                  (unsigned long long)head->bytes, bytes, way_out);
    bl_sha256(digest, data, bytes - sizeof digest);
    if (memcmp(digest, data + bytes - sizeof digest, sizeof digest) != 0)
        return bl_diag_set_offset(diag, BL_ERR_FORMAT, path, bytes - sizeof digest,
                                  "the checksum is another: it is damaged; %s", way_out);
    if (memcmp(head->model_sha256, expected.model_sha256, sizeof digest) != 0
        || head->state_bytes != expected.state_bytes)
        return bl_diag_set_offset(diag, BL_ERR_FORMAT, path, offsetof(saved_head, model_sha256),
                                  "these sessions are of another model: serve that one, or %s",
                                  way_out);
    return BL_OK;
}

bl_status saved_parse(const uint8_t *data, size_t bytes, const char *path, lanes_host *host,
                      http_host *http, bl_diag *diag)
{
    saved_head head;
    bl_status status = check_head(&head, data, bytes, path, host->model, diag);
    if (status != BL_OK)
        return status;
    cursor c = {.data = data, .bytes = bytes - BL_SHA256_BYTES, .at = sizeof head};
    bool is_ok =
        lanes_restore_all(host, head.n_lanes, &c) && sequences_restore(http, head.n_sequences, &c);
    if (is_ok && c.at != c.bytes)
        is_ok = cursor_fail(&c, "%zu bytes follow that mean nothing", c.bytes - c.at);
    if (is_ok)
        return BL_OK;
    return bl_diag_set_offset(diag, c.lacks_memory ? BL_ERR_MEMORY : BL_ERR_FORMAT, path, c.at,
                              "%s; move it away to start without what it has", c.reason);
}

bl_status saved_read(const char *path, lanes_host *host, http_host *http, bl_diag *diag)
{
    bl_file file;
    if (access(path, F_OK) != 0 && errno == ENOENT)
        return BL_OK;
    bl_status status = bl_file_open(&file, path, diag);
    if (status != BL_OK)
        return status;
    status = saved_parse(file.data, file.bytes, path, host, http, diag);
    bl_file_close(&file);
    return status;
}

bl_status saved_take(const char *path, bl_diag *diag)
{
    char taken[4096];
    int n = snprintf(taken, sizeof taken, "%s.taken", path);
    if (n < 0 || (size_t)n >= sizeof taken)
        return bl_diag_set(diag, BL_ERR_ARGUMENT, path, 0, 0, "the path is too long");
    return rename_durably(path, taken) || errno == ENOENT ? BL_OK : fail_errno(diag, path);
}

bl_status saved_check_folder(const char *path, bl_diag *diag)
{
    char folder[4096];
    if (!folder_of(folder, sizeof folder, path))
        return bl_diag_set(diag, BL_ERR_ARGUMENT, path, 0, 0, "the path is too long");
    if (access(folder, W_OK | X_OK) != 0)
        return bl_diag_set(diag, BL_ERR_IO, folder, 0, 0,
                           "%s; --sessions needs a folder that may be written", strerror(errno));
    return BL_OK;
}
