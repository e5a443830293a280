// SPDX-License-Identifier: MIT
// Bounded proofs: random runs from reset, then one frame after the other in one graph.
//
//     unknown first states, inputs of frame 0, inputs of frame 1, ...       inputs of the graph
//     state 0 ── frame 0 ── state 1 ── frame 1 ── state 2 ...
//
// Each frame is swept before the next is added, so what is equal in one frame is the same node in
// the next.

#include "prover.h"

#include "copy.h"
#include "patterns.h"
#include "runs.h"

#include "base/try.h"

#include <assert.h>

enum { N_RUNS = 4, FRAMES_OF_RUN = 64, DEFAULT_FRAMES = 16, FIRST_CONFLICTS = 200 };

void joint_first_states(bl_lit *first, const joint *j)
{
    const bl_graph *a = j->a, *b = j->b;
    for (uint32_t i = 0; i < a->n_latches; i++) {
        bl_reset reset = a->latches[i].reset;
        first[i] = reset == BL_RESET_UNKNOWN ? 2 * (i + 1) : (bl_lit)reset;
    }
    for (uint32_t i = 0; i < b->n_latches; i++) {
        bl_reset reset = b->latches[i].reset;
        first[a->n_latches + i] =
            reset == BL_RESET_UNKNOWN ? 2 * (a->n_latches + i + 1) : (bl_lit)reset;
    }
    for (uint32_t i = 0; j->b_latch && i < a->n_latches; i++) {
        bl_lit *of_b = &first[a->n_latches + j->b_latch[i]];
        if (bl_lit_node(first[i]) > 0 && bl_lit_node(*of_b) > 0)
            *of_b = first[i];
    }
}

// ---------------------------------------------------------------------------- random runs

static bool find_difference(size_t *lane, const joint *j, const bl_plane *planes)
{
    *lane = BL_LANES;
    for (uint32_t i = 0; i < j->n_pairs && *lane == BL_LANES; i++)
        *lane = first_difference(planes, j->pairs[i].a, j->pairs[i].b);
    return *lane < BL_LANES;
}

static uint8_t first_value(bl_lit first, uint64_t seed, size_t lane)
{
    if (bl_lit_node(first) == 0)
        return first == BL_LIT_TRUE;
    bl_plane plane;
    set_unknown_plane(&plane, seed, bl_lit_node(first));
    return bl_lane_get(&plane, lane);
}

// Runs the lane again, this time noting its inputs.
static bl_status take_run(prover *p, runs *r, const bl_lit *first, uint32_t run, uint32_t n_frames,
                          size_t lane)
{
    const joint *j = &p->joint;
    uint32_t n_inputs = j->g->n_inputs, n_latches = j->g->n_latches;
    size_t bytes = (size_t)n_inputs * n_frames + n_latches + 1;
    uint8_t *values = bl_alloc(p->allocator, bytes);
    if (!values)
        return BL_ERR_MEMORY;
    for (uint32_t i = 0; i < n_latches; i++)
        values[i] = first_value(first[i], p->params->seed, lane);
    runs_reset(r, first, p->params->seed, run);
    for (uint32_t f = 0; f < n_frames; f++) {
        runs_simulate(r);
        for (uint32_t i = 0; i < n_inputs; i++)
            values[n_latches + (size_t)f * n_inputs + i] =
                bl_lane_get(&r->planes[j->g->inputs[i].node], lane);
        runs_step(r);
    }
    trace t = {.n_frames = n_frames,
               .inputs = values + n_latches,
               .first_a = values,
               .first_b = values + j->a->n_latches};
    bl_status status = prover_take(p, &t, "simulation");
    bl_free(p->allocator, values, bytes);
    return status;
}

