// cmd_subscribe.c - `subscribe`: prints what changes in the results of queries, a line a transaction.
#include "cli/commands.h"
#include "cli/http.h"
#include "cli/remote.h"
#include "cli/updates.h"
#include "cli/ws_client.h"

#include <stdio.h>

#define PROTOCOL "v3.bsatn.spacetimedb"
#define NANOS_PER_SECOND 1000000000ll

static const OptionSpec OPTIONS[] = {
    {.name = "num-updates",
     .letter = 'n',
     .kind = OPTION_NUMBER,
     .value_name = "NUMBER",
     .number_max = UINT32_MAX,
     .help = "Stop after this many updates; it is an error if the server closes before"},
    {.name = "timeout",
     .letter = 't',
     .kind = OPTION_NUMBER,
     .value_name = "SECONDS",
     .number_max = UINT32_MAX,
     .help = "Stop after this long; it is an error if there were fewer updates than wanted"},
    {.name = "print-initial-update", .kind = OPTION_FLAG, .help = "Also print the rows there are"},
    OPTION_CONFIRMED,
    OPTION_ANONYMOUS,
    OPTION_YES,
    OPTION_NO_CONFIG,
    OPTION_SERVER,
};

typedef enum SubscriptionState {
    SUBSCRIPTION_ASKED,    // waiting for the rows that are there
    SUBSCRIPTION_APPLIED,  // changes follow
    SUBSCRIPTION_ENDED,    // enough of them were printed
} SubscriptionState;

typedef struct Subscription {
    const ModuleInfo *module;
    WsClient *client;
    SubscriptionState state;
    bool prints_initial;
    bool is_counted;  // -n was given
    uint32_t wanted;
    uint32_t received;
    uint32_t timeout_seconds;  // 0: none
    int64_t until_nanos;
} Subscription;

static Status run(Cli *cli, const Args *args);
static Status ask(Cli *cli, Subscription *subscription, const Target *target);
static Status follow(Cli *cli, Subscription *subscription);
static Status take_payload(Cli *cli, Subscription *subscription, Bytes payload);
static Status take_update(Cli *cli, Subscription *subscription, const Update *update);
static Status print_update(Cli *cli, const Subscription *subscription, const Update *update);
static Status end_by_time(Cli *cli, const Subscription *subscription);
static Status end_by_server(Cli *cli, const Subscription *subscription);
static bool is_enough(const Subscription *subscription);

const CommandSpec COMMAND_SUBSCRIBE = {
    .name = "subscribe",
    .about = "Subscribe to SQL queries on the database",
    COMMAND_OPTIONS(OPTIONS),
    .positionals = "[DATABASE] <QUERY>...",
    .positionals_max = UINT32_MAX,
    .is_unstable = true,
    .run = run,
};

static Status run(Cli *cli, const Args *args) {
    Target target;
    Remote remote;
    ModuleInfo module;
    Status status = target_of_parts(cli, args, "query",
                                    "spacetime subscribe [database] <query> [query...] (or "
                                    "--no-config for legacy behavior)",
                                    &target);
    if (status == STATUS_OK) status = remote_open(cli, &target, args, &remote);
    if (status == STATUS_OK) status = remote_module(cli, &remote, &module);
    if (status != STATUS_OK) return status;
    const char *url = cli_text(cli, "%s/v1/database/%s/subscribe?compression=None", remote.url,
                               remote.identity);
    const char *confirmed = args_text(args, "confirmed");
    if (confirmed != NULL) url = url_with(cli, url, "confirmed", confirmed);
    Subscription subscription = {
        .module = &module,
        .prints_initial = args_has(args, "print-initial-update"),
        .is_counted = args_has(args, "num-updates"),
        .wanted = args_number(args, "num-updates", 0),
        .timeout_seconds = args_number(args, "timeout", 0),
    };
    const WsTarget socket = {url, PROTOCOL, remote.token};
    status = ws_client_open(cli, &socket, &subscription.client);
    if (status != STATUS_OK) return cli_wrap(cli, status, "v3 subscribe connection failed");
    if (args_has(args, "timeout")) {
        subscription.until_nanos = cli->os->monotonic_nanos(cli->os) +
                                   (int64_t)subscription.timeout_seconds * NANOS_PER_SECOND;
    }
    status = ask(cli, &subscription, &target);
    if (status == STATUS_OK) status = follow(cli, &subscription);
    ws_client_close(subscription.client);
    return status;
}

