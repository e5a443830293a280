// SPDX-License-Identifier: MIT
// The ledger on a disk that loses power below SQLite, and with memory that runs out.
//
//     test-ledger-crash [N_CRASHES [SEED]]    default 300 and 1
//
// A model of three accounts goes along. After each crash the file must hold exactly what was
// acknowledged, or that and the whole group whose commit the crash hit; sending that group again
// must count it once; and what was reserved must come back.
#include "ledger_tests.h"
#include "limited_memory.h"

// ---------------------------------------------------------------------------------- crashes

enum { N_ACCOUNTS = 3, MAX_WORK = 2000, MAX_GROUP = 12 };

typedef enum event_type { TOP_UP, EXPIRE, RESERVE, SETTLE } event_type;

typedef struct event {
    event_type type;
    int account, id;
    int64_t amount;
} event;

typedef struct work { // a reservation
    int account;
    int64_t amount;
    bool is_open;
} work;

typedef struct model {
    int64_t available[N_ACCOUNTS], reserved[N_ACCOUNTS];
    int n_entries, n_open;
    int n_moves, n_works;
    work works[MAX_WORK];
} model;

static bl_random rng;
static model acknowledged, after; // after: with the group under way
static event group[MAX_GROUP];
static int n_group;
static bool is_release; // the group under way releases all

static int64_t below(int64_t n) { return (int64_t)bl_random_below(&rng, (uint64_t)n); }

static event draw_event(const model *m)
{
    event e = {.account = (int)below(N_ACCOUNTS), .amount = 1 + below(500)};
    int64_t kind = below(16);
    e.type = kind < 2 ? TOP_UP : kind < 3 ? EXPIRE : kind < 9 || !m->n_works ? RESERVE : SETTLE;
    e.id = e.type == RESERVE ? m->n_works : m->n_moves;
    if (e.type == SETTLE) { // some of them a second time
        e.id = (int)below(m->n_works);
        e.amount = below(m->works[e.id].amount + 1);
    }
    return e;
}

// Whether the event is one that the ledger should take.
static bool apply_to_model(model *m, const event *e)
{
    int64_t *available = &m->available[e->account];
    if (e->type == SETTLE) {
        work *w = &m->works[e->id];
        if (w->is_open) {
            m->available[w->account] += w->amount - e->amount;
            m->reserved[w->account] -= w->amount;
            m->n_entries++;
            m->n_open--;
        }
        w->is_open = false;
        return true;
    }
    if (e->type != TOP_UP && *available < e->amount)
        return false;
    *available += e->type == TOP_UP ? e->amount : -e->amount;
    m->n_entries++;
    if (e->type != RESERVE) {
        m->n_moves++;
        return true;
    }
    REQUIRE(m->n_works < MAX_WORK);
    m->works[m->n_works++] = (work){e->account, e->amount, true};
    m->reserved[e->account] += e->amount;
    m->n_open++;
    return true;
}

static bl_status apply_to_ledger(ledger *l, const event *e)
{
    char id[24];
    ledger_refusal why;
    snprintf(id, sizeof id, "%s%d", e->type == RESERVE || e->type == SETTLE ? "work" : "move",
             e->id);
    switch (e->type) {
    case TOP_UP: return ledger_move(l, e->account + 1, LEDGER_TOP_UP, id, e->amount, &diag);
    case EXPIRE: return ledger_move(l, e->account + 1, LEDGER_EXPIRE, id, e->amount, &diag);
    case RESERVE: return reserve(l, e->account + 1, id, e->amount, &why);
    case SETTLE: return ledger_settle(l, id, e->amount, &diag);
    }
    return BL_ERR_ARGUMENT;
}

// False: the power is gone.
static bool run_group(ledger *l)
{
    after = acknowledged;
    n_group = 0;
    is_release = false;
    if (ledger_begin(l, noon, &diag) != BL_OK)
        return false;
    for (int64_t i = 1 + below(MAX_GROUP); i > 0; i--) {
        event e = draw_event(&after);
        bool is_taken = apply_to_model(&after, &e);
        bl_status status = apply_to_ledger(l, &e);
        CHECK(fault_vfs_is_crashed() || status == (is_taken ? BL_OK : BL_ERR_LIMIT));
        if (is_taken)
            group[n_group++] = e;
    }
    bl_status status = ledger_commit(l, &diag);
    CHECK((status == BL_OK) == !fault_vfs_is_crashed()
          || status == BL_OK); // after a checkpoint, say
    if (status == BL_OK)
        acknowledged = after;
    return !fault_vfs_is_crashed();
}

static int64_t ask(ledger *l, const char *query)
{
    sqlite3_stmt *s = NULL;
    REQUIRE(sqlite3_prepare_v2(l->db, query, -1, &s, NULL) == SQLITE_OK);
    REQUIRE(sqlite3_step(s) == SQLITE_ROW);
    int64_t value = sqlite3_column_int64(s, 0);
    sqlite3_finalize(s);
    return value;
}

