// session.c - logging in: directly at a server, which is good for that server only, or on the web.
#include "cli/session.h"

#include "cli/config.h"
#include "cli/http.h"
#include "cli/process.h"

#include <stdio.h>
#include <unistd.h>

// How long a logout waits for the auth host, and how often a login asks whether the user is done.
#define LOGOUT_MS_MAX 5000u
#define POLL_SECONDS 1u

static const char *url_root(Cli *cli, const char *url);
static Status store_token(Cli *cli, const char *token);
static Status auth_request(Cli *cli, const HttpCall *call, json_t **ret_data);
static Status request_login_token(Cli *cli, const char *auth_host, const char **ret_token);
static Status wait_for_approval(Cli *cli, const char *auth_host, const char *login_token);
static Status poll_approval(Cli *cli, const char *url, bool *ret_approved);
static Status exchange_session(Cli *cli, const char *auth_host);
static void open_browser(Cli *cli, const char *url, SessionBrowser browser);
static void tell_auth_host(Cli *cli, const char *auth_host);

SessionUser session_user(const Args *args) {
    bool anonymous = false;
    bool yes = false;
    const CommandSpec *command = args->command;
    for (uint32_t i = 0; i < command->option_count; i++) {
        const char *name = command->options[i].name;
        if (strcmp(name, "anonymous") == 0) anonymous = args->options[i].is_given;
        if (strcmp(name, "yes") == 0) yes = args->options[i].is_given;
    }
    if (anonymous) return SESSION_ANONYMOUS;
    return yes ? SESSION_STORED : SESSION_STORED_OR_ASKED;
}

Status session_token(Cli *cli, SessionUser user, const char *server, const char **ret_token) {
    *ret_token = NULL;
    if (user == SESSION_ANONYMOUS) return STATUS_OK;
    Status status = STATUS_OK;
    if (cli->config->token == NULL) {
        if (user == SESSION_STORED_OR_ASKED &&
            cli_confirm(cli, ASKING,
                        "You are not logged in. Would you like to log in with spacetimedb.com?")) {
            status = session_login_web(cli, SESSION_AUTH_HOST, SESSION_BROWSER_OPENED);
        } else {
            const char *url = NULL;
            status = config_server_url(cli, server, &url);
            if (status == STATUS_OK) status = session_login_direct(cli, url);
        }
    }
    *ret_token = cli->config->token;
    return status;
}

Status session_login_direct(Cli *cli, const char *url) {
    const HttpCall call = {.method = "POST",
                           .url = cli_text(cli, "%s/v1/identity", url_root(cli, url))};
    HttpReply reply;
    Status status = http_call(cli, &call, &reply);
    if (status == STATUS_OK) status = http_expect_success(cli, &reply);
    json_t *json = NULL;
    if (status == STATUS_OK) status = http_read_json(cli, &reply, &json);
    if (status != STATUS_OK) return status;
    const char *token = json_string_value(json_object_get(json, "token"));
    if (token == NULL) {
        status = cli_fail(cli, STATUS_INVALID, "the answer of %s has no token", reply.url);
    } else {
        printf("We have logged in directly to your target server.\n"
               "WARNING: This login will NOT work for any other servers.\n");
        status = store_token(cli, cli_text(cli, "%s", token));
    }
    json_decref(json);
    return status;
}

// "http://host:port" of a URL that may have a path.
static const char *url_root(Cli *cli, const char *url) {
    const char *host = strstr(url, "://");
    ASSERT(host != NULL);
    host += 3;
    size_t count = (size_t)(host - url) + strcspn(host, "/");
    return arena_copy_text(&cli->arena, bytes_of(url, count));
}

static Status store_token(Cli *cli, const char *token) {
    Identity identity;
    char hex[IDENTITY_HEX_COUNT + 1];
    cli->config->token = token;
    config_save(cli);
    Status status = token_identity(cli, token, &identity);
    if (status != STATUS_OK) return status;
    identity_to_hex(&identity, hex);
    printf("Logged in with identity %s\n", hex);
    return STATUS_OK;
}

// ---- on the web ----

Status session_login_web(Cli *cli, const char *auth_host, SessionBrowser browser) {
    Status status = STATUS_OK;
    if (cli->config->web_session_token == NULL) {
        const char *token = NULL;
        status = request_login_token(cli, auth_host, &token);
        if (status != STATUS_OK) return status;
        const char *url = url_with(cli, cli_text(cli, "%s/login/cli", auth_host), "token", token);
        open_browser(cli, url, browser);
        printf("Waiting to hear response from the server...\n");
        fflush(stdout);
        status = wait_for_approval(cli, auth_host, token);
        if (status != STATUS_OK) return status;
        printf("Login successful!\n");
        config_save(cli);
    }
    return exchange_session(cli, auth_host);
}

static Status request_login_token(Cli *cli, const char *auth_host, const char **ret_token) {
    const HttpCall call = {
        .method = "POST",
        .url = cli_text(cli, "%s/api/auth/cli/login/request-token", auth_host),
    };
    json_t *data = NULL;
    Status status = auth_request(cli, &call, &data);
    if (status != STATUS_OK) return cli_wrap(cli, status, "Failed to request token");
    const char *token = json_string_value(json_object_get(data, "token"));
    if (token == NULL) {
        status = cli_fail(cli, STATUS_INVALID, "Failed to request token");
    } else {
        *ret_token = cli_text(cli, "%s", token);
    }
    json_decref(data);
    return status;
}

