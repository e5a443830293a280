// SPDX-License-Identifier: MIT
// The lanes protocol: a stream of frames behind an OPEN, in two pieces; the client then vanishes.
#include "server.h"

#include "serve/lanes/lanes.h"

static lanes_host host;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static const frame_head open = {.op = OP_OPEN};
    start_engine();
    host.engine = under_test;
    host.model = tiny.model;
    lanes *l = lanes_create(&host, &(const lanes_owner){&host, ignore_news, ignore_news}, NULL);
    size_t cut = bytes > 0 ? data[0] % bytes : 0, out;
    (void)lanes_receive_stream(&l, (const uint8_t *)&open, sizeof open);
    if (lanes_receive_stream(&l, data, cut) && lanes_receive_stream(&l, data + cut, bytes - cut)
        && data)
        lanes_receive(&l, data, bytes);
    engine_deliver(under_test);
    while (lanes_next(l, &out))
        lanes_sent(l);
    lanes_close(l);
    settle();
    return 0;
}
