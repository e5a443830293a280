// SPDX-License-Identifier: MIT
// What takes the engine: reading, steps, rollouts, beams. Each becomes an activity, whose events
// become parts of the answer, and whose end becomes the answer and the session's new vector.

#include "lanes_private.h"

#include <assert.h>
#include <math.h>
#include <string.h>

static void receive_event(engine_event *event);

static activity *begin(lane_session *s, const frame_head *head, activity_kind kind, size_t n_lanes,
                       lanes_error *e)
{
    activity *a = activity_create(kind, n_lanes, s->owner->state_bytes);
    if (!a) {
        lanes_fail(e, ERROR_FAILED, "out of memory");
        return NULL;
    }
    a->id = head->sequence;
    a->owner = s;
    a->receive = receive_event;
    a->client = s->owner->client;
    a->is_background = s->is_background;
    memcpy(a->states, s->states, n_lanes * s->owner->state_bytes);
    return a;
}

static bool abandon(lane_session *s, activity *a, lanes_error *e, const char *message)
{
    activity_destroy(a, s->owner->state_bytes);
    return lanes_fail(e, ERROR_FAILED, "%s", message);
}

static bool submit(lane_session *s, const frame_head *head, activity *a)
{
    s->busy = a;
    s->request = *head;
    s->part.first_step = 1;
    tab_submit(&s->owner->tab, a);
    return true;
}

bool do_read(lane_session *s, const frame_head *head, const uint8_t *payload, lanes_error *e)
{
    if (s->n_lanes != 1)
        return lanes_fail(e, ERROR_BAD_FRAME, "READ moves one lane; there are %u", s->n_lanes);
    if ((head->flags & READ_COSTS) && head->bytes > MAX_COSTED_TEXT)
        return lanes_fail(e, ERROR_TOO_MANY, "%u bytes; with their costs at most %d at a time",
                          head->bytes, MAX_COSTED_TEXT);
    activity *a = begin(s, head, ACTIVITY_FEED, 1, e);
    if (!a)
        return false;
    a->wants_cost = true;
    a->n_text = head->bytes;
    a->text = bl_alloc(NULL, a->n_text);
    if (head->flags & READ_COSTS)
        a->text_costs = bl_alloc_array(NULL, a->n_text, sizeof *a->text_costs);
    if (a->n_text > 0 && (!a->text || ((head->flags & READ_COSTS) && !a->text_costs)))
        return abandon(s, a, e, "out of memory");
    if (a->n_text > 0)
        memcpy(a->text, payload, a->n_text);
    return submit(s, head, a);
}

static activity *make_step(lane_session *s, const frame_head *head, const uint8_t *payload,
                           lanes_error *e)
{
    frame_step step;
    bool keeps = head->flags & STEP_KEEP;
    size_t expected = sizeof step + (keeps ? 0 : s->n_lanes);
    if (head->n_lanes != s->n_lanes || head->bytes != expected) {
        lanes_fail(e, ERROR_BAD_FRAME,
                   "a step of %u lanes takes %zu bytes; this one has %u "
                   "lanes and %u bytes",
                   s->n_lanes, expected, head->n_lanes, head->bytes);
        return NULL;
    }
    memcpy(&step, payload, sizeof step);
    if (step.wants > WANTS_COSTS || (step.wants == WANTS_TOP) != (step.n_top > 0)) {
        lanes_fail(e, ERROR_BAD_FRAME,
                   "wants %u with top %u; 0: nothing, 1: top of 1 to "
                   "255, 2: costs of all bytes",
                   step.wants, step.n_top);
        return NULL;
    }
    activity *a = begin(s, head, ACTIVITY_STEP, s->n_lanes, e);
    if (!a)
        return NULL;
    a->is_bare = true;
    for (uint32_t i = 0; i < s->n_lanes; i++)
        a->bytes[i] = keeps ? BL_KEEP : payload[sizeof step + i];
    a->n_top = step.n_top;
    a->top = bl_alloc_array(NULL, (size_t)s->n_lanes * a->n_top, sizeof *a->top);
    if (step.wants == WANTS_COSTS)
        a->byte_costs = bl_alloc_array(NULL, s->n_lanes, sizeof *a->byte_costs);
    if ((step.wants == WANTS_COSTS && !a->byte_costs) || (step.n_top > 0 && !a->top)) {
        abandon(s, a, e, "out of memory");
        return NULL;
    }
    return a;
}

