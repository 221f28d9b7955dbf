// cmd_start.c - `start`: the server, in this process.
//
// Scripts put options of their own behind those that they were given, so the last one counts.
#include "cli/commands.h"
#include "cli/config.h"
#include "server/server.h"

#include <stdlib.h>

static const OptionSpec OPTIONS[] = {
    {.name = "edition",
     .kind = OPTION_VALUE,
     .value_name = "EDITION",
     .choices = "standalone|cloud",
     .is_hidden = true,
     .help = "Only `standalone` is there"},
    {.name = "listen-addr",
     .letter = 'l',
     .kind = OPTION_VALUE,
     .value_name = "HOST:PORT",
     .help = "Where to listen; port 0 takes a free one [default: 0.0.0.0:3000]"},
    {.name = "data-dir",
     .kind = OPTION_VALUE,
     .value_name = "DIR",
     .help = "Where databases live; created if missing"},
    {.name = "in-memory", .kind = OPTION_FLAG, .help = "Keep what is in databases in memory only"},
    {.name = "jwt-pub-key-path",
     .kind = OPTION_VALUE,
     .value_name = "FILE",
     .requires = "jwt-priv-key-path",
     .help = "The public key that verifies tokens"},
    {.name = "jwt-priv-key-path",
     .kind = OPTION_VALUE,
     .value_name = "FILE",
     .requires = "jwt-pub-key-path",
     .help = "The private key that signs tokens"},
    {.name = "jwt-key-dir",
     .kind = OPTION_VALUE,
     .value_name = "DIR",
     .is_hidden = true,
     .help = "Where id_ecdsa and id_ecdsa.pub are, or are made"},
    {.name = "page_pool_max_size",
     .kind = OPTION_VALUE,
     .value_name = "SIZE",
     .is_hidden = true,
     .help = "Accepted; there is no pool of pages"},
    {.name = "pg-port",
     .kind = OPTION_NUMBER,
     .value_name = "PORT",
     .number_max = UINT16_MAX,
     .is_hidden = true,
     .help = "Not offered yet"},
    {.name = "non-interactive", .kind = OPTION_FLAG, .help = "Never ask; this is how it is anyway"},
    {.name = "enable-tracy", .kind = OPTION_FLAG, .is_hidden = true, .help = "Accepted"},
};

static Status run(Cli *cli, const Args *args);
static const char *variable(const char *name);

const CommandSpec COMMAND_START = {
    .name = "start",
    .about = "Start a local SpacetimeDB instance",
    COMMAND_OPTIONS(OPTIONS),
    .style = ARGS_LAST_WINS,
    .run = run,
};

static Status run(Cli *cli, const Args *args) {
    const char *edition = args_text(args, "edition");
    if (edition != NULL && strcmp(edition, "cloud") == 0) {
        return cli_fail(cli, STATUS_UNSUPPORTED, "--edition cloud is not there, only standalone");
    }
    if (args_has(args, "pg-port")) {
        return cli_fail(cli, STATUS_UNSUPPORTED,
                        "--pg-port: the PostgreSQL front end is not there yet. Leave it out.");
    }
    const char *listen_address = args_text(args, "listen-addr");
    if (listen_address == NULL) listen_address = cli->config->listen_addr;
    const char *data_dir = args_text(args, "data-dir");
    const char *key_dir = args_text(args, "jwt-key-dir");
    const ServerOptions options = {
        .data_dir = data_dir != NULL ? data_dir : cli->paths.data_dir,
        .listen_address = listen_address != NULL ? listen_address : "0.0.0.0:3000",
        .key_dir = key_dir != NULL ? key_dir : cli->paths.config_dir,
        .private_key_path = args_text(args, "jwt-priv-key-path"),
        .public_key_path = args_text(args, "jwt-pub-key-path"),
        .publish_issuer = variable("TEMP_SPACETIMEAUTH_ISSUER_REQUIRED_TO_PUBLISH"),
        .in_memory = args_has(args, "in-memory"),
        .without_log_file = variable("SPACETIMEDB_DISABLE_DISK_LOGGING") != NULL,
    };
    Error error;
    Status status = server_run(&options, &error);
    return status == STATUS_OK ? STATUS_OK : cli_fail_error(cli, &error);
}

// NULL: not set, or empty.
static const char *variable(const char *name) {
    const char *value = getenv(name);
    return value != NULL && value[0] != 0 ? value : NULL;
}
