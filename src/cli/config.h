// config.h - cli.toml: the servers that have a name here, and who we are.
//
// Threads    the main thread.
// Lifetime   texts in cli->arena; a changed text is set by pointing to another one.
// Limits     CLI_CONFIG_BYTES_MAX, CLI_SERVERS_MAX.
// Format     spec: cli.md 4. What we do not know in the file stays as it is.
#pragma once

#include "cli/command.h"
#include "cli/toml_text.h"

typedef struct ServerConfig {
    const char *nickname;     // NULL: none
    const char *host;         // with its port
    const char *protocol;     // "http" or "https"
    const char *fingerprint;  // PEM; NULL: unknown
    uint32_t item;            // its header in the file; SERVER_ITEM_NEW: not there yet
} ServerConfig;
#define SERVER_ITEM_NEW UINT32_MAX

struct Config {
    const char *default_server;  // nickname or host; NULL in this and the next: not set
    const char *web_session_token;
    const char *token;
    const char *listen_addr;
    ServerConfig *servers;
    uint32_t server_count;
    TomlText toml;
};

// Reads the file into cli->config; writes one with two servers if there is none.
Status config_load(Cli *cli);
// Writes the file anew and says so. That it cannot be written is told, not an error: what the
// command did was done.
void config_save(Cli *cli);

// By nickname, else by host; NULL: not there.
ServerConfig *config_find_server(Config *config, const char *name);
// Adds one, for which there is room: STATUS_CONFLICT if nickname or host are taken.
Status config_add_server(Cli *cli, const ServerConfig *server);
void config_remove_server(Config *config, ServerConfig *server);

// "http://host:port" of a nickname, a host, a URL, or (NULL) the default server.
Status config_server_url(Cli *cli, const char *server, const char **ret_url);
// Splits "https://host/" into its parts; false without "://".
bool url_split(Cli *cli, const char *url, const char **ret_protocol, const char **ret_host);
// STATUS_INVALID unless it is http or https.
Status url_check_protocol(Cli *cli, const char *protocol);
