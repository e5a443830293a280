// SPDX-License-Identifier: MIT
// Programs in their file form: what is accepted runs.
#include "fuzz.h"

#include <bitloom/timeline.h>

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    bl_program *p;
    bl_machine *m;
    bl_timeline *t = NULL;
    bl_program_info info;
    uint8_t *copy = bl_alloc(NULL, bytes + 1); // aligned
    memcpy(copy, data, bytes);
    if (bl_program_open(&p, copy, bytes, "x", NULL, NULL) == BL_OK) {
        bl_program_get_info(&info, p);
        if (info.n_slots < 100000 && bl_machine_create(&m, p, bl_cpu_best(), NULL) == BL_OK) {
            for (uint32_t e = 0; e < info.n_entries; e++)
                bl_machine_run(m, e);
            bl_machine_destroy(&m);
        }
        if (info.n_slots < 100000 && bl_timeline_create(&t, p, bl_cpu_best(), NULL) == BL_OK) {
            uint8_t *state = bl_alloc(NULL, info.n_state / 8 + 1);
            bl_timeline_run(t, state, 100);
            bl_free(NULL, state, info.n_state / 8 + 1);
        }
        bl_timeline_destroy(&t);
        bl_program_destroy(&p);
    }
    bl_free(NULL, copy, bytes + 1);
    return 0;
}
