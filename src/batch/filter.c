// SPDX-License-Identifier: MIT
// A program as a predicate: chunks are sliced straight into the machine's input planes, and as many
// of them run at a time as L1 has room for.

#include "pieces.h"

#include <assert.h>

struct bl_filter {
    const bl_allocator *allocator;
    const bl_bits *bits;
    bl_machine *machine;
    pieces pieces;
    uint32_t n_inputs;
    size_t n_chunks; // at a time
};

enum { SLOT_BYTES = 24 << 10, MOST_CHUNKS = 8 };

static size_t chunks_at_a_time(const bl_program_info *info)
{
    size_t n = SLOT_BYTES / (info->n_slots * sizeof(bl_plane));
    return n < 1 ? 1 : n > MOST_CHUNKS ? MOST_CHUNKS : n;
}

bl_status bl_filter_create(bl_filter **result, const bl_program *program, size_t record_bytes,
                           bl_cpu level, const bl_allocator *allocator)
{
    assert(result && program && bl_cpu_is_supported(level));
    bl_program_info info;
    bl_program_get_info(&info, program);
    if (record_bytes == 0 || record_bytes > BL_BATCH_RECORD_BYTES
        || info.n_inputs > 8 * record_bytes || info.n_state > 0 || info.n_outputs == 0)
        return BL_ERR_ARGUMENT;
    bl_filter *f = bl_alloc(allocator, sizeof *f);
    if (!f)
        return BL_ERR_MEMORY;
    *f = (bl_filter){.allocator = allocator,
                     .bits = bl_bits_get(level),
                     .n_inputs = info.n_inputs,
                     .n_chunks = chunks_at_a_time(&info)};
    uint8_t is_read[8 * BL_BATCH_RECORD_BYTES] = {0};
    bl_program_mark_inputs(is_read, program);
    bl_status status = pieces_create(&f->pieces, is_read, record_bytes, allocator);
    if (status == BL_OK)
        status = bl_machine_create_many(&f->machine, program, f->n_chunks, level, allocator);
    if (status == BL_OK)
        *result = f;
    else
        bl_filter_destroy(&f);
    return status;
}

void bl_filter_destroy(bl_filter **handle)
{
    bl_filter *f = handle ? *handle : NULL;
    if (!f)
        return;
    bl_machine_destroy(&f->machine);
    pieces_destroy(&f->pieces);
    bl_free(f->allocator, f, sizeof *f);
    *handle = NULL;
}

void bl_filter_run(bl_filter *f, bl_plane *keep, const void *records, size_t n_records)
{
    const uint8_t *rows = records;
    size_t stride = bl_machine_stride(f->machine), n_chunks = 0;
    for (size_t done = 0; done < n_records;) {
        size_t n = n_records - done < BL_LANES ? n_records - done : BL_LANES;
        pieces_slice_first(&f->pieces, f->bits, bl_machine_input(f->machine) + n_chunks * stride,
                           f->n_inputs, rows + done * f->pieces.record_bytes, n);
        done += n;
        if (++n_chunks < f->n_chunks && done < n_records)
            continue;
        bl_machine_run_many(f->machine, 0, n_chunks);
        for (size_t c = 0; c < n_chunks; c++)
            *keep++ = bl_machine_output(f->machine)[c * stride];
        n_chunks = 0;
    }
}
