// config.c - reads cli.toml into a Config and writes a changed Config back into the same text.
//
// The file is a root section and one section for each [[server_configs]]. Writing walks the items of
// the text that was read: known keys get their new values in place, missing ones are added behind the
// last key of their section, sections of removed servers are left out, new ones follow at the end.
#include "cli/config.h"

#include <stdio.h>

typedef struct ConfigKey {
    const char *name;
    size_t offset;  // of the const char * in Config or ServerConfig
    bool is_required;
} ConfigKey;

static const ConfigKey ROOT_KEYS[] = {
    {"default_server", offsetof(Config, default_server), false},
    {"web_session_token", offsetof(Config, web_session_token), false},
    {"spacetimedb_token", offsetof(Config, token), false},
    {"listen_addr", offsetof(Config, listen_addr), false},
};
static const ConfigKey SERVER_KEYS[] = {
    {"nickname", offsetof(ServerConfig, nickname), false},
    {"host", offsetof(ServerConfig, host), true},
    {"protocol", offsetof(ServerConfig, protocol), true},
    {"ecdsa_public_key", offsetof(ServerConfig, fingerprint), false},
};
#define ROOT_KEY_COUNT (sizeof ROOT_KEYS / sizeof ROOT_KEYS[0])
#define SERVER_KEY_COUNT (sizeof SERVER_KEYS / sizeof SERVER_KEYS[0])
static_assert(ROOT_KEY_COUNT == SERVER_KEY_COUNT, "a Section has this many keys");

static const char INITIAL_CONFIG[] = "default_server = \"maincloud\"\n"
                                     "\n"
                                     "[[server_configs]]\n"
                                     "nickname = \"maincloud\"\n"
                                     "host = \"maincloud.spacetimedb.com\"\n"
                                     "protocol = \"https\"\n"
                                     "\n"
                                     "[[server_configs]]\n"
                                     "nickname = \"local\"\n"
                                     "host = \"127.0.0.1:3000\"\n"
                                     "protocol = \"http\"\n";

// Items [from, to) of the text and the struct that they are read into or written from.
typedef struct Section {
    const ConfigKey *keys;
    void *values;
    uint32_t from;
    uint32_t to;
} Section;

static Status create_file(Cli *cli, Bytes *ret_text);
static Status read_sections(Cli *cli, Config *config);
static Status read_section(Cli *cli, Config *config, const Section *section);
static const ConfigKey *find_key(const Section *section, Bytes name);
static uint32_t section_end(const TomlText *toml, uint32_t from);
static bool is_server_header(const TomlItem *item);
static void write_config(Config *config, Buffer *buffer);
static void write_section(Buffer *buffer, const TomlText *toml, const Section *section);
static void write_missing(Buffer *buffer, const TomlText *toml, const Section *section);
static void write_key(Buffer *buffer, const TomlItem *item, const char *value);
static void end_line(Buffer *buffer);
static const char **value_of(const Section *section, const ConfigKey *key);
static const char *parent_directory(Cli *cli, const char *path);

// ---- reading ----

Status config_load(Cli *cli) {
    const char *path = cli->paths.config_file;
    Bytes text = BYTES_NONE;
    Error error;
    Status status = os_file_read_all(cli->os, path, CLI_CONFIG_BYTES_MAX, &cli->arena, &text,
                                     &error);
    if (status == STATUS_NOT_FOUND) status = create_file(cli, &text);
    if (status != STATUS_OK) return cli_fail_error(cli, &error);
    Config *config = ARENA_NEW(&cli->arena, Config);
    config->servers = ARENA_ARRAY(&cli->arena, ServerConfig, CLI_SERVERS_MAX);
    status = toml_text_read(text, &cli->arena, &config->toml, &error);
    if (status != STATUS_OK) {
        (void)cli_fail_error(cli, &error);
    } else {
        status = read_sections(cli, config);
    }
    if (status != STATUS_OK) return cli_wrap(cli, status, "config file %s is invalid", path);
    cli->config = config;
    return STATUS_OK;
}

// Even where it cannot be written the command runs, with these settings.
static Status create_file(Cli *cli, Bytes *ret_text) {
    const char *path = cli->paths.config_file;
    *ret_text = bytes_of_text(INITIAL_CONFIG);
    Error error;
    (void)fprintf(stderr, "Saving config to %s.\n", path);
    Status status = cli->os->directory_create(cli->os, parent_directory(cli, path), &error);
    if (status == STATUS_OK) status = os_file_replace(cli->os, path, *ret_text, &error);
    if (status != STATUS_OK) {
        (void)fprintf(stderr, "Could not save config file: %s\n", error.text);
    }
    return STATUS_OK;
}

