// SPDX-License-Identifier: MIT
// Are two graphs equivalent? The steps in their order, each cheaper or stronger than what follows:
//
//     no latches:  sweep the joint graph until all pairs of outputs are decided
//     latches:     simulate from reset; take latches for inputs and next states for outputs;
//                  find equal latches by induction; unroll

#include "prover.h"

#include "copy.h"
#include "induction.h"

#include "base/try.h"

#include <assert.h>
#include <string.h>

enum { FIRST_CONFLICTS = 200, MAX_CONFLICTS_OF_TRIAL = 10000 };

static uint8_t *copy_bytes(const bl_allocator *allocator, const uint8_t *bytes, size_t n)
{
    uint8_t *copy = bl_alloc(allocator, n + 1);
    if (copy && n > 0)
        memcpy(copy, bytes, n);
    return copy;
}

bl_status prover_take(prover *p, const trace *t, const char *method)
{
    const joint *j = &p->joint;
    bool is_different;
    uint32_t frame = 0, output = 0;
    TRY(trace_replay(&is_different, &frame, &output, j, t));
    assert(is_different);
    if (!is_different) // of a wrong counterexample nothing is claimed
        return BL_OK;
    p->facts.n_frames = frame + 1;
    p->facts.n_inputs = j->a->n_inputs;
    p->facts.n_first_a = j->a->n_latches;
    p->facts.n_first_b = j->b->n_latches;
    p->inputs = copy_bytes(p->allocator, t->inputs, (size_t)p->facts.n_frames * j->a->n_inputs);
    p->first_a = copy_bytes(p->allocator, t->first_a, j->a->n_latches);
    p->first_b = copy_bytes(p->allocator, t->first_b, j->b->n_latches);
    if (!p->inputs || !p->first_a || !p->first_b)
        return BL_ERR_MEMORY;
    p->facts.inputs = p->inputs;
    p->facts.first_a = p->first_a;
    p->facts.first_b = p->first_b;
    p->facts.output_a = output;
    p->facts.output_b = j->b_output[output];
    p->facts.verdict = BL_VERDICT_DIFFERENT;
    p->facts.method = method;
    return BL_OK;
}

static sweep_task task_of(const prover *p, uint32_t max_conflicts)
{
    uint32_t max = p->params->max_conflicts ? p->params->max_conflicts : max_conflicts;
    return (sweep_task){.g = p->joint.g,
                        .pairs = p->joint.pairs,
                        .n_pairs = p->joint.n_pairs,
                        .stops_at_difference = true,
                        .first_conflicts = max < FIRST_CONFLICTS ? max : FIRST_CONFLICTS,
                        .max_conflicts = max,
                        .deadline_ns = p->deadline_ns,
                        .params = p->params,
                        .step = "combinational",
                        .allocator = p->allocator};
}

static bl_status prove_combinational(prover *p)
{
    static const uint8_t no_state[1];
    TRY(joint_build(&p->joint, true));
    sweeper s = {.task = task_of(p, UINT32_MAX)};
    bl_status status = sweeper_run(&s);
    if (status == BL_OK && s.has_difference)
        status = prover_take(
            p,
            &(trace){
                .n_frames = 1, .inputs = s.different_at, .first_a = no_state, .first_b = no_state},
            "combinational");
    else if (status == BL_OK && s.n_open_pairs == 0) {
        p->facts.verdict = BL_VERDICT_EQUAL;
        p->facts.method = "combinational";
    } else
        p->facts.n_open = s.n_open_pairs;
    sweeper_clear(&s);
    return status;
}

// Part of the time that is left.
static uint64_t share_of_time(const prover *p, uint64_t divisor)
{
    uint64_t now = bl_time_ns();
    if (p->deadline_ns == 0 || now >= p->deadline_ns)
        return p->deadline_ns;
    return now + (p->deadline_ns - now) / divisor;
}

static bool begin_alike(const joint *j, const bl_lit *first)
{
    for (uint32_t i = 0; i < j->a->n_latches; i++)
        if (first[i] != first[j->a->n_latches + j->b_latch[i]])
            return false;
    return true;
}

// Latches that correspond are taken for inputs, their next states for outputs. A difference may be
// in a state that is never reached, and decides nothing.
static bl_status try_combinational(prover *p)
{
    TRY(joint_build(&p->joint, true));
    sweeper s = {.task = task_of(p, MAX_CONFLICTS_OF_TRIAL)};
    s.task.deadline_ns = share_of_time(p, 4);
    bl_status status = sweeper_run(&s);
    if (status == BL_OK && !s.has_difference && s.n_open_pairs == 0) {
        p->facts.verdict = BL_VERDICT_EQUAL;
        p->facts.method = "combinational";
    }
    sweeper_clear(&s);
    return status;
}

