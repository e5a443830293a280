// SPDX-License-Identifier: MIT
// Lane refill. A worker holds a slab of records and 512 lanes; lanes[i] is the record in lane i.
//
//     step:    save the state | run | done lanes that were done before get their saved state back
//     harvest: rows <- planes | results[lanes[i]] <- row i of done lanes | rows of new records
//              into their lanes by bl_expand | planes <- rows
//
// A harvest moves all lanes through rows, which costs as much as a step of some hundred gates, so
// it waits until enough lanes are done; those keep their state meanwhile. Results lie where their
// records lay, so neither threads nor the moment of a harvest can be seen in them.

#include "pieces.h"

#include <assert.h>
#include <string.h>

enum { ENOUGH = 64, SLAB_ROWS = 8192, N_WORDS = BL_LANES / 64 };

typedef struct refiller {
    bl_machine *machine;
    bl_plane *planes; // of the record; the first n_state are the machine's
    bl_plane *saved;  // the state before a step
    uint8_t *rows;
    uint64_t steps[BL_LANES]; // when the lane began
    size_t lanes[BL_LANES];
    bl_plane active, done;
} refiller;

struct bl_refill {
    bl_refill_params params;
    const bl_bits *bits;
    pieces pieces;
    uint32_t n_state;
    refiller *workers;
    size_t n_workers;
    // the run under way
    uint8_t *results;
    uint32_t *steps;
    const uint8_t *records;
    size_t n_records, first_slab;
};

// One slab on its way through the lanes.
typedef struct slab {
    const bl_refill *r;
    refiller *w;
    size_t next, end; // records that no lane has had yet
    uint64_t now;     // steps so far
} slab;

static size_t count(const slab *s, const bl_plane *p)
{
    return bl_count_set(s->r->bits, p, BL_LANES);
}

static void give_back(slab *s)
{
    const bl_refill *r = s->r;
    refiller *w = s->w;
    size_t bytes = r->params.record_bytes;
    for (size_t k = 0; k < N_WORDS; k++)
        for (uint64_t left = w->done.word[k]; left; left &= left - 1) {
            size_t lane = 64 * k + (size_t)__builtin_ctzll(left);
            memcpy(r->results + w->lanes[lane] * bytes, w->rows + lane * bytes, bytes);
        }
}

// New records for the free lanes, in the order of the lanes.
static void fill_lanes(slab *s)
{
    const bl_refill *r = s->r;
    refiller *w = s->w;
    bl_plane given = {0};
    size_t bytes = r->params.record_bytes, first = s->next;
    for (size_t lane = 0; lane < BL_LANES && s->next < s->end; lane++)
        if (!bl_lane_get(&w->active, lane)) {
            bl_lane_set(&given, lane, true);
            w->lanes[lane] = s->next++;
            w->steps[lane] = s->now;
        }
    (void)bl_expand(r->bits, w->rows, r->records + first * bytes, bytes, &given, BL_LANES);
    for (size_t k = 0; k < N_WORDS; k++)
        w->active.word[k] |= given.word[k];
}

static void harvest(slab *s)
{
    const bl_refill *r = s->r;
    refiller *w = s->w;
    bl_plane *state = bl_machine_state(w->machine);
    memcpy(w->planes, state, r->n_state * sizeof *state);
    pieces_unslice(&r->pieces, r->bits, w->rows, w->planes, BL_LANES);
    give_back(s);
    for (size_t k = 0; k < N_WORDS; k++)
        w->active.word[k] &= ~w->done.word[k];
    w->done = (bl_plane){0};
    fill_lanes(s);
    pieces_slice(&r->pieces, r->bits, w->planes, w->rows, BL_LANES);
    memcpy(state, w->planes, r->n_state * sizeof *state);
}

// Lanes that are done and wait keep what they had.
static void hold_done(const bl_refill *r, refiller *w)
{
    bl_plane *state = bl_machine_state(w->machine);
    for (uint32_t i = 0; i < r->n_state; i++)
        for (size_t k = 0; k < N_WORDS; k++)
            state[i].word[k] ^= (state[i].word[k] ^ w->saved[i].word[k]) & w->done.word[k];
}

static void note_steps(const slab *s, const bl_plane *finished, bool is_done)
{
    for (size_t k = 0; k < N_WORDS && s->r->steps; k++)
        for (uint64_t left = finished->word[k]; left; left &= left - 1) {
            size_t lane = 64 * k + (size_t)__builtin_ctzll(left);
            s->r->steps[s->w->lanes[lane]] = is_done ? (uint32_t)(s->now - s->w->steps[lane]) : 0;
        }
}

// Lanes that have had all the steps they may have.
static bl_plane exhausted_lanes(const slab *s)
{
    bl_plane result = {0};
    for (size_t lane = 0; lane < BL_LANES; lane++)
        if (bl_lane_get(&s->w->active, lane) && !bl_lane_get(&s->w->done, lane)
            && s->now - s->w->steps[lane] >= s->r->params.max_steps)
            bl_lane_set(&result, lane, true);
    return result;
}

