// SPDX-License-Identifier: MIT
#ifndef BITLOOM_TESTS_TEST_H
#define BITLOOM_TESTS_TEST_H

// A test is a function whose name reads as a claim. A failed CHECK prints where and goes on.
//
//     static void adding_zero_changes_nothing(void) { CHECK(1 + 0 == 1); }
//     int main(void) { RUN(adding_zero_changes_nothing); return test_summary(); }

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEST_SKIP = 77 }; // meson's exit status of a skipped program

static int test_n_failed, test_n_run;
static __attribute__((unused)) int test_is_failed;

// How many of n random cases to try: under emulation or instruments $BITLOOM_EFFORT per cent of
// them.
static inline __attribute__((unused)) unsigned test_cases(unsigned n)
{
    const char *effort = getenv("BITLOOM_EFFORT");
    unsigned per_cent = effort ? (unsigned)atoi(effort) : 100;
    return per_cent > 0 && per_cent < 100 ? (n * per_cent + 99) / 100 : n;
}

#define CHECK(claim)                                                                               \
    do {                                                                                           \
        if (!(claim)) {                                                                            \
            fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #claim);                  \
            test_is_failed = 1;                                                                    \
        }                                                                                          \
    } while (0)

// Where going on makes no sense.
#define REQUIRE(claim)                                                                             \
    do {                                                                                           \
        if (!(claim)) {                                                                            \
            fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #claim);                  \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

#define RUN(test)                                                                                  \
    do {                                                                                           \
        test_is_failed = 0;                                                                        \
        test();                                                                                    \
        test_n_run++;                                                                              \
        test_n_failed += test_is_failed;                                                           \
        printf("%s %s\n", test_is_failed ? "not ok" : "ok", #test);                                \
    } while (0)

static inline int test_summary(void)
{
    printf("%d tests, %d failed\n", test_n_run, test_n_failed);
    return test_n_failed > 0;
}

#endif