bl_status prove_by_simulation(prover *p, const bl_lit *first)
{
    runs r;
    TRY(runs_create(&r, p->joint.g, p->allocator));
    bl_status status = BL_OK;
    for (uint32_t run = 0; run < N_RUNS && status == BL_OK && !is_decided(p); run++) {
        runs_reset(&r, first, p->params->seed, run);
        for (uint32_t f = 0; f < FRAMES_OF_RUN && !is_past(p->deadline_ns); f++) {
            size_t lane;
            runs_simulate(&r);
            if (find_difference(&lane, &p->joint, r.planes)) {
                status = take_run(p, &r, first, run, f + 1, lane);
                break;
            }
            runs_step(&r);
        }
    }
    runs_destroy(&r);
    return status;
}

// ----------------------------------------------------------------------------- unrolling

typedef struct unrolling {
    prover *p;
    const bl_lit *first, *representative;
    bl_graph *g;
    bl_lit *lit;       // of the joint graph's nodes in this frame, in g
    bl_lit *state;     // of its latches
    uint32_t *unknown; // number of an unknown first state -> input of g, plus 1
    uint32_t n_unknown, n_frames;
    sweep_pair *pairs;
} unrolling;

static bl_status begin_unrolling(unrolling *u)
{
    const bl_allocator *m = u->p->allocator;
    const joint *j = &u->p->joint;
    uint32_t n_latches = j->g->n_latches;
    TRY(bl_graph_create(&u->g, m));
    u->lit = bl_alloc_array(m, j->g->n_nodes, sizeof *u->lit);
    u->state = bl_alloc_array(m, n_latches + 1, sizeof *u->state);
    u->unknown = bl_alloc_array(m, n_latches + 1, sizeof *u->unknown);
    u->pairs = bl_alloc_array(m, j->n_pairs + 1, sizeof *u->pairs);
    if (!u->lit || !u->state || !u->unknown || !u->pairs)
        return BL_ERR_MEMORY;
    for (uint32_t i = 0; i < n_latches; i++) {
        uint32_t number = bl_lit_node(u->first[i]);
        u->state[i] = u->first[i];
        if (number == 0)
            continue;
        if (u->unknown[number] == 0) {
            bl_graph_input(u->g, NULL);
            if (u->g->status != BL_OK)
                return u->g->status;
            u->unknown[number] = ++u->n_unknown;
        }
        u->state[i] = 2 * u->g->inputs[u->unknown[number] - 1].node;
    }
    return BL_OK;
}

static void end_unrolling(unrolling *u)
{
    const bl_allocator *m = u->p->allocator;
    const joint *j = &u->p->joint;
    bl_graph_destroy(&u->g);
    bl_free(m, u->lit, j->g->n_nodes * sizeof *u->lit);
    bl_free(m, u->state, (j->g->n_latches + 1) * sizeof *u->state);
    bl_free(m, u->unknown, (j->g->n_latches + 1) * sizeof *u->unknown);
    bl_free(m, u->pairs, (j->n_pairs + 1) * sizeof *u->pairs);
}

static bl_status add_frame(unrolling *u)
{
    const joint *j = &u->p->joint;
    for (uint32_t i = 0; i < j->g->n_inputs; i++)
        u->lit[j->g->inputs[i].node] = bl_graph_input(u->g, NULL);
    for (uint32_t i = 0; i < j->g->n_latches; i++) {
        bl_lit r = u->representative[i];
        bl_lit head = bl_lit_node(r) ? u->state[bl_lit_node(r) - 1] : BL_LIT_FALSE;
        u->lit[j->g->latches[i].node] = bl_lit_not_if(head, bl_lit_is_complemented(r));
    }
    copy_ands(u->g, u->lit, j->g, NULL);
    if (u->g->status != BL_OK)
        return u->g->status;
    for (uint32_t i = 0; i < j->n_pairs; i++)
        u->pairs[i] =
            (sweep_pair){.a = copied(u->lit, j->pairs[i].a), .b = copied(u->lit, j->pairs[i].b)};
    for (uint32_t i = 0; i < j->g->n_latches; i++)
        u->state[i] = copied(u->lit, j->g->latches[i].next);
    u->n_frames++;
    return BL_OK;
}