static bool is_state(ledger *l, const model *m)
{
    bool is_same = ask(l, "SELECT count(*) FROM entry") == m->n_entries
                   && ask(l, "SELECT count(*) FROM reservation") == m->n_open;
    for (int i = 0; i < N_ACCOUNTS; i++) {
        ledger_account a;
        REQUIRE(ledger_account_by_id(l, &a, i + 1, &diag) == BL_OK);
        is_same = is_same && a.available == m->available[i] && a.reserved == m->reserved[i];
    }
    return is_same;
}

static void every_acknowledged_reservation_is_there(ledger *l)
{
    for (int i = 0; i < acknowledged.n_works; i++) {
        char query[96];
        const work *w = &acknowledged.works[i];
        snprintf(query, sizeof query,
                 "SELECT count(*) FROM entry WHERE id GLOB 'work%d' OR id GLOB "
                 "'work%d:end'",
                 i, i);
        CHECK(ask(l, query) >= (w->is_open ? 1 : 2));
    }
}

// What a server does at its start.
static void release_open_work(ledger *l)
{
    uint64_t n;
    is_release = true;
    after = acknowledged;
    for (int i = 0; i < after.n_works; i++) {
        event e = {.type = SETTLE, .id = i};
        if (after.works[i].is_open)
            (void)apply_to_model(&after, &e);
    }
    if (ledger_begin(l, noon, &diag) != BL_OK)
        return;
    bl_status status = ledger_release_all(l, &n, &diag);
    CHECK(fault_vfs_is_crashed() || (status == BL_OK && n <= (uint64_t)acknowledged.n_open));
    if (ledger_commit(l, &diag) == BL_OK)
        acknowledged = after;
}

static void send_again(ledger *l)
{
    if (is_release) {
        release_open_work(l);
    } else {
        begin(l);
        for (int i = 0; i < n_group; i++)
            CHECK(apply_to_ledger(l, &group[i]) == BL_OK);
        commit(l);
    }
    CHECK(is_state(l, &after));
    acknowledged = after;
}

static ledger *open_on_disk(void)
{
    ledger *l = NULL;
    ledger_params params = {.path = "ledger", .may_create = true, .vfs = FAULT_VFS};
    bl_status status = ledger_open(&l, &params, NULL, &diag);
    CHECK((status == BL_OK) || fault_vfs_is_crashed());
    if (status == BL_OK) // many checkpoints, so that crashes hit them
        (void)sqlite3_exec(l->db, "PRAGMA wal_autocheckpoint = 12", NULL, NULL, NULL);
    return l;
}

static bool make_accounts(ledger *l)
{
    bl_status status = ledger_begin(l, noon, &diag);
    if (status != BL_OK)
        return false;
    for (int i = 0; i < N_ACCOUNTS; i++) {
        int64_t id;
        char name[8];
        snprintf(name, sizeof name, "a%d", i);
        if (ledger_account_by_id(l, &(ledger_account){0}, i + 1, &diag) != BL_OK)
            status = ledger_create_account(l, &id, name, &no_limits, &diag);
    }
    return ledger_commit(l, &diag) == BL_OK && status == BL_OK;
}

// One disk: from an empty one through several crashes.
static void live(int n_crashes, uint64_t seed)
{
    bl_random_seed(&rng, seed);
    fault_vfs_format();
    acknowledged = after = (model){0};
    n_group = 0;
    is_release = false;
    bool has_accounts = false;
    for (int i = 0; i < n_crashes; i++) {
        fault_vfs_crash_after((uint64_t)(1 + below(i ? 400 : 60)), seed * 1000 + (uint64_t)i);
        ledger *l = open_on_disk();
        if (l && (has_accounts |= make_accounts(l))) {
            release_open_work(l);
            while (run_group(l))
                ;
        }
        ledger_close(&l);
        fault_vfs_restart();
        l = open_on_disk();
        REQUIRE(l && make_accounts(l));
        has_accounts = true;
        CHECK(is_state(l, &acknowledged) || is_state(l, &after));
        CHECK(ledger_check(l, &diag) == BL_OK);
        every_acknowledged_reservation_is_there(l);
        send_again(l);
        ledger_close(&l);
    }
}

static int n_crashes = 300;
static uint64_t first_seed = 1;

static void crashes_lose_nothing_double_nothing_and_leave_no_half(void)
{
    uint64_t began = bl_time_ns();
    int left = n_crashes;
    for (uint64_t seed = first_seed; left > 0 && !test_is_failed; seed++) {
        int n = left < 5 ? left : 5;
        live(n, seed);
        left -= n;
        if (test_is_failed)
            fprintf(stderr, "again: test-ledger 5 %llu\n", (unsigned long long)seed);
    }
    printf("%d crashes, %llu writes lost or torn, %.1f s\n", n_crashes - left,
           (unsigned long long)fault_vfs_n_torn(), (double)(bl_time_ns() - began) * 1e-9);
}

// ----------------------------------------------------------------------------------- memory

static sqlite3_mem_methods plain;
static int64_t memory_left = -1; // allocations; below 0: no limit

static bool has_memory(void)
{
    if (memory_left == 0)
        return false;
    memory_left -= memory_left > 0;
    return true;
}

