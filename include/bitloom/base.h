// SPDX-License-Identifier: MIT
#ifndef BITLOOM_BASE_H
#define BITLOOM_BASE_H

// What every layer stands on: statuses and diagnostics, memory, CPU levels, threads, random
// numbers, files, buffers, JSON, hashes, time. The library never exits, prints or keeps a global
// error: functions that can fail return a bl_status and leave their outputs untouched on failure.
//
//     bl_diag diag = {0};
//     bl_file file;
//     if (bl_file_open(&file, "adder.aig", &diag) != BL_OK) {
//         char text[1024];
//         bl_diag_format(text, sizeof text, &diag);
//         fprintf(stderr, "%s\n", text);              // adder.aig: No such file or directory
//     }

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#define BL_BEGIN_DECLS extern "C" {
#define BL_END_DECLS }
#else
#define BL_BEGIN_DECLS
#define BL_END_DECLS
#endif
#define BL_API __attribute__((visibility("default")))
#define BL_MUST_USE __attribute__((warn_unused_result))
#define BL_PRINTF(format_index, first_argument)                                                    \
    __attribute__((format(printf, format_index, first_argument)))

BL_BEGIN_DECLS

// ------------------------------------------------------------------- statuses, diagnostics

typedef enum bl_status {
    BL_OK = 0,
    BL_ERR_MEMORY = -1,      // the allocator said no
    BL_ERR_ARGUMENT = -2,    // the caller's value is out of its range
    BL_ERR_IO = -3,          // the system said no; the diagnostic says why
    BL_ERR_FORMAT = -4,      // data from outside is not what it should be
    BL_ERR_LIMIT = -5,       // a documented limit is exceeded
    BL_ERR_UNSUPPORTED = -6, // legal, but not possible here
    BL_ERR_BUSY = -7         // try again later
} bl_status;

BL_API const char *bl_status_text(bl_status status); // a few words, static

// Where and why. line and column count from 1, 0 = unknown.
typedef struct bl_diag {
    char file[256];
    uint64_t line, column;
    uint64_t offset; // of a byte, where has_offset
    bool has_offset;
    char message[512];
} bl_diag;

// Fill a diagnostic (NULL: nothing to fill) and return `status`, so that a reader can write
// `return bl_diag_set(...)`.
BL_API bl_status bl_diag_set(bl_diag *diag, bl_status status, const char *file, uint64_t line,
                             uint64_t column, const char *format, ...) BL_PRINTF(6, 7);
BL_API bl_status bl_diag_set_offset(bl_diag *diag, bl_status status, const char *file,
                                    uint64_t offset, const char *format, ...) BL_PRINTF(5, 6);

// "file:line:column: message", "file: byte 17: message" or "file: message"; always terminated.
BL_API void bl_diag_format(char *dst, size_t dst_bytes, const bl_diag *diag);

// --------------------------------------------------------------------------------- memory

// resize(context, NULL, 0, n) allocates, resize(context, p, old, 0) frees and returns NULL.
// Results are 64-byte aligned; NULL means failure, the old block is then untouched.
typedef struct bl_allocator {
    void *(*resize)(void *context, void *ptr, size_t old_bytes, size_t new_bytes);
    void *context;
} bl_allocator;

// With allocator NULL: the C heap, and huge pages asked for above 2 MiB.
BL_API void *bl_alloc(const bl_allocator *allocator, size_t bytes); // zeroed; NULL on failure
BL_API void *bl_alloc_array(const bl_allocator *allocator, size_t n, size_t element_bytes);
BL_API void *bl_resize(const bl_allocator *allocator, void *ptr, size_t old_bytes,
                       size_t new_bytes); // new bytes are not zeroed
BL_API void bl_free(const bl_allocator *allocator, void *ptr, size_t bytes);

// ----------------------------------------------------------------------------- CPU levels

// Sets of instructions that kernels are compiled for. Every level computes the same bits.
typedef enum bl_cpu {
    BL_CPU_C,      // portable C
    BL_CPU_AVX2,   // x86-64-v3
    BL_CPU_AVX512, // the Ice Lake set: F BW VL DQ VBMI VBMI2 GFNI BITALG VPOPCNTDQ
    BL_CPU_NEON,   // AArch64
    BL_CPU_COUNT
} bl_cpu;

BL_API bool bl_cpu_is_supported(bl_cpu level); // by this build, this CPU and its system
BL_API bl_cpu bl_cpu_best(void); // the highest; BITLOOM_CPU=c|avx2|avx512|neon overrides
BL_API const char *bl_cpu_name(bl_cpu level);
BL_API BL_MUST_USE bl_status bl_cpu_parse(bl_cpu *level, const char *name, bl_diag *diag);

// -------------------------------------------------------------------------------- threads

// A fixed set of threads. Results of library calls never depend on how many there are.
typedef struct bl_pool bl_pool;

BL_API size_t bl_thread_count(size_t wanted); // wanted, or for 0 one per online core

