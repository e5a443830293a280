// SPDX-License-Identifier: MIT
// bitloom account --file FILE ACTION ...: accounts, keys and credit of a server.

#include "verbs.h"

#include "serve/accounts/ledger.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

enum { UNCHANGED = -1 };

typedef struct settings {
    const char *file, *id;
    int64_t expires, days, quota, rate, concurrent;
} settings;

typedef struct context {
    const bl_command *command;
    const settings *options;
    ledger *ledger;
    bl_diag *diag;
    bl_buffer out;
    bl_json json;
} context;

typedef bl_status action_run(context *c, const char *name, const char *value);

static bool is_json(const context *c) { return c->command->common.is_json; }

static void remark(const context *c, const char *text)
{
    if (!c->command->common.is_quiet && !is_json(c))
        fprintf(stderr, "%s\n", text);
}

// Ends a group: what went before, or the commit, decides.
static bl_status finish(context *c, bl_status status)
{
    if (status == BL_OK)
        return ledger_commit(c->ledger, c->diag);
    ledger_rollback(c->ledger);
    return status;
}

static bl_status begin(context *c) { return ledger_begin(c->ledger, (int64_t)time(NULL), c->diag); }

// The limits of the command line over those that there are.
static ledger_limits limits_of(const settings *o, ledger_limits before)
{
    return (ledger_limits){.daily_quota = o->quota == UNCHANGED ? before.daily_quota : o->quota,
                           .per_minute = o->rate == UNCHANGED ? before.per_minute : o->rate,
                           .n_concurrent =
                               o->concurrent == UNCHANGED ? before.n_concurrent : o->concurrent};
}

static bl_status create_account(context *c, const char *name, const char *value)
{
    (void)value;
    int64_t account;
    ledger_limits limits = limits_of(c->options, (ledger_limits){0});
    bl_status status = begin(c);
    if (status != BL_OK)
        return status;
    status = finish(c, ledger_create_account(c->ledger, &account, name, &limits, c->diag));
    if (status == BL_OK)
        remark(c, "created; `credit` gives it lane-steps, `key` a key");
    return status;
}

static bl_status set_limits(context *c, const char *name, const char *value)
{
    (void)value;
    ledger_account a;
    bl_status status = begin(c);
    if (status != BL_OK)
        return status;
    status = ledger_get_account(c->ledger, &a, name, c->diag);
    if (status == BL_OK) {
        ledger_limits limits = limits_of(c->options, a.limits);
        status = ledger_set_limits(c->ledger, a.id, &limits, c->diag);
    }
    return finish(c, status);
}

static bl_status create_key(context *c, const char *name, const char *value)
{
    (void)value;
    char key[LEDGER_KEY_BYTES + 1];
    ledger_account a;
    int64_t days = c->options->expires;
    bl_status status = begin(c);
    if (status != BL_OK)
        return status;
    status = ledger_get_account(c->ledger, &a, name, c->diag);
    if (status == BL_OK)
        status = ledger_create_key(c->ledger, key, a.id,
                                   days ? (int64_t)time(NULL) + days * LEDGER_DAY_S : 0, c->diag);
    status = finish(c, status);
    if (status != BL_OK)
        return status;
    if (is_json(c)) {
        bl_json_object(&c->json, NULL);
        bl_json_text(&c->json, "key", key);
        bl_json_end(&c->json);
    } else {
        bl_buffer_print(&c->out, "%s\n", key);
        remark(c, "this is shown once; the file keeps its hash only");
    }
    return BL_OK;
}

static bl_status revoke_key(context *c, const char *prefix, const char *value)
{
    (void)value;
    bl_status status = begin(c);
    if (status != BL_OK)
        return status;
    return finish(c, ledger_revoke_key(c->ledger, prefix, 0, c->diag));
}

static bool read_amount(int64_t *amount, const char *text)
{
    char *end;
    long long value = strtoll(text, &end, 10);
    *amount = value;
    return *text && !*end && value >= 1 && value <= LEDGER_MAX_UNITS;
}