static void *limited_malloc(int n) { return has_memory() ? plain.xMalloc(n) : NULL; }
static void *limited_realloc(void *p, int n) { return has_memory() ? plain.xRealloc(p, n) : NULL; }

static void limit_memory_of_sqlite(void)
{
    sqlite3_mem_methods limited;
    REQUIRE(sqlite3_config(SQLITE_CONFIG_GETMALLOC, &plain) == SQLITE_OK);
    limited = plain;
    limited.xMalloc = limited_malloc;
    limited.xRealloc = limited_realloc;
    REQUIRE(sqlite3_config(SQLITE_CONFIG_MALLOC, &limited) == SQLITE_OK);
    REQUIRE(sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0) == SQLITE_OK);
}

static void count_keys(void *context, const ledger_key *key)
{
    *(int *)context += key->last_used == noon && strncmp(key->prefix, "bl_live_", 8) == 0;
}

static void ignore_use(void *context, const ledger_use *use)
{
    (void)context;
    CHECK(use->n_lane_steps == 60);
}

#define TRY_TO(call)                                                                               \
    do {                                                                                           \
        bl_status status_ = (call);                                                                \
        if (status_ != BL_OK)                                                                      \
            return status_;                                                                        \
    } while (0)

static bl_status run_everything(ledger *l)
{
    int64_t account;
    char key[LEDGER_KEY_BYTES + 1];
    ledger_account a;
    ledger_refusal why;
    int n_keys = 0;
    TRY_TO(ledger_begin(l, noon, &diag));
    TRY_TO(ledger_create_account(l, &account, "ada", &(ledger_limits){.daily_quota = 999}, &diag));
    TRY_TO(ledger_create_key(l, key, account, 0, &diag));
    TRY_TO(ledger_find_key(l, &a, key, noon, &diag));
    TRY_TO(ledger_touch_key(l, key, &diag));
    TRY_TO(ledger_move(l, account, LEDGER_TOP_UP, "t", 1000, &diag));
    TRY_TO(ledger_reserve(l, account, "r", "chat", 100, &why, &diag));
    TRY_TO(ledger_settle(l, "r", 60, &diag));
    TRY_TO(ledger_revoke_key(l, key, account, &diag));
    TRY_TO(ledger_commit(l, &diag));
    TRY_TO(ledger_list_use(l, 0, 0, ignore_use, NULL, &diag));
    TRY_TO(ledger_list_keys(l, account, count_keys, &n_keys, &diag));
    CHECK(n_keys == 1);
    return ledger_check(l, &diag);
}

// All or nothing of what run_everything does is in the file.
static bool is_whole(ledger *l)
{
    ledger_account a;
    bl_status status = ledger_get_account(l, &a, "ada", &diag);
    return (status == BL_OK ? a.available == 940 && a.reserved == 0 : status == BL_ERR_ARGUMENT)
           && ledger_check(l, &diag) == BL_OK;
}

static void running_out_of_memory_is_told_and_leaves_no_half(void)
{
    bl_status status = BL_ERR_MEMORY;
    int n_told = 0;
    for (int64_t n = 0; n < 20000 && (status != BL_OK || memory_left == 0); n += 1 + n / 100) {
        ledger *l = NULL;
        ledger_params params = {.path = "ledger", .may_create = true, .vfs = FAULT_VFS};
        fault_vfs_format();
        memory_left = n;
        status = ledger_open(&l, &params, NULL, &diag);
        if (status == BL_OK)
            status = run_everything(l);
        bool ran_out = memory_left == 0;
        memory_left = -1;
        CHECK(status == BL_OK || (status == BL_ERR_MEMORY && ran_out && diag.message[0]));
        n_told += status != BL_OK;
        ledger_close(&l);
        l = open_at("ledger", FAULT_VFS);
        CHECK(is_whole(l));
        ledger_close(&l);
        memory_left = status == BL_OK && !ran_out ? -1 : 0;
    }
    memory_left = -1;
    CHECK(status == BL_OK && n_told > 100);
}

static void the_callers_allocator_may_fail(void)
{
    int left = 0;
    bl_allocator limited = {limited_resize, &left};
    ledger *l = NULL;
    ledger_params params = {.path = "ledger", .may_create = true, .vfs = FAULT_VFS};
    fault_vfs_format();
    CHECK(ledger_open(&l, &params, &limited, &diag) == BL_ERR_MEMORY && !l);
    left = 1;
    CHECK(ledger_open(&l, &params, &limited, &diag) == BL_OK);
    ledger_close(&l);
}

int main(int n_words, char **words)
{
    limit_memory_of_sqlite();
    fault_vfs_register();
    n_crashes = n_words > 1 ? atoi(words[1]) : n_crashes;
    first_seed = n_words > 2 ? strtoull(words[2], NULL, 10) : first_seed;
    RUN(crashes_lose_nothing_double_nothing_and_leave_no_half);
    RUN(running_out_of_memory_is_told_and_leaves_no_half);
    RUN(the_callers_allocator_may_fail);
    return test_summary();
}