static Status ask(Cli *cli, Subscription *subscription, const Target *target) {
    Buffer message;
    buffer_init(&message, CLI_LINE_BYTES_MAX);
    subscribe_write(&message, target->rest, target->rest_count);
    Status status = message.failed ? cli_fail(cli, STATUS_LIMIT, "the queries are too long")
                                   : ws_client_send(cli, subscription->client, WS_FRAME_BINARY,
                                                    buffer_bytes(&message));
    buffer_done(&message);
    return status == STATUS_OK ? status
                               : cli_wrap(cli, status, "error sending subscription queries");
}

static Status follow(Cli *cli, Subscription *subscription) {
    while (subscription->state != SUBSCRIPTION_ENDED) {
        WsReceiveOutcome outcome = WS_RECEIVED;
        WsFrameKind kind = WS_FRAME_BINARY;
        Bytes payload = BYTES_NONE;
        Status status = ws_client_receive(cli, subscription->client, subscription->until_nanos,
                                          &outcome, &kind, &payload);
        if (status != STATUS_OK) return status;
        switch (outcome) {
        case WS_RECEIVE_TIMED_OUT: return end_by_time(cli, subscription);
        case WS_RECEIVE_CLOSED: return end_by_server(cli, subscription);
        case WS_RECEIVED: break;
        }
        if (kind != WS_FRAME_BINARY) continue;
        status = take_payload(cli, subscription, payload);
        if (status != STATUS_OK) return status;
    }
    return STATUS_OK;
}

// A byte that says how it is compressed, and one or more messages.
static Status take_payload(Cli *cli, Subscription *subscription, Bytes payload) {
    Reader reader = reader_of(payload);
    if (reader_u8(&reader) != 0) {
        return cli_fail(cli, STATUS_INVALID,
                        "protocol error: compressed v3 subscribe payload is not supported by this "
                        "CLI path");
    }
    while (reader_left(&reader) > 0 && subscription->state != SUBSCRIPTION_ENDED) {
        Update update;
        Status status = update_read(cli, &reader, &update);
        if (status == STATUS_OK) status = take_update(cli, subscription, &update);
        if (status != STATUS_OK) return status;
    }
    return STATUS_OK;
}

static Status take_update(Cli *cli, Subscription *subscription, const Update *update) {
    bool is_asked = subscription->state == SUBSCRIPTION_ASKED;
    Status status = STATUS_OK;
    switch (update->kind) {
    case UPDATE_NONE: return STATUS_OK;
    case UPDATE_ERROR:
        return cli_fail(cli, STATUS_INVALID, "encountered error in initial subscribe: %.*s",
                        BYTES_FORMAT(update->error));
    case UPDATE_APPLIED:
        if (!is_asked) {
            return cli_fail(cli, STATUS_INVALID,
                            "protocol error: received a second initial subscription update");
        }
        if (subscription->prints_initial) status = print_update(cli, subscription, update);
        break;
    case UPDATE_CHANGES:
        if (is_asked) {
            return cli_fail(cli, STATUS_INVALID,
                            "protocol error: received transaction update before initial "
                            "subscription update");
        }
        status = print_update(cli, subscription, update);
        subscription->received++;
        break;
    }
    subscription->state = is_enough(subscription) ? SUBSCRIPTION_ENDED : SUBSCRIPTION_APPLIED;
    return status;
}

static Status print_update(Cli *cli, const Subscription *subscription, const Update *update) {
    Buffer line;
    buffer_init(&line, CLI_RESPONSE_BYTES_MAX);
    Status status = update_write_line(cli, update, subscription->module, &line);
    if (status == STATUS_OK) {
        bool is_written = cli_print(buffer_bytes(&line));
        if (fflush(stdout) != 0 || !is_written) {
            status = cli_fail(cli, STATUS_IO, "standard output does not take any more");
        }
    }
    buffer_done(&line);
    return status;
}

static Status end_by_time(Cli *cli, const Subscription *subscription) {
    (void)fprintf(stderr, "timed out after %us\n", subscription->timeout_seconds);
    if (!subscription->is_counted || is_enough(subscription)) return STATUS_OK;
    return cli_fail(cli, STATUS_INVALID,
                    "subscription timed out after %us after receiving %u/%u updates",
                    subscription->timeout_seconds, subscription->received, subscription->wanted);
}

static Status end_by_server(Cli *cli, const Subscription *subscription) {
    if (!subscription->is_counted) {
        (void)fprintf(stderr, "disconnected by server\n");
        return STATUS_OK;
    }
    return cli_fail(cli, STATUS_INVALID, "subscription closed after receiving %u/%u updates",
                    subscription->received, subscription->wanted);
}

static bool is_enough(const Subscription *subscription) {
    return subscription->is_counted && subscription->received >= subscription->wanted;
}
