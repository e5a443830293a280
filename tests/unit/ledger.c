// SPDX-License-Identifier: MIT
// The ledger: its rules, files of others, processes that race. What a crash leaves: ledger_crash.c.
#include "ledger_tests.h"

#include <sys/wait.h>
#include <unistd.h>

// ------------------------------------------------------------------------------------ rules

static void what_is_reserved_is_settled_once_and_the_rest_returns(void)
{
    int64_t account;
    ledger_refusal why;
    ledger *l = open_fresh(&account, 1000, &no_limits);
    begin(l);
    CHECK(reserve(l, account, "r", 600, &why) == BL_OK && why == LEDGER_NOT_REFUSED);
    commit(l);
    CHECK(has_balance(l, 400, 600));
    begin(l);
    CHECK(ledger_settle(l, "r", 601, &diag) == BL_ERR_ARGUMENT);
    CHECK(ledger_settle(l, "r", 250, &diag) == BL_OK);
    CHECK(ledger_settle(l, "r", 600, &diag) == BL_OK); // nothing more happens
    CHECK(ledger_settle(l, "other", 1, &diag) == BL_ERR_ARGUMENT);
    commit(l);
    CHECK(has_balance(l, 750, 0));
    ledger_close(&l);
}

static void a_reservation_above_the_balance_is_refused(void)
{
    int64_t account;
    ledger_refusal why;
    ledger *l = open_fresh(&account, 1000, &no_limits);
    begin(l);
    CHECK(reserve(l, account, "a", 700, &why) == BL_OK);
    CHECK(reserve(l, account, "b", 301, &why) == BL_ERR_LIMIT && why == LEDGER_NO_CREDIT);
    CHECK(reserve(l, account, "c", 300, &why) == BL_OK); // the group went on
    CHECK(ledger_move(l, account, LEDGER_EXPIRE, "e", 1, &diag) == BL_ERR_LIMIT);
    commit(l);
    CHECK(has_balance(l, 0, 1000));
    ledger_close(&l);
}

static void an_id_counts_once(void)
{
    int64_t account;
    ledger_refusal why;
    ledger *l = open_fresh(&account, 1000, &no_limits);
    for (int i = 0; i < 2; i++) {
        begin(l);
        CHECK(ledger_move(l, account, LEDGER_TOP_UP, "stripe-7", 50, &diag) == BL_OK);
        CHECK(reserve(l, account, "r", 100, &why) == BL_OK);
        commit(l);
        CHECK(has_balance(l, 950, 100));
    }
    begin(l);
    CHECK(ledger_move(l, account, LEDGER_TOP_UP, "stripe-7", 51, &diag) == BL_ERR_ARGUMENT);
    CHECK(ledger_move(l, account, LEDGER_REFUND, "stripe-7", 50, &diag) == BL_ERR_ARGUMENT);
    CHECK(ledger_move(l, account, LEDGER_TOP_UP, "", 5, &diag) == BL_ERR_ARGUMENT);
    CHECK(ledger_move(l, account, LEDGER_TOP_UP, "x", 0, &diag) == BL_ERR_ARGUMENT);
    CHECK(ledger_move(l, account, LEDGER_TOP_UP, "x", LEDGER_MAX_UNITS, &diag) == BL_ERR_LIMIT);
    commit(l);
    CHECK(has_balance(l, 950, 100));
    ledger_close(&l);
}

static void what_is_rolled_back_has_not_happened(void)
{
    int64_t account;
    ledger_refusal why;
    ledger *l = open_fresh(&account, 1000, &no_limits);
    begin(l);
    CHECK(reserve(l, account, "r", 100, &why) == BL_OK);
    ledger_rollback(l);
    CHECK(has_balance(l, 1000, 0));
    ledger_close(&l);
}

