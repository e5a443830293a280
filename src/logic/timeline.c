// SPDX-License-Identifier: MIT
// Time in the lanes: the step of a program cut into stretches that are the same for all steps, with
// scans and shifts over the lanes between them.
//
// The program is rewritten: its temporaries become state, since they must live from stretch to
// stretch, and each plane of the state gets a companion. A plane that is written as f(.., itself)
// becomes two, f with itself false (the companion) and true, before the scan makes one of them. A
// plane that is read before it is written must be a copy of something that is known by then: its
// companion gets that, one lane later.

#include <bitloom/timeline.h>

#include "edit.h"
#include "table.h"

#include "base/try.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

typedef struct event { // behind a stretch
    uint32_t stretch;
    uint32_t plane; // of the state
    bool is_scan;   // else a shift of slot `source` to the companion
    uint32_t source;
} event;

struct bl_timeline {
    bl_program *program;
    bl_machine *machine;
    const bl_bits *bits;
    event *events;
    size_t n_events, events_bytes;
    uint32_t n_stretches, n_entries; // entries of the original
    uint32_t n_state;                // planes of the original
    uint32_t first_companion;        // among the planes of the machine's state
    uint8_t *is_written;             // of each plane of the state
    const bl_allocator *allocator;
};

// ------------------------------------------------------------------------------- rewriting

typedef struct definition { // the last write of a plane of the state
    uint32_t at;            // 1 + operation; 0: none
    bool is_copy;
    uint32_t source, version; // of a copy: a slot, and 1 + the operation that had written it
} definition;

enum { UNRESOLVED, RESOLVING, RESOLVED };

typedef struct rewriter {
    const bl_program *p;
    bl_assembler *a;
    edits edits;
    bl_buffer events;
    uint32_t first_state, n_state, first_output, first_temporary;
    uint32_t new_temporary, companion, new_output; // first slots in the new program
    uint32_t n_stretches;
    uint32_t *version;       // of each slot: 1 + the operation that wrote it, 0: none so far
    definition *definitions; // of each plane of the state
    uint8_t *shifts;         // of each plane: whether its companion shows it as it was
    uint8_t *is_pending;     // of each plane: its scan waits for the end of the stretch
    uint32_t *chain;         // scratch
    const edit_operation *op;
    uint32_t at; // 1 + its number
    bool is_possible;
} rewriter;

static bool is_state(const rewriter *r, uint32_t slot)
{
    return slot >= r->first_state && slot < r->first_state + r->n_state;
}

static uint32_t renamed(const rewriter *r, uint32_t slot)
{
    return slot >= r->first_temporary ? r->new_temporary + slot - r->first_temporary
           : slot >= r->first_output  ? r->new_output + slot - r->first_output
                                      : slot;
}

// Whether a LUT3 only hands on a slot; which one.
static bool find_copied(uint32_t *slot, const edit_operation *op)
{
    static const uint8_t tables[3] = {0xF0, 0xCC, 0xAA};
    bool is_constant = op->kind == 0 || op->kind == 255;
    *slot = op->kind & 1;
    for (uint32_t i = 0; i < 3; i++)
        if (op->kind == tables[i]) {
            *slot = op->operands[i];
            return true;
        }
    return is_constant;
}

static void set_versions(rewriter *r, const edit_operation *op, uint32_t version)
{
    for (uint32_t k = 0; k < op->n_dst; k++)
        r->version[op->dst + k] = version;
    if (op->second_dst)
        r->version[op->second_dst] = version;
}

static void find_definitions(rewriter *r)
{
    for (uint32_t i = 0; i < edit_count(&r->edits); i++) {
        const edit_operation *op = edit_at(&r->edits, i);
        definition d = {.at = i + 1};
        d.is_copy = find_copied(&d.source, op);
        d.version = r->version[d.source];
        set_versions(r, op, i + 1);
        for (uint32_t k = 0; k < op->n_dst; k++)
            if (is_state(r, op->dst + k))
                r->definitions[op->dst + k - r->first_state] = d;
        if (op->second_dst && is_state(r, op->second_dst))
            r->definitions[op->second_dst - r->first_state] = (definition){.at = i + 1};
    }
    memset(r->version, 0, r->p->header->n_slots * sizeof *r->version);
}