bool do_step(lane_session *s, const frame_head *head, const uint8_t *payload, lanes_error *e)
{
    activity *a = make_step(s, head, payload, e);
    return a && submit(s, head, a);
}

// With accounts each step is paid for before it begins.
bool may_chain(const lane_session *s)
{
    return !s->owner->tab.accounts && !s->owner->is_settling && s->busy && !s->next
           && s->busy->kind == ACTIVITY_STEP && s->request.op == OP_STEP;
}

bool chain_step(lane_session *s, const frame_head *head, const uint8_t *payload, lanes_error *e)
{
    activity *a = make_step(s, head, payload, e);
    if (!a)
        return false;
    a->after = s->busy;
    s->next = a;
    s->next_request = *head;
    engine_submit(s->owner->host->engine, a);
    return true;
}

static void set_pattern(lane_session *s, shared_pattern *pattern)
{
    shared_pattern_release(s->pattern);
    s->pattern = shared_pattern_retain(pattern);
    pattern_job_destroy(s->unbuilt);
    s->unbuilt = NULL;
}

// What a run keeps to; if it has to be built first, the builder tells the run.
static bool hold_pattern(activity *a, const lane_session *s)
{
    const pattern_job *j = s->unbuilt;
    a->pattern = shared_pattern_retain(s->pattern);
    if (j)
        a->job = pattern_job_create(j->text, j->bytes, j->is_words, NULL, 0);
    return !j || a->job;
}

// A text that is empty takes the pattern away.
bool do_pattern(lane_session *s, const frame_head *head, const uint8_t *payload, lanes_error *e)
{
    bl_diag diag = {0};
    const char *text = (const char *)payload;
    if (head->bytes > 0 && bl_pattern_check(text, head->bytes, "pattern", NULL, &diag) != BL_OK)
        return lanes_fail(e, ERROR_BAD_FRAME, "column %d: %.160s", (int)diag.column, diag.message);
    activity *a = begin(s, head, ACTIVITY_PATTERN, 1, e);
    if (!a)
        return false;
    if (head->bytes > 0 && !(a->job = pattern_job_create(text, head->bytes, false, NULL, 0)))
        return abandon(s, a, e, "out of memory");
    return submit(s, head, a);
}

static bool is_step_number(uint32_t n, lanes_error *e)
{
    if (n < 1 || n > MAX_RUN_STEPS)
        return lanes_fail(e, ERROR_BAD_FRAME, "%u steps; there are 1 to %d", n, MAX_RUN_STEPS);
    return true;
}

bool do_rollout(lane_session *s, const frame_head *head, const uint8_t *payload, lanes_error *e)
{
    frame_rollout p;
    bool has_seeds = head->flags & ROLLOUT_SEEDS;
    size_t expected = sizeof p + (has_seeds ? s->n_lanes * sizeof p.seed : 0);
    if (head->bytes != expected)
        return lanes_fail(e, ERROR_BAD_FRAME, "ROLLOUT takes %zu bytes here, not %u", expected,
                          head->bytes);
    memcpy(&p, payload, sizeof p);
    if (!is_step_number(p.n_steps, e))
        return false;
    activity *a = begin(s, head, ACTIVITY_ROLLOUT, s->n_lanes, e);
    if (!a)
        return false;
    a->rollout = rollout_create(s->n_lanes, s->has_masks);
    a->n_steps = p.n_steps;
    a->keeps_lanes = true;
    if (!a->rollout)
        return abandon(s, a, e, "out of memory");
    if (!hold_pattern(a, s))
        return abandon(s, a, e, "out of memory");
    a->rollout->pattern = s->pattern ? shared_pattern_get(s->pattern) : NULL;
    bl_draw_params draw = {.temperature = (double)p.temperature, .top_p = (double)p.top_p};
    if (!isfinite(p.temperature) || !isfinite(p.top_p)
        || bl_draw_set(&a->rollout->draw, s->owner->host->model, &draw) != BL_OK) {
        activity_destroy(a, s->owner->state_bytes);
        return lanes_fail(e, ERROR_BAD_FRAME, "temperature is 0 or 0.01 to 100, top_p 0 to 1");
    }
    for (uint32_t i = 0; i < s->n_lanes; i++) {
        a->rollout->seeds[i] = bl_mix64(p.seed) + i;
        if (has_seeds)
            memcpy(&a->rollout->seeds[i], payload + sizeof p + i * sizeof p.seed, sizeof p.seed);
    }
    if (s->has_masks)
        memcpy(a->rollout->allowed, s->masks, s->n_lanes * sizeof *s->masks);
    return submit(s, head, a);
}

