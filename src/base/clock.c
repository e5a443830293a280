// SPDX-License-Identifier: MIT

#include <bitloom/base.h>

#include <time.h>

uint64_t bl_time_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}
