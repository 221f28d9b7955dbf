// cmd_login.c - `login` and `logout`: the token in cli.toml.
#include "cli/commands.h"
#include "cli/config.h"
#include "cli/session.h"

#include <stdio.h>

static const OptionSpec LOGIN_OPTIONS[] = {
    {.name = "auth-host",
     .kind = OPTION_VALUE,
     .value_name = "URL",
     .conflicts = "server-issued-login token",
     .help = "Where to log in on the web [default: " SESSION_AUTH_HOST "]"},
    {.name = "server-issued-login",
     .kind = OPTION_VALUE,
     .value_name = "SERVER",
     .conflicts = "auth-host token",
     .help = "Get a new identity from this server, which is good for it only"},
    {.name = "token",
     .kind = OPTION_VALUE,
     .value_name = "JWT",
     .conflicts = "auth-host server-issued-login",
     .help = "Use this token"},
    {.name = "no-browser", .kind = OPTION_FLAG, .help = "Print the address instead of opening it"},
};

static const OptionSpec SHOW_OPTIONS[] = {
    {.name = "token", .kind = OPTION_FLAG, .help = "Also print the token"},
};

static const OptionSpec LOGOUT_OPTIONS[] = {
    {.name = "auth-host",
     .kind = OPTION_VALUE,
     .value_name = "URL",
     .help = "Where to log out on the web [default: " SESSION_AUTH_HOST "]"},
};

static Status login(Cli *cli, const Args *args);
static Status login_with_token(Cli *cli, const char *token);
static Status show(Cli *cli, const Args *args);
static Status logout(Cli *cli, const Args *args);
static const char *auth_host(Cli *cli, const Args *args);

static const CommandSpec BELOW[] = {
    {.name = "show", .about = "Show who is logged in", COMMAND_OPTIONS(SHOW_OPTIONS), .run = show},
};

const CommandSpec COMMAND_LOGIN = {
    .name = "login",
    .about = "Manage your login",
    COMMAND_OPTIONS(LOGIN_OPTIONS),
    .commands = BELOW,
    .command_count = sizeof BELOW / sizeof BELOW[0],
    .run = login,
};

const CommandSpec COMMAND_LOGOUT = {
    .name = "logout",
    .about = "Forget the login",
    COMMAND_OPTIONS(LOGOUT_OPTIONS),
    .run = logout,
};

static Status login(Cli *cli, const Args *args) {
    session_logout(cli, auth_host(cli, args));
    const char *token = args_text(args, "token");
    if (token != NULL) return login_with_token(cli, token);
    const char *server = args_text(args, "server-issued-login");
    if (server == NULL) {
        return session_login_web(cli, auth_host(cli, args),
                                 args_has(args, "no-browser") ? SESSION_BROWSER_BY_HAND
                                                              : SESSION_BROWSER_OPENED);
    }
    const char *url = NULL;
    Status status = config_server_url(cli, server, &url);
    return status == STATUS_OK ? session_login_direct(cli, url) : status;
}

// Any text is kept; the server that it is for will judge it.
static Status login_with_token(Cli *cli, const char *token) {
    cli->config->token = token;
    config_save(cli);
    Identity identity;
    if (token_identity(cli, token, &identity) != STATUS_OK) {
        puts("Token saved.");
        return STATUS_OK;
    }
    char hex[IDENTITY_HEX_COUNT + 1];
    identity_to_hex(&identity, hex);
    printf("Logged in with identity %s\n", hex);
    return STATUS_OK;
}

static Status show(Cli *cli, const Args *args) {
    const char *token = cli->config->token;
    if (token == NULL) {
        puts("You are not logged in. Run `spacetime login` to log in.");
        return STATUS_OK;
    }
    Identity identity;
    Status status = token_identity(cli, token, &identity);
    if (status != STATUS_OK) return status;
    char hex[IDENTITY_HEX_COUNT + 1];
    identity_to_hex(&identity, hex);
    printf("You are logged in as %s\n", hex);
    if (args_has(args, "token")) printf("Your auth token (don't share this!) is %s\n", token);
    return STATUS_OK;
}

static Status logout(Cli *cli, const Args *args) {
    if (cli->config->token == NULL && cli->config->web_session_token == NULL) {
        puts("You are not logged in.");
        return STATUS_OK;
    }
    session_logout(cli, auth_host(cli, args));
    return STATUS_OK;
}

static const char *auth_host(Cli *cli, const Args *args) {
    const char *given = args_text(args, "auth-host");
    const char *protocol = NULL;
    const char *host = NULL;
    if (given == NULL || !url_split(cli, given, &protocol, &host)) return SESSION_AUTH_HOST;
    return cli_text(cli, "%s://%s", protocol, host);
}
