// SPDX-License-Identifier: MIT
// Lanes that outlive their connection. A token names them; whoever has it, of the same account,
// goes on where they are.
//
//              KEEP                 connection ends            its work has ended
//     open ───────────> kept ────────────────> settling ────────────────> parked
//                        ^                         │                         │
//                        └──────── RESUME, answered when settled ────────────┴──> expired
//
// What an ended connection was not answered either was carried out whole before it ended, which its
// session's `answered` says, or leaves nothing behind. So a client knows what to send again.

#include "lanes_private.h"

#include <assert.h>
#include <string.h>
#include <sys/random.h>

static bool is_parked(const lanes *l) { return l->is_kept && !l->owner.object; }

static int64_t account_of(const lanes *l) { return l->tab.visitor.account; }

static void note(const lanes *l, const char *event, const char *reason)
{
    const lanes_host *host = l->host;
    const lanes_note told = {event, reason, l->n_sessions, l->store.n_kept, account_of(l)};
    if (host->on_note)
        host->on_note(host->context, &told);
}

static void link_last(lanes *l)
{
    lanes_host *host = l->host;
    l->next_kept = NULL;
    l->previous_kept = host->last_kept;
    *(host->last_kept ? &host->last_kept->next_kept : &host->first_kept) = l;
    host->last_kept = l;
}

static void unlink_kept(lanes *l)
{
    lanes_host *host = l->host;
    *(l->previous_kept ? &l->previous_kept->next_kept : &host->first_kept) = l->next_kept;
    *(l->next_kept ? &l->next_kept->previous_kept : &host->last_kept) = l->previous_kept;
}

// All bytes are looked at, so that time does not tell how many were right.
static bool is_token(const lanes *l, const uint8_t *token)
{
    unsigned difference = 0;
    for (int i = 0; i < TOKEN_BYTES; i++)
        difference |= (unsigned)(l->token[i] ^ token[i]);
    return difference == 0;
}

lanes *lanes_find(const lanes_host *host, const uint8_t *token, int64_t account)
{
    lanes *found = NULL;
    for (lanes *l = host->first_kept; l; l = l->next_kept)
        if (is_token(l, token) && account_of(l) == account)
            found = l;
    return found;
}

// ------------------------------------------------------------------------------------ limits

static uint32_t count_parked_of(const lanes_host *host, int64_t account)
{
    uint32_t n = 0;
    for (const lanes *l = host->first_kept; l; l = l->next_kept)
        n += is_parked(l) && account_of(l) == account;
    return n;
}

// Of whoever has most of them, so that nobody drives others out.
static lanes *find_oldest(const lanes_host *host, bool (*may_go)(const lanes *l))
{
    lanes *oldest = NULL;
    uint32_t most = 0;
    for (lanes *l = host->first_kept; l; l = l->next_kept) {
        uint32_t n = may_go(l) ? count_parked_of(host, account_of(l)) : 0;
        if (n > most) {
            most = n;
            oldest = l;
        }
    }
    return oldest;
}

// A vector takes the memory of all its lanes.
static uint64_t count_parked_states(const lanes_host *host)
{
    uint64_t n = 0;
    for (const lanes *l = host->first_kept; l; l = l->next_kept)
        if (is_parked(l))
            n += l->store.n_kept + (uint64_t)l->n_sessions * BL_LANES;
    return n;
}

static void forget_for_room(lanes *l)
{
    note(l, "expire", "room");
    lanes_forget(l);
}

static void keep_limits(lanes_host *host)
{
    while (host->n_parked > MAX_PARKED || count_parked_states(host) > MAX_PARKED_STATES)
        forget_for_room(find_oldest(host, is_parked));
}

// Whether states are free at once when it goes.
static bool has_room_to_give(const lanes *l)
{
    return is_parked(l) && !l->is_settling && !l->is_importing && l->store.n_kept > 0;
}