bool do_beam(lane_session *s, const frame_head *head, const uint8_t *payload, lanes_error *e)
{
    frame_beam p;
    if (head->bytes != sizeof p)
        return lanes_fail(e, ERROR_BAD_FRAME, "BEAM takes %zu bytes, not %u", sizeof p,
                          head->bytes);
    memcpy(&p, payload, sizeof p);
    if (!is_step_number(p.n_steps, e))
        return false;
    if (s->n_lanes != 1)
        return lanes_fail(e, ERROR_BAD_FRAME, "BEAM begins with one lane; there are %u",
                          s->n_lanes);
    if (p.width < 1 || p.width > BL_LANES || !(p.temperature >= 0 && p.temperature <= 4))
        return lanes_fail(e, ERROR_BAD_FRAME, "width is 1 to %d, temperature 0 to 4", BL_LANES);
    if (!(p.diversity >= 0 && p.diversity <= BL_BEAM_MAX_DIVERSITY))
        return lanes_fail(e, ERROR_BAD_FRAME, "diversity is 0 to %d", BL_BEAM_MAX_DIVERSITY);
    activity *a = begin(s, head, ACTIVITY_BEAM, 1, e);
    if (!a)
        return false;
    a->beam_params = (bl_beam_params){.width = p.width,
                                      .temperature = (double)p.temperature,
                                      .diversity = (double)p.diversity,
                                      .seed = p.seed};
    if (!hold_pattern(a, s))
        return abandon(s, a, e, "out of memory");
    a->beam_params.pattern = s->pattern ? shared_pattern_get(s->pattern) : NULL;
    a->n_steps = p.n_steps;
    a->keeps_lanes = true;
    return submit(s, head, a);
}

// ------------------------------------------------------------------------------------- parts

void part_clear(part *p)
{
    bl_buffer_clear(&p->bytes);
    bl_buffer_clear(&p->costs);
    p->n_steps = 0;
}

enum { MAX_STEP_BYTES = 8192 }; // more than a step adds, with the head of a part

static void keep(bl_buffer *rows, size_t row_bytes)
{
    uint8_t empty[BL_LANES * 2] = {0};
    bl_buffer_append(rows, empty, row_bytes);
}

// The lanes that go on take their paths with them; a path that ends is forgotten.
static void add_beam_step(part *p, const bl_beam_frame *f)
{
    uint16_t parent[BL_LANES], costs[BL_LANES];
    uint8_t bytes[BL_LANES];
    for (uint32_t i = 0; i < f->n_lanes; i++)
        parent[i] = p->n_steps ? p->parent[f->parent[i]] : f->parent[i];
    for (uint32_t t = 0; t < p->n_steps; t++) {
        uint8_t *row = p->bytes.data + (size_t)t * BL_LANES;
        uint8_t *cost_row = p->costs.data + (size_t)t * BL_LANES * 2;
        for (uint32_t i = 0; i < f->n_lanes; i++) {
            bytes[i] = row[f->parent[i]];
            memcpy(&costs[i], cost_row + 2u * f->parent[i], 2);
        }
        memcpy(row, bytes, f->n_lanes);
        memcpy(cost_row, costs, 2u * f->n_lanes);
    }
    keep(&p->bytes, BL_LANES);
    keep(&p->costs, 2 * BL_LANES);
    if (p->bytes.status != BL_OK || p->costs.status != BL_OK)
        return;
    memcpy(p->bytes.data + (size_t)p->n_steps * BL_LANES, f->byte, f->n_lanes);
    memcpy(p->costs.data + (size_t)p->n_steps * BL_LANES * 2, f->cost, 2u * f->n_lanes);
    memcpy(p->parent, parent, f->n_lanes * sizeof *parent);
    p->n_lanes = f->n_lanes;
    p->n_steps++;
}