static void a_day_has_its_quota(void)
{
    int64_t account;
    ledger_refusal why;
    ledger *l = open_fresh(&account, 1000, &(ledger_limits){.daily_quota = 100});
    begin(l);
    CHECK(reserve(l, account, "a", 80, &why) == BL_OK);
    CHECK(reserve(l, account, "b", 21, &why) == BL_ERR_LIMIT && why == LEDGER_OVER_QUOTA);
    CHECK(ledger_settle(l, "a", 70, &diag) == BL_OK);
    CHECK(reserve(l, account, "c", 31, &why) == BL_ERR_LIMIT && why == LEDGER_OVER_QUOTA);
    CHECK(reserve(l, account, "d", 30, &why) == BL_OK);
    CHECK(ledger_settle(l, "d", 30, &diag) == BL_OK);
    commit(l);
    REQUIRE(ledger_begin(l, noon + 86400, &diag) == BL_OK);
    CHECK(reserve(l, account, "e", 100, &why) == BL_OK);
    commit(l);
    CHECK(has_balance(l, 800, 100));
    ledger_close(&l);
}

static void count_keys(void *context, const ledger_key *key)
{
    *(int *)context += key->last_used == noon && strncmp(key->prefix, "bl_live_", 8) == 0;
}

static void a_key_opens_its_account_until_it_is_revoked_or_expires(void)
{
    int64_t account;
    int n_keys = 0;
    char key[LEDGER_KEY_BYTES + 1], brief[LEDGER_KEY_BYTES + 1], wrong[LEDGER_KEY_BYTES + 1];
    ledger_account a;
    ledger *l = open_fresh(&account, 1000, &no_limits);
    begin(l);
    CHECK(ledger_create_key(l, key, account, 0, &diag) == BL_OK);
    CHECK(ledger_create_key(l, brief, account, noon + 10, &diag) == BL_OK);
    CHECK(strlen(key) == LEDGER_KEY_BYTES && strcmp(key, brief) != 0);
    CHECK(ledger_find_key(l, &a, key, noon, &diag) == BL_OK && a.id == account);
    CHECK(ledger_find_key(l, &a, brief, noon, &diag) == BL_OK);
    CHECK(ledger_touch_key(l, key, &diag) == BL_OK);
    CHECK(ledger_touch_key(l, brief, &diag) == BL_OK);
    commit(l);
    strcpy(wrong, key);
    wrong[LEDGER_KEY_BYTES - 1] ^= 1;
    REQUIRE(ledger_begin(l, noon + 10, &diag) == BL_OK);
    CHECK(ledger_find_key(l, &a, wrong, noon + 10, &diag) == BL_ERR_ARGUMENT
          && strstr(diag.message, "unknown"));
    CHECK(ledger_find_key(l, &a, "", noon + 10, &diag) == BL_ERR_ARGUMENT);
    CHECK(ledger_find_key(l, &a, brief, noon + 10, &diag) == BL_ERR_ARGUMENT
          && strstr(diag.message, "expired"));
    CHECK(ledger_revoke_key(l, "bl_live_", 0, &diag) == BL_ERR_ARGUMENT); // which one?
    CHECK(ledger_revoke_key(l, key, account + 1, &diag) == BL_ERR_ARGUMENT);
    CHECK(ledger_revoke_key(l, key, account, &diag) == BL_OK);
    CHECK(ledger_find_key(l, &a, key, noon + 10, &diag) == BL_ERR_ARGUMENT
          && strstr(diag.message, "revoked"));
    commit(l);
    CHECK(ledger_list_keys(l, account, count_keys, &n_keys, &diag) == BL_OK && n_keys == 2);
    ledger_close(&l);
}