// n_threads counts the caller; 0 = one per online core.
BL_API BL_MUST_USE bl_status bl_pool_create(bl_pool **pool, size_t n_threads,
                                            const bl_allocator *allocator);
BL_API void bl_pool_destroy(bl_pool **pool);
BL_API size_t bl_pool_n_threads(const bl_pool *pool); // 1 for NULL

// Calls task(context, i) for i = 0..n_tasks-1, in any order, and returns when all are done. The
// caller works too; pool NULL: the caller alone. Not from within a task of the same pool.
BL_API void bl_pool_for(bl_pool *pool, size_t n_tasks, void (*task)(void *context, size_t index),
                        void *context);

// ------------------------------------------------------------------------- random numbers

// xoshiro256** (Blackman, Vigna 2018), seeded by splitmix64: the same numbers everywhere.
typedef struct bl_random {
    uint64_t state[4];
} bl_random;

BL_API void bl_random_seed(bl_random *random, uint64_t seed);
BL_API uint64_t bl_random_next(bl_random *random);
BL_API uint64_t bl_random_below(bl_random *random, uint64_t n); // 0..n-1, unbiased; n > 0
BL_API uint64_t bl_mix64(uint64_t x);                           // a good hash of 64 bits

// ------------------------------------------------------------------------ files, buffers

// A whole file, mapped or read ("-": standard input). data is 64-byte aligned or page aligned.
typedef struct bl_file {
    const uint8_t *data;
    size_t bytes;
    bool is_mapped;
} bl_file;

BL_API BL_MUST_USE bl_status bl_file_open(bl_file *file, const char *path, bl_diag *diag);
BL_API void bl_file_close(bl_file *file);

// Writes all or nothing: to a neighbour first, then renamed. "-": standard output.
BL_API BL_MUST_USE bl_status bl_file_write(const char *path, const void *data, size_t bytes,
                                           bl_diag *diag);

// A growing run of bytes; all zero is an empty one. Failure sticks in `status`: append freely,
// check once. data[bytes] is always 0, so text can be used as a string.
typedef struct bl_buffer {
    uint8_t *data;
    size_t bytes, capacity;
    bl_status status;
    const bl_allocator *allocator;
} bl_buffer;

BL_API void bl_buffer_append(bl_buffer *buffer, const void *data, size_t bytes);
BL_API void bl_buffer_print(bl_buffer *buffer, const char *format, ...) BL_PRINTF(2, 3);
BL_API void bl_buffer_clear(bl_buffer *buffer); // frees

// ---------------------------------------------------------------------------------- UTF-8

// How many bytes the sequence at the beginning of a text of bytes > 0 has, 1 to 4; 0: it is none.
BL_API size_t bl_utf8_sequence(const uint8_t *text, size_t bytes);
// How many bytes of a text are left when a sequence that more bytes could complete is cut off its
// end: what may be shown while the text still grows.
BL_API size_t bl_utf8_whole(const uint8_t *text, size_t bytes);

// ----------------------------------------------------------------------------------- JSON

// A streaming writer: commas, escapes and nesting are its business. Text that is not UTF-8 gets
// replacement characters, numbers are written so that they read back exactly.
typedef struct bl_json {
    bl_buffer *out;
    uint32_t depth;
    bool needs_comma, is_pretty;
    uint64_t is_array; // one bit per depth, at most 64
} bl_json;

BL_API void bl_json_begin(bl_json *json, bl_buffer *out, bool is_pretty);
BL_API void bl_json_object(bl_json *json, const char *key); // key NULL within an array
BL_API void bl_json_array(bl_json *json, const char *key);
BL_API void bl_json_end(bl_json *json); // of the object or array begun last
BL_API void bl_json_text(bl_json *json, const char *key, const char *value);
BL_API void bl_json_bytes(bl_json *json, const char *key, const void *text, size_t bytes);
BL_API void bl_json_int(bl_json *json, const char *key, int64_t value);
BL_API void bl_json_uint(bl_json *json, const char *key, uint64_t value);
BL_API void bl_json_real(bl_json *json, const char *key, double value); // finite
BL_API void bl_json_bool(bl_json *json, const char *key, bool value);
BL_API void bl_json_null(bl_json *json, const char *key);
BL_API void bl_json_base64(bl_json *json, const char *key, const void *data, size_t bytes);

// --------------------------------------------------------------------------- hashes, time

enum { BL_SHA256_BYTES = 32 };
BL_API void bl_sha256(uint8_t digest[BL_SHA256_BYTES], const void *data, size_t bytes);
BL_API void bl_hex(char *dst, const uint8_t *data, size_t bytes); // 2 * bytes + 1 chars

// RFC 4648 base64. Decoding: dst holds n_chars / 4 * 3 bytes; false where text is none.
BL_API void bl_base64_encode(char *dst, const uint8_t *data, size_t bytes); // (n+2)/3*4+1 chars
BL_API bool bl_base64_decode(uint8_t *dst, size_t *bytes, const char *text, size_t n_chars);

BL_API uint64_t bl_time_ns(void); // monotonic

BL_END_DECLS
#endif