static void add_rollout_step(part *p, const rollout_frame *f, uint32_t n_lanes)
{
    const uint16_t head[2] = {(uint16_t)f->n, 0};
    bl_buffer_append(&p->bytes, head, sizeof head);
    for (uint32_t i = 0; i < f->n; i++) {
        frame_drawn drawn = {.lane = f->bytes[i].lane,
                             .cost = short_cost(f->bytes[i].cost),
                             .byte = f->bytes[i].byte,
                             .end = f->bytes[i].end};
        bl_buffer_append(&p->bytes, &drawn, sizeof drawn);
    }
    p->n_lanes = n_lanes;
    p->n_steps++;
}

void send_part(lane_session *s, bool is_last)
{
    part *p = &s->part;
    lanes *l = s->owner;
    if (!s->busy || p->n_steps == 0 || l->is_settling)
        return;
    bool is_full = p->bytes.bytes + p->costs.bytes > MAX_FRAME_PAYLOAD - MAX_STEP_BYTES;
    if (!is_last && !is_full && (s->credit == 0 || l->n_out >= MAX_OUT_PARTS))
        return; // what comes is gathered meanwhile
    bl_buffer out;
    begin_frame(&out, l, &s->request, OP_ANSWER | OP_PART | s->request.op);
    const uint16_t counts[2] = {(uint16_t)p->n_steps, (uint16_t)p->n_lanes};
    bl_buffer_append(&out, &p->first_step, sizeof p->first_step);
    bl_buffer_append(&out, counts, sizeof counts);
    if (s->request.op == OP_BEAM) {
        bl_buffer_append(&out, p->parent, 2u * p->n_lanes);
        for (uint32_t t = 0; t < p->n_steps; t++)
            bl_buffer_append(&out, p->costs.data + (size_t)t * BL_LANES * 2, 2u * p->n_lanes);
        for (uint32_t t = 0; t < p->n_steps; t++)
            bl_buffer_append(&out, p->bytes.data + (size_t)t * BL_LANES, p->n_lanes);
    } else
        bl_buffer_append(&out, p->bytes.data, p->bytes.bytes);
    if (p->bytes.status != BL_OK || p->costs.status != BL_OK)
        out.status = BL_ERR_MEMORY;
    p->first_step += p->n_steps;
    part_clear(p);
    s->credit -= s->credit > 0 && s->credit != UINT32_MAX;
    end_frame(l, &out);
}

// -------------------------------------------------------------------------------------- ends

static void answer_step(bl_buffer *out, const activity *a)
{
    for (size_t i = 0; i < a->n_lanes * a->n_top; i++) {
        frame_top top = {.byte = a->top[i].byte, .cost = short_cost(a->top[i].cost)};
        bl_buffer_append(out, &top, sizeof top);
    }
    if (a->byte_costs)
        bl_buffer_append(out, a->byte_costs, a->n_lanes * sizeof *a->byte_costs);
}

static void answer_read(bl_buffer *out, const activity *a)
{
    bl_buffer_append(out, a->cost_bits, sizeof *a->cost_bits);
    for (size_t i = 0; a->text_costs && i < a->n_text; i++) {
        float bits = (float)a->text_costs[i] / (float)BL_COST_BIT;
        bl_buffer_append(out, &bits, sizeof bits);
    }
}

// The vector is where the activity has come to; of a beam, the lanes of its last step; what failed
// leaves it as it was.
static void take_states(lane_session *s, activity *a)
{
    if (a->reason == END_FAILED || a->kind == ACTIVITY_ROLLOUT)
        return; // a rollout that is not followed by its last step
    if (a->kind == ACTIVITY_PATTERN) {
        set_pattern(s, a->pattern);
        return;
    }
    uint8_t *states = a->states;
    size_t n = a->n_lanes;
    if (a->kind == ACTIVITY_BEAM)
        n = a->reason == END_DONE ? activity_beam_states(a, &states) : 0;
    if (n == 0)
        return;
    memcpy(s->states, states, n * s->owner->state_bytes);
    s->n_lanes = (uint32_t)n;
    if (a->kind == ACTIVITY_BEAM)
        s->has_masks = false;
}

