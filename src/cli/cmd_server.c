// cmd_server.c - `server`: the servers that have a name in cli.toml.
#include "cli/commands.h"
#include "cli/config.h"
#include "cli/http.h"
#include "cli/remove_tree.h"
#include "cli/text_table.h"

#include <stdio.h>

static const OptionSpec ADD_OPTIONS[] = {
    {.name = "url",
     .kind = OPTION_VALUE,
     .value_name = "URL",
     .is_required = true,
     .help = "The URL of the server"},
    {.name = "default",
     .letter = 'd',
     .kind = OPTION_FLAG,
     .help = "Use this server wherever none is named"},
    {.name = "no-fingerprint", .kind = OPTION_FLAG, .help = "Do not ask the server for its key"},
};
static const OptionSpec YES_OPTIONS[] = {OPTION_YES};
static const OptionSpec EDIT_OPTIONS[] = {
    {.name = "new-name", .kind = OPTION_VALUE, .value_name = "NICKNAME", .help = "A new nickname"},
    {.name = "url", .kind = OPTION_VALUE, .value_name = "URL", .help = "A new URL"},
    {.name = "no-fingerprint", .kind = OPTION_FLAG, .help = "Do not ask the server for its key"},
    OPTION_YES,
};
static const OptionSpec CLEAR_OPTIONS[] = {
    {.name = "data-dir",
     .kind = OPTION_VALUE,
     .value_name = "DIR",
     .help = "The data directory to delete [default: that of `start`]"},
    OPTION_YES,
};

static Status list(Cli *cli, const Args *args);
static Status set_default(Cli *cli, const Args *args);
static Status add(Cli *cli, const Args *args);
static Status remove_server(Cli *cli, const Args *args);
static Status fingerprint(Cli *cli, const Args *args);
static Status ping(Cli *cli, const Args *args);
static Status edit(Cli *cli, const Args *args);
static Status clear(Cli *cli, const Args *args);
static Status fetch_fingerprint(Cli *cli, const char *url, const char **ret_fingerprint);
static Status update_fingerprint(Cli *cli, ServerConfig *server, bool *ret_changed);
static Status split_url(Cli *cli, const char *url, ServerConfig *ret_server);
static Status find_saved(Cli *cli, const char *name, ServerConfig **ret_server);
static bool is_default(const Config *config, const ServerConfig *server);
static const char *server_url(Cli *cli, const ServerConfig *server);
static Status check_conflicts(Cli *cli, const ServerConfig *edited, const char *nickname,
                              const char *host);
static Status confirm_and_save(Cli *cli, const Args *args);

#define ONE_SERVER .positionals = "<SERVER>", .positionals_min = 1, .positionals_max = 1

static const CommandSpec BELOW[] = {
    {.name = "list",
     .about = "List stored server configurations",
     .is_unstable = true,
     .run = list},
    {.name = "set-default",
     .about = "Set the default server for future operations",
     ONE_SERVER,
     .is_unstable = true,
     .run = set_default},
    {.name = "add",
     .about = "Add a new server configuration",
     COMMAND_OPTIONS(ADD_OPTIONS),
     .positionals = "<NAME>",
     .positionals_min = 1,
     .positionals_max = 1,
     .is_unstable = true,
     .run = add},
    {.name = "remove",
     .about = "Remove a saved server configuration",
     COMMAND_OPTIONS(YES_OPTIONS),
     ONE_SERVER,
     .is_unstable = true,
     .run = remove_server},
    {.name = "fingerprint",
     .about = "Show or update a saved server's fingerprint",
     COMMAND_OPTIONS(YES_OPTIONS),
     ONE_SERVER,
     .is_unstable = true,
     .run = fingerprint},
    {.name = "ping",
     .about = "Check whether a server is online",
     ONE_SERVER,
     .is_unstable = true,
     .run = ping},
    {.name = "edit",
     .about = "Update a saved server's nickname, host name or protocol",
     COMMAND_OPTIONS(EDIT_OPTIONS),
     ONE_SERVER,
     .is_unstable = true,
     .run = edit},
    {.name = "clear",
     .about = "Delete all data from all local databases",
     COMMAND_OPTIONS(CLEAR_OPTIONS),
     .is_unstable = true,
     .run = clear},
};

const CommandSpec COMMAND_SERVER = {
    .name = "server",
    .about = "Manage the connection to SpacetimeDB servers",
    .commands = BELOW,
    .command_count = sizeof BELOW / sizeof BELOW[0],
};

static Status list(Cli *cli, const Args *args) {
    (void)args;
    Config *config = cli->config;
    TextTable table;
    text_table_init(&table, 4);
    static const char *const HEADS[] = {"DEFAULT", "HOSTNAME", "PROTOCOL", "NICKNAME"};
    for (size_t i = 0; i < 4; i++) text_table_add(&table, bytes_of_text(HEADS[i]));
    for (uint32_t i = 0; i < config->server_count; i++) {
        const ServerConfig *server = &config->servers[i];
        text_table_add(&table, bytes_of_text(is_default(config, server) ? "***" : ""));
        text_table_add(&table, bytes_of_text(server->host));
        text_table_add(&table, bytes_of_text(server->protocol));
        text_table_add(&table, bytes_of_text(server->nickname == NULL ? "" : server->nickname));
    }
    Buffer text;
    buffer_init(&text, CLI_RESPONSE_BYTES_MAX);
    text_table_write(&text, &table, TEXT_TABLE_EMPTY);
    printf("%.*s\n", BYTES_FORMAT(buffer_bytes(&text)));
    buffer_done(&text);
    text_table_done(&table);
    return STATUS_OK;
}

