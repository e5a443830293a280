// SPDX-License-Identifier: MIT
// States by name: each content once, gone with its last reference.
#include "../test.h"

#include "serve/lanes/store.h"

static void stores_keep_one_of_each(void)
{
    enum { N = 5000, BYTES = 37 };
    static uint8_t states[N][BYTES];
    static uint64_t names[N];
    store s;
    store_init(&s, BYTES, N - 1);
    for (int i = 0; i < N; i++)
        memcpy(states[i], &i, sizeof i);
    for (int i = 0; i < N; i++)
        names[i] = store_add(&s, states[i]);
    CHECK(names[N - 1] == 0 && s.n_kept == N - 1);
    for (int i = 0; i < N - 1; i++) {
        CHECK(names[i] != 0 && memcmp(store_get(&s, names[i]), states[i], BYTES) == 0);
        CHECK(store_add(&s, states[i]) == names[i]);
    }
    for (int i = 0; i < N - 1; i += 2) {
        CHECK(store_release(&s, names[i]) && store_get(&s, names[i]));
        CHECK(store_release(&s, names[i]) && !store_get(&s, names[i]));
        CHECK(!store_release(&s, names[i]) && !store_retain(&s, names[i]));
    }
    for (int i = 0; i < N - 1; i += 2)
        CHECK(store_add(&s, states[i]) == names[i]);
    CHECK(s.n_kept == N - 1 && s.n_places == N - 1);
    store_clear(&s);
}

int main(void)
{
    RUN(stores_keep_one_of_each);
    return test_summary();
}
