// start.c - `spacetime start`: the server, in this process (spec: cli.md 8.18, http-api.md 10.1).

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "cli/command.h"
#include "server/server.h"

#define ARENA_BYTES_MAX (1u << 20)

typedef enum FlagKind {
    FLAG_TEXT,    // takes a value
    FLAG_SWITCH,  // takes none
} FlagKind;

typedef struct Flag {
    const char *name;
    const char *letter;  // NULL: none
    FlagKind kind;
    size_t offset;      // in Arguments
    const char *about;  // NULL: hidden
} Flag;

typedef struct Arguments {
    const char *data_dir;
    const char *listen_addr;
    const char *key_dir;
    const char *public_key_path;
    const char *private_key_path;
    const char *page_pool_size;
    const char *pg_port;
    const char *edition;
    bool in_memory;
    bool non_interactive;
    bool tracy;
    bool help;
} Arguments;

static const Flag FLAGS[] = {
    {"--listen-addr", "-l", FLAG_TEXT, offsetof(Arguments, listen_addr),
     "HOST:PORT to listen on; port 0 takes a free one [default: 0.0.0.0:3000]"},
    {"--data-dir", NULL, FLAG_TEXT, offsetof(Arguments, data_dir),
     "where databases live; created if missing"},
    {"--in-memory", NULL, FLAG_SWITCH, offsetof(Arguments, in_memory),
     "keep the content of databases in memory only"},
    {"--jwt-pub-key-path", NULL, FLAG_TEXT, offsetof(Arguments, public_key_path),
     "public key that verifies tokens"},
    {"--jwt-priv-key-path", NULL, FLAG_TEXT, offsetof(Arguments, private_key_path),
     "private key that signs tokens"},
    {"--jwt-key-dir", NULL, FLAG_TEXT, offsetof(Arguments, key_dir), NULL},
    {"--page_pool_max_size", NULL, FLAG_TEXT, offsetof(Arguments, page_pool_size), NULL},
    {"--pg-port", NULL, FLAG_TEXT, offsetof(Arguments, pg_port), NULL},
    {"--edition", NULL, FLAG_TEXT, offsetof(Arguments, edition), NULL},
    {"--non-interactive", NULL, FLAG_SWITCH, offsetof(Arguments, non_interactive),
     "never ask; fail if the port is taken"},
    {"--enable-tracy", NULL, FLAG_SWITCH, offsetof(Arguments, tracy), NULL},
    {"--help", "-h", FLAG_SWITCH, offsetof(Arguments, help), "print this"},
};
#define FLAG_COUNT (sizeof FLAGS / sizeof FLAGS[0])

static bool read_arguments(int argc, char **argv, Arguments *arguments);
static const Flag *find_flag(const char *text, const char **ret_value);
static void print_help(void);
static const char *home_path(const char *variable, const char *in_home, const char *rest,
                             Arena *arena);
static const char *given_variable(const char *name);

int command_start(int argc, char **argv) {
    Arguments arguments = {.listen_addr = "0.0.0.0:3000"};
    if (!read_arguments(argc, argv, &arguments)) return 2;
    if (arguments.help) {
        print_help();
        return 0;
    }
    if (arguments.pg_port) {
        (void)fprintf(stderr, "error: --pg-port: the PostgreSQL front end is not there yet\n");
        return 2;
    }
    if (arguments.edition && strcmp(arguments.edition, "standalone") != 0) {
        (void)fprintf(stderr, "error: --edition: only `standalone` is there\n");
        return 2;
    }
    Arena arena;
    arena_init(&arena, ARENA_BYTES_MAX);
    if (arguments.data_dir == NULL) {
        arguments.data_dir = home_path("XDG_DATA_HOME", ".local/share", "spacetime/data", &arena);
    }
    if (arguments.key_dir == NULL) {
        arguments.key_dir = home_path("XDG_CONFIG_HOME", ".config", "spacetime", &arena);
    }
    const ServerOptions options = {
        .data_dir = arguments.data_dir,
        .listen_address = arguments.listen_addr,
        .key_dir = arguments.key_dir,
        .private_key_path = arguments.private_key_path,
        .public_key_path = arguments.public_key_path,
        .publish_issuer = given_variable("TEMP_SPACETIMEAUTH_ISSUER_REQUIRED_TO_PUBLISH"),
        .in_memory = arguments.in_memory,
        .without_log_file = given_variable("SPACETIMEDB_DISABLE_DISK_LOGGING") != NULL,
    };
    int exit_status = 0;
    Error error;
    if (options.data_dir == NULL || options.key_dir == NULL) {
        (void)fprintf(stderr, "error: HOME is not set; give --data-dir and --jwt-key-dir\n");
        exit_status = 1;
    } else if (server_run(&options, &error) != STATUS_OK) {
        (void)fprintf(stderr, "error: %s\n", error.text);
        exit_status = 1;
    }
    arena_done(&arena);
    return exit_status;
}

// The last one of a repeated flag wins.
static bool read_arguments(int argc, char **argv, Arguments *arguments) {
    for (int i = 1; i < argc; i++) {
        const char *value = NULL;
        const Flag *flag = find_flag(argv[i], &value);
        if (flag == NULL) {
            (void)fprintf(stderr, "error: unexpected argument '%s' found\n", argv[i]);
            return false;
        }
        void *place = (char *)arguments + flag->offset;
        if (flag->kind == FLAG_SWITCH) {
            if (value) {
                (void)fprintf(stderr, "error: '%s' takes no value\n", flag->name);
                return false;
            }
            *(bool *)place = true;
            continue;
        }
        if (value == NULL && i + 1 < argc) value = argv[++i];
        if (value == NULL) {
            (void)fprintf(stderr, "error: a value is required for '%s' but none was supplied\n",
                          flag->name);
            return false;
        }
        *(const char **)place = value;
    }
    return true;
}

// "--name", "--name=value", "-n". ret_value: what stands behind '=', or NULL.
static const Flag *find_flag(const char *text, const char **ret_value) {
    for (size_t i = 0; i < FLAG_COUNT; i++) {
        const Flag *flag = &FLAGS[i];
        size_t count = strlen(flag->name);
        if (flag->letter && strcmp(text, flag->letter) == 0) return flag;
        if (strncmp(text, flag->name, count) != 0) continue;
        if (text[count] != 0 && text[count] != '=') continue;
        if (text[count] == '=') *ret_value = text + count + 1;
        return flag;
    }
    return NULL;
}

static void print_help(void) {
    (void)printf("Start a local SpacetimeDB instance\n\nUsage: spacetime start [OPTIONS]\n\n"
                 "Options:\n");
    for (size_t i = 0; i < FLAG_COUNT; i++) {
        const Flag *flag = &FLAGS[i];
        if (flag->about == NULL) continue;
        (void)printf("  %-3s %-22s %s\n", flag->letter ? flag->letter : "", flag->name,
                     flag->about);
    }
}

// $VARIABLE/rest, or ~/in_home/rest; NULL if neither is known.
static const char *home_path(const char *variable, const char *in_home, const char *rest,
                             Arena *arena) {
    const char *base = given_variable(variable);
    if (base) return (const char *)arena_format(arena, "%s/%s", base, rest).data;
    const char *home = given_variable("HOME");
    if (home == NULL) return NULL;
    return (const char *)arena_format(arena, "%s/%s/%s", home, in_home, rest).data;
}

static const char *given_variable(const char *name) {
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}