static bool is_default(const Config *config, const ServerConfig *server) {
    const char *name = config->default_server;
    if (name == NULL) return false;
    if (strcmp(server->host, name) == 0) return true;
    return server->nickname != NULL && strcmp(server->nickname, name) == 0;
}

static Status set_default(Cli *cli, const Args *args) {
    const char *name = args_positional(args, 0);
    const char *protocol = NULL;
    const char *host = NULL;
    if (url_split(cli, name, &protocol, &host)) name = host;
    if (config_find_server(cli->config, name) == NULL) {
        return cli_fail(cli, STATUS_NOT_FOUND, "Cannot set default server to unknown server %s",
                        name);
    }
    cli->config->default_server = name;
    config_save(cli);
    return STATUS_OK;
}

static Status add(Cli *cli, const Args *args) {
    const char *url = args_text(args, "url");
    ServerConfig server = {.nickname = args_positional(args, 0)};
    Status status = split_url(cli, url, &server);
    if (status != STATUS_OK) return status;
    url = server_url(cli, &server);
    if (!args_has(args, "no-fingerprint")) {
        status = fetch_fingerprint(cli, url, &server.fingerprint);
        if (status != STATUS_OK) {
            return cli_wrap(cli, status,
                            "Unable to retrieve fingerprint for server: %s\nIs the server "
                            "running?\nAdd a server without retrieving its fingerprint with:\n"
                            "\tspacetime server add --url %s --no-fingerprint",
                            url, url);
        }
        printf("For server %s, got fingerprint:\n%s\n", url, server.fingerprint);
    }
    status = config_add_server(cli, &server);
    if (status != STATUS_OK) return status;
    if (args_has(args, "default")) cli->config->default_server = server.host;
    printf("Host: %s\nProtocol: %s\n", server.host, server.protocol);
    config_save(cli);
    return STATUS_OK;
}

static Status remove_server(Cli *cli, const Args *args) {
    ServerConfig *server = NULL;
    Status status = find_saved(cli, args_positional(args, 0), &server);
    if (status != STATUS_OK) return status;
    if (is_default(cli->config, server)) cli->config->default_server = NULL;
    config_remove_server(cli->config, server);
    config_save(cli);
    return STATUS_OK;
}

static Status fingerprint(Cli *cli, const Args *args) {
    ServerConfig *server = NULL;
    bool changed = false;
    Status status = find_saved(cli, args_positional(args, 0), &server);
    if (status == STATUS_OK) status = update_fingerprint(cli, server, &changed);
    if (status != STATUS_OK || !changed) return status;
    return confirm_and_save(cli, args);
}

static Status ping(Cli *cli, const Args *args) {
    const char *url = NULL;
    Status status = config_server_url(cli, args_positional(args, 0), &url);
    if (status != STATUS_OK) return status;
    const HttpCall call = {.method = "GET", .url = cli_text(cli, "%s/v1/ping", url)};
    HttpReply reply;
    status = http_call(cli, &call, &reply);
    if (status != STATUS_OK) return status;
    if (reply.status == 200) {
        printf("Server is online: %s\n", url);
    } else if (reply.status == 404) {
        printf("Server returned 404 (Not Found): %s\n", url);
    } else {
        printf("Server could not be reached (%s): %s\n", http_status_text(cli, reply.status), url);
    }
    return STATUS_OK;
}

static Status edit(Cli *cli, const Args *args) {
    ServerConfig *server = NULL;
    Status status = find_saved(cli, args_positional(args, 0), &server);
    if (status != STATUS_OK) return status;
    ServerConfig wanted = *server;
    const char *url = args_text(args, "url");
    const char *nickname = args_text(args, "new-name");
    if (nickname != NULL) wanted.nickname = nickname;
    if (url != NULL) status = split_url(cli, url, &wanted);
    if (status == STATUS_OK) {
        status = check_conflicts(cli, server, nickname, url == NULL ? NULL : wanted.host);
    }
    if (status != STATUS_OK) return status;
    bool was_default = is_default(cli->config, server);
    bool by_nickname = was_default && server->nickname != NULL &&
                       strcmp(server->nickname, cli->config->default_server) == 0;
    if (nickname != NULL && server->nickname != NULL) {
        printf("Changing nickname from %s to %s\n", server->nickname, nickname);
    }
    bool is_moved = strcmp(server->host, wanted.host) != 0;
    bool is_reached_otherwise = strcmp(server->protocol, wanted.protocol) != 0;
    if (is_moved) printf("Changing host from %s to %s\n", server->host, wanted.host);
    if (is_reached_otherwise) {
        printf("Changing protocol from %s to %s\n", server->protocol, wanted.protocol);
    }
    *server = wanted;
    if (was_default) cli->config->default_server = by_nickname ? wanted.nickname : wanted.host;
    if (is_moved || is_reached_otherwise) {
        bool changed = false;
        if (args_has(args, "no-fingerprint")) {
            server->fingerprint = NULL;
        } else {
            status = update_fingerprint(cli, server, &changed);
        }
    }
    return status == STATUS_OK ? confirm_and_save(cli, args) : status;
}