static void begin_stretch(rewriter *r)
{
    char name[24];
    snprintf(name, sizeof name, "stretch%u", r->n_stretches++);
    bl_assembler_begin_entry(r->a, name);
    memset(r->is_pending, 0, r->n_state);
}

static void add_event(rewriter *r, const event *e) { bl_buffer_append(&r->events, e, sizeof *e); }

// A plane of the state that is written only later in the step: what it holds is of the step before.
static bool is_late(const rewriter *r, uint32_t slot)
{
    return is_state(r, slot) && r->version[slot] == 0
           && r->definitions[slot - r->first_state].at != 0;
}

// Adds the shifts that give plane `first` as it was before the step, and those that it is made of;
// false, and nothing added, where it does not follow from what is known.
static bool resolve(rewriter *r, uint32_t first)
{
    uint32_t n = 0;
    bool is_possible = true;
    for (uint32_t plane = first; r->shifts[plane] != RESOLVED;) {
        const definition *d = &r->definitions[plane];
        bool is_ring = r->shifts[plane] == RESOLVING;
        is_possible = !is_ring && d->is_copy && r->version[d->source] == d->version;
        if (!is_possible)
            break;
        r->shifts[plane] = RESOLVING;
        r->chain[n++] = plane;
        if (!is_late(r, d->source))
            break;
        plane = d->source - r->first_state; // which is meant as it was before, too
    }
    for (uint32_t i = n; i-- > 0;) {
        uint32_t source = r->definitions[r->chain[i]].source;
        source = is_late(r, source) ? r->companion + source - r->first_state : renamed(r, source);
        if (is_possible)
            add_event(r, &(event){r->n_stretches - 1, r->chain[i], false, source});
        r->shifts[r->chain[i]] = is_possible ? RESOLVED : UNRESOLVED;
    }
    return is_possible;
}

static bool is_scanned(const rewriter *r, uint32_t slot)
{
    return r->op->kind < 256 && slot == r->op->dst
           && r->definitions[slot - r->first_state].at == r->at;
}

static void end_scan(rewriter *r, uint32_t slot)
{
    if (is_state(r, slot) && r->is_pending[slot - r->first_state])
        begin_stretch(r);
}

static void prepare_read(void *context, uint32_t *slot)
{
    rewriter *r = context;
    end_scan(r, *slot);
    if (!is_late(r, *slot) || is_scanned(r, *slot) || r->shifts[*slot - r->first_state] == RESOLVED)
        return;
    // all that can be shifted by now: the next ones need not end their stretches
    for (uint32_t plane = 0; plane < r->n_state; plane++)
        if (is_late(r, r->first_state + plane))
            (void)resolve(r, plane);
    r->is_possible &= r->shifts[*slot - r->first_state] == RESOLVED;
    begin_stretch(r);
}

static void rename_read(void *context, uint32_t *slot)
{
    rewriter *r = context;
    if (is_late(r, *slot) && !is_scanned(r, *slot))
        *slot = r->companion + *slot - r->first_state;
    else
        *slot = renamed(r, *slot);
}

// z = f(operands, z): the companion becomes f with z false, the plane itself f with z true.
static void emit_scan(rewriter *r, const edit_operation *op)
{
    uint8_t without = (uint8_t)op->kind, with = without;
    uint32_t o[3];
    for (uint32_t i = 0; i < 3; i++) {
        o[i] = op->operands[i];
        if (o[i] != op->dst)
            continue;
        without = table_fix(without, i, false);
        with = table_fix(with, i, true);
        o[i] = 0;
    }
    r->is_possible &= (without & ~with) == 0;
    uint32_t plane = op->dst - r->first_state;
    bl_assembler_lut3(r->a, without, r->companion + plane, o[0], o[1], o[2]);
    bl_assembler_lut3(r->a, with, op->dst, o[0], o[1], o[2]);
    add_event(r, &(event){r->n_stretches - 1, plane, true, 0});
    r->is_pending[plane] = 1;
}

