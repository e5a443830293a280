// SPDX-License-Identifier: MIT
// The page's protocol: requests as lines of JSON; the client then vanishes.
#include "server.h"

#include "serve/session.h"

static session_host host;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    start_engine();
    host.engine = under_test;
    host.model = tiny.model;
    host.want_write = ignore_news;
    static const visitor nobody;
    session *s = session_create(&host, &nobody);
    session_set_owner(s, &host);
    session_greet(s);
    for (size_t at = 0, end; at < bytes; at = end + 1) {
        for (end = at; end < bytes && data[end] != '\n';)
            end++;
        session_receive(s, (const char *)data + at, end - at);
        engine_deliver(under_test);
    }
    while (session_next_message(s))
        session_message_sent(s);
    session_close(s);
    settle();
    return 0;
}
