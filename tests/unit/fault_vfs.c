// SPDX-License-Identifier: MIT
// The disk: a few files, each with what is surely on it, what a reader sees, and the changes
// between.
//
//     write, truncate ──> seen ────────────── read
//                    └──> changes ── sync ──> durable
//                                 └─ crash ─> some of them, then seen = durable

#include "fault_vfs.h"

#include <bitloom/base.h>

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_FILES = 8, MAX_PATH = 256, SECTOR_BYTES = 512, MAX_REGIONS = 64 };

typedef struct change {
    struct change *next;
    bool is_truncation; // to `at` bytes
    size_t at, bytes;
    uint8_t data[];
} change;

typedef struct bytes {
    uint8_t *data;
    size_t n;
} bytes;

typedef struct disk_file {
    char path[MAX_PATH]; // "": free
    bytes seen, durable;
    change *changes, **last;
    void *regions[MAX_REGIONS]; // shared memory of the write-ahead log's index
} disk_file;

typedef struct open_file {
    sqlite3_file base;
    disk_file *disk;
} open_file;

static struct {
    disk_file files[MAX_FILES];
    uint64_t n_operations, crash_at, n_torn;
    bool is_crashed;
    bl_random random;
} disk;

// ------------------------------------------------------------------------------------ bytes

static void set_size(bytes *b, size_t n)
{
    b->data = realloc(b->data, n + 1);
    if (!b->data)
        abort();
    if (n > b->n)
        memset(b->data + b->n, 0, n - b->n);
    b->n = n;
}

static void put(bytes *b, const uint8_t *data, size_t at, size_t n)
{
    if (at + n > b->n)
        set_size(b, at + n);
    memcpy(b->data + at, data, n);
}

static void apply(bytes *b, const change *c)
{
    if (c->is_truncation)
        set_size(b, c->at);
    else
        put(b, c->data, c->at, c->bytes);
}

// Some of the sectors that the write touches.
static void apply_torn(bytes *b, const change *c)
{
    for (size_t at = c->at, end; at < c->at + c->bytes; at = end) {
        end = at - at % SECTOR_BYTES + SECTOR_BYTES;
        end = end < c->at + c->bytes ? end : c->at + c->bytes;
        if (bl_random_below(&disk.random, 2))
            put(b, c->data + (at - c->at), at, end - at);
    }
}

static void drop_changes(disk_file *f)
{
    for (change *c = f->changes, *next; c; c = next) {
        next = c->next;
        free(c);
    }
    f->changes = NULL;
    f->last = &f->changes;
}

static void note_change(disk_file *f, bool is_truncation, const void *data, size_t at, size_t n)
{
    change *c = calloc(1, sizeof *c + n);
    if (!c)
        abort();
    *c = (change){.is_truncation = is_truncation, .at = at, .bytes = n};
    if (n)
        memcpy(c->data, data, n);
    *f->last = c;
    f->last = &c->next;
    apply(&f->seen, c);
}

static void clear_file(disk_file *f)
{
    drop_changes(f);
    free(f->seen.data);
    free(f->durable.data);
    for (int i = 0; i < MAX_REGIONS; i++)
        free(f->regions[i]);
    *f = (disk_file){0};
}

// ---------------------------------------------------------------------------------- crashes

static void crash(void)
{
    disk.is_crashed = true;
    for (int i = 0; i < MAX_FILES; i++)
        for (const change *c = disk.files[i].changes; c; c = c->next) {
            uint64_t fate = bl_random_below(&disk.random, 3);
            disk.n_torn += fate > 0;
            if (fate == 0)
                apply(&disk.files[i].durable, c);
            else if (fate == 1 && !c->is_truncation)
                apply_torn(&disk.files[i].durable, c);
        }
}

// Counts an operation; false once the power is gone.
static bool has_power(void)
{
    disk.n_operations += !disk.is_crashed;
    if (!disk.is_crashed && disk.crash_at && disk.n_operations >= disk.crash_at)
        crash();
    return !disk.is_crashed;
}

void fault_vfs_crash_after(uint64_t n_operations, uint64_t seed)
{
    disk.crash_at = n_operations ? disk.n_operations + n_operations : 0;
    bl_random_seed(&disk.random, seed);
}