static bool reads_itself(const rewriter *r, const edit_operation *op)
{
    bool result = false;
    for (uint32_t i = 0; op->kind < 256 && i < 3; i++)
        result |= op->operands[i] == op->dst && table_needs((uint8_t)op->kind, i);
    return result && is_late(r, op->dst) && is_scanned(r, op->dst);
}

static void rewrite_operation(rewriter *r, edit_operation *op)
{
    r->op = op;
    edit_for_reads(&r->edits, op, prepare_read, r);
    for (uint32_t k = 0; k < op->n_dst; k++)
        end_scan(r, op->dst + k);
    end_scan(r, op->second_dst);
    bool is_scan = reads_itself(r, op);
    edit_for_reads(&r->edits, op, rename_read, r);
    for (uint32_t i = 0; op->kind < 256 && i < 3; i++)
        if (!table_needs((uint8_t)op->kind, i))
            op->operands[i] = 0;
    set_versions(r, op, r->at);
    if (is_scan) {
        emit_scan(r, op);
        return;
    }
    op->dst = renamed(r, op->dst);
    op->second_dst = renamed(r, op->second_dst);
    edit_emit(r->a, &r->edits, op);
}

static void rewrite_step(rewriter *r)
{
    edit_read(&r->edits, r->p, 0);
    if (r->edits.operations.status != BL_OK || r->edits.literals.status != BL_OK)
        return;
    find_definitions(r);
    begin_stretch(r);
    for (uint32_t i = 0; i < edit_count(&r->edits) && r->is_possible; i++) {
        r->at = i + 1;
        rewrite_operation(r, edit_at(&r->edits, i));
    }
}

static void rename_only(void *context, uint32_t *slot) { *slot = renamed(context, *slot); }

static void rewrite_other(rewriter *r, uint32_t entry)
{
    size_t first = edit_count(&r->edits);
    edit_read(&r->edits, r->p, entry);
    if (r->edits.operations.status != BL_OK || r->edits.literals.status != BL_OK)
        return;
    bl_assembler_begin_entry(r->a, r->p->entries[entry].name);
    for (size_t i = first; i < edit_count(&r->edits); i++) {
        edit_operation *op = edit_at(&r->edits, i);
        for (uint32_t k = 0; k < op->n_dst; k++)
            r->is_possible &= !is_state(r, op->dst + k);
        r->is_possible &= !is_state(r, op->second_dst);
        edit_for_reads(&r->edits, op, rename_only, r);
        op->dst = renamed(r, op->dst);
        op->second_dst = renamed(r, op->second_dst);
        edit_emit(r->a, &r->edits, op);
    }
}

// The program's ports; as state, its state, its temporaries and the companions.
static bl_status begin_program(rewriter *r, const bl_allocator *allocator)
{
    const program_header *h = r->p->header;
    bl_record state = {.allocator = allocator};
    bl_status status = bl_record_add(&state, "state", h->n_state, false);
    if (status == BL_OK && h->n_temporaries > 0)
        status = bl_record_add(&state, "temporaries", h->n_temporaries, false);
    if (status == BL_OK)
        status = bl_record_add(&state, "companions", h->n_state, false);
    if (status == BL_OK)
        status =
            bl_assembler_create(&r->a, &r->p->records[0], &state, &r->p->records[2], allocator);
    bl_record_clear(&state);
    r->first_state = FIRST_FREE_SLOT + h->n_inputs;
    r->first_output = r->first_state + h->n_state;
    r->first_temporary = r->first_output + h->n_outputs;
    r->new_temporary = r->first_output;
    r->companion = r->new_temporary + h->n_temporaries;
    r->new_output = r->companion + h->n_state;
    return status;
}

