// load_options.c - a table of options.
#include "load_options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONNECTIONS_MAX 20000u
#define IN_FLIGHT_MAX 16384u
#define SETS_MAX 100000u
#define ACCOUNTS_DEFAULT 10000u

typedef enum Option {
    OPTION_HELP = 256,
    OPTION_URL,
    OPTION_DB,
    OPTION_TOKEN,
    OPTION_QUERY,
    OPTION_SYNC_PROBE,
    OPTION_WORKLOAD,
    OPTION_CONNECTIONS,
    OPTION_WRITERS,
    OPTION_SETS,
    OPTION_SETS_FROM,
    OPTION_IN_FLIGHT,
    OPTION_BATCH,
    OPTION_ACCOUNTS,
    OPTION_BALANCE,
    OPTION_SECONDS,
    OPTION_WARMUP,
    OPTION_PID,
    OPTION_CONFIRMED,
    OPTION_UNCONFIRMED,
    OPTION_SEQUENTIAL,
    OPTION_SEED_FIRST,
    OPTION_JSON,
} Option;

static const struct option OPTIONS[] = {
    {"help", no_argument, NULL, OPTION_HELP},
    {"url", required_argument, NULL, OPTION_URL},
    {"db", required_argument, NULL, OPTION_DB},
    {"token", required_argument, NULL, OPTION_TOKEN},
    {"query", required_argument, NULL, OPTION_QUERY},
    {"sync-probe", required_argument, NULL, OPTION_SYNC_PROBE},
    {"workload", required_argument, NULL, OPTION_WORKLOAD},
    {"connections", required_argument, NULL, OPTION_CONNECTIONS},
    {"writers", required_argument, NULL, OPTION_WRITERS},
    {"sets", required_argument, NULL, OPTION_SETS},
    {"sets-from", required_argument, NULL, OPTION_SETS_FROM},
    {"in-flight", required_argument, NULL, OPTION_IN_FLIGHT},
    {"batch", required_argument, NULL, OPTION_BATCH},
    {"accounts", required_argument, NULL, OPTION_ACCOUNTS},
    {"balance", required_argument, NULL, OPTION_BALANCE},
    {"seconds", required_argument, NULL, OPTION_SECONDS},
    {"warmup", required_argument, NULL, OPTION_WARMUP},
    {"pid", required_argument, NULL, OPTION_PID},
    {"confirmed", no_argument, NULL, OPTION_CONFIRMED},
    {"unconfirmed", no_argument, NULL, OPTION_UNCONFIRMED},
    {"sequential", no_argument, NULL, OPTION_SEQUENTIAL},
    {"seed-first", no_argument, NULL, OPTION_SEED_FIRST},
    {"json", no_argument, NULL, OPTION_JSON},
    {NULL, 0, NULL, 0},
};

static const char USAGE[] =
    "usage: loadgen --url HOST:PORT --db NAME [options]\n"
    "  --workload W       transfer (default), empty or fanout\n"
    "  --connections N    32        --in-flight N   40 calls per connection\n"
    "  --batch N          1         calls per WebSocket message, as v3 allows\n"
    "  --seconds S        10        --warmup S      1, not counted\n"
    "  --confirmed        wait for the disk (default); --unconfirmed: do not\n"
    "  --sequential       one connection, one call at a time\n"
    "  --accounts N       10000     --balance N     1000000\n"
    "  --seed-first       call seed(accounts, balance) before\n"
    "  --writers N        1         fan-out: connections that call; the others subscribe\n"
    "  --query SQL        fan-out: \"SELECT * FROM accounts\"\n"
    "  --sets N           0         one more connection with N query sets `WHERE id = k`\n"
    "  --sets-from K      0         the first k; beyond the accounts nothing is delivered\n"
    "  --pid PID          the server's process: its CPU time per call\n"
    "  --sync-probe DIR   time fdatasync of 200-byte appends there; alone, or before the load\n"
    "  --token JWT        instead of a new identity\n"
    "  --json             one JSON object instead of text\n";

static void option_apply(LoadOptions *options, int option, const char *value);
static void option_flag(LoadOptions *options, int option);
static void option_url(LoadOptions *options, const char *value);
static Workload option_workload(const char *value);
static double option_number(const char *value, double min, double max);
static _Noreturn void usage(const char *what, const char *value);

static const char *const WORKLOAD_NAMES[] = {"transfer", "empty", "fanout"};

