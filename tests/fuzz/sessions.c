// SPDX-License-Identifier: MIT
// The file of kept sessions: what follows the head comes from the fuzzer; head and checksum are
// right, or nothing behind them would be read. What is accepted is written and read again.
#include "server.h"

#include "serve/saved.h"

#include <string.h>

static lanes_host host;
static http_host http;

static void clear(void)
{
    lanes_host_clear(&host);
    http_host_clear(&http);
    settle();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static uint8_t file[1 << 16];
    if (bytes < 8 || bytes > sizeof file - 96)
        return 0;
    start_engine();
    host.engine = http.engine = under_test;
    host.model = http.model = tiny.model;
    host.keep_ns = UINT64_MAX / 2;
    const bl_model_info *info = bl_model_facts(tiny.model);
    const uint32_t head[2] = {1, (uint32_t)info->state_bytes};
    const uint64_t all = bytes + 56 + 32;
    memcpy(file, "bl-kept\n", 8);
    memcpy(file + 8, head, sizeof head);
    const char *hex = info->sha256;
    for (int i = 0; i < 32; i++) {
        const char byte[3] = {hex[2 * i], hex[2 * i + 1], 0};
        file[16 + i] = (uint8_t)strtoul(byte, NULL, 16);
    }
    memcpy(file + 48, &all, sizeof all);
    memcpy(file + 56, data, bytes); // how many lanes and sequences, and these
    bl_sha256(file + 56 + bytes, file, 56 + bytes);
    bl_status status = saved_parse(file, (size_t)all, "fuzzed", &host, &http, NULL);
    if (status == BL_OK) {
        char *again = NULL;
        size_t n = 0;
        FILE *stream = open_memstream(&again, &n);
        REQUIRE(stream);
        lanes_save_all(stream, &host);
        fclose(stream);
        REQUIRE(n <= bytes - 8);
        free(again);
    }
    clear();
    return 0;
}