static const char *parent_directory(Cli *cli, const char *path) {
    const char *slash = strrchr(path, '/');
    if (slash == NULL) return ".";
    if (slash == path) return "/";
    return arena_copy_text(&cli->arena, bytes_of(path, (size_t)(slash - path)));
}

static Status read_sections(Cli *cli, Config *config) {
    const TomlText *toml = &config->toml;
    Section root = {ROOT_KEYS, config, 0, section_end(toml, 0)};
    Status status = read_section(cli, config, &root);
    for (uint32_t at = root.to; at < toml->count && status == STATUS_OK;) {
        uint32_t end = section_end(toml, at + 1);
        const TomlItem *header = &toml->items[at];
        if (bytes_equal_text(header->key, "server_configs") && !is_server_header(header)) {
            return cli_fail(cli, STATUS_INVALID,
                            "Config error: The option `server_configs` is not a `table array`, "
                            "found: `table: %.*s`",
                            BYTES_FORMAT(header->key));
        }
        if (is_server_header(header)) {
            if (config->server_count == CLI_SERVERS_MAX) {
                return cli_fail(cli, STATUS_LIMIT, "more than %u servers", CLI_SERVERS_MAX);
            }
            ServerConfig *server = &config->servers[config->server_count++];
            *server = (ServerConfig){.item = at};
            Section section = {SERVER_KEYS, server, at + 1, end};
            status = read_section(cli, config, &section);
        }
        at = end;
    }
    return status;
}

static Status read_section(Cli *cli, Config *config, const Section *section) {
    for (uint32_t i = section->from; i < section->to; i++) {
        const TomlItem *item = &config->toml.items[i];
        if (item->kind != TOML_ITEM_KEY) continue;
        bool is_list = section->keys == ROOT_KEYS && bytes_equal_text(item->key, "server_configs");
        const ConfigKey *key = find_key(section, item->key);
        if (key == NULL && !is_list) continue;
        Bytes text = BYTES_NONE;
        if (is_list || !toml_text_string(item->value, &cli->arena, &text)) {
            return cli_fail(cli, STATUS_INVALID,
                            "Config error: The option `%.*s` is not a `%s`, found: `%s: %.*s`",
                            BYTES_FORMAT(item->key), is_list ? "table array" : "string",
                            toml_text_kind(item->value), BYTES_FORMAT(item->value));
        }
        *value_of(section, key) = arena_copy_text(&cli->arena, text);
    }
    for (size_t i = 0; i < SERVER_KEY_COUNT; i++) {
        const ConfigKey *key = &section->keys[i];
        if (key->is_required && *value_of(section, key) == NULL) {
            return cli_fail(cli, STATUS_INVALID, "Config error: The option `%s` not found",
                            key->name);
        }
    }
    return STATUS_OK;
}

static const ConfigKey *find_key(const Section *section, Bytes name) {
    for (size_t i = 0; i < SERVER_KEY_COUNT; i++) {
        if (bytes_equal_text(name, section->keys[i].name)) return &section->keys[i];
    }
    return NULL;
}

static const char **value_of(const Section *section, const ConfigKey *key) {
    return (const char **)(void *)((char *)section->values + key->offset);
}

// Index of the first header at or behind `from`, or the count.
static uint32_t section_end(const TomlText *toml, uint32_t from) {
    while (from < toml->count && toml->items[from].kind != TOML_ITEM_TABLE &&
           toml->items[from].kind != TOML_ITEM_TABLES) {
        from++;
    }
    return from;
}

static bool is_server_header(const TomlItem *item) {
    return item->kind == TOML_ITEM_TABLES && bytes_equal_text(item->key, "server_configs");
}

// ---- writing ----

void config_save(Cli *cli) {
    (void)fprintf(stderr, "Saving config to %s.\n", cli->paths.config_file);
    Buffer buffer;
    buffer_init(&buffer, CLI_CONFIG_BYTES_MAX);
    write_config(cli->config, &buffer);
    Error error = {STATUS_LIMIT, "it would be too long"};
    Status status = STATUS_LIMIT;
    if (!buffer.failed) {
        status = os_file_replace(cli->os, cli->paths.config_file, buffer_bytes(&buffer), &error);
    }
    if (status != STATUS_OK) {
        (void)fprintf(stderr, "Could not save config file: %s\n", error.text);
    }
    buffer_done(&buffer);
}

