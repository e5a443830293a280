// SPDX-License-Identifier: MIT
// bitloom load: many clients of the lanes protocol at once, and how long each waits. Every client
// is a thread with a connection of its own; it keeps `depth` steps under way.

#include "verbs.h"

#include "serve/lanes/frame.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

typedef struct settings {
    const char *socket;
    int64_t n_clients, n_lanes, depth;
    double seconds;
} settings;

enum { MAX_CLIENTS = 256, MAX_WAITS = 1 << 16, MAX_DEPTH = 32 };

typedef struct load_client {
    pthread_t thread;
    const settings *settings;
    uint64_t end_ns;
    int socket;
    uint64_t n_steps;
    uint32_t *waits_ns; // [MAX_WAITS], the last ones
    const char *failure;
    frame_stats first, last; // of the server
} load_client;

static bool write_all(int to, const void *data, size_t bytes)
{
    const uint8_t *at = data;
    for (ssize_t n; bytes > 0; at += n, bytes -= (size_t)n)
        if ((n = send(to, at, bytes, MSG_NOSIGNAL)) <= 0)
            return false;
    return true;
}

static bool read_all(int from, void *data, size_t bytes)
{
    uint8_t *at = data;
    for (ssize_t n; bytes > 0; at += n, bytes -= (size_t)n)
        if ((n = recv(from, at, bytes, 0)) <= 0)
            return false;
    return true;
}

static bool ask(load_client *c, frame_op op, size_t n_lanes, const void *payload, size_t bytes)
{
    frame_head head = {.bytes = (uint32_t)bytes, .op = (uint8_t)op, .n_lanes = (uint16_t)n_lanes};
    return write_all(c->socket, &head, sizeof head) && write_all(c->socket, payload, bytes);
}

// Reads an answer whose payload is at most `bytes` long.
static bool take(load_client *c, void *payload, size_t bytes)
{
    frame_head head;
    uint8_t message[256] = "";
    if (!read_all(c->socket, &head, sizeof head)) {
        c->failure = "the server has closed the connection";
        return false;
    }
    if (head.op == OP_ERROR || head.bytes > bytes) {
        c->failure = "the server has answered with an error";
        if (head.bytes < sizeof message && read_all(c->socket, message, head.bytes))
            fprintf(stderr, "bitloom: load: %s\n", (const char *)message + 4);
        return false;
    }
    return read_all(c->socket, payload, head.bytes);
}

static bool begin(load_client *c)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    static const uint16_t same[BL_LANES];
    uint8_t hello[sizeof(frame_hello)];
    snprintf(address.sun_path, sizeof address.sun_path, "%s", c->settings->socket);
    c->socket = socket(AF_UNIX, SOCK_STREAM, 0);
    if (c->socket < 0 || connect(c->socket, (struct sockaddr *)&address, sizeof address) != 0) {
        c->failure = strerror(errno);
        return false;
    }
    size_t n = (size_t)c->settings->n_lanes;
    return take(c, hello, sizeof hello) && ask(c, OP_OPEN, 0, NULL, 0) && take(c, NULL, 0)
           && ask(c, OP_PERMUTE, n, same, n * sizeof *same) && take(c, NULL, 0)
           && ask(c, OP_STATS, 0, NULL, 0) && take(c, &c->first, sizeof c->first);
}

static bool send_step(load_client *c, uint64_t *sent_ns)
{
    uint8_t request[sizeof(frame_step) + BL_LANES] = {0};
    size_t n = (size_t)c->settings->n_lanes;
    memset(request + sizeof(frame_step), 'e', n);
    *sent_ns = bl_time_ns();
    return ask(c, OP_STEP, n, request, sizeof(frame_step) + n);
}

static bool work(load_client *c)
{
    uint64_t sent_ns[MAX_DEPTH], depth = (uint64_t)c->settings->depth, n_sent = 0;
    while (n_sent < depth && send_step(c, &sent_ns[n_sent % depth]))
        n_sent++;
    for (uint64_t now = 0; c->n_steps < n_sent;) {
        if (!take(c, NULL, 0))
            return false;
        now = bl_time_ns();
        uint64_t wait = now - sent_ns[c->n_steps % depth];
        c->waits_ns[c->n_steps % MAX_WAITS] = wait < UINT32_MAX ? (uint32_t)wait : UINT32_MAX;
        c->n_steps++;
        if (now < c->end_ns && send_step(c, &sent_ns[n_sent % depth]))
            n_sent++;
    }
    return ask(c, OP_STATS, 0, NULL, 0) && take(c, &c->last, sizeof c->last);
}

static void *run_client(void *context)
{
    load_client *c = context;
    if (!begin(c) || !work(c))
        c->failure = c->failure ? c->failure : "the connection broke";
    if (c->socket >= 0)
        close(c->socket);
    return NULL;
}