static bl_status prove_by_induction(prover *p, const bl_lit *first, bl_lit *representative)
{
    const joint *j = &p->joint;
    induction n = {.g = j->g,
                   .first = first,
                   .params = p->params,
                   .deadline_ns = share_of_time(p, 2),
                   .allocator = p->allocator};
    bl_graph *copy = NULL;
    bl_lit *lit = bl_alloc_array(p->allocator, j->g->n_nodes, sizeof *lit);
    sweep_pair *pairs = bl_alloc_array(p->allocator, j->n_pairs + 1, sizeof *pairs);
    sweeper s = {0};
    bl_status status = lit && pairs ? induction_run(&n) : BL_ERR_MEMORY;
    if (status == BL_OK)
        status = induction_copy(&copy, lit, &n);
    if (status == BL_OK) {
        for (uint32_t i = 0; i < j->g->n_latches; i++)
            representative[i] = induction_representative(&n, i);
        for (uint32_t i = 0; i < j->n_pairs; i++)
            pairs[i] =
                (sweep_pair){.a = copied(lit, j->pairs[i].a), .b = copied(lit, j->pairs[i].b)};
        s.task = task_of(p, MAX_CONFLICTS_OF_TRIAL);
        s.task.g = copy;
        s.task.pairs = pairs;
        s.task.step = "induction";
        s.task.deadline_ns = share_of_time(p, 2);
        status = sweeper_run(&s);
    }
    if (status == BL_OK && !s.has_difference && s.n_open_pairs == 0) {
        p->facts.verdict = BL_VERDICT_EQUAL;
        p->facts.method = "induction";
    }
    if (copy)
        sweeper_clear(&s);
    induction_clear(&n);
    bl_graph_destroy(&copy);
    bl_free(p->allocator, lit, j->g->n_nodes * sizeof *lit);
    bl_free(p->allocator, pairs, (j->n_pairs + 1) * sizeof *pairs);
    return status;
}

static bl_status run_steps(prover *p, bl_lit *first, bl_lit *representative)
{
    TRY(joint_build(&p->joint, false));
    joint_first_states(first, &p->joint);
    TRY(prove_by_simulation(p, first));
    if (!is_decided(p) && p->joint.b_latch && begin_alike(&p->joint, first))
        TRY(try_combinational(p));
    if (is_decided(p))
        return BL_OK;
    TRY(joint_build(&p->joint, false));
    TRY(prove_by_induction(p, first, representative));
    return is_decided(p) ? BL_OK : prove_by_frames(p, first, representative);
}

static bl_status prove_sequential(prover *p)
{
    size_t n = (size_t)p->joint.a->n_latches + p->joint.b->n_latches;
    bl_lit *first = bl_alloc_array(p->allocator, n, sizeof *first);
    bl_lit *representative = bl_alloc_array(p->allocator, n, sizeof *representative);
    bl_status status =
        first && representative ? run_steps(p, first, representative) : BL_ERR_MEMORY;
    bl_free(p->allocator, first, n * sizeof *first);
    bl_free(p->allocator, representative, n * sizeof *representative);
    return status;
}

bl_status bl_prove_equivalent(bl_proof **proof, const bl_graph *a, const bl_graph *b,
                              const bl_prove_params *params, const bl_allocator *allocator,
                              bl_diag *diag)
{
    static const bl_prove_params defaults = {0};
    assert(proof && a && b && a->status == BL_OK && b->status == BL_OK);
    prover *p = bl_alloc(allocator, sizeof *p);
    if (!p)
        return BL_ERR_MEMORY;
    p->facts = (bl_proof){.verdict = BL_VERDICT_UNDECIDED, .method = "none"};
    p->allocator = allocator;
    p->params = params ? params : &defaults;
    p->deadline_ns = deadline_after(p->params->seconds);
    bl_status status = joint_create(&p->joint, a, b, allocator, diag);
    if (status == BL_OK) {
        status = a->n_latches + b->n_latches > 0 ? prove_sequential(p) : prove_combinational(p);
        joint_destroy(&p->joint);
    }
    bl_proof *result = &p->facts;
    if (status == BL_OK)
        *proof = result;
    else
        bl_proof_destroy(&result);
    return status;
}

void bl_proof_destroy(bl_proof **proof)
{
    prover *p = (prover *)*proof;
    if (!p)
        return;
    const bl_allocator *m = p->allocator;
    bl_free(m, p->inputs, (size_t)p->facts.n_frames * p->facts.n_inputs + 1);
    bl_free(m, p->first_a, p->facts.n_first_a + 1);
    bl_free(m, p->first_b, p->facts.n_first_b + 1);
    bl_free(m, p, sizeof *p);
    *proof = NULL;
}