bool make_room(lanes *for_whom, uint64_t n)
{
    lanes_host *host = for_whom->host;
    uint64_t n_free = MAX_STORED_OF_ALL;
    if (is_parked(for_whom) && count_parked_states(host) + n > MAX_PARKED_STATES)
        return false;
    for_whom->is_importing = true;
    for (const lanes *l = host->first_kept; l; l = l->next_kept)
        n_free += has_room_to_give(l) ? l->store.n_kept : 0;
    while (host->n_stored + n > MAX_STORED_OF_ALL && host->n_stored + n <= n_free) {
        lanes *l = find_oldest(host, has_room_to_give);
        n_free -= l->store.n_kept;
        forget_for_room(l);
    }
    for_whom->is_importing = false;
    return host->n_stored + n <= MAX_STORED_OF_ALL;
}

uint64_t lanes_expire(lanes_host *host, uint64_t now_ns)
{
    for (lanes *l = host->first_kept, *next; l; l = next) {
        next = l->next_kept;
        if (!is_parked(l))
            continue;
        uint64_t end_ns = l->parked_ns + host->keep_ns;
        if (now_ns < end_ns)
            return end_ns - now_ns; // the others came later
        note(l, "expire", "time");
        lanes_forget(l);
    }
    return 0;
}

// --------------------------------------------------------------------------------- life

void lanes_forget(lanes *l)
{
    unlink_kept(l);
    bool was_parked = is_parked(l);
    l->is_kept = false;
    if (!was_parked)
        return;
    l->host->n_parked--;
    l->host->n_connections += !l->is_settling; // until it is closed
    l->is_settling = false;
    lanes_close(l);
}

static bool is_busy(const lanes *l)
{
    bool is_any = false;
    for (uint32_t i = 0; i < l->n_sessions; i++)
        is_any |= l->sessions[i]->busy != NULL;
    return is_any;
}

// What waits is dropped, what is under way is cancelled.
static void interrupt(lane_session *s)
{
    engine *e = s->owner->host->engine;
    drop_queued(s);
    part_clear(&s->part);
    if (s->next)
        engine_cancel(e, s->next, END_CANCELLED);
    if (s->busy)
        engine_cancel(e, s->busy, END_CANCELLED);
}

void park(lanes *l)
{
    l->is_resuming = false;
    l->parked_ns = bl_time_ns();
    bl_buffer_clear(&l->stream);
    unlink_kept(l);
    link_last(l);
    l->host->n_parked++;
    for (uint32_t i = 0; i < l->n_sessions; i++)
        interrupt(l->sessions[i]);
    l->is_settling = true;
    settle_if_idle(l);
    keep_limits(l->host);
}

void lanes_list(bl_buffer *out, const lanes *l)
{
    frame_resumed all = {.n_stored = l->store.n_kept};
    for (uint32_t i = 0; i < l->n_sessions; i++)
        all.n_sessions += !l->sessions[i]->is_closing;
    bl_buffer_append(out, &all, sizeof all);
    for (uint32_t i = 0; i < l->n_sessions; i++) {
        const lane_session *s = l->sessions[i];
        frame_session told = {.id = s->id,
                              .n_lanes = s->n_lanes,
                              .sequence = s->answered,
                              .flags = (s->is_background ? SESSION_BACKGROUND : 0)
                                       | (s->has_masks ? SESSION_MASKS : 0)
                                       | (s->pattern || s->unbuilt ? SESSION_PATTERN : 0)};
        if (!s->is_closing)
            bl_buffer_append(out, &told, sizeof told);
    }
}

static void answer_resume(lanes *l)
{
    bl_buffer out;
    l->is_resuming = false;
    begin_frame(&out, l, &l->resume, OP_ANSWER | OP_RESUME);
    lanes_list(&out, l);
    end_frame(l, &out);
}

void settle_if_idle(lanes *l)
{
    if (is_busy(l))
        return;
    l->is_settling = false;
    if (!l->owner.object) {
        tab_close(&l->tab); // nothing stays reserved meanwhile
        l->host->n_connections--;
        return;
    }
    if (l->is_resuming)
        answer_resume(l);
    for (uint32_t i = l->n_sessions; i-- > 0;)
        run_queued(l->sessions[i]);
    l->owner.want_write(l->owner.object); // who counts what is unanswered may be done
}

