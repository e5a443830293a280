// SPDX-License-Identifier: MIT
// Admissions and tabs without a network: what is granted, refused, settled, however calls fall.
// Usage: test-admission MODEL.safetensors
#include "test.h"
#include "tiny_model.h"

#include "serve/accounts/tab.h"

#include <time.h>
#include <unistd.h>

static char folder[] = "/tmp/bitloom-admission-XXXXXX", path[64];
static char key[LEDGER_KEY_BYTES + 1];
static visitor who;
static tiny_model tiny;
static bl_diag diag;

static void wake(void *context) { (void)context; }

static void remove_files(void)
{
    static const char *const tails[] = {"", "-wal", "-shm", "-server"};
    for (size_t i = 0; i < sizeof tails / sizeof *tails; i++) {
        char name[96];
        snprintf(name, sizeof name, "%s%s", path, tails[i]);
        (void)unlink(name);
    }
}

// A fresh file with one account; opened, and its key entered.
static accounts *open_with(int64_t credit, ledger_limits limits)
{
    ledger *l = NULL;
    int64_t account;
    accounts *a = NULL;
    request_error e = {0};
    remove_files();
    REQUIRE(ledger_open(&l, &(ledger_params){.path = path, .may_create = true}, NULL, &diag)
            == BL_OK);
    REQUIRE(ledger_begin(l, time(NULL), &diag) == BL_OK);
    REQUIRE(ledger_create_account(l, &account, "ada", &limits, &diag) == BL_OK);
    REQUIRE(ledger_create_key(l, key, account, 0, &diag) == BL_OK);
    REQUIRE(ledger_move(l, account, LEDGER_TOP_UP, "t", credit, &diag) == BL_OK);
    REQUIRE(ledger_commit(l, &diag) == BL_OK);
    ledger_close(&l);
    REQUIRE(accounts_open(&a, path, wake, NULL, &diag) == BL_OK);
    REQUIRE(accounts_enter(&who, a, key, &e));
    return a;
}

// Closes and says what is left; nothing may be reserved.
static int64_t close_and_count(accounts *a)
{
    ledger *l = NULL;
    ledger_account account;
    accounts_close(&a);
    REQUIRE(ledger_open(&l, &(ledger_params){.path = path}, NULL, &diag) == BL_OK);
    REQUIRE(ledger_get_account(l, &account, "ada", &diag) == BL_OK);
    CHECK(account.reserved == 0 && ledger_check(l, &diag) == BL_OK);
    ledger_close(&l);
    return account.available;
}

typedef struct verdict {
    bool is_there, is_refused;
    char code[32];
} verdict;

static void take_verdict(void *context, const request_error *refusal)
{
    verdict *v = context;
    CHECK(!v->is_there);
    v->is_there = true;
    v->is_refused = refusal != NULL;
    snprintf(v->code, sizeof v->code, "%s", refusal ? refusal->code : "");
}

static admission *admit(accounts *a, verdict *v, int64_t least, int64_t most)
{
    request_error e = {0};
    *v = (verdict){0};
    return accounts_admit(a,
                          &(admission_request){.visitor = &who,
                                               .work_kind = "test",
                                               .least = least,
                                               .most = most,
                                               .done = take_verdict,
                                               .context = v},
                          &e);
}

