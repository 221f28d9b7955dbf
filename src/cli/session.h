// session.h - who we are to servers: the stored token, and getting one.
//
// Threads    the main thread.
// Lifetime   texts in cli->arena; what is obtained is stored in cli.toml.
// Limits     none.
// Format     spec: cli.md 6.1, 6.2, 7, 8.1, 8.2.
#pragma once

#include "cli/command.h"
#include "sats/sats.h"

#define SESSION_AUTH_HOST "https://spacetimedb.com"

typedef enum SessionUser {
    SESSION_ANONYMOUS,        // no token: the server makes up an identity
    SESSION_STORED,           // the stored token, else one of the target server
    SESSION_STORED_OR_ASKED,  // the same, but first offers to log in on the web
} SessionUser;

// The user of a command with `--anonymous` and `--yes`, of which it may have neither.
SessionUser session_user(const Args *args);
// server: as for config_server_url. *ret_token is NULL for SESSION_ANONYMOUS.
Status session_token(Cli *cli, SessionUser user, const char *server, const char **ret_token);

// Asks the server at `url` for a new identity and stores its token.
Status session_login_direct(Cli *cli, const char *url);
typedef enum SessionBrowser { SESSION_BROWSER_OPENED, SESSION_BROWSER_BY_HAND } SessionBrowser;
// Logs in at an auth host through the user's browser, waiting until it is done.
Status session_login_web(Cli *cli, const char *auth_host, SessionBrowser browser);
// Forgets the tokens and says so.
void session_logout(Cli *cli, const char *auth_host);

// The identity in a token, whose signature is not checked.
Status token_identity(Cli *cli, const char *token, Identity *ret_identity);