static bl_status rewrite(bl_timeline *t, rewriter *r, const bl_program *p)
{
    const bl_allocator *allocator = t->allocator;
    r->version = bl_alloc_array(allocator, p->header->n_slots, sizeof *r->version);
    r->definitions = bl_alloc_array(allocator, r->n_state, sizeof *r->definitions);
    r->shifts = bl_alloc(allocator, r->n_state);
    r->is_pending = bl_alloc(allocator, r->n_state);
    r->chain = bl_alloc_array(allocator, r->n_state, sizeof *r->chain);
    t->is_written = bl_alloc(allocator, r->n_state);
    if (!r->version || !r->definitions || !r->shifts || !r->is_pending || !r->chain
        || !t->is_written)
        return BL_ERR_MEMORY;
    TRY(begin_program(r, allocator));
    rewrite_step(r);
    for (uint32_t e = 1; e < p->header->n_entries; e++)
        rewrite_other(r, e);
    if (r->edits.operations.status != BL_OK || r->edits.literals.status != BL_OK
        || r->events.status != BL_OK)
        return BL_ERR_MEMORY;
    if (!r->is_possible)
        return BL_ERR_UNSUPPORTED;
    for (uint32_t i = 0; i < r->n_state; i++)
        t->is_written[i] = r->definitions[i].at != 0;
    return bl_assembler_finish(&t->program, r->a);
}

static void rewriter_clear(rewriter *r, const bl_allocator *allocator)
{
    bl_assembler_destroy(&r->a);
    bl_free(allocator, r->version, r->p->header->n_slots * sizeof *r->version);
    bl_free(allocator, r->definitions, r->n_state * sizeof *r->definitions);
    bl_free(allocator, r->shifts, r->n_state);
    bl_free(allocator, r->is_pending, r->n_state);
    bl_free(allocator, r->chain, r->n_state * sizeof *r->chain);
    edit_clear(&r->edits);
    bl_buffer_clear(&r->events);
}

bl_status bl_timeline_create(bl_timeline **result, const bl_program *p, bl_cpu level,
                             const bl_allocator *allocator)
{
    assert(result && p);
    if (p->header->n_state == 0)
        return BL_ERR_UNSUPPORTED;
    bl_timeline *t = bl_alloc(allocator, sizeof *t);
    if (!t)
        return BL_ERR_MEMORY;
    *t = (bl_timeline){.bits = bl_bits_get(level),
                       .n_entries = p->header->n_entries,
                       .n_state = p->header->n_state,
                       .first_companion = p->header->n_state + p->header->n_temporaries,
                       .allocator = allocator};
    rewriter r = {
        .p = p,
        .n_state = p->header->n_state,
        .is_possible = true,
        .edits = {.operations = {.allocator = allocator}, .literals = {.allocator = allocator}},
        .events = {.allocator = allocator}};
    bl_status status = rewrite(t, &r, p);
    if (status == BL_OK) {
        t->n_stretches = r.n_stretches;
        t->n_events = r.events.bytes / sizeof *t->events;
        t->events_bytes = r.events.capacity;
        t->events = (event *)(void *)r.events.data;
        r.events = (bl_buffer){.allocator = allocator};
        status = bl_machine_create(&t->machine, t->program, level, allocator);
    }
    rewriter_clear(&r, allocator);
    if (status == BL_OK)
        *result = t;
    else
        bl_timeline_destroy(&t);
    return status;
}

void bl_timeline_destroy(bl_timeline **handle)
{
    bl_timeline *t = handle ? *handle : NULL;
    if (!t)
        return;
    bl_machine_destroy(&t->machine);
    bl_program_destroy(&t->program);
    bl_free(t->allocator, t->events, t->events_bytes);
    bl_free(t->allocator, t->is_written, t->n_state);
    bl_free(t->allocator, t, sizeof *t);
    *handle = NULL;
}