static void write_config(Config *config, Buffer *buffer) {
    const TomlText *toml = &config->toml;
    Section root = {ROOT_KEYS, config, 0, section_end(toml, 0)};
    write_section(buffer, toml, &root);
    for (uint32_t at = root.to; at < toml->count;) {
        uint32_t end = section_end(toml, at + 1);
        Section section = {NULL, NULL, at + 1, end};
        bool is_kept = !is_server_header(&toml->items[at]);
        for (uint32_t i = 0; i < config->server_count; i++) {
            if (config->servers[i].item != at) continue;
            section.keys = SERVER_KEYS;
            section.values = &config->servers[i];
            is_kept = true;
        }
        if (is_kept) {
            buffer_append_bytes(buffer, toml->items[at].text);
            write_section(buffer, toml, &section);
        }
        at = end;
    }
    for (uint32_t i = 0; i < config->server_count; i++) {
        if (config->servers[i].item != SERVER_ITEM_NEW) continue;
        Section section = {SERVER_KEYS, &config->servers[i], 0, 0};
        end_line(buffer);
        bool has_blank = buffer->count < 2 || buffer->data[buffer->count - 2] == '\n';
        if (buffer->count > 0 && !has_blank) buffer_u8(buffer, '\n');
        buffer_append_text(buffer, "[[server_configs]]\n");
        write_missing(buffer, toml, &section);
    }
}

static void write_section(Buffer *buffer, const TomlText *toml, const Section *section) {
    uint32_t behind_keys = section->from;
    for (uint32_t i = section->from; i < section->to; i++) {
        if (toml->items[i].kind == TOML_ITEM_KEY) behind_keys = i + 1;
    }
    for (uint32_t i = section->from; i <= section->to; i++) {
        if (i == behind_keys && section->keys != NULL) write_missing(buffer, toml, section);
        if (i == section->to) break;
        const TomlItem *item = &toml->items[i];
        const ConfigKey *key = NULL;
        if (item->kind == TOML_ITEM_KEY && section->keys != NULL)
            key = find_key(section, item->key);
        if (key == NULL) {
            buffer_append_bytes(buffer, item->text);
        } else if (*value_of(section, key) != NULL) {
            write_key(buffer, item, *value_of(section, key));
        }
    }
}

// The keys that have a value but no item.
static void write_missing(Buffer *buffer, const TomlText *toml, const Section *section) {
    bool wrote = false;
    for (size_t k = 0; k < SERVER_KEY_COUNT; k++) {
        const ConfigKey *key = &section->keys[k];
        bool is_there = *value_of(section, key) == NULL;
        for (uint32_t i = section->from; i < section->to; i++) {
            const TomlItem *item = &toml->items[i];
            if (item->kind == TOML_ITEM_KEY && bytes_equal_text(item->key, key->name)) {
                is_there = true;
            }
        }
        if (is_there) continue;
        end_line(buffer);
        buffer_append_format(buffer, "%s = ", key->name);
        toml_text_write_string(buffer, bytes_of_text(*value_of(section, key)));
        buffer_u8(buffer, '\n');
        wrote = true;
    }
    // A blank line between keys at the very top and the first table.
    if (wrote && section->from == section->to && section->to < toml->count &&
        section->keys == ROOT_KEYS) {
        buffer_u8(buffer, '\n');
    }
}

// The item with another value, everything around it as it was.
static void write_key(Buffer *buffer, const TomlItem *item, const char *value) {
    uint32_t before = (uint32_t)(item->value.data - item->text.data);
    uint32_t behind = before + item->value.count;
    buffer_append_bytes(buffer, bytes_slice(item->text, 0, before));
    Arena arena;
    arena_init(&arena, 2 * CLI_CONFIG_BYTES_MAX);
    Bytes old = BYTES_NONE;
    bool same = toml_text_string(item->value, &arena, &old) && bytes_equal_text(old, value);
    arena_done(&arena);
    if (same) {
        buffer_append_bytes(buffer, item->value);
    } else {
        toml_text_write_string(buffer, bytes_of_text(value));
    }
    buffer_append_bytes(buffer, bytes_slice(item->text, behind, item->text.count - behind));
}