static int by_time(const void *x, const void *y)
{
    const uint32_t *a = x, *b = y;
    return *a < *b ? -1 : *a > *b;
}

static int print_result(const load_client *clients, size_t n, double seconds, const bl_command *c)
{
    const settings *o = c->settings;
    const load_client *one = &clients[0];
    uint64_t n_steps = 0, n_waits = 0;
    uint32_t *waits = bl_alloc_array(NULL, n * MAX_WAITS, sizeof *waits);
    if (!waits)
        return EXIT_NO;
    for (size_t i = 0; i < n; i++) {
        uint64_t own = clients[i].n_steps < MAX_WAITS ? clients[i].n_steps : MAX_WAITS;
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
    bl_free(NULL, waits, n * MAX_WAITS * sizeof *waits);
    return print_buffer(&out);
}

static int run(const bl_command *c)
{
    const settings *o = c->settings;
    bl_diag diag = {0};
    if (o->socket && strlen(o->socket) >= sizeof((struct sockaddr_un *)0)->sun_path) {
        bl_diag_set(&diag, BL_ERR_ARGUMENT, o->socket, 0, 0,
                    "a socket's path has at most 107 bytes");
        return report(&diag, EXIT_USAGE);
    }
    if (!o->socket) {
        bl_diag_set(&diag, BL_ERR_ARGUMENT, NULL, 0, 0,
                    "expected --socket PATH, where bitloom serve --socket PATH listens");
        return report(&diag, EXIT_USAGE);
    }
    static load_client clients[MAX_CLIENTS];
    size_t n = 0;
    bl_status status = BL_OK;
    uint64_t begun = bl_time_ns();
    for (; n < (size_t)o->n_clients && status == BL_OK; n++) {
        clients[n] = (load_client){.settings = o,
                                   .end_ns = begun + (uint64_t)(o->seconds * 1e9),
                                   .socket = -1,
                                   .waits_ns = bl_alloc_array(NULL, MAX_WAITS, sizeof(uint32_t))};
        if (!clients[n].waits_ns
            || pthread_create(&clients[n].thread, NULL, run_client, &clients[n]) != 0) {
            bl_free(NULL, clients[n].waits_ns, MAX_WAITS * sizeof(uint32_t));
            status = BL_ERR_MEMORY;
            break;
        }
    }
    for (size_t i = 0; i < n; i++) {
        pthread_join(clients[i].thread, NULL);
        if (clients[i].failure && !diag.message[0])
            status = bl_diag_set(&diag, BL_ERR_IO, o->socket, 0, 0, "client %zu: %s", i + 1,
                                 clients[i].failure);
    }
    int outcome = EXIT_NO;
    if (status == BL_OK)
        outcome = print_result(clients, n, (double)(bl_time_ns() - begun) / 1e9, c);
    for (size_t i = 0; i < n; i++)
        bl_free(NULL, clients[i].waits_ns, MAX_WAITS * sizeof(uint32_t));
    if (status == BL_OK)
        return outcome;
    if (!diag.message[0])
        bl_diag_set(&diag, status, NULL, 0, 0, "%s", bl_status_text(status));
    return report(&diag, EXIT_NO);
}

static const settings defaults = {.n_clients = 1, .n_lanes = 512, .depth = 1, .seconds = 5};
static const bl_option options[] = {
    {"socket", 0, BL_OPTION_TEXT, offsetof(settings, socket), "PATH", 0, 0,
     "the server's Unix socket"},
    {"clients", 0, BL_OPTION_INT, offsetof(settings, n_clients), "N", 1, MAX_CLIENTS,
     "connections; default 1"},
    {"lanes", 0, BL_OPTION_INT, offsetof(settings, n_lanes), "N", 1, 512,
     "of each client; default 512"},
    {"depth", 0, BL_OPTION_INT, offsetof(settings, depth), "N", 1, MAX_DEPTH,
     "steps that a client has under way; default 1"},
    {"seconds", 0, BL_OPTION_REAL, offsetof(settings, seconds), "S", 0.1, 3600, "default 5"},
};

const bl_verb bl_verb_load = {
    .name = "load",
    .operands = "",
    .summary = "put a server under load and measure it",
    .details = "Steps of whole vectors over the lanes protocol. wait: from sending a step to its\n"
               "answer. share_of_time_in_model: what the engine spent in the model, of the time\n"
               "that passed; the rest went to clients, sockets and waiting.",
    .example = "bitloom load --socket /run/bitloom.socket --clients 64 --lanes 8",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .settings_bytes = sizeof(settings),
    .defaults = &defaults,
    .run = run};