static void open_browser(Cli *cli, const char *url, SessionBrowser browser) {
    if (browser == SESSION_BROWSER_BY_HAND) {
        printf("Open %s in your browser to finish logging in.\n", url);
        return;
    }
    printf("Opening %s in your browser.\n", url);
    Words *words = words_create(cli);
    words_add(words, "xdg-open");
    words_add(words, url);
    Process process = {.words = words};
    ProcessResult result = {.exit_code = 1};
    if (process_read_quietly(cli, &process, &result) != STATUS_OK || result.exit_code != 0) {
        printf("Unable to open your browser! Please open the URL above manually.\n");
    }
}

static Status wait_for_approval(Cli *cli, const char *auth_host, const char *login_token) {
    const char *url = url_with(cli, cli_text(cli, "%s/api/auth/cli/status", auth_host), "token",
                               login_token);
    bool is_approved = false;
    Status status = STATUS_OK;
    while (status == STATUS_OK && !is_approved) {
        sleep(POLL_SECONDS);
        status = poll_approval(cli, url, &is_approved);
    }
    return status;
}

static Status poll_approval(Cli *cli, const char *url, bool *ret_approved) {
    const HttpCall call = {.method = "GET", .url = url};
    json_t *data = NULL;
    Status status = auth_request(cli, &call, &data);
    if (status != STATUS_OK) return status;
    *ret_approved = json_is_true(json_object_get(data, "approved"));
    const char *session = json_string_value(json_object_get(data, "sessionToken"));
    if (*ret_approved && session == NULL) {
        status = cli_fail(cli, STATUS_INVALID, "Session token is missing in response.");
    } else if (*ret_approved) {
        cli->config->web_session_token = cli_text(cli, "%s", session);
    }
    json_decref(data);
    return status;
}

static Status exchange_session(Cli *cli, const char *auth_host) {
    const HttpCall call = {
        .method = "POST",
        .url = cli_text(cli, "%s/api/spacetimedb-token", auth_host),
        .token = cli->config->web_session_token,
    };
    json_t *data = NULL;
    Status status = auth_request(cli, &call, &data);
    if (status != STATUS_OK) return cli_wrap(cli, status, "Failed to get token");
    const char *token = json_string_value(json_object_get(data, "token"));
    if (token == NULL) {
        status = cli_fail(cli, STATUS_INVALID, "Failed to get token: there is none in the answer");
    } else {
        status = store_token(cli, cli_text(cli, "%s", token));
    }
    json_decref(data);
    return status;
}

// The "data" of {"success":true,"data":{...}}, for the caller to release.
static Status auth_request(Cli *cli, const HttpCall *call, json_t **ret_data) {
    HttpReply reply;
    json_t *json = NULL;
    Status status = http_call(cli, call, &reply);
    if (status == STATUS_OK) status = http_read_json(cli, &reply, &json);
    if (status != STATUS_OK) return status;
    if (!json_is_true(json_object_get(json, "success"))) {
        const char *text = json_string_value(json_object_get(json, "error"));
        status = cli_fail(cli, STATUS_DENIED, "%s", text == NULL ? "Unknown error" : text);
    } else if (!json_is_object(json_object_get(json, "data"))) {
        status = cli_fail(cli, STATUS_INVALID, "Response data is missing.");
    } else {
        *ret_data = json_incref(json_object_get(json, "data"));
    }
    json_decref(json);
    return status;
}

void session_logout(Cli *cli, const char *auth_host) {
    Config *config = cli->config;
    if (config->token == NULL) return;
    tell_auth_host(cli, auth_host);
    Identity identity;
    bool is_known = token_identity(cli, config->token, &identity) == STATUS_OK;
    config->token = NULL;
    config->web_session_token = NULL;
    config_save(cli);
    if (is_known) {
        char hex[IDENTITY_HEX_COUNT + 1];
        identity_to_hex(&identity, hex);
        printf("Logged out (identity %s).\n", hex);
    } else {
        printf("Logged out.\n");
    }
}

// Best effort: what counts is that the tokens are gone from here.
static void tell_auth_host(Cli *cli, const char *auth_host) {
    const char *problem = NULL;
    if (cli->config->web_session_token == NULL) {
        problem = "No web session token";
    } else {
        const HttpCall call = {
            .method = "POST",
            .url = cli_text(cli, "%s/auth/cli/logout", auth_host),
            .token = cli->config->web_session_token,
            .timeout_ms = LOGOUT_MS_MAX,
        };
        HttpReply reply;
        if (http_call(cli, &call, &reply) != STATUS_OK) {
            problem = (const char *)cli->fault.texts[cli->fault.count - 1].data;
        }
    }
    if (problem == NULL) return;
    (void)fprintf(stderr,
                  "Warning: Failed to logout from auth server: %s\nLocal credentials have been "
                  "cleared.\n",
                  problem);
}