static void use_is_exported_by_hour_and_kind(void)
{
    int64_t account;
    ledger_refusal why;
    bl_buffer text = {0};
    bl_json json;
    ledger *l = open_fresh(&account, 1000, &no_limits);
    for (int i = 0; i < 4; i++) {
        char id[8];
        snprintf(id, sizeof id, "r%d", i);
        REQUIRE(ledger_begin(l, noon + 1200 * i, &diag) == BL_OK);
        CHECK(ledger_reserve(l, account, id, i == 1 ? "chat" : "completion", 10, &why, &diag)
              == BL_OK);
        CHECK(ledger_settle(l, id, 5 + i, &diag) == BL_OK);
        commit(l);
    }
    CHECK(ledger_write_use_csv(&text, l, 0, 0, &diag) == BL_OK);
    CHECK(strcmp((char *)text.data, "account,hour,kind,requests,lane_steps\n"
                                    "ada,2025-11-25T12:00Z,chat,1,6\n"
                                    "ada,2025-11-25T12:00Z,completion,2,12\n"
                                    "ada,2025-11-25T13:00Z,completion,1,8\n")
          == 0);
    bl_buffer_clear(&text);
    bl_json_begin(&json, &text, false);
    CHECK(ledger_write_use_json(&json, NULL, l, account, noon + 3600, &diag) == BL_OK);
    CHECK(strcmp((char *)text.data, "[{\"account\":\"ada\",\"hour\":\"2025-11-25T13:00Z\","
                                    "\"kind\":\"completion\",\"requests\":1,\"lane_steps\":8}]")
          == 0);
    bl_buffer_clear(&text);
    ledger_close(&l);
}

static void names_and_limits_are_checked(void)
{
    int64_t account;
    ledger *l = open_fresh(&account, 1000, &no_limits);
    begin(l);
    CHECK(ledger_create_account(l, &account, "ada", &no_limits, &diag) == BL_ERR_ARGUMENT);
    CHECK(ledger_create_account(l, &account, "a,b", &no_limits, &diag) == BL_ERR_ARGUMENT);
    CHECK(ledger_create_account(l, &account, "", &no_limits, &diag) == BL_ERR_ARGUMENT);
    CHECK(ledger_create_account(l, &account, "b", &(ledger_limits){.per_minute = -1}, &diag)
          == BL_ERR_ARGUMENT);
    CHECK(ledger_create_account(l, &account, "b@c.d", &no_limits, &diag) == BL_OK);
    commit(l);
    ledger_close(&l);
}

static void damage_is_found(void)
{
    int64_t account;
    static const char *const damages[] = {
        "UPDATE account SET available = available + 1",
        "INSERT INTO reservation VALUES('x', 1, 'chat', 5)",
        "INSERT INTO use VALUES(1, 0, 'chat', 1, 5)",
        "DELETE FROM entry",
    };
    for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
        ledger *l = open_fresh(&account, 1000, &no_limits);
        CHECK(ledger_check(l, &diag) == BL_OK);
        CHECK(sqlite3_exec(l->db, damages[i], NULL, NULL, NULL) == SQLITE_OK);
        CHECK(ledger_check(l, &diag) == BL_ERR_FORMAT);
        ledger_close(&l);
    }
}

// ------------------------------------------------------------------------ files and processes

static char folder[] = "/tmp/bitloom-ledger-XXXXXX", path[64];

static void remove_files(void)
{
    static const char *const tails[] = {"", "-wal", "-shm", "-server", "-other"};
    for (size_t i = 0; i < sizeof tails / sizeof *tails; i++) {
        char name[96];
        snprintf(name, sizeof name, "%s%s", path, tails[i]);
        (void)unlink(name);
    }
}

static void a_second_server_is_refused_and_a_next_one_releases(void)
{
    int64_t account;
    ledger_refusal why;
    ledger *first = NULL, *second = NULL;
    ledger_params params = {.path = path, .may_create = true, .is_server = true};
    REQUIRE(ledger_open(&first, &params, NULL, &diag) == BL_OK);
    begin(first);
    CHECK(ledger_create_account(first, &account, "ada", &no_limits, &diag) == BL_OK);
    CHECK(ledger_move(first, account, LEDGER_TOP_UP, "t", 100, &diag) == BL_OK);
    CHECK(reserve(first, account, "r", 60, &why) == BL_OK);
    commit(first);
    CHECK(ledger_open(&second, &params, NULL, &diag) == BL_ERR_BUSY && !second);
    ledger_close(&first);
    REQUIRE(ledger_open(&second, &params, NULL, &diag) == BL_OK);
    CHECK(has_balance(second, 100, 0));
    begin(second);
    CHECK(ledger_settle(second, "r", 60, &diag) == BL_OK); // too late
    commit(second);
    CHECK(has_balance(second, 100, 0));
    ledger_close(&second);
    remove_files();
}

