// SPDX-License-Identifier: MIT
// bitloom load: many clients of the lanes protocol at once, and how long each waits.

#include "verbs.h"

#include "load/client.h"

#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

static int by_time(const void *x, const void *y)
{
    const uint32_t *a = x, *b = y;
    return *a < *b ? -1 : *a > *b;
}

static int print_result(const load_client *clients, size_t n, double seconds, const bl_command *c)
{
    const load_params *o = c->settings;
    const load_client *one = &clients[0];
    uint64_t n_steps = 0, n_waits = 0;
    uint32_t *waits = bl_alloc_array(NULL, n * MAX_LOAD_WAITS, sizeof *waits);
    if (!waits)
        return EXIT_NO;
    for (size_t i = 0; i < n; i++) {
        uint64_t own = clients[i].n_steps < MAX_LOAD_WAITS ? clients[i].n_steps : MAX_LOAD_WAITS;
        memcpy(waits + n_waits, clients[i].waits_ns, own * sizeof *waits);
        n_waits += own;
        n_steps += clients[i].n_steps;
    }
    qsort(waits, n_waits, sizeof *waits, by_time);
    uint64_t n_ticks = one->last.n_ticks - one->first.n_ticks;
    double tick_ns = (double)(one->last.tick_ns - one->first.tick_ns);
    bl_buffer out = {0};
    bl_json json;
    bl_json_begin(&json, &out, !c->common.is_json);
    bl_json_object(&json, NULL);
    bl_json_uint(&json, "n_clients", n);
    bl_json_uint(&json, "n_steps", n_steps);
    bl_json_real(&json, "steps_per_second", (double)n_steps / seconds);
    bl_json_real(&json, "lane_steps_per_second", (double)n_steps * (double)o->n_lanes / seconds);
    bl_json_real(&json, "wait_p50_us", n_waits ? waits[n_waits / 2] / 1e3 : 0);
    bl_json_real(&json, "wait_p99_us", n_waits ? waits[n_waits * 99 / 100] / 1e3 : 0);
    bl_json_real(&json, "model_step_us", n_ticks ? tick_ns / 1e3 / (double)n_ticks : 0);
    bl_json_real(&json, "share_of_time_in_model", tick_ns / 1e9 / seconds);
    bl_json_end(&json);
    if (c->common.is_json)
        bl_buffer_append(&out, "\n", 1);
    bl_free(NULL, waits, n * MAX_LOAD_WAITS * sizeof *waits);
    return print_buffer(&out);
}

static bl_status check_address(const load_params *o, bl_diag *diag)
{
    if (!o->socket == !o->url)
        return bl_diag_set(diag, BL_ERR_ARGUMENT, NULL, 0, 0,
                           "expected --socket PATH, where bitloom serve --socket PATH listens, or "
                           "--url ws://HOST:PORT/api/lanes");
    if (o->socket && strlen(o->socket) >= sizeof((struct sockaddr_un *)0)->sun_path)
        return bl_diag_set(diag, BL_ERR_ARGUMENT, o->socket, 0, 0,
                           "a socket's path has at most 107 bytes");
    if (o->url && strncmp(o->url, "ws://", 5) != 0 && strncmp(o->url, "wss://", 6) != 0)
        return bl_diag_set(diag, BL_ERR_ARGUMENT, o->url, 0, 0,
                           "expected ws://HOST:PORT/api/lanes, or wss:// with TLS");
    return BL_OK;
}

static int run(const bl_command *c)
{
    const load_params *o = c->settings;
    static load_client clients[MAX_LOAD_CLIENTS];
    bl_diag diag = {0};
    if (check_address(o, &diag) != BL_OK)
        return report(&diag, EXIT_USAGE);
    size_t n = 0;
    bl_status status = BL_OK;
    uint64_t begun = bl_time_ns();
    for (; n < (size_t)o->n_clients && status == BL_OK; n++)
        status = load_client_init(&clients[n], o, begun + (uint64_t)(o->seconds * 1e9));
    if (status != BL_OK)
        bl_diag_set(&diag, status, NULL, 0, 0, "%s", bl_status_text(status));
    else if (o->socket)
        load_over_socket(clients, n);
    else
        load_over_websocket(clients, n);
    for (size_t i = 0; i < n && status == BL_OK; i++)
        if (clients[i].failure[0])
            status = bl_diag_set(&diag, BL_ERR_IO, o->socket ? o->socket : o->url, 0, 0,
                                 "client %zu: %s", i + 1, clients[i].failure);
    int outcome = EXIT_NO;
    if (status == BL_OK)
        outcome = print_result(clients, n, (double)(bl_time_ns() - begun) / 1e9, c);
    for (size_t i = 0; i < n; i++)
        load_client_clear(&clients[i]);
    return status == BL_OK ? outcome : report(&diag, EXIT_NO);
}

static const load_params defaults = {.n_clients = 1, .n_lanes = 512, .depth = 1, .seconds = 5};
static const bl_option options[] = {
    {"socket", 0, BL_OPTION_TEXT, offsetof(load_params, socket), "PATH", 0, 0,
     "the server's Unix socket"},
    {"url", 0, BL_OPTION_TEXT, offsetof(load_params, url), "URL", 0, 0,
     "or ws://HOST:PORT/api/lanes; with accounts ?key=KEY behind it"},
    {"clients", 0, BL_OPTION_INT, offsetof(load_params, n_clients), "N", 1, MAX_LOAD_CLIENTS,
     "connections; default 1"},
    {"lanes", 0, BL_OPTION_INT, offsetof(load_params, n_lanes), "N", 1, 512,
     "of each client; default 512"},
    {"depth", 0, BL_OPTION_INT, offsetof(load_params, depth), "N", 1, MAX_LOAD_DEPTH,
     "steps that a client has under way; default 1"},
    {"seconds", 0, BL_OPTION_REAL, offsetof(load_params, seconds), "S", 0.1, 3600, "default 5"},
};

const bl_verb bl_verb_load = {
    .name = "load",
    .operands = "",
    .summary = "put a server under load and measure it",
    .details =
        "Steps of whole vectors over the lanes protocol. wait: from sending a step to its\n"
        "answer. share_of_time_in_model: what the engine spent in the model, of the time\n"
        "that passed; the rest went to clients, sockets and waiting. Where ticks run side by\n"
        "side it may be above 1.",
    .example = "bitloom load --socket /run/bitloom.socket --clients 64 --lanes 8",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .settings_bytes = sizeof(load_params),
    .defaults = &defaults,
    .run = run};