static bl_status make_id(char id[LEDGER_MAX_ID + 1], const context *c)
{
    uint8_t bytes[16];
    if (c->options->id) {
        snprintf(id, LEDGER_MAX_ID + 1, "%s", c->options->id);
        return strlen(c->options->id) <= LEDGER_MAX_ID
                   ? BL_OK
                   : bl_diag_set(c->diag, BL_ERR_ARGUMENT, NULL, 0, 0,
                                 "--id %.80s: at most %d bytes", c->options->id, LEDGER_MAX_ID);
    }
    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
        return bl_diag_set(c->diag, BL_ERR_IO, NULL, 0, 0, "the system gives no random numbers");
    bl_hex(id, bytes, sizeof bytes);
    return BL_OK;
}

static bl_status move(context *c, ledger_kind kind, const char *name, const char *value)
{
    int64_t amount;
    char id[LEDGER_MAX_ID + 1];
    ledger_account a;
    if (!read_amount(&amount, value))
        return bl_diag_set(c->diag, BL_ERR_ARGUMENT, NULL, 0, 0,
                           "%.40s: expected a number of lane-steps, 1 to %" PRId64, value,
                           LEDGER_MAX_UNITS);
    bl_status status = make_id(id, c);
    if (status == BL_OK)
        status = begin(c);
    if (status != BL_OK)
        return status;
    status = ledger_get_account(c->ledger, &a, name, c->diag);
    if (status == BL_OK)
        status = ledger_move(c->ledger, a.id, kind, id, amount, c->diag);
    return finish(c, status);
}

static bl_status credit(context *c, const char *name, const char *value)
{
    return move(c, LEDGER_TOP_UP, name, value);
}

static bl_status refund(context *c, const char *name, const char *value)
{
    return move(c, LEDGER_REFUND, name, value);
}

static bl_status expire(context *c, const char *name, const char *value)
{
    return move(c, LEDGER_EXPIRE, name, value);
}

// ------------------------------------------------------------------------------------ lists

static void show_account(void *context_, const ledger_account *a)
{
    context *c = context_;
    if (!is_json(c)) {
        bl_buffer_print(
            &c->out, "%-24s %16" PRId64 " %12" PRId64 " %14" PRId64 " %8" PRId64 " %10" PRId64 "\n",
            a->name, a->available, a->reserved, a->limits.daily_quota, a->limits.per_minute,
            a->limits.n_concurrent);
        return;
    }
    bl_json_object(&c->json, NULL);
    bl_json_text(&c->json, "account", a->name);
    bl_json_int(&c->json, "available_lane_steps", a->available);
    bl_json_int(&c->json, "reserved_lane_steps", a->reserved);
    bl_json_int(&c->json, "daily_quota_lane_steps", a->limits.daily_quota);
    bl_json_int(&c->json, "requests_per_minute", a->limits.per_minute);
    bl_json_int(&c->json, "n_concurrent", a->limits.n_concurrent);
    bl_json_end(&c->json);
}

static bl_status list_accounts(context *c, const char *name, const char *value)
{
    (void)name, (void)value;
    if (is_json(c))
        bl_json_array(&c->json, NULL);
    else
        bl_buffer_print(&c->out, "%-24s %16s %12s %14s %8s %10s\n", "account", "available",
                        "reserved", "a day", "a minute", "at once");
    bl_status status = ledger_list_accounts(c->ledger, show_account, c, c->diag);
    if (is_json(c))
        bl_json_end(&c->json);
    return status;
}

static void print_day(char day[16], int64_t time_s)
{
    time_t time = (time_t)time_s;
    struct tm parts = {0};
    gmtime_r(&time, &parts);
    strcpy(day, "-");
    if (time_s)
        strftime(day, 16, "%Y-%m-%d", &parts);
}

