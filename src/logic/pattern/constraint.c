// SPDX-License-Identifier: MIT
// Constraints: the gates of a pattern, run for 512 texts. Two machines: one moves states on, one
// says what they allow, for each class of bytes; the classes become bytes for each lane apart.

#include "pattern_private.h"

#include "base/try.h"

#include <assert.h>
#include <string.h>

enum { MAX_PLANES = 257 };

struct bl_constraint {
    const bl_pattern *pattern;
    const bl_bits *bits;
    bl_program *programs[2]; // its own, NULL where the pattern has them
    bl_machine *machines[2]; // step, allowed
    byte_set classes[256];
    const bl_allocator *allocator;
};

static bl_status weave(bl_program **program, const bl_pattern *p, pattern_graph what,
                       const bl_allocator *allocator)
{
    bl_graph *g;
    TRY(pattern_graph_create(&g, p, what, allocator));
    bl_status status = bl_program_cover_graph(program, g, allocator);
    bl_graph_destroy(&g);
    return status;
}

bl_status bl_pattern_prepare(bl_pattern *p)
{
    assert(p);
    for (int i = PATTERN_STEP; i <= PATTERN_ALLOWED; i++)
        if (!p->programs[i])
            TRY(weave(&p->programs[i], p, (pattern_graph)i, p->allocator));
    return BL_OK;
}

static bl_status make_machine(bl_constraint *c, pattern_graph what, bl_cpu level)
{
    const bl_program *program = c->pattern->programs[what];
    if (!program) {
        TRY(weave(&c->programs[what], c->pattern, what, c->allocator));
        program = c->programs[what];
    }
    return bl_machine_create(&c->machines[what], program, level, c->allocator);
}

bl_status bl_constraint_create(bl_constraint **result, const bl_pattern *pattern, bl_cpu level,
                               const bl_allocator *allocator)
{
    assert(result && pattern);
    bl_constraint *c = bl_alloc(allocator, sizeof *c);
    if (!c)
        return BL_ERR_MEMORY;
    *c = (bl_constraint){.pattern = pattern, .bits = bl_bits_get(level), .allocator = allocator};
    for (int b = 0; b < 256; b++)
        set_add(&c->classes[pattern->class_of[b]], (uint8_t)b);
    bl_status status = make_machine(c, PATTERN_STEP, level);
    if (status == BL_OK)
        status = make_machine(c, PATTERN_ALLOWED, level);
    if (status == BL_OK)
        *result = c;
    else
        bl_constraint_destroy(&c);
    return status;
}

void bl_constraint_destroy(bl_constraint **handle)
{
    bl_constraint *c = handle ? *handle : NULL;
    if (!c)
        return;
    for (int i = 0; i < 2; i++) {
        bl_machine_destroy(&c->machines[i]);
        bl_program_destroy(&c->programs[i]);
    }
    bl_free(c->allocator, c, sizeof *c);
    *handle = NULL;
}

void bl_constraint_step(bl_constraint *c, uint32_t *states, const uint8_t *bytes, size_t n)
{
    assert(n <= BL_LANES);
    bl_machine *m = c->machines[PATTERN_STEP];
    uint32_t n_bits = pattern_bits(c->pattern);
    uint8_t packed[BL_LANES][4] = {{0}};
    bl_slice(c->bits, bl_machine_input(m), bytes, 1, n, 8);
    bl_slice(c->bits, bl_machine_state(m), states, sizeof *states, n, n_bits);
    bl_machine_run(m, 0);
    bl_unslice(c->bits, packed, sizeof *packed, bl_machine_state(m), n, n_bits);
    memcpy(states, packed, n * sizeof *states);
}

void bl_constraint_allowed(uint64_t (*allowed)[4], uint8_t *is_complete, bl_constraint *c,
                           const uint32_t *states, size_t n)
{
    assert(n <= BL_LANES);
    bl_machine *m = c->machines[PATTERN_ALLOWED];
    uint32_t n_classes = c->pattern->n_classes;
    uint8_t lanes[BL_LANES][(MAX_PLANES + 7) / 8];
    bl_slice(c->bits, bl_machine_input(m), states, sizeof *states, n, pattern_bits(c->pattern));
    bl_machine_run(m, 0);
    bl_unslice(c->bits, lanes, sizeof *lanes, bl_machine_output(m), n, n_classes + 1);
    for (size_t i = 0; i < n; i++) {
        memset(allowed[i], 0, sizeof allowed[i]);
        for (uint32_t k = 0; k < n_classes; k++)
            if (lanes[i][k / 8] >> (k % 8) & 1)
                for (int w = 0; w < 4; w++)
                    allowed[i][w] |= c->classes[k].word[w];
        if (is_complete)
            is_complete[i] = lanes[i][n_classes / 8] >> (n_classes % 8) & 1;
    }
}
