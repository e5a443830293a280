// SPDX-License-Identifier: MIT
#ifndef BITLOOM_SERVE_ENGINE_H
#define BITLOOM_SERVE_ENGINE_H

// The engine runs the model in ticks of up to 512 lanes, filled with the lanes of many activities.
// A tick costs the same whatever is in it, so a second one runs beside the first, in another
// thread, only when more lanes wait than fit one; and so on. Each tick takes the clients that have
// had the least so far (after the Virtual Token Counter of Sheng et al., "Fairness in Serving Large
// Language Models", 2024). What counts is the share of a tick, not lanes: a reader of a long text
// fills one lane and would otherwise keep whoever needs all 512 waiting for ever.

#include "patterns.h"
#include "rollout.h"

#include <bitloom/melt.h>

typedef struct engine engine;
typedef struct client client; // whoever is charged: one per connection

typedef enum activity_kind {
    ACTIVITY_FEED,
    ACTIVITY_STEP,
    ACTIVITY_TOP,
    ACTIVITY_BEAM,
    ACTIVITY_ROLLOUT,
    ACTIVITY_PATTERN // only its job is done
} activity_kind;

typedef enum end_reason {
    END_DONE,
    END_CANCELLED,
    END_REPLACED,
    END_EXHAUSTED,
    END_FAILED
} end_reason;

enum {
    MAX_UNSENT_FRAMES = 4,
    // what protocols let clients ask for
    MAX_RUN_STEPS = 1024
};

struct activity;

// What the engine hands back, in order per activity.
typedef struct engine_event {
    struct activity *activity;
    // one step of a beam, or of a rollout; both NULL: the activity has ended
    bl_beam_frame *frame;
    rollout_frame *rollout;
    uint32_t step;
    struct engine_event *next;
} engine_event;

// A piece of work. The submitter fills the first part and must not touch the rest until the
// engine has handed the activity back. All memory belongs to the activity.
typedef struct activity {
    activity_kind kind;
    uint32_t id; // of the request
    void *owner; // the submitter's
    // The submitter's: handles each event, in the thread that takes them. The event of a step is
    // freed by event_destroy; after the last one the activity is the submitter's again.
    void (*receive)(engine_event *event);
    client *client;
    // Pays eight times: beside one who steps all the time it gets a ninth. Never in two ticks one
    // behind the other that others wait for.
    bool is_background;
    // NULL, or what must have ended first: this one then goes on from its states. Of as many lanes,
    // and not handed back yet.
    struct activity *after;
    size_t n_lanes;  // STEP, TOP and ROLLOUT; the others begin with one
    uint8_t *states; // [n_lanes][state_bytes]: from here, and at the end the result
    int16_t *bytes;  // [n_lanes], STEP; ROLLOUT: at the end, what each lane drew and did not take
    bool is_bare;   // STEP: one tick, without asking what the bytes cost; BL_KEEP may be among them
    uint32_t n_top; // predictions wanted per lane; FEED with cost: per byte of text
    uint8_t *text;  // FEED and BEAM: bytes to read first
    size_t n_text;
    uint8_t *trail;  // state after each byte of text [n_text][state_bytes], or NULL
    bool wants_cost; // FEED
    bl_beam_params beam_params;
    // NULL, or the pattern that is built before it begins, then to be found in `pattern` and in
    // beam_params, whose state it sets; if there is none, that is its refusal
    pattern_job *job;
    shared_pattern *pattern; // held; of beam_params or of the rollout; NULL: any text
    rollout *rollout;        // ROLLOUT
    uint32_t n_steps;        // BEAM and ROLLOUT
    uint64_t n_promised;     // lane-steps that were set aside for it (accounts/tab.h)
    // BEAM: at the end, step the last lanes too; activity_beam_states has them. ROLLOUT: somebody
    // will do so, by a STEP of `bytes`
    bool keeps_lanes;

    // results
    double *cost_bits;           // [n_lanes], STEP (not bare) and FEED
    uint16_t (*byte_costs)[256]; // [n_lanes], bare STEP: of what follows, in 1/256 bit, or NULL
    uint32_t *text_costs;        // FEED: of each byte of text, in BL_COST_BIT, or NULL
    prediction *top;             // [n_lanes][n_top]; FEED: [n_text][n_top], or NULL
    end_reason reason;
    uint32_t n_steps_done;
    uint64_t n_lane_steps;               // that ran: bytes read or written, of each lane
    const struct request_error *refusal; // why it was not submitted, or NULL

    // the engine's own
    struct activity *next, *previous; // of its client; a submitter may use `next` before
    size_t at;                        // bytes of text read
    int phase;
    bl_beam *beam;
    uint32_t n_unsent;
    bool is_cancelled;     // a note, guarded by the engine's lock
    struct activity *then; // what waits for this one
    bool is_waiting, has_ended;
    bool is_running; // in a tick
    bool is_skipped; // the note as it was when this tick began
    end_reason cancel_reason;
    size_t first_lane;
    engine_event end_event; // so that ending needs no memory
} activity;

typedef struct engine_stats {
    uint64_t n_ticks, n_lane_steps, tick_ns; // tick_ns: of all threads
    uint32_t n_lanes_busy;                   // in the ticks under way
    uint32_t n_activities;
} engine_stats;

// `wake` is called from the engine's threads when events are ready that were not before.
// n_threads: ticks at a time, at least 1, of which 64 are used at most; each has a machine of its
// own.
BL_MUST_USE bl_status engine_create(engine **e, const bl_model *model, bl_cpu cpu, size_t n_threads,
                                    void (*wake)(void *context), void *context);
void engine_set_wake(engine *e, void (*wake)(void *context)); // nobody is left to be woken
void engine_destroy(engine **e);                              // all activities must have ended

enum { MAX_CLIENTS = 2048 };
client *engine_add_client(engine *e);            // NULL: out of memory, or too many
void engine_remove_client(engine *e, client *c); // its activities must have ended; NULL: nothing

void engine_submit(engine *e, activity *a);
void engine_cancel(engine *e, activity *a, end_reason reason); // it still ends with an event
void engine_frame_sent(engine *e, activity *a); // lets a held-back beam or rollout go on
engine_event *engine_take_events(engine *e);    // a list, oldest first
void engine_deliver(engine *e);                 // takes the events and lets each be received
void event_destroy(engine_event *event);        // of a step
void engine_get_stats(engine_stats *stats, engine *e);

activity *activity_create(activity_kind kind, size_t n_lanes, size_t state_bytes); // or NULL
uint64_t activity_max_lane_steps(const activity *a); // its n_lane_steps at the end is no greater
void activity_destroy(activity *a, size_t state_bytes);

// The states of the last frame's lanes, of an ended beam that keeps_lanes.
size_t activity_beam_states(activity *a, uint8_t **states);

#endif