static void show_key(void *context_, const ledger_key *k)
{
    context *c = context_;
    char days[4][16];
    const int64_t times[4] = {k->created, k->last_used, k->expires, k->revoked};
    static const char *const names[4] = {"created", "last_used", "expires", "revoked"};
    for (int i = 0; i < 4; i++)
        print_day(days[i], times[i]);
    if (!is_json(c)) {
        bl_buffer_print(&c->out, "%s...%s  %-12s %-12s %-12s %s\n", k->prefix, k->last4, days[0],
                        days[1], days[2], days[3]);
        return;
    }
    bl_json_object(&c->json, NULL);
    bl_json_text(&c->json, "prefix", k->prefix);
    bl_json_text(&c->json, "last4", k->last4);
    for (int i = 0; i < 4; i++)
        if (times[i])
            bl_json_text(&c->json, names[i], days[i]);
        else
            bl_json_null(&c->json, names[i]);
    bl_json_end(&c->json);
}

static bl_status list_keys(context *c, const char *name, const char *value)
{
    (void)value;
    ledger_account a;
    bl_status status = ledger_get_account(c->ledger, &a, name, c->diag);
    if (status != BL_OK)
        return status;
    if (is_json(c))
        bl_json_array(&c->json, NULL);
    else
        bl_buffer_print(&c->out, "%-23s  %-12s %-12s %-12s %s\n", "key", "created", "last used",
                        "expires", "revoked");
    status = ledger_list_keys(c->ledger, a.id, show_key, c, c->diag);
    if (is_json(c))
        bl_json_end(&c->json);
    return status;
}

static bl_status list_use(context *c, const char *name, const char *value)
{
    (void)value;
    ledger_account a = {0};
    int64_t since = (int64_t)time(NULL) - c->options->days * LEDGER_DAY_S;
    if (name) {
        bl_status status = ledger_get_account(c->ledger, &a, name, c->diag);
        if (status != BL_OK)
            return status;
    }
    return is_json(c) ? ledger_write_use_json(&c->json, NULL, c->ledger, a.id, since, c->diag)
                      : ledger_write_use_csv(&c->out, c->ledger, a.id, since, c->diag);
}

static bl_status check(context *c, const char *name, const char *value)
{
    (void)name, (void)value;
    return ledger_check(c->ledger, c->diag);
}

// ---------------------------------------------------------------------------------- the verb

static const struct action {
    const char *name, *operands;
    size_t min_operands, max_operands;
    action_run *run;
} actions[] = {
    {"create", "NAME", 1, 1, create_account},
    {"limit", "NAME", 1, 1, set_limits},
    {"key", "NAME", 1, 1, create_key},
    {"keys", "NAME", 1, 1, list_keys},
    {"revoke", "PREFIX", 1, 1, revoke_key},
    {"credit", "NAME LANE-STEPS", 2, 2, credit},
    {"refund", "NAME LANE-STEPS", 2, 2, refund},
    {"expire", "NAME LANE-STEPS", 2, 2, expire},
    {"list", "", 0, 0, list_accounts},
    {"usage", "[NAME]", 0, 1, list_use},
    {"check", "", 0, 0, check},
};
enum { N_ACTIONS = sizeof actions / sizeof *actions };

static const struct action *find_action(const bl_command *c, bl_diag *diag)
{
    const char *names[N_ACTIONS], *name = c->operands[0];
    for (size_t i = 0; i < N_ACTIONS; i++) {
        const struct action *a = &actions[i];
        names[i] = a->name;
        if (strcmp(a->name, name) != 0)
            continue;
        if (c->n_operands - 1 >= a->min_operands && c->n_operands - 1 <= a->max_operands)
            return a;
        bl_diag_set(diag, BL_ERR_ARGUMENT, NULL, 0, 0, "expected `account --file FILE %s%s%s`",
                    a->name, *a->operands ? " " : "", a->operands);
        return NULL;
    }
    const char *nearest = bl_nearest_name(name, names, N_ACTIONS);
    bl_diag_set(diag, BL_ERR_ARGUMENT, NULL, 0, 0, "unknown action \"%.40s\"; %s%s", name,
                nearest ? "did you mean " : "`account --help` lists them", nearest ? nearest : "");
    return NULL;
}

