// SPDX-License-Identifier: MIT
// Clients at a Unix socket, each a thread that blocks.
#include "client.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

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

// No answer that was asked for is longer than 1 KiB.
static bool exchange(load_client *c, int socket)
{
    union {
        frame_head head;
        uint8_t bytes[FRAME_HEAD_BYTES + 1024];
    } frame;
    do {
        bool is_sent = write_all(socket, c->out.data, c->out.bytes);
        c->out.bytes = 0;
        if (!is_sent || !read_all(socket, &frame.head, sizeof frame.head)
            || frame.head.bytes > sizeof frame.bytes - sizeof frame.head
            || !read_all(socket, frame.bytes + sizeof frame.head, frame.head.bytes))
            return false;
    } while (load_client_receive(c, frame.bytes, sizeof frame.head + frame.head.bytes));
    return true;
}

static void *run_client(void *context)
{
    load_client *c = context;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", c->params->socket);
    int to = socket(AF_UNIX, SOCK_STREAM, 0);
    if (to < 0 || connect(to, (struct sockaddr *)&address, sizeof address) != 0)
        load_client_fail(c, strerror(errno));
    else if (!exchange(c, to))
        load_client_fail(c, "the server has closed the connection");
    if (to >= 0)
        close(to);
    return NULL;
}

void load_over_socket(load_client *clients, size_t n)
{
    pthread_t threads[MAX_LOAD_CLIENTS];
    size_t n_started = 0;
    while (n_started < n
           && pthread_create(&threads[n_started], NULL, run_client, &clients[n_started]) == 0)
        n_started++;
    for (size_t i = n_started; i < n; i++)
        load_client_fail(&clients[i], "cannot start a thread");
    for (size_t i = 0; i < n_started; i++)
        pthread_join(threads[i], NULL);
}
