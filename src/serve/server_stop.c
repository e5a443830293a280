// SPDX-License-Identifier: MIT
// A stop in peace:
//
//     stopping   new connections and requests are refused, what is under way goes on, for a while
//     leaving    each connection that has got all its answers is closed, WebSockets with 1001
//
// Whoever is then still there is cut off. A second signal shortens it.

#include "server.h"

enum { SECONDS_TO_END = 3, SECONDS_TO_LEAVE = 1 };

int stay_or_leave(struct lws *wsi, bool is_websocket)
{
    static uint8_t reason[] = "the server stops";
    if (!server_of(wsi)->is_leaving)
        return 0;
    if (is_websocket)
        lws_close_reason(wsi, LWS_CLOSE_STATUS_GOINGAWAY, reason, sizeof reason - 1);
    return -1;
}

static bool has_work(server *s)
{
    engine_stats stats;
    engine_get_stats(&stats, s->host.engine);
    return stats.n_activities > 0 || s->n_replies > 0;
}

static bool has_connections(server *s)
{
    return s->host.n_sessions > 0 || s->lanes.n_connections > 0;
}

// While there is something, for so many seconds. The clock wakes it.
static void serve_on(server *s, bool (*is_needed)(server *s), uint64_t seconds)
{
    uint64_t end_ns = bl_time_ns() + seconds * 1000000000u;
    while (is_needed(s) && *s->params->should_stop < 2 && bl_time_ns() < end_ns)
        if (lws_service(s->context, 0) < 0)
            return;
}

void server_leave(server *s, const struct lws_protocols *protocols)
{
    s->is_stopping = true;
    server_look(&s->clock);
    serve_on(s, has_work, SECONDS_TO_END);
    s->is_leaving = true;
    for (; protocols->name; protocols++)
        lws_callback_on_writable_all_protocol(s->context, protocols);
    serve_on(s, has_connections, SECONDS_TO_LEAVE);
}
