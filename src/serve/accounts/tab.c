// SPDX-License-Identifier: MIT
// left + what activities under way were promised + used = what all parts were granted.

#include "tab.h"

#include <assert.h>

// Calls an activity's receive as for its end. The tab may be gone afterwards, unless others wait.
static void refuse(activity *a, const request_error *e)
{
    a->n_promised = 0;
    a->reason = END_FAILED;
    a->refusal = e;
    a->end_event = (engine_event){.activity = a};
    a->receive(&a->end_event);
}

static activity *take_first(tab *t)
{
    activity *a = t->first;
    t->first = a->next;
    a->next = NULL;
    return a;
}

static void go_on(tab *t);

static void take_grant(void *context, const request_error *refusal)
{
    tab *t = context;
    admission *d = t->pending;
    t->pending = NULL;
    if (!refusal) {
        t->parts[t->n_parts++] = d;
        t->left += (uint64_t)accounts_granted(d);
        go_on(t);
        return;
    }
    if (t->left >= t->first->n_promised) { // others have used less than they might have
        accounts_settle(d, 0);
        go_on(t);
        return;
    }
    activity *a = take_first(t);
    bool is_last = !t->first;
    request_error e = *refusal; // it lies in the admission
    accounts_settle(d, 0);
    refuse(a, &e);
    if (!is_last)
        go_on(t);
}

static bool ask_for_more(tab *t, request_error *e)
{
    uint64_t least = t->first->n_promised;
    if (t->n_parts == TAB_MAX_PARTS)
        return request_fail(e, "busy", NULL, "too much is under way; send it again later");
    admission_request q = {
        .visitor = &t->visitor,
        .work_kind = t->work_kind,
        .least = (int64_t)least,
        .most = (int64_t)(least > TAB_LANE_STEPS ? least : TAB_LANE_STEPS),
        .is_more = t->n_parts > 0,
        .done = take_grant,
        .context = t,
    };
    t->pending = accounts_admit(t->accounts, &q, e);
    return t->pending != NULL;
}

// Lets those go that are covered, in their order, and asks for what the next one needs.
static void go_on(tab *t)
{
    while (t->first && !t->pending) {
        request_error e = {0};
        if (t->left >= t->first->n_promised) {
            t->left -= t->first->n_promised;
            engine_submit(t->engine, take_first(t));
        } else if (!ask_for_more(t, &e)) {
            activity *a = take_first(t);
            bool is_last = !t->first;
            refuse(a, &e);
            if (is_last)
                return;
        }
    }
}

void tab_submit(tab *t, activity *a)
{
    if (!t->accounts) {
        engine_submit(t->engine, a);
        return;
    }
    a->n_promised = activity_max_lane_steps(a);
    a->next = NULL;
    if (t->first)
        t->last->next = a;
    else
        t->first = a;
    t->last = a;
    go_on(t);
}

static void settle_used_parts(tab *t)
{
    while (t->n_parts > 0 && t->used >= (uint64_t)accounts_granted(t->parts[0])) {
        t->used -= (uint64_t)accounts_granted(t->parts[0]);
        if (t->n_parts > 1 || t->pending)
            accounts_pass_slot(t->n_parts > 1 ? t->parts[1] : t->pending, t->parts[0]);
        accounts_settle(t->parts[0], UINT64_MAX);
        t->n_parts--;
        for (size_t i = 0; i < t->n_parts; i++)
            t->parts[i] = t->parts[i + 1];
    }
}

void tab_hand_on(tab *t, activity *next, activity *a)
{
    if (t->accounts) {
        next->n_promised = activity_max_lane_steps(next);
        assert(a->n_lane_steps + next->n_promised <= a->n_promised);
        a->n_promised -= next->n_promised;
    }
    engine_submit(t->engine, next);
}

void tab_end(tab *t, const activity *a)
{
    t->n_lane_steps += a->n_lane_steps;
    if (!t->accounts || a->n_promised == 0)
        return;
    assert(a->n_lane_steps <= a->n_promised);
    uint64_t used = a->reason == END_FAILED ? 0 : a->n_lane_steps;
    t->left += a->n_promised - used;
    t->used += used;
    settle_used_parts(t);
    go_on(t);
}

void tab_close(tab *t)
{
    assert(!t->first && !t->pending);
    for (size_t i = 0; i < t->n_parts; i++) {
        uint64_t granted = (uint64_t)accounts_granted(t->parts[i]);
        uint64_t used = t->used < granted ? t->used : granted;
        accounts_settle(t->parts[i], used);
        t->used -= used;
    }
    t->n_parts = 0;
    t->left = t->used = 0;
}