static int run_action(context *c, const struct action *action)
{
    const char *const *words = c->command->operands;
    bl_json_begin(&c->json, &c->out, false);
    bl_status status = action->run(c, c->command->n_operands > 1 ? words[1] : NULL,
                                   c->command->n_operands > 2 ? words[2] : NULL);
    ledger_close(&c->ledger);
    if (status != BL_OK) {
        bl_buffer_clear(&c->out);
        return report(c->diag, status == BL_ERR_ARGUMENT ? EXIT_USAGE : EXIT_NO);
    }
    if (is_json(c) && c->out.bytes > 0)
        bl_buffer_append(&c->out, "\n", 1);
    return print_buffer(&c->out);
}

static int run(const bl_command *command)
{
    bl_diag diag = {0};
    const settings *o = command->settings;
    context c = {.command = command, .options = o, .diag = &diag};
    const struct action *action = find_action(command, &diag);
    if (action && !o->file)
        bl_diag_set(&diag, BL_ERR_ARGUMENT, NULL, 0, 0,
                    "--file FILE is missing: the file of `bitloom serve --accounts FILE`");
    if (!action || !o->file)
        return report(&diag, EXIT_USAGE);
    ledger_params params = {.path = o->file, .may_create = action->run == create_account};
    if (ledger_open(&c.ledger, &params, NULL, &diag) != BL_OK)
        return report(&diag, EXIT_NO);
    return run_action(&c, action);
}

static const settings defaults = {
    .days = 30, .quota = UNCHANGED, .rate = UNCHANGED, .concurrent = UNCHANGED};
static const bl_option options[] = {
    {"file", 0, BL_OPTION_TEXT, offsetof(settings, file), "FILE", 0, 0,
     "the accounts; `create` makes the file"},
    {"expires", 0, BL_OPTION_INT, offsetof(settings, expires), "DAYS", 0, 36500,
     "key: how long it opens; 0, the default: until it is revoked"},
    {"quota", 0, BL_OPTION_INT, offsetof(settings, quota), "N", 0, 9e15,
     "create, limit: lane-steps a day (UTC); 0: no limit"},
    {"rate", 0, BL_OPTION_INT, offsetof(settings, rate), "N", 0, 1e9,
     "create, limit: requests a minute; 0: no limit"},
    {"concurrent", 0, BL_OPTION_INT, offsetof(settings, concurrent), "N", 0, 1e9,
     "create, limit: requests at the same time; 0: no limit"},
    {"id", 0, BL_OPTION_TEXT, offsetof(settings, id), "ID", 0, 0,
     "credit, refund, expire: counted once, however often it is sent"},
    {"days", 0, BL_OPTION_INT, offsetof(settings, days), "N", 1, 36500,
     "usage: of the last N days; default 30"},
};

const bl_verb bl_verb_account = {
    .name = "account",
    .operands = "ACTION ...",
    .summary = "keys and prepaid credit for those who use your server",
    .details = "create NAME               an account (and the file, if there is none)\n"
               "limit NAME                changes --quota, --rate, --concurrent\n"
               "key NAME                  a new key, printed once\n"
               "keys NAME                 its keys: beginning, dates\n"
               "revoke PREFIX             the key that begins so does not open any more\n"
               "credit NAME LANE-STEPS    gives credit\n"
               "refund NAME LANE-STEPS    gives back what was charged\n"
               "expire NAME LANE-STEPS    takes credit back, as much as is there\n"
               "list                      accounts and balances\n"
               "usage [NAME]              requests and lane-steps by hour and kind\n"
               "check                     adds everything up: 0 if nothing is amiss\n"
               "A lane-step is one byte read or written by one of the 512 lanes. All this works\n"
               "while a server runs on the file (docs/guide/accounts.md).",
    .example = "bitloom account --file accounts.db credit ada 1000000",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .min_operands = 1,
    .max_operands = 3,
    .settings_bytes = sizeof(settings),
    .defaults = &defaults,
    .run = run};