static void wait_for(accounts *a, const verdict *v)
{
    for (int i = 0; i < 10000 && !v->is_there; i++) {
        accounts_deliver(a);
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    REQUIRE(v->is_there);
}

static void what_was_used_is_charged_and_no_more_than_was_granted(void)
{
    verdict v[2];
    accounts *a = open_with(1000, (ledger_limits){0});
    admission *first = admit(a, &v[0], 300, 300), *second = admit(a, &v[1], 300, 300);
    REQUIRE(first && second);
    CHECK(accounts_granted(first) == 0);
    wait_for(a, &v[0]);
    wait_for(a, &v[1]);
    CHECK(!v[0].is_refused && accounts_granted(first) == 300);
    accounts_settle(first, 120);
    accounts_settle(second, 5000);
    CHECK(close_and_count(a) == 1000 - 120 - 300);
}

static void who_leaves_before_the_verdict_is_not_called_and_pays_nothing_for_nothing(void)
{
    verdict v;
    accounts *a = open_with(1000, (ledger_limits){0});
    for (int i = 0; i < 50; i++) {
        admission *d = admit(a, &v, 900, 900);
        REQUIRE(d);
        accounts_settle(d, 0);
    }
    CHECK(close_and_count(a) == 1000 && !v.is_there);
}

static void a_refusal_says_why(void)
{
    verdict v;
    accounts *a = open_with(1000, (ledger_limits){.daily_quota = 500});
    admission *d = admit(a, &v, 1001, 1001);
    wait_for(a, &v);
    CHECK(v.is_refused && strcmp(v.code, "no_credit") == 0);
    accounts_settle(d, 0);
    d = admit(a, &v, 501, 501);
    wait_for(a, &v);
    CHECK(v.is_refused && strcmp(v.code, "over_quota") == 0);
    accounts_settle(d, 0);
    CHECK(close_and_count(a) == 1000);
}

static void less_is_granted_where_there_is_less(void)
{
    verdict v;
    accounts *a = open_with(1000, (ledger_limits){0});
    admission *d = admit(a, &v, 10, 65536);
    wait_for(a, &v);
    CHECK(!v.is_refused && accounts_granted(d) == 512);
    accounts_settle(d, 512);
    d = admit(a, &v, 488, 65536);
    wait_for(a, &v);
    CHECK(!v.is_refused && accounts_granted(d) == 488);
    accounts_settle(d, 488);
    CHECK(close_and_count(a) == 0);
}

static void so_many_run_at_once(void)
{
    verdict v[3];
    accounts *a = open_with(1000, (ledger_limits){.n_concurrent = 2});
    admission *first = admit(a, &v[0], 1, 1), *second = admit(a, &v[1], 1, 1);
    CHECK(first && second && !admit(a, &v[2], 1, 1));
    accounts_settle(first, 0);
    first = admit(a, &v[2], 1, 1);
    CHECK(first);
    accounts_settle(first, 0);
    accounts_settle(second, 0);
    CHECK(close_and_count(a) == 1000);
}

// ------------------------------------------------------------------------------------- tabs

static engine *runs;
static tab under_test;
static int n_ended, n_refused;
static uint64_t n_used;
static size_t state_bytes;

static void receive_end(engine_event *event)
{
    activity *a = event->activity;
    n_ended++;
    n_refused += a->refusal != NULL;
    CHECK(!a->refusal || strcmp(a->refusal->code, "no_credit") == 0);
    n_used += a->n_lane_steps;
    tab_end(&under_test, a);
    activity_destroy(a, state_bytes);
}

static void submit_step(client *c, size_t n_lanes, bool is_cancelled)
{
    activity *a = activity_create(ACTIVITY_STEP, n_lanes, state_bytes);
    REQUIRE(a);
    a->client = c;
    a->is_bare = true;
    a->receive = receive_end;
    tab_submit(&under_test, a);
    if (is_cancelled)
        engine_cancel(runs, a, END_CANCELLED);
}

static void run_tab(accounts *a, int n_steps, size_t n_lanes, int cancel_each)
{
    client *c = engine_add_client(runs);
    REQUIRE(c);
    n_ended = n_refused = 0;
    n_used = 0;
    under_test = (tab){.accounts = a, .engine = runs, .visitor = who, .work_kind = "test"};
    for (int i = 0; i < n_steps; i++) {
        submit_step(c, n_lanes, cancel_each && i % cancel_each == 0);
        if (a && i % 7 == 0)
            accounts_deliver(a);
    }
    for (int i = 0; i < 20000 && n_ended < n_steps; i++) {
        engine_deliver(runs);
        if (a)
            accounts_deliver(a);
        nanosleep(&(struct timespec){.tv_nsec = 500000}, NULL);
    }
    REQUIRE(n_ended == n_steps);
    tab_close(&under_test);
    engine_remove_client(runs, c);
}

static void a_tab_charges_what_its_activities_used(void)
{
    accounts *a = open_with(1000000, (ledger_limits){0});
    run_tab(a, 400, 512, 0);
    CHECK(n_refused == 0 && n_used == 400 * 512);
    CHECK(close_and_count(a) == 1000000 - 400 * 512);
}

static void cancelled_activities_cost_what_ran(void)
{
    accounts *a = open_with(1000000, (ledger_limits){0});
    run_tab(a, 300, 512, 2);
    CHECK(n_refused == 0 && n_used <= 300 * 512);
    CHECK(close_and_count(a) == 1000000 - (int64_t)n_used);
}

static void a_tab_without_credit_refuses_what_it_cannot_cover(void)
{
    accounts *a = open_with(512 * 20 + 100, (ledger_limits){0});
    run_tab(a, 60, 512, 0);
    CHECK(n_refused >= 40 && n_used == (uint64_t)(60 - n_refused) * 512 && n_used > 0);
    CHECK(close_and_count(a) == 512 * 20 + 100 - (int64_t)n_used);
}

static void without_accounts_everything_passes(void)
{
    run_tab(NULL, 50, 512, 0);
    CHECK(n_refused == 0 && n_used == 50 * 512);
}

int main(int n_words, char **words)
{
    REQUIRE(n_words == 2);
    tiny = tiny_model_open(words[1]);
    state_bytes = bl_model_facts(tiny.model)->state_bytes;
    REQUIRE(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/ledger", folder);
    REQUIRE(engine_create(&runs, tiny.model, bl_cpu_best(), 1, wake, NULL) == BL_OK);
    RUN(what_was_used_is_charged_and_no_more_than_was_granted);
    RUN(who_leaves_before_the_verdict_is_not_called_and_pays_nothing_for_nothing);
    RUN(a_refusal_says_why);
    RUN(less_is_granted_where_there_is_less);
    RUN(so_many_run_at_once);
    RUN(a_tab_charges_what_its_activities_used);
    RUN(cancelled_activities_cost_what_ran);
    RUN(a_tab_without_credit_refuses_what_it_cannot_cover);
    RUN(without_accounts_everything_passes);
    engine_destroy(&runs);
    tiny_model_close(&tiny);
    remove_files();
    (void)rmdir(folder);
    return test_summary();
}