// The values of the inputs of g are a counterexample.
static bl_status take_frames(unrolling *u, const uint8_t *values)
{
    const joint *j = &u->p->joint;
    size_t n_latches = j->g->n_latches;
    uint8_t *state = bl_alloc(u->p->allocator, n_latches + 1);
    if (!state)
        return BL_ERR_MEMORY;
    for (uint32_t i = 0; i < n_latches; i++) {
        uint32_t number = bl_lit_node(u->first[i]);
        state[i] = number == 0 ? u->first[i] == BL_LIT_TRUE : values[u->unknown[number] - 1];
    }
    trace t = {.n_frames = u->n_frames,
               .inputs = values + u->n_unknown,
               .first_a = state,
               .first_b = state + j->a->n_latches};
    bl_status status = prover_take(u->p, &t, "frames");
    bl_free(u->p->allocator, state, n_latches + 1);
    return status;
}

// Keeps of the swept graph what the next states depend on.
static bl_status keep_states(unrolling *u, const sweeper *s)
{
    const bl_allocator *m = u->p->allocator;
    const bl_graph *from = s->merged;
    uint32_t n_latches = u->p->joint.g->n_latches, n = from->n_nodes;
    bl_graph *to = NULL;
    uint8_t *is_needed = bl_alloc(m, n);
    bl_lit *lit = bl_alloc_array(m, n, sizeof *lit);
    bl_status status = is_needed && lit ? bl_graph_create(&to, m) : BL_ERR_MEMORY;
    if (status == BL_OK) {
        for (uint32_t i = 0; i < n_latches; i++)
            is_needed[bl_lit_node(copied(s->lit, u->state[i]))] = 1;
        mark_cones(is_needed, from);
        for (uint32_t i = 0; i < from->n_inputs; i++)
            lit[from->inputs[i].node] = bl_graph_input(to, NULL);
        copy_ands(to, lit, from, is_needed);
        status = to->status;
    }
    if (status == BL_OK) {
        for (uint32_t i = 0; i < n_latches; i++)
            u->state[i] = copied(lit, copied(s->lit, u->state[i]));
        bl_graph_destroy(&u->g);
        u->g = to;
    } else
        bl_graph_destroy(&to);
    bl_free(m, is_needed, n);
    bl_free(m, lit, n * sizeof *lit);
    return status;
}

static bl_status check_frame(bool *is_equal, unrolling *u)
{
    const prover *p = u->p;
    uint32_t max = p->params->max_conflicts ? p->params->max_conflicts : UINT32_MAX;
    sweeper s = {.task = {.g = u->g,
                          .pairs = u->pairs,
                          .n_pairs = p->joint.n_pairs,
                          .stops_at_difference = true,
                          .first_conflicts = max < FIRST_CONFLICTS ? max : FIRST_CONFLICTS,
                          .max_conflicts = max,
                          .deadline_ns = p->deadline_ns,
                          .params = p->params,
                          .step = "frames",
                          .allocator = p->allocator}};
    bl_status status = sweeper_run(&s);
    *is_equal = status == BL_OK && !s.has_difference && s.n_open_pairs == 0;
    if (status == BL_OK && s.has_difference)
        status = take_frames(u, s.different_at);
    else if (*is_equal && s.is_complete)
        status = keep_states(u, &s);
    sweeper_clear(&s);
    return status;
}

bl_status prove_by_frames(prover *p, const bl_lit *first, const bl_lit *representative)
{
    unrolling u = {.p = p, .first = first, .representative = representative};
    uint32_t n_frames = p->params->n_frames ? p->params->n_frames : DEFAULT_FRAMES;
    bl_status status = begin_unrolling(&u);
    bool is_equal = true;
    while (status == BL_OK && is_equal && u.n_frames < n_frames) {
        status = add_frame(&u);
        if (status == BL_OK)
            status = check_frame(&is_equal, &u);
        if (is_equal)
            p->facts.n_frames = u.n_frames;
    }
    if (status == BL_OK && is_equal) {
        p->facts.verdict = BL_VERDICT_EQUAL_FOR_FRAMES;
        p->facts.method = "frames";
    }
    end_unrolling(&u);
    return status;
}