bool fault_vfs_is_crashed(void) { return disk.is_crashed; }
uint64_t fault_vfs_n_operations(void) { return disk.n_operations; }
uint64_t fault_vfs_n_torn(void) { return disk.n_torn; }

void fault_vfs_restart(void)
{
    for (int i = 0; i < MAX_FILES; i++) {
        disk_file *f = &disk.files[i];
        if (!f->path[0])
            continue;
        drop_changes(f);
        set_size(&f->seen, f->durable.n);
        if (f->durable.n)
            memcpy(f->seen.data, f->durable.data, f->durable.n);
        for (int k = 0; k < MAX_REGIONS; k++) {
            free(f->regions[k]);
            f->regions[k] = NULL;
        }
    }
    disk.is_crashed = false;
    disk.crash_at = 0;
}

void fault_vfs_format(void)
{
    for (int i = 0; i < MAX_FILES; i++)
        clear_file(&disk.files[i]);
    disk.is_crashed = false;
    disk.n_operations = disk.crash_at = 0;
}

// ------------------------------------------------------------------------------- open files

static disk_file *disk_of(sqlite3_file *file) { return ((open_file *)file)->disk; }

static int close_file(sqlite3_file *file)
{
    (void)file;
    return SQLITE_OK;
}

static int read_file(sqlite3_file *file, void *dst, int n, sqlite3_int64 at)
{
    const bytes *seen = &disk_of(file)->seen;
    size_t end = (size_t)at + (size_t)n;
    if (disk.is_crashed)
        return SQLITE_IOERR_READ;
    size_t there = (size_t)at >= seen->n ? 0 : (end < seen->n ? end : seen->n) - (size_t)at;
    if (there)
        memcpy(dst, seen->data + at, there);
    memset((uint8_t *)dst + there, 0, (size_t)n - there);
    return there < (size_t)n ? SQLITE_IOERR_SHORT_READ : SQLITE_OK;
}

static int write_file(sqlite3_file *file, const void *data, int n, sqlite3_int64 at)
{
    if (disk.is_crashed)
        return SQLITE_IOERR_WRITE;
    note_change(disk_of(file), false, data, (size_t)at, (size_t)n); // the crash may tear this one
    return has_power() ? SQLITE_OK : SQLITE_IOERR_WRITE;
}

static int truncate_file(sqlite3_file *file, sqlite3_int64 n)
{
    if (disk.is_crashed)
        return SQLITE_IOERR_TRUNCATE;
    note_change(disk_of(file), true, NULL, (size_t)n, 0);
    return has_power() ? SQLITE_OK : SQLITE_IOERR_TRUNCATE;
}

static int sync_file(sqlite3_file *file, int flags)
{
    disk_file *f = disk_of(file);
    (void)flags;
    if (!has_power())
        return SQLITE_IOERR_FSYNC;
    for (const change *c = f->changes; c; c = c->next)
        apply(&f->durable, c);
    drop_changes(f);
    return SQLITE_OK;
}

static int file_size(sqlite3_file *file, sqlite3_int64 *n)
{
    *n = (sqlite3_int64)disk_of(file)->seen.n;
    return disk.is_crashed ? SQLITE_IOERR_FSTAT : SQLITE_OK;
}

static int lock_file(sqlite3_file *file, int level)
{
    (void)file, (void)level;
    return SQLITE_OK;
}

static int is_locked(sqlite3_file *file, int *result)
{
    (void)file;
    *result = 0;
    return SQLITE_OK;
}

static int control_file(sqlite3_file *file, int operation, void *argument)
{
    (void)file, (void)operation, (void)argument;
    return SQLITE_NOTFOUND;
}

static int sector_bytes(sqlite3_file *file)
{
    (void)file;
    return SECTOR_BYTES;
}

static int characteristics(sqlite3_file *file)
{
    (void)file;
    return SQLITE_IOCAP_POWERSAFE_OVERWRITE; // as the usual file system says, too
}

static int map_region(sqlite3_file *file, int region, int n, int may_extend, void volatile **out)
{
    void **slot = &disk_of(file)->regions[region];
    if (region >= MAX_REGIONS)
        return SQLITE_IOERR_SHMMAP;
    if (!*slot && may_extend)
        *slot = calloc(1, (size_t)n);
    *out = *slot;
    return !*slot && may_extend ? SQLITE_NOMEM : SQLITE_OK;
}