static void end_line(Buffer *buffer) {
    if (buffer->count > 0 && buffer->data[buffer->count - 1] != '\n') buffer_u8(buffer, '\n');
}

// ---- servers ----

ServerConfig *config_find_server(Config *config, const char *name) {
    for (uint32_t i = 0; i < config->server_count; i++) {
        const char *nickname = config->servers[i].nickname;
        if (nickname != NULL && strcmp(nickname, name) == 0) return &config->servers[i];
    }
    for (uint32_t i = 0; i < config->server_count; i++) {
        if (strcmp(config->servers[i].host, name) == 0) return &config->servers[i];
    }
    return NULL;
}

Status config_add_server(Cli *cli, const ServerConfig *server) {
    Config *config = cli->config;
    for (uint32_t i = 0; i < config->server_count; i++) {
        const ServerConfig *other = &config->servers[i];
        if (server->nickname != NULL && other->nickname != NULL &&
            strcmp(server->nickname, other->nickname) == 0) {
            return cli_fail(cli, STATUS_CONFLICT, "Server nickname %s already in use: %s://%s",
                            server->nickname, other->protocol, other->host);
        }
        if (strcmp(server->host, other->host) == 0) {
            return cli_fail(cli, STATUS_CONFLICT, "Server already configured for host: %s",
                            server->host);
        }
    }
    if (config->server_count == CLI_SERVERS_MAX) {
        return cli_fail(cli, STATUS_LIMIT, "There are %u servers already. Remove one first.",
                        CLI_SERVERS_MAX);
    }
    config->servers[config->server_count] = *server;
    config->servers[config->server_count++].item = SERVER_ITEM_NEW;
    return STATUS_OK;
}

void config_remove_server(Config *config, ServerConfig *server) {
    uint32_t index = (uint32_t)(server - config->servers);
    ASSERT(index < config->server_count);
    config->server_count--;
    memmove(server, server + 1, (config->server_count - index) * sizeof *server);
}

Status config_server_url(Cli *cli, const char *server, const char **ret_url) {
    Config *config = cli->config;
    const char *protocol = NULL;
    const char *host = NULL;
    if (server != NULL && url_split(cli, server, &protocol, &host)) {
        Status status = url_check_protocol(cli, protocol);
        if (status == STATUS_OK) *ret_url = cli_text(cli, "%s://%s", protocol, host);
        return status;
    }
    const char *name = server == NULL ? config->default_server : server;
    if (name == NULL) {
        (void)cli_fail(cli, STATUS_NOT_FOUND,
                       "No default server configuration.\nSet an existing server as the default "
                       "with:\n\tspacetime server set-default <server>\nOr add a new server which "
                       "will become the default:\n\tspacetime server add {server} --url <url> "
                       "--default");
        return cli_wrap(cli, STATUS_NOT_FOUND, "Cannot find protocol for default server");
    }
    const ServerConfig *found = config_find_server(config, name);
    if (found != NULL) {
        *ret_url = cli_text(cli, "%s://%s", found->protocol, found->host);
        return STATUS_OK;
    }
    Status status = cli_fail(cli, STATUS_NOT_FOUND,
                             "No such saved server configuration: %s\nAdd a new server "
                             "configuration with:\n\tspacetime server add %s --url <url>",
                             name, name);
    if (server != NULL) return status;
    (void)cli_wrap(cli, status, "Default server does not refer to a saved server configuration: %s",
                   name);
    return cli_wrap(cli, status, "Cannot find protocol for default server");
}

bool url_split(Cli *cli, const char *url, const char **ret_protocol, const char **ret_host) {
    const char *first = strstr(url, "://");
    if (first == NULL) return false;
    const char *host = first;
    for (const char *next = first; next != NULL; next = strstr(next + 3, "://")) host = next + 3;
    size_t count = strlen(host);
    while (count > 0 && host[count - 1] == '/') count--;
    *ret_protocol = arena_copy_text(&cli->arena, bytes_of(url, (size_t)(first - url)));
    *ret_host = arena_copy_text(&cli->arena, bytes_of(host, count));
    return true;
}

Status url_check_protocol(Cli *cli, const char *protocol) {
    if (strcmp(protocol, "http") == 0 || strcmp(protocol, "https") == 0) return STATUS_OK;
    return cli_fail(cli, STATUS_INVALID, "Invalid protocol: %s. Use http or https.", protocol);
}
