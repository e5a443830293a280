// SPDX-License-Identifier: MIT
// What the server's journal says of requests and connections.

#include "server.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

// While the connection lasts: afterwards nobody knows.
void find_peer(char *peer, struct lws *wsi)
{
    static const char mapped[] = "::ffff:"; // how a socket for both IPs shows version 4
    char text[MAX_PEER] = "";
    peer[0] = 0;
    if (!server_of(wsi)->journal)
        return;
    lws_get_peer_simple(wsi, text, sizeof text);
    bool is_mapped = strncmp(text, mapped, sizeof mapped - 1) == 0;
    snprintf(peer, MAX_PEER, "%s",
             !strpbrk(text, ".:") ? "unix" : text + (is_mapped ? sizeof mapped - 1 : 0));
}

// The account's number, and so much of the key as `bitloom account` lists.
static void write_visitor(bl_json *line, const visitor *who)
{
    char prefix[LEDGER_PREFIX_BYTES + 1];
    if (!who || who->account == 0)
        return;
    snprintf(prefix, sizeof prefix, "%.*s", LEDGER_PREFIX_BYTES, who->key);
    bl_json_int(line, "account", who->account);
    bl_json_text(line, "key_prefix", prefix);
}

static void write_ms(bl_json *line, uint64_t since_ns)
{
    bl_json_uint(line, "ms", (bl_time_ns() - since_ns) / 1000000);
}

// Without the tokens that some have, and without a key that somebody has put there.
static void write_path(bl_json *line, const char *path)
{
    static const char lanes_path[] = "/v1/lanes/", key[] = "bl_live_";
    char text[sizeof((connection *)0)->path + 8];
    size_t n = strncmp(path, lanes_path, sizeof lanes_path - 1) == 0 ? sizeof lanes_path - 1 : 0;
    size_t n_token = n ? strcspn(path + n, "/") : 0;
    snprintf(text, sizeof text, "%.*s%s%s", (int)n, path, n ? "*" : "", path + n + n_token);
    char *found = strstr(text, key);
    if (found)
        found[sizeof key - 1] = 0;
    bl_json_text(line, "path", text);
}

void log_start(server *s)
{
    const bl_model_info *info = bl_model_facts(s->params->model);
    bl_json *line = journal_begin(s->journal, "start");
    if (!line)
        return;
    bl_json_text(line, "version", BITLOOM_VERSION);
    bl_json_int(line, "pid", getpid());
    bl_json_text(line, "model", info->name);
    bl_json_text(line, "model_sha256", info->sha256);
    journal_end(s->journal);
}

void log_listen(server *s, const char *url)
{
    bl_json *line = journal_begin(s->journal, "listen");
    if (!line)
        return;
    bl_json_text(line, "url", url);
    if (s->params->socket)
        bl_json_text(line, "socket", s->params->socket);
    journal_end(s->journal);
}

void log_saved(server *s, const char *event)
{
    bl_json *line = journal_begin(s->journal, event);
    if (!line)
        return;
    bl_json_text(line, "file", s->params->sessions);
    bl_json_uint(line, "lanes", s->lanes.n_parked);
    bl_json_uint(line, "states", s->lanes.n_stored);
    journal_end(s->journal);
}

void log_error(server *s, const bl_diag *diag)
{
    char text[1024];
    bl_json *line = journal_begin(s->journal, "error");
    if (!line)
        return;
    bl_diag_format(text, sizeof text, diag);
    bl_json_text(line, "message", text);
    journal_end(s->journal);
}

void log_stop(server *s)
{
    engine_stats stats;
    bl_json *line = journal_begin(s->journal, "stop");
    if (!line)
        return;
    engine_get_stats(&stats, s->host.engine);
    bl_json_uint(line, "requests", s->http.counters.n_requests);
    bl_json_uint(line, "lane_steps", stats.n_lane_steps);
    journal_end(s->journal);
}

void log_http(struct lws *wsi, const connection *c)
{
    server *s = server_of(wsi);
    http_facts facts;
    bl_json *line = journal_begin(s->journal, "http");
    if (!line)
        return;
    http_reply_get_facts(&facts, c->reply);
    bl_json_text(line, "method", c->method);
    write_path(line, c->path);
    bl_json_uint(line, "status", c->has_head ? c->head.status : 0); // 0: its client has left before
    bl_json_uint(line, "bytes_in", c->n_in);
    bl_json_uint(line, "bytes_out", c->n_out);
    write_ms(line, c->since_ns);
    bl_json_uint(line, "lane_steps", facts.n_lane_steps);
    bl_json_text(line, "peer", c->peer);
    write_visitor(line, facts.who);
    journal_end(s->journal);
}

void log_refusal(struct lws *wsi, unsigned status, const char *code)
{
    server *s = server_of(wsi);
    char peer[MAX_PEER];
    bl_json *line = journal_begin(s->journal, "refuse");
    if (!line)
        return;
    find_peer(peer, wsi);
    bl_json_uint(line, "status", status);
    bl_json_text(line, "code", code);
    bl_json_text(line, "peer", peer);
    journal_end(s->journal);
}

void log_connect(struct lws *wsi, const char *protocol, const char *peer, const visitor *who)
{
    server *s = server_of(wsi);
    bl_json *line = journal_begin(s->journal, "connect");
    if (!line)
        return;
    bl_json_text(line, "protocol", protocol);
    bl_json_text(line, "peer", peer);
    write_visitor(line, who);
    journal_end(s->journal);
}

void log_disconnect(struct lws *wsi, const char *protocol, const char *peer, const visitor *who,
                    const connection_counts *counts)
{
    server *s = server_of(wsi);
    bl_json *line = journal_begin(s->journal, "disconnect");
    if (!line)
        return;
    bl_json_text(line, "protocol", protocol);
    bl_json_text(line, "peer", peer);
    write_visitor(line, who);
    write_ms(line, counts->since_ns);
    bl_json_uint(line, "requests", counts->n_requests);
    bl_json_uint(line, "frames", counts->n_frames);
    bl_json_uint(line, "lane_steps", counts->n_lane_steps);
    journal_end(s->journal);
}

void log_note(void *context, const lanes_note *note)
{
    server *s = context;
    bl_json *line = journal_begin(s->journal, note->event);
    if (!line)
        return;
    bl_json_uint(line, "sessions", note->n_sessions);
    bl_json_uint(line, "states", note->n_states);
    if (note->account)
        bl_json_int(line, "account", note->account);
    if (note->reason)
        bl_json_text(line, "reason", note->reason);
    journal_end(s->journal);
}