static int lock_region(sqlite3_file *file, int at, int n, int flags)
{
    (void)file, (void)at, (void)n, (void)flags;
    return SQLITE_OK;
}

static void region_barrier(sqlite3_file *file) { (void)file; }

static int unmap_regions(sqlite3_file *file, int should_delete)
{
    disk_file *f = disk_of(file);
    for (int i = 0; should_delete && i < MAX_REGIONS; i++) {
        free(f->regions[i]);
        f->regions[i] = NULL;
    }
    return SQLITE_OK;
}

static const sqlite3_io_methods methods = {.iVersion = 2,
                                           .xClose = close_file,
                                           .xRead = read_file,
                                           .xWrite = write_file,
                                           .xTruncate = truncate_file,
                                           .xSync = sync_file,
                                           .xFileSize = file_size,
                                           .xLock = lock_file,
                                           .xUnlock = lock_file,
                                           .xCheckReservedLock = is_locked,
                                           .xFileControl = control_file,
                                           .xSectorSize = sector_bytes,
                                           .xDeviceCharacteristics = characteristics,
                                           .xShmMap = map_region,
                                           .xShmLock = lock_region,
                                           .xShmBarrier = region_barrier,
                                           .xShmUnmap = unmap_regions};

// -------------------------------------------------------------------------- the file system

static disk_file *find_file(const char *path)
{
    for (int i = 0; i < MAX_FILES; i++)
        if (disk.files[i].path[0] && strcmp(disk.files[i].path, path) == 0)
            return &disk.files[i];
    return NULL;
}

static disk_file *create_file(const char *path)
{
    for (int i = 0; i < MAX_FILES; i++) {
        disk_file *f = &disk.files[i];
        if (f->path[0])
            continue;
        strncpy(f->path, path, MAX_PATH - 1);
        f->last = &f->changes;
        return f;
    }
    abort();
}

static int open_path(sqlite3_vfs *vfs, const char *path, sqlite3_file *file, int flags,
                     int *out_flags)
{
    (void)vfs;
    disk_file *f = find_file(path);
    file->pMethods = NULL;
    if (disk.is_crashed || (!f && !(flags & SQLITE_OPEN_CREATE)))
        return SQLITE_CANTOPEN;
    ((open_file *)file)->disk = f ? f : create_file(path);
    file->pMethods = &methods;
    if (out_flags)
        *out_flags = flags;
    return SQLITE_OK;
}

// A file that is gone stays gone: SQLite deletes only what it does not need any more, and looks for
// it by its contents otherwise.
static int delete_path(sqlite3_vfs *vfs, const char *path, int sync_folder)
{
    (void)vfs, (void)sync_folder;
    disk_file *f = find_file(path);
    if (!has_power())
        return SQLITE_IOERR_DELETE;
    if (!f)
        return SQLITE_IOERR_DELETE_NOENT;
    clear_file(f);
    return SQLITE_OK;
}

static int look_for(sqlite3_vfs *vfs, const char *path, int flags, int *result)
{
    (void)vfs, (void)flags;
    const disk_file *f = find_file(path);
    *result = f && f->seen.n > 0;
    return SQLITE_OK;
}

static int full_path(sqlite3_vfs *vfs, const char *path, int n, char *out)
{
    (void)vfs;
    sqlite3_snprintf(n, out, "%s", path);
    return SQLITE_OK;
}

static int fill_random(sqlite3_vfs *vfs, int n, char *out)
{
    (void)vfs;
    memset(out, 7, (size_t)n); // for names of temporary files, of which there are none
    return n;
}

static int sleep_us(sqlite3_vfs *vfs, int us)
{
    (void)vfs;
    return us;
}

static int current_time(sqlite3_vfs *vfs, double *days)
{
    (void)vfs;
    *days = 2460000;
    return SQLITE_OK;
}

void fault_vfs_register(void)
{
    static sqlite3_vfs vfs = {.iVersion = 1,
                              .szOsFile = sizeof(open_file),
                              .mxPathname = MAX_PATH - 1,
                              .zName = FAULT_VFS,
                              .xOpen = open_path,
                              .xDelete = delete_path,
                              .xAccess = look_for,
                              .xFullPathname = full_path,
                              .xRandomness = fill_random,
                              .xSleep = sleep_us,
                              .xCurrentTime = current_time};
    if (sqlite3_vfs_register(&vfs, 0) != SQLITE_OK)
        abort();
}
