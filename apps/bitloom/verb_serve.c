// SPDX-License-Identifier: MIT
// bitloom serve MODEL.loom: the API and the page.

#include "page.h"
#include "verbs.h"

#include <bitloom/serve.h>

#include <signal.h>
#include <string.h>

typedef struct settings {
    const char *listen, *socket, *certificate, *key, *accounts, *sessions, *log;
    int64_t keep_seconds;
} settings;

static volatile sig_atomic_t should_stop, should_reopen_log;

static void on_signal(int number)
{
    (void)number;
    should_stop = should_stop ? 2 : 1;
}

static void on_hangup(int number)
{
    (void)number;
    should_reopen_log = (should_reopen_log + 1) & 0xFFFF;
}

static void on_ready(void *context, const char *url)
{
    (void)context;
    fprintf(stderr, "listening on %s\n", url);
}

static int run(const bl_command *c)
{
    const settings *o = c->settings;
    bl_diag diag = {0};
    model_file model;
    if (!o->certificate != !o->key) {
        bl_diag_set(&diag, BL_ERR_ARGUMENT, NULL, 0, 0,
                    "--tls-certificate and --tls-key belong together");
        return report(&diag, EXIT_USAGE);
    }
    if (model_file_open(&model, c->operands[0], &diag) != BL_OK)
        return report(&diag, EXIT_NO);
    struct sigaction action = {.sa_handler = on_signal}; // no SA_RESTART: the service wakes up
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    action.sa_handler = on_hangup;
    if (o->log)
        sigaction(SIGHUP, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    bl_serve_params params = {.model = model.model,
                              .cpu = c->common.cpu,
                              .n_threads = (size_t)c->common.n_threads,
                              .listen = o->listen,
                              .socket = o->socket,
                              .certificate = o->certificate,
                              .key = o->key,
                              .sessions = o->sessions,
                              .log = o->log,
                              .should_reopen_log = &should_reopen_log,
                              .accounts = o->accounts,
                              .keep_seconds = (uint32_t)o->keep_seconds,
                              .page = bl_page_bytes ? bl_page : NULL,
                              .page_bytes = bl_page_bytes,
                              .account_page = bl_account_page,
                              .account_page_bytes = bl_account_page_bytes,
                              .should_stop = &should_stop,
                              .on_ready = on_ready};
    bl_status status = bl_serve(&params, &diag);
    model_file_close(&model);
    return status == BL_OK             ? EXIT_YES
           : status == BL_ERR_ARGUMENT ? report(&diag, EXIT_USAGE)
                                       : report(&diag, EXIT_NO);
}

static const settings defaults = {.listen = "127.0.0.1:8512", .keep_seconds = 600};
static const bl_option options[] = {
    {"listen", 0, BL_OPTION_TEXT, offsetof(settings, listen), "HOST:PORT", 0, 0,
     "default 127.0.0.1:8512; port 0: any free one"},
    {"tls-certificate", 0, BL_OPTION_TEXT, offsetof(settings, certificate), "FILE", 0, 0,
     "speak TLS with this certificate chain (PEM)"},
    {"tls-key", 0, BL_OPTION_TEXT, offsetof(settings, key), "FILE", 0, 0, "and its key (PEM)"},
    {"socket", 0, BL_OPTION_TEXT, offsetof(settings, socket), "PATH", 0, 0,
     "also speak the lanes protocol at this Unix socket"},
    {"accounts", 0, BL_OPTION_TEXT, offsetof(settings, accounts), "FILE", 0, 0,
     "ask for keys and charge credit: the file of `bitloom account`"},
    {"sessions", 0, BL_OPTION_TEXT, offsetof(settings, sessions), "FILE", 0, 0,
     "kept lanes: written here at a stop, read at the next start"},
    {"log", 0, BL_OPTION_TEXT, offsetof(settings, log), "FILE", 0, 0,
     "append what happens, a JSON object a line; -: standard error"},
    {"keep-seconds", 0, BL_OPTION_INT, offsetof(settings, keep_seconds), "N", 0, 86400,
     "how long kept lanes wait for their client; default 600, 0: not at all"},
};

const bl_verb bl_verb_serve = {
    .name = "serve",
    .operands = "MODEL.loom",
    .summary = "the loom in the browser, and its API",
    .details =
        "Serves the page at http://HOST:PORT/, OpenAI's API at /v1 and the inference protocol\n"
        "at /v2 (docs/formats/http.md), and the lanes protocol (lanes.md). Anybody who can\n"
        "reach the address can use it: keep to loopback unless you mean otherwise. Ctrl-C ends\n"
        "it when what is under way has ended, after 4 seconds at most; a second one at once.",
    .example = "bitloom serve classics.loom --listen 127.0.0.1:8512",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .min_operands = 1,
    .max_operands = 1,
    .settings_bytes = sizeof(settings),
    .defaults = &defaults,
    .run = run};