LoadOptions load_options_parse(int argument_count, char **arguments) {
    LoadOptions options = {
        .query = "SELECT * FROM accounts",
        .connections = 32,
        .writers = 1,
        .in_flight = 40,
        .batch = 1,
        .accounts = ACCOUNTS_DEFAULT,
        .balance = 1000000,
        .seconds = 10,
        .warmup_seconds = 1,
        .is_confirmed = true,
    };
    int option;
    while ((option = getopt_long(argument_count, arguments, "", OPTIONS, NULL)) != -1) {
        option_apply(&options, option, optarg);
    }
    if (optind < argument_count) usage("what is", arguments[optind]);
    if (options.is_sequential) {
        options.connections = 1;
        options.in_flight = 1;
    }
    bool has_server = options.host[0] != 0 && options.database != NULL;
    if (!has_server && options.sync_directory == NULL) usage("--url and --db are needed", "");
    if (options.workload == WORKLOAD_FANOUT && options.writers > options.connections) {
        usage("more writers than connections", "");
    }
    return options;
}

const char *workload_name(Workload workload) {
    return WORKLOAD_NAMES[workload];
}

static void option_apply(LoadOptions *options, int option, const char *value) {
    switch (option) {
    case OPTION_URL: option_url(options, value); break;
    case OPTION_DB: options->database = value; break;
    case OPTION_TOKEN: options->token = value; break;
    case OPTION_QUERY: options->query = value; break;
    case OPTION_SYNC_PROBE: options->sync_directory = value; break;
    case OPTION_WORKLOAD: options->workload = option_workload(value); break;
    case OPTION_CONNECTIONS:
        options->connections = (uint32_t)option_number(value, 1, CONNECTIONS_MAX);
        break;
    case OPTION_WRITERS:
        options->writers = (uint32_t)option_number(value, 0, CONNECTIONS_MAX);
        break;
    case OPTION_SETS: options->sets = (uint32_t)option_number(value, 0, SETS_MAX); break;
    case OPTION_SETS_FROM: options->sets_from = (uint32_t)option_number(value, 0, 4e9); break;
    case OPTION_IN_FLIGHT:
        options->in_flight = (uint32_t)option_number(value, 1, IN_FLIGHT_MAX);
        break;
    case OPTION_BATCH: options->batch = (uint32_t)option_number(value, 1, IN_FLIGHT_MAX); break;
    case OPTION_ACCOUNTS: options->accounts = (uint32_t)option_number(value, 2, 1e9); break;
    case OPTION_BALANCE: options->balance = (int64_t)option_number(value, 0, 1e15); break;
    case OPTION_SECONDS: options->seconds = option_number(value, 0.01, 1e6); break;
    case OPTION_WARMUP: options->warmup_seconds = option_number(value, 0, 1e6); break;
    case OPTION_PID: options->server_process = (int)option_number(value, 1, 1e9); break;
    default: option_flag(options, option); break;
    }
}

static void option_flag(LoadOptions *options, int option) {
    switch (option) {
    case OPTION_CONFIRMED: options->is_confirmed = true; break;
    case OPTION_UNCONFIRMED: options->is_confirmed = false; break;
    case OPTION_SEQUENTIAL: options->is_sequential = true; break;
    case OPTION_SEED_FIRST: options->seeds_first = true; break;
    case OPTION_JSON: options->prints_json = true; break;
    case OPTION_HELP: fputs(USAGE, stdout); exit(0);
    default: exit(2);  // getopt has said what it is
    }
}

// "host:port", with "http://" before it if one likes.
static void option_url(LoadOptions *options, const char *value) {
    if (strncmp(value, "http://", 7) == 0) value += 7;
    const char *colon = strrchr(value, ':');
    if (colon == NULL || colon == value || colon[1] == 0) usage("want HOST:PORT, not", value);
    size_t host_bytes = (size_t)(colon - value);
    if (host_bytes >= sizeof options->host) usage("too long a name:", value);
    memcpy(options->host, value, host_bytes);
    options->host[host_bytes] = 0;
    options->port = colon + 1;
}

static Workload option_workload(const char *value) {
    for (uint32_t i = 0; i < sizeof WORKLOAD_NAMES / sizeof *WORKLOAD_NAMES; i++) {
        if (strcmp(value, WORKLOAD_NAMES[i]) == 0) return (Workload)i;
    }
    usage("no such workload:", value);
}

static double option_number(const char *value, double min, double max) {
    char *end;
    double number = strtod(value, &end);
    if (end == value || *end != 0 || !(number >= min && number <= max))
        usage("number out of range:", value);
    return number;
}

static _Noreturn void usage(const char *what, const char *value) {
    fprintf(stderr, "loadgen: %s %s\n%s", what, value, USAGE);
    exit(2);
}
