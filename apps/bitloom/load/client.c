// SPDX-License-Identifier: MIT
#include "client.h"

#include <stdio.h>
#include <string.h>

static void ask(load_client *c, frame_op op, size_t n_lanes, const void *payload, size_t bytes)
{
    frame_head head = {.bytes = (uint32_t)bytes, .op = (uint8_t)op, .n_lanes = (uint16_t)n_lanes};
    bl_buffer_append(&c->out, &head, sizeof head);
    bl_buffer_append(&c->out, payload, bytes);
}

static void send_step(load_client *c)
{
    uint8_t request[sizeof(frame_step) + BL_LANES] = {0};
    size_t n = (size_t)c->params->n_lanes;
    memset(request + sizeof(frame_step), 'e', n);
    c->sent_ns[c->n_sent++ % (uint64_t)c->params->depth] = bl_time_ns();
    ask(c, OP_STEP, n, request, sizeof(frame_step) + n);
}

static void take_step(load_client *c)
{
    uint64_t now = bl_time_ns(), depth = (uint64_t)c->params->depth;
    uint64_t wait = now - c->sent_ns[c->n_steps % depth];
    c->waits_ns[c->n_steps % MAX_LOAD_WAITS] = wait < UINT32_MAX ? (uint32_t)wait : UINT32_MAX;
    c->n_steps++;
    if (now < c->end_ns)
        send_step(c);
    else if (c->n_steps == c->n_sent)
        ask(c, OP_STATS, 0, NULL, 0);
}

// Before the first step: the vector gets its width, and the server says what it has done so far.
static void prepare(load_client *c)
{
    static const uint16_t same[BL_LANES];
    size_t n = (size_t)c->params->n_lanes;
    ask(c, OP_OPEN, 0, NULL, 0);
    ask(c, OP_PERMUTE, n, same, n * sizeof *same);
    ask(c, OP_STATS, 0, NULL, 0);
}

static void take_stats(load_client *c, const uint8_t *payload, size_t bytes)
{
    bool is_first = c->n_sent == 0;
    memcpy(is_first ? &c->first : &c->last, payload, bytes);
    c->is_done = !is_first;
    for (int64_t i = 0; is_first && i < c->params->depth; i++)
        send_step(c);
}

// Of an error's payload: what the server says of it, without an end.
static void fail_as_told(load_client *c, const uint8_t *payload, size_t bytes)
{
    char message[sizeof c->failure];
    int n = bytes > 4 ? (int)(bytes - 4) : 0;
    snprintf(message, sizeof message, "%.*s", n, n ? (const char *)payload + 4 : "");
    load_client_fail(c, n ? message : "the server has answered an error");
}

bool load_client_receive(load_client *c, const uint8_t *frame, size_t bytes)
{
    frame_head head;
    if (bytes < sizeof head) {
        load_client_fail(c, "the server has sent something that is not a frame");
        return false;
    }
    memcpy(&head, frame, sizeof head);
    const uint8_t *payload = frame + sizeof head;
    size_t n = bytes - sizeof head;
    if (head.op == OP_ERROR)
        fail_as_told(c, payload, n);
    else if (head.op == (OP_ANSWER | OP_HELLO))
        prepare(c);
    else if (head.op == (OP_ANSWER | OP_STEP))
        take_step(c);
    else if (head.op == (OP_ANSWER | OP_STATS) && n == sizeof c->first)
        take_stats(c, payload, n);
    if (c->out.status != BL_OK)
        load_client_fail(c, bl_status_text(c->out.status));
    return !c->is_done && !c->failure[0];
}

void load_client_fail(load_client *c, const char *why)
{
    if (!c->failure[0])
        snprintf(c->failure, sizeof c->failure, "%s", why);
}

bl_status load_client_init(load_client *c, const load_params *params, uint64_t end_ns)
{
    *c = (load_client){.params = params, .end_ns = end_ns};
    c->waits_ns = bl_alloc_array(NULL, MAX_LOAD_WAITS, sizeof *c->waits_ns);
    return c->waits_ns ? BL_OK : BL_ERR_MEMORY;
}

void load_client_clear(load_client *c)
{
    bl_free(NULL, c->waits_ns, MAX_LOAD_WAITS * sizeof *c->waits_ns);
    bl_buffer_clear(&c->out);
}