// ----------------------------------------------------------------------------- its requests

static bool answer_keep(lanes *l, const frame_head *head)
{
    bl_buffer out;
    frame_keep kept = {.seconds = (uint32_t)(l->host->keep_ns / 1000000000u)};
    memcpy(kept.token, l->token, sizeof kept.token);
    begin_frame(&out, l, head, OP_ANSWER | OP_KEEP);
    if (l->is_kept)
        bl_buffer_append(&out, &kept, sizeof kept);
    end_frame(l, &out);
    return true;
}

bool do_keep(lanes *l, const frame_head *head, lanes_error *e)
{
    if (head->bytes != 0)
        return lanes_fail(e, ERROR_BAD_FRAME, "KEEP takes no payload");
    if (head->flags & KEEP_NO_MORE) {
        if (l->is_kept)
            lanes_forget(l);
        return answer_keep(l, head);
    }
    if (l->host->keep_ns == 0)
        return lanes_fail(e, ERROR_NOT_KEPT, "this server keeps nothing without a connection");
    if (l->is_kept)
        return answer_keep(l, head);
    if (getrandom(l->token, sizeof l->token, 0) != (ssize_t)sizeof l->token)
        return lanes_fail(e, ERROR_FAILED, "the system has no random numbers");
    l->is_kept = true;
    link_last(l);
    note(l, "keep", NULL);
    return answer_keep(l, head);
}

// What waits to be sent goes out first.
static void take_frames(lanes *l, lanes *from)
{
    assert(!l->first);
    if (!from->first)
        return;
    l->first = from->first;
    l->last = from->last;
    l->n_out = from->n_out;
    from->first = NULL;
    from->last = &from->first;
    from->n_out = 0;
}

const lanes_owner *lanes_get_owner(const lanes *l) { return &l->owner; }

// Requests of the new owner wait until settle_if_idle finds nothing of the old one under way.
static void connect_to(lanes *l, const lanes_owner *owner, const visitor *who)
{
    lanes_owner old = l->owner;
    if (old.object) {
        lanes_close(l);
        old.lose(old.object);
    }
    l->owner = *owner;
    l->tab.visitor = *who;
    l->tab.n_lane_steps = 0;
    l->counts = (connection_counts){.since_ns = bl_time_ns()};
    note(l, "resume", NULL);
    for (uint32_t i = 0; i < l->n_sessions; i++)
        l->sessions[i]->credit = l->sessions[i]->credit_at_open;
    l->host->n_parked--;
    l->host->n_connections += !l->is_settling;
    l->is_settling = true;
}

void lanes_connect(lanes *l, const lanes_owner *owner, const visitor *who)
{
    connect_to(l, owner, who);
    settle_if_idle(l);
}

bool do_resume(lanes **at, const frame_head *head, const uint8_t *payload, lanes_error *e)
{
    lanes *fresh = *at;
    if (head->bytes != TOKEN_BYTES)
        return lanes_fail(e, ERROR_BAD_FRAME, "RESUME takes %d bytes, not %u", TOKEN_BYTES,
                          head->bytes);
    if (fresh->n_sessions > 0 || fresh->store.n_kept > 0 || fresh->is_kept)
        return lanes_fail(e, ERROR_BAD_FRAME, "RESUME comes before OPEN and KEEP");
    lanes *l = lanes_find(fresh->host, payload, account_of(fresh));
    if (!l)
        return lanes_fail(e, ERROR_NOT_KEPT, "nothing is kept under this token (any more)");
    connect_to(l, &fresh->owner, &fresh->tab.visitor);
    take_frames(l, fresh);
    fresh->owner = (lanes_owner){0};
    destroy_lanes(fresh);
    *at = l;
    l->resume = *head;
    l->is_resuming = true;
    settle_if_idle(l);
    return true;
}

void adopt_token(lanes *l, const uint8_t *token)
{
    memcpy(l->token, token, sizeof l->token);
    l->is_kept = true;
    link_last(l);
    park(l);
}

void lanes_host_clear(lanes_host *host)
{
    while (host->first_kept)
        lanes_forget(host->first_kept);
}