static void step(slab *s)
{
    const bl_refill *r = s->r;
    refiller *w = s->w;
    bl_plane finished;
    bool has_waiting = count(s, &w->done) > 0;
    if (has_waiting)
        memcpy(w->saved, bl_machine_state(w->machine), r->n_state * sizeof *w->saved);
    bl_machine_run(w->machine, 0);
    s->now++;
    if (has_waiting)
        hold_done(r, w);
    const bl_plane *output = bl_machine_output(w->machine);
    for (size_t k = 0; k < N_WORDS; k++)
        finished.word[k] = output->word[k] & w->active.word[k] & ~w->done.word[k];
    note_steps(s, &finished, true);
    for (size_t k = 0; k < N_WORDS; k++)
        w->done.word[k] |= finished.word[k];
    if (s->now >= r->params.max_steps) { // nobody can be exhausted before
        bl_plane exhausted = exhausted_lanes(s);
        note_steps(s, &exhausted, false);
        for (size_t k = 0; k < N_WORDS; k++)
            w->done.word[k] |= exhausted.word[k];
    }
}

static void work(void *context, size_t i)
{
    const bl_refill *r = context;
    size_t begin = (r->first_slab + i) * SLAB_ROWS;
    slab s = {.r = r,
              .w = &r->workers[i],
              .next = begin,
              .end = r->n_records - begin < SLAB_ROWS ? r->n_records : begin + SLAB_ROWS};
    s.w->active = s.w->done = (bl_plane){0};
    harvest(&s);
    for (size_t n_active = count(&s, &s.w->active); n_active > 0;) {
        step(&s);
        size_t n_done = count(&s, &s.w->done);
        if (n_done == n_active || (n_done >= ENOUGH && s.next < s.end)) {
            harvest(&s);
            n_active = count(&s, &s.w->active);
        }
    }
}

void bl_refill_run(bl_refill *r, void *results, uint32_t *steps, const void *records,
                   size_t n_records)
{
    assert(r && ((results && records) || n_records == 0));
    r->results = results;
    r->steps = steps;
    r->records = records;
    r->n_records = n_records;
    size_t n_slabs = (n_records + SLAB_ROWS - 1) / SLAB_ROWS;
    for (r->first_slab = 0; r->first_slab < n_slabs; r->first_slab += r->n_workers) {
        size_t left = n_slabs - r->first_slab;
        bl_pool_for(r->params.pool, left < r->n_workers ? left : r->n_workers, work, r);
    }
}

static bl_status create_worker(refiller *w, const bl_refill *r)
{
    const bl_refill_params *p = &r->params;
    w->planes = bl_alloc_array(p->allocator, 8 * p->record_bytes, sizeof *w->planes);
    w->saved = bl_alloc_array(p->allocator, r->n_state, sizeof *w->saved);
    w->rows = bl_alloc_array(p->allocator, BL_LANES, p->record_bytes);
    if (!w->planes || !w->saved || !w->rows)
        return BL_ERR_MEMORY;
    return bl_machine_create(&w->machine, p->program, p->level, p->allocator);
}

bl_status bl_refill_create(bl_refill **result, const bl_refill_params *params)
{
    assert(result && params && params->program && bl_cpu_is_supported(params->level));
    bl_program_info info;
    bl_program_get_info(&info, params->program);
    if (params->record_bytes == 0 || params->record_bytes > BL_BATCH_RECORD_BYTES
        || info.n_state == 0 || info.n_state > 8 * params->record_bytes || info.n_outputs == 0
        || info.n_inputs > 0 || params->max_steps > UINT32_MAX)
        return BL_ERR_ARGUMENT;
    bl_refill *r = bl_alloc(params->allocator, sizeof *r);
    if (!r)
        return BL_ERR_MEMORY;
    r->params = *params;
    r->params.max_steps = params->max_steps ? params->max_steps : UINT32_MAX;
    r->bits = bl_bits_get(params->level);
    r->n_state = info.n_state;
    r->n_workers = bl_pool_n_threads(params->pool);
    uint8_t is_needed[8 * BL_BATCH_RECORD_BYTES] = {0};
    memset(is_needed, 1, info.n_state);
    bl_status status =
        pieces_create(&r->pieces, is_needed, params->record_bytes, params->allocator);
    r->workers = bl_alloc_array(params->allocator, r->n_workers, sizeof *r->workers);
    if (!r->workers)
        status = BL_ERR_MEMORY;
    for (size_t i = 0; i < r->n_workers && status == BL_OK; i++)
        status = create_worker(&r->workers[i], r);
    if (status == BL_OK)
        *result = r;
    else
        bl_refill_destroy(&r);
    return status;
}

void bl_refill_destroy(bl_refill **handle)
{
    bl_refill *r = handle ? *handle : NULL;
    if (!r)
        return;
    const bl_refill_params p = r->params;
    for (size_t i = 0; i < r->n_workers && r->workers; i++) {
        refiller *w = &r->workers[i];
        bl_machine_destroy(&w->machine);
        bl_free(p.allocator, w->planes, 8 * p.record_bytes * sizeof *w->planes);
        bl_free(p.allocator, w->saved, r->n_state * sizeof *w->saved);
        bl_free(p.allocator, w->rows, BL_LANES * p.record_bytes);
    }
    bl_free(p.allocator, r->workers, r->n_workers * sizeof *r->workers);
    pieces_destroy(&r->pieces);
    bl_free(p.allocator, r, sizeof *r);
    *handle = NULL;
}
