// SPDX-License-Identifier: MIT
// HTTP: the first byte chooses the path, the rest is the body.
#include "server.h"

#include "serve/http/http.h"

static const uint32_t n_sessions = 0;
static http_host host;
static lanes_host lanes_of_host;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static const char *const paths[] = {"/v1/completions", "/v1/chat/completions",  "/tokenize",
                                        "/detokenize",     "/v2/models/tiny/infer", "/v1/models/x",
                                        "/v1/lanes"};
    if (bytes < 1)
        return 0;
    start_engine();
    host.engine = under_test;
    host.model = tiny.model;
    host.n_sessions = &n_sessions;
    lanes_of_host.engine = under_test;
    lanes_of_host.model = tiny.model;
    host.lanes = &lanes_of_host;
    host.want_write = ignore_news;
    const http_request request = {.method = "POST",
                                  .path = paths[data[0] % (sizeof paths / sizeof *paths)],
                                  .body = data + 1,
                                  .bytes = bytes - 1};
    http_reply *r = http_answer(&host, &request);
    if (r)
        http_reply_set_owner(r, &host);
    http_head head;
    uint8_t piece[512];
    bool is_last = false;
    for (int i = 0; r && i < 20 && !is_last; i++) {
        engine_deliver(under_test);
        if (http_reply_head(&head, r) && http_reply_wait_us(r) == 0)
            (void)http_reply_pull(piece, r, sizeof piece, &is_last);
    }
    if (r)
        http_reply_close(r);
    settle();
    return 0;
}