// Another server's nickname or host.
static Status check_conflicts(Cli *cli, const ServerConfig *edited, const char *nickname,
                              const char *host) {
    Config *config = cli->config;
    for (uint32_t i = 0; i < config->server_count; i++) {
        const ServerConfig *other = &config->servers[i];
        if (other == edited) continue;
        if (nickname != NULL && other->nickname != NULL && strcmp(other->nickname, nickname) == 0) {
            return cli_fail(cli, STATUS_CONFLICT,
                            "Nickname %s conflicts with saved configuration for server %s://%s",
                            nickname, other->protocol, other->host);
        }
        if (host != NULL && strcmp(other->host, host) == 0) {
            return cli_fail(cli, STATUS_CONFLICT,
                            "Host %s conflicts with saved configuration for server %s", host,
                            other->nickname == NULL ? other->host : other->nickname);
        }
    }
    return STATUS_OK;
}

static Status clear(Cli *cli, const Args *args) {
    const char *directory = args_text(args, "data-dir");
    if (directory == NULL) directory = cli->paths.data_dir;
    if (!path_is_directory(directory)) {
        puts("Local database not found. Nothing has been deleted.");
        return STATUS_OK;
    }
    printf("Database path: %s\n", directory);
    if (!cli_confirm(cli, args_has(args, "yes") ? ASKING_SKIPPED : ASKING,
                     "Are you sure you want to delete all data from the local database?")) {
        puts("Aborting");
        return STATUS_OK;
    }
    Status status = remove_tree(cli, directory);
    if (status == STATUS_OK) printf("Deleted database: %s\n", directory);
    return status;
}

// ---- shared ----

static Status fetch_fingerprint(Cli *cli, const char *url, const char **ret_fingerprint) {
    const HttpCall call = {.method = "GET", .url = cli_text(cli, "%s/v1/identity/public-key", url)};
    HttpReply reply;
    Status status = http_call(cli, &call, &reply);
    if (status == STATUS_OK) status = http_expect_success(cli, &reply);
    if (status != STATUS_OK) return status;
    *ret_fingerprint = arena_copy_text(&cli->arena, reply.body);
    return STATUS_OK;
}

static Status update_fingerprint(Cli *cli, ServerConfig *server, bool *ret_changed) {
    const char *fetched = NULL;
    Status status = fetch_fingerprint(cli, server_url(cli, server), &fetched);
    if (status != STATUS_OK) return cli_wrap(cli, status, "Error fetching server fingerprint");
    const char *name = server->nickname == NULL ? server->host : server->nickname;
    const char *saved = server->fingerprint;
    *ret_changed = saved == NULL || strcmp(saved, fetched) != 0;
    if (saved == NULL) {
        printf("No saved fingerprint for server %s. New fingerprint:\n%s\n", name, fetched);
    } else if (*ret_changed) {
        printf("Fingerprint has changed for server %s.\nWas:\n%s\nNew:\n%s\n", name, saved,
               fetched);
    } else {
        printf("Fingerprint is unchanged for server %s:\n%s\n", name, saved);
    }
    server->fingerprint = fetched;
    return STATUS_OK;
}

static Status split_url(Cli *cli, const char *url, ServerConfig *ret_server) {
    if (!url_split(cli, url, &ret_server->protocol, &ret_server->host)) {
        return cli_fail(cli, STATUS_INVALID,
                        "Invalid url: %s. Write http://host:port or https://host", url);
    }
    return url_check_protocol(cli, ret_server->protocol);
}

// By nickname, host or URL.
static Status find_saved(Cli *cli, const char *name, ServerConfig **ret_server) {
    const char *protocol = NULL;
    const char *host = NULL;
    if (url_split(cli, name, &protocol, &host)) name = host;
    *ret_server = config_find_server(cli->config, name);
    if (*ret_server != NULL) return STATUS_OK;
    return cli_fail(cli, STATUS_NOT_FOUND,
                    "No such saved server configuration: %s\nAdd a new server configuration "
                    "with:\n\tspacetime server add %s --url <url>",
                    name, name);
}

static const char *server_url(Cli *cli, const ServerConfig *server) {
    return cli_text(cli, "%s://%s", server->protocol, server->host);
}

static Status confirm_and_save(Cli *cli, const Args *args) {
    if (!cli_confirm(cli, args_has(args, "yes") ? ASKING_SKIPPED : ASKING, "Continue?")) {
        return cli_fail(cli, STATUS_DENIED, "Aborted");
    }
    config_save(cli);
    return STATUS_OK;
}