// --------------------------------------------------------------------------------- running

// Lane i of `plane` becomes false[i] | (true[i] & lane i - 1); before lane 0 stands `bit`. Where
// false is set a carry is made, where only true is it is passed on, elsewhere it ends.
static void scan(bl_plane *plane, const bl_plane *companion, uint64_t bit)
{
    for (size_t k = 0; k < BL_LANES / 64; k++) {
        uint64_t makes = companion->word[k], passes = plane->word[k], sum, total;
        uint64_t overflow = __builtin_add_overflow(makes, passes, &sum);
        overflow |= (uint64_t)__builtin_add_overflow(sum, bit, &total);
        plane->word[k] = makes | (passes & ~total);
        bit = overflow;
    }
}

static void shift(bl_plane *plane, const bl_plane *source, uint64_t bit)
{
    for (size_t k = 0; k < BL_LANES / 64; k++) {
        uint64_t word = source->word[k];
        plane->word[k] = word << 1 | bit;
        bit = word >> 63;
    }
}

static uint64_t bit_of(const uint8_t *state, uint32_t plane)
{
    return state[plane / 8] >> (plane % 8) & 1;
}

static size_t state_bytes_of(const bl_timeline *t) { return ((size_t)t->n_state + 7) / 8; }

static void set_unwritten(bl_timeline *t, const uint8_t *state)
{
    bl_plane *planes = bl_machine_state(t->machine);
    for (uint32_t i = 0; i < t->n_state; i++)
        if (!t->is_written[i])
            memset(&planes[i], bit_of(state, i) ? 255 : 0, sizeof planes[i]);
}

void bl_timeline_run(bl_timeline *t, uint8_t *state, size_t n_steps)
{
    assert(n_steps >= 1 && n_steps <= BL_LANES);
    bl_plane *planes = bl_machine_state(t->machine), *companions = planes + t->first_companion;
    const bl_plane *slots = planes - t->program->info.first_state;
    set_unwritten(t, state);
    size_t i = 0;
    for (uint32_t s = 0; s < t->n_stretches; s++) {
        bl_machine_run(t->machine, s);
        for (; i < t->n_events && t->events[i].stretch == s; i++) {
            const event *e = &t->events[i];
            uint64_t bit = bit_of(state, e->plane);
            if (e->is_scan)
                scan(&planes[e->plane], &companions[e->plane], bit);
            else
                shift(&companions[e->plane], &slots[e->source], bit);
        }
    }
    memset(state, 0, state_bytes_of(t));
    for (uint32_t k = 0; k < t->n_state; k++)
        state[k / 8] |= (uint8_t)(bl_lane_get(&planes[k], n_steps - 1) << (k % 8));
}

void bl_timeline_states(uint8_t *states, const bl_timeline *t, size_t n_steps)
{
    bl_unslice(t->bits, states, state_bytes_of(t), bl_machine_state(t->machine), n_steps,
               t->n_state);
}

bl_plane *bl_timeline_input(bl_timeline *t) { return bl_machine_input(t->machine); }
const bl_plane *bl_timeline_output(const bl_timeline *t) { return bl_machine_output(t->machine); }

void bl_timeline_run_entry(bl_timeline *t, uint32_t entry)
{
    assert(entry >= 1 && entry < t->n_entries);
    bl_machine_run(t->machine, t->n_stretches + entry - 1);
}

void bl_timeline_get_info(bl_timeline_info *info, const bl_timeline *t)
{
    *info = (bl_timeline_info){.n_runs = t->n_stretches};
    for (size_t i = 0; i < t->n_events; i++)
        if (t->events[i].is_scan)
            info->n_scans++;
        else
            info->n_shifts++;
}