// The connection that asked has ended: what was done is done, what was not has not begun.
static void end_unanswered(lane_session *s, activity *a)
{
    if (a->reason != END_DONE || s->request.op == OP_ROLLOUT) // nobody has seen what it wrote
        return;
    take_states(s, a);
    s->answered = s->request.sequence;
}

static void answer_end(lane_session *s, activity *a)
{
    lanes *l = s->owner;
    bl_buffer out;
    lanes_error e;
    bool is_run = s->request.op == OP_BEAM || s->request.op == OP_ROLLOUT;
    if (l->is_settling) {
        end_unanswered(s, a);
        return;
    }
    s->answered = s->request.sequence;
    send_part(s, true);
    if (a->refusal && a->kind == ACTIVITY_PATTERN) {
        bool is_large = strcmp(a->refusal->code, "too_many") == 0;
        lanes_fail(&e, is_large ? ERROR_TOO_MANY : ERROR_BAD_FRAME, "%.190s", a->refusal->message);
        lanes_answer_error(l, &s->request, &e);
        return;
    }
    if (a->refusal) {
        lanes_fail(&e, ERROR_REFUSED, "%s: %.150s", a->refusal->code, a->refusal->message);
        lanes_answer_error(l, &s->request, &e);
        return;
    }
    if (!is_run && a->reason != END_DONE) {
        lanes_fail(&e, ERROR_FAILED, a->reason == END_CANCELLED ? "cancelled" : "out of memory");
        lanes_answer_error(l, &s->request, &e);
        return;
    }
    take_states(s, a);
    frame_head head = s->request;
    head.n_lanes = (uint16_t)s->n_lanes;
    begin_frame(&out, l, &head, OP_ANSWER | s->request.op);
    if (is_run)
        bl_buffer_append(&out, s->end, sizeof s->end);
    else if (a->kind == ACTIVITY_STEP)
        answer_step(&out, a);
    else if (a->kind == ACTIVITY_FEED)
        answer_read(&out, a);
    end_frame(l, &out);
}

// The lanes of a rollout still have to take what they drew last. False: there is no need, or no
// memory, and then the vector stays what it was.
static bool finish_rollout(lane_session *s, activity *a)
{
    lanes_error e;
    if (a->kind != ACTIVITY_ROLLOUT || s->is_closing || s->owner->is_settling || a->refusal
        || a->reason == END_FAILED)
        return false;
    activity *last = begin(s, &s->request, ACTIVITY_STEP, a->n_lanes, &e);
    if (!last)
        return false;
    last->is_bare = true;
    memcpy(last->states, a->states, a->n_lanes * s->owner->state_bytes);
    memcpy(last->bytes, a->bytes, a->n_lanes * sizeof *a->bytes);
    s->busy = last;
    tab_hand_on(&s->owner->tab, last, a);
    return true;
}

// Steps of the engine never wait for the connection: parts gather what is not sent.
static void receive_event(engine_event *event)
{
    activity *a = event->activity;
    lane_session *s = a->owner;
    lanes *l = s->owner;
    if (event->frame || event->rollout) {
        if (!l->is_settling && event->frame)
            add_beam_step(&s->part, event->frame);
        else if (!l->is_settling)
            add_rollout_step(&s->part, event->rollout, s->n_lanes);
        engine_frame_sent(l->host->engine, a);
        event_destroy(event);
        send_part(s, false);
        return;
    }
    if (a->kind != ACTIVITY_STEP) {
        s->end[0] = a->n_steps_done;
        s->end[1] = (uint32_t)a->reason;
    }
    if (s->unbuilt && a->pattern && a->kind != ACTIVITY_PATTERN)
        set_pattern(s, a->pattern);
    bool is_over = !finish_rollout(s, a);
    if (is_over && a->kind == ACTIVITY_ROLLOUT)
        s->end[1] = END_FAILED; // its lanes cannot take what they drew
    tab_end(&l->tab, a);
    if (is_over)
        answer_end(s, a);
    activity_destroy(a, l->state_bytes);
    if (!is_over)
        return;
    part_clear(&s->part);
    session_ended(s);
}