static void a_file_of_another_program_is_left_alone(void)
{
    sqlite3 *db = NULL;
    ledger *l = NULL;
    ledger_params params = {.path = path, .may_create = true};
    REQUIRE(sqlite3_open(path, &db) == SQLITE_OK);
    REQUIRE(sqlite3_exec(db, "CREATE TABLE t(x)", NULL, NULL, NULL) == SQLITE_OK);
    sqlite3_close(db);
    CHECK(ledger_open(&l, &params, NULL, &diag) == BL_ERR_FORMAT && !l);
    remove_files();
    FILE *f = fopen(path, "w");
    REQUIRE(f);
    for (int i = 0; i < 1000; i++)
        fputs("this is a text\n", f);
    fclose(f);
    CHECK(ledger_open(&l, &params, NULL, &diag) == BL_ERR_FORMAT && !l);
    remove_files();
    params.may_create = false;
    CHECK(ledger_open(&l, &params, NULL, &diag) == BL_ERR_IO && !l
          && strstr(diag.message, "create"));
}

// Of 25 reservations by each of four processes as many succeed as there is credit.
static void processes_that_race_spend_no_more_than_there_is(void)
{
    enum { N_PROCESSES = 4, N_EACH = 25, N_COVERED = 37 };
    int64_t account;
    int n_taken = 0;
    ledger *l = open_at(path, NULL);
    begin(l);
    CHECK(ledger_create_account(l, &account, "ada", &no_limits, &diag) == BL_OK);
    CHECK(ledger_move(l, account, LEDGER_TOP_UP, "t", 10 * N_COVERED, &diag) == BL_OK);
    commit(l);
    ledger_close(&l);
    for (int p = 0; p < N_PROCESSES; p++) {
        pid_t child = fork();
        REQUIRE(child >= 0);
        if (child > 0)
            continue;
        int n = 0;
        l = open_at(path, NULL);
        for (int i = 0; i < N_EACH; i++) {
            char id[32];
            ledger_refusal why;
            snprintf(id, sizeof id, "p%d-%d", p, i);
            begin(l);
            n += reserve(l, account, id, 10, &why) == BL_OK;
            commit(l);
        }
        ledger_close(&l);
        _exit(n);
    }
    for (int p = 0, status; p < N_PROCESSES; p++) {
        REQUIRE(wait(&status) > 0 && WIFEXITED(status));
        n_taken += WEXITSTATUS(status);
    }
    l = open_at(path, NULL);
    CHECK(n_taken == N_COVERED && has_balance(l, 0, 10 * N_COVERED));
    ledger_close(&l);
    remove_files();
}

int main(void)
{
    fault_vfs_register();
    REQUIRE(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/ledger", folder);
    RUN(what_is_reserved_is_settled_once_and_the_rest_returns);
    RUN(a_reservation_above_the_balance_is_refused);
    RUN(an_id_counts_once);
    RUN(what_is_rolled_back_has_not_happened);
    RUN(a_day_has_its_quota);
    RUN(a_key_opens_its_account_until_it_is_revoked_or_expires);
    RUN(use_is_exported_by_hour_and_kind);
    RUN(names_and_limits_are_checked);
    RUN(damage_is_found);
    RUN(a_second_server_is_refused_and_a_next_one_releases);
    RUN(a_file_of_another_program_is_left_alone);
    RUN(processes_that_race_spend_no_more_than_there_is);
    (void)rmdir(folder);
    return test_summary();
}
